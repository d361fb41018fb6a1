"""Lanczos resampling by FFmpeg's scaler: as Pillow's, to 0.2 of 255 levels, at a third of its cost.

One photo of 1365 px to 1024: 6.5 ms of one core against Pillow's 21 (bench/prepare.py). Its bytes may differ
in the last bit from processor to processor; where they must not, use `resample`. Knows pixels alone.
"""

import threading

import av
import numpy as np
from av.video.reformatter import VideoReformatter
from PIL import Image

Box = tuple[int, int, int, int]
"""left, top, right, bottom in pixels."""
FAR = 4.0
"""Beyond this many times smaller Pillow takes over: it averages whole pixels first, and the scaler's
filters have at most 256 taps."""
NEAR = 96
"""Pixels up to which Pillow is as fast: the scaler's start then costs more than its work."""


def resize(picture: Image.Image, size: tuple[int, int], box: Box | None = None) -> Image.Image:
    """The `box` of an RGB picture (default: all of it) at `size` (width, height), up or down.

    May be called by many threads at once.
    """
    if box is None:
        box = (0, 0, *picture.size)
    times = max((box[2] - box[0]) / size[0], (box[3] - box[1]) / size[1])
    if times > FAR or max(size) <= NEAR:
        return picture.resize(size, Image.Resampling.LANCZOS, box=box, reducing_gap=3.0)
    if (box[2] - box[0], box[3] - box[1]) == size:
        return picture.crop(box)
    pixels = np.asarray(picture)[box[1] : box[3], box[0] : box[2]]
    frame = av.VideoFrame.from_numpy_buffer(pixels, format="rgb24")
    # Planes of R, G and B: between packed formats the scaler would go by way of halved colour.
    pack, scale, unpack = _scalers((frame.width, frame.height, *size))
    planes = unpack.reformat(frame, format="gbrp", threads=1)
    width, height = size
    scaled = scale.reformat(planes, width=width, height=height, interpolation="LANCZOS", threads=1)
    return Image.fromarray(pack.reformat(scaled, format="rgb24", threads=1).to_ndarray())


KEPT = 8
"""Pairs of sizes whose tables a thread keeps; working them out anew is a fifth to a half of the
cost, and photos of one camera share them."""

_Scalers = tuple[VideoReformatter, VideoReformatter, VideoReformatter]
_local = threading.local()


def _scalers(sizes: tuple[int, ...]) -> _Scalers:
    """One a step, of this thread, for pictures of those sizes."""
    if not hasattr(_local, "known"):
        _local.known = {}
    known: dict[tuple[int, ...], _Scalers] = _local.known
    found = known.pop(sizes, None)
    if found is None:
        found = (VideoReformatter(), VideoReformatter(), VideoReformatter())
        if len(known) >= KEPT:
            known.pop(next(iter(known)))
    known[sizes] = found  # the last used stands last
    return found
