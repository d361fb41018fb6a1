"""The bandit: what the next posts lean towards, by what became of earlier ones.

An upper confidence bound over the additive model (Kaufmann, Cappe and Garivier, On Bayesian upper confidence
bounds for bandit problems, 2012): of kinds, themes and times that is taken whose mean plus HOPE standard
deviations is highest, so that what is little known gets its chance, and not for long. Days of the week, in a
plan, and layouts are drawn as often as they may be the best (Thompson, Biometrika 1933), since a week of one day
would be none. Old posts say less: a post's say is halved every `half_life` days (Raj and Kalyani, Taming
non-stationary bandits, 2017), as what people like drifts. A share `explore` of all choices is made as if nothing
had been learned, and keeps the model honest.

Knows settings and outcomes; the seed of who asks decides each draw.
"""

import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
from pydantic import Field

from feedsmith.brand import Home, LearningSettings
from feedsmith.learning.additive import Fit, Floats, design, fit
from feedsmith.learning.factors import DIMENSIONS, PARTS, Row, named, tabulate
from feedsmith.learning.works import contrasts
from feedsmith.outcomes import Outcome, read
from feedsmith.post import Value

POSTS_MIN = 30
"""Posts with figures from which choices may lean on them."""
DRAWS = 300
HALVINGS_MAX = 5.0
"""Half-lives after which a post is no longer listened to: a thirtieth of its say is left."""
LEANT = ("kind", "theme", "template", "part", "weekday")
"""Dimensions that choices lean on; hashtags and lengths follow from picture and voice."""
HOPE = 0.5
"""Standard deviations that are added to a level's mean before levels are compared. With a fifth of the choices
free anyway, draws from the whole of what is possible (Thompson) try too much in the few hundred noisy posts of a
brand: docs/bench.md has the regret of both, of the mean alone and others."""
SURE = 0.1
"""Effects nearer to nothing than this are told as no difference."""
_NOUNS = {
    "kind": ("a {}", "posts of this kind"),
    "theme": ("“{}”", "posts about it"),
    "template": ("the layout {}", "posts with it"),
    "part": ("the {}", "posts at that time"),
    "weekday": ("{}", "posts on that day"),
}


class Belief(Value):
    """What is known of one level: the effect on the logarithm, about normal."""

    mean: float
    sd: float
    posts: int


class Pick(NamedTuple):
    """A choice, and why."""

    level: str
    because: str


class Learned(Value):
    """All that choices lean on. It decides what a run makes, and so is part of its name."""

    posts: int
    """Posts it was learned from."""
    explore: float
    beliefs: dict[str, dict[str, Belief]]
    """Dimension -> level -> what is known of it."""
    spread: dict[str, float]
    """Dimension -> standard deviation of its effects: what may be expected of a level never tried."""
    forms: dict[str, str] = Field(default_factory=dict)
    """Theme as it is counted -> as it is written."""
    hours: dict[str, int] = Field(default_factory=dict)
    """Part of the day -> the hour at which the brand posts most in it."""

    @property
    def digest(self) -> str:
        """16 hex digits over all of it."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()[:16]

    def of(self, dimension: str, level: str) -> Belief:
        """What is known of a level; of one never tried, what may be expected."""
        key = named(level) if dimension == "theme" else level
        known = self.beliefs.get(dimension, {}).get(key)
        return known or Belief(mean=0.0, sd=self.spread.get(dimension, 0.0), posts=0)

    def explores(self, rng: np.random.Generator) -> bool:
        """Whether this choice is made as if nothing had been learned."""
        return bool(rng.random() < self.explore)

    def pick(self, dimension: str, levels: Sequence[str], rng: np.random.Generator) -> Pick | None:
        """The most hopeful level; None where the choice is to be made as without learning: now and
        then, and where nothing is known of this dimension."""
        if self.explores(rng) or dimension not in self.beliefs or not levels:
            return None
        known = {level: self.of(dimension, level) for level in levels}
        level = max(known, key=lambda x: (known[x].mean + HOPE * known[x].sd, x))
        return Pick(level, self.because(dimension, level))

    def drawn(
        self, dimension: str, levels: Iterable[str], rng: np.random.Generator
    ) -> dict[str, float]:
        """Level -> a draw of its effect; {} where nothing is known of the dimension."""
        if dimension not in self.beliefs:
            return {}
        found = {}
        for level in levels:
            belief = self.of(dimension, level)
            found[level] = belief.mean + belief.sd * float(rng.standard_normal())
        return found

    def shares(self, dimension: str, levels: Sequence[str], draws: int = 400) -> list[float]:
        """How often each level has the best draw; [] where nothing is known of the dimension."""
        rng = np.random.default_rng([draws, 0x5A4E])
        rows = [list(self.drawn(dimension, levels, rng).values()) for _ in range(draws)]
        if not rows[0]:
            return []
        won = np.bincount(np.argmax(rows, axis=1), minlength=len(levels))
        return [float(n) / draws for n in won]

    def because(self, dimension: str, level: str) -> str:
        """Why a level was chosen, in one sentence."""
        belief = self.of(dimension, level)
        what, posts = _NOUNS[dimension]
        what = what.format(level)
        if not belief.posts:
            return f"Chosen: {what}, which was not tried yet."
        effect = float(np.exp(belief.mean)) - 1
        low, high = (float(np.exp(belief.mean + k * belief.sd)) - 1 for k in (-1.96, 1.96))
        if abs(belief.mean) < SURE and belief.sd > abs(belief.mean):
            return (
                f"Chosen: {what}; {belief.posts} {posts} did neither better nor worse than most "
                f"({low:+.0%} to {high:+.0%}), and it is tried on."
            )
        return (
            f"Chosen: {what}, because {belief.posts} {posts} got {abs(effect):.0%} "
            f"{'more' if effect >= 0 else 'less'} engagement than most ({low:+.0%} to {high:+.0%})"
            + ("." if effect >= 0 else "; it is tried on, as that is not sure.")
        )

    @property
    def in_words(self) -> str:
        """What a person should know of a run that leans on it."""
        return (
            f"Kinds, themes, layouts and times lean on what became of {self.posts} posts; "
            f"{self.explore:.0%} of the choices are made as before. feedsmith learn says more."
        )


def learn(outcomes: Sequence[Outcome], settings: LearningSettings) -> Learned | None:
    """What to lean on; None for fewer than POSTS_MIN posts with figures. Same arguments, same result:
    a post's age is counted from the newest one, not from today."""
    table = tabulate(outcomes)
    if len(table.rows) < POSTS_MIN:
        return None
    rows, found, effects = weighed(table.rows, settings)
    beliefs: dict[str, dict[str, Belief]] = {}
    for name, drawn in effects.items():
        many = Counter(level for row in rows for level in row.levels[name])
        beliefs[name] = {
            level: Belief(
                mean=round(float(drawn[:, i].mean()), 3),
                sd=round(max(0.001, float(drawn[:, i].std())), 3),
                posts=many[level],
            )
            for i, level in enumerate(found.design.blocks[name])
        }
    hours: dict[str, Counter[int]] = {name: Counter() for name, _, _ in PARTS}
    for row in rows:
        hours[row.levels["part"][0]][row.hour] += 1
    return Learned(
        posts=len(rows),
        explore=settings.explore,
        beliefs=beliefs,
        spread={name: round(float(found.spread[name].mean()), 3) for name in beliefs},
        forms={key: table.forms[key] for key in beliefs.get("theme", ()) if key in table.forms},
        hours={
            part: min(counted, key=lambda h: (-counted[h], h))
            for part, counted in hours.items()
            if counted
        },
    )


def weighed(
    rows: Sequence[Row], settings: LearningSettings
) -> tuple[Sequence[Row], Fit, dict[str, Floats]]:
    """The posts that still have a say, the oldest first; the model of them; and of each dimension in LEANT
    the draws of its effects (draws, levels)."""
    halvings = [(rows[-1].at - row.at).total_seconds() / 86400 / settings.half_life for row in rows]
    heard = [row for row, n in zip(rows, halvings, strict=True) if n <= HALVINGS_MAX]
    rows = heard if len(heard) >= POSTS_MIN else rows[-POSTS_MIN:]
    made = design(rows, tuple(DIMENSIONS))
    values = np.array([row.value for row in rows])
    found = fit(made, values, weights=0.5 ** np.array(halvings[-len(rows) :]), draws=DRAWS)
    names = [name for name in LEANT if name in made.blocks]
    return rows, found, {name: found.draws @ contrasts(name, made, rows).T for name in names}


def ready(home: Home) -> tuple[Learned | None, str]:
    """What the brand's next posts lean on, and what a person should know of it. (None, "") where
    learning is off, which it is by default. Raises FeedsmithError where the insights cannot be read."""
    settings = home.load().learning
    if not settings.on:
        return None, ""
    found = read(home.root)
    learned = learn(found.outcomes, settings)
    if learned is None:
        counted = len(tabulate(found.outcomes).rows)
        return None, (
            f"Learning is on, but {counted} posts with figures are too few: from {POSTS_MIN} on, "
            "choices lean on them. Until then they are made as without it."
        )
    return learned, learned.in_words
