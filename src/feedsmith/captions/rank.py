"""Rank: whether a caption may be posted at all, and which of several is the best.

One set of gates and one score for all routes. Knows the brief, the brand's habits and past posts;
does not know how a candidate was made, only whether people wrote its sentences (`trusted`).
"""

import json
import math
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cache, lru_cache
from importlib.resources import files
from itertools import pairwise

from feedsmith import rules
from feedsmith.captions import words
from feedsmith.captions.brief import CaptionBrief
from feedsmith.captions.habits import EMOJI, Habits, bare, sentences, told
from feedsmith.captions.skeletons import SEASONS, Scene
from feedsmith.captions.tongues.tongue import Tongue
from feedsmith.captions.words import fold, listed, read, stem

COPY_WORDS = 6
"""A run of this many words in common with a past caption counts as a copy."""
RUN_WORDS = 5
"""The same between two captions of one run."""

SAMPLED_WORDS = 14
"""The small model is fluent for a few words; past these, sense is luck (docs/log.md)."""

LONGEST = {
    "photo": 60, "product": 70, "promo": 70, "quote": 40, "carousel": 60, "story": 16, "reel": 34,
    "gif": 20, "collage": 45,
}  # fmt: skip
"""Words, by kind; a brand that writes longer may go on to its own upper tenth."""

_NUMBER_WORDS = listed(
    "two three four five six seven eight nine ten eleven twelve thirteen fifteen twenty thirty "
    "forty fifty hundred thousand million dozen half double twice third percent euro euros dollars "
    "pounds kilometres miles metres years months weeks days hours minutes century"
)
_TIMES = listed(
    "monday tuesday wednesday thursday friday saturday sunday january february march april june "
    "july august september october november december today tomorrow yesterday tonight weekend "
    "morning afternoon evening night midnight noon dawn dusk sunrise sunset midsummer christmas "
    "easter"
)
_WEATHER = listed("rain rainy snow snowy frost fog foggy mist misty storm sunny sunshine windy")
_COLOURS = listed(
    "red green blue yellow orange purple pink white black brown grey gray golden gold silver"
)
_CLAIMS = re.compile(
    r"\b(?:organic|vegan|gluten|award|certified|guarantee\w*|best[- ]selling|number one|cheapest|"
    r"free shipping|sold out|new arrival|discount|sale|limited|last chance|handmade|local|"
    r"sustainable|recycled|link in bio|dm us|sign up|book now|order now|click|subscribe|giveaway|"
    r"win|winner|follow us)\b",
    re.I,
)
_STOP = listed("""a an the and or but nor so yet if of in on at to for from with by as is are was were be been
    it its this that these those they them their we us our you your i me my he she his her not no
    do does did have has had will would can could there here what which who where when why how
    just only then than too very more most some any all one out up down over under into about
    like get got make made take taken go goes come comes still even much""")


_LITTLE = listed(
    "the and for with from not its are was has had that this you your our but all one out off"
)
"""Words that may come twice in one short caption."""


@dataclass
class Seen:
    """What must not be said again: the brand's past captions and those of this run."""

    past: frozenset[tuple[str, ...]] = frozenset()
    past_sentences: frozenset[str] = frozenset()
    tongue: Tongue | None = None
    """Whose small words carry no meaning; English without one."""
    run: set[tuple[str, ...]] = field(default_factory=set)
    openings: Counter[str] = field(default_factory=Counter)
    stems: Counter[str] = field(default_factory=Counter)

    @classmethod
    def of(cls, texts: Sequence[str], tongue: Tongue | None = None) -> "Seen":
        """From past captions, oldest first; of the last few even single words count as used."""
        past: set[tuple[str, ...]] = set()
        whole: set[str] = set()
        for text in texts:
            long, parts = _parts(text)
            past |= long
            whole |= parts
        seen = cls(frozenset(past), frozenset(whole), tongue)
        seen.openings.update(_opening(text) for text in texts)
        for text in texts[-RECENT:]:
            seen.run.update(runs(text, RUN_WORDS))
            seen.stems.update(content(text, tongue))
        return seen

    def add(self, text: str, offer: str | Sequence[str] = "", names: Iterable[str] = ()) -> None:
        """Remember a caption of this run; the offer and what is shown may be repeated."""
        own = _without(text, offer)
        self.run.update(runs(own, RUN_WORDS))
        self.openings[_opening(own)] += 1
        self.stems.update(content(own, self.tongue) - {stem(word) for word in names})


RECENT = 10
"""Past captions that a reader scrolling down still has in mind."""


@lru_cache(maxsize=1 << 12)
def _parts(text: str) -> tuple[frozenset[tuple[str, ...]], frozenset[str]]:
    """What of a past caption may not come again: its runs of words, its sentences, itself."""
    whole = {_key(part) for part in sentences(text) if len(part.split()) >= 3}
    return frozenset(runs(text, COPY_WORDS)), frozenset(whole | {_key(text)})


def runs(text: str, n: int) -> set[tuple[str, ...]]:
    """All runs of n words, folded, punctuation and emoji removed."""
    tokens = _tokens(text)
    return {tuple(tokens[i : i + n]) for i in range(len(tokens) - n + 1)}


def content(text: str, tongue: Tongue | None = None) -> set[str]:
    """Stems of the words that carry meaning."""
    small = tongue.stop if tongue else _STOP
    plain = tongue.plain(text) if tongue else text
    return {stem(token) for token in _tokens(plain) if token not in small and len(token) > 2}


def refuse(
    text: str, brief: CaptionBrief, scene: Scene, habits: Habits, seen: Seen, *, trusted: bool
) -> str:
    """Why the caption may not be posted, in a few countable words; '' where it may.

    `trusted` sentences were written by people for this use: they may speak of ten minutes or of
    Mondays in general. Sampled ones may name nothing at all that the brief does not.
    """
    plain = bare(text)
    fixed = (*brief.pieces, *sentences_of(brief))
    own = bare(_without(text, fixed))
    form = habits.tongue.broken if habits.tongue else broken_sentence
    if broken := form(plain, offer=tuple(map(bare, fixed)), names=" ".join(brief.shown)):
        return broken
    if any(piece not in text for piece in brief.pieces):
        return "offer missing or altered"
    if re.search(r"[#@]\w|https?:|www\.|[\w.]+\.com\b", own):
        return "hashtag, mention or link"
    if len(text) > rules.CAPTION_MAX:
        return "too long"
    size = len(own.split())
    if size > max(LONGEST[brief.kind], habits.long if brief.kind in ("photo", "promo") else 0):
        return "too long"
    if size < 1 + (not trusted):
        return "too short"
    if len(EMOJI.findall(text)) > brief.brand.emoji_max:
        return "too many emoji"
    lowered = f" {' '.join(_tokens(text))} "
    for word in brief.brand.banned_words:
        if f" {' '.join(_tokens(word))} " in lowered:
            return "banned word"
    vouch = habits.tongue.invention if habits.tongue else invention
    if invented := vouch(own, brief, scene, trusted=trusted):
        return invented
    if repeats := copied(own, brief, seen):
        return repeats
    return ""


def sentences_of(brief: CaptionBrief) -> tuple[str, ...]:
    """What the maker says of a product, sentence by sentence: a person's own words."""
    return tuple(sentences(brief.about))


def copied(text: str, brief: CaptionBrief, seen: Seen) -> str:
    """Whether the text repeats a past caption, another of this run, or the picture's own words."""
    if runs(text, COPY_WORDS) & seen.past:
        return "copy of a past caption"
    for part in (*sentences(text), text):
        if len(part.split()) >= 3 and _key(part) in seen.past_sentences:
            return "copy of a past caption"
    opening = _opening(text)  # none where a product's name and price are all that is said
    if runs(text, RUN_WORDS) & seen.run or (opening and seen.openings[opening]):
        return "too like another of this run"
    if brief.text_on_picture and _key(brief.text_on_picture) in _key(text):
        return "repeats the words on the picture"
    return ""


def broken_sentence(text: str, offer: str | Sequence[str] = "", names: str = "") -> str:
    """Faults of form: quotes, brackets, doubled words, articles, endings. In `names` a word may
    stand twice ("paw paw")."""
    if "{" in text or "}" in text:
        return "unfilled slot"
    own = _without(text, offer).strip()
    if own.count('"') % 2 or own.count("“") != own.count("”") or own.count("(") != own.count(")"):
        return "unbalanced quotes or brackets"
    ends = (offer,) if isinstance(offer, str) else tuple(offer)
    closed = any(piece and text.strip().endswith(piece) for piece in ends)
    if not re.search(r"[.?!…][\"”’)]?$", text.strip()) and not closed:
        return "does not end"
    for match in re.finditer(r"\b([a-z']+) \1\b", own, re.I):
        if match[1].lower() not in ("that", "had") and match[0].lower() not in names.lower():
            return "doubled word"
    for match in re.finditer(r"\b(a|an) ([A-Za-z]\w*)", own):
        if match[1] != words.article(match[2]) and match[2].lower() not in _STOP:
            return "wrong article"
    if re.search(r"\s[.,;:?!]|[,;:]{2}|\.\.(?!\.)|,\s*[.?!]|[.?!]\s+[a-z](?!\w*\.\w)", own):
        return "broken punctuation"
    if own.startswith("…"):
        return ""
    if not own[:1].isupper() and not re.match(r"[\d\"“'‘(]", own) and own[:1].isascii():
        return "starts small"
    return ""


def invention(text: str, brief: CaptionBrief, scene: Scene, *, trusted: bool) -> str:
    """Numbers, names, times and (for sampled text) things that nobody vouches for."""
    brand = brief.brand
    known = " ".join(
        (brand.name, brand.niche, brand.handle, brief.theme, *brand.subjects, *brief.shown,
         *brief.light, brief.season)
    )  # fmt: skip
    vouched = {stem(token) for token in _tokens(known)} | {stem(f) for f in scene.facts}
    for number in re.findall(r"\d+", text):
        if number not in re.findall(r"\d+", known):
            return "number not in the brief"
    for part in sentences(text):
        for word in re.findall(r"(?<=[\w,;:] )[A-Z][\w'’-]+", part):
            folded = stem(word)
            if folded in vouched or word.startswith("I'"):
                continue
            if trusted and fold(word).removesuffix("s") in _TIMES:
                continue
            return "name not in the brief"
    if trusted:
        return ""
    tokens = _tokens(text)
    if any(token in _NUMBER_WORDS for token in tokens):
        return "number not in the brief"
    plain = _plain_english()
    if any(token not in plain and stem(token) not in vouched for token in tokens):
        return "word nobody used"
    for token in tokens:
        facts = scene.facts
        if token in SEASONS and SEASONS[token] not in facts:
            return "season or time not known"
        if token in _TIMES and token not in facts:
            return "season or time not known"
        described = token in _WEATHER or token in _COLOURS or token in words.MODIFIERS
        if described and stem(token) not in vouched:
            return "not in the picture"
    if any(stem(word) in vouched for word in re.findall(r"\b(?:no|without) (\w+)", text, re.I)):
        return "denies the picture"
    if _CLAIMS.search(text):
        return "claim not in the brief"
    if re.search(r"\b(?:he|she|his|her|him|my|mine)\b", text, re.I) and not (
        re.search(r"\bmy|mine\b", text, re.I) and "founder" in brand.voice
    ):
        return "somebody not in the picture"
    for _, _, noun in words.nouns_in(text):
        if noun.head in scene.facts or stem(noun.head.split()[-1]) in vouched:
            continue
        return "not in the picture"
    said = [stem(token) for token in tokens if token not in _LITTLE and len(token) > 2]
    if len(set(said)) < len(said):
        return "says a word twice"
    if any(part.endswith("?") for part in sentences(text)[:-1]):
        return "question left hanging"
    if len(tokens) > SAMPLED_WORDS:
        return "too long to make sense"
    if any(not _pair_known(pair, known) for pair in _coloured(text)):
        return "not in the picture"
    return ""


@cache
def _plain_english() -> frozenset[str]:
    """Words that people wrote in the starter captions, in small letters: no names, no slips."""
    path = files("feedsmith.captions").joinpath("starter.jsonl")
    found: set[str] = set()
    for line in path.read_text("utf-8").splitlines():
        for word in re.findall(r"(?<![\w])[a-z][a-z'’-]*", json.loads(line)["caption"]):
            found.add(fold(word))
    return frozenset(found | words.forms())


def covered(text: str, shows: Sequence[str]) -> float:
    """How much of what is shown the text names, 0..1; the first keyword counts most."""
    said = {stem(token) for token in _tokens(text)}
    total = gained = 0.0
    weight = 1.0
    for keyword in shows[:4]:
        noun = read(keyword)
        own = {stem(word) for word in noun.words}
        head = stem(noun.words[-1]) if noun.words else ""
        share = len(own & said) / max(1, len(own)) if head in said or own <= said else 0.0
        total += weight
        gained += weight * share
        weight *= 0.45
    return gained / total if total else 0.0


def length_fit(text: str, brief: CaptionBrief, habits: Habits) -> float:
    """1 at the brand's usual length for the kind, falling to 0 at three times or a third of it."""
    usual = {
        "story": min(7.0, habits.words), "quote": min(14.0, habits.words),
        "gif": min(7.0, habits.words), "reel": min(13.0, habits.words),
        "collage": min(16.0, habits.words), "product": min(20.0, habits.words),
    }.get(brief.kind, habits.words)  # fmt: skip
    size = max(1, len(bare(_without(text, brief.pieces)).split()))
    ratio = size / max(1.0, usual)
    return max(0.0, 1.0 - abs(_log3(ratio)))


def freshness(text: str, seen: Seen, names: Iterable[str]) -> float:
    """0 for words not yet used in this run, more negative the more of them come again."""
    own = content(text, seen.tongue) - {stem(word) for word in names}
    return -sum(min(3, seen.stems[word]) for word in own) / max(4, len(own))


def past_texts(brief: CaptionBrief) -> list[str]:
    """The words of all past posts of a brief."""
    return [text for post in (*brief.history, *brief.past) if (text := told(post))]


def _coloured(text: str) -> list[tuple[str, str]]:
    """Colours with the word they stand before."""
    tokens = _tokens(text)
    return [pair for pair in pairwise(tokens) if pair[0] in _COLOURS]


def _pair_known(pair: tuple[str, str], known: str) -> bool:
    """ "blue sky" does not vouch for a "blue road"."""
    said = _tokens(known)
    return (pair[0], stem(pair[1])) in {(a, stem(b)) for a, b in pairwise(said)}


def _log3(ratio: float) -> float:
    return math.log(ratio) / math.log(3)


def _tokens(text: str) -> list[str]:
    return re.findall(r"[\w]+(?:['’-][\w]+)*", fold(EMOJI.sub(" ", text)))


def _key(text: str) -> str:
    return " ".join(_tokens(text))


def _without(text: str, pieces: str | Sequence[str]) -> str:
    """The text with what is fixed in it cut out, the longest first."""
    fixed = (pieces,) if isinstance(pieces, str) else pieces
    for piece in sorted(fixed, key=lambda piece: -len(piece)):
        text = text.replace(piece, "…") if piece else text
    return text


def _opening(text: str) -> str:
    """The first three words, by which a reader notices a repetition."""
    return " ".join(_tokens(text)[:3])
