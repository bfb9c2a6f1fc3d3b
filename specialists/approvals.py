"""A human's yes or no to exact arguments: who may say it, and what a click means. Pure; the rows are the store's.

An approval binds one plan by its hash, is used once and expires. Nobody approves what is for themselves or asked by
themselves, and no approver is never a yes: then people take the request.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from connectors.ports.people import Person
from specialists.request import Request, RequestState
from specialists.skill import PlannedAction

Verdict = Literal["approved", "denied"]
ApprovalState = Literal["pending", "approved", "denied", "expired", "withdrawn"]


@dataclass(frozen=True, slots=True)
class Approval:
    """`actions` are exactly what will be done; `hash` binds them together with the end of what is granted."""

    id: str
    request_id: str
    actions: tuple[PlannedAction, ...]
    hash: str
    approver_ids: tuple[str, ...]
    requested_at: datetime
    expires_at: datetime
    state: ApprovalState = "pending"
    decided_by: str | None = None
    decided_at: datetime | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Decided:
    """This click decided."""

    approval: Approval
    request: Request


@dataclass(frozen=True, slots=True)
class AlreadyDecided:
    """It was decided, withdrawn or expired before; `by` is a person id, None when nobody decided."""

    verdict: ApprovalState
    by: str | None
    at: datetime | None


@dataclass(frozen=True, slots=True)
class NotYours:
    """Not one of its approvers, or there is no such approval: the two must look the same."""


@dataclass(frozen=True, slots=True)
class OwnRequest:
    """The requester or the beneficiary pressed."""


@dataclass(frozen=True, slots=True)
class Expired:
    at: datetime


Judgement = Decided | AlreadyDecided | NotYours | OwnRequest | Expired
Refusal = AlreadyDecided | NotYours | OwnRequest | Expired


def refuse(approval: Approval, request: Request, by: Person, now: datetime) -> Refusal | None:
    """Why this person's click decides nothing; None when it may."""
    if by.id in (request.requester_id, request.beneficiary_id):
        return OwnRequest()
    if by.id not in approval.approver_ids or not by.active:
        return NotYours()
    if approval.state != "pending":
        return AlreadyDecided(approval.state, approval.decided_by, approval.decided_at)
    if now >= approval.expires_at:
        return Expired(approval.expires_at)
    if request.state is not RequestState.AWAITING_APPROVAL:
        return AlreadyDecided("withdrawn", None, request.updated_at)
    return None


def eligible(candidate: Person | None, requester: Person, beneficiary: Person) -> bool:
    """Whether this person may be asked to approve."""
    return candidate is not None and candidate.active and not candidate.guest and candidate.id not in (requester.id, beneficiary.id)
