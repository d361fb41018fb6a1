"""The design system on one page, of the real components; and light or dark."""

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST, require_safe

from feedsmith.studio import states
from feedsmith.studio.models import Draft
from feedsmith.studio.pages.access import brands_of, for_people
from feedsmith.studio.pages.post import TALL, media_of
from feedsmith.studio.pages.told import LIMITS

THEMES = ("light", "dark")
YEAR = 365 * 24 * 3600
COLOURS = (
    ("paper", "The page"), ("card", "What lies on it"), ("sunk", "What is set back"),
    ("line", "Hairlines"), ("edge", "Edges of fields"), ("ink", "Words, and the one button that leads on"),
    ("soft", "Words beside words"), ("accent", "The blue pencil: chosen, waiting, in progress"),
    ("bad", "What failed"),
)  # fmt: skip
ICONS = [
    "create",
    "posts",
    "calendar",
    "library",
    "search",
    "star",
    "star-on",
    "archive",
    "copy",
    "duplicate",
    "share",
    "upload",
    "download",
    "again",
    "words",
    "swap",
    "template",
    "crop",
    "eye",
    "link",
    "comment",
    "people",
    "keys",
    "light",
    "dark",
    "undo",
    "redo",
    "left",
    "right",
    "down",
    "check",
    "cross",
    "move",
    "more",
    "warn",
    "loop",
    "play",
    "slides",
    "stop",
    "out",
]


@for_people
@require_safe
def design(request: HttpRequest) -> HttpResponse:
    """Every component, from the same templates that the pages use, with the person's own posts."""
    brands = brands_of(request)
    drafts = Draft.objects.filter(brand__in=brands).select_related("brand").defer("search")
    draft = drafts.first()
    said = {
        "colours": COLOURS, "icons": ICONS, "states": states.STATES, "limits": LIMITS,
        "tags": ["oak", "walks"], "counts": {"characters": 178, "hashtags": 3, "mentions": 0},
        "sample": draft, "brand_of_sample": draft.brand if draft else None,
        "sample_media": media_of(draft) if draft else [], "sample_tall": bool(draft) and draft.kind in TALL,
        "tiles": drafts.filter(brand=draft.brand)[:6] if draft else [],
    }  # fmt: skip
    return render(request, "studio/design.html", said)


@for_people
@require_POST
def theme(request: HttpRequest) -> HttpResponse:
    """Light, dark, or as the device is; kept in a cookie of this browser."""
    back = request.headers.get("Referer", "/")
    safe = url_has_allowed_host_and_scheme(back, allowed_hosts={request.META.get("HTTP_HOST", "")})
    answer: HttpResponse = (
        HttpResponse(status=204)
        if request.headers.get("HX-Request")
        else HttpResponseRedirect(back if safe else "/")
    )
    wanted = request.POST.get("theme", "")
    if wanted in THEMES:
        answer.set_cookie("theme", wanted, max_age=YEAR, samesite="Lax", httponly=True)
    else:
        answer.delete_cookie("theme", samesite="Lax")
    return answer
