"""What works: the report on a brand's own posts, with how sure it is of each figure.

Each figure is an effect with everything else held equal (additive), against the brand's average, with
an interval. Best or worst is only said where the posts, shuffled, hardly ever show so much (verdicts).
"""

import math
from collections import Counter
from collections.abc import Sequence
from itertools import combinations

import numpy as np

from feedsmith.brand import Home
from feedsmith.files import write_text
from feedsmith.learning.additive import (
    Design,
    Fit,
    Floats,
    design,
    fit,
    ridge,
    without_nuisance,
)
from feedsmith.learning.factors import (
    AGE,
    DIMENSIONS,
    PARTS,
    REACH_MIN,
    STORY_AGE,
    WEEKDAYS,
    Row,
    Table,
    tabulate,
)
from feedsmith.learning.findings import (
    COVER,
    FILE,
    LEVEL_MIN,
    Dimension,
    Level,
    Measure,
    Works,
    ranged,
)
from feedsmith.outcomes import NAME, Outcome, read

POSTS_MIN = 12
"""Posts under which nothing is said at all."""
FALSE = 0.05
"""Share of reports, at most, that name a best or a worst where there is none."""
FAULTS_SHOWN = 5
DRAWS, DRAWS_LEAST = 3000, 500
WORK = 2e10
"""Multiplications in all draws from which fewer are drawn: 2,000 posts take seconds, not a minute."""
SHUFFLES = 999
CLIP = 2.5
"""Robust standard deviations to which a post's distance from the average is cut before it is compared
with shuffled ones: one post that went round the world makes no kind the best."""
TIED, USUAL = 0.8, 0.5
"""Share of one thing's posts that are of another, and of all posts at most, to be told as tied."""
TIED_MOST = 5

RULE = (
    f"Something is said only where it stands out further than anything in the whole report does when the posts are "
    f"shuffled {SHUFFLES} times (max-T, Westfall and Young 1993): of {round(1 / FALSE)} brands for which nothing "
    f"matters, {round(1 / FALSE) - 1} are told nothing. Under {LEVEL_MIN} posts of one sort nothing is said of it."
)


def report(home: Home, measure: Measure = "engagement") -> Works:
    """Study what became of a brand's posts, and keep the report in its folder (findings.FILE). Raises
    FeedsmithError where the insights cannot be read, or the report not be written."""
    found = read(home.root)
    told = study(found.outcomes, home.load().name, measure)
    faults = [f"{NAME}, {fault}; it is left out." for fault in found.faults]
    if len(faults) > FAULTS_SHOWN:
        faults = [
            *faults[:FAULTS_SHOWN],
            f"{len(faults) - FAULTS_SHOWN} more lines of {NAME} are left out.",
        ]
    told = told.model_copy(update={"notes": (*told.notes, *faults)})
    write_text(home.root / FILE, told.model_dump_json(indent=2) + "\n")
    return told


def study(
    outcomes: Sequence[Outcome],
    brand: str = "",
    measure: Measure = "engagement",
    *,
    draws: int = DRAWS,
) -> Works:
    """Study outcomes. The same outcomes give the same report."""
    table = tabulate(outcomes, measure)
    rows = table.rows
    notes = list(_left_out(table))
    told = Works(
        brand=brand, measure=measure, posts=len(rows), left_out=table.left_out, notes=tuple(notes)
    )
    if len(rows) < POSTS_MIN:
        few = f"{len(rows)} posts with figures are too few to say anything: {POSTS_MIN} are needed."
        return told.model_copy(update={"notes": (few, *notes)})
    bases = Counter(row.basis for row in rows)
    stories = sum(row.basis.startswith("story") for row in rows)
    if stories:
        notes.append(
            f"{stories} stories are compared among themselves: Instagram counts them otherwise, and "
            f"they are measured at {STORY_AGE:g} hours."
        )
    if len(bases) - bool(stories) > 1:
        notes.append(
            "Not all posts were counted in the same way (some lack saves, shares or reach); each is "
            "compared with those that were."
        )
    made = design(rows, tuple(DIMENSIONS))
    values = np.array([row.value for row in rows])
    able = int(WORK / (len(rows) * made.matrix.shape[1] ** 2))
    found = fit(made, values, draws=min(draws, max(DRAWS_LEAST, able)))
    named = verdicts(made, values, rows)
    dimensions = tuple(
        _dimension(name, found, rows, table.forms, named)
        for name in DIMENSIONS
        if name in made.blocks
    )
    same = [DIMENSIONS[name].lower() for name in DIMENSIONS if name not in made.blocks]
    if same:
        notes.append(f"All counted posts are alike, or say nothing, in: {', '.join(same)}.")
    main = bases.most_common(1)[0][0]
    middle = math.exp(float(np.median([row.value for row in rows if row.basis == main])))
    return told.model_copy(
        update={
            "first": f"{rows[0].at:%Y-%m-%d}",
            "last": f"{rows[-1].at:%Y-%m-%d}",
            "typical": round(middle, 5) if len(bases) - bool(stories) == 1 else None,
            "basis": main,
            "dimensions": dimensions,
            "tied": _tied(rows, table.forms),
            "notes": tuple(notes),
            "rule": RULE,
        }
    )


def _left_out(table: Table) -> list[str]:
    said = {
        "no reading yet": "nothing was counted of them yet",
        "too young": f"they are younger than {AGE:g} hours; all are compared at that age",
        "reached too few": f"they reached fewer than {REACH_MIN} accounts",
        "nothing to compare": "likes, comments, saves, shares or reach are missing",
    }
    return [
        f"{many} post{'s are' if many != 1 else ' is'} not counted: {said[why]}."
        for why, many in sorted(table.left_out.items())
    ]


def _posts(name: str, rows: Sequence[Row]) -> Counter[str]:
    return Counter(level for row in rows for level in row.levels[name])


def _dimension(
    name: str,
    found: Fit,
    rows: Sequence[Row],
    forms: dict[str, str],
    named: dict[tuple[str, str], str],
) -> Dimension:
    levels, many = found.design.blocks[name], _posts(name, rows)
    effects = found.draws @ contrasts(name, found.design, rows).T
    tail = (1 - COVER) / 2
    low, middle, high = np.exp(np.quantile(effects, [tail, 0.5, 1 - tail], axis=0)) - 1
    said = [
        Level(
            name=forms.get(level, level) if name == "theme" else level,
            posts=many[level],
            effect=round(float(middle[i]), 4),
            low=round(float(low[i]), 4),
            high=round(float(high[i]), 4),
            few=many[level] < LEVEL_MIN,
            verdict=named.get((name, level), ""),
        )
        for i, level in enumerate(levels)
    ]
    said.sort(key=lambda level: (level.few, -level.effect, level.name))
    return Dimension(name=name, title=DIMENSIONS[name], levels=tuple(said), said=_said(name, said))


def contrasts(name: str, made: Design, rows: Sequence[Row]) -> Floats:
    """What people mean by a dimension's effects, as (levels, columns) over the model's.

    A kind comes with its layouts: its effect has their average in it, and a layout stands against the
    other layouts of its kind. Hashtags stand against posts without them, the rest against the average.
    """
    levels, here = made.blocks[name], made.columns(name)
    means = np.zeros((len(levels), made.matrix.shape[1]))
    means[:, here] = np.eye(len(levels))
    if name == "hashtag":
        return means
    if name in ("kind", "template") and "template" in made.blocks:
        layouts, there = made.blocks["template"], made.columns("template")
        for kind in {row.levels["kind"] for row in rows}:
            own = [row for row in rows if row.levels["kind"] == kind]
            many = Counter(level for row in own for level in row.levels["template"])
            shares = np.array([many[layout] for layout in layouts], float)
            if name == "kind" and kind and kind[0] in levels:
                means[levels.index(kind[0]), there] += shares / len(own)
            elif name == "template" and many:
                means[shares > 0, there] -= shares / shares.sum()
        if name == "template":
            return means
    many = _posts(name, rows)
    shares = np.array([many[level] for level in levels], float)
    against: Floats = means - (shares / shares.sum()) @ means
    return against


def verdicts(
    made: Design, values: Floats, rows: Sequence[Row], *, shuffles: int = SHUFFLES, seed: int = 0
) -> dict[tuple[str, str], str]:
    """(Dimension, level) -> "best", "worst", "above" or "below", where that cannot well be chance.

    "above": so many standard errors above the average (a hashtag: above posts without it); "best": above
    the nearest of the others. The posts' values are shuffled `shuffles` times, what basis, trend and
    month explain taken out; a level is named where it stands out further than anything in the whole
    report does in all but FALSE / 2 of the shuffles, one half for each of the two questions. So one
    report in 1 / FALSE names anything for a brand for which nothing matters, however much it asks
    (max-T: Westfall and Young, Resampling-Based Multiple Testing, 1993).
    """
    rng = np.random.default_rng([seed, 0x7E57])
    left = without_nuisance(made, values)
    middle = float(np.median(left))
    scale = 1.4826 * float(np.median(np.abs(left - middle))) or float(np.std(left)) or 1.0
    left = np.clip(left - middle, -CLIP * scale, CLIP * scale)
    bases = np.unique([row.basis for row in rows], return_inverse=True)[1]
    shuffled = np.empty((len(left), shuffles + 1))
    shuffled[:, 0] = left
    for turn in range(1, shuffles + 1):
        for basis in range(bases.max() + 1):  # stories are counted otherwise: among themselves
            own = np.flatnonzero(bases == basis)
            shuffled[own, turn] = left[rng.permutation(own)]
    estimator, covariance = ridge(made, scale)
    nearest, average = np.zeros(shuffles + 1), np.zeros(shuffles + 1)
    gaps: dict[tuple[str, str], tuple[float, float, float]] = {}
    for name in DIMENSIONS:
        if name not in made.blocks:
            continue
        levels = made.blocks[name]
        what = contrasts(name, made, rows)
        effects, spread = what @ (estimator @ shuffled), what @ covariance @ what.T
        for group in _rivals(name, levels, _posts(name, rows), rows):
            for i in group:
                others = [j for j in group if j != i]
                alone = effects[i] / spread[i, i] ** 0.5
                average = np.maximum(average, np.abs(alone))
                above = below = np.zeros(shuffles + 1)
                if others:
                    error = (spread[i, i] + np.diag(spread)[others] - 2 * spread[i, others]) ** 0.5
                    gap = (effects[i] - effects[others]) / error[:, None]
                    above, below = gap.min(axis=0), -gap.max(axis=0)
                    nearest = np.maximum(nearest, np.maximum(above, below))
                gaps[name, levels[i]] = (float(alone[0]), float(above[0]), float(below[0]))
    # The values as they are count among the shuffles, which makes the share exact.
    bars = [float(np.quantile(x, 1 - FALSE / 2, method="higher")) for x in (average, nearest)]
    found: dict[tuple[str, str], str] = {}
    for key, (far, over, under) in gaps.items():
        if max(over, under) > bars[1]:
            found[key] = "best" if over > under else "worst"
        elif abs(far) > bars[0]:
            found[key] = "above" if far > 0 else "below"
    return found


def _rivals(
    name: str, levels: Sequence[str], many: Counter[str], rows: Sequence[Row]
) -> list[list[int]]:
    """Levels with enough posts, in groups of those that are compared with one another."""
    able = [i for i, level in enumerate(levels) if many[level] >= LEVEL_MIN]
    if name == "hashtag":  # each against posts without it
        return [[i] for i in able]
    if name != "template":
        return [able] if len(able) > 1 else []
    kind = {layout: row.levels["kind"] for row in rows for layout in row.levels["template"]}
    groups: dict[tuple[str, ...], list[int]] = {}
    for i in able:
        groups.setdefault(kind[levels[i]], []).append(i)
    return [group for group in groups.values() if len(group) > 1]


def _said(name: str, levels: Sequence[Level]) -> str:
    sure = [level for level in levels if not level.few]
    if len(sure) < (1 if name == "hashtag" else 2):
        return f"Too few posts to say: {LEVEL_MIN} of each are needed."
    than = "posts without it" if name == "hashtag" else "average"
    of_all = {"best": ", better than all others", "worst": ", worse than all others"}
    parts = [
        f"{level.name}: {abs(level.effect):.0%} {'above' if level.effect >= 0 else 'below'} {than} "
        f"({ranged(level)}){of_all.get(level.verdict, '')}"
        for level in sure
        if level.verdict
    ]
    if parts:
        return f"{'; '.join(parts)}."
    return "No difference that could not be chance."


def _tied(rows: Sequence[Row], forms: dict[str, str]) -> tuple[str, ...]:
    """What nearly always comes together, and so can hardly be told apart, in sentences."""
    found: list[tuple[float, str]] = []
    # A layout belongs to its kind by its nature, and each day has its own hour for many.
    names = [name for name in DIMENSIONS if name not in ("template", "hashtag")]
    kinds = [{**row.levels, "kind": row.levels["kind"] or ("story",)} for row in rows]
    for one, two in (pair for a, b in combinations(names, 2) for pair in ((a, b), (b, a))):
        of = Counter(level for levels in kinds for level in levels[one])
        others = Counter(level for levels in kinds for level in levels[two])
        both = Counter((a, b) for levels in kinds for a in levels[one] for b in levels[two])
        for (a, b), many in both.items():
            share, usual = many / of[a], others[b] / len(rows)
            if of[a] >= LEVEL_MIN and share >= TIED and usual <= USUAL:
                found.append(
                    (share - usual, _tie(one, forms.get(a, a), two, forms.get(b, b), many, of[a]))
                )
    found.sort(key=lambda pair: (-pair[0], pair[1]))
    return tuple(words for _, words in found[:TIED_MOST])


_OF = {
    "kind": "posts of the kind “{}”", "theme": "posts about “{}”", "part": "posts in the {}",
    "weekday": "posts on {}s", "length": "captions of {}",
}  # fmt: skip
_IS = {
    "kind": "are of the kind “{}”", "theme": "are about “{}”", "part": "go out in the {}",
    "weekday": "go out on {}s", "length": "have captions of {}",
}  # fmt: skip


def _tie(one: str, a: str, two: str, b: str, many: int, of: int) -> str:
    return (
        f"{many} of {of} {_spoken(_OF, one, a)} {_spoken(_IS, two, b)}: which of the two it is that "
        "works, or does not, these posts can hardly tell."
    )


def _spoken(words: dict[str, str], dimension: str, level: str) -> str:
    if dimension == "part" and level in ("night", "midday"):
        return words[dimension].replace("in the", "at").format(level)
    return words[dimension].format(
        level
        if dimension != "length"
        else f"{level} characters".replace("characters characters", "characters")
    )


ORDER = {name: i for i, name in enumerate([*(part for part, _, _ in PARTS), *WEEKDAYS])}
"""Times in the order of the clock, for those who would rather read them so."""
