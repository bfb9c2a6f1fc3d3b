"""Gives a role in an application with an end. What it moves or takes back is read first, so that no other grant is cut short."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from pydantic import TypeAdapter

from connectors.errors import NeedsHuman
from connectors.ports.messages import Message, Param
from connectors.ports.systems import Effect, Entitlement
from specialists.skill import SUPERSEDED, Declined, Plan, PlannedAction, Ports, SkillContext, Verified

SAYS = "skill.grant_access."
LONGEST = timedelta(days=90)
_duration: TypeAdapter[timedelta] = TypeAdapter(timedelta)
"""A duration slot is seconds or ISO 8601 ("P30D")."""


class Skill:
    async def look(self, context: SkillContext, ports: Ports) -> Mapping[str, Any]:
        return {
            "applications": await ports.access.applications(),
            "entitlements": await _held(context, ports, str(context.slots["application"])),
        }

    def plan(self, context: SkillContext, facts: Mapping[str, Any]) -> Plan | Declined:
        said = {"application": context.label("application"), "role": context.label("role")}
        wanted, role = context.slots["application"], str(context.slots["role"])
        application = next((item for item in facts["applications"] if item.key == wanted), None)
        if application is None:
            return Declined(Message(SAYS + "declined.unknown_application", said), offer_human=True)
        if role not in application.roles:
            return Declined(Message(SAYS + "declined.unknown_role", {**said, "roles": application.roles}))
        if role in application.sensitive_roles:
            return Declined(Message(SAYS + "declined.admin_role", said), offer_human=True)
        duration = _duration.validate_python(context.slots["duration"])
        if not timedelta(0) < duration <= LONGEST:
            return Declined(Message(SAYS + "declined.duration", {"most": LONGEST.days}))
        until = context.now + duration
        arguments = {"application": application.key, "role": role, "until": until.isoformat()}
        had = _entitlement(facts["entitlements"], application.key, role)
        if had is not None and had.until is None:
            return Declined(Message(SAYS + "declined.has_access", said))
        if had is not None and had.until is not None and had.until > context.now:
            if had.until >= until:
                return Declined(Message(SAYS + "declined.has_access_until", {**said, "until": had.until}))
            arguments["until_now"] = had.until.isoformat()
        return Plan((PlannedAction("grant", arguments, "key"),), until=until, owner_key=application.owner_key)

    async def perform(self, action: PlannedAction, context: SkillContext, ports: Ports, *, key: str) -> Effect:
        application, role, until = _exactly(action)
        effect = await ports.access.grant(context.beneficiary.directory_key, application, role, until=until, key=key)
        return Effect(effect.reference, effect.changed, {"until": {"at": until.isoformat()}})

    async def verify(self, action: PlannedAction, context: SkillContext, ports: Ports) -> Verified:
        application, role, until = _exactly(action)
        has = _entitlement(await _held(context, ports, application), application, role)
        holds = has is not None and has.until == until
        said: dict[str, Param] = {"application": context.label("application"), "role": context.label("role"), "until": until}
        return Verified(holds, Message(SAYS + ("verified.grant" if holds else "verified.not_listed"), said))

    async def undo(self, action: PlannedAction, context: SkillContext, reference: str, ports: Ports, *, key: str) -> Effect:
        application, role, until = _exactly(action)
        person_key = context.beneficiary.directory_key
        had = action.arguments.get("until_now")
        before = None if had is None else datetime.fromisoformat(str(had))
        has = _entitlement(await _held(context, ports, application), application, role)
        if has is not None and has.until is None and not has.keeps_end:
            raise NeedsHuman("end_lost", f"{application}, {role}: given here, still there, and nothing is known of its end")
        # `before` is what a repetition finds after the first try, and what was there all along if the grant never happened.
        if has is not None and (has.until is None or has.until not in (until, before)):
            return Effect(has.reference, changed=False, detail={SUPERSEDED: True})
        if before is not None and before > context.now:
            return await ports.access.grant(person_key, application, role, until=before, key=key)
        return await ports.access.revoke(person_key, application, role, key=key)


def _exactly(action: PlannedAction) -> tuple[str, str, datetime]:
    given = action.arguments
    return str(given["application"]), str(given["role"]), datetime.fromisoformat(str(given["until"]))


async def _held(context: SkillContext, ports: Ports, application: str) -> Sequence[Entitlement]:
    return await ports.access.entitlements(context.beneficiary.directory_key, application_key=application)


def _entitlement(entitlements: Sequence[Entitlement], application: str, role: str) -> Entitlement | None:
    return next((one for one in entitlements if (one.application_key, one.role) == (application, role)), None)
