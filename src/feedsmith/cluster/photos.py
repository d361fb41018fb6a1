"""Prepare by many workers: each reads, decodes, cuts and halves a few photos at a time.

This process alone writes the data set, and does nothing else to it: a block's pixels come back as one
array, written from where Ray put it. Only as many blocks as workers have room for are on the way, so
20,000 photos take the memory of 200. Workers read photos from the disk that all
nodes share, or from a bucket. Knows the stage prepare and pools; knows no cluster.
"""

import time
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from feedsmith import photo_file
from feedsmith.brand import Home
from feedsmith.cluster.bucket import Storage
from feedsmith.cluster.pool import Failed, Workers, each
from feedsmith.dataset import Writer, levels, stacked
from feedsmith.errors import FeedsmithError, Refused
from feedsmith.prepare import Prepared
from feedsmith.prepare import prepare as stage
from feedsmith.prepare.account import LeftOut
from feedsmith.prepare.origin import Origin
from feedsmith.prepare.stage import FLUSH_SECONDS, Eye, Settings, cut
from feedsmith.progress import Report, silent

BLOCK_BYTES, BLOCK_PHOTOS = 8 << 20, 16
"""A job's pixels, at most."""


class Block(NamedTuple):
    """What came of a few photos."""

    rows: list[int]
    pixels: NDArray[np.uint8]
    """(n, bytes of all levels): of each row, its levels, the largest first."""
    notes: list[tuple[Any, ...]]
    left_out: list[tuple[int, str]]
    blind: bool
    """See Eye."""


Job = Sequence[tuple[int, Origin]]
"""Rows and their photos."""


class Cutter:
    """A worker."""

    def __init__(self, settings: Settings, storage: Storage | None) -> None:
        self._settings, self._storage = settings, storage
        self._sizes = levels(settings.size, settings.pyramid)
        self._eye = Eye()

    def do(self, job: Job) -> Block:
        pixels = np.empty((len(job), _bytes_of(self._sizes)), np.uint8)
        rows: list[int] = []
        notes, left_out = [], []
        for row, photo in job:
            try:
                picture, note = cut(photo, self._bytes(photo), self._settings, self._eye)
            except Refused as error:
                left_out.append((row, error.message))
            else:
                data = b"".join(stacked(picture, self._sizes))
                pixels[len(rows)] = np.frombuffer(data, np.uint8)
                rows.append(row)
                notes.append(note)
        return Block(rows, pixels[: len(rows)], notes, left_out, self._eye.blind)

    def _bytes(self, photo: Origin) -> bytes:
        if self._storage is not None:
            return self._storage.read(photo.file)
        return photo_file.bytes_of(Path(photo.file))

    def close(self) -> None:
        self._eye.__exit__()


def _bytes_of(sizes: Sequence[int]) -> int:
    return sum(3 * size * size for size in sizes)


def prepare(
    home: Home,
    settings: Settings,
    workers: Workers,
    report: Report = silent,
    storage: Storage | None = None,
) -> Prepared:
    """As prepare.prepare, by these workers, from a bucket where `storage` is given. The same file as one
    process makes, to the byte."""
    fill = partial(_fill, workers=workers, storage=storage)
    elsewhere = storage.photos() if storage is not None else None
    return stage(home, settings, report, fill=fill, elsewhere=elsewhere)


def _fill(
    writer: Writer,
    origins: Sequence[Origin],
    settings: Settings,
    eye: Eye,
    report: Report,
    *,
    workers: Workers,
    storage: Storage | None,
) -> list[LeftOut]:
    """Put every photo that is not there yet into its row; see prepare.stage."""
    todo = [int(row) for row in np.flatnonzero(~writer.done)]
    step = max(1, min(BLOCK_PHOTOS, BLOCK_BYTES // _bytes_of(writer.sizes)))
    ends = np.cumsum([3 * size * size for size in reversed(writer.sizes)])
    parts = [slice(start, end) for start, end in zip([0, *ends], ends, strict=False)]
    left_out: dict[int, LeftOut] = {}

    def jobs() -> Iterator[tuple[str, list[tuple[int, Origin]]]]:
        for start in range(0, len(todo), step):
            rows = todo[start : start + step]
            yield f"photos {rows[0] + 1} to {rows[-1] + 1}", [(row, origins[row]) for row in rows]

    report("Cutting photos", len(origins) - len(todo), len(origins))
    flushed = time.monotonic()
    if todo:
        with workers.pool(Cutter, settings, storage, ahead=1) as pool:
            for _, block in each(pool, jobs()):
                if isinstance(block, Failed):
                    raise block.error
                _check(block, origins, storage)
                for row, pixels, note in zip(*block[:3], strict=True):
                    writer.put_levels(row, [pixels[part].data for part in parts], note)
                for row, reason in block.left_out:
                    left_out[row] = LeftOut(name=origins[row].name, reason=reason)
                eye.blind |= block.blind
                report("Cutting photos", int(writer.done.sum()) + len(left_out), len(origins))
                if time.monotonic() - flushed > FLUSH_SECONDS:
                    writer.flush()
                    flushed = time.monotonic()
    writer.flush()
    return [left_out[row] for row in sorted(left_out)]


def _check(block: Block, origins: Sequence[Origin], storage: Storage | None) -> None:
    """Raise FeedsmithError where a worker does not find files that are here: its node has another disk."""
    if storage is None:
        for row, reason in block.left_out:
            if reason == "there is no such file" and Path(origins[row].file).is_file():
                raise FeedsmithError(
                    f"{origins[row].file}: is here, and not on every node of the cluster",
                    mend="give all nodes the photos at the same path (a shared disk), or put them "
                    "into a bucket: --photos s3://bucket/folder",
                )
