"""A chat platform in memory: what was shown is a dictionary that a test can read."""

from dataclasses import dataclass, replace

from connectors.errors import Refused
from connectors.ports.chat import Address, Capabilities, Delivered, Operation, Reply
from connectors.ports.records import new_id


@dataclass(frozen=True, slots=True)
class MemoryMessage:
    """A message as it is now. `reply` None: deleted. `versions` counts the changes, the post included."""

    message_id: str
    address: Address
    reply: Reply | None
    versions: int = 1


class MemoryChannel:
    """Implements `connectors.ports.chat.Channel`. Raise anything from `deliver` by adding it to `faults`."""

    def __init__(self, name: str = "memory", *, capabilities: Capabilities | None = None) -> None:
        self.name = name
        self.capabilities = capabilities or Capabilities(live_edits=True, forms=True, requester_only=True, max_chars=40_000, max_actions=20)
        self.messages: dict[str, MemoryMessage] = {}
        """By message id, in the order of their posts."""
        self.faults: list[Exception] = []
        """Raised by the next deliveries, before anything is shown."""
        self._keys: dict[str, str] = {}

    async def deliver(self, operation: Operation, address: Address, reply: Reply, *, key: str, message_id: str | None) -> Delivered:
        if self.faults:
            raise self.faults.pop(0)
        if key in self._keys:
            return self._delivered(self._keys[key])
        if reply.requester_only and address.room.startswith("group:"):
            raise Refused("not_private")
        if operation == "post":
            new = new_id()
            self.messages[new] = MemoryMessage(new, replace(address, thread=address.thread or new), reply)
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

    def shown(self, room: str, thread: str | None = None) -> list[Reply]:
        """What can be read in a room, or in one thread of it, in the order of the posts."""
        return [
            message.reply
            for message in self.messages.values()
            if message.reply is not None and message.address.room == room and thread in (None, message.address.thread)
        ]

    def _delivered(self, message_id: str) -> Delivered:
        return Delivered(message_id, self.messages[message_id].address.thread)
