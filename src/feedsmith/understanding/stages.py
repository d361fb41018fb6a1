"""Photos as vectors, by the six stages of U2-Net-p's encoder (Qin et al. 2020): a second opinion.

The network was trained to find subjects, on other pictures than the encoder network and for another end,
and nothing is trained against it here: where a picture set is judged by both, a flaw that one is blind to
shows in the other. Texture is in the first stages, composition in the last.

Knows pixels in, numbers out.
"""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from feedsmith.understanding.networks import WEIGHTS, Network
from feedsmith.understanding.saliency import planes

SIDE = 128
"""Px of the network's square input: 40 ms a picture; 224 px would be 130 ms."""
CHANNELS = 64
TENSORS = ("947", "1070", "1166", "1235", "1264", "1293")
"""What the stages give on, finest first, by its name in saliency.onnx: (1, 64, 128, 128) to
(1, 64, 4, 4)."""
WIDTH = len(TENSORS) * 2 * CHANNELS
"""Numbers in a feature vector."""


class Stages(Network):
    """The saliency network's encoder; raises MissingModel at the first use when it is absent."""

    def __init__(self, folder: Path = WEIGHTS) -> None:
        super().__init__("saliency", folder, inner=TENSORS)

    def features(self, rgb: NDArray[np.uint8]) -> NDArray[np.float32]:
        """(768,) float32 of unit norm of an (H, W, 3) uint8 picture, any size.

        Of each channel of a stage its mean and spread over the picture; all stages weigh alike.
        """
        found = []
        for stage in self.run(list(TENSORS), rgb=planes(rgb, SIDE)):
            channels = stage[0].reshape(CHANNELS, -1)
            told = np.concatenate([channels.mean(1), channels.std(1)])
            found.append(told / max(float(np.linalg.norm(told)), 1e-12))
        return np.asarray(np.concatenate(found) / np.sqrt(len(TENSORS)), np.float32)
