"""The kill switch: one row stops every new effect of a specialist, or of all, in whichever process it would start.

It is read from the database before each effect and a release is never remembered, so that it holds within the moment, in
every process, and across restarts. A specialist whose roster says that it is not in service is paused, too.
"""

from collections.abc import Mapping
from contextlib import suppress
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
from specialists.roster import Roster
from specialists.store import Conflict, RequestStore

ALL: Final = "*"


@dataclass(frozen=True, slots=True)
class SwitchState:
    """Whether a specialist (or "*", all of them) is paused, since when, and by whom."""

    paused: bool
    by: str
    at: datetime


class Switch:
    """`by` is who pressed it: a person id, or "operator" for the command line."""

    def __init__(
        self, sessions: async_sessionmaker[AsyncSession], store: RequestStore, audit: AuditSink, clock: Clock, roster: Roster
    ) -> None:
        self._sessions = sessions
        self._store = store
        self._audit = audit
        self._clock = clock
        self._roster = roster
        self._pressed: set[str] = set()
        """Holds from the press on, while its row still queues behind other writers; for good when the row cannot be written."""

    async def pause(self, name: str, by: str) -> None:
        """No new effect of this specialist ("*": of any) starts from now on, elsewhere once this has returned."""
        self._pressed.add(name)
        async with self._sessions.begin() as session:
            await self._put(session, name, True, by)
        self._pressed.discard(name)

    async def resume(self, name: str, by: str) -> int:
        """What was held goes on, unless something else holds it; how many requests. Wake fulfilment afterwards."""
        self._pressed.discard(name)
        async with self._sessions.begin() as session:
            await self._put(session, name, False, by)
        return await self.release()

    async def release(self) -> int:
        """Submits held requests that nothing holds any more; how many. One that somebody changes just now is left to them."""
        released = 0
        for request in await self._store.in_states(RequestState.HELD):
            if await self.paused(request.specialist):
                continue
            with suppress(Conflict):
                async with self._sessions.begin() as session:
                    await self._store.save(session, resumed(request, self._clock()))
                released += 1
        return released

    async def paused(self, specialist: str) -> bool:
        """Whether this specialist may start no effect now: by its switch, by that for all, or as it is not in service."""
        known = self._roster.specialists.get(specialist)
        if known is None or known.lifecycle != "active" or not self._pressed.isdisjoint((specialist, ALL)):
            return True
        query = select(tables.switch.c.name).where(tables.switch.c.name.in_([specialist, ALL]), tables.switch.c.paused).limit(1)
        async with self._sessions() as session:
            return (await session.execute(query)).first() is not None

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
