"""Photos of the library for pages: small ones, by their id. Nothing of a request becomes a path."""

import json
from functools import lru_cache
from pathlib import Path

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from pydantic import ValidationError

from feedsmith.post import Photo
from feedsmith.studio.models import Brand
from feedsmith.studio.pages.access import for_members
from feedsmith.studio.pages.media import WIDTHS, small


@for_members("reviewer")
def photo(request: HttpRequest, brand: Brand, width: str, photo_id: str) -> HttpResponse:
    """A small WebP of a photo of the library."""
    found = known(brand).get(photo_id)
    if found is None or int(width) not in WIDTHS:
        raise Http404
    path = brand.home.library / found.file
    if not path.resolve().is_relative_to(brand.home.library.resolve()) or not path.is_file():
        raise Http404
    kept = settings.STUDIO.thumbnails / brand.slug / "library" / f"{found.id}-{width}.webp"
    return small(path, kept, int(width))


def known(brand: Brand) -> dict[str, Photo]:
    """Id -> photo, of the brand's library; empty where there is none.

    Reads photos.jsonl itself: feedsmith.library brings numpy and the importers, 40 MB that a page
    which shows one photo does not need.
    """
    file = brand.home.library / "photos.jsonl"
    try:
        stat = file.stat()
    except OSError:
        return {}
    return _read(file, stat.st_mtime_ns, stat.st_size)


@lru_cache(maxsize=1)
def _read(file: Path, changed: int, size: int) -> dict[str, Photo]:
    photos = {}
    for line in file.read_text("utf-8").splitlines():
        try:
            found = Photo.model_validate(json.loads(line))
        except (ValueError, ValidationError):
            continue  # a damaged line is the library's to tell, at the next import
        photos[found.id] = found
    return photos


def words_of(photo: Photo) -> str:
    """What a photo may be called where nobody said what it shows: its file's name, in words."""
    stem = Path(photo.name).stem.replace("-", " ").replace("_", " ").strip()
    return stem or "A photo of the library"
