"""Plots: their numbers stand in words, and nothing is drawn outside."""

import re

from feedsmith.evaluate import plots


def test_a_histogram_says_both_shares_in_at_most_twelve_columns() -> None:
    text = plots.histogram([1, 2, 2, 40], [2, 3], "words")
    assert 1 < text.count('role="listitem"') <= 12
    assert "0 to 4 words: yours 75%, written 100%" in text
    assert plots.histogram([], [], "words") == ""


def test_a_distance_beyond_the_scale_stands_at_its_end() -> None:
    assert "100.0%" in plots.reach(9, 1, 2, "x")
    assert 'class="dot far"' in plots.reach(1, 0, 0, "x")
    assert "left:0.0%" in plots.reach(0, 0, 0, "x")


def test_an_interval_is_placed_on_its_scale() -> None:
    text = plots.interval(0.4, 0.7, 1.0, 0.4, 0.5, "said")
    assert 'class="dot" style="left:50.0%"' in text
    assert 'class="line" style="left:0.0%;right:calc(100% - 100.0%)"' in text
    assert 'aria-label="said"' in text


def test_equal_ranks_are_stacked() -> None:
    text = plots.strip([1, 1, 1, 50], 50, 25.5, "x")
    assert [text.count(f"--level:{level}") for level in (0, 1, 2, 3)] == [2, 1, 1, 0]
    assert "--levels:3" in text
    assert 'class="ideal" style="left:50.0%"' in text


def test_a_curve_stays_in_its_field_though_one_step_runs_wild() -> None:
    steps = [(i, 3 - i / 50) for i in range(1, 100)]
    lines = [plots.Line([*steps, (100, 400.0)], "faint"), plots.Line([(50, 2.5)], "new", dots=True)]
    drawn = plots.curve(lines, "step", "loss", "x")
    heights = [float(y) for y in re.findall(r"[ML][\d.]+ ([\d.]+)", drawn)]
    assert len(heights) > 100
    assert all(0 <= height <= 100 for height in heights)
    assert max(heights) - min(heights) > 60  # the others are not flattened
    assert plots.curve([], "step", "loss", "x") == ""


def test_ticks_are_round_and_the_mean_of_what_is_level_is_level() -> None:
    assert plots.rounds(0, 10) == [0, 2, 4, 6, 8, 10]
    assert plots.rounds(2.31, 3.9) == [2.25, 2.5, 2.75, 3, 3.25, 3.5, 3.75, 4]
    assert plots.smooth([(i, 2.0) for i in range(40)])[7] == (7, 2.0)
