"""Sliced Wasserstein distance of two sets of pictures, level by level of a Laplacian pyramid.

As the Progressive GAN paper measures (Karras et al. 2018, section 5 and appendix): 128 patches of 7x7 px
from every picture and level, each colour channel brought to mean 0 and spread 1 over its set, and the mean
distance between the sorted projections on 512 random directions. The large levels judge texture and
noise, the 16 px level colours and composition. Network-free: nothing can be trained against it by accident.

Measured with few pictures it is never 0: compare it with that of two halves of the real set.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Bytes = NDArray[np.uint8]
Floats = NDArray[np.float32]

SMALLEST = 16
"""Px of the coarsest level."""
PATCH = 7
"""Px of a patch's side."""
PATCHES = 128
"""A picture and level."""
DIRECTIONS, REPEATS = 128, 4
"""Random directions at once, and how often."""
UNIT = 1e3
"""Distances are told in thousandths, by the paper's convention."""
_TAPS: Floats = np.array([1 / 16, 4 / 16, 6 / 16, 4 / 16, 1 / 16], np.float32)
_BLOCK = 1 << 21
"""Numbers of pictures held at once while patches are cut."""
_SORTED = 16
"""Directions projected and sorted at once."""


class SlicedWasserstein(NamedTuple):
    """Distances in thousandths; 0 for equal sets."""

    levels: dict[int, float]
    """By the level's side in px, finest first."""
    average: float


def sliced_wasserstein(
    real: Bytes, made: Bytes, seed: int = 0, patches: int = PATCHES, most: int = 2048
) -> SlicedWasserstein:
    """Distance of two sets of pictures, uint8 (N, H, W, 3) and (M, H, W, 3).

    At most `most` pictures of each, and as many of both, drawn by `seed` where there are more.
    Memory: 75 kB a picture and set (310 MB at 2,048 pictures), at any size. Raises ValueError when
    a set is empty, the sizes differ, or the shorter side is under 16 px.
    """
    if real.shape[1:] != made.shape[1:] or real.ndim != 4 or real.shape[3] != 3:
        raise ValueError(f"pictures of one size are compared, not {real.shape} and {made.shape}")
    count = min(len(real), len(made), most)
    if not count:
        raise ValueError("a distance needs two sets of pictures")
    if min(real.shape[1:3]) < SMALLEST:
        raise ValueError(
            f"pictures are at least {SMALLEST} px, not {real.shape[1]}x{real.shape[2]}"
        )
    chosen = [_chosen(len(pictures), count, seed) for pictures in (real, made)]
    levels = {}
    for depth, side in enumerate(level_sides(*real.shape[1:3])):
        # The same places in both sets: equal sets are at distance 0.
        first, second = (
            _normalised(_descriptors(pictures, which, depth, patches, seed))
            for pictures, which in zip((real, made), chosen, strict=True)
        )
        levels[side] = UNIT * sliced_distance(first, second, seed)
    return SlicedWasserstein(levels, float(np.mean(list(levels.values()))))


def level_sides(height: int, width: int) -> list[int]:
    """The shorter side of each pyramid level in px, finest first; the last is at least 16."""
    side = min(height, width)
    sides = [side]
    while (side := (side + 1) // 2) >= SMALLEST:
        sides.append(side)
    return sides


def sliced_distance(a: Floats, b: Floats, seed: int = 0) -> float:
    """Mean 1-Wasserstein distance of two (n, d) sets over 4 x 128 random directions, in their unit.

    Raises ValueError when the sets have not as many points.
    """
    if a.shape != b.shape:
        raise ValueError(f"sets of {a.shape} and {b.shape} cannot be matched point by point")
    rng = np.random.default_rng([seed, 1])
    total, count = 0.0, 0
    for _ in range(REPEATS):
        directions = rng.standard_normal((a.shape[1], DIRECTIONS))
        directions /= np.linalg.norm(directions, axis=0)
        rows = np.ascontiguousarray(directions.T, np.float32)
        for start in range(0, DIRECTIONS, _SORTED):
            some = rows[start : start + _SORTED]
            one, two = some @ a.T, some @ b.T
            one.sort(axis=1)
            two.sort(axis=1)
            one -= two
            total += float(np.abs(one, out=one).mean(dtype=np.float64)) * len(some)
            count += len(some)
    return total / count


# ---- Laplacian pyramid -----------------------------------------------------------------------


def laplacian_pyramid(pictures: Floats, depth: int) -> list[Floats]:
    """`depth` + 1 levels of (N, H, W, C) pictures, finest first; the last is the blurred rest.

    Burt & Adelson 1983: each level is what the next smaller one, enlarged, lacks.
    """
    levels = []
    for _ in range(depth):
        smaller = _smaller(pictures)
        levels.append(pictures - _larger(smaller, pictures.shape))
        pictures = smaller
    return [*levels, pictures]


def _filtered(x: Floats, taps: Floats) -> Floats:
    """Both ways with a five-tap filter, edges mirrored."""
    for axis in (1, 2):
        pad = [(0, 0)] * x.ndim
        pad[axis] = (2, 2)
        wide = np.pad(x, pad, mode="reflect")
        n = x.shape[axis]
        before = (slice(None),) * axis
        x = taps[0] * wide[(*before, slice(0, n))]
        for k in range(1, 5):
            x += taps[k] * wide[(*before, slice(k, k + n))]
    return x


def _smaller(x: Floats) -> Floats:
    return _filtered(x, _TAPS)[:, ::2, ::2]


def _larger(x: Floats, shape: tuple[int, ...]) -> Floats:
    spread = np.zeros(shape, np.float32)
    spread[:, ::2, ::2] = x
    return _filtered(spread, _TAPS * np.float32(2))


# ---- patches ---------------------------------------------------------------------------------


def _chosen(have: int, count: int, seed: int) -> NDArray[np.int64]:
    if have <= count:
        return np.arange(count)
    return np.sort(np.random.default_rng([seed, 2]).permutation(have)[:count])


def _descriptors(
    pictures: Bytes, which: NDArray[np.int64], depth: int, patches: int, seed: int
) -> Floats:
    """(len(which) x patches, 3 x 49) of the pyramid's level `depth`, 0 the finest.

    The pyramid is made again for every level: cheaper than keeping the patches of all.
    """
    finest = min(pictures.shape[1:3])
    last = depth == len(level_sides(finest, finest)) - 1
    out = np.empty((len(which), patches, 3, PATCH, PATCH), np.float32)
    rng = np.random.default_rng([seed, 3, depth])
    step = max(1, _BLOCK // int(np.prod(pictures.shape[1:])))
    for start in range(0, len(which), step):
        some = pictures[which[start : start + step]].astype(np.float32)
        level = laplacian_pyramid(some, depth if last else depth + 1)[depth]
        n, height, width = level.shape[:3]
        top = rng.integers(0, height - PATCH + 1, (n, patches))
        left = rng.integers(0, width - PATCH + 1, (n, patches))
        windows = np.lib.stride_tricks.sliding_window_view(level, (PATCH, PATCH), axis=(1, 2))
        out[start : start + n] = windows[np.arange(n)[:, None], top, left]
    return out.reshape(len(which) * patches, 3, PATCH * PATCH)


def _normalised(descriptors: Floats) -> Floats:
    """Each channel at mean 0 and spread 1 over the set, in place; (n, 3, 49) becomes (n, 147)."""
    for channel in range(3):
        values = descriptors[:, channel]
        values -= np.float32(values.mean(dtype=np.float64))
        # Sets without any contrast stay at 0.
        values /= np.float32(max(float(values.std(dtype=np.float64)), 1e-6))
    return descriptors.reshape(len(descriptors), -1)
