"""Words for what a photo shows, out of its own caption, hashtags and alt text.

A lexicon of visible things (WordNet's nouns with a kind, visible adjectives; weights/lexicon.txt.gz)
finds noun phrases; hashtags are taken apart by the brand's own phrases, known names and a unigram
model; a ranking asks whether caption and hashtag agree and whether the picture's network sees that
kind of thing. Knows words and label probabilities; knows nothing of pixels, files or posts.
"""

import gzip
import math
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Literal, NamedTuple

from feedsmith.errors import MissingModel
from feedsmith.understanding.networks import WEIGHTS

Origin = Literal["caption", "hashtag", "alt text", "neighbour", "network", "colours", "person"]
Season = Literal["", "spring", "summer", "autumn", "winter"]

MOST = 6
"""Keywords kept for a photo."""
LIKELY = 0.8
"""Weight from which a phrase is kept (bench/understanding.py shows precision against recall)."""

SEASONS: dict[str, Season] = {
    "spring": "spring", "springtime": "spring", "summer": "summer", "summertime": "summer",
    "midsummer": "summer", "autumn": "autumn", "autumnal": "autumn", "fall": "autumn",
    "winter": "winter", "wintry": "winter", "midwinter": "winter", "snow": "winter",
    "snowy": "winter", "snowday": "winter", "christmas": "winter",
}  # fmt: skip
MONTHS: dict[str, Season] = {
    "march": "spring", "april": "spring", "june": "summer", "july": "summer",
    "august": "summer", "september": "autumn", "october": "autumn", "november": "autumn",
    "december": "winter", "january": "winter", "february": "winter",
}  # fmt: skip
"""Northern hemisphere; without "may", which is more often a verb."""
_TIMES = {*SEASONS, *MONTHS, "may", "early", "late", "mid", "morning", "evening", "night", "day",
          "today", "weekend", "sunday", "saturday", "friday", "monday", "golden", "new", "our",
          "my", "your", "the", "a", "an", "this", "that", "these", "those", "some", "every",
          "national", "common", "favourite", "favorite", "good", "best", "beautiful"} - {
          "snow", "snowy", "golden"}  # fmt: skip
"""Words that say when or how nice, taken off the front of a phrase."""
_AWAY = {"like", "than", "without", "no", "not", "never", "bring", "pack", "wear", "carry", "our",
         "my", "your", "his", "her", "their", "if", "need", "want", "wants", "imagine", "instead",
         "remember", "used", "buy", "unlike", "beats", "reads", "called", "forget"}  # fmt: skip
"""Before a noun: it is probably not in the picture."""
_OTHER_TIME = {"after", "since", "before", "until", "till", "through", "all", "over", "long", "next",
               "last", "every", "each", "when", "if", "than", "like"}  # fmt: skip
"""Before a season's name in running text: the picture was taken at another time."""
_NOT_HERE = {"tip", "tips", "hours", "homework", "walk", "walks", "repair", "class", "course",
             "workshop", "sale", "season", "name", "sense"}  # fmt: skip
"""After a noun: it is talked about, not shown."""
_OFFER = re.compile(
    r"\d\s*(?:eur|gbp|usd|chf|euro|€|%)|[€$£]\s*\d|\b\d{1,2}[:.]\d\d\b|\blink in bio\b|\bgift card",
    re.IGNORECASE,
)
_GENERIC = re.compile(
    r"insta|igers|gram\b|of\s?the\s?(day|week)|shot\s?on|follow|like4|photo|picoftheday|love\b|lover"
    r"|tips?\b|style|ideas?\b|life\b|vibes|goals|gift|shop|store|sale|small\s?business|handmade$",
    re.IGNORECASE,
)
_MAN_MADE = {
    "clothing": ("clothing",), "textile": ("clothing", "object", "furniture"),
    "furniture": ("furniture", "object"), "object": ("object", "vehicle", "furniture", "clothing"),
    "tableware": ("object", "food"), "food": ("food", "fruit", "object"), "drink": ("food", "object"),
    "text": ("text", "object"), "vehicle": ("vehicle", "object"), "vessel": ("vehicle",),
    "material": ("object", "building"), "art": ("object", "text"), "person": ("person", "clothing"),
    "body": ("person", "clothing"), "building": ("building", "furniture", "object"),
    "animal": ("animal", "insect"),
}  # fmt: skip
"""Kinds of words that the network would also see, and in which of its groups."""
_ALIAS = {"lakeshore": "lake shore", "fruiting spike of a cereal plant": "grain",
          "horse chestnut seed": "chestnut", "couch": "sofa", "traffic or street sign": "sign"}  # fmt: skip
_SHOWN_LABELS = {"scene", "clothing", "furniture", "food", "vehicle", "building", "object"}


class Keyword(NamedTuple):
    word: str
    """One to four words, lower case, e.g. "rocky shore"."""
    origin: Origin
    weight: float
    """0..3 or so: how sure it names something in the picture; the best first."""
    kind: str
    """As of `visual_type`."""


class Lexicon(NamedTuple):
    kinds: Mapping[str, str]
    """Word or phrase (with spaces) to its kind."""
    joined: Mapping[str, str]
    """A phrase without its spaces to the phrase."""
    latin: frozenset[str]
    cost: Mapping[str, float]
    """Negative log probability of a word in running text."""


@cache
def lexicon(folder: Path = WEIGHTS) -> Lexicon:
    """The word list; raises MissingModel when it is absent."""
    path = folder / "lexicon.txt.gz"
    try:
        text = gzip.decompress(path.read_bytes()).decode("utf-8")
    except (OSError, EOFError, ValueError) as error:
        raise MissingModel(
            f"{path}: the word list is missing", mend="install Feedsmith again"
        ) from error
    kinds: dict[str, str] = {}
    latin: frozenset[str] = frozenset()
    often: dict[str, float] = {}
    for line in text.splitlines():
        kind, _, words = line.partition("\t")
        if kind == "latin":
            latin = frozenset(words.split())
        elif kind == "count":
            for pair in words.split():
                word, _, level = pair.partition(":")
                often[word] = 3.0 ** int(level)
        else:
            for word in words.split():
                kinds[word.replace("_", " ")] = kind
    for word in kinds:
        for part in word.split():
            often.setdefault(part, 2.0)
    for word in latin:
        often.setdefault(word, 1.5)
    total = math.log(sum(often.values()))
    cost = {word: total - math.log(n) for word, n in often.items()}
    joined = {w.replace(" ", "").replace("-", ""): w for w in kinds if " " in w or "-" in w}
    return Lexicon(kinds, joined, latin, cost)


def visual_type(word: str) -> str | None:
    """The kind of visible thing that a word or phrase names ("pine cones": fruit), None if none.

    Kinds: tree flower fruit plant fungus bird insect animal body person water land sky light
    building path vessel vehicle furniture clothing textile tableware drink food text material
    object art; and colour, look for adjectives.
    """
    words = lexicon()
    plain = " ".join(word.lower().split())
    for form in (plain, *singulars(plain)):
        if form in words.kinds:
            return words.kinds[form]
    head = plain.split(" ")[-1]
    if head != plain:
        return visual_type(head)
    return None


def singulars(word: str) -> list[str]:
    """Possible singulars of a word or phrase, the likeliest first."""
    irregular = {"leaves": "leaf", "shelves": "shelf", "loaves": "loaf", "knives": "knife",
                 "wolves": "wolf", "halves": "half", "men": "man", "women": "woman", "feet": "foot",
                 "teeth": "tooth", "geese": "goose", "mice": "mouse", "people": "person",
                 "children": "child", "cacti": "cactus", "scarves": "scarf"}  # fmt: skip
    front, _, last = word.rpartition(" ")
    prefix = f"{front} " if front else ""
    if last in irregular:
        return [prefix + irregular[last]]
    found = []
    if len(last) > 3 and last.endswith("s") and not last.endswith(("ss", "us", "is")):
        if last.endswith("ies"):
            found.append(last[:-3] + "y")
        if last.endswith(("ches", "shes", "sses", "xes", "zes", "oes")):
            found.append(last[:-2])
        found.append(last[:-1])
    return [prefix + f for f in found]


def split(hashtag: str, phrases: Mapping[str, str] | None = None) -> list[str]:
    """The words of a hashtag: "loblollypine" to ["loblolly", "pine"].

    `phrases` maps the brand's own phrases without spaces to those with (see `phrases_of`).
    """
    plain = hashtag.lower().replace("_", " ").strip("#")
    if " " in plain:
        return [word for part in plain.split() for word in split(part, phrases)]
    camel = re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+", hashtag.strip("#"))
    if len(camel) > 1 and sum(map(len, camel)) == len(plain) and not hashtag.isupper():
        return [word.lower() for word in camel]
    words = lexicon()
    if phrases and " " in phrases.get(plain, ""):
        return phrases[plain].split()
    if plain in words.kinds or (phrases and plain in phrases):
        return [plain]
    for form in (plain, *singulars(plain)):
        if form in words.joined:
            parts = words.joined[form].replace("-", " ").split()
            return (
                [*parts[:-1], parts[-1] + plain[len(form) :]] if plain.startswith(form) else parts
            )
    return _cheapest(plain, words)


def _cheapest(plain: str, words: Lexicon) -> list[str]:
    best: list[tuple[float, int]] = [(0.0, 0)]
    for end in range(1, len(plain) + 1):
        options = []
        for start in range(max(0, end - 20), end):
            piece = plain[start:end]
            cost = words.cost.get(piece)
            if cost is None:
                stem = next((s for s in singulars(piece) if s in words.cost), None)
                cost = words.cost[stem] + 1 if stem else 16 + 2.2 * len(piece)
            options.append((best[start][0] + cost, start))
        best.append(min(options))
    found, end = [], len(plain)
    while end:
        start = best[end][1]
        found.append(plain[start:end])
        end = start
    return found[::-1]


def phrases_of(texts: Iterable[str]) -> dict[str, str]:
    """Runs of 1-4 words in a brand's captions, without spaces: so that its hashtags come apart
    the way it writes itself ("aitzgorri", "lakesherburne")."""
    found: dict[str, str] = {}
    for text in texts:
        words = re.findall(r"[^\W\d_]+", text.lower())
        for size in (4, 3, 2, 1):
            for start in range(len(words) - size + 1):
                run = words[start : start + size]
                if sum(map(len, run)) >= 5:
                    found.setdefault("".join(run), " ".join(run))
    return found


def of_photo(
    text: str,
    hashtags: Sequence[str] = (),
    alt_text: str = "",
    *,
    masses: Mapping[str, float] | None = None,
    labels: Sequence[tuple[str, str, float]] = (),
    phrases: Mapping[str, str] | None = None,
    common: Collection[str] = (),
    brand: str = "",
    own: bool = True,
) -> list[Keyword]:
    """Keywords of a photo from its post's words, best first, at most MOST.

    text      caption without hashtags
    masses    encoder.group_masses of the picture; None: the network has no say
    labels    its best ImageNet labels as (name, group, probability)
    phrases   phrases_of the brand's captions
    common    hashtags that the brand puts under many posts: they say nothing of this one
    brand     name and handle, whose words are no keywords by themselves
    own       False where the post has several photos: its words fit this one less surely
    """
    names = set(re.findall(r"[a-z]+", brand.lower()))
    joined_name = "".join(re.findall(r"[a-z]+", brand.lower()))
    from_tags: dict[str, str] = {}
    whole: set[str] = set()
    for tag in hashtags:
        if tag.lower() in common or _GENERIC.search(tag) or tag.lower() in joined_name:
            continue
        parts = split(tag, phrases)
        if _GENERIC.search(" ".join(parts)):
            continue
        phrase = _visible(parts)
        if phrase and not set(phrase.split()) <= names:
            from_tags.setdefault(_stem(phrase), phrase)
            if phrase == " ".join(parts):
                whole.add(phrase)
    tag_words = {_stem(word) for phrase in from_tags.values() for word in phrase.split()}

    found: dict[str, Keyword] = {}

    def add(phrase: str, origin: Origin, weight: float) -> None:
        kind = visual_type(phrase)
        if kind is None or kind in ("colour", "look"):
            return
        weight += _seen(kind, masses) + _named(phrase, labels)
        weight += 0.3 if " " in phrase else 0.0
        key = _stem(phrase)
        if key not in found or found[key].weight < weight:
            found[key] = Keyword(phrase, origin, round(weight, 2), kind)

    sentences = [s for s in re.split(r"(?<=[.!?:;])\s+|\n+", text) if s.strip()]
    for number, sentence in enumerate(sentences):
        place = 0.75 if number == 0 else 0.45 if number == 1 else 0.3
        if _OFFER.search(sentence):
            place -= 0.35
        for phrase, away in _phrases_in(sentence):
            weight = place - (0.5 if away else 0.0)
            if _stem(phrase) in from_tags:
                weight += 1.0
            elif _stem(phrase.split(" ")[-1]) in tag_words:
                weight += 0.6
            add(phrase, "caption", weight)
    for phrase in from_tags.values():
        # "youngtree" says no more than "tree": that needs the caption's support.
        add(phrase, "hashtag", 0.75 if " " in phrase else 0.85 if phrase in whole else 0.6)
    for phrase, _ in _phrases_in(alt_text):
        add(phrase, "alt text", 1.2)
    if not own:
        found = {k: w._replace(weight=round(w.weight - 0.3, 2)) for k, w in found.items()}
    return best(found.values())


def of_labels(labels: Sequence[tuple[str, str, float]], least: float = 0.6) -> list[Keyword]:
    """What the network alone says, where it is sure: scenes and everyday things."""
    found = []
    for name, group, probability in labels:
        word = _ALIAS.get(name, name).lower()
        if probability >= least and group in _SHOWN_LABELS:
            kind = visual_type(word) or group
            found.append(Keyword(word, "network", round(float(probability), 2), kind))
    return found


def of_neighbours(neighbours: Sequence[tuple[float, Sequence[Keyword]]]) -> list[Keyword]:
    """Keywords that several similar photos share. `neighbours`: (cosine, keywords) of each."""
    votes: dict[str, list[tuple[float, Keyword]]] = {}
    for cosine, words in neighbours:
        for word in words:
            if word.origin != "neighbour":
                votes.setdefault(_stem(word.word), []).append((cosine, word))
    found = []
    for said in votes.values():
        weight = sum(cosine for cosine, _ in said) / 2
        if len(said) >= 2 and weight >= 0.5:
            word = max(said, key=lambda pair: (pair[1].weight, pair[1].word))[1]
            found.append(Keyword(word.word, "neighbour", round(min(weight, 1.5), 2), word.kind))
    return best(found)


def best(words: Iterable[Keyword]) -> list[Keyword]:
    """The MOST surest; a word inside a surer or longer phrase is left out."""
    ranked = sorted(words, key=lambda k: (-k.weight, -len(k.word), k.word))
    kept: list[Keyword] = []
    for word in ranked:
        if word.weight < LIKELY and word.origin not in ("network", "neighbour", "colours"):
            continue
        mine = set(_stem(word.word).split())
        if any(mine <= set(_stem(k.word).split()) for k in kept):
            continue
        wider = [k for k in kept if set(_stem(k.word).split()) < mine]
        if wider and word.weight >= wider[0].weight - 0.45:  # "red barn" rather than "barn"
            place = kept.index(wider[0])
            kept[place] = word._replace(weight=wider[0].weight)
            continue
        if wider:
            continue
        kept.append(word)
    return kept[:MOST]


def season(text: str, hashtags: Sequence[str], phrases: Mapping[str, str] | None = None) -> Season:
    """The season that the words name; "" where they name none, or several."""
    tagged = [word for tag in hashtags for word in split(tag, phrases)]
    tokens = re.findall(r"[a-z]+", text.lower())
    written = [
        word
        for place, word in enumerate(tokens)
        if word != "fall" and not _OTHER_TIME & set(tokens[max(0, place - 3) : place])
    ]
    for words, table in (
        (tagged, SEASONS),
        (tagged, MONTHS),
        (written, SEASONS),
        (written, MONTHS),
    ):
        named = {table[word] for word in words if word in table}
        if named:
            return named.pop() if len(named) == 1 else ""
    return ""


def _visible(parts: Sequence[str]) -> str:
    """The visible noun phrase that a hashtag's words are, "" if they are none."""
    words = lexicon()
    if any(part in words.latin and visual_type(part) is None for part in parts):
        return ""
    rest = list(parts)
    whole = " ".join(rest)
    if visual_type(whole) is None:
        return ""
    if not (whole in words.kinds or any(s in words.kinds for s in singulars(whole))):
        while len(rest) > 1 and rest[0] in _TIMES:
            rest.pop(0)
    if len(rest) > 3:
        return ""
    if len(rest) > 1 and visual_type(" ".join(rest)) == visual_type(rest[-1]):
        fronts = rest[:-1]
        whole = " ".join(rest)
        known = whole in words.kinds or any(s in words.kinds for s in singulars(whole))
        if not known and any(visual_type(front) is None for front in fronts):
            rest = rest[-1:]
    return " ".join(rest)


def _phrases_in(sentence: str) -> list[tuple[str, bool]]:
    """Visible noun phrases of a sentence, and whether the words before say that it is not here."""
    words = lexicon()
    tokens = re.findall(r"[^\W\d_]+(?:[-'’][^\W\d_]+)*|[,.;:!?()]", sentence.lower())
    found: list[tuple[str, bool]] = []
    start = 0
    while start < len(tokens):
        if not tokens[start][0].isalpha():
            start += 1
            continue
        end = start
        head = -1
        while end < len(tokens) and end - start < 5:
            size = next(
                (
                    n
                    for n in (3, 2)
                    if end + n <= len(tokens)
                    and _known(" ".join(tokens[end : end + n]), words) not in (None, "look")
                ),
                0,
            )
            if size:
                head = end = end + size
                continue
            kind = _known(tokens[end], words)
            if kind is None or tokens[end] in _TIMES:
                break
            end += 1
            if kind not in ("colour", "look"):
                head = end
        if head > start:
            phrase = tokens[start:head]
            if len(phrase) > 4:
                phrase = phrase[-3:]
            before = tokens[max(0, start - 3) : start]
            after = set(tokens[head : head + 1])
            away = bool(_AWAY & set(before)) or bool(_NOT_HERE & after)
            found.append((" ".join(phrase), away))
            start = head
        else:
            start = max(end, start + 1)
    return found


def _known(phrase: str, words: Lexicon) -> str | None:
    for form in (phrase, *singulars(phrase)):
        if form in words.kinds:
            return words.kinds[form]
    return None


@cache
def _stem(phrase: str) -> str:
    """Every word in the singular, hyphens as spaces: to compare phrases."""
    words = lexicon()
    found = []
    for word in phrase.lower().replace("-", " ").split():
        forms = singulars(word)
        known = (form for form in forms if form in words.kinds or form in words.cost)
        found.append(next(known, (forms or [word])[-1]))
    return " ".join(found)


def _seen(kind: str, masses: Mapping[str, float] | None) -> float:
    """What the network's groups add to or take from a word of this kind."""
    if masses is None or kind not in _MAN_MADE:
        return 0.0
    mass = sum(masses.get(group, 0.0) for group in _MAN_MADE[kind])
    return -0.5 if mass < 0.1 else -0.2 if mass < 0.2 else 0.3 if mass > 0.5 else 0.0


def _named(phrase: str, labels: Sequence[tuple[str, str, float]]) -> float:
    """Added where a label of the network shares the head word."""
    head = _stem(phrase).split(" ")[-1]
    sure = sum(p for name, _, p in labels if head in _stem(_ALIAS.get(name, name)).split())
    return 0.6 * min(sure * 2, 1.0)
