"""Whether captions follow their picture: keywords named, and the right caption found among many.

Knows texts and a language model's scores; knows no pixels, no brand and no brief.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from feedsmith.captions.rank import covered
from feedsmith.post import Value


class Scorer(Protocol):
    """What is needed of captions.model.CaptionModel."""

    def score(self, pairs: Sequence[tuple[str, str]]) -> list[float]: ...


class Recall(Value):
    """How much of the pictures' keywords captions name, 0..1 (see `recall`)."""

    generated: float
    captions: int
    own: float | None
    """The held-out captions that people wrote for the same pictures; None for none."""
    chance: float
    """The generated captions against the keywords of the other pictures."""


class Ranking(Value):
    """At which place the right one of `of` candidates came, over all pictures."""

    pictures: int
    of: int
    mean: float
    """1 is best."""
    median: float
    reciprocal: float
    """Mean of 1 / rank."""
    first: float
    """Share of the pictures whose right caption came first (recall@1), 0..1."""
    five: float
    """Share of those in whose first five it stands (recall@5), 0..1."""
    ranks: tuple[float, ...] = ()
    """Of each picture; equal scores share the middle of their places."""


def recall(text: str, keywords: Sequence[str]) -> float:
    """How much of the keywords the text names, 0..1, every keyword weighing the same.

    A keyword counts by the share of its words that are said, and not at all without its last word
    (of "red barn": barn), singular or plural. 0 for no keywords.
    """
    return sum(covered(text, (keyword,)) for keyword in keywords) / max(1, len(keywords))


OTHERS = 8
"""Other pictures that each caption is held against for `recall_by_chance`."""


def recall_by_chance(texts: Sequence[str], keywords: Sequence[Sequence[str]]) -> float:
    """Mean recall of each text against the keywords of the next OTHERS pictures that show something
    else, going round; 0 where there are none."""
    found: list[float] = []
    for i, text in enumerate(texts):
        others = [*keywords[i + 1 :], *keywords[:i]]
        others = [other for other in others if set(other) != set(keywords[i])]
        found += [recall(text, other) for other in others[:OTHERS]]
    return sum(found) / max(1, len(found))


def rank_of(scores: Sequence[float] | NDArray[np.float64], right: int) -> float:
    """Place of candidate `right` when the highest score comes first; 1 is best. Equal scores share
    the middle of their places."""
    values = np.asarray(scores, np.float64)
    above = int((values > values[right]).sum())
    equal = int((values == values[right]).sum())
    return above + (equal + 1) / 2


def ranking(ranks: Sequence[float], of: int) -> Ranking | None:
    """The ranks summed up; None for none."""
    if not ranks:
        return None
    places = np.asarray(ranks, np.float64)
    return Ranking(
        pictures=len(ranks),
        of=of,
        mean=round(float(places.mean()), 4),
        median=float(np.median(places)),
        reciprocal=round(float((1 / places).mean()), 4),
        first=float((places <= 1).mean()),
        five=float((places <= 5).mean()),
        ranks=tuple(float(place) for place in places),
    )


def chance(of: int) -> Ranking:
    """What guessing comes to, on average, among `of` candidates (at least 1)."""
    return Ranking(
        pictures=0,
        of=of,
        mean=(of + 1) / 2,
        median=(of + 1) / 2,
        reciprocal=round(sum(1 / place for place in range(1, of + 1)) / of, 4),
        first=1 / of,
        five=min(5, of) / of,
    )


AS_IS = ", uncorrected"
NO_PICTURE = "without the picture"
AT_ONCE = 10
"""Candidates between two looks at the clock."""


class Retrieval(Value):
    """The right caption looked for among others, by likelihood, in several ways."""

    of: int
    """Candidates."""
    ways: dict[str, Ranking]
    """Name of the way to its ranks. All ways rank the same pictures."""


def found(
    model: Scorer,
    prompts: Mapping[str, Sequence[str]],
    without: Sequence[str],
    candidates: Sequence[str],
    right: Sequence[int],
    going_on: Callable[[int], bool] = lambda done: True,
) -> Retrieval | None:
    """Where the right caption of each picture ranks among all candidates; None before the first.

    `prompts[name][i]` tells of picture i under the condition `name`; `without[i]` is the same prompt without
    any picture; `right[i]` is the candidate that belongs to picture i. For each condition there are two
    ways: NAME ranks by what the picture adds, the log-likelihood of a token with it minus that without
    it, and NAME + AS_IS by the former alone, where captions that are likely anywhere come first. NO_PICTURE
    ranks by the latter: it knows nothing, so its ranks only tell how usual the right captions are.
    `going_on(done)` is asked before every few candidates, `done` being pictures that are through; where it says no,
    the picture at hand is dropped. Raises FeedsmithError for a model that cannot be scored.
    """
    plain: dict[str, NDArray[np.float64]] = {}
    ranks: dict[str, list[float]] = {}

    def scores(prompt: str, done: int) -> NDArray[np.float64]:
        found: list[float] = []
        for start in range(0, len(candidates), AT_ONCE):
            if not going_on(done):
                raise _Stop
            few = candidates[start : start + AT_ONCE]
            found += model.score([(prompt, caption) for caption in few])
        return np.array(found)

    for i, at in enumerate(right):
        try:
            if without[i] not in plain:
                plain[without[i]] = scores(without[i], i)
            told = {name: scores(each[i], i) for name, each in prompts.items()}
        except _Stop:
            break
        usual = plain[without[i]]
        for name, with_it in told.items():
            ranks.setdefault(name, []).append(rank_of(with_it - usual, at))
            ranks.setdefault(f"{name}{AS_IS}", []).append(rank_of(with_it, at))
        ranks.setdefault(NO_PICTURE, []).append(rank_of(usual, at))
    ways = {name: ranking(places, len(candidates)) for name, places in ranks.items()}
    summed = {name: way for name, way in ways.items() if way is not None}
    return Retrieval(of=len(candidates), ways=summed) if summed else None


class _Stop(Exception):
    """No time for the rest."""
