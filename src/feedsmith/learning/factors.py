"""Factors: outcomes as a table of what each post was and how well it did.

Posts are compared at one age (AGE hours), so that young ones are not set against old ones, and on a
logarithmic scale, on which "a third more" is the same step for a small and a large post.
"""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from feedsmith.captions import words as wordlist
from feedsmith.learning.findings import Measure
from feedsmith.outcomes import Outcome

AGE = 72.0
"""Hours at which posts are compared. Half of a post's engagement comes within about 20 hours
(S. Graffius, Lifespan of social media posts, 2024), so nine tenths are there by then."""
STORY_AGE = 20.0
"""The same for stories, which are gone after 24."""
REACH_MIN = 20
"""Accounts reached under which a rate of engagement is chance."""
SELDOM = 3
"""Posts from which a theme or a hashtag is counted by its own name."""
THEMES_MAX, TAGS_MAX = 30, 20

PARTS = (
    ("night", 0, 5), ("early morning", 5, 9), ("morning", 9, 12), ("midday", 12, 15),
    ("afternoon", 15, 18), ("evening", 18, 21), ("late evening", 21, 24),
)  # fmt: skip
"""Parts of the day: name, first hour, hour after the last. An hour of its own has too few posts."""
LENGTHS = ((60, "up to 60 characters"), (125, "61 to 125"), (300, "126 to 300"))
"""Most characters of a caption, and its class; the app cuts captions at about 125."""
LONGER = "over 300"
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")

DIMENSIONS = {
    "kind": "Kind of post",
    "theme": "Theme",
    "template": "Layout",
    "part": "Time of day",
    "weekday": "Day of the week",
    "hashtag": "Hashtag",
    "length": "Length of the caption",
}
"""What is compared, and its name for people."""


@dataclass(frozen=True)
class Row:
    """One post that is counted."""

    post: str
    at: datetime
    value: float
    """Natural logarithm of what is measured."""
    levels: dict[str, tuple[str, ...]]
    """Dimension -> what the post was in it; () where that says nothing (no theme, no layout)."""
    basis: str
    """Which counts were known; posts of another basis are never compared with it directly."""
    hour: int


@dataclass(frozen=True)
class Table:
    """The posts that are counted, oldest first, and how many are not."""

    rows: tuple[Row, ...]
    left_out: dict[str, int] = field(default_factory=dict)
    """Why -> how many posts."""
    forms: dict[str, str] = field(default_factory=dict)
    """Theme as it is counted -> as it is mostly written."""


def part_of(hour: int) -> str:
    """Part of the day of an hour, 0..23."""
    return next(name for name, first, end in PARTS if first <= hour < end)


def length_of(characters: int) -> str:
    """Class of a caption's length."""
    return next((name for most, name in LENGTHS if characters <= most), LONGER)


def tabulate(outcomes: Sequence[Outcome], measure: Measure = "engagement") -> Table:
    """Outcomes as rows. `engagement`: likes, comments, saves and shares, each counted once, for each
    account reached (for each follower where the reach is not known); `reach`: accounts reached.

    Stories are measured at STORY_AGE and stand on a basis of their own: few can like them, and the
    app counts them otherwise.
    """
    rows: list[Row] = []
    left: Counter[str] = Counter()
    written: dict[str, Counter[str]] = {}
    for outcome in outcomes:
        post = outcome.published
        story = post.kind == "story"
        counts = outcome.at_age(STORY_AGE if story else AGE)
        if counts is None:
            left["no reading yet" if not outcome.readings else "too young"] += 1
            continue
        found = _measured(counts, post.followers, measure)
        if found is None:
            left[
                "reached too few"
                if counts.get("reach", REACH_MIN) < REACH_MIN
                else "nothing to compare"
            ] += 1
            continue
        value, basis = found
        theme = " ".join(post.theme.lower().split())
        if theme:
            written.setdefault(named(theme), Counter())[theme] += 1
        rows.append(
            Row(
                post=post.post,
                at=post.at,
                value=value,
                basis=f"story, {basis}" if story else basis,
                hour=post.hour,
                levels={
                    # A story's basis says already that it is one.
                    "kind": () if story else (post.kind,),
                    "theme": (named(theme),) if theme else (),
                    "template": (post.template,) if post.template else (),
                    "part": (part_of(post.hour),),
                    "weekday": (WEEKDAYS[post.weekday],),
                    "hashtag": tuple(dict.fromkeys(tag.casefold() for tag in post.hashtags)),
                    "length": (length_of(post.caption_length),),
                },
            )
        )
    _keep_common(rows, "theme", THEMES_MAX, len(rows) + 1)
    # A hashtag on nearly every post has nothing to be compared with.
    _keep_common(rows, "hashtag", TAGS_MAX, len(rows) - SELDOM + 1)
    forms = {key: min(form, key=lambda f: (-form[f], f)) for key, form in written.items()}
    return Table(tuple(rows), dict(left), forms)


def named(theme: str) -> str:
    """A theme as it is counted: "Oaks" and "oak" are one."""
    return wordlist.stem(" ".join(theme.lower().split()))


def _measured(
    counts: dict[str, float], followers: int | None, measure: Measure
) -> tuple[float, str] | None:
    reach = counts.get("reach")
    if measure == "reach":
        return (math.log(reach), "reach") if reach is not None and reach >= REACH_MIN else None
    known = [name for name in ("likes", "comments", "saves", "shares") if name in counts]
    if not known or (reach is not None and reach < REACH_MIN):
        return None
    total = sum(counts[name] for name in known) + 0.5  # none at all is a little, not nothing
    people, whom = (
        (reach, "reached") if reach is not None
        else (followers, "followers") if followers
        else (1.0, "post")
    )  # fmt: skip
    return math.log(total / people), f"{' + '.join(known)} for each {whom}"


def _keep_common(rows: list[Row], dimension: str, most: int, below: int) -> None:
    """Drop the names that come seldom, so that each counted one has posts to speak for it."""
    many = Counter(level for row in rows for level in row.levels[dimension])
    ranked = sorted(many, key=lambda level: (-many[level], level))
    kept = {level for level in ranked if SELDOM <= many[level] < below}
    kept &= set([level for level in ranked if level in kept][:most])
    for row in rows:
        row.levels[dimension] = tuple(x for x in row.levels[dimension] if x in kept)
