"""Where the bot is and who is there, written down as it is heard: most of it Teams cannot be asked later.

A team tells its channels when it is asked, which is done when the app comes to it: a desk needs nobody to say a word there first.
"""

from collections.abc import Callable
from datetime import UTC, datetime

import structlog

from connectors.errors import ConnectorError
from connectors.ports.records import Clock
from connectors.teams.client import Client
from connectors.teams.envelope import Payload, account_of, called, changes_team, gone_in, parts, room_of, tenant_of, text_in
from connectors.teams.store import AccountStore, Room, RoomStore

log = structlog.get_logger()
UNHEARD = datetime(2000, 1, 1, tzinfo=UTC)
"""When a channel was heard of in which nothing has been heard."""


class Places:
    """`forget`: is told of a room whose members have changed."""

    def __init__(self, rooms: RoomStore, accounts: AccountStore, client: Client, forget: Callable[[Room], None], clock: Clock) -> None:
        self._rooms = rooms
        self._accounts = accounts
        self._client = client
        self._forget = forget
        self._clock = clock

    async def note(self, payload: Payload) -> Room | None:
        """Writes down what a payload says of where it came from. A channel whose team is to be asked for its channels, or None."""
        now, gone = self._clock(), gone_in(payload)
        if gone is not None:
            tenant = tenant_of(payload)
            log.info("teams_app_removed", tenant=tenant, room=gone.room)
            await self._rooms.left(tenant, gone.room, gone.team, gone.channel)
            return None
        seen = room_of(payload)
        if seen is not None:
            await self._rooms.saw(seen, now)
            if parts(payload, "membersAdded") or parts(payload, "membersRemoved"):
                self._forget(seen)
        if (account := account_of(payload)) is not None:
            await self._accounts.saw(account, now)
        return seen if seen is not None and seen.team_id and changes_team(payload) else None

    async def ask(self, room: Room) -> None:
        """Writes down the channels of this one's team. What Teams does not tell now stays unknown until it is asked again."""
        try:
            team, channels = await self._client.team(room), await self._client.channels(room)
        except ConnectorError as error:
            log.info("teams_channels_unknown", room=room.room, code=error.code)
            return
        for channel in parts({"all": list(channels)}, "all"):
            if place := text_in(channel, "id"):
                found = Room(
                    room.tenant, place, "channel", place, room.service_url, room.bot_id, room.bot_name, room.team_id,
                    text_in(team, "aadGroupId") or room.group_id, called(text_in(channel, "name") or text_in(team, "name")),
                    text_in(channel, "type") == "shared",
                )  # fmt: skip
                await self._rooms.saw(found, UNHEARD)

    async def ask_all(self) -> None:
        """Of all teams in which the app is."""
        for room in await self._rooms.gatherings():
            if room.team_id:
                await self.ask(room)
