"""Whom the token acts for, their brands, and how these are set up."""

from django.db.models import Count
from django.http import HttpRequest
from ninja import Router

from feedsmith.studio import models
from feedsmith.studio.api import shapes
from feedsmith.studio.api.operations import needs
from feedsmith.studio.pages.settings import captions_by, pictures_by, typefaces
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


@router.get(ONE + "/settings", **needs("read", "reviewer", shapes.Settings))
def show_settings(request: HttpRequest, brand: str) -> shapes.Settings:
    """What brand.toml says: voice, hashtags, look, time, models. The file is changed by hand, or by
    `feedsmith brand`."""
    file = request.brand.file
    same = ("name", "handle", "niche", "default_credit", "voice", "language", "address", "emoji_max",
            "time_zone", "country")  # fmt: skip
    lists = ("subjects", "voice_examples", "banned_words")
    look, tags = file.palette, file.hashtags
    return shapes.Settings(
        **{name: getattr(file, name) for name in same},
        **{name: list(getattr(file, name)) for name in lists},
        hashtags=shapes.HashtagRules(
            limit=tags.limit, always=list(tags.always), banned=list(tags.banned)
        ),
        look=shapes.Look(
            paper=look.paper, ink=look.ink, accent=look.accent, accent_2=look.accent_2,
            typefaces=typefaces(file),
        ),
        captions=captions_by(file), pictures=pictures_by(file),
    )  # fmt: skip
