"""Days of the year that posts speak of: holidays of a country, family days, days of a trade.

Knows the calendar and where a brand is; knows no brand and no post. Public holidays are those of
the `holidays` package, for a known country alone: nobody's religion is guessed.
"""

import re
import zoneinfo
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import NamedTuple

TROPIC = 23.4
"""Degrees of latitude inside which a year has no spring and autumn to speak of."""


class Occasion(NamedTuple):
    """One day."""

    on: date
    name: str
    weight: float
    """The weightier goes first where there are too many."""
    lead: int
    """A post may come up to this many days before: people need them to find a present."""
    subjects: tuple[str, ...] = ()
    """Types of things (captions/nouns.txt) that suit it; () for any."""
    sale: bool = False
    """A day on which shops sell: what, only they can say."""


class Place(NamedTuple):
    """Where a brand is, as far as its settings tell."""

    country: str
    """ISO 3166; '' where it cannot be told."""
    latitude: float | None
    """Degrees, south negative; None where it cannot be told."""
    note: str
    """How that was found out, for people."""

    def season(self, day: date) -> str:
        """spring, summer, autumn, winter by the calendar's months; '' in the tropics and where the
        place is not known."""
        if self.latitude is None or abs(self.latitude) < TROPIC:
            return ""
        quarter = (day.month % 12 // 3 + (2 if self.latitude < 0 else 0)) % 4
        return ("winter", "spring", "summer", "autumn")[quarter]


def place(country: str, zone: str) -> Place:
    """By the country where it is set, else by the time zone, where one country has it."""
    known = _zones()
    if country:
        own = [at for code, at in known.values() if code == country]
        here = known.get(zone)
        latitude = here[1] if here and here[0] == country else (own[0] if own else None)
        return Place(country, latitude, f"Holidays are those of {country}, by brand.toml.")
    if zone in known:
        code, latitude = known[zone]
        return Place(
            code, latitude,
            f"Holidays are those of {code}, by the time zone {zone}; set country in brand.toml if "
            "that is not yours.",
        )  # fmt: skip
    return Place(
        "", None,
        f"The time zone {zone} tells no country: no public holidays and no seasons are planned. "
        'Set country = "DE" (or yours) in brand.toml.',
    )  # fmt: skip


@cache
def _zones() -> dict[str, tuple[str, float]]:
    """Time zone to (country, latitude), from the zone.tab that comes with the system's zones."""
    text = ""
    for folder in zoneinfo.TZPATH:
        file = Path(folder) / "zone.tab"
        if file.is_file():
            text = file.read_text("utf-8")
            break
    else:
        try:
            text = files("tzdata").joinpath("zoneinfo/zone.tab").read_text("utf-8")
        except (ModuleNotFoundError, OSError):
            return {}
    found: dict[str, tuple[str, float]] = {}
    for line in text.splitlines():
        parts = line.split("\t")
        match = re.match(r"([+-])(\d\d)(\d\d)", parts[1]) if len(parts) > 2 else None
        if match and not line.startswith("#"):
            degrees = int(match[2]) + int(match[3]) / 60
            found[parts[2]] = (parts[0], -degrees if match[1] == "-" else degrees)
    return found


def between(start: date, end: date, where: Place, niche: str = "") -> list[Occasion]:
    """Days from `start` up to `end` (not included), in order, that fit the place and the niche."""
    found: list[Occasion] = []
    for year in range(start.year, end.year + 1):
        found += _public(year, where.country)
        found += _family(year, where.country)
        found += _sales(year, where.country)
        found += _trades(year, niche)
        found += _turns(year, where)
    kept: dict[tuple[date, str], Occasion] = {}
    for day in sorted(found, key=lambda day: (day.on, -day.weight, day.name)):
        if start <= day.on < end:
            kept.setdefault((day.on, "sale" if day.sale else ""), day)
    return list(kept.values())


# ---- public holidays ---------------------------------------------------------------------------

_SOMBRE = re.compile(
    r"memorial|remembrance|mourning|martyr|victim|genocide|armistice|anzac|veteran|armed|militar|"
    r"liberation|good friday|ashura|tisha|yom kippur|fast|all souls|repentance|atonement|prayer|election|"
    r"emperor|king\b|king's|queen|sultan|president|governor|washington|constitution|observed|"
    r"substitute|in lieu|additional|bridge|day off|special non|bank holiday|inauguration|"
    r"national holiday|citizens|silence|reunification|truth|reconciliation|columbus|victory|war\b|"
    r"uprising|revolution|restoration|struggle|zumbi|arbaeen|tassua|demise|martyrdom",
    re.I,
)
"""Days that a shop better leaves alone, and days that are only a day off."""
_GIFTS = re.compile(
    r"christmas|eid|diwali|hanuk|easter sunday|lunar new year|chinese new year|nowruz", re.I
)


def _public(year: int, country: str) -> Iterator[Occasion]:
    if not country:
        return
    import holidays  # 0.1 s and 19 MB: only a plan needs it

    try:
        listed = holidays.country_holidays(country, years=year, language="en_US", observed=False)
    except NotImplementedError:
        return
    for on, names in sorted(listed.items()):
        for name in names.split("; "):
            if not _SOMBRE.search(name):
                shown = re.sub(r"\s*\((?:estimated|tentative)\)", "", name)
                lead = 3 if _GIFTS.search(name) else 0
                yield Occasion(on, shown, 0.75 if lead else 0.6, lead)
                break


# ---- family days -------------------------------------------------------------------------------

_FAMILY = ("flower", "pastry", "candle", "vessel", "jewel", "gift", "soap", "tea", "coffee", "book")
_MOTHER = {
    "second sunday of may": "US CA AU NZ DE AT CH IT NL BE DK FI EE LV CZ SK GR CY MT HR JP BR IN ZA SG "
    "HK TW PH MY PE CL CO EC VE UY TR UA KE GH ZW JM TT BB",
    "mothering sunday": "GB IE IM JE GG NG",
    "first sunday of may": "ES PT HU LT RO AO MZ CV",
    "last sunday of may": "SE DO HT",
    "french": "FR MC",
    "second sunday of february": "NO",
    "may 26": "PL", "may 10": "MX GT SV", "third sunday of october": "AR", "august 12": "TH",
    "march 21": "EG AE SA JO LB KW QA BH OM IQ PS", "march 8": "BG RS BA ME MK AL",
    "december 22": "ID", "august 15": "CR", "may 27": "BO", "may 30": "NI", "may 15": "PY",
}  # fmt: skip
_FATHER = {
    "third sunday of june": "US CA GB IE FR NL JP IN ZA MX AR CL CO PE EC SG HK PH MY TR UA CZ SK GR "
    "CY HU CN KE GH JM TT",
    "ascension": "DE",
    "second sunday of june": "AT BE",
    "first sunday of june": "CH LT",
    "march 19": "ES IT PT HR",
    "first sunday of september": "AU NZ",
    "second sunday of november": "SE NO FI EE IS",
    "june 5": "DK", "june 23": "PL", "second sunday of august": "BR", "august 8": "TW",
    "december 5": "TH", "second sunday of may": "RO",
}  # fmt: skip
_MONTHS = (
    "january", "february", "march", "april", "may", "june", "july", "august", "september",
    "october", "november", "december",
)  # fmt: skip


def _family(year: int, country: str) -> Iterator[Occasion]:
    for name, rules in (("Mother's Day", _MOTHER), ("Father's Day", _FATHER)):
        for rule, countries in rules.items():
            if country and country in countries.split():
                yield Occasion(_by_rule(rule, year), name, 1.0, 6, _FAMILY if "M" in name else ())
    if country == "BR":
        yield Occasion(date(year, 6, 12), "Dia dos Namorados", 0.9, 6, ("flower", "gift"))
    elif country and country not in ("SA", "IR", "PK", "MY", "ID", "BN"):
        yield Occasion(
            date(year, 2, 14), "Valentine's Day", 0.9, 6,
            ("flower", "pastry", "candle", "jewel", "gift", "drink"),
        )  # fmt: skip
    yield Occasion(date(year, 3, 8), "International Women's Day", 0.5, 0, ("flower",))
    if country:
        yield Occasion(date(year, 12, 31), "New Year's Eve", 0.6, 0, ("candle", "star", "drink"))


def _by_rule(rule: str, year: int) -> date:
    if rule == "mothering sunday":
        return easter(year) - timedelta(days=21)
    if rule == "ascension":
        return easter(year) + timedelta(days=39)
    if rule == "french":  # the last Sunday of May, unless that is Pentecost
        last = _nth("last", 6, 5, year)
        return last + timedelta(days=7) if last == easter(year) + timedelta(days=49) else last
    if " of " in rule:
        nth, _, _, month = rule.split()
        return _nth(nth, 6, _MONTHS.index(month) + 1, year)
    month, day = rule.split()
    return date(year, _MONTHS.index(month) + 1, int(day))


def _nth(which: str, weekday: int, month: int, year: int) -> date:
    """The first, second, third, fourth or last such weekday (Monday 0) of a month."""
    if which == "last":
        after = date(year + month // 12, month % 12 + 1, 1)
        return after - timedelta(days=(after.weekday() - weekday - 1) % 7 + 1)
    first = date(year, month, 1)
    first += timedelta(days=(weekday - first.weekday()) % 7)
    return first + timedelta(weeks=("first", "second", "third", "fourth").index(which))


def easter(year: int) -> date:
    """Western Easter Sunday (Butcher's rule, Gregorian calendar)."""
    a, b, c = year % 19, year // 100, year % 100
    d, e, g = b // 4, b % 4, (8 * b + 13) // 25
    h = (19 * a + b - d - g + 15) % 30
    i, k = c // 4, c % 4
    j = (32 + 2 * e + 2 * i - h - k) % 7
    m = (a + 11 * h + 22 * j) // 451
    month, day = divmod(h + j - 7 * m + 114, 31)
    return date(year, month, day + 1)


# ---- days on which shops sell ------------------------------------------------------------------

_BLACK_FRIDAY = (
    "US CA GB IE DE AT CH FR ES IT PT NL BE LU DK SE NO FI PL CZ SK HU RO BG HR SI GR EE LV LT BR MX "
    "AR CL CO PE AU NZ ZA"
)


def _sales(year: int, country: str) -> Iterator[Occasion]:
    thanksgiving = _nth("fourth", 3, 11, year)
    if country and country in _BLACK_FRIDAY.split():
        yield Occasion(thanksgiving + timedelta(days=1), "Black Friday", 0.9, 0, sale=True)
    if country == "US":
        yield Occasion(
            thanksgiving + timedelta(days=2), "Small Business Saturday", 1.0, 0, sale=True
        )
    if country == "GB":
        yield Occasion(_nth("first", 5, 12, year), "Small Business Saturday", 1.0, 0, sale=True)


# ---- days of a trade ---------------------------------------------------------------------------

_TRADES: tuple[tuple[str, str, str, str], ...] = (
    # rule, name, words of the niche ("*" for any), types of things
    ("april 22", "Earth Day", "outdoor hiking garden florist flowers plant plants farm forest nature "
     "travel photographer photography camping trail surf", "tree forest mountain flower sea lake field"),
    ("march 21", "International Day of Forests", "outdoor hiking forest forests woodland tree trees "
     "nature photography camping", "forest tree canopy"),
    ("march 22", "World Water Day", "outdoor hiking surf kayak sailing nature photography",
     "lake stream waterfall sea"),
    ("may 20", "World Bee Day", "garden honey beekeeper farm florist flowers nature candle candles",
     "insect honey flower"),
    ("december 11", "International Mountain Day", "outdoor hiking mountain climbing trekking camping "
     "travel nature photography", "mountain hill"),
    ("june 3", "World Bicycle Day", "bike bikes bicycle cycling", "bike"),
    ("august 19", "World Photography Day", "photo photography photographer photographs", ""),
    ("september 27", "World Tourism Day", "travel guesthouse hotel hostel tours tour inn", ""),
    ("october 1", "International Coffee Day", "cafe coffee roaster espresso", "coffee"),
    ("may 21", "International Tea Day", "tea cafe", "tea"),
    ("october 16", "World Bread Day", "bakery baker bread", "bread"),
    ("third sunday of may", "World Baking Day", "bakery baker pastry cake cakes", "pastry bread"),
    ("july 7", "World Chocolate Day", "chocolate chocolatier confectionery", "flour pastry"),
    ("april 23", "World Book Day", "books bookshop bookstore library stationery", "book"),
    ("june 21", "International Day of Yoga", "yoga pilates", "yoga"),
    ("august 26", "International Dog Day", "pets pet dog dogs groomer", "dog"),
    ("august 8", "International Cat Day", "pets pet cat cats", "cat"),
    ("october 4", "World Animal Day", "pets pet dog dogs cat cats groomer zoo", "dog cat animal bird"),
    ("october 2", "World Habitat Day", "architect architecture", ""),
    ("may 18", "International Museum Day", "museum gallery", "art"),
    ("april 15", "World Art Day", "art artist gallery prints printmaker", "art"),
)  # fmt: skip


def _trades(year: int, niche: str) -> Iterator[Occasion]:
    said = set(re.findall(r"[a-z]+", niche.lower()))
    for rule, name, trade, subjects in _TRADES:
        if said & set(trade.split()):
            yield Occasion(_by_rule(rule, year), name, 0.8, 1, tuple(subjects.split()))


# ---- the sun -----------------------------------------------------------------------------------

_TURNS = (
    # Mean instants, Julian ephemeris days for the years 2000-3000: Meeus, Astronomical Algorithms,
    # chapter 27. Without the periodic terms they are right to about 20 minutes.
    (2451623.80984, 365242.37404, 0.05169, -0.00411, -0.00057, "spring"),
    (2451716.56767, 365241.62603, 0.00325, 0.00888, -0.00030, "summer"),
    (2451810.21715, 365242.01767, -0.11575, 0.00337, 0.00078, "autumn"),
    (2451900.05952, 365242.74049, -0.06223, -0.00823, 0.00032, "winter"),
)
_SHOWN = {
    "spring": ("flower", "bud", "tree"),
    "summer": ("sea", "lake", "field", "fruit", "mountain"),
    "autumn": ("leaf", "tree", "seed", "tea"),
    "winter": ("candle", "snow", "star", "conifer", "tea"),
}


def _turns(year: int, where: Place) -> Iterator[Occasion]:
    """The first days of the seasons, by the sun; none in the tropics."""
    if where.latitude is None or abs(where.latitude) < TROPIC:
        return
    names = [turn[-1] for turn in _TURNS]
    for number, (a, b, c, d, e, _) in enumerate(_TURNS):
        t = (year - 2000) / 1000
        days = a + b * t + c * t**2 + d * t**3 + e * t**4 - 2451545.0  # since 1 January 2000, noon
        instant = datetime(2000, 1, 1, 12, tzinfo=UTC) + timedelta(days=days)
        season = names[(number + 2) % 4] if where.latitude < 0 else names[number]
        yield Occasion(instant.date(), f"First day of {season}", 0.7, 0, _SHOWN[season])
