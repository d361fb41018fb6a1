"""Moments in time as exports, tables and people write them, always returned in UTC.

Pure text; knows nothing of posts.
"""

import re
from datetime import UTC, datetime, tzinfo


def parse_date(text: str, zone: tzinfo) -> datetime | None:
    """A date as people and programs write it; `zone` where it names none. None when unclear.

    A day without a time is taken at noon, which stays the same day in nearly every zone.
    """
    text = text.strip()
    if re.fullmatch(r"\d{9,10}(\.\d+)?|\d{13}", text):
        seconds = float(text) / (1000 if len(text) == 13 else 1)
        return datetime.fromtimestamp(seconds, UTC)
    if re.fullmatch(r"\d{4}-\d{2}-\d{2}", text):
        text += "T12:00"
    try:
        when: datetime | None = datetime.fromisoformat(text)
    except ValueError:
        when = _by_hand(text)
    if when is None:
        return None
    try:
        return (when if when.tzinfo else when.replace(tzinfo=zone)).astimezone(UTC)
    except (OverflowError, ValueError):
        return None


def _by_hand(text: str) -> datetime | None:
    """28.07.2024 19:56 and 28/07/2024; 07/28/2024 where only that can be meant."""
    match = re.fullmatch(
        r"(\d{1,4})[./-](\d{1,2})[./-](\d{1,4})(?:[ T,]+(\d{1,2}):(\d{2})(?::(\d{2}))?)?", text
    )
    if match is None:
        return None
    first, second, third = int(match[1]), int(match[2]), int(match[3])
    if first > 31:
        year, month, day = first, second, third
    else:
        year, month, day = third, second, first
        if month > 12 >= day:
            month, day = day, month
    try:
        return datetime(  # the caller knows the zone
            year, month, day, int(match[4] or 12), int(match[5] or 0), int(match[6] or 0)
        )
    except ValueError:
        return None
