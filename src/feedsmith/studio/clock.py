"""Clock: times as people in a place say them, and the two days a year on which a clock lies. Values only.

A time that the clock skips is taken as the one it shows instead; of one that comes twice the first is
taken, unless the second is asked for. Either is said in a sentence (PEP 495 names the two by `fold`).
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from functools import lru_cache


@dataclass(frozen=True)
class Moment:
    """A time of day in a zone, found on the world's clock."""

    at: datetime
    """UTC."""
    said: str = ""
    """One sentence where the clock was changed around it; '' on all other days."""
    twice: bool = False
    """True where the time comes twice on that day."""


@dataclass(frozen=True)
class Change:
    """The clock of a place being put forward or back."""

    at: datetime
    """UTC."""
    before: time
    """What the clock shows when it is changed."""
    after: time
    """What it shows then."""

    @property
    def forward(self) -> bool:
        return self.after > self.before

    @property
    def said(self) -> str:
        """ "Clocks go forward from 02:00 to 03:00"."""
        way = "forward" if self.forward else "back"
        return f"Clocks go {way} from {self.before:%H:%M} to {self.after:%H:%M}"


def moment(day: date, clock: time, zone: tzinfo, *, second: bool = False) -> Moment:
    """`clock` on `day` in `zone`; with `second` the later of two that are called the same."""
    plain = datetime.combine(day, clock.replace(tzinfo=None, fold=0))
    first, last = plain.replace(tzinfo=zone), plain.replace(tzinfo=zone, fold=1)
    if first.utcoffset() == last.utcoffset():
        return Moment(first.astimezone(UTC))
    there = first.astimezone(UTC).astimezone(zone)
    changed = change(day, zone)
    why = changed.said.lower() if changed is not None else "the clock is changed"
    if there.replace(tzinfo=None, fold=0) != plain:
        said = (
            f"{clock:%H:%M} does not exist on {named(day)}: {why}. {there:%H:%M} is taken instead."
        )
        return Moment(first.astimezone(UTC), said)
    taken = last if second else first
    which = "second" if second else "first"
    said = (
        f"{clock:%H:%M} comes twice on {named(day)}: {why}. "
        f"The {which} one is taken ({_zone_name(taken)})."
    )
    return Moment(taken.astimezone(UTC), said, twice=True)


@lru_cache(maxsize=512)
def change(day: date, zone: tzinfo) -> Change | None:
    """The change of the clock on that day; None on all others."""
    # A second early, since a day can begin with the change; the next day's is not this one's.
    start, end = (edge - timedelta(seconds=1) for edge in bounds(day, day, zone))
    early, late = start.astimezone(zone).utcoffset(), end.astimezone(zone).utcoffset()
    if early == late or early is None or late is None:
        return None
    low, high = start, end
    while high - low > timedelta(seconds=1):
        middle = low + (high - low) / 2
        if middle.astimezone(zone).utcoffset() == early:
            low = middle
        else:
            high = middle
    at = high.replace(microsecond=0)
    return Change(at, (at + early).time(), (at + late).time())


def bounds(first: date, last: date, zone: tzinfo) -> tuple[datetime, datetime]:
    """From the first moment of one day to the first after another, both UTC: 23, 24 or 25 hours a day."""
    start = datetime.combine(first, time(), zone)
    end = datetime.combine(last + timedelta(days=1), time(), zone)
    return start.astimezone(UTC), end.astimezone(UTC)


def shown(at: datetime) -> str:
    """The time of day of a moment in its zone; with the zone's name where it comes twice."""
    other = at.replace(fold=1 - at.fold)
    twice = at.utcoffset() != other.utcoffset() and _exists(at)
    return f"{at:%H:%M} {_zone_name(at)}" if twice else f"{at:%H:%M}"


def named(day: date) -> str:
    return f"{day.day} {day:%B} {day.year}"


def zone_said(zone: tzinfo, at: datetime) -> str:
    """ "Europe/Berlin, UTC+1"."""
    offset = at.astimezone(zone).utcoffset() or timedelta()
    minutes = round(offset.total_seconds() / 60)
    sign = "+" if minutes >= 0 else "−"
    hours, rest = divmod(abs(minutes), 60)
    return f"{zone}, UTC{sign}{hours}" + (f":{rest:02}" if rest else "")


def _exists(at: datetime) -> bool:
    there = at.astimezone(UTC).astimezone(at.tzinfo)
    return there.replace(tzinfo=None, fold=0) == at.replace(tzinfo=None, fold=0)


def _zone_name(at: datetime) -> str:
    """ "CEST", or "UTC+2" where the zone has no letters."""
    name = at.tzname() or ""
    if name.isalpha():
        return name
    return zone_said(at.tzinfo or UTC, at).rpartition(", ")[2]
