"""Squares: which part of a photo a training picture shows, and its pixels.

The largest square that fits is moved along the longer side to where the eye is drawn, faces whole;
it is never made smaller, since every pixel counts. Or the whole photo is kept on a ground. Knows
pixels, maps and boxes; nothing of files.
"""

from collections.abc import Callable, Sequence
from math import inf

import numpy as np
from PIL import Image, ImageFilter

from feedsmith.colour import Floats
from feedsmith.images import crop as windows
from feedsmith.images import lanczos
from feedsmith.images.crop import FaceBox

Box = lanczos.Box

NEARLY = 0.02
"""A photo whose sides differ by no more than this is cut in the middle: 1 % on either side is lost."""
GROUND = 16
"""Pixels to which the photo shrinks to become the ground of a letterbox."""


def box(
    size: tuple[int, int],
    crop: str,
    faces: Sequence[FaceBox] = (),
    saliency: Callable[[], Floats] | None = None,
) -> Box:
    """left, top, right, bottom in pixels of a photo (width, height): a square, or for `letterbox` all of it.

    `saliency` gives its map (h, w), 0..1, and is asked only where there is a choice. Where not all
    faces fit, the largest does.
    """
    width, height = size
    if crop == "letterbox":
        return 0, 0, width, height
    side = min(width, height)
    left, top = (width - side) // 2, (height - side) // 2
    if crop == "saliency" and saliency is not None and max(size) > side * (1 + NEARLY):
        salient = saliency()
        largest = sorted(faces, key=lambda f: -(f[2] - f[0]) * (f[3] - f[1]))
        for kept in (tuple(faces), tuple(largest[:1]), ()):
            found = windows.best(size, (1, 1), salient, faces=kept, closest=1.0, limit=inf)
            if found is not None and found.faces_whole:
                left = min(max(0, round(found.left * width)), width - side)
                top = min(max(0, round(found.top * height)), height - side)
                break
    return left, top, left + side, top + side


def cut(picture: Image.Image, full: tuple[int, int], area: Box, size: int) -> Image.Image:
    """The `area` (pixels of the photo at its `full` size) of a decoded, perhaps smaller `picture`
    at size x size, by Lanczos down and up."""
    across, down = picture.width / full[0], picture.height / full[1]
    left, top = round(area[0] * across), round(area[1] * down)
    if area[2] - area[0] == area[3] - area[1]:
        side = min(picture.size)
        left, top = min(left, picture.width - side), min(top, picture.height - side)
        return lanczos.resize(picture, (size, size), (left, top, left + side, top + side))
    return letterboxed(picture, size)


def letterboxed(picture: Image.Image, size: int) -> Image.Image:
    """All of the picture in the middle of a square; what it leaves free shows the same picture,
    large and out of focus.

    A plain edge colour would be learned as a frame: two straight lines across every picture.
    """
    scale = size / max(picture.size)
    inner = (max(1, round(picture.width * scale)), max(1, round(picture.height * scale)))
    ground = picture.resize((GROUND, GROUND), Image.Resampling.BOX, reducing_gap=2.0)
    ground = ground.filter(ImageFilter.BoxBlur(1)).resize((size, size), Image.Resampling.BICUBIC)
    ground.paste(lanczos.resize(picture, inner), ((size - inner[0]) // 2, (size - inner[1]) // 2))
    return ground


def small(picture: Image.Image, side: int) -> np.ndarray:
    """(side, side, 3) uint8: means over squares of a square picture, for comparing."""
    if picture.width > side and picture.width % side == 0:
        return np.asarray(picture.reduce(picture.width // side))
    return np.asarray(picture.resize((side, side), Image.Resampling.BOX))
