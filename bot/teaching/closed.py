"""What became of requests that began with words: noticed by request events, remembered as vectors without the words.

A request's utterance is kept as its embedding when the request is opened, and marked when it closes: fulfilled, or unwanted
because whoever asked took it back. Everything else (an approver's no, a failure) says nothing of whether it was understood.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import numpy as np
import structlog
from sqlalchemy import delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from bot import tables as t
from bot.database import Sessions, insert_into
from bot.intent.experience import NEWEST, Experience, JudgedQuestions, Outcome
from bot.intent.recognizer import Recognizer
from knowledge.embedding.port import Vector
from specialists.request import EventKind, RequestEvent
from specialists.store import RequestStore

log = structlog.get_logger()
NAME = "experience"
BATCH = 200
AT_ONCE = timedelta(minutes=10)
"""Undone so soon after it was done, it was not what was meant."""
OPEN, FULFILLED, UNWANTED = "open", "fulfilled", "unwanted"
FORGOTTEN = timedelta(days=60)
"""A request that has been open for so long teaches nothing."""


def outcome_of(events: Sequence[RequestEvent]) -> str | None:
    """FULFILLED or UNWANTED; OPEN while it may still become either; None when it says nothing. `events`: all of one request, in order."""
    kinds = {event.kind: event for event in events}
    done, undone, solved = (kinds.get(kind) for kind in (EventKind.COMPLETED, EventKind.UNDO_STARTED, EventKind.RESOLVED))
    cancelled = kinds.get(EventKind.CANCELLED)
    if done is not None:
        if undone is not None:
            return UNWANTED if undone.at - done.at <= AT_ONCE else FULFILLED
        return None if solved is not None and solved.data.get("how") == "reopened" else FULFILLED
    if cancelled is not None:
        return UNWANTED if cancelled.data.get("by") else None
    return None if kinds.keys() & _SAYS_NOTHING else OPEN


_SAYS_NOTHING = {EventKind.DECLINED, EventKind.DENIED, EventKind.EXPIRED, EventKind.FAILED, EventKind.LEFT_TO_STAFF}


@dataclass(slots=True)
class ClosedRequests:
    """Keeps what became of requests, and the recognizer's experience up to date with it."""

    sessions: Sessions
    requests: RequestStore
    recognizer: Recognizer
    encoder: str
    """Its name: vectors of another one cannot be compared."""
    judged: JudgedQuestions
    _known: tuple[object, ...] = field(default=(), init=False)

    async def begun(self, session: AsyncSession, request_id: str, skill: str, vector: Vector, now: datetime) -> None:
        """In the caller's transaction: a request that this utterance opened."""
        row = insert_into(session, t.closed_request).values(
            request_id=request_id, skill=skill, outcome=OPEN, vector=vector.astype("<f4").tobytes(), encoder=self.encoder, at=now
        )
        await session.execute(row.on_conflict_do_nothing(index_elements=["request_id"]))

    async def read(self) -> None:
        """All request events that are new; for a loop. The cursor moves in the transaction of what it passes."""
        while events := await self.requests.events_after(cursor := await self._cursor(), limit=BATCH):
            seq = events[-1].seq
            ended = {event.request_id: event.event.at for event in events}
            outcomes = {request_id: await self._outcome(request_id) for request_id in await self._remembered(ended)}
            async with self.sessions.begin() as session:
                if await self._advance(session, cursor, seq):
                    await self._mark(session, outcomes, ended)
        await self.refresh()

    async def refresh(self) -> None:
        """Lets the recognizer remember the newest, if anything is new."""
        known = await self._stamp()
        if known == self._known:
            return
        closed = t.closed_request
        newest = select(closed).where(closed.c.outcome != OPEN, closed.c.encoder == self.encoder).order_by(closed.c.at.desc()).limit(NEWEST)
        async with self.sessions() as session:
            rows = (await session.execute(newest)).all()
        outcomes = [Outcome(row.skill, row.outcome == FULFILLED, np.frombuffer(row.vector, dtype="<f4")) for row in rows]
        self.recognizer.remember(Experience.of(outcomes, self.judged))
        self._known = known
        log.info("experience_refreshed", outcomes=len(outcomes))

    async def sweep(self, now: datetime) -> None:
        """Forgets what never ended, and what is older than the newest that are remembered."""
        closed = t.closed_request
        own = (closed.c.outcome != OPEN, closed.c.encoder == self.encoder)
        keep = select(closed.c.at).where(*own).order_by(closed.c.at.desc()).offset(2 * NEWEST).limit(1)
        async with self.sessions() as session:
            oldest = (await session.execute(keep)).scalar()
            stale = (await session.execute(select(func.count()).where(closed.c.outcome == OPEN, closed.c.at < now - FORGOTTEN))).scalar()
        if oldest is None and not stale:
            return
        async with self.sessions.begin() as session:
            await session.execute(delete(closed).where(closed.c.outcome == OPEN, closed.c.at < now - FORGOTTEN))
            if oldest is not None:
                await session.execute(delete(closed).where(closed.c.outcome != OPEN, closed.c.at <= oldest))

    async def _mark(self, session: AsyncSession, outcomes: dict[str, str | None], ended: dict[str, datetime]) -> None:
        closed = t.closed_request
        for request_id, outcome in outcomes.items():
            mine = closed.c.request_id == request_id
            if outcome is None:
                await session.execute(delete(closed).where(mine))
            elif outcome != OPEN:
                await session.execute(update(closed).where(mine).values(outcome=outcome, at=ended[request_id]))

    async def _remembered(self, request_ids: Collection[str]) -> Sequence[str]:
        """Those that began with words: most never did, and nothing of them is read."""
        closed = t.closed_request.c.request_id
        async with self.sessions() as session:
            return (await session.scalars(select(closed).where(closed.in_(list(request_ids))))).all()

    async def _outcome(self, request_id: str) -> str | None:
        return outcome_of([stored.event for stored in await self.requests.events_of(request_id)])

    async def _stamp(self) -> tuple[object, ...]:
        closed = t.closed_request
        fulfilled = func.count().filter(closed.c.outcome == FULFILLED)
        query = select(func.count(), func.max(closed.c.at), fulfilled).where(closed.c.outcome != OPEN)
        async with self.sessions() as session:
            return tuple((await session.execute(query)).one())

    async def _cursor(self) -> int:
        async with self.sessions() as session:
            found = (await session.execute(select(t.projection.c.cursor).where(t.projection.c.name == NAME))).scalar()
        return int(found or 0)

    async def _advance(self, session: AsyncSession, cursor: int, seq: int) -> bool:
        """False when another process has read them."""
        projection = t.projection
        if cursor == 0:
            await session.execute(
                insert_into(session, projection).values(name=NAME, cursor=0).on_conflict_do_nothing(index_elements=["name"])
            )
        moved = await session.execute(
            update(projection)
            .where(projection.c.name == NAME, projection.c.cursor == cursor)
            .values(cursor=seq)
            .returning(projection.c.cursor)
        )
        return moved.one_or_none() is not None
