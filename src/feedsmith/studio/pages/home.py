"""Home: the brands of a person."""

from django.db.models import Count, Q
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.views.decorators.http import require_safe

from feedsmith.studio.models import Brand, Draft
from feedsmith.studio.pages.access import for_members, for_people

STRIP = 5
"""Newest pictures of each brand."""


@for_people
@require_safe
def home(request: HttpRequest) -> HttpResponse:
    shown = Brand.objects.filter(memberships__person=request.user).annotate(
        posts=Count("drafts", filter=~Q(drafts__state="archived"), distinct=True),
        in_review=Count("drafts", filter=Q(drafts__state="review"), distinct=True),
        asking=Count("drafts", filter=~Q(drafts__asks=""), distinct=True),
    )
    for b in shown:
        newest = Draft.objects.filter(brand=b).exclude(state="archived").exclude(kind="story")
        b.strip = list(newest.only("folder", "media", "brand")[:STRIP])
        b.empty = range(STRIP - len(b.strip))
    return render(request, "studio/home.html", {"shown": shown})


@for_members("reviewer")
@require_safe
def brand(request: HttpRequest, brand: Brand) -> HttpResponse:
    return HttpResponseRedirect(f"/b/{brand.slug}/posts")
