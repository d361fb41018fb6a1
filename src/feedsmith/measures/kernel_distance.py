"""Distances of two sets of features: the kernel distance (KID) and the Frechet distance.

Binkowski et al. 2018: squared maximum mean discrepancy with the kernel (x.y / d + 1)^3, unbiased, so that
0 is what equal distributions give on average, at any number of pictures; may be negative. Heusel et al.
2017: distance of two Gaussians; biased, larger with fewer pictures: compare equal numbers only.

With features of another network than Inception the figures are of another scale than in papers.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Features = NDArray[np.floating]
Floats = NDArray[np.float64]

SUBSETS, SUBSET = 100, 1000
"""Random subsets of each set, and pictures in each at most."""
_BLOCK = 2048
"""Rows brought to float64 at once."""


class KernelDistance(NamedTuple):
    mean: float
    """Over the subsets; in the kernel's unit."""
    spread: float
    """Standard deviation over the subsets."""


def kernel_distance(
    real: Features, made: Features, seed: int = 0, subsets: int = SUBSETS, subset: int = SUBSET
) -> KernelDistance:
    """KID of features (N, d) and (M, d).

    Subsets have `subset` pictures, or all of the smaller set where that is less. Raises ValueError
    under two pictures, or when the widths differ.
    """
    _check(real, made)
    size = min(subset, len(real), len(made))
    rng = np.random.default_rng([seed, size])
    if size == len(real) == len(made):
        subsets = 1  # every subset would be the whole
    found = []
    for _ in range(subsets):
        x, y = (f[rng.permutation(len(f))[:size]].astype(np.float64) for f in (real, made))
        found.append(squared_mmd(x, y))
    return KernelDistance(float(np.mean(found)), float(np.std(found)))


def squared_mmd(x: Floats, y: Floats) -> float:
    """Unbiased estimate of the squared maximum mean discrepancy of (n, d) and (m, d) float64."""
    d = x.shape[1]
    n, m = len(x), len(y)

    def kernel(a: Floats, b: Floats) -> Floats:
        base = a @ b.T / d + 1
        return np.asarray(base * base * base)  # a power of floats costs five times as much

    within = 0.0
    for points, count in ((x, n), (y, m)):
        k = kernel(points, points)
        within += (float(k.sum()) - float(np.trace(k))) / (count * (count - 1))
    return within - 2 * float(kernel(x, y).mean())


def frechet_distance(real: Features, made: Features) -> float:
    """Squared Frechet distance of Gaussians fitted to features (N, d) and (M, d).

    |m1 - m2|^2 + tr(S1 + S2 - 2 (S1 S2)^1/2), with covariances over n - 1. Any N from 2 on: under d
    pictures the covariances are singular, and the trace of the root is found as the sum of the singular
    values of R1 R2^T, where R^T R = S, which asks for no inverse and no root of noise. Raises ValueError
    as `kernel_distance`.
    """
    _check(real, made)
    means, roots, traces = [], [], []
    for features in (real, made):
        mean = features.mean(0, dtype=np.float64)
        means.append(mean)
        root = _root(features, mean)
        roots.append(root)
        traces.append(float(np.square(root).sum()))
    shared = float(np.linalg.svd(roots[0] @ roots[1].T, compute_uv=False).sum())
    apart = float(np.square(means[0] - means[1]).sum())
    return max(0.0, apart + sum(traces) - 2 * shared)


def _root(features: Features, mean: Floats) -> Floats:
    """R with R^T R = the covariance, of min(n, d) rows."""
    n, d = features.shape
    if n <= d:
        return np.asarray((features - mean) / np.sqrt(n - 1))
    covariance = np.zeros((d, d))
    for start in range(0, n, _BLOCK):
        rows = features[start : start + _BLOCK] - mean
        covariance += rows.T @ rows
    values, vectors = np.linalg.eigh(covariance / (n - 1))
    return np.asarray(np.sqrt(np.maximum(values, 0))[:, None] * vectors.T)


def _check(real: Features, made: Features) -> None:
    if real.ndim != 2 or made.ndim != 2 or real.shape[1] != made.shape[1]:
        raise ValueError(f"features of one width are compared, not {real.shape} and {made.shape}")
    if min(len(real), len(made)) < 2:
        raise ValueError("a distance needs two pictures of each set")
