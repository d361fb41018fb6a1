"""Tags of the studio's templates."""

from collections.abc import Mapping
from typing import Any

from django import template

from feedsmith.studio.pages import assets

register = template.Library()


@register.simple_tag
def asset(name: str) -> str:
    """The address of a file of static/studio."""
    return assets.address(name)


@register.simple_tag(takes_context=True)
def thumb(
    context: Mapping[str, Any], brand: str, folder: str, medium: dict[str, object], width: int
) -> str:
    """The address of a medium's thumbnail: of a film, its still. On a page without a login it lies
    under that page's own address (`files_under`)."""
    if not isinstance(medium, dict):  # a post whose post.json was emptied
        return ""
    root = context.get("files_under", "")
    return f"{root}/thumb/{brand}/{width}/{folder}/{medium.get('cover') or medium['file']}"


@register.simple_tag(takes_context=True)
def medium(context: Mapping[str, Any], brand: str, folder: str, file: str) -> str:
    return f"{context.get('files_under', '')}/media/{brand}/{folder}/{file}"


@register.filter
def duration(seconds: float | None) -> str:
    """Time left, as people say it: "about 2 minutes"."""
    if seconds is None:
        return ""
    if seconds < 10:
        return "a few seconds"
    if seconds < 50:
        return f"about {round(seconds / 10) * 10} seconds"
    minutes = round(seconds / 60)
    return "about a minute" if minutes <= 1 else f"about {minutes} minutes"
