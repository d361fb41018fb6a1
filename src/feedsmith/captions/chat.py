"""What a chat model is asked for, and what of its answer is a caption.

A brief becomes two messages; an answer, with all that such models put around what they were asked
for, becomes captions. Knows no server and no file, and does not judge: that is `rank`.
"""

import json
import re
from collections.abc import Iterator, Sequence
from typing import Any

from feedsmith import rules
from feedsmith.captions import rank
from feedsmith.captions.brief import CaptionBrief
from feedsmith.captions.habits import EMOJI, Habits, bare, told
from feedsmith.captions.tongues import detect

EXAMPLES = 3
"""Past captions shown as models of the voice."""
EXAMPLE_MAX = 300
"""Characters of one of them."""
RECENT = 3
"""Last captions of this run whose openings are not to come again."""
SPREAD = 0.6
"""Captions may be this much shorter or longer than the brand's usual ones."""

ANSWER_MOST = 1 << 16
"""Characters of an answer that are read; thinking aloud takes 20,000."""

_POSTS = {
    "photo": "a photo",
    "product": "a photo of something that the brand sells",
    "promo": "a designed picture that announces an offer",
    "quote": "a picture with a saying set on it; the caption stands beneath and does not repeat it",
    "carousel": "several pictures to swipe through",
    "story": "a story: one short line",
    "reel": "a short film of photos",
    "gif": "a short loop that repeats itself",
    "collage": "several pictures side by side",
}

Message = dict[str, str]


def messages(brief: CaptionBrief, manner: Habits, n: int) -> list[Message]:
    """The system's and the user's message that ask for `n` captions of one brief.

    What stays the same for a brand stands first: servers reuse it from one caption to the next.
    """
    brand = brief.brand
    language = detect.NAMES.get(detect.code(brand.language), _line(brand.language))
    answer = (
        f'Answer with a JSON list of {n} different captions, ["...", "..."], and nothing else.'
        if n > 1
        else "Answer with the caption and nothing else."
    )
    facts = [
        ("Brand", brand.name),
        ("What it does", brand.niche),
        ("Voice", f"{brand.voice}; it says {'I' if manner.singular else 'we'} of itself"),
        ("Spelling", _spelling(manner) if language == "English" else ""),
        ("Words never to use", "; ".join(brand.banned_words)),
    ]
    system = "\n".join(
        [
            "You write Instagram captions for one small brand, for pictures that are already "
            "chosen. Write as its owner would: plain, specific, never like an advertisement.",
            *_told(facts),
            "Rules without exception:",
            f"- Write in {language}.",
            "- Speak only of what the picture is said to show. Add no people, animals, things, "
            "colours, materials, weather, seasons, days or times of day.",
            "- No numbers, prices, dates or names that are not given, not even in words.",
            "- Claim nothing of the brand or what it sells: no quality, origin, stock, discount.",
            "- Whole sentences, each with its full stop. No hashtags, links, mentions, emoji or headings.",
            answer,
        ]
    )
    shown = [("The picture shows", ", ".join(brief.shows) or "nothing that has a name; say little")]
    shown += [(f"Picture {i} shows", ", ".join(p)) for i, p in enumerate(brief.beside, 2) if p]
    user = [
        *(f"A caption of the brand, for its voice: {text}" for text in examples(brief)),
        *_told(
            [
                ("The post is", _POSTS[brief.kind]),
                *shown,
                ("It looks like this", ", ".join(brief.look)),
                ("Light and weather", ", ".join(brief.light)),
                ("Season", brief.season),
                ("Photos like it show, but not this one", ", ".join(brief.near)),
                ("Theme", brief.theme),
                ("Words on the picture, not to be repeated", _words_on(brief)),
                ("The maker says of it, and this will follow your caption", brief.about),
            ]
        ),
        *(f"This must stand in it, letter for letter: {piece}" for piece in _own_pieces(brief)),
        *_told([("It ends with, letter for letter", brief.call)]),
        f"Length: {_length(brief, manner)}.",
        *_told([("Do not begin like these", " / ".join(_openings(brief)))]),
        answer,
    ]
    return [{"role": "system", "content": system}, {"role": "user", "content": "\n".join(user)}]


def examples(brief: CaptionBrief) -> list[str]:
    """The brand's own captions that show its voice: those it named, then of pictures like this."""
    own = [told(post) for post in (*brief.past, *brief.history)]
    found: dict[str, None] = {}
    for text in (*brief.brand.voice_examples, *own):
        if line := _line(bare(text))[:EXAMPLE_MAX]:
            found.setdefault(line)
    return [*found][:EXAMPLES]


def captions_in(answer: str, n: int) -> list[str]:
    """Up to `n` captions of an answer, each one line, in its order and none twice.

    Takes off what the model thought aloud, code fences, an introduction, numbers, labels, quotation
    marks, hashtags at the end and emoji; the brand's own emoji come later. What is left may be
    anything: `rank.refuse` decides.
    """
    text = _spoken(answer[:ANSWER_MOST])
    listed = list(_strings(text)) or _lines(text, n)
    found = dict.fromkeys(_caption(one) for one in listed)
    return [caption for caption in found if any(c.isalpha() for c in caption)][:n]


def echoes(text: str, asked: Sequence[Message], brief: CaptionBrief) -> bool:
    """Whether a caption gives back what was asked: our own words, or an example of the voice.

    Small models do; one posted "a picture with a saying set on it" of a picture with a saying.
    """
    own = text
    for piece in (*brief.pieces, *rank.sentences_of(brief)):
        own = own.replace(piece, " … ")
    said = rank.runs(own, rank.COPY_WORDS)
    return any(said & rank.runs(message["content"], rank.COPY_WORDS) for message in asked)


def with_facts(text: str, brief: CaptionBrief) -> str:
    """The caption with what must stand in it word for word: what the model left out follows it."""
    if brief.call:  # last, after what may follow here
        text = re.sub(rf"\s*{re.escape(brief.call)}[.!]?$", "", text)
    if not re.search(r"[.?!…]$", text):
        return text  # broken off; what stood behind it would hide that
    parts = [text]
    if missing := [piece for piece in _own_pieces(brief) if piece not in text]:
        parts.append(_ended(", ".join(missing)))
    if brief.kind == "product" and brief.about and brief.about not in text:
        parts.append(brief.about)
    if brief.call and brief.call not in text:
        parts.append(_ended(brief.call))
    return " ".join(parts)


# --- asking ------------------------------------------------------------------------------------


def _own_pieces(brief: CaptionBrief) -> list[str]:
    """What must stand in the caption, apart from the call that ends it."""
    return [piece for piece in brief.pieces if piece != brief.call]


def _told(facts: Sequence[tuple[str, str]]) -> list[str]:
    return [f"{name}: {_line(value)}" for name, value in facts if value.strip()]


def _spelling(manner: Habits) -> str:
    spelling = "American" if manner.american else "British"
    return spelling + ("" if manner.contracts else "; no contractions")


def _words_on(brief: CaptionBrief) -> str:
    return "; ".join(words for words in (brief.headline, brief.text_on_picture) if words)


def _length(brief: CaptionBrief, manner: Habits) -> str:
    usual = rank.usual_words(brief, manner)
    most = min(round(usual * (1 + SPREAD)), rank.LONGEST[brief.kind])
    least = min(max(3, round(usual * (1 - SPREAD))), most)
    return f"{least} to {max(most, least + 2)} words" + (
        ", without what must stand in it" if brief.pieces else ""
    )


def _openings(brief: CaptionBrief) -> list[str]:
    """How the last captions that were made for the brand began."""
    made = [told(post) for post in brief.made]
    return [" ".join(_line(bare(text)).split()[:4]) + " …" for text in made[-RECENT:] if text]


def _line(text: str) -> str:
    """One line: what a file says must not open a new field."""
    return " ".join(text.split())


def _ended(text: str) -> str:
    return text if text[-1:] in ".!?…" else text + "."


# --- reading -----------------------------------------------------------------------------------

_THOUGHT = re.compile(r"(</?(?:think|thinking|thought|reasoning|reflection)\b[^<>]{0,80}>)", re.I)
_LABEL = re.compile(
    r"^(?:caption|option|version|bildunterschrift|légende|legende|leyenda|legenda)"
    r"\s*(?:\d{1,2}|[a-d])?\s*[:.)–-]\s*",
    re.I,
)
_NUMBER = re.compile(r"^\s*(?:\(?\d{1,2}[.):]|[-*•–])\s+")
_CHATTER = re.compile(
    r"^(?:sure|certainly|of course|absolutely|okay|ok|here(?:'s|’s| is| are)|i hope|let me know|"
    r"feel free)\b",
    re.I,
)
_QUOTES = {'"': '"', "“": "”", "„": "“”", "«": "»", "»": "«", "'": "'", "‘": "’", "`": "`"}
_KEYCAP = re.compile("[0-9#*]\ufe0f?\u20e3")
_BEFORE_MARK = re.compile(rf"\s*(?:{EMOJI.pattern})+(?=[.,;:?!…])")
_LOOSE_MARKS = re.compile("[\ufe0e\ufe0f\u200d\u20e3]")


def _spoken(answer: str) -> str:
    """The answer without what was thought aloud."""
    parts: list[str] = []
    thinking = False
    for part in _THOUGHT.split(answer):
        if not _THOUGHT.fullmatch(part):
            parts += [] if thinking else [part]
        elif part.startswith("</"):
            parts = parts if thinking else []  # its beginning was in the prompt
            thinking = False
        else:
            thinking = True
    text = "".join(parts)
    fenced = re.search(r"```[\w-]*\s*\n?(.*?)(?:```|\Z)", text, re.S)
    return (fenced[1] if fenced else text).strip()


def _strings(text: str) -> Iterator[str]:
    """The captions of the first JSON in a text, whole or cut off; nothing where there is none."""
    reader = json.JSONDecoder(strict=False)
    for match in list(re.finditer(r"[\[{]", text))[:20]:
        try:
            value, _ = reader.raw_decode(text, match.start())
            found = list(_captions_of(value))
        except (ValueError, RecursionError):
            continue
        if found:
            yield from found
            return
    if re.match(r"\s*[\[{]\s*\"", text):  # broken or cut off; what is whole of it counts
        for inside in re.findall(r'"((?:[^"\\]|\\.)*)"(?!\s*:)', text, re.S):
            try:
                yield str(json.loads(f'"{inside}"', strict=False))
            except ValueError:
                continue


def _captions_of(value: Any) -> Iterator[str]:
    """Texts in a list, in a list of objects with a "caption", or in an object that holds either."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for item in value:
            yield from _captions_of(item)
    elif isinstance(value, dict):
        named = next((value[n] for n in ("captions", "caption", "text") if n in value), None)
        yield from _captions_of(named if named is not None else list(value.values()))


def _lines(text: str, n: int) -> list[str]:
    """Captions of an answer that is no JSON: a numbered list, else paragraphs, else lines."""
    blocks = [block.strip() for block in re.split(r"\n\s*\n", text) if block.strip()]
    if any(_NUMBER.match(line) for line in text.splitlines()):
        found: list[str] = []
        for block in blocks:
            opened = False
            for line in block.splitlines():
                if _NUMBER.match(line):
                    found.append(_NUMBER.sub("", line))
                    opened = True
                elif opened:
                    found[-1] += " " + line
        return found
    spoken = [b for b in blocks if not (b.endswith(":") or _CHATTER.match(b))] or blocks
    if n > 1 and len(spoken) == 1:
        lines = spoken[0].splitlines()
        return [line for line in lines if not line.strip().endswith(":")] or lines
    return spoken if n > 1 else spoken[:1]


def _caption(text: str) -> str:
    """One caption, bare."""
    text = re.sub(r"\*\*|__", "", text[: rules.CAPTION_MAX + 800])
    text = re.sub(r"(?m)^\s*#+\s+", "", text)
    text = " ".join(text.split())
    text = _LABEL.sub("", _NUMBER.sub("", text)).strip()
    text = _unquoted(re.sub(r"^\*(.+)\*$", r"\1", text))
    text = _BEFORE_MARK.sub("", _KEYCAP.sub(" ", text))
    text = _LOOSE_MARKS.sub("", EMOJI.sub(" ", text))
    text = re.sub(r"(?:\s*[#＃][^\s#＃]+)+\s*$", "", text)
    return _unquoted(" ".join(text.split()))


def _unquoted(text: str) -> str:
    """Without the quotation marks around the whole of it."""
    closes = _QUOTES.get(text[:1], "")
    if len(text) < 3 or not closes or text[-1] not in closes:
        return text
    inside = text[1:-1]
    apostrophes = text[0] in "'‘"  # such a mark inside need be none
    return inside.strip() if apostrophes or not set(inside) & {text[0], *closes} else text
