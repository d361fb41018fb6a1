"""Faces in a picture, by BlazeFace, full range (Bazarevsky et al. 2019; MediaPipe weights).

Knows pixels in, boxes out. The whole picture is looked at, and five overlapping tiles of it,
because the network sees 192x192 pixels and misses faces below about a tenth of that.
"""

from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from feedsmith.understanding.networks import WEIGHTS, Network

SIDE = 192
GRID = 48
"""Anchors across: one for each 4 pixels."""
LIKELY = 0.68
"""Score from which a box counts. Of 336 photos without people (bench/understanding.py) only four
of a toy car reach it, by the painted face of its driver; people's faces score .8-.96."""
LIKELY_IN_TILE = 0.78
OVERLAP = 0.3
"""Boxes that share more than this (intersection over union) are the same face."""


class Face(NamedTuple):
    """A box in shares of the picture's width and height, 0..1, and its score 0..1."""

    left: float
    top: float
    right: float
    bottom: float
    score: float


class Faces(Network):
    """The face network; raises MissingModel at the first use when its weights are absent."""

    def __init__(self, folder: Path = WEIGHTS) -> None:
        super().__init__("faces", folder)

    def find(self, rgb: NDArray[np.uint8]) -> list[Face]:
        """Faces in an (H, W, 3) uint8 picture, most certain first; boxes cut at the edges."""
        height, width = rgb.shape[:2]
        found = self._look(rgb, (0.0, 0.0, 1.0, 1.0), LIKELY)
        if min(height, width) >= SIDE:
            for left, top in ((0, 0), (0.4, 0), (0, 0.4), (0.4, 0.4), (0.2, 0.2)):
                tile = (left, top, left + 0.6, top + 0.6)
                found += self._look(rgb, tile, LIKELY_IN_TILE)
        return _distinct(found)

    def _look(
        self, rgb: NDArray[np.uint8], area: tuple[float, float, float, float], likely: float
    ) -> list[Face]:
        height, width = rgb.shape[:2]
        x0, y0 = round(area[0] * width), round(area[1] * height)
        x1, y1 = round(area[2] * width), round(area[3] * height)
        tile = rgb[y0:y1, x0:x1]
        scale = SIDE / max(tile.shape[:2])
        size = (max(1, round(tile.shape[1] * scale)), max(1, round(tile.shape[0] * scale)))
        small = Image.fromarray(tile).resize(size, Image.Resampling.BICUBIC, reducing_gap=3)
        canvas = np.zeros((SIDE, SIDE, 3), np.uint8)
        dx, dy = (SIDE - size[0]) // 2, (SIDE - size[1]) // 2
        canvas[dy : dy + size[1], dx : dx + size[0]] = np.asarray(small)
        boxes, scores = self.run(["boxes", "scores"], rgb=canvas[None])
        certain = 1 / (1 + np.exp(-np.clip(scores[0, :, 0], -80, 80)))
        found = []
        for index in np.flatnonzero(certain >= likely):
            x = boxes[0, index, 0] + (index % GRID + 0.5) * SIDE / GRID
            y = boxes[0, index, 1] + (index // GRID + 0.5) * SIDE / GRID
            half_w, half_h = boxes[0, index, 2] / 2, boxes[0, index, 3] / 2
            left = (x0 + (x - half_w - dx) / scale) / width
            top = (y0 + (y - half_h - dy) / scale) / height
            right = (x0 + (x + half_w - dx) / scale) / width
            bottom = (y0 + (y + half_h - dy) / scale) / height
            inside = [min(max(float(v), 0.0), 1.0) for v in (left, top, right, bottom)]
            if inside[2] > inside[0] and inside[3] > inside[1]:
                found.append(
                    Face(inside[0], inside[1], inside[2], inside[3], float(certain[index]))
                )
        return found


def _distinct(faces: list[Face]) -> list[Face]:
    kept: list[Face] = []
    for face in sorted(faces, key=lambda f: (-f.score, f.left, f.top)):
        if all(_shared(face, other) <= OVERLAP for other in kept):
            kept.append(face)
    return kept


def _shared(a: Face, b: Face) -> float:
    """Intersection over the smaller box: a tile's cut-off face is the same face."""
    wide = min(a.right, b.right) - max(a.left, b.left)
    high = min(a.bottom, b.bottom) - max(a.top, b.top)
    if wide <= 0 or high <= 0:
        return 0.0
    smaller = min((a.right - a.left) * (a.bottom - a.top), (b.right - b.left) * (b.bottom - b.top))
    return wide * high / smaller
