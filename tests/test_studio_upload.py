"""An upload in a real browser: the connection breaks, the page is loaded anew, and the file goes on."""

import os
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from browser import DESKTOP, browser_or_skip
from small_studio import home
from studio_server import Server

PIECE = 1 << 20


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    running = Server(home("oak", tmp_path).root).sign_in()
    yield running
    running.close()


def test_an_upload_goes_on_after_a_broken_connection_and_a_reload_and_is_imported(
    server: Server, tmp_path: Path, pictures: dict[str, bytes]
) -> None:
    export = tmp_path / "export.zip"
    with zipfile.ZipFile(export, "w") as archive:
        for name in sorted(pictures)[:3]:
            archive.writestr(f"{name}.jpg", pictures[name])
        archive.writestr("notes.bin", os.urandom(4 * PIECE))
    starts: list[int] = []
    broken: set[int] = {1 * PIECE}
    down = False

    def on_piece(route: Any) -> None:
        start = int(re.findall(r"from=(\d+)", route.request.url)[0])
        starts.append(start)
        if start in broken or (down and start >= 3 * PIECE):
            broken.discard(start)
            route.abort("connectionreset")
        else:
            route.continue_()

    with browser_or_skip() as browser:
        context = browser.new_context(**DESKTOP)
        context.add_cookies(
            [{"name": k, "value": v, "url": server.url} for k, v in server.cookies.items()]
        )
        page = context.new_page()
        page.on("dialog", lambda dialog: dialog.accept())
        page.route(re.compile(r"/library/uploads/[^/]+\?from="), on_piece)
        page.goto(f"{server.url}/b/oak-co/library")
        down = True
        page.set_input_files("input[type=file]", export)
        # Broken once: it goes on by itself. Then the connection stays away.
        page.get_by_text("The connection broke; it goes on by itself.").wait_for()
        with page.expect_event("requestfailed", lambda request: f"from={3 * PIECE}" in request.url):
            pass
        assert starts[:4] == [0, PIECE, PIECE, 2 * PIECE]
        page.reload()
        page.get_by_text("3.0 MB of 4.").wait_for()
        page.get_by_text("Choose the same file again and it goes on.").wait_for()
        down = False
        starts.clear()
        page.set_input_files("input[type=file]", export)
        page.get_by_text("The last import").wait_for(timeout=120_000)
        assert starts == [3 * PIECE, 4 * PIECE]
        page.get_by_text("0 posts and 3 photos are new.").wait_for()
        page.get_by_role("link", name="Show the photos").click()
        assert page.locator(".photos img").count() == 3
        context.close()
    left = [p for p in (server.home / "studio" / "uploads").rglob("*") if p.is_file()]
    assert not left
