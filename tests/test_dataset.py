"""The data set file: what is written comes back, and what is damaged says so."""

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from feedsmith import dataset
from feedsmith.dataset import DataSet, Writer, halved, levels
from feedsmith.errors import FeedsmithError

h5py = pytest.importorskip("h5py")

NOTE = np.dtype([("id", "S16"), ("box", "<i4", (4,))])
SIZE, COUNT = 16, 7


def pictures(count: int = COUNT, size: int = SIZE) -> np.ndarray:
    return np.random.default_rng(3).integers(0, 256, (count, size, size, 3), np.uint8)


def box(row: int) -> tuple[int, int, int, int]:
    return (row, 2, row + 40, 42)


def put(writer: Writer, row: int, picture: np.ndarray) -> None:
    writer.put(row, Image.fromarray(picture), (f"id-{row}".encode(), box(row)))


def finish(writer: Writer, keep: list[int]) -> None:
    order = writer.order(keep)
    writer.finish(
        order,
        ids=[f"id-{row}" for row in order],
        captions=["" if row == 1 else f"Nebel 🌫 {row}" for row in order],
        keywords=[["fog", "sea"][: int(row) % 3] for row in order],
        boxes=writer.noted("box", order),
        split=np.array([row % 3 == 2 for row in order], np.uint8),
        crop="centre",
        sha256="ab" * 32,
    )
    writer.publish()


def writing(path: Path, pyramid: bool = True, count: int = COUNT, key: str = "one") -> Writer:
    return Writer(path, count, SIZE, pyramid=pyramid, note=NOTE, key=key)


def made(path: Path, keep: list[int] | None = None, pyramid: bool = True) -> np.ndarray:
    """A data set of those rows; returns all pictures."""
    given = pictures()
    kept = list(range(COUNT)) if keep is None else keep
    with writing(path, pyramid) as writer:
        for row in kept:
            put(writer, row, given[row])
        finish(writer, kept)
    return given


@pytest.fixture
def file(tmp_path: Path) -> Path:
    made(tmp_path / "images-16.h5")
    return tmp_path / "images-16.h5"


def test_what_was_written_comes_back(file: Path) -> None:
    with DataSet.open(file) as data:
        assert (data.size, data.sizes, len(data)) == (16, (4, 8, 16), COUNT)
        assert data.ids == [f"id-{row}" for row in range(COUNT)]
        assert data.captions[:2] == ["Nebel 🌫 0", ""]
        assert data.keywords[:3] == [[], ["fog"], ["fog", "sea"]]
        assert data.boxes.tolist() == [list(box(row)) for row in range(COUNT)]
        assert (data.train.tolist(), data.held.tolist()) == ([0, 1, 3, 4, 6], [2, 5])
        assert data.train.dtype == np.int64
        assert (data.crop, data.sha256) == ("centre", "ab" * 32)
        assert np.array_equal(data.all(), pictures())


def test_the_layout_is_plain_hdf5_for_any_other_program(file: Path) -> None:
    with h5py.File(file, "r") as stored:
        images = stored["images/16"]
        assert (images.shape, images.dtype, images.chunks) == (
            (COUNT, 16, 16, 3),
            np.uint8,
            (1, 16, 16, 3),
        )
        assert images.compression is None
        assert np.array_equal(images[:], pictures())
        assert sorted(stored) == ["boxes", "captions", "ids", "images", "keywords", "split"]
        assert stored["boxes"].dtype == np.int32
        assert stored["keywords"].asstr()[2] == '["fog", "sea"]'
        assert (stored.attrs["format"], stored.attrs["version"]) == ("feedsmith-images", 1)
        assert bool(stored.attrs["complete"])


def test_pictures_are_read_in_any_order_and_more_than_once(file: Path) -> None:
    with DataSet.open(file) as data:
        assert np.array_equal(data.read([5, 0, 5, 6, 1]), pictures()[[5, 0, 5, 6, 1]])
        assert data.read([]).shape == (0, 16, 16, 3)
        assert np.array_equal(data.all(8, [2]), data.read(np.array([2]), 8))
        with pytest.raises(IndexError):
            data.read([COUNT])
        with pytest.raises(IndexError):
            data.read([-1])


def test_a_level_is_the_mean_of_the_one_above(file: Path) -> None:
    with DataSet.open(file) as data:
        blocks = pictures().reshape(COUNT, 8, 2, 8, 2, 3).astype(float).mean(axis=(2, 4))
        assert np.array_equal(data.all(8), np.floor(blocks + 0.5).astype(np.uint8))
        assert np.array_equal(data.all(4), halved(data.all(8)))


def test_a_level_that_is_not_stored_is_worked_out_to_the_same_bytes(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made(tmp_path / "plain.h5", pyramid=False)
    monkeypatch.setattr(dataset, "BLOCK", 2 * 16 * 16 * 3)  # two pictures at once
    with DataSet.open(tmp_path / "plain.h5") as plain, DataSet.open(file) as data:
        assert plain.sizes == (16,)
        for size in (4, 8):
            assert np.array_equal(plain.read([6, 0, 3], size), data.read([6, 0, 3], size))


def test_sizes_that_are_no_halving_are_refused(file: Path) -> None:
    with DataSet.open(file) as data:
        for size in (32, 12, 3, 0):
            with pytest.raises(FeedsmithError, match="cannot be read at"):
                data.read([0], size)


def test_levels_end_at_four_pixels() -> None:
    assert levels(64, True) == (4, 8, 16, 32, 64)
    assert levels(64, False) == (64,)


def test_a_file_rewritten_by_another_program_is_read_too(file: Path) -> None:
    with h5py.File(file, "r+") as stored:
        pixels = stored["images/16"][:]
        del stored["images/16"]
        stored.create_dataset("images/16", data=pixels, chunks=(3, 16, 16, 3), compression="gzip")
    with DataSet.open(file) as data:
        assert np.array_equal(data.read([4, 1]), pictures()[[4, 1]])


# ---- making one ------------------------------------------------------------------------------


def test_gaps_are_closed_from_the_end(tmp_path: Path) -> None:
    given = made(tmp_path / "a.h5", keep=[0, 2, 3, 5, 6])
    with DataSet.open(tmp_path / "a.h5") as data:
        assert data.ids == ["id-0", "id-6", "id-2", "id-3", "id-5"]
        assert np.array_equal(data.all(), given[[0, 6, 2, 3, 5]])
        assert np.array_equal(data.all(4), halved(halved(given[[0, 6, 2, 3, 5]])))
        assert data.boxes[1].tolist() == list(box(6))


def test_nothing_lies_at_the_final_place_until_all_is_there(tmp_path: Path) -> None:
    path = tmp_path / "a.h5"
    with writing(path) as writer:
        put(writer, 0, pictures()[0])
        assert not path.exists()
        with pytest.raises(FeedsmithError, match="not finished"):
            DataSet.open(writer.part)
    assert not path.exists()


def test_a_writer_with_the_same_key_goes_on(tmp_path: Path) -> None:
    given = pictures()
    with writing(tmp_path / "a.h5") as writer:
        for row in (0, 1, 4):
            put(writer, row, given[row])
    with writing(tmp_path / "a.h5") as writer:
        assert np.flatnonzero(writer.done).tolist() == [0, 1, 4]
        for row in (2, 3, 5, 6):
            put(writer, row, given[row])
        finish(writer, list(range(COUNT)))
    assert [p.name for p in tmp_path.iterdir()] == ["a.h5"]
    with DataSet.open(tmp_path / "a.h5") as data:
        assert np.array_equal(data.all(), given)


def test_a_writer_with_another_key_begins_anew(tmp_path: Path) -> None:
    with writing(tmp_path / "a.h5") as writer:
        put(writer, 0, pictures()[0])
    with writing(tmp_path / "a.h5", key="two") as writer:
        assert not writer.done.any()


def test_two_writers_are_kept_apart(tmp_path: Path) -> None:
    with (
        writing(tmp_path / "a.h5"),
        pytest.raises(FeedsmithError, match="another process"),
        writing(tmp_path / "a.h5"),
    ):
        pass


def test_an_unfinished_file_that_is_damaged_is_begun_anew(tmp_path: Path) -> None:
    with writing(tmp_path / "a.h5") as writer:
        put(writer, 0, pictures()[0])
        part = writer.part
    part.write_bytes(part.read_bytes()[: part.stat().st_size // 2])
    with writing(tmp_path / "a.h5") as writer:
        assert not writer.done.any()
        for row in range(COUNT):
            put(writer, row, pictures()[row])
        finish(writer, list(range(COUNT)))
    with DataSet.open(tmp_path / "a.h5") as data:
        assert np.array_equal(data.all(), pictures())


def test_a_finishing_cut_short_is_undone_and_done_again(tmp_path: Path) -> None:
    """HDF5 was killed with some of its blocks written and others not, the gaps closed before."""
    given, keep = pictures(), [0, 2, 3, 6]
    for cut in ("torn", "half", "whole"):
        path = tmp_path / cut / "a.h5"
        with writing(path) as writer:
            for row in keep:
                put(writer, row, given[row])
            order = writer.order(keep)
            part, undo = writer.part, writer.undo
            writer.finish(
                order, ids=["x"] * 4, captions=["y"] * 4, keywords=[[]] * 4,
                boxes=np.zeros((4, 4), np.int32), split=np.zeros(4, np.uint8), crop="c", sha256="s",
            )  # fmt: skip
        assert undo.exists()
        after = bytearray(part.read_bytes())
        if cut == "torn":
            after[:2048] = os.urandom(2048)
        if cut == "half":
            after = after[: len(after) // 2]
        part.write_bytes(after)
        with writing(path) as writer:
            assert np.flatnonzero(writer.done).tolist() == keep, cut
            finish(writer, keep)
        assert [p.name for p in path.parent.iterdir()] == ["a.h5"]
        with DataSet.open(path) as data:
            assert data.ids == ["id-0", "id-6", "id-2", "id-3"]
            if cut != "half":
                assert np.array_equal(data.all(), given[[0, 6, 2, 3]])


@pytest.mark.skipif(os.name != "posix" or os.getuid() != 0, reason="mounting needs root")
def test_a_full_disk_is_one_clear_line_and_what_was_written_is_kept(tmp_path: Path) -> None:
    place = tmp_path / "small"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=600k", "tmpfs", str(place)]
    if subprocess.run(mount, check=False).returncode:
        pytest.skip("tmpfs cannot be mounted here")
    try:
        grey = Image.new("RGB", (128, 128), "grey")
        note = (b"x", (0, 0, 1, 1))

        def fill(writer: Writer) -> None:
            for row in np.flatnonzero(~writer.done):
                writer.put(int(row), grey, note)
                writer.flush()

        def big() -> Writer:
            return Writer(place / "a.h5", 20, 128, pyramid=True, note=NOTE, key="k")

        with pytest.raises(FeedsmithError, match="disk is full") as caught, big() as writer:
            fill(writer)
        assert "goes on where it stopped" in caught.value.mend
        subprocess.run(["mount", "-o", "remount,size=8m", str(place)], check=True)
        with big() as writer:
            assert 1 <= writer.done.sum() < 20
            fill(writer)
            assert writer.done.all()
    finally:
        subprocess.run(["umount", str(place)], check=True)


# ---- files that are none ---------------------------------------------------------------------


def _no_hdf5(path: Path) -> None:
    path.write_bytes(b"\xff\xd8\xff\xe0 a photo")


def _cut(path: Path) -> None:
    made(path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def _strangers(path: Path) -> None:
    with h5py.File(path, "w") as stored:
        stored["weights"] = np.zeros(4)


def _unfinished(path: Path) -> None:
    made(path)
    with h5py.File(path, "r+") as stored:
        stored.attrs["complete"] = False


def _empty(path: Path) -> None:
    made(path)
    with h5py.File(path, "r+") as stored:
        for name in ("ids", "captions", "keywords", "boxes", "split"):
            shape, kind = stored[name].shape, stored[name].dtype
            del stored[name]
            stored.create_dataset(name, (0, *shape[1:]), kind)
        for name in list(stored["images"]):
            stored["images"][name].resize(0, axis=0)


def _newer(path: Path) -> None:
    made(path)
    with h5py.File(path, "r+") as stored:
        stored.attrs["version"] = 2


def _unfitting(path: Path) -> None:
    made(path)
    with h5py.File(path, "r+") as stored:
        stored["images/16"].resize(3, axis=0)


BAD: dict[str, Callable[[Path], object]] = {
    "is no HDF5 file": _no_hdf5,
    "is cut off": _cut,
    "of another program": _strangers,
    "is not finished": _unfinished,
    "no pictures in it": _empty,
    "a newer Feedsmith": _newer,
    "do not fit together": _unfitting,
    "the file is empty": lambda path: path.write_bytes(b""),
    "is a folder": lambda path: path.mkdir(),
    "no such data set": lambda path: None,
}


@pytest.mark.parametrize("words", BAD)
def test_files_that_are_no_data_set_are_refused_with_a_next_step(
    tmp_path: Path, words: str
) -> None:
    path = tmp_path / "images-16.h5"
    BAD[words](path)
    with pytest.raises(FeedsmithError, match=words) as caught:
        DataSet.open(path)
    assert str(path) in caught.value.message
    assert caught.value.mend


def test_a_file_cut_anywhere_is_refused_or_read_right(file: Path, tmp_path: Path) -> None:
    whole = file.read_bytes()
    for share in np.linspace(0.02, 0.98, 25):
        path = tmp_path / "cut.h5"
        path.write_bytes(whole[: int(len(whole) * share)])
        with pytest.raises(FeedsmithError), DataSet.open(path) as data:
            data.all()
