"""Light and palette moved from one picture to another, as one smooth 3-D colour table.

Knows two pictures' colours, not what they show. A table is 17x17x17 colours; Pillow applies it in C
strip by strip, so a 1080x1350 picture costs 0.03 CPU-s and no float copy. Sources: sliced optimal
transport, F. Pitie et al., "Automated colour grading using colour distribution transfer", CVIU
2007; the smoothing into a table is what keeps sky free of bands and noise.
"""

from typing import NamedTuple

import numpy as np
from PIL import Image, ImageFilter

from feedsmith.colour import Bytes, Floats, chroma, from_lab, to_lab

NODES = 17
THUMB = 96
"""Side in px of the thumbnails whose colours are compared: 9,216 colours, 0.15 CPU-s."""
GREY = 3.0
"""Chroma under which a colour counts as grey and may only take half of a tint."""
GAIN_MAX = 1.35
"""Chroma may grow by at most this much: above it the greens and oranges turn to paint."""


class Look(NamedTuple):
    """Middle and spread of a picture's or a brand's colours, OKLab times 100."""

    light: float
    contrast: float
    colour: float
    tint_a: float
    tint_b: float


class Theme(NamedTuple):
    """A light as three tints (a, b in OKLab times 100), for shadows, middle and highlights."""

    shadows: tuple[float, float]
    middle: tuple[float, float]
    highlights: tuple[float, float]
    light: float
    """Change of lightness."""
    turn: float
    """Degrees by which greens (hue 95..160) turn towards orange (minus) or teal (plus)."""


THEMES: dict[str, Theme] = {
    "autumn": Theme((0.5, 1.0), (1.2, 2.2), (0.8, 2.2), -1.0, -38.0),
    "winter": Theme((-0.6, -2.2), (-0.5, -1.8), (-0.2, -0.8), 2.0, 8.0),
    "spring": Theme((-0.4, 0.2), (-0.6, 0.8), (0.2, 1.0), 3.0, -4.0),
    "summer": Theme((0.2, 0.4), (0.3, 1.4), (0.6, 2.0), 2.0, -6.0),
    "dusk": Theme((0.8, -2.4), (1.4, -0.6), (2.2, 1.6), -5.0, 4.0),
    "morning": Theme((-0.2, -1.0), (0.5, 0.9), (1.0, 2.4), 3.0, -4.0),
    "mist": Theme((-0.3, -0.8), (-0.3, -0.6), (0.0, 0.2), 4.0, 2.0),
}
"""Lights used where no photo of the library carries the theme. Judged by eye: the next step up
looks like a filter."""

WORDS: dict[str, str] = {
    "fall": "autumn", "october": "autumn", "november": "autumn", "september": "autumn",
    "halloween": "autumn", "harvest": "autumn", "snow": "winter", "december": "winter",
    "january": "winter", "february": "winter", "christmas": "winter", "cold": "winter",
    "march": "spring", "april": "spring", "may": "spring", "easter": "spring", "bloom": "spring",
    "june": "summer", "july": "summer", "august": "summer", "sun": "summer", "sunny": "summer",
    "evening": "dusk", "sunset": "dusk", "night": "dusk", "twilight": "dusk", "golden": "dusk",
    "dawn": "morning", "sunrise": "morning", "fog": "mist", "misty": "mist", "rain": "mist",
}  # fmt: skip
"""Words of a theme that stand for one of THEMES."""


def theme_named(words: str) -> Theme | None:
    """The light that a free theme such as "autumn sale" asks for, if any."""
    for word in words.lower().split():
        name = WORDS.get(word.strip(".,!?#"), word.strip(".,!?#"))
        if name in THEMES:
            return THEMES[name]
    return None


def _thumb(rgb: Bytes) -> Floats:
    small = Image.fromarray(rgb).resize((THUMB, THUMB), Image.Resampling.BOX)
    return np.asarray(small, np.float32).reshape(-1, 3)


def look(rgb: Bytes) -> Look:
    """Measure one picture, uint8 (H, W, 3)."""
    lab = to_lab(_thumb(rgb))
    return Look(
        float(lab[:, 0].mean()),
        float(lab[:, 0].std()),
        float(chroma(lab).mean()),
        float(lab[:, 1].mean()),
        float(lab[:, 2].mean()),
    )


def brand_look(looks: list[Look]) -> Look:
    """The middle (median) of many pictures' looks; raises ValueError for none."""
    if not looks:
        raise ValueError("no looks")
    return Look(*(float(v) for v in np.median(np.asarray(looks, np.float32), axis=0)))


def _nodes() -> Floats:
    axis = np.linspace(0, 255, NODES, dtype=np.float32)
    red, green, blue = np.meshgrid(axis, axis, axis, indexing="ij")
    return np.stack([red, green, blue], -1)


def _spread(grid: Floats, sigma: float) -> Floats:
    """Gaussian over the first three axes; what falls off the edge is lost (weights follow)."""
    at = np.arange(NODES, dtype=np.float32)
    weights = np.exp(-0.5 * ((at[:, None] - at[None]) / sigma) ** 2).astype(np.float32)
    for axis in range(3):
        grid = np.moveaxis(np.tensordot(weights, grid, (1, axis)), 0, axis)
    return np.asarray(grid, np.float32)


def _sane(lab: Floats, moved: Floats, limit: float) -> Floats:
    """Keep greys near grey, chroma below `limit` and below GAIN_MAX times what it was."""
    shift = moved - lab
    was = chroma(lab)
    shift[..., 1:] *= np.clip(0.5 + 0.5 * was / GREY, 0.5, 1.0)[..., None]
    out = lab + shift
    now = chroma(out)
    most = np.maximum(np.minimum(np.maximum(was * GAIN_MAX, was + 3.0), limit), was)
    out[..., 1:] *= np.minimum(1.0, most / np.maximum(now, 1e-6))[..., None]
    # The darkest and lightest colours must stay put or shadows turn milky and paper turns grey.
    ends = np.clip(np.minimum(lab[..., 0], 100 - lab[..., 0]) / 12, 0, 1)
    out[..., 0] = lab[..., 0] + (out[..., 0] - lab[..., 0]) * ends
    return out


class Table(NamedTuple):
    """A colour table: `rgb` is float32 (17, 17, 17, 3), 0..255, indexed [red, green, blue]."""

    rgb: Floats

    def apply(self, picture: Bytes) -> Bytes:
        """The picture, uint8 (H, W, 3), through the table."""
        flat = np.transpose(self.rgb, (2, 1, 0, 3)).reshape(-1) / np.float32(255)
        table = ImageFilter.Color3DLUT(NODES, flat.tolist())
        return np.asarray(Image.fromarray(picture).filter(table))

    def mixed(self, amount: float) -> "Table":
        """Between no change (0) and this table (1)."""
        return Table((1 - np.float32(amount)) * _nodes() + np.float32(amount) * self.rgb)


def transfer(
    source: Bytes,
    reference: Bytes,
    *,
    seed: int = 0,
    keep_light: float = 0.4,
    strength: float = 0.8,
    rounds: int = 24,
) -> Table:
    """A table that gives `source` the light and palette of `reference` (uint8 (H, W, 3) both).

    keep_light: share 0..1 of the source's own lightness that stays; strength: 0..1 of the move.
    """
    rng = np.random.default_rng(seed)
    colours = _thumb(source)
    start, target = to_lab(colours), to_lab(_thumb(reference))
    point = start.copy()
    for _ in range(rounds):
        basis = np.linalg.qr(rng.normal(size=(3, 3)))[0].astype(np.float32)
        along, wanted = point @ basis, np.sort(target @ basis, axis=0)
        order = np.argsort(along, axis=0, kind="stable")
        aim = np.empty_like(along)
        np.put_along_axis(aim, order, wanted, axis=0)
        point += ((aim - along) @ basis.T) * np.float32(0.5)
    shift = (point - start) * np.float32(strength)
    shift[:, 0] *= np.float32(1 - keep_light)
    cell = np.rint(colours * np.float32((NODES - 1) / 255)).astype(np.int64)
    where = (cell[:, 0] * NODES + cell[:, 1]) * NODES + cell[:, 2]
    size = NODES**3
    summed = np.stack(
        [np.bincount(where, shift[:, c], size) for c in range(3)]
        + [np.bincount(where, None, size)],
        -1,
    )
    grid: Floats = summed.reshape(NODES, NODES, NODES, 4).astype(np.float32)
    total: Floats = np.zeros(grid.shape, np.float32)
    for sigma, weight in ((1.0, 1.0), (2.5, 0.05), (6.0, 0.002)):
        total = total + np.float32(weight) * _spread(grid, sigma)
    field = np.asarray(total[..., :3] / np.maximum(total[..., 3:], 1e-9), np.float32)
    lab = to_lab(_nodes())
    limit = float(np.quantile(np.concatenate([chroma(target), chroma(start)]), 0.98)) + 2
    return Table(from_lab(_sane(lab, lab + field, limit)))


def tint(theme: Theme, strength: float = 1.0) -> Table:
    """A table for one of THEMES."""
    lab = to_lab(_nodes())
    level = np.clip(lab[..., 0] / 100, 0, 1)
    low, high = np.clip(1 - 2 * level, 0, 1), np.clip(2 * level - 1, 0, 1)
    mid = 1 - low - high
    moved = lab.copy()
    hue = np.degrees(np.arctan2(lab[..., 2], lab[..., 1])) % 360
    share = np.clip(1 - np.abs(hue - 125) / 50, 0, 1) * np.clip(chroma(lab) / 5, 0, 1)
    angle = np.radians(theme.turn * share * strength)
    a, b = lab[..., 1], lab[..., 2]
    moved[..., 1] = a * np.cos(angle) - b * np.sin(angle)
    moved[..., 2] = a * np.sin(angle) + b * np.cos(angle)
    for at in range(2):
        add = low * theme.shadows[at] + mid * theme.middle[at] + high * theme.highlights[at]
        moved[..., 1 + at] += add * strength
    moved[..., 0] += theme.light * strength * 4 * level * (1 - level)
    return Table(from_lab(_sane(lab, moved, 34.0)))


def ambient(shift: Floats, strength: float = 0.4) -> Table:
    """A table for land under another sky: `shift` (3,) is new sky minus old, OKLab times 100.

    Light things take more of a sky's colour than shadows do.
    """
    lab = to_lab(_nodes())
    level = np.clip(lab[..., 0] / 100, 0, 1)
    moved = lab.copy()
    moved[..., 0] += np.float32(shift[0] * strength * 1.2) * level
    moved[..., 1:] += shift[1:] * np.float32(strength) * (0.35 + 0.65 * level)[..., None]
    return Table(from_lab(_sane(lab, moved, 36.0)))


def grade(own: Look, brand: Look, strength: float = 0.3) -> Table:
    """A quiet step of a picture's look towards the brand's, so that nine look like one feed.

    Two small moves, light then tint; at most 4 steps of lightness, 1.2 of tint, 12% of chroma.
    """
    lab = to_lab(_nodes())
    moved = lab.copy()
    up = float(np.clip((brand.light - own.light) * strength, -4, 4))
    level = np.clip(lab[..., 0] / 100, 0, 1)
    moved[..., 0] += up * 4 * level * (1 - level)
    gain = float(np.clip((brand.colour / max(own.colour, 0.5)) ** strength, 0.9, 1.12))
    moved[..., 1:] *= gain
    moved[..., 1] += float(np.clip((brand.tint_a - own.tint_a) * strength, -1.2, 1.2))
    moved[..., 2] += float(np.clip((brand.tint_b - own.tint_b) * strength, -1.2, 1.2))
    return Table(from_lab(_sane(lab, moved, 36.0)))
