"""Precision and recall of generated pictures, by the nearest neighbours of their features.

Kynkaanniemi et al. 2019: a set's manifold is the union of balls around its points, each reaching to the
k-th nearest other point. Precision is the share of generated pictures inside the real manifold (are they
good?), recall the share of real ones inside the generated (are all kinds there?). Naeem et al. 2020:
density counts in how many real balls a generated picture lies, coverage how many real balls have one; both
are steadier when single outliers stretch the manifold.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Features = NDArray[np.floating]
Floats = NDArray[np.float64]

NEIGHBOURS = 3
_BLOCK = 1 << 22
"""Distances held at once."""
_SAME = 1e-12
"""Squared distance, relative to the squared lengths, under which two points are one."""


class PrecisionRecall(NamedTuple):
    """Shares 0..1; density may exceed 1."""

    precision: float
    recall: float
    density: float
    coverage: float


def precision_recall(
    real: Features, made: Features, neighbours: int = NEIGHBOURS
) -> PrecisionRecall:
    """Of features (N, d) and (M, d), by Euclidean distance.

    The numbers of pictures move the result: compare equal N and M only. Raises ValueError when a set
    has not more than `neighbours` pictures, or the widths differ.
    """
    if real.ndim != 2 or made.ndim != 2 or real.shape[1] != made.shape[1]:
        raise ValueError(f"features of one width are compared, not {real.shape} and {made.shape}")
    if min(len(real), len(made)) <= neighbours:
        raise ValueError(f"a set of more than {neighbours} pictures is needed")
    middle = real.mean(0, dtype=np.float64)  # short vectors lose less when they are subtracted
    x, y = real - middle, made - middle
    reach_x, reach_y = radii(x, neighbours), radii(y, neighbours)
    inside_real = np.zeros(len(y), np.int64)
    inside_made = np.zeros(len(x), bool)
    covered = np.zeros(len(x), bool)
    step = max(1, _BLOCK // len(x))
    for start in range(0, len(y), step):
        apart = squared_distances(y[start : start + step], x)
        near = apart <= reach_x
        inside_real[start : start + step] = near.sum(1)
        covered |= near.any(0)
        inside_made |= (apart <= reach_y[start : start + step, None]).any(0)
    return PrecisionRecall(
        precision=float((inside_real > 0).mean()),
        recall=float(inside_made.mean()),
        density=float(inside_real.sum() / (neighbours * len(y))),
        coverage=float(covered.mean()),
    )


def radii(points: Floats, neighbours: int) -> Floats:
    """(n,) squared distance of each of the (n, d) points to its k-th nearest other one."""
    found = np.empty(len(points))
    step = max(1, _BLOCK // len(points))
    for start in range(0, len(points), step):
        apart = squared_distances(points[start : start + step], points)
        # The point itself is the nearest: the k-th other is at place k.
        found[start : start + step] = np.partition(apart, neighbours, axis=1)[:, neighbours]
    return found


def squared_distances(a: Floats, b: Floats) -> Floats:
    """(n, m) of points (n, d) and (m, d); exactly 0 for equal points."""
    lengths = np.square(a).sum(1)[:, None] + np.square(b).sum(1)
    apart = lengths - 2 * (a @ b.T)
    apart[apart < _SAME * lengths] = 0
    return np.asarray(apart)
