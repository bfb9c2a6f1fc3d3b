"""The kill switch: one row stops every new effect of a specialist, or of all, in whichever process it would start.

It is read from the database before each effect and a release is never remembered, so that it holds within the moment, in
every process, and across restarts.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from connectors.ports.knowledge import AuditSink
from connectors.ports.records import Clock
from specialists import tables
from specialists.request import RequestState, resumed
from specialists.store import RequestStore

ALL: Final = "*"


@dataclass(frozen=True, slots=True)
class SwitchState:
    """Whether a specialist (or "*", all of them) is paused, since when, and by whom."""

    paused: bool
    by: str
    at: datetime


class Switch:
    """`by` is who pressed it: a person id, or "operator" for the command line."""

    def __init__(self, sessions: async_sessionmaker[AsyncSession], store: RequestStore, audit: AuditSink, clock: Clock) -> None:
        self._sessions = sessions
        self._store = store
        self._audit = audit
        self._clock = clock
        self._pressed: set[str] = set()
        """Holds from the press on, while its row still queues behind other writers; for good when the row cannot be written."""

    async def pause(self, name: str, by: str) -> None:
        """No new effect of this specialist ("*": of any) starts from now on, elsewhere once this has returned."""
        self._pressed.add(name)
        async with self._sessions.begin() as session:
            await self._put(session, name, True, by)
        self._pressed.discard(name)

    async def resume(self, name: str, by: str) -> int:
        """What was held goes on, unless another switch holds it; how many requests. Dispatch afterwards."""
        self._pressed.discard(name)
        async with self._sessions.begin() as session:
            await self._put(session, name, False, by)
            return await self.release(session)

    async def release(self, session: AsyncSession) -> int:
        """Submits held requests that no switch holds any more; how many."""
        released = 0
        for request in await self._store.in_states(RequestState.HELD, session=session):
            if not await self.paused(request.specialist, session=session):
                await self._store.save(session, resumed(request, self._clock()))
                released += 1
        return released

    async def paused(self, specialist: str, *, session: AsyncSession | None = None) -> bool:
        if not self._pressed.isdisjoint((specialist, ALL)):
            return True
        query = select(tables.switch.c.name).where(tables.switch.c.name.in_([specialist, ALL]), tables.switch.c.paused).limit(1)
        if session is not None:
            return (await session.execute(query)).first() is not None
        async with self._sessions() as own:
            return (await own.execute(query)).first() is not None

    async def state(self) -> Mapping[str, SwitchState]:
        """Every switch that was ever pressed, by specialist or "*"."""
        async with self._sessions() as session:
            found = await session.execute(select(tables.switch).order_by(tables.switch.c.name))
            return {row.name: SwitchState(row.paused, row.changed_by, row.changed_at) for row in found}

    async def _put(self, session: AsyncSession, name: str, paused: bool, by: str) -> None:
        now = self._clock()
        values = {"paused": paused, "changed_by": by, "changed_at": now}
        dialect = postgresql if session.get_bind().dialect.name == "postgresql" else sqlite
        upsert = dialect.insert(tables.switch).values(name=name, **values)
        await session.execute(upsert.on_conflict_do_update(index_elements=["name"], set_=values))
        await self._audit.append(
            session,
            kind="action",
            event="specialist_paused" if paused else "specialist_resumed",
            actor_id=by,
            data={"specialist": name},
            at=now,
        )
