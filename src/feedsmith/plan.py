"""Plans: which posts go out when, proposed from a brand's own habits, kept in a file to edit.

`propose` -> `write` -> (a person edits) -> `read` gives the briefs that generate makes. Knows the
library, the brand's past and the year's days; knows nothing of how a post is made.
"""

import csv
import io
import re
import unicodedata
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from difflib import get_close_matches
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import yaml

from feedsmith import days, facts, marks, rules
from feedsmith.brand import Home
from feedsmith.captions import words
from feedsmith.captions.skeletons import SEASONS
from feedsmith.errors import FeedsmithError, Refused
from feedsmith.files import write_bytes
from feedsmith.learning import bandit
from feedsmith.learning.bandit import Learned
from feedsmith.learning.factors import WEEKDAYS as DAY_NAMES
from feedsmith.learning.factors import part_of
from feedsmith.library import Library
from feedsmith.post import KINDS, Brief, Kind, Offer, PastPost, Value
from feedsmith.progress import Report, silent
from feedsmith.sources.caption import decode
from feedsmith.sources.moment import parse_date
from feedsmith.sources.table import delimiter as delimiter_of
from feedsmith.understanding import traits as understanding
from feedsmith.understanding.traits import Traits

SHARES: dict[Kind, float] = {
    "photo": 5, "carousel": 3, "reel": 3, "collage": 2, "quote": 2, "story": 2, "gif": 1.5,
}  # fmt: skip
"""How often each kind comes, against the others; what a small brand's feed can bear. Products and
promos come as often as there are some."""
GOODS_MOST: dict[Kind, float] = {"product": 0.3, "promo": 0.15}
"""Share of a plan that may sell something, at most."""
HABIT_POSTS = 20
"""Posts from which days and hours are counted; with fewer a few chance ones would decide."""
WEEKDAYS = (1, 3, 5, 6, 0, 2, 4)
"""Tuesday, Thursday, Saturday ...: where nothing is known, spread over the week."""
FEW = 0.06
"""Share of a weekday under which it is not the brand's own; one in seven would be 0.14."""
OFTEN = 0.1
"""Share of the posts from which a second hour counts as the brand's own."""
HOURS = (18, 12)
"""After work, and at noon; where nothing is known."""
PER_WEEK_MAX = 14
WEEKS_MAX = 26
OCCASIONS = 0.3
"""Share of the posts that speak of a day of the year, at most: a feed is no calendar."""
GIFT_LEAD = 3
"""Days of notice from which a day is one of presents: its post comes two days before, at least."""
THEMES_MAX = 12
COLLAGE_PHOTOS = 8
"""Photos from which collages and carousels do not show the same ones every time."""

FILE_BYTES_MAX, ENTRIES_MAX = 2 * 2**20, 2000
TABLE_BYTES_MAX, TABLE_ENTRIES_MAX = 32 * 2**20, 100_000
"""Of a plan that is a table: YAML of that size would be read for minutes."""
DEPTH_MAX = 12
_FIELDS = (
    "date", "time", "kind", "theme", "headline", "offer", "name", "price", "was", "dates", "call",
    "link", "photo", "format", "reason",
)  # fmt: skip
_FEED = ("portrait", "square")
_OFFER = ("name", "price", "was", "dates", "call", "link")
_IGNORED = frozenset(("reason", "day", "weekday", "note", "notes", "comment", "shows", "credit"))
_ALSO = {"type": "kind", "topic": "theme", "title": "headline", "cta": "call", "image": "photo",
         "picture": "photo", "hour": "time", "when": "date", "at": "date", "text": "offer"}  # fmt: skip


class Entry(Value):
    """One planned post."""

    brief: Brief
    """Its `at` is the time in the brand's zone."""
    reason: str
    """Why this, why then."""

    @property
    def waits(self) -> str:
        """What a person must fill in before it can be made; '' for nothing."""
        return waits(self.brief)


class Plan(Value):
    """Entries by time, and what a person should know of how they came about."""

    entries: tuple[Entry, ...]
    notes: tuple[str, ...] = ()
    zone: str = "UTC"

    @property
    def briefs(self) -> list[Brief]:
        """Those that can be made as they are."""
        return [entry.brief for entry in self.entries if not entry.waits]


# ---- proposing ---------------------------------------------------------------------------------


def propose(
    home: Home,
    weeks: int,
    per_week: int,
    *,
    start: date,
    seed: int = 0,
    products: Sequence[Brief] = (),
    offers: Sequence[Offer] = (),
    report: Report = silent,
) -> Plan:
    """A plan of `weeks` x `per_week` posts from the day `start` on; same arguments, same plan.

    `products` (see products.read) become product posts, `offers` promos; without them neither is
    planned, but days on which shops sell are marked as promos that wait for their offer.
    Raises FeedsmithError for an empty library and for numbers out of range.
    """
    if not 1 <= weeks <= WEEKS_MAX or not 1 <= per_week <= PER_WEEK_MAX:
        raise FeedsmithError(
            f"{weeks} weeks with {per_week} posts each cannot be planned",
            mend=f"at most {WEEKS_MAX} weeks and {PER_WEEK_MAX} posts a week, at least one of each",
        )
    # What there is.
    brand = home.load()
    library = Library(home.library)
    photos = library.photos()
    if not photos:
        raise FeedsmithError(
            f"{home.library}: the library is empty, and plans are made from your own photos",
            mend=f"bring some in: feedsmith import {home.root} ~/Downloads/instagram-*.zip",
        )
    traits = understanding.ensure(library, brand=f"{brand.name} {brand.handle}", report=report)
    never = marks.never(library.root)
    traits = {key: trait for key, trait in traits.items() if key not in never}
    zone = ZoneInfo(brand.time_zone)
    rng = np.random.default_rng(seed)
    notes: list[str] = []

    # When: the brand's own days and hours.
    habit = _habit(library.posts(), zone, notes)
    learned, said_of_it = bandit.ready(home)
    notes += [said_of_it] * bool(said_of_it)
    usual = habit
    if learned is not None:
        habit = _leant(habit, learned)
    slots = _slots(habit, zone, weeks, per_week, start)
    why_then: dict[datetime, str] = {}
    if learned is not None:
        slots, why_then = _at_hours(
            slots, learned, habit, zone, np.random.default_rng([seed, 0x40])
        )

    # What day of the year it is.
    where = days.place(brand.country, brand.time_zone)
    notes.append(where.note)
    end = start + timedelta(weeks=weeks)
    occasions = days.between(start, end + timedelta(days=3), where, brand.niche)
    slots, dated = _placed(slots, occasions, start, end, round(OCCASIONS * len(slots)))

    # What: kinds in turn, themes of the library that go with the season.
    why_kind: dict[datetime, str] = {}
    kinds = _kinds(slots, dated, rng, len(products), len(offers), len(photos), learned, why_kind)
    themes = _Themes(traits, rng, learned)
    goods, deals = iter(products), iter(offers)
    entries: list[Entry] = []
    for at, kind in zip(slots, kinds, strict=True):
        occasion = dated.get(at)
        season = where.season(at.date())
        why = why_then.get(at) or (
            usual.reason(at)
            if learned is None or at.hour in usual.hours
            else f"{at:%A} at {at:%H:%M}, a time that did well"
        )
        if kind == "product":
            brief = next(goods).model_copy(update={"at": at})
            entries.append(Entry(brief=brief, reason=f"a product of your list; {why}"))
            continue
        theme = themes.fitting(occasion, season) if occasion else themes.next(season)
        offer = next(deals) if kind == "promo" else Offer()
        # A headline names the day: on another one it would be wrong.
        named = occasion is not None and kind in _NAMING and occasion.on == at.date()
        headline = occasion.name if occasion and named else ""
        said = f"{occasion.name} is on {_day(occasion.on)}; {why}" if occasion else why
        chosen = [why_kind.get(at, ""), "" if occasion else themes.because]
        said = " ".join([said, *(words for words in chosen if words)])
        entries.append(
            Entry(
                brief=Brief(kind=kind, theme=theme, offer=offer, headline=headline, at=at),
                reason=f"{said}; in season: {season}" if theme == season and season else said,
            )
        )

    # Days on which shops sell: only the brand knows what it offers.
    hour = habit.hours[0]
    entries += [
        Entry(
            brief=Brief(kind="promo", at=_at(sale.on, hour, zone), headline=sale.name),
            reason=f"{sale.name} is on {_day(sale.on)}: fill in what you offer, or delete it",
        )
        for sale in occasions
        if sale.sale and start <= sale.on < end
    ]
    entries.sort(key=lambda entry: entry.brief.at or datetime.min.replace(tzinfo=UTC))
    if not products:
        notes.append("No product posts: they need a list of products with prices and photos.")
    return Plan(entries=tuple(entries), notes=tuple(notes), zone=brand.time_zone)


_NAMING = ("story", "carousel", "collage", "reel")
"""Kinds that set a headline on the picture, and so can name a day."""


@dataclass(frozen=True)
class _Habit:
    """When a brand posts: shares of weekdays (Monday first), its best hours, whether counted."""

    weekdays: tuple[float, ...]
    hours: tuple[int, ...]
    counted: int = 0

    def reason(self, at: datetime) -> str:
        if not self.counted:
            return f"{at:%A} at {at:%H:%M}: a usual time"
        share = self.weekdays[at.weekday()]
        if share < FEW:
            return f"{at:%A}, to spread the week; around {at.hour}:00 is your usual time"
        return f"{at:%A} around {at.hour}:00, as you do ({share:.0%} of your posts are on {at:%A}s)"


def _habit(posts: Sequence[PastPost], zone: tzinfo, notes: list[str]) -> _Habit:
    times = [post.posted_at.astimezone(zone) for post in posts if post.posted_at is not None]
    if len(times) < HABIT_POSTS:
        notes.append(
            f"Days and hours are the usual ones: {len(times)} dated posts are too few to tell yours "
            f"(from {HABIT_POSTS} on they are counted)."
        )
        shares = [0.0] * 7
        for rank, day in enumerate(WEEKDAYS):
            shares[day] = (7 - rank) / 28
        return _Habit(tuple(shares), HOURS)
    on = Counter(moment.weekday() for moment in times)
    around: Counter[int] = Counter()
    for moment in times:
        for hour, weight in ((moment.hour, 4), (moment.hour - 1, 1), (moment.hour + 1, 1)):
            around[hour % 24] += weight
    ranked = sorted(range(24), key=lambda hour: (-around[hour], hour))
    second = [
        hour
        for hour in ranked[1:]
        if min((hour - ranked[0]) % 24, (ranked[0] - hour) % 24) >= 3
        and sum(moment.hour == hour for moment in times) >= OFTEN * len(times)
    ]
    notes.append(
        f"Days and hours are those of your {len(times)} posts; likes are not known, so by habit."
    )
    return _Habit(
        tuple(on[day] / len(times) for day in range(7)), (ranked[0], *second[:1]), len(times)
    )


def _slots(habit: _Habit, zone: tzinfo, weeks: int, per_week: int, start: date) -> list[datetime]:
    """Times in order: the brand's favourite weekdays, kept apart; a second hour where days are full."""
    chosen: list[int] = []
    while len(chosen) < min(per_week, 7):

        def worth(day: int) -> float:
            near = sum(min((day - other) % 7, (other - day) % 7) == 1 for other in chosen)
            usual = (7 - WEEKDAYS.index(day)) / 28
            return 0.8 * habit.weekdays[day] + 0.2 * usual - 0.06 * near

        chosen.append(max((d for d in range(7) if d not in chosen), key=lambda d: (worth(d), -d)))
    favourites = sorted(range(7), key=lambda day: (-habit.weekdays[day], day))
    twice = favourites[: max(0, per_week - 7)]
    found: list[datetime] = []
    other = habit.hours[-1] if len(habit.hours) > 1 else (habit.hours[0] + 6) % 24
    for number in range(weeks * 7):
        day = start + timedelta(days=number)
        if day.weekday() in chosen:
            found.append(_at(day, habit.hours[0], zone))
        if day.weekday() in twice:
            found.append(_at(day, other, zone))
    if per_week <= 7 and len(habit.hours) > 1:  # now and then at the other hour
        found = [_at(t.date(), other, zone) if i % 3 == 2 else t for i, t in enumerate(found)]
    return sorted(found)


def _leant(habit: _Habit, learned: Learned) -> _Habit:
    """A habit whose days are those that did well, as far as that is known."""
    shares = learned.shares("weekday", DAY_NAMES)
    if not shares:
        return habit
    free = learned.explore
    mixed = [
        free * own + (1 - free) * well for own, well in zip(habit.weekdays, shares, strict=True)
    ]
    return replace(habit, weekdays=tuple(mixed))


def _at_hours(
    slots: Sequence[datetime],
    learned: Learned,
    habit: _Habit,
    zone: tzinfo,
    rng: np.random.Generator,
) -> tuple[list[datetime], dict[datetime, str]]:
    """Slots at the times of day that did well, and why; of several on a day each keeps its own."""
    hours = {part_of(hour): hour for hour in reversed(habit.hours)}
    hours = {**{part: hour for part, hour in learned.hours.items() if part != "night"}, **hours}
    on = Counter(at.date() for at in slots)
    found, why = [], {}
    for at in slots:
        pick = learned.pick("part", sorted(hours), rng)
        moved = at
        if pick is not None and on[at.date()] == 1:
            moved = _at(at.date(), hours[pick.level], zone)
            why[moved] = pick.because
        found.append(moved)
    return found, why


def _at(day: date, hour: int, zone: tzinfo) -> datetime:
    """That hour on the clock; where the clock is put forward over it, the hour after."""
    wanted = datetime.combine(day, time(hour), zone)
    return wanted.astimezone(UTC).astimezone(zone)


def _placed(
    slots: Sequence[datetime],
    occasions: Sequence[days.Occasion],
    start: date,
    end: date,
    most: int,
) -> tuple[list[datetime], dict[datetime, days.Occasion]]:
    """Slots, some moved to a day of the year, and which day each of those speaks of.

    A slot on the day or shortly before (as many days as the occasion needs) takes it; else the
    nearest free one moves to the day. The weightiest days first, and one at most in five days.
    """
    times = list(slots)
    dated: dict[int, days.Occasion] = {}
    for occasion in sorted(occasions, key=lambda day: (-day.weight, day.on)):
        if len(dated) >= most:
            break
        if occasion.sale or not start <= occasion.on:
            continue
        if any(abs((other.on - occasion.on).days) < 5 for other in dated.values()):
            continue
        early = [
            i for i, t in enumerate(times)
            if i not in dated and 0 <= (occasion.on - t.date()).days <= occasion.lead
        ]  # fmt: skip
        if occasion.lead >= GIFT_LEAD:  # time to find a present
            early = [i for i in early if (occasion.on - times[i].date()).days >= 2] or early
        if early:
            dated[early[-1]] = occasion
            continue
        near = [
            i
            for i, t in enumerate(times)
            if i not in dated and abs((t.date() - occasion.on).days) <= 3
        ]
        if near and occasion.on < end:
            i = min(near, key=lambda i: abs((times[i].date() - occasion.on).days))
            times[i] = _at(occasion.on, times[i].hour, times[i].tzinfo or UTC)
            dated[i] = occasion
    moved = {times[i]: occasion for i, occasion in dated.items()}
    return sorted(times), moved


def _kinds(
    slots: Sequence[datetime],
    dated: Mapping[datetime, days.Occasion],
    rng: np.random.Generator,
    products: int,
    offers: int,
    photos: int,
    learned: Learned | None,
    why: dict[datetime, str],
) -> list[Kind]:
    """A kind for each slot: the one furthest behind its share, never the one before it. Where something
    was learned, the one that may do best instead; `why` is told of it."""
    left: dict[Kind, int] = {"product": products, "promo": offers}
    shares = dict(SHARES)
    if photos < COLLAGE_PHOTOS:
        del shares["collage"]
    others = sum(share for kind, share in shares.items() if kind not in left)
    for sold, most in ((k, GOODS_MOST[k]) for k in left):  # all that was given, if it is bearable
        part = min(most, 1.2 * left[sold] / max(1, len(slots)))
        shares[sold] = part / (1 - part) * others
    start = {kind: float(rng.uniform(0, 0.5)) for kind in shares}
    counts: Counter[str] = Counter()
    chance = np.random.default_rng([int(start["photo"] * 2**40), 0x1D])
    last_promo = -9
    found: list[Kind] = []
    for number, at in enumerate(slots):
        able = [
            kind for kind in shares
            if (not found or kind != found[-1])
            and left.get(kind, 1) > 0
            and not (kind == "promo" and number - last_promo < 4)
        ]  # fmt: skip
        if at in dated:  # a day is named in words, or simply shown
            able = [k for k in able if k in _NAMING] or able
            able = [k for k in able if k != "product"]
        total = sum(shares[kind] for kind in shares if left.get(kind, 1) > 0)
        kind = max(
            able,
            key=lambda k: shares[k] / total * (number + 1) + start[k] - counts[k],
        )
        # Stories, products and promos keep their turns: what they are for is not engagement.
        if learned is not None and kind in shares and kind not in (*left, "story"):
            feed = [k for k in able if k not in left and k != "story"]
            pick = learned.pick("kind", feed, chance)
            if pick is not None:
                kind = next(k for k in feed if k == pick.level)
                why[at] = pick.because
        found.append(kind)
        counts[kind] += 1
        if kind in left:
            left[kind] -= 1
        if kind == "promo":
            last_promo = number
    return found


_OF_SEASON = {
    "winter": "snow ice frost icicle snowflake mitten sled mulled",
    "spring": "blossom blossoms tulip tulips daffodil daffodils crocus snowdrop snowdrops",
    "summer": "sunflower sunflowers strawberry strawberries",
    "autumn": "pumpkin pumpkins chestnut chestnuts acorn acorns",
}
_PLAIN = words.listed(
    "sky cloud sun shade grass wall wind light background water room trim window door fence"
)
"""Types of what stands behind a subject: no theme of its own."""


class _Themes:
    """What the library's photos show, the commonest first; each rests before it comes again."""

    def __init__(
        self,
        traits: Mapping[str, Traits],
        rng: np.random.Generator,
        learned: Learned | None = None,
    ) -> None:
        forms: dict[str, Counter[str]] = {}
        self._types: dict[str, frozenset[str]] = {}
        self._shot: dict[str, Counter[str]] = {}
        seasons: Counter[str] = Counter(trait.season for trait in traits.values() if trait.season)
        for trait in traits.values():
            said: set[str] = set()
            for word in trait.words:
                noun = words.read(word.word)
                key = words.stem(noun.head.split()[-1]) if noun.head else ""
                if word.origin == "colours" or not noun.known or not words.nameable(noun):
                    continue
                if noun.type in _PLAIN or key in said or not key:
                    continue
                said.add(key)
                self._shot.setdefault(key, Counter())[trait.season] += 1
                forms.setdefault(key, Counter())[noun.head] += 1
                self._types.setdefault(key, noun.types)
        enough = 3 if len(traits) >= 40 else 2 if len(traits) >= 8 else 1
        counted = {key: sum(form.values()) for key, form in forms.items()}
        ranked = sorted(counted, key=lambda k: (-counted[k], k))
        self._names = {k: min(forms[k], key=lambda f: (-forms[k][f], f)) for k in ranked}
        self._weight = {k: counted[k] ** 0.5 for k in ranked[:THEMES_MAX] if counted[k] >= enough}
        self._all = ranked
        self._seasons = {season for season, n in seasons.items() if n >= max(3, enough)}
        self._used: Counter[str] = Counter()
        self._chance = {k: float(rng.uniform(0, 0.4)) for k in ranked}
        self._last = ""
        self._turn = 0
        self._learned = learned
        self._rng = np.random.default_rng([int(sum(self._chance.values()) * 2**40), 0x7E])
        self.because = ""
        """Why the last theme was chosen, where that was learned."""

    def next(self, season: str) -> str:
        """The theme of an ordinary post; '' leaves the choice to the image model now and then."""
        self._turn += 1
        self.because = ""
        if season in self._seasons and self._turn % 5 == 3:
            return season
        able = [k for k in self._weight if k != self._last and not self._against(k, season)]
        if not able:
            return ""
        if self._learned is not None:
            forms = {self._names[k]: k for k in able}
            pick = self._learned.pick("theme", list(forms), self._rng)
            if pick is not None:
                self.because = pick.because
                return self._take(forms[pick.level])
        return self._take(
            min(able, key=lambda k: (self._used[k] + self._chance[k]) / self._weight[k])
        )

    def fitting(self, day: days.Occasion, season: str) -> str:
        """The theme of a day of the year: of the types it is about, where photos show one."""
        if day.name.endswith(f" {season}") and season in self._seasons:
            return season
        wanted = list(day.subjects)
        able = [
            k for k in self._all if set(wanted) & self._types[k] and not self._against(k, season)
        ]
        if not able:
            return self.next(season)

        def order(key: str) -> tuple[int, int, int]:
            first = min(i for i, kind in enumerate(wanted) if kind in self._types[key])
            return (self._used[key], first, self._all.index(key))

        return self._take(min(able, key=order))

    def _take(self, key: str) -> str:
        self._used[key] += 1
        self._last = key
        return self._names[key]

    def _against(self, key: str, season: str) -> bool:
        """True for what belongs to another season than the one it is."""
        if not season:
            return False
        shot = self._shot[key]
        dated = sum(n for when, n in shot.items() if when)
        if dated >= 2 and not shot[season] and dated >= 0.6 * sum(shot.values()):
            return True  # its photos were taken in other seasons
        own = set(re.findall(r"[a-z]+", self._names[key])) | {key}
        return any(
            other != season and own & set(listed.split()) for other, listed in _OF_SEASON.items()
        ) or any(SEASONS.get(word, season) != season for word in own)


def _day(on: date) -> str:
    return f"{on.day} {on:%B}"


# ---- the file ----------------------------------------------------------------------------------

_HEAD = """\
# A plan: one entry a post, by date. Edit what you like, then make the posts:
#   {command}
#
# kind      photo, product, promo, quote, carousel, story, reel, gif or collage
# theme     what your photos should show; leave it away and any may come
# headline  words set large, exactly as you write them; leave it away to have them written
# offer     the whole offer in one line, or its parts: name, price, was, dates, call
#           They stand on the post word for word. A product needs name and price (and a photo),
#           a promo its offer; entries without are left out, and you are told.
# photo     a picture file, or a photo of the library, that must be shown
# format    portrait or square; stories and reels are upright anyway
# reason    why it was proposed; not used
"""


_DATED = re.compile(r"^([ -] (?:date|time):) '([\d:-]+)'$", re.M)
"""Dates and times stand without quotes, as people write them; `read` takes them as words."""


def write(plan: Plan, path: Path) -> None:
    """Write a plan as YAML (.yaml, .yml) or as a table (.csv); whole or not at all."""
    suffix = path.suffix.lower()
    if suffix not in (".yaml", ".yml", ".csv"):
        raise FeedsmithError(
            f"{path}: plans are written as .yaml or .csv", mend="name such a file with --out"
        )
    rows = [_row(entry) for entry in plan.entries]
    if suffix == ".csv":
        out = io.StringIO()
        table = csv.DictWriter(out, _FIELDS, lineterminator="\r\n")
        table.writeheader()
        table.writerows(rows)
        # With a byte order mark, without which Excel takes UTF-8 for Windows-1252.
        write_bytes(path, out.getvalue().encode("utf-8-sig"))
        return
    text = _HEAD.format(command=f"feedsmith generate BRAND --plan {path.name}")
    text += "".join(f"# {note}\n" for note in plan.notes if note)
    text += f"\ntime_zone: {plan.zone}\nposts:\n"
    for row in rows:
        kept = {name: row[name] for name in _FIELDS if row.get(name)}
        missing = _waits_in_row(row)
        body = _DATED.sub(
            r"\1 \2",
            yaml.safe_dump(
                [kept], sort_keys=False, allow_unicode=True, width=10_000, default_flow_style=False
            ),
        )
        text += "\n" + (f"  # waits: {missing}\n" if missing else "")
        text += "".join(f"  {line}\n" for line in body.splitlines())
        if missing:
            text += "    # offer:\n"
    write_bytes(path, text.encode("utf-8"))


def _row(entry: Entry) -> dict[str, str]:
    brief, offer = entry.brief, entry.brief.offer
    return {
        "date": f"{brief.at:%Y-%m-%d}" if brief.at else "",
        "time": f"{brief.at:%H:%M}" if brief.at else "",
        "kind": brief.kind,
        "theme": brief.theme,
        "headline": brief.headline,
        "offer": offer.text,
        **{name: getattr(offer, name) for name in _OFFER},
        "photo": brief.photo,
        "format": brief.format,
        "reason": entry.reason,
    }


def read(
    path: Path, zone: tzinfo = UTC, *, waiting: bool = False
) -> tuple[list[Brief], list[Refused]]:
    """The briefs of a plan, and what is left out: one sentence with its line, and the mend. With
    `waiting`, entries that something must be filled in of are among the briefs (see `waits`).

    Times are in the plan's own `time_zone`, else in `zone`. Every value is read as the text that
    stands there: nothing in the file can be more than words.
    Raises FeedsmithError where the file is no plan at all.
    """
    table = path.suffix.lower() in (".csv", ".tsv", ".txt")
    most = TABLE_ENTRIES_MAX if table else ENTRIES_MAX
    text = _text_of(path, TABLE_BYTES_MAX if table else FILE_BYTES_MAX)
    if table:
        rows: Iterator[tuple[int, dict[str, str] | Refused]] = _table(path, text)
    else:
        named, rows = _document(path, text)
        zone = _zone(path, named) if named else zone
    briefs: list[Brief] = []
    faults: list[Refused] = []
    for line, row in rows:
        where = f"{path.name}, line {line}"
        try:
            if isinstance(row, Refused):
                raise row
            briefs.append(_brief(row, zone, where, path.parent, waiting))
        except Refused as error:
            faults.append(Refused(f"{where}: {error.message}", mend=error.mend))
        if len(briefs) + len(faults) > most:
            raise FeedsmithError(
                f"{path}: more than {most} posts",
                mend="split the plan" if table else "save it as a table (CSV), or split it",
            )
    if not briefs and not faults:
        raise FeedsmithError(f"{path}: the plan has no posts", mend="feedsmith plan proposes some")
    return briefs, faults


def past(briefs: Sequence[Brief], now: datetime) -> str:
    """One sentence on the entries that lie before `now`, which are made all the same; '' for none."""
    late = [brief for brief in briefs if brief.at is not None and brief.at < now]
    if not late:
        return ""
    first = min(late, key=lambda brief: brief.at or now)
    many = f"{len(late)} entries lie" if len(late) > 1 else "One entry lies"
    where = f"{first.where}: " if first.where else ""
    return f"{many} in the past ({where}{first.at:%Y-%m-%d %H:%M}) and will be made all the same."


def _brief(row: Mapping[str, str], zone: tzinfo, where: str, folder: Path, waiting: bool) -> Brief:
    known: dict[str, str] = {}
    for raw, value in row.items():
        name = _field(raw)
        if name in _IGNORED or not value.strip():
            continue
        if name not in _FIELDS:
            close = get_close_matches(name, _FIELDS, 1)
            hint = f"; perhaps you meant “{close[0]}”" if close else ""
            raise Refused(
                f"unknown field “{raw[:40]}”{hint}", mend="correct it, or delete that line"
            )
        if name in known:
            raise Refused(f"the {name} is given twice", mend="delete one of them")
        known[name] = value.strip()
    kind = _kind(known.get("kind", ""))
    size = known.get("format", "").lower()
    upright = kind in ("story", "reel")
    choices = tuple(rules.FORMATS) if upright else _FEED
    if size and size not in choices:
        close = get_close_matches(size, choices, 1)
        hint = f"; perhaps you meant “{close[0]}”" if close else ""
        own = "no format of a feed post" if size in rules.FORMATS else "no format"
        mend = (
            "leave it away: stories and reels are upright"
            if upright
            else "write portrait or square"
        )
        raise Refused(f"“{size[:40]}” is {own}{hint}", mend=mend)
    for name in ("price", "was"):
        if known.get(name) and facts.lacks_currency(known[name]):
            raise Refused(
                f"{'the price' if name == 'price' else 'the former price'} {known[name][:40]} "
                "names no currency",
                mend=f"write it with one, e.g. {known[name][:20]} EUR",
            )
    photo = known.get("photo", "")
    if photo and not Path(photo).is_absolute() and (folder / photo).is_file():
        photo = str((folder / photo).resolve())
    brief = Brief(
        kind=kind,
        theme=known.get("theme", ""),
        offer=Offer(text=known.get("offer", ""), **{name: known.get(name, "") for name in _OFFER}),
        headline=known.get("headline", ""),
        photo=photo,
        format=size,
        at=_moment(known.get("date", ""), known.get("time", ""), zone),
        where=where,
    )
    if not waiting and (missing := waits(brief)):
        label = f"{kind} “{brief.headline}”" if brief.headline else kind
        raise Refused(f"the {label} waits: {missing}", mend="fill it in, or delete the entry")
    return brief


def waits(brief: Brief) -> str:
    """What a person must fill in before the post can be made; '' for nothing."""
    if brief.kind == "promo" and not brief.offer:
        return "give its offer, word for word"
    if brief.kind == "product" and not brief.offer:
        return "give the product's name and price"
    return ""


def _waits_in_row(row: Mapping[str, str]) -> str:
    offered = any(row.get(name) for name in ("offer", "name", "price", "dates"))
    if row["kind"] == "promo" and not offered:
        return "uncomment the last line and give the offer, word for word"
    return ""


def _kind(said: str) -> Kind:
    plain = said.strip().lower()
    for kind in KINDS:
        if plain == kind or plain == f"{kind}s":
            return kind
    if not plain:
        raise Refused("no kind of post", mend=f"give one of {', '.join(KINDS)}")
    close = get_close_matches(plain, KINDS, 1)
    hint = f"; perhaps you meant “{close[0]}”" if close else ""
    raise Refused(
        f"“{said[:40]}” is no kind of post{hint}", mend=f"choose one of {', '.join(KINDS)}"
    )


_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")


def _moment(day: str, hour: str, zone: tzinfo) -> datetime | None:
    """Date and time as people write them. None without a date. Raises Refused."""
    day = " ".join(day.split())
    if not day:
        if hour:
            raise Refused(f"a time ({hour[:20]}) without a date", mend="give the date: 2026-12-01")
        return None
    match = re.search(r"[T ](\d{1,2}[:.]\d\d.*)$", day)
    if match and not hour:
        if re.search(r"(?:Z|[+-]\d\d:?\d\d)$", day):
            try:
                return datetime.fromisoformat(day).astimezone(zone)
            except ValueError:
                pass
        day, hour = day[: match.start()], match[1]
    slashed = re.fullmatch(r"(\d{1,2})[/-](\d{1,2})[/-](\d{2}|\d{4})", day)
    if slashed:
        first, second, year = (int(part) for part in slashed.groups())
        year += 2000 if year < 100 else 0
        if 1 <= first <= 12 and 1 <= second <= 12 and first != second:
            ways = f"{year}-{first:02}-{second:02} or {year}-{second:02}-{first:02}"
            raise Refused(f"“{day}” can be read as two days", mend=f"write it as {ways}")
        day = f"{first}/{second}/{year}"
    found = _written(day) or parse_date(day, UTC)
    if found is None:
        raise Refused(f"“{day[:40]}” is no date", mend="write it as 2026-12-01")
    clock = _clock(hour) if hour else time(12)
    wanted = datetime.combine(found.date(), clock, zone)
    return wanted.astimezone(UTC).astimezone(zone)


def _written(day: str) -> datetime | None:
    """ "1 December 2026", "Dec 1st, 2026", "Tue, 1 Dec 2026"."""
    plain = re.sub(r"^[A-Za-z]{2,9},? (?=.*[A-Za-z].*\d{4})(?![A-Za-z]+ \d{4})", "", day) if re.match(
        r"(?i)(?:mon|tue|wed|thu|fri|sat|sun)", day
    ) else day  # fmt: skip
    match = re.fullmatch(r"(\d{1,2})(?:st|nd|rd|th)?\.? ([A-Za-z]{3,9})\.?,? (\d{4})", plain)
    parts = (match[1], match[2], match[3]) if match else None
    if parts is None:
        match = re.fullmatch(r"([A-Za-z]{3,9})\.? (\d{1,2})(?:st|nd|rd|th)?,? (\d{4})", plain)
        parts = (match[2], match[1], match[3]) if match else None
    if parts is None:
        return None
    try:
        return datetime(
            int(parts[2]), _MONTHS.index(parts[1][:3].lower()) + 1, int(parts[0]), 12, tzinfo=UTC
        )
    except ValueError:
        return None


def _clock(said: str) -> time:
    match = re.fullmatch(
        r"(\d{1,2})(?:[:.h](\d{2}))?(?::\d{2})? ?(?:(am|pm)|h|uhr|o'clock)?", said.strip().lower()
    )
    if match:
        hour, minute = int(match[1]), int(match[2] or 0)
        if match[3] and 1 <= hour <= 12:
            hour = hour % 12 + (12 if match[3] == "pm" else 0)
        if hour < 24 and minute < 60:
            return time(hour, minute)
    raise Refused(f"“{said[:40]}” is no time of day", mend="write it as 18:00")


def _zone(path: Path, name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:
        raise FeedsmithError(
            f"{path}: “{name[:60]}” is no time zone", mend="write it as Europe/Berlin"
        ) from error


def _text_of(path: Path, most: int) -> str:
    try:
        size = path.stat().st_size
        data = path.read_bytes() if size <= most else b""
    except FileNotFoundError as error:
        raise FeedsmithError(
            f"{path}: no such plan", mend="propose one: feedsmith plan BRAND --out plan.yaml"
        ) from error
    except OSError as error:
        raise FeedsmithError(
            f"{path}: cannot be read ({error.strerror})", mend="name a plan"
        ) from error
    if size > most:
        raise FeedsmithError(f"{path}: too large for a plan", mend="split it")
    if data[:4] in (b"PK\x03\x04", b"\xd0\xcf\x11\xe0"):
        raise FeedsmithError(
            f"{path}: this is a spreadsheet, not a plan", mend="save it as CSV, then name that file"
        )
    text = decode(data).replace("\r\n", "\n").replace("\r", "\n")
    if any(unicodedata.category(c) == "Cc" and c not in "\n\t" for c in text):
        raise FeedsmithError(f"{path}: this is no text", mend="name a plan")
    if not text.strip():
        raise FeedsmithError(f"{path}: the plan is empty", mend="feedsmith plan proposes one")
    return text


def _table(path: Path, text: str) -> Iterator[tuple[int, dict[str, str] | Refused]]:
    delimiter = delimiter_of(text)
    reader = csv.reader(io.StringIO(text), delimiter=delimiter)
    header: list[str] | None = None
    line = 1
    try:
        for cells in reader:
            if any(cell.strip() for cell in cells):
                if header is None:
                    header = cells
                    _check_columns(path, header)
                elif extra := [cell for cell in cells[len(header) :] if cell.strip()]:
                    sign = "tab" if delimiter == "\t" else delimiter
                    yield (
                        line,
                        Refused(
                            f"“{extra[0].strip()[:40]}” stands beyond the last column",
                            mend=f"put words that hold a “{sign}” into quotes",
                        ),
                    )
                else:
                    cells_by_name = zip(header, cells, strict=False)
                    yield line, {name: cell for name, cell in cells_by_name if name.strip()}
            line = reader.line_num + 1
    except csv.Error as error:
        raise FeedsmithError(
            f"{path}: line {line} cannot be read ({error})", mend="look at it in a text editor"
        ) from error


def _check_columns(path: Path, header: Sequence[str]) -> None:
    """Raise FeedsmithError where no column is the kind, or two are the same."""
    seen: dict[str, str] = {}
    for cell in header:
        name = _field(cell)
        if name in seen and name not in _IGNORED:
            both = (
                cell.strip() if cell.strip() == seen[name] else f"{seen[name]}” and “{cell.strip()}"
            )
            raise FeedsmithError(
                f"{path}: two columns say the {name} (“{both[:80]}”)", mend="delete one of them"
            )
        if name:
            seen[name] = cell.strip()
    if "kind" not in seen:
        raise FeedsmithError(
            f"{path}: no column for the kind of post",
            mend=f"the first row must name the columns: {', '.join(_FIELDS[:6])} ...",
        )


def _field(raw: str) -> str:
    """The field that people mean, e.g. "headline" for "Title"."""
    name = re.sub(r"[^a-z]+", "_", raw.strip().lower()).strip("_")
    return _ALSO.get(name, name)


def _document(path: Path, text: str) -> tuple[str, Iterator[tuple[int, dict[str, str] | Refused]]]:
    """(time zone, rows with their lines) of a YAML plan; its tree is walked, nothing is built."""
    try:
        depth = 0
        for event in yaml.parse(text, Loader=yaml.SafeLoader):
            line = event.start_mark.line + 1 if event.start_mark else 0
            depth += isinstance(event, yaml.CollectionStartEvent)
            depth -= isinstance(event, yaml.CollectionEndEvent)
            if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
                raise FeedsmithError(
                    f"{path}: line {line}: anchors and aliases (& and *) are not used in plans",
                    mend="write the words out, or put them into quotes",
                )
            if tag := getattr(event, "tag", None):
                raise FeedsmithError(
                    f"{path}: line {line}: tags ({str(tag)[:40]}) are not used in plans",
                    mend="delete the tag, or put the words into quotes",
                )
            if depth > DEPTH_MAX:
                raise FeedsmithError(
                    f"{path}: line {line}: nested too deeply", mend="mend that line"
                )
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
        place = f"line {mark.line + 1}: " if mark else ""
        why = getattr(error, "problem", "") or "not valid YAML"
        raise FeedsmithError(
            f"{path}: {place}{why}",
            mend="mend that line; words with : or # in them go into quotes",
        ) from error
    named = ""
    if isinstance(root, yaml.MappingNode):
        top: dict[str, yaml.Node] = {}
        for key, node in root.value:
            if str(key.value) in top:
                raise FeedsmithError(
                    f"{path}: line {key.start_mark.line + 1}: “{str(key.value)[:40]}” stands here "
                    "a second time",
                    mend="put all entries under one, and delete the other",
                )
            top[str(key.value)] = node
        zone = top.get("time_zone")
        named = str(zone.value) if isinstance(zone, yaml.ScalarNode) else ""
        root = top.get("posts")
    if not isinstance(root, yaml.SequenceNode):
        raise FeedsmithError(
            f"{path}: no list of posts in it", mend="begin the list with a line “posts:”"
        )
    return named, ((node.start_mark.line + 1, _entry(node)) for node in root.value)


def _entry(node: yaml.Node) -> dict[str, str] | Refused:
    try:
        return _flat(node)
    except Refused as fault:
        return fault


def _flat(node: yaml.Node) -> dict[str, str]:
    """The fields of an entry as text; an offer given by parts is taken apart. Raises Refused."""
    if not isinstance(node, yaml.MappingNode):
        said = f"“{str(node.value)[:40]}”" if isinstance(node, yaml.ScalarNode) else "a list"
        raise Refused(
            f"{said} is not an entry",
            mend="an entry has fields, the first one like “- kind: photo”",
        )
    row: dict[str, str] = {}
    for key, value in node.value:
        if not isinstance(key, yaml.ScalarNode):
            raise Refused("a field without a name", mend="write fields like “theme: autumn”")
        name = str(key.value)
        known = _field(name) in _FIELDS
        parts: dict[str, str] = {}
        if isinstance(value, yaml.ScalarNode):
            plain = value.style is None and value.value.lower() in ("null", "~", "none", "")
            parts[name] = "" if plain else str(value.value)
        elif isinstance(value, yaml.MappingNode) and name.strip().lower() == "offer":
            parts = _flat(value)
        elif known:
            shape = "a list" if isinstance(value, yaml.SequenceNode) else "fields of its own"
            raise Refused(
                f"the {name[:40]} is {shape}, not words", mend=f"write one line: {name[:40]}: ..."
            )
        else:
            parts[name] = "x"  # told as unknown by name
        if twice := [part for part in parts if part in row]:
            raise Refused(f"“{twice[0][:40]}” is given twice", mend="delete one of the two lines")
        row |= parts
    return row
