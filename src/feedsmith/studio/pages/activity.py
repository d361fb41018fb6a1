"""Activity: who did what when, the newest first."""

from datetime import date
from itertools import groupby
from typing import Any

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from feedsmith.studio import states
from feedsmith.studio.models import Brand, Event
from feedsmith.studio.pages.access import for_members
from feedsmith.studio.templatetags.look import kind_words, zone_of

A_PAGE = 100
VERBS = {
    "edited": "edited", "commented": "commented on", "asked for changes": "asked for changes to",
    "generated": "made", "reordered": "put the feed in another order", "copied": "copied",
    "duplicated": "copied", "linked": "made a review link", "unlinked": "closed a review link",
    "planned": "moved", "brought": "brought in a plan", "imported": "added to the library",
    "marked": "marked", "let in": "let in", "took out": "took out",
    "connected": "connected the account", "disconnected": "disconnected the account",
    "held up": "could not publish",
    "changed the role": "changed the role of", "made a sign-in link": "made a sign-in link for",
}  # fmt: skip
QUOTED = ("commented", "asked for changes")
"""Verbs whose words are somebody's own."""


@for_members("reviewer")
@require_safe
def activity(request: HttpRequest, brand: Brand) -> HttpResponse:
    """?who= a member's name, ?page= turns."""
    events = Event.objects.filter(brand=brand).select_related("person", "draft")
    who = request.GET.get("who", "")[:60]
    if who:
        events = events.filter(person__name=who)
    page = Paginator(events, A_PAGE).get_page(request.GET.get("page"))
    zone = zone_of(brand)
    rows = [
        sentence(event) | {"at": (at := event.at.astimezone(zone)), "clock": f"{at:%H:%M}"}
        for event in page
    ]
    today = timezone.now().astimezone(zone).date()
    said = {
        "page": page, "who": who,
        "days": [
            (_day(day, today), list(of_day))
            for day, of_day in groupby(rows, key=lambda row: row["at"].date())
        ],
        "people": list(brand.people.order_by("name").values_list("name", flat=True)),
        "zone": str(zone),
    }  # fmt: skip
    return render(request, "studio/activity.html", said)


def sentence(event: Event) -> dict[str, Any]:
    """Who, what they did, with which post (or None), and the words of it."""
    guest = event.person is None and event.name
    who = event.person.name if event.person else event.name or "The studio"
    verb, words, quote = VERBS.get(event.verb, event.verb), event.words, ""
    after = ""
    if event.verb == "moved":
        verb, after, words = "moved", _moved(words), ""
    elif event.verb == "edited":
        after, words = (f": {words}" if words and words != "edited" else ""), ""
    elif event.verb == "reordered":
        verb, after, words = ("moved", " in the feed", "") if event.draft else (verb, "", "")
    elif event.verb in QUOTED:
        quote, words = words, ""
    draft = event.draft
    return {
        "who": who, "guest": bool(guest), "verb": verb, "after": after, "words": words, "quote": quote,
        "draft": draft, "name": f"the {kind_words(draft.kind).lower()}" if draft else "",
        "about": _short(draft.caption) if draft else "",
    }  # fmt: skip


def _moved(words: str) -> str:
    """ "from draft to in review" of "draft -> review"."""
    names = [states.IN_WORDS.get(name, name).lower() for name in words.split(" -> ")]  # type: ignore[call-overload]
    return f" from {names[0]} to {names[1]}" if len(names) == 2 else f" {words}"


def _short(caption: str) -> str:
    line = caption.strip().partition("\n")[0]
    return line if len(line) <= 60 else f"{line[:58].rstrip()}…"


def _day(day: date, today: date) -> str:
    ago = (today - day).days
    if ago in (0, 1):
        return ("Today", "Yesterday")[ago]
    return f"{day:%A} {day.day} {day:%B}" + (f" {day.year}" if day.year != today.year else "")
