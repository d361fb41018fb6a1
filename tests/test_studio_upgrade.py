"""Upgrades: studios as earlier versions left them (tools/old_studios.py) are opened, and nothing is missing."""

import gzip
import hashlib
import json
import os
import signal
import sqlite3
import subprocess
import sys
import zipfile
from contextlib import closing
from pathlib import Path

import pytest

from feedsmith.studio import schema
from feedsmith.studio.settings import Config
from studio_server import Server
from test_studio_postgres import postgres  # noqa: F401 - a fixture

OLD = Path(__file__).parent / "fixtures" / "studios"
VERSIONS = sorted(path.stem for path in OLD.glob("*.zip"))
LATER = {"studio_brand", "django_migrations", "django_session"}
"""Tables that opening a studio writes to by itself."""

Rows = dict[str, list[dict[str, object]]]


def studio(version: str, place: Path) -> Path:
    with zipfile.ZipFile(OLD / f"{version}.zip") as archive:
        archive.extractall(place)
    (place / "studio" / "secret.key").chmod(0o600)
    return place


def feedsmith(*words: str, **more: str) -> subprocess.CompletedProcess[str]:
    bare = {k: v for k, v in os.environ.items() if k != "FEEDSMITH_DATABASE_URL"}
    return subprocess.run(
        [sys.executable, "-m", "feedsmith", *words], env=bare | more, capture_output=True, text=True
    )


def opened(home: Path, **more: str) -> subprocess.CompletedProcess[str]:
    """The least that opens a studio's database."""
    return feedsmith("studio", "token", "list", str(home), **more)


def rows(file: Path) -> Rows:
    """All of it, by table; JSON as what it means, as a table that is made anew writes it anew."""
    with closing(sqlite3.connect(file)) as database:
        database.row_factory = sqlite3.Row
        tables = database.execute(
            "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
        ).fetchall()
        return {
            name: [dict(row) for row in database.execute(f"SELECT * FROM {name} ORDER BY 1")]
            for (name,) in tables
        }


def missing(before: Rows, after: Rows) -> list[str]:
    """What was there before and is not any more, or is not the same."""
    lost = []
    for table, old in before.items():
        if table in LATER:
            continue
        new = {row["id"]: row for row in after.get(table, ()) if "id" in row}
        for row in old:
            now = new.get(row["id"], {})
            lost += [
                f"{table} {row['id']} {name}" for name in row if now.get(name, "?") != row[name]
            ]
    return lost


def test_there_is_a_studio_of_each_earlier_schema() -> None:
    assert [name[:4] for name in VERSIONS] == ["0001", "0002", "0003", "0004"]
    for version in VERSIONS:
        with zipfile.ZipFile(OLD / f"{version}.zip") as archive:
            assert archive.testzip() is None


@pytest.mark.parametrize("version", VERSIONS)
def test_nothing_is_missing_after_an_upgrade_and_a_copy_of_before_is_kept(
    version: str, tmp_path: Path
) -> None:
    home = studio(version, tmp_path / "oak")
    before = rows(home / "studio.db")
    assert len(before["studio_draft"]) == 12
    assert len(before["studio_revision"]) == 20
    told = opened(home)
    assert told.returncode == 0, told.stderr
    assert "calendar" in told.stdout
    after = rows(home / "studio.db")
    assert missing(before, after) == []
    applied = {row["name"] for row in after["django_migrations"] if row["app"] == "studio"}
    assert applied == schema.known()
    (copy,) = (home / "studio" / "before-upgrades").iterdir()
    assert copy.name.endswith(f"-{version}.db")
    assert copy.stat().st_mode & 0o077 == 0
    assert rows(copy) == before
    # The next start has nothing to do, and copies nothing.
    assert opened(home).returncode == 0
    assert len(list(copy.parent.iterdir())) == 1


@pytest.mark.parametrize("version", [VERSIONS[0], VERSIONS[-1]])
def test_people_find_their_posts_in_the_upgraded_studio(version: str, tmp_path: Path) -> None:
    home = studio(version, tmp_path / "oak")
    server = Server(home)
    try:
        server.sign_in()
        status, page = server.get("/b/oak-co/posts")
        assert status == 200
        assert page.count('data-id="') == 12
        assert "Edited: Post 1 of the oaks — größer" in server.get("/b/oak-co/posts/1")[1]
        for place in ("calendar?on=2036-01-01", "people", "activity", "webhooks", "review-links"):
            assert server.get(f"/b/oak-co/{place}")[0] == 200
        assert server.get("/readyz") == (200, "ok\n")
    finally:
        assert server.close() == 0


def test_a_newer_database_is_refused_in_one_sentence_and_left_untouched(tmp_path: Path) -> None:
    home = studio(VERSIONS[-1], tmp_path / "oak")
    with closing(sqlite3.connect(home / "studio.db", isolation_level=None)) as database:
        database.execute("PRAGMA journal_mode=DELETE")
        database.execute(
            "INSERT INTO django_migrations (app, name, applied) VALUES ('studio', '9999_later', '2030-01-01')"
        )
    before = hashlib.sha256((home / "studio.db").read_bytes()).hexdigest()
    for words in (("studio", str(home), "--port", "0"), ("studio", "token", "list", str(home))):
        told = feedsmith(*words)
        assert told.returncode == 1
        said = " ".join(told.stderr.split())
        assert "written by a newer Feedsmith" in said
        assert "pip install --upgrade feedsmith" in said
        assert "Traceback" not in said
    assert hashlib.sha256((home / "studio.db").read_bytes()).hexdigest() == before
    assert not (home / "studio" / "before-upgrades").exists()


KILLED = """
import os, signal, sys
from pathlib import Path
from feedsmith.studio.settings import Config, set_up
from feedsmith.studio.start import open_database
config, at = Config(home=Path(sys.argv[1])), int(sys.argv[2])
set_up(config)
from django.db import connection
count = 0
def watch(execute, sql, params, many, context):
    global count
    if sql.lstrip().upper().startswith(("CREATE", "ALTER", "DROP", "INSERT", "UPDATE")):
        count += 1
        if count == at:
            os.kill(os.getpid(), signal.SIGKILL)
    return execute(sql, params, many, context)
with connection.execute_wrapper(watch):
    open_database(config)
print(count)
"""
"""Opens a studio, and kills itself before the statement of this number that changes something."""


@pytest.fixture(scope="module")
def statements(tmp_path_factory: pytest.TempPathFactory) -> int:
    """How many there are from the first version on."""
    home = studio(VERSIONS[0], tmp_path_factory.mktemp("counted") / "oak")
    told = subprocess.run(
        [sys.executable, "-c", KILLED, str(home), "0"], capture_output=True, text=True, check=True
    )
    return int(told.stdout)


@pytest.mark.parametrize("part", [0.15, 0.5, 0.85])
def test_killed_in_the_middle_it_loses_nothing_and_goes_on(
    part: float, statements: int, tmp_path: Path
) -> None:
    assert statements > 10
    home = studio(VERSIONS[0], tmp_path / "oak")
    before = rows(home / "studio.db")
    told = subprocess.run([sys.executable, "-c", KILLED, str(home), str(int(part * statements))])
    assert told.returncode == -signal.SIGKILL
    with closing(sqlite3.connect(home / "studio.db")) as database:
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    assert schema.compared(schema.applied_to(home / "studio.db"))[0]  # it was not done yet
    told = opened(home)
    assert told.returncode == 0, told.stderr
    after = rows(home / "studio.db")
    assert missing(before, after) == []
    copies = sorted((home / "studio" / "before-upgrades").iterdir())
    assert rows(copies[0]) == before
    assert not [path for path in copies if path.suffix == ".part"]


def test_several_that_start_at_once_upgrade_it_once(tmp_path: Path) -> None:
    home = studio(VERSIONS[0], tmp_path / "oak")
    before = rows(home / "studio.db")
    words = [sys.executable, "-m", "feedsmith", "studio", "token", "list", str(home)]
    bare = {k: v for k, v in os.environ.items() if k != "FEEDSMITH_DATABASE_URL"}
    running = [
        subprocess.Popen(words, env=bare, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        for _ in range(3)
    ]
    for process in running:
        _, said = process.communicate()
        assert process.returncode == 0, said
    assert missing(before, rows(home / "studio.db")) == []
    assert len(list((home / "studio" / "before-upgrades").iterdir())) == 1


def test_a_way_back_is_the_copy_in_the_place_of_the_database(tmp_path: Path) -> None:
    """As docs/operate.md says it."""
    home = studio(VERSIONS[-1], tmp_path / "oak")
    before = rows(home / "studio.db")
    assert opened(home).returncode == 0
    (copy,) = (home / "studio" / "before-upgrades").iterdir()
    for end in ("-wal", "-shm"):
        (home / f"studio.db{end}").unlink(missing_ok=True)
    (home / "studio.db").write_bytes(copy.read_bytes())
    assert rows(home / "studio.db") == before
    assert opened(home).returncode == 0  # and forward again
    assert missing(before, rows(home / "studio.db")) == []


def test_a_backup_of_an_earlier_version_comes_back_and_is_upgraded(tmp_path: Path) -> None:
    """The drill: an old studio, its backup, a new machine with a newer program."""
    from feedsmith.studio.backup import backup
    from feedsmith.studio.settings import Config

    home = studio(VERSIONS[0], tmp_path / "oak")
    before = rows(home / "studio.db")
    backup(Config(home=home), tmp_path / "old.zip")
    back = tmp_path / "elsewhere"
    told = feedsmith("restore", str(tmp_path / "old.zip"), str(back))
    assert told.returncode == 0, told.stderr
    assert opened(back).returncode == 0
    assert missing(before, rows(back / "studio.db")) == []


# ---- PostgreSQL ------------------------------------------------------------------------------------

AS_IT_WAS = """
import sqlite3, sys
from pathlib import Path
import os
from feedsmith.studio.settings import Config, set_up
home, version = Path(sys.argv[1]), sys.argv[2]
set_up(Config(home=home, database_url=os.environ["FEEDSMITH_DATABASE_URL"]))
from django.core.management import call_command
from django.db import connection
call_command("migrate", "studio", version, verbosity=0)
call_command("migrate", "sessions", verbosity=0)
with sqlite3.connect(home / "studio.db") as old, connection.cursor() as cursor:
    cursor.execute("SET session_replication_role = replica")
    for (table,) in old.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND name LIKE 'studio_%'"):
        rows = old.execute(f"SELECT * FROM {table}")
        names = ", ".join(f'"{column[0]}"' for column in rows.description)
        for row in rows:
            places = ", ".join(["%s"] * len(row))
            values = [None if value is None else str(value) for value in row]
            cursor.execute(f"INSERT INTO {table} ({names}) VALUES ({places})", values)
    cursor.execute("SET session_replication_role = origin")
"""
"""The same rows in PostgreSQL, as the earlier version's tables hold them."""


@pytest.fixture
def database(postgres: str, request: pytest.FixtureRequest) -> str:  # noqa: F811
    import psycopg

    name = f"upgrade_{abs(hash(request.node.name)) % 10**8}"
    with psycopg.connect(postgres, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    return postgres.removesuffix("studio") + name


def held(database: str) -> Rows:
    import psycopg
    from psycopg.rows import dict_row

    with psycopg.connect(database, row_factory=dict_row) as connection:
        tables = connection.execute(
            "SELECT table_name AS t FROM information_schema.tables WHERE table_name LIKE 'studio_%'"
        ).fetchall()
        return {
            table["t"]: connection.execute(f"SELECT * FROM {table['t']} ORDER BY id").fetchall()
            for table in tables
        }


@pytest.mark.parametrize("version", VERSIONS)
def test_on_postgresql_nothing_is_missing_either(
    version: str, database: str, tmp_path: Path
) -> None:
    home = studio(version, tmp_path / "oak")
    more = {"FEEDSMITH_DATABASE_URL": database}
    subprocess.run(
        [sys.executable, "-c", AS_IT_WAS, str(home), version], env=os.environ | more, check=True
    )
    (home / "studio.db").unlink()
    before = held(database)
    assert len(before["studio_draft"]) == 12
    told = opened(home, **more)
    assert told.returncode == 0, told.stderr
    assert missing(before, held(database)) == []
    (copy,) = (home / "studio" / "before-upgrades").iterdir()
    with gzip.open(copy, "rt", encoding="utf-8") as stream:
        lines = [json.loads(line) for line in stream]
    for table, old in before.items():
        kept = [line["row"] for line in lines if line["table"] == table]
        assert sorted(row["id"] for row in kept) == [row["id"] for row in old]
        assert {name for row in kept for name in row} == {name for row in old for name in row}


def test_on_postgresql_a_newer_database_is_refused_too(database: str, tmp_path: Path) -> None:
    import psycopg

    home = studio(VERSIONS[-1], tmp_path / "oak")
    (home / "studio.db").unlink()
    more = {"FEEDSMITH_DATABASE_URL": database}
    assert opened(home, **more).returncode == 0
    with psycopg.connect(database) as connection:
        connection.execute(
            "INSERT INTO django_migrations (app, name, applied) VALUES ('studio', '9999_later', now())"
        )
    before = held(database)
    told = opened(home, **more)
    assert told.returncode == 1
    assert "written by a newer Feedsmith" in " ".join(told.stderr.split())
    assert held(database) == before
    doctored = feedsmith("doctor", str(home), "--json", **more)
    assert doctored.returncode == 1
    assert "newer Feedsmith (9999_later)" in doctored.stdout


def test_a_server_of_the_version_before_that_is_still_open_makes_posts(tmp_path: Path) -> None:
    """It knows nothing of newer columns, so the database must. (Of 0004: what is older had no such care.)"""
    home = studio(VERSIONS[-1], tmp_path)
    before = columns(home / "studio.db")
    assert opened(home).returncode == 0
    after = columns(home / "studio.db")
    without = {
        f"{table}.{name}"
        for table in before.keys() & after.keys()
        for name, may_be_left_out in after[table].items()
        if name not in before[table] and not may_be_left_out
    }
    assert without == set()
    with closing(sqlite3.connect(home / "studio.db")) as database:
        known = ", ".join(before["studio_draft"].keys() - {"id", "folder"})
        database.execute(
            f"INSERT INTO studio_draft ({known}, folder) SELECT {known}, 'new' FROM studio_draft LIMIT 1"
        )
        told = database.execute(
            "SELECT asks, collaborators, location FROM studio_draft WHERE folder = 'new'"
        ).fetchone()
    assert told == ("", "[]", "")


def columns(file: Path) -> dict[str, dict[str, bool]]:
    """Table -> column -> whether a row may be written without it."""
    with closing(sqlite3.connect(file)) as database:
        tables = database.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
        return {
            table: {
                name: not needed or default is not None or bool(key)
                for _, name, _, needed, default, key in database.execute(
                    f"PRAGMA table_info({table})"
                )
            }
            for (table,) in tables
        }


@pytest.mark.parametrize("module", ["worker", "worker.publisher"])
def test_an_old_server_starts_workers_of_the_new_version(module: str, tmp_path: Path) -> None:
    """That were installed under it, as its own start: it names no descriptor for events."""
    home = studio(VERSIONS[-1], tmp_path)
    assert opened(home).returncode == 0
    told = subprocess.Popen(
        [sys.executable, "-m", f"feedsmith.studio.{module}", "w1"], stdin=subprocess.PIPE,
        stderr=subprocess.PIPE, env=os.environ | Config(home=home, idle_seconds=0.1).as_environment(),
    )  # fmt: skip
    assert told.wait(60) == 0, told.communicate()
    told.communicate()
