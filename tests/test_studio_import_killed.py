"""An import into the studio survives kill -9 of server and worker at any of its steps.

Real studios in processes of their own; an Instagram export of sixteen posts comes in pieces, as the page
sends it. tests/steps counts what server and worker do to disk and database, and ends one of them just
before a step: what a restart finds is what stood before it.
"""

import hashlib
import http.client
import io
import json
import os
import re
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple, TypeVar
from urllib.parse import urlencode

import pytest
from PIL import Image

from conftest import FORMATS, zipped
from feedsmith.brand import Brand, Home
from feedsmith.library import Library, import_into
from small_studio import text_of_page
from studio_server import Server, until

pytestmark = pytest.mark.skipif(
    not Path("/proc/self/stat").exists(), reason="looks into /proc (Linux)"
)

ROOT = "/b/oak/library"
PIECE = 100_000
"""Bytes; the page sends a megabyte at once, but the samples are small."""
CUT_OFF = "It was cut off in between and went on where it was."
POINTS = {"server": 6, "both": 6, "worker": 8}
"""Of twenty kills: the server while it takes files and shows photos, the server while the worker works,
the worker."""
LOOKED_AT = 3
"""Photos looked at afterwards."""
T = TypeVar("T")


class Done(NamedTuple):
    """What an import left behind."""

    files: dict[str, str]
    """Of library and studio: path -> hash of what is in it."""
    photos: list[str]
    posts: list[str]
    jobs: list[tuple[Any, ...]]
    events: list[tuple[Any, ...]]
    uploads: int
    told: dict[str, Any]
    said: str
    """The report on the page."""
    restarts: int


class Steps:
    """The folder that tests/steps reads and writes."""

    def __init__(self, folder: Path, kill: str = "") -> None:
        self.folder = folder
        folder.mkdir()
        if kill:
            (folder / "kill").write_text(kill)

    def arm(self) -> None:
        (self.folder / "armed").touch()

    @property
    def killed(self) -> bool:
        return (self.folder / "killed").exists()

    def of(self, whom: str) -> list[str]:
        return (self.folder / f"{whom}.steps").read_text().splitlines()


class Sender:
    """The page's script, and the person before it: opens the studio again when it is gone, chooses the
    same file again, and presses what the page offers."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.restarts = 0
        self.server = Server(home).sign_in()

    def surely(self, act: Callable[[], T]) -> T:
        while True:
            try:
                return act()
            except (OSError, http.client.HTTPException):
                self.again()

    def again(self) -> None:
        """The server died; whoever keeps the studio starts it again."""
        until(lambda: self.server.process.poll() is not None)
        self.server = Server(self.home).sign_in()
        self.restarts += 1
        assert rows(self.home, "PRAGMA integrity_check") == [("ok",)]

    def ask(self, path: str, form: list[tuple[str, str]]) -> tuple[int, str]:
        token = {"X-CSRFToken": self.server.cookies.get("studio_csrf", "")}
        kind = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
        return self.server.ask("POST", path, urlencode(form), **kind, **token)

    def send(self, export: bytes) -> str:
        """As upload.js does it; returns the upload's key."""
        form = [("name", "export.zip"), ("size", str(len(export))), ("mark", "1")]
        status, said = self.ask(f"{ROOT}/uploads", form)
        assert status == 200, said
        told = json.loads(said)
        have = int(told["have"])
        while have < len(export):
            headers = {
                "Content-Type": "application/octet-stream",
                "X-CSRFToken": self.server.cookies["studio_csrf"],
            }
            path = f"{ROOT}/uploads/{told['key']}?from={have}"
            status, said = self.server.ask("POST", path, export[have : have + PIECE], **headers)
            assert status in (200, 409), said
            have = int(json.loads(said)["have"])
        return str(told["key"])

    def take_in(self, key: str) -> None:
        if not rows(self.home, "SELECT 1 FROM studio_job"):
            status, said = self.ask(f"{ROOT}/import", [("key", key)])
            assert status == 200, said

    def wait(self) -> str:
        """Until the import is over; what the page says then."""
        while True:
            status, page = self.server.get(f"{ROOT}/imports")
            assert status == 200
            if 'class="job"' not in page:
                return page

    def look(self) -> None:
        """At some photos."""
        self.server.get(ROOT)
        for photo in Library(self.home / "library").photos()[:LOOKED_AT]:
            assert self.server.get(f"/photo/oak/240/{photo.id}")[0] == 200


def rows(home: Path, query: str) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(home / "studio.db", timeout=20)) as database:
        return database.execute(query).fetchall()


def bring(home: Path, export: bytes, steps: Steps) -> Done:
    """Upload, import, look at the photos, whatever is killed meanwhile."""
    sender = Sender(home)
    try:
        steps.arm()
        key = sender.surely(lambda: sender.send(export))
        sender.surely(lambda: sender.take_in(key))
        page = sender.surely(sender.wait)
        sender.surely(sender.look)
    finally:
        sender.server.close()
    library = Library(home / "library")
    ((told,),) = rows(home, "SELECT result FROM studio_job")
    result = {k: v for k, v in json.loads(told).items() if k != "examined"}  # in this run
    return Done(
        files={
            path.relative_to(home).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
            for part in ("library", "studio/thumbnails", "studio/uploads")
            for path in sorted((home / part).rglob("*"))
            if path.is_file() and path.name != ".lock"
        },
        photos=[photo.id for photo in library.photos()],
        posts=[post.id for post in library.posts()],
        jobs=rows(home, "SELECT kind, state, error FROM studio_job"),
        events=rows(home, "SELECT verb, words FROM studio_event WHERE verb <> 'signed in'"),
        uploads=len(rows(home, "SELECT 1 FROM studio_upload")),
        told=result, said=re.sub(r".*?(?=\b\d+ posts? and)", "", text_of_page(page)), restarts=sender.restarts,
    )  # fmt: skip


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, pictures: dict[str, bytes]) -> Path:
    """A brand whose library holds one photo, of which the export brings a larger one."""
    home = Home(tmp_path_factory.mktemp("made") / "oak")
    home.create(Brand(name="Oak"))
    folder = tmp_path_factory.mktemp("first")
    (folder / "old bear.jpg").write_bytes(pictures["bear"])
    import_into(Library(home.library), [folder])
    return home.root


@pytest.fixture
def export(layout: Callable[[str], Path], tmp_path: Path) -> bytes:
    """The sixteen posts as Instagram hands them out: films, a carousel, a HEIC, a file that is missing."""
    root = layout("instagram-export-json-2024")
    places = json.loads((FORMATS / "places.json").read_text("utf-8"))
    for place, picture in places["instagram-export-json-2024"].items():
        if picture == "bear":
            (root / place).write_bytes(larger((root / place).read_bytes()))
    return zipped(root, tmp_path / "export.zip").read_bytes()


def larger(jpeg: bytes) -> bytes:
    out = io.BytesIO()
    with Image.open(io.BytesIO(jpeg)) as image:
        size = (image.width * 3 // 2, image.height * 3 // 2)
        image.resize(size).save(out, "JPEG", quality=85)
    return out.getvalue()


@pytest.fixture
def steps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Steps]:
    """A folder for steps, of which the studios started from now on know."""

    def begin(name: str, kill: str = "") -> Steps:
        folder = tmp_path / name
        paths = (str(Path(__file__).parent / "steps"), os.environ.get("PYTHONPATH", ""))
        monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, paths)))
        monkeypatch.setenv("FEEDSMITH_TEST_STEPS", str(folder))
        return Steps(folder, kill)

    return begin


class Straight(NamedTuple):
    """An import that nothing disturbs, and its steps."""

    done: Done
    server: list[str]
    worker: list[str]


_straight: list[Straight] = []


@pytest.fixture
def straight(made: Path, export: bytes, steps: Any, tmp_path: Path) -> Straight:
    if not _straight:
        counted = steps("straight-steps")
        done = bring(copy_of(made, tmp_path / "straight"), export, counted)
        _straight.append(Straight(done, counted.of("server"), counted.of("worker")))
    return _straight[0]


def copy_of(made: Path, place: Path) -> Path:
    shutil.copytree(made, place / "oak")
    return place / "oak"


def killed(
    whom: str, when: str, straight: Straight, made: Path, export: bytes, steps: Any, tmp_path: Path
) -> None:
    """The import is as if nothing had been, and says that something was."""
    told = steps("steps", f"{whom} {when}")
    done = bring(copy_of(made, tmp_path / "killed"), export, told)
    assert told.killed, "there was no such step"
    assert done.restarts == (whom != "worker")
    assert done.files == straight.done.files
    assert (done.photos, done.posts) == (straight.done.photos, straight.done.posts)
    assert (done.jobs, done.events) == (straight.done.jobs, straight.done.events)
    assert (done.uploads, done.told) == (0, straight.done.told)
    assert done.said.replace(f"{CUT_OFF} ", "") == straight.done.said
    if whom != "server" and when not in first_of(straight.worker):
        assert CUT_OFF in done.said


def first_of(steps: list[str]) -> list[str]:
    """The steps of the worker, by number, before it has the job: a kill there interrupts nothing."""
    return [str(n + 1) for n in range(steps.index("commit") + 1)]


def test_an_import_that_nothing_disturbs_is_whole(straight: Straight) -> None:
    done = straight.done
    assert done.jobs == [("import", "done", "")]
    assert [verb for verb, _ in done.events] == ["imported"]
    assert len(done.photos) == 16
    assert "near-duplicate" in done.told["set_aside"]
    assert CUT_OFF not in done.said
    # What is to be killed in its midst is all there: pieces, lists, what was seen, thumbnails, the end.
    assert straight.server.count("write export.zip") > 3
    assert any("webp" in step for step in straight.server)
    for name in ("rename photos.jsonl", "rename posts.jsonl", "rename embeddings.npy"):
        assert name in straight.worker


@pytest.mark.parametrize(
    ("whom", "when"),
    [
        ("server", "insert studio_job"), ("both", "rename posts.jsonl"), ("worker", "insert studio_event"),
    ],
)  # fmt: skip
def test_a_killed_server_or_worker_costs_an_import_nothing(
    whom: str, when: str, straight: Straight, made: Path, export: bytes, steps: Any, tmp_path: Path
) -> None:
    killed(whom, when, straight, made, export, steps, tmp_path)


@pytest.mark.full
@pytest.mark.parametrize(
    ("whom", "point"), [(whom, n) for whom, points in POINTS.items() for n in range(points)]
)
def test_no_kill_at_any_of_twenty_points_of_an_import_leaves_anything_half_done(
    whom: str, point: int, straight: Straight, made: Path, export: bytes, steps: Any, tmp_path: Path
) -> None:
    all_steps = straight.server if whom == "server" else straight.worker
    step = 1 + int((point + 0.5) * len(all_steps) / POINTS[whom])
    killed(whom, str(step), straight, made, export, steps, tmp_path)
