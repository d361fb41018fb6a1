"""Turns: workers on a machine make posts side by side; the publisher looks at a film, and mends it, between
two of their steps, so that the memory of both is never needed at once.

Two files with locks of the kernel, which a killed process does not keep. Knows processes of one supervisor.
"""

import contextlib
import os
import time
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
        self._wanted: IO[bytes] | None = None

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
    def alone(self, seconds: float) -> Iterator[bool]:
        """The publisher's: waits for the step that each worker is at, and all wait for it. False where a step took
        longer than `seconds`; who asked is then first at the next try, and says `leave` to want it no more."""
        if self.folder is None:
            yield True
            return
        end = time.monotonic() + seconds
        while self._wanted is None or self._mine is None:
            if self._wanted is None:
                self._wanted = self._free("wanted")
            if self._wanted is not None:
                self._mine = self._free("turn")
            if self._mine is None and time.monotonic() > end:
                yield False
                return
            if self._mine is None:
                time.sleep(0.05)
        try:
            yield True
        finally:
            self._end()
            self.leave()

    def leave(self) -> None:
        """Want to be alone no more."""
        if self._wanted is not None:
            self._wanted.close()
            self._wanted = None

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

    def _free(self, name: str) -> IO[bytes] | None:
        """A file with a lock of one's own; None while somebody else has one."""
        try:
            return self._held(name, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return None

    def _held(self, name: str, how: int) -> IO[bytes]:
        """A file with a lock, which its end gives back."""
        assert self.folder is not None
        try:
            file = (self.folder / name).open("ab")
        except FileNotFoundError:  # cleaners of /tmp take what is old: nobody writes to these files
            self.folder.mkdir(parents=True, exist_ok=True)
            file = (self.folder / name).open("ab")
        try:
            fcntl.flock(file, how)
        except OSError:
            file.close()
            raise
        return file
