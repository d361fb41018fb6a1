"""Days: right by each country's own rule, none guessed, none where it would not fit."""

from datetime import date

import pytest

from feedsmith import days


def names(
    start: date, end: date, country: str, zone: str = "UTC", niche: str = ""
) -> dict[str, date]:
    found = days.between(start, end, days.place(country, zone), niche)
    return {day.name: day.on for day in found}


def year(number: int, country: str, zone: str = "UTC", niche: str = "") -> dict[str, date]:
    return names(date(number, 1, 1), date(number + 1, 1, 1), country, zone, niche)


@pytest.mark.parametrize(
    ("number", "month", "day"),
    [(2024, 3, 31), (2025, 4, 20), (2026, 4, 5), (2027, 3, 28), (2038, 4, 25)],
)
def test_easter_falls_where_it_falls(number: int, month: int, day: int) -> None:
    assert days.easter(number) == date(number, month, day)


@pytest.mark.parametrize(
    ("country", "number", "month", "day"),
    [("US", 2026, 5, 10), ("DE", 2026, 5, 10), ("GB", 2026, 3, 15), ("FR", 2026, 5, 31),
     ("FR", 2020, 6, 7), ("ES", 2026, 5, 3), ("NO", 2026, 2, 8), ("SE", 2026, 5, 31),
     ("PL", 2026, 5, 26), ("MX", 2026, 5, 10), ("AR", 2026, 10, 18), ("EG", 2026, 3, 21)],
)  # fmt: skip
def test_mothers_day_differs_by_country(country: str, number: int, month: int, day: int) -> None:
    assert year(number, country)["Mother's Day"] == date(number, month, day)


@pytest.mark.parametrize(
    ("country", "month", "day"),
    [("US", 6, 21), ("DE", 5, 14), ("AU", 9, 6), ("SE", 11, 8), ("ES", 3, 19), ("DK", 6, 5)],
)
def test_so_does_fathers_day(country: str, month: int, day: int) -> None:
    assert year(2026, country)["Father's Day"] == date(2026, month, day)


def test_days_of_selling_are_marked_and_only_where_they_are_kept() -> None:
    found = days.between(date(2026, 11, 1), date(2027, 1, 1), days.place("US", "UTC"))
    sales = {day.name: day.on for day in found if day.sale}
    assert sales == {
        "Black Friday": date(2026, 11, 27), "Small Business Saturday": date(2026, 11, 28),
    }  # fmt: skip
    assert year(2026, "GB")["Small Business Saturday"] == date(2026, 12, 5)
    assert "Small Business Saturday" not in year(2026, "DE")


def test_public_holidays_are_the_countrys_own_and_sombre_ones_are_left_alone() -> None:
    germany, india, america = year(2026, "DE"), year(2026, "IN"), year(2026, "US")
    assert "Christmas Day" in germany
    assert "Good Friday" not in germany
    assert "Diwali" in india
    assert "Diwali" not in germany
    assert "Memorial Day" not in america
    assert "Thanksgiving Day" in america


def test_without_a_country_nothing_is_assumed() -> None:
    place = days.place("", "UTC")
    assert place.country == ""
    assert "tells no country" in place.note
    assert place.season(date(2026, 7, 1)) == ""
    assert set(year(2026, "")) == {"International Women's Day"}


def test_the_time_zone_tells_the_country_and_the_hemisphere() -> None:
    berlin, sydney, lagos = (
        days.place("", zone) for zone in ("Europe/Berlin", "Australia/Sydney", "Africa/Lagos")
    )
    assert (berlin.country, sydney.country, lagos.country) == ("DE", "AU", "NG")
    july = date(2026, 7, 1)
    assert (berlin.season(july), sydney.season(july), lagos.season(july)) == (
        "summer",
        "winter",
        "",
    )
    assert days.place("NZ", "Europe/Berlin").season(july) == "winter"


def test_the_sun_turns_when_it_does_and_the_other_way_round_in_the_south() -> None:
    north, south = year(2026, "DE"), year(2026, "AU")
    assert north["First day of spring"] == south["First day of autumn"] == date(2026, 3, 20)
    assert north["First day of autumn"] == date(2026, 9, 23)
    assert north["First day of winter"] == south["First day of summer"] == date(2026, 12, 21)
    assert "First day of spring" not in year(2026, "BR", "America/Manaus")


def test_days_of_a_trade_fit_the_niche() -> None:
    assert "International Mountain Day" in year(2026, "DE", niche="hiking & outdoor store")
    assert "International Mountain Day" not in year(2026, "DE", niche="small cafe/bakery")
    assert "World Bread Day" in year(2026, "DE", niche="small cafe/bakery")


def test_days_come_in_order_and_inside_their_bounds() -> None:
    start, end = date(2026, 11, 20), date(2027, 3, 1)
    found = days.between(start, end, days.place("DE", "Europe/Berlin"), "bakery")
    assert found == sorted(found, key=lambda day: day.on)
    assert all(start <= day.on < end for day in found)
    assert "New Year's Day" in {day.name for day in found}
