"""Colours of photos and of brands: swatches by clustering in OKLab, and where there is blue sky.

Knows pixels and colours; knows nothing of photos or files, nor what a colour is used for.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from feedsmith.colour import chroma, fitted, from_hex, to_hex, to_lab


class Swatch(NamedTuple):
    colour: str
    """#rrggbb"""
    share: float
    """Of the picture's area, 0..1."""


def swatches(rgb: NDArray[np.uint8], count: int = 5) -> list[Swatch]:
    """The picture's `count` colours (fewer in a picture with fewer), largest share first."""
    small = Image.fromarray(rgb).resize((48, 48), Image.Resampling.BOX, reducing_gap=3)
    pixels = to_lab(np.asarray(small).reshape(-1, 3))
    centres, shares = _clusters(pixels, np.ones(len(pixels), np.float32), count)
    return [
        Swatch(to_hex(fitted(centre)), round(float(share), 4))
        for centre, share in zip(centres, shares, strict=True)
        if share > 0.01
    ]


def blue_sky(rgb: NDArray[np.uint8]) -> bool:
    """True where the top of the picture is plainly blue sky: blue, light, smooth, paler downwards.

    Meant for outdoor pictures; a blue wall passes too, so ask the encoder first.
    """
    small = Image.fromarray(rgb).resize((48, 48), Image.Resampling.BOX, reducing_gap=3)
    top = to_lab(np.asarray(small)[:14])
    lightness, strength = top[..., 0], chroma(top)
    hue = np.degrees(np.arctan2(top[..., 2], top[..., 1])) % 360
    blue = (hue > 225) & (hue < 275) & (strength > 5) & (lightness > 40) & (lightness < 90)
    if blue[:7].mean() < 0.3 or blue.mean() < 0.33:
        return False
    strong = float(np.median(strength[blue]))
    if strong < 6.8 or (np.median(lightness[blue]) < 50 and strong < 12):
        return False  # grey, or dusk
    beside = blue[:, 1:] & blue[:, :-1]
    return bool(np.median(np.abs(np.diff(lightness, axis=1))[beside]) < 2)


def brand_swatches(palettes: Sequence[Sequence[Swatch]], count: int = 8) -> list[Swatch]:
    """The colours that many of a brand's photos share, largest share first."""
    pairs = [swatch for palette in palettes for swatch in palette]
    if not pairs:
        return []
    points = to_lab(np.stack([from_hex(swatch.colour) for swatch in pairs]))
    weights = np.array([swatch.share for swatch in pairs], np.float32)
    # A small vivid patch says more about a look than a large grey one.
    weights = (weights * (0.3 + 0.04 * chroma(points))).astype(np.float32)
    centres, shares = _clusters(points, weights, count)
    return [
        Swatch(to_hex(fitted(centre)), round(float(share), 4))
        for centre, share in zip(centres, shares, strict=True)
        if share > 0.01
    ]


def _clusters(
    points: NDArray[np.float32], weights: NDArray[np.float32], count: int
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Weighted k-means with k-means++ seeding (Arthur & Vassilvitskii 2007), largest first.

    Deterministic: the seeds come from a generator of its own.
    """
    draw = np.random.default_rng(2020)
    count = min(count, len(np.unique(points.round(1), axis=0)))
    chosen = [int(np.argmax(weights))]
    nearest = ((points - points[chosen[0]]) ** 2).sum(1)
    while len(chosen) < count:
        odds = np.cumsum((nearest * weights).astype(np.float64))
        if odds[-1] <= 0:
            break
        chosen.append(int(np.searchsorted(odds, draw.random() * odds[-1])))
        nearest = np.minimum(nearest, ((points - points[chosen[-1]]) ** 2).sum(1))
    centres = points[chosen].copy()
    for _ in range(20):
        member = ((points[:, None] - centres[None]) ** 2).sum(2).argmin(1)
        mass = np.bincount(member, weights, len(centres))
        moved = np.stack(
            [np.bincount(member, weights * points[:, k], len(centres)) for k in range(3)], axis=1
        )
        fresh = np.where(mass[:, None] > 0, moved / np.maximum(mass, 1e-9)[:, None], centres)
        fresh = fresh.astype(np.float32)
        if np.abs(fresh - centres).max() < 0.01:
            break
        centres = fresh
    order = np.argsort(-mass, kind="stable")
    return centres[order], (mass[order] / mass.sum()).astype(np.float32)
