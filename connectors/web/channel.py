"""The web chat as a channel: replies become rows, and whoever is watching is woken to read them."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from connectors.errors import OutcomeUnknown, Refused
from connectors.ports.chat import Address, Capabilities, Delivered, Operation, Reply
from connectors.ports.records import Clock, new_id
from connectors.web import store
from connectors.web.store import Shown

CHANNEL = "web"
TENANT = "local"
GROUP = "group:"


def own_room(external_id: str) -> str:
    """The room of one person: their address in lower case."""
    return external_id.lower()


def group_room(group: str) -> str:
    """The room of an assignment group, open to its members."""
    return GROUP + group


class WebChannel:
    """Implements `connectors.ports.chat.Channel`. Tables: `connectors.web.store.metadata`."""

    name = CHANNEL
    capabilities = Capabilities(live_edits=True, forms=True, requester_only=True, max_chars=40_000, max_actions=20)

    def __init__(self, sessions: async_sessionmaker[AsyncSession], clock: Clock) -> None:
        self.sessions = sessions
        self._clock = clock
        self._watchers: set[asyncio.Event] = set()

    async def deliver(self, operation: Operation, address: Address, reply: Reply, *, key: str, message_id: str | None) -> Delivered:
        if reply.requester_only and address.room.startswith(GROUP):
            raise Refused("not_private", "a reply for one person cannot be shown in a group's room")
        try:
            async with self.sessions.begin() as session:
                seq = await store.next_seq(session)
                shown = await store.delivered(session, key)
                if shown is None:
                    shown = await self._carry_out(session, operation, address, reply, seq, key, message_id)
        except DBAPIError as error:
            # The key makes a repetition harmless, so it does not matter whether the commit got through.
            raise OutcomeUnknown("database", type(error).__name__) from error
        self.wake()
        return Delivered(shown.message_id, shown.thread)

    async def _carry_out(
        self, session: AsyncSession, operation: Operation, address: Address, reply: Reply, seq: int, key: str, message_id: str | None
    ) -> Shown:
        if operation == "post":
            new = new_id()
            shown = Shown(new, seq, address.room, address.thread or new, self._clock(), reply=reply)
            await store.add(session, shown, key=key)
            return shown
        if message_id is None:
            raise Refused("no_message", f"{operation} without a message id")
        changed = await store.change(session, message_id, address.room, reply if operation == "edit" else None, seq=seq, key=key)
        if changed is None:
            raise Refused("no_message", message_id)
        return changed

    async def find(self, address: Address, *, key: str) -> Delivered | None:
        async with self.sessions() as session:
            shown = await store.delivered(session, key)
        return None if shown is None or shown.room != address.room else Delivered(shown.message_id, shown.thread)

    def direct(self, tenant: str, external_id: str) -> Address:
        return Address(self.name, tenant, own_room(external_id))

    async def say(self, address: Address, message_id: str, author_id: str, author_name: str, text: str, *, key: str) -> None:
        """Keeps what somebody said themselves. `message_id` is a UUIDv7 taken before the bot could answer; once a key."""
        try:
            async with self.sessions.begin() as session:
                seq = await store.next_seq(session)
                if await store.delivered(session, key) is not None:
                    return
                thread = address.thread or message_id
                said = Shown(message_id, seq, address.room, thread, self._clock(), author_id, author_name, said=text)
                await store.add(session, said, key=key)
        except IntegrityError:
            return
        self.wake()

    @contextmanager
    def watch(self) -> Iterator[asyncio.Event]:
        """An event that is set whenever something was shown; the watcher clears it, then reads the rows."""
        event = asyncio.Event()
        self._watchers.add(event)
        try:
            yield event
        finally:
            self._watchers.discard(event)

    def wake(self) -> None:
        for event in self._watchers:
            event.set()
