"""The state machine of requests: what may follow what, and what is started."""

from dataclasses import replace

import pytest

from specialists.request import (
    ENDED,
    IllegalTransition,
    RequestState,
    SlotValue,
    StartCommand,
    cancelled,
    filled,
    held,
    resolved,
    resumed,
    submitted,
    undo_started,
)
from tests.specialists.fulfilment.rig import MONDAY
from tests.specialists.fulfilment.test_store import a_request

S = RequestState


def test_every_submission_starts_an_attempt_of_its_own() -> None:
    first = submitted(a_request(1, id="r"), MONDAY)
    assert first.start == (StartCommand("r:1", "fulfil", "r:1"),)
    again = submitted(replace(first.request, state=S.AWAITING_APPROVAL), MONDAY)
    assert again.start == (StartCommand("r:2", "fulfil", "r:2"),)


def test_a_yes_counts_for_exactly_these_slots() -> None:
    confirmed = a_request(1, confirmed=True)
    assert not filled(confirmed, {"days": SlotValue(60, "60 days")}, MONDAY).request.confirmed


def test_what_is_held_goes_on_with_what_it_was() -> None:
    running = a_request(1, id="r", state=S.RUNNING)
    assert resumed(held(running, MONDAY).request, MONDAY).request.state is S.SUBMITTED
    undoing = a_request(1, id="r", state=S.UNDOING)
    change = resumed(held(undoing, MONDAY).request, MONDAY)
    assert change.request.state is S.UNDOING
    assert change.start == (StartCommand("r:undo:2", "undo", "r:2"),)


def test_what_has_begun_is_not_cancelled_any_more() -> None:
    untouched = held(a_request(1, state=S.SUBMITTED), MONDAY).request
    assert cancelled(untouched, MONDAY).request.state is S.CANCELLED
    begun = held(a_request(1, state=S.RUNNING), MONDAY).request
    resubmitted = resumed(begun, MONDAY).request
    held_again = held(resubmitted, MONDAY).request
    for request in (begun, resubmitted, held_again, a_request(1, state=S.RUNNING)):
        with pytest.raises(IllegalTransition):
            cancelled(request, MONDAY)


@pytest.mark.parametrize("state", sorted(ENDED - {S.DONE}))
def test_what_has_ended_stays_so(state: RequestState) -> None:
    ended = a_request(1, state=state)
    for move in (submitted, held, cancelled):
        with pytest.raises(IllegalTransition):
            move(ended, MONDAY)
    with pytest.raises(IllegalTransition):
        undo_started(ended, MONDAY, "dana")


def test_a_resolution_is_counted_once_and_only_an_assumed_one_is_replaced() -> None:
    done = a_request(1, state=S.DONE)
    assumed = resolved(done, "assumed", MONDAY).request
    confirmed = resolved(assumed, "confirmed", MONDAY).request
    with pytest.raises(IllegalTransition):
        resolved(confirmed, "reopened", MONDAY)
