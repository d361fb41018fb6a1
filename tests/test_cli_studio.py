"""`feedsmith studio` on the command line."""

import subprocess
import sys
from pathlib import Path

import pytest

from feedsmith.brand import Brand, Home
from feedsmith.errors import FeedsmithError


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


def test_settings_come_by_the_environment_too_and_several_have_blanks_between(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from typer.testing import CliRunner

    from feedsmith.cli import app

    Home(tmp_path).create(Brand(name="Oak"))
    secret = tmp_path / "database"
    secret.write_text("postgresql://oak@nowhere/oak\n")
    seen: dict[str, object] = {}
    monkeypatch.setattr(
        "feedsmith.studio.start.open_studio", lambda config, homes, **more: seen.update(c=config, **more)
    )  # fmt: skip
    told = CliRunner().invoke(app, ["studio", "open", str(tmp_path), "--jobs", "2"], env={
        "FEEDSMITH_HOST": "0.0.0.0", "FEEDSMITH_PORT": "9000", "FEEDSMITH_URL": "https://oak.example",
        "FEEDSMITH_PROXY": "10.0.0.0/8 172.16.0.0/12", "FEEDSMITH_MEMORY": "300", "FEEDSMITH_JOBS": "4",
        "FEEDSMITH_WORKERS": "0", "FEEDSMITH_IDLE": "5", "FEEDSMITH_WEBHOOKS_TO": "",
        "FEEDSMITH_OWNER_PASSWORD": "under the old oak", "FEEDSMITH_DATABASE_URL_FILE": str(secret),
    })  # fmt: skip
    assert told.exit_code == 0, told.output
    config = seen["c"]
    assert (config.host, config.port, config.url) == ("0.0.0.0", 9000, "https://oak.example")  # type: ignore[attr-defined]
    assert config.proxies == ("10.0.0.0/8", "172.16.0.0/12")  # type: ignore[attr-defined]
    assert (config.memory_cap, config.jobs_at_once, config.workers_here) == (300 << 20, 2, 0)  # type: ignore[attr-defined]
    assert config.database_url == "postgresql://oak@nowhere/oak"  # type: ignore[attr-defined]
    assert seen["password"] == "under the old oak"


@pytest.mark.parametrize(
    ("more", "starts"),
    [
        ({}, True),
        ({"FEEDSMITH_HOST": "localhost"}, True),
        ({"FEEDSMITH_HOST": "0.0.0.0"}, False),
        ({"FEEDSMITH_HOST": "::"}, False),
        ({"FEEDSMITH_URL": "https://oak.example"}, False),
        ({"FEEDSMITH_PROXY": "127.0.0.1"}, False),
        ({"FEEDSMITH_HOST": "0.0.0.0", "FEEDSMITH_METRICS_TOKEN": "hush"}, True),
    ],
)
def test_numbers_are_not_shown_to_strangers(
    more: dict[str, str], starts: bool, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from typer.testing import CliRunner

    from feedsmith.cli import app

    Home(tmp_path).create(Brand(name="Oak"))
    monkeypatch.setattr("feedsmith.studio.start.open_studio", lambda *_, **__: None)
    told = CliRunner().invoke(
        app, ["studio", "open", str(tmp_path)], env={"FEEDSMITH_METRICS": "1"} | more
    )
    assert (told.exception is None) == starts
    if not starts:
        assert isinstance(told.exception, FeedsmithError)
        assert "FEEDSMITH_METRICS_TOKEN" in str(told.exception.mend)


def test_the_owners_first_password_signs_in_and_no_link_is_printed(home: str) -> None:
    import http.client
    import os
    import re
    import signal
    from urllib.parse import urlencode

    from studio_server import until

    said = Path(home) / "said.txt"
    with said.open("wb") as out:
        server = subprocess.Popen(
            [sys.executable, "-m", "feedsmith", "studio", home, "--port", "0"],
            stdout=out, stderr=subprocess.STDOUT,
            env=os.environ | {"FEEDSMITH_OWNER": "ana", "FEEDSMITH_OWNER_PASSWORD": "under the old oak"},
        )  # fmt: skip
    try:
        until(lambda: "Sign in as ana" in said.read_text() or server.poll() is not None)
        assert "/sign-in/link/" not in said.read_text()
        found = re.search(r"open at http://(\S+)", said.read_text())
        assert found is not None
        door = http.client.HTTPConnection(found[1], timeout=60)
        door.request("GET", "/sign-in")
        answer = door.getresponse()
        token = re.search(r'csrfmiddlewaretoken" value="(\w+)"', answer.read().decode())
        assert token is not None
        form = {"name": "ana", "password": "under the old oak", "csrfmiddlewaretoken": token[1]}
        cookie = answer.headers["Set-Cookie"].partition(";")[0]
        kind = {"Cookie": cookie, "Content-Type": "application/x-www-form-urlencoded"}
        door.request("POST", "/sign-in", urlencode(form), kind)
        assert door.getresponse().status == 302
        door.close()
        server.send_signal(signal.SIGTERM)
        assert server.wait(60) == 0
        assert "The studio is closed." in said.read_text()
    finally:
        server.kill()
        server.wait()


def test_a_first_password_that_is_too_easy_is_refused_in_words(home: str) -> None:
    import os

    told = subprocess.run(
        [sys.executable, "-m", "feedsmith", "studio", home, "--port", "0"],
        env=os.environ | {"FEEDSMITH_OWNER_PASSWORD": "oak"}, capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert told.returncode == 1
    assert "the owner's first password is refused" in told.stderr.replace("\n", " ")
    assert "Traceback" not in told.stderr
