"""The same designs by Feedsmith and as HTML in headless Chromium, which is what most tools do.

    python bench/chromium.py [--rounds 7] [--browser /usr/bin/chromium] [--memory] [--look FILE.jpg]

Five designs (bench/html/*.html are their HTML versions: same pictures, words, colours, font files,
sizes). Every way starts from picture files on disk and ends with a JPEG on disk, quality 92:

    feedsmith       design.render in a process that stays, as in a run: saliency, choice of the cut,
                    three layers by Typst, contrast measured, scrim found, JPEG
    open browser    one Chromium that stays and one page that is re-used, through Playwright
                    (where it is installed: pip install playwright; not needed otherwise)
    browser a post  chromium --headless --screenshot, the same HTML
    process a post  Feedsmith in a new Python process for each post, as a fair partner of the last

The HTML has its scrim and its cut written into it and measures nothing; Feedsmith finds both anew
for every picture. Rounds are interleaved: each design by each way, then again, words changing.
CPU seconds include all processes below (for the open browser also Playwright's driver); memory is
PSS, shared pages divided, summed over the tree every 20 ms in rounds of its own (--memory).
"""

import argparse
import contextlib
import ctypes
import html
import io
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from string import Template

# The packages of Feedsmith are imported where they are used: the process that drives the browser
# must not carry them.
HERE = Path(__file__).parent
FONTS = HERE.parent / "src/feedsmith/design/fonts"
QUALITY = 92
PAIR = "fraunces"
FLAGS = ("--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--no-first-run")
WORDS = (
    "Leave early, pack a flask, take the long way back",
    "Rain is only weather, and boots are only leather",
    "The best bench is an hour uphill from the car park",
    "Nobody ever missed the train back on purpose twice",
)
SHORT = ("Five walks under old beeches", "Home by starlight", "Boots off, kettle on", "First frost")
# Design -> format, colours, pictures by slot, words by slot ("{long}" and "{short}" change).
DESIGNS: dict[str, tuple[str, str, dict[str, str], dict[str, str]]] = {
    "quote-over": (
        "portrait", "picture", {"main": "0"},
        {"quote": "{long}", "who": "@talltreeoutfitters"},
    ),
    "promo-block": (
        "portrait", "accent", {"main": "4"},
        {"kicker": "Tall Tree Outfitters", "offer": "{short}", "dates": "3 May", "price": "12 EUR",
         "cta": "@talltreeoutfitters"},
    ),
    "product-stage": (
        "portrait", "tint", {"cutout": "cutout"},
        {"kicker": "Tall Tree Outfitters", "name": "Lakeside sneaker", "price": "79 EUR",
         "was": "95 EUR", "cta": "{short}", "footer": "@talltreeoutfitters"},
    ),
    "story-window": (
        "story", "paper", {"main": "2"},
        {"kicker": "Tall Tree Outfitters", "headline": "{short}",
         "body": "Meet at the trail head. Bring a flask and a friend.",
         "footer": "@talltreeoutfitters"},
    ),
    "collage-mosaic": (
        "portrait", "second", {"main": "0", "b": "1", "c": "3", "d": "5"},
        {"headline": "{short}", "footer": "@talltreeoutfitters"},
    ),
}  # fmt: skip


# ---- What every way is given -------------------------------------------------------------------


def prepare(folder: Path) -> None:
    """Picture files: photos as a post gets them, and one product cut out beforehand."""
    from PIL import Image

    from feedsmith.design import cutout
    from posts import DEMO, photos, pixels

    paths = photos(folder)
    for i, path in enumerate(paths):
        size = (1080, 1920) if i == 2 else (1080, 1350)
        Image.fromarray(pixels(path, size)).save(folder / f"{i}.jpg", quality=95)
    rgb = pixels(DEMO / "products/lakeside-sneaker.jpg", (1024, 1024))
    Image.fromarray(cutout.cut(rgb).rgba).save(folder / "cutout.png")
    for name in DESIGNS:
        for turn in range(len(WORDS)):
            source_of(folder, name, turn).write_text(page(folder, name, turn), "utf-8")


def words_of(name: str, turn: int) -> dict[str, str]:
    long, short = WORDS[turn % len(WORDS)], SHORT[turn % len(SHORT)]
    return {slot: w.format(long=long, short=short) for slot, w in DESIGNS[name][3].items()}


def file_of(folder: Path, picture: str) -> Path:
    return folder / (f"{picture}.png" if picture == "cutout" else f"{picture}.jpg")


# ---- Feedsmith ---------------------------------------------------------------------------------


def ours(folder: Path, name: str, turn: int, out: Path) -> None:
    import numpy as np
    from PIL import Image

    from feedsmith.brand import Palette
    from feedsmith.design import palette
    from feedsmith.design.render import render
    from feedsmith.understanding.saliency import by_contrast

    form, scheme, named, _ = DESIGNS[name]
    shots = {}
    for slot, picture in named.items():
        with Image.open(file_of(folder, picture)) as image:
            shots[slot] = np.asarray(image.convert("RGBA" if slot == "cutout" else "RGB"))
    made = render(
        name, words_of(name, turn), shots, palette.complete(Palette()), form, turn,
        scheme="" if scheme == "picture" else scheme, pair=PAIR,
        saliency={s: by_contrast(rgb[..., :3]) for s, rgb in shots.items() if s != "cutout"},
    )  # fmt: skip
    buffer = io.BytesIO()
    Image.fromarray(made.rgb).save(buffer, "JPEG", quality=QUALITY, subsampling=0, optimize=True)
    out.write_bytes(buffer.getvalue())


# ---- Chromium ----------------------------------------------------------------------------------


def page(folder: Path, name: str, turn: int) -> str:
    """The design as HTML, its words and colours filled in."""
    from feedsmith import rules
    from feedsmith.brand import Palette
    from feedsmith.design import palette

    form, scheme, named, _ = DESIGNS[name]
    size = rules.FORMATS[form]
    roles = palette.complete(Palette())
    colours = palette.scheme("ink" if scheme == "picture" else scheme, roles)
    if scheme == "picture":
        colours |= palette.over("#6a6c60", roles, True)
    values = {slot: html.escape(words) for slot, words in words_of(name, turn).items()}
    values |= {slot: file_of(folder, picture).as_uri() for slot, picture in named.items()}
    style = Template((HERE / "html/common.css").read_text()).substitute(fonts=FONTS.as_uri())
    variables = ";".join(f"--{role.replace('_', '-')}:{c}" for role, c in colours.items())
    head = (
        f"<!doctype html><meta charset=utf-8><style>:root{{{variables};"
        f"--w:{size.width}px;--h:{size.height}px}}{style}</style>"
    )
    fit = f"<script>{(HERE / 'html/fit.js').read_text()}</script>"
    return head + Template((HERE / f"html/{name}.html").read_text()).substitute(values) + fit


def source_of(folder: Path, name: str, turn: int) -> Path:
    return folder / f"{name}-{turn % len(WORDS)}.html"


def size_of(name: str) -> tuple[int, int]:
    return (1080, 1920) if DESIGNS[name][0] == "story" else (1080, 1350)


def shot_by_program(browser: str, folder: Path, name: str, turn: int, out: Path) -> None:
    width, height = size_of(name)
    headless = [] if "headless-shell" in browser else ["--headless"]
    with tempfile.TemporaryDirectory() as profile:
        subprocess.run(
            [browser, *headless, *FLAGS, f"--user-data-dir={profile}", f"--screenshot={out}",
             f"--window-size={width},{height}", source_of(folder, name, turn).as_uri()],
            check=True, capture_output=True, timeout=120,
        )  # fmt: skip


class OpenBrowser:
    """One browser, one page, through Playwright."""

    def __init__(self, browser: str) -> None:
        from playwright.sync_api import sync_playwright

        self._driver = sync_playwright().start()
        self._browser = self._driver.chromium.launch(executable_path=browser, args=list(FLAGS))
        self._page = self._browser.new_page()
        self._size = (0, 0)

    def shot(self, folder: Path, name: str, turn: int, out: Path) -> None:
        if self._size != size_of(name):
            self._size = size_of(name)
            self._page.set_viewport_size({"width": self._size[0], "height": self._size[1]})
        self._page.goto(source_of(folder, name, turn).as_uri())
        self._page.wait_for_function("window.fitted === true")
        self._page.screenshot(path=str(out), type="jpeg", quality=QUALITY)


# ---- Measuring ---------------------------------------------------------------------------------


def adopt_orphans() -> None:
    """Processes whose parent ends come to us, so that their seconds are counted."""
    ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)  # PR_SET_CHILD_SUBREAPER


def tree(root: int) -> list[int]:
    """Process ids of `root` and all below it."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                stat = (entry / "stat").read_text().rpartition(")")[2].split()
                children.setdefault(int(stat[1]), []).append(int(entry.name))
    found, todo = [], [root]
    while todo:
        found.append(todo.pop())
        todo += children.get(found[-1], [])
    return found


def spent(root: int) -> float:
    """CPU seconds of a tree of processes so far, the ended ones included."""
    total = 0
    for pid in tree(root):
        with contextlib.suppress(OSError):
            stat = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            total += sum(map(int, stat[11:15]))
    return total / os.sysconf("SC_CLK_TCK")


def proportional(root: int, apart: int = 0) -> dict[str, float]:
    """MB of a tree of processes now by program, shared pages divided among those who share them."""
    total: dict[str, float] = {}
    for pid in tree(root):
        if pid != apart:
            with contextlib.suppress(OSError):
                program = Path(f"/proc/{pid}/comm").read_text().strip()
                for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
                    if line.startswith("Pss:"):
                        total[program] = total.get(program, 0) + int(line.split()[1]) / 1024
    return total


class Watch:
    """The highest PSS of a tree of processes while it is open."""

    def __init__(self, root: int, apart: int = 0) -> None:
        self.peak: dict[str, float] = {}
        self._root, self._apart = root, apart
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        while not self._done.wait(0.02):
            now = proportional(self._root, self._apart)
            if sum(now.values()) > sum(self.peak.values()):
                self.peak = now

    def __enter__(self) -> "Watch":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()


class Worker:
    """A way of making posts in a process that stays, asked over a pipe."""

    def __init__(self, way: str, folder: Path, browser: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, __file__, "--worker", way, "--folder", folder, "--browser", browser],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        self.pid = self._process.pid

    def make(self, name: str, turn: int, out: Path) -> tuple[float, float]:
        """CPU and wall seconds."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        cpu, wall = spent(self.pid), time.perf_counter()
        self._process.stdin.write(json.dumps([name, turn, str(out)]) + "\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        wall = time.perf_counter() - wall
        assert answer.strip() == "done", f"{name}: {answer}"
        return spent(self.pid) - cpu, wall

    def close(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(60)


def work(way: str, folder: Path, browser: str) -> None:
    """The other end of a Worker; an empty name means: no post."""
    opened = OpenBrowser(browser) if way == "open browser" else None
    if opened is None:
        from feedsmith import memory

        memory.be_frugal()  # as a run does
    for line in sys.stdin:
        name, turn, out = json.loads(line)
        if opened is not None:
            opened.shot(folder, name, turn, Path(out))
        else:
            ours(folder, name, turn, Path(out))
        print("done", flush=True)
    os._exit(0) if opened is None else opened._driver.stop()


def once(
    way: str, folder: Path, browser: str, name: str, turn: int, out: Path
) -> tuple[float, float]:
    """CPU and wall seconds of a post with processes of its own."""
    before, wall = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    if way == "browser a post":
        shot_by_program(browser, folder, name, turn, out)
    else:
        subprocess.run(
            [sys.executable, __file__, "--worker", "feedsmith", "--folder", folder],
            input=json.dumps([name, turn, str(out)]) + "\n", check=True, capture_output=True,
            text=True,
        )  # fmt: skip
    wall = time.perf_counter() - wall
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return cpu, wall


def ways(folder: Path, browser: str) -> dict[str, Worker | None]:
    """Ways to measure; None for those with a process a post."""
    found: dict[str, Worker | None] = {"feedsmith": Worker("feedsmith", folder, browser)}
    try:
        import playwright  # noqa: F401
    except ImportError:
        print("Playwright is not installed: the browser that stays open is left out.")
    else:
        found["open browser"] = Worker("open browser", folder, browser)
    return found | {"browser a post": None, "process a post": None}


def measure(folder: Path, browser: str, rounds: int) -> None:
    out = folder / "out.jpg"
    costs: dict[tuple[str, str], list[tuple[float, float]]] = {}
    all_ways = ways(folder, browser)
    for way, worker in all_ways.items():
        if worker is not None:
            cold = worker.make("quote-over", 99, out)
            print(f"{way}: {spent(worker.pid):.2f} CPU-s from start to the first post, "
                  f"that one {cold[1]:.2f} s on the clock")  # fmt: skip
            for name in DESIGNS:
                worker.make(name, 98, out)
    for turn in range(rounds):
        for name in DESIGNS:
            for way, worker in all_ways.items():
                if worker is not None:
                    cost = worker.make(name, turn, out)
                elif turn >= max(3, rounds // 2):
                    continue  # a process a post is slow: fewer rounds
                else:
                    cost = once(way, folder, browser, name, turn, out)
                costs.setdefault((name, way), []).append(cost)
    for worker in all_ways.values():
        if worker is not None:
            worker.close()
    load = os.getloadavg()[0]
    print(
        f"\nload {load:.1f}; CPU-s a post: median (least-most), seconds on the clock, ratio to ours"
    )
    everything: dict[str, list[float]] = {}
    for name in DESIGNS:
        mine = costs[name, "feedsmith"]
        for way in all_ways:
            those = costs[name, way]
            cpu = [c for c, _ in those]
            pairs = [c / m for (c, _), (m, _) in zip(those, mine, strict=False)]
            everything.setdefault(way, []).extend(pairs)
            print(
                f"{name:15} {way:15} {statistics.median(cpu):5.2f} ({min(cpu):.2f}-{max(cpu):.2f})  "
                f"{statistics.median(w for _, w in those):5.2f} s  x{statistics.median(pairs):.1f}"
            )
    for way, pairs in everything.items():
        print(f"{'all designs':15} {way:15} x{statistics.median(pairs):.2f} "
              f"({min(pairs):.2f}-{max(pairs):.2f})")  # fmt: skip


def memory(folder: Path, browser: str) -> None:
    """Highest PSS over a round of all designs, by way, and the programs it is made of."""
    out = folder / "out.jpg"
    for way, worker in ways(folder, browser).items():
        root = worker.pid if worker is not None else os.getpid()
        apart = 0 if worker is not None else os.getpid()
        peaks = []
        for turn in range(3):
            with Watch(root, apart) as watch:
                for name in DESIGNS:
                    if worker is not None:
                        worker.make(name, turn, out)
                    else:
                        once(way, folder, browser, name, turn, out)
            peaks.append(watch.peak)
        sums = [sum(peak.values()) for peak in peaks]
        programs = ", ".join(f"{name} {mb:.0f}" for name, mb in sorted(peaks[-1].items()))
        count = f"; {len(tree(root))} processes" if worker is not None else ""
        if worker is not None:
            worker.close()
        print(f"{way:15} {statistics.median(sums):5.0f} MB ({min(sums):.0f}-{max(sums):.0f}): "
              f"{programs}{count}", flush=True)  # fmt: skip


def look(folder: Path, browser: str, path: Path, width: int = 380) -> None:
    """Every design twice: ours above, Chromium's below."""
    from PIL import Image, ImageDraw

    cells: list[list[Image.Image]] = []
    for name in DESIGNS:
        pair = []
        for way in (ours, lambda *of: shot_by_program(browser, *of)):
            out = folder / f"{name}-{len(pair)}.jpg"
            way(folder, name, 0, out)
            with Image.open(out) as image:
                pair.append(image.convert("RGB"))
        cells.append(pair)
    gap, label = 16, 40
    height = round(width * 1.25)
    sheet = Image.new(
        "RGB", (len(cells) * (width + gap) + gap, 2 * (height + label) + gap), "#d6d3cb"
    )
    draw = ImageDraw.Draw(sheet)
    for row, title in enumerate(("Feedsmith (Typst)", "HTML and CSS in headless Chromium")):
        top = row * (height + label)
        draw.text((gap, top + 12), title, fill="#222222", font_size=18)
        for column, pair in enumerate(cells):
            small = pair[row].copy()
            small.thumbnail((width, height), Image.Resampling.LANCZOS)
            x = gap + column * (width + gap) + (width - small.width) // 2
            sheet.paste(small, (x, top + label))
    sheet.save(path, quality=72, optimize=True)
    print(path, path.stat().st_size // 1000, "kB")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--browser", default=shutil.which("chromium") or "")
    parser.add_argument("--memory", action="store_true")
    parser.add_argument("--look", type=Path)
    parser.add_argument("--worker", default="", help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.worker:
        work(asked.worker, asked.folder, asked.browser)
        return
    if not asked.browser:
        print("There is no chromium here: nothing to compare with.")
        return
    adopt_orphans()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        prepare(folder)
        if asked.look:
            look(folder, asked.browser, asked.look)
        elif asked.memory:
            memory(folder, asked.browser)
        else:
            measure(folder, asked.browser, asked.rounds)


if __name__ == "__main__":
    main()
