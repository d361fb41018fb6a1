"""The stage: photos in, data set out.

Workers read, decode, cut and write each photo on their own; this thread counts, and brings what is
done to the disk every two seconds. Nothing of a photo stays in memory but its origin, so 20,000
take what 2,000 take. Killed at any moment, the same call goes on with the photos that are missing.
"""

import hashlib
import shutil
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from pydantic import Field

from feedsmith import cores, photo_file
from feedsmith.brand import Home
from feedsmith.colour import to_lab
from feedsmith.dataset import HELD, DataSet, Rows, Writer, fingerprint, h5py
from feedsmith.errors import FeedsmithError, MissingModel, Refused
from feedsmith.files import made
from feedsmith.library import Library
from feedsmith.post import Value
from feedsmith.prepare import account, alike, origin, square
from feedsmith.prepare.account import LeftOut, Prepared
from feedsmith.prepare.origin import Origin
from feedsmith.progress import Report, silent
from feedsmith.understanding import traits
from feedsmith.understanding.look import BRIGHT, DARK
from feedsmith.understanding.saliency import LOOK, Saliency, by_contrast

MADE = 1
"""Raised when pictures are cut differently: data sets are then made anew."""
SIZES = (32, 64, 128, 256, 512, 1024)
Crop = Literal["saliency", "centre", "letterbox"]
CROPS: tuple[Crop, ...] = ("saliency", "centre", "letterbox")
SMALLEST_SHARE = 4
"""A photo with less than a quarter of the size wanted is left out: it would be mush."""
FLUSH_SECONDS = 2.0
TELL_SECONDS = 0.2

NOTE = np.dtype(
    [
        ("id", "S16"),
        ("box", "<i4", (4,)),
        ("full", "<i4", (2,)),
        ("small", "u1", (alike.SMALL, alike.SMALL, 3)),
    ]
)
"""Noted of a row while a data set is made: width and height of the whole photo as `full`, and
a miniature of the square."""


class Settings(Value):
    """What decides a data set, beside the photos."""

    size: int
    """Pixels of a side: a power of two, 8 to 1024."""
    crop: Crop = "saliency"
    """The square that draws the eye, the middle one, or the whole photo on a blurred ground."""
    pyramid: bool = True
    """Also store the halves, quarters ... down to 4 px, which adds a third."""
    hold_out: float = Field(0.1, ge=0, le=0.5)
    """Share of the different photos that is kept from training."""
    photos: Path | None = None
    """A folder of photos instead of the library."""
    workers: int = Field(0, ge=0)
    """Threads; 0 means one a core. They do not change the result."""


class Elsewhere(NamedTuple):
    """Photos that are not files of this machine."""

    origins: list[Origin]
    stamp: str
    """Changes when one of them does."""
    place: str
    """For people."""


class Cut(NamedTuple):
    """A photo's square, and what is noted of it."""

    picture: Image.Image
    note: tuple[Any, ...]


Fill = Callable[[Writer, Sequence[Origin], Settings, "Eye", Report], list[LeftOut]]
"""Puts every photo that is not there yet into its row; returns those that cannot be used."""


def prepare(
    home: Home,
    settings: Settings,
    report: Report = silent,
    *,
    fill: Fill | None = None,
    elsewhere: Elsewhere | None = None,
) -> Prepared:
    """Make BRAND/datasets/images-<size>.h5, with a contact sheet (.jpg) and an account (.json).

    `fill` has the photos cut by others than this process's threads; `elsewhere` brings photos that its
    workers read. Neither changes the result. Does nothing where the same photos and settings made it already. A photo that cannot be used
    is left out and named in the result. Raises FeedsmithError when there are not two different
    photos, the disk has no room or another process makes it already; what is done is kept.
    """
    h5py()
    size = settings.size
    if not 8 <= size <= 1024 or size & (size - 1):
        raise FeedsmithError(
            f"{size} px is no size of a data set", mend=f"one of {', '.join(map(str, SIZES))}"
        )
    folder = settings.photos
    if elsewhere is not None:
        origins = elsewhere.origins
    else:
        origins = origin.of_library(home, report) if folder is None else origin.of_folder(folder)
    shaping = (size, settings.crop, settings.pyramid, settings.hold_out)
    key = origin.key(origins, MADE, *shaping, *([elsewhere.stamp] if elsewhere else []))
    file = made(home.root / "datasets") / f"images-{size}.h5"
    if (known := account.unchanged(file, key)) is not None:
        return known
    writer = Writer(file, len(origins), size, pyramid=settings.pyramid, note=NOTE, key=key)
    _check_room(writer)
    with writer, Eye() as eye:
        left_out = (fill or _fill)(writer, origins, settings, eye, report)
        report("Comparing pictures", 0, 1)
        kept, copies = _firsts(writer)
        order = writer.order(kept)
        ids = [str(key, "ascii") for key in writer.noted("id", order)]
        library = folder is None and elsewhere is None
        group = alike.groups(len(order), _pairs(writer, order, ids, home, library))
        different = len(np.unique(group))
        if different < 2:
            writer.discard()
            place = elsewhere.place if elsewhere else folder or home.library
            raise _too_few(place, len(origins), len(order), left_out)
        split = alike.split(ids, group, settings.hold_out)
        boxes = writer.noted("box", order)
        sha256 = fingerprint(
            ids, boxes, dict(zip(("size", "crop", "pyramid", "hold_out"), shaping, strict=True))
        )
        chosen = [origins[row] for row in order]
        writer.finish(
            order, ids=ids, captions=[o.caption for o in chosen],
            keywords=[o.keywords for o in chosen], boxes=boxes, split=split, crop=settings.crop,
            sha256=sha256,
        )  # fmt: skip
        dark, light = account.shares(_lightness(writer, order), DARK, BRIGHT)
        recipe, advice = account.advice(different)
        told = Prepared(
            file=file.name, size=size, crop=settings.crop, sizes=writer.sizes, sha256=sha256,
            source=key, pictures=len(order), train=int((split != HELD).sum()),
            held=int((split == HELD).sum()), different=different, copies=copies,
            upscaled=int((_fitting(writer.noted("full", order), settings.crop) < size).sum()),
            dark=dark, light=light, captioned=sum(bool(o.caption) for o in chosen),
            left_out=tuple(left_out), advice=advice, recipe=recipe, notes=eye.notes,
        )  # fmt: skip
        with DataSet.open(writer.part) as data:
            account.write_sheet(file, data)
        account.write(file, told)
        writer.publish()
        report("Comparing pictures", 1, 1)
    return told


# ---- the photos --------------------------------------------------------------------------------


def _fill(
    writer: Writer, origins: Sequence[Origin], settings: Settings, eye: "Eye", report: Report
) -> list[LeftOut]:
    """Put every photo that is not there yet into its row; returns those that cannot be used."""
    todo = [int(row) for row in np.flatnonzero(~writer.done)]
    waiting = iter(todo)
    lock, stop, ended = threading.Lock(), threading.Event(), threading.Event()
    left_out: dict[int, LeftOut] = {}
    broken: list[BaseException] = []
    workers = max(1, min(settings.workers or cores.available(), len(todo)))
    going = [workers]

    def work() -> None:
        try:
            while not stop.is_set():
                with lock:
                    row = next(waiting, None)
                if row is None:
                    return
                try:
                    photo = origins[row]
                    writer.put(
                        row, *cut(photo, photo_file.bytes_of(Path(photo.file)), settings, eye)
                    )
                except Refused as error:
                    left_out[row] = LeftOut(name=origins[row].name, reason=error.message)
        except BaseException as error:  # noqa: BLE001  raised again by the thread that waits
            broken.append(error)
            stop.set()
        finally:
            with lock:
                going[0] -= 1
                if not going[0]:
                    ended.set()

    report("Cutting photos", len(origins) - len(todo), len(origins))
    threads = [threading.Thread(target=work, name=f"prepare-{n}") for n in range(workers)]
    for thread in threads:
        thread.start()
    try:
        flushed = 0.0
        while not ended.wait(TELL_SECONDS):
            done = int(writer.done.sum()) + len(left_out)
            report("Cutting photos", done, len(origins))
            flushed += TELL_SECONDS
            if flushed >= FLUSH_SECONDS:
                writer.flush()
                flushed = 0.0
    finally:
        stop.set()  # after Ctrl-C each worker ends with the photo it has in hand
        for thread in threads:
            thread.join()
    if broken:
        raise broken[0]
    writer.flush()
    report("Cutting photos", len(origins), len(origins))
    return [left_out[row] for row in sorted(left_out)]


def cut(photo: Origin, data: bytes, settings: Settings, eye: "Eye") -> Cut:
    """The square of a photo whose file holds `data`. Raises Refused when it cannot be used."""
    size = settings.size
    key = photo.id or hashlib.sha256(data).hexdigest()[:16]
    look = settings.crop == "saliency" and not photo.seen
    picture, header = photo_file.decoded(data, max(size, LOOK) if look else size)
    full = (header.width, header.height)
    if _fitting(np.array([full]), settings.crop)[0] * SMALLEST_SHARE < size:
        raise Refused(
            f"{full[0]} x {full[1]} pixels, less than a quarter of {size}",
        )
    plain = photo.seen and photo.subject is None  # nothing stands out: the middle
    area = square.box(
        full,
        settings.crop,
        faces=photo.faces,
        subject=photo.subject,
        saliency=None if plain else lambda: eye.map(photo, picture),
    )
    made = square.cut(picture, full, area, size)
    small = np.asarray(square.small(made, alike.SMALL))
    return Cut(made, (key.encode("ascii"), area, full, small))


class Eye:
    """Where photos draw the eye: maps of the library, or the network's for photos without one."""

    def __init__(self) -> None:
        self._network = Saliency()
        self.blind = False
        """Whether the network was missing when it was needed."""

    def __enter__(self) -> "Eye":
        return self

    def __exit__(self, *_: object) -> None:
        self._network.close()

    @property
    def notes(self) -> tuple[str, ...]:
        said = "the saliency network is missing, so squares were chosen by contrast"
        return (said,) if self.blind else ()

    def map(self, photo: Origin, picture: Image.Image) -> Image.Image:
        """Grey, the brighter the more looked at; longer side 320 px."""
        if photo.saliency:
            try:
                with Image.open(photo.saliency, formats=("PNG",)) as stored:
                    return stored.convert("L")
            except (OSError, ValueError, SyntaxError):
                pass  # damaged: looked at again
        pixels = np.asarray(picture)
        try:
            found = self._network.map(pixels)
        except MissingModel:
            self.blind = True
            found = by_contrast(pixels)
        return Image.fromarray(np.rint(found * 255).astype(np.uint8))


# ---- all of them together ----------------------------------------------------------------------


def _firsts(writer: Writer) -> tuple[list[int], int]:
    """Rows with a picture of their own, and how many repeat another's file byte for byte."""
    rows = np.flatnonzero(writer.done)
    _, first = np.unique(writer.noted("id", rows), return_index=True)
    return sorted(int(rows[at]) for at in first), len(rows) - len(first)


def _pairs(
    writer: Writer, order: Rows, ids: Sequence[str], home: Home, library: bool
) -> Iterator[tuple[int, int]]:
    """Pairs of near-duplicates, as places in `order`."""
    hashes = [
        alike.perceptual_hash(small)
        for start in range(0, len(order), 256)
        for small in writer.noted("small", order[start : start + 256])
    ]
    yield from alike.by_look(
        np.array(hashes, np.uint64), lambda at: writer.noted("small", order[at : at + 1])[0]
    )
    if library:
        names, features = traits.features(Library(home.library))
        place = {key: at for at, key in enumerate(ids)}
        for one, two in alike.by_features(features):
            if names[one] in place and names[two] in place:
                yield place[names[one]], place[names[two]]


def _fitting(full: NDArray[np.int32], crop: str) -> NDArray[np.int32]:
    """(N,) pixels of photos (N, 2) that become the side of a square."""
    found: NDArray[np.int32] = full.max(axis=1) if crop == "letterbox" else full.min(axis=1)
    return found


def _lightness(writer: Writer, order: Rows) -> NDArray[np.float32]:
    """(N,) mean OKLab lightness, 0..1."""
    found = [
        to_lab(writer.noted("small", order[start : start + 256]))[..., 0].mean(axis=(1, 2)) / 100
        for start in range(0, len(order), 256)
    ]
    return np.concatenate(found)


def _check_room(writer: Writer) -> None:
    """Raise FeedsmithError where the disk cannot hold the data set."""
    there = 0
    if writer.part.exists():
        status = writer.part.stat()
        there = getattr(status, "st_blocks", status.st_size // 512) * 512
    free = shutil.disk_usage(writer.path.parent).free
    if (needed := writer.bytes_needed() - there) > free:
        raise FeedsmithError(
            f"{writer.path}: needs {needed / 1e6:,.0f} MB, and the disk has {free / 1e6:,.0f} MB free",
            mend="free some space, choose a smaller --size, or save a quarter with --no-pyramid",
        )


def _too_few(
    place: Path | str, count: int, usable: int, left_out: Sequence[LeftOut]
) -> FeedsmithError:
    if usable > 1:
        return FeedsmithError(
            f"{place}: all {usable} usable photos show the same picture",
            mend="bring more photos, different ones: a model cannot learn from one",
        )
    reasons = "; ".join(f"{item.name}: {item.reason}" for item in left_out[:2])
    if usable:
        return FeedsmithError(
            f"{place}: of {count} photos only one can be used" + f" ({reasons})" * bool(reasons),
            mend="bring more photos, different ones: a model cannot learn from one",
        )
    return FeedsmithError(
        f"{place}: none of {count} photos can be used ({reasons})",
        mend="choose a smaller --size, or bring larger photos",
    )
