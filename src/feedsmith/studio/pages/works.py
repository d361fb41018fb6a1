"""What works: the report on the brand's own posts, as the worker made it last, and the figures themselves.

The page shows what was written down (learning.findings.FILE); nothing is computed while it is asked for.
"""

import math
from dataclasses import dataclass
from datetime import UTC, date, datetime

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.views.decorators.http import require_POST, require_safe
from pydantic import ValidationError

from feedsmith.learning import findings
from feedsmith.learning.findings import LEVEL_MIN, Level, Works
from feedsmith.outcomes import NAME
from feedsmith.studio import accounts, queue
from feedsmith.studio.models import Brand, Draft, Job, Look
from feedsmith.studio.models.jobs import ACTIVE
from feedsmith.studio.models.looks import coming, of_post
from feedsmith.studio.pages.access import for_members
from feedsmith.studio.pages.notices import say
from feedsmith.studio.templatetags.look import at, kind_words

LATEST = 12
"""Posts whose figures are listed."""
LEANS = 30
"""Posts with figures from which choices may lean on them (learning.bandit.POSTS_MIN)."""
TIMES = (1.5, 2.0, 3.0, 5.0)
"""What a plot may reach to, as times the average: the smallest that holds all ranges of the report."""
COUNTS = (
    ("reach", "Reached"), ("likes", "Likes"), ("comments", "Comments"), ("saves", "Saves"), ("shares", "Shares"),
)  # fmt: skip


@dataclass(frozen=True)
class Row:
    """One kind, theme, layout ..., as the page draws it."""

    level: Level
    name: str
    low: float
    """Where the range begins on the plot, per cent; `wide`: how far it goes."""
    wide: float
    middle: float
    effect: str
    ranged: str


@for_members("reviewer")
@require_safe
def works(request: HttpRequest, brand: Brand) -> HttpResponse:
    """The report, and the figures it is made of."""
    told, made_at = report_of(brand)
    studying = Job.objects.filter(brand=brand, kind="study", state__in=ACTIVE).first()
    known = accounts.connected(brand)
    latest = figures_of(brand)
    waiting = coming(brand)
    following = waiting.first()
    return render(request, "studio/works.html", {
        "told": told, "made_at": made_at, "studying": studying,
        "failed": None if studying else _failed(brand),
        "lead": findings.lead(told) if told is not None else "",
        **(_shown(told) if told is not None else {}),
        "left_out": sum(told.left_out.values()) if told is not None else 0,
        "troubles": [k for k in known if k.trouble], "connected": bool(known),
        "owner": request.role == "owner",
        "following": following, "held_up": _held_up(following), "latest": latest, "counts": COUNTS,
        "any": bool(latest) or (brand.home.root / NAME).exists(),
        "learning": brand.file.learning, "leans": LEANS, "level_min": LEVEL_MIN,
        "one_in": round(1 / brand.file.learning.explore), "folder": str(brand.home.root.name),
        "accounts_at": f"/b/{brand.slug}/accounts", "calendar_at": f"/b/{brand.slug}/calendar",
        "first_words": f"They are read {at(following.begins_at, brand)}." if following else "",
    })  # fmt: skip


@for_members("editor")
@require_POST
def again(request: HttpRequest, brand: Brand) -> HttpResponse:
    """Ask for the report anew."""
    queue.study(brand, request.user)
    say(request, "It is looked at again. This takes a few seconds.")
    return HttpResponseRedirect(f"/b/{brand.slug}/works")


def report_of(brand: Brand) -> tuple[Works | None, datetime | None]:
    """The last report and when it was made; (None, None) where there is none that can be read."""
    path = brand.home.root / findings.FILE
    try:
        made_at = datetime.fromtimestamp(path.stat().st_mtime, UTC)
        return Works.model_validate_json(path.read_bytes()), made_at
    except (OSError, ValidationError):
        return None, None


def figures_of(brand: Brand) -> list[dict[str, object]]:
    """The newest posts with figures, and the last of these for each."""
    seen: dict[int, dict[str, object]] = {}
    rows = Look.objects.filter(draft__brand=brand, step__in=("fresh", "read"))
    for look in rows.select_related("draft").order_by("-read_at")[: 10 * LATEST]:
        if look.draft_id not in seen:
            seen[look.draft_id] = {"draft": look.draft, "age": age(look.hours), **of_look(look)}
    return list(seen.values())[:LATEST]


def ages_of(draft: Draft) -> list[dict[str, object]]:
    """What was counted of a post at each age, the latest first."""
    read = [look for look in of_post(draft) if look.step in ("fresh", "read")]
    return [{"age": age(look.hours), **of_look(look)} for look in reversed(read)]


def of_look(look: Look) -> dict[str, object]:
    """What was read, by name; None for what Instagram did not tell."""
    reading = (look.figures or {}).get("reading", {})
    return {
        "figures": [(words, reading.get(name)) for name, words in COUNTS],
        "read_at": look.read_at, "said": look.said,
    }  # fmt: skip


def age(hours: int) -> str:
    """How old a post was: "1 hour", "3 days"."""
    number, unit = (hours, "hour") if hours < 24 else (hours // 24, "day")
    return f"{number} {unit}{'s' * (number != 1)}"


def _shown(told: Works) -> dict[str, object]:
    """The dimensions as they are drawn, all on one scale; those that say something first."""
    ranges = [level for d in told.dimensions for level in d.levels if not level.few]
    far = max((max(1 + x.high, 1 / max(0.01, 1 + x.low)) for x in ranges), default=0.0)
    times = next((t for t in TIMES if t >= far), TIMES[-1])
    span = math.log(times)
    rows = [
        {
            "title": d.title, "said": d.said, "tells": any(x.verdict for x in d.levels),
            "rows": [_row(d.name, level, span) for level in d.levels if not level.few],
            "few": [f"{_name(d.name, x.name)} ({x.posts})" for x in d.levels if x.few],
        }
        for d in told.dimensions
    ]  # fmt: skip
    return {
        "dimensions": sorted(rows, key=lambda row: not row["tells"]),
        "ends": (findings.signed(1 / times - 1), findings.signed(times - 1)),
        "first": _day(told.first), "last": _day(told.last),
    }  # fmt: skip


def _day(written: str) -> str:
    """ "5 Jan 2026"."""
    day = date.fromisoformat(written) if written else None
    return f"{day.day} {day:%b %Y}" if day is not None else ""


def _row(dimension: str, level: Level, span: float) -> Row:
    low, middle, high = (findings.place(x, span) for x in (level.low, level.effect, level.high))
    return Row(
        level, _name(dimension, level.name), round(low, 1), round(max(0.8, high - low), 1),
        round(middle - 0.3, 1), findings.signed(level.effect), findings.ranged(level),
    )  # fmt: skip


def _name(dimension: str, name: str) -> str:
    if dimension == "kind":
        return kind_words(name)
    return f"#{name}" if dimension == "hashtag" else name[:1].upper() + name[1:]


def _failed(brand: Brand) -> Job | None:
    """The last study, where it failed."""
    last = Job.objects.filter(brand=brand, kind="study").order_by("-pk").first()
    return last if last is not None and last.state == "failed" else None


def _held_up(look: Look | None) -> str:
    """Why the next figures are late; '' where they are not."""
    return str(look.said) if look is not None and look.begins_at > look.due else ""
