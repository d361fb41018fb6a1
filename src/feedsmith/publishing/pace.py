"""How long to wait, by what an answer says of usage.

https://developers.facebook.com/docs/graph-api/overview/rate-limiting: the headers X-App-Usage and
X-Business-Use-Case-Usage hold percentages; at 100 the next calls fail, and calling on makes it last.
"""

import contextlib
import json
from typing import Any, NamedTuple, Protocol

CALM = 75
"""Percent up to which nothing is held back."""
WINDOW = 3600.0
"""Seconds of the budget: one hour, rolling."""
SLOWEST = 300.0
"""Seconds between two calls just below the limit."""


class Headers(Protocol):
    """A dictionary of headers, or what http.client gives."""

    def get(self, name: str, /) -> str | None: ...


class Usage(NamedTuple):
    """The fullest of the budgets that an answer speaks of."""

    percent: int = 0
    regain: float = 0.0
    """Seconds until calls are taken again, where the answer says so."""

    @property
    def wait(self) -> float:
        """Seconds to let pass before the next call: none up to 75 percent, more and more up to five
        minutes at 100, and beyond that what the answer says, or the budget's hour."""
        if self.percent >= 100:
            return self.regain or WINDOW
        if self.percent <= CALM:
            return 0.0
        return SLOWEST * (self.percent - CALM) / (100 - CALM)


def read(headers: Headers) -> Usage:
    """What the headers of an answer say; nothing for headers that are missing or not as documented."""
    percent, minutes = 0.0, 0.0
    for told in _tables(headers):
        shares = [told.get(name, 0) for name in ("call_count", "total_cputime", "total_time")]
        percent = max(percent, *(float(s) for s in shares if isinstance(s, int | float)), 0.0)
        wait = told.get("estimated_time_to_regain_access", 0)
        minutes = max(minutes, float(wait) if isinstance(wait, int | float) else 0.0)
    return Usage(int(percent), minutes * 60)


def _tables(headers: Headers) -> list[dict[str, Any]]:
    found: list[Any] = []
    for name in ("X-App-Usage", "X-Business-Use-Case-Usage"):
        with contextlib.suppress(ValueError):
            told = json.loads(headers.get(name) or "null")
            found.append(told)
            if isinstance(told, dict):
                found += [row for rows in told.values() if isinstance(rows, list) for row in rows]
    return [row for row in found if isinstance(row, dict)]
