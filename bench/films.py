"""CPU-seconds and memory of reels: `python bench/films.py PHOTO... [--pillow FFMPEG]`.

Each figure comes from a fresh process. A 7-second reel (three shots with words, a closing card), a
60-second film of the same stills (memory must not grow with length), and, where FFMPEG names a
program, the way a user would do it without us: Pillow draws each frame with its words and pipes it
to ffmpeg. `--runs` repeats, for the spread.
"""

import argparse
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from feedsmith import memory

TEXTS = ("Leave early, walk far", "Grass to the knee", "Home by starlight")
CLOSING = {"headline": "Maps for every trail", "cta": "Pick one up", "footer": "@talltree"}


def photos(paths: list[str]) -> list[np.ndarray]:
    found = []
    for path in paths[:3]:
        with Image.open(path) as image:
            image.draft("RGB", (2400, 2400))
            found.append(np.asarray(image.convert("RGB")))
    return found


def reel(paths: list[str], out: Path) -> None:
    from feedsmith.brand import Palette
    from feedsmith.design import palette
    from feedsmith.film.reel import make

    roles = palette.complete(Palette())
    make(out, photos(paths), TEXTS, closing=CLOSING, roles=roles, run_seed=7, seconds=7.0)


def long(paths: list[str], out: Path, seconds: int) -> None:
    """Encoder and motion alone: the shots one after the other, `seconds` in all."""
    from feedsmith.film import motion
    from feedsmith.film.encode import Film

    with Film(out, 1080, 1920) as film:
        shots = photos(paths)
        for shot in shots:
            still, _, _ = motion.still(shot, 1080, 1920)
            way = motion.glide(still, "push-in", 2.4)
            count = seconds * 30 // len(shots)
            for n in range(count):
                film.add(*still.through(way.at(n / count)))


def pillow(paths: list[str], out: Path, ffmpeg: str) -> None:
    """The same film by hand: crop, resize and text in Pillow for each frame, ffmpeg's defaults."""
    pipe = subprocess.Popen(
        [ffmpeg, "-loglevel", "error", "-y", "-f", "rawvideo", "-pix_fmt", "rgb24",
         "-s", "1080x1920", "-r", "30", "-i", "-", "-f", "lavfi", "-i", "anullsrc", "-shortest",
         "-c:v", "libx264", "-pix_fmt", "yuv420p", "-c:a", "aac", "-movflags", "+faststart",
         str(out)],
        stdin=subprocess.PIPE,
    )  # fmt: skip
    assert pipe.stdin is not None
    font = ImageFont.load_default(90)
    for shot, words in zip(photos(paths), TEXTS, strict=True):
        h, w = shot.shape[:2]
        image = Image.fromarray(shot)
        for n in range(70):
            k = 1 / (1 + 0.1 * n / 70)
            ch = min(h, w * 16 / 9) * k
            cw = ch * 9 / 16
            box = ((w - cw) / 2, (h - ch) / 2, (w + cw) / 2, (h + ch) / 2)
            frame = image.resize((1080, 1920), Image.Resampling.LANCZOS, box=box)
            layer = Image.new("RGBA", frame.size, (0, 0, 0, 0))
            draw = ImageDraw.Draw(layer)
            draw.rectangle((0, 1100, 1080, 1400), fill=(0, 0, 0, 120))
            draw.text((72, 1180), words, font=font, fill=(255, 255, 255, 255))
            pipe.stdin.write(
                Image.alpha_composite(frame.convert("RGBA"), layer).convert("RGB").tobytes()
            )
    pipe.stdin.close()
    pipe.wait()


def measured(name: str, paths: list[str], ffmpeg: str, runs: int) -> None:
    seconds, peaks, walls, size, child = [], [], [], 0, 0.0
    for _ in range(runs):
        begun = time.perf_counter()
        done = subprocess.run(
            [sys.executable, __file__, *paths, "--one", name, "--pillow", ffmpeg],
            check=True, capture_output=True, text=True,
        )  # fmt: skip
        walls.append(time.perf_counter() - begun)
        cpu, peak, other, size_ = done.stdout.split()
        seconds.append(float(cpu))
        peaks.append(float(peak))
        child, size = float(other), int(size_)
    print(
        f"{name:8} {statistics.median(seconds):5.1f} CPU-s ({min(seconds):.1f}-{max(seconds):.1f})  "
        f"wall {statistics.median(walls):5.1f} s  peak {max(peaks):4.0f} MB"
        + (f" + {child:.0f} MB of ffmpeg" if name == "pillow" else "")
        + f"  file {size / 1e6:.1f} MB",
        flush=True,
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("photo", nargs="+")
    parser.add_argument("--pillow", default="", help="an ffmpeg program to compare with")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--one", default="", help="only this, in this process")
    asked = parser.parse_args()
    if asked.one:
        memory.be_frugal()  # as the product does
        with tempfile.TemporaryDirectory() as folder:
            out = Path(folder) / "film.mp4"
            if asked.one == "pillow":
                pillow(asked.photo, out, asked.pillow)
            elif asked.one == "reel":
                reel(asked.photo, out)
            else:
                long(asked.photo, out, int(asked.one.removeprefix("long-")))
            own, other = (
                resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
            )
            cpu = own.ru_utime + own.ru_stime + other.ru_utime + other.ru_stime
            print(f"{cpu} {own.ru_maxrss / 1024} {other.ru_maxrss / 1024} {out.stat().st_size}")
    else:
        names = ["reel", "long-7", "long-60", *(["pillow"] if asked.pillow else [])]
        for name in names:
            measured(name, asked.photo, asked.pillow, asked.runs if name != "long-60" else 1)
