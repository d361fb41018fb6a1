"""Small made pictures that the image tests share: a landscape, leaves, a disc on a plain ground."""

import numpy as np
from PIL import Image

from feedsmith.colour import Bytes


def _noise(rng: np.random.Generator, height: int, width: int, grain: int) -> np.ndarray:
    small = rng.random((max(2, height // grain), max(2, width // grain)), np.float32)
    return np.asarray(Image.fromarray(small).resize((width, height), Image.Resampling.BICUBIC))


def landscape(height: int = 300, width: int = 400, seed: int = 0, sky: float = 0.45) -> Bytes:
    """Blue sky over a rough ridge over grass."""
    rng = np.random.default_rng(seed)
    y = np.arange(height, dtype=np.float32)[:, None] / height
    ridge = (
        sky + 0.06 * np.sin(np.linspace(0, 7, width) + seed) + 0.02 * _noise(rng, 2, width, 9)[0]
    )
    picture = np.empty((height, width, 3), np.float32)
    picture[:] = np.array([120, 165, 225]) + 50 * y[..., None]
    rock = 95 + 60 * _noise(rng, height, width, 6) + 25 * _noise(rng, height, width, 2)
    grass = 60 + 70 * _noise(rng, height, width, 3)
    land = y > ridge[None]
    near = y > ridge[None] + 0.25
    picture[land] = (rock[..., None] * np.array([0.9, 0.85, 0.8]))[land]
    picture[near] = (grass[..., None] * np.array([0.6, 1.0, 0.3]))[near]
    return np.clip(picture, 0, 255).astype(np.uint8)


def leaves(height: int = 300, width: int = 400, seed: int = 0) -> Bytes:
    """The same all over: light and dark green."""
    rng = np.random.default_rng(seed)
    level = 0.6 * _noise(rng, height, width, 12) + 0.4 * _noise(rng, height, width, 4)
    return np.clip(level[..., None] * np.array([120, 220, 70]), 0, 255).astype(np.uint8)


def disc(height: int = 300, width: int = 400, at: tuple[float, float] = (0.5, 0.5)) -> Bytes:
    """An orange disc with a dark ring on a plain light ground."""
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    away = np.hypot(y - at[0] * height, x - at[1] * width) / height
    picture = np.full((height, width, 3), 225, np.float32)
    picture[away < 0.2] = (225, 120, 40)
    picture[(away > 0.14) & (away < 0.16)] = (60, 30, 20)
    return picture.astype(np.uint8)


def disc_map(
    height: int = 300, width: int = 400, at: tuple[float, float] = (0.5, 0.5)
) -> np.ndarray:
    """The saliency map of `disc`."""
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    away = np.hypot(y - at[0] * height, x - at[1] * width) / height
    return (away < 0.2).astype(np.float32)
