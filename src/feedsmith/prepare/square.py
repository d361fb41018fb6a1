"""Squares: which part of a photo a training picture shows, and its pixels.

The largest square that fits is moved along the longer side to where the eye is drawn, faces whole;
it is never made smaller, since every pixel counts. Or the whole photo is kept on a ground. Knows
pixels, maps and boxes; nothing of files.
"""

from collections.abc import Callable, Sequence

import numpy as np
from PIL import Image, ImageFilter

from feedsmith.colour import Floats
from feedsmith.images import lanczos
from feedsmith.images.crop import FACE_MARGIN
from feedsmith.images.crop import FaceBox as Sides

Box = lanczos.Box

NEARLY = 0.02
"""A photo whose sides differ by no more than this is cut in the middle: 1 % on either side is lost."""
STEPS = 96
"""Parts of the longer side that saliency is summed over; twice as many windows are tried."""
FLOOR = 0.03
"""Saliency that every part has: where nothing stands out, nothing decides."""
OFF_CENTRE, OFF_MIDDLE = 0.3, 0.05
"""What a window loses when its saliency lies half a window off its centre (times 2), and when it lies
off the photo's middle."""
GROUND = 16
"""Pixels to which the photo shrinks to become the ground of a letterbox."""


def box(
    size: tuple[int, int],
    crop: str,
    *,
    faces: Sequence[Sides] = (),
    subject: Sides | None = None,
    saliency: Callable[[], Image.Image] | None = None,
) -> Box:
    """left, top, right, bottom in pixels of a photo (width, height): a square, or for `letterbox` all of it.

    `faces` and `subject` are boxes in 0..1 of the photo; where not all faces fit, the largest
    does. `saliency` gives a grey map, the brighter the more looked at, and is asked only where a
    box does not decide: it costs a tenth of decoding a photo.
    """
    width, height = size
    if crop == "letterbox":
        return 0, 0, width, height
    side = min(width, height)
    left, top = (width - side) // 2, (height - side) // 2
    if crop == "saliency" and max(size) > side * (1 + NEARLY):
        along = 0 if height > width else 1
        share = side / max(size)
        heads = [(f[1 - along], f[3 - along]) for f in faces]
        ends = None if subject is None else (subject[1 - along], subject[3 - along])
        if ends is not None and ends[1] - ends[0] <= share and not heads:
            at = min(max(0.0, sum(ends) / 2 - share / 2), 1 - share)
        elif saliency is not None:
            at = _place(_profile(saliency(), along), share, heads)
        else:
            at = _place(np.full(STEPS, 1 / STEPS, np.float32), share, heads)
        left, top = (left, round(at * height)) if height > width else (round(at * width), top)
        left, top = min(left, width - side), min(top, height - side)
    return left, top, left + side, top + side


def _profile(salient: Image.Image, along: int) -> Floats:
    """(STEPS,) saliency along the longer side, sums to 1; the faint part is pressed down, as
    images.crop does."""
    shape = [STEPS, STEPS * min(salient.size) // max(salient.size) or 1]
    small = salient.resize((shape[1 - along], shape[along]), Image.Resampling.BOX, reducing_gap=1.0)
    coarse = np.asarray(small, np.float32) / np.float32(255)
    faint = np.partition(coarse.ravel(), int(0.4 * coarse.size))[int(0.4 * coarse.size)]
    steps = np.maximum(coarse - faint, 0).mean(axis=1 - along) + np.float32(FLOOR)
    return np.asarray(steps / steps.sum(), np.float32)


def _place(profile: Floats, share: float, faces: Sequence[tuple[float, float]]) -> float:
    """Where a window of `share` of the longer side begins, 0..1 - share.

    It keeps most of the saliency, has it in its middle, and where that decides nothing it is in
    the photo's middle. Composition by thirds, as a post wants it, would scatter the subjects.
    """
    begins = np.linspace(0, 1 - share, 2 * STEPS + 1, dtype=np.float32)
    edges = np.linspace(0, 1, STEPS + 1)
    middles = (edges[1:] + edges[:-1]) / 2
    mass = np.concatenate([[0], np.cumsum(profile)])
    moment = np.concatenate([[0], np.cumsum(profile * middles)])
    ends = begins + share
    kept = np.interp(ends, edges, mass) - np.interp(begins, edges, mass)
    centre = (np.interp(ends, edges, moment) - np.interp(begins, edges, moment)) / kept
    off_centre = np.abs(centre - (begins + ends) / 2) / share
    score = kept - OFF_CENTRE * off_centre - OFF_MIDDLE * np.abs((begins + ends) / 2 - 0.5)
    by_size = sorted(faces, key=lambda f: f[0] - f[1])
    for wanted in (by_size, by_size[:1]):
        whole = np.ones(len(begins), bool)
        for near, far in wanted:
            room = FACE_MARGIN * (far - near)
            whole &= (begins <= max(0, near - room)) & (ends >= min(1, far + room) - 1e-6)
        if whole.any():
            score = np.where(whole, score, -9)
            break
    return float(begins[int(np.argmax(score))])


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


def small(picture: Image.Image, side: int) -> Image.Image:
    """The square picture at side x side, by means over squares, for comparing."""
    if picture.width > side and picture.width % side == 0:
        return picture.reduce(picture.width // side)
    return picture.resize((side, side), Image.Resampling.BOX)
