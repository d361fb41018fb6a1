"""Sentences of another language: LANGUAGE/sentences.txt, read for a region and a form of address.

The format is that of skeletons.txt, with slots made for the language: "{einem s}" is the subject
behind that article in its case, "{s:er}" a pronoun for it, "{s:steht|stehen}" one or many, four
forms (by gender, then number) where there are four. "<du|Sie>" is said to friends or formally;
"[a|b]" is Brazilian or European, of Spain or of America. Among the types of a section single nouns
may stand ("[coffee bean]").
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, fields
from functools import cache
from importlib.resources import files

from feedsmith.captions.skeletons import Scene, Skeleton, parse
from feedsmith.captions.tongues.grammar import GRAMMARS, marks
from feedsmith.captions.tongues.lexicon import Named, lexicon
from feedsmith.captions.words import Noun, sentence_case

_SLOT = re.compile(r"\{(?:([\w-]+) )?(\w+)(?::([^{}]+))?\}")
_GIVEN = ("brand", "season", "offer", "opening", "name", "price")
_STARTS = re.compile(r"(?:^|[.?!…/]\s*|[¿¡„«“(]\s*|\n)$")
"""Before a slot that begins a sentence."""


@dataclass(frozen=True)
class Line(Skeleton):
    """One sentence of another language."""

    variety: str = ""
    we: bool = False
    """Says "we", "us" or "our": not for somebody who says "I"."""

    @property
    def slots(self) -> frozenset[str]:
        return frozenset(match[2].lower() for match in _SLOT.finditer(self.text))

    @property
    def points_back(self) -> bool:
        """A pronoun stands for the subject, and the sentence has not named it."""
        for match in _SLOT.finditer(self.text):
            if match[2].lower() == "s":
                return match[3] is not None
        return False

    def filled(self, scene: Scene, details: Sequence[Noun], opening: str) -> str | None:
        """As skeletons.fill. What the brief gives stands as it is, byte for byte."""
        grammar = GRAMMARS[self.code]
        given = {
            "brand": scene.brand, "season": scene.season, "offer": scene.offer,
            "opening": opening, "name": scene.name, "price": scene.price,
        }  # fmt: skip
        slots = self.slots
        taken = {id(n) for n, slot in zip(details, "de", strict=False) if slot in slots}
        kept: list[str] = []
        out: list[str] = []
        at = 0
        for match in _SLOT.finditer(self.text):
            out.append(self.text[at : match.start()])
            at = match.end()
            determiner, slot, form = match[1] or "", match[2].lower(), match[3] or ""
            if slot in _GIVEN:
                if not given[slot] and slot != "opening":
                    return None
                out.append(f"\x00{len(kept)}\x00" if given[slot] else "")
                kept += [given[slot]] if given[slot] else []
                continue
            noun = _noun(slot, scene, details, taken)
            if not isinstance(noun, Named):
                return None
            if form:
                out.append(grammar.agree(noun, form))
                continue
            said = grammar.phrase(noun, determiner.lower()) if determiner else noun.text
            if said is None:
                return None
            large = (determiner or match[2])[0].isupper() or _STARTS.search("".join(out))
            out.append(sentence_case(said) if large else said)
        out.append(self.text[at:])
        text = marks(re.sub(" {2,}", " ", "".join(out)).strip(" "), self.code, self.variety)
        for place, said in enumerate(kept):
            if said[-1] in ".!?…":  # it brings its own full stop
                text = text.replace(f"\x00{place}\x00.", f"\x00{place}\x00")
            text = text.replace(f"\x00{place}\x00", said)
        return text


def _noun(slot: str, scene: Scene, details: Sequence[Noun], taken: set[int]) -> Noun | None:
    if slot == "s":
        return scene.subject
    if slot in ("d", "e"):
        at = "de".index(slot)
        return details[at] if at < len(details) else None
    return next((n for n in scene.details if slot in n.types and id(n) not in taken), None)


@cache
def lines(code: str, variety: str, formal: bool, we: re.Pattern[str]) -> tuple[Line, ...]:
    """All sentences of a language, `formal` or to friends; ids begin with the language.

    Raises ValueError for a line that cannot be read: our own mistake.
    """
    text = files("feedsmith.captions.tongues").joinpath(code, "sentences.txt").read_text("utf-8")
    text = re.sub(r"<([^<>|]*)\|([^<>|]*)>", lambda m: m[2] if formal else m[1], text)
    second = variety in ("PT", "MX", "CH", "CA")
    text = re.sub(
        r"(?<=\S)( ?)\[([^\[\]|]*)\|([^\[\]|]*)\]", lambda m: m[1] + m[3 if second else 2], text
    )
    found: list[Line] = []
    for line in parse(text, lexicon(code).entries):
        same = {f.name: getattr(line, f.name) for f in fields(Skeleton)}
        same |= {"id": f"{code}:{line.id}", "same": f"{code}:{line.same}", "code": code}
        said = _SLOT.sub(" ", line.text)
        found.append(Line(**same, variety=variety, we=we.search(said) is not None))
    return tuple(found)
