"""Moves that do not jitter, subjects without a glow."""

import numpy as np
import pytest

from feedsmith.film import motion

W, H = 216, 384


def photo(width: int = 500, height: int = 700) -> np.ndarray:
    rng = np.random.default_rng(2)
    small = rng.integers(0, 256, (height // 10, width // 10, 3), dtype=np.uint8)
    return np.kron(small, np.ones((10, 10, 1), np.uint8))


def ball(width: int = 440, height: int = 780, at: tuple[int, int] = (220, 430)) -> tuple:
    y, x = np.mgrid[:height, :width]
    inside = (x - at[0]) ** 2 + (y - at[1]) ** 2 < 110**2
    rgb = np.full((height, width, 3), 60, np.uint8)
    rgb[..., 1] = (40 + 40 * np.sin(x / 9) + 40 * np.sin(y / 7)).clip(0, 255)
    rgb[inside] = (230, 190, 40)
    return rgb, inside.astype(np.float32)


@pytest.mark.parametrize("move", motion.MOVES)
def test_a_move_is_steady(move: str) -> None:
    still, _, _ = motion.still(photo(), W, H)
    way = motion.glide(still, move, 2.4)
    boxes = np.array([way.at(t) for t in np.linspace(0, 1, 73)])
    w, h = still.size
    assert boxes.min() > -0.01
    assert boxes[:, 2].max() < w + 0.01
    assert boxes[:, 3].max() < h + 0.01
    ratio = (boxes[:, 2] - boxes[:, 0]) / (boxes[:, 3] - boxes[:, 1])
    assert np.ptp(ratio) < 1e-6
    steps = np.abs(np.diff(boxes, axis=0)).max(axis=1)
    assert steps.min() > 0.05  # it moves
    assert steps.max() < 1.25 * steps.min()  # at one pace


def test_slow_motion_is_read_between_pixels() -> None:
    y, x = np.mgrid[:900, :600]
    ramp = np.repeat(((x + y) / 6).clip(0, 255).astype(np.uint8)[..., None], 3, axis=2)
    still, _, _ = motion.still(ramp, W, H)
    way = motion.glide(still, "drift-right", 2.4)
    means = np.array([
        float(still.through(way.at(t))[0].astype(np.float32).mean())
        for t in np.linspace(0.4, 0.6, 40)
    ])  # fmt: skip
    steps = np.diff(means)
    assert steps.min() > 0
    assert steps.max() < 1.6 * steps.mean()  # whole pixels would give steps of 0 and of 4 times


def test_a_zoom_keeps_its_focus_in_place() -> None:
    still, _, _ = motion.still(photo(), W, H)
    way = motion.glide(still, "push-in", 2.4)
    seen = []
    for t in (0.0, 0.3, 0.7, 1.0):
        x0, y0, x1, y1 = way.at(t)
        seen.append(((still.size[0] / 2 - x0) / (x1 - x0), (still.size[1] / 2 - y0) / (y1 - y0)))
    assert np.ptp(np.array(seen), axis=0).max() < 1e-6


def test_a_clear_subject_moves_nearer_and_nothing_around_it_changes() -> None:
    rgb, mask = ball()
    still, piece, part = motion.still(rgb, W, H, saliency=mask)
    matte = motion.subject(piece, part)
    assert matte is not None
    way = motion.glide(still, "push-in", 2.4)
    layered, plain = motion.Layered(still, way, piece, matte), motion.Plain(still, way)
    assert np.abs(layered.at(0.0)[0].astype(int) - plain.at(0.0)[0]).max() <= 3
    near, flat = layered.at(1.0)[0].astype(int), plain.at(1.0)[0].astype(int)
    bright = (near > 150).sum() / (flat > 150).sum()
    assert 1.02 < bright < 1.12
    changed = np.abs(near - flat) > 12
    rows, columns = np.nonzero(changed)
    middle = np.nonzero(flat > 150)
    # Only a rim of the subject's growth.
    assert rows.min() > middle[0].min() - 16
    assert columns.min() > middle[1].min() - 12
    assert columns.max() < middle[1].max() + 12


@pytest.mark.parametrize("why", ["nothing", "all", "two", "cut", "vague", "unknown"])
def test_without_one_clear_subject_the_picture_stays_one(why: str) -> None:
    rgb, mask = ball(at=(10, 430) if why == "cut" else (220, 430))
    if why == "two":
        mask = np.maximum(np.roll(mask, -260, axis=0), np.roll(mask, 230, axis=0))
    if why == "vague":
        mask = mask * 0.6
    maps = {"nothing": mask * 0, "all": mask * 0 + 1, "unknown": None}
    assert motion.subject(rgb, maps.get(why, mask)) is None


def test_transitions_begin_and_end_with_the_shots_themselves() -> None:
    a = motion.planes(np.full((H, W, 3), 40, np.uint8))
    b = motion.planes(photo(500, 700)[:H, :W].copy())
    for way in (motion.crossed, motion.pushed):
        for t, shot in ((0.0, a), (1.0, b)):
            for plane, expected in zip(way(a, b, t), shot, strict=True):
                np.testing.assert_array_equal(plane, expected)
        for plane, expected in zip(way(a, b, 0.5), a, strict=True):
            assert plane.shape == expected.shape
            assert plane.dtype == np.uint8


def test_easing_goes_from_rest_to_rest() -> None:
    t = np.linspace(0, 1, 101)
    for curve in (motion.ease, motion.ease_out):
        values = np.array([curve(x) for x in t])
        assert values[0] == 0
        assert values[-1] == 1
        assert np.diff(values).min() >= 0
