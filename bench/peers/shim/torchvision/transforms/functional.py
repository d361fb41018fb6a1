"""Resizing."""

from PIL import Image


def resize(image, size, *_, **__):
    """To (height, width), or the shorter side to `size`."""
    if isinstance(size, int):
        short = min(image.size)
        width, height = (max(1, round(side * size / short)) for side in image.size)
    else:
        height, width = size
    if image.size == (width, height):
        return image
    return image.resize((width, height), Image.Resampling.BILINEAR)
