"""One studio a folder: a lock that the server and its workers hold."""

import time
from pathlib import Path
from typing import IO

from feedsmith.errors import FeedsmithError

LOCK_WAIT = 5.0
"""Seconds for the workers of a killed server to notice that it is gone."""


class OneStudio:
    """A lock on the studio's folder, held by the server and its workers as long as any of them lives:
    never do workers of a killed server and of a new one write the same posts."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "open.lock"
        self.file: IO[bytes] | None = None

    def take(self) -> None:
        """Raises FeedsmithError where a studio is open on this folder."""
        try:
            import fcntl
        except ImportError:  # Windows: nothing of the kind; two studios are then the user's affair
            return
        self.file = self.path.open("ab")
        until = time.monotonic() + LOCK_WAIT
        while True:
            try:
                fcntl.flock(self.file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return
            except OSError as error:
                if time.monotonic() > until:
                    self.file.close()
                    raise FeedsmithError(
                        f"{self.path.parent.parent}: a studio is open on this folder already",
                        mend="use that one, or close it first",
                    ) from error
                time.sleep(0.1)

    def handles(self) -> tuple[int, ...]:
        return () if self.file is None else (self.file.fileno(),)

    def release(self) -> None:
        if self.file is not None:
            self.file.close()

    def taken(self) -> bool:
        """True where a studio is open on this folder now."""
        try:
            import fcntl
        except ImportError:
            return True
        try:
            with self.path.open("ab") as file:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except OSError:
            return True
        return False
