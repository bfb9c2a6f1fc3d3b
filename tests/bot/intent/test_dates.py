"""Days, ranges and lengths of time, and where they stand. Today is Friday 20 November 2026."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.intent.dates import find_dates, until_end
from bot.intent.durations import add_working_days, find_durations

TODAY = date(2026, 11, 20)


def days(text: str, locale: str = "en-US") -> list[tuple[str | None, str | None]]:
    return [
        (span.start.isoformat() if span.start else None, span.end.isoformat() if span.end else None)
        for span in find_dates(text, TODAY, locale)
    ]


@pytest.mark.parametrize(
    ("text", "start", "end"),
    [
        ("Dec 22", "2026-12-22", "2026-12-22"),
        ("22nd of December", "2026-12-22", "2026-12-22"),
        ("December 22nd, 2027", "2027-12-22", "2027-12-22"),
        ("4 June", "2027-06-04", "2027-06-04"),
        ("tomorrow", "2026-11-21", "2026-11-21"),
        ("the day after tomorrow", "2026-11-22", "2026-11-22"),
        ("Friday off please", "2026-11-27", "2026-11-27"),
        ("this Monday", "2026-11-23", "2026-11-23"),
        ("Monday Dec 7", "2026-12-07", "2026-12-07"),
        ("Monday, December 7", "2026-12-07", "2026-12-07"),
        ("Monday the 7th of December", "2026-12-07", "2026-12-07"),
        ("Monday 7th", "2026-12-07", "2026-12-07"),
        ("Dec 7 (Monday)", "2026-12-07", "2026-12-07"),
        ("next Monday, Dec 7", "2026-12-07", "2026-12-07"),
        ("Thursday 12/17", "2026-12-17", "2026-12-17"),
        ("from Monday December 14 through Friday, December 18", "2026-12-14", "2026-12-18"),
        ("next Monday", "2026-11-23", "2026-11-23"),
        ("next Wednesday", "2026-11-25", "2026-11-25"),
        ("the 15th", "2026-12-15", "2026-12-15"),
        ("in two weeks", "2026-12-04", "2026-12-04"),
        ("2026-12-31", "2026-12-31", "2026-12-31"),
        ("on 1/2/2027", "2027-01-02", "2027-01-02"),
        ("from 12/22 to 12/24", "2026-12-22", "2026-12-24"),
        ("22.12. to 24.12.", "2026-12-22", "2026-12-24"),
        ("22.12.-24.12.", "2026-12-22", "2026-12-24"),
        ("22-24 December", "2026-12-22", "2026-12-24"),
        ("Dec 22-24", "2026-12-22", "2026-12-24"),
        ("Dec 23 to Jan 2", "2026-12-23", "2027-01-02"),
        ("between Dec 1 and Dec 5", "2026-12-01", "2026-12-05"),
        ("between 1 and 5 December", "2026-12-01", "2026-12-05"),
        ("the 22nd and 23rd of December", "2026-12-22", "2026-12-23"),
        ("on the 22nd of December", "2026-12-22", "2026-12-22"),
        ("22nd and 23rd of December", "2026-12-22", "2026-12-23"),
        ("Thursday and Friday", "2026-11-26", "2026-11-27"),
        ("Friday and Monday", "2026-11-27", "2026-11-30"),
        ("from Monday to Friday", "2026-11-23", "2026-11-27"),
        ("Mon-Fri", "2026-11-23", "2026-11-27"),
        ("Friday to Monday", "2026-11-27", "2026-11-30"),
        ("from the 25th till the 27th", "2026-11-25", "2026-11-27"),
        ("next week", "2026-11-23", "2026-11-27"),
        ("the week of December 7", "2026-12-07", "2026-12-11"),
        ("the week of Dec 9", "2026-12-07", "2026-12-11"),
        ("first week of May", "2027-05-03", "2027-05-07"),
        ("Monday for 3 days", "2026-11-23", "2026-11-25"),
        ("Thursday for 3 days", "2026-11-26", "2026-11-30"),
        ("from Monday for two weeks", "2026-11-23", "2026-12-04"),
        ("until Friday", None, "2026-11-27"),
        ("starting Thursday", "2026-11-26", None),
    ],
)
def test_reads_days(text: str, start: str | None, end: str | None) -> None:
    assert days(text) == [(start, end)]


def test_slashes_follow_the_locale() -> None:
    assert days("2/3", "en-US") == [("2027-02-03", "2027-02-03")]
    assert days("2/3", "de-DE") == [("2027-03-02", "2027-03-02")]
    assert days("12/22", "en-GB") == [("2026-12-22", "2026-12-22")]


def test_knows_the_months_of_the_locale() -> None:
    assert days("22. Dezember", "de-DE") == [("2026-12-22", "2026-12-22")]
    assert days("am Montag", "de-DE") == [("2026-11-23", "2026-11-23")]


@pytest.mark.parametrize(
    "text", ["version 1.2.3", "I need 3 HDMI adapters", "30.02.", "December 22 and 29", "may I ask", "Mondays", "call 555-1234"]
)
def test_leaves_other_figures_alone(text: str) -> None:
    assert days(text) == []


def test_says_where_the_words_stand() -> None:
    text = "vacation from Dec 22 to Dec 24 please"
    (span,) = find_dates(text, TODAY)
    assert text[span.first : span.last] == "from Dec 22 to Dec 24"
    (length,) = find_durations("editor for 30 days, please")
    assert "editor for 30 days, please"[length.first : length.last] == "30 days"


@pytest.mark.parametrize(
    ("text", "iso"),
    [
        ("30 days", "P30D"),
        ("two weeks", "P14D"),
        ("a month", "P30D"),
        ("an entire thing, 3 months", "P90D"),
        ("90-day", "P90D"),
        ("half a year", "P182D"),
        ("a couple of weeks", "P14D"),
        ("2w", "P14D"),
    ],
)
def test_reads_lengths(text: str, iso: str) -> None:
    assert [length.iso for length in find_durations(text)] == [iso]


@pytest.mark.parametrize("text", ["and that is it", "a 5 year old laptop", "two weeks ago", "a day", "some days"])
def test_reads_no_length_where_there_is_none(text: str) -> None:
    assert [length.iso for length in find_durations(text)] == (["P1D"] if text == "a day" else [])


def test_ends_of_periods() -> None:
    assert until_end("for the rest of the quarter", TODAY) == (date(2026, 12, 31), 8, 27)
    assert until_end("until the end of next month", TODAY) == (date(2026, 12, 31), 10, 27)
    assert until_end("end of the week", date(2026, 11, 18)) == (date(2026, 11, 20), 0, 15)
    assert until_end("at the end", TODAY) is None


def test_working_days_skip_the_weekend() -> None:
    assert add_working_days(date(2026, 11, 26), 3) == date(2026, 11, 30)


@given(st.text(max_size=200), st.dates(date(2000, 1, 1), date(2090, 1, 1)), st.sampled_from(["en-US", "de-DE", "pt-BR", "x", "ja-JP"]))
def test_never_raises(text: str, today: date, locale: str) -> None:
    for span in find_dates(text, today, locale):
        assert 0 <= span.first < span.last <= len(text.lower())
        assert span.start is None or span.end is None or span.start <= span.end
    find_durations(text)
    until_end(text, today)


@given(st.dates(date(2026, 11, 20), date(2027, 11, 19)))
def test_reads_back_what_it_is_told(day: date) -> None:
    assert days(f"on {day:%B} {day.day}") == [(day.isoformat(), day.isoformat())]
    assert days(f"{day.isoformat()}") == [(day.isoformat(), day.isoformat())]
    assert days(f"{day.day}.{day.month}.") == [(day.isoformat(), day.isoformat())]


@pytest.mark.parametrize("text", ["Monday Dec 8", "Monday, December 8", "Friday 7th"])
def test_a_weekday_that_contradicts_its_date_is_asked_for(text: str) -> None:
    assert days(text) == []
