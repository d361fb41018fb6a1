"""The saliency network's stages as features, which no file on the disk lists as its outputs."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageFilter

from feedsmith.errors import MissingModel
from feedsmith.understanding.networks import WEIGHTS, Network
from feedsmith.understanding.saliency import Saliency, planes
from feedsmith.understanding.stages import CHANNELS, SIDE, TENSORS, WIDTH, Stages

PHOTOS = Path(__file__).parent / "fixtures" / "formats" / "photos"


def photo(name: str) -> np.ndarray:
    return np.asarray(Image.open(PHOTOS / f"{name}.jpg").convert("RGB").resize((128, 128)))


@pytest.fixture(scope="module")
def eye() -> Stages:
    return Stages()


def test_it_gives_unit_vectors_that_repeat_to_the_bit(eye: Stages) -> None:
    one, again = eye.features(photo("duck")), Stages().features(photo("duck"))
    assert one.shape == (WIDTH,) == (768,)
    assert one.dtype == np.float32
    assert np.isclose(np.linalg.norm(one), 1, atol=1e-5)
    assert one.tobytes() == again.tobytes()


def test_every_stage_is_half_the_size_of_the_one_before(eye: Stages) -> None:
    found = eye.run(list(TENSORS), rgb=planes(photo("duck"), SIDE))
    assert [stage.shape for stage in found] == [
        (1, CHANNELS, SIDE >> i, SIDE >> i) for i in range(len(TENSORS))
    ]
    assert all(stage.std() > 0 for stage in found)


def test_the_map_is_the_same_with_and_without_further_outputs() -> None:
    duck = photo("duck")
    plain = Saliency().map(duck, look=128)
    more = Network("saliency", inner=TENSORS).run(["map"], rgb=planes(duck, 128))[0]
    assert np.abs(plain).max() > 0.1
    assert np.array_equal(Network("saliency").run(["map"], rgb=planes(duck, 128))[0], more)


def test_a_mirrored_copy_is_nearer_than_a_blurred_one_and_that_than_other_photos(
    eye: Stages,
) -> None:
    own = photo("leaves")
    blurred = np.asarray(Image.fromarray(own).filter(ImageFilter.GaussianBlur(3)))
    pictures = [own, own[:, ::-1].copy(), blurred, photo("sneaker")]
    features = [eye.features(picture) for picture in pictures]
    mirrored, soft, other = (float(features[0] @ f) for f in features[1:])
    assert mirrored > soft > other


def test_an_unknown_tensor_and_a_missing_file_are_told(tmp_path: Path) -> None:
    with pytest.raises(Exception, match="no_such_tensor"):
        Network("saliency", inner=["no_such_tensor"]).run(["no_such_tensor"])
    shutil.copy(WEIGHTS / "manifest.json", tmp_path)
    with pytest.raises(MissingModel):
        Stages(tmp_path).features(photo("duck"))
