"""A small classifier that tries to tell generated captions from real ones.

Ridge logistic regression over character n-grams, function words and length. What it cannot tell apart
in captions it did not learn from, a reader will hardly; 50 % is a coin, and perfect. The strongest
giveaways are named, so that they can be mended.

Knows texts; knows no model and no brand.
"""

import math
from collections import Counter
from collections.abc import Sequence
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from feedsmith.captions.habits import sentences
from feedsmith.evaluate.copying import tokens
from feedsmith.post import Value

Floats = NDArray[np.float64]

FOLDS = 10
FEWEST = 12
"""Captions of each side below which nothing is told."""
MOST = 400
"""Captions of each side at most: solving grows with the cube, these take some 10 s."""
GRAMS = (2, 3, 4)
"""Characters in an n-gram."""
VOCABULARY = 4000
"""N-grams at most, the commonest; 200 captions of 150 characters have about 3,000 in three or more."""
READ = 600
"""Characters of a caption that are looked at."""
RIDGE = 0.1
"""Weight of the penalty, for rows of unit length."""
GIVEAWAYS = 8

FUNCTION_WORDS = tuple(
    (  # noqa: SIM905  a list of words in quotes cannot be read
        "a about after again all almost already also always am an and another any are as at away back be because been before "
        "being both but by can come could did do does done down each else enough even ever every few first for from get go had "
        "has have he her here him his how i if in into is it its just last less let like little long made make many may me "
        "might more most much must my never new next no nor not nothing now of off often on once one only or other our out over "
        "own perhaps quite rather really same see she should since so some something still such than that the their them then "
        "there these they this those though three through till to today too two under until up upon us very was we well were "
        "what when where which while who whose why will with without would yes yet you your "
        "it's don't that's we're you're i'm we've isn't doesn't can't didn't there's "
        "aber als am auch auf aus bei bis das dass dem den der des die doch ein eine einem einen einer er es für hat ihr im ist "
        "ja man mit nach nicht noch nur ob oder ohne schon sein sich sie sind und uns unser unsere vom von vor war was wenn wer "
        "wie wir wird zu zum zur "
        "au aux avec ce ces cette dans de des du elle en est et il ils je la le les leur mais ne nos notre nous on ou par pas "
        "plus pour que qui sa sans se ses son sur un une vos votre vous "
        "al como con del el ella en entre es esta este hay lo los las más mi muy no nuestra nuestro o para pero por que se sin "
        "sobre su sus te tu un una y ya "
        "ao aos as até com da das do dos é em essa esse esta este eu foi isso já mais mas na nas nem no nos nossa nosso não o os "
        "ou pela pelo quando são seu sua só também tem uma você"
    ).split()
)
"""Words that say little of what a caption is about; English, German, French, Spanish, Portuguese."""


class Giveaway(Value):
    """One sign by which generated captions are known."""

    sign: str
    """A word, a run of characters (blanks as they are), or "length"."""
    kind: Literal["word", "characters", "length"]
    side: Literal["generated", "real"]
    """Whose it is."""
    generated: float
    """Share of the generated captions that have it, 0..1; for length the median number of words."""
    real: float
    """The same of the real ones."""
    example: str = ""
    """For characters: a word they stand in."""

    def in_words(self) -> str:
        if self.kind == "length":
            longer = "longer" if self.generated > self.real else "shorter"
            return f"written ones are {longer}: {self.generated:g} words against {self.real:g}"
        what = f"“{self.sign}”"
        if self.example:
            what += f" (as in “{self.example}”)"
        return f"{what} is in {self.generated:.0%} of the written ones, in {self.real:.0%} of yours"


class Verdict(Value):
    """How well the classifier did on captions it had not learned from."""

    accuracy: float
    """Share it placed rightly, 0..1; .5 is a coin."""
    low: float
    high: float
    """Wilson's 95 % interval of `accuracy`."""
    captions: int
    """Of each side."""
    folds: int
    giveaways: tuple[Giveaway, ...]
    """The strongest first."""


def wilson(right: int, of: int) -> tuple[float, float]:
    """Wilson's 95 % interval of a share, 0..1; (0, 1) for none of none."""
    if not of:
        return 0.0, 1.0
    z = 1.959964
    middle = (right + z * z / 2) / (of + z * z)
    half = z / (of + z * z) * math.sqrt(right * (of - right) / of + z * z / 4)
    return max(0.0, middle - half), min(1.0, middle + half)


def tell_apart(
    generated: Sequence[str],
    real: Sequence[str],
    seed: int = 0,
    about: tuple[Sequence[int], Sequence[int]] | None = None,
) -> Verdict | None:
    """Cross-validated accuracy on as many captions of each side; None where there are too few.

    `about` numbers what each caption is about, for both sides: captions about the same picture never
    stand on both sides of a fold, or the classifier would learn the picture. The first captions of
    the longer side are taken, MOST at most. The same `seed` gives the same result.
    """
    size = min(len(generated), len(real), MOST)
    if size < FEWEST:
        return None
    texts = [*generated[:size], *real[:size]]
    truth = np.repeat([1.0, 0.0], size)
    groups = [*about[0][:size], *about[1][:size]] if about else list(range(2 * size))
    table = _table(texts)
    kernel = table.rows @ table.rows.T + 1.0
    folds = _folds(groups, truth, seed)
    right = 0
    for fold in range(int(folds.max()) + 1):
        out, kept = folds == fold, folds != fold
        weights = logistic(kernel[np.ix_(kept, kept)], truth[kept])
        guess = kernel[np.ix_(out, kept)] @ weights > 0
        right += int((guess == (truth[out] > 0.5)).sum())
    low, high = wilson(right, 2 * size)
    return Verdict(
        accuracy=right / (2 * size),
        low=low,
        high=high,
        captions=size,
        folds=int(folds.max()) + 1,
        giveaways=_giveaways(table, logistic(kernel, truth), truth, texts),
    )


def logistic(kernel: Floats, truth: Floats, ridge: float = RIDGE, steps: int = 60) -> Floats:
    """Ridge logistic regression by Newton's method, in the space of the examples.

    `kernel` is (n, n), inner products of the rows; `truth` (n,) is 0 or 1, and both sides weigh the
    same however many they are. Returns (n,) weights of the examples; `kernel_new @ weights` is the
    log-odds of 1. Minimises sum of losses + ridge / 2 * |w|^2.
    """
    ones = truth > 0.5
    share = np.where(ones, 0.5 / max(1, ones.sum()), 0.5 / max(1, (~ones).sum())) * len(truth)
    weights = np.zeros(len(truth))
    odds = np.zeros(len(truth))
    for _ in range(steps):
        likely = 1 / (1 + np.exp(-np.clip(odds, -30, 30)))
        curve = share * np.maximum(likely * (1 - likely), 1e-6)
        target = odds + share * (truth - likely) / curve
        new = np.linalg.solve(kernel + np.diag(ridge / curve), target)
        moved = float(np.abs(new - weights).max())
        weights, odds = new, kernel @ new
        if moved < 1e-9 * max(1.0, float(np.abs(new).max())):
            break
    return weights


# ---- features --------------------------------------------------------------------------------


class _Table(NamedTuple):
    """Captions as rows: three blocks, each of unit length at most."""

    rows: Floats
    signs: list[tuple[str, str]]
    """(kind, sign) of each column."""
    has: NDArray[np.bool_]
    """Whether a caption has a sign at all."""


def _table(texts: Sequence[str]) -> _Table:
    plain = [f" {' '.join(text[:READ].split())} " for text in texts]
    grams = [Counter(_grams(text)) for text in plain]
    spread = Counter(gram for found in grams for gram in found)
    least, most = 3, 0.95 * len(texts)
    usual = [gram for gram in spread if least <= spread[gram] <= most]
    usual.sort(key=lambda gram: (-spread[gram], gram))
    usual = usual[:VOCABULARY]
    said = [Counter(tokens(text)) for text in plain]
    little = [word for word in dict.fromkeys(FUNCTION_WORDS) if any(word in s for s in said)]
    rare = [math.log(len(texts) / spread[gram]) for gram in usual]
    characters = _block(grams, usual, rare)
    function = _block(said, little, [1.0] * len(little))
    sizes = np.array([[math.log(1 + sum(s.values())), len(sentences(t))] for s, t in zip(said, texts, strict=True)])  # fmt: skip
    sizes = (sizes - sizes.mean(axis=0)) / np.maximum(sizes.std(axis=0), 1e-9)
    length = sizes / (2 * math.sqrt(sizes.shape[1]))
    rows = np.hstack([characters, function, length])
    signs = [("characters", gram) for gram in usual] + [("word", word) for word in little]
    signs += [("length", "words"), ("length", "sentences")]
    return _Table(rows, signs, rows != 0)


def _grams(text: str) -> list[str]:
    return [text[i : i + n] for n in GRAMS for i in range(len(text) - n + 1)]


def _block(
    counts: Sequence[Counter[str]], columns: Sequence[str], weight: Sequence[float]
) -> Floats:
    """(captions, columns), each row of unit length; log counts times the column's weight."""
    rows = np.zeros((len(counts), len(columns)))
    place = {column: i for i, column in enumerate(columns)}
    for row, found in zip(rows, counts, strict=True):
        for key, count in found.items():
            if (at := place.get(key)) is not None:
                row[at] = weight[at] * (1 + math.log(count))
    return np.asarray(rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-9))


def _folds(groups: Sequence[int], truth: Floats, seed: int) -> NDArray[np.int64]:
    """A fold for each caption, groups together, both sides spread as evenly as can be."""
    members: dict[int, list[int]] = {}
    for at, group in enumerate(groups):
        members.setdefault(group, []).append(at)
    order = sorted(members)
    order = [order[i] for i in np.random.default_rng([seed, len(groups)]).permutation(len(order))]
    order.sort(key=lambda group: -len(members[group]))  # the large ones while all folds have room
    count = min(FOLDS, len(order))
    load = np.zeros((count, 2))
    folds = np.zeros(len(groups), np.int64)
    for group in order:
        own = truth[members[group]] > 0.5
        size = np.array([(~own).sum(), own.sum()])
        fold = int(np.argmin((load + size).max(axis=1) + 0.01 * load.sum(axis=1)))
        load[fold] += size
        folds[members[group]] = fold
    return folds


def _giveaways(
    table: _Table, weights: Floats, truth: Floats, texts: Sequence[str]
) -> tuple[Giveaway, ...]:
    """The signs that set the two sides apart most: weight times the difference of the means."""
    ones = truth > 0.5
    pull = table.rows.T @ weights
    apart = table.rows[ones].mean(axis=0) - table.rows[~ones].mean(axis=0)
    found: list[Giveaway] = []
    for at in np.argsort(-pull * apart, kind="stable"):
        kind, sign = table.signs[at]
        if len(found) == GIVEAWAYS or pull[at] * apart[at] <= 0:
            break
        if kind == "length":
            if sign == "words":
                one, other = (
                    float(
                        np.median(
                            [
                                len(tokens(text))
                                for text, mine in zip(texts, side, strict=True)
                                if mine
                            ]
                        )
                    )
                    for side in (ones, ~ones)
                )
                if one != other:
                    found.append(
                        Giveaway(
                            sign="length", kind="length", generated=one, real=other,
                            side="generated" if one > other else "real",
                        )
                    )  # fmt: skip
            continue
        one, other = (float(table.has[side, at].mean()) for side in (ones, ~ones))
        bare = sign.strip()
        known = {g.sign.strip() for g in found}
        if abs(one - other) < 0.05 or any(bare in k or k in bare for k in known):
            continue
        ours = one > other
        found.append(
            Giveaway(
                sign=sign,
                kind="word" if kind == "word" else "characters",
                side="generated" if ours else "real",
                generated=one,
                real=other,
                example=_example(
                    sign, [text for text, mine in zip(texts, ones == ours, strict=True) if mine]
                )
                if kind == "characters"
                else "",
            )
        )
    return tuple(found)


def _example(sign: str, texts: Sequence[str]) -> str:
    """The words that the characters most often stand in, where they are part of some."""
    seen: Counter[str] = Counter()
    for text in texts:
        plain = f" {' '.join(text[:READ].split())} "
        at = plain.find(sign)
        while at >= 0:
            start = plain.rfind(" ", 0, at + 1)
            end = plain.find(" ", at + len(sign) - 1)
            seen[plain[start:end].strip()] += 1
            at = plain.find(sign, at + 1)
    word = min(seen, key=lambda word: (-seen[word], word), default="")
    return word if word.strip() != sign.strip() else ""
