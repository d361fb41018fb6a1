"""Words: what a keyword names, its number, and the small grammar of English around it.

Knows nouns by what they are (nouns.txt), articles, agreement, contractions and spelling. It knows
no caption, no brand and no picture. English only; a keyword in another script reads as unknown.
"""

import re
import unicodedata
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.resources import files
from typing import Literal

Number = Literal["one", "many", "mass"]


def listed(text: str) -> frozenset[str]:
    """A set of words, written as one writes words."""
    return frozenset(text.split())


PROPER = listed(
    "african alpine american andean arctic asian atlantic australian austrian baltic bavarian "
    "brazilian british californian canadian caribbean chinese danish douglas dutch english european "
    "finnish french german greek icelandic indian iberian irish italian japanese korean lebanese "
    "mediterranean mexican monterey nepalese nordic norway norwegian ohio osage pacific persian "
    "polish portuguese russian scandinavian scots scottish siberian spanish swedish swiss texan "
    "turkish virginian welsh christmas easter"
)
"""Adjectives that English writes with a capital."""

_NOT_NAMES = listed(
    "no not without first last next new old other another some any all my your our his her their "
    "its this that these those and or of with for from in on at to by free closed open"
)
_NUMBERS = listed(
    "one two three four five six seven eight nine ten eleven twelve twenty thirty forty fifty "
    "hundred half dozen"
)
MODIFIERS = listed("""wild dead young old small big large tall tiny giant little long short thin thick round flat wide
    narrow smooth rough soft hard dark light bright pale deep clear fresh dry wet warm cold hot bare
    dense single fallen hanging drooping leaning twisting winding weathered worn rocky sandy snowy
    grassy mossy misty foggy sunny sunlit cloudy stormy starry rolling distant calm still quiet
    green red blue yellow orange purple pink white black brown grey gray golden silver copper rust
    teal cream rusty common northern southern eastern western handmade wooden ceramic woven knitted
    linen cotton woollen leather glass stone brick iron brass steel clay paper seasonal flowering
    blooming ripe winged spiny hairy curly feathery glossy open high low steep empty full simple
    stacked folded rising setting evening morning autumn winter spring summer""")
"""Words that may stand before a known noun without changing what it is."""

_AN = re.compile(r"^(?:[aeio]|u(?!ni|s[aeiou]|kul|r[aeiou]n)|hour|honest|heir)", re.I)
_NOT_AN = re.compile(r"^(?:one\b|once\b|eu|ewe)", re.I)


@dataclass(frozen=True)
class Noun:
    """One keyword, read."""

    text: str
    """As it stands inside a sentence, e.g. "Ohio buckeye", "rocky shore"."""
    type: str
    """Its line in nouns.txt; "thing" where nothing is known of it."""
    types: frozenset[str]
    """The type and all that it is a kind of."""
    number: Number
    head: str
    """The words that were recognised, e.g. "pine cone"; the last word where none were."""

    @property
    def known(self) -> bool:
        return self.type != "thing"

    @property
    def words(self) -> tuple[str, ...]:
        return tuple(self.text.lower().split())


def fold(text: str) -> str:
    """Lower case, compatibility forms unified, accents removed, any script kept."""
    if text.isascii():
        return text.lower()
    plain = unicodedata.normalize("NFKD", unicodedata.normalize("NFKC", text).casefold())
    return unicodedata.normalize("NFC", "".join(c for c in plain if not unicodedata.combining(c)))


def plural(word: str) -> str:
    """The regular plural of an English noun (its last word)."""
    if re.search(r"[^aeiou]y$", word):
        return word[:-1] + "ies"
    if re.search(r"(?:s|x|z|ch|sh)$", word):
        return word + "es"
    return word + "s"


@lru_cache(maxsize=1 << 15)
def stem(word: str) -> str:
    """A crude common form, so that "boulders" meets "boulder" and "leaves" meets "leaf"."""
    word = fold(word).strip("'’.,;:!?\"“”()")
    word = re.sub(r"['’]s$", "", word)
    for end, new in (("ies", "y"), ("leaves", "leaf"), ("loaves", "loaf"), ("shelves", "shelf")):
        if word.endswith(end) and len(word) > 4:
            return word[: -len(end)] + new
    if re.search(r"(?:ss|us|is)$", word) or len(word) < 4:
        return word
    if re.search(r"(?:sh|ch|x|z|ss)es$", word):
        return word[:-2]
    return word.removesuffix("s")


@cache
def _lexicon() -> tuple[dict[str, tuple[str, Number, str]], dict[str, frozenset[str]]]:
    """Every form -> (type, number, base), and every type -> itself with all its parents."""
    forms: dict[str, tuple[str, Number, str]] = {}
    parents: dict[str, tuple[str, ...]] = {}
    text = files("feedsmith.captions").joinpath("nouns.txt").read_text("utf-8")
    for line in text.splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        left, _, right = line.partition(":")
        kind, _, above = (part.strip() for part in left.partition("<"))
        parents[kind] = tuple(name.strip() for name in above.split(",") if name.strip())
        for entry in right.split(","):
            word = entry.strip()
            if word.endswith("*"):
                forms[word[:-1]] = (kind, "mass", word[:-1])
            elif word.endswith("+"):
                forms[word[:-1]] = (kind, "many", word[:-1])
            else:
                one, _, many = word.partition("=")
                many = many or plural(one)
                forms[many] = (kind, "many", one)
                forms[one] = (kind, "one", one)  # last: "bonsai" alone is one
    closed: dict[str, frozenset[str]] = {}

    def close(kind: str) -> frozenset[str]:
        if kind not in closed:
            above = parents.get(kind, ())
            closed[kind] = frozenset({kind}).union(*(close(name) for name in above))
        return closed[kind]

    for kind in parents:
        close(kind)
    return forms, closed


def forms() -> frozenset[str]:
    """Every single word of nouns.txt, singular and plural."""
    return frozenset(word for form in _lexicon()[0] for word in form.split())


def forms_of(types: frozenset[str]) -> frozenset[str]:
    """Every form of the nouns of some types, their subtypes included."""
    forms, closed = _lexicon()
    return frozenset(form for form, (kind, _, _) in forms.items() if closed[kind] & types)


def base(form: str) -> str:
    """The singular of a known form ("leaves" -> "leaf"); anything else as it is."""
    known = _lexicon()[0].get(form)
    return known[2] if known else form


def many(noun: str) -> str:
    """The plural of a noun as nouns.txt has it ("leaf" -> "leaves"); a mass stays as it is."""
    return _plurals().get(noun, noun)


@cache
def _plurals() -> dict[str, str]:
    return {one: form for form, (_, number, one) in _lexicon()[0].items() if number == "many"}


def types() -> frozenset[str]:
    """The names of all types in nouns.txt."""
    return frozenset(_lexicon()[1])


def read(keyword: str) -> Noun:
    """Read one keyword: the longest known ending says what it is and its number."""
    text = " ".join(unicodedata.normalize("NFKC", keyword).split()).strip(" .,;:#")
    forms, closed = _lexicon()
    words = [word.lower() for word in text.split()]
    shown = " ".join(
        word.capitalize() if word.lower() in PROPER and word.islower() else _calm(word)
        for word in text.split()
    )
    for start in range(len(words)):
        tail = " ".join(words[start:])
        if tail in forms:
            kind, number, _ = forms[tail]
            if not closed[kind] & NAMED:
                # "angry bowl" is a bowl; what its maker called it is not ours to repeat.
                while start and _plain(words[start - 1], forms):
                    start -= 1
                shown = " ".join(shown.split()[start:])
            return Noun(shown, kind, closed[kind], number, tail)
    last = words[-1] if words else ""
    many = last.endswith("s") and not re.search(r"(?:ss|us|is)$", last)
    return Noun(shown, "thing", frozenset({"thing"}), "many" if many else "one", last)


NAMED = frozenset({"plant", "bird", "insect", "animal", "dog", "cat", "fruit", "mushroom"})
"""Types whose names may begin with words that we do not know: "loblolly pine"."""


def _plain(word: str, forms: dict[str, tuple[str, Number, str]]) -> bool:
    return word in MODIFIERS or word in PROPER or word in forms


def nouns_in(sentence: str) -> list[tuple[int, int, Noun]]:
    """Known nouns of a sentence as (first word, past the last word, noun), longest first match."""
    forms, _ = _lexicon()
    words = [re.sub(r"['’]s$", "", word.lower()) for word in re.findall(r"[\w'’-]+", sentence)]
    found: list[tuple[int, int, Noun]] = []
    i = 0
    while i < len(words):
        for n in range(min(4, len(words) - i), 0, -1):
            if " ".join(words[i : i + n]) in forms:
                found.append((i, i + n, read(" ".join(words[i : i + n]))))
                i += n
                break
        else:
            i += 1
    return found


def nameable(noun: Noun) -> bool:
    """True where the noun can stand in a sentence as the thing the picture shows."""
    words = noun.words
    if not words or len(words) > 4 or noun.types & {"person", "backdrop"}:
        return False
    if any(word in _NOT_NAMES or word in _NUMBERS for word in words):
        return False
    return all(re.fullmatch(r"[^\W\d_]+(?:['’-][^\W\d_]+)*", word) is not None for word in words)


def with_article(noun: Noun) -> str:
    """ "an oak", "boulders", "moss"."""
    if noun.number != "one":
        return noun.text
    return f"{article(noun.text)} {noun.text}"


def article(phrase: str) -> str:
    return "an" if _AN.match(phrase) and not _NOT_AN.match(phrase) else "a"


_IRREGULAR = {
    "is": ("is", "are"), "was": ("was", "were"), "has": ("has", "have"), "does": ("does", "do"),
    "it": ("it", "they"), "its": ("its", "their"), "them": ("it", "them"), "this": ("this", "these"),
    "that": ("that", "those"), "itself": ("itself", "themselves"), "goes": ("goes", "go"),
    "isn't": ("isn't", "aren't"), "doesn't": ("doesn't", "don't"), "one": ("one", "ones"),
    "hasn't": ("hasn't", "haven't"), "it's": ("it's", "they're"),
}  # fmt: skip


def agree(word: str, number: Number) -> str:
    """A verb, pronoun or determiner in the form for one (also mass) or many: "stand" -> "stands"."""
    many = number == "many"
    if word in _IRREGULAR:
        return _IRREGULAR[word][many]
    if many:
        return word
    if re.search(r"[^aeiou]y$", word):
        return word[:-1] + "ies"
    return word + ("es" if re.search(r"(?:s|x|z|ch|sh|o)$", word) else "s")


def gerund(verb: str) -> str:
    """The regular -ing form: "show" -> "showing", "make" -> "making", "stop" -> "stopping"."""
    if verb.endswith("ie"):
        return verb[:-2] + "ying"
    if re.search(r"[^eoy]e$", verb) and verb != "be":
        return verb[:-1] + "ing"
    return _doubled(verb) + "ing"


def participle(verb: str) -> str:
    """The regular -ed form: "show" -> "showed", "carry" -> "carried", "plan" -> "planned"."""
    if verb.endswith("e"):
        return verb + "d"
    if re.search(r"[^aeiou]y$", verb):
        return verb[:-1] + "ied"
    return _doubled(verb) + "ed"


def _doubled(verb: str) -> str:
    """A short vowel doubles what follows it: "stop" -> "stopp"."""
    short = re.search(r"(?:^|[^aeiou])[aeiou][bdgmnprt]$", verb) and len(verb) <= 4
    return verb + verb[-1] if short else verb


def sentence_case(text: str) -> str:
    """The first letter large, the rest as it is."""
    for i, c in enumerate(text):
        if c.isalpha():
            return text[:i] + c.upper() + text[i + 1 :]
        if c.isdigit():
            return text
    return text


_EXPAND = {
    "it's": "it is", "that's": "that is", "there's": "there is", "what's": "what is",
    "who's": "who is", "here's": "here is", "where's": "where is", "don't": "do not",
    "doesn't": "does not", "didn't": "did not", "isn't": "is not", "aren't": "are not",
    "wasn't": "was not", "won't": "will not", "can't": "cannot", "couldn't": "could not",
    "wouldn't": "would not", "shouldn't": "should not", "hasn't": "has not", "haven't": "have not",
    "we're": "we are", "we've": "we have", "we'd": "we would", "we'll": "we will", "i'm": "I am",
    "i've": "I have", "i'd": "I would", "i'll": "I will", "you're": "you are",
    "you've": "you have", "you'd": "you would", "you'll": "you will", "they're": "they are",
    "they've": "they have", "it'll": "it will", "they'll": "they will", "nobody's": "nobody is", "they'd": "they would",
    "let's": "let us", "how's": "how is", "who'd": "who would",
}  # fmt: skip
CONTRACTION = re.compile(r"\b(" + "|".join(_EXPAND) + r")\b", re.I)


def expand(text: str) -> str:
    """Contractions written out: "it's" -> "it is"."""

    def full(match: re.Match[str]) -> str:
        word = match[0]
        long = _EXPAND[word.lower()]
        return sentence_case(long) if word[0].isupper() else long

    return CONTRACTION.sub(full, text.replace("’", "'"))


_SINGULAR = {
    "we": "I", "us": "me", "our": "my", "ours": "mine", "ourselves": "myself", "we're": "I'm",
    "we've": "I've", "we'd": "I'd", "we'll": "I'll",
}  # fmt: skip


def first_person(text: str) -> str:
    """The founder's "I" for the shop's "we"."""
    text = re.sub(r"\b(we are)\b", "I am", text, flags=re.I)
    text = re.sub(r"\b(are we)\b", "am I", text, flags=re.I)
    text = re.sub(r"\b(we were)\b", "I was", text, flags=re.I)

    def one(match: re.Match[str]) -> str:
        new = _SINGULAR[match[0].lower()]
        return sentence_case(new) if match[0][0].isupper() else new

    return re.sub(
        r"\b(" + "|".join(sorted(_SINGULAR, key=len, reverse=True)) + r")\b", one, text, flags=re.I
    )


_AMERICAN = {
    "colour": "color", "favourite": "favorite", "grey": "gray", "neighbour": "neighbor",
    "centre": "center", "harbour": "harbor", "jewellery": "jewelry", "honour": "honor",
    "colourful": "colorful", "flavour": "flavor", "humour": "humor", "realise": "realize",
}  # fmt: skip
AMERICAN = re.compile(r"\b(" + "|".join(set(_AMERICAN.values())) + r")s?\b", re.I)
BRITISH = re.compile(r"\b(" + "|".join(_AMERICAN) + r")s?\b", re.I)


def american(text: str) -> str:
    """British spelling to American, for brands that write so."""

    def swap(match: re.Match[str]) -> str:
        new = _AMERICAN[match[1].lower()]
        new = sentence_case(new) if match[0][0].isupper() else new
        return new + ("s" if match[0].lower() != match[1].lower() else "")

    return BRITISH.sub(swap, text)


def _calm(word: str) -> str:
    """Shouted keywords are lowered; names as typed are kept."""
    return word.lower() if word.isupper() and len(word) > 4 else word
