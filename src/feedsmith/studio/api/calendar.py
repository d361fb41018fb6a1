"""The calendar: what stands on it, posts and planned ones put on it and taken off it, plans brought in."""

from datetime import UTC, date
from itertools import groupby
from typing import Annotated

from django.http import HttpRequest
from django.shortcuts import get_object_or_404
from django.utils import timezone
from ninja import Query, Router, Status

from feedsmith.studio import slots
from feedsmith.studio.api import shapes, shown
from feedsmith.studio.api.operations import made, needs
from feedsmith.studio.api.posts import ONE as POST
from feedsmith.studio.api.posts import rows_of
from feedsmith.studio.api.refusals import Unfit
from feedsmith.studio.models import Plan, Planned
from feedsmith.studio.pages.post import of_brand
from feedsmith.studio.templatetags.look import zone_of

DAYS_MAX = 400
"""Of the calendar in one answer."""

Seen = Annotated[
    shapes.Number | None, Query(description="Where given: only if it is still that one.")
]

router = Router(tags=["calendar"])
CALENDAR = "/brands/{slug:brand}/calendar"
PLANNED = CALENDAR + "/planned/{int:number}"


@router.get(CALENDAR, **needs("read", "reviewer", shapes.Calendar))
def calendar(
    request: HttpRequest, brand: str,
    start: Annotated[date, Query(description="The first day.")],
    end: Annotated[date, Query(description=f"The last day; {DAYS_MAX} days later at most.")],
) -> shapes.Calendar:  # fmt: skip
    """What stands on the days from `start` to `end`, days of the brand's time zone."""
    if not 2000 <= start.year < 2100 or not 0 <= (end - start).days <= DAYS_MAX:
        raise Unfit(
            "these are not days of one calendar",
            mend=f"let end be start or later, by {DAYS_MAX} days at most",
        )
    zone = zone_of(request.brand)
    found = slots.entries(request.brand, start, end, zone)  # as the pages show it
    plans, today = list(Plan.objects.filter(brand=request.brand)), timezone.now().astimezone(zone)
    every = slots.days(found, start, end, zone, plans, today.date())
    numbers = [entry.draft.pk for entry in found if entry.draft is not None]
    rows = {row.pk: row for row in rows_of(request).filter(pk__in=numbers)}

    def on(day: date, entries: list[slots.Entry]) -> shapes.Day:
        posts = [(entry, rows[entry.draft.pk]) for entry in entries if entry.draft is not None]
        return shapes.Day(
            day=day, posts=[shown.post(row, request) for _, row in posts],
            clashes=[row.pk for entry, row in posts if entry.clash],
            planned=[
                _planned(entry.planned, entry.clash)
                for entry in entries
                if entry.planned is not None
            ],
        )  # fmt: skip

    by_day = groupby(found, lambda entry: entry.at.date())
    return shapes.Calendar(
        time_zone=str(zone), start=start, end=end,
        days=[on(day, list(entries)) for day, entries in by_day],
        gaps=[day.on for day in every if day.gap], short=slots.short(every, plans, today.date()),
    )  # fmt: skip


def _planned(row: Planned, clash: bool = False) -> shapes.Planned:
    return shapes.Planned(
        id=row.pk, version=row.version, at=row.at.astimezone(UTC), kind=row.kind, about=row.about,
        waits=row.waits, clash=clash,
    )  # fmt: skip


# ---- posts ---------------------------------------------------------------------------------------


@router.put(
    POST + "/schedule", **needs("schedule", "editor", shapes.Post, conflict=shapes.Conflict)
)
def schedule(request: HttpRequest, brand: str, number: int, when: shapes.Schedule) -> shapes.Post:
    """Put a post on the calendar, or one that is on it at another time. What is approved becomes
    scheduled; what is not keeps its state, and has the time in mind."""
    moved = slots.put(
        request.brand, _key(request, number), when.at, person=request.user, role=request.role,
        version=when.version,
    )  # fmt: skip
    return shown.post(moved, request)


@router.delete(
    POST + "/schedule", **needs("schedule", "editor", shapes.Post, conflict=shapes.Conflict)
)
def unschedule(request: HttpRequest, brand: str, number: int, version: Seen = None) -> shapes.Post:
    """Take a post off the calendar; what was scheduled stays approved."""
    moved = slots.take_off(
        request.brand, _key(request, number), person=request.user, role=request.role,
        version=version,
    )  # fmt: skip
    assert moved is not None
    return shown.post(moved, request)


def _key(request: HttpRequest, number: int) -> str:
    return f"post-{of_brand(request.brand, number).pk}"


# ---- what is planned and not made yet ------------------------------------------------------------


@router.put(PLANNED, **needs("schedule", "editor", shapes.Planned))
def move_planned(
    request: HttpRequest, brand: str, number: int, when: shapes.PlannedMove
) -> shapes.Planned:
    """Give a planned post another time."""
    row = get_object_or_404(Planned, brand=request.brand, pk=number, draft=None)
    moved = slots.put(
        request.brand, f"plan-{row.pk}", when.at, person=request.user, role=request.role,
        version=when.version,
    )  # fmt: skip
    return _planned(moved)


@router.delete(PLANNED, **needs("schedule", "editor", None, status=204))
def forget_planned(request: HttpRequest, brand: str, number: int, version: Seen = None) -> Status:
    """Forget a planned post."""
    row = get_object_or_404(Planned, brand=request.brand, pk=number, draft=None)
    slots.take_off(
        request.brand, f"plan-{row.pk}", person=request.user, role=request.role, version=version
    )
    return Status(204, None)


@router.post(CALENDAR + "/plans", **needs("schedule", "editor", shapes.Job, status=201))
def bring_plan(request: HttpRequest, brand: str, plan: shapes.NewPlan) -> Status:
    """Bring a plan in: a job reads it, and its posts stand on the calendar. The same plan twice adds
    nothing."""
    return made(
        shown.job(slots.bring(request.brand, plan.name, plan.text.encode(), person=request.user))
    )


@router.post(CALENDAR + "/jobs", **needs("generate", "editor", shapes.Job, status=201))
def make_planned(request: HttpRequest, brand: str, wanted: shapes.MakePlanned) -> Status:
    """Ask for planned posts to be made: drafts with their time in mind."""
    return made(shown.job(slots.make(request.brand, wanted.planned, person=request.user)))
