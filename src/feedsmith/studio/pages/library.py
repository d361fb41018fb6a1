"""The library: its photos by theme, colour, date and source; marks and keywords of each; what is on its
way into it.
"""

from typing import Any
from urllib.parse import urlencode

from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.views.decorators.http import require_POST, require_safe

from feedsmith import marks
from feedsmith.studio import shelf
from feedsmith.studio.models import Brand, Event, Job, Upload
from feedsmith.studio.models.jobs import ACTIVE
from feedsmith.studio.models.uploads import SIZES
from feedsmith.studio.pages.access import for_members

A_PAGE = 90
IMPORTS = 3
"""Imports told of, the newest."""
MARKED = {"favourite": "Favourites", "never": "Never used"}
_MONTHS = ("", "January", "February", "March", "April", "May", "June", "July", "August", "September",
           "October", "November", "December")  # fmt: skip


@for_members("reviewer")
@require_safe
def library(request: HttpRequest, brand: Brand) -> HttpResponse:
    """?theme= ?colour= ?date= ?source= ?mark= ?q= choose, ?page= turns."""
    asked = shelf.Asked(
        **{n: request.GET.get(n, "")[:100] for n in shelf.Asked.__dataclass_fields__}
    )
    everything = shelf.items(brand.home.library)
    found = shelf.chosen(everything, asked)
    page = Paginator(found, A_PAGE).get_page(request.GET.get("page"))
    root = f"/b/{brand.slug}/library"

    def here(**changed: str) -> str:
        kept = {name: value for name, value in {**asked.fields, **changed}.items() if value}
        return root + (f"?{urlencode(kept)}" if kept else "")

    said = {
        "page": page, "all": len(everything), "found": len(found), "root": root, "q": asked.q,
        "facets": _facets(found, asked, here), "kept": [(n, v) for n, v in asked.fields.items() if n != "q"],
        "chips": [
            {"words": _words(name, value), "href": here(**{name: ""})}
            for name, value in asked.fields.items()
        ],
        "newer": here(page=str(page.number - 1)), "older": here(page=str(page.number + 1)),
        "here": here(), **_arriving(request, brand), "accepts": ",".join(SIZES),
    }  # fmt: skip
    return render(request, "studio/library.html", said)


@for_members("reviewer")
@require_safe
def imports(request: HttpRequest, brand: Brand) -> HttpResponse:
    """What is on its way, and what came of the last ones: a fragment."""
    said = {**_arriving(request, brand), "root": f"/b/{brand.slug}/library"}
    return render(request, "studio/parts/imports.html", said)


@for_members("reviewer")
@require_safe
def photo(request: HttpRequest, brand: Brand, photo_id: str) -> HttpResponse:
    items = shelf.items(brand.home.library)
    item = next((item for item in items if item.id == photo_id), None)
    if item is None:
        raise Http404
    at, root = items.index(item), f"/b/{brand.slug}/library"
    said = {
        "item": item, "root": root, "here": f"{root}/{item.id}", "words": ", ".join(item.words),
        "corrected": item.mark.keywords is not None, "read": ", ".join(item.read),
        "source": shelf.SOURCES.get(item.source, item.source),
        "before": f"{root}/{items[at - 1].id}" if at else "",
        "after": f"{root}/{items[at + 1].id}" if at + 1 < len(items) else "",
        "palette": item.palette,
    }  # fmt: skip
    return render(request, "studio/photo.html", said)


@for_members("editor")
@require_POST
def mark(request: HttpRequest, brand: Brand, photo_id: str) -> HttpResponse:
    """`favourite` or `never`, 1 or 0."""
    _known(brand, photo_id)
    changes = {n: request.POST[n] == "1" for n in ("favourite", "never") if n in request.POST}
    if changes:
        marks.change(brand.home.library, [photo_id], **changes)
        words = ", ".join(
            f"{'a photo as' if on else 'a photo no longer as'} {_SAID[n]}"
            for n, on in changes.items()
        )
        Event.objects.create(brand=brand, person=request.user, verb="marked", words=words)
    return _back(brand, photo_id)


_SAID = {"favourite": "a favourite", "never": "never to be used"}


@for_members("editor")
@require_POST
def keywords(request: HttpRequest, brand: Brand, photo_id: str) -> HttpResponse:
    """What the photo shows, with commas; `reset` goes back to what was read."""
    _known(brand, photo_id)
    if request.POST.get("reset"):
        marks.change(brand.home.library, [photo_id], keywords=None)
    else:
        given = marks.keywords(request.POST.get("keywords", "")[:2000])
        marks.change(brand.home.library, [photo_id], keywords=given)
    return _back(brand, photo_id)


def _known(brand: Brand, photo_id: str) -> None:
    if not any(item.id == photo_id for item in shelf.items(brand.home.library)):
        raise Http404


def _back(brand: Brand, photo_id: str) -> HttpResponse:
    response = HttpResponseRedirect(f"/b/{brand.slug}/library/{photo_id}")
    response.status_code = 303
    return response


def _arriving(request: HttpRequest, brand: Brand) -> dict[str, Any]:
    jobs = list(Job.objects.filter(brand=brand, kind="import").order_by("-pk")[:IMPORTS])
    running = [job for job in jobs if job.state in ACTIVE]
    over = [job for job in jobs if job.state not in ACTIVE]
    broken = Upload.objects.filter(brand=brand, person=request.user, job=None)
    return {
        "importing": running, "reports": [(job, report(job)) for job in over[:1]],
        "broken": list(broken[:20]),
    }  # fmt: skip


def report(job: Job) -> list[str]:
    """What an import did, in sentences."""
    told = job.result
    if not told:
        return []
    said = [
        f"{_count(told, 'posts_new', 'post')} and {_count(told, 'photos_new', 'photo')} are new."
    ]
    if told.get("posts_known") or told.get("photos_known"):
        said.append(
            f"{_count(told, 'posts_known', 'post')} and {_count(told, 'photos_known', 'photo')} "
            "were known."
        )
    if job.attempts > 1:
        said.append("It was cut off in between and went on where it was.")
    if told.get("cleaned"):
        said.append(
            f"Place, camera and owner were taken out of {_count(told, 'cleaned', 'photo')}; "
            "your own files are as they were."
        )
    if told.get("videos"):
        one = told["videos"] == 1
        said.append(
            f"{_count(told, 'videos', 'video')} {'is' if one else 'are'} listed with "
            f"{'its post' if one else 'their posts'}, not used yet."
        )
    said += [
        f"Set aside: {count} × {reason}."
        for reason, count in sorted(told.get("set_aside", {}).items())
    ]
    if told.get("set_aside"):
        said.append("Each is listed in library/set-aside.csv; nothing was deleted.")
    return said + [
        f"{note[:1].upper()}{note[1:]}.".replace("..", ".") for note in told.get("notes", ())
    ]


def _count(told: dict[str, Any], name: str, word: str) -> str:
    count = int(told.get(name, 0))
    return f"{count} {word}{'s' * (count != 1)}"


def _facets(found: list[shelf.Item], asked: shelf.Asked, here: Any) -> list[dict[str, Any]]:
    counted = shelf.facets(found, asked)
    shown = []
    for name, title in (
        ("mark", "Marked"), ("theme", "Shows"), ("colour", "Colours"), ("date", "When"), ("source", "From"),
    ):  # fmt: skip
        current = getattr(asked, name)
        values = [
            {
                "words": _words(name, value), "count": count, "current": value == current,
                "href": here(**{name: "" if value == current else value, "page": ""}),
                "hex": shelf.COLOURS.get(value, ""),
            }
            for value, count in counted[name]
            if count or value == current
        ]  # fmt: skip
        if values:
            shown.append({"name": title, "colours": name == "colour", "values": values})
    return shown


def _words(name: str, value: str) -> str:
    """A value of a facet for people."""
    if name == "mark":
        return MARKED.get(value, value)
    if name == "source":
        return shelf.SOURCES.get(value, value)
    if name == "date":
        if value == "none":
            return "Without a date"
        year, _, month = value.partition("-")
        known = month.isascii() and month.isdigit() and 1 <= int(month[:2]) <= 12
        return f"{_MONTHS[int(month[:2])]} {year}" if known else value
    return f"“{value}”" if name == "q" else value.capitalize()
