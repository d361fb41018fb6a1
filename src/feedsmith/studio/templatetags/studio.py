"""Tags of the studio's templates."""

from django import template

from feedsmith.studio.pages import assets

register = template.Library()


@register.simple_tag
def asset(name: str) -> str:
    """The address of a file of static/studio."""
    return assets.address(name)


@register.simple_tag
def thumb(brand: str, folder: str, medium: dict[str, object], width: int) -> str:
    """The address of a medium's thumbnail: of a film, its still."""
    return f"/thumb/{brand}/{width}/{folder}/{medium.get('cover') or medium['file']}"


@register.simple_tag
def medium(brand: str, folder: str, file: str) -> str:
    return f"/media/{brand}/{folder}/{file}"
