"""Perplexity: how surprised a language model is by captions it has not seen.

exp of the mean negative log-likelihood of a token, all captions' tokens weighing the same; the end of
a caption is a token, prompts are not. 20 means: as unsure, at every token, as between 20 equally likely
ones. Comparable between adapters of one base alone, because another base cuts text otherwise.

Knows a model's scores; knows no brand.
"""

import math
from collections.abc import Callable, Sequence
from typing import Protocol

from feedsmith.captions.model import ROOM
from feedsmith.post import Value

BATCH = 4
"""Captions between two looks at the clock."""


class Scorer(Protocol):
    """What is needed of captions.model.CaptionModel."""

    def score(self, pairs: Sequence[tuple[str, str]]) -> list[float]: ...

    def count(self, texts: Sequence[str]) -> list[int]: ...


class Perplexity(Value):
    """Of one model on held-out captions."""

    model: str
    """In words, e.g. "shipped adapter"."""
    value: float
    captions: int
    tokens: int
    scores: tuple[float, ...]
    """Mean log-likelihood of a token of each caption, nats."""


def perplexity(scores: Sequence[float], tokens: Sequence[int]) -> float:
    """exp of minus the mean of `scores` (nats a token), weighted by `tokens`; nan for none."""
    if not sum(tokens):
        return math.nan
    total = math.fsum(score * n for score, n in zip(scores, tokens, strict=True))
    return math.exp(-total / sum(tokens))


def measured(
    name: str,
    model: Scorer,
    pairs: Sequence[tuple[str, str]],
    going_on: Callable[[int], bool] = lambda done: True,
) -> Perplexity | None:
    """Perplexity of the captions in `pairs` (prompt, caption); None where there are none.

    `going_on(done)` is asked after every few captions and ends it early: the first ones count then.
    Raises FeedsmithError for a model that cannot be scored.
    """
    scores: list[float] = []
    for start in range(0, len(pairs), BATCH):
        scores += model.score(pairs[start : start + BATCH])
        if not going_on(len(scores)):
            break
    if not scores:
        return None
    done = pairs[: len(scores)]
    prompts = model.count([prompt for prompt, _ in done])
    captions = model.count([caption for _, caption in done])
    # As CaptionModel.score has it: the end is a token, and what finds no room is not judged.
    tokens = [min(c + 1, ROOM - min(p, ROOM // 2)) for p, c in zip(prompts, captions, strict=True)]
    return Perplexity(
        model=name,
        value=round(perplexity(scores, tokens), 3),
        captions=len(done),
        tokens=sum(tokens),
        scores=tuple(scores),
    )
