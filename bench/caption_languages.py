"""A sheet of unpicked captions in another language, to be read by a picky native reader.

    python bench/caption_languages.py [--language de] [--seed 7] [--count 25]

Briefs of three invented shops (outdoor, bakery, ceramics), every kind of post, what pictures show
given as English keywords, as the library has them. Prints every caption with the words on its
pictures, as Markdown. Writes from people's sentences alone: the shipped model knows English only.
"""

import argparse
from collections.abc import Sequence

import numpy as np

from feedsmith.brand import Brand
from feedsmith.captions.brief import Caption, CaptionBrief
from feedsmith.captions.writer import Writer
from feedsmith.post import Kind, Offer

SHOPS: dict[str, tuple[tuple[str, str, str], ...]] = {
    "de": (("Waldrand", "Outdoor & Wandern", "dry"), ("Morgenrot", "Bäckerei & Café", "warm"),
           ("Atelier Tonart", "Keramik, Kerzen & Handgemachtes", "poetic")),
    "fr": (("Sentier Nord", "randonnée & outdoor", "dry"), ("Aurore", "boulangerie & café", "warm"),
           ("Atelier Argile", "céramique, bougies & artisanat", "poetic")),
    "es": (("Monte Norte", "senderismo y montaña", "dry"), ("Aurora", "panadería y café", "warm"),
           ("Taller Barro", "cerámica, velas y artesanía", "poetic")),
    "pt": (("Trilha Norte", "trilhas & outdoor", "dry"), ("Aurora", "padaria & café", "warm"),
           ("Ateliê Barro", "cerâmica, velas & artesanato", "poetic")),
}  # fmt: skip
OFFERS = {
    "de": ("Geführte Eichenwanderung, Samstag, 3. Mai, 9:30 Uhr, 12 EUR", "Roggenbrot, 4,80 EUR",
           "Töpferkurs, 12. Juni, 18 Uhr, 45 EUR"),
    "fr": ("Balade guidée, samedi 3 mai, 9 h 30, 12 €", "Pain de seigle, 4,80 €",
           "Stage de tournage, 12 juin, 18 h, 45 €"),
    "es": ("Ruta guiada, sábado 3 de mayo, 9:30, 12 €", "Pan de centeno, 4,80 €",
           "Taller de torno, 12 de junio, 18 h, 45 €"),
    "pt": ("Caminhada guiada, sábado, 3 de maio, 9h30, R$ 60", "Pão de centeio, R$ 18",
           "Oficina de torno, 12 de junho, 18h, R$ 180"),
}  # fmt: skip
GOODS = {
    "de": (("Trinkflasche, 0,7 l", "29 EUR"), ("Zimtschnecke", "3,20 EUR"),
           ("Handgedrehte Tasse, 350 ml", "38 EUR")),
    "fr": (("Gourde, 0,7 l", "29 €"), ("Roulé à la cannelle", "3,20 €"), ("Mug en grès, 350 ml", "38 €")),
    "es": (("Cantimplora, 0,7 l", "29 €"), ("Rollo de canela", "3,20 €"), ("Taza de gres, 350 ml", "38 €")),
    "pt": (("Cantil, 0,7 l", "R$ 149"), ("Rolinho de canela", "R$ 12"), ("Caneca de grés, 350 ml", "R$ 95")),
}  # fmt: skip
SHOWS = (
    ("boulders, rocky shore, pale sky", "loblolly pine, needles", "acorns, oak leaves, twig",
     "lake, reflection, mountains", "trail, mountain wall, grass", "osprey, branch",
     "oak, meadow, sky", "autumn leaves, bark", "morning mist, forest", "waterfall, moss, rock",
     "wildflowers, bee", "hiking boots, trail", "sunset, sea", "snow, fir trees", "backpack, map",
     "mountain hut, peaks", "pebbles, wave", "butterfly, thistle"),
    ("bread, flour", "croissants, coffee", "cinnamon roll, plate", "cappuccino, window",
     "loaf, basket", "cake, strawberries", "coffee beans", "pretzels, butter", "dough, table",
     "apple pie, cinnamon", "tea, teapot", "sandwich, salad", "cookies, jar", "espresso, counter"),
    ("mug, shelf", "vase, flowers", "candle, window", "bowls, linen", "clay, potter's wheel",
     "plates, table", "teapot, cup", "candles, matches", "glaze, kiln", "jug, lemons",
     "planter, cactus", "espresso cups, tray"),
)  # fmt: skip
KINDS: tuple[Kind, ...] = (
    "photo", "photo", "quote", "photo", "carousel", "photo", "story", "photo", "promo", "product",
    "reel", "photo", "gif", "collage",
)  # fmt: skip


def briefs(language: str, seed: int, count: int) -> list[CaptionBrief]:
    """`count` briefs, the three shops in turn; two of them know nothing of their picture."""
    rng = np.random.default_rng(seed)
    code = language[:2]
    made = []
    for i in range(count):
        at = i % 3
        kind = KINDS[(i // 3 + 5 * at) % len(KINDS)]
        name, niche, voice = SHOPS[code][at]
        brand = Brand(name=name, niche=niche, voice=voice, language=language, emoji_max=1)
        shows, *more = (
            tuple(SHOWS[at][int(k)].split(", ")) for k in rng.permutation(len(SHOWS[at]))[:3]
        )
        offer, product = "", Offer()
        if kind == "promo":
            offer = OFFERS[code][at]
        if kind == "product":
            product = Offer(name=GOODS[code][at][0], price=GOODS[code][at][1])
        made.append(
            CaptionBrief(
                kind=kind, brand=brand, offer=offer, details=product,
                shows=() if i in (7, 19) else shows,
                beside=tuple(more) if kind in ("carousel", "collage") else (),
                season="autumn" if "autumn leaves" in shows else "",
            )
        )  # fmt: skip
    return made


def write(asked: Sequence[CaptionBrief], seed: int) -> list[Caption]:
    """Captions in the order of the briefs; each shop has a writer of its own."""
    found: dict[int, Caption] = {}
    for shop in range(3):
        own = [i for i in range(len(asked)) if i % 3 == shop]
        found |= dict(zip(own, Writer().write([asked[i] for i in own], seed), strict=True))
    return [found[i] for i in range(len(asked))]


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--language", default="de")
    arguments.add_argument("--seed", type=int, default=7)
    arguments.add_argument("--count", type=int, default=25)
    given = arguments.parse_args()
    asked = briefs(given.language, given.seed, given.count)
    for number, (brief, caption) in enumerate(zip(asked, write(asked, given.seed), strict=True), 1):
        print(
            f"{number}. *{brief.kind}; {', '.join(brief.shows) or 'nothing known'}.* {caption.text}"
        )
        on_picture = [f"headline “{caption.headline}”"] * bool(caption.headline)
        on_picture += [f"quote “{caption.quote}”"] * bool(caption.quote)
        on_picture += [f"slides “{' / '.join(caption.slides)}”"] * bool(caption.slides)
        if on_picture:
            print(f"   On the picture: {'; '.join(on_picture)}.")


if __name__ == "__main__":
    main()
