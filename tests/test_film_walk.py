"""A loop of small pictures as fields of dots."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from feedsmith.colour import from_hex, grey
from feedsmith.film import gif, walk
from pictures import disc, landscape

DARK, LIGHT = "#101614", "#f6f1e7"


@pytest.fixture(scope="module")
def small() -> np.ndarray:
    """Two small pictures and the way between them, there and back."""
    ends = [
        np.asarray(Image.fromarray(rgb).resize((26, 32), Image.Resampling.BOX), np.float32)
        for rgb in (disc(96, 78), landscape(96, 78))
    ]
    shares = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(12) / 12)
    return np.stack([ends[0] * (1 - s) + ends[1] * s for s in shares]).astype(np.uint8)


def test_a_frame_has_the_size_of_the_post_and_shows_the_picture(small: np.ndarray) -> None:
    made = walk.dots(small, 216, 270, DARK)
    assert made.still.shape == (270, 216, 3)
    assert made.count == 12
    shown = np.asarray(Image.fromarray(made.still).resize((26, 32), Image.Resampling.BOX))
    likeness = np.corrcoef(grey(shown).ravel(), grey(small[0]).ravel())[0, 1]
    assert likeness > 0.9


@pytest.mark.parametrize("ground", [DARK, LIGHT])
def test_the_ground_shows_between_the_dots(small: np.ndarray, ground: str) -> None:
    frame = walk.dots(small, 540, 676, ground).still
    assert (np.abs(frame.astype(int) - from_hex(ground)).max(-1) < 2).mean() > 0.1


def test_light_dots_are_large_on_dark_and_small_on_light(small: np.ndarray) -> None:
    plain = np.zeros((1, 32, 26, 3), np.uint8)
    plain[:, :, 13:] = 240
    for ground, light_is_larger in ((DARK, True), (LIGHT, False)):
        frame = walk.dots(plain, 216, 270, ground).still
        inked = (np.abs(frame.astype(int) - from_hex(ground)).max(-1) > 12).mean(0)
        assert bool(inked[150:].mean() > inked[:70].mean()) is light_is_larger


def test_frames_come_in_order_and_every_second_on_demand(small: np.ndarray) -> None:
    made = walk.dots(small, 108, 136, DARK)
    all_of_them, half = list(made.frames()), list(made.frames(2))
    assert len(all_of_them) == 12
    assert [frame.tobytes() for frame in half] == [f.tobytes() for f in all_of_them[::2]]
    assert all_of_them[0].tobytes() == made.still.tobytes()


def test_it_becomes_a_gif_that_goes_round(small: np.ndarray, tmp_path: Path) -> None:
    made = walk.dots(small, 216, 270, DARK)
    written = gif.write(tmp_path / "walk.gif", made, 128)
    with Image.open(tmp_path / "walk.gif") as image:
        assert image.size == (128, 160)
        assert getattr(image, "n_frames", 1) == written.frames
        assert image.info["loop"] == 0


def test_what_a_dot_is_at_its_darkest_and_lightest_bounds_every_frame(small: np.ndarray) -> None:
    made = walk.dots(small, 108, 136, DARK)
    dark, bright = (grey(frame).mean() for frame in made.extremes(made.seconds))
    shown = [grey(frame).mean() for frame in made.frames()]
    assert dark <= min(shown)
    assert bright >= max(shown)


def test_between_two_frames_lies_their_mean_and_after_the_last_the_first(small: np.ndarray) -> None:
    made = walk.dots(small, 108, 136, DARK)
    shown = list(made.frames())
    assert made.at(3 / made.fps).tobytes() == shown[3].tobytes()
    assert made.at(made.seconds).tobytes() == shown[0].tobytes()
    middle = made.at(2.5 / made.fps).astype(int)
    apart = np.abs(shown[3].astype(int) - shown[2]).mean()
    assert 0 < np.abs(middle - shown[2]).mean() < apart
    assert 0 < np.abs(middle - shown[3]).mean() < apart
