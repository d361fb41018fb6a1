"""Copied runs of words, and variety."""

import pytest

from feedsmith.evaluate.copying import Corpus, copying, distinct, tokens

OLDER = Corpus(
    [
        "The old oak at the bend in the road, waiting.",
        "Rain again. We stayed for the smell of it!",
        "Two acorns and a leaf",
    ]
)


def test_words_are_compared_without_case_punctuation_and_emoji() -> None:
    assert tokens("It’s RAIN again… 🌧️ half-open, we're (in)") == [
        "it's", "rain", "again", "half-open", "we're", "in",
    ]  # fmt: skip


def test_the_longest_run_is_found_wherever_it_stands() -> None:
    run = OLDER.longest("Look: the bend in the road. And the old oak!")
    assert (run.length, run.words) == (5, "the bend in the road")
    assert OLDER.longest("Two acorns").length == 2
    assert OLDER.longest("Nothing shared whatsoever").length == 0
    assert OLDER.longest("").length == 0


def test_a_run_ends_where_a_caption_ends() -> None:
    assert OLDER.longest("waiting rain again").words == "rain again"


def test_parts_of_words_are_no_words() -> None:
    assert OLDER.longest("oa leaf corn").words == "leaf"


def test_runs_are_summed_up_with_the_worst_named() -> None:
    copies = ["Fog.", "Rain again, it said", "We stayed for the smell of it", "An oak"]
    found = copying(copies, OLDER)
    assert found is not None
    assert found.lengths == (0, 2, 7, 1)
    assert (found.median, found.upper, found.most) == (1.5, 7, 7)
    assert found.worst.text == copies[2]
    assert copying([], OLDER) is None


def test_a_caption_copied_whole_is_as_long_as_it_is() -> None:
    text = "Rain again. We stayed for the smell of it!"
    assert OLDER.longest(text).length == len(tokens(text))


@pytest.mark.parametrize(
    ("texts", "n", "share"),
    [
        (["a b a b"], 1, 2 / 4),
        (["a b a b"], 2, 2 / 3),
        (["a b c", "a b d"], 2, 3 / 4),  # no run goes from one caption into the next
        (["a", "a"], 2, 0.0),
        ([], 1, 0.0),
    ],
)
def test_distinct_n_is_the_share_of_different_runs(texts: list[str], n: int, share: float) -> None:
    assert distinct(texts, n) == pytest.approx(share)


def test_distinct_n_counts_so_many_words_and_no_more() -> None:
    assert distinct(["a b c", "a b c"], 1) == 0.5
    assert distinct(["a b c", "a b c"], 1, words=3) == 1.0
    assert distinct(["a b c", "a b c"], 1, words=4) == 0.75
