"""Server-sent events: the rows of somebody's rooms as they change.

A stream holds no messages of its own. It is woken, reads what changed after the last number it sent, and sends that; so nothing is
lost between a reload and its stream, and a second process that shows something is seen at the next look.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

from aiohttp import web

from connectors.web import store
from connectors.web.channel import WebChannel
from connectors.web.guard import protect
from connectors.web.session import SignedIn
from connectors.web.store import Shown

LOOK_SECONDS = 5.0
"""How long to wait for being woken before looking anyway; a comment is sent then, so that a dead connection is noticed."""


class Streams:
    def __init__(
        self,
        channel: WebChannel,
        person_of: Callable[[web.Request], Awaitable[SignedIn]],
        view: Callable[[Shown, SignedIn], dict[str, Any]],
    ) -> None:
        self._channel = channel
        self._person_of = person_of
        self._view = view
        self._closing = False

    async def close(self, app: web.Application) -> None:
        """Ends every stream; browsers come back by themselves with the last number they saw."""
        self._closing = True
        self._channel.wake()

    async def serve(self, request: web.Request, person: SignedIn) -> web.StreamResponse:
        after = request.headers.get("Last-Event-ID") or request.query.get("after", "")
        if not (after.isascii() and (after.isdigit() or not after) and len(after) <= 18):
            raise web.HTTPBadRequest(text="“after” must be a number.")
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream", "X-Accel-Buffering": "no"})
        protect(response)
        # Whoever is gone has closed the connection; there is nobody left to tell.
        with self._channel.watch() as woken, suppress(ConnectionResetError):
            cursor = int(after) if after else await self._newest()
            await response.prepare(request)
            await response.write(b"retry: 1500\n\n")
            while True:
                woken.clear()
                cursor = await self._send(response, person, cursor)
                if self._closing:
                    break
                try:
                    await asyncio.wait_for(woken.wait(), LOOK_SECONDS)
                except TimeoutError:
                    person = await self._person_of(request)
                    await response.write(b": still here\n\n")
            await response.write_eof()
        return response

    async def _newest(self) -> int:
        async with self._channel.sessions() as session:
            return await store.last_seq(session)

    async def _send(self, response: web.StreamResponse, person: SignedIn, cursor: int) -> int:
        while True:
            async with self._channel.sessions() as session:
                changed = await store.changes(session, person.rooms, cursor)
            for message in changed:
                data = json.dumps(self._view(message, person), ensure_ascii=False)
                await response.write(f"id: {message.seq}\nevent: message\ndata: {data}\n\n".encode())
                cursor = message.seq
            if not changed:
                return cursor
