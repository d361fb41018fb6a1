"""Mining: which sentences of a brand's own captions may be said again, of another picture.

The thing shown becomes a slot; what is left must be able to stand under any other picture of that
kind. What a sentence means cannot be told here, so it is asked the other way round: it is taken
only where it names one thing, every other word is a general one (mining.txt) or one that the
shipped sentences say of such things, and its grammar is of the few forms that are understood. All
else is left out: better too few than wrong. Knows captions as sentences; knows no brand, no picture
and no ranking. English only: in other languages no word is known, and nothing is taken.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache, lru_cache
from importlib.resources import files
from itertools import pairwise

from feedsmith.captions import words
from feedsmith.captions.skeletons import COMMON, SEASONS, SOLD, Skeleton, fixed, stems, stock
from feedsmith.captions.words import Noun, Number, fold, listed, read, stem

LENT_WORDS = 8
"""Words of a past caption that may stand again in a row, around another thing."""
CLOSING_WORDS = 5
"""Words of a second sentence that may come along whole ("Please do not hug.")."""
RECURRING = 2
"""Captions that must end with a sentence about no thing for it to be a habit of the brand."""
APART = 10
"""Captions from the first of these to the last: not two posts of one event."""
LONGEST = 16
"""Words of a sentence that is taken."""
STORY_WORDS = 9
"""Words up to which it may be a story by itself."""

_WORD = re.compile(r"\w+(?:['’-]\w+)*")
_TOKEN = re.compile(r"[\w'’-]+")
"""As `words.nouns_in` counts them."""
_MARKED = re.compile(
    r"[\x00-\x1f\d#@&/\\()\[\]{}<>\"“”„«»*_=+|~…€$£¥%]|https?:|www\.|\.\w|--|\s[-–—,.;:?!]"
)
"""Marks of numbers, links, quotes and credits, and of typing in a hurry."""
_EXISTS = re.compile(r"\bthere(?:'s| is| are| was| were)\b", re.I)
_HEALS = re.compile(r"\bgood for (?:you|us|the)\b", re.I)
_WE_DID = re.compile(r"\b(?:we|i)(?:'ll| will| have|'ve|'d)\b", re.I)
_SUPERLATIVE = re.compile(
    r"(?!rest|best|west|honest|forest|interest|request|suggest|harvest|modest|protest|contest)\w{3,}est"
)

_DETERMINERS = listed("a an the this these")
_POSSESSIVES = listed("our my your")
_SUBJECTS = listed(
    "i we you they it he she who somebody someone nobody everybody everyone one this that which "
    "something nothing everything"
)
_ADVERBS = listed("never always still just only really simply hardly rarely often even")
_AUXILIARIES = listed("is are was has have does do isn't aren't doesn't don't hasn't goes go")
_BASE = {
    "are": "is", "have": "has", "do": "does", "go": "goes", "aren't": "isn't", "don't": "doesn't",
}  # fmt: skip
_MODALS = listed("can can't cannot will won't would could may might must should")
_HELPERS = _MODALS | listed("do does did don't doesn't didn't let let's make makes see watch")
"""After these a verb stands in its base form, whatever its subject."""
_PREPOSITIONS = listed("in on at with without for from to by under over as than between after")
_FOLLOWERS = _PREPOSITIONS | listed(
    "through before until and or but that which who when where because so not once while if up down "
    "out off away back again anyway"
)
"""What may come right after the thing shown; anything else may be a second half of its name."""
_OPENERS = listed(
    "but and or then which because yes no not it it's its they they're their this that these those if "
    "with of one"
)
"""Words that a sentence begins with where it goes on from another."""
_ENDLESS = _PREPOSITIONS - {"by", "over"} | listed("the a an of and or but that which who so if")
"""Words that a sentence ends with where it needs the one before."""
_ASKING = listed(
    "what what's who who's where where's when why how how's do does did are is have has can could "
    "would will should"
)
_FACTS = listed("can will may is are")
_BEFORE_VERBS = listed("to we you they i and please don't never always can will would could let's")
_KEEPS_NUMBER = _POSSESSIVES | listed("some favourite favorite own good more enough much many")
_PRONOUNS = listed("it they them ones it's they're itself themselves")
_ITS = {"its": "its", "itself": "itself", "themselves": "itself"}
_I = listed("I I'm I've I'd I'll OK")

_MIXED = listed("plant travel tech gear bath fitness barber room woodwork") | {"pet gear"}
"""Types of so many different things that a sentence about one seldom holds of another."""
_FAMILIES = tuple(
    listed(family)
    for family in (
        "tree conifer palm flower leaf cactus fern moss mushroom seed bud grass fruit vegetable",
        "mountain hill canyon rock cliff",
        "sea lake stream waterfall",
        "bird insect animal dog cat",
        "bread pastry",
        "garment shoe bag textile",
    )
)
"""Types of which the same figures of speech hold."""


@dataclass(frozen=True)
class Told:
    """One past caption, and what else is known of its picture."""

    sentences: tuple[str, ...]
    seen: str = ""
    """Words for what the picture shows: its alt text, keywords."""
    tags: str = ""
    """Its hashtags, with blanks between."""


@dataclass(frozen=True)
class _Thing:
    """A thing that a sentence names: the words [first, past), its determiner apart."""

    noun: Noun
    first: int
    past: int


@dataclass(frozen=True)
class _Sentence:
    """A sentence in its words, and the things that it names."""

    text: str
    tokens: tuple[re.Match[str], ...]
    said: tuple[str, ...]
    """Its words, folded."""
    things: tuple[_Thing, ...]
    idiom: frozenset[int]
    """Places of words that stand in an idiom."""

    def rest(self) -> list[tuple[int, str]]:
        """The words that are of no thing and of no idiom, with their places."""
        own = {i for thing in self.things for i in range(thing.first, thing.past)} | self.idiom
        return [(i, word) for i, word in enumerate(self.said) if i not in own]

    def gap(self, at: int) -> str:
        """What stands between word at - 1 and word at."""
        start = self.tokens[at - 1].end() if at else 0
        end = self.tokens[at].start() if at < len(self.tokens) else len(self.text)
        return self.text[start:end]

    def after(self, at: int) -> str:
        return self.said[at] if at < len(self.said) else ""


@dataclass(frozen=True)
class _Line:
    """A sentence whose thing has become a slot."""

    text: str
    types: frozenset[str]
    number: Number | None
    needs: tuple[frozenset[str], ...]

    @property
    def bare(self) -> bool:
        """Nothing but the slot."""
        return re.fullmatch(r"\{[^}]*\}[.!?]", self.text) is not None


def mined(captions: Sequence[Told]) -> tuple[Skeleton, ...]:
    """Skeletons of a brand's own captions, oldest caption first; half a second for 2,600.

    Roles: O and S (an opening, a story), Q (a question), W (two sentences), N (a habit that speaks
    of no thing). Ids begin with "own:"; what shares an opening shares `same`. `since` counts the
    captions that came after the last one in which the brand said it.
    """
    found: dict[tuple[str, str], Skeleton] = {}
    habits: dict[str, list[int]] = {}
    for at, told in enumerate(captions):
        since = len(captions) - 1 - at
        for i, text in enumerate(told.sentences):
            if _MARKED.search(text) or len(text.split()) > 2 * LONGEST:
                continue
            part = _read(text)
            if not part.things:
                if i == len(told.sentences) - 1 and _habitual(part, told):
                    habits.setdefault(part.text, []).append(at)
                continue
            part = part if len(part.things) == 1 else _without_middle(part)
            if part.text.endswith("?") and not all(map(_MARKED.search, told.sentences[i + 1 :])):
                continue  # it asks for what the caption then tells; a credit or link tells nothing
            closing = told.sentences[1] if i == 0 and len(told.sentences) == 2 else ""
            if len(part.things) > 1 or not _about(part.things[0].noun, told, first=i == 0):
                continue
            line = _slotted(part, closes=bool(closing))
            if line is not None:
                for skeleton in _in_roles(line, part.things[0].noun, closing):
                    _take(found, replace(skeleton, since=since))
    for text, used in habits.items():
        if len(used) >= RECURRING and used[-1] - used[0] >= APART:
            role = "Q" if text.endswith("?") else "N"
            since = len(captions) - 1 - used[-1]
            own = Skeleton(_id(text), role, frozenset({"any"}), text, same=_id(text), since=since)
            _take(found, replace(own, narrow=0.5))
    return tuple(found.values())


def _take(found: dict[tuple[str, str], Skeleton], new: Skeleton) -> None:
    """Add it, or note that the brand said it once more, of another thing."""
    if any(len(_said(piece)) > LENT_WORDS for piece in fixed(new.text)):
        return
    if _key(new.text) in _shipped():  # one of ours, come back with the brand's posts
        return
    known = found.get((new.role, new.text))
    if known is not None:
        new = replace(
            known,
            since=new.since,
            said_of=known.said_of | new.said_of,
            types=known.types | new.types,
            number=known.number if known.number == new.number else None,
        )
    found[new.role, new.text] = new


def _without_middle(sentence: _Sentence) -> _Sentence:
    """What a thing is up to, without where it is: "Cones can stay closed on the tree for years,
    waiting for the right moment." -> "Cones, waiting for the right moment." """
    thing = sentence.things[0]
    comma = sentence.text.rfind(", ")
    if thing.first or comma < 0 or not re.match(r", [a-z]+ing ", sentence.text[comma:]):
        return sentence
    name = sentence.text[sentence.tokens[0].start() : sentence.tokens[thing.past - 1].end()]
    return _read(name + sentence.text[comma:])


def _habitual(last: _Sentence, told: Told) -> bool:
    """Whether the last sentence, which names no thing, may end any caption of the brand."""
    if not 3 <= len(last.tokens) <= LENT_WORDS or unfit(last, frozenset({"any"})):
        return False
    if last.text.endswith("?"):
        return last.said[0] in _ASKING
    answers = len(told.sentences) > 1 and told.sentences[-2].endswith("?")
    return not answers  # "Let us know!"


def _about(noun: Noun, told: Told, *, first: bool) -> bool:
    """Whether that thing is what the picture of the caption shows, and not spoken of beside it."""
    named = (thing.noun for text in told.sentences for thing in _read(text).things)
    shown = next(named, noun)
    if not {noun.type, shown.type} & noun.types & shown.types:
        return False
    own = stems(noun)
    if any(tag.startswith(own) or tag.endswith(own) for tag in fold(told.tags).split()):
        return True
    if told.seen:
        seen = {stem(word) for word in _WORD.findall(told.seen)}
        alike = {other.type for _, _, other in words.nouns_in(told.seen)}
        return own[-1] in seen or (first and noun.type in alike)
    return first or noun == shown


# ---------------------------------------------------------------- reading


@lru_cache(maxsize=1 << 10)
def _read(text: str) -> _Sentence:
    """Find the words of a sentence, the things that it names, and its idioms."""
    text = text.replace("’", "'")
    tokens = tuple(_TOKEN.finditer(text))
    said = tuple(fold(token[0]) for token in tokens)

    def joined(at: int) -> bool:
        return not text[tokens[at - 1].end() : tokens[at].start()].strip()

    idiom: set[int] = set()
    for at, word in enumerate(said):
        for phrase in _idioms().get(word, ()):
            if said[at : at + len(phrase)] == phrase:
                idiom.update(range(at, at + len(phrase)))
    spans: list[tuple[int, int]] = []
    for first, past, _ in words.nouns_in(text):
        figure = first and said[first - 1] == "own"  # "going down its own staircase"
        verb = past == first + 1 and _is_verb(said, first)
        if figure or verb or idiom & {*range(first, past)}:
            continue
        if spans and spans[-1][1] == first and joined(first):
            spans[-1] = (spans[-1][0], past)  # "black walnut" and "leaves" are one thing
        else:
            spans.append((first, past))
    things: list[_Thing] = []
    for span, past in spans:
        first = span
        while first and joined(first) and said[first - 1] in words.MODIFIERS | words.PROPER:
            first -= 1
        noun = read(" ".join(token[0] for token in tokens[first:past]))
        if first == 1 and joined(1) and noun.types & words.NAMED and said[0] not in _general():
            first = 0  # "Staghorn sumac"
            noun = read(" ".join(token[0] for token in tokens[first:past]))
        things.append(_Thing(noun, first, past))
    return _Sentence(text, tokens, said, tuple(things), frozenset(idiom))


def _is_verb(said: Sequence[str], at: int) -> bool:
    """Whether a word that may be a noun is a verb here: "Stand close", "to watch"."""
    if said[at] not in _section("agreeing"):
        return False
    if at == 0:
        return len(said) > 1 and said[1] not in _AUXILIARIES | _MODALS
    return said[at - 1] in _BEFORE_VERBS


# ---------------------------------------------------------------- one sentence


def _slotted(sentence: _Sentence, *, closes: bool) -> _Line | None:
    """The sentence with a slot for its one thing, or None where it may not be said of another.

    `closes` says that it opens its caption and that one more sentence ends that.
    """
    thing = sentence.things[0]
    noun, said = thing.noun, sentence.said
    if not words.nameable(noun) or noun.type in _MIXED or unfit(sentence, noun.types):
        return None
    determiner = said[thing.first - 1] if thing.first else ""
    determiner = determiner if determiner in _DETERMINERS else ""
    start = thing.first - bool(determiner)
    before = said[start - 1] if start else ""
    if determiner and sentence.gap(thing.first).strip():
        return None
    definite = determiner not in ("", "a", "an")
    if not _replaceable(sentence, thing, before, definite=definite):
        return None
    contrast = {*said[thing.first : thing.past]} & words.MODIFIERS
    if contrast and {word for _, word in sentence.rest()} & words.MODIFIERS:
        return None  # "Small bowl, big personality."
    beside = len(said) - (thing.past - start)
    if beside < (3 if start else 2) and not (closes and not beside):
        return None  # "Keep the sticker." means more than it says
    after, number = _agreed(sentence, thing)
    if before in _KEEPS_NUMBER or any(word in _PRONOUNS for word in said[:start]):
        number = noun.number
    at = sentence.tokens[start].start()
    text = sentence.text[:at] + _slot(determiner, capital=not at) + after
    text += "" if text[-1] in ".?!" else "."
    seasons = [SEASONS[word] for word in said if word in SEASONS and word != "fall"]
    needs = tuple(frozenset({season}) for season in dict.fromkeys(seasons))
    types = {noun.type}
    if not start and _figure(sentence, thing):
        types |= next((family for family in _FAMILIES if noun.type in family), frozenset())
    return _Line(text, frozenset(types), number, needs)


def _replaceable(sentence: _Sentence, thing: _Thing, before: str, *, definite: bool) -> bool:
    """Whether another thing could stand there: no name, no kind that is asked for, no part of a
    longer word, nothing that is said of this one in particular."""
    asks = sentence.text.endswith("?")
    noun, follower = thing.noun, sentence.after(thing.past)
    gap = sentence.gap(thing.past)
    if before in _section("pointing") | listed("no any every each all what whose which like one"):
        return False
    if before.endswith(("ing", "ed")) or (before in _POSSESSIVES and not asks):
        return False
    if asks and stem(noun.words[-1]) in COMMON:
        return False  # "What tree would you be?" asks for a kind, not for an oak
    if before in ("favourite", "favorite") and not noun.types & (SOLD | listed("tree flower bird")):
        return False  # nobody has a favourite pasture
    within = [sentence.tokens[i][0] for i in range(max(1, thing.first), thing.past)]
    if not noun.types & words.NAMED and any(word[0].isupper() for word in within):
        return False  # "the Bay Bridge"
    if gap.startswith(("'", "-")):
        return False
    if follower and not gap.strip() and not _may_follow(sentence, thing.past):
        return False
    if before or follower not in _FACTS:
        return True
    # "Pine cones can tell the weather", "Foxes are shy", "The kitten is asleep": true of those only.
    verdict = {sentence.after(thing.past + 1), sentence.after(thing.past + 2)} & {"a", "an"}
    return follower in ("is", "are") and not definite and bool(verdict)


def _may_follow(sentence: _Sentence, at: int) -> bool:
    """Whether a thing's name ends before this word."""
    word = sentence.said[at]
    if word in _FOLLOWERS | _AUXILIARIES | _MODALS | _ADVERBS or _base(word) is not None:
        return True
    return word.endswith(("ing", "ed")) and bool(sentence.after(at + 1))


def _figure(sentence: _Sentence, thing: _Thing) -> bool:
    """Whether what is said is a figure of speech that holds of all kinds of things: "showing off"."""
    literal = [
        w for i, w in enumerate(sentence.said) if i in sentence.idiom and w in words.MODIFIERS
    ]
    plain = all(word.endswith("ing") for word in literal)  # "open for business" is said of flowers
    known = all(word in _general() for _, word in sentence.rest())
    return sentence.gap(thing.past).startswith(",") and plain and known


def _slot(determiner: str, *, capital: bool) -> str:
    name = {"an": "a", "these": "this"}.get(determiner, determiner)
    if not name:
        return "{S}" if capital else "{s}"
    return f"{{{name.capitalize() if capital else name} s}}"


def _base(word: str) -> str | None:
    """The verb that it is a present form of, in the form that `words.agree` takes."""
    if word in _AUXILIARIES:
        return _BASE.get(word, word)
    verbs = _section("agreeing")
    if word in verbs:
        return word
    for base in (word.removesuffix("s"), word.removesuffix("es"), re.sub("ies$", "y", word)):
        if base != word and base in verbs and words.agree(base, "one") == word:
            return base
    return None


def _agreed(sentence: _Sentence, thing: _Thing) -> tuple[str, Number | None]:
    """What follows the thing, its verb and "its" as slots; and the number that its place needs,
    where some other form would have to agree, too."""
    said, past = sentence.said, thing.past
    start = sentence.tokens[past - 1].end()
    out = sentence.text[start:]
    apart = bool(sentence.gap(past).strip())
    slots = {i: _ITS[said[i]] for i in range(past, len(said)) if said[i] in _ITS}
    at = past
    while at < len(said) and said[at] in _ADVERBS:
        at += 1
    base = _base(said[at]) if at < len(said) and not apart else None
    if base is not None and any(word in _HELPERS for word in said[: thing.first]):
        return out, None  # "Where should bread live?"
    if base is not None:
        slots[at] = base
    for i in sorted(slots, reverse=True):
        a, b = sentence.tokens[i].start() - start, sentence.tokens[i].end() - start
        out = out[:a] + f"{{s:{slots[i]}}}" + out[b:]
    free = apart or base is not None or sentence.after(past) in _PREPOSITIONS | {""}
    left = [said[i] for i in range(past, len(said)) if i not in slots]
    bound = _PRONOUNS | _AUXILIARIES | {"which", "that", "who"}
    loose = any(
        word in bound or (_base(word) is not None and word not in _section("agreeing"))
        for word in left
    )
    return out, None if free and not loose else thing.noun.number


def _in_roles(line: _Line, noun: Noun, closing: str) -> list[Skeleton]:
    """The skeletons of one line: a question; an opening and, where it is short, a story; and with
    the sentence that closed its caption a whole one."""
    said_of = frozenset({stems(noun)})
    same = line.text

    def made(role: str, text: str) -> Skeleton:
        return Skeleton(
            _id(text), role, line.types, text, line.needs, number=line.number, same=_id(same),
            narrow=1.0, said_of=said_of,
        )  # fmt: skip

    found: list[Skeleton] = []
    if closing and not _MARKED.search(closing) and not line.text.endswith("?"):
        last = _read(closing)
        if (
            2 <= len(last.tokens) <= CLOSING_WORDS
            and not last.things
            and not unfit(last, noun.types)
        ):
            whole = f"{line.text} {last.text}" + ("" if last.text[-1] in ".?!" else ".")
            same = whole if line.bare else same
            found.append(made("W", whole))
    if line.bare:
        return found
    short = len(_said(line.text)) <= STORY_WORDS
    roles = "Q" if line.text.endswith("?") else "OS" if short else "O"
    return [*found, *(made(role, line.text) for role in roles)]


# ---------------------------------------------------------------- what may be said again


def unfit(sentence: _Sentence, types: frozenset[str]) -> str:
    """Why what is said beside the thing may not hold of another one, at another time, in a few
    countable words; '' where it does. `types` are those of the thing."""
    said = sentence.said
    if not 2 <= len(said) <= LONGEST:
        return "length"
    if not re.search(r"[\w'][.?!]?$", sentence.text) or _MARKED.search(sentence.text):
        return "marks"
    if re.search(r"[.?!;].", sentence.text) or sentence.text.count(":") > 1:
        return "marks"
    if not sentence.text[0].isupper():
        return "starts small"
    if _EXISTS.search(sentence.text):
        return "says what there is"
    if _HEALS.search(sentence.text):
        return "claim"
    firsts = {thing.first for thing in sentence.things}
    named = {i for thing in sentence.things for i in range(thing.first, thing.past)}
    for i, token in enumerate(sentence.tokens):
        large = token[0][0].isupper() and bool(i) and i not in named
        if (large or (len(token[0]) > 1 and token[0].isupper())) and token[0] not in _I:
            return "name"
    for i, word in sentence.rest():
        if (word in _DETERMINERS and i + 1 in firsts) or _by_nobody(said, i):
            continue
        if word in _refused():
            return f"never: {word}"
        if word in words.MODIFIERS and stem(word) not in _of_stock(types):
            return f"describes: {word}"
        if _SUPERLATIVE.fullmatch(word):
            return "superlative"
        if word not in _general() and stem(word) not in _of_stock(types):
            return f"not general: {word}"
        if word in ("the", "this", "that") and not _usual(said, i):
            return f"points at something: {word}"
    opener = said[0] in _OPENERS and not (said[0] in _DETERMINERS and 1 in firsts)
    if opener or _headless(sentence) or said[-1] in _ENDLESS:
        return "goes on from another"
    return "tells what happened" if _tells(sentence) else ""


def _headless(sentence: _Sentence) -> bool:
    """Whether it begins with a verb whose subject is left out: "Holds coffee.", "Looking for it?" """
    if sentence.things and sentence.things[0].first == 0:
        return False
    first, second = sentence.said[:2]
    if first in ("do", "don't", "have"):
        return False
    if first in _AUXILIARIES | _MODALS:
        return second not in _SUBJECTS | _DETERMINERS | _POSSESSIVES | {"not"}
    verb = first in _section("agreeing")
    if sentence.text.endswith("?") and verb:
        return True
    return first.endswith("ing") or (not verb and _base(first) is not None)


def _tells(sentence: _Sentence) -> bool:
    """Whether it tells what happened: that was true of one picture."""
    said = sentence.said
    ends = {thing.past for thing in sentence.things}
    for i, word in sentence.rest():
        last = said[i - 1] if i else ""
        if word in _section("told"):
            if i >= 2 and said[i - 2] in ("before", "than") and last in _SUBJECTS:
                continue  # "open for business before we were"
            return True
        if word.endswith("ed") and len(word) > 4:
            beside = i in ends and not sentence.gap(i).strip()
            passive = sentence.after(i + 1) in ("by", "in", "with", "for", "from", "to")
            if not i or last in _SUBJECTS | _ADVERBS or (beside and not passive):
                return True
    return _WE_DID.search(sentence.text) is not None


def _by_nobody(said: Sequence[str], at: int) -> bool:
    """Whether it is a figure of speech: "folded by someone", "polished by nobody"."""
    by = ("by", "nobody"), ("by", "someone"), ("by", "somebody")
    return said[at].endswith("ed") and tuple(said[at + 1 : at + 3]) in by


def _usual(said: Sequence[str], at: int) -> bool:
    """Whether what "the" stands before is nothing to be seen, or is said so in the stock."""
    if at + 1 == len(said):
        return False
    general = said[at] == "the" and said[at + 1] in _general()
    return general or (said[at], stem(said[at + 1])) in _pairs()


# ---------------------------------------------------------------- words


@cache
def _sections() -> dict[str, str]:
    """The sections of mining.txt."""
    found: dict[str, str] = {}
    name = ""
    for line in files("feedsmith.captions").joinpath("mining.txt").read_text("utf-8").splitlines():
        if line.startswith("#") or not line.strip():
            continue
        said = line
        if not line[0].isspace():
            name, _, said = line.partition(":")
        found[name] = f"{found.get(name, '')} {said.strip()}".strip()
    return found


@cache
def _section(name: str) -> frozenset[str]:
    return frozenset(_sections()[name].split())


@cache
def _refused() -> frozenset[str]:
    never = ("times", "numbers", "colours", "pointing", "naming", "offering")
    return frozenset().union(*(_section(name) for name in never))


@cache
def _general() -> frozenset[str]:
    """General words: verbs in their regular forms, nouns in both numbers."""
    found = {
        word
        for name in ("verbs", "past", "nouns", "adjectives", "adverbs", "function")
        for word in _section(name)
    }
    verbs = _section("verbs") | {re.sub("ise$", "ize", verb) for verb in _section("verbs")}
    for verb in verbs:
        found |= {verb, words.agree(verb, "one"), words.gerund(verb), words.participle(verb)}
    found |= {words.plural(noun) for noun in _section("nouns")}
    return frozenset(found | {re.sub("our(s?)$", r"or\1", word) for word in found})


@cache
def _idioms() -> dict[str, list[tuple[str, ...]]]:
    """Idioms by their first word, that in each of its forms if it is a verb."""
    found: dict[str, list[tuple[str, ...]]] = {}
    for idiom in " ".join(_sections()["idioms"].split()).split(", "):
        first, *others = idiom.split()
        forms = {first}
        if first in _section("agreeing"):
            forms |= {words.agree(first, "one"), words.gerund(first)}
        for form in forms:
            found.setdefault(form, []).append((form, *others))
    return found


@cache
def _of_stock(types: frozenset[str]) -> frozenset[str]:
    """Stems of the shipped sentences that may be said of such a thing, whatever else is known."""
    return frozenset(
        stem(word)
        for line in stock()
        if line.types & (types | {"any"}) and not line.needs and line.role in "ONQWSHPUG"
        for piece in fixed(line.text)
        for word in _said(piece)
    )


@cache
def _pairs() -> frozenset[tuple[str, str]]:
    """ "the", "this" and "that" with the word after them, as the shipped sentences have them."""
    return frozenset(
        (a, stem(b))
        for line in stock()
        if not line.needs
        for piece in fixed(line.text)
        for a, b in pairwise(_said(piece))
        if a in ("the", "this", "that")
    )


@cache
def _shipped() -> frozenset[str]:
    return frozenset(_key(line.text) for line in stock())


def _key(text: str) -> str:
    """The fixed words of a skeleton."""
    return " | ".join(" ".join(_said(piece)) for piece in fixed(text))


def _said(text: str) -> list[str]:
    return [fold(word).replace("’", "'") for word in _WORD.findall(text)]


def _id(text: str) -> str:
    """ "own:hanging-out" of "{S}, hanging out."."""
    return "own:" + "-".join([word for piece in fixed(text) for word in _said(piece)][:7])
