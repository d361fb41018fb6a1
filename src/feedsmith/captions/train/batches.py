"""Captions as batches of tokens: like lengths together, packed where padding would be wasted.

Tokens a second on one core, SmolLM2 with an adapter, 8 captions a step: 155 in random order, 240
packed into full rows (attention then needs a mask), 285 with like lengths side by side (padding on
the right needs none: no caption looks ahead). So lengths are sorted first, and only a batch that is still more
than PADDING empty is packed. Knows rows and their prompts; knows no model.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from feedsmith.captions.prompt import example
from feedsmith.captions.train.corpus import Row

PADDING = 0.15
"""Share of a batch's area; from here on the mask of a packed batch costs less than the padding."""

Encode = Callable[[str], list[int]]


class Encoded(NamedTuple):
    """Token ids of one example."""

    prompt: list[int]
    target: list[int]

    @property
    def size(self) -> int:
        return len(self.prompt) + len(self.target)


class Spot(NamedTuple):
    """Where in the stream of batches a training is."""

    epoch: int
    place: int


def encoded(row: Row, encode: Encode, most: int, rng: np.random.Generator | None = None) -> Encoded:
    """Tokens of one caption; a caption that does not fit in `most` tokens is cut, without its end."""
    prompt, target = example(row.model_dump(), rng)
    before = encode(prompt)[: most // 2]
    return Encoded(before, encode(target)[: most - len(before)])


def epoch(
    rows: Sequence[Row],
    encode: Encode,
    row_tokens: int,
    batch_tokens: int,
    rng: np.random.Generator,
) -> list[list[Encoded]]:
    """All rows once, in batches of about `batch_tokens`, in random order."""
    made = [encoded(rows[i], encode, row_tokens, rng) for i in rng.permutation(len(rows))]
    made.sort(key=lambda e: e.size)
    groups: list[list[Encoded]] = [[]]
    held = 0
    for one in made:
        if groups[-1] and held + one.size > batch_tokens:
            groups.append([])
            held = 0
        groups[-1].append(one)
        held += one.size
    return [groups[i] for i in rng.permutation(len(groups))]


def stream(
    rows: Sequence[Row],
    extra: Sequence[Row],
    mix: float,
    encode: Encode,
    row_tokens: int,
    batch_tokens: int,
    seed: int,
    spot: Spot,
) -> Iterator[tuple[Spot, list[Encoded]]]:
    """Batches without end from `spot` on, each with the spot that follows it.

    Every epoch takes all `rows` and, for each of them, `mix` of `extra`. It draws from `seed` and
    its own number alone, so that a training that was stopped sees what it would have seen.
    """
    at, place = spot
    while True:
        rng = np.random.default_rng([seed, at])
        count = min(len(extra), round(mix * len(rows)))
        others = [extra[i] for i in rng.choice(len(extra), count, replace=False)] if count else []
        groups = epoch([*rows, *others], encode, row_tokens, batch_tokens, rng)
        for i in range(place, len(groups)):
            last = i + 1 == len(groups)
            yield Spot(at + 1, 0) if last else Spot(at, i + 1), groups[i]
        at, place = at + 1, 0


class Tensors(NamedTuple):
    """One batch, as the model takes it."""

    ids: Any
    """(rows, width) token ids, int64."""
    ask: Any
    """(rows, width) bool: true where the next token is one of a caption."""
    positions: Any
    """(rows, width) of each token in its own text; None where each row is one text."""
    mask: Any
    """(rows, 1, width, width) bool: who may look at whom; None where causal is enough."""


def tensors(batch: Sequence[Encoded], torch: Any, device: str = "cpu") -> Tensors:
    """A batch side by side or, where too much of that would be padding, packed."""
    width = max(one.size for one in batch)
    if 1 - sum(one.size for one in batch) / (width * len(batch)) <= PADDING:
        bins = [[one] for one in batch]
    else:
        bins = _packed(batch, max(width, 256))
        width = max(sum(one.size for one in row) for row in bins)
    ids = np.zeros((len(bins), width), np.int64)
    ask = np.zeros((len(bins), width), np.bool_)
    text = np.full((len(bins), width), -1)
    positions = np.zeros((len(bins), width), np.int64)
    for i, row in enumerate(bins):
        at = 0
        for number, one in enumerate(row):
            end = at + one.size
            ids[i, at:end] = one.prompt + one.target
            ask[i, at + len(one.prompt) - 1 : end - 1] = True
            text[i, at:end] = number
            positions[i, at:end] = np.arange(one.size)
            at = end

    def give(values: Any) -> Any:
        return torch.from_numpy(values).to(device)

    if all(len(row) == 1 for row in bins):
        return Tensors(give(ids), give(ask), None, None)
    mask = (text[:, :, None] == text[:, None, :]) & np.tri(width, dtype=np.bool_)
    return Tensors(give(ids), give(ask), give(positions), give(mask[:, None]))


def _packed(batch: Sequence[Encoded], width: int) -> list[list[Encoded]]:
    """Rows of at most `width` tokens, by the first that has room, the longest first."""
    bins: list[list[Encoded]] = []
    for one in sorted(batch, key=lambda e: e.size, reverse=True):
        for row in bins:
            if sum(other.size for other in row) + one.size <= width:
                row.append(one)
                break
        else:
            bins.append([one])
    return bins
