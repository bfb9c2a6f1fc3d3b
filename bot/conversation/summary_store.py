"""Where summaries of conversations are kept: a row of each, saved only over the version it was read at.

Whoever changes a line of a transcript moves the version, too (`touched`): a summary that was being made of the old words is never
saved, and one that knows them is gone.
"""

from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import JSON, Row, case, func, insert, literal, null, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from bot import tables as t
from bot.conversation.summary import Summary
from bot.database import Sessions, insert_into

s = t.conversation_summary.c


@dataclass(frozen=True, slots=True)
class Kept:
    """What is known of a conversation up to line `upto`. `summary` None: nothing yet, or no more; `at` None: nothing ever.
    `model` and `prompt` None: made offline. `version` 0: there is no row. `known`: how many lines there were up to that one that belong
    to no private matter; `changed`: up to this line the bot may repeat words that were changed since."""

    conversation_id: str
    upto: int = 0
    summary: Summary | None = None
    model: str | None = None
    prompt: str | None = None
    at: datetime | None = None
    version: int = 0
    known: int = 0
    changed: int = 0


class SummaryStore:
    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions

    async def get(self, conversation_id: str) -> Kept:
        async with self._sessions() as session:
            row = (await session.execute(select(t.conversation_summary).where(s.conversation_id == conversation_id))).one_or_none()
        return _kept(row) if row is not None else Kept(conversation_id)

    async def save(self, kept: Kept) -> Kept | None:
        """Over the version it was read at; None when somebody else was faster, or a line was changed meanwhile."""
        values = {
            "upto": kept.upto,
            "known": kept.known,
            "summary": kept.summary.as_json() if kept.summary is not None else {},
            "model": kept.model,
            "prompt": kept.prompt,
            "at": kept.at,
            "version": kept.version + 1,
        }
        async with self._sessions.begin() as session:
            if kept.version == 0:
                try:
                    async with session.begin_nested():
                        await session.execute(insert(t.conversation_summary).values(conversation_id=kept.conversation_id, **values))
                except IntegrityError:
                    return None
            else:
                read = (s.conversation_id == kept.conversation_id, s.version == kept.version)
                saved = await session.execute(update(t.conversation_summary).where(*read).values(**values).returning(s.version))
                if saved.one_or_none() is None:
                    return None
        return replace(kept, version=kept.version + 1)

    async def forgotten(self, limit: int = 50) -> list[str]:
        """Conversations whose summary knew a line that was changed since, the longest kept first."""
        query = select(s.conversation_id).where(s.upto == 0, s.at.is_not(None)).order_by(s.at).limit(limit)
        async with self._sessions() as session:
            return list((await session.execute(query)).scalars())

    async def lines(self, conversation_id: str, upto: int) -> int:
        """How many there are up to this one that belong to no private matter."""
        e = t.transcript.c
        there = select(func.count()).where(e.conversation_id == conversation_id, e.seq <= upto, e.private_to.is_(None))
        async with self._sessions() as session:
            return (await session.execute(there)).scalar_one()

    async def put_off(self, conversation_id: str, now: datetime) -> None:
        """Of what is forgotten this one comes last."""
        mine = (s.conversation_id == conversation_id, s.upto == 0, s.at.is_not(None))
        async with self._sessions.begin() as session:
            await session.execute(update(t.conversation_summary).where(*mine).values(at=now))


async def touched(session: AsyncSession, conversation_id: str, line: int) -> None:
    """In the caller's transaction, after a line of the transcript was changed: what rests on it is forgotten, here and wherever
    it is being thought of."""
    known = s.upto >= line
    last = select(func.max(t.transcript.c.seq)).where(t.transcript.c.conversation_id == conversation_id).scalar_subquery()
    fresh = {"upto": 0, "changed": last, "summary": {}, "model": None, "prompt": None, "at": None, "version": 1}
    changed = {
        "changed": last,
        "upto": case((known, 0), else_=s.upto),
        "known": case((known, 0), else_=s.known),
        "summary": case((known, literal({}, JSON)), else_=s.summary),
        "model": case((known, null()), else_=s.model),
        "prompt": case((known, null()), else_=s.prompt),
        "version": s.version + 1,
    }
    row = insert_into(session, t.conversation_summary).values(conversation_id=conversation_id, **fresh)
    await session.execute(row.on_conflict_do_update(index_elements=["conversation_id"], set_=changed))


def _kept(row: Row[tuple[object, ...]]) -> Kept:
    return Kept(
        conversation_id=row.conversation_id,
        upto=row.upto,
        summary=Summary.from_json(row.summary),
        model=row.model,
        prompt=row.prompt,
        at=row.at,
        version=row.version,
        known=row.known,
        changed=row.changed,
    )
