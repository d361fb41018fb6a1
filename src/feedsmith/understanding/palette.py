"""Colours of photos and of brands: swatches by clustering in OKLab, and roles that can be read.

Knows pixels and colours; knows nothing of photos or files. OKLab is Björn Ottosson's (2020,
https://bottosson.github.io/posts/oklab/); contrast is WCAG 2.2's ratio of relative luminances.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

CONTRAST_TEXT = 7.0
"""Least contrast of ink on paper (WCAG 2.2, level AAA)."""
CONTRAST_ACCENT = 4.5
"""Least contrast of an accent on paper (WCAG 2.2, level AA): it may carry text."""

_TO_LMS = np.array(
    [
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ],
    np.float32,
)
_TO_LAB = np.array(
    [
        [0.2104542553, 0.7936177850, -0.0040720468],
        [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660],
    ],
    np.float32,
)
_FROM_LAB = np.linalg.inv(_TO_LAB.astype(np.float64)).astype(np.float32)
_FROM_LMS = np.linalg.inv(_TO_LMS.astype(np.float64)).astype(np.float32)


class Swatch(NamedTuple):
    colour: str
    """#rrggbb"""
    share: float
    """Of the picture's area, 0..1."""


class Roles(NamedTuple):
    """Colours of a brand by role, each as #rrggbb."""

    paper: str
    ink: str
    accent: str
    accent_2: str


def oklab(rgb: NDArray[np.uint8]) -> NDArray[np.float32]:
    """(..., 3) sRGB uint8 to (..., 3) float32: lightness 0..1, a and b about -.4...4."""
    value = rgb.astype(np.float32) / 255
    linear = np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)
    lab: NDArray[np.float32] = np.cbrt(linear @ _TO_LMS.T) @ _TO_LAB.T
    return lab


def srgb(lab: NDArray[np.float32]) -> NDArray[np.uint8]:
    """(..., 3) OKLab to sRGB uint8; colours outside sRGB lose chroma until they fit."""
    lab = np.asarray(lab, np.float32)
    kept = lab.copy()
    for _ in range(24):
        linear = (kept @ _FROM_LAB.T) ** 3 @ _FROM_LMS.T
        outside = np.any((linear < -1e-4) | (linear > 1.0001), axis=-1, keepdims=True)
        if not outside.any():
            break
        kept[..., 1:] = np.where(outside, kept[..., 1:] * 0.93, kept[..., 1:])
    linear = np.clip((kept @ _FROM_LAB.T) ** 3 @ _FROM_LMS.T, 0, 1)
    value = np.where(linear <= 0.0031308, linear * 12.92, 1.055 * linear ** (1 / 2.4) - 0.055)
    found: NDArray[np.uint8] = np.rint(np.clip(value, 0, 1) * 255).astype(np.uint8)
    return found


def hex_of(rgb: NDArray[np.uint8]) -> str:
    """(3,) uint8 to #rrggbb."""
    red, green, blue = (int(v) for v in rgb)
    return f"#{red:02x}{green:02x}{blue:02x}"


def rgb_of(colour: str) -> NDArray[np.uint8]:
    """#rrggbb to (3,) uint8."""
    return np.frombuffer(bytes.fromhex(colour.removeprefix("#")), np.uint8)


def contrast(one: str, other: str) -> float:
    """WCAG contrast ratio of two colours, 1..21."""
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def swatches(rgb: NDArray[np.uint8], count: int = 5) -> list[Swatch]:
    """The picture's `count` colours (fewer in a picture with fewer), largest share first."""
    small = Image.fromarray(rgb).resize((48, 48), Image.Resampling.BOX, reducing_gap=3)
    pixels = oklab(np.asarray(small).reshape(-1, 3))
    centres, shares = _clusters(pixels, np.ones(len(pixels), np.float32), count)
    return [
        Swatch(hex_of(srgb(centre)), round(float(share), 4))
        for centre, share in zip(centres, shares, strict=True)
        if share > 0.01
    ]


def blue_sky(rgb: NDArray[np.uint8]) -> bool:
    """True where the top of the picture is plainly blue sky: blue, light, smooth, paler downwards.

    Meant for outdoor pictures; a blue wall passes too, so ask the encoder first.
    """
    small = Image.fromarray(rgb).resize((48, 48), Image.Resampling.BOX, reducing_gap=3)
    top = oklab(np.asarray(small)[:14])
    lightness, chroma = top[..., 0], np.hypot(top[..., 1], top[..., 2])
    hue = np.degrees(np.arctan2(top[..., 2], top[..., 1])) % 360
    blue = (hue > 225) & (hue < 275) & (chroma > 0.05) & (lightness > 0.4) & (lightness < 0.9)
    if blue[:7].mean() < 0.3 or blue.mean() < 0.33:
        return False
    strong = float(np.median(chroma[blue]))
    if strong < 0.068 or (np.median(lightness[blue]) < 0.5 and strong < 0.12):
        return False  # grey, or dusk
    beside = blue[:, 1:] & blue[:, :-1]
    return bool(np.median(np.abs(np.diff(lightness, axis=1))[beside]) < 0.02)


def brand_swatches(palettes: Sequence[Sequence[Swatch]], count: int = 8) -> list[Swatch]:
    """The colours that many of a brand's photos share, largest share first."""
    pairs = [swatch for palette in palettes for swatch in palette]
    if not pairs:
        return []
    points = oklab(np.stack([rgb_of(swatch.colour) for swatch in pairs]))
    weights = np.array([swatch.share for swatch in pairs], np.float32)
    # A small vivid patch says more about a look than a large grey one.
    chroma = np.hypot(points[:, 1], points[:, 2])
    centres, shares = _clusters(points, (weights * (0.3 + 4 * chroma)).astype(np.float32), count)
    return [
        Swatch(hex_of(srgb(centre)), round(float(share), 4))
        for centre, share in zip(centres, shares, strict=True)
        if share > 0.01
    ]


def roles(colours: Sequence[Swatch]) -> Roles:
    """Paper, ink and two accents out of a brand's colours, made light, dark or strong enough.

    Ink on paper has a contrast of at least 7:1, both accents on paper of at least 4.5:1.
    """
    if not colours:
        return Roles("#f7f5f0", "#23211e", "#8a4b2f", "#3c6152")
    lab = oklab(np.stack([rgb_of(swatch.colour) for swatch in colours]))
    share = np.array([swatch.share for swatch in colours], np.float32)
    chroma = np.hypot(lab[:, 1], lab[:, 2])
    light = lab[int(np.argmax(lab[:, 0] + 0.3 * share))]
    dark = lab[int(np.argmin(lab[:, 0] - 0.3 * share))]
    paper = _with(light, lightness=0.965, chroma_max=0.012)
    ink = _with(dark, lightness=0.26, chroma_max=0.035)
    ink = _darkened(ink, paper, CONTRAST_TEXT)
    strength = chroma * np.sqrt(share + 0.02)
    first = int(np.argmax(strength))
    hue = np.arctan2(lab[:, 2], lab[:, 1])
    apart = np.abs(np.angle(np.exp(1j * (hue - hue[first]))))
    second = int(np.argmax(strength * (0.15 + np.minimum(apart, 1.6))))
    accents = []
    for index in (first, second):
        shade = _with(lab[index], lightness=float(np.clip(lab[index, 0], 0.42, 0.62)))
        strong = max(float(np.hypot(shade[1], shade[2])), 1e-6)
        if strong < 0.09:  # greyish photos still need an accent that one sees
            shade[1:] *= min(0.09 / strong, 3.0)
        accents.append(_darkened(shade, paper, CONTRAST_ACCENT))
    if np.linalg.norm(accents[0] - accents[1]) < 0.09:
        accents[1] = _darkened(_with(accents[1], lightness=float(accents[0][0]) - 0.14), paper, 4.5)
    return Roles(*(hex_of(srgb(c)) for c in (paper, ink, *accents)))


def _with(
    lab: NDArray[np.float32], lightness: float, chroma_max: float = 1.0
) -> NDArray[np.float32]:
    chroma = float(np.hypot(lab[1], lab[2]))
    scale = min(1.0, chroma_max / chroma) if chroma > 0 else 1.0
    return np.array([lightness, lab[1] * scale, lab[2] * scale], np.float32)


def _darkened(
    lab: NDArray[np.float32], paper: NDArray[np.float32], ratio: float
) -> NDArray[np.float32]:
    """The colour with just enough lightness taken away to be read on `paper`."""
    ground, shade = hex_of(srgb(paper)), lab.copy()
    while contrast(hex_of(srgb(shade)), ground) < ratio and shade[0] > 0.02:
        shade[0] -= 0.01
    return shade


def _luminance(colour: str) -> float:
    value = rgb_of(colour).astype(np.float64) / 255
    linear = np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)
    return float(linear @ np.array([0.2126, 0.7152, 0.0722]))


def _clusters(
    points: NDArray[np.float32], weights: NDArray[np.float32], count: int
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Weighted k-means with k-means++ seeding (Arthur & Vassilvitskii 2007), largest first.

    Deterministic: the seeds come from a generator of its own.
    """
    draw = np.random.default_rng(2020)
    count = min(count, len(np.unique(points.round(3), axis=0)))
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
        if np.abs(fresh - centres).max() < 1e-4:
            break
        centres = fresh
    order = np.argsort(-mass, kind="stable")
    return centres[order], (mass[order] / mass.sum()).astype(np.float32)
