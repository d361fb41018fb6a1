"""Smart crop: which part of a photo fills a format, with faces and the subject kept whole.

Knows a saliency map and face boxes (both in 0..1 of the photo), not what they show. Every window
of every allowed size is scored from integral images on a coarse grid; nothing is random.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from feedsmith.colour import Bytes, Floats
from feedsmith.errors import FeedsmithError

BLOW_UP_MAX = 1.5
"""A photo is never enlarged more than this: beyond it the softness shows on a phone."""
GRID = 96
"""Longest side of the saliency map while windows are scored; finer changes nothing visible."""
FACE_MARGIN = 0.35
"""Free space round a face, as a share of the face."""
STEP = 0.86
"""Ratio between window sizes that are tried."""
CLOSEST = 0.62
"""The smallest window tried, as a share of the largest: closer in, the place is lost."""

FaceBox = tuple[float, float, float, float]
"""left, top, right, bottom, 0..1 of the photo."""


class Window(NamedTuple):
    """A part of a photo: left, top, right, bottom in 0..1, and how good it is."""

    left: float
    top: float
    right: float
    bottom: float
    kept: float = 1.0
    """Share of the saliency inside, 0..1."""
    cut: float = 0.0
    """Saliency along the borders that the window cuts through, 0..1 of the map's mean times 1."""
    faces_whole: bool = True
    score: float = 0.0

    def pixels(self, width: int, height: int) -> tuple[int, int, int, int]:
        """left, top, right, bottom in whole pixels of a photo of that size."""
        return (
            round(self.left * width),
            round(self.top * height),
            round(self.right * width),
            round(self.bottom * height),
        )


def blow_up(size: tuple[int, int], wanted: tuple[int, int]) -> float:
    """How much a photo (width, height) must grow to cover `wanted` (width, height)."""
    return max(wanted[0] / size[0], wanted[1] / size[1])


def fits(size: tuple[int, int], wanted: tuple[int, int], limit: float = BLOW_UP_MAX) -> bool:
    """True where a photo (width, height) covers `wanted` without growing beyond `limit`."""
    return blow_up(size, wanted) <= limit + 1e-6


def check_sharp(size: tuple[int, int], wanted: tuple[int, int], of: str) -> float:
    """How much a part (width, height) that a person chose must grow to cover `wanted`. Raises
    FeedsmithError where it would look soft; a hundredth more than BLOW_UP_MAX is rounding. `of`: what it is a part of, for the message."""
    grown = blow_up(size, wanted)
    if grown > BLOW_UP_MAX * 1.01:
        least = [round(side / BLOW_UP_MAX) for side in wanted]
        raise FeedsmithError(
            f"this part of the {of} is {size[0]} x {size[1]} pixels: it would be enlarged {grown:.1f} "
            f"times, and more than {BLOW_UP_MAX:g} times looks soft on a phone",
            mend=f"choose a part of at least {least[0]} x {least[1]} pixels",
        )
    return grown


def _coarse(saliency: Floats, size: tuple[int, int]) -> Floats:
    """The map at most GRID px, in the photo's shape, mean 1, with the faint half pressed down."""
    scale = GRID / max(size)
    shape = (max(8, round(size[0] * scale)), max(8, round(size[1] * scale)))
    image = Image.fromarray(np.ascontiguousarray(saliency, np.float32))
    small = np.asarray(image.resize(shape, Image.Resampling.BOX), np.float32)
    small = np.maximum(small - np.quantile(small, 0.4), 0) + np.float32(0.02)
    return np.asarray(small / small.mean(), np.float32)


def _sums(x: Floats) -> Floats:
    return np.pad(np.cumsum(np.cumsum(x, 0, dtype=np.float64), 1), ((1, 0), (1, 0))).astype(
        np.float32
    )


def best(
    size: tuple[int, int],
    wanted: tuple[int, int],
    saliency: Floats,
    *,
    faces: tuple[FaceBox, ...] = (),
    limit: float = BLOW_UP_MAX,
    text_space: str | None = None,
) -> Window | None:
    """The window of a photo (width, height) with the shape of `wanted` (width, height).

    saliency: (h, w) float32, any size, higher is more looked at. text_space: "top" or "bottom"
    asks for little saliency in that third. None where the photo would grow beyond `limit`, or
    where a face cannot be kept whole with its margin.
    """
    width, height = size
    if not fits(size, wanted, limit):
        return None
    ratio = wanted[0] / wanted[1]
    full = (min(width, height * ratio), min(height, width / ratio))
    smallest = max(wanted[0] / limit / full[0], CLOSEST)
    scales = [1.0]
    while scales[-1] * STEP >= smallest:
        scales.append(scales[-1] * STEP)
    grid = _coarse(saliency, size)
    h, w = grid.shape
    total = _sums(grid)
    ys, xs = np.mgrid[0:h, 0:w].astype(np.float32) + 0.5
    mass_y, mass_x = _sums(grid * ys), _sums(grid * xs)
    heads = [_roomy(face) for face in faces]
    found: Window | None = None
    for scale in scales:
        ww = min(w, max(4, round(full[0] * scale / width * w)))
        hh = min(h, max(4, round(full[1] * scale / height * h)))
        tops, lefts = np.arange(h - hh + 1), np.arange(w - ww + 1)
        t, b, l, r = tops[:, None], (tops + hh)[:, None], lefts[None], (lefts + ww)[None]  # noqa: E741
        inside = _area(total, t, b, l, r)
        kept = inside / total[-1, -1]
        cy = _area(mass_y, t, b, l, r) / np.maximum(inside, 1e-6)
        cx = _area(mass_x, t, b, l, r) / np.maximum(inside, 1e-6)
        thirds = _thirds((cx - l) / ww) * 0.6 + _thirds((cy - t) / hh) * 0.4
        cut = (
            _edge(total, t, b, l, l + 1, lefts[None] > 0)
            + _edge(total, t, b, r - 1, r, lefts[None] + ww < w)
        ) / hh + (
            _edge(total, t, t + 1, l, r, tops[:, None] > 0)
            + _edge(total, b - 1, b, l, r, tops[:, None] + hh < h)
        ) / ww
        score = kept - 0.10 * cut + 0.10 * thirds - 0.10 * (1 - scale)
        if text_space is not None:
            third = max(1, round(hh * 0.36))
            ts, bs = (t, t + third) if text_space == "top" else (b - third, b)
            score = score - 0.6 * _area(total, ts, bs, l, r) / np.maximum(inside, 1e-6)
        whole = np.ones_like(score, dtype=bool)
        for face in heads:
            whole &= (l <= face[0] * w + 0.5) & (r >= face[2] * w - 0.5)
            whole &= (t <= face[1] * h + 0.5) & (b >= face[3] * h - 0.5)
        score = np.where(whole, score, -9.0)
        at = np.unravel_index(int(np.argmax(score)), score.shape)
        value = float(score[at])
        if value > -9 and (found is None or value > found.score):
            found = _placed(
                lefts[at[1]] / max(1, w - ww), tops[at[0]] / max(1, h - hh), full, scale, size
            )._replace(kept=float(kept[at]), cut=float(cut[at]), score=value)
    return found


def _placed(
    along: float, down: float, full: tuple[float, float], scale: float, size: tuple[int, int]
) -> Window:
    """The window at those shares of the free way, so that its shape is exact, not the grid's."""
    ww, hh = full[0] * scale / size[0], full[1] * scale / size[1]
    left, top = along * (1 - ww), down * (1 - hh)
    return Window(left, top, min(1.0, left + ww), min(1.0, top + hh))


def _roomy(face: FaceBox) -> FaceBox:
    w, h = (face[2] - face[0]) * FACE_MARGIN, (face[3] - face[1]) * FACE_MARGIN
    return (
        max(0.0, face[0] - w),
        max(0.0, face[1] - h),
        min(1.0, face[2] + w),
        min(1.0, face[3] + h),
    )


Rows = NDArray[np.int64]


def _area(total: Floats, t: Rows, b: Rows, l: Rows, r: Rows) -> Floats:  # noqa: E741
    found: Floats = total[b, r] - total[t, r] - total[b, l] + total[t, l]
    return found


def _edge(
    total: Floats,
    t: Rows,
    b: Rows,
    l: Rows,  # noqa: E741
    r: Rows,
    real: NDArray[np.bool_],
) -> Floats:
    """Saliency in a one-cell strip, where that border really cuts the photo."""
    return np.where(real, _area(total, t, b, l, r), np.float32(0)).astype(np.float32)


def _thirds(at: Floats) -> Floats:
    """1 on a third or in the middle, 0 half way between (0.5 and the thirds are all right)."""
    distance = np.minimum(np.abs(at - 0.5), np.minimum(np.abs(at - 1 / 3), np.abs(at - 2 / 3)))
    return np.asarray(1 - np.clip(distance / 0.2, 0, 1), np.float32)


def cut_out(rgb: Bytes, window: Window, wanted: tuple[int, int]) -> Bytes:
    """The window of a decoded photo at exactly `wanted` (width, height), uint8 (H, W, 3)."""
    height, width = rgb.shape[:2]
    box = (
        window.left * width,
        window.top * height,
        window.right * width,
        window.bottom * height,
    )
    return np.asarray(
        Image.fromarray(rgb).resize(wanted, Image.Resampling.LANCZOS, box=box, reducing_gap=3.0)
    )
