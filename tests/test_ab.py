"""A/B trials: pairs, a coin, and a rule for stopping that may be looked at at any time."""

import threading
from datetime import timedelta
from itertools import product
from pathlib import Path

import numpy as np
import pytest

from feedsmith.errors import FeedsmithError
from feedsmith.files import write_text
from feedsmith.learning import ab
from feedsmith.outcomes import Outcome
from small_outcomes import START, outcome

SLOT = "photo, evening"


def trial(name: str = "question", **more: object) -> ab.Trial:
    return ab.Trial(
        **{"name": name, "about": "caption", "a": "ask", "b": "tell", "started": START, **more}
    )  # type: ignore[arg-type]


def test_whatever_the_gaps_the_mean_of_the_evidence_is_one() -> None:
    # All signs of six gaps are as likely: the mean over them is exact, however heavy the tails.
    sizes = (0.1, 3.0, 0.02, 40.0, 0.7, 1.1)
    signs = list(product((-1, 1), repeat=len(sizes)))
    seen = [ab.evidence([s * d for s, d in zip(row, sizes, strict=True)]) for row in signs]
    assert np.mean(seen) == pytest.approx(1.0)
    assert ab.evidence([]) == pytest.approx(1.0)


def test_looking_after_every_pair_keeps_the_promise() -> None:
    rng = np.random.default_rng(5)
    won = 0
    for _ in range(300):
        gaps = list(rng.standard_t(3, 40))
        won += any(ab.evidence(gaps[:n]) >= 1 / ab.ALPHA for n in range(1, 41))
    assert won <= 24  # 15 are promised at most; 25 of 300 would happen to one in 100


def test_a_real_difference_is_found_and_the_interval_narrows_round_it() -> None:
    rng = np.random.default_rng(7)
    gaps = list(0.7 + rng.normal(0, 0.5, 40))
    assert ab.evidence(gaps) > 1 / ab.ALPHA
    wide, narrow = ab.interval(gaps[:8]), ab.interval(gaps)
    assert narrow[1] - narrow[0] < wide[1] - wide[0]
    assert narrow[0] < 0.7 < narrow[1]
    assert narrow[0] > 0
    assert ab.interval([0.3])[0] == -np.inf


def test_two_of_a_slot_are_a_pair_and_asked_again_the_answer_is_the_same(tmp_path: Path) -> None:
    ab.start(tmp_path, trial())
    first = ab.assign(tmp_path, "", "p1", SLOT)
    other = ab.assign(tmp_path, "", "p2", "reel, midday")
    second = ab.assign(tmp_path, "question", "p3", SLOT)
    assert {first.variant, second.variant} == {"a", "b"}
    assert first.pair == second.pair != other.pair
    assert ab.assign(tmp_path, "", "p1", "reel, midday") == first
    assert len(ab.read(tmp_path)[0].posts) == 3


def test_the_coin_is_fair_and_the_seeds_own(tmp_path: Path) -> None:
    ab.start(tmp_path, trial())
    firsts = [ab.assign(tmp_path, "", f"p{n}", f"slot {n}").variant for n in range(60)]
    assert 18 <= firsts.count("a") <= 42
    other = tmp_path / "other"
    ab.start(other, trial())
    assert [ab.assign(other, "", f"q{n}", f"slot {n}").variant for n in range(60)] == firsts


def test_of_many_who_ask_at_once_all_get_a_place(tmp_path: Path) -> None:
    ab.start(tmp_path, trial())
    threads = [
        threading.Thread(target=ab.assign, args=(tmp_path, "", f"p{n}", SLOT)) for n in range(12)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    posts = ab.read(tmp_path)[0].posts
    assert len(posts) == 12
    assert sorted(one.variant for one in posts) == ["a"] * 6 + ["b"] * 6


def played(home: Path, pairs: int, ratio: float, noise: float = 0.2) -> list[Outcome]:
    rng = np.random.default_rng(3)
    found = []
    for number in range(2 * pairs):
        one = ab.assign(home, "", f"p{number}", SLOT)
        rate = 0.05 * (ratio if one.variant == "b" else 1) * float(np.exp(noise * rng.normal()))
        found.append(outcome(f"p{number}", START + timedelta(days=number), "photo", rate))
    return found


def test_a_trial_says_who_won_and_when_to_stop(tmp_path: Path) -> None:
    ab.start(tmp_path, trial(pairs=20))
    outcomes = played(tmp_path, 20, 2.0)
    (told,) = ab.read(tmp_path)
    found = ab.find(told, outcomes)
    assert (found.winner, found.done) == ("b", True)
    assert found.low is not None
    assert found.low > 0
    assert "“tell”, does better" in ab.in_words(told, found)
    young = ab.find(told, outcomes[:7])
    assert (young.pairs, young.waiting, young.done) == (3, 34, False)
    assert "as often as you like" in ab.in_words(told, young)
    assert "No pair" in ab.in_words(told, ab.find(told, []))


def test_without_a_difference_it_ends_after_its_pairs(tmp_path: Path) -> None:
    ab.start(tmp_path, trial(pairs=10))
    outcomes = played(tmp_path, 10, 1.0, noise=0.4)
    (told,) = ab.read(tmp_path)
    found = ab.find(told, outcomes)
    assert (found.winner, found.done, found.pairs) == ("", True, 10)
    assert "no winner" in ab.in_words(told, found)


def test_one_question_at_a_time(tmp_path: Path) -> None:
    ab.start(tmp_path, trial())
    with pytest.raises(FeedsmithError, match="already"):
        ab.start(tmp_path, trial())
    with pytest.raises(FeedsmithError, match="still running"):
        ab.start(tmp_path, trial("other"))
    ab.start(tmp_path, trial("third", about="cover"))
    with pytest.raises(FeedsmithError, match="several trials"):
        ab.assign(tmp_path, "", "p", SLOT)
    ab.stop(tmp_path, "question", START)
    with pytest.raises(FeedsmithError, match="was stopped"):
        ab.assign(tmp_path, "question", "p", SLOT)
    with pytest.raises(FeedsmithError, match="no trial"):
        ab.stop(tmp_path, "fourth", START)


@pytest.mark.parametrize("text", ["", "[]", "{", '{"trials": [{"name": "x"}]}', '{"trials": 1}'])
def test_a_damaged_file_is_told_and_not_overwritten(tmp_path: Path, text: str) -> None:
    write_text(tmp_path / ab.NAME, text)
    with pytest.raises(FeedsmithError, match=r"trials\.json: cannot be read"):
        ab.start(tmp_path, trial())
    assert (tmp_path / ab.NAME).read_text("utf-8") == text
