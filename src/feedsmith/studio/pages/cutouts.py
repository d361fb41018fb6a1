"""The cut-out of a photo: looked at, and corrected with clicks. The worker cuts; the clicks are marks of
the photo, which product posts keep to.
"""

import hashlib

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.views.decorators.http import require_http_methods, require_safe

from feedsmith import marks
from feedsmith.studio import shelf
from feedsmith.studio.models import Brand, Job
from feedsmith.studio.pages.access import for_members
from feedsmith.studio.queue import enqueue


@for_members("editor")
@require_http_methods(["GET", "HEAD", "POST"])
def cutout(request: HttpRequest, brand: Brand, photo_id: str) -> HttpResponse:
    """POST adds a click (`x`, `y` in shares, `inside`), takes the last one back (`undo`), or all
    (`clear`); each asks the worker for a new cut-out."""
    item = shelf.item(brand.home.library, photo_id)
    if item is None:
        raise Http404
    clicks = item.mark.clicks
    if request.method == "POST":
        changed = _changed(request, clicks)
        if changed != clicks:
            marks.change(brand.home.library, [photo_id], clicks=changed)
        ask(brand, request.user, photo_id)
        response = HttpResponseRedirect(f"/b/{brand.slug}/library/{photo_id}/cutout?at=picture")
        response.status_code = 303
        return response
    job = jobs_of(brand, photo_id).order_by("-pk").first()
    if job is None:
        job = ask(brand, request.user, photo_id)
    there = file_of(brand, photo_id)
    stamp = (
        hashlib.sha256(str(there.stat().st_mtime_ns).encode()).hexdigest()[:8]
        if there.is_file()
        else ""
    )
    said = {
        "item": item, "job": job, "clicks": clicks, "here": f"/b/{brand.slug}/library/{photo_id}/cutout",
        "back": f"/b/{brand.slug}/library/{photo_id}", "stamp": stamp,
        "spots": [(round(x * 1000), round(y * 1000), inside) for x, y, inside in clicks],
        "inside": not clicks or clicks[-1][2], "full": len(clicks) >= marks.CLICKS_MAX,
    }  # fmt: skip
    return render(request, "studio/cutout.html", said)


@for_members("reviewer")
@require_safe
def picture(request: HttpRequest, brand: Brand, photo_id: str) -> HttpResponse:
    return cut(brand, photo_id)


def cut(brand: Brand, photo_id: str) -> HttpResponse:
    """The same for somebody who was let in already."""
    try:
        data = file_of(brand, photo_id).read_bytes()
    except OSError as error:
        raise Http404 from error
    return HttpResponse(data, content_type="image/webp")


def ask(brand: Brand, person: object, photo_id: str) -> Job:
    """A job for this cut-out; one that waits already does for both."""
    waiting = jobs_of(brand, photo_id).filter(state="queued").first()
    return waiting or enqueue(brand, person, {"photo": photo_id}, "cutout")


def jobs_of(brand: Brand, photo_id: str):  # type: ignore[no-untyped-def]
    return Job.objects.filter(brand=brand, kind="cutout", args__photo=photo_id)


def file_of(brand: Brand, photo_id: str):  # type: ignore[no-untyped-def]
    return settings.STUDIO.cutouts / brand.slug / f"{photo_id}.webp"


def _changed(
    request: HttpRequest, clicks: tuple[tuple[float, float, bool], ...]
) -> tuple[tuple[float, float, bool], ...]:
    form = request.POST
    if form.get("clear"):
        return ()
    if form.get("undo"):
        return clicks[:-1]
    try:
        x, y = float(form.get("x", "")), float(form.get("y", ""))
    except ValueError:
        return clicks
    if not (0 <= x <= 1 and 0 <= y <= 1) or len(clicks) >= marks.CLICKS_MAX:
        return clicks
    return (*clicks, (round(x, 4), round(y, 4), form.get("inside") == "1"))
