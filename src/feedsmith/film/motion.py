"""Motion over stills: a window that glides over a photo, a subject nearer than its background.

Works in the planes the encoder takes (y, u, v), so that no frame is ever converted; windows are
read at fractions of a pixel, so that slow moves do not jitter. Knows pixels and boxes; nothing of
words, beats or files.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from feedsmith import blur
from feedsmith.design import pictures
from feedsmith.film.encode import Plane, planes

RGB = NDArray[np.uint8]
Map = NDArray[np.float32]
Planes = tuple[Plane, Plane, Plane]
Box = tuple[float, float, float, float]
"""x0, y0, x1, y1 in pixels of a still's y plane."""

ROOM = 1.22
"""A still is kept so much larger than the frame. Above 1.15 every window is read at a reduction;
nearer to 1 the sharpness of fine structure comes and goes in bands as the window moves."""
MOVES = ("push-in", "pull-out", "drift-left", "drift-right", "rise", "sink")
TRAVEL = 0.11
"""Of the frame's width (or a zoom by as much) in a move of 2.4 s; faster looks nervous."""


def ease_out(t: float) -> float:
    """0..1: fast, then settling."""
    return float(1 - (1 - min(max(t, 0.0), 1.0)) ** 3)


def ease(t: float) -> float:
    """0..1: from rest to rest."""
    t = min(max(t, 0.0), 1.0)
    return t * t * t * (t * (6 * t - 15) + 10)


class Still:
    """A photo made ready to be looked at through moving windows of `width` x `height` px frames."""

    def __init__(self, rgb: RGB, width: int, height: int) -> None:
        self.width, self.height = width, height
        self.size = rgb.shape[1], rgb.shape[0]
        self._planes = [Image.fromarray(p) for p in planes(rgb)]

    def through(self, box: Box) -> Planes:
        """The frame that shows `box`, cut to the still; new arrays, the caller's to draw on."""
        w, h = self.size
        x0, y0 = max(box[0], 0.0), max(box[1], 0.0)
        x1, y1 = min(box[2], float(w)), min(box[3], float(h))
        found = []
        for plane, k in zip(self._planes, (1, 2, 2), strict=True):
            size = (self.width // k, self.height // k)
            inside = (x0 / k, y0 / k, x1 / k, y1 / k)
            found.append(np.array(plane.resize(size, Image.Resampling.BILINEAR, box=inside)))
        return found[0], found[1], found[2]


def still(
    rgb: RGB, width: int, height: int, *, saliency: Map | None = None, wide: float = 0.0
) -> tuple[Still, RGB, Map | None]:
    """`rgb` cut to width:height where it shows its subject, ROOM times larger than the frame.

    `wide`: how much wider than that the cut may be, for pans, as a share of the width. Also returns
    the cut itself and its part of `saliency`.
    """
    h, w = rgb.shape[:2]
    cut, _ = pictures.best_window(rgb, width, height, saliency)
    x0, y0, x1, y1 = cut
    if wide > 0:
        spare = round((x1 - x0) * wide / 2)
        x0, x1 = max(x0 - spare, 0), min(x1 + spare, w)
    k = height * ROOM / (y1 - y0)
    size = (
        max(round((x1 - x0) * k / 2) * 2, round(width * ROOM / 2) * 2),
        round(height * ROOM / 2) * 2,
    )
    piece = np.asarray(
        Image.fromarray(rgb[y0:y1, x0:x1]).resize(size, Image.Resampling.LANCZOS, reducing_gap=3)
    )
    part = None
    if saliency is not None:
        mh, mw = saliency.shape
        part = saliency[
            int(y0 * mh / h) : max(round(y1 * mh / h), int(y0 * mh / h) + 1),
            int(x0 * mw / w) : max(round(x1 * mw / w), int(x0 * mw / w) + 1),
        ]
    return Still(piece, width, height), piece, part


class Glide(NamedTuple):
    """A window's way from one box to another."""

    start: Box
    end: Box

    def at(self, t: float) -> Box:
        """The box at `t` 0..1; sizes change by equal factors, so that a zoom seems steady."""
        a, b = self.start, self.end
        wide = (a[2] - a[0]) ** (1 - t) * (b[2] - b[0]) ** t
        tall = (a[3] - a[1]) ** (1 - t) * (b[3] - b[1]) ** t
        # What stays still in the picture must stay still in time: move the centre with the size.
        growth = (b[2] - b[0]) - (a[2] - a[0])
        s = (wide - (a[2] - a[0])) / growth if abs(growth) > 1e-6 else t
        cx = (a[0] + a[2]) / 2 * (1 - s) + (b[0] + b[2]) / 2 * s
        cy = (a[1] + a[3]) / 2 * (1 - s) + (b[1] + b[3]) / 2 * s
        return cx - wide / 2, cy - tall / 2, cx + wide / 2, cy + tall / 2


def glide(of: Still, move: str, seconds: float, focus: tuple[float, float] = (0.5, 0.5)) -> Glide:
    """The way of one of MOVES, as far as `seconds` allow at a calm pace.

    `focus` (x, y as shares of the still): what a push-in goes towards.
    """
    w, h = of.size
    full_w = min(w, h * of.width / of.height)
    full_h = full_w * of.height / of.width
    far = min(TRAVEL * seconds / 2.4, 0.2)

    def box(zoom: float, cx: float, cy: float) -> Box:
        bw, bh = full_w / zoom, full_h / zoom
        x0 = min(max(cx - bw / 2, 0.0), w - bw)
        y0 = min(max(cy - bh / 2, 0.0), h - bh)
        return x0, y0, x0 + bw, y0 + bh

    fx, fy = focus[0] * w, focus[1] * h
    if move in ("push-in", "pull-out"):
        middle = box(1.0, fx, fy)
        a = middle
        b = box(1 + far, fx, fy)
        return Glide(a, b) if move == "push-in" else Glide(b, a)
    zoom = 1.0 if w > full_w * (1 + far) and move.startswith("drift") else 1 + far
    bw, bh = full_w / zoom, full_h / zoom
    dx, dy = {
        "drift-left": (-1, 0), "drift-right": (1, 0), "rise": (0, -1), "sink": (0, 1),
    }[move]  # fmt: skip
    way = far * full_w / 2
    cx = min(max(fx, bw / 2 + abs(dx) * way), w - bw / 2 - abs(dx) * way)
    cy = min(max(fy, bh / 2 + abs(dy) * way), h - bh / 2 - abs(dy) * way)
    return Glide(box(zoom, cx - dx * way, cy - dy * way), box(zoom, cx + dx * way, cy + dy * way))


class Plain:
    """A still seen through a gliding window."""

    def __init__(self, of: Still, way: Glide) -> None:
        self.still, self.way = of, way

    def at(self, t: float, zoom: float = 1.0) -> Planes:
        """The frame at `t` 0..1, its window `zoom` times smaller."""
        return self.still.through(_closer(self.way.at(t), zoom))


class Layered(Plain):
    """A subject that comes nearer faster than what is behind it.

    Only for stills with one clear subject (see `subject`). It only ever grows, from its foot, over
    the place where it was: nothing is uncovered, so nothing has to be made up. (A background filled
    in behind it showed as a glow around every subject.)
    """

    DEPTH = 0.03
    """How much larger it becomes than it was; beyond 0.04 its edges double where it is hollow."""

    def __init__(self, of: Still, way: Glide, rgb: RGB, matte: Map) -> None:
        super().__init__(of, way)
        h, w = rgb.shape[:2]
        alpha = np.asarray(Image.fromarray(matte).resize((w, h), Image.Resampling.BICUBIC))
        alpha = np.clip(alpha, 0, 1)
        rows, columns = np.flatnonzero(alpha.max(1) > 0.01), np.flatnonzero(alpha.max(0) > 0.01)
        self._box = (columns[0], rows[0], columns[-1] + 1, rows[-1] + 1)
        # What stands on the ground must not slide over it.
        self._middle = float((alpha.sum(0) @ np.arange(w)) / alpha.sum()), float(rows[-1])
        self._alpha = Image.fromarray((alpha * 255 + 0.5).astype(np.uint8))

    def at(self, t: float, zoom: float = 1.0) -> Planes:
        box = _closer(self.way.at(t), zoom)
        growing = self.way.end[2] - self.way.end[0] <= self.way.start[2] - self.way.start[0]
        near = _closer(box, 1 + self.DEPTH * (t if growing else 1 - t), self._middle)
        frame = self.still.through(box)
        kx, ky = self.still.width / (near[2] - near[0]), self.still.height / (near[3] - near[1])
        # The part of the frame that the subject can be in, on even pixels.
        x0 = max(int((self._box[0] - near[0]) * kx) // 2 * 2, 0)
        y0 = max(int((self._box[1] - near[1]) * ky) // 2 * 2, 0)
        x1 = min(int((self._box[2] - near[0]) * kx) // 2 * 2 + 2, self.still.width)
        y1 = min(int((self._box[3] - near[1]) * ky) // 2 * 2 + 2, self.still.height)
        if x1 <= x0 or y1 <= y0:
            return frame[0], frame[1], frame[2]
        part = (near[0] + x0 / kx, near[1] + y0 / ky, near[0] + x1 / kx, near[1] + y1 / ky)
        for i, k in enumerate((1, 2, 2)):
            size = ((x1 - x0) // k, (y1 - y0) // k)
            source = self.still._planes[i]
            inside = (part[0] / k, part[1] / k, part[2] / k, part[3] / k)
            subject = np.asarray(source.resize(size, Image.Resampling.BILINEAR, box=inside))
            a = np.asarray(self._alpha.resize(size, Image.Resampling.BILINEAR, box=part))
            over(frame[i][y0 // k : y1 // k, x0 // k : x1 // k], subject, a)
        return frame[0], frame[1], frame[2]


def over(target: Plane, top: Plane, alpha: Plane) -> None:
    """Lay `top` on `target` in place, by `alpha` 0..255."""
    a = alpha.astype(np.uint16)
    a += a >> 7  # 0..256
    mixed = top * a
    np.subtract(256, a, out=a)
    a *= target
    mixed += a
    mixed += 128
    mixed >>= 8
    target[:] = mixed


def subject(rgb: RGB, saliency: Map | None) -> Map | None:
    """The matte (h, w) 0..1 of a still's one clear subject, or None where there is none.

    `rgb` is the still, `saliency` its map of any size. The map is drawn to the picture's own edges
    by a guided filter (He et al. 2010). None where the subject is small, large, in pieces, cut by
    the sides, or without a clear edge: moving it apart would show.
    """
    if saliency is None or min(saliency.shape) < 24:
        return None
    h, w = 480, round(480 * rgb.shape[1] / rgb.shape[0])
    guide = np.asarray(
        Image.fromarray(rgb).convert("L").resize((w, h), Image.Resampling.BOX), np.float32
    ) / np.float32(255)
    rough = np.asarray(
        Image.fromarray(saliency).resize((w, h), Image.Resampling.BICUBIC), np.float32
    )
    sure = rough > 0.5
    area = float(sure.mean())
    if not 0.04 <= area <= 0.5:
        return None
    if _largest(sure) < 0.9 * float(sure.sum()):
        return None
    # Cut by the left, right or upper edge: it would slide against the frame.
    if sure[:, :3].mean() > 0.02 or sure[:, -3:].mean() > 0.02 or sure[:3].mean() > 0.02:
        return None
    doubtful = float(((rough > 0.15) & (rough < 0.85)).sum()) / float(sure.sum())
    if doubtful > 0.3:
        return None
    fine = _guided(guide, rough, 8, 1e-3)
    t = np.clip((fine - 0.25) / 0.5, 0, 1)
    return np.asarray(t * t * (3 - 2 * t), np.float32)


def crossed(a: Planes, b: Planes, t: float) -> Planes:
    """`a` fading into `b` at `t` 0..1."""
    k = np.uint16(round(256 * ease(t)))
    rest = np.uint16(256 - k)
    mixed = [((x * rest + y * k + np.uint16(128)) >> 8).astype(np.uint8)
             for x, y in zip((p.astype(np.uint16) for p in a), b, strict=True)]  # fmt: skip
    return mixed[0], mixed[1], mixed[2]


def pushed(a: Planes, b: Planes, t: float, down: bool = False) -> Planes:
    """`b` pushing `a` out of the frame, upwards or downwards, at `t` 0..1."""
    moved = []
    h = a[0].shape[0]
    rows = round(h * ease(t) / 2) * 2
    for x, y, k in zip(a, b, (1, 2, 2), strict=True):
        n = rows // k
        parts = [y[len(y) - n :], x[: len(x) - n]] if down else [x[n:], y[:n]]
        moved.append(np.concatenate(parts))
    return moved[0], moved[1], moved[2]


def _closer(box: Box, zoom: float, middle: tuple[float, float] | None = None) -> Box:
    """`box` made `zoom` times smaller around `middle` (its own by default)."""
    if zoom == 1.0:
        return box
    mx, my = middle or ((box[0] + box[2]) / 2, (box[1] + box[3]) / 2)
    k = 1 / zoom
    return (
        mx + (box[0] - mx) * k, my + (box[1] - my) * k,
        mx + (box[2] - mx) * k, my + (box[3] - my) * k,
    )  # fmt: skip


def _largest(mask: NDArray[np.bool_]) -> float:
    """Pixels of the largest connected part, counted on an eighth of the size."""
    h, w = mask.shape[0] // 8 * 8, mask.shape[1] // 8 * 8
    small = mask[:h, :w].reshape(h // 8, 8, w // 8, 8).mean((1, 3)) >= 0.5
    best, left = 0, {(int(y), int(x)) for y, x in np.argwhere(small)}
    while left:
        edge = [left.pop()]
        n = 0
        while edge:
            y, x = edge.pop()
            n += 1
            for near in ((y + 1, x), (y - 1, x), (y, x + 1), (y, x - 1)):
                if near in left:
                    left.remove(near)
                    edge.append(near)
        best = max(best, n)
    return best * 64.0


def _guided(guide: Map, plane: Map, radius: int, eps: float) -> Map:
    """Guided filter: `plane` with the edges of `guide`."""
    mean_g, mean_p = blur.box(guide, radius), blur.box(plane, radius)
    cover = blur.box(np.asarray(guide * plane, np.float32), radius) - mean_g * mean_p
    spread = blur.box(np.asarray(guide * guide, np.float32), radius) - mean_g * mean_g
    a: Map = np.asarray(cover / (spread + eps), np.float32)
    b: Map = np.asarray(mean_p - a * mean_g, np.float32)
    return np.asarray(blur.box(a, radius) * guide + blur.box(b, radius), np.float32)
