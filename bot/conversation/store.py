"""Where conversations and their transcripts are kept. A conversation is saved only over the version it was read at."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Row, Text, and_, case, cast, func, insert, or_, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from bot import tables as t
from bot.conversation.model import Conversation, TranscriptEvent, awaits_adapter
from bot.conversation.summary_store import touched
from connectors.ports.chat import Address
from connectors.ports.records import new_id


class ConversationMoved(Exception):
    """Another turn saved this conversation first: think again."""


@dataclass(frozen=True, slots=True)
class Spoken:
    """A conversation with when its person last said something in it (None: they only pressed), and when anything was said in it."""

    conversation: Conversation
    spoken: datetime | None
    last: datetime


class ConversationStore:
    def __init__(self, sessions: async_sessionmaker[AsyncSession]) -> None:
        self._sessions = sessions

    async def load(self, address: Address, person_id: str, now: datetime) -> Conversation:
        """This person's conversation in this thread, a new one (version 0) if there is none. `address.thread` is set."""
        async with self._sessions() as session:
            row = (
                await session.execute(
                    select(t.conversation).where(
                        t.conversation.c.channel == address.channel,
                        t.conversation.c.tenant == address.tenant,
                        t.conversation.c.room == address.room,
                        t.conversation.c.thread == address.thread,
                        t.conversation.c.person_id == person_id,
                    )
                )
            ).one_or_none()
        return _conversation(row) if row is not None else Conversation(new_id(), address, person_id, now)

    async def people_at(self, address: Address) -> list[str]:
        """The ids of those who talk with the bot in this thread, the first who did first."""
        c = t.conversation.c
        here = (c.channel == address.channel, c.tenant == address.tenant, c.room == address.room, c.thread == address.thread)
        async with self._sessions() as session:
            return list((await session.execute(select(c.person_id).where(*here).order_by(c.created_at, c.id))).scalars())

    async def get(self, conversation_id: str) -> Conversation | None:
        async with self._sessions() as session:
            row = (await session.execute(select(t.conversation).where(t.conversation.c.id == conversation_id))).one_or_none()
        return _conversation(row) if row is not None else None

    async def spoken(self, address: Address, person_id: str, since: datetime, also: Collection[str] = ()) -> list[Spoken]:
        """The person's conversations with the bot in this room that began `since`, or are named: those in which they said something,
        or are asked something. What they said to it as staff, under the card of a handoff, is none.
        """
        c, e, p = t.conversation.c, t.transcript.c, t.placement.c
        here = (c.channel == address.channel, c.tenant == address.tenant, c.room == address.room, c.person_id == person_id)
        desks = select(p.posted_thread).where(p.room == address.room, p.posted_thread.is_not(None), p.card_key.startswith("handoff:"))
        theirs = select(c.id).where(*here, or_(c.created_at >= since, c.id.in_(also)), c.thread.not_in(desks))
        own = case((and_(e.speaker == "person", e.person_id == person_id), e.at))
        times = select(e.conversation_id, func.max(own).label("spoken"), func.max(e.at).label("last")).where(e.conversation_id.in_(theirs))
        said = times.group_by(e.conversation_id).subquery()
        found = select(t.conversation, said.c.spoken, said.c.last).join(said, said.c.conversation_id == c.id)
        asked = cast(c.awaits, Text) != "[]"
        async with self._sessions() as session:
            rows = (await session.execute(found.where(or_(said.c.spoken.is_not(None), asked, c.id.in_(also))))).all()
        return [Spoken(_conversation(row), row.spoken, row.last) for row in rows]

    async def of_message(self, message_id: str, person_id: str) -> Conversation | None:
        """The conversation that this person said this message in, whichever room it was said in."""
        c, e = t.conversation.c, t.transcript.c
        theirs = (c.person_id == person_id, e.message_id == message_id, e.person_id == person_id)
        heard = select(t.conversation).join(t.transcript, e.conversation_id == c.id).where(*theirs).order_by(e.seq.desc()).limit(1)
        async with self._sessions() as session:
            row = (await session.execute(heard)).one_or_none()
        return _conversation(row) if row is not None else None

    async def save(self, session: AsyncSession, conversation: Conversation) -> None:
        """In the caller's transaction. Raises ConversationMoved."""
        values = {
            "awaits": awaits_adapter.dump_python(conversation.awaits, mode="json"),
            "question": conversation.question,
            "request_id": conversation.request_id,
            "handoff_id": conversation.handoff_id,
            "misses": conversation.misses,
            "engaged": conversation.engaged,
            "version": conversation.version + 1,
        }
        if conversation.version == 0:
            address = conversation.address
            try:
                async with session.begin_nested():
                    await session.execute(
                        insert(t.conversation).values(
                            id=conversation.id,
                            channel=address.channel,
                            tenant=address.tenant,
                            room=address.room,
                            thread=address.thread,
                            person_id=conversation.person_id,
                            created_at=conversation.created_at,
                            **values,
                        )
                    )
            except IntegrityError as error:
                raise ConversationMoved(conversation.id) from error
            return
        saved = await session.execute(
            update(t.conversation)
            .where(t.conversation.c.id == conversation.id, t.conversation.c.version == conversation.version)
            .values(**values)
            .returning(t.conversation.c.id)
        )
        if saved.one_or_none() is None:
            raise ConversationMoved(conversation.id)

    async def unmoved(self, session: AsyncSession, conversation: Conversation) -> bool:
        """In the caller's transaction: whether nobody has saved it since it was read, nor can until the end of the transaction."""
        c, address = t.conversation.c, conversation.address
        here = (c.channel == address.channel, c.tenant == address.tenant, c.room == address.room, c.thread == address.thread)
        found = select(c.version).where(*here, c.person_id == conversation.person_id).with_for_update()
        return ((await session.execute(found)).scalar_one_or_none() or 0) == conversation.version

    async def append(self, session: AsyncSession, events: Iterable[TranscriptEvent]) -> None:
        rows = [
            {
                "id": event.id,
                "conversation_id": event.conversation_id,
                "at": event.at,
                "speaker": event.speaker,
                "person_id": event.person_id,
                "reply_kind": event.reply_kind,
                "text": event.text,
                "private_to": event.private_to,
                "message_id": event.message_id,
            }
            for event in events
        ]
        if rows:
            await session.execute(insert(t.transcript), rows)

    async def transcript(self, conversation_id: str, *, limit: int = 200, after: int = 0) -> Sequence[TranscriptEvent]:
        """The last `limit` lines beyond line `after`, oldest first, notes included."""
        async with self._sessions() as session:
            rows = (
                await session.execute(
                    select(t.transcript)
                    .where(t.transcript.c.conversation_id == conversation_id, t.transcript.c.seq > after)
                    .order_by(t.transcript.c.seq.desc())
                    .limit(limit)
                )
            ).all()
        return [
            TranscriptEvent(
                id=row.id,
                conversation_id=row.conversation_id,
                at=row.at,
                speaker=row.speaker,
                text=row.text,
                person_id=row.person_id,
                reply_kind=row.reply_kind,
                private_to=row.private_to,
                message_id=row.message_id,
                seq=row.seq,
            )
            for row in reversed(rows)
        ]

    async def rewrite(self, session: AsyncSession, conversation_id: str, message_id: str, text: str) -> None:
        """In the caller's transaction: what a person said, after they edited it; empty after they deleted it. What the conversation
        was summarised to forgets it."""
        said = (t.transcript.c.conversation_id == conversation_id, t.transcript.c.message_id == message_id)
        changed = (await session.execute(update(t.transcript).where(*said).values(text=text).returning(t.transcript.c.seq))).scalars().all()
        if changed:
            await touched(session, conversation_id, min(changed))


def _conversation(row: Row[tuple[object, ...]]) -> Conversation:
    return Conversation(
        id=row.id,
        address=Address(row.channel, row.tenant, row.room, row.thread),
        person_id=row.person_id,
        created_at=row.created_at,
        awaits=awaits_adapter.validate_python(row.awaits),
        question=row.question,
        request_id=row.request_id,
        handoff_id=row.handoff_id,
        misses=row.misses,
        engaged=row.engaged,
        version=row.version,
    )
