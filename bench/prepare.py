"""Preparing a data set: photos a second against decoding alone, and memory as the photos grow.

    python -m bench.prepare --photos FOLDER [--count 400] [--sizes 64,256,1024] [--rounds 5]
    python -m bench.prepare --photos FOLDER --memory 2000,20000 [--size 64]
    python -m bench.prepare --photos FOLDER --stages [--size 256]

Speed: the photos are imported into a temporary brand first (not measured), so that the saliency maps are there
as they are in use. Then, turns changing, on as many threads as there are cores:

- decode: read the file, open it, ask for the same draft size, load; nothing else
- cut: `feedsmith prepare`, its parallel part: read, decode, choose a square, resample, pyramid, write
- all: the same with its start, near-duplicates, contact sheet and account

The ratio is taken within each round, once by the clock and once by CPU time, which other work on
the machine does not touch. Files are in the page cache for both.

Memory: the photos are copied, with a few bytes added to each copy so that none is the same file,
until there are enough; peak resident memory of a process that prepares them.

Stages: CPU milliseconds a photo of each step, on one thread.
"""

import argparse
import io
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from PIL import Image

from feedsmith import cores
from feedsmith.brand import Home, checked
from feedsmith.library import Library, import_into
from feedsmith.prepare import Settings, prepare
from feedsmith.understanding import traits


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--photos", type=Path, required=True)
    parser.add_argument("--count", type=int, default=400)
    parser.add_argument("--sizes", default="64,128,256,512,1024")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--memory", default="")
    parser.add_argument("--size", type=int, default=64)
    parser.add_argument("--stages", action="store_true")
    parser.add_argument("--one", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.one is not None:
        one(given.one, given.photos, given.size)
        return
    files = sorted(p for p in given.photos.rglob("*") if p.suffix.lower() in (".jpg", ".jpeg"))
    if not files:
        raise SystemExit(f"{given.photos}: no JPEGs here")
    with tempfile.TemporaryDirectory() as scratch:
        if given.memory:
            memory(files, [int(n) for n in given.memory.split(",")], given.size, Path(scratch))
            return
        step = max(1, len(files) // given.count)
        home = brand(files[::step][: given.count], Path(scratch))
        if given.stages:
            stages(home, given.size)
            return
        for size in given.sizes.split(","):
            speed(home, int(size), given.rounds)


def brand(files: Sequence[Path], scratch: Path) -> Home:
    """The photos, imported."""
    photos = scratch / "photos"
    photos.mkdir()
    for number, file in enumerate(files):
        shutil.copyfile(file, photos / f"{number:05}-{file.name}")
    home = Home(scratch / "brand")
    home.create(checked({"name": "Bench"}))
    library = Library(home.library)
    import_into(library, [photos], keep_all=True)
    traits.ensure(library)
    mean = statistics.fmean(p.width * p.height for p in library.photos()) / 1e6
    print(
        f"{len(library.photos())} photos of {mean:.2f} megapixels on average, {cores.available()} threads"
    )
    return home


def speed(home: Home, size: int, rounds: int) -> None:
    library = Library(home.library)
    files = [library.path(photo) for photo in library.photos()]
    told: dict[str, list[float]] = {name: [] for name in ("cut", "cut CPU", "all", "all CPU")}
    rates = []
    for number in range(rounds + 1):  # the first warms up
        turns: list[str] = ["decode", "prepare"][:: 1 if number % 2 else -1]
        found: dict[str, tuple[float, float]] = {}
        for turn in turns:
            if turn == "decode":
                found["decode"] = timed(lambda: decode_all(files, size))
            else:
                found |= prepared(home, size)
        if not number:
            continue
        for part in ("cut", "all"):
            told[part].append(found["decode"][0] / found[part][0])
            told[f"{part} CPU"].append(found["decode"][1] / found[part][1])
        rates.append(len(files) / found["cut"][0])
    words = ", ".join(
        f"{name} {statistics.median(values):.2f} ({min(values):.2f}-{max(values):.2f})"
        for name, values in told.items()
    )
    print(f"{size:4} px: {statistics.median(rates):6.0f} photos/s; of decoding's speed: {words}")


def decode_all(files: Sequence[Path], size: int) -> None:
    waiting, lock = iter(files), threading.Lock()

    def work() -> None:
        while True:
            with lock:
                file = next(waiting, None)
            if file is None:
                return
            with Image.open(io.BytesIO(file.read_bytes())) as image:
                if (scale := size / min(image.size)) < 1:
                    image.draft(None, (int(image.width * scale) + 1, int(image.height * scale) + 1))
                image.load()

    threads = [threading.Thread(target=work) for _ in range(cores.available())]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def prepared(home: Home, size: int) -> dict[str, tuple[float, float]]:
    """(seconds, CPU seconds) of the parallel part and of all."""
    shutil.rmtree(home.root / "datasets", ignore_errors=True)
    marks: list[tuple[float, float]] = []
    writer_began: list[tuple[float, float]] = []

    def report(stage: str, done: int, total: int, note: str = "") -> None:
        now = (time.perf_counter(), time.process_time())
        if stage == "Cutting photos":
            if not done:
                writer_began.append(now)
            elif done == total:
                marks.append(now)

    begun = (time.perf_counter(), time.process_time())
    prepare(home, Settings(size=size), report)
    ended = (time.perf_counter(), time.process_time())
    return {
        "cut": (marks[0][0] - writer_began[0][0], marks[0][1] - writer_began[0][1]),
        "all": (ended[0] - begun[0], ended[1] - begun[1]),
    }


def timed(work: Callable[[], None]) -> tuple[float, float]:
    wall, spent = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - wall, time.process_time() - spent


# ---- memory ------------------------------------------------------------------------------------


def memory(files: Sequence[Path], counts: Sequence[int], size: int, scratch: Path) -> None:
    photos = scratch / "photos"
    photos.mkdir()
    made = 0
    for count in counts:
        while made < count:
            data = files[made % len(files)].read_bytes()
            (photos / f"{made:06}.jpg").write_bytes(data + made.to_bytes(4, "big"))
            made += 1
        command = [sys.executable, __file__, "--photos", photos, "--size", str(size)]
        home = scratch / f"brand-{count}"
        done = subprocess.run([*command, "--one", home], capture_output=True, text=True, check=True)
        told = json.loads(done.stdout)
        print(
            f"{count} photos: peak {told['peak']:.0f} MB, {told['pictures']} pictures of {size} px "
            f"in {told['seconds']:.1f} s"
        )
        shutil.rmtree(home)


def one(home: Path, photos: Path, size: int) -> None:
    import resource

    begun = time.perf_counter()
    told = prepare(Home(home), Settings(size=size, photos=photos))
    seconds = time.perf_counter() - begun
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"peak": peak, "pictures": told.pictures, "seconds": seconds}))


# ---- stages ------------------------------------------------------------------------------------


def stages(home: Home, size: int) -> None:
    """Where one photo's time goes."""
    import numpy as np

    from feedsmith import photo_file
    from feedsmith.dataset import Writer
    from feedsmith.prepare import alike, origin, square
    from feedsmith.prepare.stage import NOTE, Eye

    photos = origin.of_library(home)[:200]
    spent: dict[str, float] = {}

    def cost(step: str, begun: float) -> float:
        now = time.thread_time()
        spent[step] = spent.get(step, 0) + now - begun
        return time.thread_time()

    target = home.root / "datasets" / "stages.h5"
    writer = Writer(target, len(photos), size, pyramid=True, note=NOTE, key="")
    with Eye() as eye, writer:
        for row, photo in enumerate(photos):
            at = time.thread_time()
            data = photo_file.bytes_of(Path(photo.file))
            at = cost("read", at)
            with Image.open(io.BytesIO(data)) as image:
                if (scale := size / min(image.size)) < 1:
                    image.draft(None, (int(image.width * scale) + 1, int(image.height * scale) + 1))
                image.load()
            at = cost("decode alone", at)
            picture, header = photo_file.decoded(data, size)
            at = cost("decode, upright, sRGB", at)
            full = (header.width, header.height)
            area = square.box(
                full, "saliency", faces=photo.faces, subject=photo.subject,
                saliency=None if photo.subject is None
                else lambda seen=photo, shown=picture: eye.map(seen, shown),
            )  # fmt: skip
            at = cost("choose the square", at)
            cut = square.cut(picture, full, area, size)
            at = cost("resample", at)
            small = np.asarray(square.small(cut, alike.SMALL))
            at = cost("miniature", at)
            writer.put(row, cut, (photo.id.encode(), area, full, small))
            cost("pyramid, write", at)
        writer.discard()
    for step, seconds in spent.items():
        print(f"  {step}: {seconds / len(photos) * 1000:.2f} ms a photo")


if __name__ == "__main__":
    main()
