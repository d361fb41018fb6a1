"""Seeded features that tools/make_measures_reference.py measured with torch-fidelity as well."""

import numpy as np
from numpy.typing import NDArray

CASES = {
    "more pictures than numbers": (300, 300, 24),
    "fewer pictures than numbers": (40, 40, 96),
    "unlike many": (220, 130, 32),
}
"""(real pictures, generated ones, numbers a picture)."""


def features(case: str) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Real and generated, float32, at least 0 as pooled activations are.

    RandomState, whose numbers NumPy keeps for all time.
    """
    real, made, width = CASES[case]
    rng = np.random.RandomState(len(case))
    mixing = rng.standard_normal((width, width)) / np.sqrt(width)
    x = rng.standard_normal((real, width)) @ mixing + 0.4
    y = 0.9 * rng.standard_normal((made, width)) @ np.roll(mixing, 1, 0) + 0.55
    return tuple(np.maximum(f, 0).astype(np.float32) for f in (x, y))  # type: ignore[return-value]
