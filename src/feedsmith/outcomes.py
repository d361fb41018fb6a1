"""Outcomes: posts that went out, and what was counted of them as time went by.

    mybrand/insights.jsonl    {"published": Published} or {"reading": Reading} a line

Lines are only ever added: a post that was changed is told again, and its last telling holds. Knows
values and one file; asks no network and draws no conclusions.
"""

import json
import math
import threading
from collections.abc import Iterable
from datetime import datetime, tzinfo
from pathlib import Path
from typing import Annotated, NamedTuple

from pydantic import AwareDatetime, Field, ValidationError

from feedsmith.errors import FeedsmithError
from feedsmith.files import append, held
from feedsmith.post import PastPost, Post, Value

NAME = "insights.jsonl"
FILE_BYTES_MAX = 256 * 2**20
LINE_BYTES_MAX = 64 * 2**10
_HERE = threading.Lock()

Count = Annotated[int, Field(ge=0, le=10**12)]
Name = Annotated[str, Field(max_length=200)]
COUNTS = ("reach", "likes", "comments", "saves", "shares")
"""Fields of a reading that are counted."""


class Published(Value):
    """A post that went out: what it was, and when."""

    post: Annotated[str, Field(min_length=1, max_length=200)]
    """Id of the generated post, or of the library's past post."""
    account: Name = ""
    """Where it went out: a user name, or Instagram's id of the account."""
    at: AwareDatetime
    """When; its hour is that of its own zone, so give it in the brand's."""
    kind: Annotated[str, Field(min_length=1, max_length=40)]
    """One of post.KINDS, or the kind of a past post (video, archived)."""
    theme: Name = ""
    template: Name = ""
    """Layout of its first picture; '' for a bare one."""
    scheme: Name = ""
    format: Name = ""
    hashtags: tuple[Name, ...] = ()
    """Without '#'."""
    caption_length: Count = 0
    """Characters, without hashtags."""
    words: Count = 0
    """Of the caption, without hashtags."""
    followers: Count | None = None
    """Of the account at that time, where it is known."""

    @property
    def hour(self) -> int:
        return self.at.hour

    @property
    def weekday(self) -> int:
        """Monday is 0."""
        return self.at.weekday()


class Reading(Value):
    """What was counted of a post at one moment; None for what was not told."""

    post: Annotated[str, Field(min_length=1, max_length=200)]
    account: Name = ""
    at: AwareDatetime
    reach: Count | None = None
    """Accounts that saw it, each once."""
    likes: Count | None = None
    comments: Count | None = None
    saves: Count | None = None
    shares: Count | None = None


class Outcome(Value):
    """A post that went out with all readings of it, the oldest first."""

    published: Published
    readings: tuple[Reading, ...] = ()

    @property
    def oldest_age(self) -> float:
        """Hours from going out to the last reading; 0 without one."""
        return self._age(self.readings[-1]) if self.readings else 0.0

    def at_age(self, hours: float) -> dict[str, float] | None:
        """What was counted when the post was `hours` old: name in COUNTS -> number.

        Between two readings a count is taken to grow with the logarithm of the age, as engagement does:
        fast first, slowly later. Where the first reading came later than `hours`, it stands for that
        age. None for a post whose last reading is younger than that: what it will get is not known.
        """
        if self.oldest_age < hours:
            return None
        found: dict[str, float] = {}
        for name in COUNTS:
            known = [
                (self._age(r), float(n))
                for r in self.readings
                if (n := getattr(r, name)) is not None
            ]
            before = [pair for pair in known if pair[0] < hours]
            after = [pair for pair in known if pair[0] >= hours]
            if not after:
                continue
            later, much = after[0]
            if before:
                earlier, less = before[-1]
                share = (_log(hours) - _log(earlier)) / max(_log(later) - _log(earlier), 1e-9)
                much = less + (much - less) * min(1.0, share)
            found[name] = much
        return found or None

    def _age(self, reading: Reading) -> float:
        return (reading.at - self.published.at).total_seconds() / 3600


class Read(NamedTuple):
    """A file as read."""

    outcomes: tuple[Outcome, ...]
    """By the time they went out."""
    faults: tuple[str, ...]
    """Lines that were left out, each with its number and why."""


def _log(hours: float) -> float:
    return math.log(max(hours, 1.0))


def of_post(
    post: Post, at: datetime, zone: tzinfo, *, account: str = "", followers: int | None = None
) -> Published:
    """A generated post that went out `at`, told in the brand's `zone`. Without a theme of its own it is
    counted under what its picture shows first. Raises FeedsmithError for a time without a zone."""
    first = post.media[0]
    return Published(
        post=post.id,
        account=account,
        at=_told_in(at, zone),
        kind=post.kind,
        theme=post.theme or next(iter(post.shows), ""),
        template=first.template,
        scheme=first.scheme,
        format=post.format,
        hashtags=post.hashtags,
        caption_length=len(post.caption),
        words=len(post.caption.split()),
        followers=followers,
    )


def of_past(
    post: PastPost, zone: tzinfo, *, account: str = "", theme: str = ""
) -> Published | None:
    """A post of the library that the brand published itself; None where its time is not known."""
    if post.posted_at is None:
        return None
    return Published(
        post=post.id,
        account=account,
        at=_told_in(post.posted_at, zone),
        kind=post.kind,
        theme=theme,
        hashtags=post.hashtags,
        caption_length=len(post.text),
        words=len(post.text.split()),
    )


def _told_in(at: datetime, zone: tzinfo) -> datetime:
    if at.tzinfo is None:
        raise FeedsmithError(
            f"{at:%Y-%m-%d %H:%M}: a time without a zone says no moment", mend="give its zone"
        )
    return at.astimezone(zone)


def record(home: Path, values: Iterable[Published | Reading]) -> int:
    """Add lines to the insights of the brand in `home`; returns how many were new.

    What stands there already word for word is not written again, so that pulling twice is pulling
    once. Of two who record at once both are heard; on a full disk nothing half-written stays.
    Raises FeedsmithError where the file cannot be written.
    """
    path = home / NAME
    with _HERE, held(home / ".insights.lock"):
        known = {line.strip() for line in _lines(path)}
        new: dict[bytes, None] = {}
        for value in values:
            name = "published" if isinstance(value, Published) else "reading"
            row = json.dumps({name: value.model_dump(mode="json")}, ensure_ascii=False).encode()
            if row not in known:
                new[row] = None
        if not new:
            return 0
        append(path, b"".join(row + b"\n" for row in new), "no part of a line was left behind")
    return len(new)


def read(home: Path) -> Read:
    """All outcomes of the brand in `home`. Lines that a kill cut short, or that say what cannot be
    (negative numbers, times without a zone, a reading before the post), are left out and told.

    Raises FeedsmithError where the file is there and cannot be read at all.
    """
    path = home / NAME
    posts: dict[tuple[str, str], Published] = {}
    readings: dict[tuple[str, str], dict[datetime, tuple[int, Reading]]] = {}
    faults: list[str] = []
    for number, line in enumerate(_lines(path), 1):
        if not line.strip():
            continue
        try:
            value = _value(line)
        except ValueError as error:
            faults.append(f"line {number}: {error}")
            continue
        key = (value.account, value.post)
        if isinstance(value, Published):
            posts[key] = value
        else:
            readings.setdefault(key, {})[value.at] = (number, value)
    found = []
    for key, published in posts.items():
        kept = []
        for number, reading in sorted(readings.pop(key, {}).values(), key=lambda p: p[1].at):
            if reading.at < published.at:
                faults.append(f"line {number}: a reading of {reading.post} before it went out")
            else:
                kept.append(reading)
        found.append(Outcome(published=published, readings=tuple(kept)))
    for key, left in readings.items():
        number = min(n for n, _ in left.values())
        faults.append(f"line {number}: readings of “{key[1][:60]}”, a post that is not told of")
    found.sort(key=lambda o: (o.published.at, o.published.account, o.published.post))
    return Read(tuple(found), tuple(faults))


def _value(line: bytes) -> Published | Reading:
    """Raises ValueError that says what is wrong."""
    if len(line) > LINE_BYTES_MAX:
        raise ValueError("too long")
    try:
        row = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise ValueError("cut short or damaged") from error
    if isinstance(row, dict) and len(row) == 1:
        for name, kind in (("published", Published), ("reading", Reading)):
            if name in row:
                try:
                    return kind.model_validate(row[name])
                except ValidationError as error:
                    first = error.errors()[0]
                    where = ".".join(str(part) for part in first["loc"])
                    raise ValueError(
                        f"{where}: {first['msg'][:1].lower()}{first['msg'][1:]}"
                    ) from error
    raise ValueError("neither a post nor a reading")


def _lines(path: Path) -> list[bytes]:
    try:
        if path.stat().st_size > FILE_BYTES_MAX:
            raise FeedsmithError(
                f"{path}: larger than {FILE_BYTES_MAX // 2**20} MB, no file of ours",
                mend="move it away",
            )
        return path.read_bytes().split(b"\n")
    except FileNotFoundError:
        return []
    except OSError as error:
        raise FeedsmithError(
            f"{path}: cannot be read ({(error.strerror or str(error)).lower()})",
            mend="check the permissions of that file",
        ) from error
