"""Whom the token acts for, their brands, and the photos of a brand's library."""

from typing import Annotated

from django.db.models import Count
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from ninja import Router
from pydantic import Field

from feedsmith.studio import models, shelf
from feedsmith.studio.api import cursor as cursors
from feedsmith.studio.api import shapes
from feedsmith.studio.api.operations import needs
from feedsmith.studio.api.shown import ROOT
from feedsmith.studio.pages import photos as thumbnails
from feedsmith.studio.templatetags.look import zone_of

router = Router(tags=["brands"])
ONE = "/brands/{slug:brand}"


@router.get("/me", **needs("read", None, shapes.Me))
def me(request: HttpRequest) -> shapes.Me:
    """Whom the token acts for, and what it may."""
    token = request.auth
    return shapes.Me(
        name=request.user.name, token=token.name, scopes=token.scopes, expires=token.expires
    )


@router.get("/brands", **needs("read", None, list[shapes.Brand]))
def list_brands(request: HttpRequest) -> list[shapes.Brand]:
    """The brands that the token's person is a member of."""
    rows = models.Membership.objects.filter(person=request.user).select_related("brand")
    return [_brand(row.brand, row.role) for row in rows.order_by("brand__added_at", "brand_id")]


@router.get(ONE, **needs("read", "reviewer", shapes.Brand))
def show_brand(request: HttpRequest, brand: str) -> shapes.Brand:
    """One brand."""
    return _brand(request.brand, request.role)


def _brand(brand: models.Brand, role: str) -> shapes.Brand:
    counts = dict(brand.drafts.values_list("state").annotate(Count("id")).order_by())
    return shapes.Brand(
        slug=brand.slug, name=brand.name, role=role, time_zone=str(zone_of(brand)), posts=counts
    )


@router.get(ONE + "/library/photos", **needs("read", "reviewer", shapes.Photos))
def list_photos(
    request: HttpRequest, brand: str, q: Annotated[shapes.Words, Field(max_length=200)] = "",
    cursor: cursors.Cursor = "", limit: shapes.Limit = shapes.PAGE,
) -> shapes.Photos:  # fmt: skip
    """The brand's own photos by id; `q` is looked for in their names."""
    words = q.lower().split()
    found = sorted(
        (p for p in shelf.known(request.brand.home.library).values() if all(w in p.name.lower() for w in words)),
        key=lambda photo: photo.id,
    )  # fmt: skip
    last = cursors.read(cursor, str)[0] if cursor else ""
    rest = [photo for photo in found if photo.id > last]
    return shapes.Photos(
        photos=[_photo(request.brand, photo) for photo in rest[:limit]], total=len(found),
        next=cursors.write(rest[limit - 1].id) if len(rest) > limit else None,
    )  # fmt: skip


@router.get(
    ONE + "/library/photos/{str:photo}/thumbnail",
    **needs("read", "reviewer", None, file="image/webp"),
)
def photo_thumbnail(
    request: HttpRequest, brand: str, photo: str, width: shapes.Width = "480"
) -> HttpResponseBase:
    """A small WebP of a photo."""
    return thumbnails.thumbnail(request.brand, width, photo)


def _photo(brand: models.Brand, photo: shelf.Item) -> shapes.Photo:
    return shapes.Photo(
        id=photo.id, name=photo.name, width=photo.width, height=photo.height,
        taken_at=None, credit=photo.credit, licence=photo.licence,
        thumbnail=f"{ROOT}/brands/{brand.slug}/library/photos/{photo.id}/thumbnail",
    )  # fmt: skip
