"""Pictures in frames: cutting, rounding, shadows. Knows no words and no templates."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

from feedsmith.errors import FeedsmithError

RGB = NDArray[np.uint8]
RGBA = NDArray[np.uint8]
Map = NDArray[np.float32]

BLOW_UP = 1.5
"""Most a photo may be enlarged; beyond it looks soft on a phone."""


def busyness(rgb: RGB, saliency: Map | None, size: tuple[int, int] = (48, 48)) -> Map:
    """How unsuited each part of a picture is to stand behind words: (h, w) of `size`, 0..1.

    Fine structure, and what the eye goes to: `saliency` (any size, 0..1) when it is known, else
    distance from the picture's mean colour.
    """
    h, w = size
    small = (
        np.asarray(Image.fromarray(rgb).resize((w * 4, h * 4), Image.Resampling.BOX), np.float32)
        / 255
    )
    grey = small.mean(axis=2)
    edge = np.abs(np.diff(grey, axis=0, append=grey[-1:])) + np.abs(
        np.diff(grey, axis=1, append=grey[:, -1:])
    )
    edge = edge.reshape(h, 4, w, 4).mean(axis=(1, 3))
    edge /= max(float(np.quantile(edge, 0.98)), 1e-3)
    if saliency is None:
        distance = np.linalg.norm(small - small.mean(axis=(0, 1)), axis=2)
        looked = distance.reshape(h, 4, w, 4).mean(axis=(1, 3))
        looked /= max(float(looked.max()), 1e-3)
    else:
        looked = np.asarray(
            Image.fromarray(saliency).resize((w, h), Image.Resampling.BOX), np.float32
        )
    return np.asarray(np.clip(0.4 * edge + 0.6 * looked, 0, 1), np.float32)


def windows(
    rgb: RGB, width: int, height: int, saliency: Map | None
) -> list[tuple[int, int, int, int]]:
    """Cuts (x0, y0, x1, y1) of `rgb` in the ratio width:height, as large as can be.

    Nine along the free side; one where there is none.
    """
    h, w = rgb.shape[:2]
    k = min(w / width, h / height)
    cw, ch = min(w, round(width * k)), min(h, round(height * k))
    steps = np.linspace(0, 1, 9) if (w - cw > 4 or h - ch > 4) else np.array([0.5])
    return [
        (int((w - cw) * t), int((h - ch) * t), int((w - cw) * t) + cw, int((h - ch) * t) + ch)
        for t in steps
    ]


def best_window(
    rgb: RGB,
    width: int,
    height: int,
    saliency: Map | None,
    clear: tuple[float, float, float, float] | None = None,
) -> tuple[tuple[int, int, int, int], float]:
    """The cut that keeps what the eye goes to and leaves `clear` (shares of the cut) calm.

    Returns the cut and its cost (lower is better); comparable between `clear` regions.
    """
    h, w = rgb.shape[:2]
    grid = busyness(rgb, saliency)
    total = max(float(grid.sum()), 1e-6)
    best: tuple[float, tuple[int, int, int, int]] | None = None
    options = windows(rgb, width, height, saliency)
    for i, cut in enumerate(options):
        x0, y0, x1, y1 = cut
        inside = _part(grid, x0 / w, y0 / h, x1 / w, y1 / h)
        cost = -float(inside.sum()) / total
        if clear is not None:
            cw, ch = (x1 - x0) / w, (y1 - y0) / h
            behind = _part(
                grid,
                x0 / w + clear[0] * cw,
                y0 / h + clear[1] * ch,
                x0 / w + clear[2] * cw,
                y0 / h + clear[3] * ch,
            )
            cost += 1.2 * float(behind.mean()) + 0.4 * float(np.quantile(behind, 0.9))
        # A subject sliced by the edge looks like an accident.
        if x0 > 0 or x1 < w:
            cost += 0.35 * float(inside[:, 0].mean() + inside[:, -1].mean())
        if y0 > 0 or y1 < h:
            cost += 0.35 * float(inside[0].mean() + inside[-1].mean())
        # Middle cuts win near-ties: photographers centre on purpose.
        cost += 0.02 * abs(i - (len(options) - 1) / 2)
        if best is None or cost < best[0]:
            best = (cost, cut)
    assert best is not None
    return best[1], best[0]


def _part(grid: Map, x0: float, y0: float, x1: float, y1: float) -> Map:
    h, w = grid.shape
    top, left = int(y0 * h), int(x0 * w)
    return grid[top : max(round(y1 * h), top + 1), left : max(round(x1 * w), left + 1)]


def cut_to(rgb: RGB, cut: tuple[int, int, int, int], width: int, height: int) -> RGB:
    """The cut at exactly width x height. Raises FeedsmithError beyond BLOW_UP."""
    x0, y0, x1, y1 = cut
    if width > (x1 - x0) * BLOW_UP * 1.01 or height > (y1 - y0) * BLOW_UP * 1.01:
        raise FeedsmithError(
            f"a picture of {rgb.shape[1]}x{rgb.shape[0]} px is too small for a frame of "
            f"{width}x{height} px (at most {BLOW_UP:g} times larger)",
            mend="use a larger photo, or a framed layout",
        )
    image = Image.fromarray(rgb[y0:y1, x0:x1])
    if image.size != (width, height):
        image = image.resize((width, height), Image.Resampling.LANCZOS)
    return np.asarray(image)


def outline(width: int, height: int, shape: str, radius: float) -> NDArray[np.uint8] | None:
    """Coverage (height, width) uint8 of a frame's shape; None for a plain rectangle."""
    if shape == "rect" and radius <= 0:
        return None
    s = 4
    big = Image.new("L", (width * s, height * s), 0)
    draw = ImageDraw.Draw(big)
    right, foot = width * s - 1, height * s - 1
    if shape == "circle":
        draw.ellipse((0, 0, right, foot), fill=255)
    elif shape == "arch":
        draw.ellipse((0, 0, right, width * s - 1), fill=255)
        draw.rectangle((0, width * s // 2, right, foot), fill=255)
    else:
        draw.rounded_rectangle((0, 0, right, foot), radius * s, fill=255)
    return np.asarray(big.resize((width, height), Image.Resampling.BOX))


def paste(page: RGB, picture: RGB, x: int, y: int, mask: NDArray[np.uint8] | None) -> None:
    """Lay `picture` on `page` at (x, y), in place, through `mask`; parts beyond the page are cut."""
    top, left = max(-y, 0), max(-x, 0)
    height = min(picture.shape[0] - top, page.shape[0] - max(y, 0))
    width = min(picture.shape[1] - left, page.shape[1] - max(x, 0))
    if height <= 0 or width <= 0:
        return
    target = page[max(y, 0) : max(y, 0) + height, max(x, 0) : max(x, 0) + width]
    source = picture[top : top + height, left : left + width]
    if mask is None:
        target[:] = source
        return
    a = mask[top : top + height, left : left + width, None].astype(np.uint16)
    target[:] = ((source * a + target * (255 - a) + 127) // 255).astype(np.uint8)


def shadow(
    page: RGB,
    box: tuple[int, int, int, int],
    mask: NDArray[np.uint8] | None,
    strength: float,
    colour: tuple[int, int, int],
) -> None:
    """A print's shadow under `box` (x, y, w, h), in place: one tight, one wide, light from above."""
    x, y, w, h = box
    shape = Image.new("L", (w, h), 255) if mask is None else Image.fromarray(mask)
    for dy, spread, share in ((3, 4, 0.34), (22, 34, 0.5)):
        _darken(page, shape, (x, y + dy), spread, colour, strength * share)


def _darken(
    page: RGB,
    shape: Image.Image,
    corner: tuple[int, int],
    spread: float,
    colour: tuple[int, int, int],
    strength: float,
) -> None:
    """`colour` through the blurred `shape` (mode L) at `corner`, in place."""
    far = int(spread * 3) + 4
    x0, y0 = max(corner[0] - far, 0), max(corner[1] - far, 0)
    x1 = min(corner[0] + shape.width + far, page.shape[1])
    y1 = min(corner[1] + shape.height + far, page.shape[0])
    if x1 <= x0 or y1 <= y0:
        return
    base = Image.new("L", (x1 - x0, y1 - y0), 0)
    base.paste(shape, (corner[0] - x0, corner[1] - y0))
    # Blurred at a quarter of the size: the wide one costs 16 times less, and looks the same.
    k = 4 if spread > 8 and min(base.size) > 16 else 1
    soft = base.resize((base.width // k, base.height // k), Image.Resampling.BOX)
    soft = soft.filter(ImageFilter.GaussianBlur(spread / k))
    if k > 1:
        soft = soft.resize(base.size, Image.Resampling.BICUBIC)
    a = np.asarray(soft, np.float32)[..., None] * np.float32(strength / 255)
    part = page[y0:y1, x0:x1]
    part[:] = (part + (np.array(colour, np.float32) - part) * a + np.float32(0.5)).astype(np.uint8)


def scaled(rgba: RGBA, width: int, height: int) -> RGBA:
    """(H, W, 4) with straight alpha at width x height; edges keep their colour."""
    if rgba.shape[:2] == (height, width):
        return rgba
    image = Image.fromarray(rgba).convert("RGBa")
    return np.asarray(image.resize((width, height), Image.Resampling.LANCZOS).convert("RGBA"))


def stand(
    page: RGB,
    cutout: RGBA,
    box: tuple[int, int, int, int],
    dark: tuple[int, int, int],
    strength: float,
    at: float = 0.5,
) -> tuple[int, int, int, int]:
    """A cut-out (H, W, 4) as large as fits `box` (x, y, w, h), standing on its foot, in place.

    With a soft shadow of its own outline and a dark one where it touches the ground. Blown up at
    most BLOW_UP times. Returns where it stands (x, y, w, h).
    """
    h, w = cutout.shape[:2]
    k = min(box[2] / w, box[3] / h, BLOW_UP)
    width, height = max(1, round(w * k)), max(1, round(h * k))
    x, y = box[0] + round((box[2] - width) * at), box[1] + box[3] - height
    piece = scaled(cutout, width, height)
    if strength:
        alpha = Image.fromarray(piece[..., 3])
        # A wide shadow of the outline, and a flat one under the foot: the lowest seventh of it.
        foot = alpha.crop((0, round(height * 0.86), width, height))
        flat = foot.resize((width, max(2, round(height * 0.07))), Image.Resampling.BOX)
        for shape, dy, spread, share in (
            (alpha, round(height * 0.035), height * 0.045, 0.34),
            (flat, height - flat.height * 2 // 3, height * 0.016, 0.62),
        ):
            _darken(page, shape, (x, y + dy), spread, dark, strength * share)
    paste(page, np.ascontiguousarray(piece[..., :3]), x, y, np.ascontiguousarray(piece[..., 3]))
    return x, y, width, height


def print_on(
    page: RGB,
    picture: RGB,
    corner: tuple[int, int],
    edge: int,
    degrees: float,
    strength: float,
    white: tuple[int, int, int],
    dark: tuple[int, int, int],
) -> None:
    """A print with a white edge, turned clockwise about its middle, with its shadow; in place.

    `corner` is the picture's top left before it is turned.
    """
    h, w = picture.shape[:2]
    # A clear rim, or the turned edges are stairs.
    rim = 3
    sheet = Image.new("RGBA", (w + 2 * (edge + rim), h + 2 * (edge + rim)), (*white, 0))
    sheet.paste((*white, 255), (rim, rim, sheet.width - rim, sheet.height - rim))
    sheet.paste(Image.fromarray(picture), (edge + rim, edge + rim))
    turned = sheet.rotate(-degrees, Image.Resampling.BICUBIC, expand=True)
    x = corner[0] - edge - rim + (sheet.width - turned.width) // 2
    y = corner[1] - edge - rim + (sheet.height - turned.height) // 2
    whole = np.asarray(turned)
    mask = np.ascontiguousarray(whole[..., 3])
    if strength:
        shadow(page, (x, y, turned.width, turned.height), mask, strength, dark)
    paste(page, np.ascontiguousarray(whole[..., :3]), x, y, mask)


def softened(rgb: RGB, radius: float) -> RGB:
    """Blurred by `radius` px, at a quarter of the size."""
    image = Image.fromarray(rgb)
    small = image.resize((image.width // 4, image.height // 4), Image.Resampling.BOX)
    small = small.filter(ImageFilter.GaussianBlur(radius / 4))
    return np.asarray(small.resize(image.size, Image.Resampling.BICUBIC))
