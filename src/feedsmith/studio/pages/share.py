"""Share: photos that a phone's gallery hands to the installed studio go into a library.

The phone's own share sheet knows no form token. It needs none: browsers mark a request that no page
made with Sec-Fetch-Site: none, which no page can send. Everything else here has its token.
"""

import secrets
from pathlib import PurePath

from django.core.files.uploadedfile import UploadedFile
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_http_methods

from feedsmith.errors import FeedsmithError
from feedsmith.studio import imports, states
from feedsmith.studio.models import Brand, Membership, Upload
from feedsmith.studio.models.uploads import SIZES
from feedsmith.studio.pages.access import for_share_sheets
from feedsmith.studio.pages.notices import say
from feedsmith.studio.pages.uploads import arrived_whole, to_library

PICTURES = {
    "image/jpeg": ".jpg", "image/png": ".png", "image/webp": ".webp", "image/heic": ".heic",
    "image/heif": ".heif", "image/avif": ".avif",
}  # fmt: skip
"""Kinds that the studio offers to take, and how such a file's name ends."""
AT_ONCE = 100
"""Photos of one share."""


@for_share_sheets
@require_http_methods(["GET", "HEAD", "POST"])
def share(request: HttpRequest) -> HttpResponse:
    """GET: a form. POST: photos `files` into the library of `brand`, or of the person's only one; where
    there are several, they wait, and the page asks which; it then sends their `key`s."""
    brands = _editable(request)
    by_slug = {brand.slug: brand for brand in brands}
    if request.method != "POST" or not brands:
        status = 200 if request.method != "POST" else 422
        return _page(request, brands, status)
    chosen = by_slug.get(request.POST.get("brand", "")) or (brands[0] if len(brands) == 1 else None)
    refused: list[FeedsmithError] = []
    uploads = _waiting(request, brands)
    for file in request.FILES.getlist("files")[:AT_ONCE]:
        file.name = _named(file)
        try:
            # Each is a file of its own: galleries call all of them image.jpg.
            mark = f"shared {secrets.token_urlsafe(9)}"
            uploads.append(arrived_whole(request, chosen or brands[0], file, mark))
        except FeedsmithError as error:
            refused.append(error)
    if not uploads:
        problems = refused or [FeedsmithError("no photo came along", mend="choose some here")]
        return _page(request, brands, 422, problems=problems)
    if chosen is None:
        return _page(request, brands, 200, uploads=uploads, problems=refused)
    Upload.objects.filter(pk__in=[u.pk for u in uploads]).update(brand=chosen)
    imports.begin(chosen, request.user, uploads)
    count = len(uploads)
    say(request, f"{count} photo{'s' * (count != 1)} arrived and will be taken in.")
    for no in refused[:2]:
        say(request, f"Not taken: {no.message}.")
    return to_library(chosen)


def _editable(request: HttpRequest) -> list[Brand]:
    """The brands into whose library this person may put something."""
    roles = Membership.objects.filter(person=request.user.pk).select_related("brand")
    return [m.brand for m in roles.order_by("brand") if states.at_least(m.role, "editor")]


def _waiting(request: HttpRequest, brands: list[Brand]) -> list[Upload]:
    """What this person sent a moment ago and now chooses a brand for."""
    keys = request.POST.getlist("key")[:AT_ONCE]
    own = Upload.objects.filter(person=request.user, brand__in=brands, job=None, key__in=keys)
    return [upload for upload in own if upload.whole]


def _named(file: UploadedFile) -> str:
    """The file's name with an end that says what it is; galleries leave it off now and then."""
    name = file.name or "photo"
    known = PurePath(name).suffix.lower() in SIZES
    return name if known else name + PICTURES.get((file.content_type or "").lower(), "")


def _page(request: HttpRequest, brands: list[Brand], status: int, **more: object) -> HttpResponse:
    said = {"targets": brands, "accepts": ",".join(PICTURES), **more}
    return render(request, "studio/share.html", said, status=status)
