"""The nearest training picture of every generated one: does a generator make pictures, or keep them?

What is near is judged by photos of the same kind that were held out of training: they, too, resemble some
training photo. A generator that copies is nearer to its training set than they are. Networks can be blind
to a copy (or be what the generator was trained against), so pixels are compared as well, small and also
mirrored, since training sees mirrored pictures.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Bytes = NDArray[np.uint8]
Features = NDArray[np.floating]
Floats = NDArray[np.float32]

SIDE = 16
"""Px of the side at which pixels are compared: composition and colours, not noise."""
PERCENTILE = 1.0
"""Held-out photos nearer to training than this share of them count as suspiciously near."""
FLAT = 2.0
"""Grey levels of spread in a small picture that count as none."""
_BLOCK = 1 << 22
"""Cosines held at once."""


class Nearest(NamedTuple):
    """For each picture its nearest training picture."""

    which: NDArray[np.int64]
    """(N,) number in the training set."""
    distance: NDArray[np.float64]
    """(N,) cosine distance, 0 (the same) to 2."""


class Memorisation(NamedTuple):
    """Whether generated pictures are nearer to the training set than held-out photos are."""

    made: float
    """Median distance of generated pictures; cosine distance 0..2."""
    held: float
    """Median distance of held-out photos."""
    ratio: float
    """made / held: 1 as photos of the same kind; well under 1 is copying. inf where `held` is 0."""
    threshold: float
    """The distance that PERCENTILE % of the held-out photos stay under."""
    share: float
    """0..1, of generated pictures under it: about 0.01 without copying."""


def nearest(features: Features, training: Features) -> Nearest:
    """The nearest of the training features (M, d) for each of (N, d), by cosine.

    Raises ValueError when there is no training feature, or the widths differ.
    """
    if features.ndim != 2 or training.ndim != 2 or features.shape[1] != training.shape[1]:
        raise ValueError(
            f"features of one width are compared, not {features.shape} and {training.shape}"
        )
    if not len(training):
        raise ValueError("no training picture to be near to")
    known = _unit(training)
    which = np.empty(len(features), np.int64)
    distance = np.empty(len(features))
    step = max(1, _BLOCK // len(known))
    for start in range(0, len(features), step):
        cosine = _unit(features[start : start + step]) @ known.T
        best = cosine.argmax(1)
        which[start : start + step] = best
        distance[start : start + step] = 1 - cosine[np.arange(len(best)), best]
    return Nearest(which, np.clip(distance, 0, 2))


def nearest_mirrored(features: Features, training: Features, mirrored: Features) -> Nearest:
    """As `nearest`, where `mirrored` (M, d) are the features of the training pictures mirrored."""
    plain, other = nearest(features, training), nearest(features, mirrored)
    is_other = other.distance < plain.distance
    return Nearest(
        np.where(is_other, other.which, plain.which), np.minimum(plain.distance, other.distance)
    )


def memorisation(made: NDArray[np.float64], held: NDArray[np.float64]) -> Memorisation:
    """From nearest distances of generated pictures (N,) and of held-out photos (M,).

    Raises ValueError when one is empty.
    """
    if not len(made) or not len(held):
        raise ValueError(
            "generated pictures are judged by held-out photos: some of both are needed"
        )
    threshold = float(np.percentile(held, PERCENTILE))
    middle_made, middle_held = float(np.median(made)), float(np.median(held))
    return Memorisation(
        made=middle_made,
        held=middle_held,
        ratio=middle_made / middle_held if middle_held else float("inf"),
        threshold=threshold,
        share=float((made < threshold).mean()),
    )


def pixel_features(pictures: Bytes, mirrored: bool = False) -> Floats:
    """(N, 769) of uint8 (N, H, W, 3) pictures, for `nearest`: 16x16 px less their mean, and FLAT.

    The cosine distance is then 1 - correlation: brightness and contrast do not hide a copy. The last
    number, the same for all, keeps the noise of flat pictures from being compared.
    """
    n, height, width = pictures.shape[:3]
    down, across = _areas(height), _areas(width)
    numbers = SIDE * SIDE * 3
    found = np.empty((n, numbers + 1), np.float32)
    step = max(1, _BLOCK // (height * width * 3))
    for start in range(0, n, step):
        some = pictures[start : start + step].astype(np.float32)
        rows = np.tensordot(down, some, (1, 1))  # (side, n, W, 3)
        small = np.tensordot(across, rows, (1, 2)).transpose(2, 1, 0, 3)  # (n, side, side, 3)
        if mirrored:
            small = small[:, :, ::-1]
        flat = small.reshape(len(some), -1)
        found[start : start + step, :-1] = flat - flat.mean(1, keepdims=True)
    found[:, -1] = FLAT * np.sqrt(numbers)
    return found


def _areas(size: int) -> Floats:
    """(SIDE, size) weights: each row the mean over its stretch of `size` px, parts counted as parts."""
    edges = np.linspace(0, size, SIDE + 1)
    at = np.arange(size)
    shared = np.minimum(edges[1:, None], at + 1) - np.maximum(edges[:-1, None], at)
    weights = np.maximum(shared, 0)
    return np.asarray(weights / weights.sum(1, keepdims=True), np.float32)


def _unit(features: Features) -> Floats:
    rows = np.asarray(features, np.float32)
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.asarray(rows / np.maximum(lengths, 1e-12), np.float32)
