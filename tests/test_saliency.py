from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from feedsmith.errors import MissingModel
from feedsmith.understanding.saliency import Saliency, by_contrast

PHOTOS = Path(__file__).parent / "fixtures" / "formats" / "photos"


def photo(name: str) -> np.ndarray:
    return np.asarray(Image.open(PHOTOS / f"{name}.jpg").convert("RGB"))


def test_it_keeps_the_shape_of_the_picture_at_320_pixels() -> None:
    found = Saliency().map(photo("duck")[:200])
    wide = photo("duck").shape[1]
    assert max(found.shape) == 320
    assert abs(found.shape[0] / found.shape[1] - 200 / wide) < 0.01
    assert found.dtype == np.float32
    assert found.min() >= 0
    assert found.max() <= 1


def test_it_finds_the_duck_and_not_the_ground() -> None:
    rgb = photo("duck")
    found = Saliency().map(rgb)
    height, width = found.shape
    small = np.asarray(Image.fromarray(rgb).resize((width, height)), np.int16)
    yellow = (small[..., 0] > 150) & (small[..., 2] < 100)
    assert found[yellow].mean() > 0.7
    assert found[: height // 12].mean() < 0.2


def test_it_leaves_a_picture_without_a_subject_dark() -> None:
    noise = np.random.default_rng(0).integers(90, 130, (200, 300, 3), np.uint8)
    assert Saliency().map(noise).mean() < 0.3
    assert by_contrast(noise).mean() < 0.1


def test_it_has_a_fallback_that_sees_a_bright_spot() -> None:
    rgb = np.full((100, 150, 3), 40, np.uint8)
    rgb[40:60, 60:90] = (230, 200, 40)
    found = by_contrast(rgb)
    assert max(found.shape) == 320
    assert found[107, 160] > 0.6
    assert found[5, 5] < 0.1


def test_it_says_that_the_network_is_missing(tmp_path: Path) -> None:
    with pytest.raises(MissingModel):
        Saliency(tmp_path).map(photo("duck"))
