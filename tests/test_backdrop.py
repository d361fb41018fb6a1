import numpy as np
import pytest

from feedsmith.brand import Palette
from feedsmith.colour import from_hex, to_lab
from feedsmith.design.backdrop import STYLES, scene
from feedsmith.design.cutout import Cutout

ROLES = Palette(paper="#f5f0e6", ink="#1f1b16", accent="#b4512b", accent_2="#3f5b4b")
SIZE = (432, 540)


def bottle(touches: tuple[str, ...] = (), lit: str = "left") -> Cutout:
    """A blue block, lighter at one side, with three empty rows under it."""
    rgba = np.zeros((203, 100, 4), np.uint8)
    rgba[:200, :, 3] = 255
    rgba[..., :3] = (30, 60, 150)
    side = slice(0, 50) if lit == "left" else slice(50, 100)
    rgba[:, side, :3] += np.uint8(60)
    return Cutout(rgba, (0, 0, 100, 203), 0.9, "plain", touches)


def light(rgb: np.ndarray) -> np.ndarray:
    return to_lab(rgb)[..., 0]


@pytest.mark.parametrize("style", STYLES)
def test_every_style_shows_the_product_whole_on_its_ground_line(style: str) -> None:
    texture = np.random.default_rng(3).integers(0, 256, (90, 120, 3), dtype=np.uint8)
    made = scene(bottle(), SIZE, ROLES, style, 7, texture=texture)
    assert made.rgb.shape == (540, 432, 3)
    left, top, right, bottom = made.box
    assert 0 <= left < right <= 432
    assert 0 <= top < bottom
    blue = made.rgb[..., 2].astype(int) - made.rgb[..., 0] > 40
    rows = np.nonzero(blue[:, (left + right) // 2])[0]
    assert abs(rows.max() - 0.8 * 540) <= 3, "it stands on the line, not on its margin"


def test_the_ground_is_darkest_at_the_foot_and_clear_far_away() -> None:
    made = scene(bottle(), SIZE, ROLES, "sweep", 1, ground="#e8dccb")
    left, _, right, _ = made.box
    below = light(made.rgb)[:, (left + right) // 2]
    foot = round(0.8 * 540)
    assert below[foot + 3] < below[foot + 30] - 3
    assert below[foot + 30] <= below[foot + 80] + 1.5


@pytest.mark.parametrize("lit", ["left", "right"])
def test_the_shadow_falls_away_from_the_products_own_light(lit: str) -> None:
    made = scene(bottle(lit=lit), SIZE, ROLES, "flat", 1, ground="#e8dccb")
    left, _, right, bottom = made.box
    rows = slice(bottom - 26, bottom - 8)
    before = float(light(made.rgb)[rows, left - 34 : left - 10].mean())
    behind = float(light(made.rgb)[rows, right + 10 : right + 34].mean())
    assert (before > behind) == (lit == "left")


def test_no_product_is_blown_up_beyond_what_its_pixels_bear() -> None:
    small = Cutout(bottle().rgba[::4, ::4], (0, 0, 25, 51), 0.9, "plain")
    made = scene(small, SIZE, ROLES, "flat", 1)
    assert made.box[2] - made.box[0] <= 1.5 * 25 + 1


def test_the_chosen_ground_is_one_the_product_stands_out_from() -> None:
    rgba = bottle().rgba.copy()
    rgba[..., :3] = from_hex("#ece4d6")
    pale = Cutout(rgba, (0, 0, 100, 203), 0.9, "plain")
    for seed in range(12):
        made = scene(pale, SIZE, ROLES, "flat", seed)
        apart = to_lab(from_hex(made.ground)) - to_lab(from_hex("#ece4d6"))
        assert np.linalg.norm(apart) > 12


def test_what_the_photo_cut_off_bleeds_off_the_same_side() -> None:
    assert scene(bottle(("bottom",)), SIZE, ROLES, "flat", 1).box[3] == 540
    assert scene(bottle(("left",)), SIZE, ROLES, "flat", 1).box[0] == 0
    assert scene(bottle(("top",)), SIZE, ROLES, "flat", 1).box[1] == 0


def test_a_whole_photo_becomes_a_print_with_its_colours_untouched() -> None:
    photo = np.random.default_rng(5).integers(0, 256, (300, 240, 3), dtype=np.uint8)
    made = scene(photo, SIZE, ROLES, "podium", 2)
    left, top, right, bottom = made.box
    assert 0 < left < right < 432
    shown = made.rgb[top:bottom, left:right].astype(float)
    assert np.abs(shown.mean((0, 1)) - photo.mean((0, 1))).max() < 3
    assert light(made.rgb)[bottom + 4, (left + right) // 2] < light(made.rgb)[538, 10] + 8


def test_one_seed_gives_the_same_bytes_and_another_does_not() -> None:
    one = scene(bottle(), SIZE, ROLES, "arch", 4).rgb
    assert one.tobytes() == scene(bottle(), SIZE, ROLES, "arch", 4).rgb.tobytes()
    assert one.tobytes() != scene(bottle(), SIZE, ROLES, "arch", 5).rgb.tobytes()


def test_an_unknown_style_is_refused() -> None:
    with pytest.raises(KeyError):
        scene(bottle(), SIZE, ROLES, "beach", 1)
