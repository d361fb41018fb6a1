"""Contrast with the real pixels behind words, and the scrim."""

import numpy as np
import pytest

from feedsmith.design import contrast

WHITE, BLACK = (255, 255, 255), (0, 0, 0)


def page(colour: tuple[int, int, int], height: int = 120, width: int = 160) -> np.ndarray:
    return np.full((height, width, 3), colour, np.uint8)


def word(box: tuple[int, int, int, int]) -> contrast.Words:
    x0, y0, x1, y1 = box
    return contrast.Words("headline", box, np.ones((y1 - y0, x1 - x0), np.bool_))


def test_it_gives_the_ratios_of_the_standard() -> None:
    assert contrast.ratio(WHITE, BLACK) == pytest.approx(21, abs=0.01)
    assert contrast.ratio(BLACK, WHITE) == contrast.ratio(WHITE, BLACK)
    # #767676 on white is the well-known lightest grey that passes AA.
    assert contrast.ratio((0x76, 0x76, 0x76), WHITE) == pytest.approx(4.54, abs=0.01)


def test_it_finds_each_text_element_by_its_flat_colour() -> None:
    marks, alpha = page(BLACK), np.zeros((120, 160), np.uint8)
    marks[20:30, 40:60, 0], alpha[20:30, 40:60] = 40, 255
    marks[70:90, 10:100, 0], alpha[70:90, 10:100] = 56, 255
    found = contrast.elements(marks, alpha, {"kicker": 40, "headline": 56, "body": 72})
    assert [(w.slot, w.box) for w in found] == [
        ("kicker", (36, 16, 64, 34)),
        ("headline", (6, 66, 104, 94)),
    ]


def test_a_pale_patch_behind_a_few_letters_decides() -> None:
    dark = page((20, 20, 20))
    assert contrast.measured(dark, word((10, 10, 150, 60)), WHITE) > 15
    dark[10:60, 140:150] = 230
    assert contrast.measured(dark, word((10, 10, 150, 60)), WHITE) < 1.5


def test_what_is_beside_the_words_does_not_count() -> None:
    half = page((20, 20, 20))
    half[60:] = 255
    assert contrast.measured(half, word((10, 10, 150, 58)), WHITE) > 15


def test_a_scrim_is_whole_behind_the_words_and_eases_out() -> None:
    strength = contrast.slope((200, 100), 120, 200, 80)
    assert strength[120:].min() == 1
    assert strength[:40].max() == 0
    assert (np.diff(strength[40:121]) >= 0).all()
    # No visible edge: it starts and ends flat.
    assert strength[45] < 0.01
    assert strength[115] > 0.99


@pytest.mark.parametrize("tint", [(30, 40, 20), (250, 245, 230)])
def test_a_scrim_moves_the_picture_towards_its_colour(tint: tuple[int, int, int]) -> None:
    rng = np.random.default_rng(1)
    picture = rng.integers(0, 256, (64, 64, 3), dtype=np.uint8)
    strength = np.full(64, 0.8, np.float32)
    veiled = contrast.veiled(picture, tint, strength, None, np.random.default_rng(2))
    word_colour = WHITE if sum(tint) < 384 else BLACK
    whole = word((0, 0, 64, 64))
    assert contrast.measured(veiled, whole, word_colour) > 2 * contrast.measured(
        picture, whole, word_colour
    )


def test_no_scrim_leaves_the_picture_but_for_one_level_of_grain() -> None:
    picture = page((90, 120, 60))
    same = contrast.veiled(
        picture, BLACK, np.zeros(120, np.float32), None, np.random.default_rng(0)
    )
    assert np.abs(same.astype(int) - picture).max() <= 1
