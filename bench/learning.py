"""What learning gives: a simulated brand with known preferences, drift and heavy-tailed engagement.

    python bench/learning.py [--part bandit|report|ab] [--seeds 50] [--policy thompson,ucb,greedy]
                             [--weeks 30] [--drift none|slow|turn] [--every 3] [--jobs 2]

bandit  regret of `generate`'s own choices (generate.lean) and of the hour, against the same brand without
        learning: by default 30 weeks of 7 posts, insights pulled every three weeks, preferences that drift and
        turn once
report  share of reports that name anything where nothing matters, and how often a real favourite is found
ab      how often a trial of two equals names a winner when looked at after every pair, beside a t-test

Nothing here is a brand's real figure: the noise is set to what posts of small accounts do (a Student t
with 3 degrees times 0.4 on the logarithm: one post in twenty does twice or half).
"""

import argparse
import math
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import pairwise
from types import SimpleNamespace
from typing import Any

import numpy as np
from pydantic import Field

from feedsmith import generate
from feedsmith.brand import LearningSettings
from feedsmith.learning import ab, bandit, works
from feedsmith.learning.additive import design
from feedsmith.learning.factors import DIMENSIONS, tabulate
from feedsmith.outcomes import Outcome, Published, Reading

START = datetime(2026, 1, 5, tzinfo=UTC)
THEMES = ("oak", "path", "lake", "bird", "fern", "moss", "sea", "bark")
HOURS = {"early morning": 8, "midday": 12, "evening": 18, "late evening": 21}
WEEKS, PER_WEEK, PULLED = 30, 7, 3
TRAITS: Any = {str(i): SimpleNamespace(keywords=THEMES) for i in range(9)}


def outcome(
    rng: np.random.Generator,
    name: str,
    at: datetime,
    kind: str,
    theme: str,
    rate: float,
    **more: Any,
) -> Outcome:
    """A post with this expected rate of engagement, read once on its fourth day."""
    reach = 20 + int(np.exp(rng.normal(6.3, 0.5)))
    noisy = min(0.9, rate * math.exp(0.4 * rng.standard_t(3)))
    counts = rng.multinomial(rng.poisson(noisy * reach), [0.8, 0.1, 0.06, 0.04])
    figures = dict(zip(("likes", "comments", "saves", "shares"), map(int, counts), strict=True))
    return Outcome(
        published=Published(post=name, at=at, kind=kind, theme=theme, **more),
        readings=(Reading(post=name, at=at + timedelta(hours=90), reach=reach, **figures),),
    )


class Tastes:
    """What people like: effects on the logarithm. `drift`: "none"; "slow" (they wander); "turn" (they wander,
    and the favourite kind falls out of favour half-way)."""

    def __init__(self, rng: np.random.Generator, weeks: int = WEEKS, drift: str = "turn") -> None:
        names = {"kind": generate.LEANING, "theme": THEMES, "part": tuple(HOURS)}
        scale = {"kind": 0.35, "theme": 0.25, "part": 0.15}
        self.at: list[dict[str, dict[str, float]]] = []
        now = {d: rng.normal(0, scale[d], len(n)) for d, n in names.items()}
        for week in range(weeks):
            if drift == "turn" and week == weeks // 2:
                now["kind"][int(now["kind"].argmax())] -= 0.6
            step = 0.0 if drift == "none" else 0.02
            now = {d: v + rng.normal(0, 1, len(v)) * step for d, v in now.items()}
            self.at.append(
                {d: dict(zip(n, map(float, now[d]), strict=True)) for d, n in names.items()}
            )


# ---- ways to choose ------------------------------------------------------------------------------
# All have the same beliefs, and leave the same share of choices free.


class Drawn(bandit.Learned):
    """Takes the best of what `drawn` says."""

    def pick(
        self, dimension: str, levels: Sequence[str], rng: np.random.Generator
    ) -> bandit.Pick | None:
        free = self.explores(rng)
        drawn = self.drawn(dimension, levels, rng)
        if free or not drawn:
            return None
        level = max(drawn, key=lambda x: (drawn[x], x))
        return bandit.Pick(level, self.because(dimension, level))


class Scaled(Drawn):
    """Thompson sampling with each standard deviation times `width`: 1 as in Thompson's paper, 0 the best mean."""

    width: float = 1.0

    def drawn(
        self, dimension: str, levels: Iterable[str], rng: np.random.Generator
    ) -> dict[str, float]:
        if dimension not in self.beliefs:
            return {}
        known = {level: self.of(dimension, level) for level in levels}
        return {
            n: b.mean + self.width * b.sd * float(rng.standard_normal()) for n, b in known.items()
        }


class Ucb(Scaled):
    """The upper end: mean + `width` standard deviations."""

    def drawn(
        self, dimension: str, levels: Iterable[str], rng: np.random.Generator
    ) -> dict[str, float]:
        if dimension not in self.beliefs:
            return {}
        known = {level: self.of(dimension, level) for level in levels}
        return {level: b.mean + self.width * b.sd for level, b in known.items()}


class TopTwo(Scaled):
    """Thompson sampling; every other time the best of another draw that is not the same (Russo, Simple
    Bayesian algorithms for best-arm identification, 2020)."""

    def drawn(
        self, dimension: str, levels: Iterable[str], rng: np.random.Generator
    ) -> dict[str, float]:
        first = super().drawn(dimension, levels, rng)
        if len(first) < 2 or rng.random() < 0.5:
            return first
        best = max(first, key=first.__getitem__)
        for _ in range(20):
            other = super().drawn(dimension, list(first), rng)
            if max(other, key=other.__getitem__) != best:
                return other
        return first


class Joint(Drawn):
    """Thompson sampling from the model's own joint draws, in which levels of a dimension go together."""

    chains: dict[str, dict[str, list[float]]] = Field(default_factory=dict)

    def drawn(
        self, dimension: str, levels: Iterable[str], rng: np.random.Generator
    ) -> dict[str, float]:
        known = self.chains.get(dimension)
        if known is None:
            return {}
        turn = int(rng.integers(len(next(iter(known.values())))))
        new = self.spread.get(dimension, 0.0)
        keys = {n: bandit.named(n) if dimension == "theme" else n for n in levels}
        return {
            n: known[key][turn] if key in known else new * float(rng.standard_normal())
            for n, key in keys.items()
        }


def chosen(policy: str, found: list[Outcome], settings: LearningSettings) -> bandit.Learned | None:
    """What a policy leans on: "shipped", "thompson", "greedy", "ucb", "toptwo" (each with a width behind it, as in
    "thompson0.5"), "joint", or one with "-decay" behind it: ever less is left free, a fifth on average of 210
    posts."""
    learned = bandit.learn(found, settings)
    if learned is None or policy == "shipped":
        return learned
    rule, _, decay = policy.partition("-")
    name = rule.rstrip("0123456789.")
    width = float(rule[len(name) :] or (0 if name == "greedy" else 1))
    told = learned.model_dump()
    if decay:
        told["explore"] = min(0.5, settings.explore * math.sqrt(52 / len(found)))
    if name == "joint":
        _, fitted, effects = bandit.weighed(tabulate(found).rows, settings)
        chains = {
            d: dict(zip(fitted.design.blocks[d], drawn.T.tolist(), strict=True))
            for d, drawn in effects.items()
        }
        return Joint(**told, chains=chains)
    kinds: dict[str, type[Scaled]] = {"ucb": Ucb, "toptwo": TopTwo}
    return kinds.get(name, Scaled)(**told, width=width)


Spread = Callable[[Callable[[int], Any], range], Iterable[Any]]
"""Calls a function for each seed, one after another or in several processes."""


def season(
    seed: int,
    policy: str,
    explore: float,
    weeks: int = WEEKS,
    drift: str = "turn",
    every: int = PULLED,
) -> np.ndarray:
    """Regret of each post: how far its kind, theme and hour together are under the best of its week."""
    rng = np.random.default_rng([seed, 0x7A57])
    tastes = Tastes(rng, weeks, drift)
    settings = LearningSettings(on=True, explore=explore)
    found: list[Outcome] = []
    regret: list[float] = []
    learned: bandit.Learned | None = None
    last = ""
    for week in range(weeks):
        asked = generate.Settings(count=PER_WEEK)
        plan = generate.orders(asked, 1000 * seed + week)
        pulled = [o for o in found if o.readings[-1].at <= START + timedelta(weeks=week)]
        if policy != "none" and week % every == 0:
            learned = chosen(policy, pulled, settings)
        if learned is not None:
            plan = generate.lean(plan, learned, asked, TRAITS, {})
        for order in plan:
            # Stories are not compared with the rest; here they are photos.
            kind_ = order.kind if order.kind in generate.LEANING else "photo"
            theme = order.theme or str(rng.choice(THEMES))
            draw = np.random.default_rng([order.run_seed, order.turn, 0x40])
            pick = learned.pick("part", sorted(HOURS), draw) if learned is not None else None
            part = pick.level if pick is not None else str(rng.choice(list(HOURS)))
            now = tastes.at[week]
            value = now["kind"][kind_] + now["theme"][theme] + now["part"][part]
            # Nobody can post one kind alone: it never follows itself, for the best one neither.
            kinds = sorted(now["kind"], key=now["kind"].__getitem__)
            best = kinds[-1] if kinds[-1] != last else kinds[-2]
            last = best
            regret.append(
                now["kind"][best] + max(now["theme"].values()) + max(now["part"].values()) - value
            )
            at = START + timedelta(weeks=week, days=order.turn, hours=HOURS[part])
            found.append(outcome(rng, f"p{len(found)}", at, kind_, theme, 0.05 * math.exp(value)))
    return np.array(regret)


def part_bandit(
    seeds: int, policies: list[str], spread: Spread, weeks: int = WEEKS, drift: str = "turn",
    every: int = PULLED,
) -> None:  # fmt: skip
    print(
        f"bandit: {seeds} brands, {weeks} weeks of {PER_WEEK}, figures pulled every {every} weeks, preferences that "
        f"drift: {drift}; regret on the logarithm a post, ratio to no learning: median (10th-90th percentile)"
    )
    more = {"weeks": weeks, "drift": drift, "every": every}
    base = np.array(list(spread(partial(season, policy="none", explore=1.0, **more), range(seeds))))
    first = None
    for policy in policies:
        name, _, share = policy.partition(":")
        start = time.perf_counter()
        one = partial(season, policy=name, explore=float(share or 0.2), **more)
        own = np.array(list(spread(one, range(seeds))))
        spent = time.perf_counter() - start
        row = []
        thirds = [round(weeks * x / 6) for x in (0, 2, 3, 4, 6)]
        for begin, end in (*pairwise(thirds), (0, weeks)):
            part = slice(begin * PER_WEEK, end * PER_WEEK)
            ratio = own[:, part].mean(axis=1) / base[:, part].mean(axis=1)
            low, middle, high = np.quantile(ratio, [0.1, 0.5, 0.9])
            row.append(f"weeks {begin + 1}-{end}: {middle:.2f} ({low:.2f}-{high:.2f})")
        late = slice(thirds[3] * PER_WEEK, None)
        gain = np.exp(base[:, late].mean(axis=1) - own[:, late].mean(axis=1)) - 1
        worse = float((own.mean(axis=1) > base.mean(axis=1)).mean())
        ratios = own.mean(axis=1) / base.mean(axis=1)
        first = ratios if first is None else first
        gap = ratios - first
        print(f"  {policy:18} {'; '.join(row)}; mean {ratios.mean():.3f}, against {policies[0]} {gap.mean():+.3f} "
              f"(se {gap.std(ddof=1) / len(gap) ** 0.5:.3f}); engagement in the last third {np.median(gain):+.0%} "
              f"({np.quantile(gain, 0.1):+.0%} to {np.quantile(gain, 0.9):+.0%}); "
              f"worse than none over all: {worse:.0%}; {spent:.0f} s", flush=True)  # fmt: skip


def posts(seed: int, count: int, effects: dict[str, float]) -> list[Outcome]:
    """Posts of a brand that does not learn, with layouts, hashtags and lengths."""
    rng = np.random.default_rng([seed, count, 0xF0])
    found = []
    shares = np.array([5, 2, 3, 3, 2, 1.5])
    for number in range(count):
        kind = str(rng.choice(generate.LEANING, p=shares / shares.sum()))
        theme = str(rng.choice(THEMES))
        hour = int(rng.choice(list(HOURS.values())))
        at = START + timedelta(days=1.4 * number)
        rate = 0.05 * math.exp(effects.get(kind, 0) + effects.get(theme, 0))
        tags = tuple(map(str, rng.choice(list("abcdefghij"), 4, replace=False)))
        layout = "" if kind == "photo" else f"{kind}-{rng.integers(6)}"
        found.append(
            outcome(rng, f"p{number}", at.replace(hour=hour), kind, theme, rate, hashtags=tags,
                    template=layout, caption_length=int(rng.integers(400)))
        )  # fmt: skip
    return found


def named(seed: int, count: int, effect: float) -> dict[tuple[str, str], str]:
    """What a report names of a brand whose reels are liked by `effect`."""
    rows = tabulate(posts(seed, count, {"reel": effect})).rows
    made = design(rows, tuple(DIMENSIONS))
    return works.verdicts(made, np.array([row.value for row in rows]), rows)


def part_report(seeds: int, spread: Spread) -> None:
    print("report: 4 times as many brands as seeds")
    for count, effect in ((40, 0.0), (120, 0.0), (120, 0.4), (120, 0.7), (240, 0.4)):
        found = wrong = best = 0
        brands = 4 * seeds
        for said in spread(partial(named, count=count, effect=effect), range(brands)):
            reel = said.pop(("kind", "reel"), "")
            found += bool(reel)
            best += reel == "best"
            # With a favourite, other kinds are truly below average.
            wrong += any(d != "kind" or not effect for d, _ in said) or (bool(reel) and not effect)
        print(f"  {count} posts, reels x {math.exp(effect):.2f}: false in {wrong / brands:.1%}"
              + (f"; reels named {found / brands:.0%}, best {best / brands:.0%}" if effect else ""),
              flush=True)  # fmt: skip
    hits = total = 0
    for seed in range(max(10, seeds // 2)):
        told = works.study(posts(seed, 120, {"reel": 0.4, "lake": 0.3}), draws=1000)
        for name, truth in (("kind", {"reel": 0.4}), ("theme", {"lake": 0.3})):
            levels = next(d for d in told.dimensions if d.name == name).levels
            count = sum(level.posts for level in levels)
            middle = sum(truth.get(level.name, 0) * level.posts for level in levels) / count
            for level in levels:
                real = math.exp(truth.get(level.name, 0) - middle) - 1
                hits += level.low <= real <= level.high
                total += 1
    print(f"  intervals of 95% that hold the truth: {hits / total:.1%} of {total}", flush=True)


def part_ab(seeds: int) -> None:
    runs = 40 * seeds
    print(f"ab: {runs} trials of 40 pairs, looked at after each")
    rng = np.random.default_rng(0xAB)
    noises: dict[str, Callable[[], np.ndarray]] = {
        "Student t, 3": lambda: 0.4 * rng.standard_t(3, 40),
        "normal": lambda: rng.normal(0, 0.6, 40),
        "Cauchy": lambda: 0.3 * rng.standard_cauchy(40),
    }
    for name, noise in noises.items():
        for effect in (0.0, 0.2, 0.4):
            won = naive = covered = 0
            pairs = []
            for run in range(runs):
                gaps = list(noise() - noise() + effect)
                first = next((n for n in range(1, 41) if ab.evidence(gaps[:n]) >= 1 / ab.ALPHA), 0)
                won += bool(first)
                pairs.append(first or 40)
                tests = [_t(gaps[:n]) for n in range(5, 41)]
                naive += any(abs(t) > bar for t, bar in zip(tests, _BARS, strict=True))
                if run < 100:
                    covered += all(
                        low <= effect <= high
                        for low, high in map(ab.interval, (gaps[:5], gaps[:15], gaps))
                    )
            print(f"  {name:13} B x {math.exp(effect):.2f}: winner in {won / runs:.1%}, {np.mean(pairs):.0f} pairs; "
                  f"t-test looked at as often {naive / runs:.0%}; intervals hold (3 looks) {covered / min(runs, 100):.0%}",
                  flush=True)  # fmt: skip


def _t(gaps: list[float]) -> float:
    return float(np.mean(gaps) / (np.std(gaps, ddof=1) / len(gaps) ** 0.5))


# Student's t, two-sided 5 %, for 4 to 39 degrees (Fisher's expansion around 1.96; within 1 %).
_BARS = [1.96 + 2.37 / d + 2.82 / d**2 + 2.56 / d**3 for d in range(4, 40)]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--part", default="", choices=["", "bandit", "report", "ab"])
    parser.add_argument("--seeds", type=int, default=50)
    parser.add_argument(
        "--policy", default="shipped,thompson,thompson0.5,joint,toptwo,ucb,greedy,greedy-decay"
    )
    parser.add_argument("--weeks", type=int, default=WEEKS)
    parser.add_argument("--drift", default="turn", choices=["none", "slow", "turn"])
    parser.add_argument(
        "--every", type=int, default=PULLED, help="weeks between two looks at the figures"
    )
    parser.add_argument("--jobs", type=int, default=1)
    args = parser.parse_args()
    with ProcessPoolExecutor(args.jobs) as pool:
        spread: Spread = pool.map if args.jobs > 1 else map
        if args.part in ("", "bandit"):
            part_bandit(
                args.seeds, args.policy.split(","), spread, args.weeks, args.drift, args.every
            )
        if args.part in ("", "report"):
            part_report(args.seeds, spread)
    if args.part in ("", "ab"):
        part_ab(args.seeds)


if __name__ == "__main__":
    main()
