"""One post: its media, its words, where it stands."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_safe

from feedsmith.studio.models import Brand, Draft
from feedsmith.studio.pages.access import for_members


def of_brand(brand: Brand, number: int) -> Draft:
    """A draft of this brand. Raises Http404 for one of another."""
    return get_object_or_404(Draft.objects.select_related("brand"), brand=brand, pk=number)


@for_members("reviewer")
@require_safe
def post(request: HttpRequest, brand: Brand, number: int) -> HttpResponse:
    draft = of_brand(brand, number)
    media = [
        {**medium, "alt_text": alt}
        for medium, alt in zip(draft.media, draft.alt_text, strict=False)
    ]
    said = {
        "draft": draft, "made": draft.post, "media": media, "steps": draft.steps(request.role),
        "comments": draft.comments.select_related("person"), "events": draft.events.select_related("person")[:50],
    }  # fmt: skip
    return render(request, "studio/post.html", said)
