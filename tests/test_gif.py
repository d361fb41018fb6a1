"""GIFs of loops: exact pace, endless, nothing flickers, small enough. On a real photo."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from feedsmith.errors import FeedsmithError
from feedsmith.film import gif, loop
from feedsmith.film.loop import Loop
from feedsmith.understanding.saliency import Saliency
from test_loop import WORDS, photo


@pytest.fixture(scope="module")
def flower() -> Loop:
    rgb = photo("200", (288, 360))
    return loop.frames(rgb, Saliency().map(rgb), 7, "", WORDS["200"], seconds=2)


@pytest.fixture(scope="module")
def whole(flower: Loop, tmp_path_factory: pytest.TempPathFactory) -> gif.Written:
    """The loop as a GIF of its own width."""
    return gif.write(tmp_path_factory.mktemp("gif") / "a.gif", flower, flower.still.shape[1])


def shown(path: Path) -> list[np.ndarray]:
    found = []
    with Image.open(path) as image:
        for index in range(image.n_frames):
            image.seek(index)
            found.append(np.asarray(image.convert("RGB")))
    return found


def test_it_repeats_for_ever_and_keeps_its_length_exactly(flower: Loop, tmp_path: Path) -> None:
    made = gif.write(tmp_path / "a.gif", flower, 216)
    with Image.open(made.path) as image:
        assert image.info["version"] == b"GIF89a"
        assert image.info["loop"] == 0
        assert image.size == (216, 270) == (made.width, made.height)
        total = 0
        for index in range(image.n_frames):
            image.seek(index)
            total += image.info["duration"]
        assert image.n_frames == made.frames
    assert total == 1000 * flower.seconds == 10 * made.delay * made.frames
    assert made.size == made.path.stat().st_size


def test_still_pixels_are_the_same_in_every_frame(flower: Loop, whole: gif.Written) -> None:
    frames = shown(whole.path)
    stands = flower.mask == 0
    for frame in frames[1:]:
        assert np.array_equal(frame[stands], frames[0][stands])


def test_it_looks_like_the_loop(flower: Loop, whole: gif.Written) -> None:
    source = list(flower.frames(flower.count // whole.frames))
    error = np.mean(
        [
            np.square(a.astype(np.float32) - b).mean()
            for a, b in zip(source, shown(whole.path), strict=True)
        ]
    )
    assert 10 * np.log10(255**2 / error) > 28  # with dithering, which this measure dislikes


def test_it_grows_smaller_until_it_fits(flower: Loop, whole: gif.Written, tmp_path: Path) -> None:
    fits = gif.write(tmp_path / "b.gif", flower, 288, largest=whole.size // 2)
    assert fits.size <= whole.size // 2
    assert fits.delay * fits.frames == whole.delay * whole.frames


def test_the_same_loop_gives_the_same_bytes(flower: Loop, tmp_path: Path) -> None:
    first = gif.write(tmp_path / "a.gif", flower, 160).path.read_bytes()
    assert gif.write(tmp_path / "b.gif", flower, 160).path.read_bytes() == first


def test_falling_snow_over_a_still_picture_stores_the_flakes_only(tmp_path: Path) -> None:
    grey = photo("169", (288, 360)).mean(2, keepdims=True) * 0.4 + 140
    rgb = np.repeat(grey, 3, axis=2).astype(np.uint8)
    falling = loop.frames(rgb, None, 1, "snow", seconds=2)
    made = gif.write(tmp_path / "a.gif", falling, 288)
    assert made.frames == 25
    with Image.open(made.path) as image:
        first = len(image.tobytes())
    assert made.size < 0.35 * first * made.frames / 3


def test_a_silly_width_is_said_and_leaves_nothing(flower: Loop, tmp_path: Path) -> None:
    with pytest.raises(FeedsmithError, match="not useful"):
        gif.write(tmp_path / "a.gif", flower, 8)
    assert not list(tmp_path.iterdir())


def test_the_last_frame_leads_into_the_first_as_any_other(tmp_path: Path) -> None:
    rgb = photo("169", (216, 270))
    water = loop.frames(rgb, Saliency().map(rgb), 7, "", WORDS["169"], seconds=4)
    seen = [f.astype(np.int16) for f in shown(gif.write(tmp_path / "a.gif", water).path)]
    steps = [float(np.abs(b - a).mean()) for a, b in zip(seen, [*seen[1:], seen[0]], strict=True)]
    assert max(steps) < 1.5 * float(np.median(steps))
