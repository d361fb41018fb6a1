"""CPU-seconds and memory of designed posts, by template: `python bench/design.py [photo.jpg]`.

One fresh process per template, ten posts each with different words; prints seconds per post
(median, and lowest to highest) and the peak RSS of the process. Without a photo it draws one.
"""

import argparse
import resource
import statistics
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
from PIL import Image, ImageFilter

from feedsmith.brand import Palette
from feedsmith.design import palette, template
from feedsmith.design.render import render

WORDS = {
    "quote": "Leave early, pack a flask, take the long way back",
    "who": "Tall Tree Outfitters",
    "kicker": "This weekend",
    "headline": "Five walks under old beeches",
    "body": "Meet at the trail head. Bring a flask and a friend.",
    "footer": "@talltree",
    "offer": "Guided oak walk, 3 May, 12 EUR",
    "cta": "Book your place",
    "caption": "Red mulberry, early June",
    "page": "2/5",
}


def photo(path: str) -> np.ndarray:
    if path:
        with Image.open(path) as image:
            return np.asarray(image.convert("RGB"))
    rng = np.random.default_rng(0)
    noise = rng.integers(0, 256, (300, 240, 3), dtype=np.uint8)
    image = Image.fromarray(noise).resize((1600, 2000), Image.Resampling.BICUBIC)
    return np.asarray(image.filter(ImageFilter.GaussianBlur(3)))


def one(name: str, path: str) -> None:
    layout, roles, shot = template.find(name), palette.complete(Palette()), photo(path)
    start = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    seconds = []
    for turn in range(10):
        words = {slot: WORDS[slot] for slot in layout.slots}
        first = layout.required[0] if layout.required else layout.slots[0]
        words[first] += f" {turn}"
        begun = time.process_time()
        done = render(name, words, {"main": shot}, roles, layout.formats[0], turn)
        seconds.append(time.process_time() - begun)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        f"{name:14} {layout.formats[0]:9} {statistics.median(seconds):5.2f} s "
        f"({min(seconds):.2f}-{max(seconds):.2f})  peak {peak:4.0f} MB (before: {start:.0f})  "
        f"contrast {done.min_contrast:.1f}"
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("photo", nargs="?", default="")
    parser.add_argument("--one", default="", help="only this template, in this process")
    asked = parser.parse_args()
    if asked.one:
        one(asked.one, asked.photo)
    else:
        for name in template.catalogue():
            subprocess.run(
                [
                    sys.executable,
                    str(Path(__file__)),
                    *([asked.photo] if asked.photo else []),
                    "--one",
                    name,
                ],
                check=True,
            )
