"""What an image model remembers of one library between pictures: thumbnails, looks, skylines, the gate.

Knows photos and their traits; knows no model and makes no picture.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from feedsmith.colour import Bytes, Floats, to_lab
from feedsmith.errors import Refused
from feedsmith.images import mashup, relight
from feedsmith.originality import PHOTO_SIDE, Encode, Gate
from feedsmith.post import Photo
from feedsmith.understanding.saliency import by_contrast
from feedsmith.understanding.traits import embeddings, saliency

if TYPE_CHECKING:
    from feedsmith.library import Library
    from feedsmith.understanding.traits import Traits

QUIET = 13.15
"""Spread of lightness (OKLab times 100) under which a picture is not synthesised."""
MADE_BY_HAND = ("person", "building", "object", "vehicle", "clothing", "furniture", "food", "text")
"""Label groups whose colours mean something: they are never relit, only graded."""


class Known:
    """What is remembered about one library between pictures; small, and made on first use."""

    def __init__(
        self,
        library: "Library",
        traits: "Mapping[str, Traits]",
        encode: Encode | None,
    ) -> None:
        self.library = library
        self.traits = traits
        self._thumbs: dict[str, Bytes] = {}
        self.photos = [p for p in library.photos() if p.id in traits and self._readable(p)]
        self.by_id = by_id = {p.id: p for p in self.photos}
        # The gate knows no `self`: in a circle with it the encoder's 36 MB stayed in memory after a run, until
        # Python looked for circles, and a worker that made job after job grew by as much each time.
        self.gate = Gate(
            lambda photo: library.rgb(by_id[photo], PHOTO_SIDE),
            [p.id for p in self.photos],
            features=embeddings(library) if encode is not None else None,
            encode=encode,
        )
        self._look: relight.Look | None = None
        self._lines: dict[str, mashup.Skyline] = {}

    def _readable(self, photo: Photo) -> bool:
        """Keep a thumbnail; a photo that went missing or broke since the import is left out."""
        try:
            self._thumbs[photo.id] = self.library.rgb(photo, 96)
        except Refused:
            return False
        return True

    def thumb(self, photo: str) -> Bytes:
        """The photo at 96 px, for colours: 20 kB each, 5 ms each with DCT-scaled decoding."""
        return self._thumbs[photo]

    @property
    def look(self) -> relight.Look:
        """The brand's usual light and palette: the middle of up to 60 photos spread over time."""
        if self._look is None:
            step = max(1, len(self.photos) // 60)
            looks = [relight.look(self.thumb(p.id)) for p in self.photos[::step]]
            self._look = relight.brand_look(looks)
        return self._look

    def suits(self, photo: str) -> str:
        """How a photo may be synthesised: "rows", "noise", or "" for not at all.

        The verdict of the photo's traits, which errs on the side of no, less the quiet ones. Letting
        photos that just missed it try with a stricter draft mark was tried: the drafts passed, and
        the pictures had half bushes on bare rock.
        """
        trait = self.traits[photo]
        if trait.faces or not trait.synthesisable:
            return ""
        return "" if trait.suits == "rows" and self.is_quiet(photo) else trait.suits

    def is_quiet(self, photo: str) -> bool:
        """Mist and dusk: so little contrast that a seam shows as a wall and nothing hides it."""
        return float(to_lab(self.thumb(photo))[..., 0].std()) < QUIET

    def is_made_by_hand(self, photo: str) -> bool:
        """People, products, buildings, food: colours are facts there."""
        trait = self.traits[photo]
        if trait.faces:
            return True
        return sum(trait.groups.get(g, 0.0) for g in MADE_BY_HAND) > 0.5

    def keywords(self, photos: Sequence[str]) -> tuple[str, ...]:
        return tuple(dict.fromkeys(k for p in photos for k in self.traits[p].keywords))

    def fits_theme(self, photo: str, theme: str) -> bool:
        return theme_words(theme, self.traits[photo]) > 0

    def skyline(self, photo: str) -> mashup.Skyline:
        if photo not in self._lines:
            self._lines[photo] = mashup.skyline(self.library.rgb(self.by_id[photo], 512))
        return self._lines[photo]

    def saliency(self, photo: str) -> Floats:
        """The map (h, w) 0..1 that import stored, or one by contrast."""
        found = saliency(self.library, photo)
        return by_contrast(self.library.rgb(self.by_id[photo], 320)) if found is None else found


def theme_words(theme: str, trait: "Traits") -> float:
    """How many of a theme's words a photo carries in its keywords or season, 0..1."""
    words = {w.strip(".,!?#").lower() for w in theme.split()} - {"", "the", "a", "in", "of", "and"}
    if not words:
        return 0.0
    words |= {relight.WORDS[w] for w in words if w in relight.WORDS}
    own = {w for k in trait.keywords for w in k.lower().split()} | {trait.season}
    return min(1.0, len(words & own) / max(1, len(theme.split())) * 1.5)


def palette(thumb: Bytes) -> Floats:
    """A coarse colour histogram, sums to 1."""
    lab = to_lab(thumb).reshape(-1, 3)
    cell = (
        np.clip(lab[:, 0] // 25, 0, 3) * 25
        + np.clip(lab[:, 1] // 5 + 2, 0, 4) * 5
        + np.clip(lab[:, 2] // 5 + 2, 0, 4)
    ).astype(np.int64)
    count = np.bincount(cell, minlength=100)[:100].astype(np.float32)
    return np.asarray(count / count.sum(), np.float32)


def busy(thumb: Bytes) -> float:
    """0 for an empty sky, 1 for leaves everywhere."""
    light = to_lab(thumb)[..., 0]
    gy, gx = np.gradient(light)
    return float(np.clip(np.hypot(gy, gx).mean() / 6, 0, 1))
