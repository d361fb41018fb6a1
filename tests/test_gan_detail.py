"""A small picture with the detail of one photo: which photo, and what comes out."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageFilter

from feedsmith.colour import Bytes, to_lab
from feedsmith.images import resample
from feedsmith.images.gan import detail
from feedsmith.images.known import Known
from feedsmith.library import Library, import_into
from feedsmith.understanding.traits import Traits
from pictures import disc, landscape, leaves

WIDTH, HEIGHT = 144, 180
MADE = {
    "hills.png": landscape(480, 640, seed=2),
    "leaves.png": leaves(480, 640, seed=3),
    "blurred.png": np.asarray(
        Image.fromarray(landscape(480, 640, seed=5)).filter(ImageFilter.GaussianBlur(12))
    ),
    "vase.png": disc(480, 640),
}


def _traits(photo: str, **more: object) -> Traits:
    return Traits.model_validate(
        {"id": photo, "made": "test", "brightness": 0.5, "sharpness": 0.5, "score": 1.0,
         "salient": 0.0, "suits": "none", "rows": 0.0, "noise": 0.0} | more
    )  # fmt: skip


@pytest.fixture(scope="module")
def known(tmp_path_factory: pytest.TempPathFactory) -> Known:
    return _stocked(tmp_path_factory.mktemp("brand"))


def _stocked(root: Path, **more: object) -> Known:
    (root / "in").mkdir()
    for name, rgb in MADE.items():
        Image.fromarray(rgb).save(root / "in" / name)
    library = Library(root / "library")
    import_into(library, [root / "in"], keep_all=True)
    traits = {p.id: _traits(p.id, **more) for p in library.photos()}
    return Known(library, traits, None)


def _id(known: Known, name: str) -> str:
    return next(photo.id for photo in known.photos if photo.name == name)


def _small(rgb: Bytes, side: int = 32) -> Bytes:
    """A photo as a small generator would draw one: square, soft."""
    part = rgb[:, : rgb.shape[0]]
    soft = Image.fromarray(np.ascontiguousarray(part)).resize((side, side), Image.Resampling.BOX)
    return np.asarray(soft.filter(ImageFilter.GaussianBlur(0.8)))


def _near(known: Known, small: Bytes, **more: object) -> list[str]:
    photos = detail.near(small, np.zeros(1, np.float32), {}, known, **more)  # type: ignore[arg-type]
    return [photo.name for photo in photos]


def _drawn(known: Known, small: Bytes, names: Sequence[str]) -> list[detail.Drawn]:
    photos = [known.by_id[_id(known, name)] for name in names]
    framed = detail.framed(small, WIDTH, HEIGHT)
    return detail.drafts(framed, WIDTH, HEIGHT, photos, known, 1)


def test_forms_are_the_drawing_s_and_detail_is_the_photo_s(known: Known) -> None:
    small = _small(landscape(480, 480, seed=9, sky=0.3))
    drawn = _drawn(known, small, ["hills.png"])[0]
    whole = drawn.finished()
    assert whole.rgb.shape == (HEIGHT, WIDTH, 3)
    framed = detail.framed(small, WIDTH, HEIGHT)
    came = to_lab(resample.resize(whole.rgb, *framed.shape[:2]))[..., 0]
    wanted = to_lab(framed)[..., 0]
    assert np.corrcoef(came.ravel(), wanted.ravel())[0, 1] > 0.8
    large = np.asarray(Image.fromarray(framed).resize((WIDTH, HEIGHT), Image.Resampling.LANCZOS))

    def fine(rgb: Bytes) -> float:
        light = to_lab(rgb)[..., 0]
        return float(np.abs(np.diff(light, axis=1)).mean())

    assert fine(whole.rgb) > 1.5 * fine(large)


def test_every_patch_comes_from_the_one_photo(known: Known) -> None:
    drawn = _drawn(known, _small(landscape(480, 480, seed=9)), ["hills.png"])[0]
    source = drawn.draft.task.source
    field = drawn.finished().field
    assert field.min() >= 0
    assert field[..., 0].max() < source.shape[0]
    assert field[..., 1].max() < source.shape[1]
    assert drawn.photo.name == "hills.png"


def test_the_palette_is_the_drawing_s(known: Known) -> None:
    red = _small(landscape(480, 480, seed=9)).astype(float) * [1.3, 0.8, 0.6]
    small = np.clip(red, 0, 255).astype(np.uint8)
    whole = _drawn(known, small, ["hills.png"])[0].finished().rgb
    photo = MADE["hills.png"]
    target, came, was = (float(to_lab(rgb)[..., 1].mean()) for rgb in (small, whole, photo))
    assert abs(came - target) < 0.5 * abs(was - target)


def test_the_same_seed_gives_the_same_bytes(known: Known) -> None:
    small = _small(leaves(480, 480, seed=8))
    one, two = (_drawn(known, small, ["leaves.png", "hills.png"]) for _ in range(2))
    assert [drawn.photo.id for drawn in one] == [drawn.photo.id for drawn in two]
    assert one[0].finished().rgb.tobytes() == two[0].finished().rgb.tobytes()


def test_the_photo_that_can_explain_a_drawing_comes_first(known: Known) -> None:
    for rgb, best in (
        (landscape(480, 480, seed=9), "hills.png"),
        (leaves(480, 480, 8), "leaves.png"),
    ):
        names = ["vase.png", "leaves.png", "hills.png"]
        assert _drawn(known, _small(rgb), names)[0].photo.name == best


def test_blurred_detail_has_a_worse_mark_than_sharp_detail(known: Known) -> None:
    small = _small(landscape(480, 480, seed=9))
    marks = {name: _drawn(known, small, [name])[0].mark for name in ("hills.png", "blurred.png")}
    assert marks["blurred.png"] > marks["hills.png"] + 0.5


def test_a_photo_that_cannot_show_the_drawing_is_refused(known: Known) -> None:
    rng = np.random.default_rng(4)
    confetti = rng.integers(0, 256, (32, 32, 3), np.uint8)
    assert _drawn(known, confetti, ["vase.png"])[0].mark > detail.ACCEPT


def test_the_nearest_palette_is_tried_first(known: Known) -> None:
    assert _near(known, _small(leaves(480, 480, seed=8)))[0] == "leaves.png"
    assert _near(known, _small(disc(480, 640)))[0] == "vase.png"


def test_people_things_and_blurred_photos_lend_nothing(tmp_path: Path) -> None:
    face = {"left": 0.4, "top": 0.3, "right": 0.6, "bottom": 0.5}
    for number, more in enumerate(
        ({"faces": [face]}, {"groups": {"building": 0.9}}, {"sharpness": 0.01})
    ):
        root = tmp_path / str(number)
        root.mkdir()
        assert _near(_stocked(root, **more), _small(leaves(480, 480))) == []


def test_what_was_used_lately_comes_last_and_only_what_may_be_used_comes(known: Known) -> None:
    small = _small(leaves(480, 480, seed=8))
    assert _near(known, small, avoid={_id(known, "leaves.png")})[-1] == "leaves.png"
    assert _near(known, small, among={_id(known, "hills.png")}) == ["hills.png"]
    assert len(_near(known, small, count=2)) == 2


def test_a_photo_that_went_missing_is_left_out(tmp_path: Path) -> None:
    known = _stocked(tmp_path)
    known.library.path(known.by_id[_id(known, "leaves.png")]).unlink()
    drawn = _drawn(known, _small(leaves(480, 480, seed=8)), ["leaves.png", "hills.png"])
    assert [one.photo.name for one in drawn] == ["hills.png"]


@pytest.mark.parametrize("at", [0.3, 0.7])
def test_a_square_is_cut_round_what_stands_out(at: float) -> None:
    small = np.asarray(Image.fromarray(disc(96, 96, (0.5, at))).resize((64, 64)))
    for width, height in ((1080, 1350), (1080, 1920)):
        framed = detail.framed(small, width, height)
        assert abs(framed.shape[1] / framed.shape[0] - width / height) < 0.02
        orange = (framed[..., 0] > 180) & (framed[..., 2] < 110)
        whole = (small[..., 0] > 180) & (small[..., 2] < 110)
        assert orange.sum() > 0.95 * whole.sum()


def test_a_square_for_a_square_is_left_as_it_is() -> None:
    small = _small(leaves(96, 96))
    assert np.array_equal(detail.framed(small, 1080, 1080), small)
