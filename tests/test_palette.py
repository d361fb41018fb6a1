import numpy as np
import pytest

from feedsmith.understanding import palette
from feedsmith.understanding.palette import Swatch


def flag() -> np.ndarray:
    rgb = np.zeros((60, 90, 3), np.uint8)
    rgb[:, :30], rgb[:, 30:60], rgb[:, 60:] = (200, 30, 40), (240, 240, 235), (20, 40, 120)
    return rgb


def test_it_finds_the_colours_of_a_flag_with_their_shares() -> None:
    found = palette.swatches(flag())
    assert len(found) == 3
    assert sum(swatch.share for swatch in found) == pytest.approx(1, abs=0.01)
    assert {swatch.colour for swatch in found} == {"#c81e28", "#f0f0eb", "#142878"}


def test_it_gives_the_same_swatches_every_time() -> None:
    noise = np.random.default_rng(2).integers(0, 256, (80, 80, 3), np.uint8)
    assert palette.swatches(noise) == palette.swatches(noise)


def test_it_takes_a_plain_picture() -> None:
    assert palette.swatches(np.full((40, 40, 3), 77, np.uint8)) == [Swatch("#4d4d4d", 1.0)]


def test_the_colours_of_a_brand_are_those_its_photos_share() -> None:
    found = palette.brand_swatches([palette.swatches(flag())] * 3)
    assert {swatch.colour for swatch in found} == {"#c81e28", "#f0f0eb", "#142878"}
    assert found[0].colour != "#f0f0eb"  # a vivid patch says more than a pale one of its size
    assert palette.brand_swatches([]) == []


def test_it_tells_a_blue_sky_from_a_grey_one() -> None:
    ramp = np.linspace(0, 40, 120, dtype=np.float32)[:, None, None]
    grass = np.full((60, 160, 3), (70, 110, 40), np.float32)
    blue = np.concatenate([np.array([80, 140, 220]) + ramp + np.zeros((120, 160, 1)), grass])
    grey = np.concatenate([np.array([170, 175, 180]) + ramp + np.zeros((120, 160, 1)), grass])
    assert palette.blue_sky(blue.astype(np.uint8))
    assert not palette.blue_sky(grey.astype(np.uint8))
