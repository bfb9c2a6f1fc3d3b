"""Quiet hours: when they are, in whose zone, what may wait for their end, and what foyer.yaml may say of them."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bot.config import SHIPPED, ConfigError, load
from bot.quiet import AWAKE, News, QuietHours, held_until, is_over, is_pointless, news_of, quiet_until, useless_after
from connectors.ports.chat import Action, Reply, ReplyKind
from specialists.request import EventKind, RequestEvent

NIGHT = QuietHours.model_validate({"from": "20:00", "to": "07:00"})
WITH_WEEKENDS = QuietHours.model_validate({"from": "20:00", "to": "07:00", "weekends": True})
LUNCH = QuietHours.model_validate({"from": "12:00", "to": "13:00"})
EARLY = QuietHours.model_validate({"from": "22:00", "to": "02:30"})
NEW_YORK, BERLIN, KOLKATA = "America/New_York", "Europe/Berlin", "Asia/Kolkata"


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("hours", "zone", "now", "until"),
    [
        (NIGHT, "UTC", "2026-11-24 19:59:59", None),
        (NIGHT, "UTC", "2026-11-24 20:00", "2026-11-25 07:00"),
        (NIGHT, "UTC", "2026-11-25 00:00", "2026-11-25 07:00"),
        (NIGHT, "UTC", "2026-11-25 06:59:59", "2026-11-25 07:00"),
        (NIGHT, "UTC", "2026-11-25 07:00", None),
        # The same moment is quiet for one and not for another.
        (NIGHT, NEW_YORK, "2026-11-24 20:00", None),
        (NIGHT, BERLIN, "2026-11-24 20:00", "2026-11-25 06:00"),
        (NIGHT, KOLKATA, "2026-11-24 20:00", "2026-11-25 01:30"),
        (NIGHT, NEW_YORK, "2026-11-25 03:00", "2026-11-25 12:00"),
        # In one day.
        (LUNCH, "UTC", "2026-11-24 12:00", "2026-11-24 13:00"),
        (LUNCH, "UTC", "2026-11-24 13:00", None),
        (LUNCH, "UTC", "2026-11-24 23:00", None),
        # Weekends: 2026-11-20 is a Friday.
        (NIGHT, "UTC", "2026-11-21 12:00", None),
        (NIGHT, "UTC", "2026-11-20 21:00", "2026-11-21 07:00"),
        (WITH_WEEKENDS, "UTC", "2026-11-20 19:59", None),
        (WITH_WEEKENDS, "UTC", "2026-11-20 20:00", "2026-11-23 07:00"),
        (WITH_WEEKENDS, "UTC", "2026-11-22 12:00", "2026-11-23 07:00"),
        (WITH_WEEKENDS, NEW_YORK, "2026-11-21 04:59", "2026-11-23 12:00"),
        (QuietHours.model_validate({"from": "12:00", "to": "13:00", "weekends": True}), "UTC", "2026-11-21 15:00", "2026-11-23 00:00"),
        # Clocks are put forward in New York on 8 March 2026 at 02:00, over 02:30 ...
        (NIGHT, NEW_YORK, "2026-03-08 03:00", "2026-03-08 11:00"),
        (EARLY, NEW_YORK, "2026-03-08 06:59", "2026-03-08 07:30"),
        # ... and back on 1 November at 02:00: 01:30 comes twice.
        (NIGHT, NEW_YORK, "2026-11-01 03:00", "2026-11-01 12:00"),
        (QuietHours.model_validate({"from": "22:00", "to": "01:30"}), NEW_YORK, "2026-11-01 05:00", "2026-11-01 05:30"),
        (QuietHours.model_validate({"from": "22:00", "to": "01:30"}), NEW_YORK, "2026-11-01 06:10", "2026-11-01 06:30"),
    ],
)
def test_they_end_on_the_clock_of_whoever_is_told(hours: QuietHours, zone: str, now: str, until: str | None) -> None:
    assert quiet_until(hours, at(now), zone) == (at(until) if until is not None else None)


@pytest.mark.parametrize("zone", [NEW_YORK, BERLIN, KOLKATA, "Australia/Lord_Howe", "Pacific/Apia", "UTC"])
@pytest.mark.parametrize("hours", [NIGHT, WITH_WEEKENDS, LUNCH, EARLY])
def test_they_always_end_and_are_over_then(hours: QuietHours, zone: str) -> None:
    """At every half hour of a year with its changes of clocks."""
    now = at("2026-01-01 00:07")
    for _ in range(365 * 48):
        until = quiet_until(hours, now, zone)
        if until is not None:
            assert now < until <= now + timedelta(days=3)
            assert quiet_until(hours, until, zone) is None
        now += timedelta(minutes=30)


NIGHTLY, MORNING = at("2026-11-24 23:00"), at("2026-11-25 07:00")


@pytest.mark.parametrize("news", News)
def test_only_what_can_wait_waits(news: News) -> None:
    assert held_until(NIGHT, news, NIGHTLY, "UTC", None) == (MORNING if news.waits else None)
    assert news.because


def test_without_quiet_hours_nothing_waits() -> None:
    assert held_until(None, News.APPROVAL, NIGHTLY, "UTC", None) is None


def test_nothing_waits_for_whoever_is_there() -> None:
    just_now, before = NIGHTLY - AWAKE + timedelta(seconds=1), NIGHTLY - AWAKE
    assert held_until(NIGHT, News.APPROVAL, NIGHTLY, "UTC", just_now) is None
    assert held_until(NIGHT, News.APPROVAL, NIGHTLY, "UTC", before) == MORNING


def test_what_would_come_too_late_does_not_wait() -> None:
    assert held_until(NIGHT, News.GRANT_ENDING, NIGHTLY, "UTC", None, too_late=MORNING) is None
    assert held_until(NIGHT, News.GRANT_ENDING, NIGHTLY, "UTC", None, too_late=MORNING + timedelta(seconds=1)) == MORNING


def test_it_is_over_at_its_time_or_when_they_come() -> None:
    assert not is_over(MORNING, NIGHTLY, None, MORNING - timedelta(seconds=1))
    assert is_over(MORNING, NIGHTLY, None, MORNING)
    assert is_over(MORNING, NIGHTLY, NIGHTLY + timedelta(minutes=1), NIGHTLY + timedelta(minutes=1))
    assert not is_over(MORNING, NIGHTLY, NIGHTLY - AWAKE, NIGHTLY)


def test_what_was_done_while_it_was_being_held_counts() -> None:
    """It was not known when that was decided."""
    assert is_over(MORNING, NIGHTLY, NIGHTLY - timedelta(seconds=1), NIGHTLY)


def test_an_approval_that_is_settled_is_pointless_and_nothing_else_is() -> None:
    open_ = Reply("r", ReplyKind.APPROVAL, "May they?", actions=(Action("a", "Yes"),))
    assert not is_pointless(open_)
    assert is_pointless(Reply("r", ReplyKind.APPROVAL, "They may."))
    assert not is_pointless(Reply("r", ReplyKind.RECEIPT, "Done."))


def happened(kind: EventKind, **data: str) -> RequestEvent:
    return RequestEvent(kind, NIGHTLY, data)


def test_security_does_not_wait_though_a_refusal_does() -> None:
    assert news_of(happened(EventKind.DENIED, reason="not_me")) is News.NOT_ME
    assert news_of(happened(EventKind.DENIED, reason="too expensive")) is News.RESULT
    assert news_of(happened(EventKind.STEP_STARTED)) is None


def test_whatever_the_status_reader_tells_is_known_here() -> None:
    told = {EventKind[name] for name in _told_by_the_status_reader()}
    assert {kind for kind in told if news_of(happened(kind)) is None} == set()
    assert {EventKind.APPROVAL_REQUESTED, EventKind.COMPLETED, EventKind.GRANT_ENDED} <= told


def _told_by_the_status_reader() -> list[str]:
    source = (Path(__file__).parent.parent.parent / "bot" / "status.py").read_text(encoding="utf-8")
    return [line.split("EventKind.")[1].split(":")[0].split(" ")[0] for line in source.splitlines() if "case EventKind." in line]


def test_only_what_ends_can_come_too_late() -> None:
    ends = MORNING.isoformat()
    assert useless_after(happened(EventKind.APPROVAL_REQUESTED, expires_at=ends)) == MORNING
    assert useless_after(happened(EventKind.GRANT_ENDING, until=ends)) == MORNING
    assert useless_after(happened(EventKind.COMPLETED)) is None


# -- foyer.yaml ----------------------------------------------------------------------------------------------------


def hours_of(home: Path, more: str) -> QuietHours | None:
    (home / "foyer.yaml").write_text(SHIPPED.read_text(encoding="utf-8") + more)
    return load(home=home).organisation.quiet_hours


def test_there_are_none_where_none_are_named(tmp_path: Path) -> None:
    assert hours_of(tmp_path, "") is None


def test_quotes_are_not_needed(tmp_path: Path) -> None:
    assert hours_of(tmp_path, "\nquiet_hours: {from: 20:00, to: 07:00}\n") == NIGHT
    assert hours_of(tmp_path, '\nquiet_hours: {from: "20:00", to: "7:00", weekends: true}\n') == WITH_WEEKENDS


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ('{from: "25:00", to: "07:00"}', "quiet_hours.from: write a time of day, as \"20:00\", instead of '25:00'"),
        ("{from: 8pm, to: 07:00}", "quiet_hours.from: write a time of day, as \"20:00\", instead of '8pm'"),
        ("{from: 1500, to: 07:00}", 'quiet_hours.from: write a time of day, as "20:00", instead of 1500'),
        ("{from: 20:00}", "quiet_hours.to is missing"),
        ("{from: 07:00, to: 07:00}", "quiet_hours: from and to are the same time"),
        ("{from: 20:00, to: 07:00, weekend: true}", "quiet_hours.weekend: there is no such setting"),
    ],
)
def test_a_mistake_is_told(tmp_path: Path, given: str, told: str) -> None:
    with pytest.raises(ConfigError) as error:
        hours_of(tmp_path, f"\nquiet_hours: {given}\n")
    assert told in str(error.value)
