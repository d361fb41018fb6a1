"""Findings: the report on what works, as values.

    mybrand/reports/learn.json    the last one

Knows no numbers but those that it was told: who shows a report needs none of what made it.
"""

from typing import Literal

from feedsmith.post import Value

FILE = "reports/learn.json"
"""In the brand's folder."""
Measure = Literal["engagement", "reach"]
LEVEL_MIN = 5
"""Posts of one kind, theme ... under which it is "too few posts to say"."""
COVER = 0.95
"""Probability that an interval holds."""
METHOD = (
    "A Bayesian additive mixed model of the logarithm, with partial pooling in each dimension and Student-t noise "
    "(Gelman and Hill 2007; Gelman 2006; Huang and Wand 2013), drawn by Gibbs sampling; trend and month are taken out."
)


class Level(Value):
    """One kind, theme, layout ..., and what its posts did."""

    name: str
    posts: int
    effect: float
    """Against the brand's average, everything else held equal: 0.2 is a fifth more."""
    low: float
    high: float
    """Ends of the interval, COVER wide."""
    few: bool = False
    """True under LEVEL_MIN posts: its figures say hardly more than the others' do."""
    verdict: str = ""
    """"best" or "worst" of all, "above" or "below" average; "" where it may well be chance."""


class Dimension(Value):
    """One of factors.DIMENSIONS."""

    name: str
    title: str
    levels: tuple[Level, ...]
    """The best first; those of too few posts last."""
    said: str
    """The finding in one sentence."""


class Works(Value):
    """The report."""

    brand: str
    measure: Measure
    posts: int
    """Counted."""
    left_out: dict[str, int]
    """Why -> posts that are not counted."""
    first: str = ""
    last: str = ""
    """Days of the oldest and the newest counted post, YYYY-MM-DD."""
    typical: float | None = None
    """What is measured, for a typical post; None where posts are on several bases."""
    basis: str = ""
    """What was counted, e.g. "likes + comments for each reached"."""
    dimensions: tuple[Dimension, ...] = ()
    tied: tuple[str, ...] = ()
    """What goes together so often that the posts can hardly tell which of the two it is."""
    notes: tuple[str, ...] = ()
    rule: str = ""
    """When something is called best."""
    method: str = METHOD


def ranged(level: Level) -> str:
    """ "+5% to +66%"."""
    return f"{signed(level.low)} to {signed(level.high)}"


def signed(effect: float) -> str:
    """ "+5%", "-12%", "0%"."""
    return f"{effect:+.0%}" if abs(effect) >= 0.005 else "0%"
