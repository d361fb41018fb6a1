"""A loop as an animated GIF: one palette for all frames, and nothing flickers that stands still.

The palette is learned in OKLab from several frames. Dithering is ordered (a fixed threshold matrix),
so a pixel whose colour does not change keeps its colour number: still parts are stored once, and a
frame holds only the box that changed, with everything that stayed transparent. Knows frames and the
GIF89a format; nothing of photos or posts.

Sources: GIF89a specification, CompuServe 1990; void-and-cluster dithering matrices, R. Ulichney
1993 (ours is made at import, from the plain description).
"""

import math
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache, partial
from itertools import chain, islice
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from feedsmith.colour import from_lab, to_bytes, to_lab
from feedsmith.errors import FeedsmithError
from feedsmith.files import write_bytes

Bytes = NDArray[np.uint8]
Floats = NDArray[np.float32]

LARGEST = 5_000_000
"""Bytes a GIF should not exceed: chats and mail still show it, and a phone loads it in seconds."""
WIDTH = 540
"""Pixels; half of the post's, so that one GIF pixel averages four."""
COLOURS = 255
"""The 256th number is `as before` (transparent)."""
CLEAR = 255
CUBE = 32  # steps an axis of the table from colour to number; 32 768 entries
REMEMBERED = 64_000_000  # bytes of frames kept for the second round; longer loops are made twice
SAMPLE = 24_000  # pixels the palette is learned from


class Loop(Protocol):
    """Frames of which the last leads into the first: film.loop.Loop, film.walk.Walk."""

    @property
    def still(self) -> Bytes: ...
    @property
    def count(self) -> int: ...
    @property
    def fps(self) -> int: ...
    def frames(self, step: int = 1) -> Iterator[Bytes]: ...


@dataclass(frozen=True, slots=True)
class Written:
    """What became of the loop."""

    path: Path
    size: int
    """Bytes."""
    width: int
    height: int
    frames: int
    delay: int
    """Hundredths of a second a frame."""
    colours: int


def write(path: Path, loop: Loop, width: int = WIDTH, *, largest: int = LARGEST) -> Written:
    """`loop` as a GIF at `path` that repeats for ever, written whole or not at all.

    `width` in pixels, 64..1080, never above the loop's own. Over `largest` bytes it is made again
    with fewer colours, then smaller, then with fewer frames a second, and the smallest is kept if
    all are over. Raises FeedsmithError when the disk is full or the folder cannot be written.
    """
    if not 64 <= width <= 1080:
        raise FeedsmithError(
            f"a GIF {width} pixels wide is not useful", mend="use a width of 64 to 1080 pixels"
        )
    width = min(width, loop.still.shape[1])
    step, delay = _pace(loop, 12.5)
    slow, late = _pace(loop, 8.4)
    smaller, smallest = max(64, width * 4 // 5), max(64, width * 3 // 5)
    tries = (
        (width, step, delay, COLOURS, 3),
        (width, step, delay, 128, 8),
        (smaller, step, delay, 96, 10),
        (smallest, step, delay, 96, 10),
        (smaller, slow, late, 96, 10),
        (smallest, slow, late, 64, 12),
    )
    best: tuple[bytes, Written] | None = None
    for wide, every, pause, colours, slack in tries:
        data, count, high = _encoded(loop, wide, every, pause, colours, slack, largest)
        made = Written(path, len(data), wide, high, count, pause, colours)
        if best is None or len(data) < best[1].size:
            best = (data, made)
        if len(data) <= largest:
            break
    assert best is not None
    write_bytes(path, best[0])
    return best[1]


def _pace(loop: Loop, wanted: float) -> tuple[int, int]:
    """Every how many-th frame, and hundredths a frame, so that the loop keeps its length exactly.

    The step divides the count, or the last frame would be followed too soon by the first.
    """
    found = [(1, max(2, round(100 / loop.fps)))]
    for step in range(1, loop.count // 4 + 1):
        exact = 100 * step / loop.fps
        if loop.count % step == 0 and exact >= 2 and abs(exact - round(exact)) < 1e-6:
            found.append((step, round(exact)))
    return min(found, key=lambda pace: abs(math.log(100 / pace[1] / wanted)))


# ---- colours -----------------------------------------------------------------------------------


@cache
def _thresholds() -> Floats:
    """A (32, 32) matrix of -.5 .. .5 without visible pattern: blue noise by void and cluster.

    Each next number goes where the smoothed pattern so far is emptiest (torus distance).
    """
    side = 32
    spread = np.minimum(np.arange(side), side - np.arange(side)).astype(np.float32)
    hump = np.exp(-(spread[:, None] ** 2 + spread[None] ** 2) / np.float32(2 * 1.9**2))
    filled = np.random.default_rng(1).random((side, side)).astype(np.float32) * np.float32(1e-3)
    rank = np.zeros((side, side), np.float32)
    for number in range(side * side):
        y, x = divmod(int(filled.argmin()), side)
        rank[y, x] = number
        filled += np.roll(hump, (y, x), (0, 1))
        filled[y, x] += 1e6
    return (rank + np.float32(0.5)) / np.float32(side * side) - np.float32(0.5)


def _palette(samples: Bytes, colours: int) -> Floats:
    """(n, 3) OKLab centres of (m, 3) sRGB samples: median cut, then k-means."""
    lab = to_lab(samples)
    boxes, worth = [lab], [_spread(lab)]
    while len(boxes) < colours:
        widest = int(np.argmax(worth))
        if worth[widest] <= 0:
            break
        chosen = boxes[widest]
        axis = int(chosen.var(0).argmax())
        chosen = chosen[np.argsort(chosen[:, axis], kind="stable")]
        # Cut at the mean: few but far colours (a red berry) get a box of their own.
        cut = int(np.searchsorted(chosen[:, axis], chosen[:, axis].mean()))
        cut = min(max(cut, 1), len(chosen) - 1)
        boxes[widest], worth[widest] = chosen[:cut], _spread(chosen[:cut])
        boxes.append(chosen[cut:])
        worth.append(_spread(chosen[cut:]))
    centres = np.stack([b.mean(0) for b in boxes]).astype(np.float32)
    for _ in range(4):
        nearest = _nearest(lab, centres)
        counts = np.bincount(nearest, minlength=len(centres)).astype(np.float32)
        for axis in range(3):
            total = np.bincount(nearest, lab[:, axis], len(centres)).astype(np.float32)
            centres[:, axis] = np.where(counts > 0, total / np.maximum(counts, 1), centres[:, axis])
    return centres


def _spread(lab: Floats) -> float:
    """How much a box of colours deserves to be cut."""
    return float(lab.var(0).max()) * len(lab) ** 0.5 if len(lab) > 1 else 0.0


def _nearest(lab: Floats, centres: Floats) -> NDArray[np.int64]:
    found = np.empty(len(lab), np.int64)
    own = (centres * centres).sum(1)
    for start in range(0, len(lab), 8192):
        part = lab[start : start + 8192]
        found[start : start + 8192] = (own - 2 * part @ centres.T).argmin(1)
    return found


class _Quantiser:
    """Colour numbers of pixels: ordered dithering of the sRGB values, then a table."""

    def __init__(self, samples: Bytes, colours: int) -> None:
        centres = _palette(samples, colours)
        self.palette = np.zeros((256, 3), np.uint8)
        self.palette[: len(centres)] = to_bytes(from_lab(centres))
        steps = (np.arange(CUBE, dtype=np.float32) + np.float32(0.5)) * np.float32(256 / CUBE)
        cube = np.stack(np.meshgrid(steps, steps, steps, indexing="ij"), axis=-1).reshape(-1, 3)
        self._table = _nearest(to_lab(cube), centres).astype(np.uint8)
        # How strongly to dither: about the distance to the second colour, from the samples' error.
        numbers = self._table[_cells(samples)]
        error = np.abs(samples.astype(np.float32) - self.palette[numbers]).mean(0)
        self._strength = np.clip(3.0 * error + np.float32(256 / CUBE), 6, 26).astype(np.float32)

    def numbers(self, frame: Bytes) -> Bytes:
        """(H, W) colour numbers of (H, W, 3); the same pixel at the same place, the same number."""
        height, width = frame.shape[:2]
        pattern = np.tile(_thresholds(), (-(-height // 32), -(-width // 32)))[:height, :width]
        out = np.empty((height, width), np.uint8)
        for top in range(0, height, 64):
            part = frame[top : top + 64].astype(np.float32)
            part += pattern[top : top + 64, :, None] * self._strength
            out[top : top + 64] = self._table[_cells(np.clip(part, 0, 255).astype(np.uint8))]
        return out


def _cells(rgb: Bytes) -> NDArray[np.int32]:
    r, g, b = (rgb[..., i].astype(np.int32) >> 3 for i in range(3))
    return np.asarray((r << 10) | (g << 5) | b, np.int32)


# ---- the file ----------------------------------------------------------------------------------


def _encoded(
    loop: Loop, width: int, step: int, delay: int, colours: int, slack: int, largest: int
) -> tuple[bytes, int, int]:
    """The file's bytes, frames and height.

    A pixel keeps its colour number until it is more than `slack` of 255 away from what is shown:
    slow changes are not worth a new number in every frame. The loop goes round once before it is
    written, so that its first frame already holds what its last will leave: nothing jumps there.
    """
    high = max(1, round(loop.still.shape[0] * width / loop.still.shape[1]))
    quantiser = _Quantiser(_samples(loop, width, high, step), colours)
    parts = [
        b"GIF89a",
        struct.pack("<HHBBB", width, high, 0xF7, 0, 0),
        quantiser.palette.tobytes(),
        b"\x21\xff\x0bNETSCAPE2.0\x03\x01\x00\x00\x00",
    ]
    last: Bytes | None = None
    shown = np.zeros((high, width), np.uint8)
    held = np.full((high, width, 3), -999, np.int16)
    count = 0
    frames: Callable[[], Iterator[Bytes]] = partial(_frames, loop, step, width, high)
    if loop.count // step * width * high * 3 <= REMEMBERED:
        frames = list(frames()).__iter__
    for index, small in enumerate(chain(frames(), frames())):
        frame = small.astype(np.int16)
        off = np.abs(frame - held).max(2) > slack
        shown = np.where(off, quantiser.numbers(small), shown)
        held = np.where(off[..., None], frame, held)
        if index * step < loop.count:
            continue
        parts.append(_piece(shown, last, delay))
        last, count = shown, count + 1
    parts.append(b"\x3b")
    return b"".join(parts), count, high


def _frames(loop: Loop, step: int, width: int, height: int) -> Iterator[Bytes]:
    for frame in loop.frames(step):
        yield _smaller(frame, width, height)


def _smaller(frame: Bytes, width: int, height: int) -> Bytes:
    if frame.shape[:2] == (height, width):
        return frame
    image = Image.fromarray(frame)
    return np.asarray(image.resize((width, height), Image.Resampling.BOX))


def _samples(loop: Loop, width: int, height: int, step: int) -> Bytes:
    """Pixels of a few frames spread over the loop, (n, 3)."""
    every = max(step, loop.count // 4)
    frames = [_smaller(f, width, height).reshape(-1, 3) for f in islice(loop.frames(every), 4)]
    pixels = np.concatenate(frames)
    chosen = np.random.default_rng(0).integers(0, len(pixels), min(SAMPLE, len(pixels)))
    return pixels[chosen]


def _piece(numbers: Bytes, last: Bytes | None, delay: int) -> bytes:
    """One image: the box that differs from `last`, unchanged pixels transparent."""
    if last is None:
        top, left, shown = 0, 0, numbers
    else:
        differs = numbers != last
        rows, columns = np.flatnonzero(differs.any(1)), np.flatnonzero(differs.any(0))
        if rows.size == 0:
            top, left, shown = 0, 0, np.full((1, 1), CLEAR, np.uint8)
        else:
            top, left = int(rows[0]), int(columns[0])
            box = np.s_[top : int(rows[-1]) + 1, left : int(columns[-1]) + 1]
            shown = np.where(differs[box], numbers[box], np.uint8(CLEAR))
    height, width = shown.shape
    control = struct.pack("<BBBBHBB", 0x21, 0xF9, 4, 0b101, delay, CLEAR, 0)
    where = struct.pack("<BHHHHB", 0x2C, left, top, width, height, 0)
    return control + where + _lzw(shown)


def _lzw(numbers: Bytes) -> bytes:
    """GIF's LZW of (h, w) colour numbers, by Pillow's encoder: minimum code size, blocks, end."""
    image = Image.fromarray(np.ascontiguousarray(numbers))
    return b"\x08" + image.tobytes("gif", "L", 8, 0) + b"\x00"
