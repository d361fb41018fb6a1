"""An import onto a disk that is full, or that cannot be written: really so, on a small disk of its own.

One sentence each, the upload is kept, and once there is room the library is what it should be. Needs root,
to mount; what a full database says to a page is in test_studio_trouble.py, for everybody.
"""

import json
import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from urllib.parse import urlencode

import pytest

from conftest import zipped
from feedsmith.brand import Brand, Home
from feedsmith.library import Library, import_into
from small_studio import text_of_page
from studio_server import Server, until

pytestmark = pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() != 0, reason="needs root to mount a small disk"
)

ROOT = "/b/oak/library"
ROOMY = 3 << 30
"""Bytes: the studio takes no upload where less than two would stay free. Nothing of it is used."""


@pytest.fixture
def mount() -> Iterator[Callable[..., None]]:
    mounted: list[Path] = []

    def at(place: Path, options: str) -> None:
        place.mkdir(parents=True, exist_ok=True)
        command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(place)]
        if subprocess.run(command, check=False).returncode:
            pytest.skip("mounting is not allowed here")
        mounted.append(place)

    yield at
    for place in reversed(mounted):
        subprocess.run(["umount", "--lazy", str(place)], check=True)


def sized(disk: Path, free: int) -> None:
    """Leave so many bytes free."""
    used = shutil.disk_usage(disk).used
    subprocess.run(["mount", "-o", f"remount,size={used + free}", str(disk)], check=True)


@pytest.fixture
def export(layout: Callable[[str], Path], tmp_path: Path) -> bytes:
    return zipped(layout("instagram-export-json-2024"), tmp_path / "export.zip").read_bytes()


def ask(server: Server, path: str, form: dict[str, str]) -> tuple[int, str]:
    """As the page's script does."""
    kind = {
        "Content-Type": "application/x-www-form-urlencoded",
        "X-CSRFToken": server.cookies["studio_csrf"],
    }
    return server.ask("POST", ROOT + path, urlencode(form), **kind)


def add(server: Server, key: str, start: int, data: bytes) -> tuple[int, str]:
    kind = {
        "Content-Type": "application/octet-stream",
        "X-CSRFToken": server.cookies["studio_csrf"],
    }
    return server.ask("POST", f"{ROOT}/uploads/{key}?from={start}", data, **kind)


def begun(server: Server, data: bytes, name: str) -> str:
    answer = ask(server, "/uploads", {"name": name, "size": str(len(data)), "mark": "1"})
    assert answer[0] == 200, answer
    return str(json.loads(answer[1])["key"])


def states(home: Path) -> list[str]:
    with closing(sqlite3.connect(home / "studio.db", timeout=20)) as database:
        return [s for (s,) in database.execute("SELECT state FROM studio_job ORDER BY id")]


def over(home: Path) -> None:
    until(lambda: not {"queued", "running"} & set(states(home)))


def contents(library: Library) -> tuple[object, ...]:
    return (library.photos(), library.posts(), library.set_aside(), library.missing())


def test_an_import_onto_a_full_disk_says_so_and_is_whole_once_there_is_room(
    mount: Callable[..., None], export: bytes, tmp_path: Path
) -> None:
    disk = tmp_path / "disk"
    mount(disk, f"size={ROOMY}")
    home = Home(disk / "oak")
    home.create(Brand(name="Oak"))
    server = Server(home.root).sign_in()
    try:
        key, other = begun(server, export, "export.zip"), begun(server, export, "other.zip")
        assert add(server, key, 0, export)[0] == 200
        assert "The disk is full" not in server.get(ROOT)[1]
        # Too little room: the job fails in one sentence, and the upload is kept.
        sized(disk, 1 << 20)
        assert ask(server, "/import", {"key": key})[0] == 200
        over(home.root)
        page = text_of_page(server.get(ROOT)[1])
        assert states(home.root) == ["failed"]
        assert "The disk is full. Nothing new is saved" in page
        assert "The disk is full: 16.4 MB are needed" in page
        assert str(disk) not in page
        assert "Take in" in page
        assert not list(home.library.rglob("*.part"))
        # No room for anything.
        sized(disk, 0)
        status, said = add(server, other, 0, export[:200_000])
        assert (status, "disk is full; what has arrived is kept" in said) == (422, True), said
        status, said = ask(server, "/import", {"key": key})
        assert status == 503
        assert json.loads(said)["said"].startswith("The disk is full; nothing was changed.")
        assert server.get(ROOT)[0] == 200
        # There is room again.
        sized(disk, ROOMY)
        assert ask(server, "/import", {"key": key})[0] == 200
        over(home.root)
        assert states(home.root) == ["failed", "done"]
        assert "17 posts and 16 photos are new." in text_of_page(server.get(f"{ROOT}/imports")[1])
    finally:
        server.close()
    straight = Library(tmp_path / "straight")
    (tmp_path / "again.zip").write_bytes(export)
    import_into(straight, [tmp_path / "again.zip"])
    assert contents(Library(home.library)) == contents(straight)


def test_a_disk_that_fills_in_the_midst_of_a_job_holds_it_up_and_no_longer(
    mount: Callable[..., None], export: bytes, tmp_path: Path
) -> None:
    """Not even that the job failed can be written down; it is done again when there is room."""
    disk = tmp_path / "disk"
    mount(disk, f"size={ROOMY}")
    home = Home(disk / "oak")
    home.create(Brand(name="Oak"))
    server = Server(home.root).sign_in()
    try:
        key = begun(server, export, "export.zip")
        assert add(server, key, 0, export)[0] == 200
        assert ask(server, "/import", {"key": key})[0] == 200
        until(lambda: states(home.root) == ["running"], every=0.001)
        sized(disk, 0)
        until(lambda: not server.workers)
        page = text_of_page(server.get(ROOT)[1])
        assert "The disk is full. Nothing new is saved, and what is being made waits" in page
        assert states(home.root) == ["running"]
        sized(disk, ROOMY)
        over(home.root)
        assert states(home.root) == ["done"]
        assert "17 posts and 16 photos are new." in text_of_page(server.get(f"{ROOT}/imports")[1])
    finally:
        server.close()


def test_a_library_that_cannot_be_written_is_said_and_the_upload_is_kept(
    mount: Callable[..., None], export: bytes, tmp_path: Path
) -> None:
    home = Home(tmp_path / "oak")
    home.create(Brand(name="Oak"))
    mount(home.library, "ro,size=64m")
    server = Server(home.root).sign_in()
    try:
        key = begun(server, export, "export.zip")
        assert add(server, key, 0, export)[0] == 200
        assert ask(server, "/import", {"key": key})[0] == 200
        over(home.root)
        page = text_of_page(server.get(ROOT)[1])
        assert states(home.root) == ["failed"]
        assert "cannot be written" in page
        assert "Our mistake" not in page
        assert "mistake of ours" not in page
        assert "Take in" in page
    finally:
        server.close()


def test_a_home_that_cannot_be_written_is_said_at_the_start(
    mount: Callable[..., None], tmp_path: Path
) -> None:
    disk = tmp_path / "disk"
    mount(disk, "size=10m")
    Home(disk / "oak").create(Brand(name="Oak"))
    subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
    told = subprocess.run(
        [sys.executable, "-m", "feedsmith", "studio", str(disk / "oak"), "--port", "0"],
        capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert told.returncode == 1
    assert "its disk is read-only" in " ".join(told.stderr.split())
    assert "Traceback" not in told.stderr
