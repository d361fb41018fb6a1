"""The Create page in a real browser: press Generate, see posts come, stop, go on elsewhere."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

import small_brand
from studio_server import Server

CHROMIUM = (
    shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
)
pytestmark = pytest.mark.skipif(
    CHROMIUM is None, reason="no Chromium here (apt-get install chromium)"
)


@contextmanager
def browser_at(server: Server) -> Iterator[Any]:
    """A page of a desktop browser; whatever it complains of fails the test."""
    sync_api = pytest.importorskip("playwright.sync_api")
    with sync_api.sync_playwright() as play:
        browser = play.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu", "--disable-sync"]
        )
        context = browser.new_context(viewport={"width": 1280, "height": 800})
        context.add_cookies(
            [{"name": k, "value": v, "url": server.url} for k, v in server.cookies.items()]
        )
        page = context.new_page()
        page.set_default_timeout(60_000)
        complaints: list[str] = []
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on(
            "console",
            lambda said: complaints.append(said.text) if said.type == "error" else None,
        )
        yield page
        browser.close()
        # A form that is sent back (422) is no fault, but the browser says so.
        assert [said for said in complaints if "status of 422" not in said] == []


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A running studio, signed in with the link that it printed."""
    server = Server(small_brand.brand(tmp_path_factory.mktemp("create")).root)
    try:
        with browser_at(server) as page:
            page.goto(server.link)
            page.get_by_role("button", name="Sign in as").click()
            page.get_by_role("link", name="Tall Tree Outfitters").first.wait_for()
            server.cookies |= {c["name"]: c["value"] for c in page.context.cookies()}
        yield server
    finally:
        server.close()


@pytest.fixture
def page(server: Server) -> Iterator[Any]:
    with browser_at(server) as page:
        yield page


def test_posts_appear_on_the_open_page_as_they_are_made(server: Server, page: Any) -> None:
    page.goto(f"{server.url}/b/tall-tree-outfitters/create")
    page.get_by_role("radio", name="Quote").check()
    page.get_by_label("How many").fill("2")
    page.evaluate("window.same = true")
    page.get_by_role("button", name="Generate").click()
    page.get_by_text("2 quotes").first.wait_for()
    page.locator("#made li").nth(0).wait_for()
    page.locator("#made li").nth(1).wait_for()
    page.get_by_text("2 quotes: done").wait_for()
    assert page.locator("#made li").count() == 2
    assert page.evaluate("window.same")  # the page was never loaded again
    loaded = "i => i.complete && i.naturalWidth > 0"
    page.wait_for_function(f"() => [...document.querySelectorAll('#made img')].every({loaded})")


def test_stop_ends_it_and_the_page_says_so(server: Server, page: Any) -> None:
    page.goto(f"{server.url}/b/tall-tree-outfitters/create")
    page.get_by_label("How many").fill("9")
    page.get_by_role("button", name="Generate").click()
    page.get_by_role("button", name="Stop").click()
    page.get_by_text("stopped; what was made stays").wait_for()


def test_what_is_wrong_with_the_form_is_said_beside_it(server: Server, page: Any) -> None:
    page.goto(f"{server.url}/b/tall-tree-outfitters/create")
    page.get_by_role("radio", name="Promo").check()
    page.get_by_role("button", name="Generate").click()
    page.get_by_text("Say what the post offers").wait_for()
    with page.expect_response("**/create/jobs"):  # news of another job takes nothing away
        page.evaluate("htmx.trigger('#news', 'sse:job')")
    page.wait_for_function("() => !document.querySelector('.htmx-request, .htmx-settling')")
    assert page.get_by_text("Say what the post offers").is_visible()
    page.get_by_role("radio", name="Quote").check()
    page.get_by_label("How many").fill("1")
    page.get_by_role("button", name="Generate").click()
    page.get_by_text("1 quote").first.wait_for()
    assert page.get_by_text("Say what the post offers").count() == 0
    page.get_by_role("button", name="Stop").or_(
        page.get_by_role("button", name="Take out")
    ).first.click()
