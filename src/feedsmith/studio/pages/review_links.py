"""Review links of a brand: make one, copy it again, end it."""

from django.conf import settings
from django.db.models import Count
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_http_methods, require_POST

from feedsmith.errors import FeedsmithError
from feedsmith.post import KINDS
from feedsmith.studio import asked
from feedsmith.studio.models import Brand, Draft, ReviewLink
from feedsmith.studio.models.reviews import DAYS, POSTS_MAX, SHOWS
from feedsmith.studio.pages.access import for_members
from feedsmith.studio.pages.notices import say

CHOICES = {
    "review": "What waits for approval",
    "planned": "What is approved or planned",
    "all": "Both, and what was published",
}
LIVES = (3, 7, 14, 30, 90)
"""Days offered."""
KEPT = 50
"""Links listed, the newest."""


@for_members("editor")
@require_http_methods(["GET", "HEAD", "POST"])
def links(request: HttpRequest, brand: Brand) -> HttpResponse:
    """?post=1&post=2 picks posts for a new link."""
    if request.method == "POST":
        return _make(request, brand)
    return render(request, "studio/review_links.html", _said(request, brand, _numbers(request.GET)))


@for_members("editor")
@require_POST
def revoke(request: HttpRequest, brand: Brand, number: int) -> HttpResponse:
    get_object_or_404(ReviewLink, brand=brand, pk=number).revoke(request.user)
    say(request, "The link is closed. Whoever opens it is told so.")
    return _back(brand)


def _make(request: HttpRequest, brand: Brand) -> HttpResponse:
    form = request.POST
    kind, days = form.get("kind", ""), asked.number(form.get("days", str(DAYS)))
    try:
        ReviewLink.make(
            brand, request.user, title=form.get("title", "").strip(), days=days or 0,
            chosen=_numbers(form), show=form.get("show", "review"),
            kind=kind if kind in KINDS else "", words=form.get("words", "").strip(),
        )  # fmt: skip
    except FeedsmithError as error:
        said = _said(request, brand, _numbers(form)) | {"problem": f"{error.message.capitalize()}."}
        return render(request, "studio/review_links.html", said, status=422)
    say(request, "The link is ready. Copy it, and send it to whoever should look.")
    return _back(brand)


def _numbers(form: object) -> list[int]:
    return asked.numbers(form.getlist("post")[: POSTS_MAX + 1])  # type: ignore[attr-defined]


def _said(request: HttpRequest, brand: Brand, picked: list[int]) -> dict[str, object]:
    found = brand.review_links.select_related("person").annotate(picked=Count("chosen"))[:KEPT]
    shown = [
        {
            "link": link, "address": f"{settings.STUDIO.url}/r/{link.token}",
            "shows": _posts(link.picked) if link.picked else _filter(link),
            "answers": link.acts.count(),
        }
        for link in found
    ]  # fmt: skip
    return {
        "links": shown, "lives": LIVES, "days": DAYS, "kinds": KINDS,
        "choices": [(name, CHOICES[name]) for name in SHOWS],
        "picked": list(Draft.objects.filter(brand=brand, pk__in=picked).defer("search")),
    }  # fmt: skip


def _filter(link: ReviewLink) -> str:
    parts = [CHOICES[str(link.show)]]
    if link.kind:
        parts.append(f"{link.kind} only")
    if link.words:
        parts.append(f"with “{link.words}”")
    return ", ".join(parts)


def _posts(count: int) -> str:
    return f"{count} chosen post{'s' * (count != 1)}"


def _back(brand: Brand) -> HttpResponse:
    response = HttpResponseRedirect(f"/b/{brand.slug}/review-links")
    response.status_code = 303
    return response
