"""Briefs and captions as values: what a caption must be about, and what was written.

Knows the brand and the posts as values; knows nothing of how a caption comes about.
"""

from typing import Literal

from feedsmith.brand import Brand
from feedsmith.post import Kind, PastPost, Value

Route = Literal["skeleton", "model", "plain"]


class CaptionBrief(Value):
    """What one caption must be about."""

    kind: Kind
    brand: Brand
    shows: tuple[str, ...] = ()
    """Keywords of what the picture shows, most salient first."""
    season: str = ""
    """spring, summer, autumn or winter, where known."""
    light: tuple[str, ...] = ()
    """Words for light and weather that the picture has, e.g. "evening light", "mist"."""
    theme: str = ""
    offer: str = ""
    """Must appear verbatim."""
    past: tuple[PastPost, ...] = ()
    """The brand's own posts whose pictures match best, nearest first."""
    history: tuple[PastPost, ...] = ()
    """All posts of the brand; none of them is repeated."""
    text_on_picture: str = ""
    """Words already set on the picture; the caption does not repeat them."""


class Caption(Value):
    """One finished caption."""

    text: str
    """Without hashtags."""
    route: Route
    """skeleton: people's sentences, filled; model: sampled; plain: nothing was known."""
    score: float
    reasons: dict[str, float | str]
    """What the score is made of, and the skeletons used."""
    headline: str = ""
    """2-6 words that may be set on the picture (quote, story, promo, carousel cover)."""
    quote: str = ""
    """For a quote: the sentence to set on the picture, at most QUOTE_MAX characters."""
    slides: tuple[str, ...] = ()
    """For a carousel: 3-4 short texts, one a slide."""


QUOTE_MAX = 110
"""Characters; longer ones do not read at a glance on a phone."""
