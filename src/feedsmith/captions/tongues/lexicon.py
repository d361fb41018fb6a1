"""Nouns of another language: what an English keyword is called there, and the way back.

Reads LANGUAGE/nouns.txt. Knows words, gender and number; knows no article and no sentence.
"""

from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Literal, NamedTuple

from feedsmith.captions import words
from feedsmith.captions.words import Noun, Number, fold

Gender = Literal["m", "f", "n"]

_AS_ONE = frozenset(
    {
        "woods", "stairs", "trousers", "jeans", "shorts", "scissors", "secateurs", "headphones",
        "fairy lights", "sunglasses",
    }
)  # fmt: skip
"""English has only a plural for these; where the other language has a singular, one is meant."""
_COMPOUND = 4
"""Letters that the last part of a German compound has at least: "Keramiktasse" is a "Tasse"."""


class Entry(NamedTuple):
    """One line of nouns.txt."""

    one: str
    gender: Gender
    many: str
    """Its plural; "" for a mass ("Moos"), which then has no indefinite article."""
    plural_only: bool
    weak: bool
    """German: "der Rabe, den Raben"."""
    apart: bool
    """French: an h that keeps the article whole ("le hêtre"); Spanish: "el agua", though feminine."""


@dataclass(frozen=True)
class Named(Noun):
    """A keyword by its name in another language; head and words stay those of English, and so do
    the types, with the noun itself among them."""

    keyword: str
    """The English keyword in small letters, e.g. "rocky shore"."""
    entry: Entry

    @property
    def words(self) -> tuple[str, ...]:
        return tuple(self.keyword.split())

    @property
    def gender(self) -> Gender:
        return self.entry.gender


class Lexicon(NamedTuple):
    entries: dict[str, Entry | None]
    """English singular, or "@type", to its entry; None where it must not be said."""
    forms: dict[str, str]
    """Folded singular or plural to the English keyword in that number."""


@cache
def lexicon(code: str, region: str = "") -> Lexicon:
    """The nouns of a language (ISO 639-1) as said in a region ("" for the usual one).

    Raises ValueError for a line that cannot be read: our own mistake.
    """
    text = files("feedsmith.captions.tongues").joinpath(code, "nouns.txt").read_text("utf-8")
    found: dict[str, Entry | None] = {}
    others: list[tuple[str, Entry]] = []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        key, colon, said = line.partition(":")
        key, _, where = key.strip().removeprefix("@").partition("@")
        key = "@" * line.startswith("@") + key
        entry = _entry(said.strip()) if colon else None
        if colon and entry is None and said.strip() != "-":
            raise ValueError(f"{code}/nouns.txt, line {number}: not a noun: {line}")
        if not where or where == region:
            found[key] = entry
        elif entry is not None:
            others.append((key, entry))
    forms: dict[str, str] = {}
    here = [(key, entry) for key, entry in found.items() if entry is not None]
    for key, entry in (*here, *others):  # a word of another region is still understood
        if key.startswith("@"):
            continue
        forms.setdefault(fold(entry.one), key)
        if entry.many:
            forms.setdefault(fold(entry.many), words.many(key))
            if code == "de":  # "unter Bäumen"
                forms.setdefault(fold(entry.many + "n"), words.many(key))
    return Lexicon(found, forms)


def _entry(said: str) -> Entry | None:
    parts = [part.strip() for part in said.split(",")]
    if len(parts) != 3 or parts[1] not in ("m", "f", "n", "mw"):
        return None
    one, gender, many = parts
    apart = one[0] in "*!"
    return Entry(
        one[apart:], gender[0], "" if many in "-+" else many, many == "+", gender == "mw", apart,  # type: ignore[arg-type]
    )  # fmt: skip


def name(noun: Noun, code: str, region: str = "") -> Named | None:
    """An English noun by its name in the language; None where the language has none for it.

    "Rocky shore" falls back on "shore", "shagbark hickory" on what any tree is called.
    """
    entries = lexicon(code, region).entries
    text = noun.text.lower()
    base = words.base(noun.head)
    front = text.removesuffix(noun.head).split()
    tries = [" ".join((*front[i:], base)) for i in range(len(front) + 1)]
    inner = base.split()
    for i in range(1, len(inner)):
        rest = words.read(" ".join(inner[i:]))
        if rest.type in noun.types:
            tries.append(" ".join(inner[i:]))
    found = next((key for key in tries if key in entries), "")
    if not found and noun.known:
        found = f"@{noun.type}"
    entry = entries.get(found)
    if entry is None:
        return None
    number = _number(noun, found, entry)
    said = entry.many if number == "many" and entry.many else entry.one
    return Named(said, noun.type, noun.types | {base}, number, noun.head, text, entry)


def _number(noun: Noun, key: str, entry: Entry) -> Number:
    if entry.plural_only:
        return "many"
    if not entry.many:
        return "mass"
    if noun.number == "many":
        return "one" if key in _AS_ONE else "many"
    return "many" if noun.number == "mass" else "one"


def english(word: str, code: str, region: str = "", *, compounds: bool = False) -> str:
    """The English keyword for a word of the language; '' where it is not known.

    `compounds` takes German ones by their last part.
    """
    forms = lexicon(code, region).forms
    folded = " ".join(fold(word).split())
    if folded in forms:
        return forms[folded]
    if compounds and code == "de" and " " not in folded:
        for start in range(3, len(folded) - _COMPOUND + 1):
            if folded[start:] in forms:
                return forms[folded[start:]]
    return ""
