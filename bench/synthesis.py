"""What one synthesised picture costs: processor seconds, peak memory, the largest piece copied.

    python bench/synthesis.py PHOTO [PHOTO ...] [--pictures 3] [--save FOLDER]

Each size runs in a process of its own, so that peaks do not add up. Use photographs about 2,000
pixels wide. Prints one line a size: median and range of processor seconds a picture, peak memory of
the whole process after the first and after the last picture (growth would show), and the
median and largest share of a picture that comes from the source in one piece.
"""

import argparse
import resource
import statistics
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
from PIL import Image

SIZES = ((1080, 1080), (1350, 1080), (1920, 1080))


def megabytes() -> int:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak // (2**20 if sys.platform == "darwin" else 2**10)


def one_size(height: int, width: int, photos: list[Path], pictures: int, save: Path | None) -> None:
    from feedsmith.images import synthesis
    from feedsmith.images.resample import covering

    seconds, drafts, copied, peaks = [], [], [], []
    for photo in photos:
        with Image.open(photo) as image:
            source = covering(np.asarray(image.convert("RGB")), height, width)
        for seed in range(pictures):
            start = time.process_time()
            task = synthesis.Task(source, height, width, start=synthesis.rows(), seed=seed)
            small = synthesis.draft(task)
            drafts.append(time.process_time() - start)
            made = synthesis.finish(small)
            seconds.append(time.process_time() - start)
            copied.append(made.copied)
            peaks.append(megabytes())
            if save:
                save.mkdir(parents=True, exist_ok=True)
                Image.fromarray(made.rgb).save(save / f"{photo.stem}-{width}x{height}-{seed}.png")
            del small, made, task
        del source
    print(
        f"{width} x {height}: {statistics.median(seconds):.2f} CPU-s"
        f" ({min(seconds):.2f}-{max(seconds):.2f}; draft {statistics.median(drafts):.2f}),"
        f" peak {peaks[0]} MB first, {peaks[-1]} MB after {len(peaks)},"
        f" copied {statistics.median(copied):.2f} (most {max(copied):.2f})",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("photos", nargs="+", type=Path)
    parser.add_argument("--pictures", type=int, default=3, help="pictures a photo (default 3)")
    parser.add_argument("--save", type=Path, help="write the pictures into this folder")
    parser.add_argument("--size", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.size:
        width, height = map(int, given.size.split("x"))
        one_size(height, width, given.photos, given.pictures, given.save)
        return
    for height, width in SIZES:
        subprocess.run([sys.executable, *sys.argv, "--size", f"{width}x{height}"], check=True)


if __name__ == "__main__":
    main()
