import json
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFilter

from feedsmith.design.cutout import SURE, Cutout, cut, mask, painted
from feedsmith.understanding.saliency import Saliency

DATA = Path(__file__).parent / "data" / "cutouts"
sys.path.insert(0, str(Path(__file__).parent.parent / "bench"))
from cutouts import drawn, overlap, whole  # noqa: E402

ENTRIES = {entry["file"]: entry for entry in json.loads((DATA / "masks.json").read_text())}


@pytest.fixture(scope="module")
def network() -> Saliency:
    return Saliency()


@pytest.fixture(scope="module")
def cuts(network: Saliency) -> dict[str, Cutout]:
    names = ("running-shoe.jpg", "led-bulb.jpg", "wolf_plushie-04.jpg", "duck_toy-02.jpg")
    return {name: cut(photo(name), network) for name in names}


@pytest.fixture(scope="module")
def mug(network: Saliency) -> Cutout:
    return cut(studio_mug()[0], network)


def photo(name: str) -> np.ndarray:
    with Image.open(DATA / name) as image:
        return np.asarray(image.convert("RGB"))


def scored(found: Cutout, name: str) -> float:
    size = photo(name).shape[1::-1]
    return overlap(whole(found, size), drawn(ENTRIES[name], size))


@pytest.mark.parametrize(
    ("name", "floor"),
    [
        ("running-shoe.jpg", 0.97),  # a thin lace on white
        ("led-bulb.jpg", 0.95),  # white on white
        ("wolf_plushie-04.jpg", 0.96),  # fur before bricks
    ],
)
def test_it_cuts_along_the_line_a_hand_drew(
    name: str, floor: float, cuts: dict[str, Cutout]
) -> None:
    found = cuts[name]
    assert scored(found, name) > floor
    assert found.confidence > SURE


def test_fur_is_soft_and_a_hard_edge_is_not(cuts: dict[str, Cutout]) -> None:
    def rim(name: str) -> float:
        alpha = cuts[name].rgba[..., 3]
        return float(((alpha > 25) & (alpha < 230)).sum() / np.sqrt((alpha > 127).sum()))

    assert rim("wolf_plushie-04.jpg") > 1.3 * rim("duck_toy-02.jpg")


def studio_mug() -> tuple[np.ndarray, np.ndarray]:
    """A mug with a handle on grey paper that darkens to one side, its shadow beside it."""
    size = (480, 400)
    shape = Image.new("L", size)
    pen = ImageDraw.Draw(shape)
    pen.rounded_rectangle((150, 110, 300, 300), 14, fill=255)
    pen.ellipse((270, 150, 370, 260), fill=255)
    pen.ellipse((292, 172, 348, 238), fill=0)
    pen.rounded_rectangle((150, 110, 298, 300), 14, fill=255)
    mask = np.asarray(shape) > 127
    shadow = Image.new("L", size)
    ImageDraw.Draw(shadow).ellipse((140, 280, 400, 330), fill=70)
    dark = np.asarray(shadow.filter(ImageFilter.GaussianBlur(14)), np.float32)[..., None] / 255
    ramp = np.linspace(226, 196, size[0], dtype=np.float32)[None, :, None] * np.ones((400, 1, 3))
    picture = ramp * (1 - dark)
    soft = np.asarray(shape.filter(ImageFilter.GaussianBlur(0.8)), np.float32)[..., None] / 255
    picture = picture * (1 - soft) + np.array([150, 62, 40], np.float32) * soft
    noise = np.random.default_rng(1).normal(0, 1.2, picture.shape)
    return np.clip(picture + noise, 0, 255).astype(np.uint8), mask


def test_a_handle_stays_open_and_a_shadow_stays_behind(mug: Cutout) -> None:
    _, mask = studio_mug()
    seen = whole(mug, (480, 400))
    assert overlap(seen, mask) > 0.96
    assert not seen[195:215, 312:330].any(), "the hole of the handle"
    assert not seen[312:326, 200:380].any(), "the shadow"
    assert mug.method == "plain"


def test_the_rim_keeps_no_background_colour(mug: Cutout) -> None:
    rgba = mug.rgba.astype(int)
    rim = (rgba[..., 3] > 60) & (rgba[..., 3] < 200)
    assert rim.sum() > 100
    assert np.abs(np.median(rgba[rim][:, :3], axis=0) - [150, 62, 40]).max() < 22


def test_a_photo_of_nothing_is_never_sure(network: Saliency) -> None:
    noise = np.random.default_rng(0).integers(90, 110, (240, 320, 3), dtype=np.uint8)
    flat = np.full((240, 320, 3), 200, np.uint8)
    tiny = np.zeros((40, 40, 3), np.uint8)
    for picture in (noise, flat, tiny):
        found = cut(picture, network)
        assert found.confidence < SURE
        assert found.why


def test_a_product_cut_off_by_the_photo_says_so(network: Saliency) -> None:
    picture, _ = studio_mug()
    found = cut(picture[:260], network)
    assert found.touches == ("bottom",)


def test_the_same_photo_gives_the_same_bytes(mug: Cutout) -> None:
    one, two = mug, cut(studio_mug()[0], Saliency())
    assert one.rgba.tobytes() == two.rgba.tobytes()
    assert (one.box, one.confidence) == (two.box, two.confidence)


def test_a_large_photo_gives_a_cut_out_no_larger_than_a_post_needs(network: Saliency) -> None:
    picture, _ = studio_mug()
    large = np.asarray(Image.fromarray(picture).resize((2880, 2400)))
    found = cut(large, network)
    assert max(found.rgba.shape) <= 1280
    left, top, right, bottom = found.box
    assert abs((right - left) - 220 * 6) < 45
    assert abs((bottom - top) - 190 * 6) < 45


def two_things() -> np.ndarray:
    """A red jar and a blue one, on a plain table."""
    image = Image.new("RGB", (630, 490), (232, 228, 220))
    draw = ImageDraw.Draw(image)
    draw.rounded_rectangle((98, 154, 266, 392), 28, fill=(178, 40, 36))
    draw.rounded_rectangle((378, 168, 532, 392), 28, fill=(40, 70, 170))
    return np.asarray(image.filter(ImageFilter.GaussianBlur(1.2)))


def solid(found: Cutout, x: int, y: int) -> float:
    """How much of the cut-out stands at this place of the photo, 0..1."""
    left, top, right, bottom = found.box
    if not (left <= x < right and top <= y < bottom):
        return 0.0
    h, w = found.rgba.shape[:2]
    row, column = (y - top) * h // (bottom - top), (x - left) * w // (right - left)
    return float(found.rgba[row, column, 3]) / 255


def test_a_click_takes_out_what_does_not_belong_and_another_brings_it_back(
    network: Saliency,
) -> None:
    rgb = two_things()
    both = cut(rgb, network)
    assert solid(both, 182, 280) > 0.9
    assert solid(both, 455, 280) > 0.9
    out = (455 / 630, 280 / 490, False)
    one = cut(rgb, network, clicks=[out])
    assert solid(one, 182, 280) > 0.9
    assert solid(one, 455, 280) < 0.05
    assert solid(one, 490, 364) < 0.05  # all of it, to its corner
    assert max(solid(one, x, y) for x in range(350, 560, 3) for y in range(140, 420, 9)) < 0.05
    assert (one.confidence, one.why) == (1.0, "")
    again = cut(rgb, network, clicks=[out, (455 / 630, 280 / 490, True)])
    assert solid(again, 455, 280) > 0.9


ALL = (True, 0.01, ())
NOTHING = (False, 0.01, ())


def test_a_stroke_takes_out_exactly_what_it_goes_over(network: Saliency) -> None:
    rgb = two_things()
    along = [(x / 630, 280 / 490) for x in (390, 520)]
    found = cut(rgb, network, strokes=[(False, 20 / 630, along)])
    assert solid(found, 182, 280) > 0.9
    assert solid(found, 455, 270) < 0.02
    assert solid(found, 455, 296) < 0.02
    assert solid(found, 455, 252) > 0.9  # 28 pixels beside a line of 20 either side
    assert (found.confidence, found.why) == (1.0, "")
    kept = cut(rgb, network, strokes=[(False, 20 / 630, along), (True, 8 / 630, along[:1])])
    assert solid(kept, 391, 280) > 0.9
    assert solid(kept, 455, 280) < 0.02


def test_an_outline_can_be_drawn_where_nothing_stands_out(network: Saliency) -> None:
    grey = np.full((400, 600, 3), 128, np.uint8)
    assert cut(grey, network).confidence < SURE
    dot = (True, 50 / 600, [(300 / 600, 200 / 400)])
    found = cut(grey, network, strokes=[NOTHING, dot])
    assert found.confidence == 1
    area = found.rgba[..., 3].astype(float).sum() / 255
    assert area == pytest.approx(np.pi * 50**2, rel=0.01)
    assert found.box == pytest.approx((250, 150, 350, 250), abs=4)
    assert (found.rgba[found.rgba[..., 3] > 0][:, :3] == 128).all()


def test_strokes_go_over_the_border_and_say_what_the_photo_cuts_off() -> None:
    rgb = two_things()
    found = painted(
        rgb, cut(rgb, method="plain"), [NOTHING, (True, 0.1, [(-0.1, 0.5), (0.3, 0.5)])]
    )
    assert found.touches == ("left",)
    whole_photo = painted(rgb, found, [ALL])
    assert whole_photo.box == (0, 0, 630, 490)
    assert (whole_photo.rgba[..., 3] == 255).all()
    assert painted(rgb, found, [ALL, NOTHING]).confidence == 0
    assert painted(rgb, found, [NOTHING]).why == "nothing was kept"


def test_the_mask_of_the_whole_photo_is_where_the_cut_out_lies(network: Saliency) -> None:
    rgb = two_things()
    found = cut(rgb, network)
    shown = mask(found, rgb.shape[:2], 315)
    assert shown.shape == (245, 315)
    assert shown[140, 91] > 240
    assert shown[20, 20] == 0
