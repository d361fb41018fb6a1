"""Time that can be moved, so that sixty days pass in a millisecond."""

import threading
import time


class Clock:
    """Seconds since 1970, as the fake sees them."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._ahead = 0.0
        self._stopped: float | None = None

    def now(self) -> float:
        with self._lock:
            return self._now()

    def _now(self) -> float:
        return (time.time() if self._stopped is None else self._stopped) + self._ahead

    def advance(self, seconds: float) -> None:
        with self._lock:
            self._ahead += seconds

    def set(self, at: float) -> None:
        """It is `at` now; it runs or stands as before."""
        with self._lock:
            self._ahead += at - self._now()

    def stop(self) -> None:
        """Time stands until it is moved."""
        with self._lock:
            self._stopped = time.time()

    def run(self) -> None:
        with self._lock:
            at, self._stopped = self._now(), None
            self._ahead += at - self._now()
