"""Nearest training pictures: copies are found, in features and in pixels, and told from mere kinship."""

import numpy as np
import pytest

from feedsmith.measures.nearest import (
    SIDE,
    memorisation,
    nearest,
    nearest_mirrored,
    pixel_features,
)


def pictures(count: int, seed: int, side: int = 64) -> np.ndarray:
    """Smooth random pictures, uint8 (count, side, side, 3)."""
    rng = np.random.default_rng(seed)
    coarse = rng.uniform(0, 255, (count, 8, 8, 3))
    at = np.linspace(0, 7, side)
    low = np.floor(at).astype(int).clip(0, 6)
    part = at - low
    for axis in (1, 2):
        shape = [1, 1, 1, 1]
        shape[axis] = side
        p = part.reshape(shape)
        coarse = coarse.take(low, axis) * (1 - p) + coarse.take(low + 1, axis) * p
    return coarse.round().astype(np.uint8)


def test_the_nearest_by_cosine_is_found_whatever_the_length() -> None:
    training = np.array([[1.0, 0], [0, 1], [-1, 0]])
    found = nearest(np.array([[5.0, 5.1], [-3, 0.1], [2, 0]]), training)
    assert found.which.tolist() == [1, 2, 0]
    assert found.distance == pytest.approx(
        [1 - 5.1 / np.hypot(5, 5.1), 1 - 3 / np.hypot(3, 0.1), 0], abs=1e-6
    )


def test_blocks_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(1)
    features, training = rng.standard_normal((50, 7)), rng.standard_normal((30, 7))
    whole = nearest(features, training)
    small = pixel_features(pictures(9, 1))
    monkeypatch.setattr("feedsmith.measures.nearest._BLOCK", 100)
    assert np.array_equal(nearest(features, training).which, whole.which)
    assert np.allclose(pixel_features(pictures(9, 1)), small, atol=1e-4)


def test_a_copy_with_other_light_is_near_in_pixels_and_others_are_not() -> None:
    training = pictures(40, 1)
    darker = (training[:5] * 0.6 + 20).astype(np.uint8)
    found = nearest(pixel_features(darker), pixel_features(training))
    assert found.which.tolist() == [0, 1, 2, 3, 4]
    assert found.distance.max() < 0.01
    assert nearest(pixel_features(pictures(40, 2)), pixel_features(training)).distance.min() > 0.2


def test_a_mirrored_copy_is_found_too() -> None:
    training = pictures(40, 1)
    plain, mirrored = pixel_features(training), pixel_features(training, mirrored=True)
    turned = pixel_features(training[7:9, :, ::-1])
    assert nearest(turned, plain).distance.min() > 0.2
    found = nearest_mirrored(turned, plain, mirrored)
    assert found.which.tolist() == [7, 8]
    assert found.distance.max() < 1e-6


def test_pictures_of_any_size_are_compared_by_areas() -> None:
    big = pictures(3, 1, 128)
    small = pixel_features(big.reshape(3, 64, 2, 64, 2, 3).mean((2, 4)).round().astype(np.uint8))
    assert np.allclose(pixel_features(big), small, atol=0.6)
    odd = pixel_features(pictures(1, 1, 227)[:, :200])
    assert odd.shape == (1, SIDE * SIDE * 3 + 1)
    constant = pixel_features(np.full((1, 50, 31, 3), 77, np.uint8))
    assert np.abs(constant[:, :-1]).max() < 1e-3  # weights of every stretch sum to 1


def test_the_noise_of_flat_pictures_is_not_compared() -> None:
    rng = np.random.default_rng(3)
    flat = rng.integers(100, 103, (20, 64, 64, 3)).astype(np.uint8)
    found = nearest(pixel_features(flat[:10]), pixel_features(flat[10:]))
    assert found.distance.max() < 0.02  # all flat: all alike
    assert nearest(pixel_features(flat), pixel_features(pictures(20, 1))).distance.min() > 0.9


def test_a_generator_that_copies_is_told_from_one_that_does_not() -> None:
    training, held, honest = (pixel_features(pictures(200, seed)) for seed in (1, 2, 3))
    copying = training[:200] + np.random.default_rng(4).normal(0, 4, training.shape)
    reference = nearest(held, training).distance
    fair = memorisation(nearest(honest, training).distance, reference)
    assert fair.ratio == pytest.approx(1, abs=0.05)
    assert fair.share < 0.05
    caught = memorisation(nearest(copying, training).distance, reference)
    assert caught.ratio < 0.05
    assert caught.share == 1


def test_a_few_copies_show_in_the_share_where_the_median_is_blind() -> None:
    held = np.linspace(0.3, 0.5, 200)
    made = np.concatenate([np.full(10, 0.01), np.linspace(0.3, 0.5, 90)])
    found = memorisation(made, held)
    assert found.ratio > 0.95
    assert found.share == pytest.approx(0.11, abs=0.011)
    assert found.threshold == pytest.approx(np.percentile(held, 1))


def test_nothing_to_compare_is_refused() -> None:
    with pytest.raises(ValueError, match="no training picture"):
        nearest(np.ones((2, 3)), np.ones((0, 3)))
    with pytest.raises(ValueError, match="one width"):
        nearest(np.ones((2, 3)), np.ones((2, 4)))
    with pytest.raises(ValueError, match="held-out"):
        memorisation(np.ones(3), np.ones(0))
