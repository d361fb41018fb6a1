"""Rate: how often one caller may ask for something.

Counted in one process's memory: the server's own or, where several servers answer, that of the one that keeps them
(keeper.py), so that the limits are those of the studio. Where that one does not answer, each server counts by itself
until it does, and the log says so. After a start everybody begins anew.
"""

import logging
import threading
import time

from feedsmith.studio import line

REMEMBERED = 10_000
"""Callers that are counted; a caller at rest is forgotten before one that is not."""
PATIENCE = 2.0
"""Seconds for the keeper's answer; it is there in a thousandth of one unless the machine stands still."""
REST = 10.0
"""Seconds after an answer that did not come, in which it is not asked: no request waits for what is not to be had."""

log = logging.getLogger("feedsmith.studio")


class TooMany(Exception):
    """Too many requests."""

    def __init__(self, wait: float) -> None:
        super().__init__()
        self.wait = wait
        """Seconds until the next one is answered."""


class Rate:
    """Token buckets, and counts within a while; one for each caller, a text."""

    def __init__(self) -> None:
        self._left: dict[str, tuple[float, float]] = {}
        self._counts: dict[str, tuple[int, float]] = {}
        self._lock = threading.Lock()
        self._alone, self._not_before = False, 0.0

    def _asked(self, word: str, *more: object) -> bytes | None:
        """Of the keeper; None where this process counts by itself."""
        if not line.leads_somewhere() or time.monotonic() < self._not_before:
            return None
        told = line.ask(word, *more, patience=PATIENCE)
        if told is not None:
            self._alone = False
        elif not line.is_cut():
            self._not_before = time.monotonic() + REST
            if not self._alone:
                log.warning("the keeper does not say who asks too often; this server counts by itself until it does")  # fmt: skip
            self._alone = True
        return told

    def take(self, caller: str, a_second: float, at_once: float) -> None:
        """Count one request: `at_once` in one go after a rest, `a_second` in the long run. Raises TooMany."""
        told = self._asked("take", caller, a_second, at_once)
        wait = self.taken(caller, a_second, at_once) if told is None else float(told)
        if wait:
            raise TooMany(wait)

    def taken(self, caller: str, a_second: float, at_once: float) -> float:
        """The same, counted in this process; seconds to wait, 0 where it is allowed."""
        now = time.monotonic()
        with self._lock:
            left, seen = self._left.pop(caller, (at_once, now))
            left = min(at_once, left + (now - seen) * a_second)
            allowed = left >= 1
            self._left[caller] = (left - allowed, now)  # at the end: the dict is in order of use
            _forget_some(self._left)
        return 0.0 if allowed else (1 - left) / a_second

    def count(self, caller: str, seconds: float) -> int:
        """How often this was asked for, this time included, since a first time that is at most `seconds` ago."""
        told = self._asked("count", caller, seconds)
        return self.counted(caller, seconds) if told is None else int(told)

    def counted(self, caller: str, seconds: float) -> int:
        """The same, counted in this process."""
        now = time.monotonic()
        with self._lock:
            count, ends = self._counts.pop(caller, (0, now + seconds))
            if now >= ends:
                count, ends = 0, now + seconds
            self._counts[caller] = (count + 1, ends)
            _forget_some(self._counts)
        return count + 1

    def forget(self) -> None:
        with self._lock:
            self._left.clear()
            self._counts.clear()


def _forget_some(callers: dict[str, tuple[float, float]] | dict[str, tuple[int, float]]) -> None:
    while len(callers) > REMEMBERED:
        del callers[next(iter(callers))]


rate = Rate()
