"""Habits: how a brand writes, counted from its own posts.

Length, closing questions, emoji, contractions, "I" or "we", spelling. Knows no picture and no
skeleton. Where a brand has hardly any posts the voice in brand.toml decides.
"""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from statistics import median

from feedsmith.brand import VOICES, Brand
from feedsmith.captions import words
from feedsmith.captions.mining import Told, mined
from feedsmith.captions.skeletons import Skeleton, stock
from feedsmith.captions.tongues.tongue import Tongue, speak
from feedsmith.post import PastPost

EMOJI = re.compile(
    "(?:[\U0001f1e6-\U0001f1ff]{2}|[\U0001f300-\U0001faff\u2600-\u27bf\u2b00-\u2bff\u203c\u2049]"
    "[\ufe0f\U0001f3fb-\U0001f3ff]*(?:\u200d[\U0001f300-\U0001faff\u2600-\u27bf][\ufe0f]*)*)"
)
"""One emoji with its joiners, skin tones and variation selectors."""

ENOUGH = 5
"""Posts with words, from which habits are counted rather than taken from the voice."""

_WORDS = {
    "minimal": 8, "dry": 18, "poetic": 20, "playful": 20, "warm": 26, "second-person": 20,
    "expert": 28, "practical": 24, "founder": 26,
}  # fmt: skip
_EMOJI = {"minimal": 0.1, "dry": 0.25, "poetic": 0.3, "playful": 0.8, "warm": 0.6}
_NEAR = {
    "warm": {"playful", "second-person"}, "minimal": {"poetic", "dry"}, "dry": {"minimal"},
    "poetic": {"minimal"}, "playful": {"dry", "warm", "second-person"},
    "second-person": {"warm", "playful"}, "expert": {"practical"}, "practical": {"expert"},
    "founder": {"warm", "dry"},
}  # fmt: skip


@dataclass(frozen=True)
class Habits:
    """A brand's habits. Shares are 0..1 of its posts."""

    voices: frozenset[str]
    """Names of VOICES found in brand.voice ("founder" for first-person founder)."""
    near: frozenset[str]
    """Voices that may be borrowed now and then."""
    words: float
    """Median number of words."""
    short: float
    long: float
    """The lower and the upper tenth of its lengths, in words."""
    questions: float
    """Share of posts that end with a question."""
    emoji: float
    """Share of posts with an emoji."""
    favourites: Counter[str]
    """Emoji with how often they were used."""
    contracts: bool
    """Writes "it's" rather than "it is"."""
    singular: bool
    """Says "I" rather than "we"."""
    american: bool
    sentences: float
    """Median number of sentences."""
    own: tuple[Skeleton, ...] = ()
    """Sentences of its own that may be said of other things."""
    tongue: Tongue | None = None
    """The language it writes, beside English."""
    formal: bool = False
    """Addresses people formally, where its language has two ways."""

    @property
    def stock(self) -> tuple[Skeleton, ...]:
        """The shipped sentences that it may say."""
        if self.tongue is None:
            return stock()
        return self.tongue.lines(formal=self.formal, singular=self.singular)


def habits(brand: Brand, history: Sequence[PastPost]) -> Habits:
    """Count a brand's habits from its posts, oldest first; posts without words do not count.

    Counted once for a history: half a second for 2,600 posts.
    """
    posts = [(told(post), post.alt_text, " ".join(post.hashtags)) for post in history]
    found = _counted(brand.voice, tuple(post for post in posts if post[0]))
    tongue = speak(brand.language)
    if tongue is None:
        return found
    texts = [text for text, _, _ in posts if text]
    return replace(
        found, own=(), contracts=True, american=False, tongue=tongue,
        formal=tongue.formal(brand, texts), singular=tongue.singular(texts, found.voices),
    )  # fmt: skip


@lru_cache(maxsize=4)
def _counted(voice: str, posts: tuple[tuple[str, str, str], ...]) -> Habits:
    """The habits of a voice and of posts: words, alt text, hashtags."""
    named = voice.lower()
    voices = {name.removeprefix("first-person ") for name in VOICES if name in named}
    if "founder" in named:
        voices.add("founder")
    near = set().union(*(_NEAR[name] for name in voices)) - voices
    if not voices:
        near = {"warm", "dry", "practical"}
    texts = [text for text, _, _ in posts]
    counted = len(texts) >= ENOUGH
    everything = " ".join(texts).replace("’", "'")
    lengths = sorted(len(text.split()) for text in texts)
    guess = min((_WORDS[name] for name in sorted(voices)), default=22)
    short_forms = len(words.CONTRACTION.findall(everything))
    long_forms = len(
        re.findall(
            r"\b(?:(?:do|does|did|is|are|was|would|could|has|have) not|it is|that is|cannot)\b",
            everything,
            re.I,
        )
    )
    first = len(re.findall(r"\b(?:I|I'm|I've|my|me)\b", everything))
    plural = len(re.findall(r"\b(?:we|we're|we've|our|us)\b", everything, re.I))
    return Habits(
        voices=frozenset(voices),
        near=frozenset(near),
        words=median(lengths) if counted else guess,
        short=lengths[len(lengths) // 10] if counted else guess * 0.4,
        long=lengths[-1 - len(lengths) // 10] if counted else guess * 1.7,
        questions=_share(texts, lambda text: bare(text).endswith("?")) if counted else 0.35,
        emoji=(
            _share(texts, lambda text: EMOJI.search(text) is not None)
            if counted
            else max((_EMOJI.get(name, 0.4) for name in sorted(voices)), default=0.4)
        ),
        favourites=Counter(mark for text in texts for mark in EMOJI.findall(text)),
        contracts=short_forms >= long_forms if counted else True,
        singular=first > plural if counted and first + plural > 4 else "founder" in voices,
        american=len(words.AMERICAN.findall(everything)) > len(words.BRITISH.findall(everything)),
        sentences=median(len(sentences(text)) for text in texts) if counted else 2,
        own=mined([Told(tuple(sentences(text)), alt, tags) for text, alt, tags in posts]),
    )


def told(post: PastPost) -> str:
    """A post's words without hashtags."""
    return (post.text or re.sub(r"#\w+", "", post.caption)).strip()


def bare(text: str) -> str:
    """Without emoji and outer blanks."""
    return " ".join(EMOJI.sub("", text).split())


def sentences(text: str) -> list[str]:
    """Sentences of a caption, emoji removed."""
    return [part.strip() for part in re.split(r"(?<=[.?!])\s+|\n+", bare(text)) if part.strip()]


def _share(texts: Sequence[str], holds: object) -> float:
    assert callable(holds)
    return sum(bool(holds(text)) for text in texts) / max(1, len(texts))
