"""Slots: what stands on the calendar of a brand. Month, week, list and agenda all show what `entries`
finds, so that they cannot disagree.
"""

from base64 import b64encode
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from itertools import pairwise
from pathlib import PurePath
from typing import Any
from zoneinfo import ZoneInfo

from django.db import transaction
from django.utils import timezone

from feedsmith.errors import FeedsmithError
from feedsmith.studio import asked, clock, due, states
from feedsmith.studio.models import Brand, Conflict, Draft, Event, Job, Person, Plan, Planned
from feedsmith.studio.models.jobs import ACTIVE
from feedsmith.studio.models.plans import rhythm
from feedsmith.studio.queue import enqueue

CLASH = timedelta(hours=1)
"""Two posts nearer than this take each other's readers."""
USUAL = time(18)
"""After work: where neither plan nor calendar says when the brand posts."""
MOVABLE = ("draft", "review", "approved", "scheduled", "failed")
"""States in which a post can be given another time; what is out, or on its way, cannot."""
PLAN_BYTES = 700_000
"""Of a plan's file; ten years of daily posts are 500 kB."""
PLAN_KINDS = (".yaml", ".yml", ".csv")
LOOSE_MAX = 40
"""Posts without a time that are shown beside the calendar."""


class Moved(FeedsmithError):
    """Somebody else moved a planned post in between."""

    def __init__(self) -> None:
        super().__init__(
            "somebody else has moved this on the calendar in between",
            mend="look where it is now, and move it again",
        )


@dataclass(frozen=True)
class Entry:
    """A post, or one that is planned, at its time."""

    at: datetime
    """In the brand's zone."""
    state: str
    """One of states.STATES, or "planned"."""
    kind: str
    about: str
    draft: Draft | None = None
    planned: Planned | None = None
    clash: bool = False
    """True where another one goes out within the hour."""

    @property
    def key(self) -> str:
        """ "post-12" or "plan-5"."""
        return f"post-{self.draft.pk}" if self.draft else f"plan-{self.planned.pk}"  # type: ignore[union-attr]

    @property
    def version(self) -> int:
        """Of what was seen: who moves it names it, so that nobody else's change is lost."""
        return (self.draft or self.planned).version  # type: ignore[union-attr]

    @property
    def needs(self) -> bool:
        """Whether it waits for somebody's word."""
        return bool(self.draft and self.draft.asks)

    @property
    def movable(self) -> bool:
        return self.state == "planned" or self.state in MOVABLE

    @property
    def state_in_words(self) -> str:
        if self.state == "planned":
            return "Planned, not made yet"
        if self.needs:
            return self.draft.stands_in_words  # type: ignore[union-attr]
        if self.state in ("draft", "review"):
            return f"{states.IN_WORDS[self.state]}, with a time in mind"  # type: ignore[index]
        return states.IN_WORDS[self.state]  # type: ignore[index]

    @property
    def clock(self) -> str:
        return clock.shown(self.at)


@dataclass(frozen=True)
class Day:
    """A day of the calendar."""

    on: date
    entries: tuple[Entry, ...]
    gap: bool = False
    """True where the plan's rhythm has a post on such a day, and there is none."""
    change: str = ""
    """One sentence where the clock is changed on this day."""
    today: bool = False


def entries(brand: Brand, first: date, last: date, zone: tzinfo) -> list[Entry]:
    """What goes out from the day `first` to the day `last`, both included, in order. The one query
    that every view of the calendar shows."""
    start, end = clock.bounds(first, last, zone)
    # An hour more on both sides: a clash may reach over midnight.
    between = (start - CLASH, end + CLASH)
    drafts = Draft.objects.filter(
        brand=brand, scheduled_at__gte=between[0], scheduled_at__lt=between[1]
    ).exclude(state="archived")
    planned = Planned.objects.filter(
        brand=brand, draft=None, at__gte=between[0], at__lt=between[1]
    ).select_related("plan")
    found = [
        Entry(d.scheduled_at.astimezone(zone), d.stands, d.kind, _about(d), draft=d)
        for d in drafts.defer("search")
    ]
    found += [Entry(p.at.astimezone(zone), "planned", p.kind, p.about, planned=p) for p in planned]
    found.sort(key=lambda e: (e.at.astimezone(UTC), e.key))
    near = {
        entry.key
        for one, two in pairwise(found)
        if two.at.astimezone(UTC) - one.at.astimezone(UTC) < CLASH
        for entry in (one, two)
    }
    return [
        entry if entry.key not in near else _with_clash(entry)
        for entry in found
        if start <= entry.at.astimezone(UTC) < end
    ]


def _with_clash(entry: Entry) -> Entry:
    return Entry(**{**entry.__dict__, "clash": True})


def _about(draft: Draft) -> str:
    line = str(draft.caption).strip().partition("\n")[0]
    return line if len(line) <= 70 else f"{line[:68].rstrip()}…"


def days(
    found: Sequence[Entry], first: date, last: date, zone: tzinfo, plans: list[Plan], today: date
) -> list[Day]:
    """Every day from `first` to `last` with its entries; gaps from `today` on."""
    by_day: dict[date, list[Entry]] = {}
    for entry in found:
        by_day.setdefault(entry.at.date(), []).append(entry)
    shown = []
    for number in range((last - first).days + 1):
        on = first + timedelta(days=number)
        own = tuple(by_day.get(on, ()))
        plan = rhythm(plans, on)
        changed = clock.change(on, zone)
        shown.append(
            Day(
                on, own, today=on == today, change=f"{changed.said}." if changed else "",
                gap=not own and on >= today and plan is not None and on.weekday() in plan.weekdays,
            )
        )  # fmt: skip
    return shown


def short(shown: Sequence[Day], plans: list[Plan], today: date) -> list[str]:
    """A sentence for every whole week to come that has fewer posts than the plan's rhythm."""
    said = []
    for start in (day.on for day in shown if day.on.weekday() == 0):
        week = [day for day in shown if start <= day.on < start + timedelta(days=7)]
        plan = rhythm(plans, start) or rhythm(plans, start + timedelta(days=6))
        count = sum(len(day.entries) for day in week)
        if len(week) < 7 or plan is None or week[-1].on < today or count >= plan.per_week:
            continue
        if not (plan.first <= week[0].on and week[-1].on <= plan.last + timedelta(days=6)):
            continue
        said.append(
            f"The week of {start.day} {start:%B} has {count} of the {plan.per_week} posts "
            "of your plan's rhythm."
        )
    return said


def loose(brand: Brand) -> list[Draft]:
    """Posts without a time: what is approved first, then what may be."""
    shown = ("folder", "kind", "media", "state", "version")
    drafts = Draft.objects.filter(brand=brand, scheduled_at=None).only(*shown)
    found = list(drafts.filter(state="approved")[:LOOSE_MAX])
    return found + list(drafts.filter(state__in=("review", "draft"))[: LOOSE_MAX - len(found)])


def usual(brand: Brand, day: date, zone: tzinfo) -> time:
    """The hour at which the brand posts: that of its nearest posts on such a weekday, else of any."""
    start, end = clock.bounds(day - timedelta(days=60), day + timedelta(days=60), zone)
    times = [
        at.astimezone(zone)
        for rows, name in (
            (Planned.objects.filter(at__gte=start, at__lt=end), "at"),
            (Draft.objects.filter(scheduled_at__gte=start, scheduled_at__lt=end), "scheduled_at"),
        )
        for at in rows.filter(brand=brand).values_list(name, flat=True)[:500]
    ]
    times = [at for at in times if at.weekday() == day.weekday()] or times
    if not times:
        return USUAL
    clocks = [at.time().replace(second=0, microsecond=0) for at in times]
    return max(sorted(set(clocks)), key=clocks.count)


# ---- moving ------------------------------------------------------------------------------------


def find(brand: Brand, key: str) -> tuple[Draft | None, Planned | None]:
    """What a key names. Raises FeedsmithError where there is none of it in this brand."""
    kind, _, written = key.partition("-")
    number = asked.number(written)
    if number is not None:
        if kind == "post":
            draft = Draft.objects.select_related("brand").filter(brand=brand, pk=number).first()
            if draft is not None:
                return draft, None
        if kind == "plan":
            planned = Planned.objects.filter(brand=brand, pk=number, draft=None).first()
            if planned is not None:
                return None, planned
    raise FeedsmithError("this is not on the calendar any more", mend="reload the page")


def put(
    brand: Brand, key: str, at: datetime, *, person: Person | None, role: states.Actor,
    version: int | None = None,
) -> Draft | Planned:  # fmt: skip
    """Give a post, or a planned one, another time. What is approved becomes scheduled; what is not
    keeps its state, and has the time in mind. Its version grows as with every change.

    `version` is that of what was seen (Entry.version): raises Conflict, or Moved for what is not made
    yet, where somebody has changed it since; FeedsmithError for what cannot be moved."""
    due.seen(brand, timezone.now())
    with transaction.atomic():
        row, planned = _held(brand, key, version, {"scheduled_at": at.astimezone(UTC).isoformat()})
        if planned is not None:
            planned.at = at
            planned.save(update_fields=["at"])
            Event.objects.create(
                brand=brand, person=person, verb="planned",
                words=f"a planned {planned.kind} to {_words(brand, at)}",
            )  # fmt: skip
            return planned
        assert row is not None
        if row.stands not in MOVABLE:
            raise FeedsmithError(
                f"a post that is {row.state_in_words.lower()} stays where it is on the calendar"
            )
        if row.stands in ("approved", "failed"):
            return row.move("scheduled", by=role, person=person, scheduled_at=at)
        if row.scheduled_at != at:
            _planned(row, at, person, f"to {_words(brand, at)}")
        return row


def _held(
    brand: Brand, key: str, version: int | None, mine: dict[str, Any]
) -> tuple[Draft | None, Planned | None]:
    """What a key names, as it is now and until the transaction ends. Raises Conflict or Moved
    where that is not what was seen."""
    draft, planned = find(brand, key)
    if planned is not None:
        planned = Planned.objects.select_for_update().get(pk=planned.pk)
        if version is not None and version != planned.version:
            raise Moved
        return None, planned
    assert draft is not None
    row = Draft.held(draft.pk)
    if version is not None and version != row.version:
        raise Conflict(row, mine)
    return row, None


def _planned(row: Draft, at: datetime | None, person: Person | None, words: str) -> None:
    """Save another time, or none: a change like any other, which who edits the post is told of."""
    row.scheduled_at = at
    row.version += 1
    row.save(update_fields=["scheduled_at", "version", "updated_at"])
    Event.objects.create(brand=row.brand, draft=row, person=person, verb="planned", words=words)


def _words(brand: Brand, at: datetime) -> str:
    """ "3 December 2026, 18:00", in the brand's zone."""
    local = at.astimezone(ZoneInfo(brand.file.time_zone))
    return f"{clock.named(local.date())}, {clock.shown(local)}"


def take_off(
    brand: Brand, key: str, *, person: Person | None, role: states.Actor, version: int | None = None
) -> Draft | None:
    """Off the calendar: a post stays, without a time; a planned one is forgotten (None). Raises as
    `put` does."""
    with transaction.atomic():
        row, planned = _held(brand, key, version, {"scheduled_at": None})
        if planned is not None:
            words = f"a planned {planned.kind} off the calendar"
            planned.delete()
            Event.objects.create(brand=brand, person=person, verb="planned", words=words)
            return None
        assert row is not None
        if row.stands == "scheduled":
            return row.move("approved", by=role, person=person)
        if row.stands not in MOVABLE:
            raise FeedsmithError(f"a post that is {row.state_in_words.lower()} stays where it is")
        if row.scheduled_at is not None:
            _planned(row, None, person, "off the calendar")
        return row


def bring_in(
    brand: Brand,
    briefs: Sequence[Any],
    *,
    name: str,
    waits: Any,
    person: Person | None,
    zone: tzinfo,
) -> tuple[int, int]:
    """The entries of a plan as slots: (how many are new, how many were known). `briefs` are those
    with a time (feedsmith.post.Brief); `waits` says what one waits for. Doing it twice is doing it once.
    """
    dated = sorted((b for b in briefs if b.at is not None), key=lambda b: b.at)
    if not dated:
        return 0, 0
    local = [b.at.astimezone(zone).date() for b in dated]
    weeks: dict[date, list[date]] = {}
    for day in local:
        weeks.setdefault(day - timedelta(days=day.weekday()), []).append(day)
    on = {n: sum(any(d.weekday() == n for d in week) for week in weeks.values()) for n in range(7)}
    counts = sorted(len(week) for week in weeks.values())
    with transaction.atomic():
        plan = Plan.objects.create(
            brand=brand, person=person, name=name[:120], first=local[0], last=local[-1],
            weekdays=[n for n in range(7) if on[n] * 2 >= len(weeks)],
            per_week=counts[len(counts) // 2],
        )  # fmt: skip
        had = {
            (p.written_at, p.kind, p.theme, p.headline)
            for p in Planned.objects.filter(brand=brand, written_at__gte=dated[0].at)
        }
        fresh = []
        for brief in dated:
            theme, headline = brief.theme[:200], brief.headline[:300]
            if (brief.at, brief.kind, theme, headline) in had:
                continue
            fresh.append(
                Planned(
                    brand=brand, plan=plan, at=brief.at, written_at=brief.at, kind=brief.kind,
                    theme=theme, headline=headline, brief=brief.model_dump(mode="json"),
                    waits=waits(brief)[:200],
                )
            )  # fmt: skip
        Planned.objects.bulk_create(fresh)
        Event.objects.create(brand=brand, person=person, verb="brought", words=name[:300])
    return len(fresh), len(dated) - len(fresh)


def bring(brand: Brand, name: str, data: bytes, *, person: Person | None) -> Job:
    """A job that reads a plan's file; its posts stand on the calendar a moment later. Raises
    FeedsmithError for what is none by its name, or too large."""
    name = PurePath(name.replace("\\", "/")).name[:120]
    if PurePath(name).suffix.lower() not in PLAN_KINDS:
        raise FeedsmithError(
            f"{name} is no plan", mend="choose the file that feedsmith plan wrote: .yaml or .csv"
        )
    if len(data) > PLAN_BYTES:
        raise FeedsmithError(f"{name} is too large for a plan", mend="split it")
    return enqueue(brand, person, {"name": name, "data": b64encode(data).decode()}, "plan")


def make(brand: Brand, numbers: Iterable[int], *, person: Person | None) -> Job:
    """A job that makes planned posts: drafts with their time in mind. Raises FeedsmithError where none
    of these waits to be made."""
    with transaction.atomic():
        Brand.objects.select_for_update().get(pk=brand.pk)  # of two presses the second waits
        wanted = set(numbers) - being_made(brand)
        chosen = list(Planned.objects.filter(brand=brand, pk__in=wanted, draft=None, waits=""))
        if not chosen:
            raise FeedsmithError(
                "these are made already, or being made", mend="look at the Create page"
            )
        # As they are now: a job that starts again must make the same posts.
        briefs = [{**p.brief, "at": p.at.isoformat()} for p in chosen]
        planned = [p.pk for p in chosen]
        return enqueue(brand, person, {"count": len(briefs), "briefs": briefs, "planned": planned})


def being_made(brand: Brand) -> set[int]:
    """Planned posts that a waiting or running job makes."""
    active = Job.objects.filter(brand=brand, state__in=ACTIVE).values_list("args", flat=True)
    return {number for args in active for number in args.get("planned", ())}
