"""`feedsmith studio` on the command line."""

import subprocess
import sys
from pathlib import Path

import pytest

from feedsmith.brand import Brand, Home


def feedsmith(*words: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "feedsmith", *words], capture_output=True, text=True, timeout=120
    )


@pytest.fixture
def home(tmp_path: Path) -> str:
    Home(tmp_path / "oak").create(Brand(name="Oak"))
    return str(tmp_path / "oak")


def test_other_commands_do_not_wait_for_the_studio() -> None:
    asked = "import sys, feedsmith.cli; print({'django', 'uvicorn', 'ninja'} & set(sys.modules))"
    told = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True)
    assert told.stdout.strip() == "set()"


def test_the_server_does_not_load_what_makes_pictures(tmp_path: Path) -> None:
    asked = (
        "import sys; from pathlib import Path; from feedsmith.studio.settings import Config, set_up;"
        "set_up(Config(home=Path(sys.argv[1]))); import feedsmith.studio.urls, feedsmith.studio.serving;"
        "import feedsmith.studio.worker.supervisor;"
        "print({'numpy', 'onnxruntime', 'xllamacpp', 'typst', 'av'} & set(sys.modules))"
    )
    told = subprocess.run(
        [sys.executable, "-c", asked, str(tmp_path)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert told.stdout.strip() == "set()", told.stderr


def test_adding_a_person_prints_a_link_for_them(home: str) -> None:
    told = feedsmith("studio", "user", "add", "Ana Ruiz", home, "--role", "reviewer")
    assert told.returncode == 0
    assert "Ana Ruiz is a reviewer now." in told.stdout
    assert "/sign-in/link/" in told.stdout
    assert feedsmith("studio", "user", "link", "Ana Ruiz", home).returncode == 0


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("add", "ana", "HOME", "--role", "boss"), "is not a role"),
        (("add", "  ", "HOME"), "cannot be a name"),
        (("link", "nobody", "HOME"), "nobody is called nobody here"),
        (("add", "ana", "/nowhere/at/all"), "no brand here"),
    ],
)  # fmt: skip
def test_what_cannot_be_meant_is_said_in_words(
    home: str, words: tuple[str, ...], said: str
) -> None:
    told = feedsmith("studio", "user", *(home if word == "HOME" else word for word in words))
    assert told.returncode == 1
    assert said in " ".join(told.stderr.split())
    assert "Traceback" not in told.stderr


def test_a_newer_database_is_left_alone(home: str) -> None:
    import sqlite3
    from contextlib import closing

    feedsmith("studio", "user", "add", "ana", home)
    with closing(sqlite3.connect(Path(home) / "studio.db")) as database, database:
        database.execute(
            "INSERT INTO django_migrations (app, name, applied) VALUES ('studio', '9999_later', '2030-01-01')"
        )
    told = feedsmith("studio", "user", "add", "ben", home)
    assert told.returncode == 1
    assert "written by a newer Feedsmith" in " ".join(told.stderr.split())
