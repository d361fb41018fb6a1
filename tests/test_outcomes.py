"""Outcomes: what was counted of posts, kept line by line and read without trusting it."""

import json
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from pydantic import ValidationError

from feedsmith import outcomes
from feedsmith.errors import FeedsmithError
from feedsmith.outcomes import Outcome, Published, Reading
from feedsmith.post import PastPost

AT = datetime(2026, 5, 1, 18, 30, tzinfo=UTC)


def published(name: str = "p", **more: object) -> Published:
    return Published(**{"post": name, "at": AT, "kind": "photo", **more})  # type: ignore[arg-type]


def reading(hours: float, name: str = "p", **counts: object) -> Reading:
    return Reading(post=name, at=AT + timedelta(hours=hours), **counts)  # type: ignore[arg-type]


def test_what_is_recorded_is_read_again_and_recording_twice_is_recording_once(
    tmp_path: Path,
) -> None:
    values = [published(hashtags=("oak", "süß")), reading(80, likes=9), reading(4, likes=3)]
    assert outcomes.record(tmp_path, values) == 3
    assert outcomes.record(tmp_path, values) == 0
    found = outcomes.read(tmp_path)
    assert found.faults == ()
    assert found.outcomes == (Outcome(published=values[0], readings=(values[2], values[1])),)  # type: ignore[arg-type]


def test_a_post_told_again_keeps_its_readings_and_lines_are_only_added(tmp_path: Path) -> None:
    outcomes.record(tmp_path, [published(), reading(80, likes=9)])
    before = (tmp_path / outcomes.NAME).read_bytes()
    outcomes.record(tmp_path, [published(kind="reel")])
    assert (tmp_path / outcomes.NAME).read_bytes().startswith(before)
    (only,) = outcomes.read(tmp_path).outcomes
    assert only.published.kind == "reel"
    assert len(only.readings) == 1


def test_two_accounts_may_have_posts_of_one_name(tmp_path: Path) -> None:
    both = [published(account=name) for name in ("one", "two")]
    outcomes.record(tmp_path, [*both, reading(80, account="two", likes=1)])
    assert [len(o.readings) for o in outcomes.read(tmp_path).outcomes] == [0, 1]


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ('{"reading": {"post": "p", "at": "2026-05-04T18:00:00Z", "likes": 3', "cut short"),
        ('{"reading": {"post": "p", "at": "2026-05-04T18:00:00Z", "likes": -3}}', "likes"),
        ('{"reading": {"post": "p", "at": "2026-05-04T18:00:00", "likes": 3}}', "at"),
        ('{"reading": {"post": "p", "at": "2026-05-04T18:00:00Z", "likes": 1e400}}', "likes"),
        ('{"reading": {"post": "p", "at": "2026-04-04T18:00:00Z", "likes": 3}}', "before it went out"),
        ('{"reading": {"post": "q", "at": "2026-05-04T18:00:00Z", "likes": 3}}', "not told of"),
        ('{"published": {"post": "q", "at": "2026-05-04T18:00:00", "kind": "photo"}}', "at"),
        ('{"published": {"post": "", "at": "2026-05-04T18:00:00Z", "kind": "photo"}}', "post"),
        ('["published"]', "neither"), ("[" * 5000, "cut short"), ('{"x": 1}', "neither"),
        ("\x00\xff", "cut short"), ('{"published": 7}', "valid dictionary"),
        ('{"published": "' + "x" * 70000 + '"}', "too long"),
    ],
)  # fmt: skip
def test_a_line_that_cannot_be_is_left_out_and_told_and_the_others_are_read(
    tmp_path: Path, line: str, why: str
) -> None:
    outcomes.record(tmp_path, [published()])
    with (tmp_path / outcomes.NAME).open("ab") as stream:
        stream.write(line.encode("latin-1") + b"\n")
    outcomes.record(tmp_path, [reading(80, likes=9)])
    found = outcomes.read(tmp_path)
    (fault,) = found.faults
    assert fault.startswith("line 2: ")
    assert why in fault
    assert found.outcomes[0].readings == (reading(80, likes=9),)


def test_a_line_cut_by_a_kill_does_not_swallow_the_next_one(tmp_path: Path) -> None:
    outcomes.record(tmp_path, [published(), reading(10, likes=1)])
    path = tmp_path / outcomes.NAME
    path.write_bytes(path.read_bytes()[:-9])
    assert outcomes.record(tmp_path, [reading(80, likes=9)]) == 1
    found = outcomes.read(tmp_path)
    assert found.outcomes[0].readings == (reading(80, likes=9),)
    assert len(found.faults) == 1
    assert outcomes.record(tmp_path, [reading(10, likes=1)]) == 1  # what was lost may come again


def test_of_many_who_record_at_once_all_are_heard(tmp_path: Path) -> None:
    threads = [
        threading.Thread(target=outcomes.record, args=(tmp_path, [published(f"p{n}")]))
        for n in range(16)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(outcomes.read(tmp_path).outcomes) == 16


def test_a_brand_without_insights_has_none(tmp_path: Path) -> None:
    assert outcomes.read(tmp_path) == ((), ())
    (tmp_path / outcomes.NAME).mkdir()
    with pytest.raises(FeedsmithError, match="cannot be read"):
        outcomes.read(tmp_path)


def test_posts_are_compared_at_one_age() -> None:
    grown = Outcome(
        published=published(), readings=(reading(10, likes=10), reading(1000, likes=30))
    )
    assert grown.at_age(100) == {
        "likes": pytest.approx(20.0)
    }  # half way from 10 to 1000 on a logarithm
    assert grown.at_age(10) == {"likes": 10.0}
    assert grown.at_age(2000) is None  # what it will have by then is not known
    late = Outcome(published=published(), readings=(reading(400, likes=30, reach=500),))
    assert late.at_age(72) == {"reach": 500.0, "likes": 30.0}
    assert Outcome(published=published()).at_age(1) is None


def test_a_past_post_keeps_its_own_hour_in_the_brands_zone() -> None:
    past = PastPost(id="x", caption="Oak. #oak", text="Oak.", hashtags=("oak",), posted_at=AT)
    told = outcomes.of_past(past, ZoneInfo("Europe/Berlin"))
    assert told is not None
    assert (told.hour, told.weekday, told.caption_length, told.words) == (20, 4, 4, 1)
    again = Published.model_validate_json(told.model_dump_json())
    assert (again.hour, again.weekday) == (20, 4)
    assert outcomes.of_past(past.model_copy(update={"posted_at": None}), UTC) is None


def test_a_time_without_a_zone_is_no_moment() -> None:
    with pytest.raises(ValidationError, match="timezone"):
        published(at=datetime(2026, 5, 1))
    with pytest.raises(FeedsmithError, match="without a zone"):
        outcomes.of_past(PastPost(id="x", posted_at=datetime(2026, 5, 1)), UTC)


def test_lines_are_plain_json(tmp_path: Path) -> None:
    outcomes.record(tmp_path, [published(theme="Öl\nund Salz")])
    (line,) = (tmp_path / outcomes.NAME).read_text("utf-8").splitlines()
    assert json.loads(line)["published"]["theme"] == "Öl\nund Salz"
