"""The library: its photos, what they are chosen by, their marks, keywords and cut-outs; files that go
into it.
"""

from typing import Annotated, Literal

from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404
from ninja import Query, Router, Status

from feedsmith import marks
from feedsmith.post import Value
from feedsmith.studio import imports, marking, shelf
from feedsmith.studio.api import cursor as cursors
from feedsmith.studio.api import shapes, shown
from feedsmith.studio.api.operations import made, needs
from feedsmith.studio.asked import MOST
from feedsmith.studio.models import Upload
from feedsmith.studio.models.uploads import PIECE
from feedsmith.studio.pages import cutouts, photos

router = Router(tags=["library"])
LIBRARY = "/brands/{slug:brand}/library"
PHOTO = LIBRARY + "/photos/{str:photo}"
UPLOADS = LIBRARY + "/uploads"
UPLOAD = UPLOADS + "/{str:key}"


class Chosen(Value):
    """What photos are chosen by; those that are like all of it."""

    theme: shapes.Facet = ""
    """What they show, as /library/facets says it."""
    colour: shapes.Facet = ""
    """A family of colours."""
    date: shapes.Facet = ""
    """ "2026" or "2026-11"; "none" for photos without a date."""
    source: shapes.Facet = ""
    """Where they came from."""
    mark: Literal["", "favourite", "never"] = ""
    """Favourites, or those that are never used."""
    q: shapes.Facet = ""
    """Words that all must appear in keywords, name, caption or credit."""


# ---- photos --------------------------------------------------------------------------------------


@router.get(LIBRARY + "/photos", **needs("read", "reviewer", shapes.Photos))
def list_photos(
    request: HttpRequest, brand: str, chosen: Annotated[Chosen, Query()],
    cursor: cursors.Cursor = "", limit: shapes.Limit = shapes.PAGE,
) -> shapes.Photos:  # fmt: skip
    """The brand's own photos, by id."""
    found = sorted(_chosen(request, chosen), key=lambda item: item.id)
    last = cursors.read(cursor, str)[0] if cursor else ""
    rest = [item for item in found if item.id > last]
    return shapes.Photos(
        photos=[shown.photo(request.brand, item) for item in rest[:limit]], total=len(found),
        next=cursors.write(rest[limit - 1].id) if len(rest) > limit else None,
    )  # fmt: skip


@router.get(LIBRARY + "/facets", **needs("read", "reviewer", shapes.Facets))
def facets(request: HttpRequest, brand: str, chosen: Annotated[Chosen, Query()]) -> shapes.Facets:
    """What the chosen photos show, their colours, years, sources and marks, with how many of each."""
    counted = shelf.facets(_chosen(request, chosen), _asked(chosen))
    return shapes.Facets(
        **{
            name: [shapes.Count(value=value, photos=count) for value, count in values]
            for name, values in counted.items()
        }
    )


@router.get(PHOTO, **needs("read", "reviewer", shapes.Photo))
def show_photo(request: HttpRequest, brand: str, photo: str) -> shapes.Photo:
    """One photo."""
    return shown.photo(request.brand, _photo(request, photo))


@router.get(PHOTO + "/thumbnail", **needs("read", "reviewer", None, file="image/webp"))
def photo_thumbnail(
    request: HttpRequest, brand: str, photo: str, width: shapes.Width = "480"
) -> HttpResponseBase:
    """A small WebP of a photo."""
    return photos.thumbnail(request.brand, width, photo)


@router.patch(PHOTO, **needs("library", "editor", shapes.Photo))
def mark_photo(
    request: HttpRequest, brand: str, photo: str, wanted: shapes.Marking
) -> shapes.Photo:
    """Mark it as a favourite or as never to be used, or correct what it shows."""
    _photo(request, photo)
    changes = wanted.model_dump(include=wanted.model_fields_set)
    if wanted.keywords is not None:
        changes["keywords"] = marks.keywords(",".join(wanted.keywords))
    marking.change(request.brand, photo, request.user, **changes)
    return shown.photo(request.brand, _photo(request, photo))


def _chosen(request: HttpRequest, chosen: Chosen) -> list[shelf.Item]:
    return shelf.chosen(shelf.items(request.brand.home.library), _asked(chosen))


def _asked(chosen: Chosen) -> shelf.Asked:
    return shelf.Asked(**chosen.model_dump())


def _photo(request: HttpRequest, photo: str) -> shelf.Item:
    found = shelf.item(request.brand.home.library, photo)
    if found is None:
        raise Http404
    return found


# ---- cut-outs ------------------------------------------------------------------------------------


@router.get(PHOTO + "/cutout", **needs("read", "editor", shapes.Cutout))
def show_cutout(request: HttpRequest, brand: str, photo: str) -> shapes.Cutout:
    """The cut-out of a photo: its corrections, the newest job that cuts it, and where it is."""
    return _cutout(request, photo)


@router.put(PHOTO + "/cutout", **needs("library", "editor", shapes.Cutout))
def correct_cutout(
    request: HttpRequest, brand: str, photo: str, wanted: shapes.Clicks
) -> shapes.Cutout:
    """Have the subject cut out, with these corrections; without any, as it is found. Product posts keep
    to them. The worker cuts: ask for the cut-out until its job is done."""
    item = _photo(request, photo)
    clicks = tuple((round(c.x, 4), round(c.y, 4), c.inside) for c in wanted.clicks)
    if clicks != item.mark.clicks:
        marks.change(request.brand.home.library, [item.id], clicks=clicks)
    cutouts.ask(request.brand, request.user, item.id)
    return _cutout(request, photo)


@router.get(PHOTO + "/cutout/picture", **needs("read", "reviewer", None, file="image/webp"))
def cutout_picture(request: HttpRequest, brand: str, photo: str) -> HttpResponse:
    """The cut-out: a WebP with transparency."""
    return cutouts.cut(request.brand, _photo(request, photo).id)


def _cutout(request: HttpRequest, photo: str) -> shapes.Cutout:
    item = _photo(request, photo)
    job = cutouts.jobs_of(request.brand, item.id).order_by("-pk").first()
    there = cutouts.file_of(request.brand, item.id).is_file()
    return shapes.Cutout(
        clicks=[shapes.Click(x=x, y=y, inside=inside) for x, y, inside in item.mark.clicks],
        job=shown.job(job) if job is not None else None,
        picture=f"{shown.photo_at(request.brand, item.id)}/cutout/picture" if there else None,
    )  # fmt: skip


# ---- files on their way --------------------------------------------------------------------------


@router.get(UPLOADS, **needs("library", "editor", list[shapes.Upload]))
def list_uploads(request: HttpRequest, brand: str) -> list[shapes.Upload]:
    """Files of the token's person that are on their way, or wait to be imported."""
    rows = Upload.objects.filter(brand=request.brand, person=request.user, job=None)
    return [_upload(row) for row in rows]


@router.post(UPLOADS, **needs("library", "editor", shapes.Upload, status=201))
def begin_upload(request: HttpRequest, brand: str, new: shapes.NewUpload) -> Status:
    """Announce a file: an Instagram zip, a photo (JPEG, PNG, WebP, HEIC, AVIF), a CSV, TSV or JSONL. Of
    one that was broken off (same name, size and mark) it says how much is here."""
    row = Upload.begin(request.brand, request.user, new.name, new.size, new.mark)
    return made(_upload(row))


@router.get(UPLOAD, **needs("library", "editor", shapes.Upload))
def show_upload(request: HttpRequest, brand: str, key: str) -> shapes.Upload:
    """How much of a file is here."""
    return _upload(_own(request, key))


@router.patch(
    UPLOAD,
    **needs(
        "library", "editor", shapes.Upload, conflict=shapes.Missed, takes="application/octet-stream"
    ),
)
def add_piece(
    request: HttpRequest, brand: str, key: str,
    start: Annotated[int, Query(ge=0, le=MOST, description="Byte of the file that this piece begins at.")],
) -> shapes.Upload:  # fmt: skip
    """The bytes of the file from `start` on, at most a `piece` of them, as the body. Where they do not
    join on to what is here, 409 says where to go on (`have`)."""
    row = _own(request, key)
    row.add(start, request)
    return _upload(row)


@router.delete(UPLOAD, **needs("library", "editor", None, status=204))
def drop_upload(request: HttpRequest, brand: str, key: str) -> Status:
    """Forget a file that is on its way, with what is here of it."""
    _own(request, key).drop()
    return Status(204, None)


@router.post(LIBRARY + "/imports", **needs("library", "editor", shapes.Job, status=201))
def begin_import(request: HttpRequest, brand: str, wanted: shapes.NewImport) -> Status:
    """Import files that are here as a whole, together: a job, whose `report` says what came of it."""
    uploads = imports.whole(request.brand, wanted.uploads)
    return made(shown.job(imports.begin(request.brand, request.user, uploads)))


def _own(request: HttpRequest, key: str) -> Upload:
    """Somebody's own upload into this brand, not imported yet; nobody else goes on with it."""
    return get_object_or_404(Upload, brand=request.brand, key=key, person=request.user, job=None)


def _upload(row: Upload) -> shapes.Upload:
    return shapes.Upload(key=row.key, name=row.name, size=row.size, have=row.have, piece=PIECE)
