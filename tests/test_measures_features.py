"""Distances of features, against closed forms and against torch-fidelity's arithmetic."""

import json
from pathlib import Path

import numpy as np
import pytest

from feedsmith.measures.kernel_distance import frechet_distance, kernel_distance, squared_mmd
from feedsmith.measures.precision_recall import precision_recall, radii, squared_distances
from measured import CASES, features

REFERENCE = json.loads(
    (Path(__file__).parent / "fixtures/measures/reference.json").read_text("utf-8")
)["cases"]


def cloud(count: int, width: int, seed: int, spread: float = 1.0, at: float = 0.0) -> np.ndarray:
    return at + spread * np.random.default_rng(seed).standard_normal((count, width))


def whitened(points: np.ndarray) -> np.ndarray:
    """Moved and turned so that mean and covariance (over n - 1) are exactly 0 and 1."""
    points = points - points.mean(0)
    u, _, v = np.linalg.svd(points, full_matrices=False)
    return u @ v * np.sqrt(len(points) - 1)


@pytest.mark.parametrize("case", CASES)
def test_frechet_distance_is_torch_fidelitys(case: str) -> None:
    told = REFERENCE[case]["frechet_inception_distance"]
    # Its eigenvalues of a singular product carry noise: roots of 1e-17 add up where N < d.
    assert frechet_distance(*features(case)) == pytest.approx(told, rel=1e-6, abs=1e-6)


@pytest.mark.parametrize("case", [c for c, (n, m, _) in CASES.items() if n == m])
def test_kernel_distance_is_torch_fidelitys(case: str) -> None:
    told = REFERENCE[case]["kernel_inception_distance_mean"]
    found = kernel_distance(*features(case))
    assert found.mean == pytest.approx(told, rel=1e-9)
    assert found.spread == 0  # one subset: all there is


@pytest.mark.parametrize("case", CASES)
def test_precision_and_recall_are_torch_fidelitys(case: str) -> None:
    found = precision_recall(*features(case))
    assert found.precision == pytest.approx(REFERENCE[case]["precision"], abs=1e-6)
    assert found.recall == pytest.approx(REFERENCE[case]["recall"], abs=1e-6)


# ---- Frechet ---------------------------------------------------------------------------------


def test_frechet_distance_of_two_gaussians_is_the_formula() -> None:
    # Covariances A A^T and its multiple: the root of their product is 3 A A^T.
    mixing = cloud(6, 6, 1)
    x = whitened(cloud(500, 6, 2)) @ mixing.T
    y = 3 * whitened(cloud(400, 6, 3)) @ mixing.T + 2.0
    trace = np.trace(mixing @ mixing.T)
    assert frechet_distance(x, y) == pytest.approx(6 * 2.0**2 + (1 + 9 - 2 * 3) * trace)


def test_frechet_distance_of_independent_axes_adds_the_spreads_differences() -> None:
    spreads = np.array([1.0, 2, 5]), np.array([2.0, 2, 1])
    x, y = (whitened(cloud(50, 3, seed)) * s for seed, s in enumerate(spreads))
    assert frechet_distance(x, y) == pytest.approx(np.square(spreads[0] - spreads[1]).sum())


def test_frechet_distance_of_a_set_and_its_copy_is_zero_also_with_few_pictures() -> None:
    for count, width in ((200, 16), (12, 300), (16, 16)):
        x = cloud(count, width, count)
        assert frechet_distance(x, x[::-1]) == pytest.approx(0, abs=1e-9)


def test_frechet_distance_does_not_jump_where_pictures_outnumber_features() -> None:
    # 33 pictures, 32 numbers: by covariance; with one number of zeros more, by the pictures.
    x, y = cloud(33, 32, 1), cloud(33, 32, 2, 1.5)
    wide = [np.hstack([f, np.zeros((33, 1))]) for f in (x, y)]
    assert frechet_distance(*wide) == pytest.approx(frechet_distance(x, y), rel=1e-9)


# ---- kernel ----------------------------------------------------------------------------------


def test_kernel_distance_by_hand() -> None:
    x, y = np.array([[1.0, 0], [0, 2]]), np.array([[2.0, 2], [1, 1]])
    # Pairs inside: (0/2+1)^3 = 1 and (4/2+1)^3 = 27; across: 8, 3.375, 27, 8.
    assert squared_mmd(x, y) == pytest.approx(1 + 27 - 2 * (8 + 3.375 + 27 + 8) / 4)


def test_kernel_distance_of_equal_distributions_is_zero_on_average_at_any_size() -> None:
    for count in (5, 20):
        found = [
            squared_mmd(cloud(count, 4, seed), cloud(count, 4, 9000 + seed)) for seed in range(2000)
        ]
        error = np.std(found) / np.sqrt(len(found))
        assert abs(np.mean(found)) < 3 * error
        assert min(found) < 0  # unbiased means that it may be negative


def test_kernel_distance_draws_subsets_by_the_seed() -> None:
    x, y = cloud(300, 8, 1), cloud(200, 8, 2, at=0.3)
    few = [kernel_distance(x, y, seed, subsets=20, subset=50) for seed in (4, 4, 5)]
    assert few[0] == few[1] != few[2]
    whole = squared_mmd(x, y)
    assert few[0].spread > 0
    assert few[0].mean == pytest.approx(whole, abs=4 * few[0].spread / np.sqrt(20))
    assert few[0].mean > 0.1


def test_one_picture_or_another_width_is_no_distance() -> None:
    with pytest.raises(ValueError, match="two pictures"):
        kernel_distance(cloud(1, 4, 1), cloud(9, 4, 1))
    with pytest.raises(ValueError, match="one width"):
        frechet_distance(cloud(9, 4, 1), cloud(9, 5, 1))


# ---- precision and recall --------------------------------------------------------------------


def test_a_collapsed_generator_is_precise_and_recalls_little() -> None:
    real = cloud(400, 2, 1)
    collapsed = cloud(400, 2, 2, 0.05)
    found = precision_recall(real, collapsed)
    assert found.precision == 1
    assert found.recall < 0.02
    assert found.coverage < 0.1
    other_way = precision_recall(collapsed, real)
    assert (other_way.precision, other_way.recall) == (found.recall, found.precision)


def test_a_generator_of_one_half_recalls_one_half() -> None:
    real = cloud(600, 2, 1, 0.5)
    real[:300] += 50
    found = precision_recall(real, cloud(600, 2, 2, 0.5))
    assert found.recall == pytest.approx(0.5, abs=0.03)
    assert found.coverage == pytest.approx(0.5, abs=0.03)
    assert found.precision > 0.95
    # Balls reach to the third neighbour: about three hold any point that is like the real ones.
    assert found.density == pytest.approx(1, abs=0.1)


def test_equal_sets_are_all_inside_and_strangers_all_outside() -> None:
    real = cloud(50, 6, 1)
    assert precision_recall(real, real[::-1]) == pytest.approx((1, 1, 4 / 3, 1))
    assert precision_recall(real, real + 100) == (0, 0, 0, 0)


def test_equal_pictures_are_at_distance_zero_and_have_no_reach() -> None:
    same = np.repeat(cloud(1, 64, 1), 9, 0)
    assert not squared_distances(same, same).any()
    assert not radii(same, 3).any()
    assert precision_recall(same, same).precision == 1
    assert precision_recall(same, cloud(9, 64, 2)).precision == 0


def test_neighbours_are_counted_without_the_picture_itself() -> None:
    line = np.array([[0.0], [1], [3], [6], [10]])
    assert radii(line, 1).tolist() == [1, 1, 4, 9, 16]
    assert radii(line, 2).tolist() == [9, 4, 9, 16, 49]
    with pytest.raises(ValueError, match="more than 3"):
        precision_recall(line[:3], line)
