"""Small data sets of pictures with something to learn: discs of one colour on another."""

from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from feedsmith.brand import Brand, Home
from feedsmith.prepare import Settings, prepare


def photos(folder: Path, count: int, side: int = 48) -> Path:
    """JPEG files in a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(1)
    for i in range(count):
        back, disc = (tuple(int(v) for v in rng.integers(0, 256, 3)) for _ in range(2))
        image = Image.new("RGB", (side, side), back)
        x, y, r = *rng.uniform(0.3, 0.7, 2).tolist(), rng.uniform(0.1, 0.3)
        box = [side * v for v in (x - r, y - r, x + r, y + r)]
        ImageDraw.Draw(image).ellipse(box, disc)
        image.save(folder / f"disc {i:03}.jpg", quality=95)
    return folder


def brand(root: Path) -> Home:
    home = Home(root)
    home.create(Brand(name="Discs"))
    return home


def data_set(root: Path, count: int = 80, size: int = 64) -> Path:
    """The HDF5 file of a brand's data set."""
    told = prepare(
        brand(root), Settings(size=size, crop="centre", photos=photos(root / "photos", count))
    )
    return root / "datasets" / told.file
