"""Small parts of the studio's pages: an icon, a state, a time in the brand's zone."""

from datetime import datetime, tzinfo
from functools import cache, lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from django import template
from django.urls import Resolver404, resolve
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from feedsmith.errors import FeedsmithError
from feedsmith.studio import states
from feedsmith.studio.pages import assets

register = template.Library()

KINDS = {"gif": "Loop"}
"""Kinds of posts whose name on a page is not their own."""
SECTIONS = (
    ("create", "Create", "editor"),
    ("posts", "Posts", "reviewer"),
    ("calendar", "Calendar", "reviewer"),
    ("library", "Library", "reviewer"),
    ("works", "What works", "reviewer"),
)
"""A brand's pages in its masthead: address, words, role from which on a person sees it."""


@register.simple_tag
@lru_cache(maxsize=256)
def icon(name: str, label: str = "") -> SafeString:
    """A sign of icons.svg in the colour of the text around it; read aloud only with a label."""
    address = assets.address("icons.svg")
    if label:
        return format_html(
            '<svg class="icon" role="img" aria-label="{}"><use href="{}#{}"/></svg>',
            label, address, name,
        )  # fmt: skip
    return format_html(
        '<svg class="icon" aria-hidden="true"><use href="{}#{}"/></svg>', address, name
    )


@register.filter
def state_words(state: str) -> str:
    """ "In review" for "review"."""
    return states.IN_WORDS.get(state, state)  # type: ignore[call-overload]


@register.simple_tag
def state(name: str) -> SafeString:
    """The sign and the words of a post's state."""
    return format_html('<span class="state {}">{}{}</span>', name, icon(name), state_words(name))


@register.simple_tag
def stand(draft: Any) -> SafeString:
    """The sign and the words of where a post stands: its state, or what it needs somebody for."""
    if not draft.asks:
        return state(draft.state)
    return format_html(
        '<span class="state failed needs">{}{}</span>', icon("warn"), draft.stands_in_words
    )


@register.filter
def kind_words(kind: str) -> str:
    """What a kind of post is called on a page."""
    return KINDS.get(kind, kind.capitalize())


PLURAL = {"story": "stories"}
REWORKS = {"rework": "A change", "words": "Other words", "layouts": "Templates to choose from"}
"""Jobs about one finished post."""


@register.filter
def job_title(job: Any) -> str:
    """What a job makes: "7 posts", "2 stories about autumn"."""
    if job.kind == "plan":
        return f"The plan {job.args.get('name', '')}".strip()
    if job.kind == "import":
        files = len(job.args.get("uploads", ()))
        return f"{files} file{'s' * (files != 1)} into the library"
    if job.kind == "study":
        return "Looks at what works"
    if job.kind == "cutout":
        return "A cut-out to look at"
    if job.kind in REWORKS:
        return f"{REWORKS[job.kind]} for a {kind_words(job.args.get('kind') or 'post').lower()}"
    if job.kind != "generate":
        return str(job.kind).replace("_", " ").capitalize()
    one = kind_words(job.args.get("kind") or "post").lower()
    what = one if job.total == 1 else PLURAL.get(one, f"{one}s")
    theme = job.args.get("theme")
    return f"{job.total} {what}" + (f" about {theme}" if theme else "")


@register.filter
def initial(name: str) -> str:
    """The first letter or digit of a name, for its circle."""
    return next((c for c in name if c.isalnum()), "•").upper()


@register.filter
def at(moment: datetime | None, brand: Any) -> str:
    """When something is planned, in the brand's time zone: "Fri 4 Dec, 18:30"."""
    if moment is None:
        return ""
    local = moment.astimezone(zone_of(brand))
    return f"{local:%a} {local.day} {local:%b}, {local:%H:%M}"


@register.filter
def clock(moment: datetime | None, brand: Any) -> str:
    """The time of day of something planned, in the brand's time zone: "18:30"."""
    return f"{moment.astimezone(zone_of(brand)):%H:%M}" if moment is not None else ""


@register.filter
def ago(moment: datetime | None, brand: Any = None) -> str:
    """When something happened: "today, 09:12", "yesterday, 09:12", "24 Nov", "24 Nov 2025"."""
    if moment is None:
        return ""
    local, now = moment.astimezone(zone_of(brand)), timezone.now().astimezone(zone_of(brand))
    days = (now.date() - local.date()).days
    if days in (0, 1):
        return f"{('today', 'yesterday')[days]}, {local:%H:%M}"
    return f"{local.day} {local:%b}" + (f" {local.year}" if local.year != now.year else "")


def zone_of(brand: Any) -> tzinfo:
    """The brand's time zone; UTC without a brand, or where its brand.toml cannot be read."""
    try:
        return ZoneInfo(brand.file.time_zone) if brand else ZoneInfo("UTC")
    except FeedsmithError:
        return ZoneInfo("UTC")


@register.simple_tag(takes_context=True)
def sections(context: dict[str, Any]) -> list[tuple[str, str, bool]]:
    """Name, words and whether it is this one, of the brand's pages that this person may see."""
    path = context["request"].path
    return [
        (name, words, path.startswith(f"/b/{context['brand'].slug}/{name}"))
        for name, words, role in SECTIONS
        if states.at_least(context.get("role", ""), role) and there(f"/b/x/{name}")
    ]


@register.simple_tag
@cache
def there(address: str) -> bool:
    """Whether the studio has a page at this address."""
    try:
        resolve(address)
    except Resolver404:
        return False
    return True
