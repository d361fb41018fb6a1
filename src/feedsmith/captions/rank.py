"""Rank: whether a caption may be posted at all, and which of several is the best.

One set of gates and one score for all routes. Knows the brief, the brand's habits and past posts;
does not know how a candidate was made, only who wrote its sentences (`Trust`).
"""

import json
import math
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cache, lru_cache
from itertools import pairwise
from typing import Literal

from feedsmith import facts, rules
from feedsmith.captions import starter, words
from feedsmith.captions.brief import CaptionBrief
from feedsmith.captions.habits import EMOJI, Habits, bare, sentences, told
from feedsmith.captions.skeletons import SEASONS, Scene
from feedsmith.captions.tongues import detect
from feedsmith.captions.tongues.tongue import Tongue
from feedsmith.captions.words import fold, listed, read, stem
from feedsmith.post import Offer

Trust = Literal["people", "large", "small"]
"""Who wrote the sentences: people, for this use; a large language model, which makes sense and makes
things up; a small one, which does the second alone."""

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


_ANY_DAY = listed("today weekend")
"""Times that hold of any post."""
_COUNTS = _NUMBER_WORDS - listed("days hours minutes weeks half twice")
"""Number words that a large model may not use: "on days like this" counts nothing."""
_SEEN = words.MODIFIERS - listed(
    "wild dead young old small big large tall tiny giant little long short thin thick round flat "
    "wide narrow smooth rough soft hard dark light bright pale deep clear fresh dry wet warm cold "
    "hot bare dense single rolling distant calm still quiet common open high low steep empty full "
    "simple rising setting hanging leaning winding worn"
)
"""Modifiers that say what something is made of or what is to be seen of it; the others are said of
anything."""
_FIGURES = listed(
    "light line breath story gift present corner room steps fall watch stand saw rush till fell felt "
    "suit frame shop board match fade treat exercise class leaves roll splash"
)
"""Nouns of the lexicon that as often are figures of speech or verbs."""
_MEALS = listed("breakfast dinner lunch supper brunch picnic")

_LITTLE = listed(
    "the and for with from not its are was has had that this you your our but all one out off"
)
"""Words that may come twice in one short caption."""


@dataclass
class Seen:
    """What must not be said again: the brand's past captions, those made for it, those of this run."""

    past: frozenset[tuple[str, ...]] = frozenset()
    past_sentences: frozenset[str] = frozenset()
    past_openings: frozenset[str] = frozenset()
    tongue: Tongue | None = None
    """Whose small words carry no meaning; English without one."""
    made: set[tuple[str, ...]] = field(default_factory=set)
    made_sentences: set[str] = field(default_factory=set)
    run: set[tuple[str, ...]] = field(default_factory=set)
    openings: Counter[str] = field(default_factory=Counter)
    stems: Counter[str] = field(default_factory=Counter)
    told: list[tuple[str, bool]] = field(default_factory=list)
    """What was made, oldest first, and whether in this run."""
    whole: set[str] = field(default_factory=set)
    """All of them; none comes back unchanged where it could have spoken of another picture."""

    @classmethod
    def of(
        cls, texts: Sequence[str], made: Sequence[str] = (), tongue: Tongue | None = None
    ) -> "Seen":
        """From the brand's past captions and those made for it before, both oldest first; of the
        last few even single words count as used."""
        past: set[tuple[str, ...]] = set()
        whole: set[str] = set()
        for text in texts:
            long, parts = _parts(text)
            past |= long
            whole |= parts
        openings = frozenset(opening for text in texts if (opening := _opening(text)))
        seen = cls(frozenset(past), frozenset(whole), openings, tongue)
        for text in made:
            seen._tell(text, run=False)
        for text in [*texts, *made][-RECENT:]:
            seen.run.update(runs(text, RUN_WORDS))
            seen.stems.update(content(text, tongue))
        return seen

    def add(self, text: str, offer: str | Sequence[str] = "", names: Iterable[str] = ()) -> None:
        """Remember a caption of this run; the offer and what is shown may be repeated."""
        own = _without(text, offer)
        self._tell(own, run=True)
        self.whole.add(_key(text))
        self.stems.update(content(own, self.tongue) - {stem(word) for word in names})

    def lately(self, captions: int) -> "Seen":
        """The same without what was made before the last so many captions; the brand's own past
        never fades."""
        seen = Seen(
            self.past, self.past_sentences, self.past_openings, self.tongue, stems=self.stems
        )
        for text, run in self.told[-captions:]:
            seen._tell(text, run=run)
        seen.whole = self.whole
        return seen

    def _tell(self, text: str, *, run: bool) -> None:
        self.told.append((text, run))
        self.whole.add(_key(text))
        self.openings[_opening(text)] += 1
        if run:
            self.run.update(runs(text, RUN_WORDS))
            return
        long, parts = _parts(text)
        self.made |= long
        self.made_sentences |= parts


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
    text: str,
    brief: CaptionBrief,
    scene: Scene,
    habits: Habits,
    seen: Seen,
    *,
    trust: Trust,
    lent: Sequence[str] = (),
) -> str:
    """Why the caption may not be posted, in a few countable words; '' where it may.

    Sentences that people wrote for this use may speak of ten minutes or of Mondays in general. A
    large model's may use any words and be as long as the kind allows, but name no number, name,
    season, weather, colour, person or thing to be seen that the brief does not. A small model's may
    say nothing that people did not say before. `lent` is what the caption has of sentences whose
    rest is seen to by their ids: the brand's own, which stand in its past captions, and the frames
    of products.
    """
    plain = bare(text)
    fixed = (*brief.pieces, *sentences_of(brief))
    own = spoken(text, brief)
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
    if size < 1 + (trust != "people"):
        return "too short"
    if len(EMOJI.findall(text)) > brief.brand.emoji_max:
        return "too many emoji"
    lowered = f" {' '.join(_tokens(text))} "
    for word in brief.brand.banned_words:
        if f" {' '.join(_tokens(word))} " in lowered:
            return "banned word"
    if brief.shown and _key(text) in seen.whole:
        return "too like another of this run"
    if trust == "large" and detect.other_than(detect.code(brief.brand.language), own):
        return "another language"
    invented = ""
    if habits.tongue is not None:
        invented = habits.tongue.invention(own, brief, scene, trusted=trust == "people")
    if habits.tongue is None or (trust == "large" and invented != "not in the brand's language"):
        invented = invention(own, brief, scene, trust=trust) or invented
    if invented:
        return invented
    if repeats := copied(own, brief, seen, lent):
        return repeats
    return ""


def spoken(text: str, brief: CaptionBrief) -> str:
    """The text without emoji and without what the brief fixes in it."""
    return bare(_without(text, (*brief.pieces, *sentences_of(brief))))


def sentences_of(brief: CaptionBrief) -> tuple[str, ...]:
    """What the maker says of a product, sentence by sentence: a person's own words."""
    return tuple(sentences(brief.about))


def copied(text: str, brief: CaptionBrief, seen: Seen, lent: Sequence[str] = ()) -> str:
    """Whether the text repeats a past caption, another of this run, or the picture's own words.

    Stretches that are `lent` rest by other means: what lies wholly inside one of them is no copy.
    What reaches beyond it is one, so that its old noun cannot come back with it.
    """
    long = runs(text, COPY_WORDS)
    ours = {run for piece in lent for run in runs(piece, COPY_WORDS)}
    if not long & seen.past <= ours or not long & seen.made <= ours:
        return "copy of a past caption"
    said = {_key(part) for piece in lent for part in sentences(piece)}
    for part in (*sentences(text), text):
        if len(part.split()) < 3 or (key := _key(part)) in said:
            continue
        if key in seen.past_sentences or key in seen.made_sentences:
            return "copy of a past caption"
    opening = _opening(text)  # none where a product's name and price are all that is said
    short = {run for piece in lent for run in runs(piece, RUN_WORDS)}
    if not runs(text, RUN_WORDS) & seen.run <= short:
        return "too like another of this run"
    begun = any(_key(piece).startswith(opening) for piece in lent)
    if opening and not begun and (seen.openings[opening] or opening in seen.past_openings):
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


def invention(text: str, brief: CaptionBrief, scene: Scene, *, trust: Trust) -> str:
    """Numbers, names, times and (where no person wrote) things that nobody vouches for.

    Things are known by English words: of a large model's captions in another language only numbers
    and facts are checked, and names where nouns are written small.
    """
    brand = brief.brand
    large = trust == "large"
    language = detect.code(brand.language)
    look = [said for said in brief.look if large and not said.startswith("no ")]  # "no faces"
    known = " ".join(
        (brand.name, brand.niche, brand.handle, brief.theme, *brand.subjects, *brief.shown,
         *brief.light, brief.season, *look)
    )  # fmt: skip
    vouched = {stem(token) for token in _tokens(known)} | {stem(f) for f in scene.facts}
    for number in re.findall(r"\d+", text):
        if number not in re.findall(r"\d+", known):
            return "number not in the brief"
    for part in sentences(text):
        inside = part.lstrip("\"“'‘(")
        for word in re.findall(_ANYWHERE if large else _AFTER_A_WORD, inside if large else part):
            folded = stem(word)
            if folded in vouched or re.match(r"I['’]", word) or (large and language == "de"):
                continue
            if large and fold(word) in _STOP:  # "Moss: The soft option."
                continue
            if trust == "people" and fold(word).removesuffix("s") in _TIMES:
                continue
            return "name not in the brief"
    if trust == "people":
        return ""
    if large and facts.invented(Offer(), [text], [known]):
        return "fact not in the brief"
    if large and language != "en":
        return ""
    tokens = _tokens(text)
    counts = _COUNTS - vouched if large else _NUMBER_WORDS
    if any(token in counts for token in tokens):
        return "number not in the brief"
    plain = _plain_english()
    if large and any(_may_be_a_name(part, plain, vouched) for part in sentences(text)):
        return "name not in the brief"
    if not large and any(t not in plain and stem(t) not in vouched for t in tokens):
        return "word nobody used"
    for token in tokens:
        holds = scene.facts
        if token in SEASONS and SEASONS[token] not in holds and not (large and token in _FIGURES):
            return "season or time not known"
        if token in _TIMES and token not in holds and not (large and token in _ANY_DAY):
            return "season or time not known"
        modifiers = _SEEN if large else words.MODIFIERS
        described = token in _WEATHER or token in _COLOURS or token in modifiers
        if described and stem(token) not in vouched:
            return "not in the picture"
    if any(stem(word) in vouched for word in re.findall(r"\b(?:no|without) (\w+)", text, re.I)):
        return "denies the picture"
    claims = [match[0] for match in _CLAIMS.finditer(text)]
    if any(not large or not {stem(t) for t in _tokens(claim)} <= vouched for claim in claims):
        return "claim not in the brief"
    if re.search(r"\b(?:he|she|his|her|him|my|mine)\b", text, re.I) and not (
        re.search(r"\bmy|mine\b", text, re.I) and "founder" in brand.voice
    ):
        return "somebody not in the picture"
    for _, _, noun in words.nouns_in(text):
        if noun.head in scene.facts or stem(noun.head.split()[-1]) in vouched:
            continue
        if large and {noun.head, stem(noun.head)} & _FIGURES:
            continue
        if large and noun.type == "backdrop" and noun.head not in _MEALS:
            continue
        return "not in the picture"
    if large:
        told = (*brief.shown, *brief.light, *look)
        miscoloured = any(_miscoloured(part, told) for part in sentences(text))
        return "not in the picture" if miscoloured else ""
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


_AFTER_A_WORD = re.compile(r"(?<=[\w,;:] )[A-Z][\w'’-]+")
_ANYWHERE = re.compile(r"(?<=.)\b[A-Z][\w'’-]+")
_OPENERS = listed(
    "adventure although among appreciate beauty behold beyond brave capture celebrate cheers despite "
    "dive dream elevate embrace explore fact finder furthermore harmony hence hey hi however humble "
    "imagine indulge introduce join journey magic marvel meanwhile moreover neither ok okay perhaps "
    "ponder reconnect rediscover relax resilience rise rumor rumour savor savour seldom serene "
    "solitude spoiler such tender therefore thrive throughout thus toward unlock unwind upon wake "
    "wander wonder"
)
"""Words that begin sentences, beside those of the starter captions and the lexicon."""
_ORDINARY = re.compile(r"(?:ing|ed|ly|ness|less|ful|ity|ment|able|ous|ish|ally|tion)$")


def _may_be_a_name(part: str, plain: frozenset[str], vouched: set[str]) -> bool:
    """Whether a sentence begins with a word that nobody wrote small: "Norway at its best"."""
    match = re.match(r"[\"“'‘(]*([A-Z][\w'’-]+)", part)
    if match is None:
        return False
    word = re.sub(r"['’](?:s|re|ll|d|ve|t)$", "", fold(match[1]))
    known = any(form in plain or form in _OPENERS for form in (word, stem(word)))
    return not known and stem(word) not in vouched and not _ORDINARY.search(word)


def sayable(brief: CaptionBrief, scene: Scene) -> tuple[frozenset[str], frozenset[str]]:
    """The words that sampled text may use: at any time, and because of this brief.

    Those that `invention` lets pass one by one; what it says of whole sentences still holds.
    """
    brand = brief.brand
    known = (
        brand.name, brand.niche, brand.handle, brief.theme, *brand.subjects, *brief.shown,
        *brief.light, brief.season,
    )  # fmt: skip
    vouched = {stem(token) for token in _tokens(" ".join(known))} | {stem(f) for f in scene.facts}
    always, sometimes = _neutral()
    here = {
        token
        for token, its in sometimes.items()
        if its in vouched or token in scene.facts or SEASONS.get(token) in scene.facts
    }
    own = {token for token in _tokens(" ".join(known)) if token not in _NUMBER_WORDS}
    return always, frozenset(here | own)


@cache
def _neutral() -> tuple[frozenset[str], dict[str, str]]:
    """Words that say nothing of a picture; those that do, and claims, with their stems."""
    bound = _TIMES | _WEATHER | _COLOURS | words.MODIFIERS | frozenset(SEASONS)
    never = _NUMBER_WORDS | listed("he she his her him my mine")
    always, sometimes = set(), {}
    for token in _plain_english() - never:
        if "-" in token and facts.facts(token):  # "half-price"
            continue
        if token in bound or words.nouns_in(token) or _CLAIMS.search(token):
            sometimes[token] = stem(token)
        else:
            always.add(token)
    return frozenset(always), sometimes


@cache
def _plain_english() -> frozenset[str]:
    """Words that people wrote in the starter captions, in small letters: no names, no slips."""
    found: set[str] = set()
    for line in starter.lines():
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
    size = max(1, len(bare(_without(text, brief.pieces)).split()))
    ratio = size / max(1.0, usual_words(brief, habits))
    return max(0.0, 1.0 - abs(_log3(ratio)))


def usual_words(brief: CaptionBrief, habits: Habits) -> float:
    """Words that the brand would give such a post, the offer apart."""
    return {
        "story": min(7.0, habits.words), "quote": min(14.0, habits.words),
        "gif": min(7.0, habits.words), "reel": min(13.0, habits.words),
        "collage": min(16.0, habits.words), "product": min(20.0, habits.words),
    }.get(brief.kind, habits.words)  # fmt: skip


def freshness(text: str, seen: Seen, names: Iterable[str]) -> float:
    """0 for words not yet used in this run, more negative the more of them come again."""
    own = content(text, seen.tongue) - {stem(word) for word in names}
    return -sum(min(3, seen.stems[word]) for word in own) / max(4, len(own))


def past_texts(brief: CaptionBrief) -> list[str]:
    """The words of all posts that the brand of a brief wrote."""
    return [text for post in (*brief.history, *brief.past) if (text := told(post))]


def _coloured(text: str) -> list[tuple[str, str]]:
    """Colours with the word they stand before."""
    tokens = _tokens(text)
    return [pair for pair in pairwise(tokens) if pair[0] in _COLOURS]


def _pair_known(pair: tuple[str, str], known: str) -> bool:
    """ "blue sky" does not vouch for a "blue road"."""
    said = _tokens(known)
    return (pair[0], stem(pair[1])) in {(a, stem(b)) for a, b in pairwise(said)}


def _miscoloured(part: str, told: Sequence[str]) -> bool:
    """Whether a sentence has a colour that is not told of what it stands by: "orange fruit cluster"
    vouches for "orange palm fruit" and "the fruit is orange"; "green tones", which fill a picture,
    vouch for any green."""
    tokens = _tokens(part)
    for i, token in enumerate(tokens):
        if token not in _COLOURS:
            continue
        phrases = [_tokens(phrase) for phrase in told]
        with_it = {stem(word) for phrase in phrases if token in phrase for word in phrase}
        near = {stem(word) for word in (*tokens[max(0, i - 4) : i], *tokens[i + 1 : i + 4])}
        if not with_it & ({"tone"} | near - {stem(token)}):
            return True
    return False


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


def last_told(text: str, seen: Seen) -> int:
    """Where among the captions that were made a text stands last; -1 where it does not."""
    key = _key(text)
    return max((i for i, (told, _) in enumerate(seen.told) if _key(told) == key), default=-1)


def _opening(text: str) -> str:
    """The first three words, by which a reader notices a repetition."""
    return " ".join(_tokens(text)[:3])
