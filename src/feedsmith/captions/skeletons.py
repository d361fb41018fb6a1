"""Skeletons: sentences that people wrote, with typed slots for what a picture shows.

Knows the stock (skeletons.txt), when a sentence may be said of a picture, and how its slots are
filled with agreement. It knows nothing of ranking, of runs, and of the language model.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from importlib.resources import files

from feedsmith.captions import words
from feedsmith.captions.words import (
    Noun,
    Number,
    agree,
    listed,
    read,
    sentence_case,
    stem,
    with_article,
)
from feedsmith.facts import even

ROLES = "ONQWSHPUCLFKBDYRGT"
"""Opening, note, question, whole, story, headline, words to set, under them, carousel, slides,
offer frame, offer call, bare (nothing known of the picture), product, name and price, reel, GIF,
several things together."""

_SLOT = re.compile(r"\{(?:(a|A|the|The|this|This) )?([A-Za-z]+)(?::([\w']+))?\}")
_FLAG = re.compile(r"^[+\-#@][\w,'-]+$")
_BARE_AFTER = listed(
    "one of after dear the a an this first two another more your our my some favourite favorite own "
    "good"
)
"""Words after which a singular stays without an article: "One oak", "Dear mountain"."""

SEASONS = {
    "spring": "spring", "summer": "summer", "autumn": "autumn", "fall": "autumn",
    "winter": "winter", "springtime": "spring", "summertime": "summer", "wintertime": "winter",
}  # fmt: skip
_IMPLIED = {
    "sunset": "evening", "dusk": "evening", "afterglow": "evening", "twilight": "evening",
    "setting": "evening", "alpenglow": "evening", "evening": "evening", "dawn": "morning",
    "sunrise": "morning", "morning": "morning", "night": "night", "stars": "night",
    "star": "night", "moon": "night", "midnight": "night", "snow": "snow", "snowy": "snow",
    "frost": "snow", "misty": "mist", "foggy": "mist", "fog": "mist", "mist": "mist",
    "rain": "rain", "rainy": "rain", "sunlit": "sun", "sunny": "sun", "sunlight": "sun",
    "reflected": "reflection", "mirrored": "reflection",
}  # fmt: skip
_NICHES = {
    "outdoor": "hiking outdoor outdoors trail camping mountain climbing trekking forest forests "
    "woodland tree trees landscape landscapes nature coast",
    "travel": "travel guesthouse hotel hostel tours tour inn bnb",
    "garden": "garden gardening gardener plant plants florist flowers nursery flower",
    "farm": "farm farmer honey beekeeper orchard vineyard winery",
    "food": "cafe bakery coffee roaster food restaurant kitchen farm honey deli pastry tea "
    "chocolate brewery wine winery baker",
    "craft": "ceramics ceramic pottery candles candle handmade crafts craft woodcraft carpenter "
    "jewellery jewelry accessories studio glass",
    "fashion": "fashion clothing clothes shoes cobbler tailor",
    "home": "home decor furniture interior interiors gifts gift store general",
    "beauty": "skincare soap cosmetics beauty barber hair salon perfume",
    "fitness": "fitness yoga gym pilates",
    "pets": "pets pet dog dogs cat cats groomer",
    "books": "books bookshop stationery",
    "tech": "tech desk bike repair",
    "photo": "photography photographer photographs travel",
}


_ALIKE = listed(
    "tree leaf flower seed cactus bird insect mountain hill rock sand lake stream sea sky sunset "
    "path field forest fruit grass shore"
)
"""A second one of these is mostly the first under another name: "white ash, tall trees"."""

MADE = listed(
    "garment shoe bag gear tea coffee meal drink pastry bread vessel book gift jewel cloth textile "
    "tool travel art trim yoga fitness tech paperware notebook pen honey preserve"
)
"""Where a brand shows landscapes, these were mostly spoken of rather than seen."""

SOLD = MADE | listed(
    "candle soap scent bath kitchenware container furniture lamp woodwork bike fruit vegetable cheese "
    "egg meal flour flower plant cactus barber tent"
)
"""What may be a product where its name does not tell."""

AT_HOME = {
    "food": "bread pastry coffee tea drink honey preserve vegetable fruit cheese egg meal flour",
    "pets": "dog cat animal bird",
    "books": "book notebook pen paperware",
    "fashion": "garment cloth shoe bag textile",
    "fitness": "yoga fitness",
    "craft": "vessel clay candle jewel woodwork soap art",
    "beauty": "soap scent bath barber",
    "tech": "tech bike lamp",
    "garden": "flower plant tree leaf seed cactus fern moss bud fruit vegetable",
    "home": "furniture lamp woodwork textile vessel candle",
}
"""What a niche is about, and so what its captions would rather speak of."""

INDOORS_NEVER = listed(
    "tree forest canopy leaf branch bark bud seed grass deadwood stump spine mountain hill canyon "
    "rock shell cliff sand desert sea shore island lake stream waterfall reflection sky cloud sunset star "
    "snow mist rain shade wind path field bridge boat building wall fence animal bird insect barber"
)
"""Not what a picture is of, where the brand is a bakery or a workshop."""

SEVERAL = "several"
"""The fact that holds where a post's pictures show different things."""


def sold(noun: Noun) -> bool:
    """Whether it may be a product; a tree or a leaf is none, though plants are."""
    return bool(noun.types & SOLD) and not noun.types & (INDOORS_NEVER - {"shell"})


_SPECIES = listed("tree flower bird insect animal cactus mushroom dog cat")
COMMON = listed(
    "tree bird flower insect animal cactus dog cat mushroom trunk bush shrub clock head cluster "
    "bouquet bloom petal puppy kitten blossom conifer evergreen palm hardwood specimen giant"
)


@dataclass(frozen=True)
class Skeleton:
    """One line of the stock, or of a brand's own."""

    id: str
    role: str
    types: frozenset[str]
    """Types a subject may have; {"any"} for all, {"none"} where nothing is known."""
    text: str
    needs: tuple[frozenset[str], ...] = ()
    """Every group must share a fact with the scene."""
    forbids: frozenset[str] = frozenset()
    voices: frozenset[str] = frozenset()
    number: Number | None = None
    same: str = ""
    """Id of the first line that says the same in other places: a reader has seen it, either way."""
    narrow: float = 0.0
    """0 for anything, 1 for a line about one type only: the narrower, the more to the point."""
    since: int | None = None
    """Of a brand's own line: captions it wrote after the last one that says it. None for ours."""
    said_of: frozenset[tuple[str, ...]] = frozenset()
    """Of a brand's own line: stems of the things it said it of; it is not said of them again."""
    code: str = ""
    """ISO 639-1 of another language whose grammar fills it (captions.tongues.stock); "" here."""

    @property
    def own(self) -> bool:
        """Whether the brand itself wrote it."""
        return self.since is not None

    @property
    def slots(self) -> frozenset[str]:
        return frozenset(match[2].lower() for match in _SLOT.finditer(self.text))

    @property
    def crowded(self) -> bool:
        """Names more than the subject, so that "it" after it would be unclear."""
        return bool(self.slots - {"s", "brand", "season", "offer", "opening", "name", "price"})

    @property
    def points_back(self) -> bool:
        """Begins with a pronoun that needs the subject just named."""
        return bool(
            re.match(r"(?:\{s:(?:It|Its|This|That)\}|(?:It|They)(?:['’]\w+)?\b)", self.text)
        )

    def filled(self, scene: "Scene", details: Sequence[Noun], opening: str) -> str | None:
        """`fill` by the grammar of another language; English lines have none of their own."""
        raise NotImplementedError(self.code)


@dataclass(frozen=True)
class Scene:
    """What a caption may speak of: the nouns of the picture and the facts that hold."""

    nouns: tuple[Noun, ...]
    facts: frozenset[str]
    hints: frozenset[str] = frozenset()
    """Facts, and in addition every word that describes anything shown: what speaks against."""
    brand: str = ""
    offer: str = ""
    name: str = ""
    """Of a product."""
    price: str = ""
    season: str = ""
    subject: Noun | None = None
    details: tuple[Noun, ...] = field(default=())
    groups: frozenset[str] = frozenset()
    """Groups of the brand's niche, keys of _NICHES."""
    away: bool = True
    """The brand shows what grows and happens outdoors; a bakery's "leaf" is a pattern on bread."""

    def about(self, subject: Noun | None) -> "Scene":
        """The same scene with one noun as its subject; details are those that differ from it."""
        details: list[Noun] = []
        seen = set(stems(subject)) if subject else set()
        for noun in self.nouns:
            own = set(stems(noun))
            alike = subject is not None and bool(noun.types & subject.types & _ALIKE)
            alike = alike and SEVERAL not in self.facts  # there, an oak and a beech are two
            apart = alike or (not self.away and noun.types & INDOORS_NEVER)
            if noun is not subject and noun.known and not apart and not own & seen:
                details.append(noun)
                seen |= own
        described = [n for n in self.nouns if n is subject or n.types & _PARTS]
        facts = self.facts.union(*(_described(noun) for noun in described))
        return replace(self, facts=facts, subject=subject, details=tuple(details))


def scene(
    shows: Sequence[str],
    *,
    season: str = "",
    light: Sequence[str] = (),
    niche: str = "",
    brand: str = "",
    offer: str = "",
    name: str = "",
    price: str = "",
) -> Scene:
    """Read keywords, season, light and niche into nouns and facts.

    `facts` holds the types of all nouns, their words and stems, the season, times of day and
    weather that are known, groups of the niche, and what sort of offer there is.
    """
    nouns: list[Noun] = []
    facts: set[str] = set()
    hints: set[str] = set()
    for keyword in (*shows, *light):
        noun = read(keyword)
        facts.update(noun.types - {"thing"})
        for word in noun.words:  # "cedar foliage" has a cedar in it
            inner = read(word)
            facts.update(inner.types if "plant" in inner.types else ())
        for word in noun.words:
            (hints if word in words.MODIFIERS else facts).update({word, stem(word)})
            facts |= {_IMPLIED[word]} if word in _IMPLIED else set()
            facts |= {SEASONS[word]} if word in SEASONS else set()
    for keyword in shows:
        noun = read(keyword)
        if words.nameable(noun) and noun.text.lower() not in {n.text.lower() for n in nouns}:
            nouns.append(noun)
    if "conifer" in facts:
        facts.add("needle")
    known = SEASONS.get(season.strip().lower(), "")
    if known:
        facts.add(known)
    for word in SEASONS.values():
        if word in facts and not known:
            known = word
    niche_words = set(re.findall(r"[a-z]+", niche.lower()))
    groups = {group for group, listed in _NICHES.items() if niche_words & set(listed.split())}
    if not groups or groups & {"outdoor", "travel", "photo", "garden", "farm", "pets"}:
        groups.add("away")
    facts |= groups
    facts |= offer_facts(offer)
    return Scene(
        tuple(nouns),
        frozenset(facts),
        frozenset(facts | hints),
        brand,
        offer,
        name,
        price,
        known,
        groups=frozenset(groups),
        away="away" in groups,
    )


_DATE = re.compile(
    r"\b(?:(?:mon|tues|wednes|thurs|fri|satur|sun)days?|january|february|march|april|june|july|"
    r"august|september|october|november|december|\d{1,2} may|may \d{1,2}|today|tomorrow|tonight|"
    r"weekend)\b",
    re.I,
)
_TIME = re.compile(r"\b\d{1,2}[:.]\d{2}\b|\b\d{1,2} ?(?:am|pm|a\.m\.|p\.m\.)", re.I)
_PRICE = re.compile(
    r"[€$£¥]\s?\d|\d\s?[€$£¥]|\b\d+(?:[.,]\d+)?\s?(?:EUR|USD|GBP|CHF|CAD|AUD)\b", re.I
)
_EVENT = re.compile(
    r"\b(?:walk|class|workshop|course|tour|tasting|lesson|concert|reading|session|evening|night|"
    r"market|talk|meetup|meet-up|party|drop-in|ride|hike|swap|festival|opening)s?\b",
    re.I,
)


def offer_facts(offer: str) -> set[str]:
    """What sort of offer it is: any of dated, event, service, price, hours, deal."""
    facts: set[str] = set()
    if re.search(
        r"\b(?:repairs?|drop-in|sharpening|fitting|cleaning|grooming|servic\w+)\b", offer, re.I
    ):
        facts.add("service")
    dated = bool(_DATE.search(offer))
    times = _TIME.findall(offer)
    if dated:
        facts.add("dated")
    if _EVENT.search(offer) and (dated or times):
        facts.add("event")
    elif len(times) >= 2:
        facts.add("hours")
    if _PRICE.search(offer):
        facts.add("price")
    if re.search(r"%|\bfree\b|\boff\b|half price|\bdiscount\b", offer, re.I):
        facts.add("deal")
    return facts


@cache
def stock() -> tuple[Skeleton, ...]:
    """The shipped skeletons. Raises ValueError for a line that cannot be read (our own mistake)."""
    text = files("feedsmith.captions").joinpath("skeletons.txt").read_text("utf-8")
    return parse(text)


def parse(text: str, nouns: Iterable[str] = ()) -> tuple[Skeleton, ...]:
    """Read lines of the format that skeletons.txt explains at its head; `nouns` may stand for
    types."""
    groups: dict[str, frozenset[str]] = {}
    known = words.types() | {"any", "none", *nouns}
    types: frozenset[str] = frozenset({"any"})
    shared: list[str] = []
    found: list[Skeleton] = []
    first: dict[str, str] = {}
    for number, raw in enumerate(text.splitlines(), 1):
        line = raw.strip()
        if not line or line.startswith("#"):
            continue
        if line.startswith("@") and "=" in line:
            name, _, listed = line.partition("=")
            groups[name.strip()] = frozenset(listed.split())
            continue
        if line.startswith("["):
            names, _, flags = line[1:].partition("]")
            types = frozenset().union(
                *(groups.get(name.strip(), {name.strip()}) for name in names.split(","))
            )
            shared = flags.split()
            if types - known:
                raise ValueError(f"line {number}: unknown type {sorted(types - known)}")
            continue
        head, bar, body = line.partition("|")
        role, *own = head.split()
        if not bar or role not in ROLES:
            raise ValueError(f"line {number}: no role or no text: {raw}")
        tokens = body.split()
        while tokens and _FLAG.match(tokens[-1]):
            own.append(tokens.pop())
        stray = [token for token in tokens if re.match(r"^#(one|many|mass)$", token)]
        said = " ".join(token for token in tokens if token not in stray)
        line_id = f"{role}{number}"
        same = first.setdefault(said.lower(), line_id)
        found.append(_skeleton(line_id, same, role, types, said, [*shared, *own, *stray]))
    return tuple(found)


def _skeleton(
    key: str, same: str, role: str, types: frozenset[str], text: str, flags: Iterable[str]
) -> Skeleton:
    needs: list[frozenset[str]] = []
    forbids: set[str] = set()
    voices: set[str] = set()
    number: Number | None = None
    for flag in flags:
        mark, value = flag[0], flag[1:]
        if mark == "+":
            needs.append(frozenset(value.split(",")))
        elif mark == "-":
            forbids.update(value.split(","))
        elif mark == "@":
            voices.update(value.split(","))
        elif value in ("one", "many", "mass"):
            number = value  # type: ignore[assignment]
    if "{" not in text or not re.search(r"\{s:", text):
        # A bare "It ..." speaks of one thing and "They ..." of several, unless the line says so.
        if number is None and re.match(r"It(?:['’]\w+)?\b", text) and role in "NW":
            number = "one"
        if number is None and re.match(r"They(?:['’]\w+)?\b", text):
            number = "many"
    narrow = 0.0 if types & {"any", "none"} else 1.0 if len(types) <= 6 else 0.4
    return Skeleton(
        key, role, types, text, tuple(needs), frozenset(forbids), frozenset(voices), number, same,
        narrow,
    )  # fmt: skip


def fixed(text: str) -> tuple[str, ...]:
    """The stretches of a skeleton's text that stand as they are, between its slots."""
    return tuple(piece for piece in _SLOT.sub("\0", text).split("\0") if piece.strip())


def fits(skeleton: Skeleton, scene: Scene) -> bool:
    """True where the sentence may be said of the scene's subject."""
    subject = scene.subject
    if subject is None:
        about_nothing = skeleton.role in "FK" and "any" in skeleton.types  # they name no subject
        if "none" not in skeleton.types and not about_nothing:
            return False
        if any(not group & scene.facts for group in skeleton.needs):
            return False
        return not skeleton.forbids & (scene.facts | scene.hints)
    if skeleton.types == {"none"}:
        return False
    if any(_same_thing(stems(subject), said) for said in skeleton.said_of):
        return False
    if "any" not in skeleton.types and not skeleton.types & subject.types:
        return False
    if skeleton.number and not _number_fits(skeleton.number, subject.number):
        return False
    if "One {s}" in skeleton.text and subject.number != "one":
        return False
    if any(not group & scene.facts for group in skeleton.needs):
        return False
    return not skeleton.forbids & (scene.facts | scene.hints)


def _same_thing(one: tuple[str, ...], other: tuple[str, ...]) -> bool:
    """ "ash" and "white ash", or "ceiba bark" and "ceiba trunk"; not "oak leaf" and "maple leaf"."""
    a, b = set(one), set(other)
    return a <= b or b <= a or bool({*one[:-1]} & {*other[:-1]})


_PARTS = frozenset({"branch", "leaf", "bark", "canopy", "bud", "flower", "seed"})
"""A bare twig makes the tree bare; a bare tree does not make its neighbour so."""


def _described(noun: Noun) -> set[str]:
    return {form for word in noun.words for form in (word, stem(word))}


def _number_fits(wanted: Number, has: Number) -> bool:
    return wanted == has or (wanted == "one" and has == "mass")


def fill(
    skeleton: Skeleton,
    scene: Scene,
    details: Sequence[Noun] = (),
    opening: str = "",
    *,
    terse: bool = False,
) -> str | None:
    """The sentence with its slots filled, or None where the picture has nothing for a slot.

    `details` are what {d} and {e} stand for. Agreement, articles and capitals are made to fit;
    `terse` leaves the article of an opening away ("Lake, and the sky twice").
    """
    if skeleton.code:
        return skeleton.filled(scene, details, opening)
    subject = scene.subject
    slots = skeleton.slots
    taken = {id(n) for n, slot in zip(details, "de", strict=False) if slot in slots}
    failed = False

    def put(match: re.Match[str]) -> str:
        nonlocal failed
        determiner, name, form = match[1] or "", match[2], match[3] or ""
        slot = name.lower()
        plain = {
            "brand": scene.brand, "season": scene.season, "offer": scene.offer, "opening": opening,
            "name": scene.name, "price": scene.price,
        }  # fmt: skip
        if slot in plain:
            if not plain[slot]:
                failed = failed or slot != "opening"
            return plain[slot]
        noun: Noun | None
        if slot == "s":
            noun = subject
        elif slot in ("d", "e"):
            at = "de".index(slot)
            noun = details[at] if at < len(details) else None
        else:
            noun = next((n for n in scene.details if slot in n.types and id(n) not in taken), None)
        if noun is None:
            failed = True
            return ""
        if form:
            new = agree(form.lower(), noun.number)
            return sentence_case(new) if form[0].isupper() else new
        before = skeleton.text[: match.start()].rstrip()
        after = skeleton.text[match.end() :]
        label = terse or slot != "s"
        out = _phrase(noun, determiner.lower(), before, after, label=label)
        start = not before or before[-1] in ".?!/\n"
        return sentence_case(out) if (determiner or name)[0].isupper() or start else out

    text = _SLOT.sub(put, skeleton.text)
    for said in (scene.offer, scene.name, scene.price):
        if said and said[-1] in ".!?":  # it brings its own full stop
            text = text.replace(said + ".", said)
    return None if failed else even(text)


def _phrase(noun: Noun, determiner: str, before: str, after: str, *, label: bool) -> str:
    if determiner == "a":
        return with_article(noun)
    if determiner == "the":
        return f"the {noun.text}"
    if determiner == "this":
        return f"{agree('this', noun.number)} {noun.text}"
    last = re.search(r"([\w']+)$", before)
    if last:
        return noun.text if last[1].lower() in _BARE_AFTER else with_article(noun)
    if before.endswith(":") and re.match(r"\.|$", after):
        return with_article(noun)
    listed = re.match(r"(?:,|\.) \{[deDE]\}| after| first,", after)
    starts = not before or before[-1] in ".?!/"
    if starts and not listed and not label and not _name_like(noun):
        return with_article(noun)
    return noun.text


def _name_like(noun: Noun) -> bool:
    """Species stand well without an article ("Ohio buckeye, in no hurry"); a pier does not."""
    return bool(noun.types & _SPECIES) and stem(noun.words[-1]) not in COMMON


def stems(noun: Noun | None) -> tuple[str, ...]:
    """Stems of the words that would sound repeated; colours and sizes would not."""
    if noun is None:
        return ()
    own = [stem(word) for word in noun.words if word not in words.MODIFIERS]
    return tuple(own or [stem(noun.words[-1])])
