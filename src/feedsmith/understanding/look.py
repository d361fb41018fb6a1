"""Looks: what a photo looks like in a few plain words, beside what it shows.

Season, light, the colour that fills it, how many faces. Knows what was measured of a photo
(`traits.Traits`); looks at no pixels itself, and says nothing that was not measured.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from feedsmith.colour import from_hex, to_lab
from feedsmith.understanding.traits import Traits

DARK, BRIGHT = 0.33, 0.78
"""Mean OKLab lightness below and above which a photo is called dark or bright: the outer tenths of
259 mixed photos."""
COLOURFUL = 5.5
"""OKLab chroma (times 100, as `colour.to_lab` gives it) from which a swatch has a colour; below lie greys, skin in shade and haze."""
FILLS = 0.3
"""Share of the picture from which a colour is one of its own."""
NEIGHBOURS = 4
"""Photos whose keywords are taken for `near`."""
NEAR_MOST = 4
"""Keywords in `near`."""

_HUES = (
    (18.0, "pink"), (50.0, "red"), (78.0, "orange"), (112.0, "yellow"), (165.0, "green"),
    (215.0, "turquoise"), (285.0, "blue"), (330.0, "purple"), (360.0, "pink"),
)  # fmt: skip
"""Upper bounds of hue angles in OKLab, in degrees."""


def in_words(traits: Traits) -> tuple[str, ...]:
    """E.g. ("autumn", "dark", "orange tones", "no faces"); at most five words."""
    said: list[str] = []
    if traits.season:
        said.append(traits.season)
    if traits.brightness < DARK:
        said.append("dark")
    elif traits.brightness > BRIGHT:
        said.append("bright")
    if traits.blue_sky:
        said.append("blue sky")
    if tone := _tone(traits.palette):
        said.append(f"{tone} tones")
    if "faces" not in traits.missing:
        count = len(traits.faces)
        said.append("no faces" if not count else "one face" if count == 1 else "faces")
    return tuple(said)


def near(
    photo: str,
    known: Mapping[str, Traits],
    features: Mapping[str, NDArray[np.float32]],
    shows: Sequence[str],
    apart: frozenset[str] = frozenset(),
) -> tuple[str, ...]:
    """Keywords of the NEIGHBOURS photos most like `photo` in the encoder's eyes, the commonest first.

    `features` are unit vectors by photo id; words of `shows` are left out, and so are the photos in
    `apart` and `photo` itself. Empty where the photo has no features.
    """
    own = features.get(photo)
    if own is None:
        return ()
    said = {word for keyword in shows for word in keyword.lower().split()}
    others = [i for i in known if i != photo and i not in apart and i in features]
    closeness = {i: float(features[i] @ own) for i in others}
    votes: dict[str, float] = {}
    for i in sorted(others, key=lambda i: (-closeness[i], i))[:NEIGHBOURS]:
        for keyword in known[i].keywords:
            if not said & set(keyword.lower().split()):
                votes[keyword] = votes.get(keyword, 0.0) + closeness[i]
    return tuple(sorted(votes, key=lambda word: (-votes[word], word))[:NEAR_MOST])


def _tone(palette: Sequence[tuple[str, float]]) -> str:
    """The hue that fills at least FILLS of the picture; '' where none does."""
    shares: dict[str, float] = {}
    for colour, share in palette:
        _, a, b = (float(v) for v in to_lab(np.array([from_hex(colour)], np.uint8))[0])
        if np.hypot(a, b) >= COLOURFUL:
            angle = float(np.degrees(np.arctan2(b, a))) % 360
            hue = next(name for most, name in _HUES if angle <= most)
            shares[hue] = shares.get(hue, 0.0) + share
    best = max(shares, key=lambda hue: (shares[hue], hue), default="")
    return best if best and shares[best] >= FILLS else ""
