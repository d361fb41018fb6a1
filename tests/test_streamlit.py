"""The demo app on Streamlit, in a real browser: picture, caption, Generate."""

import contextlib
import os
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

import small_brand
from browser import DESKTOP, browser_or_skip
from studio_server import until

ROOT = Path(__file__).parent.parent
APP = ROOT / "deploy" / "streamlit" / "streamlit_app.py"


def streamlit() -> list[str]:
    """The program, in this environment; Feedsmith needs it nowhere else, so it is no part of the extras."""
    pytest.importorskip("streamlit", reason="Streamlit is not installed (pip install streamlit)")
    return [sys.executable, "-m", "streamlit"]


@pytest.fixture
def address(tmp_path: Path) -> Iterator[str]:
    program = streamlit()
    (tmp_path / "brand").mkdir()
    home = small_brand.brand(tmp_path / "brand")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with (tmp_path / "said.txt").open("wb") as said:
        process = subprocess.Popen(
            [*program, "run", str(APP), "--server.port", str(port), "--server.address", "127.0.0.1",
             "--server.headless", "true", "--browser.gatherUsageStats", "false"],
            env=os.environ | {"FEEDSMITH_DEMO_HOME": str(home.root), "PYTHONPATH": os.pathsep.join([str(ROOT / "src"), *sys.path[1:]])},
            cwd=tmp_path, stdout=said, stderr=subprocess.STDOUT,
        )  # fmt: skip
        try:
            until(
                lambda: (
                    _answers(f"http://127.0.0.1:{port}/_stcore/health")
                    or process.poll() is not None
                )
            )
            assert process.poll() is None, (tmp_path / "said.txt").read_text()
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait(60)


def _answers(address: str) -> bool:
    with contextlib.suppress(OSError):
        return bool(urllib.request.urlopen(address, timeout=5).status == 200)
    return False


@pytest.mark.model
def test_a_post_is_made_while_one_waits(address: str) -> None:
    from playwright.sync_api import expect

    with browser_or_skip() as browser:
        page = browser.new_page(**DESKTOP)
        page.goto(address)
        expect(page.get_by_role("heading", name="Feedsmith")).to_be_visible(timeout=180_000)
        page.get_by_role("button", name="Generate").click(timeout=180_000)
        picture = page.get_by_test_id("stImage").locator("img")
        expect(picture).to_be_visible(timeout=600_000)
        until(lambda: picture.evaluate("image => image.naturalWidth") == 1080, 60)
        caption = page.get_by_label("Caption").input_value()
        assert len(caption) > 40
        assert "#" in caption
        assert page.get_by_test_id("stException").count() == 0
        if out := os.environ.get("FEEDSMITH_SHOTS"):
            page.screenshot(path=f"{out}/streamlit.png", full_page=True)
