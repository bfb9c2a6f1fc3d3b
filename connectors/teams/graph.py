"""The way to Microsoft Graph: the messages of rooms that consented to their being read.

A room consents with the app's installation (resource-specific permissions), or does not; that is asked by trying. Nothing is repeated
and nobody sleeps in here.
"""

import json
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable
from urllib.parse import quote

import aiohttp
from yarl import URL

from connectors.errors import Refused, Retry
from connectors.teams.client import retry_after
from connectors.teams.envelope import Payload
from connectors.teams.settings import TeamsSettings
from connectors.teams.store import Room
from connectors.teams.tokens import GRAPH_SCOPE, TokenSource

TIMEOUT = 5.0
"""Seconds for one call."""
LARGEST = 4 * 1024 * 1024
"""Bytes of an answer: a page of messages with cards is far smaller."""
PAGE = 50
"""Messages; Graph gives no more at once."""
PAGES = 10
"""Further nothing is read: whatever is looked for is young."""
WITHOUT_CONSENT = 600.0
"""Seconds until a room that did not consent is asked again."""
REMEMBERED = 1_000
"""Rooms without consent."""


class Graph:
    """All calls raise Retry, and Refused: `no_consent` where the app may not read, `gone` where there is no such room or thread.

    Personal chats are not read: resource-specific consent knows no such. `clock` is monotonic, in seconds.
    """

    def __init__(
        self, settings: TeamsSettings, tokens: TokenSource | None, clock: Callable[[], float], *, timeout: float = TIMEOUT
    ) -> None:
        self._base = settings.graph_url.rstrip("/") + "/v1.0"
        self._tokens = None if settings.local else tokens
        self._clock = clock
        self._timeout = aiohttp.ClientTimeout(total=timeout)
        self._session: aiohttp.ClientSession | None = None
        self._closed_until: OrderedDict[tuple[str, str], float] = OrderedDict()

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()

    async def message(self, room: Room, thread: str | None, message_id: str) -> Payload | None:
        """A message as Graph describes it; None when there is none. `thread` as in an Address."""
        above = _where(room)
        below = (thread, "replies", message_id) if room.kind == "channel" and thread not in (None, message_id) else (message_id,)
        try:
            return await self._get(room, self._url(*above, *below))
        except Refused as refused:
            if refused.code != "gone":
                raise
            return None

    async def messages(self, room: Room, thread: str | None) -> AsyncIterator[Payload]:
        """The newest first: of a channel's thread, with what began it last; without a thread a channel's roots, or a chat."""
        replies = thread if room.kind == "channel" else None
        path = _where(room) if replies is None else (*_where(room), replies, "replies")
        order = "&%24orderby=createdDateTime%20desc" if room.kind == "group" else ""
        url = f"{self._url(*path)}?%24top={PAGE}{order}"
        for _ in range(PAGES):
            page = await self._get(room, url)
            for message in page.get("value") or ():
                yield message
            if (further := self._next(page.get("@odata.nextLink"))) is None:
                break
            url = further
        else:
            return
        if replies is not None and (root := await self.message(room, None, replies)) is not None:
            yield root

    async def _get(self, room: Room, url: str) -> Payload:
        key = (room.tenant, room.room)
        if self._tokens is None or self._clock() < self._closed_until.get(key, 0.0):
            raise Refused("no_consent", room.room)
        try:
            try:
                return await self._ask(url, await self._tokens.token(GRAPH_SCOPE))
            except Refused as refused:
                if refused.code != "bad_credentials":
                    raise
            self._tokens.forget(GRAPH_SCOPE)
            return await self._ask(url, await self._tokens.token(GRAPH_SCOPE))
        except Refused as refused:
            if refused.code in ("gone", "unreadable"):
                raise
            self._closed_until[key] = self._clock() + WITHOUT_CONSENT
            self._closed_until.move_to_end(key)
            if len(self._closed_until) > REMEMBERED:
                self._closed_until.popitem(last=False)
            raise Refused("no_consent", refused.detail or refused.code) from refused

    async def _ask(self, url: str, token: str) -> Payload:
        if self._session is None or self._session.closed:
            self._session = aiohttp.ClientSession(timeout=self._timeout, cookie_jar=aiohttp.DummyCookieJar())
        bearer = {"Authorization": f"Bearer {token}"}
        try:
            async with self._session.get(URL(url, encoded=True), headers=bearer, allow_redirects=False) as answer:
                return await _read(answer)
        except (aiohttp.ClientError, TimeoutError) as error:
            raise Retry("no_answer", type(error).__name__) from error

    def _url(self, *path: str) -> str:
        if any(part in ("", ".", "..") for part in path):
            raise Refused("gone", "no such path")
        return "/".join((self._base, *(quote(part, safe="") for part in path)))

    def _next(self, link: object) -> str | None:
        """Only where the first page was: the token goes with it."""
        if not isinstance(link, str) or not link:
            return None
        try:
            ours = URL(link, encoded=True).origin() == URL(self._base).origin()
        except ValueError:
            return None
        return link if ours else None


def _where(room: Room) -> tuple[str, ...]:
    """The path of a room's messages."""
    if room.kind == "group":
        return "chats", room.conversation_id, "messages"
    if room.kind == "channel" and room.group_id:
        return "teams", room.group_id, "channels", room.conversation_id, "messages"
    raise Refused("no_consent", room.room)


async def _read(answer: aiohttp.ClientResponse) -> Payload:
    detail = f"Graph status {answer.status}"
    if answer.status == 429 or answer.status >= 500:
        raise Retry("busy" if answer.status == 429 else "server_error", detail, after=retry_after(answer.headers))
    if answer.status == 401:
        raise Refused("bad_credentials", detail)
    if answer.status == 403:
        raise Refused("no_consent", detail)
    if answer.status in (404, 410):
        raise Refused("gone", detail)
    if answer.status != 200:
        raise Refused("unreadable", detail)
    body = bytearray()
    async for chunk in answer.content.iter_chunked(64 * 1024):
        body += chunk
        if len(body) > LARGEST:
            raise Refused("unreadable", "too large")
    try:
        read = json.loads(body)
    except ValueError as error:
        raise Retry("no_answer", "unreadable") from error
    if not isinstance(read, dict):
        raise Refused("unreadable", detail)
    return read
