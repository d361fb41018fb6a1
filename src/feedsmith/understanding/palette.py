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


class Accents(NamedTuple):
    """The two strong colours of a brand, and how sure they are."""

    first: str
    second: str
    """#rrggbb"""
    seen: float
    """Share of photos that show the first, 0..1."""
    quiet: bool
    """No colour stands out: both are greys with a trace of the photos' own hue."""


def swatches(
    rgb: NDArray[np.uint8], count: int = 5, attention: NDArray[np.float32] | None = None
) -> list[Swatch]:
    """The picture's `count` colours (fewer in a picture with fewer), largest share first.

    `attention` (h, w) 0..1 of any size, e.g. a saliency map: how much each place counts. Without it
    all places count the same.
    """
    small = Image.fromarray(rgb).resize((48, 48), Image.Resampling.BOX, reducing_gap=3)
    pixels = to_lab(np.asarray(small).reshape(-1, 3))
    weights = np.ones(len(pixels), np.float32)
    if attention is not None:
        noticed = Image.fromarray(attention).resize((48, 48), Image.Resampling.BOX)
        weights = np.clip(np.asarray(noticed, np.float32).ravel(), 0, 1) + np.float32(1e-3)
    centres, shares = _clusters(pixels, weights, count)
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


def accents(palettes: Sequence[Sequence[Swatch]]) -> Accents:
    """The two colours that a designer would take from a brand's photos.

    `palettes`: the swatches of each photo, best with `attention`, since grass behind a toy says
    little of a toymaker. Every photo has one vote for hues, spread over its colours by area and
    strength; the strongest hue is the first accent, the strongest one at least 50 degrees away the
    second. Each is shown at the strength that its stronger half has, because a mean of many photos is mud.
    """
    voices = [(i, swatch) for i, palette in enumerate(palettes) for swatch in palette]
    if not voices:
        return Accents("", "", 0.0, True)
    points = to_lab(np.stack([from_hex(swatch.colour) for _, swatch in voices]))
    photo = np.array([i for i, _ in voices])
    area = np.array([swatch.share for _, swatch in voices], np.float32)
    strength = chroma(points)
    lightness = points[:, 0]
    # Near black and near white no hue is seen; below a chroma of 4 neither.
    shown = np.clip((lightness - 18) / 14, 0, 1) * np.clip((98 - lightness) / 8, 0, 1)
    votes = np.sqrt(area) * np.clip(strength - 4, 0, 14) * shown
    of_photo = np.bincount(photo, votes, len(palettes))
    votes = votes / np.maximum(of_photo[photo], 9.0)  # a grey photo has less than one vote
    hue = np.degrees(np.arctan2(points[:, 2], points[:, 1])) % 360
    bins = np.arange(0, 360, 5, dtype=np.float32)
    near = np.maximum(1 - _apart(bins[:, None], hue[None]) / 30, 0)
    heard = near @ votes
    first = int(heard.argmax())
    inside = (near[first] > 0.15) & (votes > 0)
    seen = len(np.unique(photo[inside & (area > 0.03)])) / len(palettes)
    if heard[first] < 0.12 * len(palettes) or (seen < 0.12 and len(palettes) > 3):
        tint = np.average(points, axis=0, weights=area)
        tint[1:] *= 3.0 / max(float(np.hypot(tint[1], tint[2])), 3.0)
        deep, pale = (fitted(np.array([at, *tint[1:]], np.float32)) for at in (46, 62))
        return Accents(to_hex(deep), to_hex(pale), 0.0, True)
    away = heard * np.clip((_apart(bins, bins[first]) - 35) / 30, 0, 1)
    second = int(away.argmax())
    one = _strong(points, votes * near[first])
    if away[second] > 0.12 * heard[first]:
        two = _strong(points, votes * near[second])
    else:
        two = one.copy()
        two[1:] *= 0.75
        two[0] = one[0] - 24 if one[0] > 58 else one[0] + 24
    one[0] = np.clip(one[0], 45, 72)
    # Side by side they must differ in depth too: most fields carry words of one colour.
    # A dark yellow is mud, so yellows stay lighter.
    turn = np.degrees(np.arctan2(two[2], two[1])) % 360
    lift = 13 * max(0.0, 1 - abs(float(turn) - 92) / 30)
    two[0] = np.clip(two[0], 34 + lift, 50 + lift) if one[0] > 50 else np.clip(two[0], 58, 70)
    for accent in (one, two):
        # Leaf green at full strength is a highlighter on paper.
        green = 95 < np.degrees(np.arctan2(accent[2], accent[1])) % 360 < 160
        accent[1:] *= min(1.0, (11.5 if green else 16.0) / max(float(np.hypot(*accent[1:])), 1e-6))
    return Accents(to_hex(fitted(one)), to_hex(fitted(two)), round(seen, 3), False)


def _apart(a: NDArray[np.float32], b: NDArray[np.float32]) -> NDArray[np.float32]:
    """Degrees between two hues, 0..180."""
    return np.asarray(180 - np.abs(np.abs(a - b) % 360 - 180), np.float32)


def _strong(points: NDArray[np.float32], weights: NDArray[np.float32]) -> NDArray[np.float32]:
    """The mean of the stronger half of `points`, OKLab times 100."""
    order = np.argsort(-chroma(points), kind="stable")
    order = order[weights[order] > 0]
    upto = np.cumsum(weights[order])
    half = order[: int(np.searchsorted(upto, upto[-1] / 2)) + 1]
    return np.asarray(np.average(points[half], axis=0, weights=weights[half]), np.float32)


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
