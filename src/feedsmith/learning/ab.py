"""A/B trials: two ways of writing a caption, or two covers, set against each other on purpose.

    mybrand/trials.json    {"trials": [Trial]}

Instagram shows one post to one audience: nobody can show half of the followers another caption. So a
trial is over time. Posts of the same slot (same kind, same time of day) make pairs; a coin decides
which of a pair is A, and the other is B. Where there is no difference, a pair's gap is then as likely
to be positive as negative, whatever the day, the trend or the followers do, and however heavy its
tails are. On that alone rests the test: for gaps d symmetric about nothing, exp(k d) / cosh(k d) has a mean
of one, and so has its mixture over k (Robbins 1970), a martingale that may be looked at after every
pair: the chance that it ever reaches 1 / ALPHA is at most ALPHA (Ville; Ramdas, Ruf, Larsson and
Koolen, Admissible anytime-valid sequential inference must rely on nonnegative martingales, 2020; the
practice of stopping so: Johari, Koomen, Pekelis and Walsh, Always valid inference, 2022).

Knows posts by their ids, and outcomes as values.
"""

import hashlib
import json
import math
import threading
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from pydantic import AwareDatetime, Field, ValidationError

from feedsmith.errors import FeedsmithError
from feedsmith.files import held, write_json
from feedsmith.learning.factors import part_of, tabulate
from feedsmith.outcomes import Outcome
from feedsmith.post import Value

NAME = "trials.json"
Variant = Literal["a", "b"]
ALPHA = 0.05
"""Chance, at most, that a trial of two equals ever names a winner, however often it is looked at."""
MIXTURE = 1.0
"""Standard deviation of the normal mixture over k: good for gaps of a third at the usual noise. No pair
weighs more than a factor of two, so that one post that goes round the world does not decide."""
_K = np.linspace(-3 * MIXTURE, 3 * MIXTURE, 61)
_SHARE = np.exp(-((_K / MIXTURE) ** 2) / 2) / np.exp(-((_K / MIXTURE) ** 2) / 2).sum()
PAIRS = 40
"""Pairs after which a trial ends without a winner, unless it says otherwise."""
_HERE = threading.Lock()


class Assignment(Value):
    """One post of a trial."""

    post: Annotated[str, Field(min_length=1, max_length=200)]
    slot: Annotated[str, Field(max_length=100)]
    variant: Variant
    pair: int = Field(ge=0)
    """Number of its pair among all of the trial."""


class Trial(Value):
    """One question."""

    name: Annotated[str, Field(min_length=1, max_length=80)]
    about: Literal["caption", "cover"]
    a: Annotated[str, Field(min_length=1, max_length=200)]
    """The one way, in words."""
    b: Annotated[str, Field(min_length=1, max_length=200)]
    started: AwareDatetime
    stopped: AwareDatetime | None = None
    pairs: int = Field(PAIRS, ge=5, le=1000)
    """After so many complete pairs it ends."""
    seed: int = 0
    posts: tuple[Assignment, ...] = ()

    def assigned(self, post: str) -> Assignment | None:
        return next((one for one in self.posts if one.post == post), None)


class Finding(Value):
    """What a trial's posts say so far."""

    pairs: int
    """Complete: both posts have figures of the same age."""
    waiting: int
    """Posts that have none yet, or whose partner has none."""
    effect: float | None = None
    """B against A: 0.2 is a fifth more engagement; None before the first pair."""
    low: float | None = None
    high: float | None = None
    """Confidence sequence: whenever it is looked at, all of its intervals hold the truth at once with
    probability 1 - ALPHA; None for an end that is not known yet."""
    evidence: float = 1.0
    """The mixture; from 1 / ALPHA on there is a winner."""
    winner: Literal["", "a", "b"] = ""
    done: bool = False
    """True where it is to be stopped: a winner, or all pairs."""


def slot_of(kind: str, at: datetime) -> str:
    """Posts of one slot may be compared: the same kind, at the same time of day."""
    return f"{kind}, {part_of(at.hour)}"


def evidence(gaps: Sequence[float], shift: float = 0.0) -> float:
    """The mixture martingale against "the gaps are symmetric about `shift`": its mean is 1 where that is
    so. Gaps as differences of natural logarithms, in order."""
    return math.exp(min(700.0, _log_evidence(gaps, shift)))


def _log_evidence(gaps: Sequence[float], shift: float) -> float:
    pulls = np.multiply.outer(_K, np.asarray(gaps, float) - shift)
    logs = (pulls - np.logaddexp(pulls, -pulls) + math.log(2)).sum(axis=1) + np.log(_SHARE)
    return float(np.logaddexp.reduce(logs))


def interval(gaps: Sequence[float]) -> tuple[float, float]:
    """The shifts that are not refused, as (low, high); infinite where nothing bounds them yet."""
    bar = math.log(1 / ALPHA)
    middle = float(np.median(gaps))
    ends = []
    for sign in (-1.0, 1.0):
        near, far = 0.0, 0.05
        while _log_evidence(gaps, middle + sign * far) < bar:
            near, far = far, far * 2
            if far > 50:
                break
        if far > 50:
            ends.append(sign * math.inf)
            continue
        for _ in range(40):
            half = (near + far) / 2
            near, far = (
                (near, half) if _log_evidence(gaps, middle + sign * half) >= bar else (half, far)
            )
        ends.append(middle + sign * far)
    return ends[0], ends[1]


def find(trial: Trial, outcomes: Sequence[Outcome]) -> Finding:
    """What a trial's posts say, in the order in which its pairs were begun."""
    table = tabulate(outcomes)
    values = {row.post: (row.basis, row.value) for row in table.rows}
    pairs: dict[int, dict[str, str]] = {}
    for one in trial.posts:
        pairs.setdefault(one.pair, {})[one.variant] = one.post
    gaps: list[float] = []
    for _, pair in sorted(pairs.items()):
        a, b = (values.get(pair.get(variant, "")) for variant in ("a", "b"))
        if a is not None and b is not None and a[0] == b[0]:
            gaps.append(b[1] - a[1])
    gaps = gaps[: trial.pairs]
    waiting = len(trial.posts) - 2 * len(gaps)
    if not gaps:
        return Finding(pairs=0, waiting=waiting)
    # A winner stays one: the trial was to be stopped at that pair.
    first = next((n for n in range(1, len(gaps) + 1) if evidence(gaps[:n]) >= 1 / ALPHA), len(gaps))
    said = gaps[:first]
    low, high = interval(said)
    won = evidence(said) >= 1 / ALPHA
    ahead = float(np.tanh(MIXTURE * np.array(said)).sum()) > 0
    return Finding(
        pairs=len(gaps),
        waiting=waiting,
        effect=round(math.exp(float(np.median(said))) - 1, 4),
        low=None if math.isinf(low) else round(math.exp(low) - 1, 4),
        high=None if math.isinf(high) else round(math.exp(high) - 1, 4),
        evidence=round(evidence(said), 4),
        winner=("b" if ahead else "a") if won else "",
        done=won or len(gaps) >= trial.pairs,
    )


# ---- the state -----------------------------------------------------------------------------------


def read(home: Path) -> list[Trial]:
    """All trials of the brand in `home`, the oldest first. Raises FeedsmithError where the file is
    damaged: a trial that forgets its coins is none."""
    path = home / NAME
    try:
        return [Trial.model_validate(row) for row in json.loads(path.read_text("utf-8"))["trials"]]
    except FileNotFoundError:
        return []
    except (OSError, ValueError, KeyError, TypeError, RecursionError, ValidationError) as error:
        raise FeedsmithError(
            f"{path}: cannot be read ({type(error).__name__})",
            mend="restore it from a backup, or move it away and start the trials anew",
        ) from error


def named(trials: Sequence[Trial], name: str) -> Trial:
    """The trial of that name; the only running one for ''. Raises FeedsmithError."""
    running = [trial for trial in trials if trial.stopped is None]
    found = [t for t in trials if t.name == name] if name else running
    if len(found) == 1:
        return found[0]
    known = ", ".join(t.name for t in trials) or "none"
    if not name and running:
        raise FeedsmithError("several trials are running", mend=f"name one: --name ({known})")
    raise FeedsmithError(
        f"no trial “{name}”" if name else "no trial is running",
        mend=f"start one with --ab start, or name one of: {known}",
    )


def start(home: Path, trial: Trial) -> Trial:
    """Begin a trial. Raises FeedsmithError where one of that name, or about the same part of posts,
    is running: two coins on one post would be one question."""
    with _HERE, held(home / ".trials.lock"):
        trials = read(home)
        if any(t.name == trial.name for t in trials):
            raise FeedsmithError(
                f"there is a trial “{trial.name}” already", mend="give it another name"
            )
        other = next((t for t in trials if t.stopped is None and t.about == trial.about), None)
        if other is not None:
            raise FeedsmithError(
                f"the trial “{other.name}” is about the {trial.about}, too, and still running",
                mend=f'stop it first: --ab stop --name "{other.name}"',
            )
        _write(home, [*trials, trial])
    return trial


def assign(home: Path, name: str, post: str, slot: str) -> Assignment:
    """Which variant a post is to be; asked again, the same answer. The first post of a pair in its slot
    is decided by a coin of the trial's seed, the second is the other one.

    Raises FeedsmithError for an unknown or stopped trial."""
    with _HERE, held(home / ".trials.lock"):
        trials = read(home)
        trial = named(trials, name)
        if (known := trial.assigned(post)) is not None:
            return known
        if trial.stopped is not None:
            raise FeedsmithError(
                f"the trial “{trial.name}” was stopped", mend="start a new one: --ab start"
            )
        mine = [one for one in trial.posts if one.slot == slot]
        last = mine[-1].pair if mine else -1
        variant: Variant
        if mine and sum(one.pair == last for one in mine) == 1:
            variant, pair = ("b" if mine[-1].variant == "a" else "a"), last
        else:
            pair = 1 + max((one.pair for one in trial.posts), default=-1)
            coin = hashlib.sha256(f"{trial.seed} {trial.name} {pair}".encode()).digest()[0] & 1
            variant = "ab"[coin]  # type: ignore[assignment]
        one = Assignment(post=post, slot=slot, variant=variant, pair=pair)
        told = trial.model_copy(update={"posts": (*trial.posts, one)})
        _write(home, [told if t.name == trial.name else t for t in trials])
    return one


def stop(home: Path, name: str, at: datetime) -> Trial:
    """End a trial; what it found stays. Raises FeedsmithError for an unknown one."""
    with _HERE, held(home / ".trials.lock"):
        trials = read(home)
        trial = named(trials, name)
        if trial.stopped is None:
            trial = trial.model_copy(update={"stopped": at})
            _write(home, [trial if t.name == trial.name else t for t in trials])
    return trial


def in_words(trial: Trial, found: Finding) -> str:
    """What a trial says, for people."""
    if found.effect is None:
        return f"No pair is complete yet; {found.waiting} posts wait for theirs or for figures."
    low = f"{found.low:+.0%}" if found.low is not None else "not known yet"
    high = f"{found.high:+.0%}" if found.high is not None else "not known yet"
    figures = f"B against A after {found.pairs} pairs: {found.effect:+.0%} ({low} to {high})"
    if found.winner:
        better = trial.a if found.winner == "a" else trial.b
        return f"{figures}. {found.winner.upper()}, “{better}”, does better: stop, and keep to it."
    if found.done:
        return f"{figures}. All {trial.pairs} pairs are in, and no winner: any difference is within that."
    return f"{figures}. No winner yet; at most {trial.pairs - found.pairs} pairs more. Look as often as you like."


HONEST = (
    "Two posts are two moments before mostly the same people: pairs of one slot and a coin make that fair over many "
    "pairs, not in one. What one post does to the next (people who are tired of it) is not taken out."
)
"""What a trial on Instagram can and cannot say."""


def _write(home: Path, trials: Sequence[Trial]) -> None:
    write_json(home / NAME, {"trials": [trial.model_dump(mode="json") for trial in trials]})
