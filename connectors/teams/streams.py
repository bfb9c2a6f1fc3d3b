"""A message in a personal chat, there once however often its delivery breaks.

Teams tells a bot nothing of what it said. But a stream has an id before anything is shown, and is completed once: so every message
of a personal chat is a stream, an answer's with its paragraphs as they come. After an unknown outcome the end is sent again under the
same id, and either takes effect or is refused because it did before.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from weakref import WeakValueDictionary

import structlog
from botbuilder.schema import Activity

from connectors.chat.pace import Pace
from connectors.errors import ConnectorError, OutcomeUnknown, Refused, Retry
from connectors.teams.client import Client
from connectors.teams.entities import AiMessage, StreamInfo, activity_of, ai_message
from connectors.teams.render import Part
from connectors.teams.store import Post, PostStore, Room

log = structlog.get_logger()
INTERVAL = 1.2
"""Seconds between the calls of a stream; Teams takes one a second."""
CHUNKS = 4
"""That an answer comes in before its end."""
WITHOUT = 120.0
"""Seconds that a chat is believed to take no streams. One that was begun and lost is in the way as long as that."""
LASTING = frozenset({"no_chat", "room_gone", "bad_credentials", "service_url"})
"""Refusals that have nothing to do with how it is said."""

Sleep = Callable[[float], Awaitable[object]]


@dataclass(frozen=True, slots=True)
class Message:
    """What one activity shows. `made` makes it anew each time, since sending writes to it; with a StreamInfo it ends a stream."""

    beginning: str
    """To know it again."""
    made: Callable[[StreamInfo | None], Activity]

    @staticmethod
    def of(part: Part) -> "Message":
        return Message(part.text or part.summary, lambda stream: activity_of(part, stream=stream))


class Streams:
    """`clock` is monotonic, in seconds. `loading`: what the chat shows while a message is on its way."""

    def __init__(self, client: Client, posts: PostStore, clock: Callable[[], float], loading: str, *, sleep: Sleep = asyncio.sleep) -> None:
        self._client = client
        self._posts = posts
        self._clock = clock
        self._loading = loading
        self._sleep = sleep
        self._locks: WeakValueDictionary[tuple[str, str], asyncio.Lock] = WeakValueDictionary()
        self._without = Pace(WITHOUT, 1)

    async def say(self, room: Room, row: Post, message: Message, chunks: Sequence[str]) -> str:
        """Shows this, unless it is there. `chunks`: what is to be seen of it before its end, each more than the one before.

        Returns its id, "" where Teams tells none. Errors as of `Channel.deliver`.
        """
        place = (room.tenant, room.room)
        lock = self._locks.setdefault(place, asyncio.Lock())
        async with lock:  # Teams takes one stream at a time in a chat
            stream, shown = row.stream_id, ""
            if stream is None:
                stream = await self._start(room)
                if stream is None:
                    return await self._client.send(room, message.made(None))
                await self._posts.change(row.key, stream_id=stream)
                shown, stopped = await self._show(room, stream, chunks)
                if stopped:
                    await self._label(room, stream, shown)
                    return stream
            return await self._end(room, stream, message, shown, grows=bool(chunks))

    async def _start(self, room: Room) -> str | None:
        """None where there are no streams. A lost start leaves nothing but a passing sign, so it is none."""
        place = (room.tenant, room.room)
        if self._without.wait(place, self._clock()) > 0:
            return None
        try:
            begun = await self._client.send(room, _typing(self._loading, StreamInfo("informative", stream_sequence=1)))
        except OutcomeUnknown as unknown:
            raise Retry(unknown.code, unknown.detail, after=unknown.after) from unknown
        except Refused as refused:
            if refused.code in LASTING:
                raise
            log.info("teams_stream_not_begun", room=room.room, code=refused.code)
            self._without.took(place, self._clock())
            return None
        return begun or None

    async def _show(self, room: Room, stream: str, chunks: Sequence[str]) -> tuple[str, bool]:
        """What it showed, and whether the person wants to see no more of it. A chunk that is lost is part of the next one."""
        shown = ""
        for n, chunk in enumerate(chunks, 2):
            await self._sleep(INTERVAL)
            try:
                await self._client.send(room, _typing(chunk, StreamInfo("streaming", stream_id=stream, stream_sequence=n)))
                shown = chunk
            except Refused as refused:
                log.info("teams_stream_broke", room=room.room, code=refused.code)
                return shown, refused.code == "stream_cancelled"
            except Retry as lost:
                log.info("teams_stream_chunk_lost", room=room.room, code=lost.code)
        return shown, False

    async def _end(self, room: Room, stream: str, message: Message, shown: str, *, grows: bool) -> str:
        """`shown`: what certainly stands there, under the stream's id; more may, of what `grows`, when an earlier process began it."""
        await self._sleep(INTERVAL)
        try:
            await self._client.send(room, message.made(StreamInfo("final", stream_id=stream)))
            return stream
        except Refused as refused:
            if refused.code == "stream_completed":
                return stream
            if refused.code == "stream_cancelled" and grows:
                await self._label(room, stream, shown)
                return stream
            if refused.code in LASTING:
                raise
            log.info("teams_stream_not_ended", room=room.room, code=refused.code)
            over = refused.code == "stream_finished"
        if grows or over:
            try:
                await self._client.update(room, stream, message.made(None))
                return stream
            except Refused as refused:
                if refused.code in LASTING:
                    raise
                log.info("teams_stream_not_edited", room=room.room, code=refused.code)
        return await self._client.send(room, message.made(None))

    async def _label(self, room: Room, stream: str, said: str) -> None:
        """Somebody stopped an answer: what they saw of it stays, and it is said all the same that a computer wrote it.

        Where nobody knows what they saw it stays as it is.
        """
        stays = Activity(type="message", text=said, text_format="markdown", entities=[AiMessage(ai_message(()))])
        try:
            if said:
                await self._client.update(room, stream, stays)
        except ConnectorError as error:
            log.warning("teams_stopped_answer_not_labelled", room=room.room, code=error.code)


def _typing(text: str, info: StreamInfo) -> Activity:
    return Activity(type="typing", text=text, entities=[info])


def beginnings(markdown: str) -> tuple[str, ...]:
    """How an answer of several paragraphs looks while it comes; each begins with the one before. A fenced block comes as one."""
    ends: list[int] = []
    fenced, at = False, 0
    for line in markdown.splitlines(keepends=True):
        if not line.strip() and not fenced and at:
            ends.append(at)
        fenced ^= line.lstrip().startswith("```")
        at += len(line)
    found = list(dict.fromkeys(markdown[:end].rstrip() for end in ends))
    found = [text for text in found if text and text != markdown.rstrip()]
    step = -(-len(found) // CHUNKS) or 1
    return tuple(found[step - 1 :: step]) if len(found) > CHUNKS else tuple(found)
