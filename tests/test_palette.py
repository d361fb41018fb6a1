import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from feedsmith.understanding import palette
from feedsmith.understanding.palette import Swatch


def flag() -> np.ndarray:
    rgb = np.zeros((60, 90, 3), np.uint8)
    rgb[:, :30], rgb[:, 30:60], rgb[:, 60:] = (200, 30, 40), (240, 240, 235), (20, 40, 120)
    return rgb


def test_it_knows_the_published_values_of_oklab() -> None:
    white, red = palette.oklab(np.array([[255, 255, 255], [255, 0, 0]], np.uint8))
    assert white == pytest.approx([1, 0, 0], abs=1e-3)
    assert red == pytest.approx([0.628, 0.225, 0.126], abs=2e-3)


def test_it_comes_back_from_oklab() -> None:
    colours = np.random.default_rng(1).integers(0, 256, (500, 3), np.uint8)
    back = palette.srgb(palette.oklab(colours))
    assert np.abs(back.astype(int) - colours).max() <= 1


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


@given(st.lists(st.tuples(st.integers(0, 0xFFFFFF), st.floats(0.01, 1)), min_size=1, max_size=8))
def test_it_makes_roles_that_can_be_read_out_of_any_colours(pairs: list[tuple[int, float]]) -> None:
    found = palette.roles([Swatch(f"#{value:06x}", share) for value, share in pairs])
    assert palette.contrast(found.ink, found.paper) >= 7
    assert palette.contrast(found.accent, found.paper) >= 4.4
    assert palette.contrast(found.accent_2, found.paper) >= 4.4


def test_it_keeps_both_accents_apart() -> None:
    found = palette.roles(palette.brand_swatches([palette.swatches(flag())]))
    assert found.accent != found.accent_2


def test_it_has_roles_for_a_brand_without_photos() -> None:
    found = palette.roles(palette.brand_swatches([]))
    assert palette.contrast(found.ink, found.paper) >= 7


def test_it_tells_a_blue_sky_from_a_grey_one() -> None:
    ramp = np.linspace(0, 40, 120, dtype=np.float32)[:, None, None]
    grass = np.full((60, 160, 3), (70, 110, 40), np.float32)
    blue = np.concatenate([np.array([80, 140, 220]) + ramp + np.zeros((120, 160, 1)), grass])
    grey = np.concatenate([np.array([170, 175, 180]) + ramp + np.zeros((120, 160, 1)), grass])
    assert palette.blue_sky(blue.astype(np.uint8))
    assert not palette.blue_sky(grey.astype(np.uint8))
