"""What the caption model is asked: one brief as text, and the text as it was trained.

The prompt is the whole interface between a brief and the language model, so training
(`captions.train`) and sampling (`captions.model`) share this file. It knows no model and no file.

The captions it asks for carry no hashtags: those come from the brand's own statistics and from
the picture, because a small model invents them ("junkitethings").
"""

import hashlib
import re
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np
from pydantic import Field

from feedsmith.post import Value

Length = Literal["short", "medium", "long"]
SHORT_MAX, MEDIUM_MAX = 90, 190
"""Characters. They split the starter captions into about three equal parts."""

END = "<|im_end|>"
"""Ends every caption; one token of the base model."""

HELD_OUT = 0.1
"""Share of the examples that never trains, chosen by `held_out`."""

EMOJI = re.compile(
    "[\U0001f1e6-\U0001f1ff\U0001f300-\U0001faff\u2600-\u27bf\u2b00-\u2bff\u203c\u2049\u3030\u303d]"
)
"""One emoji's base character; joiners, skin tones and variation selectors follow it."""


class Request(Value):
    """What one caption must be about."""

    kind: str
    """photo, quote, story, carousel or promo; the training data also has product and reel."""
    niche: str
    """What the brand does, in a few words."""
    voice: str
    """One of the voices of the training data: warm, minimal, dry, poetic, playful, ..."""
    shows: tuple[str, ...] = ()
    """Keywords of what the picture shows, most important first."""
    offer: str = ""
    """Verbatim offer, such as "ash headphone stand, 37 EUR"; '' for none."""
    look: tuple[str, ...] = ()
    """What it looks like: season, light, main colour, faces; see `understanding.look`."""
    near: tuple[str, ...] = ()
    """Keywords of the library's photos most like it, apart from those in `shows`."""
    language: str = ""
    """English name of the caption's language, such as German; '' for English."""
    length: Length = "medium"
    emoji: int = Field(default=0, ge=0, le=2)
    """How many emoji to end with: 0, 1, or 2 (several)."""

    def prompt(self) -> str:
        """The text the model continues. What a brand keeps stands first, so that the runtime can
        reuse it from one caption to the next. Look, near and language have a line only where
        something is known: the shipped adapter learned without them."""
        shows = ", ".join(_line(word) for word in self.shows) or "-"
        extra = "".join(
            f"{name}: {', '.join(_line(word) for word in told)}\n"
            for name, told in (("look", self.look), ("near", self.near))
            if told
        )
        language = f"language: {_line(self.language)}\n" if self.language else ""
        return (
            f"niche: {_line(self.niche)}\nvoice: {_line(self.voice)}\n{language}"
            f"kind: {_line(self.kind)}\nlength: {self.length}\nemoji: {self.emoji}\n"
            f"shows: {shows}\n{extra}offer: {_line(self.offer) or '-'}\ncaption:\n"
        )


def length_of(text: str) -> Length:
    """The length class of a finished caption."""
    if len(text) <= SHORT_MAX:
        return "short"
    return "medium" if len(text) <= MEDIUM_MAX else "long"


def emoji_in(text: str) -> int:
    """Number of emoji in `text`; a flag counts as two, a joined family as its members."""
    return len(EMOJI.findall(text))


def held_out(caption: str, share: float = HELD_OUT) -> bool:
    """True for the captions that never train: by the caption's own hash, so that the same
    caption falls on the same side whatever else is in the file."""
    digest = hashlib.sha256(caption.strip().encode("utf-8")).digest()
    return int.from_bytes(digest[:8], "big") < share * 2**64


def example(row: Mapping[str, Any], rng: np.random.Generator | None = None) -> tuple[str, str]:
    """One training row as (prompt, target); the target ends with END.

    `row` has caption, kind, niche, voice, keywords and offer (or None), and may have look, near and
    language. Length and emoji are read off the caption. With `rng` the keywords are shuffled, some
    are left out, look and near are left out one time in three each, and the kinds that Feedsmith
    does not make are told as the nearest ones that it does, half of the time: a picture's keywords
    at run time come in another order, and never all. Without it nothing changes.
    """
    caption = str(row["caption"]).strip()
    kind = str(row["kind"])
    shows: Sequence[str] = [str(word) for word in row["keywords"]]
    offer = str(row["offer"] or "")
    look, near = (tuple(map(str, row.get(name) or ())) for name in ("look", "near"))
    if rng is not None:
        shows = [shows[i] for i in rng.permutation(len(shows)) if rng.random() > 0.12]
        look, near = look * (rng.random() > 1 / 3), near * (rng.random() > 1 / 3)
        if kind in ("product", "reel") and rng.random() < 0.5:
            kind = "promo" if offer else "photo"
    request = Request(
        kind=kind,
        niche=str(row["niche"]),
        voice=str(row["voice"]),
        shows=tuple(shows),
        look=look,
        near=near,
        language=str(row.get("language") or ""),
        offer=offer,
        length=length_of(caption),
        emoji=min(emoji_in(caption), 2),
    )
    return request.prompt(), caption + END


def _line(text: str) -> str:
    """One line: what a file says must not open a new field of the prompt."""
    return " ".join(text.split())
