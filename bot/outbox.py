"""The outbox: what is to be said, written with what it tells of, and delivered in order per address afterwards.

A card may be shown at several addresses (its placements); changing it edits all of them. After an unknown outcome the
channel is asked whether the message is there before it is sent again.
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import structlog
from sqlalchemy import Row, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from bot import tables as t
from bot.database import Sessions
from connectors.errors import ConnectorError, Refused, Retry
from connectors.ports.chat import Address, Channel, Delivered, Operation, Reply
from connectors.ports.records import Clock, new_id

log = structlog.get_logger()
AT_ONCE = 20
"""Messages of one address in one round, so that a long queue somewhere holds up nobody else."""
TRIES = 10
"""How often a message is tried whose delivery breaks for a reason that no channel should give."""
BACKOFF = (1.0, 2.0, 5.0, 15.0, 60.0)
"""Seconds before the next try; the last one repeats."""

AddressKey = tuple[str, str, str, str | None]


@dataclass(frozen=True, slots=True)
class Placement:
    """One showing of a card. `reader_id`: the person it is worded for, None for a room of several."""

    id: str
    card_key: str
    address: Address
    reader_id: str | None
    message_id: str | None
    posted_thread: str | None


class Outbox:
    def __init__(self, sessions: Sessions, channels: Mapping[str, Channel], clock: Clock) -> None:
        self._sessions = sessions
        self._channels = channels
        self._clock = clock

    async def post(
        self, session: AsyncSession, address: Address, reply: Reply, *, card_key: str | None = None, reader_id: str | None = None
    ) -> None:
        """In the caller's transaction. With a `card_key` the message can be changed later by `edit`."""
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
        await self._add(session, "post", address, reply, card_key, reply.id if card_key else None)

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
        """Redraws a card wherever it is shown; the reply keeps the placement's id."""
        for placement in await self.placements(session, card_key):
            await self._add(session, "edit", placement.address, replace(draw(placement), id=placement.id), card_key, placement.id)

    async def retire(self, session: AsyncSession, card_key: str, left_key: str, draw: Callable[[Placement], Reply]) -> None:
        """Draws a card a last time wherever it is shown; from then on it is another card, which later changes don't touch."""
        await self.edit(session, card_key, draw)
        await session.execute(update(t.placement).where(t.placement.c.card_key == card_key).values(card_key=left_key))

    async def _add(
        self, session: AsyncSession, operation: Operation, address: Address, reply: Reply, card_key: str | None, placement_id: str | None
    ) -> None:
        now = self._clock()
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
                state="pending",
                due_at=now,
                created_at=now,
                correlation=structlog.contextvars.get_contextvars().get("correlation"),
            )
        )

    async def shown(self, card_key: str) -> list[Placement]:
        """The placements as they are committed now."""
        async with self._sessions() as session:
            return await self.placements(session, card_key)

    async def waiting(self) -> int:
        async with self._sessions() as session:
            return int(
                (await session.execute(select(func.count()).select_from(t.outbox).where(t.outbox.c.state == "pending"))).scalar_one()
            )

    async def undelivered(self, rooms: list[str]) -> int:
        async with self._sessions() as session:
            rows = await session.execute(select(t.outbox.c.sequence).where(t.outbox.c.state == "pending", t.outbox.c.room.in_(rooms)))
            return len(rows.all())

    async def deliver(self) -> float | None:
        """All that is due, in order per address, addresses side by side. Returns the seconds until more is due, None for never."""
        while (pause := await self.deliver_due()) == 0.0:
            pass
        return pause

    async def deliver_due(self) -> float | None:
        """One pass; what is about to be sent is marked as tried first.

        Returns the seconds until the next row is due, 0 when more may be due now, None when none waits.
        """
        now = self._clock()
        address = (t.outbox.c.channel, t.outbox.c.tenant, t.outbox.c.room, t.outbox.c.thread)
        place = func.row_number().over(partition_by=address, order_by=t.outbox.c.sequence).label("place")
        pending = select(t.outbox, place).where(t.outbox.c.state == "pending").subquery()
        first = select(pending).where(pending.c.place <= AT_ONCE).order_by(pending.c.sequence)
        async with self._sessions() as session:
            rows = (await session.execute(first)).all()
        if not rows:
            return None
        queues: dict[AddressKey, list[int]] = {}
        for position, row in enumerate(rows):
            queues.setdefault((row.channel, row.tenant, row.room, row.thread), []).append(position)
        # What waits for its time holds back all that comes after it at the same address.
        due = {key: positions for key, positions in queues.items() if rows[positions[0]].due_at <= now}
        if not due:
            next_due: datetime = min(rows[positions[0]].due_at for positions in queues.values())
            return max(0.01, (next_due - now).total_seconds())
        tried = [rows[position].sequence for positions in due.values() for position in positions]
        async with self._sessions.begin() as session:
            await session.execute(update(t.outbox).where(t.outbox.c.sequence.in_(tried)).values(attempts=t.outbox.c.attempts + 1))
        await asyncio.gather(*(self._deliver_in_order([rows[position] for position in positions]) for positions in due.values()))
        return 0.0

    async def _deliver_in_order(self, rows: list[Row[Any]]) -> None:
        for row in rows:
            if not await self._deliver(row):
                return

    async def _deliver(self, row: Row[Any]) -> bool:
        """True when the next row of this address may go out."""
        channel = self._channels[row.channel]
        address = Address(row.channel, row.tenant, row.room, row.thread)
        try:
            message_id = await self._message_id(row)
            if row.operation != "post" and message_id is None:
                raise Refused("never_posted")
            delivered: Delivered | None = None
            if row.attempts > 0 and row.operation == "post":
                delivered = await channel.find(address, key=row.id)
            if delivered is None:
                delivered = await channel.deliver(row.operation, address, Reply.from_json(row.reply), key=row.id, message_id=message_id)
        except Retry as error:
            wait = error.after if error.after is not None else BACKOFF[min(row.attempts, len(BACKOFF) - 1)]
            log.warning("delivery_postponed", channel=row.channel, code=error.code, seconds=wait, attempt=row.attempts + 1)
            await self._finish(row, state="pending", due_at=self._clock() + timedelta(seconds=wait))
            return False
        except ConnectorError as error:
            log.error("delivery_refused", channel=row.channel, code=error.code, outbox=row.id)
            await self._finish(row, state="failed")
            return True
        except Exception:  # a channel's defect: it must not block the address for ever
            log.exception("delivery_broke", channel=row.channel, outbox=row.id, attempt=row.attempts + 1)
            again = row.attempts + 1 < TRIES
            wait = BACKOFF[min(row.attempts, len(BACKOFF) - 1)]
            await self._finish(row, state="pending" if again else "failed", due_at=self._clock() + timedelta(seconds=wait))
            return not again
        async with self._sessions.begin() as session:
            await session.execute(
                update(t.outbox).where(t.outbox.c.sequence == row.sequence).values(state="sent", message_id=delivered.message_id)
            )
            if row.operation == "post" and row.placement_id is not None:
                shown = {"message_id": delivered.message_id, "posted_thread": delivered.thread}
                await session.execute(update(t.placement).where(t.placement.c.id == row.placement_id).values(**shown))
        return True

    async def _message_id(self, row: Row[Any]) -> str | None:
        if row.operation == "post":
            return None
        async with self._sessions() as session:
            found = await session.execute(select(t.placement.c.message_id).where(t.placement.c.id == row.placement_id))
            return found.scalar_one_or_none()

    async def _finish(self, row: Row[Any], **values: object) -> None:
        async with self._sessions.begin() as session:
            await session.execute(update(t.outbox).where(t.outbox.c.sequence == row.sequence).values(**values))
