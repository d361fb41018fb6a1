"""The calendar: month, week and list of one query; posts put on a day by dragging or by a form."""

from datetime import date, datetime, time, timedelta, tzinfo
from itertools import pairwise
from typing import Any
from urllib.parse import urlencode

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from feedsmith.errors import FeedsmithError
from feedsmith.studio import accounts, asked, clock, due, slots
from feedsmith.studio.models import Brand, Conflict, Draft, Job, Plan, Planned
from feedsmith.studio.models.jobs import ACTIVE
from feedsmith.studio.pages.access import for_members
from feedsmith.studio.pages.create import COUNT_MAX
from feedsmith.studio.pages.notices import say
from feedsmith.studio.templatetags.look import zone_of

VIEWS = ("month", "week", "list")
LIST_DAYS = 42
"""Days of the list."""
YEARS = range(2000, 2100)
CHANGED = (Conflict, slots.Moved)
IN_BETWEEN = "Somebody else changed this in between."


@for_members("reviewer")
@require_safe
def calendar(request: HttpRequest, brand: Brand) -> HttpResponse:
    """?view=month|week|list, ?day=2026-12-01."""
    zone = zone_of(brand)
    today = timezone.now().astimezone(zone).date()
    view = request.GET.get("view", "")
    view = view if view in VIEWS else "month"
    day = _day(request.GET.get("day", "")) or today
    return render(request, "studio/calendar.html", shown(brand, view, day, today, zone))


def shown(brand: Brand, view: str, day: date, today: date, zone: tzinfo) -> dict[str, Any]:
    """All that the calendar shows in this view around this day."""
    first, last = span(view, day)
    plans = list(Plan.objects.filter(brand=brand))
    found = slots.entries(brand, first, last, zone)
    all_days = slots.days(found, first, last, zone, plans, today)
    root = f"/b/{brand.slug}/calendar"

    def there(to: date, as_: str = view) -> str:
        return f"{root}?{urlencode({'view': as_, 'day': to.isoformat()})}"

    step = {"week": 7, "list": LIST_DAYS}.get(view, 0)
    before = day - timedelta(days=step) if step else (day.replace(day=1) - timedelta(days=1))
    after = day + timedelta(days=step) if step else (day.replace(day=1) + timedelta(days=32))
    clashes = [entry for entry in found if entry.clash and entry.at.date() >= today]
    open_ = [e.planned for e in found if e.planned is not None]
    made = slots.being_made(brand)
    ready = [p for p in open_ if not p.waits and p.at >= timezone.now() and p.pk not in made]
    jobs = Job.objects.filter(brand=brand, kind="plan")
    last_job = jobs.order_by("-pk").first()
    recent = last_job is not None and (
        last_job.state in ACTIVE or timezone.now() - last_job.asked_at < timedelta(hours=1)
    )
    account = accounts.usual(brand)
    return {
        "goes_to": account.account.username if account is not None else "",
        "view": view, "title": titled(view, day, first, last), "days": all_days, "root": root,
        "month": day.month if view == "month" else 0, "names": [f"{_monday(n):%a}" for n in range(7)],
        "urls": {
            **{name: there(day, name) for name in VIEWS}, "before": there(max(before, date(2000, 1, 1))),
            "today": there(today), "after": there(min(after, date(2099, 12, 1))), "here": there(day),
        },
        "zone": clock.zone_said(zone, timezone.now()), "count": len(found),
        "gaps": sum(d.gap for d in all_days), "short": slots.short(all_days, plans, today),
        "clashes": _pairs(clashes), "changes": [d for d in all_days if d.change],
        "loose": slots.loose(brand), "planned": len(open_), "waits": [p for p in open_ if p.waits],
        "ready": ready[:COUNT_MAX], "has_plan": bool(plans), "plan_job": last_job if recent else None,
    }  # fmt: skip


def span(view: str, day: date) -> tuple[date, date]:
    """First and last day shown: whole weeks from Monday on, but for the list."""
    if view == "list":
        return day, day + timedelta(days=LIST_DAYS - 1)
    start = day - timedelta(days=day.weekday())
    if view == "week":
        return start, start + timedelta(days=6)
    first = day.replace(day=1)
    last = (first + timedelta(days=32)).replace(day=1) - timedelta(days=1)
    return first - timedelta(days=first.weekday()), last + timedelta(days=6 - last.weekday())


def titled(view: str, day: date, first: date, last: date) -> str:
    if view == "month":
        return f"{day:%B} {day.year}"
    year = f" {first.year}" if first.year != last.year else ""
    month = f" {first:%B}" if (first.month, first.year) != (last.month, last.year) else ""
    return f"{first.day}{month}{year} to {last.day} {last:%B} {last.year}"


def _pairs(clashes: list[slots.Entry]) -> list[dict[str, str]]:
    """A sentence for each two that come too near."""
    said = []
    for one, two in pairwise(clashes):
        if two.at.timestamp() - one.at.timestamp() < slots.CLASH.total_seconds():
            words = (
                f"Two posts within an hour on {one.at:%A} {one.at.day} {one.at:%B}: "
                f"{one.clock} and {two.clock}."
            )
            said.append({"words": words, "key": two.key})
    return said


@for_members("editor")
@require_http_methods(["GET", "HEAD", "POST"])
def place(request: HttpRequest, brand: Brand, key: str) -> HttpResponse:
    """When one of them goes out: a form, for those who do not drag."""
    if request.method == "POST":
        return _placed(request, brand, key)
    return render(request, "studio/place.html", _place(request, brand, key))


def _place(request: HttpRequest, brand: Brand, key: str) -> dict[str, Any]:
    """What the form shows: the post as it is now, and where it stands."""
    zone = zone_of(brand)
    draft, planned = _known(brand, key)
    at = draft.scheduled_at if draft is not None else planned.at if planned is not None else None
    local = at.astimezone(zone) if at is not None else None
    wanted = _day(request.GET.get("day", ""))
    on = wanted or (local.date() if local else timezone.now().astimezone(zone).date())
    return {
        "entry_key": key, "draft": draft, "planned": planned, "day": on.isoformat(), "local": local,
        "version": (draft or planned).version,  # type: ignore[union-attr]
        "clock": f"{local.time() if local else slots.usual(brand, on, zone):%H:%M}",
        "movable": planned is not None or (draft is not None and draft.state in slots.MOVABLE),
        "zone": clock.zone_said(zone, at or timezone.now()), "back": _back_to(request, brand),
        "now": f"{local:%A} {local.day} {local:%B} {local.year}, {clock.shown(local)}" if local else "",
    }  # fmt: skip


def _placed(request: HttpRequest, brand: Brand, key: str) -> HttpResponse:
    zone, said = zone_of(brand), _place(request, brand, key)
    on, at = _day(request.POST.get("day", "")), _clock(request.POST.get("time", ""))
    if on is None or at is None:
        said |= {"problem": "Choose a day and a time.", "clock": request.POST.get("time", "")[:5]}
        return render(request, "studio/place.html", said, status=422)
    said |= {"day": on.isoformat(), "clock": f"{at:%H:%M}"}
    seen = _seen(request)
    found = clock.moment(on, at, zone, second=request.POST.get("second") == "1")
    if found.said and request.POST.get("understood") != f"{on} {at}":
        # The clock is changed around that time: say it, and ask once.
        said |= {"notice": found.said, "twice": found.twice, "understood": f"{on} {at}"}
        said |= {"version": seen} if seen is not None else {}
        return render(request, "studio/place.html", said, status=422)
    try:
        slots.put(brand, key, found.at, person=request.user, role=request.role, version=seen)
    except CHANGED:
        said |= {"between": IN_BETWEEN}
        return render(request, "studio/place.html", said, status=409)
    say(request, _said(brand, found, zone))
    return _to(said["back"])


def _seen(request: HttpRequest) -> int | None:
    """The version of what the form or the calendar showed."""
    return asked.number(request.POST.get("version", ""))


@for_members("editor")
@require_POST
def move(request: HttpRequest, brand: Brand) -> HttpResponse:
    """Dropped on a day: `what` goes out on `day` at its own time of day, or the brand's usual one.
    Answers in JSON what was done: {"said": "..."}."""
    zone, key = zone_of(brand), request.POST.get("what", "")
    day = _day(request.POST.get("day", ""))
    if day is None:
        raise FeedsmithError("it was not said to which day", mend="reload the page")
    draft, planned = slots.find(brand, key)
    at = draft.scheduled_at if draft is not None else planned.at if planned is not None else None
    wanted = at.astimezone(zone).time() if at is not None else slots.usual(brand, day, zone)
    found = clock.moment(day, wanted.replace(second=0, microsecond=0), zone)
    try:
        slots.put(
            brand, key, found.at, person=request.user, role=request.role, version=_seen(request)
        )
    except CHANGED:
        said = f"{IN_BETWEEN} The calendar shows it as it is now: look, and move it again."
        return JsonResponse({"said": said}, status=409)
    except FeedsmithError as error:
        return JsonResponse({"said": f"{error.message.capitalize()}."}, status=409)
    return JsonResponse({"said": _said(brand, found, zone)})


@for_members("editor")
@require_POST
def off(request: HttpRequest, brand: Brand) -> HttpResponse:
    key = request.POST.get("what", "")
    try:
        slots.take_off(brand, key, person=request.user, role=request.role, version=_seen(request))
    except CHANGED:
        said = _place(request, brand, key) | {"between": IN_BETWEEN}
        return render(request, "studio/place.html", said, status=409)
    say(request, "It is off the calendar.")
    return _to(_back_to(request, brand))


@for_members("editor")
@require_POST
def bring(request: HttpRequest, brand: Brand) -> HttpResponse:
    """A plan's file is read by the worker; its posts stand on the calendar a moment later."""
    file = request.FILES.get("plan")
    if file is None:
        raise FeedsmithError("no file was chosen", mend="choose a plan: plan.yaml or a CSV")
    job = slots.bring(brand, file.name, file.read(slots.PLAN_BYTES + 1), person=request.user)
    say(request, f"{job.args['name']} is being read. Its posts appear here in a moment.")
    return _to(_back_to(request, brand))


@for_members("editor")
@require_POST
def make(request: HttpRequest, brand: Brand) -> HttpResponse:
    """Make posts that are planned: drafts with their time in mind."""
    numbers = asked.numbers(request.POST.getlist("planned")[:COUNT_MAX])
    slots.make(brand, numbers, person=request.user)
    return HttpResponseRedirect(f"/b/{brand.slug}/create")


# ---- what a request says -----------------------------------------------------------------------


def _known(brand: Brand, key: str) -> tuple[Draft | None, Planned | None]:
    try:
        return slots.find(brand, key)
    except FeedsmithError as error:
        raise Http404 from error


def _said(brand: Brand, found: clock.Moment, zone: tzinfo) -> str:
    local = found.at.astimezone(zone)
    said = f"Set for {local:%A} {local.day} {local:%B}, {clock.shown(local)}."
    past = due.past_in_words(brand, found.at, timezone.now())
    return " ".join(words for words in (said, past, found.said) if words)


def _day(text: str) -> date | None:
    try:
        day = date.fromisoformat(text[:10])
    except ValueError:
        return None
    return day if day.year in YEARS else None


def _clock(text: str) -> time | None:
    try:
        return datetime.strptime(text[:5], "%H:%M").time()
    except ValueError:
        return None


def _monday(n: int) -> date:
    return date(2024, 1, 1) + timedelta(days=n)


def _back_to(request: HttpRequest, brand: Brand) -> str:
    """Where to go afterwards: the calendar as it was, or the post's page."""
    back = request.POST.get("back") or request.GET.get("back") or ""
    own = back.startswith((f"/b/{brand.slug}/calendar", f"/b/{brand.slug}/posts/"))
    return (
        back if own and url_has_allowed_host_and_scheme(back, None) else f"/b/{brand.slug}/calendar"
    )


def _to(address: str) -> HttpResponse:
    response = HttpResponseRedirect(address)
    response.status_code = 303
    return response
