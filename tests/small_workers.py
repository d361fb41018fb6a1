"""Small workers for pools, importable where a cluster's nodes run them; and a pool without a cluster."""

import os
import random
import resource
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from feedsmith.cluster.pool import Done, MakeWorker, Worker, done
from feedsmith.errors import FeedsmithError


class Squares:
    def do(self, job: int) -> int:
        return job * job


class Troubled:
    """Does what its job says."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def do(self, job: str) -> str:
        match job:
            case "memory":
                resource.setrlimit(resource.RLIMIT_AS, (8 << 30, 8 << 30))
                return str(len(bytearray(64 << 30)))
            case "disk":
                with Path("/dev/full").open("wb") as full:  # the kernel's own full disk
                    full.write(b"0" * 100_000)
            case "killed":  # as the kernel does where memory runs out
                os.kill(os.getpid(), signal.SIGKILL)
            case "killed once":
                mark = self._folder / "killed"
                if not mark.exists():
                    mark.touch()
                    os.kill(os.getpid(), signal.SIGKILL)
            case "stuck":  # as at a shared disk that is gone
                time.sleep(600)
            case "slow":
                time.sleep(0.2)
            case "refused":
                raise FeedsmithError("this cannot be done", mend="do something else")
        return job


def nothing(told: dict[str, Any]) -> None:
    """A training that is done at once."""


class Unready:
    """Is there, and does not get ready."""

    def __init__(self) -> None:
        time.sleep(600)

    def do(self, job: int) -> int:
        return job


class Missing:
    def __init__(self) -> None:
        raise FeedsmithError("/brand: is not there", mend="share the folder")


class Several:
    """As many workers as asked for, in this process; which is done next, and by whom, is chance."""

    def __init__(self, count: int, seed: int) -> None:
        self._count, self._rng = count, random.Random(seed)

    @contextmanager
    def pool(self, make: MakeWorker, *args: Any, ahead: int = 0) -> Iterator["_Chance"]:
        workers = [make(*args) for _ in range(self._count)]
        yield _Chance(workers, self._rng)
        for worker in workers:
            if hasattr(worker, "close"):
                worker.close()


class _Chance:
    def __init__(self, workers: list[Worker], rng: random.Random) -> None:
        self._workers, self._rng = workers, rng
        self._waiting: list[tuple[Any, Any]] = []

    @property
    def room(self) -> int:
        return len(self._workers) - len(self._waiting)

    @property
    def busy(self) -> bool:
        return bool(self._waiting)

    def put(self, tag: Any, job: Any) -> None:
        self._waiting.append((tag, job))

    def get(self) -> Done:
        tag, job = self._waiting.pop(self._rng.randrange(len(self._waiting)))
        return Done(tag, done(self._rng.choice(self._workers), job))
