"""Where handoffs are kept. Saved only over the version they were read at, so that two claims have one winner."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from sqlalchemy import ColumnElement, Row, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from bot import tables as t
from bot.database import Sessions
from bot.handoff.model import OPEN, Handoff, HandoffChange, HandoffState
from connectors.ports.chat import Address


class HandoffMoved(Exception):
    """Somebody else changed or opened it first."""


@dataclass(frozen=True, slots=True)
class Note:
    """What a member of staff noted, for staff only. `relay_id`: which message it was."""

    by: str
    text: str
    relay_id: str | None = None


class HandoffStore:
    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions

    async def get(self, handoff_id: str) -> Handoff | None:
        return await self._one(t.handoff.c.id == handoff_id)

    async def of_person(self, person_id: str, limit: int = 5) -> Sequence[Handoff]:
        """Newest first."""
        async with self._sessions() as session:
            rows = await session.execute(
                select(t.handoff).where(t.handoff.c.person_id == person_id).order_by(t.handoff.c.number.desc()).limit(limit)
            )
            return [_handoff(row) for row in rows]

    async def open_of(self, person_id: str) -> Sequence[Handoff]:
        """What people have of this person's, or are asked to take; newest first."""
        theirs = (t.handoff.c.person_id == person_id) & t.handoff.c.state.in_(sorted(OPEN))
        async with self._sessions() as session:
            rows = await session.execute(select(t.handoff).where(theirs).order_by(t.handoff.c.number.desc()))
            return [_handoff(row) for row in rows]

    async def claimed_by(self, person_id: str, limit: int = 10) -> Sequence[Handoff]:
        """What this member of staff has now, newest first."""
        mine = (t.handoff.c.claimed_by == person_id) & (t.handoff.c.state == HandoffState.CLAIMED.value)
        async with self._sessions() as session:
            rows = await session.execute(select(t.handoff).where(mine).order_by(t.handoff.c.number.desc()).limit(limit))
            return [_handoff(row) for row in rows]

    async def waiting(self, groups: Collection[str], limit: int = 10) -> Sequence[Handoff]:
        """What nobody in these groups has claimed, the longest waiting first."""
        open_ = t.handoff.c.assignment_group.in_(sorted(groups)) & (t.handoff.c.state == HandoffState.REQUESTED.value)
        async with self._sessions() as session:
            rows = await session.execute(select(t.handoff).where(open_).order_by(t.handoff.c.number).limit(limit))
            return [_handoff(row) for row in rows]

    async def by_number(self, number: int) -> Handoff | None:
        return await self._one(t.handoff.c.number == number)

    async def at_desk(self, address: Address) -> Handoff | None:
        """The handoff whose staff thread this is: its group's, or one of its claimant's own."""
        async with self._sessions() as session:
            key = (
                await session.execute(
                    select(t.placement.c.card_key).where(
                        t.placement.c.channel == address.channel,
                        t.placement.c.tenant == address.tenant,
                        t.placement.c.room == address.room,
                        t.placement.c.posted_thread == address.thread,
                        t.placement.c.card_key.like("handoff:%"),
                    )
                )
            ).scalar()
        return await self.get(key.split(":")[1]) if key is not None else None

    async def of_conversation(self, conversation_id: str) -> Sequence[Handoff]:
        """Oldest first."""
        async with self._sessions() as session:
            rows = await session.execute(
                select(t.handoff).where(t.handoff.c.conversation_id == conversation_id).order_by(t.handoff.c.number)
            )
            return [_handoff(row) for row in rows]

    async def of_conversations(self, conversation_ids: Collection[str]) -> dict[str, list[Handoff]]:
        """By conversation, oldest first; none for those that never had one."""
        found: dict[str, list[Handoff]] = {}
        query = select(t.handoff).where(t.handoff.c.conversation_id.in_(sorted(conversation_ids))).order_by(t.handoff.c.number)
        async with self._sessions() as session:
            for row in await session.execute(query):
                found.setdefault(row.conversation_id, []).append(_handoff(row))
        return found

    async def notes(self, handoff_id: str) -> Sequence[Note]:
        """The staff's internal notes, oldest first; without those that were deleted."""
        query = (
            select(t.handoff_event.c.by, t.handoff_event.c.text, t.handoff_event.c.relay_id)
            .where(t.handoff_event.c.handoff_id == handoff_id, t.handoff_event.c.kind == "note")
            .order_by(t.handoff_event.c.seq)
        )
        async with self._sessions() as session:
            return [Note(row.by, row.text, row.relay_id) for row in await session.execute(query) if row.text]

    async def amend_note(self, session: AsyncSession, relay_id: str, text: str) -> None:
        """In the caller's transaction: the note of an edited message; empty after it was deleted."""
        note = (t.handoff_event.c.relay_id == relay_id, t.handoff_event.c.kind == "note")
        await session.execute(update(t.handoff_event).where(*note).values(text=text))

    async def unmoved(self, session: AsyncSession, handoff: Handoff) -> None:
        """In the caller's transaction: makes sure that it is as it was read, until the end of it. Raises HandoffMoved."""
        same = (t.handoff.c.id == handoff.id, t.handoff.c.version == handoff.version)
        held = await session.execute(update(t.handoff).where(*same).values(version=handoff.version).returning(t.handoff.c.id))
        if held.one_or_none() is None:
            raise HandoffMoved(handoff.id)

    async def save(self, session: AsyncSession, change: HandoffChange) -> None:
        """In the caller's transaction. Raises HandoffMoved."""
        saved = replace(change.handoff, version=change.handoff.version + 1)
        values = {
            "request_id": saved.request_id,
            "sensitive": saved.sensitive,
            "assignment_group": saved.assignment_group,
            "state": saved.state,
            "claimed_by": saved.claimed_by,
            "resolution": saved.resolution,
            "updated_at": saved.updated_at,
            "version": saved.version,
        }
        if change.handoff.version == 0:
            try:
                async with session.begin_nested():
                    await session.execute(
                        insert(t.handoff).values(
                            id=saved.id,
                            number=saved.number,
                            conversation_id=saved.conversation_id,
                            person_id=saved.person_id,
                            reason=saved.reason,
                            confidence=saved.confidence,
                            opened_at=saved.opened_at,
                            **values,
                        )
                    )
            except IntegrityError as error:
                raise HandoffMoved(saved.id) from error
        else:
            moved = await session.execute(
                update(t.handoff)
                .where(t.handoff.c.id == saved.id, t.handoff.c.version == change.handoff.version)
                .values(**values)
                .returning(t.handoff.c.id)
            )
            if moved.one_or_none() is None:
                raise HandoffMoved(saved.id)
        await session.execute(
            insert(t.handoff_event).values(
                handoff_id=saved.id, at=change.at, kind=change.kind, by=change.by, text=change.text, relay_id=change.relay_id
            )
        )

    async def _one(self, where: ColumnElement[bool]) -> Handoff | None:
        async with self._sessions() as session:
            row = (await session.execute(select(t.handoff).where(where))).one_or_none()
        return _handoff(row) if row is not None else None


def _handoff(row: Row[tuple[object, ...]]) -> Handoff:
    return Handoff(
        id=row.id,
        number=row.number,
        conversation_id=row.conversation_id,
        person_id=row.person_id,
        reason=row.reason,
        assignment_group=row.assignment_group,
        opened_at=row.opened_at,
        updated_at=row.updated_at,
        request_id=row.request_id,
        sensitive=row.sensitive,
        confidence=row.confidence,
        state=HandoffState(row.state),
        claimed_by=row.claimed_by,
        resolution=row.resolution,
        version=row.version,
    )
