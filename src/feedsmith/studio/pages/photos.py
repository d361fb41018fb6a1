"""Photos of the library for pages: small ones, by their id. Nothing of a request becomes a path."""

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from feedsmith.studio import shelf
from feedsmith.studio.models import Brand
from feedsmith.studio.pages.access import for_members
from feedsmith.studio.pages.media import WIDTHS, small


@for_members("reviewer")
@require_safe
def photo(request: HttpRequest, brand: Brand, width: str, photo_id: str) -> HttpResponse:
    """A small WebP of a photo of the library."""
    return thumbnail(brand, width, photo_id)


def thumbnail(brand: Brand, width: str, photo_id: str) -> HttpResponse:
    """The same for somebody who was let in already."""
    library = brand.home.library
    found = shelf.known(library).get(photo_id)
    if found is None or int(width) not in WIDTHS:
        raise Http404
    path = library / found.file
    if not path.resolve().is_relative_to(library.resolve()) or not path.is_file():
        raise Http404
    kept = settings.STUDIO.thumbnails / brand.slug / "library" / f"{found.id}-{width}.webp"
    return small(path, kept, int(width))
