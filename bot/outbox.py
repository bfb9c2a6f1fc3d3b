"""The outbox: what is to be said, written with what it tells of, and delivered in order per address afterwards.

One message at a time per address, many addresses side by side, so that a slow one holds up nobody else. A card may be shown
at several addresses (its placements); changing it edits all of them. After an unknown outcome the channel is asked whether
the message is there before it is sent again. What is held for somebody's quiet hours is not pending: see `held.py`.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import structlog
from sqlalchemy import ColumnElement, Row, Select, func, insert, literal_column, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from bot import tables as t
from bot.database import Sessions
from bot.delivery import GivenUp, Later, again, send
from bot.held import redraw_held
from connectors.ports.chat import Address, Channel, Delivered, Operation, Reply
from connectors.ports.records import Clock, new_id

log = structlog.get_logger()
AT_ONCE = 32
"""Addresses of one channel that are served at once: a platform that is down holds up no other."""
IN_A_ROW = 20
"""Messages of one address before whoever has waited longer is served."""
DATABASE_PAUSE = 5.0
"""Seconds before an address is looked at again whose rows could not be read or written."""

AddressKey = tuple[str, str, str, str | None]
_ADDRESS = (t.outbox.c.channel, t.outbox.c.tenant, t.outbox.c.room, t.outbox.c.thread)
# Spelled out, since a bound parameter keeps databases from using the index of what is pending.
_PENDING = t.outbox.c.state == literal_column("'pending'")


@dataclass(frozen=True, slots=True)
class Placement:
    """One showing of a card. `reader_id`: the person it is worded for, None for a room of several."""

    id: str
    card_key: str
    address: Address
    reader_id: str | None
    message_id: str | None
    posted_thread: str | None


@dataclass(frozen=True, slots=True)
class Shown:
    """A card as it was posted in a room: since when, and the thread of a reply to it."""

    card_key: str
    thread: str
    at: datetime
    reply: Reply


@dataclass(frozen=True, slots=True)
class Refusal:
    """What a channel will never show. `code` is the channel's, "broken" when its delivery failed too often by a defect.

    `files`: only these are missing (their names), of a reply that is shown otherwise; its code is "files".
    """

    operation: Operation
    card_key: str | None
    address: Address
    reply: Reply
    code: str
    files: tuple[str, ...] = ()


async def _ignore(refusal: Refusal) -> None:
    return None


@dataclass(frozen=True, slots=True)
class _Waits:
    """An address that waits. `unsent`: the row that certainly was not sent, though it is marked."""

    until: datetime
    unsent: int | None = None


class Outbox:
    """`deliver` is the work of a loop; `on_more` and `on_refused` are for whoever puts it together to set."""

    def __init__(self, sessions: Sessions, channels: Mapping[str, Channel], clock: Clock) -> None:
        self._sessions = sessions
        self._channels = channels
        self._clock = clock
        self.on_more: Callable[[], None] = lambda: None
        """Called when an address was served: more may be due now."""
        self.on_refused: Callable[[Refusal], Awaitable[None]] = _ignore
        """Called before a refused row is given up, at least once; when it raises it is called again later."""
        self._busy: dict[AddressKey, asyncio.Task[None]] = {}
        self._waits: dict[AddressKey, _Waits] = {}
        self._asked: dict[tuple[str, str], datetime] = {}
        """By channel and tenant: until when the platform has asked to be left alone there."""
        self._closing = False

    async def post(
        self,
        session: AsyncSession,
        address: Address,
        reply: Reply,
        *,
        card_key: str | None = None,
        reader_id: str | None = None,
        held_until: datetime | None = None,
    ) -> None:
        """In the caller's transaction. With a `card_key` the message can be changed later by `edit`. `held_until`: it waits until
        then, or until `reader_id` does something."""
        if held_until is not None:
            card_key = card_key or f"told:{reader_id}"  # its placement says whose it is
            log.info("post_held", reply=reply.id, reader=reader_id, until=held_until.isoformat())
        if card_key is not None:
            await session.execute(
                insert(t.placement).values(
                    id=reply.id,
                    card_key=card_key,
                    channel=address.channel,
                    tenant=address.tenant,
                    room=address.room,
                    thread=address.thread,
                    reader_id=reader_id,
                )
            )
        await self._add(session, "post", address, reply, card_key, reply.id if card_key else None, held_until=held_until)

    async def placements(self, session: AsyncSession, card_key: str) -> list[Placement]:
        """Wherever a card is shown, oldest first."""
        rows = await session.execute(select(t.placement).where(t.placement.c.card_key == card_key).order_by(t.placement.c.id))
        return [
            Placement(
                row.id,
                row.card_key,
                Address(row.channel, row.tenant, row.room, row.thread),
                row.reader_id,
                row.message_id,
                row.posted_thread,
            )
            for row in rows
        ]

    async def edit(self, session: AsyncSession, card_key: str, draw: Callable[[Placement], Reply]) -> None:
        """Redraws a card wherever it is shown; the reply keeps the placement's id. Edits that still wait are superseded."""
        for placement in await self.placements(session, card_key):
            reply = replace(draw(placement), id=placement.id)
            if await redraw_held(session, reply):
                continue
            waiting = await session.execute(
                update(t.outbox)
                .where(_PENDING, *_at(placement.address), t.outbox.c.placement_id == placement.id, t.outbox.c.operation == "edit")
                .values(state="superseded")
                .returning(t.outbox.c.due_at, t.outbox.c.attempts)
            )
            # What was asked to wait still waits, however often its card changes.
            postponed = max(((row.due_at, row.attempts) for row in waiting), default=None)
            await self._add(session, "edit", placement.address, reply, card_key, placement.id, postponed)

    async def withdraw(self, session: AsyncSession, address: Address) -> None:
        """In the caller's transaction: what waits to be said at this address and was never tried stays unsaid; cards are left."""
        waiting = (_PENDING, *_at(address), t.outbox.c.operation == "post", t.outbox.c.card_key.is_(None), t.outbox.c.attempts == 0)
        await session.execute(update(t.outbox).where(*waiting).values(state="withdrawn"))

    async def retire(self, session: AsyncSession, card_key: str, left_key: str, draw: Callable[[Placement], Reply]) -> None:
        """Draws a card a last time wherever it is shown; from then on it is another card, which later changes don't touch."""
        await self.edit(session, card_key, draw)
        await session.execute(update(t.placement).where(t.placement.c.card_key == card_key).values(card_key=left_key))

    async def post_again(self, session: AsyncSession, refusal: Refusal, address: Address) -> None:
        """In the caller's transaction: what was refused is posted at this address, with what it would have been changed to since.

        A card is there from then on, and not where it was; one that was posted again before stays as it is.
        """
        if refusal.card_key is None:
            await self._add(session, "post", address, refusal.reply, None, None)
            return
        p, o, reply = t.placement.c, t.outbox.c, refusal.reply
        old = refusal.address
        there = (p.channel == old.channel, p.tenant == old.tenant, p.room == old.room, p.thread == old.thread)
        shown = p.message_id.is_not(None) if refusal.operation == "edit" else p.message_id.is_(None)
        to = {"channel": address.channel, "tenant": address.tenant, "room": address.room, "thread": address.thread}
        moving = update(t.placement).where(p.id == reply.id, p.card_key == refusal.card_key, *there, shown)
        moved = await session.execute(moving.values(**to, message_id=None, posted_thread=None).returning(p.id))
        if moved.one_or_none() is None:
            return
        superseded = update(t.outbox).where(_PENDING, o.placement_id == reply.id, o.operation == "edit").values(state="superseded")
        newest = max(((row.sequence, row.reply) for row in await session.execute(superseded.returning(o.sequence, o.reply))), default=None)
        await self._add(session, "post", address, Reply.from_json(newest[1]) if newest else reply, refusal.card_key, reply.id)

    async def _add(
        self,
        session: AsyncSession,
        operation: Operation,
        address: Address,
        reply: Reply,
        card_key: str | None,
        placement_id: str | None,
        postponed: tuple[datetime, int] | None = None,
        *,
        held_until: datetime | None = None,
    ) -> None:
        now = self._clock()
        due_at, attempts = postponed or (held_until or now, 0)
        await session.execute(
            insert(t.outbox).values(
                id=new_id(),
                channel=address.channel,
                tenant=address.tenant,
                room=address.room,
                thread=address.thread,
                operation=operation,
                card_key=card_key,
                placement_id=placement_id,
                reply=reply.as_json(),
                state="pending" if held_until is None else "held",
                attempts=attempts,
                due_at=due_at,
                created_at=now,
                correlation=structlog.contextvars.get_contextvars().get("correlation"),
            )
        )

    async def shown(self, card_key: str) -> list[Placement]:
        """The placements as they are committed now."""
        async with self._sessions() as session:
            return await self.placements(session, card_key)

    async def card_at(self, address: Address) -> str | None:
        """The key of the card that began this thread."""
        p = t.placement.c
        there = (p.channel == address.channel, p.tenant == address.tenant, p.room == address.room, p.posted_thread == address.thread)
        async with self._sessions() as session:
            return (await session.execute(select(p.card_key).where(*there).order_by(p.id).limit(1))).scalar_one_or_none()

    async def said_as(self, address: Address, message_id: str) -> tuple[Reply, str] | None:
        """The reply that this message of the bot shows now, and the thread that a reply to it is in."""
        o, p = t.outbox.c, t.placement.c
        this = (o.room == address.room, o.message_id == message_id, o.channel == address.channel, o.tenant == address.tenant)
        found = select(o.reply, o.thread, p.posted_thread).outerjoin(t.placement, p.id == o.placement_id).where(*this)
        async with self._sessions() as session:
            row = (await session.execute(found.order_by(o.sequence.desc()).limit(1))).one_or_none()
        return (Reply.from_json(row.reply), row.thread or row.posted_thread or message_id) if row is not None else None

    async def cards_shown(self, address: Address, kinds: Sequence[str], since: datetime, limit: int) -> list[Shown]:
        """The newest cards that were posted in this room `since`, whose keys begin with one of `kinds` and a colon; newest first."""
        o, p = t.outbox.c, t.placement.c
        here = (o.room == address.room, o.channel == address.channel, o.tenant == address.tenant, o.operation == "post")
        cards = (p.message_id.is_not(None), or_(*(o.card_key.startswith(f"{kind}:", autoescape=True) for kind in kinds)))
        found = select(p.thread, p.posted_thread, o.card_key, o.created_at, o.reply).join(t.placement, p.id == o.placement_id)
        newest = found.where(*here, o.created_at >= since, *cards).order_by(o.sequence.desc()).limit(limit)
        async with self._sessions() as session:
            rows = (await session.execute(newest)).all()
        return [Shown(row.card_key, row.posted_thread or row.thread, row.created_at, Reply.from_json(row.reply)) for row in rows]

    async def last_thread(self, address: Address, since: datetime) -> str | None:
        """The thread of what was posted in this room last, if that was `since`."""
        o, p = t.outbox.c, t.placement.c
        here = (o.room == address.room, o.channel == address.channel, o.tenant == address.tenant, o.operation == "post")
        sent = (o.message_id.is_not(None), o.created_at >= since)
        found = select(o.thread, o.message_id, p.posted_thread).outerjoin(t.placement, p.id == o.placement_id).where(*here, *sent)
        async with self._sessions() as session:
            row = (await session.execute(found.order_by(o.sequence.desc()).limit(1))).one_or_none()
        return (row.posted_thread or row.thread or row.message_id) if row is not None else None

    async def tried(self, placement_id: str) -> set[str]:
        """The channels on which this card was to be posted so far."""
        o = t.outbox.c
        posts = select(o.channel).where(o.placement_id == placement_id, o.operation == "post")
        async with self._sessions() as session:
            return set((await session.execute(posts)).scalars())

    async def waiting(self) -> int:
        async with self._sessions() as session:
            return int((await session.execute(select(func.count()).select_from(t.outbox).where(_PENDING))).scalar_one())

    async def undelivered(self, rooms: list[str]) -> int:
        async with self._sessions() as session:
            counted = select(func.count()).select_from(t.outbox).where(_PENDING, t.outbox.c.room.in_(rooms))
            return int((await session.execute(counted)).scalar_one())

    async def posting(self, address: Address) -> bool:
        """Whether something is being posted in this room at this moment: due, and not known to be there."""
        o = t.outbox.c
        here = (o.room == address.room, o.channel == address.channel, o.tenant == address.tenant)
        due = select(o.sequence).where(_PENDING, *here, o.operation == "post", o.due_at <= self._clock()).limit(1)
        async with self._sessions() as session:
            return (await session.execute(due)).one_or_none() is not None

    @property
    def busy(self) -> int:
        """Addresses that are being served now."""
        return len(self._busy)

    async def deliver(self) -> float | None:
        """Starts what is due, and whatever follows it at the same address.

        Returns the seconds until something becomes due by time, None when nothing waits for that.
        """
        now = self._clock()
        busy = set(self._busy)
        served = Counter(key[0] for key in busy)
        pause: float | None = None
        chosen: list[int] = []
        async with self._sessions() as session:
            for head in (await session.execute(heads(self._channels))).all():
                key = _key(head)
                if key in busy:
                    continue
                held = self._waits.get(key)
                asked = self._asked.get(key[:2], head.due_at)
                wait = (max(head.due_at, asked, held.until if held else head.due_at) - now).total_seconds()
                if wait > 0:
                    pause = wait if pause is None else min(pause, wait)
                elif served[head.channel] < AT_ONCE and not self._closing:
                    served[head.channel] += 1
                    chosen.append(head.sequence)
            taken = _rows().where(t.outbox.c.sequence.in_(chosen)).order_by(t.outbox.c.sequence)
            rows: Sequence[Row[Any]] = (await session.execute(taken)).all() if chosen else ()
        if any(_unmarked(row) for row in rows):
            async with self._sessions.begin() as session:
                await _mark(session, rows)
        for row in rows:
            self._busy[_key(row)] = asyncio.create_task(self._serve(row))
        return pause if pause is None else max(0.01, pause)

    async def close(self, patience: float) -> None:
        """Lets running deliveries come to their end for `patience` seconds; what follows them is for the next start."""
        self._closing = True
        if self._busy:
            await asyncio.wait(self._busy.values(), timeout=patience)
        for task in (left := list(self._busy.values())):
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)

    async def _serve(self, row: Row[Any]) -> None:
        key = _key(row)
        try:
            following: Row[Any] | None = row
            for left in reversed(range(IN_A_ROW)):
                if following is None:
                    break
                structlog.contextvars.bind_contextvars(correlation=following.correlation)
                following = await self._one(key, following, go_on=left > 0)
        except Exception:  # the database is away, or a row cannot be read: it stays in the outbox, and is looked at again
            log.exception("address_not_served", channel=row.channel)
            await asyncio.sleep(DATABASE_PAUSE)
        finally:
            del self._busy[key]
            self.on_more()

    async def _one(self, key: AddressKey, row: Row[Any], *, go_on: bool) -> Row[Any] | None:
        """Sends one row. Returns the next one of the address, marked as tried, when it may go out now."""
        held = self._waits.pop(key, None)
        unsure = row.unsure and (held is None or held.unsent != row.sequence)
        sent = await send(self._channels[row.channel], row, unsure=unsure)
        outcome = await self._tell_refused(row, sent.code) if isinstance(sent, GivenUp) else sent
        if isinstance(outcome, Delivered) and outcome.unsent:
            outcome = await self._tell_refused(row, "files", outcome.unsent) or outcome
        if not isinstance(outcome, Later):
            return await self._finish(row, outcome, go_on)
        until = self._clock() + timedelta(seconds=outcome.seconds)
        if outcome.told:
            self._asked[key[:2]] = max(until, self._asked.get(key[:2], until))
        self._waits[key] = _Waits(until, None if outcome.unsure else row.sequence)
        if not outcome.paced:
            values = {"attempts": row.attempts + 1, "due_at": until, "unsure": outcome.unsure}
            async with self._sessions.begin() as session:
                await session.execute(update(t.outbox).where(t.outbox.c.sequence == row.sequence).values(**values))
        return None

    async def _tell_refused(self, row: Row[Any], code: str, files: tuple[str, ...] = ()) -> Later | None:
        """None when that is done."""
        try:
            refusal = Refusal(row.operation, row.card_key, Address(*_key(row)), Reply.from_json(row.reply), code, files)
            await self.on_refused(refusal)
        except Exception:  # it will be refused again, and told again
            log.exception("refusal_not_told", channel=row.channel, outbox=row.id)
            return again(row.attempts)
        return None

    async def _finish(self, row: Row[Any], delivered: Delivered | None, go_on: bool) -> Row[Any] | None:
        """`delivered` None: given up."""
        async with self._sessions.begin() as session:
            this = update(t.outbox).where(t.outbox.c.sequence == row.sequence)
            if delivered is None:
                await session.execute(this.values(state="failed"))
            else:
                await session.execute(this.values(state="sent", message_id=delivered.message_id))
            if delivered is not None and row.operation == "post" and row.placement_id is not None:
                shown = {"message_id": delivered.message_id, "posted_thread": delivered.thread}
                await session.execute(update(t.placement).where(t.placement.c.id == row.placement_id).values(**shown))
            if not go_on or self._closing or self._clock() < self._asked.get(_key(row)[:2], self._clock()):
                return None
            first = _rows().where(_PENDING, *_at(Address(*_key(row)))).order_by(t.outbox.c.sequence).limit(1)
            following: Row[Any] | None = (await session.execute(first)).one_or_none()
            if following is None or following.due_at > self._clock():
                return None
            await _mark(session, [following])
            return following


def _key(row: Row[Any]) -> AddressKey:
    return (row.channel, row.tenant, row.room, row.thread)


def _at(address: Address) -> tuple[ColumnElement[bool], ...]:
    """`==` None becomes IS NULL."""
    o = t.outbox.c
    return (o.channel == address.channel, o.tenant == address.tenant, o.room == address.room, o.thread == address.thread)


def heads(channels: Iterable[str]) -> Select[Any]:
    """The first row of every address that waits, oldest first; of channels that are not connected now none."""
    first = select(func.min(t.outbox.c.sequence)).where(_PENDING, t.outbox.c.channel.in_(list(channels))).group_by(*_ADDRESS)
    return select(*_ADDRESS, t.outbox.c.sequence, t.outbox.c.due_at).where(t.outbox.c.sequence.in_(first)).order_by(t.outbox.c.sequence)


def _rows() -> Select[Any]:
    """Rows with the message that their card is on the platform."""
    shown_as = t.placement.c.message_id.label("shown_as")
    return select(t.outbox, shown_as).outerjoin(t.placement, t.placement.c.id == t.outbox.c.placement_id)


def _unmarked(row: Row[Any]) -> bool:
    """Only a post is looked for after a crash: repeating an edit changes nothing."""
    return bool(row.operation == "post" and not row.unsure)


async def _mark(session: AsyncSession, rows: Sequence[Row[Any]]) -> None:
    """As tried, with an outcome that nobody knows: that is how a crash leaves them."""
    tried = [row.sequence for row in rows if _unmarked(row)]
    if tried:
        await session.execute(update(t.outbox).where(t.outbox.c.sequence.in_(tried)).values(unsure=True))
