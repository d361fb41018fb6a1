"""Pictures of a library, unpicked: a contact sheet, and what each one cost.

    python bench/pictures.py mybrand/ --count 24 --format portrait --seed 1 --sheet sheet.jpg

Prints method, sources, originality, CPU-seconds and the highest memory so far for each picture.
`--gate` instead measures the originality gate: planted copies, other photos, recomposed pictures.
"""

import argparse
import io
import resource
import time
from collections import Counter
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from feedsmith import originality, rules
from feedsmith.brand import Home
from feedsmith.images.api import Picture, PictureBrief
from feedsmith.images.remix import Remix
from feedsmith.library import Library
from feedsmith.understanding import traits


def memory() -> int:
    """Highest resident memory of this process so far, MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def pictures(args: argparse.Namespace, library: Library) -> None:
    known = {t.id: t for t in traits.read(library)} or traits.ensure(library)
    model = Remix()
    used: list[str] = []
    cells: list[tuple[Image.Image, str]] = []
    costs: list[float] = []
    methods: Counter[str] = Counter()
    seeds = np.random.SeedSequence(args.seed).generate_state(args.count)
    wanted = rules.FORMATS[args.format]
    width = 230
    height = round(width * wanted.height / wanted.width)
    for index in range(args.count):
        began = time.process_time()
        brief = PictureBrief(wanted, args.theme, int(seeds[index]), frozenset(used))
        picture: Picture = model.make(brief, library, known)
        cost = time.process_time() - began
        used += picture.sources
        costs.append(cost)
        methods[f"{picture.method}, {picture.originality.label}"] += 1
        found = picture.originality
        names = ", ".join(library.photo(s).name[:14] for s in picture.sources)
        print(
            f"{index:2d} {picture.method:7s} {found.label:12s} copied {found.copied_area:.2f} "
            f"(all {found.copied_total:.2f}) alike {found.similarity:.2f} tries {found.tries} "
            f"{cost:5.1f} CPU-s {memory():4d} MB  {names}",
            flush=True,
        )
        if args.out:
            args.out.mkdir(parents=True, exist_ok=True)
            Image.fromarray(picture.rgb).save(args.out / f"{args.format}-{index:02d}.png")
        small = Image.fromarray(picture.rgb).resize((width, height), Image.Resampling.LANCZOS)
        cells.append((small, f"{index} {picture.method} {names[:26]}"))
    print(
        f"\n{args.count} pictures of {wanted.width} x {wanted.height}: median "
        f"{np.median(costs):.1f} CPU-s (least {min(costs):.1f}, most {max(costs):.1f}), "
        f"peak {memory()} MB; " + "; ".join(f"{k}: {n}" for k, n in sorted(methods.items()))
    )
    across = min(6, args.count)
    down = -(-args.count // across)
    sheet = Image.new("RGB", (across * (width + 4), down * (height + 16)), "#1d1d1d")
    draw = ImageDraw.Draw(sheet)
    for k, (cell, words) in enumerate(cells):
        x, y = k % across * (width + 4), k // across * (height + 16)
        sheet.paste(cell, (x, y))
        draw.text((x + 2, y + height + 1), words, fill="#cccccc")
    sheet.save(args.sheet, quality=72)
    print(args.sheet)


def gate(library: Library, count: int) -> None:
    """How the gate separates planted copies from photos it has not seen."""
    photos = library.photos()
    rng = np.random.default_rng(0)
    chosen = [photos[i] for i in rng.permutation(len(photos))[:count]]
    vectors = traits.embeddings(library)

    def cut(rgb: np.ndarray, share: float) -> np.ndarray:
        h, w = rgb.shape[:2]
        hh, ww = round(h * share), round(w * share)
        y, x = rng.integers(0, h - hh + 1), rng.integers(0, w - ww + 1)
        return rgb[y : y + hh, x : x + ww]

    def packed(rgb: np.ndarray, quality: int) -> np.ndarray:
        stream = io.BytesIO()
        Image.fromarray(rgb).save(stream, "JPEG", quality=quality)
        return np.asarray(Image.open(stream))

    def lit(rgb: np.ndarray) -> np.ndarray:
        bright = (rgb / 255.0) ** 0.8 * 270 - 10
        return np.clip(bright, 0, 255).astype(np.uint8)

    plants = {
        "as it is": lambda a: a,
        "crop .7": lambda a: cut(a, 0.7),
        "crop .5": lambda a: cut(a, 0.5),
        "flip": lambda a: np.ascontiguousarray(cut(a, 0.8)[:, ::-1]),
        "brighter": lambda a: lit(cut(a, 0.7)),
        "JPEG 30": lambda a: packed(cut(a, 0.7), 30),
        "flip, brighter, JPEG 30": lambda a: lit(packed(cut(a, 0.6)[:, ::-1], 30)),
    }
    for word, encode, features in (
        ("with the encoder", Remix()._encoder, vectors),
        ("by colour alone", None, None),
    ):
        watch = originality.Gate(
            lambda i: library.rgb(library.photo(i), originality.PHOTO_SIDE),
            [p.id for p in photos],
            features=features,
            encode=encode.features if encode else None,
        )
        for name, change in plants.items():
            began = time.process_time()
            found = [
                watch.measure(np.ascontiguousarray(change(library.rgb(p, 1400)))) for p in chosen
            ]
            area = np.array([f.copied_area for f in found])
            caught = sum(f.label == "edited photo" for f in found)
            print(
                f"{word}, {name}: caught {caught}/{len(chosen)}; copied least {area.min():.2f}, "
                f"median {np.median(area):.2f}; {(time.process_time() - began) / len(chosen):.2f} CPU-s"
            )
    areas = []
    for p in chosen:
        others = [q for q in photos if q.id != p.id]
        watch = originality.Gate(
            lambda i: library.rgb(library.photo(i), originality.PHOTO_SIDE),
            [q.id for q in others],
            features={q.id: vectors[q.id] for q in others},
            encode=lambda rgb, own=vectors[p.id]: own,
        )
        areas.append(watch.measure(library.rgb(p, 1400)).copied_area)
    print(f"photos held out: copied most {max(areas):.3f}, median {np.median(areas):.3f}")


def main() -> None:
    parse = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parse.add_argument("home", type=Path)
    parse.add_argument("--count", type=int, default=24)
    parse.add_argument("--format", choices=sorted(rules.FORMATS), default="portrait")
    parse.add_argument("--seed", type=int, default=1)
    parse.add_argument("--theme", default="")
    parse.add_argument("--sheet", type=Path, default=Path("pictures.jpg"))
    parse.add_argument("--out", type=Path, help="also keep every picture here, as PNG")
    parse.add_argument("--gate", action="store_true")
    args = parse.parse_args()
    library = Library(Home(args.home).library)
    if args.gate:
        gate(library, args.count)
    else:
        pictures(args, library)


if __name__ == "__main__":
    main()
