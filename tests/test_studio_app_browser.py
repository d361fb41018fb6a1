"""The installed studio in a real browser: gone and back again, and posts handed to the phone."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from browser import DESKTOP, PHONE, browser_or_skip, wide
from small_studio import home
from studio_server import Server, until

pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning")

SHEET = """window.handed = [];
navigator.canShare = (what) => what.files.length > 0;
navigator.share = async ({ files }) => {
  const copied = await navigator.clipboard.readText();
  if (window.late) { window.late = false; throw new DOMException("too late", "NotAllowedError"); }
  window.handed.push({ copied, files: files.map((f) => [f.name, f.type, f.size]) });
};"""
"""A share sheet, which Chromium on Linux has not; it notes what it gets and what is copied by then."""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    running = Server(home("oak", tmp_path).root).sign_in()
    yield running
    running.close()


def visitor(browser: Any, server: Server, size: dict[str, Any]) -> Any:
    context = browser.new_context(**size, accept_downloads=True)
    context.grant_permissions(["clipboard-read", "clipboard-write"], origin=server.url)
    context.set_default_timeout(20_000)
    context.add_cookies(
        [{"name": k, "value": v, "url": server.url} for k, v in server.cookies.items()]
    )
    return context


def test_the_studio_says_so_when_it_is_gone_and_shows_nothing_of_anybody(server: Server) -> None:
    with browser_or_skip() as browser:
        context = visitor(browser, server, PHONE)
        page = context.new_page()
        wrong: list[str] = []
        page.on("console", lambda m: wrong.append(m.text) if m.type == "error" else None)
        page.goto(f"{server.url}/b/oak-co/posts")
        manifest = page.evaluate(
            "fetch(document.querySelector('link[rel=manifest]').href).then((a) => a.json())"
        )
        assert manifest["name"] == "Oak & Co"
        session = context.new_cdp_session(page)
        told = session.send("Page.getAppManifest")
        assert told["errors"] == []
        assert json.loads(told["data"])["share_target"]["action"] == "/share"
        page.evaluate("navigator.serviceWorker.ready.then(() => true)")
        until(lambda: page.evaluate("navigator.serviceWorker.controller !== null"), 20)
        page.goto(f"{server.url}/b/oak-co/posts/1")  # through the worker, and its picture
        kept = page.evaluate(
            """(async () => { const all = [];
            for (const name of await caches.keys()) for (const r of await (await caches.open(name)).keys())
              all.push(new URL(r.url).pathname);
            return all; })()"""
        )
        assert "/offline" in kept
        assert all(path == "/offline" or path.startswith("/static/") for path in kept)
        assert wrong == []

        port = urlsplit(server.url).port
        server.close()
        page.goto(f"{server.url}/b/oak-co/posts")
        page.get_by_role("heading", name="The studio does not answer.").wait_for()
        page.get_by_text("This device is online, but the studio does not answer.").wait_for()
        assert "Oak" not in page.content()
        assert page.evaluate(
            "getComputedStyle(document.querySelector('.button.main')).backgroundColor"
        ) != ("rgba(0, 0, 0, 0)")  # its style is there without the server
        assert not wide(page)
        again = Server(server.home, "--port", str(port))
        try:
            page.get_by_role("link", name="Try again").tap()
            page.wait_for_url(re.compile("/b/oak-co/posts$"))
            page.get_by_role("link", name="Library").first.wait_for()
        finally:
            again.close()
        context.close()


def test_a_finished_post_goes_to_the_phones_share_sheet_with_its_caption_copied(
    server: Server,
) -> None:
    number = next(n for n in (1, 2, 3) if "Three greens." in server.get(f"/b/oak-co/posts/{n}")[1])
    with browser_or_skip() as browser:
        context = visitor(browser, server, PHONE)
        page = context.new_page()
        page.add_init_script(SHEET)
        page.goto(f"{server.url}/b/oak-co/posts/{number}")
        assert not wide(page)
        button = page.get_by_role("button", name="Post it yourself")
        assert button.bounding_box()["height"] >= 44
        button.tap()
        until(lambda: page.evaluate("window.handed.length") == 1, 20)
        (handed,) = page.evaluate("window.handed")
        assert handed["copied"] == "Three greens.\n\n#oak #walks"
        assert [name for name, _, _ in handed["files"]] == ["01.jpg", "02.jpg", "03.jpg"]
        assert {kind for _, kind, _ in handed["files"]} == {"image/jpeg"}
        sizes = [
            (server.home / "posts/02-carousel-aaaaaa" / n).stat().st_size
            for n, _, _ in handed["files"]
        ]
        assert [size for _, _, size in handed["files"]] == sizes

        page.evaluate("window.late = true")  # the files took longer than a press counts for
        button.tap()
        page.get_by_role("button", name="Share", exact=True).tap()
        until(lambda: page.evaluate("window.handed.length") == 2, 20)
        context.close()


def test_where_there_is_no_share_sheet_the_files_are_saved_and_the_caption_copied(
    server: Server,
) -> None:
    with browser_or_skip() as browser:
        context = visitor(browser, server, DESKTOP)
        page = context.new_page()
        page.add_init_script(
            "delete Navigator.prototype.share; delete Navigator.prototype.canShare;"
        )
        page.goto(f"{server.url}/b/oak-co/posts")
        page.locator(".feed .tile a").first.click()
        with page.expect_download() as download:
            page.get_by_role("button", name="Post it yourself").click()
        assert download.value.suggested_filename == "01.jpg"
        page.get_by_text("The file is saved, the caption is copied.").wait_for()
        assert "#oak #walks" in page.evaluate("navigator.clipboard.readText()")
        context.close()


def test_a_dozen_photos_of_a_share_sheet_are_taken_at_once(server: Server) -> None:
    """Larger than what any other address takes in one request."""
    jpeg = (server.home / "posts/01-photo-aaaaaa/01.jpg").read_bytes()
    large = jpeg + b"\0" * (3 * 2**20)  # what follows the end of a JPEG is not looked at
    body = b"".join(
        b'--edge\r\nContent-Disposition: form-data; name="files"; filename="IMG_%d.jpg"\r\n'
        b"Content-Type: image/jpeg\r\n\r\n%s\r\n" % (n, large)
        for n in range(12)
    )
    kind = {"Content-Type": "multipart/form-data; boundary=edge", "Sec-Fetch-Site": "none"}
    status, _ = server.ask("POST", "/share", body + b"--edge--\r\n", **kind)
    assert status == 303
    assert "12 photos arrived" in server.get("/b/oak-co/library")[1]
