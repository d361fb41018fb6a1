"""Generated pictures beside photos: each kind of failure shows in the figure that is there for it."""

import numpy as np
import pytest

from feedsmith.evaluate.likeness import Eye, Loaded, Measured, measure
from feedsmith.measures.nearest import pixel_features
from test_measures_nearest import pictures

PHOTOS, HELD = pictures(120, 1, 32), pictures(20, 2, 32)


def look(rgb: np.ndarray) -> np.ndarray:
    """A stand-in for a network: where which colour is, at 4x4."""
    small = rgb.reshape(4, 8, 4, 8, 3).mean((1, 3)).ravel() - 128
    return (small / np.linalg.norm(small)).astype(np.float32)


def judged(made: np.ndarray, *, near: bool = True, seed: int = 0) -> Measured:
    eyes = [Eye("eye", look, nearest=near)]
    return measure(Loaded(PHOTOS), Loaded(HELD), Loaded(made), eyes, seed)


def test_pictures_of_the_same_kind_are_as_usual_everywhere() -> None:
    found = judged(pictures(60, 3, 32)).likeness
    assert found.pictures == 60
    assert list(found.swd) == [32, 16]
    assert all(b.value < 1.5 * b.usual for b in found.swd.values())
    (seen,) = found.seen
    assert abs(seen.kernel.value - seen.kernel.usual) < 3 * seen.kernel_spread
    assert seen.precision.value == pytest.approx(seen.precision.usual, abs=0.2)
    assert found.ms_ssim is not None
    assert found.ms_ssim.value == pytest.approx(found.ms_ssim.usual, abs=0.03)
    assert [near.by for near in found.near] == ["pixels", "eye"]
    for near in found.near:
        assert near.ratio == pytest.approx(1, abs=0.1)
        assert near.same == near.same_held == 0
        assert (len(near.distances), len(near.distances_held)) == (60, 20)


def test_copies_mirrored_ones_too_are_found_with_the_photo_they_come_from() -> None:
    made = pictures(40, 3, 32)
    made[:5] = PHOTOS[10:15, :, ::-1]
    found = judged(made)
    pixels = found.likeness.near[0]
    assert pixels.same == 5
    assert pixels.share >= 5 / 40
    assert found.neighbours["pixels"].which[:5].tolist() == [10, 11, 12, 13, 14]
    assert found.likeness.near[1].same == 0  # this eye does not know mirrors: two must look


def test_a_collapsed_set_has_little_recall_and_is_alike() -> None:
    found = judged(pictures(60, 3, 32)[np.arange(60) % 2]).likeness
    assert found.seen[0].recall.value < 0.5 * found.seen[0].recall.usual
    assert found.ms_ssim is not None
    assert found.ms_ssim.value > found.ms_ssim.usual + 0.3


def test_noise_shows_at_the_finest_level_of_the_distance() -> None:
    noise = np.random.default_rng(1).normal(0, 25, (60, 32, 32, 3))
    made = (pictures(60, 3, 32) + noise).clip(0, 255).astype(np.uint8)
    found = judged(made).likeness
    assert found.swd[32].value > 3 * found.swd[32].usual
    assert found.swd[16].value < 2 * found.swd[16].usual


def test_the_same_seed_gives_the_same_figures() -> None:
    made = pictures(12, 3, 32)
    assert judged(made, seed=5).likeness == judged(made, seed=5).likeness
    assert judged(made, seed=5).likeness != judged(made, seed=6).likeness


def test_an_eye_that_looks_for_no_neighbours_sees_only_what_is_compared() -> None:
    seen: list[int] = []

    def counting(rgb: np.ndarray) -> np.ndarray:
        seen.append(1)
        return look(rgb)

    made = Loaded(pictures(12, 3, 32))
    without = measure(Loaded(PHOTOS), Loaded(HELD), made, [Eye("eye", counting)])
    assert len(seen) == 12 + 2 * 12
    whole = judged(made.pictures)
    assert without.likeness.seen == whole.likeness.seen
    assert list(without.neighbours) == ["pixels"]


def test_five_photos_are_enough_for_copies_alone() -> None:
    found = measure(Loaded(PHOTOS[:5]), Loaded(HELD[:1]), Loaded(PHOTOS[:30]), [])
    assert found.likeness.pictures == 0
    assert found.likeness.swd == {}
    assert found.likeness.ms_ssim is None
    assert found.likeness.near[0].same == 5
    none_held = measure(Loaded(PHOTOS[:5]), Loaded(HELD[:0]), Loaded(PHOTOS[:30]), [])
    assert none_held.likeness.near == ()
    assert len(none_held.neighbours["pixels"].which) == 30


def test_photos_that_are_all_the_same_break_nothing() -> None:
    same = Loaded(np.repeat(PHOTOS[:1], 40, 0))
    found = measure(same, same, same, [Eye("eye", look, nearest=True)]).likeness
    assert found.swd_average is not None
    assert found.swd_average.value == found.swd_average.usual == 0
    assert found.near[0].ratio in (None, 1)
    assert found.near[0].same == 40


def test_blocks_are_read_as_the_memory_allows(monkeypatch: pytest.MonkeyPatch) -> None:
    made = pictures(12, 3, 32)
    whole = judged(made)
    monkeypatch.setattr("feedsmith.evaluate.likeness._BLOCK", 7 * 32 * 32 * 3)
    parts = judged(made)
    assert parts.likeness == whole.likeness
    assert pixel_features(made).shape == (12, 769)
