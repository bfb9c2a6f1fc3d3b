"""Between rows and values. Pure; one pair of functions a table."""

from typing import Any

from sqlalchemy import Row

from connectors.ports.messages import Message
from specialists.approvals import Approval
from specialists.grants import Grant
from specialists.planning import StoredPlan, actions_as_json, actions_from_json, plan_as_json, plan_from_json
from specialists.request import EventKind, Request, RequestEvent, RequestState, SlotValue, StartCommand
from specialists.step_up import StepUp

AnyRow = Row[Any]


def request_values(request: Request) -> dict[str, Any]:
    return {
        "id": request.id,
        "number": request.number,
        "key": request.key,
        "skill": request.skill,
        "specialist": request.specialist,
        "requester_id": request.requester_id,
        "beneficiary_id": request.beneficiary_id,
        "conversation_id": request.conversation_id,
        "confidence": request.confidence,
        "created_at": request.created_at,
        "updated_at": request.updated_at,
        "slots": {
            name: {"value": slot.value, "label": slot.label, "source": slot.source, "tainted": slot.tainted}
            for name, slot in request.slots.items()
        },
        "state": request.state.value,
        "held_from": request.held_from.value if request.held_from else None,
        "confirmed": request.confirmed,
        "resolution": request.resolution,
        "attempt": request.attempt,
    }


def request_from(row: AnyRow) -> Request:
    values = dict(row._mapping)
    values["slots"] = {name: SlotValue(**slot) for name, slot in values["slots"].items()}
    values["state"] = RequestState(values["state"])
    values["held_from"] = RequestState(values["held_from"]) if values["held_from"] else None
    return Request(**values)


def event_from(row: AnyRow) -> RequestEvent:
    return RequestEvent(EventKind(row.kind), row.at, row.data)


def command_from(row: AnyRow) -> StartCommand:
    return StartCommand(row.workflow_id, row.workflow, row.argument, row.not_before)


def plan_values(request_id: str, stored: StoredPlan) -> dict[str, Any]:
    return {
        "request_id": request_id,
        "attempt": stored.attempt,
        "planned_at": stored.planned_at,
        "plan": plan_as_json(stored.plan),
        "hash": stored.hash,
    }


def plan_from(row: AnyRow) -> StoredPlan:
    return StoredPlan(row.attempt, row.planned_at, plan_from_json(row.plan), row.hash)


def approval_values(approval: Approval) -> dict[str, Any]:
    return {
        "id": approval.id,
        "request_id": approval.request_id,
        "actions": actions_as_json(approval.actions),
        "hash": approval.hash,
        "state": approval.state,
        "requested_at": approval.requested_at,
        "expires_at": approval.expires_at,
    }


def approval_from(row: AnyRow, approver_ids: tuple[str, ...]) -> Approval:
    return Approval(
        id=row.id,
        request_id=row.request_id,
        actions=actions_from_json(row.actions),
        hash=row.hash,
        approver_ids=approver_ids,
        requested_at=row.requested_at,
        expires_at=row.expires_at,
        state=row.state,
        decided_by=row.decided_by,
        decided_at=row.decided_at,
        reason=row.reason,
    )


def step_up_from(row: AnyRow) -> StepUp:
    return StepUp(**row._mapping)


def grant_from(row: AnyRow) -> Grant:
    return Grant(**row._mapping)


def message_from(data: Any) -> Message | None:
    return Message.from_json(data) if data else None
