"""Evaluate by many workers: networks look at blocks of pictures.

Pictures travel to the workers and features back, a few blocks at a time; all figures are worked out by
this process, from the same features in the same order. Knows the stage evaluate and pools; knows no
cluster.
"""

from collections.abc import Iterator
from contextlib import ExitStack
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from feedsmith.brand import Home
from feedsmith.cluster.pool import Failed, Pool, Workers, each
from feedsmith.errors import FeedsmithError
from feedsmith.evaluate import images as stage
from feedsmith.evaluate.figures import ImageReport, ImageSettings
from feedsmith.evaluate.likeness import Bytes, Eye, Floats
from feedsmith.progress import Report, silent


class Job(NamedTuple):
    eye: str
    pictures: NDArray[np.uint8]


class Judge:
    """A worker: the networks, loaded once."""

    def __init__(self) -> None:
        self._networks = ExitStack()
        notes: list[str] = []
        self._eyes = {eye.name: eye for eye in stage.eyes(self._networks, notes)}

    def do(self, job: Job) -> Floats:
        eye = self._eyes.get(job.eye)
        if eye is None:
            raise FeedsmithError(
                f"the {job.eye} is not installed here", mend="on every node: feedsmith models fetch"
            )
        return np.stack([eye.features(picture) for picture in job.pictures])

    def close(self) -> None:
        self._networks.close()


def evaluate(
    home: Home, settings: ImageSettings, workers: Workers, report: Report = silent
) -> ImageReport:
    """As evaluate.images.evaluate, by these workers; the same figures."""
    with workers.pool(Judge, ahead=1) as pool:

        def look(eye: Eye, blocks: Iterator[Bytes]) -> Iterator[Floats]:
            return _in_order(pool, eye, blocks)

        return stage.evaluate(home, settings, report, look)


def _in_order(pool: Pool, eye: Eye, blocks: Iterator[Bytes]) -> Iterator[Floats]:
    waiting: dict[int, Floats] = {}
    due = 0
    jobs = ((number, Job(eye.name, block)) for number, block in enumerate(blocks))
    for number, features in each(pool, jobs):
        if isinstance(features, Failed):
            raise features.error
        waiting[number] = features
        while due in waiting:
            yield waiting.pop(due)
            due += 1
