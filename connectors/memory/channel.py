"""A chat platform in memory: what was shown is a dictionary that a test can read."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from connectors.errors import Refused
from connectors.ports.chat import Address, Capabilities, Delivered, FileRef, Heard, Operation, Profile, Reply, ReplyKind
from connectors.ports.people import ExternalId
from connectors.ports.records import new_id

GROUP = "group:"
"""What rooms of several people begin with."""
FLAT = Capabilities(forms=True, home=False, whispers=False, flat_rooms=True, forms_in_messages=True)
THREADED = f"{GROUP}threaded"
"""Rooms whose names begin so have threads on every platform."""


@dataclass(frozen=True, slots=True)
class MemoryMessage:
    """A message as it is now. `reply` None: deleted. `versions` counts the changes, the post included."""

    message_id: str
    address: Address
    reply: Reply | None
    versions: int = 1


class MemoryChannel:
    """Implements `connectors.ports.chat.Channel`. Raise anything from `deliver` by adding it to `faults`."""

    def __init__(self, name: str = "memory", *, capabilities: Capabilities | None = None, flat: bool = False) -> None:
        """`flat`: what is posted stands in no thread, but in THREADED rooms; the thread of an address is the bot's own word for it."""
        self.name = name
        self.flat = flat
        self.capabilities = capabilities or (FLAT if flat else Capabilities(forms=True, home=True))
        self.profiles: dict[str, Profile] = {}
        """By external id. Whoever is not named here is a member whose id is their address."""
        self.outsiders: set[str] = set()
        """Rooms in which people of other organisations read."""
        self.deaf_in: set[str] = set()
        """Rooms in which it hears only what is said to it."""
        self.heard: list[Heard] = []
        """What people said themselves, for `read` and `history`."""
        self.contents: dict[str, bytes] = {}
        """By the id of a FileRef."""
        self.messages: dict[str, MemoryMessage] = {}
        """By message id, in the order of their posts."""
        self.faults: list[Exception] = []
        """Raised by the next deliveries, before anything is shown."""
        self._keys: dict[str, str] = {}
        self._threads: dict[str, str] = {}
        """By message id: what a reply to it would be in, in the bot's words."""

    def is_flat(self, room: str) -> bool:
        """Whether this room has no threads."""
        return self.flat and not room.startswith(THREADED)

    async def deliver(self, operation: Operation, address: Address, reply: Reply, *, key: str, message_id: str | None) -> Delivered:
        if self.faults:
            raise self.faults.pop(0)
        if key in self._keys:
            return self._delivered(self._keys[key])
        if operation == "post":
            new = new_id()
            self._threads[new] = address.thread or new
            shown = replace(address, thread=None if self.is_flat(address.room) else self._threads[new])
            self.messages[new] = MemoryMessage(new, shown, reply)
            self._keys[key] = new
            return self._delivered(new)
        old = self.messages.get(message_id or "")
        if old is None or old.address.room != address.room:
            raise Refused("no_message", message_id or "")
        self.messages[old.message_id] = replace(old, reply=reply if operation == "edit" else None, versions=old.versions + 1)
        self._keys[key] = old.message_id
        return self._delivered(old.message_id)

    async def find(self, address: Address, *, key: str) -> Delivered | None:
        message_id = self._keys.get(key)
        if message_id is None or self.messages[message_id].address.room != address.room:
            return None
        return self._delivered(message_id)

    def direct(self, tenant: str, external_id: str) -> Address:
        return Address(self.name, tenant, external_id.lower())

    async def begin(self, address: Address, said: str, *, key: str, since: datetime) -> Address:
        root = await self.deliver("post", replace(address, thread=None), Reply(new_id(), ReplyKind.NOTICE, said), key=key, message_id=None)
        return replace(address, thread=root.thread)

    def is_shared(self, address: Address) -> bool:
        return address.room.startswith(GROUP)

    async def has_outsiders(self, address: Address) -> bool:
        return address.room in self.outsiders

    async def hears(self, address: Address) -> bool:
        return address.room not in self.deaf_in

    async def profile(self, tenant: str, external_id: str) -> Profile | None:
        return self.profiles.get(external_id) or Profile(external_id, external_id, "member", email=external_id)

    async def lookup(self, email: str) -> ExternalId | None:
        return next((ExternalId(self.name, "local", p.external_id) for p in self.profiles.values() if p.email == email), None)

    async def read(self, address: Address, message_id: str) -> Heard | None:
        return next((heard for heard in self.heard if heard.message_id == message_id), None)

    async def history(self, address: Address, *, before: str, limit: int) -> Sequence[Heard]:
        thread = [heard for heard in self.heard if heard.thread == address.thread and heard.author is not None]
        cut = next((n for n, heard in enumerate(thread) if heard.message_id == before), len(thread))
        return thread[:cut][-limit:]

    async def download(self, tenant: str, file: FileRef) -> bytes:
        if file.id not in self.contents:
            raise Refused("gone", file.id)
        return self.contents[file.id]

    def shown(self, room: str, thread: str | None = None, *, as_: str | None = None) -> list[Reply]:
        """What can be read in a room, or in one thread of it, in the order of the posts.

        `as_` is who reads: in a room of several, what is for one person alone is seen by nobody else.
        """
        return [
            message.reply
            for message in self.messages.values()
            if message.reply is not None
            and message.address.room == room
            and thread in (None, message.address.thread)
            and (message.reply.only_for in (None, as_) or not self.is_shared(message.address))
        ]

    def _delivered(self, message_id: str) -> Delivered:
        return Delivered(message_id, self._threads[message_id])
