"""Pools: jobs go in, results come out in any order, and never more of them are on the way than there is
room for.

Knows workers as objects with a method `do`; knows no network and no stage.
"""

import tempfile
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

from feedsmith.errors import FeedsmithError
from feedsmith.files import full_disk
from feedsmith.generate import lasting


class Worker(Protocol):
    """Holds what jobs need, e.g. models, and does one job after the other."""

    def do(self, job: Any) -> Any:
        """The result. Raises FeedsmithError where the job cannot be done."""


@dataclass(frozen=True)
class Failed:
    """A job that could not be done, as a value: errors lose their cause on the way between processes."""

    message: str
    mend: str
    lasting: bool
    """Whether the next job would fail the same way."""
    where: str = ""
    """The node, where there are several."""

    @classmethod
    def of(cls, error: FeedsmithError, where: str = "") -> "Failed":
        return cls(error.message, error.mend, lasting(error), where)

    @property
    def error(self) -> FeedsmithError:
        place = f"node {self.where}: " if self.where else ""
        return FeedsmithError(f"{place}{self.message}", mend=self.mend)


class Done(NamedTuple):
    """What became of a job."""

    tag: Any
    """As it was put in."""
    result: Any
    """Of its worker, or Failed."""


class Pool(Protocol):
    """Workers that take jobs; open one for each stage, with that stage's kind of worker."""

    @property
    def room(self) -> int:
        """Jobs that may be put in now."""

    def put(self, tag: Any, job: Any) -> None:
        """A job for whichever worker is free next; `tag` names it. Only where there is room."""

    def get(self) -> Done:
        """The next that is done; waits for it. Raises FeedsmithError where no worker is left, or one
        job takes worker after worker down with it."""

    @property
    def busy(self) -> bool:
        """Whether anything is on the way."""


MakeWorker = Callable[..., Worker]


class Workers(Protocol):
    """Where pools are opened: this process, or a cluster."""

    def pool(self, make: MakeWorker, *args: Any, ahead: int = 0) -> AbstractContextManager[Pool]:
        """A pool of workers `make(*args)`; they are let go at the end. `ahead`: jobs that wait at each
        worker while it does another, so that it never waits for one."""


class Here:
    """The pool of one worker in this process: jobs are done when they are asked for."""

    def __init__(self, worker: Worker) -> None:
        self._worker = worker
        self._waiting: deque[tuple[Any, Any]] = deque()

    @property
    def room(self) -> int:
        return 1 - len(self._waiting)

    @property
    def busy(self) -> bool:
        return bool(self._waiting)

    def put(self, tag: Any, job: Any) -> None:
        self._waiting.append((tag, job))

    def get(self) -> Done:
        tag, job = self._waiting.popleft()
        return Done(tag, done(self._worker, job))


class ThisProcess:
    """Workers of this process alone."""

    @contextmanager
    def pool(self, make: MakeWorker, *args: Any, ahead: int = 0) -> Iterator[Pool]:
        worker = make(*args)
        try:
            yield Here(worker)
        finally:
            close = getattr(worker, "close", None)
            if close is not None:
                close()


def done(worker: Worker, job: Any, where: str = "") -> Any:
    """The result of a job, or Failed."""
    try:
        return worker.do(job)
    except FeedsmithError as error:
        return Failed.of(error, where)
    except MemoryError:
        return Failed("the memory is not enough", _MEMORY, True, where)
    except OSError as error:
        if not full_disk(error):
            raise
        place = error.filename or tempfile.gettempdir()
        return Failed(f"{place}: the disk is full", _DISK, True, where)


_MEMORY = (
    "use fewer workers on each node (--workers), or nodes with more memory; nothing made is lost"
)
_DISK = "free some space there and run the same command again: it goes on where it stopped"


def each(pool: Pool, jobs: Iterator[tuple[Any, Any] | None]) -> Iterator[Done]:
    """What becomes of all jobs (tag, job), as they get done; a job is only made when there is room. None
    in the place of a job: none can be had before another one is done."""
    more = True
    while more or pool.busy:
        while more and pool.room > 0:
            try:
                job = next(jobs)
            except StopIteration:
                more = False
                break
            if job is None:
                break
            pool.put(*job)
        if pool.busy:
            yield pool.get()
