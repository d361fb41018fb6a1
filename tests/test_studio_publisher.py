"""The publisher as a process of a real studio: it is started when a post is due, killed, and started again."""

import os
import signal
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from feedsmith.fake_instagram.server import FakeInstagram
from feedsmith.publishing.tokens import Account, Connection, FolderShelf, Token
from small_studio import home
from studio_server import Server, until

SHOP = "tall.tree.outfitters"


@pytest.fixture
def fake() -> Iterator[FakeInstagram]:
    one = FakeInstagram()
    one.world.image_seconds = 0
    one.start()
    yield one
    one.close()


@pytest.fixture
def studio(tmp_path: Path, fake: FakeInstagram) -> Iterator[Server]:
    place = home("oak", tmp_path)
    grant = fake.connected(SHOP, kind="long")
    now = datetime.now(UTC)
    account = Account(id=grant.accounts[0], username=SHOP, login="instagram", server=fake.url)
    FolderShelf(place.root / "publishing").put(
        Connection(account, Token(grant.token, now, now + timedelta(days=60)))
    )
    server = Server(place.root, "--idle", "2").sign_in()
    yield server
    server.close()


def publishers_of(server: int) -> list[int]:
    found = []
    for entry in Path("/proc").iterdir():
        try:
            if b"feedsmith.studio.worker.publisher" in (entry / "cmdline").read_bytes():
                parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
                found += [int(entry.name)] if parent == server else []
        except (OSError, ValueError):
            continue
    return found


def asked(server: Server, words: str) -> list[tuple[Any, ...]]:
    import sqlite3

    with closing(sqlite3.connect(server.home / "studio.db", timeout=20)) as base:
        return base.execute(words).fetchall()


def schedule(server: Server, number: int, seconds: float) -> None:
    """As a person does by the form, whose times are minutes; then to the second, as no form can."""
    path = f"/b/oak-co/posts/{number}/state"
    assert server.post(path, {"to": "approved"})[0] == 302
    later = f"{datetime.now(UTC) + timedelta(days=1):%Y-%m-%dT%H:%M}"
    assert server.post(path, {"to": "scheduled", "when": later})[0] == 302
    at = f"{datetime.now(UTC) + timedelta(seconds=seconds):%Y-%m-%d %H:%M:%S.%f}"
    import sqlite3

    with closing(sqlite3.connect(server.home / "studio.db", timeout=20)) as base, base:
        base.execute("UPDATE studio_draft SET scheduled_at = ? WHERE id = ?", (at, number))


def numbers(server: Server) -> list[int]:
    return [row[0] for row in asked(server, "SELECT id FROM studio_draft ORDER BY folder")]


def state(server: Server, number: int) -> str:
    return str(asked(server, f"SELECT state FROM studio_draft WHERE id = {number}")[0][0])


def out(fake: FakeInstagram) -> list[Any]:
    return [m for m in fake.world.media.values() if not m.parent]


def test_a_photo_and_a_carousel_go_out_once_each_and_the_publisher_ends(
    studio: Server, fake: FakeInstagram
) -> None:
    assert publishers_of(studio.process.pid) == []
    photo, carousel, _ = numbers(studio)
    schedule(studio, photo, 8)
    schedule(studio, carousel, 9)
    until(lambda: state(studio, photo) == state(studio, carousel) == "published", 120)
    assert [len(m.children) for m in sorted(out(fake), key=lambda m: m.at)] == [0, 3]
    page = studio.get(f"/b/oak-co/posts/{photo}")[1]
    assert "See it on Instagram" in page
    until(lambda: publishers_of(studio.process.pid) == [], 60)


def test_a_token_is_refreshed_while_nothing_is_posted(tmp_path: Path, fake: FakeInstagram) -> None:
    place = home("oak", tmp_path)
    grant = fake.connected(SHOP, kind="long")
    fake.world.clock.advance(8 * 24 * 3600)
    then = datetime.now(UTC) - timedelta(days=8)
    account = Account(id=grant.accounts[0], username=SHOP, login="instagram", server=fake.url)
    shelf = FolderShelf(place.root / "publishing")
    shelf.put(Connection(account, Token(grant.token, then, then + timedelta(days=60))))
    server = Server(place.root, "--idle", "2")
    until(lambda: shelf.get(SHOP).token.issued > then, 120)
    assert server.close() == 0


@pytest.mark.parametrize("at", ["waiting", "making", "processing", "publishing", "published"])
def test_a_publisher_that_is_killed_is_started_again_and_there_is_one_post(
    studio: Server, fake: FakeInstagram, at: str
) -> None:
    """Killed while the call of that step is at Instagram, its answer still to come."""
    path = {
        "waiting": "content_publishing_limit", "making": "/media$", "processing": r"/\d+$",
        "publishing": "media_publish", "published": "media_publish",
    }[at]  # fmt: skip
    photo, *_ = numbers(studio)
    what = "drop-after" if at == "published" else "delay"  # done, and the answer never read
    method = "POST" if "media" in path else "GET"
    fault = fake.faults.add(what, method=method, path=path, seconds=3)
    schedule(studio, photo, 1)
    until(lambda: fault.used, 60)
    killed = publishers_of(studio.process.pid)
    for pid in killed:
        os.kill(pid, signal.SIGKILL)
    assert killed
    until(lambda: state(studio, photo) == "published", 300)
    assert len(out(fake)) == 1
    assert publishers_of(studio.process.pid) != killed


def test_a_studio_that_is_killed_in_the_midst_goes_on_when_it_is_opened_again(
    studio: Server, fake: FakeInstagram
) -> None:
    photo, *_ = numbers(studio)
    fault = fake.faults.add("delay", method="POST", path="media_publish", seconds=2)
    schedule(studio, photo, 1)
    until(lambda: fault.used, 60)
    studio.kill()
    again = Server(studio.home, "--idle", "2")
    until(lambda: state(again, photo) == "published", 300)
    assert len(out(fake)) == 1
    assert again.close() == 0
