"""Posts that are held for the end of somebody's quiet hours: rows of the outbox that are as if they were not there yet.

They hold up nothing, change in place, and outlive a restart. They go out, in their order, when the hours are over or as soon as
the person does something on any channel; there, if they belong to no thread.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import structlog
from sqlalchemy import Row, ScalarSelect, Select, delete, func, literal_column, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from bot import tables as t
from bot.database import Sessions
from bot.people import PeopleStore
from bot.quiet import News, QuietHours, held_until, is_over, is_pointless, news_of, useless_after
from connectors.errors import ConnectorError
from connectors.ports.chat import Address, Channel, Reply
from connectors.ports.records import Clock
from specialists.request import RequestEvent

log = structlog.get_logger()
# Spelled out, since a bound parameter keeps databases from using the index of what is held.
_HELD = t.outbox.c.state == literal_column("'held'")


@dataclass(frozen=True, slots=True)
class HeldPosts:
    """`release` is the work of a loop. `on_released`: called when something may be delivered now."""

    sessions: Sessions
    people: PeopleStore
    channels: Mapping[str, Channel]
    clock: Clock
    hours: QuietHours | None
    on_released: Callable[[], None]

    async def until(self, address: Address, reader_id: str | None, event: RequestEvent) -> datetime | None:
        """Until when the news of this event wait for whoever reads them there; None: they are told at once."""
        news = news_of(event)
        return None if news is None else await self.wait(address, reader_id, news, too_late=useless_after(event))

    async def wait(self, address: Address, reader_id: str | None, news: News, *, too_late: datetime | None = None) -> datetime | None:
        """As `until`, for news that are no event of a request. `too_late`: when they would be of no use any more."""
        if self.hours is None or reader_id is None or self.channels[address.channel].is_shared(address):
            return None
        person = await self.people.get(reader_id)
        if person is None:
            return None
        async with self.sessions() as session:
            last_seen: datetime | None = (await session.execute(select(_last_seen(person.id)))).scalar_one()
        return held_until(self.hours, news, self.clock(), person.timezone, last_seen, too_late=too_late)

    async def count(self) -> int:
        async with self.sessions() as session:
            return int((await session.execute(select(func.count()).select_from(t.outbox).where(_HELD))).scalar_one())

    async def unseen(self, card_keys: Sequence[str]) -> frozenset[str]:
        """Those of these cards that are held, so that nobody has seen them yet."""
        if not card_keys:
            return frozenset()
        held = select(t.outbox.c.card_key).where(_HELD, t.outbox.c.card_key.in_(card_keys))
        async with self.sessions() as session:
            return frozenset((await session.execute(held)).scalars())

    async def due(self, reader_id: str | None = None) -> bool:
        """Whether something is held that need not be any more: for this reader, or for anybody."""
        return any(self._is_over(row) for row in await self._rows() if reader_id in (None, row.reader_id))

    async def release(self) -> float | None:
        """Lets go out what need not be held any more. Returns the seconds until more is due by time, None when nothing is held."""
        now, held = self.clock(), await self._rows()
        over, left = [row for row in held if self._is_over(row)], [row for row in held if not self._is_over(row)]
        if over:
            going = update(t.outbox).where(_HELD, t.outbox.c.sequence.in_([row.sequence for row in over]))
            moved = [(row, address) for row in over if (address := await self._moved(row)) is not None]
            async with self.sessions.begin() as session:
                for row, address in moved:
                    there = {"channel": address.channel, "tenant": address.tenant, "room": address.room}
                    await session.execute(update(t.outbox).where(_HELD, t.outbox.c.sequence == row.sequence).values(**there))
                    await session.execute(update(t.placement).where(t.placement.c.id == row.placement_id).values(**there))
                await session.execute(going.values(state="pending", due_at=now, created_at=now))
            for row in over:
                log.info("post_released", reply=row.placement_id, reader=row.reader_id)
            self.on_released()
        return min(((row.due_at - now).total_seconds() for row in left), default=None)

    async def _moved(self, row: Row[Any]) -> Address | None:
        """Where its reader is by now, if that is elsewhere; what belongs to a thread stays there."""
        if row.thread is not None:
            return None
        try:
            reader = await self.people.get(row.reader_id)
            address = await self.people.address(reader, self.channels) if reader is not None else None
        except ConnectorError:  # the directory is away: they are told where they would have been
            return None
        return address if address != Address(row.channel, row.tenant, row.room) else None

    def _is_over(self, row: Row[Any]) -> bool:
        return is_over(row.due_at, row.created_at, row.last_seen, self.clock())

    async def _rows(self) -> Sequence[Row[Any]]:
        async with self.sessions() as session:
            rows: Sequence[Row[Any]] = (await session.execute(held_rows())).all()
        return rows


def held_rows() -> Select[Any]:
    """All that is held, with whom each is for and when they were last seen. In no order, which would cost the index."""
    o, p = t.outbox.c, t.placement.c
    of_whom = t.outbox.join(t.placement, p.id == o.placement_id)
    where = (o.channel, o.tenant, o.room, o.thread)
    whose = (o.placement_id, p.reader_id, _last_seen(p.reader_id).label("last_seen"))
    wanted: tuple[Any, ...] = (o.sequence, o.due_at, o.created_at, *where, *whose)
    return select(*wanted).select_from(of_whom).where(_HELD)


async def redraw_held(session: AsyncSession, reply: Reply) -> bool:
    """Whether this card was held, and so has changed before anybody saw it; one that is pointless by now is never posted."""
    pointless = is_pointless(reply)
    held = update(t.outbox).where(_HELD, t.outbox.c.placement_id == reply.id)
    changed = held.values(reply=reply.as_json(), state="withdrawn" if pointless else "held")
    if (await session.execute(changed.returning(t.outbox.c.sequence))).one_or_none() is None:
        return False
    if pointless:
        log.info("post_withdrawn", reply=reply.id)
        await session.execute(delete(t.placement).where(t.placement.c.id == reply.id))
    return True


def shown_already(card_key: str, reader_id: str) -> Callable[[AsyncSession], Awaitable[None]]:
    """Work inside the transaction in which a card is shown to this reader: what is held of it is not shown once more in time."""

    async def withdraw(session: AsyncSession) -> None:
        o, p = t.outbox.c, t.placement.c
        theirs = select(p.id).where(p.card_key == card_key, p.reader_id == reader_id)
        held = update(t.outbox).where(_HELD, o.placement_id.in_(theirs)).values(state="withdrawn")
        withdrawn = list((await session.execute(held.returning(o.placement_id))).scalars())
        if withdrawn:
            log.info("held_posts_shown", card=card_key)
            await session.execute(delete(t.placement).where(p.id.in_(withdrawn)))

    return withdraw


def _last_seen(person_id: Any) -> ScalarSelect[Any]:
    """A person's last activity on any channel; being looked up is none, and counts as long ago."""
    return select(func.max(t.identity.c.last_seen_at)).where(t.identity.c.person_id == person_id).scalar_subquery()
