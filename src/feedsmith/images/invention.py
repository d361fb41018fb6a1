"""Invention: from what a model drew to a picture for a post.

What every model that draws shares, whichever it is: the prompt in the brand's words, the cut to the
brief's format, a quiet grade towards the brand's light, what is to be seen in it, and the originality
gate: what is nearly one of the brand's photos, and what came out blank, is drawn again.

Knows pictures, traits and prompts; knows no network and no server.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from feedsmith.colour import Bytes
from feedsmith.errors import FeedsmithError, Refused
from feedsmith.images import relight
from feedsmith.images.api import Method, NoPicture, Picture, PictureBrief
from feedsmith.images.prompt import NEAR, NEGATIVE, Prompt, of_brief
from feedsmith.originality import PHOTO_SIDE, Gate
from feedsmith.rules import Format
from feedsmith.understanding import keywords
from feedsmith.understanding.encoder import Encoder, tags
from feedsmith.understanding.networks import WEIGHTS
from feedsmith.understanding.traits import ALIKE, embeddings

if TYPE_CHECKING:
    from feedsmith.library import Library
    from feedsmith.understanding.traits import Traits

TRIES = 4
"""Pictures drawn for one brief at most: each costs minutes on a processor, or money."""
BLANK = 2.0
"""Standard deviation in grey levels under which a picture shows nothing. Filters put black in place
of what they hold back, and half precision overflows to black."""
GRADE = 0.25
"""How far the light goes towards the brand's, as in remix."""

Draw = Callable[[Prompt, int], Bytes]
"""(prompt, seed) to a picture of any size, uint8 (H, W, 3). Raises NoPicture."""


class Inventor:
    """Makes pictures with whatever draws. `weights` is the folder of the encoder; without it the gate
    compares by colour, and a picture is taken to show what was asked for."""

    def __init__(self, weights: Path = WEIGHTS) -> None:
        self._encoder = Encoder(weights) if (weights / "encoder.onnx").exists() else None
        self._known: _Known | None = None

    def make(
        self,
        brief: PictureBrief,
        library: "Library",
        traits: "Mapping[str, Traits]",
        draw: Draw,
        *,
        method: Method,
        note: str,
        mend: str,
        negative: str = NEGATIVE,
        prompt: Prompt | None = None,
    ) -> Picture:
        """A picture of the brief that is new; `note` says how it was made, in words for the owner,
        and `mend` what to do where every one was too near to a photo. `prompt`: what to ask for,
        where it is not the brief's own.

        Raises NoPicture after TRIES pictures, and what `draw` raises.
        """
        if not traits:
            raise FeedsmithError(
                f"{library.root}: no photo here lends its words to a picture",
                mend="import photos first",
            )
        known = self._knowledge(library, traits)
        asked = prompt or of_brief(brief, traits, known.features, negative)
        trouble = ""
        for turn in range(TRIES):
            drawn = draw(asked, brief.seed + turn)
            if float(drawn.std()) < BLANK:
                trouble = "came out blank"
                continue
            rgb = fitted(drawn, brief.format)
            rgb = relight.grade(relight.look(rgb), known.look, GRADE).apply(rgb)
            originality = known.gate.measure(rgb, sources=asked.sources, tries=turn + 1)
            if originality.label != "new":
                trouble = f"was nearly one of your photos ({originality.nearest})"
                continue
            shows, alike = self._seen(rgb, asked, known)
            return Picture(
                rgb=rgb,
                method=method,
                sources=asked.sources,
                shows=shows,
                words_from=asked.sources if alike else (),
                window=None,
                note=f"{note} and “{brief.theme}”" if brief.theme else note,
                originality=originality,
            )
        blank = "another seed or theme, float32 as its number format, or a model without a filter"
        raise NoPicture(
            f"each of {TRIES} pictures was thrown away; the last one {trouble}",
            mend=f"try {blank}" if trouble == "came out blank" else mend,
        )

    def _knowledge(self, library: "Library", traits: "Mapping[str, Traits]") -> "_Known":
        known = self._known
        if known is None or known.library is not library or known.traits is not traits:
            known = self._known = _Known(library, traits, self._encoder)
        return known

    def _seen(self, rgb: Bytes, asked: Prompt, known: "_Known") -> tuple[tuple[str, ...], bool]:
        """(keywords of what the picture shows, whether it looks like the photos that lent the words).

        What the encoder and photos like it vouch for comes first; what was asked for follows where
        the picture is at all like the photos whose words these are. So of a picture that shows
        nothing, nothing is said.
        """
        if self._encoder is None or not known.features:
            return asked.shows, True
        seen = self._encoder.look(rgb)
        cosine = {i: float(vector @ seen.features) for i, vector in known.features.items()}
        near = sorted(cosine, key=lambda i: (-cosine[i], i))[:5]
        found = keywords.of_neighbours(
            [
                (cosine[i], [keywords.Keyword(*word.model_dump().values()) for word in trait.words])
                for i in near
                if cosine[i] >= ALIKE and (trait := known.traits.get(i)) is not None
            ]
        )
        found += keywords.of_labels(
            [(tag.label, tag.group, tag.probability) for tag in tags(seen.probabilities)]
        )
        words = [word.word for word in keywords.best(found)]
        alike = any(cosine.get(i, 0.0) >= NEAR for i in asked.sources)
        if alike:
            words += asked.shows
        return tuple(dict.fromkeys(words))[: keywords.MOST], alike


class _Known:
    """What is remembered of one library between pictures."""

    def __init__(
        self, library: "Library", traits: "Mapping[str, Traits]", encoder: Encoder | None
    ) -> None:
        self.library, self.traits = library, traits
        photos = {photo.id: photo for photo in library.photos() if photo.id in traits}
        self.features: Mapping[str, NDArray[np.float32]] = embeddings(library)
        self.gate = Gate(
            lambda photo: library.rgb(photos[photo], PHOTO_SIDE),
            list(photos),
            features=self.features if encoder is not None else None,
            encode=encoder.features if encoder is not None else None,
        )
        self._look: relight.Look | None = None
        self._photos = photos

    @property
    def look(self) -> relight.Look:
        """The brand's usual light and palette: the middle of up to 60 photos spread over time."""
        if self._look is None:
            photos = list(self._photos.values())
            looks = []
            for photo in photos[:: max(1, len(photos) // 60)]:
                try:
                    looks.append(relight.look(self.library.rgb(photo, 96)))
                except Refused:
                    continue  # one that went missing must not end the run
            if not looks:
                raise FeedsmithError(
                    f"{self.library.root}: no photo of the library can be read",
                    mend="import the photos again",
                )
            self._look = relight.brand_look(looks)
        return self._look


def fitted(rgb: Bytes, wanted: Format) -> Bytes:
    """The middle of a picture, uint8 (H, W, 3), at exactly the format; Lanczos."""
    height, width = rgb.shape[:2]
    ratio = wanted.width / wanted.height
    w, h = min(width, height * ratio), min(height, width / ratio)
    left, top = (width - w) / 2, (height - h) / 2
    image = Image.fromarray(rgb).resize(
        (wanted.width, wanted.height),
        Image.Resampling.LANCZOS,
        box=(left, top, left + w, top + h),
        reducing_gap=3.0,
    )
    return np.asarray(image)


def nearest_size(wanted: Format, native: int, unit: int) -> tuple[int, int]:
    """(width, height) in multiples of `unit` px for a model that draws squares of `native` px: of
    the format's shape, as nearly as the units allow, and of about as many pixels."""
    ratio = wanted.width / wanted.height
    side = native * ratio**0.5
    best = (max(unit, native // unit * unit),) * 2
    found = []
    for w in {int(side // unit) * unit, (int(side // unit) + 1) * unit}:
        for h in {int(w / ratio // unit) * unit, (int(w / ratio // unit) + 1) * unit}:
            if min(w, h) >= unit and w * h <= 1.1 * native**2:
                off = abs(np.log(w / h / ratio)) + 0.3 * abs(np.log(w * h / native**2))
                found.append((float(off), w, h))
    return min(found)[1:] if found else best
