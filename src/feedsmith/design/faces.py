"""Typefaces: the shipped fonts, pairs of them, a brand's own fonts, and which of them set a text.

Knows no layout. Shipped fonts are open (fonts/README.md); no system font is ever used, so that a
post looks the same wherever it is made. Whether a letter is there is read from the fonts' own
character maps before anything is set: a missing one is an error that names the font, never a box.
"""

import atexit
import hashlib
import json
import re
import shutil
import struct
import tempfile
import unicodedata
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
import typst

from feedsmith.errors import FeedsmithError

FOLDER = Path(__file__).parent / "fonts"


class MissingFont(FeedsmithError):
    """No font at hand sets a text; `font` is the family that would."""

    def __init__(self, message: str, mend: str, font: str) -> None:
        super().__init__(message, mend)
        self.font = font


class Face(NamedTuple):
    """One cut of a family and how it likes to be set."""

    family: str
    file: str
    """In FOLDER, or a path of its own."""
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
    more: tuple[str, ...] = ()
    """Families that set what this one lacks, whole runs at a time: another script, signs, emoji."""
    joined: bool = False
    """Its letters join or hang from one line: never letterspaced."""
    foot: float = 0.0
    """How far the line's box reaches below the baseline, as a share of the size."""


class Pair(NamedTuple):
    """The faces of one brand: large words, sentences, small words, small strong words."""

    name: str
    display: Face
    voice: Face
    text: Face
    strong: Face
    instead: tuple[tuple[Face, Face], ...] = ()
    """Faces (display, voice) in the same spirit for texts whose letters the own ones lack, best
    first; behind them always the serif or the sans with the most letters."""
    serif: bool = False
    folders: tuple[str, ...] = ()
    """Folders besides FOLDER that hold its files."""

    @property
    def mark(self) -> Face:
        """For large quotation marks: a serif has the better ones."""
        if self.name == "poster":
            return self.voice
        return self.display if 0x201C in coverage(self.display.file) else _SERIF


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
_OLD = Face("Alegreya", "Alegreya-Bold.ttf", 700, "normal", 1.06, -0.015, 1.0, 0.64)
_OLD_ITALIC = Face("Alegreya", "Alegreya-MediumItalic.ttf", 500, "italic", 1.12, -0.005, 1.14, 0.64)
_HUMAN = Face("Alegreya Sans", "AlegreyaSans-Regular.ttf", 400, "normal", 1.17, 0.0, 1.3, 0.641)
_HUMAN_BOLD = Face("Alegreya Sans", "AlegreyaSans-Bold.ttf", 700, "normal", 1.15, 0.0, 1.24, 0.644)
_FUTURE = Face("Jost", "Jost-SemiBold.ttf", 600, "normal", 0.96, -0.022, 1.04, 0.7)
_FUTURE_MEDIUM = Face("Jost", "Jost-Medium.ttf", 500, "normal", 0.98, -0.012, 1.2, 0.7)
_FUTURE_TEXT = Face("Jost", "Jost-Regular.ttf", 400, "normal", 1.06, 0.0, 1.38, 0.7)
_FUTURE_STRONG = Face("Jost", "Jost-Medium.ttf", 500, "normal", 1.06, 0.005, 1.28, 0.7)
_ROUND = Face("Nunito", "Nunito-ExtraBold.ttf", 800, "normal", 0.96, -0.02, 1.06, 0.705)
_ROUND_TEXT = Face("Nunito", "Nunito-Medium.ttf", 500, "normal", 1.02, 0.0, 1.4, 0.705)
_ROUND_STRONG = Face("Nunito", "Nunito-ExtraBold.ttf", 800, "normal", 1.0, 0.0, 1.28, 0.705)
_NARROW = Face(
    # Extra condensed; the typesetter files it under its family's name by weight.
    "Sofia Sans", "SofiaSansExtraCondensed-ExtraBold.ttf", 800, "normal", 1.32, -0.004, 0.9, 0.655,
)  # fmt: skip
_SOFIA = Face("Sofia Sans", "SofiaSans-Regular.ttf", 400, "normal", 1.06, 0.0, 1.38, 0.655)
_SOFIA_BOLD = Face("Sofia Sans", "SofiaSans-Bold.ttf", 700, "normal", 1.06, 0.0, 1.26, 0.655)
_MONO = Face(
    "JetBrains Mono", "JetBrainsMono-Medium.ttf", 500, "normal", 0.84, -0.02, 1.3, 0.73
)  # fmt: skip

PAIRS: dict[str, Pair] = {
    pair.name: pair
    for pair in (
        Pair(
            "fraunces",
            Face("Fraunces", "Fraunces-SemiBold.ttf", 600, "normal", 1.0, -0.025, 0.98, 0.7),
            Face("Fraunces", "Fraunces-Italic.ttf", 400, "italic", 1.0, -0.012, 1.18, 0.7),
            _TEXT,
            STRONG,
            serif=True,
        ),
        Pair(
            "instrument",
            Face(
                "Instrument Serif", "InstrumentSerif-Regular.ttf", 400, "normal", 1.14, -0.022,
                0.94, 0.72,
            ),
            Face(
                "Instrument Serif", "InstrumentSerif-Regular.ttf", 400, "normal", 1.1, -0.012,
                1.12, 0.72,
            ),
            _TEXT,
            _MEDIUM,
            serif=True,
        ),
        Pair(
            "bricolage",
            Face(
                "Bricolage Grotesque", "BricolageGrotesque-Bold.ttf", 700, "normal", 1.0, -0.03,
                0.98, 0.66,
            ),
            Face(
                "Bricolage Grotesque", "BricolageGrotesque-Bold.ttf", 700, "normal", 0.92, -0.022,
                1.16, 0.66,
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
            instead=((_NARROW, _SERIF_ITALIC),),
        ),
        Pair("serif", _SERIF, _SERIF_ITALIC, _TEXT, STRONG, serif=True),
        Pair(
            "didone",
            Face("Playfair", "Playfair-SemiBold.ttf", 600, "normal", 1.16, -0.012, 0.92, 0.571),
            Face("Playfair", "Playfair-Italic.ttf", 400, "italic", 1.18, -0.006, 1.04, 0.571),
            _FUTURE_TEXT,
            _FUTURE_STRONG,
            serif=True,
        ),
        Pair(
            "light",
            Face("Cormorant", "Cormorant-Medium.ttf", 500, "normal", 1.16, -0.018, 0.9, 0.625),
            Face(
                "Cormorant", "Cormorant-MediumItalic.ttf", 500, "italic", 1.2, -0.008, 1.02, 0.625
            ),
            _FUTURE_TEXT,
            _FUTURE_STRONG,
            serif=True,
        ),
        Pair("bookish", _OLD, _OLD_ITALIC, _HUMAN, _HUMAN_BOLD, serif=True),
        Pair(
            "rounded",
            _ROUND,
            _ROUND._replace(scale=0.9, lead=1.2, tracking=-0.014),
            _ROUND_TEXT,
            _ROUND_STRONG,
        ),
        Pair(
            "condensed",
            _NARROW,
            _SOFIA_BOLD._replace(scale=1.0, lead=1.18, tracking=-0.014),
            _SOFIA,
            _SOFIA_BOLD,
        ),
        Pair("geometric", _FUTURE, _FUTURE_MEDIUM, _FUTURE_TEXT, _FUTURE_STRONG),
        Pair(
            "slab",
            Face("Bitter", "Bitter-Bold.ttf", 700, "normal", 0.94, -0.022, 1.04, 0.704),
            Face("Bitter", "Bitter-Medium.ttf", 500, "normal", 0.9, -0.012, 1.24, 0.704),
            _SOFIA,
            _SOFIA_BOLD,
            serif=True,
        ),
        Pair(
            "typewriter",
            Face("Courier Prime", "CourierPrime-Bold.ttf", 700, "normal", 0.88, -0.055, 1.02, 0.58),
            Face(
                "Courier Prime", "CourierPrime-Regular.ttf", 400, "normal", 0.86, -0.045, 1.16, 0.58
            ),
            _HUMAN,
            Face(
                "Courier Prime", "CourierPrime-Bold.ttf", 700, "normal", 1.0, -0.02, 1.26, 0.58
            ),
            instead=((_MONO._replace(lead=1.1), _MONO),),
        ),
        Pair(
            "wide",
            Face(
                "Archivo", "Archivo-ExpandedExtraBold.ttf", 800, "normal", 0.84, -0.02, 1.06, 0.686
            ),
            Face(
                "Archivo", "Archivo-ExpandedMedium.ttf", 500, "normal", 0.88, -0.018, 1.24, 0.686
            ),
            _TEXT,
            _MONO,
        ),
        Pair(
            "hand",
            Face("Caveat", "Caveat-Bold.ttf", 700, "normal", 1.24, -0.01, 0.86, 0.66),
            Face("Caveat", "Caveat-Bold.ttf", 700, "normal", 1.22, 0.0, 0.98, 0.66),
            _ROUND_TEXT,
            _ROUND_STRONG,
            instead=((_ROUND, _ROUND),),
        ),
    )
}  # fmt: skip
"""Pairs a brand may have; shipped fonts only."""

_SERIFS = ((_SERIF, _SERIF_ITALIC), (_OLD, _OLD_ITALIC), (_BOLD, _MEDIUM))
_SANS = ((_BOLD, _MEDIUM),)
EMOJI = Face("Noto Emoji", "NotoEmoji-Medium.ttf", 500, "normal", 0.86, 0.0, 1.3, 0.82, ("Inter",))
"""Emoji in one ink; the font has no space of its own."""


class _Script(NamedTuple):
    """A script set by faces of its own, beside the brand's for Latin words and figures."""

    blocks: tuple[tuple[int, int], ...]
    serif: tuple[Face, Face]
    """Heavy, light: for pairs with a serif, and for those with a sans."""
    sans: tuple[Face, Face]
    lead: float
    """Least baseline step of large words as a multiple of the size; small words have a tenth more."""
    cap: float
    """What large words need above the baseline, as a share of the size: marks stand on top."""
    foot: float
    joined: bool


def _script_face(family: str, cut: str, weight: int) -> Face:
    return Face(family, f"{family.replace(' ', '')}-{cut}.ttf", weight)


_DEVANAGARI = (
    _script_face("Noto Sans Devanagari", "Bold", 700),
    _script_face("Noto Sans Devanagari", "Regular", 400),
)
_SCRIPTS = (
    _Script(
        ((0x600, 0x6FF), (0x750, 0x77F), (0xFB50, 0xFDFF), (0xFE70, 0xFEFF)),
        (
            _script_face("Noto Naskh Arabic", "Bold", 700),
            _script_face("Noto Naskh Arabic", "Regular", 400),
        ),
        (_script_face("Cairo", "Bold", 700), _script_face("Cairo", "Regular", 400)),
        1.36,
        0.86,
        0.2,
        True,
    ),
    _Script(
        ((0x590, 0x5FF),),
        (
            _script_face("Frank Ruhl Libre", "Bold", 700),
            _script_face("Frank Ruhl Libre", "Regular", 400),
        ),
        (
            _script_face("Noto Sans Hebrew", "Bold", 700),
            _script_face("Noto Sans Hebrew", "Regular", 400),
        ),
        1.14,
        0.66,
        0.0,
        False,
    ),
    _Script(((0x900, 0x97F), (0xA8E0, 0xA8FF)), _DEVANAGARI, _DEVANAGARI, 1.36, 0.88, 0.1, True),
)


def pair_for(seed: int) -> Pair:
    """The pair a brand gets by its seed."""
    names = sorted(PAIRS)
    return PAIRS[names[int(np.random.default_rng([seed, 0xFACE]).integers(len(names)))]]


@cache
def coverage(file: str) -> frozenset[int]:
    """Code points a font file (in FOLDER, or a path of its own) has a glyph for."""
    return _mapped(_tables((FOLDER / file).read_bytes())["cmap"])


def covered(face: Face) -> frozenset[int]:
    """Code points `face` sets, with the families beside it."""
    return coverage(face.file).union(*(coverage(_BESIDE[family]) for family in face.more))


def _tables(data: bytes) -> dict[str, bytes]:
    """Tables of a TrueType or OpenType file, the first font's of a collection (OpenType 1.9).

    Raises struct.error or ValueError when the directory or a table lies beyond the end.
    """
    start = struct.unpack_from(">I", data, 12)[0] if data[:4] == b"ttcf" else 0
    found = {}
    for i in range(struct.unpack_from(">H", data, start + 4)[0]):
        tag, _, at, size = struct.unpack_from(">4sIII", data, start + 12 + 16 * i)
        if at + size > len(data):
            raise ValueError("a table lies beyond the end of the file")
        found[tag.decode("latin-1")] = data[at : at + size]
    return found


def _mapped(cmap: bytes) -> frozenset[int]:
    """Code points of a cmap table that lead to a glyph: Unicode subtables, formats 4 and 12.

    Raises struct.error when it is cut short.
    """
    found: set[int] = set()
    for i in range(struct.unpack_from(">H", cmap, 2)[0]):
        platform, encoding, at = struct.unpack_from(">HHI", cmap, 4 + 8 * i)
        if platform != 0 and (platform, encoding) not in ((3, 1), (3, 10)):
            continue
        kind = struct.unpack_from(">H", cmap, at)[0]
        if kind == 4:
            n = struct.unpack_from(">H", cmap, at + 6)[0] // 2
            ends, starts, deltas, offsets = (
                struct.unpack_from(f">{n}H", cmap, at + where)
                for where in (14, 16 + 2 * n, 16 + 4 * n, 16 + 6 * n)
            )
            for k in range(n):
                if offsets[k] == 0:
                    found.update(
                        c for c in range(starts[k], ends[k] + 1) if (c + deltas[k]) & 0xFFFF
                    )
                    continue
                base = at + 16 + 6 * n + 2 * k + offsets[k]
                for c in range(starts[k], ends[k] + 1):
                    spot = base + 2 * (c - starts[k])
                    if spot + 2 <= len(cmap) and struct.unpack_from(">H", cmap, spot)[0]:
                        found.add(c)
        elif kind == 12:
            for g in range(struct.unpack_from(">I", cmap, at + 12)[0]):
                first, last, glyph = struct.unpack_from(">III", cmap, at + 16 + 12 * g)
                if last > 0x10FFFF:
                    raise ValueError("a code point beyond Unicode")
                found.update(range(first if glyph else first + 1, last + 1))
    return frozenset(found - {0xFFFF})


def direction(words: str) -> Literal["ltr", "rtl"]:
    """The way `words` run, by their letters; left to right where there are none (a price).

    Not by the first letter alone (Unicode annex 9, P2): a brand's Latin name at the head of an
    Arabic sentence does not turn the sentence round. Nor by the count alone: nor does a longer
    one inside it.
    """
    kinds = [k for k in map(unicodedata.bidirectional, words) if k in ("L", "R", "AL")]
    left = kinds.count("L")
    right = len(kinds) - left
    return "rtl" if right > left or (right * 3 > left and kinds[0] != "L") else "ltr"


def plain(words: str, *, emoji: bool = False) -> str:
    """One line of words as fonts can set it: composed letters, single spaces (no-break ones stay
    so), no emoji.

    Emoji stay in captions; on a designed post they would be a second drawing style. Words that
    are nothing but emoji keep them (as all words do with `emoji`), set in one ink: each as its
    single sign, without skin tone and joins.
    """
    kept = []
    signs = False
    composed = unicodedata.normalize("NFC", words)
    for i, c in enumerate(composed):
        if c.isspace():
            # Where a line must not break it does not ("Pourquoi ?"); few fonts have the thin one.
            kept.append(("\u00a0" if c in "\u00a0\u202f" else " ", False))
        elif c in "\u200c\u200d":
            # Joiners are spelling in Persian and Indic words, glue between emoji.
            before = composed[i - 1 : i]
            if before and unicodedata.category(before) in ("Lo", "Mn", "Mc") and before != "\ufe0f":
                kept.append((c, False))
        elif 0xFE00 <= ord(c) <= 0xFE0F or 0x1F3FB <= ord(c) <= 0x1F3FF:
            continue
        elif 0xFE70 <= ord(c) <= 0xFEFC or 0xFB50 <= ord(c) <= 0xFDF1:
            # Arabic letters typed as shapes; shaping finds the shapes itself.
            kept += ((letter, False) for letter in unicodedata.normalize("NFKC", c))
        elif unicodedata.category(c) not in _ORNAMENTS or ord(c) in coverage(_TEXT.file):
            kept.append((c, False))
        elif ord(c) in coverage(EMOJI.file):
            # The red heart is drawn hatched, as heralds print red; a solid one reads better.
            kept.append(("♥" if c == "❤" else c, True))
            signs = True
    wordless = not any(c.isalnum() for c, _ in kept)
    keep = emoji or (signs and wordless)
    text = re.sub(" {2,}", " ", "".join(c for c, sign in kept if keep or not sign))
    return re.sub(" ?\u00a0[ \u00a0]*", "\u00a0", text).strip(" \u00a0")


_ORNAMENTS = frozenset(("So", "Sk", "Me", "Cs", "Cf", "Co", "Cn", "Cc"))
"""Unicode categories of emoji, their modifiers, and invisible characters."""


def in_sense(words: str) -> str:
    """Short words on two lines where their sense divides ("Take off the glove. / Count to ten.",
    "Guided oak walk, / 3 May, 12 EUR"); else unchanged."""
    best = words
    smallest = 23
    for mark in re.finditer(r"(?<=[.!?…:;,،؛؟।]) (?=\w)", words):
        first, second = words[: mark.start()], words[mark.end() :]
        long, short = max(len(first), len(second)), min(len(first), len(second))
        even = short / long >= (0.3 if first[-1] in ".!?…؟।" else 0.55)
        if even and long < smallest:
            best, smallest = f"{first}\n{second}", long
    return best


_SMALL = "or|of|for|and|on|in|at|to|the|und|oder|et|ou|y|o|e"
_CURRENCY = "€£$¥₹₽₺₩₴₫₪₿₾₸₦₱₵"


def glued(words: str) -> str:
    """The same words; sums of money, ranges and numbers with their noun never break across lines."""
    joined = re.sub(rf"(?<=[{_CURRENCY}]) (?=\d)|(?<=\d) (?=[{_CURRENCY}%])", "\u00a0", words)
    joined = re.sub(rf"\b(\d{{1,4}}) (?!(?:{_SMALL})\b)(?=\w)", "\\1\u00a0", joined)
    joined = re.sub(r"(?<=\d)([–-])(?=\d)", "\u2060\\1\u2060", joined)
    return re.sub(r" (?=[–—→·] )", "\u00a0", joined)


def substitutes(words: str, pair: Pair) -> dict[str, Face]:
    """For each face of `pair` that cannot set `words` as it is: the face that sets all of it.

    Letters of the Latin, Greek and Cyrillic scripts come from one face: the whole text changes
    it, never single letters. Arabic, Hebrew and Devanagari words, signs (a rare currency, an
    arrow) and emoji come from families beside it. Faces are given the line step that marks above
    and below their letters need.
    Raises MissingFont naming the font when neither the brand's own nor a shipped one has a letter.
    """
    changed: dict[str, Face] = {}
    for role in ("display", "voice", "text", "strong"):
        own: Face = getattr(pair, role)
        face = _setting(words, own, _reserves(role, pair), pair.serif, role)
        if face != own:
            changed[role] = face
    return changed


def _reserves(role: str, pair: Pair) -> list[Face]:
    """Faces in place of the pair's own, best first: a brand's other font, then shipped ones."""
    own = [face for face in (pair.display, pair.text) if face.file.startswith(pair.folders)]
    if role in ("text", "strong"):
        return [*own, _TEXT if role == "text" else STRONG]
    shipped = (*pair.instead, *(_SERIFS if pair.serif else _SANS))
    return [*own, *(large if role == "display" else sentence for large, sentence in shipped)]


def _setting(words: str, own: Face, reserves: Sequence[Face], serif: bool, role: str) -> Face:
    """The face out of `own` and `reserves` that sets `words`, with families beside it."""
    needed = {ord(c) for c in words if not (c.isspace() or c in _UNSEEN)}
    if needed and needed <= coverage(EMOJI.file) and not needed <= coverage(own.file):
        return EMOJI
    scripts = [s for s in _SCRIPTS if any(a <= c <= b for c in needed for a, b in s.blocks)]
    foreign = {c for c in needed for s in scripts for a, b in s.blocks if a <= c <= b}
    apart = foreign | {c for c in needed if c > 0x7F and unicodedata.category(chr(c)) in _SIGNS}
    for face in (own, *reserves):
        there = coverage(face.file)
        if needed - apart <= there and (foreign <= there or not foreign & there):
            break
    else:
        raise _missing(needed - apart - coverage(reserves[-1].file), needed)
    lacking = set(needed - coverage(face.file))
    more: list[str] = []
    beside: list[Face] = []
    for script in scripts:
        # Small words are a sans in nearly every pair.
        looks = [script.sans, script.serif]
        if serif and role in ("display", "voice"):
            looks.reverse()
        its = {c for c in foreign for a, b in script.blocks if a <= c <= b}
        cuts = [heavy if role in ("display", "strong") else light for heavy, light in looks]
        beside.append(next((f for f in cuts if its <= coverage(f.file)), cuts[0]))
    for other in (*beside, *reserves, _BOLD if role == "display" else _TEXT, EMOJI):
        if lacking & coverage(other.file) and other.family in _BESIDE:
            lacking -= coverage(other.file)
            more.append(other.family)
    if lacking:
        raise _missing(lacking, needed)
    face = face._replace(more=tuple(more))
    alone = scripts and not any(c.isalpha() and ord(c) < 0x500 for c in words)
    if alone:
        # Not in a Latin word's company: its own size, and the spaces of its own font.
        face = face._replace(scale=1.0, cap=0.6)
        first = next((f for f in beside if f.family in more[:1]), None)
        if first and face.family in _BESIDE:
            rest = (face.family, *more[1:])
            face = face._replace(family=first.family, file=first.file, more=rest)
    return _spaced(face, words, role, scripts)


def _spaced(face: Face, words: str, role: str, scripts: Sequence[_Script]) -> Face:
    """`face` with the line step and spacing the letters of `words` need."""
    lead = face.lead
    for script in scripts:
        lead = max(lead, script.lead * (1.1 if role in ("text", "strong") else 1.0))
        face = face._replace(cap=max(face.cap, script.cap), foot=max(face.foot, script.foot))
        if script.joined:
            face = face._replace(joined=True, tracking=0.0)
    if any(a <= ord(c) <= b for c in words for a, b in _SQUARE):
        # Letters that fill a square: no letterspacing between, and air between lines.
        lead = max(lead, 1.28)
        face = face._replace(
            joined=True, tracking=0.0, cap=max(face.cap, 0.84), foot=max(face.foot, 0.06)
        )
    # Marks above capitals, and Vietnamese letters with two marks, must clear the line above.
    marks = [unicodedata.normalize("NFD", c) for c in words if ord(c) > 0x7F and c.isalpha()]
    if any(len(m) > 2 for m in marks):
        lead = max(lead, face.cap + 0.52)
    elif any(len(m) > 1 and (m[0].isupper() or face.family == "Bebas Neue") for m in marks):
        lead = max(lead, face.cap + 0.36)
    return face._replace(lead=round(lead, 3)) if lead > face.lead else face


_SQUARE = ((0x3040, 0x30FF), (0x3400, 0x4DBF), (0x4E00, 0x9FFF), (0xAC00, 0xD7AF))
"""Blocks of Japanese, Chinese and Korean letters."""
_UNSEEN = "\u200c\u200d\u2060"
_SIGNS = frozenset(("Sc", "Sm", "So", "No", "Sk"))
"""Unicode categories of signs, which may come from another face than the letters."""
_BESIDE = {
    **{f.family: f.file for s in _SCRIPTS for f in (*s.serif, *s.sans)},
    **{f.family: f.file for p in PAIRS.values() for f in (p.display, p.voice, p.strong, p.text)},
    **{f.family: f.file for rank in (*_SERIFS, (_NARROW, _MONO)) for f in rank},
    EMOJI.family: EMOJI.file,
}
"""Shipped family -> one of its files, all of which have the same letters."""

_CODES = {
    "₾": "GEL", "₸": "KZT", "₵": "GHS", "₦": "NGN", "₱": "PHP", "₭": "LAK", "₮": "MNT", "₼": "AZN",
    "₲": "PYG", "₡": "CRC", "֏": "AMD", "৳": "BDT", "฿": "THB", "៛": "KHR", "﷼": "IRR", "௹": "INR",
    "⃀": "KGS",
}  # fmt: skip
"""Currency signs -> ISO 4217 codes."""


def _missing(lacking: set[int], needed: set[int]) -> MissingFont:
    # A letter says more than a mark or a sign.
    letter = min(map(chr, lacking), key=lambda c: (unicodedata.category(c)[0] not in "LM", c))
    name = unicodedata.name(letter, f"U+{ord(letter):04X}")
    script = name.split()[0].title()
    if letter in _CODES:
        return MissingFont(
            f'no font at hand can set "{letter}" ({name.lower()})',
            f'write the code instead of the sign: "{_CODES[letter]}"',
            "Noto Sans",
        )
    names = {unicodedata.name(chr(c), "").split(" ")[0] for c in needed}
    if names & {"HIRAGANA", "KATAKANA"}:
        font, script = "Noto Sans JP", "Japanese"
    elif "HANGUL" in names:
        font, script = "Noto Sans KR", "Korean"
    elif script in ("Cjk", "Fullwidth", "Halfwidth", "Ideographic") or "CJK" in names:
        font, script = "Noto Sans SC", "Chinese"
    elif script in ("Latin", "Greek", "Cyrillic", "Combining"):
        font = "Noto Sans"
    elif unicodedata.category(letter)[0] in "LM":
        font = f"Noto Sans {script}"
    else:
        font, script = "Noto Sans Symbols", name.lower()
    return MissingFont(
        f'no font at hand can set "{letter}" ({script}): {font} is missing',
        f"fetch {font} (fonts.google.com/noto), put its file beside brand.toml and name it there: "
        f'[fonts] heading = "{font.replace(" ", "")}-Bold.ttf", text = '
        f'"{font.replace(" ", "")}-Regular.ttf"; or use a plain photo post for this text',
        font,
    )


def custom(heading: Path | None, text: Path | None = None, *, base: Pair | None = None) -> Pair:
    """The pair of a brand's own font files: `heading` for large words and sentences, `text` for
    small ones; what is None stays that of `base` (by default the pair "geometric").

    TTF, OTF, and the first font of a TTC or OTC; a variable font is set in its default cut. Each
    is copied, under a name of its own, into a folder (Pair.folders) that lives as long as the
    process, so that it neither clashes with a shipped family nor drags in its neighbours.
    Raises FeedsmithError naming the file when it is no font, broken, or a web font.
    """
    pair = base or PAIRS["geometric"]
    folders: list[str] = []
    if heading is not None:
        face, serif, folder = _own(heading, "heading")
        folders.append(folder)
        pair = pair._replace(
            name="custom", serif=serif, instead=(),
            display=face._replace(lead=max(1.04, face.lead), tracking=face.tracking - 0.012),
            voice=face._replace(lead=max(1.18, face.lead), scale=round(face.scale * 0.94, 3)),
        )  # fmt: skip
    if text is not None:
        face, _, folder = _own(text, "text")
        folders.append(folder)
        pair = pair._replace(
            name="custom",
            text=face._replace(lead=max(1.4, face.lead)),
            strong=face._replace(lead=max(1.28, face.lead)),
        )
    return pair._replace(folders=tuple(dict.fromkeys(folders)))


_WEB_FONTS = (b"wOFF", b"wOF2")
_HEADS = (b"\0\1\0\0", b"OTTO", b"true", b"ttcf")
_VARIATIONS = ("fvar", "gvar", "avar", "HVAR", "MVAR", "STAT", "cvar", "VVAR", "DSIG")
_LARGEST = 64 * 2**20
_MEND = "name another TTF or OTF file in brand.toml, [fonts], or leave it empty for a shipped pair"


def _own(path: Path, setting: str) -> tuple[Face, bool, str]:
    """A user's font as a face, whether it has serifs, and the folder of its copy."""
    try:
        if path.stat().st_size > _LARGEST:
            raise FeedsmithError(f"{path}: larger than 64 MB, which no font needs", mend=_MEND)
        data = path.read_bytes()
    except OSError as error:
        raise FeedsmithError(
            f"{path}: cannot be read ({error.strerror or error})",
            mend=f"correct [fonts] {setting} in brand.toml: a path seen from the brand's folder",
        ) from error
    if not data:
        raise FeedsmithError(f"{path}: is empty (0 bytes)", mend=_MEND)
    if data[:4] in _WEB_FONTS:
        raise FeedsmithError(
            f"{path}: is a web font (WOFF)",
            mend="take the family's TTF or OTF file, or convert it (fontTools: fonttools ttLib "
            "-o font.ttf font.woff2), and name that one",
        )
    if data[:4] not in _HEADS:
        raise FeedsmithError(f"{path}: is not a TrueType or OpenType font", mend=_MEND)
    return _measured(path, data)


def _measured(path: Path, data: bytes) -> tuple[Face, bool, str]:
    """As `_own`, of a file that begins like a font."""
    try:
        tables = {t: v for t, v in _tables(data).items() if t not in _VARIATIONS}
        units = struct.unpack_from(">H", tables["head"], 18)[0]
        letters = _mapped(tables["cmap"])
        os2 = tables.get("OS/2", b"").ljust(96, b"\0")
        cap = struct.unpack_from(">h", os2, 88)[0] / units
        fixed = bool(struct.unpack_from(">I", tables.get("post", b"").ljust(16, b"\0"), 12)[0])
    except (KeyError, ValueError, struct.error, ZeroDivisionError) as error:
        raise FeedsmithError(
            f"{path}: is a damaged font (cut short, or a part is missing)", mend=_MEND
        ) from error
    if not letters or not ({"glyf", "CFF ", "CFF2"} & set(tables)):
        raise FeedsmithError(f"{path}: has no outlines of letters to set", mend=_MEND)
    serif = os2[32] == 2 and 2 <= os2[33] <= 10
    family = f"Own {hashlib.sha256(data).hexdigest()[:12]}"
    tables["name"] = _names(family)
    folder = _folder() / family.replace(" ", "-")
    copy = folder / "font.ttf"
    if not copy.exists():
        folder.mkdir(exist_ok=True)
        copy.write_bytes(_font(data[:4] if data[:4] != b"ttcf" else _flavour(tables), tables))
    fonts = typst.Fonts(
        include_system_fonts=False, include_embedded_fonts=False, font_paths=[str(folder)]
    )
    try:
        (known,) = fonts.fonts()
        capital, ink = _drawn(known, fonts)
    except (ValueError, RuntimeError) as error:
        raise FeedsmithError(
            f"{path}: is a damaged font (its letters cannot be read)", mend=_MEND
        ) from error
    # The letters themselves are asked first: some tables say half of what is drawn.
    heights = (capital, cap) if ord("H") in letters else (cap,)
    cap = next((height for height in heights if 0.3 < height < 1.3), 0.7)
    face = Face(
        known.family, str(copy), known.weight, known.style,
        # Capitals as tall as those of the shipped faces; lines as far apart as d over p needs.
        scale=round(min(1.5, max(0.6, 0.7 / cap)), 3), tracking=-0.02 if fixed else 0.0,
        lead=round(min(1.5, max(0.85, ink + 0.06)), 3), cap=round(cap, 3),
    )  # fmt: skip
    return face, serif, str(folder)


_DRAWN = """
#set text(
  font: sys.inputs.family, size: 1000pt, fallback: false, top-edge: "bounds",
  bottom-edge: "baseline",
)
#context [#metadata((
  measure("H").height / 1pt, measure(text(bottom-edge: "bounds", "dp")).height / 1pt,
)) <ink>]
"""


def _drawn(font: typst.FontInfo, fonts: typst.Fonts) -> tuple[float, float]:
    """Height of a capital, and from the top of d to the foot of p, as shares of the size."""
    asked = typst.Compiler(
        _DRAWN.encode(), font_paths=fonts, sys_inputs={"family": font.family}
    ).query("<ink>", field="value")
    capital, ink = json.loads(asked)[0]
    return capital / 1000, ink / 1000


def _flavour(tables: Mapping[str, bytes]) -> bytes:
    return b"\0\1\0\0" if "glyf" in tables else b"OTTO"


@cache
def _folder() -> Path:
    made = Path(tempfile.mkdtemp(prefix="feedsmith-fonts-"))
    atexit.register(shutil.rmtree, made, ignore_errors=True)
    return made


def _names(family: str) -> bytes:
    """A name table with nothing but the family's name and a plain style (OpenType 1.9)."""
    entries = {1: family, 2: "Regular", 4: family, 6: family.replace(" ", "-")}
    texts = b"".join(value.encode("utf-16-be") for value in entries.values())
    table, at = struct.pack(">HHH", 0, len(entries), 6 + 12 * len(entries)), 0
    for key, value in entries.items():
        size = 2 * len(value)
        table += struct.pack(">6H", 3, 1, 0x409, key, size, at)
        at += size
    return table + texts


def _font(flavour: bytes, tables: Mapping[str, bytes]) -> bytes:
    """A font file of these tables; checksums left at 0, which no renderer asks for."""
    row = sorted(tables.items())
    at = 12 + 16 * len(row)
    head, body = flavour + struct.pack(">HHHH", len(row), 0, 0, 0), b""
    parts = []
    for tag, value in row:
        head += struct.pack(">4sIII", tag.encode("latin-1"), 0, at, len(value))
        padded = value + b"\0" * (-len(value) % 4)
        parts.append(padded)
        at += len(padded)
    return head + body + b"".join(parts)
