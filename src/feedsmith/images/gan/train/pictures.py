"""Real pictures for training: shuffled epochs of a data set, the same for the same seed.

Knows the data set file; knows no network.
"""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from feedsmith.dataset import DataSet
from feedsmith.errors import FeedsmithError

FEWEST = 16
"""With fewer pictures a discriminator learns them by heart before a generator learns anything."""
IN_MEMORY = 1 << 30
"""Bytes of pictures that are kept in memory; more are read from the file each time."""


class Pictures:
    """The training part of a data set, batch after batch."""

    def __init__(self, stored: DataSet, seed: int = 0, mirror: bool = True) -> None:
        """Raises FeedsmithError for too few pictures, or where all are the same."""
        self._stored, self._seed, self._mirror = stored, seed, mirror
        self.rows: NDArray[np.int64] = stored.train
        self.count = len(self.rows)
        if self.count < FEWEST:
            raise FeedsmithError(
                f"{self.count} pictures to train on are too few for a generator ({FEWEST} at least, "
                "300 to be of use)",
                mend="use the image model remix, which needs no training, or import more photos",
            )
        few = stored.read(self.rows[:: max(1, self.count // 64)], min(32, stored.size))
        if (few == few[0]).all():
            raise FeedsmithError(
                f"all {self.count} pictures are the same: there is nothing to learn from them",
                mend="import other photos, then feedsmith prepare again",
            )
        self._level, self._kept = 0, np.zeros((0, 0, 0, 3), np.uint8)
        self._epoch, self._order, self._turned = -1, self.rows, np.zeros(0, bool)

    def batch(self, first: int, n: int, size: int) -> Tensor:
        """Pictures `first` to `first` + n of the endless shuffled row: (n, 3, size, size), -1..1."""
        return as_tensor(self.rgb(first, n, size))

    def rgb(self, first: int, n: int, size: int) -> NDArray[np.uint8]:
        """The same as uint8 (n, size, size, 3)."""
        places = np.empty(n, np.int64)
        turned = np.zeros(n, bool)
        for k in range(n):
            epoch, place = divmod(first + k, self.count)
            if epoch != self._epoch:
                rng = np.random.default_rng((self._seed, epoch))
                self._epoch, self._order = epoch, rng.permutation(self.count)
                self._turned = rng.random(self.count) < (0.5 if self._mirror else 0.0)
            places[k], turned[k] = self._order[place], self._turned[place]
        rgb = self._read(places, size)
        rgb[turned] = rgb[turned, :, ::-1]
        return rgb

    def stored(self, n: int, size: int) -> NDArray[np.uint8]:
        """The first n, unmirrored, as uint8 (n, side, side, 3); the side is 32 px at the most."""
        return self._stored.read(self.rows[:n], min(32, size))

    def _read(self, places: NDArray[np.int64], size: int) -> NDArray[np.uint8]:
        if self.count * size * size * 3 > IN_MEMORY:
            return self._stored.read(self.rows[places], size)
        if self._level != size:
            self._kept = self._stored.read(self.rows, size)
            self._level = size
        return self._kept[places]


def as_tensor(rgb: NDArray[np.uint8]) -> Tensor:
    """uint8 (N, H, W, 3) as float32 (N, 3, H, W) in -1..1, channels last in memory."""
    return torch.from_numpy(np.ascontiguousarray(rgb)).permute(0, 3, 1, 2).float() / 127.5 - 1


def as_rgb(pictures: Tensor) -> NDArray[np.uint8]:
    """The way back: (N, 3, H, W) in -1..1 as uint8 (N, H, W, 3)."""
    wide = ((pictures.float().clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8)
    return np.asarray(wide.permute(0, 2, 3, 1).cpu().numpy())
