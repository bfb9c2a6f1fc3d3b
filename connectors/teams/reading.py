"""What stands in Teams: people and who they are, messages of a room or thread, the bot's own by how they begin.

People are asked of the Bot Connector, room by room: the bot knows nobody with whom it shares no room. Messages are asked of Graph,
which answers for rooms only that consented.
"""

import asyncio
import re
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import structlog

from connectors.errors import ConnectorError, Refused, Retry
from connectors.ports.chat import Address, Heard, Profile, Standing
from connectors.ports.people import ExternalId
from connectors.ports.records import Clock
from connectors.teams.client import Client
from connectors.teams.envelope import CHANNEL, PERSON, Payload, called, direct_room, text_in
from connectors.teams.graph import Graph
from connectors.teams.messages import begins_alike, heard_of, is_said, number_of, said_by, time_of
from connectors.teams.settings import TeamsSettings
from connectors.teams.store import Account, AccountStore, Room, RoomStore

log = structlog.get_logger()
ROSTER_LIFE = 300.0
"""Seconds that the members of a room are believed to be the same."""
ROSTERS = 50
"""Teams and chats in which somebody is looked for by address."""
PEOPLE = 50_000
"""Members that are remembered, of all rooms together."""
SEARCH = 30.0
"""Seconds for looking somebody up by address."""
ROOMS = 20
"""In which somebody is looked for by id."""
UNREAD = 5_000
"""Rooms whose silence has been logged."""
TEAMS_IS_LATE = timedelta(seconds=10)
"""By how much Teams' clock may be behind ours."""
_ADDRESS = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")


@dataclass(frozen=True, slots=True)
class _Roster:
    """Of a room. `by_email`: its members by verified address."""

    team_id: str | None
    read_at: float
    outsiders: bool
    by_email: Mapping[str, Account]


class Reading:
    """`clock` is the present, `monotonic` in seconds; `search`: see SEARCH."""

    def __init__(
        self,
        client: Client,
        rooms: RoomStore,
        accounts: AccountStore,
        graph: Graph,
        settings: TeamsSettings,
        clock: Clock,
        monotonic: Callable[[], float],
        *,
        search: float = SEARCH,
    ) -> None:
        self._client = client
        self._rooms = rooms
        self._accounts = accounts
        self._graph = graph
        self._settings = settings
        self._clock = clock
        self._monotonic = monotonic
        self._search = search
        self._rosters: OrderedDict[tuple[str, str], _Roster] = OrderedDict()
        self._unread: OrderedDict[tuple[str, str], None] = OrderedDict()
        self._forgotten = 0
        """How often members changed: who is asked meanwhile may tell of those before."""

    async def profile(self, tenant: str, external_id: str) -> Profile | None:
        """Who this is; None where no room of the bot has them. Raises Retry."""
        known = await self._accounts.get(tenant, external_id)
        async for room in self._near(tenant, external_id, known):
            try:
                member = await self._client.member(room, known.user_id if known is not None and known.user_id else external_id)
            except Refused as refused:
                if refused.code == "bad_credentials":
                    raise Retry(refused.code, refused.detail) from refused
                continue
            profile = profile_of(self._settings, tenant, member)
            if profile is not None and profile.external_id == external_id.lower():
                await self._accounts.saw(_account(room, profile, member), self._clock())
                return profile
        return None

    async def lookup(self, email: str) -> ExternalId | None:
        """Whoever has this verified address, in the tenants whose people may talk to the bot. Raises Retry."""
        try:
            async with asyncio.timeout(self._search):
                return await self._lookup(email.lower())
        except TimeoutError as error:
            raise Retry("no_answer", "the rooms of the bot are too many or too slow") from error

    async def _lookup(self, wanted: str) -> ExternalId | None:
        for known in await self._accounts.by_email(wanted):
            profile = await self.profile(known.tenant, known.external_id) if _is_ours(self._settings, known.tenant) else None
            if profile is not None and profile.email == wanted:
                return ExternalId(CHANNEL, known.tenant, profile.external_id)
        for room in (await self._rooms.gatherings())[:ROSTERS]:
            if not _is_ours(self._settings, room.tenant):
                continue
            try:
                found = (await self._roster(room)).by_email.get(wanted)
            except Refused as refused:
                log.info("teams_roster_unread", room=room.room, code=refused.code)
                continue
            if found is not None:
                await self._accounts.saw(found, self._clock())
                return ExternalId(CHANNEL, found.tenant, found.external_id)
        return None

    async def has_outsiders(self, address: Address) -> bool:
        """Whether guests or people of other organisations read in this room; yes while Teams does not say."""
        room = await self._rooms.get(address.tenant, address.room)
        if room is None or room.shared:
            return True
        try:
            return (await self._roster(room)).outsiders
        except ConnectorError as error:
            log.warning("teams_room_unknown", room=room.room, code=error.code)
            return True

    def forget(self, room: Room) -> None:
        """Who is there, or in its team, has changed."""
        self._forgotten += 1
        for key, roster in list(self._rosters.items()):
            if key == (room.tenant, room.room) or (key[0] == room.tenant and room.team_id and roster.team_id == room.team_id):
                del self._rosters[key]

    async def hears(self, address: Address) -> bool:
        """Whether the bot hears there what nobody said to it, and may read it; yes where that cannot be found out now."""
        if address.room.startswith(PERSON) or self._settings.local:
            return True
        try:
            if (room := await self._readable(address)) is not None:
                await anext(self._graph.messages(room, None), None)
        except ConnectorError as error:
            return not (isinstance(error, Refused) and error.code == "no_consent")
        return True

    async def heard(self, address: Address, message_id: str) -> Heard | None:
        """A message as it stands now; None if it is gone, or the room did not consent to being read. Raises Retry."""
        room = await self._readable(address)
        if room is None:
            return None
        try:
            message = await self._graph.message(room, address.thread, _bare(address, message_id))
        except Refused as refused:
            self._log_unread(room, refused)
            return None
        return heard_of(room, message) if message is not None and is_said(message) else None

    async def history(self, address: Address, before: str, limit: int) -> Sequence[Heard]:
        """What people said before that message, oldest first; the last `limit` of it. Nothing where the room did not consent.

        In a chat without threads: since the message that the thread of the bot's own is named by. Raises Retry.
        """
        room = await self._readable(address)
        if room is None or limit <= 0:
            return ()
        end = number_of(_bare(address, before))
        start = number_of(address.thread or "") if room.kind == "group" else None
        said: list[tuple[int, Heard]] = []
        try:
            async for message in self._graph.messages(room, address.thread):
                number = number_of(str(message.get("id")))
                if number is None or (end is not None and number >= end):
                    continue
                if start is not None and number < start:
                    break
                if is_said(message) and (heard := heard_of(room, message)).author is not None:
                    said.append((number, heard))
                if len(said) == limit:
                    break
        except Refused as refused:
            self._log_unread(room, refused)
        said.reverse()  # of one moment, in the order that they came
        return [heard for _, heard in sorted(said, key=lambda one: one[0])]

    async def posted(self, address: Address, text: str, since: datetime) -> str | None:
        """The activity id of the bot's newest message there since then that begins as this text does; None when there is none.

        Raises Refused("no_consent") where that cannot be read, Retry.
        """
        room = await self._readable(address)
        if room is None:
            raise Refused("no_consent", address.room)
        own: list[str] = []
        try:
            async for message in self._graph.messages(room, address.thread):
                at = time_of(message)
                if at < since - TEAMS_IS_LATE:
                    if room.kind == "group" or address.thread is not None:
                        break
                    continue  # a channel's threads come by what was said in them last
                if said_by(message, self._settings.app_id) and is_said(message) and begins_alike(text, message):
                    own.append(str(message["id"]))
        except Refused as refused:
            if refused.code == "gone":
                return None
            raise
        return max(own, key=lambda one: number_of(one) or 0, default=None)

    async def _readable(self, address: Address) -> Room | None:
        """As Graph knows it: Teams tells a team's id there when the app is installed, and when it is asked. Raises Retry."""
        room = await self._rooms.get(address.tenant, address.room)
        if room is None or room.kind != "channel" or room.group_id is not None or room.team_id is None or self._settings.local:
            return room
        team = await self._rooms.get(room.tenant, room.team_id)
        if team is None or team.group_id is None:
            try:
                told = text_in(await self._client.team(room), "aadGroupId")
            except Refused as refused:
                log.info("teams_team_unknown", room=room.room, code=refused.code)
                return room
            if told:
                await self._rooms.saw(replace(room, group_id=told), self._clock())
            return replace(room, group_id=told or None)
        return replace(room, group_id=team.group_id)

    async def _near(self, tenant: str, external_id: str, known: Account | None) -> AsyncIterator[Room]:
        """Rooms that somebody may be in, the likeliest first."""
        tried = set[str]()
        for name in (known.found_in if known is not None else "", direct_room(external_id)):
            room = await self._rooms.get(tenant, name) if name and name not in tried else None
            if room is not None and not room.gone:
                tried.add(name)
                yield room
        for room in (await self._rooms.gatherings(tenant))[:ROOMS]:
            if room.room not in tried:
                yield room

    async def _roster(self, room: Room) -> _Roster:
        key = (room.tenant, room.room)
        kept = self._rosters.get(key)
        if kept is not None and self._monotonic() - kept.read_at < ROSTER_LIFE:
            return kept
        outsiders, by_email, before = False, dict[str, Account](), self._forgotten
        for member in await self._client.members(room):
            profile = profile_of(self._settings, room.tenant, member)
            if profile is None or profile.standing != "member":
                outsiders = True
            elif profile.email is not None:
                by_email[profile.email] = _account(room, profile, member)
        read = _Roster(room.team_id, self._monotonic(), outsiders, by_email)
        if before != self._forgotten:
            return read
        self._rosters[key] = read
        self._rosters.move_to_end(key)
        while len(self._rosters) > 1 and sum(1 + len(roster.by_email) for roster in self._rosters.values()) > PEOPLE:
            self._rosters.popitem(last=False)
        return read

    def _log_unread(self, room: Room, refused: Refused) -> None:
        """Once a room."""
        key = (room.tenant, room.room)
        if refused.code != "no_consent" or key in self._unread:
            return
        log.info("teams_room_unread", tenant=room.tenant, room=room.room)
        self._unread[key] = None
        if len(self._unread) > UNREAD:
            self._unread.popitem(last=False)


def profile_of(settings: TeamsSettings, tenant: str, member: Payload) -> Profile | None:
    """Of a member of a room as Teams describes them; None for one without an Entra account (somebody anonymous)."""
    external_id = str(member.get("aadObjectId") or member.get("objectId") or "").lower()
    if not external_id:
        return None
    standing = _standing(settings, tenant, member)
    return Profile(
        external_id=external_id,
        name=called(str(member.get("name") or member.get("givenName") or "")) or external_id,
        standing=standing,
        email=_verified(member) if standing == "member" else None,
        account=f"entra:{tenant}:{external_id}" if standing != "stranger" else None,
    )


def _verified(member: Payload) -> str | None:
    """The user principal name: Entra gives out none but in domains that the organisation has proved to own. `email` is the account's
    mail attribute, which may be anything."""
    name = str(member.get("userPrincipalName") or "").lower()
    return name if _ADDRESS.fullmatch(name) else None


def _standing(settings: TeamsSettings, tenant: str, member: Payload) -> Standing:
    home, role = str(member.get("tenantId") or "").lower(), str(member.get("userRole") or "").lower()
    if settings.local and not home:
        home = tenant
    if home != tenant or not _is_ours(settings, tenant) or role == "anonymous":
        return "stranger"
    return "guest" if role == "guest" or "#ext#" in str(member.get("userPrincipalName") or "").lower() else "member"


def _is_ours(settings: TeamsSettings, tenant: str) -> bool:
    return tenant in settings.tenants or (settings.local and not settings.tenants)


def _account(room: Room, profile: Profile, member: Payload) -> Account:
    return Account(room.tenant, profile.external_id, str(member.get("id") or ""), profile.name, profile.email, room.room)


def _bare(address: Address, message_id: str) -> str:
    """The activity id in a message id."""
    return message_id.removeprefix(f"{address.room}|")
