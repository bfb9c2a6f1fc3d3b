"""The messages and files of one reply on Slack: posted where they are missing, and changed and deleted as the one that they are.

Slack knows messages and files; that several of them are one reply stands in the table of belongings. A file is remembered before
anybody sees it, so that none outlives its message.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import structlog

from connectors.errors import Refused
from connectors.ports.chat import Files, Reply
from connectors.slack.clients import Clients
from connectors.slack.reading import EVENT_TYPE, Reading
from connectors.slack.render import Part, Rendered
from connectors.slack.store import Belonging, BelongingKind, BelongingStore
from connectors.slack.streams import edited_text

log = structlog.get_logger()
FILE_GONE = frozenset({"file_not_found", "file_deleted"})
PLAIN: Mapping[str, Any] = {"unfurl_links": False, "unfurl_media": False, "link_names": False}


@dataclass(frozen=True, slots=True)
class Place:
    """`channel` is Slack's own id of the room."""

    tenant: str
    channel: str
    thread: str | None


@dataclass(frozen=True, slots=True)
class Sending:
    clients: Clients
    reading: Reading
    files: Files
    store: BelongingStore

    async def say(self, place: Place, reply: Reply, parts: Sequence[Part], key: str) -> tuple[str, tuple[str, ...]]:
        """Posts what is not there yet. Returns the ts of the first message, and the names of the files that Slack refuses.

        Errors as of `Channel.deliver`.
        """
        count = len(parts) + len(reply.files)
        there = await self.reading.posted(place.tenant, place.channel, place.thread, key) if count > 1 else {}
        messages = [part.rendered for part in parts if part.rendered is not None]
        thread, first = place.thread, ""
        for n, rendered in enumerate(messages, 1):
            name = key if n == 1 else f"{key}#{n}"
            if name in there:
                ts = str(there[name]["ts"])
            else:
                ts = await self._post(place, thread, rendered, reply, metadata(name, count if n == 1 else 1))
            if first:
                await self._keep(place, first, ts, "message")
            first, thread = first or ts, thread or ts
        if count == len(messages):
            return first, ()
        sent = await self.reading.files_after(place.tenant, place.channel, thread or first, first) if key in there else Counter[str]()
        attached: list[tuple[str, BelongingKind, str]] = [(file.name, "attached", file.id) for file in reply.files]
        return first, await self._attach(place, first, _written(parts) + attached, _contents(parts), sent)

    async def change(self, place: Place, ts: str, reply: Reply, parts: Sequence[Part], key: str) -> tuple[str, ...]:
        """Makes a reply look like this; files that it has no more are deleted. Returns and raises as `say`."""
        first, *others = [part.rendered for part in parts if part.rendered is not None]
        kept = await self.store.of(place.tenant, place.channel, ts)
        messages = [one.slack_id for one in kept if one.kind == "message"]
        await self._update(place, ts, first)
        for old, rendered in zip(messages, others, strict=False):
            await self._update(place, old, rendered)
        for old in messages[len(others) :]:
            await self._delete(place, old)
        if len(others) > len(messages):
            await self._go_on(place, ts, reply, others[len(messages) :], key)
        staying = {file.id for file in reply.files}
        for one in kept:
            if one.kind == "written" or (one.kind == "attached" and one.source not in staying):
                await self._delete_file(place, one)
        return await self._attach(place, ts, _written(parts), _contents(parts), Counter())

    async def delete(self, place: Place, ts: str) -> None:
        """All of it, the message that it is known by last. What is gone already is as good as deleted."""
        for one in await self.store.of(place.tenant, place.channel, ts):
            if one.kind == "message":
                await self._delete(place, one.slack_id)
            else:
                await self._delete_file(place, one)
        await self._delete(place, ts)

    async def _post(self, place: Place, thread: str | None, rendered: Rendered, reply: Reply, about: Mapping[str, Any]) -> str:
        author = {} if reply.author is None else {"username": reply.author.name, "icon_url": reply.author.picture}
        shown = {**content(rendered), **author, "metadata": about}
        sent = await self.clients.call(place.tenant, "chat.postMessage", channel=place.channel, thread_ts=thread, **PLAIN, **shown)
        return str(sent["ts"])

    async def _go_on(self, place: Place, ts: str, reply: Reply, more: Sequence[Rendered], key: str) -> None:
        """An edit made the reply longer than it was."""
        thread = place.thread or ts
        there = await self.reading.posted(place.tenant, place.channel, thread, key)
        for n, rendered in enumerate(more, 1):
            name = f"{key}#{n}"
            new = str(there[name]["ts"]) if name in there else await self._post(place, thread, rendered, reply, metadata(name, 1))
            await self._keep(place, ts, new, "message")

    async def _update(self, place: Place, ts: str, rendered: Rendered) -> None:
        shown = {**content(rendered), "text": edited_text(rendered.text)}
        await self.clients.call(place.tenant, "chat.update", channel=place.channel, ts=ts, **shown)

    async def _delete(self, place: Place, ts: str) -> None:
        try:
            await self.clients.call(place.tenant, "chat.delete", channel=place.channel, ts=ts)
        except Refused as refused:
            if refused.code != "message_not_found":
                raise
        await self.store.drop(place.tenant, place.channel, ts)

    async def _delete_file(self, place: Place, one: Belonging) -> None:
        try:
            await self.clients.call(place.tenant, "files.delete", file=one.slack_id)
        except Refused as refused:
            if refused.code not in FILE_GONE:
                log.error("slack_file_not_deleted", team=place.tenant, channel=place.channel, code=refused.code)
        await self.store.drop(place.tenant, place.channel, one.slack_id)

    async def _attach(
        self,
        place: Place,
        message: str,
        wanted: Sequence[tuple[str, BelongingKind, str]],
        contents: Mapping[str, bytes],
        sent: Counter[str],
    ) -> tuple[str, ...]:
        """Sends the files (name, kind, source) that were not `sent` before. Returns the names of those that cannot be."""
        unsent = []
        for name, kind, source in wanted:
            if sent[name] > 0:
                sent[name] -= 1
                continue
            try:
                data = contents[source] if kind == "written" else await self.files.read(source)
                file = await self.clients.upload(place.tenant, name, data)
                await self._keep(place, message, file, kind, source)
                await self.clients.share(place.tenant, file, channel=place.channel, thread=place.thread or message)
            except Refused as refused:
                log.error("slack_file_not_sent", team=place.tenant, channel=place.channel, code=refused.code)
                unsent.append(name)
        return tuple(unsent)

    async def _keep(self, place: Place, message: str, slack_id: str, kind: BelongingKind, source: str = "") -> None:
        await self.store.add(place.tenant, place.channel, message, Belonging(slack_id, kind, source))


def content(rendered: Rendered) -> dict[str, Any]:
    return {"text": rendered.text, "blocks": list(rendered.blocks)}


def metadata(key: str, count: int) -> dict[str, Any]:
    """`count` is of how many messages and files the reply consists that this message begins."""
    payload: dict[str, Any] = {"key": key} if count == 1 else {"key": key, "parts": count}
    return {"event_type": EVENT_TYPE, "event_payload": payload}


def _written(parts: Sequence[Part]) -> list[tuple[str, BelongingKind, str]]:
    """What did not fit into messages; its name is its source."""
    return [(part.file.name, "written", part.file.name) for part in parts if part.file is not None]


def _contents(parts: Sequence[Part]) -> dict[str, bytes]:
    return {part.file.name: part.file.content.encode() for part in parts if part.file is not None}
