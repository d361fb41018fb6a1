"""Multi-scale structural similarity (Wang, Simoncelli & Bovik 2003), and how varied a set of pictures is.

Gaussian windows of 11x11 px, sigma 1.5; each colour channel by itself, then their mean. Pictures too small
for the paper's five scales get as many as leave 11 px, with those scales' weights brought to sum 1: 3 at
64 px, 4 at 128 px. Values of different sizes therefore cannot be compared, only sets of one size.
"""

import numpy as np
from numpy.typing import NDArray

Bytes = NDArray[np.uint8]
Floats = NDArray[np.float32]

WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
"""Of the scales, finest first; from the paper."""
WINDOW, SIGMA = 11, 1.5
"""Px of the Gaussian window and its spread."""
_LUMINANCE, _CONTRAST = (0.01 * 255) ** 2, (0.03 * 255) ** 2
"""The constants that keep a quotient of two near-zeros at 1."""
_BLOCK = 1 << 20
"""Pixels compared at once."""


def scale_weights(height: int, width: int) -> NDArray[np.float64]:
    """Weights, summing to 1, of the scales that a picture has room for, finest first.

    Raises ValueError under 11 px.
    """
    side, scales = min(height, width), 0
    while side >= WINDOW and scales < len(WEIGHTS):
        side, scales = side // 2, scales + 1
    if not scales:
        raise ValueError(f"pictures are at least {WINDOW} px, not {height}x{width}")
    weights = np.array(WEIGHTS[:scales])
    return np.asarray(weights / weights.sum())


def ms_ssim(a: Bytes, b: Bytes) -> NDArray[np.float64]:
    """(N,) likeness of the pictures of two uint8 (N, H, W, 3) arrays, pair by pair: 1 for equal ones.

    0 is the least: what is anticorrelated counts as unlike. Raises ValueError for two shapes.
    """
    if a.shape != b.shape or a.ndim != 4:
        raise ValueError(f"pictures of one size are compared, not {a.shape} and {b.shape}")
    weights = scale_weights(*a.shape[1:3])
    found = np.empty(len(a))
    step = max(1, _BLOCK // max(1, a.shape[1] * a.shape[2]))
    for start in range(0, len(a), step):
        block = slice(start, start + step)
        found[block] = _compared(a[block].astype(np.float32), b[block].astype(np.float32), weights)
    return found


def diversity(pictures: Bytes, pairs: int = 2000, seed: int = 0) -> float:
    """Mean MS-SSIM of random pairs of different pictures of a uint8 (N, H, W, 3) set.

    Lower is more varied; a set that has collapsed on few motifs shows a higher value than the real one
    (Odena et al. 2017). Raises ValueError under two pictures.
    """
    n = len(pictures)
    if n < 2:
        raise ValueError("pairs need two pictures")
    rng = np.random.default_rng([seed, n])
    first = rng.integers(0, n, pairs)
    second = (first + rng.integers(1, n, pairs)) % n  # never the same one
    total, step = 0.0, 256
    for start in range(0, pairs, step):
        some = slice(start, start + step)
        total += float(ms_ssim(pictures[first[some]], pictures[second[some]]).sum())
    return total / pairs


def _compared(a: Floats, b: Floats, weights: NDArray[np.float64]) -> NDArray[np.float64]:
    found = np.ones((len(a), a.shape[3]))
    for scale, weight in enumerate(weights):
        if scale:
            a, b = _halved(a), _halved(b)
        luminance, contrast = _similarity(a, b)
        last = scale == len(weights) - 1
        means = (luminance * contrast if last else contrast).mean((1, 2), dtype=np.float64)
        found *= np.clip(means, 0, 1) ** weight
    return np.asarray(found.mean(1))


def _similarity(a: Floats, b: Floats) -> tuple[Floats, Floats]:
    """Luminance, and contrast with structure, at every whole window (N, H-10, W-10, C)."""
    # About each picture's own mean: squares of small numbers lose less in float32.
    means = [x.mean((1, 2), keepdims=True) for x in (a, b)]
    a, b = a - means[0], b - means[1]
    mean_a, mean_b = _windowed(a), _windowed(b)
    both = _windowed(a * b) - mean_a * mean_b
    each = _windowed(a * a) + _windowed(b * b) - mean_a * mean_a - mean_b * mean_b
    contrast = (2 * both + _CONTRAST) / (np.maximum(each, 0) + _CONTRAST)
    mean_a, mean_b = mean_a + means[0], mean_b + means[1]
    luminance = (2 * mean_a * mean_b + _LUMINANCE) / (
        mean_a * mean_a + mean_b * mean_b + _LUMINANCE
    )
    return np.asarray(luminance, np.float32), np.asarray(contrast, np.float32)


def gaussian_window() -> Floats:
    """(11,) weights that sum to 1."""
    at = np.arange(WINDOW) - WINDOW // 2
    window = np.exp(-(at**2) / (2 * SIGMA**2))
    return np.asarray(window / window.sum(), np.float32)


def _windowed(x: Floats) -> Floats:
    """Gaussian means of whole windows: both sides lose 10 px."""
    taps = gaussian_window()
    for axis in (1, 2):
        n = x.shape[axis] - WINDOW + 1
        before = (slice(None),) * axis
        total = taps[0] * x[(*before, slice(0, n))]
        for k in range(1, WINDOW):
            total += taps[k] * x[(*before, slice(k, k + n))]
        x = total
    return x


def _halved(x: Floats) -> Floats:
    """Means of 2x2 px; an odd last row or column is left out."""
    h, w = x.shape[1] // 2 * 2, x.shape[2] // 2 * 2
    x = x[:, :h, :w]
    return (x[:, ::2, ::2] + x[:, 1::2, ::2] + x[:, ::2, 1::2] + x[:, 1::2, 1::2]) * np.float32(
        0.25
    )
