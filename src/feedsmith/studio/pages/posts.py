"""The posts of a brand: the grid, as the profile will look."""

from django.core.paginator import Paginator
from django.db.models import Count
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from feedsmith.studio import states
from feedsmith.studio.models import Brand, Draft
from feedsmith.studio.models.drafts import search
from feedsmith.studio.pages.access import for_members

A_PAGE = 60
"""Posts on one page: twenty rows of three."""


@for_members("reviewer")
@require_safe
def posts(request: HttpRequest, brand: Brand) -> HttpResponse:
    """?state= and ?q= choose, ?page= turns."""
    state, words = request.GET.get("state", ""), request.GET.get("q", "")[:200]
    drafts = Draft.objects.filter(brand=brand)
    counts = dict(drafts.values_list("state").annotate(Count("id")).order_by())
    if state in states.STATES:
        drafts = drafts.filter(state=state)
    else:
        drafts = drafts.exclude(state="archived")
    if words.strip():
        drafts = search(drafts, words)
    page = Paginator(drafts.defer("search"), A_PAGE).get_page(request.GET.get("page"))
    said = {
        "page": page, "state": state, "q": words,
        "states": [(name, states.IN_WORDS[name], counts.get(name, 0)) for name in states.STATES],
        "all": sum(n for name, n in counts.items() if name != "archived"),
    }  # fmt: skip
    return render(request, "studio/posts.html", said)
