"""The data set: square pictures and what is known of them, in one HDF5 file.

    images/<size>   uint8 (N, size, size, 3), NHWC, one picture a chunk, not compressed
    images/<size/2> ... images/4   the same, halved again and again; only with a pyramid
    ids             UTF-8; of the photo a picture was cut from
    captions        UTF-8; "" where there is none
    keywords        UTF-8; a JSON list of strings
    boxes           int32 (N, 4): left, top, right, bottom, pixels of the upright photo
    split           uint8 (N,): 0 to train on, 1 held out
    attributes      format, version, size, crop, sha256, source, complete

A level is the mean of 2x2 pixels of the one above, rounded half up, so a level that is not stored is
worked out on reading to the same bytes. Chunks are not compressed: lzf
made photographs of 512 px 10 % smaller (64 px: 4 %), and reading them 9 times, writing them 18 times
as expensive.

While it is made, the file is called `<name>.part`. HDF5 itself may be damaged when its process is killed, so it lays
the file out once, empty; after that pictures are written to their places in the file without it,
and it opens the file again only to finish it, with an undo file beside. Knows files and arrays; nothing of photos or libraries.
"""

import hashlib
import json
import os
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from PIL import Image

from feedsmith.errors import FeedsmithError
from feedsmith.files import full_disk, made, no_room, writing

try:
    import fcntl
except ImportError:  # Windows has no flock; there two preparations at once are not kept apart
    fcntl = None  # type: ignore[assignment]

FORMAT, VERSION = "feedsmith-images", 1
SMALLEST = 4
"""Pixels of the smallest level of a pyramid: where a progressive generator begins."""
BLOCK = 64 << 20
"""Bytes of pictures held at once while levels are worked out on reading."""
TRAIN, HELD = 0, 1

Bytes = NDArray[np.uint8]
Rows = NDArray[np.int64]


class DataSet:
    """A finished data set, open for reading.

    with DataSet.open(path) as data: pictures = data.read(data.train[:32])
    """

    def __init__(self, path: Path, file: Any) -> None:
        self.path = path
        self._file = file
        attributes = file.attrs
        self.size = int(attributes["size"])
        """Pixels of a side."""
        self.crop = str(attributes["crop"])
        self.sha256 = str(attributes["sha256"])
        """Of ids, boxes and settings: the same for the same pictures of the same photos."""
        self.source = str(attributes["source"])
        """Names what it was made from and how; for the maker, to know it again."""
        self._levels = {int(name): file["images"][name] for name in file["images"]}
        self.sizes = tuple(sorted(self._levels))
        """Sides of the stored levels, ascending."""
        self.ids = _texts(file["ids"])
        self.captions = _texts(file["captions"])
        self.boxes: NDArray[np.int32] = np.asarray(file["boxes"][:], np.int32)
        """(N, 4): left, top, right, bottom in pixels of the upright photo."""
        self.split: Bytes = np.asarray(file["split"][:], np.uint8)
        self.train: Rows = np.flatnonzero(self.split == TRAIN).astype(np.int64)
        self.held: Rows = np.flatnonzero(self.split == HELD).astype(np.int64)
        """Rows to train on and rows held out, ascending."""

    @classmethod
    def open(cls, path: Path) -> Self:
        """Raises FeedsmithError where the file is absent, damaged, unfinished, empty, another
        program's, or where h5py is not installed."""
        file = _opened(path)
        try:
            _check(path, file)
            return cls(path, file)
        except FeedsmithError:
            file.close()
            raise
        except (KeyError, OSError, RuntimeError, TypeError, ValueError) as error:
            file.close()
            raise _damaged(path, error) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __len__(self) -> int:
        return len(self.ids)

    def close(self) -> None:
        self._file.close()

    @property
    def keywords(self) -> list[list[str]]:
        """Of each picture, the surest first."""
        return [json.loads(text) for text in _texts(self._file["keywords"])]

    def read(self, indices: ArrayLike, size: int | None = None) -> Bytes:
        """(n, size, size, 3) uint8 of the rows `indices`, in that order; one may come twice.

        `size` is any halving of the data set's own (default: that). A level that is not stored is worked out of
        the next larger one, a few pictures at a time. Raises FeedsmithError where the file is damaged.
        """
        rows = np.asarray(indices, np.int64).reshape(-1)
        if rows.size and not (rows.min() >= 0 and rows.max() < len(self)):
            raise IndexError(f"rows 0..{len(self) - 1}, asked for {rows.min()}..{rows.max()}")
        wanted = self.size if size is None else size
        level = self._level(wanted)
        found = np.empty((len(rows), wanted, wanted, 3), np.uint8)
        step = len(rows) if level == wanted else max(1, BLOCK // (level * level * 3))
        for start in range(0, len(rows), max(1, step)):
            part = rows[start : start + step]
            pictures = found[start : start + step]
            if level == wanted:
                self._fill(level, part, pictures)
            else:
                larger = np.empty((len(part), level, level, 3), np.uint8)
                self._fill(level, part, larger)
                while larger.shape[1] > wanted:
                    larger = halved(larger)
                pictures[:] = larger
        return found

    def all(self, size: int | None = None, indices: ArrayLike | None = None) -> Bytes:
        """All pictures, or those of `indices`, at `size`: for data sets that fit the memory."""
        return self.read(np.arange(len(self)) if indices is None else indices, size)

    def _level(self, wanted: int) -> int:
        """The stored level that `wanted` is read from."""
        for level in self.sizes:
            times = level // wanted if wanted > 0 and level % wanted == 0 else 0
            if times and times & (times - 1) == 0:
                return level
        raise FeedsmithError(
            f"{self.path}: holds pictures of {self.size} px, which cannot be read at {wanted} px",
            mend=f"ask for {self.size} halved, or make a larger one: feedsmith prepare",
        )

    def _fill(self, level: int, rows: Rows, pictures: Bytes) -> None:
        """Whole chunks one by one: 11 microseconds each, a third of a selection's cost."""
        stored = self._levels[level]
        plain = stored.chunks == (1, level, level, 3) and stored.compression is None
        try:
            for at, row in enumerate(rows):
                if not plain:  # rewritten by another program, e.g. h5repack
                    stored.read_direct(pictures, np.s_[int(row)], np.s_[at])
                    continue
                _, data = stored.id.read_direct_chunk((int(row), 0, 0, 0))
                pictures[at] = np.frombuffer(data, np.uint8).reshape(level, level, 3)
        except (OSError, RuntimeError, ValueError) as error:
            raise _damaged(self.path, error) from error


def by_size(folder: Path) -> dict[int, Path]:
    """The data sets that `prepare` made in `folder` (BRAND/datasets), by their pixels, ascending."""
    found = {}
    for path in folder.glob("images-*.h5"):
        if (side := path.stem.removeprefix("images-")).isdigit():
            found[int(side)] = path
    return dict(sorted(found.items()))


def halved(pictures: Bytes) -> Bytes:
    """(N, 2s, 2s, 3) -> (N, s, s, 3): means of 2x2 pixels, rounded half up, as Pillow's reduce(2)."""
    rows = pictures[:, 0::2].astype(np.uint16) + pictures[:, 1::2]
    return ((rows[:, :, 0::2] + rows[:, :, 1::2] + 2) >> 2).astype(np.uint8)


def levels(size: int, pyramid: bool) -> tuple[int, ...]:
    """Sides of what is stored, ascending: 4, 8, ... size, or size alone."""
    found = [size]
    while pyramid and found[-1] // 2 >= SMALLEST:
        found.append(found[-1] // 2)
    return tuple(reversed(found))


def stacked(picture: Image.Image, sizes: Sequence[int]) -> list[bytes]:
    """The pixels of an RGB picture at each of `sizes` (its own and halvings of it), the largest first."""
    data = [picture.tobytes()]
    while picture.width > min(sizes):
        picture = picture.reduce(2)
        data.append(picture.tobytes())
    return data


def fingerprint(ids: Sequence[str], boxes: NDArray[np.int32], settings: Mapping[str, Any]) -> str:
    """SHA-256 of what decides the pictures, 64 hex digits."""
    digest = hashlib.sha256(json.dumps(dict(settings), sort_keys=True).encode())
    digest.update("\n".join(ids).encode())
    digest.update(np.ascontiguousarray(boxes, "<i4").tobytes())
    return digest.hexdigest()


# ---- making one ------------------------------------------------------------------------------


class Writer:
    """A data set while it is made, beside `path`: `path`.part, and `path`.notes with one record a row.

    What a killed writer had finished is there for the next one with the same `key`; otherwise it
    begins anew. `put` may be called by many threads. Use as a context manager: it keeps others away from `path`.
    """

    def __init__(
        self, path: Path, count: int, size: int, *, pyramid: bool, note: np.dtype[Any], key: str
    ) -> None:
        """`count` rows at most, pictures of `size` px; `note` is the type of what is noted of a row."""
        self.path, self.count, self.size, self.key = path, count, size, key
        self.sizes = levels(size, pyramid)
        self.done: NDArray[np.bool_] = np.zeros(count, np.bool_)
        """True for the rows whose pictures are written."""
        self._note = np.dtype([("done", "u1"), ("note", note)])
        self._head = f"{FORMAT} {hashlib.sha256(repr((key, note, count)).encode()).hexdigest()}\n"
        self._lock = threading.Lock()
        self._fresh: list[tuple[int, bytes]] = []
        self._moved = ""
        self._offsets: dict[int, Rows] = {}
        self._part_file: IO[bytes] | None = None
        self._notes_file: IO[bytes] | None = None

    @property
    def part(self) -> Path:
        return self.path.with_name(self.path.name + ".part")

    @property
    def notes(self) -> Path:
        return self.path.with_name(self.path.name + ".notes")

    @property
    def undo(self) -> Path:
        return self.path.with_name(self.path.name + ".undo")

    def bytes_needed(self) -> int:
        """Of a file with all rows."""
        return self.count * (sum(3 * s * s for s in self.sizes) + self._note.itemsize)

    def __enter__(self) -> Self:
        h5py()
        made(self.path.parent)
        try:
            self._notes_file = _kept(self.notes)
            self._lone()
            if not self._resumed():
                self._begin()
            self._part_file = self.part.open("r+b", buffering=0)
        except OSError as error:
            self._let_go()
            raise self._told(error) from error
        except BaseException:
            self._let_go()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        try:
            if self._part_file is not None:
                self.flush()
        finally:
            self._let_go()

    def put(self, row: int, picture: Image.Image, note: tuple[Any, ...]) -> None:
        """Write an RGB `picture` of size x size and its note into `row`, with all levels.

        Raises FeedsmithError when the disk is full; what was written before is kept.
        """
        self.put_levels(row, stacked(picture, self.sizes), note)

    def put_levels(
        self, row: int, data: Sequence[bytes | memoryview], note: tuple[Any, ...]
    ) -> None:
        """The same of a picture's levels, as `stacked` gives them."""
        record = np.array([(1, note)], self._note).tobytes()
        with self._lock:
            try:
                for level, pixels in zip(reversed(self.sizes), data, strict=True):
                    _write_at(self._part_file, int(self._offsets[level][row]), pixels)
            except OSError as error:
                raise self._told(error) from error
            self._fresh.append((row, record))
            self.done[row] = True

    def flush(self) -> None:
        """Bring what was put to the disk, so that not even a power cut takes it away: pictures
        first, then the notes that they are there."""
        with self._lock:
            fresh, self._fresh = self._fresh, []
        if not fresh:
            return
        assert self._part_file is not None
        assert self._notes_file is not None
        try:
            os.fsync(self._part_file.fileno())
            for row, record in fresh:
                _write_at(self._notes_file, self._at(row), record)
            os.fsync(self._notes_file.fileno())
        except OSError as error:
            raise self._told(error) from error

    def noted(self, field: str, rows: Rows) -> NDArray[Any]:
        """What was noted of `rows` in `field`, in their order."""
        self.flush()
        assert self._notes_file is not None
        shape = self._note["note"][field]
        found = np.empty((len(rows), *shape.shape), shape.base)
        for at, row in enumerate(rows):
            self._notes_file.seek(self._at(int(row)))
            record = np.frombuffer(self._notes_file.read(self._note.itemsize), self._note)
            found[at] = record["note"][field][0]
        return found

    def order(self, keep: Sequence[int]) -> Rows:
        """Which row each of the finished file's rows was: rows of `keep` stay where they are, and
        the last ones fill the gaps, so that few are moved."""
        kept = np.array(sorted(keep), np.int64)
        stay, move = kept[kept < len(kept)], kept[kept >= len(kept)][::-1]
        found = np.empty(len(kept), np.int64)
        gaps = np.setdiff1d(np.arange(len(kept)), stay)
        found[stay], found[gaps] = stay, move
        return found

    def finish(
        self, order: Rows, *, ids: Sequence[str], captions: Sequence[str],
        keywords: Sequence[Sequence[str]], boxes: NDArray[np.int32], split: Bytes, crop: str, sha256: str,
    ) -> None:  # fmt: skip
        """Close the gaps and write what is known of the pictures; they are then to be read at
        `part`, and `publish` puts them in place. Lists and arrays in the order of `order`."""
        self.flush()
        digest = hashlib.sha256(order.tobytes()).hexdigest()
        if self._moved not in ("", digest):
            self.undo.unlink(missing_ok=True)
            self.notes.write_bytes(b"")
            raise FeedsmithError(
                f"{self.path}: photos changed while it was being finished",
                mend="run the same command again: it begins anew",
            )
        try:
            if not self._moved:
                self._close_gaps(order)
                self._write_undo(digest)
            with h5py().File(self.part, "r+") as file:
                text = h5py().string_dtype("utf-8")
                for name, values in (
                    ("ids", list(ids)),
                    ("captions", list(captions)),
                    ("keywords", [json.dumps(list(w), ensure_ascii=False) for w in keywords]),
                ):
                    file.create_dataset(name, (len(order),), text)[:] = values
                file["boxes"] = np.ascontiguousarray(boxes, "<i4")
                file["split"] = np.ascontiguousarray(split, np.uint8)
                for level in self.sizes:
                    file["images"][str(level)].resize(len(order), axis=0)
                file.attrs["crop"], file.attrs["sha256"] = crop, sha256
                file.attrs["complete"] = True
            assert self._part_file is not None
            os.fsync(self._part_file.fileno())
        except OSError as error:
            raise self._told(error) from error

    def publish(self) -> None:
        """Put the finished file in its place, in one step."""
        try:
            self._let_go_of_part()
            self.part.replace(self.path)
        except OSError as error:
            raise self._told(error) from error
        self.undo.unlink(missing_ok=True)
        self.notes.unlink(missing_ok=True)

    def discard(self) -> None:
        """Remove what was made so far."""
        self._let_go_of_part()
        for file in (self.part, self.undo, self.notes):
            file.unlink(missing_ok=True)

    # ---- parts of it

    def _lone(self) -> None:
        if fcntl is None or self._notes_file is None:
            return
        try:
            fcntl.flock(self._notes_file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise FeedsmithError(
                f"{self.path}: is being made already, by another process",
                mend="wait until it is done, or stop it first; nothing will be lost",
            ) from None

    def _resumed(self) -> bool:
        """Take up what a writer with the same key had done; False where there is nothing of it."""
        assert self._notes_file is not None
        self._notes_file.seek(0)
        if self._notes_file.read(len(self._head)) != self._head.encode() or not self.part.exists():
            return False
        if self.undo.exists():
            self._moved = self._restore()
        try:
            with h5py().File(self.part, "r") as file:
                if bool(file.attrs["complete"]) or file.attrs["source"] != self.key:
                    return False
                self._offsets = {s: _offsets(file["images"][str(s)]) for s in self.sizes}
        except (KeyError, OSError, RuntimeError, ValueError):
            return False
        if any((offsets < 0).any() for offsets in self._offsets.values()):
            return False
        for row in range(self.count):
            self._notes_file.seek(self._at(row))
            self.done[row] = self._notes_file.read(1) == b"\1"
        return True

    def _begin(self) -> None:
        assert self._notes_file is not None
        self.undo.unlink(missing_ok=True)
        self.part.unlink(missing_ok=True)
        self._notes_file.truncate(0)
        with h5py().File(self.part, "w") as file:
            file.attrs.update(
                {"format": FORMAT, "version": VERSION, "size": self.size, "source": self.key}
            )
            file.attrs["complete"] = False
            images = file.create_group("images")
            for level in self.sizes:
                _lay_out(images, level, self.count)
        with h5py().File(self.part, "r") as file:
            self._offsets = {s: _offsets(file["images"][str(s)]) for s in self.sizes}
        with self.part.open("rb") as stream:
            os.fsync(stream.fileno())
        # Only now: a head without a whole file behind it would be taken up.
        _write_at(self._notes_file, 0, self._head.encode())
        self._notes_file.truncate(self._at(self.count))
        os.fsync(self._notes_file.fileno())

    def _at(self, row: int) -> int:
        return len(self._head) + row * self._note.itemsize

    def _close_gaps(self, order: Rows) -> None:
        """Copy rows into gaps. They stay where they were, too, so it may be done twice."""
        assert self._part_file is not None
        for at in np.flatnonzero(order != np.arange(len(order))):
            for level, offsets in self._offsets.items():
                self._part_file.seek(int(offsets[order[at]]))
                pixels = self._part_file.read(3 * level * level)
                _write_at(self._part_file, int(offsets[at]), pixels)
        os.fsync(self._part_file.fileno())

    def _write_undo(self, digest: str) -> None:
        """Keep a copy of all that is not pixels: what HDF5 is about to change."""
        length = self.part.stat().st_size
        ends = np.concatenate([o + 3 * s * s for s, o in self._offsets.items()])
        starts = np.concatenate(list(self._offsets.values()))
        order = np.argsort(starts)
        gaps = zip([0, *ends[order]], [*starts[order], length], strict=True)
        regions = [(int(start), int(end)) for start, end in gaps if end > start]
        with writing(self.undo) as out, self.part.open("rb") as stream:
            head = {"order": digest, "length": length, "regions": regions}
            out.write(json.dumps(head).encode() + b"\n")
            for start, end in regions:
                stream.seek(start)
                out.write(stream.read(end - start))

    def _restore(self) -> str:
        """Undo a finishing that was cut short; returns which order the rows are in since then."""
        with self.undo.open("rb") as stream, self.part.open("r+b") as part:
            head = json.loads(stream.readline())
            for start, end in head["regions"]:
                part.seek(start)
                part.write(stream.read(end - start))
            part.truncate(head["length"])
            part.flush()
            os.fsync(part.fileno())
        return str(head["order"])

    def _let_go_of_part(self) -> None:
        if self._part_file is not None:
            self._part_file.close()
            self._part_file = None

    def _let_go(self) -> None:
        self._let_go_of_part()
        if self._notes_file is not None:
            self._notes_file.close()
            self._notes_file = None

    def _told(self, error: OSError) -> FeedsmithError:
        if full_disk(error) or "space left" in str(error):
            return no_room(self.path, "the pictures made so far are kept")
        said = (error.strerror or str(error)).lower()
        return FeedsmithError(
            f"{self.path}: cannot be written ({said})",
            mend="check the folder's permissions; the same command then goes on",
        )


def _kept(path: Path) -> IO[bytes]:
    """Open for reading and writing, made where absent, never emptied."""
    return os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT, 0o644), "r+b", buffering=0)


def _write_at(file: IO[bytes] | None, offset: int, data: bytes | memoryview) -> None:
    assert file is not None
    view = memoryview(data)
    while view:
        if hasattr(os, "pwrite"):
            written = os.pwrite(file.fileno(), view, offset)
        else:  # Windows
            file.seek(offset)
            written = file.write(view)
        view, offset = view[written:], offset + written


def _lay_out(images: Any, level: int, count: int) -> None:
    """An empty data set whose chunks have their places in the file already."""
    low = h5py()
    settings = low.h5p.create(low.h5p.DATASET_CREATE)
    settings.set_chunk((1, level, level, 3))
    settings.set_alloc_time(low.h5d.ALLOC_TIME_EARLY)
    settings.set_fill_time(low.h5d.FILL_TIME_NEVER)
    settings.set_obj_track_times(False)  # the same photos give the same bytes at any time
    space = low.h5s.create_simple((count, level, level, 3))
    low.h5d.create(images.id, str(level).encode(), low.h5t.STD_U8LE, space, settings)


def _offsets(stored: Any) -> Rows:
    """(N,): where in the file each row's bytes lie; -1 for one without a place."""
    found = np.full(len(stored), -1, np.int64)

    def note(chunk: Any) -> None:
        found[chunk.chunk_offset[0]] = chunk.byte_offset

    stored.id.chunk_iter(note)
    return found


# ---- opening one -----------------------------------------------------------------------------


def h5py() -> Any:
    """The module; raises FeedsmithError when the extra is missing."""
    try:
        import h5py as module
    except ImportError as error:
        raise FeedsmithError(
            "data sets need the train extra (h5py is not installed)",
            mend='pip install "feedsmith[train]"',
        ) from error
    return module


def _opened(path: Path) -> Any:
    module = h5py()
    if not path.exists():
        raise FeedsmithError(
            f"{path}: there is no such data set", mend="make it: feedsmith prepare"
        )
    if path.is_dir():
        raise FeedsmithError(f"{path}: is a folder, not a data set", mend="name the .h5 file in it")
    if path.stat().st_size == 0:
        raise FeedsmithError(f"{path}: the file is empty", mend=_ANEW)
    try:
        if not module.is_hdf5(path):
            raise FeedsmithError(
                f"{path}: is no HDF5 file", mend="name a file that feedsmith prepare made"
            )
        return module.File(path, "r")
    except OSError as error:
        raise _damaged(path, error) from error


_ANEW = "make it anew: move that file away and run feedsmith prepare again"


def _damaged(path: Path, error: Exception) -> FeedsmithError:
    said = str(error)
    if "truncated" in said or "end-of-file" in said or "addr overflow" in said:
        return FeedsmithError(f"{path}: is cut off; a part of it is missing", mend=_ANEW)
    detail = said.splitlines()[0][:120] if said else type(error).__name__
    return FeedsmithError(f"{path}: is damaged ({detail})", mend=_ANEW)


def _check(path: Path, file: Any) -> None:
    if str(file.attrs.get("format", "")) != FORMAT:
        raise FeedsmithError(
            f"{path}: is an HDF5 file of another program",
            mend="name a file that feedsmith prepare made",
        )
    if int(file.attrs["version"]) > VERSION:
        raise FeedsmithError(
            f"{path}: was made by a newer Feedsmith (version {file.attrs['version']})",
            mend="update Feedsmith, or make it anew with feedsmith prepare",
        )
    if not bool(file.attrs["complete"]):
        raise FeedsmithError(
            f"{path}: is not finished",
            mend="run the same feedsmith prepare again: it goes on where it stopped",
        )
    count = len(file["ids"])
    if count == 0:
        raise FeedsmithError(f"{path}: there are no pictures in it", mend=_ANEW)
    size = int(file.attrs["size"])
    shapes = {name: stored.shape for name, stored in file["images"].items()}
    if str(size) not in shapes or any(
        shape != (count, int(name), int(name), 3) for name, shape in shapes.items()
    ):
        raise FeedsmithError(f"{path}: is damaged (its parts do not fit together)", mend=_ANEW)
    for name in ("captions", "keywords", "boxes", "split"):
        if len(file[name]) != count:
            raise FeedsmithError(f"{path}: is damaged ({name} does not fit the ids)", mend=_ANEW)


def _texts(stored: Any) -> list[str]:
    return [str(text) for text in stored.asstr()[:]]
