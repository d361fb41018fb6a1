"""The same studio on PostgreSQL: the tests of its models again, on a server of their own."""

import contextlib
import os
import pwd
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from studio_server import until

TESTS = ("jobs", "drafts", "sign_in", "publishing", "figures", "metrics", "once")
"""Test modules that run again here."""


def _program(name: str) -> str | None:
    """A program of PostgreSQL; Debian keeps them off the path."""
    beside = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
    return str(beside[-1]) if beside else shutil.which(name)


def _answers(address: str) -> bool:
    import psycopg

    with contextlib.suppress(psycopg.OperationalError):
        psycopg.connect(address).close()
        return True
    return False


@pytest.fixture(scope="module")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a database of a fresh server, which runs as long as these tests."""
    if _program("initdb") is None or _program("postgres") is None:
        pytest.skip("PostgreSQL is not installed (apt-get install postgresql)")
    pytest.importorskip("psycopg")
    folder = tmp_path_factory.mktemp("postgres")
    data = folder / "data"
    user: str | None = None
    if os.geteuid() == 0:  # it refuses to run as root
        names = {entry.pw_name for entry in pwd.getpwall()}
        user = "postgres" if "postgres" in names else "nobody"
        shutil.chown(folder, user)
        for parent in folder.parents:
            if parent.stat().st_uid == 0 and not parent.stat().st_mode & 0o001:
                parent.chmod(parent.stat().st_mode | 0o011)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    common = {"user": user, "cwd": folder, "stdout": subprocess.DEVNULL}
    subprocess.run(
        [_program("initdb"), "-D", data, "-U", "studio", "-A", "trust", "--no-sync", "-E", "UTF8"],
        check=True, **common,
    )  # fmt: skip
    server = subprocess.Popen(
        [_program("postgres"), "-D", data, "-p", str(port), "-k", "", "-h", "127.0.0.1", "-F"],
        stderr=subprocess.DEVNULL, **common,
    )  # fmt: skip
    try:
        import psycopg

        address = f"postgresql://studio@127.0.0.1:{port}"
        until(lambda: server.poll() is not None or _answers(f"{address}/postgres"), seconds=60)
        assert server.poll() is None
        with psycopg.connect(f"{address}/postgres", autocommit=True) as connection:
            connection.execute("CREATE DATABASE studio")
        yield f"{address}/studio"
    finally:
        server.terminate()
        server.wait(30)


def test_the_studio_does_the_same_on_postgresql(postgres: str) -> None:
    modules = [str(Path(__file__).with_name(f"test_studio_{name}.py")) for name in TESTS]
    told = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *modules],
        env=os.environ | {"FEEDSMITH_TEST_DATABASE_URL": postgres}, capture_output=True, text=True,
        cwd=Path(__file__).parent.parent,
    )  # fmt: skip
    assert told.returncode == 0, told.stdout[-4000:] + told.stderr[-2000:]
    assert " skipped" not in told.stdout


def test_an_address_that_nobody_answers_at_is_said_in_words(postgres: str, tmp_path: Path) -> None:
    from feedsmith.brand import Brand, Home

    Home(tmp_path).create(Brand(name="Oak"))
    told = subprocess.run(
        [sys.executable, "-m", "feedsmith", "studio", "user", "add", "ana", str(tmp_path)],
        env=os.environ | {"FEEDSMITH_DATABASE_URL": postgres.removesuffix("studio") + "nowhere"},
        capture_output=True, text=True,
    )  # fmt: skip
    assert told.returncode == 1
    assert "the studio's database cannot be opened" in told.stderr.replace("\n", " ")
    assert "Traceback" not in told.stderr


def test_a_backup_on_postgresql_comes_back_identical(postgres: str, tmp_path: Path) -> None:
    import psycopg

    import small_studio
    from feedsmith.brand import Brand, Home

    first, second = (postgres.removesuffix("studio") + name for name in ("before", "after"))
    with psycopg.connect(postgres, autocommit=True) as connection:
        for name in ("before", "after"):
            connection.execute(f"CREATE DATABASE {name}")
    for name in ("oak", "elm"):
        home = Home(tmp_path / name)
        home.create(Brand(name=name.title()))
        small_studio.post(home, f"01-photo-{name}00")

    def feedsmith(database: str, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "feedsmith", *words],
            env=os.environ | {"FEEDSMITH_DATABASE_URL": database}, capture_output=True, text=True,
        )  # fmt: skip

    oak, elm, out, back = (str(tmp_path / name) for name in ("oak", "elm", "out.zip", "back"))
    assert feedsmith(first, "studio", "user", "add", "ana", oak, elm).returncode == 0
    assert feedsmith(first, "backup", out, oak).returncode == 0
    told = feedsmith(second, "restore", out, back)
    assert told.returncode == 0, told.stderr

    def rows(database: str) -> dict[str, list[tuple[object, ...]]]:
        with psycopg.connect(database) as connection:
            tables = connection.execute(
                "SELECT table_name FROM information_schema.tables WHERE table_name LIKE 'studio_%'"
            ).fetchall()
            return {
                table: connection.execute(f"SELECT * FROM {table} ORDER BY id").fetchall()
                for (table,) in tables
                if table != "studio_brand"
            }

    assert rows(first) == rows(second)
    assert rows(first)["studio_draft"]
    # The next row gets a number of its own.
    assert feedsmith(second, "studio", "user", "add", "ben", f"{back}/oak").returncode == 0
    # What holds a studio is not written over, and a place that failed is left empty.
    again = feedsmith(second, "restore", out, str(tmp_path / "again"))
    assert again.returncode == 1
    assert "holds a studio already" in " ".join(again.stderr.split())
    assert not (tmp_path / "again").exists()


def test_a_worker_beside_the_studio_takes_what_the_studio_leaves(
    postgres: str, tmp_path: Path
) -> None:
    import psycopg
    from PIL import Image

    from feedsmith.brand import Brand, Home
    from studio_guest import Guest, link_in
    from studio_server import Server

    with psycopg.connect(postgres, autocommit=True) as connection:
        connection.execute("CREATE DATABASE along")
    Home(tmp_path).create(Brand(name="Oak"))
    environment = os.environ | {"FEEDSMITH_DATABASE_URL": postgres.removesuffix("studio") + "along"}
    server = Server(tmp_path, "--workers", "0", environment=environment)
    beside = None
    try:
        guest = Guest(link_in(server.output)).sign_in()
        guest.make_token()
        photo = tmp_path / "elm.jpg"
        Image.effect_noise((640, 480), 90).convert("RGB").save(photo)
        row = guest.begun_import("oak", [photo])
        beside = subprocess.Popen(
            [sys.executable, "-m", "feedsmith", "studio", "work", str(tmp_path)],
            env=environment, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        job = guest.over("oak", row)
        assert (job["state"], job["result"]["photos_new"]) == ("done", 1)
        assert server.workers == []
        beside.terminate()
        said, _ = beside.communicate(timeout=60)
        assert beside.returncode == 0
        assert "Work is over." in said
    finally:
        server.close()
        if beside is not None:
            beside.kill()
            beside.communicate()


def test_a_worker_beside_a_studio_on_sqlite_is_refused_in_words(tmp_path: Path) -> None:
    from feedsmith.brand import Brand, Home

    Home(tmp_path).create(Brand(name="Oak"))
    told = subprocess.run(
        [sys.executable, "-m", "feedsmith", "studio", "work", str(tmp_path)],
        env={k: v for k, v in os.environ.items() if k != "FEEDSMITH_DATABASE_URL"},
        capture_output=True, text=True,
    )  # fmt: skip
    assert told.returncode == 1
    assert "need PostgreSQL" in told.stderr.replace("\n", " ")


def test_a_server_that_is_gone_is_waited_for_a_few_seconds_unless_the_address_says_more(
    tmp_path: Path,
) -> None:
    from feedsmith.studio.settings import Config, database

    address = "postgresql://studio@db/studio"
    options = [
        database(Config(home=tmp_path, database_url=url))["OPTIONS"]
        for url in (address, f"{address}?connect_timeout=30")
    ]
    assert options == [{"connect_timeout": "5"}, {"connect_timeout": "30"}]
