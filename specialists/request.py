"""A request and its state machine. Pure: every transition returns the new value with the events that tell of it.

The store writes a `Change` in one transaction: the request (version-guarded), its events and its start command. Status
cards, metrics and the audit read the events; nothing else tells them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Any, Literal

from connectors.ports.records import Json


class RequestState(StrEnum):
    GATHERING = "gathering"
    """The employee is asked for what is missing."""
    CONFIRMING = "confirming"
    """The employee is asked whether this is what they want."""
    SUBMITTED = "submitted"
    """Handed to the specialist; a start command is written."""
    AWAITING_STEP_UP = "awaiting_step_up"
    """The employee must confirm on their enrolled channel."""
    AWAITING_APPROVAL = "awaiting_approval"
    HELD = "held"
    """The specialist is paused; goes on when it is resumed."""
    RUNNING = "running"
    DONE = "done"
    UNDOING = "undoing"
    UNDONE = "undone"
    DECLINED = "declined"
    """Nothing to do or not allowed; the reason was said."""
    DENIED = "denied"
    """The approver said no."""
    EXPIRED = "expired"
    """Nobody decided in time."""
    CANCELLED = "cancelled"
    FAILED = "failed"
    """A step failed; what was done is compensated, a person takes over."""
    WITH_STAFF = "with_staff"
    """Policy leaves it to people; nothing was done by the specialist."""


S = RequestState
ENDED = frozenset({S.DONE, S.UNDONE, S.DECLINED, S.DENIED, S.EXPIRED, S.CANCELLED, S.FAILED, S.WITH_STAFF})
COMPOSED = frozenset({S.GATHERING, S.CONFIRMING})
"""Being put together: it waits for the employee's own answer, and no specialist has it."""
WORKING = frozenset({S.SUBMITTED, S.RUNNING, S.UNDOING})
"""Foyer itself has the ball and something is running."""

_ALLOWED: dict[RequestState, frozenset[RequestState]] = {
    S.GATHERING: frozenset({S.GATHERING, S.CONFIRMING, S.SUBMITTED, S.CANCELLED, S.DECLINED, S.WITH_STAFF}),
    S.CONFIRMING: frozenset({S.GATHERING, S.CONFIRMING, S.SUBMITTED, S.CANCELLED, S.WITH_STAFF}),
    S.SUBMITTED: frozenset({S.AWAITING_STEP_UP, S.AWAITING_APPROVAL, S.RUNNING, S.HELD, S.DECLINED, S.FAILED, S.WITH_STAFF, S.CANCELLED}),
    S.AWAITING_STEP_UP: frozenset({S.SUBMITTED, S.EXPIRED, S.CANCELLED, S.DENIED, S.WITH_STAFF}),
    S.AWAITING_APPROVAL: frozenset({S.SUBMITTED, S.DENIED, S.EXPIRED, S.CANCELLED, S.WITH_STAFF}),
    S.HELD: frozenset({S.SUBMITTED, S.UNDOING, S.CANCELLED, S.WITH_STAFF}),
    S.RUNNING: frozenset({S.DONE, S.FAILED, S.HELD, S.WITH_STAFF}),
    S.DONE: frozenset({S.UNDOING}),
    S.UNDOING: frozenset({S.UNDONE, S.DONE, S.FAILED, S.HELD}),
    S.UNDONE: frozenset(),
    S.DECLINED: frozenset(),
    S.DENIED: frozenset(),
    S.EXPIRED: frozenset(),
    S.CANCELLED: frozenset(),
    S.FAILED: frozenset(),
    S.WITH_STAFF: frozenset(),
}


class EventKind(StrEnum):
    """What happened to a request. `data` of each is named beside it; texts are `Message` JSON under "message"."""

    OPENED = "opened"  # slots
    FILLED = "filled"  # slots
    SUBMITTED = "submitted"
    PLANNED = "planned"  # steps: [{action, message}], arguments: [..], hash
    DECIDED = "decided"  # outcome, rules, policy_version
    STEP_UP_REQUESTED = "step_up_requested"  # expires_at, enrolled
    STEP_UP_PASSED = "step_up_passed"
    APPROVAL_REQUESTED = "approval_requested"  # approval_id, approver_ids, expires_at
    APPROVAL_DECIDED = "approval_decided"  # approval_id, verdict, by, reason
    HELD = "held"
    RESUMED = "resumed"
    STEP_STARTED = "step_started"  # n, action
    STEP_DONE = "step_done"  # n, action, reference, changed, message
    STEP_FAILED = "step_failed"  # n, action, code, perhaps: it may have happened all the same
    COMPENSATED = "compensated"  # n, action
    COMPLETED = "completed"  # receipt
    DECLINED = "declined"  # message
    DENIED = "denied"  # reason
    EXPIRED = "expired"
    CANCELLED = "cancelled"  # by
    FAILED = "failed"  # code, n
    LEFT_TO_STAFF = "left_to_staff"  # rules, reason
    UNDO_STARTED = "undo_started"
    UNDONE = "undone"  # message
    NOTHING_TO_UNDO = "nothing_to_undo"  # message
    OWNER_NOTIFIED = "owner_notified"  # manager_email, confidence
    GRANT_ENDING = "grant_ending"  # grant_id, until
    GRANT_ENDED = "grant_ended"  # grant_id
    GRANT_STUCK = "grant_stuck"  # grant_id, action, code: it is over, could not be taken back, and people are to look
    RESOLVED = "resolved"  # how: confirmed | assumed | reopened


@dataclass(frozen=True, slots=True)
class SlotValue:
    """A filled slot. `value` is what actions use, `label` what people read. Tainted: derived from untrusted text.

    source model: a language model read it in the words, and nothing else did; the employee says yes to it before it is used.
    """

    value: Json
    label: str
    source: Literal["utterance", "answer", "profile", "default", "document", "model"] = "utterance"
    tainted: bool = False


@dataclass(frozen=True, slots=True)
class RequestEvent:
    kind: EventKind
    at: datetime
    data: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class StartCommand:
    """A workflow to start after the commit. The same `workflow_id` starts once, however often it is asked.

    `at`: not before then (a timer); None = at once. Timers are rows like the rest, so that none is lost with the process.
    """

    workflow_id: str
    workflow: str
    argument: str
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Request:
    """What we fulfil for somebody. `number` makes the case ("FOY-12"); knowing it grants nothing."""

    id: str
    number: int
    key: str
    """Unique: the turn and the place in it, so that a repeated turn opens it once."""
    skill: str
    specialist: str
    requester_id: str
    beneficiary_id: str
    conversation_id: str
    confidence: float
    created_at: datetime
    updated_at: datetime
    slots: Mapping[str, SlotValue] = field(default_factory=dict)
    state: RequestState = RequestState.GATHERING
    held_from: RequestState | None = None
    """What was going on when the specialist was last paused: an undo is resumed as an undo, and what had begun is not cancelled."""
    confirmed: bool = False
    """The employee said yes to exactly these slots."""
    resolution: Literal["confirmed", "assumed", "reopened"] | None = None
    attempt: int = 1
    """Counts submissions: a resumed or step-upped request starts a new workflow."""
    version: int = 0
    """0 = not stored yet."""

    @property
    def case(self) -> str:
        return f"FOY-{self.number}"

    @property
    def ended(self) -> bool:
        return self.state in ENDED


@dataclass(frozen=True, slots=True)
class Change:
    """A new value of a request with what happened and what is to be started."""

    request: Request
    events: tuple[RequestEvent, ...] = ()
    start: tuple[StartCommand, ...] = ()

    def then(self, other: "Change") -> "Change":
        """Both changes as one; `other` was made from this one's request."""
        return Change(other.request, self.events + other.events, self.start + other.start)


class IllegalTransition(Exception):
    """The request is not in a state from which this can happen; somebody else was faster."""


def opened(request: Request) -> Change:
    return Change(request, (RequestEvent(EventKind.OPENED, request.created_at, {"skill": request.skill, "slots": sorted(request.slots)}),))


def moved(request: Request, state: RequestState, kind: EventKind, at: datetime, data: Mapping[str, Any] | None = None) -> Change:
    """The request in its new state, with one event. Raises IllegalTransition."""
    if state not in _ALLOWED[request.state]:
        raise IllegalTransition(f"{request.state} -> {state}")
    return Change(replace(request, state=state, updated_at=at), (RequestEvent(kind, at, data or {}),))


def noted(request: Request, kind: EventKind, at: datetime, data: Mapping[str, Any] | None = None) -> Change:
    """The same state, one more event."""
    return Change(replace(request, updated_at=at), (RequestEvent(kind, at, data or {}),))


def filled(request: Request, slots: Mapping[str, SlotValue], at: datetime, *, state: RequestState = S.GATHERING) -> Change:
    """Slots added or replaced; a yes given before no longer counts. `state`: gathering or confirming."""
    merged = replace(request, slots={**request.slots, **slots}, confirmed=False)
    return moved(merged, state, EventKind.FILLED, at, {"slots": sorted(slots)})


def submitted(request: Request, at: datetime, *, confirmed: bool | None = None) -> Change:
    """Handed to the specialist: first time, after a step-up or approval passed, or when it is resumed."""
    again = request.state in (S.AWAITING_STEP_UP, S.AWAITING_APPROVAL, S.HELD)
    value = replace(
        request,
        attempt=request.attempt + 1 if again else request.attempt,
        confirmed=request.confirmed if confirmed is None else confirmed,
    )
    change = moved(value, S.SUBMITTED, EventKind.RESUMED if request.state is S.HELD else EventKind.SUBMITTED, at)
    return replace(change, start=(_attempt("fulfil", value),))


def held(request: Request, at: datetime) -> Change:
    """The specialist is paused: nothing new starts until `resumed`."""
    begun = request.state is S.SUBMITTED and request.held_from is S.RUNNING
    return moved(replace(request, held_from=S.RUNNING if begun else request.state), S.HELD, EventKind.HELD, at)


def resumed(request: Request, at: datetime) -> Change:
    """The specialist works again: the request goes on with what was held, as a new attempt."""
    if request.held_from is not S.UNDOING:
        return submitted(request, at)
    value = replace(request, attempt=request.attempt + 1)
    change = moved(value, S.UNDOING, EventKind.RESUMED, at)
    return replace(change, start=(_attempt("undo", value),))


def cancelled(request: Request, at: datetime, by: str | None = None) -> Change:
    """Only while nothing has been done: what had begun before it was held comes to its end, and can be undone then. `by`: the person
    who did not want it; None when it lapsed, or was asked twice."""
    if request.held_from in (S.RUNNING, S.UNDOING):
        raise IllegalTransition(f"begun before it was {request.state}")
    return moved(request, S.CANCELLED, EventKind.CANCELLED, at, {"by": by} if by is not None else None)


def undo_started(request: Request, at: datetime, by: str) -> Change:
    change = moved(request, S.UNDOING, EventKind.UNDO_STARTED, at, {"by": by})
    return replace(change, start=(_attempt("undo", request),))


def resolved(request: Request, how: Literal["confirmed", "assumed", "reopened"], at: datetime) -> Change:
    """Counted once: a later word replaces "assumed" only."""
    if request.resolution not in (None, "assumed"):
        raise IllegalTransition(f"resolved as {request.resolution} already")
    return noted(replace(request, resolution=how), EventKind.RESOLVED, at, {"how": how})


def _attempt(workflow: Literal["fulfil", "undo"], request: Request) -> StartCommand:
    """The attempt is part of the argument: a workflow replayed late must not do a newer attempt's work a second time."""
    attempt = f"{request.id}:{request.attempt}"
    return StartCommand(attempt if workflow == "fulfil" else f"{request.id}:undo:{request.attempt}", workflow, attempt)
