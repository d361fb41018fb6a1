"""Cropping and choosing a template in a real browser, with a real worker."""

import re
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from browser import DESKTOP, PHONE, browser_or_skip, wide
from feedsmith.brand import Home
from feedsmith.runs import Folder
from studio_server import Server, until

CHECKS = (Path(__file__).parent / "page_checks.js").read_text("utf-8").strip().rstrip(";")
POSTS = "/b/tall-tree-outfitters/posts"


@pytest.fixture
def server(trees: Home, tmp_path: Path) -> Iterator[Server]:
    shutil.copytree(trees.root, tmp_path / "trees")
    running = Server(tmp_path / "trees").sign_in()
    yield running
    running.close()


def drafts(server: Server) -> dict[str, tuple[int, str]]:
    """Kind -> number and folder of its draft."""
    with closing(sqlite3.connect(server.home / "studio.db", timeout=20)) as database:
        rows = database.execute("SELECT kind, id, folder FROM studio_draft").fetchall()
    return {kind: (number, folder) for kind, number, folder in rows}


def opened(browser: Any, server: Server, **size: Any) -> tuple[Any, list[str]]:
    context = browser.new_context(**size)
    context.set_default_timeout(600_000)  # the limit is there for a broken program alone
    context.add_cookies(
        [{"name": k, "value": v, "url": server.url} for k, v in server.cookies.items()]
    )
    page, wrong = context.new_page(), []
    page.on("console", lambda said: wrong.append(said.text) if said.type == "error" else None)
    page.on("pageerror", lambda error: wrong.append(str(error)))
    return page, wrong


def test_a_frame_is_dragged_and_zoomed_and_the_picture_is_cut_so(server: Server) -> None:
    number, folder = drafts(server)["photo"]
    with browser_or_skip() as browser:
        page, wrong = opened(browser, server, **DESKTOP)
        page.goto(f"{server.url}{POSTS}/{number}")
        page.get_by_role("link", name="Crop").click()
        frame = page.locator("[data-frame]")
        frame.wait_for()
        assert page.evaluate(f"({CHECKS})()") is None
        page.locator("#zoom").fill("110")
        box = frame.bounding_box()
        page.mouse.move(box["x"] + box["width"] * 0.3, box["y"] + box["height"] * 0.3)
        page.mouse.down()
        page.mouse.move(box["x"] - 900, box["y"] - 900, steps=5)
        page.mouse.up()
        corner = [float(page.locator(f"#{side}").input_value()) for side in "xy"]
        assert corner == [0, 0], "it stays inside the picture"
        # The keyboard: 3 % to the right, zoomed a little further.
        frame.focus()
        for _ in range(3):
            page.keyboard.press("ArrowRight")
        page.keyboard.press("+")
        x, zoom = (float(page.locator(f"#{name}").input_value()) for name in ("x", "zoom"))
        assert (x > 2.9, zoom) == (True, 116)
        shown = page.locator("[data-result] img").evaluate("(img) => parseFloat(img.style.width)")
        assert shown > 110, "the preview shows the same part"
        page.get_by_role("button", name="Cut it").click()
        page.wait_for_url(re.compile(rf"{POSTS}/{number}$"))
        page.get_by_text("Until then the post stays as it is.").wait_for()
        # Told by the stream, the page shows it by itself.
        page.locator(f".phone img[src*='{folder}-v2']").wait_for()
        page.get_by_role("button", name="Undo the last edit").click()
        page.locator(f".phone img[src*='{folder}-v2']").wait_for(state="detached")
        assert wrong == []
    crop = Folder(server.home / "posts").post(f"{folder}-v2").making.shots[0].crop
    assert crop.x == pytest.approx(x / 100, abs=2e-4)


def test_on_a_phone_a_finger_moves_the_frame_and_a_template_is_taken(server: Server) -> None:
    number, folder = drafts(server)["quote"]
    with browser_or_skip() as browser:
        page, wrong = opened(browser, server, **PHONE)
        page.goto(f"{server.url}{POSTS}/{number}/crop")
        page.locator("[data-frame]").wait_for()
        assert not wide(page)
        assert page.evaluate(f"({CHECKS})()") is None
        began = float(page.locator("#x").input_value())
        box = page.locator("[data-frame]").bounding_box()  # in its middle lies the focal point
        cdp = page.context.new_cdp_session(page)
        for kind, dx in (
            ("touchStart", 0),
            ("touchMove", 20),
            ("touchMove", 400),
            ("touchEnd", None),
        ):
            at = {"x": box["x"] + box["width"] / 2 + (dx or 0), "y": box["y"] + box["height"] / 4}
            cdp.send(
                "Input.dispatchTouchEvent",
                {"type": kind, "touchPoints": [at] if dx is not None else []},
            )
        page.locator("summary", has_text="In numbers").click()
        assert float(page.locator("#x").input_value()) > began
        page.goto(f"{server.url}{POSTS}/{number}/template")
        page.locator(".layouts .bone").first.wait_for(state="detached")
        assert not wide(page)
        choice = page.locator(".layouts button:not(:disabled)").first
        choice.locator("img").scroll_into_view_if_needed()
        name = str(choice.get_attribute("value")).split(" ")[0]
        choice.click()
        page.locator(f".phone img[src*='{folder}-v2']").wait_for()
        assert wrong == []
    assert Folder(server.home / "posts").post(f"{folder}-v2").media[0].template == name


def test_a_caption_that_is_being_typed_survives_the_new_picture(server: Server) -> None:
    number, folder = drafts(server)["photo"]
    with browser_or_skip() as browser:
        page, wrong = opened(browser, server, **DESKTOP)
        page.goto(f"{server.url}{POSTS}/{number}/crop")
        page.get_by_role("button", name="Cut it").click()
        page.locator("#caption").fill("Typed while it was cut.")
        page.get_by_text("The post was made anew. Save your edit to see it.").wait_for()
        page.get_by_role("button", name="Save", exact=True).click()
        page.get_by_text("Saved today").wait_for()
        assert wrong == []
    with closing(sqlite3.connect(server.home / "studio.db", timeout=20)) as database:
        query = "SELECT caption, folder FROM studio_draft WHERE id = ?"
        until(lambda: database.execute(query, (number,)).fetchone()[0].startswith("Typed"))
        assert database.execute(query, (number,)).fetchone()[1] == f"{folder}-v2"
