"""Whether Teams works as it is configured, tried on Microsoft itself; what is wrong is said in the words of whoever configures it."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from yarl import URL

from connectors.errors import ConnectorError, Refused, Retry
from connectors.ports.chat import Address
from connectors.teams.envelope import CHANNEL
from connectors.teams.manifest import MESSAGES_PATH
from connectors.teams.settings import TeamsSettings
from connectors.teams.store import GATHERINGS, Room, RoomStore

Named = tuple[str, Address, bool]
"""What foyer.yaml says about a room: as what (the desk it-support), where, and whether staff work there."""
MOST = 20
"""Channels that are told of; the latest."""


@dataclass(frozen=True, slots=True)
class Checkup:
    """`token` gets the bot's token, `keys` those that Teams signs with; both raise Refused or Retry. `ask`: asks the
    teams for channels in which nothing was heard yet. `hears`: whether the bot may hear and read in a room what nobody said to it; yes
    where that cannot be found out now."""

    settings: TeamsSettings
    rooms: RoomStore
    token: Callable[[], Awaitable[object]]
    keys: Callable[[], Awaitable[object]]
    ask: Callable[[], Awaitable[None]]
    hears: Callable[[Address], Awaitable[bool]]

    async def run(self, named: Sequence[Named], refusing: str | None) -> str:
        """A line of as which app and for which tenants, and one for each channel. `refusing`: why what Teams sends is refused.

        Raises Refused with everything that is wrong, Retry when Microsoft cannot be asked.
        """
        if not self.settings.local:
            await self._worded("the keys that Teams signs with", self.settings.openid_url, self.keys)
            await self._worded("a token for the bot", self.settings.login_url, self.token)
        if None in [await self._known(address) for _, address, _ in named]:
            await self.ask()
        wrong = [said for one in named for said in await self._room(one)]
        wrong += [refusing] if refusing else []
        found = "\n".join([self._way(), *[await self._told(room) for room in await self._channels()]])
        if wrong:
            raise Refused("misconfigured", "\n".join([*wrong, f"otherwise {found}"]))
        return found

    async def _channels(self) -> Sequence[Room]:
        """Where a desk may be."""
        ours = self.settings.tenants
        latest = await self.rooms.latest(GATHERINGS)
        return [room for room in latest if room.kind == "channel" and (not ours or room.tenant in ours)][:MOST]

    def _way(self) -> str:
        if self.settings.local:
            return f"Microsoft's playground on this machine, unsigned, at {self.settings.base_url}{MESSAGES_PATH}"
        tenants = ", ".join(sorted(self.settings.tenants))
        return f"the app {self.settings.app_id} for {tenants} at {self.settings.base_url}{MESSAGES_PATH}"

    async def _told(self, room: Room) -> str:
        """A channel, and how foyer.yaml names it."""
        hears = await self.hears(Address(CHANNEL, room.tenant, room.room))
        without = "" if hears else " (hears only what mentions it: nobody consented to more)"
        return f"{room.name or room.kind}: teams:{room.tenant}:{room.room}{without}"

    async def _known(self, address: Address) -> Room | None:
        room = await self.rooms.get(address.tenant.lower(), address.room)
        return room if room is not None and not room.gone and room.kind != "personal" else None

    async def _room(self, named: Named) -> Sequence[str]:
        """What is wrong with a room of foyer.yaml; nothing where it is right."""
        what, address, staff = named
        here = f"{what} in foyer.yaml, teams:{address.tenant}:{address.room}"
        if self.settings.tenants and address.tenant.lower() not in self.settings.tenants:
            return [f"{here}, names the tenant {address.tenant}, and this is for {', '.join(sorted(self.settings.tenants))}"]
        room = await self._known(address)
        if room is None:
            return [f"{here}: Foyer is not there: add it to the team; in a chat, or a channel of some of the team only, mention it once"]
        if staff and room.kind != "channel":
            return [f"{here} is a chat, and chats have no threads: a desk needs a channel"]
        if staff and room.shared:
            return [f"{here} is shared with other organisations: a desk needs a channel of your own"]
        if staff and not await self.hears(address):
            return [
                f"{here}: staff are not heard there without a mention: give the app its permissions in that team (Manage team, Apps), "
                "or have them use the buttons"
            ]
        return []

    async def _worded(self, what: str, where: str, ask: Callable[[], Awaitable[object]]) -> None:
        try:
            await ask()
        except Retry as away:
            hosts = " and ".join(URL(url).host or url for url in (self.settings.openid_url, self.settings.login_url))
            said = f"cannot get {what} from {where}: this server must reach {hosts} at port 443"
            raise Retry(away.code, said, away.after) from away
        except ConnectorError as refused:
            mend = refused.detail or "check FOYER_TEAMS_APP_ID, FOYER_TEAMS_APP_PASSWORD and FOYER_TEAMS_TENANT_ID"
            raise Refused(refused.code, f"Microsoft gives no {what.removeprefix('a ')}: {mend}") from refused
