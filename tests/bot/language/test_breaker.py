"""The breaker: opens within five failures, tries again by one call at a time, and never forgets that it was open."""

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from bot.language.breaker import NOT_AUTHORISED, verdict
from connectors.calling.breaker import FAILURES, LONGEST, OPEN, Breaker, Entry
from connectors.errors import ConnectorError, Refused, Retry
from connectors.ports.language import Unusable


def entered(breaker: Breaker, now: float) -> Entry:
    entry = breaker.enter(now)
    assert entry is not None
    return entry


def opened(now: float = 0.0) -> Breaker:
    breaker = Breaker()
    for _ in range(FAILURES):
        breaker.failed(entered(breaker, now), now)
    return breaker


def test_five_failures_in_a_row_open_it_for_half_a_minute() -> None:
    breaker = Breaker()
    for _ in range(FAILURES):
        breaker.failed(entered(breaker, 0), 0)
    assert breaker.enter(OPEN - 0.1) is None
    assert breaker.wait(10) == OPEN - 10
    assert entered(breaker, OPEN).probe


def test_a_success_between_starts_the_count_again() -> None:
    breaker = Breaker()
    for outcome in ("f", "f", "f", "f", "s", "f", "f", "f", "f"):
        entry = entered(breaker, 0)
        breaker.succeeded(entry) if outcome == "s" else breaker.failed(entry, 0)
    assert not breaker.is_open


def test_one_probe_at_a_time_and_its_success_closes() -> None:
    breaker = opened()
    probe = entered(breaker, OPEN)
    assert breaker.enter(OPEN) is None
    breaker.left(probe)
    probe = entered(breaker, OPEN)
    breaker.succeeded(probe)
    assert [entered(breaker, OPEN).probe for _ in range(3)] == [False] * 3


def test_each_probe_that_fails_doubles_the_wait_up_to_five_minutes() -> None:
    breaker, now, waits = opened(), OPEN, []
    for _ in range(6):
        breaker.failed(entered(breaker, now), now)
        waits.append(breaker.wait(now))
        now += waits[-1]
    assert waits == [60, 120, 240, LONGEST, LONGEST, LONGEST]
    breaker.succeeded(entered(breaker, now))
    for _ in range(FAILURES):
        breaker.failed(entered(breaker, now), now)
    assert breaker.wait(now) == OPEN


def test_what_began_before_it_opened_neither_closes_nor_prolongs_it() -> None:
    breaker = Breaker()
    slow, slower = entered(breaker, 0), entered(breaker, 0)
    for _ in range(FAILURES):
        breaker.failed(entered(breaker, 0), 0)
    breaker.succeeded(slow)
    assert breaker.enter(1) is None
    breaker.failed(slower, 20)
    assert breaker.wait(20) == OPEN - 20


@pytest.mark.parametrize(
    ("error", "wait"),
    [
        (Retry("rate_limited", after=12.5), 12.5),
        (Retry("overloaded", after=3), 3),
        (Refused("not_authorised"), NOT_AUTHORISED),
        (Retry("rate_limited", after=86_400), 3600),
        (Retry("rate_limited"), None),
        (Retry("rate_limited", after=0), None),
        (Retry("rate_limited", after=0.5), None),
        (Retry("unreachable"), None),
        (Unusable("late"), None),
    ],
)
def test_what_one_error_does(error: ConnectorError, wait: float | None) -> None:
    breaker = Breaker()
    verdict(breaker, entered(breaker, 0), error, 0)
    assert (breaker.wait(0) or None) == wait


@pytest.mark.parametrize(
    "error",
    [Unusable(code) for code in ("malformed", "schema", "cut", "max_tokens", "late")]
    + [Retry("server_error"), Retry("rate_limited", after=0)],
)
def test_useless_results_count(error: ConnectorError) -> None:
    breaker = Breaker()
    for _ in range(FAILURES):
        verdict(breaker, entered(breaker, 0), error, 0)
    assert breaker.is_open


@pytest.mark.parametrize("error", [Refused("bad_request"), Unusable("refusal")])
def test_what_is_the_fault_of_the_question_does_not(error: ConnectorError) -> None:
    breaker = Breaker()
    for _ in range(3 * FAILURES):
        verdict(breaker, entered(breaker, 0), error, 0)
    assert not breaker.is_open


class AnyOrder(RuleBasedStateMachine):
    """Calls that begin and end in any order, at any time."""

    def __init__(self) -> None:
        super().__init__()
        self.breaker = Breaker()
        self.now = 0.0
        self.under_way: list[Entry] = []
        self.in_a_row = 0

    @rule(seconds=st.floats(0, 400))
    def time_goes_by(self, seconds: float) -> None:
        self.now += seconds

    @rule()
    def somebody_asks(self) -> None:
        was_open, wait = self.breaker.is_open, self.breaker.wait(self.now)
        entry = self.breaker.enter(self.now)
        if entry is not None:
            assert wait == 0
            assert entry.probe == was_open
            self.under_way.append(entry)

    @precondition(lambda self: self.under_way)
    @rule(data=st.data(), what=st.sampled_from(["succeeds", "fails", "is told to wait", "says nothing"]))
    def one_ends(self, data: st.DataObject, what: str) -> None:
        entry = self.under_way.pop(data.draw(st.integers(0, len(self.under_way) - 1)))
        before = self.breaker.is_open
        match what:
            case "succeeds":
                self.breaker.succeeded(entry)
            case "fails":
                self.breaker.failed(entry, self.now)
            case "is told to wait":
                self.breaker.failed(entry, self.now, 10)
            case _:
                self.breaker.left(entry)
        if before and not self.breaker.is_open:
            assert what == "succeeds"
            assert entry.probe

    @invariant()
    def one_probe_and_a_bounded_wait(self) -> None:
        assert self.breaker.wait(self.now) <= LONGEST
        if self.breaker.is_open:
            entry = self.breaker.enter(self.now + LONGEST)
            if entry is not None:
                assert self.breaker.enter(self.now + LONGEST) is None
                self.breaker.left(entry)
            else:
                assert any(one.probe for one in self.under_way), "it would never be tried again"


TestAnyOrder = AnyOrder.TestCase
TestAnyOrder.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
