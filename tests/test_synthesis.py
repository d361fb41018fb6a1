"""Small pictures out of a made-up landscape."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from feedsmith.images.resample import covering, resize
from feedsmith.images.synthesis import (
    Guide,
    Lock,
    Task,
    draft,
    finish,
    largest_copy,
    noise,
    picture,
    rows,
    synthesise,
)


@pytest.fixture(scope="module")
def photo() -> NDArray[np.uint8]:
    """120 x 180: a blue sky over grainy green ground with dark stones."""
    rng = np.random.default_rng(1)
    y, x = np.mgrid[:120, :180]
    ground = y > 55 + 8 * np.sin(x / 17)
    sky = np.stack([90 + y / 2, 140 + y / 2, 220 + 0 * y], -1)
    grass = np.stack([70 + 0 * y, 120 + 20 * np.sin(x / 5 + y / 7), 40 + 0 * y], -1)
    out = np.where(ground[..., None], grass + rng.normal(0, 14, (120, 180, 1)), sky)
    for _ in range(14):
        cy, cx = rng.integers(70, 115), rng.integers(5, 175)
        out[(y - cy) ** 2 + (x - cx) ** 2 < 16] = 45
    return np.clip(out, 0, 255).astype(np.uint8)


def small(photo: NDArray[np.uint8], **changes: object) -> Task:
    return Task(photo, 96, 80, **{"start": rows(), "seed": 5, **changes})  # type: ignore[arg-type]


def test_the_same_seed_gives_the_same_bytes_and_another_seed_another_picture(photo):
    first, again = (synthesise(photo, 96, 80, start=rows(), seed=5) for _ in range(2))
    other = synthesise(photo, 96, 80, start=rows(), seed=6)
    assert first.rgb.tobytes() == again.rgb.tobytes()
    assert first.field.tobytes() == again.field.tobytes()
    assert np.abs(first.rgb.astype(int) - other.rgb).mean() > 2


def test_a_draft_finishes_as_the_picture_it_announced(photo):
    task = small(photo)
    sketch = draft(task, stop_at=40)
    assert 40 <= min(sketch.rgb.shape[:2]) < 80
    whole = finish(sketch)
    straight = synthesise(photo, 96, 80, start=rows(), seed=5)
    assert whole.rgb.tobytes() == straight.rgb.tobytes()
    shrunk = resize(whole.rgb, *sketch.rgb.shape[:2])
    assert np.abs(shrunk.astype(int) - sketch.rgb).mean() < 12


def test_a_landscape_keeps_its_sky_above_and_is_not_the_photo(photo):
    made = finish(draft(small(photo)))
    assert made.rgb.shape == (96, 80, 3)
    assert made.rgb.dtype == np.uint8
    top, bottom = made.rgb[:30].reshape(-1, 3).mean(0), made.rgb[-30:].reshape(-1, 3).mean(0)
    assert top[2] > top[1] + 30
    assert bottom[1] > bottom[2] + 30
    assert 0 < made.copied < 0.9


def test_the_field_says_where_each_pixel_came_from(photo):
    made = finish(draft(small(photo)))
    assert made.field.shape == (90, 74, 2)
    y, x = np.mgrid[:90, :74]
    source = photo[made.field[..., 0] + 3, made.field[..., 1] + 3].astype(int)
    error = np.abs(made.rgb[y + 3, x + 3] - source)
    assert np.median(error) <= 6  # melding moves colours a little


def test_a_texture_uses_the_whole_source_without_a_layout(photo):
    stones = photo[66:, :]
    made = synthesise(stones, 64, 64, start=noise(), seed=1, vertical_prior=0)
    assert np.abs(made.rgb.mean((0, 1)) - stones.mean((0, 1))).max() < 15
    assert made.rgb.std() > 0.6 * stones.std()


def test_a_layout_is_followed(photo):
    upside_down = covering(photo[::-1], 96, 80)
    made = synthesise(photo, 96, 80, start=picture(upside_down), seed=1, vertical_prior=0)
    assert made.rgb[-20:, :, 2].mean() > made.rgb[:20, :, 2].mean() + 60


def test_patches_come_only_from_where_they_may(photo):
    mask = np.zeros(photo.shape[:2], bool)
    mask[:, :90] = True
    made = finish(draft(small(photo, source_mask=mask)))
    assert made.field[..., 1].max() + 7 <= 91


def test_a_locked_region_comes_back_exactly_and_its_border_is_calm(photo):
    base = np.zeros((96, 80, 3), np.uint8)
    base[:60] = photo[60:, 40:120]
    base[60:] = photo[-1:, 40:120]
    mask = np.zeros((96, 80), bool)
    mask[:60] = True
    lock = Lock(base, mask, offset=(60, 40))
    task = small(photo, start=picture(base), lock=lock, vertical_prior=0, completeness=None)
    made = finish(draft(task))
    assert np.array_equal(made.rgb[:60], base[:60])
    assert (made.field[10:50, 10:60, 0] == np.arange(10, 50)[:, None] + 60).all()
    assert (made.field[10:50, 10:60, 1] == np.arange(10, 60) + 40).all()
    step = np.abs(made.rgb[60].astype(float).mean(0) - made.rgb[59].mean(0)).max()
    assert step < 25
    assert made.rgb[62:].std() > 8  # grass, not a smear


def test_row_maps_say_which_height_a_row_comes_from(photo):
    only_ground = np.full(96, 0.8, np.float32)
    made = finish(draft(small(photo, row_map=only_ground, vertical_prior=3.0)))
    sky = (made.rgb[..., 2].astype(int) > made.rgb[..., 1]).mean()
    assert sky < 0.15  # half of the picture would be sky


def test_dislike_of_crowds_means_fewer_repeats(photo):
    def repeats(crowding: float) -> float:
        tasks = (small(photo, crowding=crowding, seed=s) for s in range(4))
        return float(np.mean([draft(t).repeated for t in tasks]))

    assert repeats(4.0) < repeats(0.0)


def test_a_straight_copy_has_no_strain_and_is_all_one_piece():
    y, x = np.mgrid[:50, :60].astype(np.uint32)
    assert largest_copy((y + 9) << 16 | (x + 2)) == 1
    scattered = np.random.default_rng(0).integers(0, 2000, (50, 60)).astype(np.uint32)
    assert largest_copy(scattered << 16 | scattered[::-1]) < 0.01


def test_mush_has_more_strain_than_a_picture(photo):
    good = draft(small(photo))
    blurred = resize(resize(good.rgb, 12, 10), *good.rgb.shape[:2])
    spoiled = type(good)(good.task, good.level, blurred, good.field, good.source)
    assert spoiled.strain > good.strain > 0


def test_it_refuses_what_does_not_fit_together(photo):
    with pytest.raises(ValueError, match="source_mask"):
        small(photo, source_mask=np.ones((5, 5), bool))
    with pytest.raises(ValueError, match="cannot be made"):
        Task(photo, 20, 20, start=rows(), seed=0)


def test_a_guide_says_what_is_where_and_the_photo_lends_the_detail(
    photo: NDArray[np.uint8],
) -> None:
    guide = np.empty((30, 24, 3), np.uint8)
    guide[:, :12], guide[:, 12:] = photo[:40].mean((0, 1)), photo[-40:].mean((0, 1))
    plain = small(photo, start=rows(), completeness=None, coarsest=24, vertical_prior=0.0)
    guided = replace(plain, start=picture(guide), guide=Guide(guide))

    def away(task: Task) -> float:
        drawn = draft(task).rgb
        return float(np.abs(resize(drawn, 30, 24).astype(float) - guide).mean())

    assert away(guided) < 0.5 * away(plain)
    fine = draft(guided).rgb.astype(float)
    coarse = resize(guide, *fine.shape[:2]).astype(float)
    assert np.abs(np.diff(fine, axis=1)).mean() > 3 * np.abs(np.diff(coarse, axis=1)).mean()


def test_a_guide_that_is_met_changes_nothing() -> None:
    shown = np.random.default_rng(1).integers(0, 256, (30, 24, 3), np.uint8)
    assert np.array_equal(Guide(shown, (1.0, 1.0)).pulled(shown, 0.0), shown)
    grey = np.full((30, 24, 3), 128, np.uint8)
    assert np.abs(Guide(shown, (1.0, 1.0)).pulled(grey, 0.0).astype(int) - shown).max() <= 1
    assert np.array_equal(Guide(shown, (0.0, 0.0)).pulled(grey, 0.5), grey)
