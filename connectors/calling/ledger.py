"""Effects had once on systems that keep no idempotency keys, and ends of what was given in systems that keep none.

What is intended is written before it is done, with its end: whoever comes after a crash, a lost answer or a repetition finds the
intention, looks at the system, and acts only where it is not so yet. That needs effects which are harmless twice (a member added
again), and a system that can be read.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Protocol, TypeVar
from weakref import WeakValueDictionary

from sqlalchemy import ColumnElement, Row, Select, delete, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from connectors.calling.tables import outside_change as c
from connectors.calling.tables import outside_end as e
from connectors.errors import ConnectorError, OutcomeUnknown, Refused, Retry
from connectors.ports.records import Clock, Json
from connectors.ports.systems import Effect

T = TypeVar("T")
TRIES = 3
OVERDUE = timedelta(minutes=15)
"""After its end, what is still there was lost sight of: whoever should have taken it back had this long."""
LATE = timedelta(minutes=5)
"""How long after it was asked for an effect of unknown outcome may still come about, from a proxy's or a system's own queue. No longer:
what is there later was given by people, who have the request by then."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What reading the system showed. `holds`: it is as the change wants it, or, for access, the person has it.

    `reference`: the system's own id of the thing that changes. `holder`: what the system has for the person, such as the id of their
    account; "" while it has nothing. It finds what was given also when nobody else can tell any more whose it is.
    """

    holds: bool
    reference: str
    detail: Mapping[str, Json] = field(default_factory=dict)
    holder: str = ""


@dataclass(frozen=True, slots=True)
class GivenAs:
    """What was given, in the system's own words, as `Seen` had them."""

    reference: str
    holder: str


@dataclass(frozen=True, slots=True)
class Given:
    """Access that was given here with an end."""

    person_key: str
    application_key: str
    role: str

    @property
    def target(self) -> str:
        return f"{self.person_key}/{self.application_key}/{self.role}"


class Ending(Protocol):
    """Access that was given with ends on a system that keeps none."""

    async def overdue(self) -> Sequence[Given]:
        """What outlived its end, such as a grant that came about after it had been given up, the longest first. Asks no system."""

    async def settle(self, given: Given) -> Effect:
        """Takes one of them back; changed if it was still there."""


@dataclass(frozen=True, slots=True)
class _First:
    """What is known of an earlier call with the same key."""

    done: bool
    reference: str
    detail: Mapping[str, Json]


@dataclass(frozen=True, slots=True)
class _End:
    until: datetime
    leaving_since: datetime | None


Look = Callable[[], Awaitable[Seen]]
"""Reads the system anew; raises Retry when it cannot."""
Act = Callable[[], Awaitable[None]]
"""Does it; harmless when it is so already."""


class Ledger:
    """Of one connector. Several processes may keep one ledger in one database."""

    def __init__(self, connector: str, sessions: async_sessionmaker[AsyncSession], clock: Clock) -> None:
        self._connector = connector
        self._sessions = sessions
        self._clock = clock
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def change(self, operation: str, target: str, key: str, look: Look, act: Act) -> Effect:
        """At most one effect a key. `target`: the person or thing that changes; Refused("key_reused") when the key was another's.

        Raises OutcomeUnknown when it was done and cannot be seen.
        """
        async with self._alone(target):
            first = await self._first(operation, target, key)
            if first is not None and first.done:
                return Effect(first.reference, changed=False, detail=first.detail)
            seen = await look()
            if seen.holds:
                await self._finish(operation, target, key, seen, seen.detail)
                return Effect(seen.reference, changed=False, detail=seen.detail)
            await self._begin(operation, target, key, seen)
            await self._act(act, key, known=first is not None)
            seen = await _see(look, holds=True)
            changed = await self._finish(operation, target, key, seen, seen.detail)
            return Effect(seen.reference, changed, seen.detail)

    async def once(self, operation: str, target: str, key: str, act: Callable[[], Awaitable[str]]) -> Effect:
        """For what cannot be read back: `act` returns the reference, and is called again while its outcome is unknown."""
        async with self._alone(target):
            first = await self._first(operation, target, key)
            if first is not None and first.done:
                return Effect(first.reference, changed=False, detail=first.detail)
            await self._begin(operation, target, key, Seen(False, ""))
            reference = ""

            async def noted() -> None:
                nonlocal reference
                reference = await act()

            await self._act(noted, key, known=first is not None)
            return Effect(reference, await self._finish(operation, target, key, Seen(True, reference), {}))

    async def grant(self, person_key: str, application_key: str, role: str, *, until: datetime, key: str, look: Look, act: Act) -> Effect:
        """Gives access until then. A new end replaces the old one; access that was not given here has none, and stays as it is."""
        given = Given(person_key, application_key, role)
        operation, target, detail = "access.grant", given.target, {"until": until.isoformat()}
        async with self._alone(target):
            first = await self._first(operation, target, key)
            if first is not None and first.done:
                return Effect(first.reference, changed=False, detail=first.detail)
            seen, end = await look(), await self._end(given)
            if seen.holds and first is None:
                if end is None or (end.until == until and end.leaving_since is None):
                    so = {"until": end.until.isoformat() if end else None}
                    await self._finish(operation, target, key, seen, so)
                    return Effect(seen.reference, changed=False, detail=so)
                moved = {**detail, "previous_until": end.until.isoformat()}
                changed = await self._finish(operation, target, key, seen, moved, given, _End(until, None))
                return Effect(seen.reference, changed, moved)
            if seen.holds:  # an earlier try of this key did it, and wrote the end before; it may have been moved since
                await self._finish(operation, target, key, seen, detail, given, end or _End(until, None))
                return Effect(seen.reference, changed=False, detail=detail)
            ours = _End(until, None)
            await self._begin(operation, target, key, seen, given, ours)
            await self._act(act, key, known=first is not None, moved=(given, end, ours))
            seen = await _see(look, holds=True)
            changed = await self._finish(operation, target, key, seen, detail)
            return Effect(seen.reference, changed, {**detail, **seen.detail})

    async def revoke(self, person_key: str, application_key: str, role: str, *, key: str, look: Look, act: Act) -> Effect:
        given = Given(person_key, application_key, role)
        operation, target = "access.revoke", given.target
        async with self._alone(target):
            first = await self._first(operation, target, key)
            if first is not None and first.done:
                return Effect(first.reference, changed=False, detail=first.detail)
            end = await self._end(given)
            detail: dict[str, Json] = {} if end is None else {"previous_until": end.until.isoformat()}
            # Written before anything can fail: whatever becomes of this call, it is looked at again.
            leaving = await self._leaving(given, end)
            seen = await look()
            held = seen.holds
            if held or end is not None:  # what was given here is taken back also where a server that is behind does not show it yet
                await self._begin(operation, target, key, seen)
                await self._act(act, key, known=first is not None)
                seen = await _see(look, holds=False)
            finished = await self._finish(operation, target, key, seen, detail, given, await self._remains(given, leaving))
            return Effect(seen.reference, held and finished, detail)

    async def ends(self, person_key: str, application_key: str | None = None) -> Mapping[tuple[str, str], datetime]:
        """(application, role) -> when it ends, of what was given here."""
        where = [e.c.connector == self._connector, e.c.person_key == person_key]
        if application_key is not None:
            where.append(e.c.application_key == application_key)
        rows = await self._rows(select(e).where(*where))
        return {(row.application_key, row.role): row.until for row in rows}

    async def given_as(self, person_key: str, application_key: str, *roles: str) -> Sequence[GivenAs]:
        """As what these roles were given, or may have been by what was begun and never seen: in their order, of each the last first.

        Also of what has ended since. Nothing of what was given to somebody for whom the system had nothing when it was begun.
        """
        targets = [Given(person_key, application_key, role).target for role in roles]
        where = (c.c.connector == self._connector, c.c.operation == "access.grant", c.c.target.in_(targets), c.c.holder != "")
        rows = await self._rows(select(c).where(*where).order_by(c.c.begun_at.desc()))
        return list(dict.fromkeys(GivenAs(row.reference, row.holder) for one in targets for row in rows if row.target == one))

    async def given_to(self, application_key: str, holder: str) -> frozenset[str]:
        """The keys of whoever was given something as this, or may have been by what was begun and never seen."""
        where = (c.c.connector == self._connector, c.c.operation == "access.grant", c.c.holder == holder)
        rows = await self._rows(select(c.c.target).where(*where))
        parted = (row.target.partition(f"/{application_key}/") for row in rows)
        return frozenset(person_key for person_key, application, _ in parted if application)

    async def overdue(self) -> Sequence[Given]:
        """What should have been taken back by now, the longest overdue first: its end is over, or taking it back was begun, and is still
        written here."""
        now = self._clock()
        late = (e.c.until <= now - OVERDUE) | (e.c.leaving_since <= now - LATE)
        rows = await self._rows(select(e).where(e.c.connector == self._connector, late).order_by(e.c.until))
        return [Given(row.person_key, row.application_key, row.role) for row in rows]

    async def settle(self, given: Given, look: Look, act: Act) -> bool:
        """Takes back what is overdue and still there: it came about after it was given up, or taking it back failed. Whether it was there.

        Forgets its end once nothing can come about any more.
        """
        async with self._alone(given.target):
            end = await self._end(given)
            if end is None or not _is_overdue(end, self._clock()):  # given anew since it was asked what is overdue
                return False
            leaving = await self._leaving(given, end)
            seen = await look()
            if seen.holds:
                await act()
                await _see(look, holds=False)
            remains = await self._remains(given, leaving)
            await self._written(lambda session: self._keep_end(session, given, remains))
            return seen.holds

    # -- rows ---------------------------------------------------------------------------------------------------------

    def _alone(self, target: str) -> asyncio.Lock:
        lock = self._locks.get(target)
        if lock is None:
            self._locks[target] = lock = asyncio.Lock()
        return lock

    def _row(self, key: str) -> tuple[ColumnElement[bool], ...]:
        return (c.c.connector == self._connector, c.c.key == key)

    def _end_row(self, given: Given) -> tuple[ColumnElement[bool], ...]:
        return (
            e.c.connector == self._connector,
            e.c.person_key == given.person_key,
            e.c.application_key == given.application_key,
            e.c.role == given.role,
        )

    async def _first(self, operation: str, target: str, key: str) -> _First | None:
        if not key:
            raise Refused("no_key")
        rows = await self._rows(select(c).where(*self._row(key)))
        if not rows:
            return None
        [row] = rows
        if (row.operation, row.target) != (operation, target):
            raise Refused("key_reused", f"{row.operation} is not {operation} of the same target")
        return _First(row.done, row.reference, row.detail)

    async def _begin(self, operation: str, target: str, key: str, seen: Seen, given: Given | None = None, end: _End | None = None) -> None:
        """Writes what is intended, and the end that it will have."""
        own = {"reference": seen.reference, "holder": seen.holder}

        async def work(session: AsyncSession) -> None:
            if not await self._is_known(session, key):
                await self._insert(session, operation, target, key, done=False, detail={}, **own)
            else:
                await session.execute(update(c).where(*self._row(key)).values(repeated=True, begun_at=self._clock(), **own))
            if given is not None and end is not None:
                await self._keep_end(session, given, end)

        await self._written(work)

    async def _act(self, act: Act, key: str, *, known: bool, moved: tuple[Given, _End | None, _End] | None = None) -> None:
        """`known`: an earlier try of this key may have had its effect. What certainly had none is as if it had not been begun.

        `moved`: the end before, and the one that was written for this key; it goes back unless somebody else has moved it since.
        """
        try:
            await act()
        except OutcomeUnknown:
            raise
        except ConnectorError:
            if not known:

                async def work(session: AsyncSession) -> None:
                    # Where another process has begun the same key since, it may be doing it now.
                    forgot = delete(c).where(*self._row(key), c.c.done.is_(False), c.c.repeated.is_(False)).returning(c.c.key)
                    mine = (await session.execute(forgot)).one_or_none() is not None
                    if moved is not None and mine:
                        given, before, ours = moved
                        rows = (await session.execute(select(e).where(*self._end_row(given)))).all()
                        if [_End(row.until, row.leaving_since) for row in rows] == [ours]:
                            await self._keep_end(session, given, before)

                await self._written(work)
            raise

    async def _finish(
        self,
        operation: str,
        target: str,
        key: str,
        seen: Seen,
        detail: Mapping[str, Json],
        given: Given | None = None,
        end: _End | None = None,
    ) -> bool:
        """Whether nobody else had finished it. With `given`, `end` is kept with it; None forgets it."""
        written: dict[str, Any] = {"done": True, "reference": seen.reference, "holder": seen.holder, "detail": dict(detail)}

        async def work(session: AsyncSession) -> bool:
            mine = update(c).where(*self._row(key), c.c.done.is_(False)).values(**written).returning(c.c.key)
            won = (await session.execute(mine)).one_or_none() is not None
            if not won and not await self._is_known(session, key):
                await self._insert(session, operation, target, key, **written)
                won = True
            if given is not None:
                await self._keep_end(session, given, end)
            return won

        return await self._written(work)

    async def _written(self, work: Callable[[AsyncSession], Awaitable[T]]) -> T:
        """One transaction, made again when another process wrote the same row in between."""

        async def written() -> T:
            async with self._sessions.begin() as session:
                return await work(session)

        for _ in range(TRIES):
            try:
                return await _whole(written())
            except IntegrityError:
                continue
        raise Retry("unavailable", f"the ledger of {self._connector} changes all the time")

    async def _rows(self, wanted: Select[Any]) -> Sequence[Row[Any]]:
        async def read() -> Sequence[Row[Any]]:
            async with self._sessions() as session:
                rows: Sequence[Row[Any]] = (await session.execute(wanted)).all()
                return rows

        return await _whole(read())

    async def _is_known(self, session: AsyncSession, key: str) -> bool:
        return (await session.execute(select(c.c.key).where(*self._row(key)))).one_or_none() is not None

    async def _insert(self, session: AsyncSession, operation: str, target: str, key: str, **written: Any) -> None:
        values = {"connector": self._connector, "key": key, "operation": operation, "target": target, "begun_at": self._clock()}
        await session.execute(insert(c).values(**values, repeated=False, **written))

    async def _end(self, given: Given) -> _End | None:
        rows = await self._rows(select(e).where(*self._end_row(given)))
        return _End(rows[0].until, rows[0].leaving_since) if rows else None

    async def _keep_end(self, session: AsyncSession, given: Given, end: _End | None) -> None:
        await session.execute(delete(e).where(*self._end_row(given)))
        if end is not None:
            who = {"person_key": given.person_key, "application_key": given.application_key, "role": given.role}
            await session.execute(insert(e).values(connector=self._connector, **who, until=end.until, leaving_since=end.leaving_since))

    async def _leaving(self, given: Given, end: _End | None) -> _End | None:
        """Writes down since when it is to be taken back."""
        if end is None or end.leaving_since is not None:
            return end
        leaving = _End(end.until, self._clock())
        await self._written(lambda session: self._keep_end(session, given, leaving))
        return leaving

    async def _remains(self, given: Given, end: _End | None) -> _End | None:
        """The end that is kept of what is taken back: a grant, or a try of one, whose outcome nobody knows may still come about."""
        since = self._clock() - LATE
        unknown = select(c.c.key).where(
            c.c.connector == self._connector,
            c.c.target == given.target,
            c.c.operation == "access.grant",
            c.c.done.is_(False) | c.c.repeated,
            c.c.begun_at > since,
        )
        return end if await self._rows(unknown.limit(1)) else None


def _is_overdue(end: _End, now: datetime) -> bool:
    return end.until <= now - OVERDUE or (end.leaving_since is not None and end.leaving_since <= now - LATE)


async def _see(look: Look, *, holds: bool) -> Seen:
    """Reads back what was just done."""
    try:
        seen = await look()
    except ConnectorError as error:
        raise OutcomeUnknown(error.code, f"done, and not read back: {error.detail}") from error
    if seen.holds != holds:
        raise OutcomeUnknown("not_read_back", "done, and not to be seen")
    return seen


async def _whole(work: Coroutine[Any, Any, T]) -> T:
    """To its end, also when whoever waits is cut off: on SQLite a transaction that is cut off keeps its lock."""
    task = asyncio.create_task(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait([task])
        raise
