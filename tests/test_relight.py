import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from feedsmith.images import relight
from feedsmith.images.colour import chroma, from_lab, to_bytes, to_lab
from pictures import landscape, leaves


@given(st.integers(0, 2**24 - 1))
@settings(max_examples=200, deadline=None)
def test_a_colour_survives_the_way_to_oklab_and_back(colour: int) -> None:
    rgb = np.array([[colour >> 16, colour >> 8 & 255, colour & 255]], np.uint8)
    assert np.abs(to_bytes(from_lab(to_lab(rgb))).astype(int) - rgb).max() <= 1


def test_oklab_agrees_with_its_source() -> None:
    """Reference values for red of the OKLab page: L .628, a .225, b .126."""
    red = to_lab(np.array([255, 0, 0], np.uint8))
    assert red == pytest.approx([62.8, 22.49, 12.58], abs=0.1)


def test_light_moves_towards_the_reference() -> None:
    day = landscape()
    dusk = np.clip(day * np.array([0.95, 0.6, 0.55]), 0, 255).astype(np.uint8)
    lit = relight.transfer(day, dusk, keep_light=0.0, strength=1.0).apply(day)
    before = np.abs(to_lab(day).mean((0, 1)) - to_lab(dusk).mean((0, 1))).sum()
    after = np.abs(to_lab(lit).mean((0, 1)) - to_lab(dusk).mean((0, 1))).sum()
    assert after < 0.5 * before


def test_it_never_gets_garish() -> None:
    neon = np.zeros((64, 64, 3), np.uint8)
    neon[:, :32] = (255, 0, 255)
    neon[:, 32:] = (0, 255, 40)
    lit = relight.transfer(landscape(), neon, keep_light=0.4, strength=1.0).apply(landscape())
    was, now = chroma(to_lab(landscape())), chroma(to_lab(lit))
    assert (now <= np.maximum(was * relight.GAIN_MAX, was + 3.0) + 1.5).all()


def test_greys_stay_near_grey() -> None:
    grey = np.repeat(np.linspace(0, 255, 64, dtype=np.uint8)[None, :, None], 3, 2)
    grey = np.repeat(grey, 64, 0)
    for theme in relight.THEMES.values():
        assert chroma(to_lab(relight.tint(theme).apply(grey))).max() < 3.5


def test_no_change_changes_nothing() -> None:
    picture = leaves()
    same = relight.tint(relight.THEMES["autumn"]).mixed(0.0).apply(picture)
    assert np.abs(same.astype(int) - picture).max() <= 1


def test_the_brand_grade_is_a_quiet_step_the_right_way() -> None:
    dark = (landscape() * 0.55).astype(np.uint8)
    own, brand = relight.look(dark), relight.look(landscape())
    graded = relight.look(relight.grade(own, brand).apply(dark))
    assert own.light < graded.light < own.light + 4.5


def test_free_words_name_a_light() -> None:
    assert relight.theme_named("Fall sale!") is relight.THEMES["autumn"]
    assert relight.theme_named("new boots") is None
