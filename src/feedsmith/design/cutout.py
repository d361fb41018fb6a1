"""A product cut out of its photo, with soft edges and an honest confidence.

Knows pixels in, pixels with alpha out; nothing of scenes, brands or posts. Two witnesses are
heard: the background itself, where it is plain (a smooth colour fitted to the photo's border), and
the saliency network, which looks at the whole photo and then at the subject alone. Their mask is
drawn to the photo's own edges by local colour statistics, and the background's colour is taken out
of the rim. Below `SURE` a caller uses the photo whole.

Sources: linear discriminants (Fisher 1936) in local windows, in the manner of the guided filter
(He et al. 2010); foreground colours by blur fusion (Forte 2021, "Approximate Fast Foreground
Colour Estimation").
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from feedsmith.blur import box
from feedsmith.colour import to_lab
from feedsmith.understanding.saliency import SIDE, Saliency

Floats = NDArray[np.float32]
Bytes = NDArray[np.uint8]
Mask = NDArray[np.bool_]
Wide = NDArray[np.float64]
Area = tuple[int, int, int, int]
Click = tuple[float, float, bool]
"""A person's word: x and y in shares of the photo's width and height, and whether what is there
belongs to the subject."""
Stroke = tuple[bool, float, Sequence[tuple[float, float]]]
"""A stroke of a brush: whether it keeps or takes out; its radius in shares of the photo's longer side;
its points in shares of width and height. Without points it goes over everything."""

SURE = 0.7
"""Confidence from which a cut-out may be used. Of 76 product photos looked at by eye about 49 are
above it, 3 of them with a fault one sees (a foot or a wheel lost, a spur kept); of those below,
about a third would have passed."""
MOST = 1280
"""Longest side of a cut-out: posts are at most 1080 px wide, and time grows with the area."""
LEAST = 48
"""Shortest side, in source pixels, of a subject worth cutting out."""
_LOOK = 320
_BANDS = (7, 4)
"""Pixels either side of the outline, at 512 px, that colours may move it by, first and second."""
_LIKE = 9.0
"""OKLab distance (L of 100) up to which what hangs together with a click is meant by it."""
_VOICE = 3.5
"""Most log odds that colours may speak with; the prior's are at most 3.6."""


@dataclass(frozen=True)
class Cutout:
    """`rgba`: (h, w, 4) uint8, straight alpha, background colour removed from soft edges.

    `box`: left, top, right, bottom in the source's pixels (`rgba` is this box, made smaller only
    where it was longer than `MOST`). `confidence`: 0..1, usable from `SURE`. `method`: "plain" or
    "network", the witness that decided. `touches`: sides of the photo that cut the subject off,
    of "left", "top", "right", "bottom": a scene lets it bleed off the same side. `why`: what
    lowered the confidence, in words; empty when nothing did.
    """

    rgba: Bytes
    box: Area
    confidence: float
    method: str
    touches: tuple[str, ...] = ()
    why: str = ""


def cut(
    rgb: Bytes,
    saliency: Saliency | None = None,
    *,
    method: str = "both",
    clicks: Sequence[Click] = (),
    strokes: Sequence[Stroke] = (),
) -> Cutout:
    """Cut the subject out of `rgb` (H, W, 3).

    `clicks` are heard before both witnesses, the last one first: each speaks for what has its colour
    and hangs together with it. Whoever clicked has looked at it, so the confidence is 1 then.
    `strokes` come last and are kept to as they were drawn (see `painted`).

    `saliency` is the network, loaded here when not given; `method` "plain" or "network" hears one
    witness only (for measurements). A photo without a subject gives an empty cut-out of
    confidence 0. Raises MissingModel when the network is needed and its weights are absent.
    """
    if strokes:
        anew = any(not points for _, _, points in strokes)
        found = _nothing("") if anew else cut(rgb, saliency, method=method, clicks=clicks)
        return painted(rgb, found, strokes)
    return _found(rgb, saliency, method, clicks)


def _found(rgb: Bytes, saliency: Saliency | None, method: str, clicks: Sequence[Click]) -> Cutout:
    """By the witnesses and the clicks."""
    shape = rgb.shape[:2]
    ground = None if method == "network" else _ground(_shrunk(rgb, SIDE))
    network = None if method == "plain" else saliency or Saliency()
    if min(shape) < LEAST or (ground is None and network is None):
        return _nothing("the photo is too small" if min(shape) < LEAST else "no plain background")

    # Where the subject is: the whole photo at a glance.
    whole = network.map(rgb, look=_LOOK) if network else None
    found = np.zeros(_fit(shape, SIDE), bool) if whole is None else _main(whole > 0.5)
    if ground is not None:
        small = to_lab(_resized(rgb, (found.shape[1], found.shape[0])))
        found |= _main(_enclosed(small, ground.over((0, 0, *shape[::-1]), shape, small), ground))
    if clicks:
        small = to_lab(_resized(rgb, (found.shape[1], found.shape[0])))
        belongs, does_not = _clicked(small, clicks, (0, 0, *shape[::-1]), shape)
        found = (found | belongs) & ~does_not
    area = _bounds(found, shape, margin=0.1)
    if area is None:
        return _nothing("no subject stands out")
    left, top, right, bottom = area

    # A closer look at it alone, by both witnesses.
    part = rgb[top:bottom, left:right]
    factor = min(1.0, MOST / max(part.shape[:2]))
    part = _resized(part, (round(part.shape[1] * factor), round(part.shape[0] * factor)))
    lab = to_lab(part)
    close = glance = None
    if network is not None and whole is not None:
        glance = _window(whole, area, shape, lab)
        close = _both_looks(glance, _close(part, network))
    prior = close
    if ground is not None:
        prior = _heard(lab, ground.over(area, shape, lab), ground, close)
    assert prior is not None
    prior, crumbs = _without_crumbs(prior)
    if clicks:
        belongs, does_not = _clicked(lab, clicks, area, shape)
        prior = np.where(belongs, np.maximum(prior, 0.97), prior)
        prior = np.where(does_not, np.minimum(prior, 0.03), prior).astype(np.float32)

    # The photo's own edges, then the colours under soft ones.
    alpha, contrast = _edges(lab, prior)
    colours = _decontaminated(part, alpha)

    # How far to believe it.
    touches = _touching(alpha, area, shape)
    grass = _grassy(lab, alpha)
    confidence, why = _judged(alpha, prior, close, glance, contrast, crumbs, touches, grass)
    if clicks:
        confidence, why = 1.0, ""
    rgba = np.dstack([colours, np.rint(alpha * 255).astype(np.uint8)])
    cropped = _cropped(rgba, area)
    if cropped is None:
        return _nothing("no subject stands out")
    which = "network" if ground is None else "plain"
    return Cutout(cropped[0], cropped[1], confidence, which, touches, why)


def painted(rgb: Bytes, found: Cutout, strokes: Sequence[Stroke]) -> Cutout:
    """`found` after these strokes, one over the other: outlines as they were drawn, one and a half
    pixels soft, never drawn to the photo's edges. Whoever painted has looked at it: confidence 1, or an
    empty cut-out of 0 where nothing was kept."""
    shape = rgb.shape[:2]
    anew = max((i for i, stroke in enumerate(strokes) if not stroke[2]), default=-1)
    everything = anew >= 0 and strokes[anew][0]
    drawn = strokes[anew + 1 :]
    areas = [_reached(stroke, shape) for stroke in drawn if stroke[0]]
    if everything:
        areas.append((0, 0, shape[1], shape[0]))
    elif anew < 0 and found.rgba[..., 3].any():
        areas.append(found.box)
    if not areas:
        return _nothing("nothing was kept")
    sides = np.array(areas)
    left, top = (int(n) for n in sides[:, :2].min(0))
    right, bottom = (int(n) for n in sides[:, 2:].max(0))
    part = rgb[top:bottom, left:right]
    factor = min(1.0, MOST / max(part.shape[:2]))
    part = _resized(part, (round(part.shape[1] * factor), round(part.shape[0] * factor)))
    if everything:
        alpha = np.ones(part.shape[:2], np.float32)
    elif anew < 0:
        alpha = _laid(found, (left, top, right, bottom), part.shape[:2])
    else:
        alpha = np.zeros(part.shape[:2], np.float32)
    for inside, radius, points in drawn:
        ink = np.zeros_like(alpha)
        places = np.array(points, np.float64) * (shape[1], shape[0]) - (left, top)
        _draw(ink, places * factor, radius * max(shape) * factor)
        alpha = 1 - (1 - alpha) * (1 - ink) if inside else alpha * (1 - ink)
    area = (left, top, right, bottom)
    rgba = np.dstack([_decontaminated(part, alpha), np.rint(alpha * 255).astype(np.uint8)])
    cropped = _cropped(rgba, area)
    if cropped is None:
        return _nothing("nothing was kept")
    return Cutout(*cropped, 1.0, found.method, _touching(alpha, area, shape))


def _reached(stroke: Stroke, shape: tuple[int, ...]) -> Area:
    """Box of a stroke in the photo's pixels."""
    _, radius, points = stroke
    places = np.array(points, np.float64) * (shape[1], shape[0])
    reach = radius * max(shape) + 3
    low = np.maximum(np.floor(places.min(0) - reach), 0)
    high = np.minimum(np.ceil(places.max(0) + reach), (shape[1], shape[0]))
    return int(low[0]), int(low[1]), int(high[0]), int(high[1])


def _draw(ink: Floats, places: Wide, radius: float) -> None:
    """A line of round ends through `places` (n, 2), x and y in pixels, laid into `ink`."""
    reach = radius + 1
    for one, other in zip(places, [*places[1:], places[-1]], strict=True):
        x0, y0 = np.floor(np.minimum(one, other) - reach).astype(int)
        x1, y1 = np.ceil(np.maximum(one, other) + reach).astype(int) + 1
        window = ink[max(y0, 0) : max(y1, 0), max(x0, 0) : max(x1, 0)]
        if not window.size:
            continue
        down, across = np.ogrid[: window.shape[0], : window.shape[1]]
        x = (across + (max(x0, 0) + 0.5 - one[0])).astype(np.float32)
        y = (down + (max(y0, 0) + 0.5 - one[1])).astype(np.float32)
        way = (other - one).astype(np.float32)
        along = np.clip((x * way[0] + y * way[1]) / max(float(way @ way), 1e-9), 0, 1)
        away = np.hypot(x - along * way[0], y - along * way[1])
        np.maximum(window, np.clip((radius - away) / 1.5 + 0.5, 0, 1), out=window)


def _laid(found: Cutout, area: Area, size: tuple[int, ...]) -> Floats:
    """(h, w) 0..1: the cut-out's alpha where it lies in `area`, which is shown at `size`."""
    down, across = size[0] / (area[3] - area[1]), size[1] / (area[2] - area[0])
    left, right = (round((found.box[i] - area[0]) * across) for i in (0, 2))
    top, bottom = (round((found.box[i] - area[1]) * down) for i in (1, 3))
    alpha = np.zeros(size, np.float32)
    room = alpha[top : max(bottom, top + 1), left : max(right, left + 1)]
    own = found.rgba[..., 3].astype(np.float32) / 255
    room[:] = _plane(own, (room.shape[0], room.shape[1]))
    return alpha


def mask(found: Cutout, shape: tuple[int, int], side: int = MOST) -> Bytes:
    """(h, w): how much of each pixel of the photo of `shape` stands, 0..255, `side` the longer one."""
    return np.asarray(
        np.rint(_laid(found, (0, 0, shape[1], shape[0]), _fit(shape, side)) * 255), np.uint8
    )


def _nothing(why: str) -> Cutout:
    return Cutout(np.zeros((1, 1, 4), np.uint8), (0, 0, 1, 1), 0.0, "network", (), why)


# -- the plain background ------------------------------------------------------------------------


@dataclass(frozen=True)
class _Ground:
    """A background as a polynomial of the place: OKLab = (1, x, y, x^2, xy, y^2) @ `weights`,
    x and y in -1..1 over the photo; `noise`: its median error."""

    weights: Floats
    noise: float

    def over(self, area: Area, shape: tuple[int, ...], like: Floats) -> Floats:
        """Its colours (h, w, 3) at the pixels of `like`, which shows `area` of the photo."""
        h, w = like.shape[:2]
        (left, top, right, bottom), (height, width) = area, shape
        x = np.linspace(2 * left / width - 1, 2 * right / width - 1, w, dtype=np.float32)
        y = np.linspace(2 * top / height - 1, 2 * bottom / height - 1, h, dtype=np.float32)
        return np.asarray(_terms(x, y) @ self.weights, np.float32)


def _terms(x: Floats, y: Floats) -> Floats:
    across, down = np.meshgrid(x, y)
    one = np.ones_like(across)
    return np.stack([one, across, down, across**2, across * down, down**2], axis=-1)


def _ground(small: Bytes) -> _Ground | None:
    """The smooth colour of the photo's border; None where the border is a scene."""
    lab = to_lab(small)
    height, width = lab.shape[:2]
    rim = max(2, round(0.025 * max(height, width)))
    border = np.ones((height, width), bool)
    border[rim:-rim, rim:-rim] = False
    x = np.linspace(-1, 1, width, dtype=np.float32)
    y = np.linspace(-1, 1, height, dtype=np.float32)
    terms, colours = _terms(x, y)[border], lab[border]
    # A product cut off by the border is not background: start from the commonest lightness there,
    # then let the polynomial gather its own.
    counts, edges = np.histogram(colours[:, 0], bins=50, range=(0, 100))
    middle = edges[int(np.convolve(counts, [1, 1, 1], "same").argmax())] + 1
    chosen = np.abs(colours[:, 0] - middle) < 9
    weights = np.zeros((6, 3), np.float32)
    noise = 1.0
    for step in range(6):
        if chosen.sum() < 60:
            return None
        use = 3 if step < 2 else 6
        solved, *_ = np.linalg.lstsq(terms[chosen][:, :use], colours[chosen], rcond=None)
        weights[:use] = solved
        error = np.linalg.norm(colours - terms @ weights, axis=1)
        noise = float(np.median(error[chosen])) + 0.15
        chosen = error < max(4 * noise, 2.0)
    if chosen.mean() < 0.7 or noise > 2.0:
        return None
    return _Ground(weights, noise)


def _off(away: Floats, noise: float) -> Floats:
    """How sure a colour is not the background's, 0..1, of its difference from it (h, w, 3)."""
    distance = np.sqrt(away[..., 0] ** 2 + 4 * (away[..., 1] ** 2 + away[..., 2] ** 2))
    low = 2.0 * noise + 0.5
    high = max(8 * noise, 5.0)
    return np.clip((distance - low) / (high - low), 0, 1).astype(np.float32)


def _shadowed(away: Floats) -> Floats:
    """0..1: how much like a shadow, which takes light away and leaves the hue."""
    hue = np.hypot(away[..., 1], away[..., 2])
    fall = -away[..., 0]
    same = np.clip(2.0 - hue / 2.0, 0, 1)
    return np.asarray(same * np.clip(fall, 0, 1) * np.clip((50 - fall) / 20, 0, 1), np.float32)


def _enclosed(lab: Floats, ground: Floats, model: _Ground) -> Mask:
    """(h, w): what the background cannot reach from the border, going through its own colour and
    through shadows; stopped by edges."""
    away = lab - ground
    slope = np.hypot(np.gradient(lab[..., 0], axis=0), np.gradient(lab[..., 0], axis=1))
    passable = (_off(away, model.noise) < 0.3) & (slope < 3 + 2 * model.noise)
    passable |= (_shadowed(away) > 0.5) & (slope < 1.6) & (away[..., 0] > -25)
    seeds = np.zeros(passable.shape, bool)
    seeds[0], seeds[-1], seeds[:, 0], seeds[:, -1] = True, True, True, True
    return ~_flooded(seeds, passable)


def _flooded(seeds: Mask, passable: Mask) -> Mask:
    """All of `passable` that hangs together with `seeds`, along rows and columns."""
    found = seeds & passable
    while True:
        before = int(found.sum())
        found = _runs_reached(found, passable)
        found = _runs_reached(found.T, passable.T).T
        if int(found.sum()) == before:
            return found


def _runs_reached(found: Mask, passable: Mask) -> Mask:
    """Runs of a row that hold a found pixel, found whole."""
    wall = np.pad(~passable, ((0, 0), (0, 1)), constant_values=True)
    run = np.cumsum(wall.ravel()).reshape(wall.shape)[:, :-1]
    reached = np.bincount(run[found], minlength=int(run[-1, -1]) + 2) > 0
    return np.asarray(reached[run] & passable)


def _clicked(
    lab: Floats, clicks: Sequence[Click], area: Area, shape: tuple[int, ...]
) -> tuple[Mask, Mask]:
    """(h, w) twice: what clicks say belongs to the subject, and what they say does not. `lab` is the
    part `area` of the photo."""
    h, w = lab.shape[:2]
    left, top, right, bottom = area
    belongs, does_not = np.zeros((h, w), bool), np.zeros((h, w), bool)
    down, across = np.ogrid[:h, :w]
    reach = max(2, max(h, w) // 100)
    for x, y, inside in clicks:
        column = (x * shape[1] - left) / (right - left) * w
        row = (y * shape[0] - top) / (bottom - top) * h
        if not (0 <= column < w and 0 <= row < h):
            continue
        disc = (down - row) ** 2 + (across - column) ** 2 <= reach**2
        colour = np.median(lab[disc], axis=0)
        meant = disc | _flooded(disc, np.linalg.norm(lab - colour, axis=-1) < _LIKE)
        said, other = (belongs, does_not) if inside else (does_not, belongs)
        said |= meant
        other &= ~meant
    # With its soft rim, which has the colour of neither side and would stay as an outline.
    does_not = (box(does_not.astype(np.float32), max(2, max(h, w) // 100)) > 0.01) & ~belongs
    return belongs, does_not


def _heard(lab: Floats, ground: Floats, model: _Ground, close: Floats | None) -> Floats:
    """(h, w) 0..1: both witnesses, added as odds.

    Far from the background's colour is product, whatever the network overlooked (laces, straps);
    a shadow's colour, and the background's own colour enclosed by product (a handle's hole, or a
    white label on white), is for the network to say.
    """
    h, w = lab.shape[:2]
    away = lab - ground
    off = _off(away, model.noise)
    size = _fit((h, w), 512)
    tiny = np.stack([_plane(lab[..., i], size) for i in range(3)], axis=-1)
    back = np.stack([_plane(ground[..., i], size) for i in range(3)], axis=-1)
    inside = box(_enclosed(tiny, back, model).astype(np.float32), 1)
    inside = _plane(inside, (h, w))
    shade = _shadowed(away)
    alone = close is None
    # In odds: 4 for a colour of its own, 2.2 for one that a shadow could have.
    voice = inside * (off * (4.0 - (2.2 if not alone else 0.0) * shade) + (1 - off) * 0.8)
    # Weak where the colour is the same: a white product on white lets the flood in.
    voice -= (1 - inside) * (1.4 - 0.6 * off)
    if close is not None:
        voice = voice + np.clip(_odds(close), -3.2, 3.2)
    return _share(voice)


# -- the network ---------------------------------------------------------------------------------


def _close(part: Bytes, network: Saliency) -> Floats:
    """(h, w) 0..1 of a part; twice, once mirrored: the mean is steadier than either."""
    look = network.map(part, look=_LOOK)
    mirrored = network.map(np.ascontiguousarray(part[:, ::-1]), look=_LOOK)[:, ::-1]
    look = (look + mirrored) * np.float32(0.5)
    return np.clip(_plane(look, part.shape[:2]), 0, 1)


def _both_looks(glance: Floats, close: Floats) -> Floats:
    """One map of the look at the whole and the two at the part. A hole that only the closer look
    sees is a mark on the product (a toy's eye); a handle's hole is seen by both."""
    mean = ((glance + 2 * close) * np.float32(1 / 3)).astype(np.float32)
    size = _fit(mean.shape, 256)
    low = _plane(mean, size) < 0.5
    seeds = np.zeros(low.shape, bool)
    seeds[0], seeds[-1], seeds[:, 0], seeds[:, -1] = True, True, True, True
    holes = _plane((low & ~_flooded(seeds, low)).astype(np.float32), mean.shape)
    mark = (box(holes, max(1, max(mean.shape) // 256)) > 0) & (glance > 0.6)
    return np.where(mark, np.maximum(glance, mean), mean).astype(np.float32)


# -- edges ---------------------------------------------------------------------------------------


def _edges(lab: Floats, prior: Floats) -> tuple[Floats, float]:
    """Alpha (h, w) 0..1, and how well product and background differ along its edge, 0..1.

    Where the prior is unsure, a pixel's colour is compared with the sure product and the sure
    background around it: the line that parts both best (a linear discriminant over a window)
    gives first the odds of belonging, then, on the narrow rim left over, the share of product in
    the pixel.
    """
    h, w = prior.shape
    size = _fit((h, w), 512)
    step = max(size) / 512
    small = np.stack([_plane(lab[..., i], size) for i in range(3)], axis=-1)
    now = _plane(prior, size)
    for reach, width, sure in ((16, _BANDS[0], 0.92), (9, _BANDS[1], 0.85)):
        product = _eroded(now > sure, max(1, round(2 * step)))
        ground = _eroded(now < 1 - sure, max(1, round(2 * step)))
        # Only near the outline: an eye in the background's colour, far inside, stays where it is.
        inside = (now > 0.5).astype(np.float32)
        near = np.abs(box(inside, max(1, round(width * step))) - inside) > 0.02
        sides = _Sides.around(
            small, product, ground, ~product & ~ground & near, round(reach * step)
        )
        mixed = _share(box(sides.odds(small), 1) + 1.2 * np.clip(_odds(now), -3, 3))
        now = np.where(sides.band, mixed, inside).astype(np.float32)
    now, _ = _without_crumbs(now)
    # The rim at full size. alpha = line . (I - B) / line . (F - B), straight from B to F.
    product, ground = _eroded(now > 0.8, 1), _eroded(now < 0.2, 1)
    band = ~product & ~ground
    sides = _Sides.around(small, product, ground, band, max(4, round(7 * step)))
    line, offset, strength = sides.line()
    good = strength > 0
    contrast = float(np.mean(strength[good] / (strength[good] + 6))) if good.any() else 0.0
    length = np.maximum(strength, np.float32(1e-3))
    slope = np.stack([_plane(line[..., i] / length, (h, w)) for i in range(3)], axis=-1)
    shift = _plane(offset / length, (h, w))
    straight = np.einsum("hwc,hwc->hw", slope, lab) - shift + 0.5
    believe = _plane((strength / (strength + 8)).astype(np.float32), (h, w))
    soft = np.clip(_plane(now, (h, w)) * 1.6 - 0.3, 0, 1)
    # Straight lines overshoot in noise: stretch a little, so that full is full and none is none.
    straight = np.clip((straight - 0.5) * 1.15 + 0.5, 0, 1)
    rim = box((_plane(band.astype(np.float32), (h, w)) > 0.5).astype(np.float32), 1)
    mixed = believe * straight + (1 - believe) * soft
    alpha = rim * mixed + (1 - rim) * _plane(now, (h, w))
    return np.clip(alpha, 0, 1).astype(np.float32), contrast


@dataclass(frozen=True)
class _Sides:
    """Colours on both sides of an outline, around each of the n pixels of `band` (h, w).

    `means` (2, n, 3) and `spreads` (2, n, 3, 3) of product and background; `known` (n,): both are
    within reach.
    """

    band: Mask
    means: Wide
    spreads: Wide
    known: Mask

    @classmethod
    def around(cls, lab: Floats, product: Mask, ground: Mask, band: Mask, reach: int) -> "_Sides":
        at = np.nonzero(band)
        means, spreads, known = [], [], np.ones(len(at[0]), bool)
        for side in (product, ground):
            weight = side.astype(np.float32)
            near = _moments(lab, weight, max(4, reach))[at].astype(np.float64)
            total = near + 0.05 * _moments(lab, weight, 3 * max(4, reach))[at]
            known &= total[:, 0] > 1e-4
            total /= np.maximum(total[:, :1], 1e-6)
            mean = total[:, 1:4]
            second = total[:, 4:][:, _SQUARE].reshape(-1, 3, 3)
            means.append(mean)
            # 1.5 units of OKLab (of 100) are noise and JPEG, whatever the window says.
            spreads.append(second - mean[:, :, None] * mean[:, None, :] + 2.25 * np.eye(3))
        return cls(band, np.stack(means), np.stack(spreads), known)

    def odds(self, lab: Floats) -> Floats:
        """(h, w) log odds of product against background, halved as real tails are heavy.

        Half by one spread for both sides (it keeps contact shadows out), half by a spread each
        (it keeps a black tyre on a dark carpet in). A colour that neither side has says nothing.
        """
        own = lab[self.band].astype(np.float64)
        common = (self.spreads[0] + self.spreads[1]) / 2
        fit, alike, nearest = [], [], np.full(len(own), np.inf)
        for mean, spread in zip(self.means, self.spreads, strict=True):
            away = (own - mean)[:, :, None]
            far = (away * np.linalg.solve(spread, away)).sum((1, 2))
            fit.append(-0.5 * (far + np.log(np.linalg.det(spread))))
            alike.append(-0.5 * (away * np.linalg.solve(common, away)).sum((1, 2)))
            nearest = np.minimum(nearest, far)
        # 3 is usual for a colour of that side, 16 one in a thousand.
        heard = np.clip((36 - nearest) / 20, 0, 1) * self.known
        found = np.zeros(self.band.shape, np.float32)
        # Each half is held apart: a spread of its own can be absurdly sure.
        for pair in (fit, alike):
            found[self.band] += np.clip((pair[0] - pair[1]) / 2, -_VOICE, _VOICE) / 2 * heard
        return found

    def line(self) -> tuple[Floats, Floats, Floats]:
        """Fisher's line (h, w, 3), offset (h, w): line . I - offset is positive on the product's
        side; strength (h, w): squared distance of both means in spreads, 0 where unknown."""
        apart = self.means[0] - self.means[1]
        best = np.linalg.solve((self.spreads[0] + self.spreads[1]) / 2, apart[:, :, None])[:, :, 0]
        best *= self.known[:, None]
        line = np.zeros((*self.band.shape, 3), np.float32)
        offset, strength = (np.zeros(self.band.shape, np.float32) for _ in range(2))
        line[self.band] = best
        offset[self.band] = (best * (self.means[0] + self.means[1]) / 2).sum(1)
        strength[self.band] = (best * apart).sum(1)
        return line, offset, strength


_PAIRS = ((0, 0), (0, 1), (0, 2), (1, 1), (1, 2), (2, 2))
_SQUARE = [0, 1, 2, 1, 3, 4, 2, 4, 5]


def _moments(lab: Floats, weight: Floats, reach: int) -> Floats:
    """(h, w, 10): mean of weight, weight * colour, weight * products of colours over a window."""
    planes = [weight, *(weight * lab[..., i] for i in range(3))]
    planes += [weight * lab[..., i] * lab[..., j] for i, j in _PAIRS]
    return np.stack([box(plane, reach) for plane in planes], axis=-1)


def _decontaminated(rgb: Bytes, alpha: Floats) -> Bytes:
    """The product's own colours (h, w, 3) where the background shone through."""
    colours = rgb.astype(np.float32)
    front, behind = alpha[..., None], 1 - alpha[..., None]
    product = colours
    for reach in (24, 4):
        weight = box(alpha, reach)[..., None]
        # Nearly pure product counts most: the rim itself is what is to be cleaned.
        own = box(product * front * front, reach) / np.maximum(
            box(alpha * alpha, reach)[..., None], 1e-4
        )
        rest = box(colours * behind, reach) / np.maximum(1 - weight, 1e-4)
        cleaner = own + front * (colours - front * own - behind * rest)
        product = np.clip(cleaner, 0, 255).astype(np.float32)
    clean = np.where(front > 0.995, colours, product)
    return np.asarray(np.rint(np.clip(clean, 0, 255)), np.uint8)


# -- confidence ----------------------------------------------------------------------------------


def _judged(
    alpha: Floats,
    prior: Floats,
    close: Floats | None,
    glance: Floats | None,
    contrast: float,
    crumbs: float,
    touches: tuple[str, ...],
    grass: float,
) -> tuple[float, str]:
    """0..1, and the weightiest reason for less than full confidence."""
    mask = alpha > 0.5
    mass = float(mask.sum())
    if mass < 400:
        return 0.0, "the subject is tiny"
    marks: list[tuple[float, str]] = []
    if close is not None:
        marks.append((_overlap(mask, close > 0.5), "the outline is uncertain"))
        if glance is not None:
            marks.append((_overlap(glance > 0.5, close > 0.5), "two looks saw different things"))
        doubt = float(((prior > 0.15) & (prior < 0.85)).sum()) / mass
        marks.append((1 - min(1.0, doubt), "parts may or may not belong"))
    marks.append((0.5 + 0.5 * contrast, "product and background look alike"))
    marks.append((1 - crumbs, "it is in several pieces"))
    if touches:
        marks.append((0.9 if touches == ("bottom",) else 0.8, "the photo cuts it off"))
    if grass > 0.3:
        marks.append((0.78, "its foot is hidden in grass"))
    value = 1.0
    for mark, _ in marks:
        value *= max(mark, 0.0)
    return float(value), min(marks)[1] if value < 0.9 else ""


def _grassy(lab: Floats, alpha: Floats) -> float:
    """0..1: how much of the ground around the lower third is green and unquiet. Blades hide the
    foot of what stands in them, and a product without a foot cannot stand in a studio."""
    h, w = alpha.shape
    size = _fit((h, w), 512)
    light, red, yellow = (_plane(lab[..., i], size) for i in range(3))
    mask = _plane(alpha, size) > 0.5
    rows = np.nonzero(mask.any(1))[0]
    if not len(rows):
        return 0.0
    ring = (box(mask.astype(np.float32), 9) > 0.02) & ~mask
    ring[: round(rows[-1] - (rows[-1] - rows[0]) / 3)] = False
    if ring.sum() < 50:
        return 0.0
    unquiet = np.sqrt(np.maximum(box(light * light, 3) - box(light, 3) ** 2, 0)) > 3.5
    return float(((red < -2.5) & (yellow > 3) & unquiet)[ring].mean())


def _overlap(a: Mask, b: Mask) -> float:
    return float((a & b).sum()) / max(float((a | b).sum()), 1.0)


# -- small hands ---------------------------------------------------------------------------------


def _without_crumbs(prior: Floats) -> tuple[Floats, float]:
    """The prior without pieces under 1/25 of the largest; the share of mass outside the largest."""
    h, w = prior.shape
    size = _fit((h, w), 256)
    # Grown by a pixel, so that a thin strap does not fall into pieces.
    pieces = _pieces(box((_plane(prior, size) > 0.35).astype(np.float32), 1) > 0.2)
    sizes = np.bincount(pieces.ravel())
    if len(sizes) < 2:
        return prior, 0.0
    sizes[0] = 0
    keep = sizes >= sizes.max() / 25
    gone = _plane((~keep[pieces] & (pieces > 0)).astype(np.float32), (h, w))
    gone = np.clip(box(gone, max(2, max(h, w) // 120)) * 6, 0, 1)
    return (prior * (1 - gone)).astype(np.float32), 1 - float(sizes.max()) / float(sizes.sum())


def _main(mask: Mask) -> Mask:
    """The pieces of a mask that are at least 1/25 of its largest."""
    pieces = _pieces(mask)
    sizes = np.bincount(pieces.ravel())
    sizes[0] = 0
    return np.asarray((sizes >= max(sizes.max() / 25, 1))[pieces] & mask)


def _pieces(mask: Mask) -> NDArray[np.int64]:
    """Pieces that hang together along rows and columns: (h, w), 0 outside, then 1, 2..."""
    found = np.zeros(mask.shape, np.int64)
    rest = mask.copy()
    number = 0
    while rest.any() and number < 200:
        number += 1
        seed = np.zeros(mask.shape, bool)
        seed.ravel()[int(rest.argmax())] = True
        piece = _flooded(seed, rest)
        found[piece] = number
        rest &= ~piece
    return found


def _bounds(found: Mask, shape: tuple[int, ...], margin: float) -> Area | None:
    """Box of `found` in the photo's pixels, widened by `margin` of its longer side."""
    rows, columns = np.nonzero(found.any(1))[0], np.nonzero(found.any(0))[0]
    if not len(rows):
        return None
    down, across = shape[0] / found.shape[0], shape[1] / found.shape[1]
    top, bottom = rows[0] * down, (rows[-1] + 1) * down
    left, right = columns[0] * across, (columns[-1] + 1) * across
    more = margin * max(bottom - top, right - left) + 4
    return (
        max(0, round(left - more)),
        max(0, round(top - more)),
        min(shape[1], round(right + more)),
        min(shape[0], round(bottom + more)),
    )


def _touching(alpha: Floats, area: Area, shape: tuple[int, ...]) -> tuple[str, ...]:
    """Sides where the photo, not the product, ends the cut-out."""
    sides = (
        ("left", area[0] == 0, alpha[:, :2]),
        ("top", area[1] == 0, alpha[:2]),
        ("right", area[2] == shape[1], alpha[:, -2:]),
        ("bottom", area[3] == shape[0], alpha[-2:]),
    )
    # 1/40 of a side: a claw at the border is not a product cut off.
    return tuple(
        name
        for name, at_edge, strip in sides
        if at_edge and float((strip > 0.5).sum()) / 2 > max(strip.shape) / 40
    )


def _cropped(rgba: Bytes, area: Area) -> tuple[Bytes, Area] | None:
    """The cut-out on its own box and 2 pixels around."""
    h, w = rgba.shape[:2]
    solid = rgba[..., 3] > 12
    rows, columns = np.nonzero(solid.any(1))[0], np.nonzero(solid.any(0))[0]
    if not len(rows):
        return None
    top, bottom = max(0, int(rows[0]) - 2), min(h, int(rows[-1]) + 3)
    left, right = max(0, int(columns[0]) - 2), min(w, int(columns[-1]) + 3)
    across, down = (area[2] - area[0]) / w, (area[3] - area[1]) / h
    found = (
        area[0] + round(left * across),
        area[1] + round(top * down),
        area[0] + round(right * across),
        area[1] + round(bottom * down),
    )
    return np.ascontiguousarray(rgba[top:bottom, left:right]), found


def _window(whole: Floats, area: Area, shape: tuple[int, ...], like: Floats) -> Floats:
    """What the whole photo's map says of a part, at the part's size."""
    h, w = whole.shape
    fit = (
        area[0] * w / shape[1],
        area[1] * h / shape[0],
        area[2] * w / shape[1],
        area[3] * h / shape[0],
    )
    seen = Image.fromarray(whole).resize(
        (like.shape[1], like.shape[0]), Image.Resampling.BILINEAR, box=fit
    )
    return np.asarray(seen, np.float32)


def _eroded(mask: Mask, reach: int) -> Mask:
    return np.asarray(box(mask.astype(np.float32), reach) > 0.999)


def _odds(share: Floats) -> Floats:
    held = np.clip(share, 0.01, 0.99)
    return np.asarray(np.log(held / (1 - held)), np.float32)


def _share(odds: Floats) -> Floats:
    return np.asarray(1 / (1 + np.exp(-odds)), np.float32)


def _fit(shape: tuple[int, ...], side: int) -> tuple[int, int]:
    """(height, width) of a picture made to fit `side`; never larger."""
    factor = min(1.0, side / max(shape[:2]))
    return max(1, round(shape[0] * factor)), max(1, round(shape[1] * factor))


def _plane(plane: NDArray[np.floating[Any]], size: tuple[int, int]) -> Floats:
    """A plane of numbers at another (height, width)."""
    if plane.shape == size:
        return np.asarray(plane, np.float32)
    shrinking = plane.shape[0] > size[0]
    way = Image.Resampling.BOX if shrinking else Image.Resampling.BILINEAR
    return np.asarray(
        Image.fromarray(np.ascontiguousarray(plane, np.float32)).resize((size[1], size[0]), way),
        np.float32,
    )


def _resized(rgb: Bytes, size: tuple[int, int]) -> Bytes:
    """At (width, height), smoothly; the same pixels when it has that size."""
    if (rgb.shape[1], rgb.shape[0]) == size:
        return np.ascontiguousarray(rgb)
    return np.asarray(
        Image.fromarray(np.ascontiguousarray(rgb)).resize(
            size, Image.Resampling.LANCZOS, reducing_gap=3
        )
    )


def _shrunk(rgb: Bytes, side: int) -> Bytes:
    h, w = _fit(rgb.shape, side)
    return _resized(rgb, (w, h))
