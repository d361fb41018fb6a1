"""The cut-out of a photo: looked at, corrected with clicks, painted with a brush. The worker cuts; clicks
and strokes are marks of the photo, which product posts keep to.
"""

import hashlib
import json
from pathlib import Path

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.views.decorators.http import require_http_methods, require_safe

from feedsmith import marks
from feedsmith.errors import FeedsmithError
from feedsmith.studio import shelf
from feedsmith.studio.models import Brand, Job
from feedsmith.studio.pages import errors
from feedsmith.studio.pages.access import for_members
from feedsmith.studio.queue import enqueue

STROKES_BYTES = 200_000
"""Of strokes in JSON: marks.POINTS_MAX points are at most half of that."""


@for_members("editor")
@require_http_methods(["GET", "HEAD", "POST"])
def cutout(request: HttpRequest, brand: Brand, photo_id: str) -> HttpResponse:
    """POST adds a click (`x`, `y` in shares, `inside`), takes the last one back (`undo`), or all
    (`clear`), or says all `strokes` of the brush (JSON, see marks.strokes); each asks the worker for a
    new cut-out. Strokes come with those they were painted over (`seen`): somebody else's, painted
    meanwhile, are answered with 409 and stay."""
    item = shelf.item(brand.home.library, photo_id)
    if item is None:
        raise Http404
    clicks = item.mark.clicks
    if request.method == "POST" and "strokes" in request.POST:
        drawn = _drawn(request.POST["strokes"])
        if request.POST.get("seen") != _digest(item.mark):
            answer = errors.page(
                request, 409, "somebody else painted this cut-out in between",
                "save again to put yours in its place, or reload the page to see theirs",
            )  # fmt: skip
            answer.headers["X-Seen"] = _digest(item.mark)
            return answer
        marks.change(brand.home.library, [photo_id], strokes=drawn)
        ask(brand, request.user, photo_id)
        response = HttpResponseRedirect(f"/b/{brand.slug}/library/{photo_id}/cutout")
        response.status_code = 303
        return response
    if request.method == "POST":
        changed = _changed(request, clicks)
        if changed != clicks:
            marks.change(brand.home.library, [photo_id], clicks=changed)
        ask(brand, request.user, photo_id)
        response = HttpResponseRedirect(f"/b/{brand.slug}/library/{photo_id}/cutout?at=picture")
        response.status_code = 303
        return response
    job = jobs_of(brand, photo_id).order_by("-pk").first()
    there = file_of(brand, photo_id)
    whole = there.is_file() and _veil(brand, photo_id).is_file()
    if job is None or (
        job.state == "done" and not whole
    ):  # what is kept of a cut-out may be thrown away
        job = ask(brand, request.user, photo_id)
    stamp = hashlib.sha256(str(there.stat().st_mtime_ns).encode()).hexdigest()[:8] if whole else ""
    shown = jobs_of(brand, photo_id).filter(state="done").order_by("-pk").first()
    said = {
        "size": shown.result.get("size") if shown is not None else None,  # of what stands, while another is made
        "item": item, "job": job, "clicks": clicks, "here": f"/b/{brand.slug}/library/{photo_id}/cutout",
        "back": f"/b/{brand.slug}/library/{photo_id}", "stamp": stamp,
        "spots": [(round(x * 1000), round(y * 1000), inside) for x, y, inside in clicks],
        "inside": not clicks or clicks[-1][2], "full": len(clicks) >= marks.CLICKS_MAX,
        "strokes": json.dumps(
            [[int(keeps), *rest] for keeps, *rest in item.mark.strokes], separators=(",", ":")
        ),
        "seen": _digest(item.mark), "corrected": bool(clicks or item.mark.strokes),
        "most": {
            "strokes": marks.STROKES_MAX, "points": marks.POINTS_MAX,
            "least": marks.RADIUS_MIN, "most": marks.RADIUS_MAX,
        },
    }  # fmt: skip
    return render(request, "studio/cutout.html", said)


@for_members("reviewer")
@require_safe
def picture(request: HttpRequest, brand: Brand, photo_id: str) -> HttpResponse:
    return cut(brand, photo_id)


@for_members("reviewer")
@require_safe
def veil(request: HttpRequest, brand: Brand, photo_id: str) -> HttpResponse:
    """What the brush paints on: a veil over all that does not stand, without the strokes."""
    return _kept(_veil(brand, photo_id), "image/png")


def cut(brand: Brand, photo_id: str) -> HttpResponse:
    """What is cut out, for somebody who was let in already."""
    return _kept(file_of(brand, photo_id), "image/webp")


def _kept(path: Path, kind: str) -> HttpResponse:
    try:
        return HttpResponse(path.read_bytes(), content_type=kind)
    except OSError as error:
        raise Http404 from error


def ask(brand: Brand, person: object, photo_id: str) -> Job:
    """A job for this cut-out; one that waits already does for both."""
    waiting = jobs_of(brand, photo_id).filter(state="queued").first()
    return waiting or enqueue(brand, person, {"photo": photo_id}, "cutout")


def jobs_of(brand: Brand, photo_id: str):  # type: ignore[no-untyped-def]
    return Job.objects.filter(brand=brand, kind="cutout", args__photo=photo_id)


def file_of(brand: Brand, photo_id: str) -> Path:
    return settings.STUDIO.cutouts / str(brand.slug) / f"{photo_id}.webp"


def _veil(brand: Brand, photo_id: str) -> Path:
    return settings.STUDIO.cutouts / str(brand.slug) / f"{photo_id}-veil.png"


def _digest(mark: marks.Mark) -> str:
    """8 hex digits that stand for what is painted."""
    return hashlib.sha256(json.dumps(mark.strokes).encode()).hexdigest()[:8]


def _drawn(said: str) -> tuple[tuple[bool, float, tuple[tuple[float, float], ...]], ...]:
    """Strokes as a page sends them. Raises FeedsmithError for all else; what is too long is not read."""
    if len(said) > STROKES_BYTES:
        raise FeedsmithError(
            "this is more painting than one photo takes", mend="take some of it back"
        )
    try:
        rows = json.loads(said)
    except (ValueError, RecursionError):
        rows = None
    return marks.strokes(rows)


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
