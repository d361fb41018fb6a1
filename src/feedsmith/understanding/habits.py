"""How a brand posts: when, how long, which hashtags, which themes and colours, and its voice.

Knows past posts, the traits of their photos and the brand's time zone; decodes nothing.
"""

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from statistics import median
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from feedsmith.brand import Brand
from feedsmith.post import PastPost, Value
from feedsmith.understanding import keywords, palette
from feedsmith.understanding.traits import Traits

WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
EMOJI = re.compile(
    "(?:[\U0001f1e6-\U0001f1ff]{2}|"
    "[\u2600-\u27bf\u2b00-\u2bff\u3030\u303d\U0001f000-\U0001faff]"
    "(?:\ufe0f|[\U0001f3fb-\U0001f3ff]|\u200d[\u2600-\u27bf\U0001f000-\U0001faff]\ufe0f?)*)"
)
"""One match an emoji as seen: skin tones, joined families and flags are one."""
HALF_LIFE = 180.0
"""Days after which a use of a hashtag counts half."""


class TagUse(Value):
    """One hashtag's history."""

    tag: str
    """Folded to lower case, without '#'."""
    count: int
    """Posts it was on."""
    share: float
    """Of all posts with hashtags, 0..1."""
    last: datetime | None
    recent: float
    """Uses, each halved for every 180 days before the newest post."""


class Theme(Value):
    """Photos that look alike."""

    name: str
    """Its most telling words, e.g. "mountain, snow"."""
    words: tuple[str, ...]
    photos: tuple[str, ...]
    """Ids, the most typical first."""
    share: float
    """Of all photos, 0..1."""


class Habits(Value):
    """What a brand's past tells of it. All counts are over posts; times in its own zone."""

    posts: int
    photos: int
    first: datetime | None = None
    last: datetime | None = None
    per_week: float = 0.0
    weekdays: tuple[float, ...] = ()
    """Share of posts on Monday to Sunday."""
    hours: tuple[float, ...] = ()
    """Share of posts in each of 24 hours."""
    usual_weekday: str = ""
    usual_hour: int | None = None
    length: tuple[int, int, int] = (0, 0, 0)
    """Characters of a caption without hashtags: lower quartile, median, upper quartile."""
    emoji: float = 0.0
    """Mean number in a caption."""
    questions: float = 0.0
    """Share of captions that end in a question."""
    hashtags_per_post: float = 0.0
    """Median."""
    hashtags: tuple[TagUse, ...] = ()
    """The 40 with most recent use."""
    kinds: dict[str, int] = Field(default_factory=dict)
    """Kind of post to count."""
    themes: tuple[Theme, ...] = ()
    palette: tuple[tuple[str, float], ...] = ()
    """Up to eight (#rrggbb, share)."""
    voice: tuple[str, ...] = ()
    """Up to eight of its own captions that are most like the rest, without hashtags."""

    def in_words(self) -> list[tuple[str, str]]:
        """Rows of (what, value) for a terminal or a page."""
        if not self.posts:
            return [("Posts", "none yet")]
        rows = [("Posts", f"{self.posts}, with {self.photos} photo{'s' * (self.photos != 1)}")]
        if self.first and self.last:
            rows.append(("From", f"{self.first:%d %b %Y} to {self.last:%d %b %Y}"))
            rows.append(("Rhythm", f"{self.per_week:.1f} posts a week"))
        if self.usual_weekday and self.usual_hour is not None:
            rows.append(("Usual time", f"{self.usual_weekday}, around {self.usual_hour}:00"))
        low, middle, high = self.length
        if high:
            rows.append(
                ("Captions", f"{middle} characters (half of them {low}-{high}), "
                 f"{self.emoji:.1f} emoji, {self.questions:.0%} end in a question")
            )  # fmt: skip
        if self.hashtags:
            top = " ".join(f"#{use.tag}" for use in self.hashtags[:8])
            rows.append(("Hashtags", f"{self.hashtags_per_post:.0f} a post; {top}"))
        if self.themes:
            rows.append(("Themes", "; ".join(f"{t.name} ({t.share:.0%})" for t in self.themes)))
        if self.palette:
            rows.append(("Colours", " ".join(colour for colour, _ in self.palette)))
        return rows


def study(
    posts: Sequence[PastPost],
    traits: Mapping[str, Traits],
    brand: Brand,
    vectors: Mapping[str, NDArray[np.float32]] | None = None,
) -> Habits:
    """All habits. `vectors` are traits.embeddings(); without them there are no themes."""
    zone = ZoneInfo(brand.time_zone)
    times = [p.posted_at.astimezone(zone) for p in posts if p.posted_at is not None]
    texts = [p.text.strip() for p in posts if p.text.strip()]
    lengths = sorted(len(text) for text in texts)
    tagged = [p for p in posts if p.hashtags]
    shown = [key for post in posts for key in post.photos if key in traits] or list(traits)
    colours = palette.brand_swatches(
        [[palette.Swatch(*pair) for pair in traits[key].palette] for key in dict.fromkeys(shown)]
    )
    weekdays = Counter(t.weekday() for t in times)
    hours = Counter(t.hour for t in times)
    return Habits(
        posts=len(posts),
        photos=len(traits),
        first=min(times, default=None),
        last=max(times, default=None),
        per_week=_per_week(times),
        weekdays=tuple(round(weekdays[d] / len(times), 3) for d in range(7)) if times else (),
        hours=tuple(round(hours[h] / len(times), 3) for h in range(24)) if times else (),
        usual_weekday=WEEKDAYS[_peak(weekdays, 7)] if times else "",
        usual_hour=_peak(hours, 24, spread=1) if times else None,
        length=_quartiles(lengths),
        emoji=round(sum(len(EMOJI.findall(t)) for t in texts) / max(len(texts), 1), 2),
        questions=round(sum(_asks(t) for t in texts) / max(len(texts), 1), 3),
        hashtags_per_post=float(median(len(p.hashtags) for p in tagged)) if tagged else 0.0,
        hashtags=_hashtags(tagged),
        kinds=dict(sorted(Counter(p.kind for p in posts).items())),
        themes=_themes(traits, vectors or {}),
        palette=tuple((swatch.colour, swatch.share) for swatch in colours),
        voice=_typical(texts),
    )


def _per_week(times: Sequence[datetime]) -> float:
    if len(times) < 2:
        return float(len(times))
    days = (max(times) - min(times)).total_seconds() / 86400
    return round((len(times) - 1) / max(days / 7, 1 / 7), 2)


def _peak(counts: Mapping[int, int], size: int, spread: int = 0) -> int:
    """The commonest value, counting `spread` neighbours on both sides round the clock half."""

    def weight(at: int) -> float:
        beside = sum(counts.get((at + k) % size, 0) for k in range(-spread, spread + 1) if k)
        return counts.get(at, 0) + beside / 2

    return max(range(size), key=lambda at: (weight(at), -at))


def _quartiles(ordered: Sequence[int]) -> tuple[int, int, int]:
    if not ordered:
        return (0, 0, 0)
    low, middle, high = np.quantile(np.array(ordered), [0.25, 0.5, 0.75])
    return (round(float(low)), round(float(middle)), round(float(high)))


def _asks(text: str) -> bool:
    plain = EMOJI.sub("", text).rstrip(" \n.!…\"'”’)")
    return plain.endswith(("?", "？", "؟"))


def _hashtags(posts: Sequence[PastPost]) -> tuple[TagUse, ...]:
    newest = max((p.posted_at for p in posts if p.posted_at), default=None)
    uses: dict[str, list[datetime | None]] = {}
    for post in posts:
        for tag in dict.fromkeys(tag.lower() for tag in post.hashtags):
            uses.setdefault(tag, []).append(post.posted_at)
    found = []
    for tag, dates in uses.items():
        ages = [(newest - d).total_seconds() / 86400 if newest and d else 365.0 for d in dates]
        found.append(
            TagUse(
                tag=tag,
                count=len(dates),
                share=round(len(dates) / len(posts), 4),
                last=max((d for d in dates if d), default=None),
                recent=round(sum(0.5 ** (age / HALF_LIFE) for age in ages), 3),
            )
        )
    return tuple(sorted(found, key=lambda use: (-use.recent, -use.count, use.tag))[:40])


def _themes(
    traits: Mapping[str, Traits], vectors: Mapping[str, NDArray[np.float32]]
) -> tuple[Theme, ...]:
    """Spherical k-means over the features; a cluster is named by the words it has more often."""
    ids = [key for key in traits if key in vectors]
    if len(ids) < 6:
        return ()
    points = np.stack([vectors[key] for key in ids])
    points = points - points.mean(0)
    points /= np.maximum(np.linalg.norm(points, axis=1, keepdims=True), 1e-9)
    count = int(np.clip(round(math.sqrt(len(ids) / 2.5)), 2, 8))
    centres = _spread(points, count)
    for _ in range(30):
        member = (points @ centres.T).argmax(1)
        moved = np.stack(
            [
                points[member == k].sum(0) if (member == k).any() else centres[k]
                for k in range(count)
            ]
        )
        moved /= np.maximum(np.linalg.norm(moved, axis=1, keepdims=True), 1e-9)
        if np.abs(moved - centres).max() < 1e-5:
            break
        centres = moved
    spoken = {key: _spoken(traits[key]) for key in ids}
    overall = Counter(word for words in spoken.values() for word in words)
    found = []
    for k in range(count):
        members = np.flatnonzero(member == k)
        if not len(members):
            continue
        order = members[np.argsort(-(points[members] @ centres[k]), kind="stable")]
        inside = Counter(word for i in members for word in spoken[ids[i]])
        telling = sorted(
            (word for word, n in inside.items() if n >= 2),
            key=lambda w: (-_telling(inside[w], overall[w], len(members), len(ids)), w),
        )
        words = tuple(telling[:4]) or tuple(sorted(inside))[:2] or ("other",)
        name = ", ".join(words[:2])
        found.append(
            Theme(
                name=name,
                words=words,
                photos=tuple(ids[i] for i in order),
                share=round(len(members) / len(ids), 3),
            )
        )
    return tuple(sorted(found, key=lambda t: (-t.share, t.name)))


def _telling(inside: int, overall: int, size: int, total: int) -> float:
    """How much more often a word is in the cluster than elsewhere, times how often at all."""
    here, everywhere = inside / size, overall / total
    return here * math.log((here + 0.02) / (everywhere + 0.02))


def _spoken(traits: Traits) -> set[str]:
    """The head words of a photo's keywords, singular; colours of the sky tell no theme."""
    heads = {name for name, group, p in traits.tags if group == "scene" and p >= 0.45}
    for word in traits.words:
        head = word.word.replace("-", " ").split()[-1]
        if word.origin != "colours":
            heads.add((keywords.singulars(head) or [head])[-1])
    return heads


def _spread(points: NDArray[np.float32], count: int) -> NDArray[np.float32]:
    """Starting centres far apart: the most central point, then always the farthest."""
    chosen = [int((points @ points.mean(0)).argmax())]
    nearest = points @ points[chosen[0]]
    while len(chosen) < count:
        chosen.append(int(nearest.argmin()))
        nearest = np.maximum(nearest, points @ points[chosen[-1]])
    return points[chosen].copy()


def _typical(texts: Sequence[str], most: int = 8) -> tuple[str, ...]:
    """Captions most like all others (tf-idf cosine to the mean, length near the median), unlike
    each other."""
    distinct = list(dict.fromkeys(texts))
    if len(distinct) <= most:
        return tuple(distinct)
    bags = [Counter(re.findall(r"[^\W\d_]+", text.lower())) for text in distinct]
    seen = Counter(word for bag in bags for word in bag)
    rows: list[dict[str, float]] = []
    for bag in bags:
        row = {w: (1 + math.log(n)) * math.log(len(bags) / seen[w] + 1) for w, n in bag.items()}
        size = math.sqrt(sum(v * v for v in row.values())) or 1.0
        rows.append({w: v / size for w, v in row.items()})
    mean: Counter[str] = Counter()
    for row in rows:
        mean.update(row)
    middle = median(len(text) for text in distinct)
    scores = [
        sum(v * mean[w] for w, v in row.items()) / len(rows)
        - 0.05 * abs(math.log(max(len(text), 1) / max(middle, 1)))
        for row, text in zip(rows, distinct, strict=True)
    ]
    order = sorted(range(len(distinct)), key=lambda i: (-scores[i], i))
    chosen: list[int] = []
    for i in order:
        near = max(
            (sum(v * rows[j].get(w, 0.0) for w, v in rows[i].items()) for j in chosen), default=0.0
        )
        if near < 0.35:
            chosen.append(i)
        if len(chosen) == most:
            break
    return tuple(distinct[i] for i in chosen)
