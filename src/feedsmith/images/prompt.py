"""Prompts: what a model that draws is asked for, in words of the brand's own photos.

Knows traits and looks of photos and the brief; knows no model. No person and no product is asked
for: a photo with faces, or of something made by hand, lends its words only where there is no other.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from feedsmith.images.api import PictureBrief
from feedsmith.images.known import MADE_BY_HAND, theme_words
from feedsmith.understanding import look
from feedsmith.understanding.traits import Traits

LENDERS = 3
"""Photos whose words go into a prompt."""
NEAR = 0.28
"""Cosine of encoder features from which two pictures go together."""
WORDS = 6
"""Keywords in a prompt: CLIP reads 77 tokens, and what stands late in them weighs little."""
NEGATIVE = (
    "text, watermark, logo, signature, frame, border, collage, people, face, hands, deformed, "
    "blurry, low quality"
)
"""What no picture of a feed wants, and what models draw badly."""
PHOTOGRAPH = ("photograph", "natural light")
_CALM, _BUSY = "simple calm composition", "rich detail"


class Prompt(NamedTuple):
    """What is to be drawn, and whose words it is put in."""

    words: tuple[str, ...]
    """In the order of their weight."""
    negative: str
    shows: tuple[str, ...]
    """The words among them that name things."""
    sources: tuple[str, ...]
    """Ids of the photos that lent theirs, the one that gave most first."""

    @property
    def text(self) -> str:
        """As diffusion models read it: "autumn, birch wood, orange tones, photograph"."""
        return ", ".join(self.words)


def of_photo(keywords: Sequence[str], looks: Sequence[str] = ()) -> tuple[str, ...]:
    """Words for one photo, as a model is taught them and as it is asked for them."""
    seen = [word for word in looks if "face" not in word]
    return tuple(dict.fromkeys([*keywords[:WORDS], *seen]))


def of_brief(
    brief: PictureBrief,
    traits: Mapping[str, Traits],
    features: Mapping[str, NDArray[np.float32]],
    negative: str = NEGATIVE,
) -> Prompt:
    """The prompt of a brief; the same brief, traits and features give the same words.

    `features`: photo id to unit vector; without them the photos beside the first are those that
    share its words. `brief.avoid` are photos used lately.
    """
    first, *others = _lenders(brief, traits, features)
    shows = list(traits[first].keywords[: WORDS - 2])
    for other in others:
        own = traits[other].keywords
        shows += [word for word in own if not _said(word, shows)][:1]
    theme = brief.theme.strip()
    words = [theme] if theme else []
    words += [*of_photo(shows[:WORDS], look.in_words(traits[first])), *PHOTOGRAPH]
    if brief.want is not None:
        words.append(_CALM if brief.want == "calm" else _BUSY)
    if brief.text_space is not None:
        words.append(f"empty space at the {brief.text_space}")
    return Prompt(tuple(dict.fromkeys(words)), negative, tuple(shows[:WORDS]), (first, *others))


def _lenders(
    brief: PictureBrief,
    traits: Mapping[str, Traits],
    features: Mapping[str, NDArray[np.float32]],
) -> list[str]:
    """Photos for a brief: the best by theme, by rest and by chance, then those that go with it."""
    rng = np.random.default_rng(brief.seed)
    chance = dict(zip(sorted(traits), rng.gumbel(0, 0.45, len(traits)), strict=True))
    among = [i for i in sorted(brief.among or traits) if i in traits]
    wild = [i for i in among if not _made_by_hand(traits[i]) and traits[i].keywords]
    usable = wild or [i for i in among if not traits[i].faces] or among
    marks = {
        i: float(chance[i])
        + 3.0 * (theme_words(brief.theme, traits[i]) if brief.theme else 0.0)
        - 6.0 * (i in brief.avoid)
        for i in usable
    }
    ranked = sorted(usable, key=lambda i: (-marks[i], i))
    first = ranked[0]
    closeness = {i: _likeness(first, i, traits, features) for i in ranked[1:]}
    near = sorted((i for i in closeness if closeness[i] >= NEAR), key=lambda i: (-closeness[i], i))
    return [first, *near[: LENDERS - 1]]


def _likeness(
    one: str,
    other: str,
    traits: Mapping[str, Traits],
    features: Mapping[str, NDArray[np.float32]],
) -> float:
    a, b = features.get(one), features.get(other)
    if a is not None and b is not None:
        return float(a @ b)
    mine = set(traits[one].keywords)
    return len(mine & set(traits[other].keywords)) / max(1, len(mine))


def _made_by_hand(traits: Traits) -> bool:
    if traits.faces:
        return True
    return sum(traits.groups.get(group, 0.0) for group in MADE_BY_HAND) > 0.5


def _said(word: str, words: Sequence[str]) -> bool:
    parts = set(word.lower().split())
    return any(parts & set(other.lower().split()) for other in words)
