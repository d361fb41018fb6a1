"""Does a photo suit patch synthesis? Rows (a landscape of bands), noise (the same all over), or not.

Patch synthesis recomposes a photo from its own small pieces. Foliage, grass and mountains survive
that; faces, animals, buildings, products and lone trees melt. So the verdict is a chain that is
as strong as its weakest link: each criterion is a share 0..1, the score is the smallest, and the
failing ones are told in words. A wrong "yes" is far worse than a wrong "no".

Knows pixels, a saliency map, label probabilities and faces; knows nothing of files or brands.
Thresholds were set on bench/understanding.csv (hand-labelled); the table is in docs/.
"""

from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from feedsmith.understanding.faces import Face

Suits = Literal["rows", "noise", "subject", "none"]

BLOCKS = 8
"""Blocks across and down; statistics are compared from block to block."""
ENOUGH = 0.5
"""Score from which a photo may be synthesised."""
THINGS = ("vehicle", "furniture", "clothing", "object", "text", "food", "person")
"""Label groups that are man-made or people: never synthesised."""


class Texture(NamedTuple):
    """Statistics of an (H, W, 3) picture over 8x8 blocks, all of a 256 px version but `soft`."""

    flat: float
    """Share of blocks with hardly any detail (sky, blurred or plain background)."""
    sameness: float
    """0..1: detail inside blocks against colour differences between blocks; high is all-over."""
    sameness_across: float
    """The same, counting only differences along a row of blocks."""
    unevenness: float
    """Spread of the logarithm of detail over blocks; 0 is even."""
    unevenness_across: float
    """The same within rows."""
    rows: float
    """Share of colour variance that lies between rows rather than along them, 0..1."""
    soft: float
    """Share of blocks far less sharp than the sharpest: background blur."""
    sharpness: float
    """0..1: detail at 640 px where the picture is sharpest; below .04 it is blurred."""
    direction: float
    """How parallel edges are inside blocks, 0..1: straight lines and smooth outlines are high."""


class Suitability(NamedTuple):
    suits: Suits
    score: float
    """0..1; for rows and noise the weakest criterion, at least ENOUGH; for the others how sure."""
    rows: float
    """Score as a landscape of bands."""
    noise: float
    """Score as an all-over texture."""
    reasons: tuple[str, ...]
    """In words: what decided."""


def measure(rgb: NDArray[np.uint8]) -> Texture:
    """Block statistics of an (H, W, 3) picture of at least 16x16 pixels."""
    image = Image.fromarray(rgb)
    small = image.copy()
    small.thumbnail((256, 256), Image.Resampling.BOX, reducing_gap=None)
    pixels = np.asarray(small, np.float32) / np.float32(255)
    if min(pixels.shape[:2]) < 3 * BLOCKS:  # a sliver: nothing to compare
        return Texture(1.0, 0.0, 0.0, 2.0, 2.0, 0.0, 1.0, 0.0, 1.0)
    grey = pixels @ np.array([0.299, 0.587, 0.114], np.float32)
    gx = np.zeros_like(grey)
    gy = np.zeros_like(grey)
    gx[:, 1:-1] = (grey[:, 2:] - grey[:, :-2]) / 2
    gy[1:-1] = (grey[2:] - grey[:-2]) / 2
    blocks = _blocks(pixels)
    colour = blocks.mean((2, 3))
    within = float(blocks.std((2, 3)).mean()) + 1e-6
    total = float(colour.reshape(-1, 3).std(0).mean())
    across = float((colour - colour.mean(1, keepdims=True)).reshape(-1, 3).std(0).mean())
    down = float(colour.mean(1).std(0).mean())
    detail = _blocks(np.hypot(gx, gy)).mean((2, 3))
    amount = np.log(detail + 0.004)
    jxx, jyy, jxy = (_blocks(j).sum((2, 3)) for j in (gx * gx, gy * gy, gx * gy))
    energy = jxx + jyy
    parallel = np.sqrt((jxx - jyy) ** 2 + 4 * jxy**2)
    soft, sharpness = _focus(image)
    return Texture(
        flat=float((detail < 0.02).mean()),
        sameness=within / (total + within),
        sameness_across=within / (across + within),
        unevenness=float(amount.std()),
        unevenness_across=float((amount - amount.mean(1, keepdims=True)).std()),
        rows=down**2 / (down**2 + across**2 + 1e-9),
        soft=soft,
        sharpness=sharpness,
        direction=float(parallel.sum() / (energy.sum() + 1e-9)),
    )


def judge(
    texture: Texture,
    saliency: NDArray[np.float32],
    masses: Mapping[str, float] | None,
    faces: Sequence[Face] | None,
) -> Suitability:
    """The verdict. `saliency` is (h, w) 0..1; `masses` are encoder.group_masses(), None without
    the encoder; `faces` None without the face network. Without the encoder nothing suits."""
    if faces:
        return Suitability("subject", 1.0, 0.0, 0.0, ("a face",))
    if masses is None:
        return Suitability("none", 0.5, 0.0, 0.0, ("no network to say what it shows",))
    salient = saliency > 0.5
    area = float(salient.mean())
    span = float(salient.any(axis=0).mean())
    things = sum(masses[group] for group in THINGS)
    common = {
        "a building or a path": _down(masses["building"], 0.18, 0.34),
        "things": _down(things, 0.22, 0.4),
        # The network sees birds and lizards in any foliage; a real one also draws the eye.
        "an animal": max(
            _down(masses["animal"], 0.35, 0.65), _down(float(saliency.max()), 0.15, 0.45)
        ),
    }
    # Dull light lowers the contrast inside blocks; where detail is very even that is forgiven.
    sameness = texture.sameness + 0.6 * max(0.25 - texture.unevenness, 0.0)
    noise = common | {
        "a distinct subject": _down(max(float(saliency.mean()), area), 0.015, 0.065),
        "plain or blurred parts": min(
            _down(texture.flat, 0.03, 0.12), _down(texture.soft, 0.1, 0.36)
        ),
        "parts that differ": min(_up(sameness, 0.50, 0.60), _down(texture.unevenness, 0.3, 0.58)),
    }
    # Where the network is sure of mountains or water, what stands out is part of the land.
    wide = min(_up(span, 0.35, 0.75), _down(_unevenly_across(salient), 0.45, 0.75))
    lone = 1.0 if area < 0.02 else max(wide, _up(masses["scene"], 0.6, 0.8))
    # Grass to the horizon is no ImageNet scene, but its rows are plainly alike.
    alike = min(
        _up(texture.sameness_across, 0.68, 0.78),
        _down(texture.unevenness_across, 0.12, 0.2),
        _down(float(saliency.mean()), 0.03, 0.08),
    )
    rows = common | {
        "no landscape that the network knows": max(_up(masses["scene"], 0.3, 0.7), alike),
        "a distinct subject": lone,
        "no bands": min(_up(texture.rows, 0.3, 0.6), _down(texture.unevenness_across, 0.45, 0.85)),
        "left and right that differ": _up(texture.sameness_across, 0.25, 0.45),
    }
    as_noise, as_rows = min(noise.values()), min(rows.values())
    if max(as_noise, as_rows) >= ENOUGH:
        if as_rows >= as_noise:
            return Suitability("rows", as_rows, as_rows, as_noise, ("a landscape of bands",))
        return Suitability("noise", as_noise, as_rows, as_noise, ("alike all over",))
    nearer = rows if as_rows > as_noise or masses["scene"] > 0.4 else noise
    reasons = tuple(word for word, share in nearer.items() if share < ENOUGH)
    subject = 0.03 < area < 0.7 and float(saliency.max()) > 0.6
    certainty = 1 - max(as_noise, as_rows)
    return Suitability("subject" if subject else "none", certainty, as_rows, as_noise, reasons)


def _blocks(plane: NDArray[np.float32]) -> NDArray[np.float32]:
    """(H, W, ...) cut into (8, 8, h, w, ...); what is left over at the right and bottom is lost."""
    high, wide = plane.shape[0] // BLOCKS, plane.shape[1] // BLOCKS
    cut = plane[: high * BLOCKS, : wide * BLOCKS]
    return cut.reshape(BLOCKS, high, BLOCKS, wide, *plane.shape[2:]).swapaxes(1, 2)


def _focus(image: Image.Image) -> tuple[float, float]:
    copy = image.convert("L")
    copy.thumbnail((640, 640), Image.Resampling.BOX)
    grey = np.asarray(copy, np.float32) / np.float32(255)
    edges = np.abs(
        4 * grey[1:-1, 1:-1] - grey[:-2, 1:-1] - grey[2:, 1:-1] - grey[1:-1, :-2] - grey[1:-1, 2:]
    )
    sharp = _blocks(edges).mean((2, 3))
    best = float(np.quantile(sharp, 0.9))
    return float((sharp < 0.3 * best).mean()), min(best, 1.0)


def _unevenly_across(salient: NDArray[np.bool_]) -> float:
    """0 where every column has the same share of salient pixels; a lone thing is near 1 or above."""
    columns = salient.mean(axis=0)
    return float(columns.std() / (columns.mean() + 0.02))


def _up(value: float, low: float, high: float) -> float:
    """0 up to `low`, 1 from `high`, straight between."""
    return min(max((value - low) / (high - low), 0.0), 1.0)


def _down(value: float, low: float, high: float) -> float:
    return 1.0 - _up(value, low, high)
