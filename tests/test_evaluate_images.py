"""The picture report of a brand: a folder or a generator beside a data set, the page, the command."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from test_evaluate_captions import Page
from test_measures_nearest import pictures

pytest.importorskip("h5py")

from feedsmith.brand import Brand, Home
from feedsmith.dataset import DataSet, Writer
from feedsmith.errors import FeedsmithError
from feedsmith.evaluate import images as stage
from feedsmith.evaluate.figures import ImageReport, ImageSettings
from feedsmith.evaluate.images_page import rows
from feedsmith.understanding.networks import WEIGHTS

BRAND = Brand(name="Fog <& Pine>", niche="hiking & outdoor store")


def data_set(path: Path, photos: np.ndarray, held: int = 8) -> Path:
    """A data set of `photos`, the last ones held out."""
    count, side = photos.shape[:2]
    path.parent.mkdir(parents=True, exist_ok=True)
    note = np.dtype([("nothing", "u1")])
    with Writer(path, count, side, pyramid=False, note=note, key="test") as writer:
        for row, photo in enumerate(photos):
            writer.put(row, Image.fromarray(photo), (0,))
        writer.finish(
            writer.order(range(count)),
            ids=[f"{i:016x}" for i in range(count)],
            captions=[""] * count,
            keywords=[[]] * count,
            boxes=np.zeros((count, 4), np.int32),
            split=(np.arange(count) >= count - held).astype(np.uint8),
            crop="square",
            sha256="0" * 64,
        )
        writer.publish()
    return path


def home(root: Path, photos: np.ndarray | None = None) -> Home:
    place = Home(root)
    place.create(BRAND)
    data_set(root / "datasets" / "images-32.h5", pictures(40, 1, 32) if photos is None else photos)
    return place


def folder(path: Path, made: np.ndarray) -> Path:
    path.mkdir(parents=True)
    for number, picture in enumerate(made):
        Image.fromarray(picture).save(path / f"{number:03}.png")
    return path


def generator(place: Home, side: int = 32) -> None:
    """A generator with random weights: colours spread over a picture."""
    onnx = pytest.importorskip("onnx")
    helper, numpy_helper = onnx.helper, onnx.numpy_helper
    rng = np.random.default_rng(1)
    weights = rng.standard_normal((8, 3 * 4 * 4)).astype(np.float32)
    constants = {
        "w": weights,
        "shape": np.array([-1, 3, 4, 4]),
        "scales": np.array([1, 1, side / 4, side / 4], np.float32),
    }
    nodes = [
        helper.make_node("MatMul", ["z", "w"], ["flat"]),
        helper.make_node("Tanh", ["flat"], ["bounded"]),
        helper.make_node("Reshape", ["bounded", "shape"], ["small"]),
        helper.make_node("Resize", ["small", "", "scales"], ["rgb"], mode="linear"),
    ]
    kind = onnx.TensorProto.FLOAT
    graph = helper.make_graph(
        nodes,
        "generator",
        [helper.make_tensor_value_info("z", kind, ["n", 8])],
        [helper.make_tensor_value_info("rgb", kind, ["n", 3, side, side])],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    model = helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8
    ).SerializeToString()
    where = place.root / "models" / "images"
    where.mkdir(parents=True)
    (where / "generator.onnx").write_bytes(model)
    told = {
        "what": "image generator",
        "recipe": "compact",
        "size": side,
        "z_dim": 8,
        "files": {"generator.onnx": {"sha256": hashlib.sha256(model).hexdigest()}},
    }
    (where / "card.json").write_text(json.dumps(told))


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> tuple[Home, ImageReport]:
    """A folder of 14 pictures, two of them photos of the training set, one mirrored."""
    root = tmp_path_factory.mktemp("measured")
    photos = pictures(40, 1, 32)
    place = home(root / "shop", photos)
    made = pictures(14, 3, 32)
    made[3], made[9] = photos[5], photos[7, :, ::-1]
    where = folder(root / "made", made)
    return place, stage.evaluate(place, ImageSettings(pictures=str(where)))


def test_all_is_measured_by_pixels_and_two_networks(measured: tuple[Home, ImageReport]) -> None:
    _, told = measured
    assert (told.training, told.held_out, told.made, told.size) == (32, 8, 14, 32)
    assert told.likeness.pictures == 14
    assert list(told.likeness.swd) == [32, 16]
    assert [one.by for one in told.likeness.seen] == ["encoder", "saliency network"]
    assert [near.by for near in told.likeness.near] == ["pixels", "encoder"]
    assert told.data == "images-32.h5"
    assert "made/" in told.source
    assert any("not Inception" in note and "flattered" in note for note in told.notes)


def test_copies_are_named_with_their_photo(measured: tuple[Home, ImageReport]) -> None:
    _, told = measured
    assert told.likeness.near[0].same == 2
    by_pixels = {one.picture: one.photo for one in told.nearest if one.by == "pixels"}
    assert by_pixels["003.png"] == f"{5:016x}"
    assert by_pixels["009.png"] == f"{7:016x}"
    assert [one.number for one in told.shown] == list(range(14))  # unpicked, in order
    assert told.shown[3].photo == f"{5:016x}"
    assert told.shown[3].distance == pytest.approx(0, abs=1e-4)


def test_the_page_is_one_file_that_loads_nothing_and_says_so(
    measured: tuple[Home, ImageReport],
) -> None:
    place, told = measured
    page = Page(place.root / "reports" / "images.html")
    images = [a for tag, a in page.tags if tag == "img"]
    assert len(images) == 2 * (14 + len(told.nearest))
    assert all(str(a["src"]).startswith("data:") and a["alt"] for a in images)
    assert not [tag for tag, _ in page.tags if tag in ("script", "iframe")]
    for part in ("See them", "How near", "How varied", "Copies?", "Fog <& Pine>", "not Inception"):
        assert part in page.text
    assert "Some come nearer to a training photo" in page.text
    assert "nan" not in page.text.lower().split()
    written = json.loads((place.root / "reports" / "images.json").read_text("utf-8"))
    assert ImageReport.model_validate(written) == told
    lines = " ".join(figure for _, figure in rows(told))
    assert "two read as a training photo" in lines


def test_pictures_of_another_size_are_brought_to_the_data_sets(tmp_path: Path) -> None:
    place = home(tmp_path / "shop")
    larger = np.stack([np.kron(p, np.ones((2, 3, 1), np.uint8)) for p in pictures(3, 3, 32)])
    made = stage.of_folder(folder(tmp_path / "wide", larger), 10, 32, 0, [])
    # 96x64: the middle square, at half its size.
    assert made.pictures.shape == (3, 32, 32, 3)
    smaller = folder(tmp_path / "small", pictures(3, 3, 16))
    assert stage.of_folder(smaller, 10, 32, 0, []).pictures.shape == (3, 16, 16, 3)
    with DataSet.open(stage.data_file(place, "")) as data:
        photos = stage.Photos(data, data.held, 16).read(np.array([0, 3]))
    assert photos.shape == (2, 16, 16, 3)
    with pytest.raises(FeedsmithError, match="8 px cannot be compared"):
        stage.of_folder(folder(tmp_path / "tiny", pictures(2, 3, 8)), 10, 32, 0, [])


def test_more_pictures_than_there_is_room_for_are_compared_smaller(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stage, "ROOM", 10 * 32 * 32 * 3)
    where = folder(tmp_path / "made", pictures(20, 3, 32))
    notes: list[str] = []
    assert stage.of_folder(where, 20, 32, 0, notes).pictures.shape[1] == 16
    assert any("16 px" in note and "--count" in note for note in notes)
    assert stage.of_folder(where, 10, 32, 0, []).pictures.shape == (10, 32, 32, 3)


def test_the_brands_generator_is_drawn_from_by_the_seed(tmp_path: Path) -> None:
    place = home(tmp_path / "shop")
    generator(place)
    notes: list[str] = []
    quiet = lambda *_: None  # noqa: E731
    one = stage.generated(place, ImageSettings(count=70, seed=3), 32, notes, quiet)
    again = stage.generated(place, ImageSettings(count=70, seed=3), 32, notes, quiet)
    other = stage.generated(place, ImageSettings(count=70, seed=4), 32, notes, quiet)
    assert one.pictures.shape == (70, 32, 32, 3)
    assert np.array_equal(one.pictures, again.pictures)
    assert not np.array_equal(one.pictures, other.pictures)
    assert "compact 32" in one.source
    assert one.names[:2] == ("number 1", "number 2")
    assert notes == []


def test_files_that_are_no_pictures_are_told_and_left_out(tmp_path: Path) -> None:
    where = folder(tmp_path / "made", pictures(4, 3, 32))
    (where / "broken.png").write_bytes(b"not a picture")
    notes: list[str] = []
    assert len(stage.of_folder(where, 10, 32, 0, notes).pictures) == 4
    assert any("1 of 5 files" in note and "broken.png" in note for note in notes)
    few = stage.of_folder(where, 2, 32, 1, [])
    assert few.names == stage.of_folder(where, 2, 32, 1, []).names


def test_a_missing_network_is_told_and_the_other_one_judges(tmp_path: Path) -> None:
    for name in ("encoder.onnx", "manifest.json"):
        shutil.copy(WEIGHTS / name, tmp_path)
    notes: list[str] = []
    with ExitStack() as networks:
        assert [eye.name for eye in stage.eyes(networks, notes, tmp_path)] == ["encoder"]
    assert any("saliency network does not judge" in note for note in notes)


def test_five_photos_give_a_report_that_says_what_is_not_known(tmp_path: Path) -> None:
    place = home(tmp_path / "shop", pictures(5, 1, 32))
    data_set(place.root / "datasets" / "few.h5", pictures(5, 1, 32), held=0)
    where = folder(tmp_path / "made", pictures(9, 3, 32))
    told = stage.evaluate(place, ImageSettings(pictures=str(where), data="datasets/few.h5"))
    assert told.likeness.pictures == 0
    assert len(told.shown) == 9
    assert any("16 training photos" in note for note in told.notes)
    assert any("holds no photos out" in note for note in told.notes)
    assert "Copies?" in Page(place.root / "reports" / "images.html").text


def test_what_is_missing_is_said_with_the_next_step(tmp_path: Path) -> None:
    with pytest.raises(FeedsmithError, match=r"brand\.toml"):
        stage.evaluate(Home(tmp_path / "nowhere"), ImageSettings())
    bare = Home(tmp_path / "bare")
    bare.create(BRAND)
    with pytest.raises(FeedsmithError, match="no data set") as caught:
        stage.evaluate(bare, ImageSettings())
    assert "feedsmith prepare" in caught.value.mend
    place = home(tmp_path / "shop")
    with pytest.raises(FeedsmithError, match="is no folder"):
        stage.evaluate(place, ImageSettings(pictures=str(tmp_path / "absent")))
    (tmp_path / "empty").mkdir()
    with pytest.raises(FeedsmithError, match="no picture in it"):
        stage.evaluate(place, ImageSettings(pictures=str(tmp_path / "empty")))
    cut = place.root / "datasets" / "images-32.h5"
    cut.write_bytes(cut.read_bytes()[: cut.stat().st_size // 2])
    with pytest.raises(FeedsmithError, match=r"images-32\.h5"):
        stage.evaluate(place, ImageSettings(pictures=str(tmp_path / "empty")))


def test_the_command_prints_the_figures_and_names_the_page(tmp_path: Path) -> None:
    place = home(tmp_path / "shop")
    where = folder(tmp_path / "made", pictures(9, 3, 32))
    command = [sys.executable, "-c", "from feedsmith.cli import main; main()", "evaluate", "images"]
    done = subprocess.run(
        [*command, str(place.root), "--pictures", str(where), "--count", "8"],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "COLUMNS": "200"},
    )
    assert done.returncode == 0, done.stdout + done.stderr
    for part in ("SWD x1000", "KID x1000, encoder", "MS-SSIM", "Nearest photo", "images.html"):
        assert part in done.stdout
    wrong = subprocess.run(
        [*command, str(place.root), "--data", "none.h5"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert wrong.returncode == 1
    assert "none.h5" in wrong.stderr
    assert "Traceback" not in wrong.stderr
