"""Patience: many questions to Instagram, one after the other, as slowly as it wishes.

Waits by the usage that every answer tells of, tries again what may go well later, and stops with the time
to go on where the pause would be too long. Knows the client's errors; nothing of what is asked.
"""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, tzinfo
from typing import TypeVar

from feedsmith.errors import FeedsmithError
from feedsmith.progress import Report, silent
from feedsmith.publishing.graph import Graph, Temporary, Throttled

T = TypeVar("T")
TRIES = 3
"""Of one question that fails for a reason which may pass."""
LONGEST = 15 * 60.0
"""Seconds of one pause that is waited for; pace.SLOWEST is five minutes, a spent budget an hour."""
STEP = 1.0
"""Seconds between two looks at the clock: Ctrl-C and the screen wait no longer."""


def clock() -> datetime:
    return datetime.now(UTC)


class Stopped(FeedsmithError):
    """It would take too long now. `at`: when to go on."""

    def __init__(self, message: str, mend: str, at: datetime) -> None:
        super().__init__(message, mend)
        self.at = at


class Patience:
    """Asks for one `graph`. `longest`: seconds of one pause, above which it stops; `zone`: in which times
    are told."""

    def __init__(
        self,
        graph: Graph,
        *,
        report: Report = silent,
        longest: float = LONGEST,
        zone: tzinfo = UTC,
        now: Callable[[], datetime] = clock,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.graph, self.report, self.longest = graph, report, longest
        self._zone, self._now, self._sleep = zone, now, sleep
        self._free = 0.0
        """Seconds that the last answer asks to let pass."""

    def ask(self, question: Callable[[], T]) -> T:
        """The answer. Raises Stopped where the pause would be too long, and the client's errors."""
        pause, self._free = self._free, 0.0
        if pause:
            self._let_pass(pause, "Instagram asks to be left alone for a while")
        tries = 0
        while True:
            try:
                answer = question()
            except Throttled as error:
                self._let_pass(error.wait, error.message)
            except Temporary as error:
                tries += 1
                if tries >= TRIES:
                    raise
                self._let_pass(error.wait, error.message)
            else:
                self._free = self.graph.usage.wait
                return answer

    def _let_pass(self, seconds: float, why: str) -> None:
        at = self._now() + timedelta(seconds=seconds)
        told = self.told(at)
        if seconds > self.longest:
            raise Stopped(
                why, f"what came so far is kept; go on at {told} with the same command", at
            )
        left = seconds
        while left > 0:
            self.report("Waiting, as Instagram asks", round(seconds - left), round(seconds), f"until {told}")  # fmt: skip
            self._sleep(min(STEP, left))
            left -= STEP
        self.report("Waiting, as Instagram asks", round(seconds), round(seconds), "")

    def told(self, at: datetime) -> str:
        """A moment in the brand's zone: 14:05, or with its day where that is another."""
        here = at.astimezone(self._zone)
        same = here.date() == self._now().astimezone(self._zone).date()
        return f"{here:%H:%M}" if same else f"{here:%H:%M on %d %b}"
