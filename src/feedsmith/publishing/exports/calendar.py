"""Calendar: the plan as iCalendar (RFC 5545, with names and refreshing of RFC 7986).

Times are in UTC, so no calendar needs our idea of a time zone. A post keeps its UID for ever: importing again, or
subscribing to the file, moves events instead of doubling them.
"""

import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import feedsmith
from feedsmith.errors import FeedsmithError
from feedsmith.files import write_text
from feedsmith.post import Brief
from feedsmith.publishing.exports.api import Delivered, Delivery
from feedsmith.publishing.outgoing import Outgoing

MINUTES = 15
"""How long an event is drawn."""
OCTETS = 75
"""A line has no more, without its end; RFC 5545, 3.1."""
_CONTROLS = re.compile("[\0-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")


class Calendar:
    """One .ics file: posts with a time, and what is planned and not yet made. A Publisher."""

    what = "a calendar file (iCalendar) of posts and plan, to import or subscribe to"
    suffix = ".ics"

    def publish(self, posts: Sequence[Outgoing], to: Delivery) -> Delivered:
        timed = [post for post in posts if post.at is not None]
        made = {_utc(post.at, to.brand.time_zone) for post in timed if post.at}
        planned = [brief for brief in to.planned
                   if brief.at and _utc(brief.at, to.brand.time_zone) not in made]  # fmt: skip
        if not timed and not planned:
            raise FeedsmithError(
                "no post has a time, so there is nothing for a calendar",
                mend="give posts a time in the studio, or make them from a plan (feedsmith plan)",
            )
        write_text(to.target, calendar(timed, planned, to))
        notes = []
        if without := len(posts) - len(timed):
            notes.append(f"{without} of the posts {'have' if without > 1 else 'has'} no time yet and "
                         f"{'are' if without > 1 else 'is'} not in it.")  # fmt: skip
        if planned:
            notes.append(
                f"{len(planned)} planned posts that are not made yet are in it as tentative."
            )
        return Delivered(len(timed), (to.target,), notes=tuple(notes))


def calendar(posts: Sequence[Outgoing], planned: Sequence[Brief], to: Delivery) -> str:
    """The whole file."""
    name = f"Instagram: {to.brand.name}"
    lines = [
        "BEGIN:VCALENDAR", "VERSION:2.0",
        f"PRODID:-//Feedsmith//Feedsmith {feedsmith.__version__}//EN", "CALSCALE:GREGORIAN",
        "METHOD:PUBLISH", f"NAME:{_text(name)}", f"X-WR-CALNAME:{_text(name)}",
        "REFRESH-INTERVAL;VALUE=DURATION:PT1H", "X-PUBLISHED-TTL:PT1H",
        *(line for post in posts for line in _event(post, to)),
        *(line for brief in planned for line in _tentative(brief, to)),
        "END:VCALENDAR",
    ]  # fmt: skip
    return "".join(f"{folded}\r\n" for line in lines for folded in _folded(line))


def _event(post: Outgoing, to: Delivery) -> Iterator[str]:
    assert post.at is not None
    tags = ",".join(_text(tag) for tag in post.hashtags[:10])
    notes = "\n\n".join(part for part in (post.text, *_alts(post)) if part)
    yield from (
        "BEGIN:VEVENT",
        f"UID:{_uid(post.id, to)}",
        f"DTSTAMP:{_stamp(to.now)}",
        f"DTSTART:{_stamp(_utc(post.at, to.brand.time_zone))}",
        f"DURATION:PT{MINUTES}M",
        f"SUMMARY:{_text(f'{(post.kind or post.form).capitalize()}: {post.title}')}",
        f"DESCRIPTION:{_text(notes)}",
        *([f"CATEGORIES:{tags}"] if tags else []),
        "STATUS:CONFIRMED",
        "TRANSP:TRANSPARENT",
        "END:VEVENT",
    )


def _alts(post: Outgoing) -> list[str]:
    texts = [part.alt_text.strip() for part in post.parts if part.alt_text.strip()]
    return ["Alt text: " + " / ".join(texts)] if texts else []


def _tentative(brief: Brief, to: Delivery) -> Iterator[str]:
    assert brief.at is not None
    at = _stamp(_utc(brief.at, to.brand.time_zone))
    about = brief.headline or brief.theme or brief.offer.line
    title = f"{brief.kind.capitalize()}: {about}" if about else brief.kind.capitalize()
    yield from (
        "BEGIN:VEVENT",
        f"UID:{_uid(f'plan-{brief.kind}-{at}', to)}",
        f"DTSTAMP:{_stamp(to.now)}",
        f"DTSTART:{at}",
        f"DURATION:PT{MINUTES}M",
        f"SUMMARY:{_text(title)} (planned)",
        "STATUS:TENTATIVE",
        "TRANSP:TRANSPARENT",
        "END:VEVENT",
    )


def _uid(post: str, to: Delivery) -> str:
    """RFC 7986 asks for nothing that tells of a machine or a person."""
    brand = re.sub(r"[^a-z0-9]+", "-", (to.brand.handle or to.brand.name).lower()).strip("-")
    return f"{re.sub(r'[^A-Za-z0-9_.-]+', '-', post)}@{brand or 'brand'}.feedsmith"


def _utc(at: datetime, zone: str) -> datetime:
    return (at if at.tzinfo else at.replace(tzinfo=ZoneInfo(zone))).astimezone(UTC)


def _stamp(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y%m%dT%H%M%SZ}"


def _text(said: str) -> str:
    """A TEXT value; RFC 5545, 3.3.11."""
    plain = _CONTROLS.sub("", said.replace("\r\n", "\n").replace("\r", "\n"))
    return plain.replace("\\", "\\\\").replace(";", "\\;").replace(",", "\\,").replace("\n", "\\n")


def _folded(line: str) -> Iterator[str]:
    """Lines of at most OCTETS bytes, cut between characters; all but the first begin with a blank."""
    part, size = "", 0
    for char in line:
        octets = len(char.encode())
        if size + octets > OCTETS:
            yield part
            part, size = " ", 1
        part += char
        size += octets
    yield part
