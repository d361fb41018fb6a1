"""The whole way, as people run it: `feedsmith studio` and `feedsmith fake-instagram`, two processes, and nothing
between a person's browser and the profile but what they start."""

import http.client
import json
import os
import re
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from feedsmith.fake_instagram import APP_ID, APP_SECRET
from feedsmith.files import write_json
from small_instagram import film
from small_studio import home, post, text_of_page
from studio_server import Server, until
from test_studio_accounts import allowed


class Fake:
    """A running `feedsmith fake-instagram`, and its switchboard."""

    def __init__(self, folder: Path) -> None:
        said = folder / "fake.txt"
        with said.open("wb") as out:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "feedsmith", "fake-instagram", "--port", "0"],
                stdout=out, stderr=subprocess.STDOUT, env=os.environ | {"PYTHONUNBUFFERED": "1"},
            )  # fmt: skip
        until(lambda: "asks for: " in said.read_text() or self.process.poll() is not None, 60)
        text = said.read_text()
        self.url = re.search(r"http://127\.0\.0\.1:\d+", text)[0]  # type: ignore[index]
        self.secret = re.search(r"asks for: (\S+)", text)[1]  # type: ignore[index]

    def switch(self, do: str, **more: Any) -> dict[str, Any]:
        connection = http.client.HTTPConnection(urlsplit(self.url).netloc, timeout=20)
        connection.request(
            "POST", "/_control", json.dumps({"do": do, **more}), {"X-Fake-Control": self.secret}
        )
        answer = connection.getresponse()
        told: dict[str, Any] = json.loads(answer.read())
        connection.close()
        assert answer.status == 200, told
        return told

    def profile(self, name: str) -> str:
        connection = http.client.HTTPConnection(urlsplit(self.url).netloc, timeout=20)
        connection.request("GET", f"/{name}")
        text = connection.getresponse().read().decode()
        connection.close()
        return text


@pytest.fixture
def open_studio() -> Iterator[Callable[[Path], Server]]:
    """Opens a studio on a brand's folder, with somebody signed in; closed at the end whatever happens."""
    with ExitStack() as opened:

        def open_(place: Path) -> Server:
            studio = Server(place, "--idle", "2")
            opened.callback(studio.close)
            return studio.sign_in()

        yield open_


@pytest.fixture
def fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Fake]:
    one = Fake(tmp_path)
    monkeypatch.setenv("FEEDSMITH_INSTAGRAM_SERVER", one.url)
    monkeypatch.setenv("FEEDSMITH_INSTAGRAM_APP_ID", APP_ID)
    monkeypatch.setenv("FEEDSMITH_INSTAGRAM_APP_SECRET", APP_SECRET)
    yield one
    one.process.terminate()
    one.process.wait(30)


def brand(folder: Path) -> Path:
    """A brand that signs in with Facebook, and has a reel beside its photo, carousel and quote."""
    place = home("oak", folder)
    file = place.root / "brand.toml"
    text = file.read_text("utf-8")
    assert '# login = "instagram"' in text
    file.write_text(text.replace('# login = "instagram"', 'login = "facebook"'), "utf-8")
    made = post(place, "04-reel-aaaaaa", "reel", caption="A film of the oaks.")
    film(place.posts / "04-reel-aaaaaa" / "01.mp4", 4, 30, 360, 640)
    medium = made.media[0].model_copy(update={"file": "01.mp4", "cover": "01.jpg"})
    whole = made.model_copy(update={"media": (medium,)})
    write_json(place.posts / made.id / "post.json", whole.model_dump(mode="json"))
    return place.root


def connect(studio: Server, name: str) -> None:
    """By the pages, as a person does."""
    text = studio.post("/b/oak-co/accounts", {"do": "connect"})[1]
    address = re.search(r'href="(http[^"]+dialog/oauth[^"]+)"', text)
    assert address is not None, text_of_page(text)
    back = allowed(None, address[1].replace("&amp;", "&"), name)  # type: ignore[arg-type]
    assert studio.get(back)[0] == 302
    assert f"{name} is connected" in text_of_page(studio.get("/b/oak-co/accounts")[1])


def rows(home: Path, words: str, *values: object) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(home / "studio.db", timeout=20)) as base, base:
        return base.execute(words, values).fetchall()


def schedule(studio: Server, number: int, seconds: float, account: str) -> None:
    """By the form, whose times are minutes; then to the second, and to this account."""
    path = f"/b/oak-co/posts/{number}/state"
    assert studio.post(path, {"to": "approved"})[0] == 302
    later = f"{datetime.now(UTC) + timedelta(days=1):%Y-%m-%dT%H:%M}"
    assert studio.post(path, {"to": "scheduled", "when": later})[0] == 302
    at = f"{datetime.now(UTC) + timedelta(seconds=seconds):%Y-%m-%d %H:%M:%S.%f}"
    rows(
        studio.home, "UPDATE studio_draft SET scheduled_at = ?, account = ? WHERE id = ?", at,
        account, number,
    )  # fmt: skip


def test_a_broken_upload_a_missed_time_and_a_revoked_permission_each_have_one_line_and_lose_nothing(
    fake: Fake, open_studio: Callable[[Path], Server], tmp_path: Path
) -> None:
    studio = open_studio(brand(tmp_path))
    fake.switch("set", video_seconds=1)
    for name in ("first.shop", "second.shop"):
        connect(studio, name)
    folder = studio.home / "publishing" / "accounts"
    told = [json.loads(path.read_text())["account"] for path in folder.glob("*.json")]
    number = {row["username"]: row["id"] for row in told}
    photo, carousel, quote, reel = (
        row[0] for row in rows(studio.home, "SELECT id FROM studio_draft ORDER BY folder")
    )

    def state(draft: int) -> tuple[str, str]:
        return rows(studio.home, "SELECT state, asks FROM studio_draft WHERE id = ?", draft)[0]

    def line(draft: int) -> str:
        return text_of_page(studio.get(f"/b/oak-co/posts/{draft}/publication")[1])

    def held_up(draft: int) -> list[str]:
        words = "SELECT words FROM studio_event WHERE draft_id = ? AND verb = 'held up' ORDER BY id"
        return [row[0] for row in rows(studio.home, words, draft)]

    # While the studio is closed, the time of two posts passes: by an hour, and by more than is wanted.
    schedule(studio, photo, 3600, number["first.shop"])
    schedule(studio, quote, 3600, number["first.shop"])
    assert studio.close() == 0
    past = "UPDATE studio_draft SET scheduled_at = datetime('now', ?) WHERE id = ?"
    rows(studio.home, past, "-1 hours", photo)
    rows(studio.home, past, "-3 hours", quote)
    rows(studio.home, "UPDATE studio_brand SET publishes_from = datetime('now', '-1 days')")
    studio = open_studio(studio.home)
    until(lambda: state(photo) == ("published", ""), 120)
    until(lambda: state(quote) == ("failed", "late"), 120)
    assert "Missed its time : nothing was sent at its time" in line(quote)
    assert held_up(quote) == ["nothing was sent at its time"]

    # A film's connection breaks after a while; beside it a permission is taken back.
    cut = {"do": "drop-during", "path": "rupload", "bytes": 3000}
    fake.switch("fault", fault=cut)
    schedule(studio, reel, 20, number["first.shop"])
    schedule(studio, carousel, 40, number["second.shop"])
    steps = "SELECT step FROM studio_publication WHERE draft_id = ?"
    until(lambda: rows(studio.home, steps, carousel) == [("processing",)], 60)
    fake.switch("revoke", account="second.shop")
    until(lambda: "the line to" in line(reel), 60)  # one line, while it waits to go on
    until(lambda: state(carousel) == ("publishing", "account"), 120)
    said = line(carousel)
    assert "the account\u2019s owner has taken the permission back" in said.replace(
        "&#x27;", "\u2019"
    )
    assert "Connect it again." in said
    assert len(held_up(carousel)) == 1
    grid = text_of_page(studio.get("/b/oak-co/posts")[1])
    assert grid.count("Needs you") == 1 + 2  # the tab, the late one and this one
    answer = {"do": "now"}
    assert studio.post(f"/b/oak-co/posts/{quote}/publication/answer", answer)[0] == 302
    until(lambda: state(reel) == ("published", ""), 180)
    connect(studio, "second.shop")
    until(lambda: state(carousel) == ("published", ""), 60)
    assert held_up(reel) == []
    assert rows(studio.home, "SELECT count(*) FROM studio_publication WHERE NOT over") == [(0,)]
    # The question was answered, too, and all four are out, once each.
    until(lambda: state(quote) == ("published", ""), 120)
    page = fake.switch("state")
    out = sorted(p["caption"].partition("\n")[0] for p in page["posts"])
    assert out == [
        "A film of the oaks.",
        "A walk under the oaks.",
        "Slow down.",
        "Three greens.",
    ]
