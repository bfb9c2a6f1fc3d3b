"""Requests and everything fulfilment must not forget, in the application's database.

A method that takes `session` works in the caller's transaction; the others open a short one of their own. Whatever
changes a request goes through `save`: the new version, its events and its start commands are one commit or none.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import Select, Table, Update, func, insert, select, text, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from connectors.ports.messages import Message
from specialists import rows, tables
from specialists.approvals import Approval, Verdict
from specialists.grants import Grant
from specialists.planning import StoredPlan
from specialists.request import ENDED, Change, Request, RequestEvent, RequestState, StartCommand
from specialists.step_up import StepUp, StepUpState

_EVENTS_LOCK = 4_701_001
"""Key of the advisory lock that makes the order of event numbers the order of commits, so that a cursor misses none."""

_QUESTIONS = {RequestState.AWAITING_APPROVAL: tables.approval, RequestState.AWAITING_STEP_UP: tables.step_up}
"""What is asked of people while a request is in a state, and of no use once it has left it."""


class Conflict(Exception):
    """Somebody else changed or opened this request first; load it again."""


@dataclass(frozen=True, slots=True)
class StoredEvent:
    """`seq` is the cursor: it only grows, in commit order."""

    seq: int
    request_id: str
    event: RequestEvent


@dataclass(frozen=True, slots=True)
class ActionRecord:
    """One action of a plan as it went. `autonomous`: an effect that no human approved. `rules` let it run.

    started: it may have had its effect. held: begun, and stopped before the effect. failed with `changed`: it had one.
    left: done, and it cannot be taken back any more; `evidence` says why.
    `done` and `evidence` are what the receipt says.
    """

    n: int
    name: str
    beneficiary_id: str
    autonomous: bool
    state: Literal["started", "held", "done", "failed", "undone", "left"]
    started_at: datetime
    rules: tuple[str, ...]
    reference: str = ""
    changed: bool = False
    done: Message | None = None
    evidence: Message | None = None


class RequestStore:
    """SQLite or PostgreSQL, through the sessions it is given."""

    def __init__(self, sessions: async_sessionmaker[AsyncSession]) -> None:
        self._sessions = sessions

    async def next_number(self) -> int:
        """The next case number, in a transaction of its own: taken before the turn's transaction is opened, never reused."""
        async with self._sessions.begin() as session:
            result = await session.execute(insert(tables.case_number).values().returning(tables.case_number.c.number))
            return int(result.scalar_one())

    # -- requests -----------------------------------------------------------------------------------------------------

    async def save(self, session: AsyncSession, change: Change) -> Request:
        """Writes a change; returns the request at its new version. Raises Conflict (roll back, load again)."""
        request, table = change.request, tables.request
        saved = replace(request, version=request.version + 1)
        values = {**rows.request_values(request), "version": saved.version}
        if request.version == 0:
            try:
                await session.execute(insert(table).values(values))
            except IntegrityError as error:
                raise Conflict(f"request {request.id} or its key is there already") from error
        elif await _changed(session, update(table).where(table.c.id == request.id, table.c.version == request.version).values(values)) == 0:
            raise Conflict(f"request {request.id} is no longer at version {request.version}")
        else:
            for state, table in _QUESTIONS.items():
                if request.state is not state:
                    await _withdraw(session, table, request)
        await self._append(session, request.id, change.events)
        for command in change.start:
            await self.command(session, command)
        return saved

    async def get(self, request_id: str, *, session: AsyncSession | None = None) -> Request | None:
        return await self._request(select(tables.request).where(tables.request.c.id == request_id), session)

    async def by_number(self, number: int, *, session: AsyncSession | None = None) -> Request | None:
        return await self._request(select(tables.request).where(tables.request.c.number == number), session)

    async def by_key(self, key: str, *, session: AsyncSession | None = None) -> Request | None:
        return await self._request(select(tables.request).where(tables.request.c.key == key), session)

    async def open_of(self, person_id: str, *, session: AsyncSession | None = None) -> Sequence[Request]:
        """What this requester has that has not ended, newest first."""
        table = tables.request
        query = select(table).where(table.c.requester_id == person_id, table.c.state.not_in([state.value for state in ENDED]))
        return await self._requests(query.order_by(table.c.number.desc()), session)

    async def recent_of(self, person_id: str, limit: int = 10, *, session: AsyncSession | None = None) -> Sequence[Request]:
        table = tables.request
        return await self._requests(
            select(table).where(table.c.requester_id == person_id).order_by(table.c.number.desc()).limit(limit), session
        )

    async def of_conversation(self, conversation_id: str, *, session: AsyncSession | None = None) -> Sequence[Request]:
        table = tables.request
        return await self._requests(select(table).where(table.c.conversation_id == conversation_id).order_by(table.c.number), session)

    async def in_states(self, *states: RequestState, unresolved: bool = False, session: AsyncSession | None = None) -> Sequence[Request]:
        """Requests of any person in these states, oldest first. `unresolved`: only those whose solution nobody has judged."""
        table = tables.request
        query = select(table).where(table.c.state.in_([state.value for state in states])).order_by(table.c.number)
        return await self._requests(query.where(table.c.resolution.is_(None)) if unresolved else query, session)

    # -- events -------------------------------------------------------------------------------------------------------

    async def events_after(self, seq: int, limit: int = 100, *, session: AsyncSession | None = None) -> Sequence[StoredEvent]:
        table = tables.request_event
        return await self._events(select(table).where(table.c.seq > seq).order_by(table.c.seq).limit(limit), session)

    async def events_of(self, request_id: str, *, session: AsyncSession | None = None) -> Sequence[StoredEvent]:
        table = tables.request_event
        return await self._events(select(table).where(table.c.request_id == request_id).order_by(table.c.seq), session)

    # -- start commands -----------------------------------------------------------------------------------------------

    async def command(self, session: AsyncSession, command: StartCommand) -> None:
        """Written with the change that wants it; a workflow id that was there before is not written again."""
        await _insert_once(
            session,
            tables.start_command,
            {
                "workflow_id": command.workflow_id,
                "workflow": command.workflow,
                "argument": command.argument,
                "not_before": command.at,
                "started": False,
            },
        )

    async def pending_commands(self, limit: int = 100) -> Sequence[StartCommand]:
        async with self._sessions() as session:
            found = await session.execute(select(tables.start_command).where(~tables.start_command.c.started).limit(limit))
            return [rows.command_from(row) for row in found]

    async def commands_started(self, workflow_ids: Sequence[str]) -> None:
        table = tables.start_command
        async with self._sessions.begin() as session:
            await session.execute(update(table).where(table.c.workflow_id.in_(workflow_ids)).values(started=True))

    # -- plans and actions --------------------------------------------------------------------------------------------

    async def plan(self, request_id: str, attempt: int | None = None, *, session: AsyncSession | None = None) -> StoredPlan | None:
        """The plan of one attempt; the latest when `attempt` is None."""
        table = tables.request_plan
        query = select(table).where(table.c.request_id == request_id).order_by(table.c.attempt.desc()).limit(1)
        async with self._reading(session) as reading:
            row = (await reading.execute(query if attempt is None else query.where(table.c.attempt == attempt))).first()
        return rows.plan_from(row) if row else None

    async def keep_plan(self, session: AsyncSession, request_id: str, stored: StoredPlan) -> None:
        await session.execute(insert(tables.request_plan).values(rows.plan_values(request_id, stored)))

    async def actions(self, request_id: str, *, session: AsyncSession | None = None) -> Mapping[int, ActionRecord]:
        """What was started of a request, by its place in the plan."""
        table = tables.request_action
        async with self._reading(session) as reading:
            found = await reading.execute(select(table).where(table.c.request_id == request_id).order_by(table.c.n))
        return {row.n: _action_from(row) for row in found}

    async def put_action(self, session: AsyncSession, request_id: str, record: ActionRecord) -> None:
        table = tables.request_action
        values = {
            **asdict(record),
            "rules": list(record.rules),
            "done": record.done.as_json() if record.done else None,
            "evidence": record.evidence.as_json() if record.evidence else None,
        }
        where = (table.c.request_id == request_id, table.c.n == record.n)
        if await _changed(session, update(table).where(*where).values(values)) == 0:
            await session.execute(insert(table).values(request_id=request_id, **values))

    async def autonomous_since(self, beneficiary_id: str, since: datetime, *, session: AsyncSession | None = None) -> int:
        """How many effects Foyer started by itself for this person."""
        table = tables.request_action
        query = select(func.count()).select_from(table)
        query = query.where(table.c.beneficiary_id == beneficiary_id, table.c.autonomous, table.c.started_at >= since)
        async with self._reading(session) as reading:
            return int((await reading.execute(query)).scalar_one())

    # -- approvals ----------------------------------------------------------------------------------------------------

    async def ask_approval(self, session: AsyncSession, approval: Approval) -> None:
        await session.execute(insert(tables.approval).values(rows.approval_values(approval)))
        await session.execute(
            insert(tables.approver), [{"approval_id": approval.id, "person_id": person_id} for person_id in approval.approver_ids]
        )

    async def approval(self, approval_id: str, *, session: AsyncSession | None = None) -> Approval | None:
        return next(iter(await self._approvals(select(tables.approval).where(tables.approval.c.id == approval_id), session)), None)

    async def approvals_of(self, request_id: str, *, session: AsyncSession | None = None) -> Sequence[Approval]:
        table = tables.approval
        return await self._approvals(select(table).where(table.c.request_id == request_id).order_by(table.c.id), session)

    async def approvals_waiting(self, person_id: str, *, session: AsyncSession | None = None) -> Sequence[Approval]:
        """What this person is asked to decide now, oldest first."""
        mine = select(tables.approver.c.approval_id).where(tables.approver.c.person_id == person_id)
        table = tables.approval
        return await self._approvals(select(table).where(table.c.state == "pending", table.c.id.in_(mine)).order_by(table.c.id), session)

    async def approvals_overdue(self, now: datetime) -> Sequence[Approval]:
        """Pending ones that nobody decided in time."""
        table = tables.approval
        return await self._approvals(select(table).where(table.c.state == "pending", table.c.expires_at <= now), None)

    async def close_approval(
        self,
        session: AsyncSession,
        approval_id: str,
        verdict: Verdict | Literal["expired"],
        at: datetime,
        *,
        by: str | None = None,
        reason: str | None = None,
    ) -> bool:
        """The first verdict wins; False when there was one before."""
        table = tables.approval
        where = (table.c.id == approval_id, table.c.state == "pending")
        return await _changed(session, update(table).where(*where).values(state=verdict, decided_by=by, decided_at=at, reason=reason)) == 1

    # -- step-ups -----------------------------------------------------------------------------------------------------

    async def ask_step_up(self, session: AsyncSession, step_up: StepUp) -> None:
        await session.execute(insert(tables.step_up).values(asdict(step_up)))

    async def step_up(self, token_hash: str, *, session: AsyncSession | None = None) -> StepUp | None:
        async with self._reading(session) as reading:
            row = (await reading.execute(select(tables.step_up).where(tables.step_up.c.token_hash == token_hash))).first()
        return rows.step_up_from(row) if row else None

    async def step_ups_of(self, request_id: str, *, session: AsyncSession | None = None) -> Sequence[StepUp]:
        table = tables.step_up
        async with self._reading(session) as reading:
            found = await reading.execute(select(table).where(table.c.request_id == request_id).order_by(table.c.attempt))
        return [rows.step_up_from(row) for row in found]

    async def step_ups_overdue(self, now: datetime) -> Sequence[StepUp]:
        """Pending ones whose link was not used in time."""
        table = tables.step_up
        async with self._sessions() as session:
            found = await session.execute(select(table).where(table.c.state == "pending", table.c.expires_at <= now))
            return [rows.step_up_from(row) for row in found]

    async def close_step_up(self, session: AsyncSession, token_hash: str, state: StepUpState, at: datetime) -> bool:
        """The first outcome wins; False when there was one before."""
        table = tables.step_up
        where = (table.c.token_hash == token_hash, table.c.state == "pending")
        return await _changed(session, update(table).where(*where).values(state=state, decided_at=at)) == 1

    # -- grants -------------------------------------------------------------------------------------------------------

    async def add_grant(self, session: AsyncSession, grant: Grant) -> None:
        await session.execute(insert(tables.grant).values(asdict(grant)))

    async def grant(self, grant_id: str, *, session: AsyncSession | None = None) -> Grant | None:
        return next(iter(await self._grants(select(tables.grant).where(tables.grant.c.id == grant_id), session)), None)

    async def grant_of(self, request_id: str, *, session: AsyncSession | None = None) -> Grant | None:
        return next(iter(await self._grants(select(tables.grant).where(tables.grant.c.request_id == request_id), session)), None)

    async def grants_due(self, now: datetime, *, session: AsyncSession | None = None) -> Sequence[Grant]:
        """Grants that should have ended and are due for another try, the longest overdue first."""
        table = tables.grant
        query = select(table).where(table.c.ended_at.is_(None), table.c.next_try_at <= now)
        return await self._grants(query.order_by(table.c.next_try_at), session)

    async def put_grant(self, session: AsyncSession, grant: Grant) -> bool:
        """Writes an open grant's new value; False when it has ended already."""
        table = tables.grant
        return await _changed(session, update(table).where(table.c.id == grant.id, table.c.ended_at.is_(None)).values(asdict(grant))) == 1

    # -- inside -------------------------------------------------------------------------------------------------------

    @asynccontextmanager
    async def _reading(self, session: AsyncSession | None) -> AsyncIterator[AsyncSession]:
        if session is not None:
            yield session
            return
        async with self._sessions() as own:
            yield own

    async def _append(self, session: AsyncSession, request_id: str, events: Sequence[RequestEvent]) -> None:
        if not events:
            return
        if session.get_bind().dialect.name == "postgresql":
            await session.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _EVENTS_LOCK})
        await session.execute(
            insert(tables.request_event),
            [{"request_id": request_id, "kind": event.kind.value, "at": event.at, "data": dict(event.data)} for event in events],
        )

    async def _request(self, query: Select[Any], session: AsyncSession | None) -> Request | None:
        return next(iter(await self._requests(query, session)), None)

    async def _requests(self, query: Select[Any], session: AsyncSession | None) -> Sequence[Request]:
        async with self._reading(session) as reading:
            return [rows.request_from(row) for row in await reading.execute(query)]

    async def _events(self, query: Select[Any], session: AsyncSession | None) -> Sequence[StoredEvent]:
        async with self._reading(session) as reading:
            return [StoredEvent(row.seq, row.request_id, rows.event_from(row)) for row in await reading.execute(query)]

    async def _approvals(self, query: Select[Any], session: AsyncSession | None) -> Sequence[Approval]:
        async with self._reading(session) as reading:
            found = (await reading.execute(query)).all()
            people: dict[str, list[str]] = {row.id: [] for row in found}
            of_these = select(tables.approver).where(tables.approver.c.approval_id.in_(list(people))).order_by(tables.approver.c.person_id)
            for row in await reading.execute(of_these):
                people[row.approval_id].append(row.person_id)
        return [rows.approval_from(row, tuple(people[row.id])) for row in found]

    async def _grants(self, query: Select[Any], session: AsyncSession | None) -> Sequence[Grant]:
        async with self._reading(session) as reading:
            return [rows.grant_from(row) for row in await reading.execute(query)]


async def _changed(session: AsyncSession, statement: Update) -> int:
    return int((await session.execute(statement)).rowcount)  # type: ignore[attr-defined]


async def _withdraw(session: AsyncSession, table: Table, request: Request) -> None:
    """A question that no longer matters is closed with the change that made it so."""
    where = (table.c.request_id == request.id, table.c.state == "pending")
    await session.execute(update(table).where(*where).values(state="withdrawn", decided_at=request.updated_at))


async def _insert_once(session: AsyncSession, table: Table, values: Mapping[str, Any]) -> None:
    dialect = postgresql if session.get_bind().dialect.name == "postgresql" else sqlite
    await session.execute(dialect.insert(table).values(values).on_conflict_do_nothing())


def _action_from(row: rows.AnyRow) -> ActionRecord:
    return ActionRecord(
        n=row.n,
        name=row.name,
        beneficiary_id=row.beneficiary_id,
        autonomous=row.autonomous,
        state=row.state,
        started_at=row.started_at,
        rules=tuple(row.rules),
        reference=row.reference,
        changed=row.changed,
        done=rows.message_from(row.done),
        evidence=rows.message_from(row.evidence),
    )
