"""Figures are read by a process of a real studio, which is killed in the midst of it, and once."""

import json
import os
import signal
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from feedsmith.fake_instagram.server import FakeInstagram
from studio_server import Server, until
from test_studio_publisher import (  # noqa: F401 - two are fixtures
    asked,
    fake,
    numbers,
    publishers_of,
    schedule,
    state,
    studio,
)


@pytest.fixture
def out(studio: Server, fake: FakeInstagram) -> Server:  # noqa: F811
    """A studio with a post that went out, and the looks at it planned."""
    photo, *_ = numbers(studio)
    schedule(studio, photo, 1)
    until(lambda: state(studio, photo) == "published", 120)
    until(lambda: asked(studio, "SELECT count(*) FROM studio_look")[0][0] == 5, 120)
    return studio


def an_hour_later(server: Server) -> None:
    """The look at the first hour is due now."""
    with closing(sqlite3.connect(server.home / "studio.db", timeout=20)) as base, base:
        base.execute("UPDATE studio_look SET begins_at = datetime('now') WHERE hours = 1")


def readings(home: Path) -> list[object]:
    path = home / "insights.jsonl"
    lines = path.read_text("utf-8").splitlines() if path.exists() else []
    return [line for line in map(json.loads, lines) if "reading" in line]


def test_figures_are_read_and_the_report_is_made(out: Server) -> None:
    an_hour_later(out)
    until(lambda: readings(out.home), 120)
    until(lambda: (out.home / "reports" / "learn.json").exists(), 180)
    page = out.get("/b/oak-co/works")[1]
    assert "The latest figures" in page
    until(lambda: publishers_of(out.process.pid) == [], 60)
    assert len(readings(out.home)) == 1


@pytest.mark.parametrize("whole", [False, True], ids=["publisher", "studio"])
def test_a_kill_while_instagram_answers_leaves_one_reading(
    out: Server,
    fake: FakeInstagram,  # noqa: F811
    whole: bool,
) -> None:
    fault = fake.faults.add("delay", method="GET", path="/insights", seconds=3)
    an_hour_later(out)
    until(lambda: fault.used, 120)
    server = out
    if whole:
        out.kill()
        server = Server(out.home, "--idle", "2")
    else:
        for pid in publishers_of(out.process.pid):
            os.kill(pid, signal.SIGKILL)
    until(lambda: readings(out.home), 300)
    until(lambda: asked(server, "SELECT step FROM studio_look WHERE hours = 1") == [("read",)], 60)
    assert len(readings(out.home)) == 1
    if whole:
        assert server.close() == 0
