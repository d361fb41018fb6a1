"""One photo's land under another photo's sky, in that sky's light.

Knows two pictures of the same size. The skyline is one cut per column (dynamic programming over a
colour model of the sky, so a cloud or a snow field does not tear it), refined along leaves and
rocks by a guided filter (K. He et al., "Guided image filtering", ECCV 2010). A mash-up is offered only where
the land's skyline is sure and the other sky is large enough.
"""

from typing import NamedTuple

import numpy as np
from PIL import Image, ImageFilter

from feedsmith.blur import box
from feedsmith.colour import Bytes, Floats, to_bytes, to_lab
from feedsmith.images.relight import ambient

WIDTH = 256
"""Px across at which a skyline is looked for."""
SURE = 0.55
"""Certainty from which a skyline may be used; by eye on 93 landscapes and trees."""


class Skyline(NamedTuple):
    """Where the sky ends: `rows` (w,) float32 0..1 from the top for each of WIDTH columns."""

    rows: Floats
    sure: float
    """0..1: how clearly the two sides differ, how smooth the sky is and how clean the cut."""
    share: float
    """Share of the picture that is sky, 0..1."""
    rough: float
    """Mean step of the skyline between columns in shares of the height: trees are rough."""


def _small(rgb: Bytes, width: int) -> Bytes:
    height = max(16, round(rgb.shape[0] * width / rgb.shape[1]))
    return np.asarray(
        Image.fromarray(rgb).resize((width, height), Image.Resampling.BOX, reducing_gap=2.0)
    )


def _cut(above: Floats, below: Floats, stiff: float) -> np.ndarray:
    """Rows (w,) of the cheapest cut: above[y, x] is paid over the cut, below[y, x] under it."""
    h, w = above.shape
    cost = np.zeros((h + 1, w), np.float32)
    cost[1:] = np.cumsum(above, 0)
    cost[:-1] += np.cumsum(below[::-1], 0)[::-1]
    ramp = (stiff * np.arange(h + 1)).astype(np.float32)
    best = cost.copy()
    for x in range(1, w):
        p = best[:, x - 1]
        down = np.minimum.accumulate(p - ramp) + ramp
        up = np.minimum.accumulate((p + ramp)[::-1])[::-1] - ramp
        best[:, x] += np.minimum(down, up)
    rows = np.empty(w, np.int64)
    rows[-1] = int(best[:, -1].argmin())
    for x in range(w - 1, 0, -1):
        rows[x - 1] = int((best[:, x - 1] + np.abs(ramp - ramp[rows[x]])).argmin())
    return rows


def skyline(rgb: Bytes) -> Skyline:
    """Find the sky of a picture, uint8 (H, W, 3)."""
    lab = to_lab(_small(rgb, WIDTH))
    h, w = lab.shape[:2]
    light = lab[..., 0]
    rough = box(np.abs(light - box(light, 2)), 2)
    start = max(3, h // 12)
    labels_cost: Floats | None = None
    rows = np.full(w, start)
    for _ in range(3):
        inside = np.arange(h)[:, None] < np.maximum(rows[None] - 2, 3)
        sky = lab[inside]
        # The sky's colour goes with the height: a line per channel, and what is left is spread.
        y = np.repeat(np.arange(h, dtype=np.float32)[:, None] / h, w, 1)
        ys = y[inside]
        distance = np.zeros((h, w), np.float32)
        for c, scale in ((0, 5.0), (1, 2.0), (2, 2.5)):
            slope, base = (
                np.polyfit(ys, sky[:, c], 1) if rows.mean() > h / 6 else (0.0, sky[:, c].mean())
            )
            left = sky[:, c] - (slope * ys + base)
            spread = max(float(np.sqrt(np.mean(left**2))) * 1.5, scale)
            distance += ((lab[..., c] - (slope * y + base)) / spread) ** 2
        unlike = np.minimum(distance / 3 + (rough / 1.6) ** 2, 6.0).astype(np.float32)
        labels_cost = unlike - 1.6
        rows = _cut(np.maximum(labels_cost, 0), np.maximum(-labels_cost, 0), 0.35)
        if rows.mean() < 3:
            break
    assert labels_cost is not None
    share = float(rows.mean() / h)
    if share < 0.03 or share > 0.97:
        return Skyline((rows / h).astype(np.float32), 0.0, share, 0.0)
    is_sky = np.arange(h)[:, None] < rows[None]
    above, under = labels_cost[is_sky], labels_cost[~is_sky]
    calm = float((above < 0).mean())
    apart = float((under > 0.5).mean())
    steps = float(np.abs(np.diff(rows)).mean() / h)
    # How sharp is the edge right at the cut, as a share of what the cut separates?
    columns = np.arange(w)
    over = lab[np.clip(rows - 4, 0, h - 1), columns]
    beneath = lab[np.clip(rows + 3, 0, h - 1), columns]
    edge = float(np.median(np.linalg.norm(over - beneath, axis=1)))
    sure = calm**2 * apart * min(1.0, edge / 12) * float(np.clip(1.2 - steps * 20, 0, 1))
    return Skyline((rows / h).astype(np.float32), float(sure), share, steps)


def matte(rgb: Bytes, line: Skyline) -> Floats:
    """Sky 1, land 0, float32 (H, W): the skyline, bent along the picture's own edges.

    The guided filter runs at half size; leaves finer than 2 px keep a soft rim.
    """
    height, width = rgb.shape[:2]
    h, w = height // 2, width // 2
    small = np.asarray(Image.fromarray(rgb).resize((w, h), Image.Resampling.BOX), np.float32)
    # Blue minus red tells sky from bright stone better than light alone.
    guide = (small @ np.array([0.15, 0.45, 0.4], np.float32)) / np.float32(255)
    at = np.interp(np.arange(w), (np.arange(WIDTH) + 0.5) * w / WIDTH - 0.5, line.rows * h)
    rough = np.clip(0.5 + (at[None] - np.arange(h)[:, None]) / 3, 0, 1).astype(np.float32)
    radius = max(4, w // 60)
    mean_g, mean_p = box(guide, radius), box(rough, radius)
    cov = box(guide * rough, radius) - mean_g * mean_p
    var = box(guide * guide, radius) - mean_g * mean_g
    slope = np.asarray(cov / (var + np.float32(4e-4)), np.float32)
    base = np.asarray(mean_p - slope * mean_g, np.float32)
    fine = np.clip(box(slope, radius) * guide + box(base, radius), 0, 1)
    fine = np.clip((fine - 0.15) / 0.7, 0, 1).astype(np.float32)
    # Far from the skyline the plain cut is right, whatever the guide says.
    far = np.clip(np.abs(at[None] - np.arange(h)[:, None]) / (4 * radius) - 0.5, 0, 1)
    fine = fine * (1 - far.astype(np.float32)) + rough * far.astype(np.float32)
    return np.asarray(
        Image.fromarray(fine.astype(np.float32)).resize((width, height), Image.Resampling.BILINEAR)
    )


def laid(sky: Bytes, land: Bytes, mask: Floats) -> Bytes:
    """`sky` over `land`, uint8 (H, W, 3) both, where mask (H, W) is 1.

    The mask is first grown by 2 px into the land: those pixels carry the old sky's light, and would
    stand as a pale rim before the new one. In strips of 128 rows: no full float copies.
    """
    grown = np.asarray(Image.fromarray(to_bytes(mask * 255)).filter(ImageFilter.MaxFilter(5)))
    grown = grown.astype(np.float32) / np.float32(255)
    grown = box(np.clip(grown * 1.15 - 0.05, 0, 1).astype(np.float32), 1)[..., None]
    out = np.empty_like(land)
    for at in range(0, land.shape[0], 128):
        rows = slice(at, at + 128)
        share = grown[rows]
        out[rows] = to_bytes(sky[rows] * share + land[rows] * (1 - share))
    return out


def sky_for(other: Bytes, line: Skyline, wanted: tuple[int, int], down_to: float) -> Bytes | None:
    """The sky of a photo at `wanted` (width, height), reaching down to `down_to` (0..1), or None.

    Under its own skyline the sky's last clear row goes on, so no foreign hill shows.
    """
    width, height = wanted
    h, w = other.shape[:2]
    clear = float(np.quantile(line.rows, 0.04)) - 0.012
    if clear * h < 40:
        return None
    need = down_to * height
    scale = max(width / w, need / (clear * h))
    if scale > 2.0:  # skies are soft: twice is still smooth, more shows JPEG blocks
        return None
    part_w = min(w, round(width / scale))
    left = (w - part_w) // 2
    rows = min(round(need / scale), round(clear * h))
    top = round(clear * h) - rows
    part = Image.fromarray(other[top : top + rows, left : left + part_w])
    sky = np.asarray(part.resize((width, max(1, round(need))), Image.Resampling.LANCZOS))
    out = np.empty((height, width, 3), np.uint8)
    out[: len(sky)] = sky[:height]
    out[len(sky) :] = sky[-8:].mean(0).astype(np.uint8)[None]
    return out


def mash(
    land: Bytes, line: Skyline, sky_photo: Bytes, sky_line: Skyline, *, strength: float = 0.4
) -> Bytes | None:
    """`land` (H, W, 3) at its final size under the other photo's sky and in its light, or None
    where that sky is too small. strength: how much of the skies' difference reaches the land."""
    height, width = land.shape[:2]
    down_to = min(1.0, float(line.rows.max()) + 0.02)
    sky = sky_for(sky_photo, sky_line, (width, height), down_to)
    if sky is None:
        return None
    mask = matte(land, line)
    here = _small(land, WIDTH)
    old = to_lab(here)[_small_mask(mask, here.shape[:2]) > 0.9]
    new = to_lab(_small(sky[: max(8, round(height * line.share))], WIDTH)).reshape(-1, 3)
    if len(old) < 100 or _sky_left(to_lab(here), old, line) > SKY_LEFT:
        return None
    lit = ambient((new.mean(0) - old.mean(0)).astype(np.float32), strength).apply(land)
    return laid(sky, lit, mask)


SKY_LEFT = 0.02
"""Most of the land's upper part that may look like the old sky: clouds and gaps that the skyline
took for land keep the old colour, and show it."""


def _sky_left(lab: Floats, old: Floats, line: Skyline) -> float:
    """Share of the strip under the skyline (15% of the height) in the old sky's colours or cloud."""
    h, w = lab.shape[:2]
    at = np.interp(np.arange(w), (np.arange(WIDTH) + 0.5) * w / WIDTH - 0.5, line.rows * h)
    y = np.arange(h)[:, None]
    strip = (y > at[None] + 2) & (y < at[None] + 0.15 * h)
    middle, spread = old.mean(0), np.maximum(old.std(0) * 2, (5.0, 2.0, 2.0))
    like = (np.abs(lab - middle) < spread).all(-1)
    cloud = (lab[..., 0] > max(88.0, float(middle[0]) + 6)) & (
        np.hypot(lab[..., 1], lab[..., 2]) < 3
    )
    reach = (y < at[None] + 0.05 * h) & cloud
    return float(((like | reach) & strip).sum() / max(1, strip.sum()))


def _small_mask(mask: Floats, shape: tuple[int, ...]) -> Floats:
    image = Image.fromarray(mask).resize((shape[1], shape[0]), Image.Resampling.BOX)
    return np.asarray(image, np.float32)
