"""Checkup: what doctor says of a studio's home."""

import json
import os
import sqlite3
import subprocess
import sys
import zipfile
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from feedsmith.brand import Brand, Home
from feedsmith.studio import schema

OLD = Path(__file__).parent / "fixtures" / "studios"


def doctor(home: Path) -> tuple[int, dict[str, dict[str, Any]]]:
    """Its exit status, and the findings by name."""
    bare = {k: v for k, v in os.environ.items() if k != "FEEDSMITH_DATABASE_URL"}
    told = subprocess.run(
        [sys.executable, "-m", "feedsmith", "doctor", str(home), "--json"],
        capture_output=True, text=True, env=bare,
    )  # fmt: skip
    findings = json.loads(told.stdout)["findings"]
    return told.returncode, {finding["name"]: finding for finding in findings}


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A studio of an earlier version, closed."""
    with zipfile.ZipFile(OLD / "0004_publications.zip") as archive:
        archive.extractall(tmp_path / "oak")
    (tmp_path / "oak" / "studio" / "secret.key").chmod(0o600)
    return tmp_path / "oak"


def test_a_brand_without_a_studio_is_told_nothing_of_one(tmp_path: Path) -> None:
    Home(tmp_path).create(Brand(name="Oak"))
    status, told = doctor(tmp_path)
    assert status == 0
    assert "database" not in told


def test_a_studio_is_looked_at_and_not_changed(home: Path) -> None:
    before = (home / "studio.db").read_bytes()
    status, told = doctor(home)
    assert status == 0
    assert told["database"]["words"] == "SQLite, of an older Feedsmith (0004_publications)"
    assert told["database"]["level"] == "note"
    assert "GB free" in told["studio's disk"]["words"]
    assert told["key files"]["ok"]
    assert told["clock"]["ok"]
    assert told["time zone"]["words"].startswith("Europe/Berlin")
    assert (home / "studio.db").read_bytes() == before


def test_what_is_wrong_with_it_ends_with_status_1_and_its_mend(home: Path) -> None:
    with closing(sqlite3.connect(home / "studio.db", isolation_level=None)) as database:
        for name in schema.known():
            database.execute("DELETE FROM django_migrations WHERE name = ?", [name])
            database.execute(
                "INSERT INTO django_migrations (app, name, applied) VALUES ('studio', ?, '2030-01-01')",
                [name],
            )
    assert doctor(home)[1]["database"]["words"].startswith("SQLite, up to date (")
    with closing(sqlite3.connect(home / "studio.db", isolation_level=None)) as database:
        database.execute(
            "INSERT INTO django_migrations (app, name, applied) VALUES ('studio', '9999_x', '2030-01-01')"
        )
    (home / "studio" / "secret.key").chmod(0o644)
    os.utime(home / "studio.db", (4e9, 4e9))
    status, told = doctor(home)
    assert status == 1
    assert "newer Feedsmith (9999_x)" in told["database"]["words"]
    assert told["key files"]["mend"] == f"chmod 600 {home / 'studio' / 'secret.key'}"
    assert "the studio wrote at 2096" in told["clock"]["words"]
    assert not any(told[name]["ok"] for name in ("database", "key files", "clock"))


@pytest.mark.parametrize("cut", [100, 40_000])
def test_a_damaged_database_is_told(home: Path, cut: int) -> None:
    data = bytearray((home / "studio.db").read_bytes())
    data[cut : cut + 3000] = os.urandom(3000)
    (home / "studio.db").write_bytes(data)
    status, told = doctor(home)
    assert status == 1
    assert "studio.db" in told["database"]["words"]
    assert "restore" in told["database"]["mend"]
