"""Turns: workers on a machine make posts side by side; the publisher looks at a film, and mends it, between
two of their steps, so that the memory of both is never needed at once.

Two files with locks of the kernel, which a killed process does not keep. Knows processes of one supervisor.
"""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Self

try:
    import fcntl
except ImportError:  # Windows: all go at once
    fcntl = None  # type: ignore[assignment]

HANDED_ON = "FEEDSMITH_STUDIO_TURNS"
"""Environment variable in which the supervisor tells its processes the folder."""


class Turns:
    """`folder` is the supervisor's own; None where nobody shares memory with anybody, and nothing waits."""

    def __init__(self, folder: Path | None) -> None:
        self.folder = folder if fcntl is not None else None
        self._mine: IO[bytes] | None = None

    @classmethod
    def here(cls) -> Self:
        """Of this process, as its supervisor says."""
        said = os.environ.get(HANDED_ON, "")
        return cls(Path(said) if said else None)

    @contextlib.contextmanager
    def together(self) -> Iterator[Self]:
        """A worker's: beside other workers, not beside who is `alone`."""
        self._begin()
        try:
            yield self
        finally:
            self._end()

    def give_way(self) -> None:
        """Between two steps inside `together`: whoever wants to be alone goes first. Costs some microseconds
        where nobody does."""
        if self._mine is not None:
            self._end()
            self._begin()

    @contextlib.contextmanager
    def alone(self) -> Iterator[None]:
        """The publisher's: waits for the step that each worker is at, and all wait for it."""
        if self.folder is None:
            yield
            return
        with self._held("wanted", fcntl.LOCK_EX), self._held("turn", fcntl.LOCK_EX):
            yield

    def _begin(self) -> None:
        if self.folder is None:
            return
        with self._held(
            "wanted", fcntl.LOCK_EX
        ):  # who waits to be alone holds it until they are done
            self._mine = self._held("turn", fcntl.LOCK_SH)

    def _end(self) -> None:
        if self._mine is not None:
            self._mine.close()
            self._mine = None

    def _held(self, name: str, how: int) -> IO[bytes]:
        """A file with a lock, which its end gives back."""
        assert self.folder is not None
        file = (self.folder / name).open("ab")
        fcntl.flock(file, how)
        return file
