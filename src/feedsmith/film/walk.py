"""A loop of small pictures, each shown as what it is: a field of coloured dots on a ground.

A generator that walks through its latents gives pictures of 64 px, and at the size of a post those are
fog: detail made frame by frame flickers, and one still's detail laid over all frames slides under
the forms like a projection. A dot for each pixel hides nothing and needs nothing hidden: on a dark ground
the light ones are large, as on a wall of lamps, and what moves is their size and colour.

Knows pictures and a colour; nothing of generators, photos or files.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from feedsmith.colour import from_hex, from_lab, to_bytes, to_lab

Bytes = NDArray[np.uint8]
Floats = NDArray[np.float32]

ACROSS = 48
"""Dots along the shorter side: at 36 a flower's forms were lost, at 64 the dots were a screen."""
FPS = 25
FRAMES = 120
"""4.8 s for one round through three anchors."""
GIF_WIDTH = 432
"""Pixels: nine a dot. Wider ones were over 5 MB and made a second time."""
FULL = 0.56
"""Radius of the largest dot, in cells: neighbours just touch at 0.5 and close the ground at 0.71."""
LEAST = 0.12
BAND = 128
"""Rows of pixels that are drawn at once."""
ENDS = 0.02, 0.98
"""Shares of all pixels that become wholly dark and wholly light: generators are shy of both."""
VIVID = 1.25
"""Chroma is raised so much: the ground between the dots takes as much away."""


@dataclass(frozen=True, slots=True)
class Walk:
    """Frames made when asked for, one at a time."""

    width: int
    height: int
    fps: int
    _colours: Bytes = field(repr=False)
    """(n, rows, columns, 3) of the dots."""
    _radii: Floats = field(repr=False)
    """(n, rows, columns), in cells."""
    _ground: tuple[int, int, int]

    @property
    def count(self) -> int:
        """Frames; after the last comes the first."""
        return len(self._colours)

    @property
    def seconds(self) -> float:
        return self.count / self.fps

    @property
    def still(self) -> Bytes:
        """The first frame, (height, width, 3)."""
        return self._frame(0)

    def frames(self, step: int = 1) -> Iterator[Bytes]:
        """(height, width, 3) RGB frames in order, every `step`-th."""
        for index in range(0, self.count, step):
            yield self._frame(index)

    def at(self, seconds: float) -> Bytes:
        """(height, width, 3) RGB of the moment `seconds` after the first frame, between two frames where it
        lies so: films of another rate do not stutter."""
        place = seconds * self.fps % self.count
        before = int(place)
        after, share = (before + 1) % self.count, np.float32(place - before)
        colours = self._colours[[before, after]].astype(np.float32)
        radii = self._radii[[before, after]]
        return self._drawn(
            colours[0] + share * (colours[1] - colours[0]), radii[0] + share * (radii[1] - radii[0])
        )

    def extremes(self, seconds: float) -> tuple[Bytes, Bytes]:
        """Two frames that never come: each dot as it is at its darkest and at its lightest in the first
        `seconds`. Words that read on both read on all."""
        count = min(self.count, int(seconds * self.fps) + 2)
        light = self._colours[:count].astype(np.float32) @ np.array([0.3, 0.6, 0.1], np.float32)
        rows, columns = np.indices(light.shape[1:])
        dark, bright = (
            self._drawn(
                self._colours[at, rows, columns].astype(np.float32), self._radii[at, rows, columns]
            )
            for at in (light.argmin(axis=0), light.argmax(axis=0))
        )
        return dark, bright

    def _frame(self, index: int) -> Bytes:
        return self._drawn(self._colours[index].astype(np.float32), self._radii[index])

    def _drawn(self, colours: Floats, radii: Floats) -> Bytes:
        """One frame; the edge of a dot is softened over a pixel. 0.15 CPU-s at 1080 x 1350. A band of dots at a
        time: whole, its passing values would be 100 MB at 1080 x 1920."""
        rows, columns = radii.shape
        cell = min(self.width / columns, self.height / rows)
        down, y_cell = _places(self.height, rows)
        across, x_cell = _places(self.width, columns)
        ground = np.array(self._ground, np.float32)
        out = np.empty((self.height, self.width, 3), np.uint8)
        for top in range(0, self.height, BAND):
            band = slice(top, top + BAND)
            radius = (radii * np.float32(cell))[y_cell[band]][:, x_cell]
            away = np.hypot(down[band, None] * cell, across[None] * cell)
            cover = np.clip(radius - away + np.float32(0.5), 0, 1)[..., None]
            colour = colours[y_cell[band]][:, x_cell]
            out[band] = to_bytes(ground + cover * (colour - ground))
        return out


def dots(pictures: Bytes, width: int, height: int, ground: str, *, fps: int = FPS) -> Walk:
    """A walk out of small pictures, uint8 (n, h, w, 3) in the proportions of (width, height).

    `ground` is #rrggbb: on a dark one the light pixels are large, on a light one the dark pixels.
    """
    short = min(width, height)
    columns, rows = round(ACROSS * width / short), round(ACROSS * height / short)
    small = np.stack([_sampled(picture, rows, columns) for picture in pictures])
    lab = to_lab(small)
    low, high = np.quantile(lab[..., 0], ENDS)
    level = np.clip((lab[..., 0] - low) / max(float(high - low), 1.0), 0, 1).astype(np.float32)
    colour = np.concatenate([(8 + 84 * level)[..., None], lab[..., 1:] * np.float32(VIVID)], -1)
    under = from_hex(ground)
    share = level if float(to_lab(under)[0]) < 50 else 1 - level
    radii = LEAST + (FULL - LEAST) * np.sqrt(share)
    return Walk(
        width, height, fps, to_bytes(from_lab(colour)), radii.astype(np.float32),
        (int(under[0]), int(under[1]), int(under[2])),
    )  # fmt: skip


def _sampled(picture: Bytes, rows: int, columns: int) -> Bytes:
    return np.asarray(Image.fromarray(picture).resize((columns, rows), Image.Resampling.BICUBIC))


def _places(length: int, cells: int) -> tuple[Floats, NDArray[np.int64]]:
    """Of each pixel along a side: its distance from the middle of its cell, in cells, and the cell."""
    at = (np.arange(length) + 0.5) * cells / length
    cell = np.minimum(at.astype(np.int64), cells - 1)
    return (at - cell - 0.5).astype(np.float32), cell
