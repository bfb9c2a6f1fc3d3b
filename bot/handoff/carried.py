"""Where it is kept what people wrote in a handoff, which message it was, and which replies are not out yet.

A row is written with what it tells of, in one transaction, and unique by its message: so nothing is carried twice, and an
edit or a deletion finds what it is about.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Literal

from pydantic import TypeAdapter
from sqlalchemy import Row, exists, insert, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from bot import tables as t
from bot.database import Sessions
from bot.handoff.store import HandoffMoved
from connectors.ports.chat import Address, Attachment

_files: TypeAdapter[tuple[Attachment, ...]] = TypeAdapter(tuple[Attachment, ...])


class Kind(StrEnum):
    SAID = "said"
    """By the employee, carried to staff."""
    REPLY = "reply"
    """By staff, carried to the employee."""
    NOTE = "note"
    """By staff, carried to nobody."""


HeldState = Literal["held", "sent", "recalled"]


@dataclass(frozen=True, slots=True)
class Carried:
    """`message_id` is the activity that it came with: a message's, which can be edited, or a press's."""

    id: str
    channel: str
    tenant: str
    message_id: str
    handoff_id: str
    kind: Kind
    by: str
    text: str
    files: tuple[Attachment, ...] = ()

    @property
    def card_key(self) -> str:
        """Of what the other side sees."""
        return f"relay:{self.id}"

    @property
    def preview_key(self) -> str:
        """Of the card with which whoever wrote it can take it back."""
        return f"held:{self.id}"


@dataclass(frozen=True, slots=True)
class Held:
    carried: Carried
    due_at: datetime
    state: HeldState


class CarriedStore:
    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions

    async def get(self, carried_id: str) -> Carried | None:
        async with self._sessions() as session:
            row = (await session.execute(select(t.relay).where(t.relay.c.id == carried_id))).one_or_none()
        return _carried(row) if row is not None else None

    async def of_message(self, address: Address, message_id: str) -> Carried | None:
        """What this message was, if it was part of a handoff."""
        source = (t.relay.c.channel == address.channel, t.relay.c.tenant == address.tenant, t.relay.c.message_id == message_id)
        async with self._sessions() as session:
            row = (await session.execute(select(t.relay).where(*source))).one_or_none()
        return _carried(row) if row is not None else None

    async def known(self, address: Address, message_id: str) -> bool:
        """Whether this message was carried before, or is itself what was carried: neither goes any further."""
        of = (t.relay.c.channel == address.channel, t.relay.c.tenant == address.tenant, t.relay.c.message_id == message_id)
        copy = (t.placement.c.channel == address.channel, t.placement.c.tenant == address.tenant, t.placement.c.message_id == message_id)
        async with self._sessions() as session:
            return bool((await session.execute(select(exists().where(*of) | exists().where(*copy)))).scalar())

    async def add(self, session: AsyncSession, carried: Carried) -> None:
        """In the caller's transaction."""
        await session.execute(
            insert(t.relay).values(
                id=carried.id,
                channel=carried.channel,
                tenant=carried.tenant,
                message_id=carried.message_id,
                handoff_id=carried.handoff_id,
                kind=carried.kind,
                by=carried.by,
                text=carried.text,
                files=_files.dump_python(carried.files, mode="json"),
            )
        )

    async def rewrite(self, session: AsyncSession, changed: Carried) -> None:
        """In the caller's transaction: the text and the files are what they are now."""
        values = {"text": changed.text, "files": _files.dump_python(changed.files, mode="json")}
        await session.execute(update(t.relay).where(t.relay.c.id == changed.id).values(**values))

    async def hold(self, session: AsyncSession, carried: Carried, due_at: datetime) -> None:
        """In the caller's transaction, after `add`."""
        await session.execute(insert(t.held_reply).values(id=carried.id, handoff_id=carried.handoff_id, due_at=due_at, state="held"))

    async def settle(self, session: AsyncSession, carried_id: str, state: HeldState) -> None:
        """In the caller's transaction; state "held" only makes sure that it still is. Raises HandoffMoved when it is held no more."""
        settled = await session.execute(
            update(t.held_reply)
            .where(t.held_reply.c.id == carried_id, t.held_reply.c.state == "held")
            .values(state=state)
            .returning(t.held_reply.c.id)
        )
        if settled.one_or_none() is None:
            raise HandoffMoved(carried_id)

    async def held(self, carried_id: str) -> Held | None:
        """Whatever has become of it; None for what was never held."""
        found = await self._held(t.held_reply.c.id == carried_id)
        return found[0] if found else None

    async def waiting(self, handoff_id: str) -> Sequence[Held]:
        """The replies that are not out yet, oldest first."""
        return await self._held(t.held_reply.c.handoff_id == handoff_id, t.held_reply.c.state == "held")

    async def due(self) -> Sequence[tuple[str, str, datetime]]:
        """(id, handoff, when) of all that waits, the first due first."""
        columns = (t.held_reply.c.id, t.held_reply.c.handoff_id, t.held_reply.c.due_at)
        waiting = select(*columns).where(t.held_reply.c.state == "held").order_by(t.held_reply.c.due_at, t.held_reply.c.id)
        async with self._sessions() as session:
            return [(row[0], row[1], row[2]) for row in await session.execute(waiting)]

    async def _held(self, *where: Any) -> list[Held]:
        joined = select(t.relay, t.held_reply.c.due_at, t.held_reply.c.state).join(t.held_reply, t.held_reply.c.id == t.relay.c.id)
        async with self._sessions() as session:
            rows = await session.execute(joined.where(*where).order_by(t.held_reply.c.due_at, t.held_reply.c.id))
            return [Held(_carried(row), row.due_at, row.state) for row in rows]


def _carried(row: Row[Any]) -> Carried:
    return Carried(
        row.id,
        row.channel,
        row.tenant,
        row.message_id,
        row.handoff_id,
        Kind(row.kind),
        row.by,
        row.text,
        _files.validate_python(row.files),
    )
