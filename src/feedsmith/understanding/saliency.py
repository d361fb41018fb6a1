"""Where a picture draws the eye: a map 0..1, by U2-Net-p (Qin et al. 2020) or by contrast.

Knows pixels in, map out. The network's map is kept as it is, not stretched to 0..1: a picture
without a subject must stay dark.
"""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from feedsmith.understanding.networks import WEIGHTS, Network

SIDE = 320
"""Pixels of a map's longer side."""
LOOK = 224
"""Pixels of the network's square input, any multiple of 32. CPU time and agreement of the masks
with those at 320 (intersection over union): 192 0.37x .86, 224 0.49x .93, 256 0.64x .96."""
_MEAN = np.array([0.485, 0.456, 0.406], np.float32)
_SPREAD = np.array([0.229, 0.224, 0.225], np.float32)


class Saliency(Network):
    """The saliency network; raises MissingModel at the first use when its weights are absent."""

    def __init__(self, folder: Path = WEIGHTS) -> None:
        super().__init__("saliency", folder)

    def map(self, rgb: NDArray[np.uint8], look: int = LOOK) -> NDArray[np.float32]:
        """(h, w) float32 in 0..1 of the picture's shape, longer side 320 px.

        `look` is how closely the network looks; 320 for the finest masks (cut-outs).
        """
        (found,) = self.run(["map"], rgb=planes(rgb, look))
        return _shaped(found[0, 0], rgb.shape[:2])


def planes(rgb: NDArray[np.uint8], look: int) -> NDArray[np.float32]:
    """(1, 3, look, look) float32 as the network takes it, of an (H, W, 3) uint8 picture."""
    square = Image.fromarray(rgb).resize((look, look), Image.Resampling.BILINEAR, reducing_gap=3)
    pixels = np.asarray(square, np.float32)
    pixels /= max(float(pixels.max()), 1.0)
    normed = ((pixels - _MEAN) / _SPREAD).transpose(2, 0, 1)[None]
    return np.ascontiguousarray(normed, np.float32)


def by_contrast(rgb: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Saliency without a network: distance of the smoothed colour from the picture's mean colour
    (after Achanta et al. 2009, frequency-tuned), weighted towards the centre.

    (h, w) float32 in 0..1, longer side 320 px; rougher than the network's.
    """
    small = np.asarray(
        Image.fromarray(rgb).resize((64, 64), Image.Resampling.BOX, reducing_gap=3), np.float32
    )
    away = np.linalg.norm(small - small.mean((0, 1)), axis=2)
    across = np.linspace(-1, 1, 64, dtype=np.float32)
    centre = np.exp(-1.5 * (across[:, None] ** 2 + across[None, :] ** 2))
    found = away * centre
    # 120 is a strong difference on a 0..255 scale: a flat picture stays dark.
    return _shaped(np.clip(found / 120, 0, 1), rgb.shape[:2])


def _shaped(square: NDArray[np.float32], shape: tuple[int, ...]) -> NDArray[np.float32]:
    height, width = shape
    scale = SIDE / max(height, width)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    found = Image.fromarray(square).resize(size, Image.Resampling.BILINEAR)
    return np.clip(np.asarray(found, np.float32), 0, 1)
