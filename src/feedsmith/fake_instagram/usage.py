"""How much was asked, and the headers that say so.

https://developers.facebook.com/docs/graph-api/overview/rate-limiting: X-App-Usage holds percentages of
the app's budget of one hour; X-Business-Use-Case-Usage those of each account, with the minutes until it
may ask again. Assumed: that time and CPU time grow as the calls do.
"""

import json
from collections import deque

from feedsmith.fake_instagram.errors import THROTTLED, GraphFault
from feedsmith.fake_instagram.state import World

HOUR = 3600.0


class Usage:
    def __init__(self, world: World) -> None:
        self._world = world
        self._calls: dict[str, deque[float]] = {}
        self.forced = 0
        """A percentage to report instead of the true one; 0 for the true one."""

    def count(self, account: str) -> None:
        """One more call. Raises GraphFault 80002 where the hour's budget is spent; such calls count too."""
        with self._world.lock:
            calls = self._calls.setdefault(account, deque())
            calls.append(self._world.clock.now())
            if self.percent(account) >= 100:
                raise GraphFault(THROTTLED[80002])

    def percent(self, account: str) -> int:
        if self.forced:
            return self.forced
        now = self._world.clock.now()
        calls = self._calls.get(account, deque())
        while calls and calls[0] < now - HOUR:
            calls.popleft()
        return int(100 * len(calls) / self._world.calls_an_hour)

    def headers(self, account: str) -> dict[str, str]:
        with self._world.lock:
            percent = self.percent(account)
            calls = self._calls.get(account) or [self._world.clock.now()]
            wait = 0
            if percent >= 100:
                wait = max(1, round((calls[0] + HOUR - self._world.clock.now()) / 60))
        share = {"call_count": percent, "total_cputime": percent // 2, "total_time": percent // 2}
        own = {"type": "instagram", **share, "estimated_time_to_regain_access": wait}
        return {
            "X-App-Usage": json.dumps(share),
            "X-Business-Use-Case-Usage": json.dumps({account: [own]}),
        }
