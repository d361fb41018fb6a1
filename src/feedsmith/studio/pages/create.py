"""Create: what to make, the queue, and the posts as they are made."""

import re
from datetime import timedelta
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from feedsmith.brand import Home
from feedsmith.post import KINDS
from feedsmith.studio.asked import number, numbers
from feedsmith.studio.models import Brand, Draft, Job
from feedsmith.studio.models.jobs import OVER
from feedsmith.studio.pages.access import for_members
from feedsmith.studio.queue import enqueue

COUNT_MAX = 50
"""Posts of one job."""
WORDS_MAX = 300
"""Characters of one field."""
OFFER = ("text", "name", "price", "was", "dates", "call", "link")
FORMATS = ("portrait", "square")
SHOWN_FOR = timedelta(hours=2)
"""How long a job that is over stays on the page."""
OVER_SHOWN, WAITING_SHOWN, MADE_SHOWN = 5, 20, 60
"""Jobs that are over, jobs that wait, and posts: at most so many on the page."""


@for_members("editor")
@require_http_methods(["GET", "HEAD", "POST"])
def create(request: HttpRequest, brand: Brand) -> HttpResponse:
    if request.method != "POST":
        return render(request, "studio/create.html", _page(brand, {"count": 3, "offer": {}}, []))
    args, problems = asked(request, brand)
    part = request.headers.get("HX-Request") == "true"
    if problems:
        said = _page(brand, args, problems)
        response = render(
            request,
            "studio/parts/problems.html" if part else "studio/create.html",
            said,
            status=422,
        )
        response.headers["HX-Retarget"] = "#problems"
        response.headers["HX-Reswap"] = "outerHTML"
        return response
    enqueue(brand, request.user, args)
    return (
        _queue(request, brand, accepted=True)
        if part
        else HttpResponseRedirect(f"/b/{brand.slug}/create")
    )


@for_members("editor")
@require_safe
def jobs(request: HttpRequest, brand: Brand) -> HttpResponse:
    """The queue alone, for a page that is open."""
    return _queue(request, brand)


def _queue(request: HttpRequest, brand: Brand, accepted: bool = False) -> HttpResponse:
    """The queue. A form that was accepted also takes away what was said about the one before;
    news of a job must not, it comes at any time."""
    said = {**queue(brand), "problems": [], "accepted": accepted}
    return render(request, "studio/parts/jobs.html", said)


@for_members("editor")
@require_safe
def made(request: HttpRequest, brand: Brand) -> HttpResponse:
    """The posts made lately that the page does not show yet (?have=12&have=13)."""
    have = set(numbers(request.GET.getlist("have")[:500]))
    fresh = [draft for draft in made_lately(brand) if draft.pk not in have]
    return render(request, "studio/parts/made.html", {"made": fresh})


@for_members("editor")
@require_POST
def stop(request: HttpRequest, brand: Brand, number: int) -> HttpResponse:
    """No more of this job; what is made stays. "all" stops what waits, too."""
    get_object_or_404(Job, brand=brand, pk=number).stop()
    if request.headers.get("HX-Request") == "true":
        return _queue(request, brand)
    back = request.POST.get("back", "")  # a post whose picture it was about
    there = re.fullmatch(rf"/b/{re.escape(brand.slug)}/posts/\d+", back)
    return HttpResponseRedirect(back if there else f"/b/{brand.slug}/create")


def queue(brand: Brand) -> dict[str, Any]:
    """What is running, what waits and in which place, what is over."""
    own = Job.objects.filter(brand=brand).select_related("person")
    running = list(own.filter(state="running"))
    waiting = list(own.filter(state="queued").order_by("pk")[:WAITING_SHOWN])
    over = own.filter(state__in=OVER, ended_at__gt=timezone.now() - SHOWN_FOR).order_by("-ended_at")
    others = 0
    if waiting and not running:  # brands take turns: what others asked for earlier may come later
        others = Job.objects.filter(state="running").count() + waiting[0].before_of_others(0)
    return {
        "running": running,
        "waiting": waiting,
        "waiting_count": own.filter(state="queued").count() if waiting else 0,
        "over": list(over[:OVER_SHOWN]),
        "others_first": others,
    }


def made_lately(brand: Brand) -> list[Draft]:
    """Posts of the jobs on the page, the newest first."""
    since = timezone.now() - SHOWN_FOR
    drafts = Draft.objects.filter(brand=brand, job__isnull=False, created_at__gt=since)
    return list(drafts.order_by("-pk").defer("search")[:MADE_SHOWN])


def image_models(home: Home) -> list[tuple[str, str]]:
    """What can make the pictures here: name and words. '' is what brand.toml says."""
    found = [("", "As set for the brand"), ("remix", "Your photos, recomposed or edited")]
    if (home.models / "images" / "card.json").is_file():
        found.append(("gan", "Your own trained generator"))
    return found


def asked(request: HttpRequest, brand: Brand) -> tuple[dict[str, Any], list[str]]:
    """The form as a job's arguments, and what is wrong with it in plain words."""
    form = request.POST
    fields = ("kind", "theme", "headline", "format", "images")
    text = {name: form.get(name, "").strip() for name in fields}
    offer = {name: words for name in OFFER if (words := form.get(f"offer_{name}", "").strip())}
    problems = []
    count = number(form.get("count", ""), 1, COUNT_MAX)
    if count is None:
        problems.append(f"Choose how many posts: 1 to {COUNT_MAX}.")
    if text["kind"] and text["kind"] not in KINDS:
        problems.append("Choose one of the kinds of post.")
    if text["kind"] in ("promo", "product") and not {"text", "name"} & set(offer):
        problems.append("Say what the post offers, or its name: it is set word for word.")
    if text["format"] and text["format"] not in FORMATS:
        problems.append("Choose portrait or square.")
    if text["images"] not in dict(image_models(brand.home)):
        problems.append("Choose one of the image models.")
    if any(len(words) > WORDS_MAX for words in (*text.values(), *offer.values())):
        problems.append(f"Use at most {WORDS_MAX} characters in a field.")
    if not all(words.isprintable() for words in (*text.values(), *offer.values())):
        problems.append("Use letters, digits and signs only.")
    link = offer.get("link", "")
    if link and not link.startswith(("http://", "https://")):
        problems.append("A link begins with https://.")
    return {**text, "offer": offer, "count": count or 3}, problems


def _page(brand: Brand, args: dict[str, Any], problems: list[str]) -> dict[str, Any]:
    return {
        "kinds": KINDS, "args": args, "problems": problems, "count_max": COUNT_MAX,
        "models": image_models(brand.home), "made": made_lately(brand), **queue(brand),
    }  # fmt: skip
