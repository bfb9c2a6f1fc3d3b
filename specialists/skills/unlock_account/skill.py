"""Unlocks the employee's own account. Asking twice is harmless: the identity system knows one lock, not a count."""

from collections.abc import Mapping
from typing import Any

from connectors.ports.messages import Message
from connectors.ports.systems import Effect
from specialists.skill import Declined, Plan, PlannedAction, Ports, SkillContext, Verified

SAYS = "skill.unlock_account."


class Skill:
    async def look(self, context: SkillContext, ports: Ports) -> Mapping[str, Any]:
        return {"account": await ports.accounts.account(context.beneficiary.directory_key)}

    def plan(self, context: SkillContext, facts: Mapping[str, Any]) -> Plan | Declined:
        match facts["account"].status:
            case "active":
                return Declined(Message(SAYS + "declined.not_locked"))
            case "disabled":
                return Declined(Message(SAYS + "declined.disabled"), offer_human=True)
        return Plan((PlannedAction("unlock", {}, "natural"),))

    async def perform(self, action: PlannedAction, context: SkillContext, ports: Ports, *, key: str) -> Effect:
        return await ports.accounts.unlock(context.beneficiary.directory_key, key=key)

    async def verify(self, action: PlannedAction, context: SkillContext, ports: Ports) -> Verified:
        account = await ports.accounts.account(context.beneficiary.directory_key)
        if account.status == "active":
            return Verified(True, Message(SAYS + "verified.unlock"))
        return Verified(False, Message(SAYS + "verified.still_locked"))
