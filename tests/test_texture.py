from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from feedsmith.understanding import encoder, texture
from feedsmith.understanding.encoder import Encoder
from feedsmith.understanding.faces import Face
from feedsmith.understanding.saliency import Saliency
from feedsmith.understanding.texture import Suitability

PHOTOS = Path(__file__).parent / "fixtures" / "formats" / "photos"
SCENE = dict.fromkeys(encoder.GROUPS, 0.0) | {"scene": 0.9}
LEAVES = dict.fromkeys(encoder.GROUPS, 0.0) | {"fruit": 0.6, "insect": 0.3}


def leaves(height: int = 300, width: int = 400) -> np.ndarray:
    """Detail of the same kind all over."""
    rng = np.random.default_rng(3)
    small = rng.integers(20, 200, (height // 5, width // 5, 1)).repeat(3, 2).astype(np.uint8)
    small[..., 0] //= 2
    return np.asarray(Image.fromarray(small).resize((width, height), Image.Resampling.BICUBIC))


def bands() -> np.ndarray:
    """Sky, ridge, grass: alike from left to right."""
    rgb = leaves().astype(np.int16) // 5
    rgb[:100] += (90, 130, 200)
    rgb[100:200] += (90, 80, 70)
    rgb[200:] += (40, 90, 20)
    return rgb.clip(0, 255).astype(np.uint8)


def judged(rgb: np.ndarray, masses: dict[str, float] | None, **more: object) -> Suitability:
    dark = np.zeros((240, 320), np.float32)
    salient = more.pop("salient", dark)
    return texture.judge(texture.measure(rgb), salient, masses, more.pop("faces", ()))  # type: ignore[arg-type]


def test_it_takes_leaves_for_an_all_over_texture() -> None:
    assert judged(leaves(), LEAVES).suits == "noise"


def test_it_takes_bands_that_the_network_calls_a_scene_for_rows() -> None:
    found = judged(bands(), SCENE)
    assert found.suits == "rows"
    assert found.rows >= texture.ENOUGH


def test_it_never_synthesises_a_face() -> None:
    found = judged(leaves(), LEAVES, faces=[Face(0.4, 0.4, 0.5, 0.5, 0.9)])
    assert (found.suits, found.rows, found.noise) == ("subject", 0, 0)
    assert found.reasons == ("a face",)


def test_it_never_synthesises_things_or_buildings() -> None:
    for group in ("vehicle", "clothing", "object", "furniture", "text", "food", "building"):
        masses = dict.fromkeys(encoder.GROUPS, 0.0) | {group: 0.6, "scene": 0.4}
        for rgb in (leaves(), bands()):
            assert judged(rgb, masses).suits not in ("rows", "noise"), group


def test_it_sees_a_subject_in_what_stands_out() -> None:
    salient = np.zeros((240, 320), np.float32)
    salient[80:160, 120:200] = 1
    found = judged(leaves(), LEAVES, salient=salient)
    assert found.suits == "subject"
    assert "a distinct subject" in found.reasons


def test_it_does_not_dare_without_the_encoder() -> None:
    found = judged(leaves(), None)
    assert found.suits == "none"
    assert found.reasons == ("no network to say what it shows",)


def test_it_measures_slivers_and_plain_pictures() -> None:
    assert texture.measure(np.zeros((10, 900, 3), np.uint8)).flat == 1.0
    plain = texture.measure(np.full((200, 200, 3), 90, np.uint8))
    assert plain.flat == 1.0
    assert plain.sharpness < 1e-5


@pytest.mark.parametrize(
    "name", ["bear", "boot0", "candle0", "duck", "kitten", "robot", "sneaker", "wolf", "sign"]
)
def test_it_calls_no_real_product_or_pet_fit(name: str) -> None:
    rgb = np.asarray(Image.open(PHOTOS / f"{name}.jpg").convert("RGB"))
    with Encoder() as eye, Saliency() as salient:
        masses = encoder.group_masses(eye.look(rgb).probabilities)
        found = texture.judge(texture.measure(rgb), salient.map(rgb), masses, ())
    assert found.suits not in ("rows", "noise")
