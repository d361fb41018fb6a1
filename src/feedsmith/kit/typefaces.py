"""Which typefaces a brand has: its own files, its pair, or one that suits how it sounds.

Knows the shipped pairs, settings and words; nothing of photos or layouts.
"""

import hashlib

from feedsmith.brand import Brand, Home
from feedsmith.design import faces
from feedsmith.errors import FeedsmithError

_SUITS = {
    "warm": ("fraunces", "slab", "rounded", "bookish"),
    "minimal": ("instrument", "geometric", "light"),
    "dry": ("bricolage", "typewriter", "slab"),
    "poetic": ("instrument", "light", "didone"),
    "playful": ("rounded", "bricolage", "hand"),
    "second-person": ("bricolage", "geometric", "wide"),
    "expert": ("serif", "bookish", "condensed"),
    "practical": ("condensed", "poster", "slab"),
    "first-person founder": ("fraunces", "bookish", "bricolage"),
}
"""Voice (brand.VOICES) -> names in faces.PAIRS that speak alike."""
_SAID = {
    "fraunces": "soft, old-style letters", "slab": "sturdy slabs", "rounded": "round letters",
    "bookish": "the letters of books", "instrument": "fine condensed serifs",
    "geometric": "plain circles and lines", "light": "light, airy serifs",
    "bricolage": "a grotesque with odd corners", "typewriter": "typewritten letters",
    "didone": "high contrast of thick and thin", "hand": "handwriting",
    "wide": "broad letters", "serif": "calm, firm serifs", "condensed": "narrow, loud letters",
    "poster": "tall capitals",
}  # fmt: skip


def seed_of(name: str) -> int:
    """The seed of a brand's typefaces: the same in every run, for pages and posts alike."""
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:4], "big")


def choose(name: str, voice: str) -> tuple[str, str, float]:
    """(pair, why, confidence) for a brand of this name that sounds like `voice`.

    The voice narrows it to three or four, the name decides: two warm bakeries need not look alike.
    """
    heard = next((v for v in _SUITS if v in voice.casefold()), "")
    fitting = [pair for pair in _SUITS.get(heard, ()) if pair in faces.PAIRS]
    if not fitting:
        pair = faces.pair_for(seed_of(name)).name
        return pair, f"by the name alone: {_SAID.get(pair, pair)}", 0.5
    pair = fitting[seed_of(name) % len(fitting)]
    return pair, f"{_SAID.get(pair, pair)} suit a {heard} voice", 0.6


def of(brand: Brand, home: Home) -> faces.Pair:
    """The brand's pair: its own files, the pair it names, or one by its voice and name.

    Raises FeedsmithError for an unknown pair (listing those there are) and for font files that are
    missing or no fonts.
    """
    fonts = brand.fonts
    if fonts.pair and fonts.pair not in faces.PAIRS:
        raise FeedsmithError(
            f'{home.brand_file}: fonts.pair = "{fonts.pair}" is no pair that is known',
            mend="one of: " + ", ".join(sorted(faces.PAIRS)),
        )
    base = faces.PAIRS[fonts.pair or choose(brand.name, brand.voice)[0]]
    if not (fonts.heading or fonts.text):
        return base
    heading, text = (
        home.file(name, setting) if name else None
        for name, setting in ((fonts.heading, "fonts.heading"), (fonts.text, "fonts.text"))
    )
    return faces.custom(heading, text, base=base)
