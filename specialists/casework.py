"""What every workflow stands on: a request opened with its people, its skill and its standing, and changes as one commit.

A step may run again after a crash. So each looks first whether its request is still at the attempt and in the state that it
was made for, and writes what it did in one transaction that is guarded by the request's version.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time
from typing import Literal

from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from connectors.ports.knowledge import AuditSink
from connectors.ports.people import People, Person
from connectors.ports.records import Clock, Json
from specialists.gate import Standing, query
from specialists.hands import Checkpoint, Hands, Patience
from specialists.loader import LoadedSkill, ports_for
from specialists.planning import StoredPlan
from specialists.policy.decide import Policy
from specialists.policy.model import PolicyDecision
from specialists.request import Change, Request, RequestState
from specialists.roster import Roster
from specialists.skill import PlannedAction, Ports, SkillContext
from specialists.store import ActionRecord, Conflict, RequestStore
from specialists.switch import Switch

Make = Callable[[AsyncSession, Request], Awaitable[Change | None]]

_TRIES = 20
"""A request that is changed by others this often in a row is no accident any more."""


@dataclass(frozen=True, slots=True)
class Case:
    """A request as it was read, with whom and what it is about."""

    request: Request
    skill: LoadedSkill
    requester: Person
    beneficiary: Person

    def context(self, now: datetime) -> SkillContext:
        slots = self.request.slots
        return SkillContext(
            request_id=self.request.id,
            case=self.request.case,
            requester=self.requester,
            beneficiary=self.beneficiary,
            slots={name: slot.value for name, slot in slots.items()},
            labels={name: slot.label for name, slot in slots.items()},
            now=now,
        )


@dataclass(frozen=True, slots=True)
class Casework:
    """The collaborators of fulfilment, and what its steps have in common."""

    store: RequestStore
    sessions: async_sessionmaker[AsyncSession]
    switch: Switch
    policy: Policy
    roster: Roster
    skills: Mapping[str, LoadedSkill]
    ports: Ports
    people: People
    audit: AuditSink
    clock: Clock
    patience: Patience
    checkpoint: Checkpoint
    saved: Callable[[], None]
    """Called after every commit."""

    async def open(self, request: Request, *, ending: bool = False) -> Case:
        """`ending`: to take back what was given, also from somebody whom the directory does not know any more."""
        get = self.people.known if ending else self.people.get
        requester = await _found(get, request.requester_id)
        beneficiary = requester if request.beneficiary_id == request.requester_id else await _found(get, request.beneficiary_id)
        return Case(request, self.skills[request.skill], requester, beneficiary)

    def hands(self, case: Case, now: datetime | None = None) -> Hands:
        """`now`: what relative times count from; the present when None."""
        ports = ports_for(case.skill.spec, self.ports)
        return Hands(case.skill, case.context(now or self.clock()), ports, self.patience, self.checkpoint)

    async def current(self, request_id: str, attempt: int, *states: RequestState) -> Request | None:
        """The request, if it still is where this step belongs."""
        request = await self.store.get(request_id)
        return request if request is not None and is_current(request, attempt, *states) else None

    async def change(self, name: str, request_id: str, make: Make) -> Request | None:
        """One short transaction: `make` gets the request as it is now and says what it becomes. None from it changes nothing.

        Made again from the new value when somebody else was faster.
        """
        await self.checkpoint(f"{name}:before-commit")
        for _ in range(_TRIES):
            try:
                async with self.sessions.begin() as session:
                    request = await self.store.get(request_id, session=session)
                    change = await make(session, request) if request is not None else None
                    saved = await self.store.save(session, change) if change is not None else None
                break
            except Conflict:
                continue
        else:
            raise Conflict(f"request {request_id} changes all the time")
        await self.checkpoint(f"{name}:after-commit")
        self.saved()
        return saved

    async def paused(self, request: Request) -> bool:
        """Read anew each time: the switch must hold within the moment."""
        return await self.switch.paused(request.specialist)

    async def standing(self, request: Request, plan: StoredPlan, records: Mapping[int, ActionRecord]) -> Standing:
        approvals = await self.store.approvals_of(request.id)
        approved = next((one for one in reversed(approvals) if one.state == "approved" and one.hash == plan.hash), None)
        stepped_up = any(step_up.state == "passed" for step_up in await self.store.step_ups_of(request.id))
        midnight = datetime.combine(self.clock().astimezone(UTC).date(), time(), UTC)
        return Standing(
            approved_by=approved.decided_by if approved else None,
            assurance=2 if stepped_up else 1,
            paused=await self.paused(request),
            actions_so_far=sum(record.autonomous for record in records.values()),
            actions_today=await self.store.autonomous_since(request.beneficiary_id, midnight),
        )

    async def audit_decisions(
        self, session: AsyncSession, request: Request, actions: Sequence[str], decisions: Sequence[PolicyDecision]
    ) -> None:
        for action, decision in zip(actions, decisions, strict=True):
            await self.audit.append(
                session,
                kind="decision",
                event="policy_decided",
                actor_id=request.specialist,
                data={
                    "skill": request.skill,
                    "action": action,
                    "outcome": decision.outcome,
                    "rules": list(decision.rules),
                    "policy_version": decision.policy_version,
                },
                subject_id=request.beneficiary_id,
                request_id=request.id,
                at=self.clock(),
            )

    async def outcome(
        self,
        session: AsyncSession,
        request: Request,
        event: str,
        data: Mapping[str, Json],
        *,
        kind: Literal["action", "outcome"] = "outcome",
        private: Mapping[str, Json] | None = None,
    ) -> None:
        """What the specialist did or what became of it, for the audit."""
        await self.audit.append(
            session,
            kind=kind,
            event=event,
            actor_id=request.specialist,
            data={"skill": request.skill, **data},
            private=private,
            subject_id=request.beneficiary_id,
            request_id=request.id,
            at=self.clock(),
        )

    def decide(self, case: Case, stored: StoredPlan, action: PlannedAction, standing: Standing) -> PolicyDecision:
        has_end = stored.plan.until is not None
        return self.policy.decide(query(case.request, case.skill.spec, action, case.requester, case.beneficiary, has_end, standing))


async def _found(get: Callable[[str], Awaitable[Person | None]], person_id: str) -> Person:
    person = await get(person_id)
    if person is None:
        raise LookupError(f"no person {person_id}")
    return person


def is_current(request: Request, attempt: int, *states: RequestState) -> bool:
    return request.attempt == attempt and request.state in states
