"""Import: photos a second, against the loop anybody would write with Pillow.

    python bench/importing.py FOLDER_OF_PHOTOS [--count 60] [--rounds 5] [--workers 1]
    python bench/importing.py FOLDER_OF_PHOTOS --near

The photos are brought to 12 megapixels (4000 x 3000, with grain, JPEG quality 90, about 4 MB, as
phones write them) in a temporary folder. Both run on the same files in the same round, turns
changing; the ratio is taken within each round.

- plain: open, decode, resize to 1080 on the longer side, save as JPEG; nothing else.
- ours: hash, copy, header, EXIF, perceptual hash, near-duplicates, lists: a whole import.

With --near it measures instead how well near-duplicates are told from photos of their own.
"""

import argparse
import hashlib
import io
import os
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image, ImageEnhance

from feedsmith import photo_file
from feedsmith.library import NEAR_BITS, NEAR_PIXELS, Library, import_into


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--count", type=int, default=60)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--workers", type=int, default=None, help="threads (all cores)")
    parser.add_argument("--near", action="store_true")
    given = parser.parse_args()
    sources = sorted(p for p in given.folder.rglob("*") if p.suffix.lower() in (".jpg", ".jpeg"))
    if not sources:
        raise SystemExit(f"{given.folder}: no JPEGs here")
    if given.near:
        near(sources)
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        photos = folder / "photos"
        photos.mkdir()
        for number in range(given.count):
            data = large(sources[number % len(sources)], number)
            (photos / f"IMG_{number:04}.jpg").write_bytes(data)
        size = sum(p.stat().st_size for p in photos.iterdir()) / given.count / 1e6
        print(f"{given.count} photos of 12 megapixels, {size:.1f} MB each, "
              f"{given.workers or os.cpu_count()} workers")  # fmt: skip
        ratios = []
        for number in range(given.rounds):
            turns = [("plain", lambda: plain(photos, folder / "plain")),
                     ("ours", lambda: ours(photos, folder / "ours", given.workers))]  # fmt: skip
            seconds = {label: timed(work) for label, work in turns[:: 1 if number % 2 else -1]}
            rate = {label: given.count / value for label, value in seconds.items()}
            ratios.append(rate["ours"] / rate["plain"])
            print(f"round {number + 1}: ours {rate['ours']:.1f}/s, plain {rate['plain']:.1f}/s, "
                  f"ratio {ratios[-1]:.2f}")  # fmt: skip
            for part in ("plain", "ours"):
                shutil.rmtree(folder / part)
        print(f"ratio: median {statistics.median(ratios):.2f}, "
              f"{min(ratios):.2f} to {max(ratios):.2f} over {given.rounds} rounds")  # fmt: skip
        stages(sorted(photos.iterdir())[: min(12, given.count)], folder / "copy")


def large(source: Path, seed: int) -> bytes:
    """A 12-megapixel JPEG out of a smaller photo, with a sensor's grain, so that it has the bytes
    a real one has."""
    with Image.open(source) as image:
        wide = image.convert("RGB").resize((4000, 3000), Image.Resampling.BICUBIC)
    grain = np.random.default_rng(seed).normal(0, 5, (3000, 4000, 1)).astype(np.float32)
    noisy = np.clip(np.asarray(wide, dtype=np.float32) + grain, 0, 255).astype(np.uint8)
    out = io.BytesIO()
    Image.fromarray(noisy).save(out, "JPEG", quality=88)
    return out.getvalue()


def plain(photos: Path, out: Path) -> None:
    out.mkdir()
    for path in sorted(photos.iterdir()):
        with Image.open(path) as image:
            small = image.convert("RGB").resize((1080, 810), Image.Resampling.LANCZOS)
        small.save(out / path.name, quality=85)


def ours(photos: Path, out: Path, workers: int | None) -> None:
    report = import_into(Library(out), [photos], workers=workers)
    assert report.examined == len(list(photos.iterdir()))


def timed(work: Callable[[], None]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def stages(files: list[Path], out: Path) -> None:
    """Where one photo's time goes, in milliseconds, on one core."""
    data = [path.read_bytes() for path in files]

    def cost(label: str, work: Callable[[bytes], object]) -> None:
        values = []
        for _ in range(3):
            start = time.perf_counter()
            for item in data:
                work(item)
            values.append((time.perf_counter() - start) / len(data) * 1000)
        print(f"  {label}: {statistics.median(values):.1f} ms a photo")

    def decode_whole(item: bytes) -> None:
        with Image.open(io.BytesIO(item)) as image:
            image.load()

    def decode_scaled(item: bytes) -> None:
        with Image.open(io.BytesIO(item)) as image:
            image.draft("L", (64, 64))
            image.load()

    cost("decode at full size (Pillow)", decode_whole)
    cost("decode at 1/8, grey (Pillow)", decode_scaled)
    cost("look: header, EXIF, decode at 1/8, perceptual hash", photo_file.look)
    cost("SHA-256", lambda item: hashlib.sha256(item).digest())
    cost("write, flush to disk", lambda item: _write(out, item))


def _write(path: Path, data: bytes) -> None:
    with path.open("wb") as stream:
        stream.write(data)
        os.fsync(stream.fileno())


def near(sources: list[Path]) -> None:
    """Pairs of different photos that come near, and copies that are caught."""

    def seen(data: bytes) -> tuple[int, np.ndarray]:
        return int(photo_file.look(data).phash, 16), photo_file.miniature(photo_file.rgb(data, 128))

    def encoded(image: Image.Image, quality: int = 80) -> bytes:
        out = io.BytesIO()
        image.convert("RGB").save(out, "JPEG", quality=quality)
        return out.getvalue()

    known = [seen(path.read_bytes()) for path in sources]
    hashes = np.array([bits for bits, _ in known], dtype=np.uint64)
    pairs = []
    for at in range(len(known)):
        bits = np.bitwise_count(hashes[at + 1 :] ^ hashes[at])
        for offset in np.flatnonzero(bits <= NEAR_BITS + 6):
            other = at + 1 + int(offset)
            difference = float(np.abs(known[at][1] - known[other][1]).mean())
            pairs.append((difference, int(bits[offset]), sources[at].name, sources[other].name))
    taken = [p for p in pairs if p[1] <= NEAR_BITS and p[0] <= NEAR_PIXELS]
    print(f"{len(sources)} photos: {len(taken)} pairs count as near-duplicates")
    for pair in sorted(pairs)[:12]:
        print(f"  difference {pair[0]:5.1f}, {pair[1]:2} bits: {pair[2]} and {pair[3]}")
    edits: dict[str, Callable[[Image.Image], Image.Image]] = {
        "at 40% of its size": lambda i: i.resize((i.width * 2 // 5, i.height * 2 // 5)),
        "brighter by 20%": lambda i: ImageEnhance.Brightness(i).enhance(1.2),
        "contrast up by 25%": lambda i: ImageEnhance.Contrast(i).enhance(1.25),
        "colour up by 40%": lambda i: ImageEnhance.Color(i).enhance(1.4),
        "cropped by 2% all round": lambda i: i.crop(
            (i.width // 50, i.height // 50, i.width - i.width // 50, i.height - i.height // 50)
        ),
        "cropped by 8% all round": lambda i: i.crop(
            (i.width // 12, i.height // 12, i.width - i.width // 12, i.height - i.height // 12)
        ),
    }
    for label, edit in edits.items():
        caught = []
        for path in sources[::3]:
            with Image.open(path) as image:
                original = image.convert("RGB")
            one, two = seen(encoded(original, 90)), seen(encoded(edit(original)))
            caught.append(
                (one[0] ^ two[0]).bit_count() <= NEAR_BITS
                and float(np.abs(one[1] - two[1]).mean()) <= NEAR_PIXELS
            )
        print(f"  {label}: {np.mean(caught):.0%} of {len(caught)} caught")


if __name__ == "__main__":
    main()
