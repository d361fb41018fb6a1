"""Dragging on the calendar, in a real browser."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from browser import DESKTOP, PHONE, browser_or_skip, wide
from small_studio import home
from studio_server import Server


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    running = Server(home("oak", tmp_path).root).sign_in()
    yield running
    running.close()


def cookies(server: Server) -> list[dict[str, str]]:
    return [{"name": k, "value": v, "url": server.url} for k, v in server.cookies.items()]


def test_a_post_is_dragged_onto_a_day_and_from_there_to_another(server: Server) -> None:
    server.post("/b/oak-co/posts/1/state", {"to": "approved"})
    with browser_or_skip() as browser:
        context = browser.new_context(**DESKTOP)
        context.add_cookies(cookies(server))
        page = context.new_page()
        wrong: list[str] = []
        page.on("console", lambda m: wrong.append(m.text) if m.type == "error" else None)
        page.goto(f"{server.url}/b/oak-co/calendar?day=2027-05-01")

        def drag(slot: str, day: str) -> None:
            box = page.locator(slot).first.bounding_box()
            goal = page.locator(f'.month [data-day="{day}"]').bounding_box()
            assert box is not None
            assert goal is not None
            page.mouse.move(box["x"] + 40, box["y"] + 20)
            page.mouse.down()
            page.mouse.move(goal["x"] + 40, goal["y"] + 30, steps=6)
            page.mouse.move(goal["x"] + 50, goal["y"] + 40)
            assert "target" in str(
                page.locator(f'.month [data-day="{day}"]').get_attribute("class")
            )
            page.mouse.up()

        # From those without a time, scrolled to, onto a day.
        page.set_viewport_size({"width": 1280, "height": 1800})
        drag('.loose [data-what="post-1"]', "2027-05-04")
        there = page.locator('.month [data-day="2027-05-04"] [data-what="post-1"]')
        there.wait_for()
        page.get_by_text("Set for Tuesday 4 May, 18:00.").wait_for()
        assert page.locator('.loose [data-what="post-1"]').count() == 0
        # To another day: it keeps its time. A click is still a click.
        drag('.month [data-what="post-1"]', "2027-05-13")
        page.locator('.month [data-day="2027-05-13"] [data-what="post-1"]').wait_for()
        page.get_by_text("Set for Thursday 13 May, 18:00.").wait_for()
        assert there.count() == 0
        page.locator('.month [data-what="post-1"]').click()
        page.get_by_role("heading", name="When does it go out?").wait_for()
        assert page.get_by_label("Day").input_value() == "2027-05-13"
        assert not wrong
        context.close()
    assert "Scheduled" in server.get("/b/oak-co/posts/1")[1]


def test_on_a_phone_the_calendar_is_a_list_and_a_tap_opens_the_form(server: Server) -> None:
    form = {"day": "2027-05-04", "time": "07:30"}
    assert server.post("/b/oak-co/calendar/post-2", form)[0] == 303
    with browser_or_skip() as browser:
        context = browser.new_context(**PHONE)
        context.add_cookies(cookies(server))
        page = context.new_page()
        page.goto(f"{server.url}/b/oak-co/calendar?day=2027-05-01")
        assert not page.locator(".month").is_visible()
        assert not wide(page)
        assert page.get_by_text("Times in Europe/Berlin").is_visible()
        page.locator('.agenda [data-what="post-2"]').tap()
        page.get_by_label("Time", exact=True).fill("09:00")
        assert not wide(page)
        page.get_by_role("button", name="Set").tap()
        page.locator('.agenda [data-what="post-2"]').get_by_text("09:00").wait_for()
        context.close()
