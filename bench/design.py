"""CPU-seconds and memory of designed posts, by template; and layouts under any words (--fuzz).

    python bench/design.py [photo.jpg] [--fuzz ROUNDS] [--only NAME]

One fresh process per template, ten posts each with different words; prints seconds per post
(median, and lowest to highest) and the peak RSS of the process. Without a photo it draws one.
With --fuzz each layout is given random words (scripts, lengths up to 300 characters, emoji, odd
currencies), pictures from 40x40 px, colours and typefaces: it must make a post that reads or refuse
in words, and never break.
"""

import argparse
import resource
import statistics
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import numpy as np
from PIL import Image, ImageFilter

from feedsmith.brand import Palette
from feedsmith.design import faces, palette, template
from feedsmith.design.contrast import READABLE
from feedsmith.design.render import Broken, Misfit, overlay, render
from feedsmith.errors import FeedsmithError

WORDS = {
    "quote": "Leave early, pack a flask, take the long way back",
    "who": "Tall Tree Outfitters",
    "kicker": "This weekend",
    "headline": "Five walks under old beeches",
    "body": "Meet at the trail head. Bring a flask and a friend.",
    "footer": "@talltree",
    "offer": "Guided oak walk, 3 May, 12 EUR",
    "name": "Waxed canvas bag",
    "price": "€ 148",
    "was": "€ 180",
    "dates": "12–19 October",
    "cta": "Book your place",
    "caption": "Red mulberry, early June",
    "page": "2/5",
}
SAMPLES = (
    "Guided oak walk along the ridge with tea and a warm stove afterwards",
    "Ходьба по старому лесу и горячий чай у огня на опушке",
    "Ένας περίπατος στο δάσος πριν από την αυγή",
    "غابة هادئة في الصباح الباكر وشاي دافئ بعد المشي",
    "पुराने जंगल में सुबह की सैर और गरम चाय",
    "森の朝の散歩と温かいお茶",
    "Donaudampfschifffahrtsgesellschaftskapitänsmützenabzeichen",
    "🌲🏔️👩‍🌾",
    "₿ 0.002 · ₦ 4.500 · ৳ 120 · 12 EUR · 50 % · £9.99",
    '#panic("x") $y^2$ *b* _i_ <label> @ref \\ ] " \' `',
    "a",
    "!!! ??? ... ,,, ---",
)


def photo(path: str) -> np.ndarray:
    if path:
        with Image.open(path) as image:
            return np.asarray(image.convert("RGB"))
    rng = np.random.default_rng(0)
    noise = rng.integers(0, 256, (300, 240, 3), dtype=np.uint8)
    image = Image.fromarray(noise).resize((1600, 2000), Image.Resampling.BICUBIC)
    return np.asarray(image.filter(ImageFilter.GaussianBlur(3)))


def cut_out(rgb: np.ndarray) -> np.ndarray:
    """An oval of the picture as a cut-out product."""
    h, w = rgb.shape[:2]
    y, x = np.mgrid[-1 : 1 : h * 1j, -1 : 1 : w * 1j]
    alpha = np.clip((1 - x**2 - y**2) * 40, 0, 1) * 255
    return np.dstack([rgb, alpha.astype(np.uint8)])


def shots_of(layout: template.Template, rgb: np.ndarray) -> dict[str, np.ndarray]:
    return {slot: cut_out(rgb) if slot == "cutout" else rgb for slot in layout.pictures}


def one(name: str, path: str) -> None:
    layout, roles, shot = template.find(name), palette.complete(Palette()), photo(path)
    start = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    seconds = []
    for turn in range(10):
        words = {slot: WORDS[slot] for slot in layout.slots}
        first = layout.required[0] if layout.required else layout.slots[0]
        words[first] += f" {turn}"
        if layout.one_of:
            words.pop("name")
        begun = time.process_time()
        if "reel" in layout.kinds:
            lowest = overlay(name, words, [shot], roles, "story", turn).min_contrast
        else:
            shots = shots_of(layout, shot)
            lowest = render(name, words, shots, roles, layout.formats[0], turn).min_contrast
        seconds.append(time.process_time() - begun)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        f"{name:18} {layout.formats[0]:9} {statistics.median(seconds):5.2f} s "
        f"({min(seconds):.2f}-{max(seconds):.2f})  peak {peak:4.0f} MB (before: {start:.0f})  "
        f"contrast {lowest:.1f}"
    )


def random_words(rng: np.random.Generator) -> str:
    words = " ".join(SAMPLES[int(i)] for i in rng.integers(0, len(SAMPLES), 8))
    if rng.random() < 0.6:
        words = SAMPLES[int(rng.integers(len(SAMPLES)))]
    return words[: int(rng.choice([8, 20, 40, 80, 300]))]


def fuzz(name: str, rounds: int, seed: int = 0) -> Counter[str]:
    """How often the layout made a post, refused one, and failed; failures are printed."""
    layout, tally = template.find(name), Counter[str]()
    rng = np.random.default_rng([seed, *name.encode()])
    noise = photo("")
    for _ in range(rounds):
        form = layout.formats[int(rng.integers(len(layout.formats)))]
        words = {
            slot: WORDS[slot] if rng.random() < 0.5 else random_words(rng)
            for slot in layout.slots
            if slot in layout.required or rng.random() < 0.6
        }
        size = rng.choice([40, 300, 700, 1100, 1600], 2)
        rgb = np.ascontiguousarray(noise[: size[0], : size[1]])
        rgb = (rgb * rng.uniform(0.1, 1) + rng.uniform(0, 25)).astype(np.uint8)
        roles = palette.complete(Palette(accent=f"#{int(rng.integers(1 << 24)):06x}"))
        pair = sorted(faces.PAIRS)[int(rng.integers(len(faces.PAIRS)))]
        look = layout.schemes[int(rng.integers(len(layout.schemes)))]
        scheme = "" if layout.over else look
        seed_ = int(rng.integers(1000))
        try:
            if "reel" in layout.kinds:
                lowest = overlay(
                    name, words, [rgb], roles, form, seed_, scheme=scheme, pair=pair
                ).min_contrast
            else:
                lowest = render(
                    name, words, shots_of(layout, rgb), roles, form, seed_,
                    scheme=scheme, pair=pair,
                ).min_contrast  # fmt: skip
            tally["made" if lowest >= READABLE else "UNREADABLE"] += 1
        except Broken as error:
            tally["BROKEN"] += 1
            print(f"{name} {form} {words}: {error.message}")
        except Misfit:
            tally["no room"] += 1
        except FeedsmithError:
            tally["refused"] += 1
        except Exception as error:  # noqa: BLE001 - finding these is what it is for
            tally["CRASHED"] += 1
            print(f"{name} {form} {words} {rgb.shape}: {type(error).__name__}: {error}")
    return tally


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("photo", nargs="?", default="")
    parser.add_argument("--one", default="", help="only this template, in this process")
    parser.add_argument("--only", default="", help="only templates whose name has this in it")
    parser.add_argument("--fuzz", type=int, default=0, metavar="ROUNDS")
    asked = parser.parse_args()
    names = [name for name in template.catalogue() if asked.only in name]
    if asked.one:
        one(asked.one, asked.photo)
    elif asked.fuzz:
        whole = Counter[str]()
        for name in names:
            tally = fuzz(name, asked.fuzz)
            whole += tally
            print(f"{name:18}", dict(tally), flush=True)
        print("all", dict(whole))
        sys.exit(bool(whole.keys() & {"BROKEN", "CRASHED", "UNREADABLE"}))
    else:
        for name in names:
            script = [sys.executable, str(Path(__file__)), "--one", name]
            subprocess.run([*script, *([asked.photo] if asked.photo else [])], check=True)
