"""A skill on the sandbox company, step by step as fulfilment takes it, without the engine around it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from connectors.ports.knowledge import KnowledgeLookup
from connectors.ports.messages import Message, Reader
from connectors.ports.people import DirectoryPerson, Person
from connectors.ports.records import Json
from connectors.ports.systems import Effect
from connectors.sandbox.connector import SandboxCompany
from specialists.loader import LoadedSkill, ports_for
from specialists.skill import Declined, Plan, PlannedAction, Ports, SkillContext, Verified

MONDAY = datetime(2026, 3, 2, 14, 30, tzinfo=UTC)
"""Half past nine in New York, where Dana works."""


class Clock:
    def __init__(self, now: datetime = MONDAY) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def advance(self, **by: float) -> None:
        self.now += timedelta(**by)


class NoKnowledge:
    async def search(self, question: str, person: Person, *, limit: int = 3) -> list[Any]:
        return []


def ports_of(company: SandboxCompany) -> Ports:
    knowledge: KnowledgeLookup = NoKnowledge()
    return Ports(
        company.people, company.accounts, company.enrolled, company.access, company.hr, company.purchasing, company.devices, knowledge
    )


def as_person(found: DirectoryPerson) -> Person:
    return Person(
        id=f"person-{found.key}",
        directory_key=found.key,
        name=found.name,
        email=found.email,
        timezone=found.timezone,
        locale=found.locale,
        groups=found.groups,
        attributes=found.attributes,
        manager_key=found.manager_key,
        privileged=found.privileged,
    )


@dataclass
class Bench:
    """`who` asks for themselves."""

    skill: LoadedSkill
    company: SandboxCompany
    clock: Clock
    who: Person
    slots: dict[str, Json] = field(default_factory=dict)
    labels: dict[str, str] = field(default_factory=dict)
    case: str = "FOY-1"

    @property
    def key(self) -> str:
        return self.who.directory_key

    @property
    def ports(self) -> Ports:
        return ports_for(self.skill.spec, ports_of(self.company))

    @property
    def context(self) -> SkillContext:
        return SkillContext(f"request-{self.case}", self.case, self.who, self.who, self.slots, self.labels, self.clock())

    def asks(self, labels: Mapping[str, str] | None = None, **slots: Json) -> "Bench":
        """The same with these slots; their labels are the values unless given."""
        return replace(self, slots=dict(slots), labels={**{name: str(value) for name, value in slots.items()}, **(labels or {})})

    async def plan(self) -> Plan | Declined:
        """As it comes out of the row it is stored in: arguments are JSON."""
        planned = self.skill.code.plan(self.context, await self.skill.code.look(self.context, self.ports))
        if isinstance(planned, Plan):
            actions = (replace(action, arguments=json.loads(json.dumps(dict(action.arguments)))) for action in planned.actions)
            planned = replace(planned, actions=tuple(actions))
        return planned

    async def planned(self) -> Plan:
        plan = await self.plan()
        assert isinstance(plan, Plan), plan
        return plan

    async def declined(self) -> str:
        """What the employee reads."""
        plan = await self.plan()
        assert isinstance(plan, Declined), plan
        return self.read(plan.message)

    async def perform(self, action: PlannedAction, *, key: str = "") -> Effect:
        return await self.skill.code.perform(action, self.context, self.ports, key=key or f"{self.case}:{action.name}")

    async def verify(self, action: PlannedAction) -> Verified:
        return await self.skill.code.verify(action, self.context, self.ports)

    async def undo(self, action: PlannedAction, effect: Effect, *, key: str = "") -> Effect:
        return await self.skill.code.undo(action, self.context, effect.reference, self.ports, key=key or f"{self.case}:undo:{action.name}")

    async def run(self) -> list[tuple[PlannedAction, Effect]]:
        """All steps, each read back."""
        done = []
        for action in (await self.planned()).actions:
            done.append((action, await self.perform(action)))
            verified = await self.verify(action)
            assert verified.holds, self.read(verified.evidence)
        return done

    def told(self, action: PlannedAction, effect: Effect) -> str:
        """The line of the receipt."""
        return self.read(self.skill.says(f"done.{action.name}", self.context, effect.detail))

    def read(self, message: Message) -> str:
        return self.skill.messages.say(message, Reader("en-US", self.who.timezone))
