"""Grids of small pictures: what the generator makes of the same latents, and real ones beside.

Knows pixels and files; knows no network.
"""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from feedsmith.files import made, writing
from feedsmith.images.gan.train.pictures import Pictures, as_rgb

COUNT = 48
ACROSS = 8
WIDEST = 2048
"""Pixels; larger pictures are made smaller for the grid."""
SMALLEST = 64
"""Pixels of a picture in the grid; smaller ones are enlarged, each pixel as a square."""


def of(rgb: NDArray[np.uint8], across: int = ACROSS) -> Image.Image:
    """(N, H, W, 3) side by side in rows of `across`, 2 px apart on white."""
    n, side = len(rgb), rgb.shape[1]
    shown = max(SMALLEST, min(side, WIDEST // across))
    down = -(-n // across)
    sheet = Image.new("RGB", (across * (shown + 2) - 2, down * (shown + 2) - 2), "white")
    for i, one in enumerate(rgb):
        tile = Image.fromarray(one)
        if shown != side:
            how = Image.Resampling.NEAREST if shown > side else Image.Resampling.LANCZOS
            tile = tile.resize((shown, shown), how)
        sheet.paste(tile, (i % across * (shown + 2), i // across * (shown + 2)))
    return sheet


def samples(folder: Path, rgb: NDArray[np.uint8], name: str) -> None:
    """Keep a grid of generated pictures as grids/NAME.jpg."""
    _keep(of(rgb), folder / "grids" / f"{name}.jpg")


def real(folder: Path, pictures: Pictures, size: int) -> None:
    """Keep a grid of real ones."""
    _keep(of(as_rgb(pictures.batch(0, COUNT, size))), folder / "grids" / "real.jpg")


def _keep(sheet: Image.Image, path: Path) -> None:
    made(path.parent)
    with writing(path) as stream:
        sheet.save(stream, "JPEG", quality=92, subsampling=0)
