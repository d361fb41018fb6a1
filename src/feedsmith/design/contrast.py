"""Contrast of words with the very pixels behind them, and the scrim that raises it.

The measure is WCAG 2.2's (https://www.w3.org/TR/WCAG22/#dfn-contrast-ratio). Knows no templates.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

RGB = NDArray[np.uint8]
Mask = NDArray[np.bool_]

READABLE = 4.5
"""WCAG AA for text of any size."""
AIMED = 4.65
"""What the scrim is driven to; the margin pays for JPEG coding afterwards."""

_LINEAR = np.where(
    np.arange(256) / 255 <= 0.04045,
    np.arange(256) / 255 / 12.92,
    ((np.arange(256) / 255 + 0.055) / 1.055) ** 2.4,
).astype(np.float32)


def luminance(rgb: RGB) -> NDArray[np.float32]:
    """Relative luminance 0..1 of sRGB pixels (..., 3) uint8."""
    linear = _LINEAR[rgb]
    return np.asarray(linear @ np.array([0.2126, 0.7152, 0.0722], np.float32), np.float32)


def ratio(a: tuple[int, int, int], b: tuple[int, int, int]) -> float:
    """WCAG contrast of two colours, 1..21."""
    first, second = sorted(float(luminance(np.array(colour, np.uint8))) for colour in (a, b))
    return (second + 0.05) / (first + 0.05)


class Words(NamedTuple):
    """One text element as drawn: its slot, box (x0, y0, x1, y1) in pixels, and surroundings."""

    slot: str
    box: tuple[int, int, int, int]
    near: Mask
    """(y1-y0, x1-x0): pixels inside a letter or at most 4 px from one."""


def elements(marks: RGB, alpha: NDArray[np.uint8], order: dict[str, int]) -> list[Words]:
    """Find each text element in a "marks" drawing, where slot s is drawn in red = order[s]."""
    found = []
    # Slot n's letters hold n + 1: one pass over the page whatever the number of slots.
    number = np.zeros(256, np.uint8)
    for n, level in enumerate(order.values()):
        number[max(level - 3, 0) : level + 4] = n + 1
    whose = np.where(alpha > 127, number[marks[..., 0]], np.uint8(0))
    used = np.flatnonzero(whose.any(axis=1))
    for n, slot in enumerate(order):
        if not used.size:
            break
        mask = whose[used[0] : used[-1] + 1] == n + 1
        rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
        if not rows.size:
            continue
        rows = rows + used[0]
        y0, y1 = max(int(rows[0]) - 4, 0), min(int(rows[-1]) + 5, whose.shape[0])
        x0, x1 = max(int(columns[0]) - 4, 0), min(int(columns[-1]) + 5, whose.shape[1])
        near = _grown(whose[y0:y1, x0:x1] == n + 1)
        found.append(Words(slot, (x0, y0, x1, y1), near))
    return found


def _grown(mask: Mask) -> Mask:
    """`mask` and all within 4 px of it, squarely: by columns, then by rows, each in four steps
    (30 times faster than a rank filter of 9x9)."""
    for _ in range(2):
        line = np.zeros((mask.shape[0] + 8, mask.shape[1]), np.bool_)
        line[4:-4] = mask
        two = line[:-1] | line[1:]
        four = two[:-2] | two[2:]
        eight = four[:-4] | four[4:]
        mask = (eight[:-1] | line[8:]).T
    return mask


def measured(rgb: RGB, words: Words, colour: tuple[int, int, int]) -> float:
    """Contrast of `colour` with the background `rgb` (H, W, 3) around the letters of `words`.

    The worst of the pixels but for the worst 1 %, which single grains of a photo would decide.
    """
    x0, y0, x1, y1 = words.box
    return worst(rgb[y0:y1, x0:x1][words.near], colour)


def worst(pixels: RGB, colour: tuple[int, int, int]) -> float:
    """Contrast of `colour` with `pixels` (N, 3): the lowest but for the lowest 1 %."""
    behind = luminance(pixels)
    mine = float(luminance(np.array(colour, np.uint8)))
    light, dark = np.maximum(behind, mine), np.minimum(behind, mine)
    return float(np.quantile((light + 0.05) / (dark + 0.05), 0.01))


def noise(
    pixels: NDArray[np.float32], calm: NDArray[np.float32], colour: tuple[int, int, int]
) -> float:
    """How unruly the ground (N, 3) 0..255 behind words of `colour` is: the spread of its grains
    about the same ground blurred (`calm`), over the step from that ground to the words; 0 = plain.

    Contrast knows no grain: letters with strokes as thin as pebbles are lost among them at 7:1.
    """
    weights = np.array([0.2126, 0.7152, 0.0722], np.float32)
    grain, ground = (pixels - calm) @ weights, calm @ weights
    step = abs(float(np.array(colour, np.float32) @ weights) - float(ground.mean()))
    return float(grain.std()) / max(step, 1.0)


def slope(size: tuple[int, int], top: int, bottom: int, feather: int) -> NDArray[np.float32]:
    """A scrim's strength 0..1 by row (H,): 1 from `top` to `bottom`, easing out over `feather` px.

    An edge of the page inside the band is covered to the edge. A smootherstep, so that the eye
    finds no line where it starts.
    """
    y = np.arange(size[0], dtype=np.float32)
    outside = np.maximum(np.maximum(top - y, y - bottom), 0) / max(feather, 1)
    t = np.clip(1 - outside, 0, 1)
    return np.asarray(t * t * t * (t * (t * 6 - 15) + 10), np.float32)


def mixed(
    base: NDArray[np.float32], tint: NDArray[np.float32], strength: NDArray[np.float32]
) -> NDArray[np.float32]:
    """`base` (..., 3) 0..255 under a scrim of colour `tint` (3,).

    Dark tints multiply, which keeps the picture's blacks and colours; light ones cover.
    """
    if float(tint.mean()) < 128:
        return np.asarray(base * (1 - strength * (1 - tint / 255)), np.float32)
    return np.asarray(base + (tint - base) * strength, np.float32)


def veiled(
    rgb: RGB,
    colour: tuple[int, int, int],
    strength: NDArray[np.float32],
    softened: RGB | None,
    rng: np.random.Generator,
) -> RGB:
    """Lay `colour` over `rgb` (H, W, 3) with `strength` 0..1 by row (H,).

    `softened` (blurred `rgb`) takes the picture's place where the scrim is strong. Dithered by a
    grain of one level, because gradients band in 8 bits.
    """
    out = np.empty_like(rgb)
    tint = np.array(colour, np.float32)
    for start in range(0, rgb.shape[0], 128):
        rows = slice(start, start + 128)
        a = strength[rows, None, None]
        base = rgb[rows].astype(np.float32)
        if softened is not None:
            calm = np.clip(a * 1.5, 0, 1)
            base += (softened[rows].astype(np.float32) - base) * calm
        base = mixed(base, tint, a)
        grain = rng.random((*base.shape[:2], 1), dtype=np.float32)
        base += grain * np.float32(1.4) - np.float32(0.2)
        out[rows] = np.clip(base, 0, 255).astype(np.uint8)
    return out
