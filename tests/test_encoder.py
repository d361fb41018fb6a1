import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from feedsmith.errors import MissingModel
from feedsmith.understanding import encoder
from feedsmith.understanding.encoder import Encoder
from feedsmith.understanding.networks import WEIGHTS

PHOTOS = Path(__file__).parent / "fixtures" / "formats" / "photos"


def photo(name: str) -> np.ndarray:
    return np.asarray(Image.open(PHOTOS / f"{name}.jpg").convert("RGB"))


@pytest.fixture(scope="module")
def eye() -> Encoder:
    return Encoder()


def test_it_gives_unit_vectors_that_repeat_to_the_bit(eye: Encoder) -> None:
    one, again = eye.features(photo("duck")), eye.features(photo("duck"))
    assert one.shape == (1280,)
    assert one.dtype == np.float32
    assert np.isclose(np.linalg.norm(one), 1, atol=1e-5)
    assert one.tobytes() == again.tobytes()


def test_it_sees_a_mirrored_copy_as_nearer_than_any_other_photo(eye: Encoder) -> None:
    own = eye.features(photo("sneaker"))
    mirrored = eye.features(photo("sneaker")[:, ::-1].copy())
    others = [eye.features(photo(name)) for name in ("duck", "leaves", "wolf")]
    assert own @ mirrored > 0.85
    assert max(own @ other for other in others) < 0.7


def test_it_names_everyday_things(eye: Encoder) -> None:
    assert eye.tags(photo("sneaker"))[0].label == "sneaker"
    assert eye.tags(photo("sneaker"))[0].group == "clothing"


def test_it_sorts_every_label_into_a_known_group() -> None:
    known = encoder.labels()
    assert len(known) == 1000
    assert {label.group for label in known} <= set(encoder.GROUPS)


def test_it_adds_probabilities_up_to_one(eye: Encoder) -> None:
    masses = encoder.group_masses(eye.look(photo("duck")).probabilities)
    assert abs(sum(masses.values()) - 1) < 1e-4


def test_it_works_again_after_it_was_closed() -> None:
    with Encoder() as eye:
        before = eye.features(photo("duck"))
    assert eye.features(photo("duck")).tobytes() == before.tobytes()


def test_it_says_that_the_network_is_missing(tmp_path: Path) -> None:
    with pytest.raises(MissingModel, match=r"encoder\.onnx"):
        Encoder(tmp_path).features(photo("duck"))


def test_it_refuses_a_network_that_was_altered(tmp_path: Path) -> None:
    shutil.copy(WEIGHTS / "manifest.json", tmp_path)
    data = bytearray((WEIGHTS / "encoder.onnx").read_bytes())
    data[-1] ^= 1
    (tmp_path / "encoder.onnx").write_bytes(data)
    with pytest.raises(MissingModel, match="not the one"):
        Encoder(tmp_path).features(photo("duck"))
