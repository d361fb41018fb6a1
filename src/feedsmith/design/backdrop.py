"""Studio backdrops: a cut-out product, or a whole photo, set into a scene of the brand's colours.

Knows colours, light and shadow; nothing of words or templates. Every scene is lit from one side,
the side the product itself is lit from; the shadow grows out of the product's own base; grain
follows the product's own noise, so that both look taken by one camera. All drawing is numpy; the
seed moves light and shapes, the same seed gives the same bytes.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from feedsmith.blur import box
from feedsmith.brand import Palette
from feedsmith.colour import to_lab
from feedsmith.design.cutout import Cutout
from feedsmith.design.palette import channels, complete, lab, mix, tone

Floats = NDArray[np.float32]
Bytes = NDArray[np.uint8]

STYLES = ("flat", "sweep", "table", "podium", "arch", "texture")
"""One even paper; a paper sweep with a pool of light; wall and table; a plinth; an arch on the
wall; a table before an own photo, far out of focus (needs `texture`)."""
ENLARGED = 1.5
"""A product is never blown up further: beyond, its pixels show beside the sharp words."""


@dataclass(frozen=True)
class Scene:
    """`rgb` (h, w, 3) uint8; `box`: left, top, right, bottom of the product in it, in pixels;
    `ground`: the backdrop's main colour, `#rrggbb`."""

    rgb: Bytes
    box: tuple[int, int, int, int]
    ground: str


def scene(
    product: Cutout | Bytes,
    size: tuple[int, int],
    roles: Palette,
    style: str,
    seed: int,
    *,
    texture: Bytes | None = None,
    place: tuple[float, float, float] = (0.5, 0.8, 0.74),
    ground: str = "",
) -> Scene:
    """A product in a studio, `size` (width, height) pixels.

    `product`: a cut-out, or a whole photo (h, w, 3) for which no sure one exists: it becomes a
    print on the wall. `place`: middle across and ground line down, as shares of the picture, and
    the product's longest side as a share of the picture's width. `ground`: the backdrop's colour;
    empty: one of the brand's that the product stands out from, by seed. `texture`: the photo
    behind a "texture" scene; without one that style is a "table". Raises KeyError for an unknown
    style.
    """
    if style not in STYLES:
        raise KeyError(style)
    rng = np.random.default_rng([seed, STYLES.index(style)])
    width, height = size
    roles = complete(roles)
    if not isinstance(product, Cutout):
        return _print(product, size, roles, rng, place, ground)
    small = _placed(product, size, place)
    own = _own_colour(small.rgba)
    ground = ground or _standing_out(own, roles, rng)
    light = _light_side(small.rgba, rng)

    # The empty studio.
    floor = small.floor / height
    if style == "texture" and texture is not None:
        picture = _photographed(texture, size, ground, floor, light, rng)
    elif style in ("table", "texture"):
        picture = _table(size, ground, roles, floor, light, rng)
    else:
        picture = _sweep(size, ground, floor, light, even=style == "flat")
    if style == "arch":
        picture = _arch(picture, ground, roles, small, light)
    if style == "podium":
        picture = _podium(picture, ground, small, light)

    # Its shadow, then the product in its light.
    picture *= (1 - _shadow(small, size, light, stands=small.stands))[..., None]
    picture = _composed(picture, small, ground, light)
    grain = rng.standard_normal((height, width), np.float32) * _noise(small.rgba)
    inside = small.alpha_on(size)
    picture += (grain * (1 - 0.85 * inside))[..., None]
    return Scene(np.rint(np.clip(picture, 0, 255)).astype(np.uint8), small.box, ground)


# -- the product in the picture ------------------------------------------------------------------


@dataclass(frozen=True)
class _Placed:
    """The product at its size and place: `rgba` (h, w, 4) float32, 0..255 and alpha 0..1."""

    rgba: Floats
    left: int
    top: int
    floor: int
    """The line it stands on, pixels from the picture's top."""
    stands: bool
    """False for what hangs from the top or is cut off by the lower edge."""

    @property
    def box(self) -> tuple[int, int, int, int]:
        h, w = self.rgba.shape[:2]
        return self.left, self.top, self.left + w, self.top + h

    def alpha_on(self, size: tuple[int, int]) -> Floats:
        """(height, width) alpha on the whole picture."""
        whole = np.zeros((size[1], size[0]), np.float32)
        here, there = self.windows(size)
        whole[here] = self.rgba[there][..., 3]
        return whole

    def windows(self, size: tuple[int, int]) -> tuple[tuple[slice, slice], tuple[slice, slice]]:
        """Where it lies in the picture, and which part of it that is."""
        h, w = self.rgba.shape[:2]
        top, left = max(0, self.top), max(0, self.left)
        bottom, right = min(size[1], self.top + h), min(size[0], self.left + w)
        return (
            (slice(top, bottom), slice(left, right)),
            (slice(top - self.top, bottom - self.top), slice(left - self.left, right - self.left)),
        )


def _placed(product: Cutout, size: tuple[int, int], place: tuple[float, float, float]) -> _Placed:
    width, height = size
    h, w = product.rgba.shape[:2]
    across, ground, share = place
    # Tall things are held by the room above the ground line.
    factor = min(share * width / max(h, w), 0.94 * width / w, ground * 0.9 * height / h, ENLARGED)
    target = (max(1, round(w * factor)), max(1, round(h * factor)))
    rgba = _scaled(product.rgba, target)
    left, top = round(across * width - target[0] / 2), round(ground * height - target[1])
    floor = round(ground * height)
    # What the photo cut off stays cut off at the same side of the scene.
    if "left" in product.touches and "right" not in product.touches:
        left = 0
    if "right" in product.touches and "left" not in product.touches:
        left = width - target[0]
    stands = True
    if "top" in product.touches and "bottom" not in product.touches:
        top, stands = 0, False
    elif "bottom" in product.touches:
        top, stands = height - target[1], False
    if stands:
        # The margin below the base is not to lift it off the ground.
        solid = np.nonzero((rgba[..., 3] > 0.5).any(1))[0]
        if len(solid):
            top += target[1] - 1 - int(solid[-1])
    return _Placed(rgba, left, top, floor, stands)


def _scaled(rgba: Bytes, size: tuple[int, int]) -> Floats:
    """(h, w, 4) float32 at (width, height): colours 0..255 not darkened by what is transparent."""
    source = rgba.astype(np.float32)
    alpha = source[..., 3:] / 255
    planes = np.concatenate([source[..., :3] * alpha, alpha], axis=2)
    done = np.stack(
        [
            np.asarray(
                Image.fromarray(np.ascontiguousarray(planes[..., i])).resize(
                    size, Image.Resampling.LANCZOS
                )
            )
            for i in range(4)
        ],
        axis=2,
    )
    alpha = np.clip(done[..., 3:], 0, 1)
    colours = np.clip(done[..., :3] / np.maximum(done[..., 3:], 1e-3), 0, 255)
    return np.concatenate([colours, alpha], axis=2).astype(np.float32)


def _own_colour(rgba: Floats) -> Floats:
    """OKLab (3,) of the product's rim, which is what must stand out from the backdrop."""
    solid = rgba[..., 3] > 0.9
    reach = max(2, min(rgba.shape[:2]) // 14)
    rim = solid & (box(solid.astype(np.float32), reach) < 0.98)
    if rim.sum() < 20:
        rim = solid
    if not rim.any():
        return np.array([60, 0, 0], np.float32)
    return np.asarray(to_lab(rgba[rim][:, :3]).mean(0), np.float32)


def _standing_out(own: Floats, roles: Palette, rng: np.random.Generator) -> str:
    """One of the brand's colours, as a studio wall, that the product does not drown in."""
    walls = [
        tone(roles.paper, 0.93, 1.1),
        tone(roles.accent, 0.87, 0.42),
        tone(roles.accent_2, 0.86, 0.42),
        tone(roles.accent, 0.74, 0.62),
        tone(roles.accent_2, 0.72, 0.62),
        tone(roles.accent, 0.6, 0.85, 0.13),
        tone(roles.accent_2, 0.42, 0.85, 0.1),
        tone(roles.ink, 0.28, 1.0, 0.04),
    ]
    apart = [float(np.linalg.norm(lab(wall) * 100 - own)) for wall in walls]
    fit = [wall for wall, far in zip(walls, apart, strict=True) if far > 16]
    return fit[int(rng.integers(len(fit)))] if fit else walls[int(np.argmax(apart))]


def _light_side(rgba: Floats, rng: np.random.Generator) -> float:
    """-1 light from the left, 1 from the right: the product's brighter half; by seed when even."""
    weight = rgba[..., 3] > 0.9
    light = rgba[..., :3].mean(2)
    half = rgba.shape[1] // 2
    left, right = weight[:, :half], weight[:, half:]
    if left.sum() > 50 and right.sum() > 50:
        more = float(light[:, half:][right].mean() - light[:, :half][left].mean())
        if abs(more) > 9:
            return 1.0 if more > 0 else -1.0
    return float(rng.choice([-1.0, 1.0]))


def _noise(rgba: Floats) -> float:
    """Spread of the grain, in steps of 255: that of the product's quietest parts."""
    grey = rgba[..., :3].mean(2)
    fine = np.abs(grey - box(grey, 1))
    solid = box((rgba[..., 3] > 0.95).astype(np.float32), 2) > 0.999
    if solid.sum() < 200:
        return 1.2
    return float(np.clip(np.percentile(fine[solid], 25) * 1.6, 0.9, 2.6))


# -- the studio ----------------------------------------------------------------------------------


def _rgb(colour: str) -> Floats:
    return np.array(channels(colour), np.float32)


def _places(size: tuple[int, int]) -> tuple[Floats, Floats]:
    """x (1, w) and y (h, 1) in 0..1."""
    x = (np.arange(size[0]) + 0.5) / size[0]
    y = (np.arange(size[1]) + 0.5) / size[1]
    return x[None, :].astype(np.float32), y[:, None].astype(np.float32)


def _smooth(value: Any) -> Floats:
    value = np.clip(value, 0, 1)
    return np.asarray(value * value * (3 - 2 * value), np.float32)


def _lit(size: tuple[int, int], light: float, floor: float, depth: float) -> Floats:
    """(h, w, 1) light on a wall: a pool from one side above the product, falling off."""
    x, y = _places(size)
    ratio = size[1] / size[0]
    far = np.sqrt((x - (0.5 + 0.22 * light)) ** 2 + ((y - floor * 0.48) * ratio * 0.85) ** 2)
    pool = 1 - _smooth(far / 1.05)
    return (1.0 - depth * (1 - pool) + depth * 0.35 * pool)[..., None].astype(np.float32)


def _sweep(size: tuple[int, int], ground: str, floor: float, light: float, even: bool) -> Floats:
    """Seamless paper: the floor curves up into the wall behind the product."""
    _, y = _places(size)
    depth = 0.07 if even else 0.2
    picture = _rgb(ground) * _lit(size, light, floor, depth)
    # The curve of the paper turns away from the light: a soft darker band behind the base, the
    # floor in front of it lighter again.
    bend = np.exp(-(((y - (floor - 0.1)) / 0.12) ** 2)) * (0.025 if even else 0.06)
    front = _smooth((y - floor + 0.08) / 0.2) * (0.02 if even else 0.05)
    shade = 1 - bend + front - _smooth((y - 0.88) / 0.2) * (0.03 if even else 0.07)
    return np.asarray(picture * shade[..., None], np.float32)


def _table(
    size: tuple[int, int],
    ground: str,
    roles: Palette,
    floor: float,
    light: float,
    rng: np.random.Generator,
) -> Floats:
    """A wall, and a table in a second tone, its far edge slightly out of focus."""
    light_wall = float(lab(ground)[0]) > 0.55
    other = roles.accent if rng.integers(2) else roles.accent_2
    second = mix(tone(ground, float(lab(ground)[0]) - (0.11 if light_wall else -0.1)), other, 0.16)
    return _before(_rgb(ground) * _lit(size, light, floor, 0.17), second, floor, light)


def _before(wall: Floats, second: str, floor: float, light: float) -> Floats:
    """A table top of colour `second` put before a wall."""
    height, width = wall.shape[:2]
    x, y = _places((width, height))
    edge = floor - 0.115
    top = _smooth((y - edge) / 0.006 + 0.5)
    down = np.clip((y - edge) / (1 - edge), 0, 1)
    # Far from the lamp the top grazes and mirrors the wall a little; towards us it deepens.
    shine = 1.045 - 0.13 * down - 0.05 * np.abs(x - 0.5 - 0.2 * light)
    table = _rgb(second) * shine[..., None]
    table = table * 0.9 + wall[::-1].mean(axis=1, keepdims=True) * 0.1
    below = np.exp(-np.clip(edge - y, 0, 1) / 0.012) * 0.05 * (y < edge)
    picture = wall * (1 - below[..., None]) * (1 - top[..., None]) + table * top[..., None]
    return np.asarray(picture, np.float32)


def _photographed(
    texture: Bytes,
    size: tuple[int, int],
    ground: str,
    floor: float,
    light: float,
    rng: np.random.Generator,
) -> Floats:
    """A photo far out of focus, toned towards the ground colour, behind a table."""
    width, height = size
    h, w = texture.shape[:2]
    factor = max(width / w, height / h)
    crop_w, crop_h = width / factor, height / factor
    left = float(rng.random()) * (w - crop_w)
    small = Image.fromarray(texture).resize(
        (width // 6, height // 6),
        Image.Resampling.BILINEAR,
        box=(left, (h - crop_h) / 2, left + crop_w, (h + crop_h) / 2),
    )
    # A lens blurs light, not numbers: bright spots grow. A power of 2.2 is linear light enough.
    linear = np.asarray((np.asarray(small, np.float32) / 255) ** 2.2, np.float32)
    reach = max(2, width // 6 // 18)
    for _ in range(3):
        linear = box(linear, reach)
    blurred = np.rint(255 * np.clip(linear, 0, 1) ** (1 / 2.2)).astype(np.uint8)
    wall = np.asarray(Image.fromarray(blurred).resize(size, Image.Resampling.BICUBIC), np.float32)
    target = _rgb(ground)
    grey = wall.mean(2, keepdims=True)
    shape = grey / max(float(grey.mean()), 20.0)
    toned = target * (0.45 + 0.55 * shape)
    wall = 0.6 * wall + 0.4 * toned
    wall += 0.25 * (target.mean() - wall.mean())
    return _before(np.clip(wall, 0, 255) * _lit(size, light, floor, 0.12), ground, floor, light)


def _arch(picture: Floats, ground: str, roles: Palette, product: _Placed, light: float) -> Floats:
    """An arched niche in the wall behind the product, its inner edge in shadow on the lit side."""
    height, width = picture.shape[:2]
    left, top, right, _ = product.box
    middle = (left + right) / 2
    half = float(np.clip((right - left) * 0.72, width * 0.3, width * 0.42))
    half = min(half, middle - 0.04 * width, 0.96 * width - middle)
    if half < width * 0.15:
        return picture
    base = product.floor - 0.075 * height
    crown = float(np.clip(top - 0.22 * half, height * 0.06, base - half))
    inside = _arched(size=(width, height), middle=middle, half=half, crown=crown, base=base)
    deep = float(lab(ground)[0]) > 0.5
    niche = mix(
        tone(ground, float(lab(ground)[0]) + (-0.1 if deep else 0.09), 1.25), roles.accent, 0.12
    )
    # The wall's thickness throws a shadow into the niche, from the lit side.
    shift = round(0.022 * width)
    moved = np.roll(inside, (shift, -round(light) * shift), axis=(0, 1))
    inner = 1 - box(box(moved, max(2, shift // 2)), max(2, shift // 2))
    shade = _rgb(niche) / np.maximum(_rgb(ground), 1) * (1 - 0.2 * inner)[..., None]
    return np.asarray(picture * (1 - inside[..., None] * (1 - shade)), np.float32)


def _arched(size: tuple[int, int], middle: float, half: float, crown: float, base: float) -> Floats:
    """(h, w) 0..1, edges one pixel soft: a half circle on a rectangle."""
    x = np.arange(size[0], dtype=np.float32)[None, :] - middle
    y = np.arange(size[1], dtype=np.float32)[:, None]
    spring = crown + half
    round_part = half - np.hypot(x, np.minimum(y - spring, 0))
    inside = np.minimum(round_part, base - y)
    return np.asarray(np.clip(inside + 0.5, 0, 1), np.float32)


def _podium(picture: Floats, ground: str, product: _Placed, light: float) -> Floats:
    """A round plinth under the product: a lit top, a side that turns away from the light."""
    height, width = picture.shape[:2]
    left, _, right, _ = product.box
    middle = (left + right) / 2
    half = float(np.clip((right - left) * 0.66, width * 0.2, width * 0.47))
    # How far up the picture the base reaches: the camera's height over the product, which the
    # plinth has to share.
    solid = product.rgba[..., 3] > 0.5
    columns = np.nonzero(solid.any(0))[0]
    depth = 0.0
    if len(columns):
        lowest = (len(solid) - 1 - solid[::-1].argmax(0)).astype(np.float32)
        line, feet = _ground_line(lowest, columns)
        depth = float(np.ptp(line[feet[0] : feet[1] + 1]))
    flat = float(np.clip(0.6 * depth + 0.06 * half, 0.17 * half, 0.36 * half))
    level = product.floor - max(flat * 0.15, min(depth * 0.5, flat * 0.6))
    tall = min(0.12 * height, height * 0.975 - level - flat)
    x = np.arange(width, dtype=np.float32)[None, :] - middle
    y = np.arange(height, dtype=np.float32)[:, None]
    curve = flat * np.sqrt(np.clip(1 - (x / half) ** 2, 0, 1))
    across = np.clip(half - np.abs(x) + 0.5, 0, 1)
    top = np.clip(curve - np.abs(y - level) + 0.5, 0, 1) * across
    side = np.clip(y - level + 0.5, 0, 1) * np.clip(level + tall + curve - y + 0.5, 0, 1) * across
    # Its own shadow on the floor.
    reach = half * 1.1
    far = ((x + light * 0.12 * half) / reach) ** 2 + ((y - level - tall) / (flat * 1.5)) ** 2
    picture = picture * (1 - 0.34 * np.exp(-(far**1.2)))[..., None]
    turn = np.clip(x / half, -1, 1)
    facing = 0.9 + 0.11 * np.cos(turn * 1.45 - light * 0.75) - 0.2 * (np.abs(turn) ** 5)
    drop = 1 - 0.07 * np.clip((y - level) / max(tall, 1), 0, 1)
    bright = float(lab(ground)[0])
    body = tone(ground, bright - 0.035 if bright > 0.5 else bright + 0.05)
    lid = tone(ground, min(bright + 0.03, 0.965) if bright > 0.5 else bright + 0.1)
    picture = picture * (1 - side[..., None]) + (
        _rgb(body) * (facing * drop)[..., None] * side[..., None]
    )
    gloss = 1 + 0.03 * (x / half) * light
    surface = _rgb(lid) * np.broadcast_to(gloss, (height, width))[..., None]
    picture = picture * (1 - top[..., None]) + surface * top[..., None]
    return np.asarray(picture, np.float32)


# -- light and shadow ----------------------------------------------------------------------------


def _shadow(product: _Placed, size: tuple[int, int], light: float, stands: bool) -> Floats:
    """(h, w) 0..1, how much light the product takes from what is behind and under it."""
    width, height = size
    alpha = product.alpha_on(size)
    unit = width / 1080
    if not stands:
        # Nothing stands: only the wall behind grows a little darker, away from the light.
        moved = np.roll(alpha, (round(18 * unit), -round(light * 22 * unit)), axis=(0, 1))
        return np.asarray(0.2 * _blurred(moved, round(26 * unit)), np.float32)
    solid = alpha > 0.5
    columns = np.nonzero(solid.any(0))[0]
    if not len(columns):
        return np.zeros((height, width), np.float32)
    lowest = (height - 1 - solid[::-1].argmax(0)).astype(np.float32)
    tall = max(20.0, float(lowest[columns].max() - np.nonzero(solid.any(1))[0][0]))
    ground, feet = _ground_line(lowest, columns)
    # How near the ground each column's lowest point is; the belly between two feet hangs over it.
    over = np.maximum(ground - lowest, 0)
    touch = np.exp(-((over / (0.05 * tall + 4 * unit)) ** 2)) * solid.any(0)
    y = np.arange(height, dtype=np.float32)[:, None]
    # A seam along the base outline: where product and ground meet there is no light at all.
    away = y - lowest[None, :]
    seam = np.exp(-np.abs(away - 1.0 * unit) / (3.2 * unit)) * touch[None, :]
    near = np.exp(-(np.clip(away, -40 * unit, None) ** 2) / (2 * (9 * unit) ** 2)) * touch[None, :]
    seam = _blurred(seam.astype(np.float32), max(1, round(1.2 * unit)))
    near = _blurred(near.astype(np.float32), max(2, round(6 * unit)))
    # Under a belly or an arch, down to the ground between the feet.
    hollow = (away > 0) & (y <= ground[None, :] + 2 * unit) & (over > 2)[None, :]
    between = np.zeros((1, width), np.float32)
    between[0, feet[0] : feet[1] + 1] = 1
    depth = np.exp(-over / (0.16 * tall))[None, :] * _blurred(between, round(9 * unit))
    hollow_dark = _blurred((hollow * depth).astype(np.float32), max(2, round(5 * unit)))
    # The penumbra: the product pressed flat on the ground, leaning away from the light.
    soft = _blurred(_cast(alpha, ground, press=0.2, lean=-0.42 * light), max(3, round(20 * unit)))
    wide = _blurred(_cast(alpha, ground, press=0.1, lean=-0.16 * light), max(4, round(40 * unit)))
    # Farther from its foot a shadow is paler.
    fade = np.exp(-np.clip(ground[None, :] - y, 0, None) / (0.22 * tall))
    total = (1 - 0.58 * seam) * (1 - 0.36 * near) * (1 - 0.5 * hollow_dark)
    # Holes near the ground, between legs or straps, get little light from anywhere.
    closed = _blurred(alpha, max(3, round(14 * unit))) * np.exp(
        -np.clip(ground[None, :] - y, 0, None) / (0.13 * tall)
    )
    total = total * (1 - 0.3 * soft * fade) * (1 - 0.42 * wide) * (1 - 0.38 * closed)
    return np.asarray(np.clip(1 - total, 0, 0.85), np.float32)


def _ground_line(lowest: Floats, columns: NDArray[np.intp]) -> tuple[Floats, tuple[int, int]]:
    """(w,) where the ground lies under each column, the lower hull of the base outline; and the
    columns of its outermost feet.

    A camera looking down shows the near foot lower than the far one; a line from foot to foot is
    the ground's, as long as it is not steep (1 in 2): beyond, it is the product's own belly.
    """
    hull: list[tuple[int, float]] = []
    for x in columns:
        point = (int(x), float(lowest[x]))
        while len(hull) > 1 and (
            (hull[-1][1] - hull[-2][1]) * (point[0] - hull[-2][0])
            <= (point[1] - hull[-2][1]) * (hull[-1][0] - hull[-2][0])
        ):
            hull.pop()
        hull.append(point)
    spots = np.array(hull, np.float64)
    foot = int(spots[:, 1].argmax())
    kept = [foot]
    for step in (-1, 1):
        at = foot
        while 0 <= at + step < len(spots):
            rise = spots[at][1] - spots[at + step][1]
            if rise > 0.5 * abs(spots[at][0] - spots[at + step][0]):
                break
            at += step
            kept.append(at)
    spots = spots[sorted(kept)]
    line = np.interp(np.arange(len(lowest)), spots[:, 0], spots[:, 1]).astype(np.float32)
    return line, (int(spots[0, 0]), int(spots[-1, 0]))


def _cast(alpha: Floats, ground: Floats, press: float, lean: float) -> Floats:
    """The product's outline laid on the ground line: heights times `press`, each pixel of height
    moved sideways by `lean`. Read every second pixel: it is blurred anyway."""
    h, w = alpha.shape
    y = np.arange(0, h, 2, dtype=np.float32)[:, None]
    x = np.arange(0, w, 2, dtype=np.float32)[None, :]
    line = ground[None, ::2]
    # At the ground line and, a little, in front of it: the base has a depth of its own.
    high = np.clip((line - y) / press, 0, None)
    rows = np.rint(line - high - 3).astype(np.int32)
    across = np.rint(x - lean * high).astype(np.int32)
    inside = (rows >= 0) & (across >= 0) & (across < w) & (y <= line + 0.012 * h)
    found = np.where(inside, alpha[np.clip(rows, 0, h - 1), np.clip(across, 0, w - 1)], 0)
    return np.asarray(
        Image.fromarray(found.astype(np.float32)).resize((w, h), Image.Resampling.BILINEAR)
    )


def _blurred(plane: Floats, reach: int) -> Floats:
    """Nearly Gaussian, by three boxes; wide ones at a quarter of the size."""
    h, w = plane.shape
    if reach >= 12 and min(h, w) >= 64:
        small = Image.fromarray(plane).resize(
            (max(1, w // 4), max(1, h // 4)), Image.Resampling.BOX
        )
        done = _blurred(np.asarray(small, np.float32), max(1, reach // 4))
        return np.asarray(
            Image.fromarray(done).resize((w, h), Image.Resampling.BICUBIC), np.float32
        )
    for _ in range(3):
        plane = box(plane, reach)
    return plane


def _composed(picture: Floats, product: _Placed, ground: str, light: float) -> Floats:
    """The product over the studio: its colours nudged to the room's light, light around its rim."""
    here, there = product.windows((picture.shape[1], picture.shape[0]))
    rgba = product.rgba[there]
    alpha = rgba[..., 3:]
    room = _rgb(ground)
    # The room's colour falls on the product: a twentieth is seen, not noticed.
    tint = room / max(float(room.mean()), 1.0)
    colours = rgba[..., :3] * (1 + 0.05 * (tint - 1))
    level = (float(room.mean()) - 128) / 128
    colours = colours * (1 + 0.025 * level)
    h = colours.shape[0]
    if product.stands:
        # Near the ground less light arrives.
        down = np.clip((np.arange(h, dtype=np.float32) / max(h - 1, 1) - 0.86) / 0.14, 0, 1)
        colours = colours * (1 - 0.14 * down**2)[:, None, None]
    behind = picture[here]
    # Light wrap: bright surroundings bleed a pixel or two over the rim, as in a lens.
    reach = max(1, round(picture.shape[1] / 540))
    spill = np.clip(1 - box(box(alpha[..., 0], reach), reach), 0, 1)[..., None]
    around = np.stack([_blurred(np.ascontiguousarray(behind[..., i]), 8) for i in range(3)], axis=2)
    wrap = 0.3 * spill * np.clip((around - colours) / 160, 0, 1)
    colours = colours * (1 - wrap) + around * wrap
    picture[here] = behind * (1 - alpha) + colours * alpha
    return picture


# -- a whole photo -------------------------------------------------------------------------------


def _print(
    photo: Bytes,
    size: tuple[int, int],
    roles: Palette,
    rng: np.random.Generator,
    place: tuple[float, float, float],
    ground: str,
) -> Scene:
    """The photo whole, as a print on the wall: used where no cut-out is sure."""
    width, height = size
    h, w = photo.shape[:2]
    own = np.asarray(to_lab(_edge_strip(photo)).mean(0), np.float32)
    ground = ground or _standing_out(own, roles, rng)
    light = float(rng.choice([-1.0, 1.0]))
    picture = _sweep(size, ground, 1.2, light, even=False)
    factor = min(1.08 * place[2] * width / w, place[1] * 0.88 * height / h, ENLARGED)
    target = (max(1, round(w * factor)), max(1, round(h * factor)))
    shown = np.asarray(
        Image.fromarray(photo).resize(target, Image.Resampling.LANCZOS, reducing_gap=3), np.float32
    )
    left = round(float(np.clip(place[0] * width - target[0] / 2, 0, width - target[0])))
    top = round(float(np.clip((place[1] * height - target[1]) * 0.75, 0, height - target[1])))
    card = np.zeros((height, width), np.float32)
    card[top : top + target[1], left : left + target[0]] = 1
    unit = width / 1080
    near = _blurred(np.roll(card, round(3 * unit), axis=0), max(1, round(4 * unit)))
    move = (round(22 * unit), -round(light * 14 * unit))
    far = _blurred(np.roll(card, move, axis=(0, 1)), round(24 * unit))
    picture *= (1 - (1 - (1 - 0.22 * near) * (1 - 0.3 * far)))[..., None]
    picture += rng.standard_normal((height, width), np.float32)[..., None] * 1.1
    picture[top : top + target[1], left : left + target[0]] = shown
    return Scene(
        np.rint(np.clip(picture, 0, 255)).astype(np.uint8),
        (left, top, left + target[0], top + target[1]),
        ground,
    )


def _edge_strip(photo: Bytes) -> Bytes:
    strips: Sequence[Bytes] = (photo[0], photo[-1], photo[:, 0], photo[:, -1])
    return np.concatenate(strips)
