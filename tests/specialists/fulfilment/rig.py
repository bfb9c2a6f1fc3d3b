"""Fulfilment with everything real around it but the conversation: Acme, the policy, the skills, the audit and the engine."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from bot.database import Sessions, connect
from connectors.ports.people import Directory, DirectoryPerson, Person
from connectors.ports.records import Json, new_id
from connectors.sandbox.connector import SandboxCompany
from connectors.sandbox.facts import DANA
from specialists import tables
from specialists.approvals import Judgement, Verdict
from specialists.audit import Audit
from specialists.engine import Engine, Retries
from specialists.fulfilment import Fulfilment
from specialists.hands import Checkpoint, Patience
from specialists.loader import LoadedSkill, load_skills
from specialists.policy.decide import Policy
from specialists.request import EventKind, Request, RequestState, SlotValue, opened, submitted, undo_started
from specialists.roster import Roster, load_roster
from specialists.skill import Ports, Receipt
from specialists.store import RequestStore
from specialists.switch import Switch

MONDAY = datetime(2026, 3, 2, 14, 30, tzinfo=UTC)
IMPATIENT = Patience(waits=(0.0, 0.0, 0.0), call=10.0)


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


class DirectoryPeople:
    """Foyer's persons straight from the directory; the id of a person is their directory key.

    `changed` overlays what the directory says, for people who left or have another manager.
    """

    def __init__(self, directory: Directory) -> None:
        self._directory = directory
        self.changed: dict[str, dict[str, Any]] = {}

    async def get(self, person_id: str) -> Person | None:
        found = await self._directory.get(person_id)
        return replace(_person(found), **self.changed.get(person_id, {})) if found is not None else None

    async def known(self, person_id: str) -> Person | None:
        return await self.get(person_id) or Person(person_id, person_id, "", "", "UTC", "en", active=False)

    async def by_key(self, directory_key: str) -> Person | None:
        return await self.get(directory_key)

    async def members(self, group: str) -> Sequence[Person]:
        return [_person(found) for found in await self._directory.members(group)]


def _person(found: DirectoryPerson) -> Person:
    return Person(
        id=found.key,
        directory_key=found.key,
        name=found.name,
        email=found.email,
        timezone=found.timezone,
        locale=found.locale,
        groups=found.groups,
        attributes=found.attributes,
        manager_key=found.manager_key,
        active=found.active,
        guest=found.guest,
        privileged=found.privileged,
    )


@dataclass
class Rig:
    """One Foyer without its conversation. `open` it inside the loop."""

    sessions: Sessions
    company: SandboxCompany
    clock: Clock
    store: RequestStore
    switch: Switch
    engine: Engine
    people: DirectoryPeople
    fulfilment: Fulfilment
    skills: dict[str, LoadedSkill]
    """What fulfilment uses, too: a test may put another code in."""
    roster: Roster
    checkpoint: Checkpoint

    async def submit(
        self, skill: str, *, who: str = DANA, whom: str | None = None, confidence: float = 0.95, key: str | None = None, **slots: Json
    ) -> Request:
        """A request as a turn makes it, submitted and dispatched."""
        request = Request(
            id=new_id(),
            number=await self.store.next_number(),
            key=key or new_id(),
            skill=skill,
            specialist=self.roster.of(skill).name,
            requester_id=who,
            beneficiary_id=whom or who,
            conversation_id=new_id(),
            confidence=confidence,
            created_at=self.clock(),
            updated_at=self.clock(),
            slots={name: SlotValue(value, str(value)) for name, value in slots.items()},
        )
        change = opened(request)
        await self.checkpoint("turn:before-commit")
        async with self.sessions.begin() as session:
            saved = await self.store.save(session, change.then(submitted(change.request, self.clock())))
        await self.checkpoint("turn:after-commit")
        self.fulfilment.wake()
        return saved

    async def settle(self, request: Request) -> Request:
        """The request once nothing runs any more."""
        await self.quiet()
        return await self.now(request)

    async def quiet(self) -> None:
        async with asyncio.timeout(30):
            while not await self.fulfilment.idle():
                await asyncio.sleep(0.005)

    async def now(self, request: Request) -> Request:
        found = await self.store.get(request.id)
        assert found is not None
        return found

    async def kinds(self, request: Request) -> list[EventKind]:
        return [stored.event.kind for stored in await self.store.events_of(request.id)]

    async def data(self, request: Request, kind: EventKind) -> list[Mapping[str, Any]]:
        return [stored.event.data for stored in await self.store.events_of(request.id) if stored.event.kind is kind]

    async def receipt(self, request: Request) -> Receipt:
        (data,) = await self.data(request, EventKind.COMPLETED)
        return Receipt.from_json(data["receipt"])

    async def click(self, approval_id: str, by: str, verdict: Verdict = "approved", reason: str = "") -> Judgement:
        person = await self.people.get(by)
        assert person is not None
        await self.checkpoint("click:before-commit")
        async with self.sessions.begin() as session:
            judged = await self.fulfilment.decide_approval(session, approval_id, person, verdict, reason, self.clock())
        await self.checkpoint("click:after-commit")
        self.fulfilment.wake()
        return judged

    async def approval_of(self, request: Request) -> str:
        return (await self.store.approvals_of(request.id))[-1].id

    async def link(self, who: str = DANA) -> str:
        """The token of the last link that came to the person's enrolled channel."""
        mail = (await self.company.inbox(who))[-1]
        assert mail.link is not None
        return mail.link.rsplit("/", 1)[1]

    async def pass_step_up(self, token: str) -> str:
        async with self.sessions.begin() as session:
            result = await self.fulfilment.pass_step_up(session, token, self.clock())
        self.fulfilment.wake()
        return result

    async def undo(self, request: Request) -> Request:
        current = await self.now(request)
        async with self.sessions.begin() as session:
            await self.store.save(session, undo_started(current, self.clock(), current.requester_id))
        self.fulfilment.wake()
        return await self.settle(request)

    async def fire(self, workflow_id: str) -> None:
        """Makes a timer due and waits until it has run."""
        await self.engine.fire(workflow_id)
        async with asyncio.timeout(30):
            while await self.engine.status(workflow_id) != "SUCCESS":
                await asyncio.sleep(0.02)

    async def state(self, request: Request) -> RequestState:
        return (await self.now(request)).state


async def no_checkpoint(name: str) -> None:
    pass


def make(
    folder: Path,
    sessions: Sessions,
    *,
    clock: Clock,
    engine_url: str | None = None,
    checkpoint: Checkpoint = no_checkpoint,
    skills: Mapping[str, LoadedSkill] | None = None,
    patience: Patience = IMPATIENT,
) -> Rig:
    company = SandboxCompany(folder / "sandbox.db", clock)
    store = RequestStore(sessions)
    audit = Audit(b"k" * 32, clock=clock)
    engine = Engine(engine_url or f"sqlite:///{folder / 'engine.db'}", clock=clock, retries=Retries(3, 0.01), poll=0.05)
    loaded = dict(load_skills())
    roster = load_roster({name: skill.spec for name, skill in loaded.items()})
    switch = Switch(sessions, store, audit, clock, roster)
    loaded.update(skills or {})
    people = DirectoryPeople(company.people)
    fulfilment = Fulfilment(
        store=store,
        sessions=sessions,
        engine=engine,
        switch=switch,
        policy=Policy(),
        roster=roster,
        skills=loaded,
        ports=Ports(
            company.people,
            company.accounts,
            company.enrolled,
            company.access,
            company.hr,
            company.purchasing,
            company.devices,
            NoKnowledge(),
        ),
        people=people,
        audit=audit,
        base_url="http://127.0.0.1:8080",
        secret=b"s" * 32,
        clock=clock,
        patience=patience,
        checkpoint=checkpoint,
    )
    return Rig(sessions, company, clock, store, switch, engine, people, fulfilment, loaded, roster, checkpoint)


async def make_tables(folder: Path) -> tuple[Any, Sessions]:
    """The application's database in a file, with the specialists' tables alone."""
    engine, sessions = connect(f"sqlite+aiosqlite:///{folder / 'foyer.db'}")
    async with engine.begin() as connection:
        await connection.run_sync(tables.metadata.create_all)
    return engine, sessions
