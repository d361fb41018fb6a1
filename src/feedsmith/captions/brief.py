"""Briefs and captions as values: what a caption must be about, and what was written.

Knows the brand and the posts as values; knows nothing of how a caption comes about.
"""

from typing import Literal

from feedsmith.brand import Brand
from feedsmith.captions.tongues import names
from feedsmith.facts import even, stands
from feedsmith.post import Kind, Offer, PastPost, Value

Route = Literal["skeleton", "model", "endpoint", "plain"]


class CaptionBrief(Value):
    """What one caption must be about."""

    kind: Kind
    brand: Brand
    shows: tuple[str, ...] = ()
    """Keywords of what the picture shows, most salient first."""
    beside: tuple[tuple[str, ...], ...] = ()
    """Keywords of each further picture of a carousel or collage, in their order."""
    season: str = ""
    """spring, summer, autumn or winter, where known."""
    light: tuple[str, ...] = ()
    """Words for light and weather that the picture has, e.g. "evening light", "mist"."""
    look: tuple[str, ...] = ()
    """What the picture looks like, for the language model: season, light, main colour, faces."""
    near: tuple[str, ...] = ()
    """Keywords of the library's photos most like it, apart from those in `shows`."""
    theme: str = ""
    offer: str = ""
    """The offer in one line; must appear verbatim."""
    details: Offer = Offer()
    """The offer by its parts; each must appear verbatim (the link apart: captions have none)."""
    about: str = ""
    """What the maker says of the product, in whole sentences; used as it is."""
    headline: str = ""
    """Words to set large, given by a person; used as they are."""
    past: tuple[PastPost, ...] = ()
    """The brand's own posts whose pictures match best, nearest first."""
    history: tuple[PastPost, ...] = ()
    """All posts that the brand wrote, oldest first; none of them is repeated."""
    made: tuple[PastPost, ...] = ()
    """Posts made for it before, oldest first; none is repeated, and none counts as its voice."""
    text_on_picture: str = ""
    """Words already set on the picture; the caption does not repeat them."""

    @property
    def shown(self) -> tuple[str, ...]:
        """Keywords of all its pictures."""
        return (*self.shows, *(word for picture in self.beside for word in picture))

    @property
    def price(self) -> str:
        """Price, former price and dates in one breath: "12 EUR (was 18 EUR), 3 to 9 May"."""
        was = self._was if self.details.was else ""
        price = " ".join(part for part in (self.details.price, was) if part)
        return even(", ".join(part for part in (price, self.details.dates) if part))

    @property
    def _was(self) -> str:
        return names.was(self.brand.language, self.details.was)

    @property
    def line(self) -> str:
        """The offer in one line, with every part of `details` but the call and the link."""
        line = self.offer or self.details.text
        of = self.details
        if of.name and not stands(of.name, line):
            line = f"{of.name}: {line}" if line else of.name
        for part in (of.dates, of.price):
            if part and not stands(part, line):
                line = f"{line}, {part}" if line else part
        if of.was and not stands(of.was, line):
            line = f"{line} {self._was}"
        return even(line)

    @property
    def by_parts(self) -> bool:
        """A product that is told by name and price rather than in one line."""
        return self.kind == "product" and bool(self.details.name) and not self.details.text

    @property
    def pieces(self) -> tuple[str, ...]:
        """Everything that must stand in the caption exactly as it is."""
        said = (self.name, self.price) if self.by_parts else (self.line,)
        return tuple(piece for piece in (*said, self.call) if piece)

    @property
    def name(self) -> str:
        """Of the product or event."""
        return even(self.details.name)

    @property
    def call(self) -> str:
        """What people are asked to do, as the offer has it."""
        return even(self.details.call)


class Caption(Value):
    """One finished caption."""

    text: str
    """Without hashtags."""
    route: Route
    """skeleton: people's sentences, filled; model: sampled; endpoint: written by a chat model
    elsewhere; plain: nothing was known."""
    score: float
    reasons: dict[str, float | str]
    """What the score is made of, and the skeletons used."""
    headline: str = ""
    """2-6 words that may be set on the picture; for a reel its hook, shown first. Always empty for
    a photo, and for a GIF or a collage where nothing short and true came up."""
    quote: str = ""
    """For a quote: the sentence to set on the picture, at most QUOTE_MAX characters."""
    slides: tuple[str, ...] = ()
    """For a carousel: 3-4 short texts, one a slide. For a reel: 2-4 lines that follow the hook."""


QUOTE_MAX = 110
"""Characters; longer ones do not read at a glance on a phone."""
