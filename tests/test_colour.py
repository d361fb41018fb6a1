"""OKLab and back, and colours as words."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from feedsmith.colour import chroma, fitted, from_hex, from_lab, to_bytes, to_hex, to_lab


@given(st.integers(0, 2**24 - 1))
@settings(max_examples=200, deadline=None)
def test_a_colour_survives_the_way_to_oklab_and_back(colour: int) -> None:
    rgb = np.array([[colour >> 16, colour >> 8 & 255, colour & 255]], np.uint8)
    assert np.abs(to_bytes(from_lab(to_lab(rgb))).astype(int) - rgb).max() <= 1
    assert np.abs(fitted(to_lab(rgb)).astype(int) - rgb).max() <= 1


def test_oklab_agrees_with_its_source() -> None:
    """Reference values of the OKLab page for white, and for red: L .628, a .225, b .126."""
    white, red = to_lab(np.array([[255, 255, 255], [255, 0, 0]], np.uint8))
    assert white == pytest.approx([100, 0, 0], abs=0.1)
    assert red == pytest.approx([62.8, 22.49, 12.58], abs=0.1)


def test_bytes_and_floats_are_the_same_colours() -> None:
    rgb = np.random.default_rng(1).integers(0, 256, (500, 3), np.uint8)
    assert to_lab(rgb.astype(np.float32)) == pytest.approx(to_lab(rgb), abs=1e-3)


@given(st.floats(30, 100), st.floats(-180, 180), st.floats(0, 40))
@settings(max_examples=200, deadline=None)
def test_a_colour_outside_srgb_keeps_hue_and_lightness_and_loses_chroma(
    lightness: float, hue: float, strength: float
) -> None:
    angle = np.radians(hue)
    wanted = np.array([lightness, strength * np.cos(angle), strength * np.sin(angle)], np.float32)
    found = to_lab(fitted(wanted))
    assert found[0] == pytest.approx(lightness, abs=1)
    assert chroma(found) <= strength + 0.5
    if chroma(found) > 4:
        turned = (np.degrees(np.arctan2(found[2], found[1])) - hue + 180) % 360 - 180
        assert abs(turned) < 6


def test_hex_is_read_and_written() -> None:
    assert from_hex("#b4512b").tolist() == [0xB4, 0x51, 0x2B]
    assert to_hex(np.array([0, 10, 255], np.uint8)) == "#000aff"
    with pytest.raises(ValueError, match="#rrggbb"):
        from_hex("#fff0")
