"""The messages and file cards of one reply in Teams: posted where they are missing, changed and deleted as the one that they are.

What Teams does not tell stands in the tables: a row a message, written before it is sent, and the belongings of a reply's first one.
In a room that can be read, a message whose row does not know its id is looked for before it is sent again.
"""

import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Protocol

import structlog
from botbuilder.schema import Activity, Attachment

from connectors.errors import ConnectorError, OutcomeUnknown, Refused
from connectors.ports.chat import Address, Reply, ReplyKind
from connectors.ports.chat import Attachment as File
from connectors.teams.client import Client
from connectors.teams.entities import StreamInfo
from connectors.teams.envelope import CHANNEL, PERSON
from connectors.teams.files import consent_card
from connectors.teams.render import Part
from connectors.teams.store import Belonging, BelongingStore, Consent, ConsentStore, Post, PostStore, Room
from connectors.teams.streams import Message, Streams, beginnings

log = structlog.get_logger()
UNSURE = timedelta(minutes=15)
"""After this a message is said no more that may be there already, however often, and cannot be looked for."""
BEGINNING = 1_000
"""Characters of a message that are kept to know it again."""
IDS = uuid.UUID("6a1f5b0e-3c52-4d0b-9a55-0d7f4f5e2c11")
"""Of consents: the same file of the same reply is the same question."""


class Lookup(Protocol):
    async def posted(self, address: Address, text: str, since: datetime) -> str | None:
        """The id of the bot's newest message of this room or thread that begins so. Raises Refused where that cannot be read, Retry."""


@dataclass(frozen=True, slots=True)
class Place:
    """`thread` as in an Address; it is shown in channels only."""

    room: Room
    thread: str | None

    @property
    def root(self) -> str | None:
        return self.thread if self.room.kind == "channel" else None


@dataclass(frozen=True, slots=True)
class Sending:
    """`clock` is the present, UTC."""

    client: Client
    streams: Streams
    lookup: Lookup
    posts: PostStore
    belongings: BelongingStore
    consents: ConsentStore
    clock: Callable[[], datetime]

    def calls(self, place: Place, reply: Reply, parts: Sequence[Part]) -> int:
        """How many calls `say` makes of Teams."""
        if place.room.kind != "personal":
            return len(parts)
        return 2 * (len(parts) + len(reply.files)) + len(_chunks(reply, parts))

    async def say(self, place: Place, reply: Reply, parts: Sequence[Part], key: str) -> tuple[str, tuple[str, ...]]:
        """Posts what is not there yet. Returns the id of the first message, and the names of the files that Teams does not take: it takes
        none in rooms, and in a personal chat those that Foyer keeps. Errors as of `Channel.deliver`.
        """
        files = reply.files if place.room.kind == "personal" else ()
        alone = len(parts) == 1 and not files
        first = await self._post(place, Message.of(parts[0]), key, _chunks(reply, parts), whole=alone)
        more = replace(place, thread=place.thread or first or None)
        for n, part in enumerate(parts[1:], 2):
            await self._keep(place, first, Belonging(await self._post(more, Message.of(part), f"{key}#{n}"), "message", number=n))
        unsent = await self._attach(more, first, files, key)
        if not alone:
            await self.posts.change(key, whole=True)
        return first, unsent if files else tuple(file.name for file in reply.files)

    async def posted(self, place: Place, key: str) -> str | None:
        """The id of the first message of what is wholly there under this key."""
        row = await self.posts.get(key)
        if row is None or not row.whole:
            return None
        if row.activity_id is not None or place.room.kind == "personal":  # which cannot be read; its streams take care of that
            return row.activity_id
        return (await self._looked_up(place, row))[0]

    async def change(self, place: Place, activity_id: str, reply: Reply, parts: Sequence[Part], key: str) -> None:
        """Makes a reply look like this; files that it has no more are offered no more. Raises as `say`.

        Those that it did not have before are named only: what brings a file to a card is a message of its own, which offers it.
        """
        room = place.room
        kept = await self.belongings.of(room.tenant, room.room, activity_id)
        messages = [one for one in kept if one.kind == "message"]
        await self.client.update(room, activity_id, Message.of(parts[0]).made(None), thread=place.root)
        for old, part in zip(messages, parts[1:], strict=False):
            await self.client.update(room, old.activity_id, Message.of(part).made(None), thread=place.root)
        for old in messages[len(parts) - 1 :]:
            await self._delete(place, old.activity_id)
        more = replace(place, thread=place.thread or activity_id)
        for n, part in enumerate(parts[1 + len(messages) :], 2 + len(messages)):
            await self._keep(place, activity_id, Belonging(await self._post(more, Message.of(part), f"{key}#{n}"), "message", number=n))
        staying = {file.id for file in reply.files}
        for one in kept:
            if one.kind == "file" and one.source not in staying:
                await self._delete(place, one.activity_id)

    async def delete(self, place: Place, activity_id: str) -> None:
        """All of it, the message that it is known by last. What is gone already is as good as deleted."""
        for one in await self.belongings.of(place.room.tenant, place.room.room, activity_id):
            await self._delete(place, one.activity_id)
        await self._delete(place, activity_id)

    async def _post(self, place: Place, message: Message, name: str, chunks: Sequence[str] = (), *, whole: bool = True) -> str:
        """The id of this message, which is there once."""
        room, row = place.room, await self.posts.get(name)
        if row is not None and row.activity_id is not None:
            return row.activity_id
        fresh, known = row is None, room.kind == "personal"
        if row is None:
            text = message.beginning[:BEGINNING]
            row = Post(name, room.tenant, room.room, place.thread, self.clock(), text, whole=whole)
            await self.posts.begin(row)
        elif not known:
            there, known = await self._looked_up(place, row)
            if there is not None:
                return there
        try:
            if room.kind == "personal":
                sent = await self.streams.say(room, row, message, chunks)
            elif room.kind == "channel" and place.root is None:
                sent = await self.client.start_thread(room, message.made(None))
            else:
                sent = await self.client.send(room, message.made(None), thread=place.root)
        except OutcomeUnknown as unknown:
            if not known and self.clock() - row.began_at > UNSURE:
                raise Refused("unknown_outcome", unknown.detail) from unknown
            raise
        except ConnectorError as error:  # certainly not there: nothing to look for, and a stream that waits is kept
            if fresh and (isinstance(error, Refused) or room.kind != "personal"):
                await self.posts.drop(name)
            raise
        await self.posts.change(name, activity_id=sent)
        return sent

    async def _looked_up(self, place: Place, row: Post) -> tuple[str | None, bool]:
        """After an unknown outcome, or a crash: the message if it is there, and whether that can be told."""
        try:
            there = await self.lookup.posted(Address(CHANNEL, row.tenant, row.room, row.thread), row.text, row.began_at)
        except Refused as refused:
            log.info("teams_post_not_looked_up", room=row.room, code=refused.code)
            return None, False
        if there is None or await self.posts.is_known(row.tenant, row.room, there):
            return None, True
        await self.posts.change(row.key, activity_id=there)
        return there, True

    async def _attach(self, place: Place, message: str, files: Sequence[File], key: str) -> tuple[str, ...]:
        """Asks for each file whether it is wanted. Returns the names of those that cannot be offered."""
        unsent, room = [], place.room
        for n, file in enumerate(files, 1):
            name = f"{key}#file{n}"
            consent = Consent(str(uuid.uuid5(IDS, name)), room.tenant, room.room.removeprefix(PERSON), file.id, file.name)
            await self.consents.ask(consent, self.clock())
            try:
                asked = Message(file.name, _asking(consent, file))
                await self._keep(place, message, Belonging(await self._post(place, asked, name), "file", file.id, n))
            except Refused as refused:
                log.error("teams_file_not_offered", room=room.room, code=refused.code)
                unsent.append(file.name)
        return tuple(unsent)

    async def _keep(self, place: Place, message: str, one: Belonging) -> None:
        if message and one.activity_id:
            await self.belongings.add(place.room.tenant, place.room.room, message, one)

    async def _delete(self, place: Place, activity_id: str) -> None:
        try:
            await self.client.delete(place.room, activity_id, thread=place.root)
        except Refused as refused:
            if refused.code != "message_not_found":
                raise
        await self.belongings.drop(place.room.tenant, place.room.room, activity_id)


def _chunks(reply: Reply, parts: Sequence[Part]) -> Sequence[str]:
    """What is to be seen of an answer before its end."""
    return beginnings(parts[0].text) if reply.kind is ReplyKind.ANSWER and reply.author is None else ()


def _asking(consent: Consent, file: File) -> Callable[[StreamInfo | None], Activity]:
    card = Attachment(**consent_card(consent, file.size, file.name))
    return lambda stream: Activity(type="message", attachments=[card], entities=[stream] if stream is not None else None)
