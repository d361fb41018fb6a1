"""Whether captions follow their picture."""

from collections.abc import Sequence

import pytest

from feedsmith.evaluate.picture import (
    AS_IS,
    NO_PICTURE,
    chance,
    found,
    rank_of,
    ranking,
    recall,
    recall_by_chance,
)


def test_recall_counts_keywords_by_their_words_and_needs_the_last() -> None:
    assert recall("A red barn, and fog.", ("red barn", "fog")) == 1
    assert recall("The barns again.", ("red barn",)) == 0.5
    assert recall("Something red.", ("red barn",)) == 0
    assert recall("Fog.", ("red barn", "fog")) == 0.5
    assert recall("Fog.", ()) == 0


def test_recall_by_chance_holds_captions_against_other_pictures() -> None:
    texts = ["A barn.", "Fog.", "A barn in fog."]
    shown = [("barn",), ("fog",), ("lake",)]
    # A barn: fog 0, lake 0. Fog: lake 0, barn 0. A barn in fog: barn 1, fog 1.
    assert recall_by_chance(texts, shown) == pytest.approx(2 / 6)
    assert recall_by_chance(texts[:2], [("barn",), ("barn",)]) == 0


def test_the_best_score_ranks_first_and_equal_ones_share_their_places() -> None:
    assert rank_of([0.1, 0.9, 0.5], 1) == 1
    assert rank_of([0.1, 0.9, 0.5], 0) == 3
    assert rank_of([0.5, 0.5, 0.1], 0) == 1.5
    assert rank_of([0.5] * 50, 7) == 25.5


def test_ranks_are_summed_up() -> None:
    told = ranking([1, 2, 8, 1], 50)
    assert told is not None
    assert (told.mean, told.median, told.first, told.five) == (3, 1.5, 0.5, 0.75)
    assert told.reciprocal == pytest.approx((1 + 1 / 2 + 1 / 8 + 1) / 4, abs=1e-4)
    assert ranking([], 50) is None


def test_chance_among_fifty_is_known() -> None:
    guess = chance(50)
    assert (guess.mean, guess.median, guess.first, guess.five) == (25.5, 25.5, 0.02, 0.1)
    assert guess.reciprocal == pytest.approx(0.09, abs=1e-3)  # the 50th harmonic number / 50
    every = ranking(range(1, 51), 50)
    assert every is not None
    assert (every.mean, every.median, every.reciprocal) == (guess.mean, guess.median, guess.reciprocal)  # fmt: skip


class Words:
    """Finds a caption likely by its own `usual`, and by how many words of the prompt it has."""

    usual = {"A sale, today.": -1.0}  # noqa: RUF012

    def score(self, pairs: Sequence[tuple[str, str]]) -> list[float]:
        return [
            self.usual.get(text, -5.0)
            + sum(word.strip(".,").lower() in prompt.split() for word in text.split())
            for prompt, text in pairs
        ]


CANDIDATES = ["A barn.", "Fog.", "A sale, today.", "The lake."]


def test_a_caption_that_is_always_likely_comes_first_unless_that_is_taken_off() -> None:
    told = found(Words(), {"seen": ["barn", "lake"]}, ["-", "-"], CANDIDATES, [0, 3])
    assert told is not None
    assert told.of == 4
    assert told.ways["seen"].ranks == (1, 1)
    assert told.ways["seen" + AS_IS].ranks == (2, 2)
    assert told.ways[NO_PICTURE].ranks == (3, 3)  # three are equally unlikely: places 2 to 4


def test_it_stops_when_told_so_and_keeps_whole_pictures() -> None:
    asked: list[int] = []

    def going_on(done: int) -> bool:
        asked.append(done)
        return len(asked) < 6

    many = [f"{n}" for n in range(25)]  # three times ten candidates at once
    told = found(Words(), {"seen": ["0", "1", "2"]}, ["-"] * 3, many, [0, 1, 2], going_on)
    assert asked == [0] * 6
    assert told is None
    told = found(Words(), {"seen": ["0", "1"]}, ["-"] * 2, many, [0, 1], lambda done: done < 1)
    assert told is not None
    assert told.ways["seen"].pictures == 1
