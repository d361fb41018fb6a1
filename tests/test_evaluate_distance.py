"""Distances between two sets of captions, against the formulas worked out by hand."""

import math

import pytest

from feedsmith.captions.train import STARTER, read_rows
from feedsmith.evaluate.distance import (
    HABITS,
    Said,
    compare,
    first_word,
    jensen_shannon,
    marks,
    wasserstein,
)


def test_wasserstein_of_shifted_samples_is_the_shift() -> None:
    assert wasserstein([1, 2, 3], [4, 5, 6]) == pytest.approx(3)
    assert wasserstein([5], [5]) == 0
    assert wasserstein([0, 0, 0, 4], [0]) == pytest.approx(1)  # a quarter moves by four
    assert wasserstein([0, 2], [1, 1, 1]) == pytest.approx(1)


def test_wasserstein_is_symmetric_and_refuses_nothing_at_all() -> None:
    assert wasserstein([1, 9, 2], [3, 3]) == pytest.approx(wasserstein([3, 3], [1, 9, 2]))
    with pytest.raises(ValueError, match="two samples"):
        wasserstein([], [1])


def test_jensen_shannon_is_zero_for_one_mix_and_one_bit_for_nothing_in_common() -> None:
    assert jensen_shannon({"a": 1, "b": 3}, {"a": 2, "b": 6}) == pytest.approx(0, abs=1e-12)
    assert jensen_shannon({"a": 5}, {"b": 1}) == pytest.approx(1)
    with pytest.raises(ValueError, match="two samples"):
        jensen_shannon({}, {"a": 1})


def test_jensen_shannon_of_a_coin_and_a_certainty() -> None:
    # Entropy of the mean (3/4, 1/4) less the mean of the entropies (1 and 0 bits).
    wanted = -(0.75 * math.log2(0.75) + 0.25 * math.log2(0.25)) - 0.5
    assert jensen_shannon({"a": 1, "b": 1}, {"a": 1}) == pytest.approx(wanted)


def test_punctuation_is_counted_by_mark_and_in_any_script() -> None:
    assert marks("Well... no! It's #1 (of 2)!! — @us ¿sí?") == [
        "…", "!", "'", "(", ")", "!", "—", "¿", "?",
    ]  # fmt: skip
    assert marks("مرحبا، كيف؟") == ["،", "؟"]


def test_the_first_word_is_one_without_emoji_before_it() -> None:
    assert first_word("🌧️ Rain again") == ["rain"]
    assert first_word("…") == []


def captions(count: int, start: int = 0) -> list[Said]:
    rows = read_rows(STARTER)[start : start + count]
    return [Said(row["caption"], len(row["hashtags"])) for row in rows]


def test_captions_of_one_kind_are_near_each_other() -> None:
    found = compare(captions(150), captions(300, 300), seed=1)
    assert [d.habit for d in found] == [habit.name for habit in HABITS]
    assert all(d.sample == 150 for d in found)
    assert sum(d.near for d in found) >= len(HABITS) - 1


def test_each_habit_that_was_changed_is_seen_to_be_far() -> None:
    own = captions(120)
    changed = [
        Said(
            "We say: " + " ".join(c.text.replace(".", "!").split()[:6]) + " ✨✨✨", c.hashtags + 9
        )
        for c in captions(60, 200)
    ]
    far = {d.habit for d in compare(changed, own) if not d.near}
    assert far == {habit.name for habit in HABITS}


def test_the_distance_in_a_count_is_in_its_own_unit() -> None:
    own = [Said("one two three.", 3)] * 40
    found = {d.habit: d for d in compare([Said("one two three four five.", 3)] * 20, own)}
    assert (found["words"].value, found["words"].unit, found["words"].usual) == (2, "words", 0)
    assert found["hashtags"].value == 0
    assert found["hashtags"].near
    assert not found["words"].near
    assert found["words"].own == "median 3"
    assert found["first word"].own == "one 100%"
    assert found["punctuation"].own == "“.” 100%"


def test_the_same_seed_gives_the_same_distances() -> None:
    assert compare(captions(30), captions(60, 99), 5) == compare(captions(30), captions(60, 99), 5)


def test_too_few_captions_tell_nothing() -> None:
    assert compare(captions(3), captions(50)) == ()
    assert compare(captions(50), captions(7)) == ()
    assert compare([], []) == ()
