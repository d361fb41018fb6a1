"""Distances: how far two sets of captions are apart in the habits that make a voice.

Counts (characters, words, sentences, hashtags, emoji) by the 1-Wasserstein distance, in their own
unit: how much one set would have to change, on average, to be spread like the other. Choices (first
word, punctuation marks, which emoji) by the Jensen-Shannon divergence in bits: 0 for the same mix, 1 where
nothing is shared. Both grow with chance in small samples; therefore every distance stands beside the
same distance between two random halves of the brand's own captions, all samples of the same size.

Knows texts and hashtags; knows no model and no picture.
"""

import math
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from feedsmith.captions.habits import EMOJI, sentences
from feedsmith.evaluate.copying import tokens
from feedsmith.post import Value

DRAWS = 60
"""Random samples of each set; their median is told."""
FEWEST = 4
"""Captions in a sample below which nothing is told."""


class Said(NamedTuple):
    """A caption as it is compared."""

    text: str
    """Without hashtags."""
    hashtags: int = 0


class Distance(Value):
    """How far generated captions are from the brand's own in one habit."""

    habit: str
    """E.g. "words" or "first word"."""
    unit: str
    """Of the distances: the habit's own, or "bits"."""
    value: float
    """Between generated and own captions; the median over DRAWS samples."""
    usual: float
    """The same between two halves of the brand's own captions: what is near."""
    usual_high: float
    """95 % of the halves are no further apart than this."""
    sample: int
    """Captions in each sample."""
    own: str
    """The brand's own in words, e.g. "median 24" or "we, the, a"."""
    generated: str
    """The generated ones, likewise."""

    @property
    def near(self) -> bool:
        """No further off than the brand's own captions are from each other."""
        return self.value <= self.usual_high


def wasserstein(a: Iterable[float], b: Iterable[float]) -> float:
    """1-Wasserstein distance of two samples: the area between their cumulative distributions.

    Raises ValueError when one is empty.
    """
    first, second = (np.sort(np.fromiter(values, np.float64)) for values in (a, b))
    if not len(first) or not len(second):
        raise ValueError("a distance needs two samples")
    points = np.sort(np.concatenate([first, second]))
    below = [np.searchsorted(s, points[:-1], "right") / len(s) for s in (first, second)]
    return float(np.sum(np.abs(below[0] - below[1]) * np.diff(points)))


def jensen_shannon(a: Mapping[str, float], b: Mapping[str, float]) -> float:
    """Jensen-Shannon divergence of two distributions given as counts, in bits, 0..1.

    Raises ValueError when one is empty.
    """
    sums = math.fsum(a.values()), math.fsum(b.values())
    if not all(sums):
        raise ValueError("a distance needs two samples")
    parts = []
    for key in a.keys() | b.keys():
        p, q = a.get(key, 0) / sums[0], b.get(key, 0) / sums[1]
        parts += [share / 2 * math.log2(2 * share / (p + q)) for share in (p, q) if share]
    bits = math.fsum(parts)  # exact, so that the order of keys does not matter
    return min(1.0, max(0.0, bits))


def compare(generated: Sequence[Said], own: Sequence[Said], seed: int = 0) -> tuple[Distance, ...]:
    """All habits; () where there are too few captions to tell anything.

    Every sample has as many captions as half of `own`, or all of `generated` where that is less.
    The same `seed` gives the same numbers.
    """
    size = min(len(generated), len(own) // 2)
    if size < FEWEST:
        return ()
    rng = np.random.default_rng([seed, size])
    draws = [
        (rng.permutation(len(generated))[:size], rng.permutation(len(own))[: 2 * size])
        for _ in range(DRAWS)
    ]
    found = []
    for habit in HABITS:
        ours, theirs = [habit.of(c) for c in generated], [habit.of(c) for c in own]
        apart, halves = [], []
        for drawn, halved in draws:
            half = [theirs[i] for i in halved[:size]]
            apart.append(habit.distance([ours[i] for i in drawn], half))
            halves.append(habit.distance([theirs[i] for i in halved[size:]], half))
        found.append(
            Distance(
                habit=habit.name,
                unit=habit.unit,
                value=round(float(np.median(apart)), 4),
                usual=round(float(np.median(halves)), 4),
                usual_high=round(float(np.quantile(halves, 0.95)), 4),
                sample=size,
                own=habit.words(theirs),
                generated=habit.words(ours),
            )
        )
    return tuple(found)


# ---- habits ----------------------------------------------------------------------------------

_Seen = Sequence[list[str]]
"""What is counted of each caption: choices, or one entry for each thing that there is."""


class Habit(NamedTuple):
    name: str
    unit: str
    of: Callable[[Said], list[str]]
    distance: Callable[[_Seen, _Seen], float]
    words: Callable[[_Seen], str]


def _counts(seen: _Seen) -> list[float]:
    return [float(len(found)) for found in seen]


def _mix(seen: _Seen) -> Counter[str]:
    return Counter(choice for found in seen for choice in found or [NOTHING])


NOTHING = "none"


def _far_in_number(a: _Seen, b: _Seen) -> float:
    return wasserstein(_counts(a), _counts(b))


def _far_in_choice(a: _Seen, b: _Seen) -> float:
    return jensen_shannon(_mix(a), _mix(b))


def _middle(seen: _Seen) -> str:
    return f"median {float(np.median(_counts(seen))):g}"


def _mean(seen: _Seen) -> str:
    return f"mean {float(np.mean(_counts(seen))):.1f}"


def _favourites(seen: _Seen) -> str:
    mix = _mix(seen)
    first = sorted(mix, key=lambda choice: (-mix[choice], choice))[:4]
    named = [f"“{choice}”" if marks(choice) else choice for choice in first]
    total = sum(mix.values())
    return ", ".join(
        f"{n} {mix[choice] / total:.0%}" for n, choice in zip(named, first, strict=True)
    )


def marks(text: str) -> list[str]:
    """Punctuation marks in order; three points are one mark, and so is "!!"."""
    found: list[str] = []
    before = ""
    for letter in text.replace("...", "…"):
        is_mark = unicodedata.category(letter).startswith("P") and letter not in "#@"
        if is_mark and letter != before:
            found.append(letter)
        before = letter
    return found


def first_word(text: str) -> list[str]:
    return tokens(text)[:1]


HABITS = (
    Habit("characters", "characters", lambda c: list(c.text), _far_in_number, _middle),
    Habit("words", "words", lambda c: tokens(c.text), _far_in_number, _middle),
    Habit("sentences", "sentences", lambda c: sentences(c.text), _far_in_number, _mean),
    Habit("hashtags", "hashtags", lambda c: ["#"] * c.hashtags, _far_in_number, _mean),
    Habit("emoji", "emoji", lambda c: EMOJI.findall(c.text), _far_in_number, _mean),
    Habit("emoji chosen", "bits", lambda c: EMOJI.findall(c.text), _far_in_choice, _favourites),
    Habit("punctuation", "bits", lambda c: marks(c.text), _far_in_choice, _favourites),
    Habit("first word", "bits", lambda c: first_word(c.text), _far_in_choice, _favourites),
)
"""What makes a voice, as far as it can be counted."""
