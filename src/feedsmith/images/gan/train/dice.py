"""Random numbers of one training step, the same whatever number of processes share it.

Everything a step draws comes from the seed and the step's own number, for the whole batch; each
process takes its own part of it. So a training that was killed goes on to the same bit, and two
processes do what one does with twice the batch.
"""

import torch
from torch import Tensor


class Dice:
    """The draws of one step: process `rank` of `world`."""

    def __init__(self, seed: int, step: int, rank: int = 0, world: int = 1) -> None:
        # Two numbers that are never the same for two steps or seeds in use.
        self._source = torch.Generator().manual_seed((seed * 1_000_003 + step) % (1 << 63))
        self._rank, self._world = rank, world

    def normal(self, n: int, *shape: int) -> Tensor:
        """(n, *shape) from N(0, 1), on the processor."""
        return self._mine(torch.randn(n * self._world, *shape, generator=self._source), n)

    def uniform(self, n: int, *shape: int) -> Tensor:
        """(n, *shape) from 0..1."""
        return self._mine(torch.rand(n * self._world, *shape, generator=self._source), n)

    def even(self, n: int) -> Tensor:
        """(n,) true for every second of the whole batch."""
        return torch.arange(self._rank * n, (self._rank + 1) * n) % 2 == 0

    def _mine(self, drawn: Tensor, n: int) -> Tensor:
        return drawn[self._rank * n : (self._rank + 1) * n]
