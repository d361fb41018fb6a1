"""Typefaces: the shipped fonts, pairs of them, and which of them can set a text.

Knows no layout. Fonts are open (fonts/README.md); no system font is ever used, so that a post
looks the same wherever it is made.
"""

import re
import struct
import unicodedata
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np

from feedsmith.errors import FeedsmithError

FOLDER = Path(__file__).parent / "fonts"


class Face(NamedTuple):
    """One cut of a family and how it likes to be set."""

    family: str
    file: str
    weight: int
    style: str = "normal"
    scale: float = 1.0
    """Size relative to the asked size, so that families look equally large."""
    tracking: float = 0.0
    """Em."""
    lead: float = 1.3
    """Baseline step as a multiple of the size."""
    cap: float = 0.727
    """Capital height as a share of the size."""


class Pair(NamedTuple):
    """The faces of one brand: large words, sentences, small words, small strong words."""

    name: str
    display: Face
    voice: Face
    text: Face
    strong: Face

    @property
    def mark(self) -> Face:
        """For large quotation marks: a serif has the better ones."""
        return self.voice if self.name == "poster" else self.display


_TEXT = Face("Inter", "Inter-Regular.otf", 400, lead=1.42)
_MEDIUM = Face("Inter", "Inter-Medium.otf", 500, lead=1.4, tracking=-0.01)
STRONG = Face("Inter", "Inter-SemiBold.otf", 600, lead=1.3)
_BOLD = Face("Inter", "Inter-Bold.otf", 700, tracking=-0.03, lead=1.05, scale=0.92)
_SERIF = Face(
    "Feedsmith Serif", "FeedsmithSerif-SemiBold.ttf", 600, "normal", 1.0, -0.015, 1.06, 0.67
)
_SERIF_ITALIC = Face(
    "Feedsmith Serif", "FeedsmithSerif-Italic.ttf", 400, "italic", 1.04, -0.01, 1.2, 0.67
)

PAIRS: dict[str, Pair] = {
    pair.name: pair
    for pair in (
        Pair(
            "fraunces",
            Face("Fraunces", "Fraunces-SemiBold.ttf", 600, "normal", 1.0, -0.025, 0.98, 0.7),
            Face("Fraunces", "Fraunces-Italic.ttf", 400, "italic", 1.0, -0.012, 1.18, 0.7),
            _TEXT,
            STRONG,
        ),
        Pair(
            "instrument",
            Face(
                "Instrument Serif",
                "InstrumentSerif-Regular.ttf",
                400,
                "normal",
                1.14,
                -0.022,
                0.94,
                0.72,
            ),
            Face(
                "Instrument Serif",
                "InstrumentSerif-Regular.ttf",
                400,
                "normal",
                1.1,
                -0.012,
                1.12,
                0.72,
            ),
            _TEXT,
            _MEDIUM,
        ),
        Pair(
            "bricolage",
            Face(
                "Bricolage Grotesque",
                "BricolageGrotesque-Bold.ttf",
                700,
                "normal",
                1.0,
                -0.03,
                0.98,
                0.66,
            ),
            Face(
                "Bricolage Grotesque",
                "BricolageGrotesque-Bold.ttf",
                700,
                "normal",
                0.92,
                -0.022,
                1.16,
                0.66,
            ),
            _TEXT,
            STRONG,
        ),
        Pair(
            "poster",
            Face("Bebas Neue", "BebasNeue-Regular.ttf", 400, "normal", 1.24, 0.0, 0.9, 0.7),
            _SERIF_ITALIC,
            _TEXT,
            STRONG,
        ),
        Pair("serif", _SERIF, _SERIF_ITALIC, _TEXT, STRONG),
    )
}
"""Pairs a brand may have; shipped fonts only."""

_FALLBACK = {
    "display": (_SERIF, _BOLD),
    "voice": (_SERIF_ITALIC, _MEDIUM),
    "text": (_TEXT,),
    "strong": (STRONG,),
}


def pair_for(seed: int) -> Pair:
    """The pair a brand gets by its seed."""
    names = sorted(PAIRS)
    return PAIRS[names[int(np.random.default_rng([seed, 0xFACE]).integers(len(names)))]]


@cache
def coverage(file: str) -> frozenset[int]:
    """Code points a shipped font can set, read from its cmap (OpenType 1.9, formats 4 and 12)."""
    data = (FOLDER / file).read_bytes()
    count = struct.unpack_from(">H", data, 4)[0]
    tables = {
        data[12 + 16 * i : 16 + 16 * i]: struct.unpack_from(">I", data, 20 + 16 * i)[0]
        for i in range(count)
    }
    base = tables[b"cmap"]
    found: set[int] = set()
    for i in range(struct.unpack_from(">H", data, base + 2)[0]):
        at = base + int(struct.unpack_from(">I", data, base + 8 + 8 * i)[0])
        kind = struct.unpack_from(">H", data, at)[0]
        if kind == 4:
            n = struct.unpack_from(">H", data, at + 6)[0] // 2
            ends = struct.unpack_from(f">{n}H", data, at + 14)
            starts = struct.unpack_from(f">{n}H", data, at + 16 + 2 * n)
            for start, end in zip(starts, ends, strict=True):
                found.update(range(start, end + 1))
        elif kind == 12:
            for g in range(struct.unpack_from(">I", data, at + 12)[0]):
                start, end, _ = struct.unpack_from(">III", data, at + 16 + 12 * g)
                found.update(range(start, end + 1))
    return frozenset(found - {0xFFFF})


def plain(words: str) -> str:
    """One line of words as fonts can set it: composed letters, single spaces, no emoji.

    Emoji stay in captions; on a designed post they would be a second, foreign drawing style.
    """
    kept = []
    for c in unicodedata.normalize("NFC", words):
        ornament = unicodedata.category(c) in _ORNAMENTS and ord(c) not in coverage(_TEXT.file)
        selector = 0xFE00 <= ord(c) <= 0xFE0F
        if c.isspace() or not (ornament or selector):
            kept.append(c)
    return " ".join("".join(kept).split())


_ORNAMENTS = frozenset(("So", "Sk", "Me", "Cs", "Cf", "Co", "Cn", "Cc"))
"""Unicode categories of emoji, their modifiers, and invisible characters."""


def in_sense(words: str) -> str:
    """Short words on two lines where their sense divides ("Take off the glove. / Count to ten.",
    "Guided oak walk, / 3 May, 12 EUR"); else unchanged."""
    best = words
    smallest = 23
    for mark in re.finditer(r"(?<=[.!?…:;,]) (?=\w)", words):
        first, second = words[: mark.start()], words[mark.end() :]
        long, short = max(len(first), len(second)), min(len(first), len(second))
        even = short / long >= (0.3 if first[-1] in ".!?…" else 0.55)
        if even and long < smallest:
            best, smallest = f"{first}\n{second}", long
    return best


_SMALL = "or|of|for|and|on|in|at|to|the|und|oder|et|ou|y|o|e"
_CURRENCY = "€£$¥₹₽₺₩"


def glued(words: str) -> str:
    """The same words; sums of money, ranges and numbers with their noun never break across lines."""
    joined = re.sub(rf"(?<=[{_CURRENCY}]) (?=\d)|(?<=\d) (?=[{_CURRENCY}%])", "\u00a0", words)
    joined = re.sub(rf"\b(\d{{1,4}}) (?!(?:{_SMALL})\b)(?=\w)", "\\1\u00a0", joined)
    joined = re.sub(r"(?<=\d)([–-])(?=\d)", "\u2060\\1\u2060", joined)
    return re.sub(r" (?=[–—→·] )", "\u00a0", joined)


def substitutes(words: str, pair: Pair) -> dict[str, Face]:
    """For each face of `pair` that lacks a letter of `words`: the face that sets all of it.

    The whole text changes face, never single letters within a word.
    Raises FeedsmithError naming the script when no shipped font has it.
    """
    needed = {ord(c) for c in words if not c.isspace()}
    changed: dict[str, Face] = {}
    for role, options in _FALLBACK.items():
        own: Face = getattr(pair, role)
        if needed <= coverage(own.file):
            continue
        for face in options:
            if needed <= coverage(face.file):
                changed[role] = face
                break
        else:
            missing = min(needed - coverage(options[-1].file))
            script = unicodedata.name(chr(missing), "unknown").split()[0].title()
            raise FeedsmithError(
                f'no shipped font can set "{chr(missing)}" ({script} script)',
                mend="use a plain photo post for this text, or write its designed words in Latin, "
                "Greek or Cyrillic letters",
            )
    return changed
