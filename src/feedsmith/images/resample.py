"""Pictures made smaller and larger.

Area averaging down, bicubic up, always from 8 bit to 8 bit (Pillow rounds with fixed integers, so
the bytes are the same on every machine). Knows sizes; nothing of what is shown.
"""

import numpy as np
from numpy.typing import NDArray
from PIL import Image


def resize(picture: NDArray[np.uint8], height: int, width: int) -> NDArray[np.uint8]:
    """`picture` (H, W, 3) or (H, W) at (height, width); each axis down by area or up by bicubic."""
    h, w = picture.shape[:2]
    if (h, w) == (height, width):
        return picture
    image = Image.fromarray(picture)
    if height <= h and width <= w:
        image = image.resize((width, height), Image.Resampling.BOX)
    elif height >= h and width >= w:
        image = image.resize((width, height), Image.Resampling.BICUBIC)
    else:
        image = image.resize((min(w, width), min(h, height)), Image.Resampling.BOX)
        image = image.resize((width, height), Image.Resampling.BICUBIC)
    return np.asarray(image)


def covering(picture: NDArray[np.uint8], height: int, width: int) -> NDArray[np.uint8]:
    """The picture scaled, proportions kept, until it just covers (height, width).

    This is the scale at which a photograph lends its texture: one source pixel per output pixel.
    """
    h, w = picture.shape[:2]
    scale = max(height / h, width / w)
    return resize(picture, max(height, round(h * scale)), max(width, round(w * scale)))
