"""Alike: which pictures of a data set show the same, and which are held out.

Near-duplicates are told as import tells them (perceptual hash, then pixels), and by the encoder's features
where a library has them. Knows hashes, miniatures, vectors and ids; nothing of files.
"""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from feedsmith import photo_file
from feedsmith.cores import one_core
from feedsmith.dataset import HELD, TRAIN
from feedsmith.library import NEAR_BITS, NEAR_PIXELS

COSINE = 0.9
"""Features from here on are of one motif: a series, another crop, another exposure."""
SKETCH = 256
"""Numbers that features are first projected to; their cosines are then within .06 of the true ones
(5 standard deviations at .9), at a fifth of the work."""
SLACK = 0.06
ROWS = 512
"""Features compared with all others at once."""
SMALL = 32
"""Pixels of a miniature's side."""

Bytes = NDArray[np.uint8]


def by_look(
    hashes: NDArray[np.uint64], miniature: Callable[[int], Bytes]
) -> Iterator[tuple[int, int]]:
    """Pairs of rows whose perceptual hashes are near and whose miniatures (32, 32, 3) then agree."""

    @lru_cache(maxsize=4096)
    def levelled(row: int) -> NDArray[np.float32]:
        return photo_file.miniature(miniature(row))

    for row in range(len(hashes) - 1):
        near = np.bitwise_count(hashes[row + 1 :] ^ hashes[row]) <= NEAR_BITS
        for other in row + 1 + np.flatnonzero(near):
            difference = np.abs(levelled(row) - levelled(int(other))).mean()
            if difference <= NEAR_PIXELS:
                yield row, int(other)


def perceptual_hash(miniature: Bytes) -> int:
    """64 bits of a miniature (32, 32, 3), as import has them of a photo."""
    grey = np.asarray(Image.fromarray(miniature).convert("L"))
    return int(photo_file.perceptual_hash(grey), 16)


def by_features(features: NDArray[np.float16]) -> Iterator[tuple[int, int]]:
    """Pairs of rows of (N, D) unit vectors whose cosine is above COSINE; memory for N x 256 numbers."""
    if len(features) < 2:
        return
    rng = np.random.default_rng(0)
    width = features.shape[1]
    project = rng.standard_normal((width, SKETCH)).astype(np.float32)
    sketch = np.empty((len(features), SKETCH), np.float32)
    with one_core():
        for start in range(0, len(features), ROWS):
            part = np.asarray(features[start : start + ROWS], np.float32) @ project
            part /= np.maximum(np.linalg.norm(part, axis=1, keepdims=True), 1e-12)
            sketch[start : start + ROWS] = part
        for start in range(0, len(features), ROWS):
            near = sketch[start : start + ROWS] @ sketch[start:].T > COSINE - SLACK
            for row, other in zip(*np.nonzero(np.triu(near, 1)), strict=True):
                one, two = start + int(row), start + int(other)
                first = np.asarray(features[one], np.float32)
                if float(first @ np.asarray(features[two], np.float32)) > COSINE:
                    yield one, two


def groups(count: int, pairs: Iterator[tuple[int, int]]) -> NDArray[np.int64]:
    """(count,): the smallest row of the group that each row belongs to, pairs being joined."""
    root = list(range(count))

    def of(row: int) -> int:
        while root[row] != row:
            root[row] = root[root[row]]
            row = root[row]
        return row

    for one, two in pairs:
        low, high = sorted((of(one), of(two)))
        root[high] = low
    return np.array([of(row) for row in range(count)], np.int64)


def split(ids: Sequence[str], group: NDArray[np.int64], share: float) -> Bytes:
    """(N,) uint8, HELD for about `share` of the groups, TRAIN for the rest.

    A group is held out by a hash of the smallest id in it, so photos that come later move nobody, unless they
    join a group. Of two groups and more, one at least is held out (with a share above 0), and one
    trained on.
    """
    names: dict[int, str] = {}
    for row, key in zip(group.tolist(), ids, strict=True):
        names[row] = min(key, names.get(row, key))
    at = {row: _chance(name) for row, name in names.items()}
    held = {row for row in at if at[row] < share}
    order = sorted(at, key=lambda row: (at[row], row))
    if share > 0 and len(at) > 1:
        held = held or {order[0]}
        if len(held) == len(at):
            held.discard(order[-1])
    return np.array([HELD if row in held else TRAIN for row in group.tolist()], np.uint8)


def _chance(name: str) -> float:
    """0..1, as if drawn, the same for a name for ever."""
    return int.from_bytes(hashlib.sha256(f"held out {name}".encode()).digest()[:8], "big") / 2**64
