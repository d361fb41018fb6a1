"""The processes of one training: one, or as many as torchrun starts.

    torchrun --nproc-per-node 4 --no-python feedsmith train images BRAND

The first one writes and speaks; all decide together. gloo on processors, NCCL on graphics cards.
"""

import contextlib
import os
from collections.abc import Iterator
from datetime import timedelta
from typing import TypeVar

import torch
import torch.distributed as dist

from feedsmith.images.gan.train.run import Run

T = TypeVar("T")


class Team:
    """This process among `count`."""

    def __init__(self, rank: int = 0, count: int = 1) -> None:
        self.rank, self.count = rank, count
        self.first = rank == 0

    def agree(self, flag: bool) -> bool:
        """What the first process says: clocks differ, decisions must not."""
        return self.same(flag)

    def same(self, value: T) -> T:
        """What the first process has, in all of them."""
        if self.count == 1:
            return value
        said = [value]
        dist.broadcast_object_list(said, src=0)
        return said[0]

    def wait(self) -> None:
        """Until all are here."""
        if self.count > 1:
            dist.barrier()

    @contextlib.contextmanager
    def alone(self, run: Run) -> Iterator[None]:
        """Keep other trainings out of the run's folder; raises FeedsmithError when one is in it."""
        if self.first:
            with run.alone():
                yield
        else:
            yield


@contextlib.contextmanager
def gathered(device: str) -> Iterator[Team]:
    """The team torchrun made, each process with a card of its own on cuda; or this process alone; or
    the one that Ray Train gathered, which also takes it apart."""
    if dist.is_initialized():
        yield Team(dist.get_rank(), dist.get_world_size())
        return
    count = int(os.environ.get("WORLD_SIZE", "1"))
    if count == 1:
        yield Team()
        return
    rank, here = int(os.environ["RANK"]), int(os.environ.get("LOCAL_RANK", "0"))
    if device == "cuda":
        torch.cuda.set_device(here)
    dist.init_process_group("nccl" if device == "cuda" else "gloo", timeout=timedelta(minutes=30))
    try:
        yield Team(rank, count)
    finally:
        dist.destroy_process_group()
