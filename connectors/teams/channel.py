"""Teams as a channel: replies become messages and cards, once each, however often they are delivered.

Personal and group chats have no threads: the thread of an address names what the bot holds together, and shows in channels only.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Protocol

import structlog
from botbuilder.schema import Activity
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from connectors.chat.pace import Pace
from connectors.chat.remembering import remember
from connectors.chat.wording import Word, Wording
from connectors.errors import ConnectorError, Refused, Retry
from connectors.ports.chat import Address, Capabilities, Delivered, FileRef, Heard, Operation, Profile, Reply, ReplyKind
from connectors.ports.people import ExternalId
from connectors.ports.records import new_id
from connectors.teams.client import Client
from connectors.teams.envelope import CHANNEL, PERSON, direct_room
from connectors.teams.render import form_card, render
from connectors.teams.sending import Lookup, Place, Sending
from connectors.teams.store import AccountStore, BelongingStore, ConsentStore, PostStore, Room, RoomStore
from connectors.teams.streams import Sleep, Streams
from connectors.teams.waiting import Waiting, changing

log = structlog.get_logger()
VIEW = "view:"
WITHOUT_ACCESS = 60.0
"""Seconds until Teams is asked again after it has refused the bot's token: that is for an admin to mend, and what is said waits."""
HEARS_FRESH = 300.0
"""Seconds for which it is believed whether a room consented to being heard."""


class Reading(Lookup, Protocol):
    """What of `reading.Reading` is asked here."""

    async def profile(self, tenant: str, external_id: str) -> Profile | None: ...

    async def lookup(self, email: str) -> ExternalId | None: ...

    async def has_outsiders(self, address: Address) -> bool: ...

    async def hears(self, address: Address) -> bool: ...

    async def heard(self, address: Address, message_id: str) -> Heard | None: ...

    async def history(self, address: Address, before: str, limit: int) -> Sequence[Heard]: ...


class Transfers(Protocol):
    async def download(self, tenant: str, file: FileRef) -> bytes: ...


class TeamsChannel:
    """Implements `connectors.ports.chat.Channel`. `clock` is the present, `monotonic` in seconds; `sleep`: between bits of an answer."""

    name = CHANNEL
    capabilities = Capabilities(forms=True, home=False, whispers=False, flat_rooms=True, forms_in_messages=True)

    def __init__(
        self,
        client: Client,
        reading: Reading,
        transfers: Transfers,
        waiting: Waiting,
        sessions: async_sessionmaker[AsyncSession],
        word: Word,
        clock: Callable[[], datetime],
        monotonic: Callable[[], float],
        *,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self._client = client
        self._reading = reading
        self._transfers = transfers
        self._waiting = waiting
        self._wording = Wording.of(word)
        self._no_chat = word("teams.no_chat")
        self._clock = clock
        self._monotonic = monotonic
        self._rooms = RoomStore(sessions)
        self._accounts = AccountStore(sessions)
        self._posts = PostStore(sessions)
        streams = Streams(client, self._posts, monotonic, self._wording.loading, sleep=sleep)
        stores = (self._posts, BelongingStore(sessions), ConsentStore(sessions))
        self._sending = Sending(client, streams, reading, *stores, clock)
        self._paces = (Pace(every=1.0, burst=6), Pace(every=2.1, burst=80))
        """Teams takes 7 calls in a second, 8 in two, 60 in thirty and 1,800 in an hour, of one bot in one conversation."""
        self._done: OrderedDict[str, tuple[tuple[str, str], Delivered]] = OrderedDict()
        """By key: where, and what was delivered there."""
        self._hears: dict[tuple[str, str], tuple[float, bool]] = {}
        """By tenant and room of staff: when it was found out, and whether they are heard there."""

    def direct(self, tenant: str, external_id: str) -> Address:
        return Address(self.name, tenant, direct_room(external_id))

    def is_shared(self, address: Address) -> bool:
        return not address.room.startswith(PERSON)

    async def has_outsiders(self, address: Address) -> bool:
        return self.is_shared(address) and await self._reading.has_outsiders(address)

    async def hears(self, address: Address) -> bool:
        at, hears = self._hears.get((address.tenant, address.room), (None, True))
        if at is None or self._monotonic() - at >= HEARS_FRESH:
            hears = await self._reading.hears(address)
            self._hears[address.tenant, address.room] = (self._monotonic(), hears)
        return hears

    async def deliver(self, operation: Operation, address: Address, reply: Reply, *, key: str, message_id: str | None) -> Delivered:
        if reply.surface is not None and operation != "delete":
            return self._fill(reply, reply.surface)
        where = (address.tenant, address.room)
        if key in self._done and self._done[key][0] == where:
            return self._done[key][1]
        try:
            if operation == "post":
                done = await self._post(address, reply, key)
            else:
                done = await self._change(operation, address, reply, key, message_id or "")
        except Refused as refused:
            if refused.code == "bad_credentials":
                raise Retry(refused.code, refused.detail, after=WITHOUT_ACCESS) from refused
            raise
        remember(self._done, key, (where, done))
        return done

    async def find(self, address: Address, *, key: str) -> Delivered | None:
        if key in self._done:
            where, done = self._done[key]
            return done if where == (address.tenant, address.room) else None
        row = await self._posts.get(key)
        if row is None or row.tenant != address.tenant:
            return None
        alone = self.is_shared(address) and row.room.startswith(PERSON)  # what is for one person of a room is in their own chat
        if row.room != address.room and not alone:
            return None
        room = await self._rooms.get(row.tenant, row.room)
        if room is None:
            return None
        there = await self._sending.posted(Place(room, row.thread), key)
        return None if there is None else _delivered(room, there, address.thread, key)

    async def begin(self, address: Address, said: str, *, key: str, since: datetime) -> Address:
        room = replace(address, thread=None)
        begun = await self.find(room, key=key)
        if begun is None:
            begun = await self.deliver("post", room, Reply(new_id(), ReplyKind.NOTICE, said), key=key, message_id=None)
        return replace(address, thread=begun.thread)

    async def typing(self, address: Address) -> None:
        """Shows that something is being written. An ornament: it may as well not come."""
        try:
            await self._client.send((await self._place(address)).room, Activity(type="typing"), thread=address.thread)
        except ConnectorError as error:
            log.info("teams_typing_not_shown", room=address.room, code=error.code)

    async def profile(self, tenant: str, external_id: str) -> Profile | None:
        return await self._reading.profile(tenant, external_id.lower())

    async def lookup(self, email: str) -> ExternalId | None:
        return await self._reading.lookup(email)

    async def read(self, address: Address, message_id: str) -> Heard | None:
        return await self._reading.heard(address, message_id) if _split(message_id)[0] == address.room else None

    async def history(self, address: Address, *, before: str, limit: int) -> Sequence[Heard]:
        return await self._reading.history(address, before, limit) if address.thread is not None else ()

    async def download(self, tenant: str, file: FileRef) -> bytes:
        if not file.url:  # one that stands elsewhere, which the bot is given no right to read
            raise Refused("gone", file.id)
        return await self._transfers.download(tenant, file)

    def _fill(self, reply: Reply, surface: str) -> Delivered:
        """A form that is open already. Filling it again changes nothing."""
        if not self._waiting.show(surface, form_card(reply, self._wording)):
            raise Refused("surface_gone", surface)
        return Delivered(VIEW + surface)

    async def _post(self, address: Address, reply: Reply, key: str) -> Delivered:
        if reply.only_for is not None and self.is_shared(address):
            return await self._whisper(address, reply, reply.only_for, key)
        return await self._say(await self._place(address), address.thread, reply, key)

    async def _whisper(self, address: Address, reply: Reply, person: str, key: str) -> Delivered:
        """Teams shows nothing to one person of a room: they are told in their own chat, or, if they have none, that they need one."""
        try:
            place = await self._place(replace(self.direct(address.tenant, person), thread=address.thread))
            return await self._say(place, address.thread, reply, key)
        except Refused as refused:
            if refused.code not in ("no_chat", "room_gone", "no_member"):
                raise
            log.info("teams_no_personal_chat", room=address.room, code=refused.code)
        told = Reply(reply.id, ReplyKind.NOTICE, self._no_chat)
        return await self._say(await self._place(address), address.thread, told, f"{key}#room")

    async def _say(self, place: Place, thread: str | None, reply: Reply, key: str) -> Delivered:
        parts = render(reply, self._wording)
        self._pace(place.room, self._sending.calls(place, reply, parts))
        first, unsent = await self._sending.say(place, reply, parts, key)
        return replace(_delivered(place.room, first, thread, key), unsent=unsent)

    async def _change(self, operation: Operation, address: Address, reply: Reply, key: str, message_id: str) -> Delivered:
        name, activity_id = _split(message_id)
        if reply.only_for is not None and self.is_shared(address):
            if name == address.room and operation == "edit":  # there they were told that they need a chat, and nothing else
                return Delivered(message_id, address.thread or activity_id)
            if name != address.room:
                address = replace(self.direct(address.tenant, reply.only_for), thread=address.thread)
        if name != address.room or not activity_id:
            raise Refused("no_message", message_id)
        place, parts = await self._place(address), render(reply, self._wording)
        self._pace(place.room, len(parts))
        if operation == "delete":
            await self._sending.delete(place, activity_id)
        else:
            await self._sending.change(place, activity_id, reply, parts, key)
            self._waiting.show(changing(address.tenant, message_id), parts[0].card)
        return Delivered(message_id, address.thread or activity_id)

    def _pace(self, room: Room, calls: int) -> None:
        place, now = (room.tenant, room.room), self._monotonic()
        if (wait := max(pace.wait(place, now) for pace in self._paces)) > 0:
            raise Retry("pace", room.room, after=wait)
        for pace in self._paces:
            pace.took(place, now, calls)

    async def _place(self, address: Address) -> Place:
        """Where the bot was installed, or heard somebody; a personal chat is opened if there is none."""
        room = await self._rooms.get(address.tenant, address.room)
        if room is None or room.gone:
            if self.is_shared(address):
                raise Refused("room_gone", address.room)
            room = await self._open(address)
        return Place(room, address.thread)

    async def _open(self, address: Address) -> Room:
        """Raises Refused("no_chat") where nobody lets the bot in."""
        person = address.room.removeprefix(PERSON)
        near = await self._rooms.any(address.tenant)
        if near is None:
            raise Refused("no_chat", address.room)
        known = await self._accounts.get(address.tenant, person)
        chat = await self._client.create_personal(near, known.user_id if known is not None and known.user_id else person)
        room = Room(address.tenant, address.room, "personal", chat, near.service_url, near.bot_id, near.bot_name)
        await self._rooms.saw(room, self._clock())
        return room


def _delivered(room: Room, activity_id: str, thread: str | None, key: str) -> Delivered:
    """Where Teams tells no id the thread is named by the key."""
    return Delivered(f"{room.room}|{activity_id}", thread or activity_id or key)


def _split(message_id: str) -> tuple[str, str]:
    room, _, activity_id = message_id.rpartition("|")
    return room, activity_id
