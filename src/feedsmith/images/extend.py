"""Outpainting: a locked part of a photo, grown upwards and downwards out of its own edges.

Knows one photo, the window that stays as it is and where nothing may be copied from (the subject,
faces). The window is kept pixel for pixel; only sky, ground, walls and blur next to it are made.
"""

from typing import NamedTuple

import numpy as np
from PIL import Image

from feedsmith.blur import box
from feedsmith.colour import Bytes, Floats, grey, to_bytes
from feedsmith.images import resample, synthesis
from feedsmith.images.crop import Window

BAND = 0.22
"""Share of the window's height next to an edge that the new part is made of."""


class Edge(NamedTuple):
    """How well a picture can be grown over its top or bottom edge."""

    cost: float
    """Large-scale structure across the band, in grey levels: over 14 things get cut in two."""
    subject: float
    """Share of the band that is subject, 0..1."""
    smooth: bool
    """True for clear sky, blur and walls: nothing but a slow gradient and grain."""
    crossed: bool = False
    """True where a thing that stands out runs over the edge: a branch, a mast, a row of stalks."""

    def plain(self, strict: bool = False) -> bool:
        """True where growing over this edge makes no half things; strict for straight lines."""
        if self.crossed:
            return False
        if strict:
            return self.subject < 0.02 and (self.smooth or self.cost < 4)
        return self.smooth or (self.cost < 18 and self.subject < 0.08)


def edge(rgb: Bytes, saliency: Floats, top: bool) -> Edge:
    """Measure the band along the top or bottom of a crop; saliency (h, w) 0..1 of the same crop."""
    band = max(8, round(rgb.shape[0] * 0.14))
    part = rgb[:band] if top else rgb[-band:]
    small = resample.resize(np.ascontiguousarray(part), max(8, 256 * band // rgb.shape[1]), 256)
    light = grey(small)
    soft = np.asarray(Image.fromarray(light).resize((24, 6), Image.Resampling.BOX), np.float32)
    rows = max(1, round(saliency.shape[0] * 0.14))
    near = saliency[:rows] if top else saliency[-rows:]
    return Edge(
        float(np.abs(soft - soft.mean(1, keepdims=True)).mean()),
        float((near > 0.5).mean()),
        _is_smooth(small),
        _is_crossed(part if top else part[::-1]),
    )


THIN = 40.0
"""Grey levels by which a branch differs from what it stands before."""
STALKS = 20.0
"""Usual difference between neighbours along an edge from which things stand side by side on it."""


def _is_crossed(band: Bytes) -> bool:
    """True where something cut off stands on the band's first rows; the band begins at the edge.

    Measured on 30 extended photos: a branch differs by 54 times the usual step of its sky and a
    stem by 18; clouds, leaves and grass by 3 to 12 times.
    """
    rows = max(2, band.shape[0] // 12)
    line = band[:rows].astype(np.float32).mean(0)
    wide = max(3, line.shape[0] // 12)
    padded = np.pad(line, ((wide, wide), (0, 0)), "reflect")
    around = np.median(np.lib.stride_tricks.sliding_window_view(padded, 2 * wide + 1, 0), axis=-1)
    off = np.abs(line - around).max(1)
    usual = float(np.median(off))
    thick = np.count_nonzero(off > max(THIN, 12 * max(usual, 1.5))) / len(off)
    return bool(thick > 0.004 or usual > STALKS)


def _is_smooth(band: Bytes) -> bool:
    """True where a band (h, 256, 3) is a slow gradient: no forms, no detail but grain.

    Forms are what a quadratic surface leaves over, detail what differs from its own surroundings.
    """
    pixels = band.astype(np.float32)
    h, w = band.shape[:2]
    y, x = np.mgrid[0:h, 0:w].astype(np.float32)
    x, y = x.ravel() / w - 0.5, y.ravel() / h - 0.5
    surface = np.stack([np.ones_like(x), x, y, x * x, x * y, y * y], 1)
    flat = pixels.reshape(-1, 3)
    form = flat - surface @ np.linalg.lstsq(surface, flat, rcond=None)[0]
    detail = np.abs(pixels - box(pixels, 8))
    return bool(
        np.sqrt((form**2).mean()) < 7.0
        and np.sqrt((detail**2).mean()) < 2.2
        and np.quantile(detail, 0.995) < 8.0
    )


def share_up(top: Edge, bottom: Edge) -> float:
    """Which share of the growth goes up: more where the edge is plainer; 0 or 1 where clear."""
    a, b = top.cost + 1 + 40 * top.subject, bottom.cost + 1 + 40 * bottom.subject
    share = b / (a + b)
    return 1.0 if share > 0.72 else 0.0 if share < 0.28 else float(share)


def extend(
    rgb: Bytes,
    window: Window,
    wanted: tuple[int, int],
    saliency: Floats,
    *,
    up: float,
    seed: int,
) -> Bytes | None:
    """Keep `window` of a decoded photo at full width and grow it to `wanted` (width, height).

    saliency: (h, w) 0..1 of the whole photo; up: share of the growth that goes above, 0..1.
    Smooth edges (clear sky, blur) are continued by their own gradient and grain, which costs
    nothing; the others by patch synthesis. A dark or pale line along an edge that is grown (a
    frame, a scanner's or a resizer's last row) is left out. None where the seam shows.
    """
    source, rows, y0 = _source(rgb, window, wanted, up)
    height, width = wanted[1], wanted[0]
    below = height - rows - y0
    if y0 > 0:
        framed = _frame(source)
        source, rows, y0 = source[framed:], rows - framed, y0 + framed
    if below > 0:
        framed = _frame(source[::-1])
        source, rows, below = source[: rows - framed], rows - framed, below + framed
    base = np.empty((height, width, 3), np.uint8)
    base[y0 : y0 + rows] = source
    free = np.zeros(height, bool)
    band = max(8, round(rows * 0.14))
    for count, at, flip in ((y0, slice(0, y0), False), (below, slice(y0 + rows, height), True)):
        if count <= 0:
            continue
        turned = source[::-1] if flip else source
        thin = resample.resize(np.ascontiguousarray(turned[:band]), 36, 256)
        if _is_smooth(thin):
            grown = _continued(turned, count)
        else:
            grown = _reflected(turned, count)
            free[at] = True
        base[at] = grown[::-1] if flip else grown
    whole = base
    # One side at a time: with both bands to choose from, grass has been put above clouds.
    for above in (True, False):
        count = y0 if above else below
        side = free.copy()
        side[y0:] &= not above
        side[:y0] &= above
        if count <= 0:
            continue
        if side.any():
            task = _task(source, whole, side, rows, y0, saliency, window, seed)
            whole = synthesis.finish(synthesis.draft(task, stop_at=0)).rgb
            if above:
                whole = _eased(whole, y0, source[:EASED])
            else:
                whole = _eased(whole[::-1], below, source[::-1][:EASED])[::-1]
        if _shows(whole if above else whole[::-1], count):
            return None
    return np.ascontiguousarray(whole)


FRAMED = 0.02
"""Share of the rows next to an edge in which a line along it counts as a frame."""


def _frame(source: Bytes) -> int:
    """Rows to leave out at the top edge because a line runs along it; mostly 0.

    A row of a frame differs from the next in nearly all columns alike: by 26 grey levels where one
    was seen, where neighbouring rows of photos differ by 3.5 at most.
    """
    light = grey(np.ascontiguousarray(source[: max(24, source.shape[0] // 8)])).astype(np.float32)
    step = np.abs(np.median(np.diff(light, axis=0), axis=1))
    near = max(3, round(source.shape[0] * FRAMED))
    found = np.flatnonzero(step[:near] > max(6.0, 3.0 * float(step[near:].max(initial=0))))
    return int(found[-1]) + 3 if found.size else 0  # two more: resizing has smeared it


def _shows(whole: Bytes, seam: int) -> bool:
    """True where a line runs along the seam, or a thing ends there; rows above `seam` are made.

    The steps across the seam against those inside the kept part next to it.
    """
    inside = range(seam + 30, min(whole.shape[0] - 8, seam + 260), 12)
    line, ends = _step(whole, seam)
    usual = np.array([_step(whole, at) for at in inside] or [(0.0, 0.0)])
    return line > max(3.0, 2.5 * float(np.median(usual[:, 0]))) or ends > max(
        48.0, 1.5 * float(np.quantile(usual[:, 1], 0.9))
    )


def _step(whole: Bytes, at: int) -> tuple[float, float]:
    """What all columns differ by across a row in common, and the one that differs most."""
    over, under = (
        whole[rows].astype(np.float32).mean((0, 2))
        for rows in (slice(max(0, at - 7), at - 1), slice(at + 1, at + 7))
    )
    off = under - over
    return abs(float(np.median(off))), float(np.abs(box(off[None], 6)).max())


EASED = 12
"""Px on both sides of a seam whose mean tones are compared."""


def _eased(whole: Bytes, seam: int, kept: Bytes) -> Bytes:
    """The made rows above `seam` in the tone of the kept rows below it, less and less away from it.

    Patches match forms; their tone may be a shade off, which along a straight line is a step.
    """
    made = whole[max(0, seam - EASED) : seam].astype(np.float32).mean(0)
    error = kept.astype(np.float32).mean(0) - made
    # Where a thing ends at the seam the difference is its own colour, not a tone.
    typical = np.median(error, axis=0)
    error = np.clip(error, typical - 24, typical + 24)[None]
    bands = [box(box(error, r), r)[0] for r in (4, 20, 60, 160)]
    out = whole.copy()
    for at in range(seam - 1, -1, -1):
        away = seam - 1 - at
        level = min(2.999, np.log2(1 + away / 8))
        k = int(level)
        share = np.float32(level - k)
        shade = bands[k] * (1 - share) + bands[k + 1] * share
        out[at] = to_bytes(whole[at] + shade * np.float32(np.exp(-away / 220)))
    return out


SOFT = 24
"""Px over which a smooth edge's colour is averaged; what is finer counts as grain."""
FADE = 200.0
"""Px within which a continued gradient comes to rest: a sky goes on darkening, but not to black."""
DARKER = 28.0
"""Levels a continued gradient may go on for; a steep one comes to rest sooner, never at the seam."""


def _continued(source: Bytes, count: int) -> Bytes:
    """`count` rows above the source's top edge, its gradient and grain carried on."""
    rows = max(24, round(source.shape[0] * 0.14))  # what _is_smooth looked at, nothing below it
    part = source[:rows].astype(np.float32)
    low = box(part, SOFT)
    reach = min(rows - 1, 100)
    soft = min(SOFT, reach // 2)
    slope = box(((low[soft] - low[reach]) / (reach - soft))[None], 240)[0]
    # The mean over fewer and fewer rows flattens a gradient towards the edge: the slope goes on.
    low[:soft] = low[soft] + slope * np.arange(soft, 0, -1, dtype=np.float32)[:, None, None]
    grain = part - low
    away = np.arange(count, 0, -1, dtype=np.float32)[:, None, None]
    # The edge's own little differences die out first, or they would run up the sky as curtains.
    near, far = np.exp(-away / 30), 1 - np.exp(-away / 150)
    colour = low[0] * near + box(low[:1], 320)[0] * far
    colour = colour + box(low[:1], 90)[0] * (1 - near - far)
    steepest = np.maximum(np.abs(slope).max(axis=-1, keepdims=True), np.float32(1e-4))
    fade = np.minimum(np.float32(FADE), np.float32(DARKER) / steepest)
    colour = colour + slope * fade * (1 - np.exp(-away / fade))
    at = np.arange(count)[::-1] % (2 * rows)
    at = np.where(at < rows, at, 2 * rows - 1 - at)
    return to_bytes(colour + grain[at])


def _source(
    rgb: Bytes, window: Window, wanted: tuple[int, int], up: float
) -> tuple[Bytes, int, int]:
    """The window's columns at output scale, its height in px, and the row where it begins."""
    width, height = wanted
    h, w = rgb.shape[:2]
    box = (window.left * w, window.top * h, window.right * w, window.bottom * h)
    rows = min(height, round((box[3] - box[1]) * width / (box[2] - box[0])))
    source = np.asarray(
        Image.fromarray(rgb).resize(
            (width, rows), Image.Resampling.LANCZOS, box=box, reducing_gap=3.0
        )
    )
    return source, rows, round((height - rows) * up)


def _task(
    source: Bytes,
    base: Bytes,
    free: np.ndarray,
    rows: int,
    y0: int,
    saliency: Floats,
    window: Window,
    seed: int,
) -> synthesis.Task:
    height, width = base.shape[:2]
    mask = np.repeat(~free[:, None], width, 1)
    above, below = bool(free[:y0].any()), bool(free[y0 + rows :].any())
    return synthesis.Task(
        source=source,
        height=height,
        width=width,
        start=_guess(base, free),
        seed=seed,
        vertical_prior=0.5,
        row_map=_wish(height, rows, y0),
        completeness=None,
        source_mask=_allowed(saliency, window, (width, rows), above, below),
        lock=synthesis.Lock(base, mask, (-y0, 0)),
    )


def _reflected(source: Bytes, count: int) -> Bytes:
    """`count` rows that run away from the source's top edge, out of its first BAND."""
    band = max(8, round(source.shape[0] * BAND))
    return resample.resize(np.ascontiguousarray(source[:band][::-1]), count, source.shape[1])


def _guess(base: Bytes, free: np.ndarray) -> synthesis.Start:
    def begin(source: Bytes, height: int, width: int, rng: np.random.Generator) -> Floats:
        out = resample.resize(base, height, width).astype(np.float32)
        at = np.minimum(((np.arange(height) + 0.5) / height * len(free)).astype(int), len(free) - 1)
        shaken = rng.normal(0, 12, out.shape).astype(np.float32)
        return np.asarray(out + shaken * free[at][:, None, None], np.float32)

    return begin


def _wish(height: int, rows: int, y0: int) -> Floats:
    """The height in the source that each output row wants: new rows want the band, edge first."""
    y = np.arange(height, dtype=np.float32)
    out = np.clip((y - y0) / rows, 0, 1)
    above, under = y < y0, y >= y0 + rows
    out[above] = 0.8 * BAND * (1 - y[above] / max(1, y0))
    out[under] = 1 - 0.8 * BAND * ((y[under] - y0 - rows) / max(1, height - y0 - rows))
    return out.astype(np.float32)


def _allowed(
    saliency: Floats, window: Window, size: tuple[int, int], up: bool, down: bool
) -> np.ndarray:
    """Where patches may come from: the bands that are grown, without the subject."""
    width, rows = size
    sh, sw = saliency.shape
    box = (window.left * sw, window.top * sh, window.right * sw, window.bottom * sh)
    map_ = np.asarray(
        Image.fromarray(np.ascontiguousarray(saliency, np.float32)).resize(
            (width, rows), Image.Resampling.BILINEAR, box=box
        )
    )
    out = np.zeros((rows, width), bool)
    band = round(rows * 1.4 * BAND)
    if up:
        out[:band] = True
    if down:
        out[rows - band :] = True
    plain = out & (map_ < 0.35)
    return plain if plain.sum() > 0.4 * out.sum() else out
