"""What the design of a post costs, by kind: CPU seconds, seconds on the clock, memory.

    python bench/posts.py [--count 20] [--films 3] [--only KIND] [--parts]

The pictures, the words and the offer are given (photos and products of the demo brand), so this is
the step from those to finished files alone: layout, type, contrast, cut-out and backdrop, film, JPEG.
No picture is recomposed and no caption written here (bench/generating.py measures everything).

Each kind has a fresh process of its own; the first post stands apart, because it reads fonts and
layouts. Memory is the peak resident set of that process; `before` is what stands there before the
first post: Python, the packages and the decoded pictures. Posts of a kind take different layouts,
as in a run. `--parts` says instead where the seconds go, by function.
"""

import argparse
import cProfile
import json
import pstats
import resource
import statistics
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from feedsmith import brand, memory, provenance, rules
from feedsmith.captions.brief import Caption
from feedsmith.design import palette
from feedsmith.design.template import Look
from feedsmith.film import gif, loop, reel
from feedsmith.film.encode import Film
from feedsmith.images.api import Picture
from feedsmith.post import Brief, Kind, Offer, Originality
from feedsmith.understanding.saliency import by_contrast
from feedsmith.workshop.designs import Designer
from feedsmith.workshop.media import jpeg
from feedsmith.workshop.order import Order

DEMO = Path(__file__).parent.parent / "demo"
EXPORT = DEMO / "tall-tree-outfitters-export.zip"
KINDS: tuple[Kind, ...] = (
    "photo", "quote", "promo", "product", "collage", "story", "carousel", "reel", "gif",
)  # fmt: skip
FILMS = ("reel", "gif")
SCENES = (
    "147-forest-stream", "146-aitzgorri-mountain-meadow", "160-tea-gardens", "154-purple-sage",
    "148-picos-de-europa-trail", "188-mountain-stream",
)  # fmt: skip
"""Photos of the demo brand: calm and busy ones, light and dark ones."""
LINES = (
    "Leave early, pack a flask",
    "Five walks under old beeches",
    "The long way back is the good one",
    "Rain is only weather",
    "Boots off, kettle on",
)
OFFERS = (
    Offer(text="Guided oak walk", dates="3 May", price="12 EUR", call="Book at the desk"),
    Offer(name="Trail maps", price="18 EUR", was="24 EUR", dates="12 to 19 October"),
    Offer(text="20 % off all flasks", dates="3 to 9 May"),
)
GOODS = (
    ("cabin-candle.jpg", Offer(name="Cabin candle", price="18 EUR")),
    ("kids-day-pack.jpg", Offer(name="Kids' day pack", price="39 EUR", was="48 EUR")),
    ("camp-sloth.jpg", Offer(name="Camp sloth", price="24 EUR")),
    ("lakeside-sneaker.jpg", Offer(name="Lakeside sneaker", price="79 EUR")),
)
SIZES = {"story": "story", "reel": "story"}
PARTS = {
    ("render.py", "draw"): "Typst: draw a layer (three a picture), and decode its PNG",
    ("render.py", "_query"): "Typst: ask for places (two a picture)",
    ("contrast.py", "elements"): "find the letters",
    ("contrast.py", "measured"): "measure the contrast",
    ("render.py", "_veil"): "find and paint the scrim",
    ("render.py", "_over"): "lay layers on the page",
    ("render.py", "_paint"): "pictures into frames",
    ("pictures.py", "best_window"): "choose the cut and the calm side",
    ("saliency.py", "by_contrast"): "saliency",
    ("cutout.py", "cut"): "cut-out",
    ("backdrop.py", "scene"): "backdrop",
    ("media.py", "jpeg"): "JPEG with provenance",
}
"""File and function -> what it does, for --parts. best_window is also called by _paint."""


def photos(folder: Path) -> list[Path]:
    """Take the scenes out of the demo brand's export."""
    with zipfile.ZipFile(EXPORT) as archive:
        names = archive.namelist()
        for scene in SCENES:
            name = next(n for n in names if Path(n).name.startswith(scene))
            (folder / f"{scene}.jpg").write_bytes(archive.read(name))
    return [folder / f"{scene}.jpg" for scene in SCENES]


def pixels(path: Path, size: tuple[int, int]) -> np.ndarray:
    with Image.open(path) as image:
        return np.asarray(ImageOps.fit(image.convert("RGB"), size, Image.Resampling.LANCZOS))


def picture(rgb: np.ndarray, name: str) -> Picture:
    words = tuple(name.split("-")[1:])
    edited = Originality(nearest=name, similarity=1.0, copied_area=1.0, label="edited photo")
    return Picture(rgb, "crop", (name,), words, (), None, "", edited)


class Bench:
    """One kind's posts, one after the other, in this process."""

    def __init__(self, kind: Kind, scenes: Path, out: Path) -> None:
        self.kind = kind
        self.out = out
        self.format = rules.FORMATS[SIZES.get(kind, "portrait")]
        # A photo that fills the page has no design; one that does not is framed.
        width, height = self.format.width, 1080 if kind == "photo" else self.format.height
        paths = [(DEMO / "products" / name) for name, _ in GOODS]
        if kind != "product":
            paths = [scenes / f"{scene}.jpg" for scene in SCENES]
        self.pictures = [
            picture(pixels(path, (1024, 1024) if kind == "product" else (width, height)), path.stem)
            for path in paths
        ]
        settings = brand.read(DEMO / "brand.toml")
        roles = palette.complete(settings.palette)
        self.designer = Designer(settings, brand.Home(out), roles, lambda note: None)
        self.stamp = provenance.Stamp(source_type="composite", creator=settings.name)
        self.seen: list[Look] = []

    def post(self, turn: int) -> tuple[str, int]:
        """Make one; returns its layout and the bytes of its files."""
        offer = Offer()
        if self.kind == "promo":
            offer = OFFERS[turn % len(OFFERS)]
        elif self.kind == "product":
            offer = GOODS[turn % len(GOODS)][1]
        line = LINES[turn % len(LINES)]
        order = Order(turn, Brief(kind=self.kind, offer=offer), self.format, 100 + turn, 7)
        caption = Caption(
            text=f"{line}. See you at the trail head.", route="skeleton", score=1, reasons={},
            headline=line, quote=line, slides=LINES[:4],
        )  # fmt: skip
        start = turn % len(self.pictures)
        shown = [*self.pictures[start:], *self.pictures[:start]]
        if self.kind == "reel":
            return "reel", self._reel(order, shown[:3])
        if self.kind == "gif":
            return "gif", self._gif(order, shown[0])
        shown = shown[: {"collage": 4, "carousel": 4}.get(self.kind, 1)]
        pages = self.designer.pages(order, shown, caption, self.seen[-9:])
        self.seen += [Look(p.template, p.scheme, p.tone) for p in pages[:1]]  # type: ignore[arg-type]
        sizes = [len(jpeg(page.rgb, self.stamp)) for page in pages]
        return pages[0].template, sum(sizes)

    def _reel(self, order: Order, shown: list[Picture]) -> int:
        path = self.out / "01.mp4"
        made = reel.make(
            path, [p.rgb for p in shown], LINES[:3],
            closing={"headline": self.designer.sign, "cta": self.designer.at},
            roles=self.designer.roles, pair=self.designer.pair, run_seed=order.run_seed,
            turn=order.turn, saliency=[by_contrast(p.rgb) for p in shown],
        )  # fmt: skip
        provenance.stamp_mp4(path, self.stamp)
        return path.stat().st_size + len(jpeg(made.cover, self.stamp))

    def _gif(self, order: Order, main: Picture) -> int:
        film, image = self.out / "01.mp4", self.out / "01.gif"
        moving = loop.frames(main.rgb, by_contrast(main.rgb), order.seed, keywords=main.shows)
        height, width = main.rgb.shape[:2]
        with Film(film, width, height, moving.fps) as writer:
            for frame in moving.frames():
                writer.add_rgb(frame)
        gif.write(image, moving)
        image.write_bytes(provenance.stamp_gif(image.read_bytes(), self.stamp))
        provenance.stamp_mp4(film, self.stamp)
        return film.stat().st_size + image.stat().st_size + len(jpeg(main.rgb, self.stamp))


def peak() -> float:
    """MB that this process has held at most."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def timed(make: Callable[[], object]) -> tuple[float, float]:
    """CPU seconds (all threads) and seconds on the clock."""
    wall, cpu = time.perf_counter(), time.process_time()
    make()
    return time.process_time() - cpu, time.perf_counter() - wall


def one(kind: Kind, scenes: Path, count: int) -> dict[str, object]:
    with tempfile.TemporaryDirectory() as folder:
        memory.be_frugal()  # as a run does
        bench = Bench(kind, scenes, Path(folder))
        before, layouts, spent = peak(), set[str](), []
        for turn in range(count):
            found: list[str] = []
            spent.append(timed(lambda t=turn, f=found: f.append(bench.post(t)[0])))  # type: ignore[misc]
            layouts |= set(found)
            memory.give_back()
            if turn == 0:
                first = peak()
    return {
        "cpu": [cpu for cpu, _ in spent], "wall": [wall for _, wall in spent],
        "before": before, "first": first, "peak": peak(), "layouts": len(layouts),
    }  # fmt: skip


def parts(kind: Kind, scenes: Path, count: int) -> None:
    """Where the seconds of posts after the first go."""
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(kind, scenes, Path(folder))
        bench.post(0)
        watch = cProfile.Profile(time.process_time)
        begun = time.process_time()
        watch.enable()
        for turn in range(1, count + 1):
            bench.post(turn)
        watch.disable()
        whole = time.process_time() - begun
    print(f"\n{kind}: {whole / count * 1000:.0f} ms a post")
    rows = []
    for (path, _, function), (calls, _, _, seconds, _) in pstats.Stats(watch).stats.items():  # type: ignore[attr-defined]
        if (what := PARTS.get((Path(path).name, function))) is not None:
            rows.append((seconds / count * 1000, calls / count, what))
    for milliseconds, calls, what in sorted(rows, reverse=True):
        print(f"  {milliseconds:6.1f} ms  {calls:4.1f} x  {what}")


def shown(name: str, of: dict[str, list[float]]) -> str:
    rest = of[name][1:] or of[name]
    return f"{statistics.median(rest):5.2f} ({min(rest):.2f}-{max(rest):.2f})"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=20, help="posts of a kind")
    parser.add_argument("--films", type=int, default=3, help="reels and GIFs instead")
    parser.add_argument("--only", default="", choices=["", *KINDS])
    parser.add_argument("--parts", action="store_true")
    parser.add_argument("--one", type=Path, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.one:
        count = asked.films if asked.only in FILMS else asked.count
        print(json.dumps(one(asked.only, asked.one, count)))
        return
    with tempfile.TemporaryDirectory() as scenes:
        photos(Path(scenes))
        kinds = [kind for kind in KINDS if asked.only in ("", kind)]
        if asked.parts:
            for kind in kinds:
                if kind not in FILMS:
                    parts(kind, Path(scenes), asked.count)
            return
        print(
            "kind      CPU-s a post       wall-s             first  MB: before, first, peak  layouts"
        )
        for kind in kinds:
            done = subprocess.run(
                [sys.executable, __file__, "--one", scenes, "--only", kind, "--count",
                 str(asked.count), "--films", str(asked.films)],
                check=True, capture_output=True, text=True,
            )  # fmt: skip
            of = json.loads(done.stdout)
            print(
                f"{kind:9} {shown('cpu', of)}  {shown('wall', of)}  {of['cpu'][0]:5.2f}  "
                f"{of['before']:4.0f} {of['first']:4.0f} {of['peak']:4.0f}  {of['layouts']}",
                flush=True,
            )


if __name__ == "__main__":
    main()
