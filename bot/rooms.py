"""Which rooms the organisation has told the bot about: what it may do in them, and where assignment groups work."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from bot.config import ConfigError, Organisation, RoomMode, place
from connectors.ports.chat import Address, Channel
from connectors.ports.people import ExternalId


@dataclass(frozen=True, slots=True)
class Rooms:
    channels: Mapping[str, Channel]
    modes: Mapping[Address, RoomMode]
    desks: Mapping[str, Address]

    @staticmethod
    def of(organisation: Organisation, channels: Mapping[str, Channel]) -> "Rooms":
        """Raises ConfigError for a desk on a channel that is not configured: nobody would ever see it."""
        desks = {group: place(name) for group, name in organisation.desks.items()}
        lost = [f"{group} works at {desk.channel}" for group, desk in desks.items() if desk.channel not in channels]
        if lost:
            raise ConfigError(f"foyer.yaml: {'; '.join(lost)}, which is not configured")
        return Rooms(channels, {place(name): mode for name, mode in organisation.rooms.items()}, desks)

    def mode(self, address: Address) -> RoomMode:
        return self.modes.get(replace(address, thread=None), "mention")

    def is_desk(self, address: Address) -> bool:
        """Whether an assignment group works in this room."""
        return replace(address, thread=None) in self.desks.values()

    def of_group(self, group: str) -> Address:
        """Where an assignment group works: the web chat's room of the group unless another one is named."""
        return self.desks.get(group) or Address("web", "local", f"group:{group}")

    async def has_outsiders(self, address: Address) -> bool:
        """Whether people of other organisations read there."""
        return await self.channels[address.channel].has_outsiders(address)

    def is_shared(self, address: Address) -> bool:
        """Whether several people read there."""
        return self.channels[address.channel].is_shared(address)

    def own(self, address: Address, reader: ExternalId) -> Address:
        """The person's own room on this channel."""
        return self.channels[address.channel].direct(address.tenant, reader.external_id)
