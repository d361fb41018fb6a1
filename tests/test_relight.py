import numpy as np

from feedsmith.colour import chroma, to_lab
from feedsmith.images import relight
from pictures import landscape, leaves


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
