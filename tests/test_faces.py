from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from feedsmith.errors import MissingModel
from feedsmith.understanding.faces import Faces

FIXTURES = Path(__file__).parent / "fixtures"


def portrait() -> np.ndarray:
    return np.asarray(Image.open(FIXTURES / "understanding" / "portrait.jpg").convert("RGB"))


@pytest.fixture(scope="module")
def faces() -> Faces:
    return Faces()


def test_it_finds_a_face_where_it_is(faces: Faces) -> None:
    found = faces.find(portrait())
    assert len(found) == 1
    face = found[0]
    assert face.score > 0.8
    assert face.left < 0.45 < face.right
    assert face.top < 0.33 < face.bottom


def test_it_finds_a_small_face_in_a_large_picture_by_its_tiles(faces: Faces) -> None:
    scene = np.full((720, 960, 3), (120, 140, 110), np.uint8)
    small = np.asarray(Image.fromarray(portrait()).resize((200, 200)))
    scene[60:260, 80:280] = small
    found = faces.find(scene)
    assert [round(f.left * 960) < 190 < f.right * 960 for f in found] == [True]


def test_it_finds_no_face_on_things_and_leaves(faces: Faces) -> None:
    for name in ("leaves", "sneaker", "candle0", "boot0", "dock"):
        rgb = np.asarray(Image.open(FIXTURES / "formats/photos" / f"{name}.jpg").convert("RGB"))
        assert faces.find(rgb) == [], name


def test_it_keeps_boxes_inside_the_picture(faces: Faces) -> None:
    for face in faces.find(portrait()[:, 70:150].copy()):
        assert 0 <= face.left < face.right <= 1
        assert 0 <= face.top < face.bottom <= 1


def test_it_says_that_the_network_is_missing(tmp_path: Path) -> None:
    with pytest.raises(MissingModel):
        Faces(tmp_path).find(portrait())
