"""Findings: the report on what works, as values.

    mybrand/reports/learn.json    the last one

Knows no numbers but those that it was told: who shows a report needs none of what made it.
"""

import math
from typing import Literal

from feedsmith.post import Value

FILE = "reports/learn.json"
"""In the brand's folder."""
Measure = Literal["engagement", "reach"]
LEVEL_MIN = 5
"""Posts of one kind, theme ... under which it is "too few posts to say"."""
SPAN = math.log(3)
"""Logarithm at which the scale of a plot ends: three times as much, or a third."""
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


def lead(told: Works) -> str:
    """What stands out, in a sentence or two."""
    if not told.dimensions:
        return "Too little is known yet to say anything. The figures come with insights of published posts."
    said = []
    for words, verdicts in (("Better", ("best", "above")), ("Worse", ("worst", "below"))):
        names = [
            f"{level.name} ({d.title.lower()})"
            for d in told.dimensions
            for level in d.levels
            if level.verdict in verdicts
        ]
        said += [f"{words} than chance explains: {', '.join(names)}."] * bool(names)
    if said:
        return f"{' '.join(said)} Everything else may be chance."
    return "Nothing yet that could not be chance. That is a finding, too: so far, no kind, theme or hour is worth a rule."


def place(effect: float, span: float = SPAN) -> float:
    """Per cent across a plot whose ends are `span` on the logarithm; the middle is the average."""
    return 50 + 50 * max(-1.0, min(1.0, math.log(max(1e-9, 1 + effect)) / span))
