"""Reads the employee's own balance of paid time off. The numbers are the receipt."""

from collections.abc import Mapping
from typing import Any

from connectors.ports.messages import Message
from connectors.ports.records import Json
from connectors.ports.systems import Effect
from specialists.skill import Declined, Plan, PlannedAction, Ports, SkillContext, Verified

SAYS = "skill.check_pto_balance."


class Skill:
    async def look(self, context: SkillContext, ports: Ports) -> Mapping[str, Any]:
        return {}

    def plan(self, context: SkillContext, facts: Mapping[str, Any]) -> Plan | Declined:
        return Plan((PlannedAction("read", {"year": context.today.year}, "natural", effect=False),))

    async def perform(self, action: PlannedAction, context: SkillContext, ports: Ports, *, key: str) -> Effect:
        balance = await ports.hr.leave_balance(context.beneficiary.directory_key, _year(action))
        detail: dict[str, Json] = {
            "year": str(balance.year),
            "remaining": balance.remaining,
            "entitled": balance.entitled,
            "carried_over": balance.carried_over,
            "taken": balance.taken,
            "booked": balance.booked,
        }
        return Effect(f"leave-balance:{balance.year}", changed=False, detail=detail)

    async def verify(self, action: PlannedAction, context: SkillContext, ports: Ports) -> Verified:
        balance = await ports.hr.leave_balance(context.beneficiary.directory_key, _year(action))
        expires = balance.carried_over_expires
        if balance.carried_over and expires is not None and expires >= context.today:
            return Verified(True, Message(SAYS + "verified.carry_over", {"expires": expires}))
        return Verified(True, Message(SAYS + "verified.read"))


def _year(action: PlannedAction) -> int:
    return int(str(action.arguments["year"]))
