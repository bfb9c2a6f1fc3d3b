"""What was shown and said in the web chat, as rows: a reload, a stream and the terminal client all read them by cursor.

`seq` is the number of a message's last change. It comes from one counter row, so that changes become visible in the order of
their numbers on every database, and a reader who asks for "all after n" never skips one that was committed late.
A message's place in the dialogue is its id, a UUIDv7 taken when it was said or posted.
"""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    MetaData,
    RowMapping,
    Select,
    String,
    Table,
    Text,
    and_,
    case,
    func,
    insert,
    or_,
    select,
    update,
)
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from connectors.ports.chat import Reply, ReplyKind
from connectors.ports.records import UtcDateTime

metadata = MetaData()

web_message = Table(
    "web_message",
    metadata,
    Column("message_id", String(36), primary_key=True),
    Column("seq", BigInteger, nullable=False, unique=True),
    Column("room", String(320), nullable=False),
    Column("thread", String(200), nullable=False),
    Column("author_id", String(300)),
    Column("author_name", String(300)),
    Column("said", Text),
    Column("reply", JSON(none_as_null=True)),
    Column("kind", String(20)),
    Column("open", Boolean, nullable=False),
    Column("deleted", Boolean, nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Index("ix_web_message_place", "room", "thread", "seq"),
)
"""`author_id` and `said`: what somebody said themselves; `reply`: what the bot or staff showed. `open`: it has buttons."""

web_delivery = Table(
    "web_delivery",
    metadata,
    Column("delivery_key", String(300), primary_key=True),
    Column("message_id", String(36), ForeignKey("web_message.message_id"), nullable=False),
)
"""Every post, edit and delete that was carried out: the same key again changes nothing, whatever came in between."""

web_seen = Table(
    "web_seen",
    metadata,
    Column("person", String(300), primary_key=True),
    Column("thread", String(200), primary_key=True),
    Column("seq", BigInteger, nullable=False),
)
"""Up to which number somebody has seen a thread; thread "" stands for everything."""

web_counter = Table(
    "web_counter",
    metadata,
    Column("name", String(20), primary_key=True),
    Column("value", BigInteger, nullable=False),
)


@dataclass(frozen=True, slots=True)
class Shown:
    """One message as it is now."""

    message_id: str
    seq: int
    room: str
    thread: str
    at: datetime
    author_id: str | None = None
    author_name: str | None = None
    said: str | None = None
    reply: Reply | None = None
    deleted: bool = False


@dataclass(frozen=True, slots=True)
class Thread:
    """One conversation of a room, for a list. `title` is its first words."""

    room: str
    thread: str
    title: str
    at: datetime
    seq: int
    unseen: bool = False


async def next_seq(session: AsyncSession) -> int:
    """The number of the change that this transaction makes; call it first: it takes the write lock."""
    bump = update(web_counter).where(web_counter.c.name == "seq").values(value=web_counter.c.value + 1).returning(web_counter.c.value)
    value = await session.scalar(bump)
    if value is None:
        try:
            async with session.begin_nested():
                await session.execute(insert(web_counter).values(name="seq", value=1))
            return 1
        except IntegrityError:
            value = await session.scalar(bump)
            assert value is not None
    return int(value)


async def last_seq(session: AsyncSession) -> int:
    return int(await session.scalar(select(web_counter.c.value).where(web_counter.c.name == "seq")) or 0)


async def delivered(session: AsyncSession, key: str) -> Shown | None:
    """What was posted, edited or deleted under this key."""
    query = select(web_message).join(web_delivery).where(web_delivery.c.delivery_key == key)
    row = (await session.execute(query)).mappings().one_or_none()
    return None if row is None else _shown(row)


async def add(session: AsyncSession, message: Shown, *, key: str) -> None:
    await session.execute(
        insert(web_message).values(
            message_id=message.message_id,
            seq=message.seq,
            room=message.room,
            thread=message.thread,
            author_id=message.author_id,
            author_name=message.author_name,
            said=message.said,
            deleted=message.deleted,
            at=message.at,
            **_reply_columns(message.reply),
        )
    )
    await session.execute(insert(web_delivery).values(delivery_key=key, message_id=message.message_id))


async def change(session: AsyncSession, message_id: str, room: str, reply: Reply | None, *, seq: int, key: str) -> Shown | None:
    """Puts a new reply in place of the old one, or a tombstone when None; None when this room has no such message."""
    changed = (
        update(web_message)
        .where(web_message.c.message_id == message_id, web_message.c.room == room, web_message.c.said.is_(None))
        .values(seq=seq, deleted=reply is None, **_reply_columns(reply))
        .returning(*web_message.c)
    )
    row = (await session.execute(changed)).mappings().one_or_none()
    if row is None:
        return None
    await session.execute(insert(web_delivery).values(delivery_key=key, message_id=message_id))
    return _shown(row)


async def changes(session: AsyncSession, rooms: Collection[str], after: int, *, limit: int = 200) -> Sequence[Shown]:
    """Messages of these rooms changed after a number, in the order of their changes."""
    query = select(web_message).where(web_message.c.room.in_(rooms), web_message.c.seq > after).order_by(web_message.c.seq).limit(limit)
    return await _all(session, query)


async def dialogue(session: AsyncSession, room: str, thread: str, *, after: int = 0, limit: int = 400) -> Sequence[Shown]:
    """The newest messages of one conversation, changed after a number, in the order of the dialogue."""
    query = (
        select(web_message)
        .where(web_message.c.room == room, web_message.c.thread == thread, web_message.c.seq > after)
        .order_by(web_message.c.message_id.desc())
        .limit(limit)
    )
    return list(reversed(await _all(session, query)))


async def rooms_of(session: AsyncSession, thread: str) -> Collection[str]:
    """Where a thread of this name exists."""
    return frozenset(await session.scalars(select(web_message.c.room).where(web_message.c.thread == thread).distinct()))


async def threads(session: AsyncSession, rooms: Collection[str], own: str, *, limit: int = 200) -> Sequence[Thread]:
    """The conversations of these rooms, the one changed last first. Unseen: somebody else said something since `own` looked."""
    m = web_message.c
    seq, first = func.max(m.seq).label("last"), func.min(m.message_id).label("first")
    foreign = func.max(case((func.coalesce(m.author_id, "") != own, m.seq), else_=0)).label("foreign")
    newest = (
        select(m.room, m.thread, first, seq, foreign)
        .where(m.room.in_(rooms), m.deleted.is_(False))
        .group_by(m.room, m.thread)
        .order_by(seq.desc())
        .limit(limit)
        .subquery()
    )
    query = select(web_message, newest.c.last, newest.c.foreign).join(newest, m.message_id == newest.c.first).order_by(newest.c.last.desc())
    rows = (await session.execute(query)).mappings().all()
    seen = await seen_by(session, own)
    return [
        Thread(
            row["room"],
            row["thread"],
            _title(_shown(row)),
            row["at"],
            row["last"],
            row["foreign"] > max(seen.get("", 0), seen.get(row["thread"], 0)),
        )
        for row in rows
    ]


async def waiting(session: AsyncSession, own: str, groups: Collection[str]) -> Sequence[Shown]:
    """What waits for somebody: open approvals in their own room, open handoffs of their groups, and replies not seen yet.

    A group's replies wait only where its handoff is open: nobody is shown a group's whole past on their first day.
    """
    m = web_message.c
    everything, here = web_seen.alias(), web_seen.alias()
    places = web_message.outerjoin(everything, and_(everything.c.person == own, everything.c.thread == "")).outerjoin(
        here, and_(here.c.person == own, here.c.thread == m.thread)
    )
    open_handoff = and_(m.room.in_(groups), m.kind == ReplyKind.HANDOFF.value, m.open.is_(True))
    open_threads = select(m.thread).where(open_handoff)
    unseen = and_(
        m.seq > func.coalesce(everything.c.seq, 0),
        m.seq > func.coalesce(here.c.seq, 0),
        func.coalesce(m.author_id, "") != own,
    )
    query = (
        select(web_message)
        .select_from(places)
        .where(
            m.deleted.is_(False),
            or_(
                and_(m.room == own, m.kind == ReplyKind.APPROVAL.value, m.open.is_(True)),
                open_handoff,
                and_(unseen, or_(m.room == own, and_(m.room.in_(groups), m.thread.in_(open_threads)))),
            ),
        )
    )
    return await _all(session, query.order_by(m.message_id).limit(200))


async def seen_by(session: AsyncSession, person: str) -> dict[str, int]:
    """Thread -> the number up to which this person has seen it; "" is everything."""
    rows = await session.execute(select(web_seen.c.thread, web_seen.c.seq).where(web_seen.c.person == person))
    return {row.thread: row.seq for row in rows}


async def mark_seen(session: AsyncSession, person: str, thread: str, seq: int) -> None:
    """Somebody has seen a thread ("" = everything) up to this number; never goes back."""
    row = and_(web_seen.c.person == person, web_seen.c.thread == thread)
    forward = update(web_seen).where(row).values(seq=case((web_seen.c.seq < seq, seq), else_=web_seen.c.seq))
    if await session.scalar(forward.returning(web_seen.c.seq)) is not None:
        return
    try:
        async with session.begin_nested():
            await session.execute(insert(web_seen).values(person=person, thread=thread, seq=seq))
    except IntegrityError:
        await session.execute(forward)


async def _all(session: AsyncSession, query: Select[Any]) -> list[Shown]:
    return [_shown(row) for row in (await session.execute(query)).mappings()]


def _reply_columns(reply: Reply | None) -> dict[str, Any]:
    if reply is None:
        return {"reply": None, "kind": None, "open": False}
    return {"reply": reply.as_json(), "kind": reply.kind.value, "open": bool(reply.actions)}


def _shown(row: RowMapping) -> Shown:
    return Shown(
        message_id=row["message_id"],
        seq=row["seq"],
        room=row["room"],
        thread=row["thread"],
        at=row["at"],
        author_id=row["author_id"],
        author_name=row["author_name"],
        said=row["said"],
        reply=None if row["reply"] is None else Reply.from_json(row["reply"]),
        deleted=row["deleted"],
    )


def _title(message: Shown) -> str:
    if message.said is not None:
        words = message.said
    elif message.reply is None:
        words = ""
    else:
        words = message.reply.progress.title if message.reply.progress else message.reply.text
    lines = words.splitlines() if message.said is not None else re.sub(r"[*_`~#>]+", "", words).splitlines()
    first_line = next((line.strip() for line in lines if line.strip()), "")
    return first_line if len(first_line) <= 80 else first_line[:79] + "…"
