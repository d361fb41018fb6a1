"""One language as the caption writer needs it: what it reads, names, says and lets pass.

Keywords stay English inside the writer, because rules (what may be said of what) are written once.
A tongue reads a brand's own words into them, gives the scene's nouns their names, and has sentences
of its own. Knows briefs and scenes as values; knows no ranking, no model and no file of a brand.
"""

import re
import tomllib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files
from typing import Any

from feedsmith.brand import Brand
from feedsmith.captions import words
from feedsmith.captions.brief import CaptionBrief
from feedsmith.captions.skeletons import INDOORS_NEVER, Scene, sold
from feedsmith.captions.tongues import detect, lexicon, names
from feedsmith.captions.tongues.grammar import GRAMMARS, marks
from feedsmith.captions.tongues.lexicon import Named
from feedsmith.captions.tongues.stock import Line, lines
from feedsmith.captions.words import Noun, fold

_PRICE = re.compile(
    r"[€$£¥]\s?\d|\d\s?[€$£¥]|\b\d+(?:[.,]\d+)?\s?(?:EUR|USD|GBP|CHF|CAD|AUD|BRL|MXN)\b|R\$\s?\d",
    re.I,
)
_A = {"de": ("ein", "der"), "fr": ("un", "le"), "es": ("un", "el"), "pt": ("um", "o")}
"""The indefinite article by its name, and the definite one."""
_ONE_OF = frozenset({"sky", "sun", "sea", "sunset"})
"""There is one of each, so it has the definite article."""
_PART = re.compile(r"[,&/:()+·|]| (?:und|et|y|e) ")
_APART = re.compile(r"(?i)\b(l|d|j|n|s|c|m|t|qu|jusqu|lorsqu|puisqu)['’](?=\w)")
"""French words run together: "l'arbre"."""


@dataclass(frozen=True)
class Tongue:
    """A language that captions are written in, beside English."""

    code: str
    """ISO 639-1: de, fr, es, pt."""
    variety: str
    """See names.variety."""

    @property
    def said(self) -> str:
        """Its English name."""
        return str(self._own["said"])

    @property
    def _own(self) -> dict[str, Any]:
        return _words(self.code)

    @property
    def stop(self) -> frozenset[str]:
        """Folded words that carry no meaning of their own."""
        return _stop(self.code)

    # ---- reading -----------------------------------------------------------------------------

    def english(self, word: str, *, own: bool = True) -> str:
        """The English keyword for a word of a brand; '' where none is known.

        `own` words were written by somebody in the language: "Rock" is a skirt then. Others come
        from the library, whose word list is English.
        """
        if not own and words.read(word).known:
            return word
        found = lexicon.english(word, self.code, self.variety)
        if found:
            return found
        return word if words.read(word).known else ""

    def take(self, brief: CaptionBrief) -> CaptionBrief:
        """The same brief with English keywords, whatever language they came in."""
        brand = brief.brand
        settings: dict[str, Any] = {"niche": self._niche(brand.niche)}
        if brand.subjects:
            settings["subjects"] = tuple(
                filter(None, (self.english(_head(subject, self)) for subject in brand.subjects))
            )
        return brief.model_copy(
            update={
                "shows": self._all(brief.shows),
                "beside": tuple(self._all(shows) for shows in brief.beside),
                "theme": self._theme(brief.theme),
                "brand": brand.model_copy(update=settings),
            }
        )

    def _all(self, shows: Iterable[str]) -> tuple[str, ...]:
        return tuple(self.english(word, own=False) or word for word in shows)

    def _theme(self, theme: str) -> str:
        seasons = {fold(said): season for season, said in self._own["seasons"].items()}
        known = [seasons.get(fold(word)) or self.english(word) or word for word in theme.split()]
        return " ".join(known)

    def _niche(self, niche: str) -> str:
        """A niche with its English words added: the writer's rules for niches know those."""
        said = [fold(word) for word in re.findall(r"[\w-]+", niche)]
        found = [
            english
            for english, own in self._own["niches"].items()
            if any(word.endswith(fold(known)) and len(known) > 2 for word in said for known in own.split())
        ]  # fmt: skip
        return ", ".join((niche, *found)) if found else niche

    def offer_facts(self, offer: str) -> set[str]:
        """As skeletons.offer_facts."""
        own = self._own["offer"]
        found: set[str] = set()
        text = offer.lower()
        dated = re.search(own["dated"], text) is not None
        times = re.findall(own["time"], text)
        if re.search(own["service"], text):
            found.add("service")
        if dated:
            found.add("dated")
        if re.search(rf"\b{own['event']}", text) and (dated or times):
            found.add("event")
        elif len(times) >= 2:
            found.add("hours")
        if _PRICE.search(offer):
            found.add("price")
        if re.search(own["deal"], text):
            found.add("deal")
        return found

    def goods(self, brief: CaptionBrief) -> Named | None:
        """What a product is, by its name, else by its picture; None where neither tells."""
        name = re.split(r"[,(:|/–—]| - ", brief.name or brief.line)[0].strip()
        tokens = [word for word in re.findall(r"[\w'’-]+", name) if not re.search(r"\d", word)]
        if self.code == "de":  # "Handgedrehte Tasse mit Henkel": the head is the last before "mit"
            front = self._own["front"].split()
            end = next((i for i, word in enumerate(tokens) if word.lower() in front), len(tokens))
            tries = [(tokens[i],) for i in range(end - 1, -1, -1) if tokens[i][:1].isupper()]
        else:  # "Taza de gres": the first noun
            tries = [
                tuple(tokens[i:j])
                for i in range(min(3, len(tokens)))
                for j in range(len(tokens), i, -1)
            ]
        for attempt in tries:
            keyword = lexicon.english(
                " ".join(attempt), self.code, self.variety, compounds=True
            ) or ("" if self.code == "de" else _french(attempt, self))
            noun = words.read(keyword) if keyword else None
            if noun is None or noun.types & (INDOORS_NEVER - {"shell", "flower"} | {"backdrop"}):
                continue
            return lexicon.name(noun, self.code, self.variety)
        for keyword in brief.shows[:1]:  # what else lies in the picture is not what is sold
            noun = words.read(keyword)
            if sold(noun) and words.nameable(noun):
                return lexicon.name(noun, self.code, self.variety)
        return None

    def shown(
        self, shows: Sequence[str], texts: Sequence[str], tags: Sequence[str]
    ) -> tuple[str, ...]:
        """English keywords of a photo: the library's own, and those of its captions in the language.

        What the library read out of `texts` letter by letter was read as English, wrongly: "Rock" of
        a German caption is a skirt. `tags` are the hashtags of the same posts.
        """
        own = [text for text in texts if detect.of_one(text) == self.code]
        if not own:
            return tuple(shows)
        written = {word for text in own for word in re.findall(r"[^\W\d_]+", text.lower())}
        kept = [word for word in shows if not set(word.lower().split()) <= written]
        found = self._read(own, tags)
        return tuple(dict.fromkeys((*found, *kept)))[:6]

    def _read(self, texts: Sequence[str], tags: Sequence[str]) -> list[str]:
        """Keywords that captions and hashtags name, surest first; weights as in
        understanding.keywords: said first, said twice, tagged."""
        sure: dict[str, float] = {}
        for text in texts:
            for number, sentence in enumerate(re.split(r"(?<=[.!?:;])\s+|\n+", text)):
                for place, keyword, away in self._nouns(sentence):
                    weight = (0.75, 0.45)[number] if number < 2 else 0.3
                    weight += 0.2 * (number == 0 and place < 4) - 0.5 * away
                    sure[keyword] = sure.get(keyword, 0.0) + weight
        for tag in tags:
            keyword = lexicon.english(tag, self.code, self.variety)
            if keyword:
                sure[keyword] = sure.get(keyword, 0.0) + 0.85
        best = sorted((k for k in sure if sure[k] >= 0.8), key=lambda k: (-sure[k], k))
        once: list[str] = []
        for keyword in best:
            if not any(words.stem(keyword) == words.stem(other) for other in once):
                once.append(keyword)
        return once

    def _nouns(self, sentence: str) -> list[tuple[int, str, bool]]:
        """Known nouns of a sentence as (place, English keyword, whether it is said not to be here)."""
        tokens = re.findall(r"[^\W\d_]+(?:-[^\W\d_]+)*", _APART.sub(r"\1 ", sentence))
        before = frozenset(self._own["before"].split())
        found: list[tuple[int, str, bool]] = []
        i = 0
        while i < len(tokens):
            size = next(
                (n for n in (4, 3, 2, 1) if i + n <= len(tokens) and self._noun(tokens[i : i + n])),
                0,
            )
            if size:
                away = bool(before & {t.lower() for t in tokens[max(0, i - 2) : i]})
                found.append((i, self._noun(tokens[i : i + size]), away))
            i += max(1, size)
        return found

    def _noun(self, tokens: Sequence[str]) -> str:
        if self.code == "de" and not tokens[0][:1].isupper():
            return ""  # "weide" is a verb, "Weide" a tree
        keyword = lexicon.english(" ".join(tokens), self.code, self.variety)
        return keyword if keyword and len(" ".join(tokens)) > 2 else ""

    # ---- naming ------------------------------------------------------------------------------

    def name(self, noun: Noun) -> Named | None:
        return lexicon.name(noun, self.code, self.variety)

    def surface(self, shows: Iterable[str]) -> tuple[str, ...]:
        """Keywords by their names in the language; those without one are left out."""
        named = (self.name(words.read(word)) for word in shows)
        return tuple(self.plain(noun.text) for noun in named if noun is not None)

    def told_of(self, text: str, shows: Iterable[str]) -> str:
        """The keywords of `shows` that a caption names, by their own or by a kindred word: "Felsen"
        speaks of boulders."""
        said = [words.read(keyword) for _, keyword, _ in self._nouns(text)]
        types = {noun.type for noun in said}
        return " ".join(word for word in shows if words.read(word).type in types)

    def alt(self, which: str) -> str:
        """A frame of alt text (words.toml)."""
        return marks(self._own["alt"][which], self.code, self.variety)

    def listed(self, nouns: Iterable[Noun]) -> str:
        """Nouns with their articles, one after the other: "une feuille, de la mousse et le ciel"."""
        said: dict[str, None] = {}
        grammar = GRAMMARS[self.code]
        for noun in nouns:
            named = self.name(noun)
            if named is None:
                continue
            # "Le ciel", "el cielo", "o céu"; German says "Himmel".
            alone = self.code != "de" and named.number == "mass" and bool(named.types & _ONE_OF)
            said[grammar.phrase(named, _A[self.code][alone]) or named.text] = None
        items = [*said]
        joined = f" {self._own['alt']['and']} ".join(
            part for part in (", ".join(items[:-1]), *items[-1:]) if part
        )
        return marks(joined, self.code, self.variety)

    def scene(self, scene: Scene) -> Scene:
        """A scene of English nouns with their names in the language, and its offer read in it."""
        nouns: dict[str, Named] = {}
        for noun in scene.nouns:
            named = self.name(noun)
            if named is not None:
                nouns.setdefault(named.text, named)
        return replace(
            scene,
            nouns=tuple(nouns.values()),
            facts=scene.facts | self.offer_facts(scene.offer),
            hints=scene.hints | self.offer_facts(scene.offer),
            season=self._own["seasons"].get(scene.season, ""),
        )

    # ---- saying ------------------------------------------------------------------------------

    def lines(self, *, formal: bool, singular: bool) -> tuple[Line, ...]:
        """All sentences that a brand may say: to friends or formally, as "we" or as "I"."""
        found = lines(self.code, self.variety, formal, re.compile(self._own["we"]))
        return tuple(line for line in found if not line.we) if singular else found

    def formal(self, brand: Brand, texts: Sequence[str]) -> bool:
        """How people are addressed: by the brand's setting, else as its captions do; to friends
        where neither says."""
        if brand.address:
            return brand.address == "formal"
        everything = "\n".join(texts)
        return self._count("formal", everything) > self._count("informal", everything)

    def singular(self, texts: Sequence[str], voices: Iterable[str]) -> bool:
        """Whether the brand says "I"."""
        everything = "\n".join(texts)
        ours, mine = self._count("we", everything), self._count("i", everything)
        return mine > ours if ours + mine > 4 else "founder" in voices

    def _count(self, which: str, text: str) -> int:
        return len(re.findall(self._own[which], text))

    def lead(self, brand: str) -> str:
        """What an offer begins with where nothing else can be said: "Von Haus Nord: "."""
        said = str(self._own["from"]).replace("{said}", "")
        return marks(said, self.code, self.variety).format(brand=brand)

    def sign(self, brand: str) -> str:
        """The brand's name as a sentence: "Von Haus Nord."."""
        return marks(str(self._own["hello"]), self.code, self.variety).format(brand=brand)

    # ---- judging -----------------------------------------------------------------------------

    def plain(self, text: str) -> str:
        """With words apart that run together, so that they can be compared: "l'arbre" -> "l arbre"."""
        return _APART.sub(r"\1 ", text)

    def broken(self, text: str, offer: str | Sequence[str] = "", names: str = "") -> str:
        """As rank.broken_sentence: faults of form, '' for none."""
        if re.search(r"[{}<>]", text):
            return "unfilled slot"
        fixed = (offer,) if isinstance(offer, str) else tuple(offer)
        own = text
        for piece in sorted(fixed, key=lambda piece: -len(piece)):
            own = own.replace(piece, "…") if piece else own
        own = own.strip()
        pairs = ["„“", "«»", "()", *(["¿?", "¡!"] if self.code == "es" else [])]
        odd = any(own.count(pair[0]) != own.count(pair[1]) for pair in pairs)
        if own.count('"') % 2 or odd:
            return "unbalanced quotes or brackets"
        closed = any(piece and text.strip().endswith(piece) for piece in fixed)
        if not re.search(r"[.?!…][\"”“’»)]?$", text.strip()) and not closed:
            return "does not end"
        allowed = self._own["doubled"].split()
        for match in re.finditer(r"\b([^\W\d_]+) \1\b", own, re.I):
            if match[1].lower() not in allowed and match[0].lower() not in names.lower():
                return "doubled word"
        stray = r"\s[.,]" if self.code == "fr" else r"\s[.,;:?!]"
        if re.search(
            stray + r"|[,;:]{2}|\.\.(?!\.)|,\s*[.?!]|[.?!]\s+[^\W\d_A-ZÀ-Þ](?!\w*\.\w)", own
        ):
            return "broken punctuation"
        start = own.lstrip("¿¡„«“\"'(… ")
        if not own.startswith("…") and start[:1].islower():
            return "starts small"
        return ""

    def invention(self, text: str, brief: CaptionBrief, scene: Scene, *, trusted: bool) -> str:
        """As rank.invention: what nobody vouches for; for sampled text also another language."""
        brand = brief.brand
        known = " ".join(
            (brand.name, brand.niche, brand.handle, brief.theme, *brand.subjects, *brief.shown,
             *self.surface(brief.shown), *brief.light, brief.season)
        )  # fmt: skip
        if set(re.findall(r"\d+", text)) - set(re.findall(r"\d+", known)):
            return "number not in the brief"
        if trusted:
            return ""
        if not detect.is_in(text, self.code, _nouns(self.code, self.variety)):
            return "not in the brand's language"
        vouched = {fold(word) for word in re.findall(r"[^\W\d_]+", self.plain(known))}
        tokens = [fold(word) for word in re.findall(r"[^\W\d_]+(?:-[^\W\d_]+)*", self.plain(text))]
        own = self._own["sampled"]
        if set(tokens) & {fold(word) for word in own["numbers"].split()}:
            return "number not in the brief"
        times = {fold(word) for word in own["times"].split()} - vouched
        if set(tokens) & times:
            return "season or time not known"
        for pair in own["seasons"].split():
            season, _, said = pair.partition(":")
            if season not in scene.facts and set(tokens) & {fold(w) for w in said.split(",")}:
                return "season or time not known"
        if self.code != "de":  # German writes every noun large
            for word in re.findall(r"(?<=[\w,;:] )[A-ZÀ-Þ][\w'’-]+", text):
                if fold(word) not in vouched:
                    return "name not in the brief"
        if re.search(own["claims"], text, re.I):
            return "claim not in the brief"
        shown = {words.stem(word) for keyword in brief.shown for word in keyword.split()}
        for _, keyword, _ in self._nouns(text):
            noun = words.read(keyword)
            apart = {words.stem(word) for word in noun.words} & shown
            if (
                not apart
                and not noun.types & {"person", "backdrop"}
                and noun.type not in scene.facts
            ):
                return "not in the picture"
        return ""


def _head(subject: str, tongue: Tongue) -> str:
    """The first thing that a line of brand.subjects names: "Wälder" of "Wälder und Wege"."""
    parts = [part.strip() for part in _PART.split(subject)]
    return next((part for part in parts if tongue.english(part)), subject)


def _french(attempt: Sequence[str], tongue: Tongue) -> str:
    """A noun written together with its article."""
    return lexicon.english(_APART.sub("", " ".join(attempt)), tongue.code, tongue.variety)


@cache
def _words(code: str) -> dict[str, Any]:
    text = files("feedsmith.captions.tongues").joinpath(code, "words.toml").read_text("utf-8")
    return tomllib.loads(text)


@cache
def _stop(code: str) -> frozenset[str]:
    return frozenset(fold(word) for word in _words(code)["stop"].split())


@cache
def _nouns(code: str, variety: str) -> frozenset[str]:
    forms = lexicon.lexicon(code, variety).forms
    return frozenset(form for form in forms if " " not in form)


@cache
def speak(language: str) -> Tongue | None:
    """The tongue for a brand's language ("de", "German", "pt-PT"); None for English, and for those
    that captions are not written in."""
    code, _ = names.spoken(language)
    return Tongue(code, names.variety(language)) if code not in ("", "en") else None
