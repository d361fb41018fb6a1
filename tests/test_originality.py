import io

import numpy as np
import pytest
from PIL import Image

from feedsmith import originality
from feedsmith.colour import Bytes
from feedsmith.images import synthesis
from pictures import landscape, leaves

PHOTOS = {
    **{f"land{i}": landscape(360, 480, seed=i, sky=0.3 + 0.05 * i) for i in range(3)},
    **{f"leaf{i}": leaves(360, 480, seed=10 + i) for i in range(3)},
}


@pytest.fixture(scope="module")
def gate() -> originality.Gate:
    return originality.Gate(PHOTOS.__getitem__, sorted(PHOTOS))


def _jpeg(rgb: Bytes, quality: int) -> Bytes:
    stream = io.BytesIO()
    Image.fromarray(rgb).save(stream, "JPEG", quality=quality)
    return np.asarray(Image.open(stream))


def _brighter(rgb: Bytes) -> Bytes:
    return np.clip((rgb / 255.0) ** 0.8 * 265, 0, 255).astype(np.uint8)


@pytest.mark.parametrize(
    "change",
    [
        lambda a: a,
        lambda a: np.ascontiguousarray(a[:, ::-1]),
        lambda a: np.ascontiguousarray(a[40:330, 90:420]),
        _brighter,
        lambda a: _jpeg(a, 30),
        lambda a: _brighter(_jpeg(np.ascontiguousarray(a[30:320, 400:60:-1]), 30)),
    ],
    ids=["as it is", "mirrored", "cropped", "brighter", "JPEG 30", "all of it"],
)
@pytest.mark.parametrize("photo", ["land1", "leaf2"])
def test_a_planted_copy_is_caught(gate: originality.Gate, photo: str, change) -> None:  # type: ignore[no-untyped-def]
    found = gate.measure(change(PHOTOS[photo]))
    assert found.label == "edited photo"
    assert found.nearest == photo
    assert found.copied_area > originality.COPIED_AREA_MAX


def test_a_different_photo_is_new(gate: originality.Gate) -> None:
    for other in (landscape(360, 480, seed=40), leaves(360, 480, seed=41)):
        found = gate.measure(other)
        assert found.label == "new"
        assert found.copied_area < 0.02


def test_a_small_piece_of_a_photo_is_measured_as_such(gate: originality.Gate) -> None:
    picture = leaves(360, 480, seed=50)
    picture[100:280, 120:360] = PHOTOS["leaf0"][60:240, 40:280]
    assert 0.15 < gate.measure(picture).copied_area < 0.35


def test_an_edited_photo_is_called_one_whatever_is_measured(gate: originality.Gate) -> None:
    assert gate.measure(leaves(360, 480, seed=60), edited=True).label == "edited photo"


def test_an_empty_library_has_no_nearest_photo() -> None:
    found = originality.Gate(PHOTOS.__getitem__, []).measure(PHOTOS["leaf0"])
    assert (found.nearest, found.label) == ("", "new")


def test_pieces_are_counted_by_touching_sides() -> None:
    mask = np.array([[1, 1, 0, 1], [0, 1, 0, 1], [1, 0, 0, 0], [1, 0, 1, 1]], bool)
    assert originality.pieces(mask).tolist() == [3, 2, 2, 2]


def test_the_source_map_of_a_copy_is_one_piece() -> None:
    field = np.stack(np.mgrid[5:205, 9:209], -1).astype(np.int32)
    assert originality.offsets_copied(field).area == pytest.approx(1.0, abs=0.02)
    field[:, 100:, 1] += 30
    assert originality.offsets_copied(field).area == pytest.approx(0.5, abs=0.02)


def test_a_recomposed_picture_is_not_a_copy(gate: originality.Gate) -> None:
    task = synthesis.Task(
        PHOTOS["leaf0"], 300, 300, start=synthesis.noise(), seed=3, vertical_prior=0.0
    )
    made = synthesis.finish(synthesis.draft(task))
    found = gate.measure(made.rgb, sources=("leaf0",), nnf=made.field)
    assert found.copied_area < 0.6
    assert found.nearest.startswith("leaf")
