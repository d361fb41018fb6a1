"""`feedsmith learn` as a person types it."""

import json
from pathlib import Path

import pytest

from feedsmith import outcomes
from feedsmith.brand import Brand, Home
from small_outcomes import season
from test_cli import one_clear_line, run


@pytest.fixture
def home(tmp_path: Path) -> Path:
    Home(tmp_path).create(Brand(name="Brot & Butter", time_zone="Europe/Berlin"))
    return tmp_path


def tell(home: Path, count: int = 60) -> None:
    posts = season(count, {"reel": 1.0})
    outcomes.record(home, [v for o in posts for v in (o.published, *o.readings)])


def test_the_report_is_a_table_a_page_and_json(home: Path) -> None:
    tell(home)
    with (home / outcomes.NAME).open("a") as stream:
        stream.write('{"reading": {"post": "p1", "at": "2026-05-04T18:00:00Z", "likes": -1}}\n')
    done = run("learn", home)
    assert done.returncode == 0, done.stderr
    for words in (
        "Kind of post",
        "reel",
        "60 posts from 2026-01-05",
        "to +",
        "line 121: likes",
        "[learning]",
    ):
        assert words in done.stdout, words
    page = (home / "reports" / "learn.html").read_text("utf-8")
    assert "What works for Brot &amp; Butter?" in page
    assert "Kind of post" in page
    assert "http" not in page.replace("http-equiv", "")
    told = json.loads(run("learn", home, "--json").stdout)
    assert told == json.loads((home / "reports" / "learn.json").read_text("utf-8"))
    assert told["posts"] == 60
    assert {d["name"] for d in told["dimensions"]} >= {"kind", "theme", "part", "hashtag", "length"}
    assert json.loads(run("learn", home, "--json", "--measure", "reach").stdout)["basis"] == "reach"


def test_without_insights_it_says_that_nothing_is_known(home: Path) -> None:
    done = run("learn", home)
    assert done.returncode == 0, done.stderr
    assert "0 posts with figures are too few" in done.stdout
    assert "too few" not in one_clear_line(run("learn", home, "--measure", "luck"))


def test_a_trial_from_its_start_to_its_end(home: Path) -> None:
    told = run("learn", home, "--ab", "start", "--name", "ask", "--a", "asks", "--b", "tells")
    assert told.returncode == 0, told.stderr
    assert "same people" in told.stdout
    assert "No pair is complete" in run("learn", home, "--ab", "show").stdout
    assert "no post" in one_clear_line(run("learn", home, "--ab", "assign", "--post", "../../etc"))
    assert "still running" in one_clear_line(
        run("learn", home, "--ab", "start", "--name", "b", "--a", "x", "--b", "y")
    )
    assert "two variants" in one_clear_line(run("learn", home, "--ab", "start", "--name", "c"))
    assert "nothing to do" in one_clear_line(run("learn", home, "--ab", "begin"))
    done = run("learn", home, "--ab", "stop", "--json")
    (row,) = json.loads(done.stdout)
    assert row["trial"]["stopped"]
    assert row["finding"]["pairs"] == 0
