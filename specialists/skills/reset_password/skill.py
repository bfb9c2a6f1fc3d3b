"""Sends a one-time link for a new password, and tells the employee and their manager. It never sees the link."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from connectors.errors import Refused
from connectors.ports.messages import Message, Messages, Param, Reader
from connectors.ports.systems import Effect
from specialists.skill import LEFT, Declined, Plan, PlannedAction, Ports, SkillContext, Verified

SAYS = "skill.reset_password."
LIFETIME = timedelta(minutes=10)
WORDS = Messages.load([Path(__file__).with_name("messages.yaml")])
"""For the notices, which go out of the chat."""


class Skill:
    async def look(self, context: SkillContext, ports: Ports) -> Mapping[str, Any]:
        manager_key = context.beneficiary.manager_key
        manager = await ports.people.get(manager_key) if manager_key else None
        reachable = manager is not None and manager.active and await ports.enrolled.address(manager.key) is not None
        return {
            "account": await ports.accounts.account(context.beneficiary.directory_key),
            "fingerprint": await ports.enrolled.fingerprint(context.beneficiary.directory_key),
            "manager": manager if reachable else None,
        }

    def plan(self, context: SkillContext, facts: Mapping[str, Any]) -> Plan | Declined:
        account, manager = facts["account"], facts["manager"]
        if account.status == "disabled":
            return Declined(Message(SAYS + "declined.disabled"), offer_human=True)
        if account.enrolled is None:
            return Declined(Message(SAYS + "declined.not_enrolled"), offer_human=True)
        told = {"enrolled": account.enrolled, "fingerprint": facts["fingerprint"]}
        actions = [
            PlannedAction("send_link", {"minutes": LIFETIME // timedelta(minutes=1), **told}, "key"),
            PlannedAction("notify_person", told, "key"),
        ]
        if manager is not None:
            actions.append(PlannedAction("notify_manager", {"manager_key": manager.key}, "key"))
        return Plan(tuple(actions))

    async def perform(self, action: PlannedAction, context: SkillContext, ports: Ports, *, key: str) -> Effect:
        person = context.beneficiary
        told = action.arguments
        if "fingerprint" in told and await ports.enrolled.fingerprint(person.directory_key) != told["fingerprint"]:
            # The person was told another address, and whoever exchanged it may not be the person.
            raise Refused("enrolled_changed", person.directory_key)
        match action.name:
            case "send_link":
                effect = await ports.accounts.send_reset_link(person.directory_key, lifetime=LIFETIME, key=key)
                account = await ports.accounts.account(person.directory_key)
                until = account.reset_link_expires_at or context.now + LIFETIME
                return Effect(
                    effect.reference, effect.changed, {"enrolled": action.arguments["enrolled"], "until": {"at": until.isoformat()}}
                )
            case "notify_person":
                reader = Reader(person.locale, person.timezone)
                effect = await self._tell("person", person.directory_key, reader, person.first_name, context, ports, key)
                return Effect(effect.reference, effect.changed, {"enrolled": action.arguments["enrolled"]})
        manager_key = str(action.arguments["manager_key"])
        manager = await ports.people.get(manager_key)
        name = manager.name if manager else manager_key
        reader = Reader(manager.locale, manager.timezone) if manager else Reader("en", "UTC")
        effect = await self._tell("manager", manager_key, reader, name, context, ports, key)
        return Effect(effect.reference, effect.changed, {"manager": name})

    async def verify(self, action: PlannedAction, context: SkillContext, ports: Ports) -> Verified:
        if action.name != "send_link":
            # A sent notice cannot be read back; that the channel took it is all there is to know.
            return Verified(True, Message(f"{SAYS}verified.{action.name}"))
        account = await ports.accounts.account(context.beneficiary.directory_key)
        if account.reset_link_expires_at is not None:
            return Verified(True, Message(SAYS + "verified.send_link", {"until": account.reset_link_expires_at}))
        if account.password_changed_at is not None and account.password_changed_at >= context.now - LIFETIME:
            return Verified(True, Message(SAYS + "verified.used", {"changed": account.password_changed_at}))
        return Verified(False, Message(SAYS + "verified.no_link"))

    async def undo(self, action: PlannedAction, context: SkillContext, reference: str, ports: Ports, *, key: str) -> Effect:
        if action.name != "send_link":
            return Effect(reference, changed=False, detail={LEFT: True})
        effect = await ports.accounts.withdraw_reset_link(context.beneficiary.directory_key, reference=reference, key=key)
        used = effect.detail.get("used_at")
        if used is None:
            return effect
        why = Message(SAYS + "left", {"changed": datetime.fromisoformat(str(used)), "case": context.case})
        return Effect(effect.reference, changed=False, detail={LEFT: why.as_json()})

    async def _tell(self, whom: str, to_key: str, reader: Reader, name: str, context: SkillContext, ports: Ports, key: str) -> Effect:
        known: dict[str, Param] = {
            "person": name if whom == "person" else context.beneficiary.name,
            "manager": name,
            "case": context.case,
            "at": context.now,
        }
        subject, text = (WORDS.say(Message(f"mail.{whom}.{part}", known), reader) for part in ("subject", "text"))
        return await ports.enrolled.send(to_key, subject=subject, text=text, key=key)
