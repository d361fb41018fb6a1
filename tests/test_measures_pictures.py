"""Sliced Wasserstein distance and MS-SSIM, against their formulas worked out plainly."""

import numpy as np
import pytest

from feedsmith.measures.ms_ssim import WEIGHTS, diversity, gaussian_window, ms_ssim, scale_weights
from feedsmith.measures.sliced_wasserstein import (
    laplacian_pyramid,
    level_sides,
    sliced_distance,
    sliced_wasserstein,
)
from test_measures_nearest import pictures

# ---- sliced Wasserstein ----------------------------------------------------------------------


def test_a_shift_moves_every_projection_by_its_length_along_the_direction() -> None:
    points = np.random.default_rng(1).standard_normal((300, 147)).astype(np.float32)
    shift = np.full(147, 0.5, np.float32)
    # E|u.s| of a random unit vector u in d dimensions: |s| Gamma(d/2) / (sqrt(pi) Gamma((d+1)/2)).
    wanted = np.linalg.norm(shift) * np.sqrt(2 / (np.pi * (147 - 0.5)))
    assert sliced_distance(points, points[::-1] + shift) == pytest.approx(wanted, rel=0.08)
    assert sliced_distance(points, points[::-1]) == pytest.approx(0, abs=1e-6)


def test_a_wider_gaussian_is_off_by_the_mean_of_its_excess() -> None:
    rng = np.random.default_rng(1)
    x, y = (rng.standard_normal((20_000, 5)).astype(np.float32) for _ in "xy")
    # W1 of N(0, 1) and N(0, 3^2): E|(3 - 1) z| = 2 sqrt(2 / pi).
    assert sliced_distance(x, 3 * y) == pytest.approx(2 * np.sqrt(2 / np.pi), rel=0.03)


def test_levels_go_down_to_sixteen_pixels() -> None:
    assert level_sides(64, 64) == [64, 32, 16]
    assert level_sides(1024, 1024) == [1024, 512, 256, 128, 64, 32, 16]
    assert level_sides(227, 227) == [227, 114, 57, 29]
    assert level_sides(16, 40) == [16]


def test_the_pyramid_adds_up_to_the_picture() -> None:
    for side in (64, 57):
        levels = laplacian_pyramid(pictures(2, 1, side).astype(np.float32), 2)
        assert [level.shape[1] for level in levels] == [side, (side + 1) // 2, (side + 3) // 4]
        # A smooth picture has little detail, a constant one none: mirrored edges invent nothing.
        assert np.abs(levels[0]).mean() < 0.1 * np.abs(levels[2]).mean()
    flat = laplacian_pyramid(np.full((1, 64, 64, 3), 90, np.float32), 2)
    assert max(np.abs(level).max() for level in flat[:2]) < 1e-4
    assert flat[2] == pytest.approx(90, abs=1e-3)


def test_equal_sets_are_at_zero_and_halves_of_one_set_near_it() -> None:
    one, other = pictures(120, 1), pictures(120, 2)
    assert sliced_wasserstein(one, one.copy()).average == 0
    near = sliced_wasserstein(one, other)
    assert list(near.levels) == [64, 32, 16]
    assert near.average == pytest.approx(np.mean(list(near.levels.values())))
    noisy = (other + np.random.default_rng(1).normal(0, 12, other.shape)).clip(0, 255)
    far = sliced_wasserstein(one, noisy.astype(np.uint8))
    # Noise is seen by the finest level, hardly by the coarsest.
    assert far.levels[64] > 4 * near.levels[64]
    assert far.levels[16] < 2 * near.levels[16]


def test_each_channel_counts_alike_and_contrast_alone_does_not_count() -> None:
    one, other = pictures(60, 1), pictures(60, 2)
    softer = (other * 0.5 + 60).astype(np.uint8)
    assert sliced_wasserstein(one, softer).levels[16] == pytest.approx(
        sliced_wasserstein(one, other).levels[16], rel=0.1
    )


def test_unequal_numbers_are_brought_to_the_smaller_by_the_seed() -> None:
    one, other = pictures(50, 1, 32), pictures(30, 2, 32)
    first = sliced_wasserstein(one, other, seed=3)
    assert first == sliced_wasserstein(one, other, seed=3)
    assert first != sliced_wasserstein(one, other, seed=4)
    assert sliced_wasserstein(one, other, most=20).average > 0
    with pytest.raises(ValueError, match="one size"):
        sliced_wasserstein(one, pictures(3, 1, 64))
    with pytest.raises(ValueError, match="16 px"):
        sliced_wasserstein(pictures(2, 1, 8), pictures(2, 1, 8))
    with pytest.raises(ValueError, match="two sets"):
        sliced_wasserstein(one[:0], other)


# ---- MS-SSIM ---------------------------------------------------------------------------------


def test_a_picture_is_wholly_like_itself() -> None:
    for side in (16, 64, 176):
        some = pictures(3, 1, side)
        assert ms_ssim(some, some) == pytest.approx(1, abs=1e-5)


def test_constant_pictures_differ_in_luminance_alone_at_the_last_scale() -> None:
    for side, scales in ((64, 3), (200, 5)):
        a, b = (np.full((1, side, side, 3), v, np.uint8) for v in (60, 200))
        c1 = (0.01 * 255) ** 2
        luminance = (2 * 60 * 200 + c1) / (60**2 + 200**2 + c1)
        last = WEIGHTS[scales - 1] / sum(WEIGHTS[:scales])
        assert ms_ssim(a, b)[0] == pytest.approx(luminance**last, rel=1e-5)


def test_one_scale_is_ssim_worked_out_window_by_window() -> None:
    a, b = pictures(1, 1, 16), pictures(1, 5, 16)
    b = (0.7 * a + 0.3 * b).astype(np.uint8)  # alike enough that no mean is cut at 0
    taps = gaussian_window().astype(np.float64)
    window = np.outer(taps, taps)
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    channels = []
    for channel in range(3):
        found = []
        for y in range(6):
            for x in range(6):
                p, q = (f[0, y : y + 11, x : x + 11, channel].astype(np.float64) for f in (a, b))
                mp, mq = (window * p).sum(), (window * q).sum()
                vp, vq = (window * (p - mp) ** 2).sum(), (window * (q - mq) ** 2).sum()
                both = (window * (p - mp) * (q - mq)).sum()
                found.append(
                    (2 * mp * mq + c1) * (2 * both + c2) / (mp**2 + mq**2 + c1) / (vp + vq + c2)
                )
        channels.append(np.mean(found))
    assert scale_weights(16, 16) == pytest.approx([1])
    assert ms_ssim(a, b)[0] == pytest.approx(np.mean(channels), rel=1e-4)


def test_scales_are_as_many_as_leave_a_window_and_their_weights_sum_to_one() -> None:
    sizes = {16: 1, 22: 2, 64: 3, 128: 4, 176: 5, 1024: 5}
    assert {side: len(scale_weights(side, 2 * side)) for side in sizes} == sizes
    assert all(scale_weights(side, side).sum() == pytest.approx(1) for side in sizes)
    assert scale_weights(512, 512) == pytest.approx(WEIGHTS, rel=1e-3)
    with pytest.raises(ValueError, match="11 px"):
        scale_weights(10, 90)


def test_likeness_falls_with_noise_and_is_never_negative() -> None:
    one = pictures(4, 1)
    rng = np.random.default_rng(1)
    noisy = [(one + rng.normal(0, s, one.shape)).clip(0, 255).astype(np.uint8) for s in (5, 20, 80)]
    found = [float(ms_ssim(one, other).mean()) for other in noisy]
    assert 1 > found[0] > found[1] > found[2] > 0
    assert ms_ssim(one, 255 - one).max() < 0.1
    with pytest.raises(ValueError, match="one size"):
        ms_ssim(one, one[:2])


def test_a_collapsed_set_is_less_diverse() -> None:
    varied = pictures(60, 1, 32)
    collapsed = varied[np.arange(60) % 3]
    usual = diversity(varied, 400)
    assert usual == diversity(varied, 400) != diversity(varied, 400, seed=1)
    # A third of the pairs show the same motif.
    assert diversity(collapsed, 400) - usual == pytest.approx((1 - usual) * 19 / 59, abs=0.07)
    assert diversity(varied[:1].repeat(2, 0), 5) == pytest.approx(1, abs=1e-5)
    with pytest.raises(ValueError, match="two pictures"):
        diversity(varied[:1])
