"""The classifier that tries to tell generated captions from real ones."""

import numpy as np
import pytest

from feedsmith.captions.train import STARTER, read_rows
from feedsmith.evaluate.classifier import _folds, logistic, tell_apart, wilson


def captions() -> list[str]:
    rows = [row["caption"] for row in read_rows(STARTER)[:400]]
    return [rows[i] for i in np.random.default_rng(0).permutation(len(rows))]


def test_wilson_s_interval_is_that_of_the_textbook() -> None:
    low, high = wilson(8, 10)
    assert (low, high) == (pytest.approx(0.4902, abs=1e-4), pytest.approx(0.9433, abs=1e-4))
    assert wilson(0, 0) == (0.0, 1.0)
    assert wilson(10, 10)[1] == pytest.approx(1)


def test_logistic_regression_fulfils_its_own_condition() -> None:
    """At the minimum, ridge times the weights is the sum of the residuals times the rows."""
    rng = np.random.default_rng(3)
    rows = rng.normal(size=(40, 5))
    truth = (rows[:, 0] + 0.3 * rng.normal(size=40) > 0).astype(float)
    kernel = rows @ rows.T
    weights = rows.T @ logistic(kernel, truth, ridge=0.5)
    share = np.where(truth > 0.5, 20 / truth.sum(), 20 / (1 - truth).sum())
    likely = 1 / (1 + np.exp(-rows @ weights))
    assert 0.5 * weights == pytest.approx(rows.T @ (share * (truth - likely)), abs=1e-6)


def test_two_examples_that_differ_in_one_thing_are_known_exactly() -> None:
    """x = 1 and -1: ridge * w = 2 / (1 + exp(w))."""
    rows = np.array([[1.0], [-1.0]])
    weight = (rows.T @ logistic(rows @ rows.T, np.array([1.0, 0.0]), ridge=1.0)).item()
    assert weight == pytest.approx(2 / (1 + np.exp(weight)), abs=1e-8)


def test_captions_of_one_writer_cannot_be_told_apart() -> None:
    all_ = captions()
    verdict = tell_apart(all_[:60], all_[60:120])
    assert verdict is not None
    assert verdict.low < 0.5 < verdict.high
    assert verdict.captions == 60


def test_a_habit_gives_captions_away_and_is_named() -> None:
    all_ = captions()
    odd = [text.replace(".", "…").replace(" the ", " perhaps the ") for text in all_[:40]]
    verdict = tell_apart(odd, all_[100:140])
    assert verdict is not None
    assert verdict.low > 0.6
    named = {giveaway.sign.strip() for giveaway in verdict.giveaways[:4]}
    assert any("…" in sign for sign in named) or any("perhaps" in sign for sign in named)
    first = verdict.giveaways[0]
    assert first.side == "generated"
    assert first.generated > first.real
    assert "of the written ones" in first.in_words()


def test_other_lengths_give_captions_away() -> None:
    texts = [text for text in captions() if len(text.split()) > 14]
    short = [" ".join(text.split()[:6]) + "." for text in texts[:40]]
    verdict = tell_apart(short, texts[40:80])
    assert verdict is not None
    assert verdict.accuracy > 0.9
    told = [giveaway for giveaway in verdict.giveaways if giveaway.kind == "length"]
    assert told[0].generated == 6
    assert "shorter: 6 words" in told[0].in_words()


def test_what_a_picture_is_about_does_not_help() -> None:
    """Three captions a picture on each side: a picture is on one side of a fold alone."""
    groups = [i // 3 for i in range(60)] * 2
    folds = _folds(groups, np.repeat([1.0, 0.0], 60), seed=0)
    for group in set(groups):
        assert len({int(f) for f, g in zip(folds, groups, strict=True) if g == group}) == 1
    assert len(set(folds.tolist())) == 10
    sizes = np.bincount(folds)
    assert sizes.max() - sizes.min() <= 6


def test_the_same_seed_gives_the_same_verdict() -> None:
    all_ = captions()
    assert tell_apart(all_[:30], all_[30:60], 4) == tell_apart(all_[:30], all_[30:60], 4)


def test_odd_captions_do_no_harm_and_too_few_tell_nothing() -> None:
    odd = ["", "🌲", "صباح الخير من المخبز", "山の朝、静かな霧。", "x" * 50_000, "#"] * 2
    verdict = tell_apart(odd, odd)
    assert verdict is not None
    assert 0 <= verdict.accuracy <= 1
    assert tell_apart(odd[:11], odd) is None
    assert tell_apart([], []) is None
