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
