"""The worker: posts appear as they are made, and no kill leaves anything half done.

Real studios in processes of their own, real posts of a small brand, real kills.
"""

import hashlib
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from random import Random
from typing import Any
from urllib.parse import urlsplit

import pytest

import small_brand
from feedsmith.brand import Brand, Home
from feedsmith.generate import Settings, generate
from feedsmith.runs import Folder
from small_studio import text_of_page
from studio_server import Server, memory, until

pytestmark = pytest.mark.skipif(
    not Path("/proc/self/stat").exists(), reason="looks into /proc (Linux)"
)

QUOTE = {"kind": "quote", "theme": "", "count": "1"}
"""The kind that is made quickest."""


@pytest.fixture(scope="module", autouse=True)
def _no_language_model(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Half of the time of a post is its caption's (test_generate.py kills a run that has the model)."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FEEDSMITH_MODELS", str(tmp_path_factory.getbasetemp() / "no-models"))
        yield


@pytest.fixture(scope="module")
def made(_no_language_model: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small brand with its photos looked at, and two quotes of seed 1 as an undisturbed run makes
    them (in `as-it-should-be`)."""
    home = small_brand.brand(tmp_path_factory.mktemp("oak"), small_brand.PICKED[:3])
    out = home.root / "as-it-should-be"
    settings = Settings(count=2, kind="quote", seed=1, apart=True)
    assert not generate(home, settings, out=out, page=False).failed
    return home.root


@pytest.fixture
def home(made: Path, tmp_path: Path) -> Path:
    shutil.copytree(made, tmp_path / "oak")
    return tmp_path / "oak"


@contextmanager
def running(home: Path, *more: str) -> Iterator[Server]:
    server = Server(home, *more).sign_in()
    try:
        yield server
    finally:
        server.close()


def rows(home: Path, query: str) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(home / "studio.db", timeout=20)) as database:
        return database.execute(query).fetchall()


def jobs(home: Path) -> list[str]:
    return [state for (state,) in rows(home, "SELECT state FROM studio_job ORDER BY id")]


def all_over(home: Path) -> Callable[[], bool]:
    return lambda: not {"queued", "running"} & set(jobs(home))


def files(folder: Path) -> dict[str, str]:
    """Each file of finished posts, and what is in it."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.glob("*/*"))
        if path.is_file()
    }


def page(server: Server) -> str:
    return server.get("/b/tall-tree-outfitters/create/jobs")[1]


def press(server: Server, **form: str) -> None:
    answer = server.post("/b/tall-tree-outfitters/create", QUOTE | form, **{"HX-Request": "true"})
    assert answer[0] == 200, answer


def consistent(home: Path) -> None:
    """Each whole post has one draft, each draft a whole post; nothing half written lies about."""
    posts = Folder(home / "posts")
    whole = {path.name for path in posts.root.iterdir() if path.is_dir() and posts.post(path.name)}
    drafts = [folder for (folder,) in rows(home, "SELECT folder FROM studio_draft")]
    assert sorted(drafts) == sorted(whole)
    assert rows(home, "PRAGMA integrity_check") == [("ok",)]
    assert not rows(home, "PRAGMA foreign_key_check")


def test_posts_appear_one_by_one_as_they_are_made(home: Path) -> None:
    with running(home, "--idle", "1") as server:
        events: list[bytes] = []
        follow(server, events)
        press(server, count="2")
        until(lambda: "0 of 2" in page(server))
        until(lambda: len(rows(home, "SELECT 1 FROM studio_draft")) == 1)
        assert jobs(home) == ["running"]
        made = server.get("/b/tall-tree-outfitters/create/made")[1]
        assert made.count("<li") == 1
        first = re.search(r'name="have" value="(\d+)"', made)
        assert first is not None
        until(lambda: "left" in page(server) or all_over(home)())
        until(all_over(home))
        rest = server.get(f"/b/tall-tree-outfitters/create/made?have={first[1]}")[1]
        assert rest.count("<li") == 1
        assert "2 quotes: done" in text_of_page(page(server))
        until(lambda: events.count(b"event: draft\n") >= 2)
        # The server itself made nothing: it is as small as before.
        assert memory(server.process.pid) < 120 << 20
        until(lambda: not server.workers)  # an idle one gives its memory back
    assert files(home / "posts") == files(home / "as-it-should-be")
    consistent(home)


def follow(server: Server, events: list[bytes]) -> None:
    """Collect the lines of the page's stream."""
    import http.client

    def listen() -> None:
        connection = http.client.HTTPConnection(urlsplit(server.url).netloc)
        cookie = "; ".join(f"{k}={v}" for k, v in server.cookies.items())
        connection.request("GET", "/b/tall-tree-outfitters/events", headers={"Cookie": cookie})
        with closing(connection), connection.getresponse() as answer:
            while line := answer.readline():
                events.append(line)

    threading.Thread(target=listen, daemon=True).start()
    until(lambda: any(b"retry" in line for line in events))


def changes_in(home: Path) -> Callable[[], bytes]:
    """How the posts folder and the database look now: differs after each step of the work."""

    def look() -> bytes:
        seen = hashlib.sha256()
        for path in sorted((home / "posts").rglob("*")):
            try:
                seen.update(f"{path.name} {path.stat().st_size}".encode())
            except OSError:  # renamed in between
                seen.update(b"gone")
        return seen.digest()

    return look


def kill_at(home: Path, change: int, kill: Callable[[], None]) -> bool:
    """Kill at the change-th change seen under posts/; False where the work was over before."""
    look, seen = changes_in(home), 0
    last = look()
    over = all_over(home)
    while seen < change:
        now = look()
        if now != last:
            seen, last = seen + 1, now
        elif over():
            return False
        time.sleep(0.001)
    kill()
    return True


def killed_at(home: Path, points: list[tuple[int, str]]) -> None:
    """A job of two posts, whose worker or server is killed at these changes, and then left alone: it
    ends as if nothing had been."""
    open_now = [Server(home).sign_in()]

    def kill(whom: str) -> None:
        if whom == "server":
            open_now.pop().kill()
        else:
            for pid in open_now[0].workers:
                os.kill(pid, signal.SIGKILL)

    try:
        press(open_now[0], count="2")
        for point, whom in points:
            until(lambda: (jobs(home) == ["running"] and open_now[0].workers) or all_over(home)())
            dead = kill_at(home, point, partial(kill, whom))
            if not open_now:
                open_now.append(Server(home).sign_in())
                consistent(home)
            elif dead:
                until(lambda: "killed from outside" in words_of(home) or all_over(home)())
        until(all_over(home))
    finally:
        open_now[0].close()
    assert jobs(home) == ["done"], rows(home, "SELECT state, error, words FROM studio_job")
    assert files(home / "posts") == files(home / "as-it-should-be")
    consistent(home)


def words_of(home: Path) -> str:
    return str(rows(home, "SELECT words FROM studio_job"))


def test_a_killed_worker_or_server_goes_on_where_it_was(home: Path) -> None:
    killed_at(home, [(2, "worker"), (4, "server")])


@pytest.mark.full
@pytest.mark.parametrize("seed", range(20))
def test_no_kill_at_any_point_leaves_anything_half_done(home: Path, seed: int) -> None:
    random = Random(seed)
    whom = random.choices(["worker", "server"], k=2)
    killed_at(home, [(random.randrange(1, 14), whom[0]), (random.randrange(1, 8), whom[1])])


def test_a_worker_over_its_memory_is_ended_and_the_job_says_what_to_do(home: Path) -> None:
    with running(home, "--memory", "90") as server:
        press(server)
        until(all_over(home))
        said = text_of_page(page(server))
        assert (
            "used more than its 90 MB of memory and was ended 3 times, so it was given up." in said
        )
        assert "--memory 180" in said
        until(lambda: not server.workers)
    consistent(home)


def test_stop_ends_a_job_in_seconds_and_keeps_what_was_made(home: Path) -> None:
    with running(home) as server:
        press(server, count="20")
        until(lambda: len(rows(home, "SELECT 1 FROM studio_draft")) == 1)
        ((number,),) = rows(home, "SELECT id FROM studio_job")
        assert server.post(f"/b/tall-tree-outfitters/jobs/{number}/stop", {})[0] == 302
        until(all_over(home))
        assert jobs(home) == ["stopped"]
        assert "stopped; what was made stays" in text_of_page(page(server))
        # The next one is a run of its own, not the rest of this one.
        press(server, count="1")
        until(all_over(home))
        assert jobs(home) == ["stopped", "done"]
        (_before, after) = rows(
            home, "SELECT count(*) FROM studio_draft GROUP BY job_id ORDER BY job_id"
        )
        assert after == (1,)
    consistent(home)


def test_200_presses_wait_in_a_queue_and_the_server_does_not_grow(home: Path) -> None:
    with running(home) as server:
        press(server)
        before = memory(server.process.pid)
        most_workers = most_running = 0
        for _ in range(200):
            press(server)
            most_workers = max(most_workers, len(server.workers))
            most_running = max(most_running, jobs(home).count("running"))
        assert len(jobs(home)) == 201
        assert "waiting" in text_of_page(page(server))
        assert (most_workers, most_running) == (1, 1)
        until(lambda: jobs(home).count("done") >= 1)
        grown = memory(server.process.pid) - before
        assert grown < 24 << 20
        for number, state in rows(home, "SELECT id, state FROM studio_job"):
            if state in ("queued", "running"):
                server.post(f"/b/tall-tree-outfitters/jobs/{number}/stop", {})
        until(all_over(home))
    consistent(home)


@pytest.mark.full
def test_200_jobs_in_a_row_do_not_grow_the_worker(home: Path) -> None:
    with running(home) as server:
        for _ in range(200):
            press(server)
        peaks: list[int] = []
        for done in range(10, 201, 10):
            until(lambda n=done: jobs(home).count("done") >= n, seconds=3600)
            peaks.append(max((memory(pid) for pid in server.workers), default=0))
            assert len(server.workers) <= 1
        assert jobs(home) == ["done"] * 200
        assert max(peaks[10:]) < max(peaks[:10]) + (48 << 20)
    consistent(home)


def test_closing_the_studio_leaves_the_job_for_the_next_start(home: Path) -> None:
    with running(home) as server:
        press(server, count="2")
        until(lambda: len(rows(home, "SELECT 1 FROM studio_draft")) == 1)
        assert server.close() == 0
    assert jobs(home) == ["queued"]
    with running(home) as server:
        until(all_over(home))
    assert files(home / "posts") == files(home / "as-it-should-be")


def test_of_two_studios_started_on_one_folder_at_once_one_opens_and_one_says_why(
    tmp_path: Path,
) -> None:
    Home(tmp_path).create(Brand(name="Oak"))
    command = [sys.executable, "-m", "feedsmith", "studio", str(tmp_path), "--port", "0"]
    both = [
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    try:
        until(lambda: any(one.poll() is not None for one in both))
        lost, won = sorted(both, key=lambda one: one.poll() is None)
        assert lost.returncode == 1
        said = " ".join(lost.communicate()[1].split())
        assert "a studio is open on this folder already" in said
        assert "Traceback" not in said
        assert won.poll() is None
    finally:
        for one in both:
            if one.poll() is None:
                one.send_signal(signal.SIGINT)
        told = won.communicate(timeout=300)
    assert won.returncode == 0, told
    assert "/sign-in/link/" in told[0]
    assert rows(tmp_path, "SELECT count(*) FROM studio_brand") == [(1,)]
