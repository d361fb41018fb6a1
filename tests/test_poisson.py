"""The melding solver against an exact cosine transform."""

import numpy as np
import pytest
from numpy.typing import NDArray

from feedsmith.images.poisson import meld


def differences(picture: NDArray[np.uint8]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    p = picture.astype(np.float32)
    return np.diff(p, axis=1, append=p[:, -1:]), np.diff(p, axis=0, append=p[-1:])


def cosines(n: int) -> NDArray[np.float64]:
    i = np.arange(n)
    basis = np.cos(np.pi * (2 * i + 1) * i[:, None] / (2 * n)) * np.sqrt(2 / n)
    basis[0] /= np.sqrt(2)
    return basis


def exact(colour, across, down, lam):
    h, w = colour.shape[:2]
    p, q = cosines(h), cosines(w)
    poles = (
        lam
        + (2 - 2 * np.cos(np.pi * np.arange(h) / h))[:, None]
        + (2 - 2 * np.cos(np.pi * np.arange(w) / w))
    )
    out = np.empty(colour.shape)
    for c in range(3):
        x, y = across[..., c].astype(float), down[..., c].astype(float)
        x[:, -1] = 0
        y[-1] = 0
        flow = x + y
        flow[:, 1:] -= x[:, :-1]
        flow[1:] -= y[:-1]
        out[..., c] = p.T @ (p @ (lam * colour[..., c] - flow) @ q.T / poles) @ q
    return np.clip(out, 0, 255)


@pytest.fixture
def collage():
    """Two smooth pictures in patches: their colours disagree at every seam."""
    rng = np.random.default_rng(2)
    y, x = np.mgrid[:121, :90] / 90
    one = np.stack([90 + 60 * np.sin(5 * x), 120 + 40 * y, 80 + 50 * x * y], -1)
    two = np.stack([130 + 40 * np.cos(7 * y), 90 + 60 * x, 120 - 30 * y], -1)
    one, two = (np.clip(p + rng.normal(0, 4, p.shape), 0, 255).astype(np.uint8) for p in (one, two))
    mask = np.zeros((121, 90, 1), bool)
    for _ in range(12):
        top, left = rng.integers(0, 80), rng.integers(0, 60)
        mask[top : top + rng.integers(10, 60), left : left + rng.integers(10, 40)] ^= True
    gradients = [
        np.where(mask, a, b) for a, b in zip(differences(one), differences(two), strict=True)
    ]
    return np.where(mask, one, two), *gradients


@pytest.mark.parametrize("lam", [1.0, 0.02, 0.004, 0.0008])
def test_it_agrees_with_the_exact_solution(collage, lam):
    error = np.abs(meld(*collage, lam, cycles=5) - exact(*collage, lam))
    assert error.max() < 1.5  # half a level is rounding
    assert error.mean() < 0.3


def test_more_cycles_come_nearer(collage):
    wanted = exact(*collage, 0.004)
    once, thrice = (np.abs(meld(*collage, 0.004, cycles=n) - wanted).mean() for n in (1, 3))
    assert thrice < once


def test_a_picture_with_its_own_differences_comes_back(collage):
    picture = collage[0]
    assert np.array_equal(meld(picture, *differences(picture), 0.01), picture)


def test_a_high_weight_holds_colours_in_place(collage):
    weight = np.full(collage[0].shape[:2], 0.001, np.float32)
    weight[40:60, 30:50] = 1000
    out = meld(*collage, weight)
    assert np.abs(out[40:60, 30:50].astype(int) - collage[0][40:60, 30:50]).max() <= 1
    assert np.abs(out.astype(int) - collage[0])[:30].max() > 3


@pytest.mark.parametrize("size", [(7, 9), (8, 64), (33, 31)])
def test_any_size_will_do(size):
    flat = np.full((*size, 3), 77, np.uint8)
    zero = np.zeros((*size, 3), np.float32)
    assert (meld(flat, zero, zero, 0.01) == 77).all()
