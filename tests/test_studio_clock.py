"""The clock: what a time of day means on the days on which it is put forward or back."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from feedsmith.studio.clock import bounds, change, moment, shown, zone_said

BERLIN, NEW_YORK = ZoneInfo("Europe/Berlin"), ZoneInfo("America/New_York")


@pytest.mark.parametrize(
    ("zone", "day", "clock", "first", "second", "names"),
    [
        (BERLIN, date(2026, 10, 25), time(2, 30), (0, 30), (1, 30), ("CEST", "CET")),
        (BERLIN, date(2026, 10, 25), time(2, 0), (0, 0), (1, 0), ("CEST", "CET")),
        (NEW_YORK, date(2026, 11, 1), time(1, 30), (5, 30), (6, 30), ("EDT", "EST")),
        (NEW_YORK, date(2026, 11, 1), time(1, 0), (5, 0), (6, 0), ("EDT", "EST")),
    ],
)
def test_a_time_that_comes_twice_is_said_and_either_can_be_taken(
    zone: ZoneInfo, day: date, clock: time, first: tuple[int, int], second: tuple[int, int],
    names: tuple[str, str],
) -> None:  # fmt: skip
    one, two = moment(day, clock, zone), moment(day, clock, zone, second=True)
    assert one.at == datetime(day.year, day.month, day.day, *first, tzinfo=UTC)
    assert two.at == datetime(day.year, day.month, day.day, *second, tzinfo=UTC)
    assert one.twice
    assert two.twice
    assert f"{clock:%H:%M} comes twice on {day.day} " in one.said
    assert f"The first one is taken ({names[0]})." in one.said
    assert f"The second one is taken ({names[1]})." in two.said
    assert shown(one.at.astimezone(zone)) == f"{clock:%H:%M} {names[0]}"
    assert shown(two.at.astimezone(zone)) == f"{clock:%H:%M} {names[1]}"


@pytest.mark.parametrize(
    ("zone", "day", "taken"),
    [
        (BERLIN, date(2027, 3, 28), datetime(2027, 3, 28, 1, 30, tzinfo=UTC)),
        (NEW_YORK, date(2027, 3, 14), datetime(2027, 3, 14, 7, 30, tzinfo=UTC)),
    ],
)
def test_a_time_that_does_not_exist_is_said_and_the_one_shown_instead_is_taken(
    zone: ZoneInfo, day: date, taken: datetime
) -> None:
    found = moment(day, time(2, 30), zone)
    assert found.at == taken
    assert shown(found.at.astimezone(zone)) == "03:30"
    assert found.said == (
        f"02:30 does not exist on {day.day} March 2027: clocks go forward from 02:00 to 03:00. "
        "03:30 is taken instead."
    )
    assert not found.twice


@pytest.mark.parametrize(
    ("zone", "day", "said", "hours"),
    [
        (BERLIN, date(2026, 10, 25), "Clocks go back from 03:00 to 02:00", 25),
        (BERLIN, date(2027, 3, 28), "Clocks go forward from 02:00 to 03:00", 23),
        (NEW_YORK, date(2026, 11, 1), "Clocks go back from 02:00 to 01:00", 25),
        (NEW_YORK, date(2027, 3, 14), "Clocks go forward from 02:00 to 03:00", 23),
        # A quarter of the year in which only one of the two has changed.
        (NEW_YORK, date(2026, 10, 25), "", 24), (BERLIN, date(2027, 3, 14), "", 24),
        (ZoneInfo("Australia/Lord_Howe"), date(2027, 4, 4), "Clocks go back from 02:00 to 01:30", 24.5),
        # The day begins at one o'clock.
        (ZoneInfo("Africa/Cairo"), date(2026, 4, 24), "Clocks go forward from 00:00 to 01:00", 23),
        (ZoneInfo("UTC"), date(2026, 10, 25), "", 24),
    ],
)  # fmt: skip
def test_the_days_on_which_a_clock_is_changed_are_known(
    zone: ZoneInfo, day: date, said: str, hours: float
) -> None:
    found = change(day, zone)
    assert (found.said if found else "") == said
    start, end = bounds(day, day, zone)
    assert end - start == timedelta(hours=hours)


@pytest.mark.parametrize("day", [date(2026, 10, 24), date(2026, 10, 26), date(2027, 3, 27)])
def test_on_all_other_days_nothing_is_said(day: date) -> None:
    found = moment(day, time(2, 30), BERLIN)
    assert (found.said, found.twice) == ("", False)
    assert shown(found.at.astimezone(BERLIN)) == "02:30"
    assert change(day, BERLIN) is None


def test_times_around_the_doubled_hour_carry_no_name() -> None:
    for clock in (time(1, 59), time(3, 0)):
        assert moment(date(2026, 10, 25), clock, BERLIN).said == ""


@settings(max_examples=200, deadline=None)
@given(
    st.dates(date(2026, 1, 1), date(2028, 12, 31)),
    st.times(),
    st.sampled_from(["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu"]),
)
def test_a_time_that_exists_is_kept_as_it_was_said(day: date, clock: time, name: str) -> None:
    zone = ZoneInfo(name)
    found = moment(day, clock, zone)
    local = found.at.astimezone(zone)
    assert local.date() == day
    if "does not exist" not in found.said:
        assert local.time().replace(fold=0) == clock


def test_a_zone_is_said_with_its_distance() -> None:
    at = datetime(2026, 12, 1, tzinfo=UTC)
    assert zone_said(BERLIN, at) == "Europe/Berlin, UTC+1"
    assert zone_said(NEW_YORK, at) == "America/New_York, UTC−5"
    assert zone_said(ZoneInfo("Asia/Kathmandu"), at) == "Asia/Kathmandu, UTC+5:45"
