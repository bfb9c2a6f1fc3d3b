"""The web chat as a channel: replies become rows, and whoever is watching is woken to read them."""

import asyncio
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime

from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from connectors.errors import OutcomeUnknown, Refused
from connectors.ports.chat import Address, Capabilities, Delivered, FileRef, Heard, Operation, Profile, Reply, ReplyKind
from connectors.ports.people import ExternalId
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
    capabilities = Capabilities(forms=False, home=False)

    def __init__(self, sessions: async_sessionmaker[AsyncSession], clock: Clock) -> None:
        self.sessions = sessions
        self._clock = clock
        self._watchers: set[asyncio.Event] = set()

    async def deliver(self, operation: Operation, address: Address, reply: Reply, *, key: str, message_id: str | None) -> Delivered:
        if reply.only_for is not None and address.room.startswith(GROUP):
            address = self.direct(address.tenant, reply.only_for)
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

    async def begin(self, address: Address, said: str, *, key: str, since: datetime) -> Address:
        root = Reply(new_id(), ReplyKind.NOTICE, said)
        begun = await self.deliver("post", replace(address, thread=None), root, key=key, message_id=None)
        return replace(address, thread=begun.thread)

    def is_shared(self, address: Address) -> bool:
        return address.room.startswith(GROUP)

    async def has_outsiders(self, address: Address) -> bool:
        return False

    async def hears(self, address: Address) -> bool:
        return True

    async def profile(self, tenant: str, external_id: str) -> Profile | None:
        """Whoever is signed in was verified by the directory; their id is their address."""
        return Profile(external_id, external_id, "member", email=external_id)

    async def lookup(self, email: str) -> ExternalId | None:
        return ExternalId(CHANNEL, TENANT, own_room(email))

    async def read(self, address: Address, message_id: str) -> Heard | None:
        return None

    async def history(self, address: Address, *, before: str, limit: int) -> Sequence[Heard]:
        return ()

    async def download(self, tenant: str, file: FileRef) -> bytes:
        raise Refused("gone", "nothing is sent as a file in the web chat")

    async def changes(self, rooms: Collection[str], after: int, *, limit: int) -> Sequence[Shown]:
        """Messages of these rooms changed after a number, in the order of their changes."""
        async with self.sessions() as session:
            return await store.changes(session, rooms, after, limit=limit)

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
