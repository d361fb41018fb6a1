"""What every template knows: the person, their brands, the brand of this page."""

import shutil
from functools import cache
from typing import Any

from django.conf import settings
from django.db.models import QuerySet
from django.http import HttpRequest

from feedsmith.studio.models import Job
from feedsmith.studio.once import Once
from feedsmith.studio.pages.notices import take

ROOM = 4 * 2**20
"""Bytes free on the disk below which nothing can be relied on to be saved."""


def everywhere(request: HttpRequest) -> dict[str, Any]:
    from feedsmith.studio.pages.access import brands_of

    person = getattr(request, "user", None)
    known = person is not None and person.is_authenticated
    return {
        "person": person if known else None,
        "brand": getattr(request, "brand", None),
        "role": getattr(request, "role", ""),
        "can_edit": getattr(request, "role", "") in ("editor", "owner"),
        "brands": brands_of(request) if known else [],
        "notices": lambda: take(
            request
        ),  # called where they are shown: a fragment must not eat them
        "making": cache(lambda: _making(request)),
        "full": cache(_full),
        "fragment": request.headers.get("HX-Request") == "true",
    }


def _full() -> bool:
    """True where the studio's disk has no room left; a job that waits for it cannot write that down."""
    try:
        return shutil.disk_usage(settings.STUDIO.home).free < ROOM
    except OSError:
        return False


@Once
def _running(brand: int) -> QuerySet[Any, tuple[str, int, int]]:
    jobs = Job.objects.filter(brand=brand, state="running").order_by()
    return jobs.values_list("kind", "done", "total")[:1]


def _making(request: HttpRequest) -> str:
    """What the worker does for this brand now, in a few words; asked only where it is shown."""
    brand = getattr(request, "brand", None)
    if brand is None or getattr(request, "role", "") not in ("editor", "owner"):
        return ""
    for kind, done, total in _running(brand.pk):
        if kind != "generate" or not total:
            return "Working"
        return f"Making {min(done + 1, total)} of {total}"
    return ""
