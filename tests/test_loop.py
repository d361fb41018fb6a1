"""Cinemagraphs: what moves, what stands, and that the end meets the beginning. On real photos."""

import io
import zipfile
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageOps

from feedsmith.errors import FeedsmithError
from feedsmith.film import loop
from feedsmith.film.loop import Loop
from feedsmith.understanding.saliency import Saliency, by_contrast

DEMO = Path(__file__).parents[1] / "demo" / "tall-tree-outfitters-export.zip"
WORDS = {
    "165": ("waterfall", "boulders"),
    "169": ("lake", "reflection", "rocks"),
    "180": ("tall grass", "meadow"),
    "200": ("dahlia", "flower"),
    "166": ("cactus", "sky", "landscape"),
    "160": ("tea gardens", "mist"),
}


def photo(number: str, size: tuple[int, int] = (432, 540)) -> NDArray[np.uint8]:
    with zipfile.ZipFile(DEMO) as archive:
        name = next(n for n in archive.namelist() if f"/{number}-" in n and n.endswith(".jpg"))
        with Image.open(io.BytesIO(archive.read(name))) as image:
            return np.asarray(ImageOps.fit(image.convert("RGB"), size))


def made(number: str, motion: str = "", seconds: float = 2.0, fps: int = 12) -> Loop:
    rgb = photo(number)
    seen = Saliency().map(rgb)
    return loop.frames(rgb, seen, 7, motion, WORDS[number], seconds=seconds, fps=fps)


def apart(a: NDArray[np.uint8], b: NDArray[np.uint8]) -> float:
    return float(np.abs(a.astype(np.int16) - b).mean())


@pytest.mark.parametrize(
    ("number", "motion"),
    [
        ("165", "flow"),
        ("169", "water"),
        ("180", "sway"),
        ("200", "sway"),
        ("166", "drift"),
        ("160", "mist"),
    ],
)
def test_the_picture_decides_what_moves(number: str, motion: str) -> None:
    found = made(number)
    assert found.motion == motion
    assert 0.05 < found.moving_share < 1
    assert found.reason


@pytest.mark.parametrize("number", ["165", "169", "180", "200", "166", "160"])
def test_the_last_frame_leads_into_the_first_as_any_frame_into_the_next(number: str) -> None:
    frames = list(made(number).frames())
    steps = [apart(a, b) for a, b in zip(frames, [*frames[1:], frames[0]], strict=True)]
    assert min(steps) > 0
    assert steps[-1] <= 1.05 * max(steps[:-1])
    assert max(steps) < 3 * np.median(steps)


@pytest.mark.parametrize("number", ["165", "169", "180", "200", "166", "160"])
def test_what_stands_does_not_change_by_one_bit(number: str) -> None:
    found = made(number)
    stands = found.mask == 0
    assert stands.any()
    for frame in found.frames():
        assert np.array_equal(frame[stands], found.still[stands])


@pytest.mark.parametrize("motion", ["snow", "dust", "light"])
def test_falling_and_light_close_too(motion: str) -> None:
    rgb = photo("169")
    if motion == "snow":  # a winter's day: pale ground, grey sky
        grey = rgb.mean(2, keepdims=True) * 0.4 + 140
        rgb = np.repeat(grey, 3, axis=2).astype(np.uint8)
    found = loop.frames(rgb, None, 3, motion, seconds=2, fps=12)
    frames = list(found.frames())
    steps = [apart(a, b) for a, b in zip(frames, [*frames[1:], frames[0]], strict=True)]
    assert 0 < steps[-1] <= 1.05 * max(steps[:-1])


def test_something_really_moves() -> None:
    found = made("180")
    frames = list(found.frames())
    furthest = max(apart(frames[0], frame) for frame in frames)
    assert furthest > 3


def test_stones_in_the_lake_and_the_far_shore_stand() -> None:
    found = made("169")
    moving = found.mask > 128
    assert not moving[:200].any()  # mountain and sky
    light = np.asarray(Image.fromarray(found.still).convert("L"))
    pool = found.mask[300:520]
    stones = light[300:520] < 40
    assert stones.any()
    assert (pool[stones] > 0).mean() < 0.25
    assert (pool > 0).mean() > 0.6


def test_what_was_named_as_still_stands() -> None:
    rgb = photo("180")
    still = np.zeros((54, 43), np.float32)
    still[20:40, 10:30] = 1
    found = loop.frames(rgb, None, 7, "sway", WORDS["180"], still=still, seconds=1, fps=8)
    assert not found.mask[250:350, 140:260].any()
    assert found.mask.any()


def test_a_subject_that_is_no_plant_stands() -> None:
    rgb = photo("180")
    seen = np.zeros((320, 256), np.float32)
    seen[120:220, 80:180] = 1
    found = loop.frames(rgb, seen, 7, "sway", ("candle",), seconds=1, fps=8)
    assert not found.mask[230:340, 160:280].any()


def test_the_same_seed_gives_the_same_frames_and_another_seed_others() -> None:
    rgb = photo("180")
    one, two, other = (
        [*loop.frames(rgb, None, seed, "sway", seconds=1, fps=6).frames()] for seed in (1, 1, 2)
    )
    assert all(np.array_equal(a, b) for a, b in zip(one, two, strict=True))
    assert not np.array_equal(one[2], other[2])


def test_frames_can_be_taken_twice_and_thinned() -> None:
    found = made("200", seconds=1, fps=12)
    first = list(found.frames())
    thin = list(found.frames(step=3))
    assert len(first) == found.count == 12
    assert all(np.array_equal(a, b) for a, b in zip(thin, first[::3], strict=True))


def test_no_border_shows_black() -> None:
    rgb = np.clip(photo("180").astype(np.int16) + 60, 0, 255).astype(np.uint8)
    for frame in loop.frames(rgb, None, 7, "sway", WORDS["180"], seconds=1, fps=8).frames():
        for line in (frame[0], frame[-1], frame[:, 0], frame[:, -1]):
            assert line.max(1).min() > 30


def test_a_picture_with_nothing_to_move_gets_a_breath_of_light() -> None:
    ramp = np.linspace(20, 200, 300, dtype=np.float32)
    rgb = np.repeat(np.repeat(ramp[None, :, None], 400, 0), 3, 2).astype(np.uint8)
    found = loop.frames(rgb, by_contrast(rgb), 1, keywords=("mug",), seconds=1, fps=6)
    assert found.motion == "light"
    with pytest.raises(FeedsmithError, match="can move as 'flow'"):
        loop.frames(rgb, None, 1, "flow")


def test_a_picture_that_is_all_subject_keeps_still_but_for_the_light() -> None:
    rgb = photo("169")
    found = loop.frames(rgb, np.ones((320, 256), np.float32), 1, keywords=("boot",))
    assert found.motion == "light"


def test_a_panorama_and_odd_sizes_loop() -> None:
    rgb = photo("180", (901, 187))
    frames = list(loop.frames(rgb, None, 7, "sway", seconds=1, fps=5).frames())
    assert len(frames) == 5
    assert frames[0].shape == (187, 901, 3)


@pytest.mark.parametrize(
    ("rgb", "motion", "says"),
    [
        (np.zeros((40, 40, 3), np.uint8), "", "40x40"),
        (np.full((300, 300, 3), 90, np.uint8), "", "one colour"),
        (np.zeros((300, 300, 3), np.uint8), "dance", "unknown"),
    ],
)
def test_what_cannot_be_done_is_said(rgb: NDArray[np.uint8], motion: str, says: str) -> None:
    with pytest.raises(FeedsmithError, match=says) as caught:
        loop.frames(rgb, None, 1, motion)
    assert caught.value.mend


def test_a_boat_keeps_the_lake_still() -> None:
    rgb = photo("169")
    found = loop.frames(rgb, Saliency().map(rgb), 7, keywords=("lake", "boat"), seconds=1, fps=5)
    assert found.motion != "water"
