"""Public holidays against published calendars."""

from datetime import date

import pytest

from connectors.sandbox.holidays import easter, public_holidays, working_dates


@pytest.mark.parametrize(
    ("year", "month", "day"),
    [(1961, 4, 2), (2000, 4, 23), (2008, 3, 23), (2024, 3, 31), (2025, 4, 20), (2026, 4, 5), (2027, 3, 28), (2038, 4, 25)],
)
def test_easter(year: int, month: int, day: int) -> None:
    assert easter(year) == date(year, month, day)


@pytest.mark.parametrize(
    ("country", "year", "days"),
    [
        # opm.gov, federal holidays 2026 (4 July is a Saturday) and 2027 (19 June and Christmas are Saturdays, 4 July is a Sunday).
        ("US", 2026, "01-01 01-19 02-16 05-25 06-19 07-03 09-07 10-12 11-11 11-26 12-25"),
        ("US", 2027, "01-01 01-18 02-15 05-31 06-18 07-05 09-06 10-11 11-11 11-25 12-24 12-31"),
        # gov.uk, England and Wales: substitutes for Boxing Day 2026, Christmas 2027, and both in 2022 (without that year's two one-offs).
        ("GB", 2026, "01-01 04-03 04-06 05-04 05-25 08-31 12-25 12-28"),
        ("GB", 2027, "01-01 03-26 03-29 05-03 05-31 08-30 12-27 12-28"),
        ("GB", 2028, "01-03 04-14 04-17 05-01 05-29 08-28 12-25 12-26"),
        ("GB", 2033, "01-03 04-15 04-18 05-02 05-30 08-29 12-26 12-27"),
        ("DE", 2026, "01-01 04-03 04-06 05-01 05-14 05-25 10-03 12-25 12-26"),
        ("FR", 2026, "01-01 04-06 05-01 05-08 05-14 05-25 07-14 08-15 11-01 11-11 12-25"),
        ("IN", 2026, "01-26 04-03 08-15 10-02 12-25"),
        ("BR", 2026, "01-01 04-03 04-21 05-01 09-07 10-12 11-02 11-15 11-20 12-25"),
    ],
)
def test_the_days_off_of_a_year(country: str, year: int, days: str) -> None:
    assert public_holidays(country, year) == {date.fromisoformat(f"{year}-{day}") for day in days.split()}


def test_new_years_day_on_a_saturday_is_observed_in_the_old_year() -> None:
    assert date(2027, 12, 31) in public_holidays("US", 2027)
    assert date(2028, 1, 1) not in public_holidays("US", 2028)


def test_working_dates_cross_the_new_year() -> None:
    assert working_dates("DE", date(2026, 12, 24), date(2027, 1, 4)) == [
        date(2026, 12, 24),
        date(2026, 12, 28),
        date(2026, 12, 29),
        date(2026, 12, 30),
        date(2026, 12, 31),
        date(2027, 1, 4),
    ]


def test_the_same_week_has_other_working_days_elsewhere() -> None:
    week = date(2026, 11, 23), date(2026, 11, 27)
    assert [len(working_dates(country, *week)) for country in ("US", "DE", "GB")] == [4, 5, 5]
