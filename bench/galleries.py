"""The same gallery in the studio, in Streamlit and in Gradio, side by side in a real browser.

    python bench/galleries.py --peers PYTHON [--axe axe.min.js] [--rounds 3] [--clicks 50]

PYTHON is the interpreter of an environment with `pip install streamlit gradio`. 300 posts (60 pictures,
WebP of 480 pixels, the same files for all), 60 a page, 5 pages, and a button that shows another post.
It makes none: no generator is measured. In the studio a click goes to the next post's own page, with
its frame, its words and its history, which is more than the peers show.

One round starts each server afresh: time until it answers, until the browser shows the captions; bytes
of the first visit (nothing cached) besides pictures and with them; resident memory of all its processes at rest,
after the five pages, after the clicks; processor time of the server a click; what axe-core complains of.
"""

import argparse
import json
import os
import re
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "src"), str(ROOT / "bench")]

from playwright.sync_api import sync_playwright  # noqa: E402

import studio  # noqa: E402
from browser import CHROMIUM, DESKTOP  # noqa: E402
from studio_server import Server, memory, until  # noqa: E402

POSTS, PICTURES = 300, 60


def gallery(home: Path, folder: Path) -> None:
    """The studio's posts as files for the others: the same pictures and words."""
    from feedsmith.studio.models import Draft
    from feedsmith.studio.pages.media import shrunk

    rows = []
    for number, draft in enumerate(Draft.objects.order_by("-position", "-id")):
        name = f"{number % PICTURES:02d}.webp"
        if number < PICTURES:
            source = home / "posts" / f"{number:02d}-photo-aaaaaa" / "01.jpg"
            (folder / name).write_bytes(shrunk(source, 480))
        rows.append({"picture": name, "caption": draft.caption})
    (folder / "posts.json").write_text(json.dumps(rows), "utf-8")


def tree(pid: int) -> list[int]:
    """A process and all below it."""
    children = Path(f"/proc/{pid}/task/{pid}/children")
    below = [int(n) for n in children.read_text().split()] if children.exists() else []
    return [pid, *(n for child in below for n in tree(child))]


def megabytes(pid: int) -> float:
    return sum(memory(one) for one in tree(pid)) / 2**20


def processor(pid: int) -> float:
    """Seconds it has used so far."""
    stat = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(stat[11]) + int(stat[12])) / os.sysconf("SC_CLK_TCK")


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return int(listening.getsockname()[1])


@contextmanager
def peer(command: list[str], port: int) -> Iterator[subprocess.Popen[bytes]]:
    """A server of somebody else, from its start until it answers."""
    quiet = {"GRADIO_ANALYTICS_ENABLED": "False", "STREAMLIT_BROWSER_GATHER_USAGE_STATS": "false"}
    process = subprocess.Popen(
        command, env=os.environ | quiet, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )

    def answers() -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=5):
                return True
        except (urllib.error.URLError, OSError):
            return process.poll() is not None

    try:
        until(answers, 120)
        assert process.poll() is None, command
        yield process
    finally:
        process.terminate()
        process.wait(20)


class Visit:
    """A browser of its own, which counts what comes over the wire."""

    def __init__(self, chromium: Any, cookies: list[dict[str, str]]) -> None:
        # A service worker would answer in the server's place, and its bytes would not be seen.
        self.context = chromium.new_context(**DESKTOP, service_workers="block")
        self.context.set_default_timeout(90_000)
        if cookies:
            self.context.add_cookies(cookies)
        self.page = self.context.new_page()
        self.bytes = self.pictures = 0
        kinds: dict[str, str] = {}
        wire = self.context.new_cdp_session(self.page)
        wire.send("Network.enable")
        wire.on("Network.responseReceived", lambda e: kinds.update({e["requestId"]: e["type"]}))

        def finished(event: dict[str, Any]) -> None:
            picture = kinds.get(event["requestId"]) == "Image"
            self.pictures += event["encodedDataLength"] * picture
            self.bytes += event["encodedDataLength"] * (not picture)

        def frame(event: dict[str, Any]) -> None:
            data, binary = event["response"]["payloadData"], event["response"]["opcode"] == 2
            self.bytes += len(data) * 3 // 4 if binary else len(data)

        wire.on("Network.loadingFinished", finished)
        wire.on("Network.webSocketFrameReceived", frame)


def measured(
    visit: Visit, pid: int, url: str, axe: str, clicks: int,
    turn: Callable[[Any, int], None], click: Callable[[Any, int], None],
) -> dict[str, float]:  # fmt: skip
    """One round at a server that has just started."""
    page, told = visit.page, {"at_rest_mb": megabytes(pid)}
    began = time.perf_counter()
    page.goto(url)
    turn(page, 1)
    told["shown_s"] = time.perf_counter() - began
    page.wait_for_timeout(1500)  # what comes after: fonts, scripts, pictures in view
    told["first_visit_kb"] = visit.bytes / 1000
    told["pictures_kb"] = visit.pictures / 1000
    if axe:
        page.evaluate(axe)
        found = page.evaluate("axe.run().then((r) => r.violations.map((v) => v.nodes.length))")
        told["axe_rules"], told["axe_places"] = len(found), sum(found)
    before = visit.bytes
    for number in range(2, 6):
        turn(page, number)
    page.wait_for_timeout(500)
    told["next_page_kb"] = (visit.bytes - before) / 4 / 1000
    told["after_5_pages_mb"] = megabytes(pid)
    used, began, before = processor(pid), time.perf_counter(), visit.bytes
    for number in range(1, clicks + 1):
        click(page, number)
    told["click_ms"] = 1000 * (time.perf_counter() - began) / clicks
    told["click_cpu_ms"] = 1000 * (processor(pid) - used) / clicks
    told["click_kb"] = (visit.bytes - before) / clicks / 1000
    told[f"after_{clicks}_clicks_mb"] = megabytes(pid)
    visit.context.close()
    return told


def ours(chromium: Any, home: Path, axe: str, clicks: int) -> dict[str, float]:
    began = time.perf_counter()
    server = Server(home)
    start = time.perf_counter() - began
    try:
        server.sign_in()
        cookies = [{"name": k, "value": v, "url": server.url} for k, v in server.cookies.items()]

        def turn(page: Any, number: int) -> None:
            if number > 1:
                page.goto(f"{server.url}/b/oak/posts?view=list&page={number}")
            page.wait_for_selector(".line .words, .tile img")
            if number == 5:
                page.click(".line a.words")
                page.wait_for_selector("h1")

        def click(page: Any, number: int) -> None:
            before = page.url
            key = "[data-key=j]" if page.locator("[data-key=j]").count() else "[data-key=k]"
            page.click(key)
            page.wait_for_url(lambda url: url != before)
            page.wait_for_selector("h1")

        return {"start_s": start} | measured(
            Visit(chromium, cookies), server.process.pid, f"{server.url}/b/oak/posts?view=list",
            axe, clicks, turn, click,
        )  # fmt: skip
    finally:
        server.close()


def streamlit(chromium: Any, python: str, folder: Path, axe: str, clicks: int) -> dict[str, float]:
    port = free_port()
    began = time.perf_counter()
    command = [
        python, "-m", "streamlit", "run", str(ROOT / "bench/peers/streamlit_gallery.py"),
        "--server.headless", "true", "--server.port", str(port), "--server.address", "127.0.0.1", "--", str(folder),
    ]  # fmt: skip
    captions = [row["caption"] for row in json.loads((folder / "posts.json").read_text("utf-8"))]
    with peer(command, port) as process:
        start = time.perf_counter() - began

        def turn(page: Any, number: int) -> None:
            if number > 1:
                choice = re.compile(f"^{number}$")
                page.locator("[data-testid=stRadio] label").filter(has_text=choice).click()
            page.get_by_text(captions[number * 60 - 1], exact=True).first.wait_for()

        def click(page: Any, number: int) -> None:
            page.get_by_role("button", name="Generate").click()
            page.get_by_text(f"{number}: ").first.wait_for()

        return {"start_s": start} | measured(
            Visit(chromium, []), process.pid, f"http://127.0.0.1:{port}/", axe, clicks, turn, click
        )


def gradio(chromium: Any, python: str, folder: Path, axe: str, clicks: int) -> dict[str, float]:
    port = free_port()
    began = time.perf_counter()
    command = [python, str(ROOT / "bench/peers/gradio_gallery.py"), str(folder), str(port)]
    captions = [row["caption"] for row in json.loads((folder / "posts.json").read_text("utf-8"))]
    with peer(command, port) as process:
        start = time.perf_counter() - began

        def turn(page: Any, number: int) -> None:
            if number > 1:
                page.get_by_role("radio", name=str(number)).click()
            page.get_by_text(captions[number * 60 - 1], exact=True).first.wait_for(state="attached")

        def click(page: Any, number: int) -> None:
            page.get_by_role("button", name="Generate").click()
            page.get_by_text(f"{number}: ").first.wait_for()

        return {"start_s": start} | measured(
            Visit(chromium, []), process.pid, f"http://127.0.0.1:{port}/", axe, clicks, turn, click
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--peers", required=True, help="python of an environment with both")
    parser.add_argument("--axe", type=Path, help="axe.min.js (npm pack axe-core)")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--clicks", type=int, default=50)
    options = parser.parse_args()
    axe = options.axe.read_text("utf-8") if options.axe else ""
    told: dict[str, list[dict[str, float]]] = {"feedsmith": [], "streamlit": [], "gradio": []}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        home = studio.brand(folder, POSTS)
        (folder / "gallery").mkdir()
        gallery(home, folder / "gallery")
        from django.db import connections

        connections.close_all()
        with sync_playwright() as playwright:
            flags = ["--no-sandbox", "--disable-gpu"]
            for _ in range(options.rounds):
                for who, run in (
                    ("feedsmith", lambda c: ours(c, home, axe, options.clicks)),
                    ("streamlit", lambda c: streamlit(c, options.peers, folder / "gallery", axe, options.clicks)),
                    ("gradio", lambda c: gradio(c, options.peers, folder / "gallery", axe, options.clicks)),
                ):  # fmt: skip
                    chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=flags)
                    told[who].append(run(chromium))
                    chromium.close()
                    print(who, {k: round(v, 1) for k, v in told[who][-1].items()}, file=sys.stderr)
    for what in told["feedsmith"][0]:
        line = {}
        for who, rounds in told.items():
            values = sorted(one[what] for one in rounds)
            line[who] = [
                round(statistics.median(values), 1),
                round(values[0], 1),
                round(values[-1], 1),
            ]
        print(
            f"{what:>22}", "  ".join(f"{who} {m} ({a} to {b})" for who, (m, a, b) in line.items())
        )


if __name__ == "__main__":
    main()
