"""An answer that appears paragraph by paragraph, and is never there twice or by halves.

Slack takes the key only when a stream ends, so a row says what was begun. Whatever breaks, the message is completed by an
edit: now, or when the same answer is delivered again.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import structlog

from connectors.errors import ConnectorError, OutcomeUnknown, Refused, Retry
from connectors.slack.clients import Clients
from connectors.slack.reading import Reading, is_mine, key_of
from connectors.slack.store import StreamRow, StreamStore

log = structlog.get_logger()
CHUNK = 11_000
"""Characters in one call; Slack takes 12,000."""
EDITED_TEXT = 4_000
"""Bytes."""
UNSUPPORTED = frozenset(
    {"unknown_method", "not_allowed", "not_allowed_token_type", "missing_scope", "feature_not_enabled", "team_not_allowed"}
)
"""This workspace has no streams, whatever is streamed."""

Json = Mapping[str, Any]


class Streams:
    def __init__(self, clients: Clients, reading: Reading, store: StreamStore) -> None:
        self._clients = clients
        self._reading = reading
        self._store = store
        self._without: set[str] = set()
        """Workspaces that cannot stream."""

    async def say(
        self, tenant: str, channel: str, thread: str, chunks: Sequence[str], tail: Sequence[Json], whole: Json, *, key: str
    ) -> str | None:
        """Streams `chunks`, with the blocks of `tail` below; `whole` is the same as one message (text, blocks, metadata).

        Returns the message's ts, None when nothing was streamed and it is to be posted. Errors as of `Channel.deliver`.
        """
        row = await self._store.get(key)
        if row is not None:
            return await self._again(row, chunks, whole, key)
        if tenant in self._without:
            return None
        await self._store.begin(key, tenant, channel, thread)
        ts = await self._start(tenant, channel, thread, chunks[0], key)
        if ts is None:
            await self._store.drop(key)
            return None
        await self._store.begun(key, ts)
        said, alive = 1, True
        try:
            for chunk in chunks[1:]:
                if await self._stopped(key):
                    break
                await self._clients.call(tenant, "chat.appendStream", channel=channel, ts=ts, markdown_text=chunk)
                said += 1
            else:
                end = {"blocks": tail or None, "metadata": whole["metadata"]}
                await self._clients.call(tenant, "chat.stopStream", channel=channel, ts=ts, **end)
                await self._store.drop(key)
                return ts
        except ConnectorError as broken:
            log.warning("slack_stream_broke", team=tenant, code=broken.code)
            alive = broken.code != "message_not_in_streaming_state"
        cut = await self._stopped(key)
        await self._complete(tenant, channel, ts, _as_far_as(chunks[:said], whole) if cut else whole, alive=alive)
        await self._store.drop(key)
        return ts

    async def begun(self, key: str) -> bool:
        """Whether an answer was begun under this key, and not brought to its end."""
        return await self._store.get(key) is not None

    async def stop(self, tenant: str, channel: str, ts: str) -> None:
        """The person wants to hear no more of this message."""
        await self._store.stop(tenant, channel, ts)

    async def _start(self, tenant: str, channel: str, thread: str, text: str, key: str) -> str | None:
        try:
            begun = await self._clients.call(tenant, "chat.startStream", channel=channel, thread_ts=thread, markdown_text=text)
        except OutcomeUnknown:
            raise
        except Retry as busy:  # streams are scarcer than messages: this one is posted
            log.info("slack_stream_not_begun", team=tenant, code=busy.code)
            return None
        except Refused as refused:
            if refused.code in UNSUPPORTED:
                self._without.add(tenant)
            log.info("slack_stream_not_begun", team=tenant, code=refused.code)
            return None
        return str(begun["ts"])

    async def _again(self, row: StreamRow, chunks: Sequence[str], whole: Json, key: str) -> str | None:
        """What was begun before is completed; what perhaps was begun is looked for first."""
        ts = row.ts or await self._orphan(row, chunks)
        if ts is not None and not row.stopped:
            await self._store.begun(key, ts)
            await self._complete(row.team, row.channel, ts, whole)
        await self._store.drop(key)
        return ts

    async def _orphan(self, row: StreamRow, chunks: Sequence[str]) -> str | None:
        """The bot's newest message in the thread that has no key and begins as ours does."""
        me, ours, newest = await self._clients.me(row.team), _letters("".join(chunks)), None
        async for message in self._reading.messages(row.team, row.channel, row.thread):
            text = _letters(str(message.get("text") or ""))
            if is_mine(message, me) and not key_of(message, me) and text and ours.startswith(text):
                newest = str(message["ts"])
        return newest

    async def _stopped(self, key: str) -> bool:
        row = await self._store.get(key)
        return row is not None and row.stopped

    async def _complete(self, tenant: str, channel: str, ts: str, message: Json, *, alive: bool = True) -> None:
        """A message cannot be edited while it streams, so the stream is ended first if it may still be one."""
        if alive:
            try:
                await self._clients.call(tenant, "chat.stopStream", channel=channel, ts=ts)
            except ConnectorError as ended:
                log.info("slack_stream_ended_before", team=tenant, code=ended.code)
        shown = {**message, "text": edited_text(str(message["text"]))}
        await self._clients.call(tenant, "chat.update", channel=channel, ts=ts, **shown)


def edited_text(text: str) -> str:
    """The text of an edit, which may have fewer bytes than that of a new message, its escapes counted."""
    size = 0
    for n, character in enumerate(text):
        size += {"&": 5, "<": 4, ">": 4}.get(character) or len(character.encode())
        if size > EDITED_TEXT - 3:
            return text[:n] + "…"
    return text


def _as_far_as(said: Sequence[str], whole: Json) -> Json:
    text = "".join(said)
    return {"text": text, "blocks": [{"type": "markdown", "text": text}], "metadata": whole["metadata"]}


def _letters(text: str) -> str:
    """What is left when Slack has written a text its own way."""
    return "".join(character for character in text.lower() if character.isalnum())


def paragraphs(markdown: str) -> tuple[str, ...]:
    """An answer in the pieces that it appears in; together they are the whole. A fenced block stays in one piece."""
    pieces: list[str] = []
    fenced = False
    for line in markdown.splitlines(keepends=True):
        ended = bool(pieces) and pieces[-1].endswith("\n\n") and not fenced
        if not pieces or ended or len(pieces[-1]) + len(line) > CHUNK:
            pieces.append("")
        for start in range(0, len(line), CHUNK):
            if start:
                pieces.append("")
            pieces[-1] += line[start : start + CHUNK]
        if line.lstrip().startswith("```"):
            fenced = not fenced
    return tuple(pieces)
