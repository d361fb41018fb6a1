"""A review link on a phone, in a real browser: the name once, then one thumb is enough."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from browser import PHONE, browser_or_skip, wide
from small_studio import home
from studio_server import Server

pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning")


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    running = Server(home("oak", tmp_path).root).sign_in()
    yield running
    running.close()


def test_somebody_with_a_link_approves_one_post_and_asks_for_changes_to_another(
    server: Server,
) -> None:
    for number in (1, 2):
        assert server.post(f"/b/oak-co/posts/{number}/state", {"to": "review"})[0] in (302, 303)
    assert server.post("/b/oak-co/review-links", {"title": "December", "days": "7"})[0] == 303
    page = server.get("/b/oak-co/review-links")[1]
    address = page.partition('data-copy="')[2].partition('"')[0].partition("/r/")[2]
    with browser_or_skip() as browser:
        context = browser.new_context(**PHONE)
        phone = context.new_page()
        wrong: list[str] = []
        phone.on("console", lambda m: wrong.append(m.text) if m.type == "error" else None)
        phone.goto(f"{server.url}/r/{address}")
        phone.get_by_label("Your name").fill("Ana")
        phone.get_by_role("button", name="Look at the posts").tap()
        phone.get_by_text("2 of 2 posts wait for your word").wait_for()
        assert not wide(phone)
        first, second = phone.locator("article").all()
        first.get_by_role("button", name="Approve").tap()
        first.get_by_text("Ana approved").wait_for()
        second.get_by_label("What should change").fill("Crop it tighter, please.")
        second.get_by_role("button", name="Ask for changes").tap()
        second.get_by_text("Ana asked for changes").wait_for()
        assert first.get_by_role("button", name="Approve").count() == 0
        small = [
            button.inner_text()
            for button in phone.locator("main button:visible").all()
            if (box := button.bounding_box()) and box["height"] < 44
        ]
        assert not small
        assert not wide(phone)
        phone.close()
        again = context.new_page()  # the same phone, later: nobody asks again
        again.goto(f"{server.url}/r/{address}")
        again.get_by_text("You are Ana").wait_for()
        context.close()
        assert not wrong
    states = {server.get(f"/b/oak-co/posts/{n}")[1].count("Crop it tighter") for n in (1, 2)}
    assert states == {0, 1}
