"""Slack as a channel: replies become messages, views and pages, once each, however often they are delivered.

Every message carries its key as metadata, so that after an unknown outcome Slack itself tells what became of it. A reply of
several messages counts them in the first one's metadata: it is found when all are there, and completed when they are not.
"""

from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

import structlog
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from connectors.chat.pace import Pace
from connectors.chat.remembering import remember
from connectors.chat.wording import Wording
from connectors.errors import ConnectorError, Refused, Retry
from connectors.ports.chat import Address, Capabilities, Delivered, FileRef, Files, Heard, Operation, Profile, Reply, ReplyKind
from connectors.ports.people import ExternalId
from connectors.ports.records import new_id
from connectors.slack.buttons import belonging_to
from connectors.slack.clients import Clients
from connectors.slack.files import download
from connectors.slack.reading import NO_MESSAGE, Reading, parts_of
from connectors.slack.render import Part, Rendered, answer_markdown, answer_tail, render
from connectors.slack.sending import Place, Sending, content, metadata
from connectors.slack.store import BelongingStore, StreamStore
from connectors.slack.streams import Streams, paragraphs
from connectors.slack.translate import CHANNEL
from connectors.slack.views import form_view, home_view, prompts

log = structlog.get_logger()
SESSIONS: Mapping[str, str] = {
    "awaiting_approval": "suspended",
    "awaiting_step_up": "suspended",
    "with_staff": "suspended",
    "held": "suspended",
    "submitted": "processing",
    "running": "processing",
    "undoing": "processing",
}
"""What a request's state means for Slack's list of sessions; every other one is "active"."""
HOME = "home:"
VIEW = "view:"
GREETING = "greeting:"


class SlackChannel:
    """Implements `connectors.ports.chat.Channel`. `clock` is monotonic, in seconds."""

    name = CHANNEL
    capabilities = Capabilities(forms=True, home=True)

    def __init__(
        self,
        clients: Clients,
        files: Files,
        sessions: async_sessionmaker[AsyncSession],
        clock: Callable[[], float],
        wording: Wording,
    ) -> None:
        self._wording = wording
        self._clients = clients
        self._clock = clock
        self._reading = Reading(clients, clock)
        self._streams = Streams(clients, self._reading, StreamStore(sessions))
        self._sending = Sending(clients, self._reading, files, BelongingStore(sessions))
        self._posts = Pace(every=1.0, burst=3)
        self._edits = Pace(every=1.2, burst=3)
        self._rooms: OrderedDict[tuple[str, str], str] = OrderedDict()
        self._done: OrderedDict[str, tuple[str, Delivered]] = OrderedDict()
        """By key: the channel on Slack, and what was delivered there."""

    def direct(self, tenant: str, external_id: str) -> Address:
        return Address(self.name, tenant, external_id.upper())

    async def has_outsiders(self, address: Address) -> bool:
        return self.is_shared(address) and await self._reading.has_outsiders(address.tenant, address.room)

    async def hears(self, address: Address) -> bool:
        return True

    def is_shared(self, address: Address) -> bool:
        return address.room[:1] not in ("U", "W")

    async def deliver(self, operation: Operation, address: Address, reply: Reply, *, key: str, message_id: str | None) -> Delivered:
        if operation != "delete" and (shown := await self._show(address, reply)) is not None:
            return shown
        channel = await self._channel(address)
        if key in self._done and self._done[key][0] == channel:
            return self._done[key][1]
        if operation == "post":
            done = await self._post(address, channel, reply, key)
        else:
            done = await self._change(operation, address, channel, reply, key, message_id)
        remember(self._done, key, (channel, done))
        await self._session(address, channel, reply, done.thread)
        return done

    async def find(self, address: Address, *, key: str) -> Delivered | None:
        return await self._find(address, key)

    async def _find(self, address: Address, key: str, since: datetime | None = None) -> Delivered | None:
        channel = await self._channel(address)
        if key in self._done:
            return self._done[key][1] if self._done[key][0] == channel else None
        if await self._streams.begun(key):
            return None
        try:
            posted = await self._reading.posted(address.tenant, channel, address.thread, key, since)
        except Refused as refused:
            if refused.code not in NO_MESSAGE:
                raise
            return None
        if key not in posted or len(posted) < parts_of(posted[key]):
            return None
        return _delivered(channel, posted[key]["ts"], address.thread)

    async def begin(self, address: Address, said: str, *, key: str, since: datetime) -> Address:
        room = replace(address, thread=None)
        begun = await self._find(room, key, since)
        if begun is None:
            root = Reply(new_id(), ReplyKind.NOTICE, said)
            begun = await self.deliver("post", room, root, key=key, message_id=None)
        return replace(address, thread=begun.thread)

    async def stop(self, tenant: str, message_ids: Sequence[str]) -> None:
        """The person pressed Stop on these messages: nothing more is written to them."""
        for message_id in message_ids:
            channel, ts = _split(message_id)
            await self._streams.stop(tenant, channel, ts)

    async def profile(self, tenant: str, external_id: str) -> Profile | None:
        return await self._reading.profile(tenant, external_id.upper())

    async def lookup(self, email: str) -> ExternalId | None:
        return await self._reading.lookup(email)

    async def read(self, address: Address, message_id: str) -> Heard | None:
        channel, ts = _split(message_id)
        if channel != await self._channel(address):
            return None
        return await self._reading.heard(address.tenant, channel, address.thread, ts)

    async def history(self, address: Address, *, before: str, limit: int) -> Sequence[Heard]:
        if address.thread is None:
            return ()
        channel = await self._channel(address)
        return await self._reading.history(address.tenant, channel, address.thread, _split(before)[1], limit)

    async def download(self, tenant: str, file: FileRef) -> bytes:
        return await download(self._clients, tenant, file)

    async def _channel(self, address: Address) -> str:
        """Slack's own id of a room: a direct chat has one of its own."""
        if self.is_shared(address):
            return address.room
        place = (address.tenant, address.room)
        if place not in self._rooms:
            opened = await self._clients.call(address.tenant, "conversations.open", users=address.room)
            remember(self._rooms, place, str(opened["channel"]["id"]))
        return self._rooms[place]

    async def _show(self, address: Address, reply: Reply) -> Delivered | None:
        """What is no message: a page, a view, the prompts of an empty chat. Showing it again changes nothing."""
        tenant = address.tenant
        if reply.surface is not None:
            try:
                await self._clients.call(tenant, "views.update", view_id=reply.surface, view=form_view(reply, self._wording, address))
            except Refused as refused:
                if refused.code in ("not_found", "view_not_found", "expired_trigger_id"):
                    raise Refused("surface_gone", reply.surface) from refused
                raise
            return Delivered(VIEW + reply.surface)
        if reply.kind is ReplyKind.HOME:
            await self._clients.call(tenant, "views.publish", user_id=address.room, view=home_view(reply, self._wording))
            return Delivered(HOME + address.room)
        if reply.kind is ReplyKind.GREETING:
            channel, (title, shown) = await self._channel(address), prompts(reply)
            if shown:
                method = "assistant.threads.setSuggestedPrompts"
                await self._clients.call(tenant, method, channel_id=channel, title=title or None, prompts=shown)
            return Delivered(GREETING + channel)
        return None

    async def _post(self, address: Address, channel: str, reply: Reply, key: str) -> Delivered:
        parts = render(reply, self._wording)
        alone = reply.only_for if self.is_shared(address) else None
        if alone is not None and (len(parts) > 1 or reply.files):  # a whisper is one message, without files
            address, alone = self.direct(address.tenant, alone), None
            channel = await self._channel(address)
        room = (address.tenant, channel)
        if (wait := self._posts.wait(room, self._clock())) > 0:
            raise Retry("pace", channel, after=wait)
        self._posts.took(room, self._clock(), len(parts) + len(reply.files))
        if alone is not None and parts[0].rendered is not None:
            return await self._whisper(address, channel, alone, parts[0].rendered)
        if (streamed := await self._stream(address, channel, reply, parts, key)) is not None:
            return _delivered(channel, streamed, address.thread)
        first, unsent = await self._sending.say(Place(address.tenant, channel, address.thread), reply, parts, key)
        return replace(_delivered(channel, first, address.thread), unsent=unsent)

    async def _whisper(self, address: Address, channel: str, person: str, rendered: Rendered) -> Delivered:
        """Only this person sees it, and Slack keeps nothing of it: it can be neither found nor changed.

        In a thread that nobody has answered in Slack shows none, so it stands beside that.
        """
        shown, thread = content(rendered), address.thread
        if thread is not None and not await self._reading.is_active(address.tenant, channel, thread):
            shown, thread = {**shown, "blocks": belonging_to(shown["blocks"], thread)}, None
        asked = {"user": person, "thread_ts": thread, **shown}
        sent = await self._clients.call(address.tenant, "chat.postEphemeral", channel=channel, **asked)
        return _delivered(channel, str(sent["message_ts"]), address.thread)

    async def _stream(self, address: Address, channel: str, reply: Reply, parts: Sequence[Part], key: str) -> str | None:
        """An answer of more than a paragraph, in a direct chat. In rooms Slack wants to know for whom it is, and a reply does not say."""
        alone = len(parts) == 1 and not reply.files and reply.author is None and reply.progress is None
        if reply.kind is not ReplyKind.ANSWER or address.thread is None or self.is_shared(address) or not alone:
            return None
        chunks = paragraphs(answer_markdown(reply, self._wording))
        if len(chunks) < 2 or parts[0].rendered is None:
            return None
        whole = {**content(parts[0].rendered), "metadata": metadata(key, 1)}
        return await self._streams.say(address.tenant, channel, address.thread, chunks, answer_tail(reply, self._wording), whole, key=key)

    async def _change(
        self, operation: Operation, address: Address, channel: str, reply: Reply, key: str, message_id: str | None
    ) -> Delivered:
        where, ts = _split(message_id or "")
        if self.is_shared(address) and reply.only_for is not None:
            if where == channel:
                raise Refused("only_shown_once", message_id or "")
            address = self.direct(address.tenant, reply.only_for)  # too long to be whispered
            channel = await self._channel(address)
        if where != channel or not ts:
            raise Refused("no_message", message_id or "")
        place = Place(address.tenant, channel, address.thread)
        if operation == "delete":
            await self._sending.delete(place, ts)
            return _delivered(channel, ts, address.thread)
        message = (address.tenant, channel, ts)
        if (wait := self._edits.wait(message, self._clock())) > 0:
            raise Retry("pace", channel, after=wait)
        self._edits.took(message, self._clock())
        unsent = await self._sending.change(place, ts, reply, render(reply, self._wording), key)
        return replace(_delivered(channel, ts, address.thread), unsent=unsent)

    async def _session(self, address: Address, channel: str, reply: Reply, thread: str | None) -> None:
        """Tells Slack's own list of sessions how a request stands. An ornament: what was delivered stays delivered."""
        if reply.progress is None or reply.request is None or self.is_shared(address):
            return
        status = SESSIONS.get(reply.request.state, "active")
        try:
            await self._clients.call(address.tenant, "agents.sessions.setStatus", channel_id=channel, thread_ts=thread, status=status)
        except ConnectorError as error:
            log.info("slack_session_not_told", team=address.tenant, code=error.code)


def _delivered(channel: str, ts: str, thread: str | None) -> Delivered:
    return Delivered(f"{channel}:{ts}", thread or ts)


def _split(message_id: str) -> tuple[str, str]:
    channel, _, ts = message_id.partition(":")
    return channel, ts
