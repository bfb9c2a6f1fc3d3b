"""From what policy says of each action to what happens to the request. Pure.

A plan goes the way of its most restricted action: what nobody may, then what waits, then what somebody must allow.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from connectors.ports.people import Person
from specialists.policy.model import Outcome, PolicyDecision, PolicyQuery
from specialists.request import Request
from specialists.skill import PlannedAction, SkillSpec


class Way(StrEnum):
    RUN = "run"
    NOTIFY = "notify"
    """Runs, and the specialist's manager is told."""
    APPROVAL = "approval"
    STEP_UP = "step_up"
    HOLD = "hold"
    DECLINE = "decline"
    STAFF = "staff"


DECLINING: Final = frozenset({"self_only", "not_an_employee"})
"""Denied without a word about the other person, and nothing for staff to do."""
_HOLDING: Final = "kill_switch"
_STEP_UP: Final = "step_up_required"


@dataclass(frozen=True, slots=True)
class Standing:
    """What counts for a decision besides the request: read from the database right before it."""

    approved_by: str | None
    assurance: int
    paused: bool
    actions_so_far: int
    actions_today: int


def query(
    request: Request, spec: SkillSpec, action: PlannedAction, requester: Person, beneficiary: Person, has_end: bool, standing: Standing
) -> PolicyQuery:
    """What policy is asked before an action is done."""
    return PolicyQuery(
        specialist=request.specialist,
        skill=spec.name,
        action=action.name,
        risk=spec.risk,
        requester=requester,
        beneficiary=beneficiary,
        arguments=action.arguments,
        effect=action.effect,
        confidence=request.confidence,
        confirmed=request.confirmed,
        act_at=spec.act_at,
        notify_at=spec.notify_at,
        subject=spec.subject,
        needs_approval=spec.approval is not None,
        approved_by=standing.approved_by,
        required_assurance=spec.assurance,
        assurance=standing.assurance,
        timed=spec.timed,
        has_end=has_end,
        tainted=any(slot.tainted for slot in request.slots.values()),
        paused=standing.paused,
        actions_so_far=standing.actions_so_far,
        actions_today=standing.actions_today,
    )


def entry_query(request: Request, spec: SkillSpec, requester: Person, beneficiary: Person) -> PolicyQuery:
    """What policy is asked before anything is looked up: whom it is for, whatever else will count later.

    A skill's reason ("not locked") would tell a stranger what only its owner may know.
    """
    return PolicyQuery(
        specialist=request.specialist,
        skill=spec.name,
        action=f"look_{spec.name}",
        risk=spec.risk,
        requester=requester,
        beneficiary=beneficiary,
        effect=False,
        confidence=1.0,
        confirmed=True,
        subject=spec.subject,
    )


def undo_query(
    request: Request, spec: SkillSpec, action: PlannedAction, requester: Person, beneficiary: Person, standing: Standing
) -> PolicyQuery:
    """What policy is asked before an action is undone: its own requester pressed Undo, and taking back needs no approver."""
    return PolicyQuery(
        specialist=request.specialist,
        skill=spec.name,
        action=f"undo_{action.name}",
        risk=spec.risk,
        requester=requester,
        beneficiary=beneficiary,
        arguments=action.arguments,
        effect=action.effect,
        confidence=1.0,
        confirmed=True,
        act_at=spec.act_at,
        notify_at=spec.notify_at,
        subject=spec.subject,
        required_assurance=spec.assurance,
        assurance=standing.assurance,
        paused=standing.paused,
        actions_so_far=standing.actions_so_far,
        actions_today=standing.actions_today,
    )


def way(decisions: Sequence[PolicyDecision]) -> Way:
    """Where the request goes; one step-up before an approver is bothered, and staff rather than waiting for nothing."""
    denying = {rule for decision in decisions if decision.outcome == Outcome.DENY for rule in decision.rules}
    if denying:
        if denying & DECLINING:
            return Way.DECLINE
        if denying - {_HOLDING, _STEP_UP}:
            return Way.STAFF
        return Way.HOLD if _HOLDING in denying else Way.STEP_UP
    outcomes = {decision.outcome for decision in decisions}
    if Outcome.APPROVAL in outcomes:
        return Way.APPROVAL
    return Way.NOTIFY if Outcome.NOTIFY in outcomes else Way.RUN


def rules(decisions: Sequence[PolicyDecision]) -> tuple[str, ...]:
    """The rules that decided the plan's way: of its denials when there are any."""
    denials = [decision for decision in decisions if decision.outcome == Outcome.DENY]
    return tuple(dict.fromkeys(rule for decision in denials or decisions for rule in decision.rules))


def declining_rule(named: Sequence[str]) -> str:
    return next(rule for rule in named if rule in DECLINING)
