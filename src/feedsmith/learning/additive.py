"""The model: what each property of a post adds to its engagement, the others held equal.

    log engagement = average of its basis + trend + month + kind + theme + ... + noise

A Bayesian additive mixed model. Each dimension's effects are drawn towards nothing by as much as the
posts themselves say that dimension matters (partial pooling: Gelman and Hill, Data Analysis Using
Regression and Multilevel Models, 2007; half-t priors on the spreads: Gelman, Prior distributions for
variance parameters, Bayesian Analysis 2006, in the conjugate form of Huang and Wand, Bayesian
Analysis 2013). Noise is Student's t with 4 degrees, since a post that goes round the world must not
decide alone (Lange, Little and Taylor, JASA 1989). Drawn by Gibbs sampling: every step is a closed
form. Knows numbers and names; nothing of posts beyond a table's rows.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from feedsmith.learning.factors import Row

Floats = NDArray[np.float64]

NU = 4.0
"""Degrees of freedom of the noise."""
SPREAD, SPREAD_NU = 0.25, 4.0
"""Scale and degrees of the half-t prior on a dimension's spread: a third more or less is usual."""
LOOSE = 3.0
"""Standard deviation of the prior on averages and trend: nothing is drawn towards anything."""
BURN = 100
"""Draws thrown away before the first one that counts."""


@dataclass(frozen=True)
class Design:
    """What the posts were, as numbers."""

    matrix: Floats
    """(posts, columns)."""
    blocks: dict[str, tuple[str, ...]]
    """Dimension -> its levels, one column each, in the order of the columns; "" first: the columns
    that are not pooled."""

    def columns(self, dimension: str) -> slice:
        start = 0
        for name, levels in self.blocks.items():
            if name == dimension:
                return slice(start, start + len(levels))
            start += len(levels)
        raise KeyError(dimension)


@dataclass(frozen=True)
class Fit:
    """Draws from what the posts leave possible."""

    design: Design
    draws: Floats
    """(draws, columns): effects as natural logarithms."""
    spread: dict[str, Floats]
    """Dimension -> (draws,): standard deviation of its effects."""
    noise: Floats
    """(draws,): scale of the noise."""

    def of(self, dimension: str) -> Floats:
        """(draws, levels)."""
        return self.draws[:, self.design.columns(dimension)]


def design(rows: Sequence[Row], dimensions: Sequence[str]) -> Design:
    """The table as a matrix: a column for each basis, the trend over the time (-1..1), then those of
    `dimensions` and of the month. A dimension of which all posts say the same has no columns."""
    bases = sorted({row.basis for row in rows})
    times = np.array([row.at.timestamp() for row in rows])
    span = float(np.ptp(times)) or 1.0
    trend = 2 * (times - times.min()) / span - 1
    parts = [np.array([[float(row.basis == b) for b in bases] for row in rows]), trend[:, None]]
    blocks: dict[str, tuple[str, ...]] = {"": (*bases, "trend")}
    months = {row.post: (f"{row.at:%Y-%m}",) for row in rows}
    for name in (*dimensions, "month"):
        of = [months[row.post] if name == "month" else row.levels[name] for row in rows]
        levels = sorted({level for said in of for level in said})
        if len(levels) < 2 and name != "hashtag":
            continue
        if levels:
            parts.append(np.array([[float(level in said) for level in levels] for said in of]))
            blocks[name] = tuple(levels)
    return Design(np.hstack(parts), blocks)


def conditional(
    matrix: Floats, values: Floats, weights: Floats, noise: float, prior: Floats
) -> tuple[Floats, Floats]:
    """Mean (columns,) and inverse Cholesky factor (columns, columns) of the effects' normal
    distribution given everything else: precision X'WX / noise^2 + diag(prior)."""
    scaled = matrix * (weights / noise**2)[:, None]
    precision = scaled.T @ matrix
    precision[np.diag_indices_from(precision)] += prior
    inverse = np.linalg.inv(np.linalg.cholesky(precision))
    return inverse.T @ (inverse @ (scaled.T @ values)), inverse


def without_nuisance(table: Design, values: Floats) -> Floats:
    """Values (posts,) less what basis, trend and month explain."""
    own = [table.columns(name) for name in ("", "month") if name in table.blocks]
    matrix = np.hstack([table.matrix[:, columns] for columns in own])
    middle = float(np.median(values))
    noise = max(1e-6, float(np.std(values)))
    prior = np.full(matrix.shape[1], SPREAD**-2)
    prior[: len(table.blocks[""])] = LOOSE**-2
    mean, _ = conditional(matrix, values - middle, np.ones(len(values)), noise, prior)
    return values - middle - matrix @ mean


def ridge(table: Design, noise: float) -> tuple[Floats, Floats]:
    """The model with every spread at SPREAD: estimator (columns, posts), which gives the effects of any
    values, and the effects' covariance (columns, columns)."""
    prior = np.full(table.matrix.shape[1], SPREAD**-2)
    prior[table.columns("")] = LOOSE**-2
    _, inverse = conditional(
        table.matrix, np.zeros(len(table.matrix)), np.ones(len(table.matrix)), noise, prior
    )
    covariance = inverse.T @ inverse
    return covariance @ table.matrix.T / noise**2, covariance


def fit(
    table: Design,
    values: Floats,
    *,
    weights: Floats | None = None,
    draws: int = 3000,
    seed: int = 0,
) -> Fit:
    """Draw `draws` times. `weights` (posts,) 0..1: how much of a post's say is left (1 for all of it);
    its likelihood is raised to that power, as discounted Thompson sampling does. The same arguments
    give the same draws."""
    rng = np.random.default_rng([seed, 0xADD])
    x, count = table.matrix, len(values)
    say = np.ones(count) if weights is None else weights
    middle = float(np.median(values))
    y = values - middle
    pooled = [name for name in table.blocks if name]
    at = {name: table.columns(name) for name in table.blocks}
    spread = dict.fromkeys(pooled, SPREAD)
    noise = max(0.1, float(np.std(y)))
    tails = np.ones(count)
    prior = np.full(x.shape[1], LOOSE**-2)
    kept = np.empty((draws, x.shape[1]))
    spreads = {name: np.empty(draws) for name in pooled}
    noises = np.empty(draws)
    for turn in range(-BURN, draws):
        for name in pooled:
            prior[at[name]] = spread[name] ** -2
        mean, inverse = conditional(x, y, say * tails, noise, prior)
        effects = mean + inverse.T @ rng.standard_normal(len(mean))
        for name in pooled:
            u = effects[at[name]]
            # Huang and Wand: a half-t is an inverse gamma whose rate is one, too.
            rate = rng.gamma((SPREAD_NU + 1) / 2) / (SPREAD_NU / spread[name] ** 2 + SPREAD**-2)
            variance = (SPREAD_NU * rate + float(u @ u) / 2) / rng.gamma((SPREAD_NU + len(u)) / 2)
            spread[name] = max(1e-4, float(variance) ** 0.5)
        squares = (y - x @ effects) ** 2
        tails = rng.gamma((NU + say) / 2) / ((NU + say * squares / noise**2) / 2)
        left = float(np.sum(say * tails * squares))
        noise = float(((0.05 + left / 2) / rng.gamma(1 + say.sum() / 2)) ** 0.5)
        if turn >= 0:
            kept[turn] = effects
            noises[turn] = noise
            for name in pooled:
                spreads[name][turn] = spread[name]
    kept[:, : len(table.blocks[""]) - 1] += middle
    return Fit(table, kept, spreads, noises)
