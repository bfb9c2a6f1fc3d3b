"""Which words each failure of a system outside has, and what is worth another try."""

from datetime import UTC, datetime

import pytest

from bot import outages
from connectors.errors import NeedsHuman, Refused, Retry
from specialists.request import EventKind, RequestEvent

START = datetime(2026, 11, 20, 15, 0, tzinfo=UTC)
WORDS = {
    "unreachable": "down",
    "unavailable": "down",
    "connection_lost": "down",
    "timeout": "down",
    "bad_answer": "down",
    "rate_limited": "down",
    "conflict": "down",
    "not_ready": "down",
    "not_served": "not_set_up",
    "bad_credentials": "not_set_up",
    "bad_certificate": "not_set_up",
    "misconfigured": "not_set_up",
    "not_permitted": "not_set_up",
    "ambiguous": "ambiguous",
    "overlap": "failed",
    "internal": "failed",
}


@pytest.mark.parametrize(("code", "words"), WORDS.items())
def test_each_code_has_its_words(code: str, words: str) -> None:
    failed = RequestEvent(EventKind.FAILED, START, {"code": code, "n": 0})
    step = RequestEvent(EventKind.STEP_FAILED, START, {"code": code, "n": 0, "perhaps": True})
    undone = RequestEvent(EventKind.COMPENSATED, START, {"n": 0})
    assert outages.failed([failed]) == outages.failed([step, undone, failed]) == f"handoff.opened.{words}"
    assert outages.failed([step, failed]) == "handoff.opened.unknown"
    left = RequestEvent(EventKind.LEFT_TO_STAFF, START, {"reason": code})
    assert outages.left(left) == ("handoff.opened.policy" if words == "failed" else f"handoff.opened.{words}")


def test_what_does_not_pass_is_not_tried_again() -> None:
    assert outages.passes(Retry("unreachable"))
    assert outages.passes(KeyError())
    for error in (
        Retry("timeout"),
        Retry("misconfigured"),
        Retry("breaker_open", "bad_credentials"),
        Refused("x"),
        NeedsHuman("ambiguous"),
    ):
        assert not outages.passes(error)


def test_an_open_breaker_does_not_keep_anybody_waiting_for_a_word() -> None:
    assert outages.asks_to_wait(Retry("breaker_open", "unreachable", after=300.0)) is None
    assert outages.asks_to_wait(Retry("bad_credentials", "bind_dn or password", after=60.0)) is None
    assert outages.asks_to_wait(Retry("rate_limited", after=3.0)) == 3.0
