"""Orders hardware from the catalogue. The price that the approver sees is the catalogue's at the time of planning."""

from collections.abc import Mapping
from typing import Any

from connectors.errors import NeedsHuman
from connectors.ports.messages import Message
from connectors.ports.records import Json
from connectors.ports.systems import Effect
from specialists.skill import Declined, Plan, PlannedAction, Ports, SkillContext, Verified

SAYS = "skill.request_hardware."
MOST = 20
"""Pieces in one order."""


class Skill:
    async def look(self, context: SkillContext, ports: Ports) -> Mapping[str, Any]:
        return {"catalogue": await ports.purchasing.catalogue()}

    def plan(self, context: SkillContext, facts: Mapping[str, Any]) -> Plan | Declined:
        item = next((item for item in facts["catalogue"] if item.key == context.slots["item"]), None)
        if item is None:
            return Declined(Message(SAYS + "declined.unknown_item", {"item": context.label("item")}), offer_human=True)
        wanted = context.slots.get("quantity", 1)
        quantity = next((n for n in range(1, MOST + 1) if n == wanted), None)
        if quantity is None:
            return Declined(Message(SAYS + "declined.quantity", {"most": MOST}))
        arguments = {
            "item": item.key,
            "quantity": quantity,
            "total": round(item.price * quantity, 2),
            "currency": item.currency,
            "reason": str(context.slots.get("reason", "")),
        }
        return Plan((PlannedAction("order", arguments, "key"),))

    async def perform(self, action: PlannedAction, context: SkillContext, ports: Ports, *, key: str) -> Effect:
        item, quantity = _exactly(action)
        reason = f"{action.arguments['reason']} ({context.case})".strip()
        effect = await ports.purchasing.order(context.beneficiary.directory_key, item, quantity=quantity, reason=reason, key=key)
        orders = await ports.purchasing.orders(context.beneficiary.directory_key)
        expected = next((order.expected for order in orders if order.reference == effect.reference), None)
        detail: dict[str, Json] = {"quantity": quantity}
        if expected is not None:
            detail["expected"] = {"on": expected.isoformat()}
        return Effect(effect.reference, effect.changed, detail)

    async def verify(self, action: PlannedAction, context: SkillContext, ports: Ports) -> Verified:
        wanted = _exactly(action)
        orders = await ports.purchasing.orders(context.beneficiary.directory_key)
        # The port lists orders as they were made; the last open one of this kind is ours.
        ours = next((order for order in reversed(orders) if (order.item_key, order.quantity) == wanted and order.status == "ordered"), None)
        if ours is None:
            return Verified(False, Message(SAYS + "verified.not_listed"))
        return Verified(True, Message(SAYS + "verified.order", {"reference": ours.reference}))

    async def undo(self, action: PlannedAction, context: SkillContext, reference: str, ports: Ports, *, key: str) -> Effect:
        if not reference:
            # The same thing may be on order for another reason: which order is ours, nobody can tell.
            raise NeedsHuman("order_unknown")
        return await ports.purchasing.cancel_order(reference, key=key)


def _exactly(action: PlannedAction) -> tuple[str, int]:
    return str(action.arguments["item"]), int(str(action.arguments["quantity"]))
