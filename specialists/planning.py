"""A plan as it is kept and bound: JSON for the row, a hash over the exact arguments for the approval. Pure."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from specialists.skill import Plan, PlannedAction


@dataclass(frozen=True, slots=True)
class StoredPlan:
    """`planned_at` is the moment that relative times ("for 30 days") were counted from; a repeated plan counts from it again."""

    attempt: int
    planned_at: datetime
    plan: Plan
    hash: str


def plan_hash(plan: Plan) -> str:
    """SHA-256 of the canonical JSON of what will be done and until when: what an approver says yes to."""
    bound = {"actions": actions_as_json(plan.actions), "until": plan.until.isoformat() if plan.until else None}
    return hashlib.sha256(json.dumps(bound, sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode()).hexdigest()


def actions_as_json(actions: tuple[PlannedAction, ...]) -> list[dict[str, Any]]:
    return [{"name": a.name, "arguments": dict(a.arguments), "idempotency": a.idempotency, "effect": a.effect} for a in actions]


def actions_from_json(data: list[Mapping[str, Any]]) -> tuple[PlannedAction, ...]:
    return tuple(PlannedAction(item["name"], item["arguments"], item["idempotency"], item["effect"]) for item in data)


def plan_as_json(plan: Plan) -> dict[str, Any]:
    return {
        "actions": actions_as_json(plan.actions),
        "until": plan.until.isoformat() if plan.until else None,
        "owner_key": plan.owner_key,
    }


def plan_from_json(data: Mapping[str, Any]) -> Plan:
    until = datetime.fromisoformat(data["until"]) if data["until"] else None
    return Plan(actions_from_json(data["actions"]), until, data["owner_key"])
