"""The way to Teams' Bot Connector: what the bot sends, changes and asks, and what came of it in Foyer's own errors.

The library's own transport runs `requests` in threads that nobody can stop: a message whose delivery was given up would go out
later all the same. So its pipeline ends in aiohttp here. Nothing is repeated and nobody sleeps; the outbox waits instead, and asks
first what became of a message.
"""

import json
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

import aiohttp
from botbuilder.schema import Activity, ChannelAccount, ConversationAccount, ConversationParameters
from botframework.connector.aio import ConnectorClient
from botframework.connector.bot_framework_sdk_client_async import BotFrameworkConnectorConfiguration
from msrest.pipeline import AsyncPipeline, Response
from msrest.pipeline.async_abc import AsyncHTTPPolicy, AsyncHTTPSender
from msrest.pipeline.universal import RawDeserializer
from msrest.universal_http import HTTPClientResponse
from yarl import URL

from connectors.chat.loopback import is_loopback
from connectors.errors import ConnectorError, OutcomeUnknown, Refused, Retry
from connectors.teams.envelope import Payload
from connectors.teams.store import Room, RoomKind
from connectors.teams.tokens import BOT_SCOPE, TokenSource

TIMEOUT = 10.0
"""Seconds for one call."""
CONNECT = 5.0
SERVICES = 50
"""Service URLs whose client is kept."""
MEMBERS = 500
"""On one page."""
PAGES = 60
"""Of members: a team has no more than 25,000."""
BUSY = frozenset({412, 429})
"""Teams did nothing, and may later."""
TYPES: Mapping[RoomKind, str] = {"personal": "personal", "group": "groupChat", "channel": "channel"}
STREAMS: Sequence[tuple[str, str]] = (
    ("already completed", "stream_completed"),
    ("exceeded streaming time", "stream_finished"),
    ("cancel", "stream_cancelled"),
    ("size too large", "stream_too_large"),
    ("previously streamed", "stream_mismatch"),
)
"""What the message of a 403 ContentStreamNotAllowed says, and what it is called here; anything else is `stream_not_allowed`."""
CODES: Mapping[str, str] = {
    "activitynotfoundinconversation": "message_not_found",
    "conversationnotfound": "room_gone",
    "membernotfoundinconversation": "no_member",
    "contentstreamnotfound": "stream_gone",
    "messagesizetoobig": "too_large",
}
"""Teams' own codes that mean the same everywhere. Every other 403 than a stream's says that the bot may not speak there."""
STRANGE = frozenset({"badargument", "badsyntax"})
"""How Teams says of somebody whom it cannot open a chat with that it does not know them."""


class Client:
    """All calls raise Retry (nothing came of it), OutcomeUnknown (a post that perhaps was made) and Refused.

    Without `tokens` (the local mode) it speaks to this machine only. With them to nothing unencrypted, this machine excepted.
    """

    def __init__(self, tokens: TokenSource | None, *, timeout: float = TIMEOUT) -> None:
        self._tokens = tokens
        self._timeout = timeout
        self._session: aiohttp.ClientSession | None = None
        self._services: OrderedDict[str, ConnectorClient] = OrderedDict()

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()

    async def send(self, room: Room, activity: Activity, *, thread: str | None = None) -> str:
        """The id of what was sent, "" where Teams tells none. `thread`: the root's id, in a channel only."""
        where = _conversation(room, thread)
        sent = await self._of(room).send_to_conversation(where, _addressed(room, activity, where), raw=True)
        return _id(sent.response)

    async def update(self, room: Room, activity_id: str, activity: Activity, *, thread: str | None = None) -> None:
        where = _conversation(room, thread)
        activity.id = activity_id
        await self._of(room).update_activity(where, activity_id, _addressed(room, activity, where), raw=True)

    async def delete(self, room: Room, activity_id: str, *, thread: str | None = None) -> None:
        """Refused("message_not_found") when it is gone already."""
        await self._of(room).delete_activity(_conversation(room, thread), activity_id, raw=True)

    async def create_personal(self, near: Room, user_id: str) -> str:
        """The id of the bot's chat with this person (Teams' own id, or the Entra object id), opened if there was none.

        `near`: any room of the same tenant. Refused("no_chat") where the app is not installed for them.
        """
        asked = ConversationParameters(
            is_group=False,
            bot=ChannelAccount(id=near.bot_id, name=near.bot_name or None),
            members=[ChannelAccount(id=user_id)],
            tenant_id=near.tenant,
            channel_data={"tenant": {"id": near.tenant}},
        )
        try:
            opened = await self._of(near).create_conversation(asked, raw=True)
        except OutcomeUnknown as unknown:  # asked again it is the same chat
            raise Retry(unknown.code, unknown.detail, after=unknown.after) from unknown
        except Refused as refused:
            if refused.code.lower() in STRANGE:
                raise Refused("no_chat", refused.detail) from refused
            raise
        if not (chat := _id(opened.response)):
            raise Refused("no_chat", near.room)
        return chat

    async def start_thread(self, room: Room, activity: Activity) -> str:
        """Begins a thread in a channel with this message; its id, which is the thread's. "" where Teams tells none."""
        asked = ConversationParameters(
            is_group=True,
            bot=ChannelAccount(id=room.bot_id, name=room.bot_name or None),
            tenant_id=room.tenant,
            channel_data={"channel": {"id": room.conversation_id}, "tenant": {"id": room.tenant}},
            activity=_addressed(room, activity, room.conversation_id),
        )
        begun = await self._of(room).create_conversation(asked, raw=True)
        return str(begun.response.get("activityId") or "") or _id(begun.response).partition(";messageid=")[2]

    async def member(self, room: Room, user_id: str) -> Payload:
        """Somebody in a room, by Teams' own id or the Entra object id. Refused("no_member") when they are not in it."""
        asked = await self._of(room).get_conversation_member(room.conversation_id, user_id, raw=True)
        found: Payload = asked.response
        return found

    async def members(self, room: Room) -> Sequence[Payload]:
        """Refused("too_many") when there is no end to them."""
        found: list[Payload] = []
        token: str | None = None
        for _ in range(PAGES):
            asked = await self._of(room).get_conversation_paged_members(room.conversation_id, MEMBERS, token, raw=True)
            found += asked.response.get("members") or ()
            token = asked.response.get("continuationToken") or None
            if token is None:
                return found
        raise Refused("too_many", room.room)

    async def team(self, room: Room) -> Payload:
        """The team of a channel (`aadGroupId`, `name`); `room` knows its `team_id`. Refused("room_gone") where the app is not installed."""
        return await self._team(room, "/v3/teams/{teamId}")

    async def channels(self, room: Room) -> Sequence[Payload]:
        """The channels of this one's team: `id`, and a `name` that the one called General has not. Raises as `team`."""
        return (await self._team(room, "/v3/teams/{teamId}/conversations")).get("conversations") or ()

    async def _team(self, room: Room, path: str) -> Payload:
        # The library knows these two calls in its blocking client only.
        library = self._of(room)._client
        asked = library.get(library.format_url(path, teamId=quote(room.team_id or room.conversation_id, safe="")), {}, {})
        return _read((await library.async_send(asked, stream=False)).body()) or {}

    def _of(self, room: Room) -> Any:
        return self.connector(room.service_url).conversations

    def connector(self, url: str) -> ConnectorClient:
        """The library's own client of the service at `url`, with our transport. Raises Refused("service_url")."""
        if not usable(url, signed=self._tokens is not None):
            raise Refused("service_url")
        if url not in self._services:
            self._services[url] = ConnectorClient(None, custom_configuration=self._configuration(url))
        self._services.move_to_end(url)
        if len(self._services) > SERVICES:
            self._services.popitem(last=False)
        return self._services[url]

    def _configuration(self, url: str) -> BotFrameworkConnectorConfiguration:
        sender = _Sender(self)

        def pipeline(config: BotFrameworkConnectorConfiguration) -> AsyncPipeline:
            signing = () if self._tokens is None else (_Signing(self._tokens),)
            return AsyncPipeline([config.user_agent_policy, *signing, RawDeserializer()], sender)

        # The library asks for credentials of its own kind; the pipeline signs.
        return BotFrameworkConnectorConfiguration(object(), url, pipeline_type=pipeline)

    def session(self) -> aiohttp.ClientSession:
        if self._session is None or self._session.closed:
            limits = aiohttp.ClientTimeout(total=self._timeout, connect=min(CONNECT, self._timeout))
            self._session = aiohttp.ClientSession(timeout=limits, cookie_jar=aiohttp.DummyCookieJar())
        return self._session


class _Signing(AsyncHTTPPolicy):  # type: ignore[misc]
    """Puts a token on each request; one that is not taken is renewed once."""

    def __init__(self, tokens: TokenSource) -> None:
        super().__init__()
        self._tokens = tokens

    async def send(self, request: Any, **config: Any) -> Response:
        request.http_request.headers["Authorization"] = f"Bearer {await self._tokens.token(BOT_SCOPE)}"
        try:
            return await self.next.send(request, **config)
        except Refused as refused:
            if refused.code != "bad_credentials":
                raise
        self._tokens.forget(BOT_SCOPE)
        request.http_request.headers["Authorization"] = f"Bearer {await self._tokens.token(BOT_SCOPE)}"
        return await self.next.send(request, **config)


class _Answer(HTTPClientResponse):  # type: ignore[misc]
    """What the library reads of an answer that says that all went well. With `raw` it hands out the JSON as it came."""

    def __init__(self, request: Any, body: bytes) -> None:
        said = _read(body)
        super().__init__(request, said or {})
        self.status_code = 200
        self.headers = {"content-type": "application/json"}
        self._body = body if said is not None else b""

    def body(self) -> bytes:
        return self._body


class _Sender(AsyncHTTPSender):  # type: ignore[misc]
    """The end of the library's pipeline. Whatever went wrong leaves it as one of Foyer's errors."""

    def __init__(self, client: Client) -> None:
        self._client = client

    async def __aexit__(self, *details: object) -> None:
        """The session is the client's."""

    async def send(self, request: Any, **config: Any) -> Response:
        asked = request.http_request
        unknown = OutcomeUnknown if asked.method == "POST" else Retry
        url = URL(asked.url, encoded=True)
        sending = self._client.session().request(
            asked.method, url, headers=dict(asked.headers), data=asked.data or None, allow_redirects=False
        )
        try:
            async with sending as answer:
                body = await answer.read()
        except aiohttp.InvalidURL as error:
            raise Refused("service_url", type(error).__name__) from error
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
            raise Retry("unreachable", type(error).__name__) from error
        except (aiohttp.ClientError, TimeoutError) as error:
            raise unknown("no_answer", type(error).__name__) from error
        if not 200 <= answer.status < 300:
            raise refusal(answer.status, answer.headers, body, method=asked.method, path=url.path)
        return Response(request, _Answer(asked, body))


def refusal(status: int, headers: Mapping[str, str], body: bytes, *, method: str, path: str) -> ConnectorError:
    """What an answer other than 2xx means. Of a POST alone it matters whether Teams may have done it before it failed."""
    error = (_read(body) or {}).get("error")
    said: Payload = error if isinstance(error, Mapping) else {}
    code, message = str(said.get("code") or ""), str(said.get("message") or "")
    detail, after = f"{method} status {status} {code}".strip(), retry_after(headers)
    if status in BUSY:
        return Retry("busy", detail, after=after, here=True)  # Teams counts by conversation
    if "streaming api is not enabled" in message.lower():  # the playground says so with 500
        return Refused("stream_not_allowed", detail)
    if status == 501:
        return Refused("not_supported", detail)
    if status == 408 or status >= 500:
        return (OutcomeUnknown if method == "POST" else Retry)("server_error", detail, after=after)
    if status == 401:
        return Refused("bad_credentials", detail)
    if code.lower() == "contentstreamnotallowed":
        meant = (name for words, name in STREAMS if words in message.lower())
        return Refused(next(meant, "stream_not_allowed"), detail)
    if code.lower() in CODES:
        return Refused(CODES[code.lower()], detail)
    if status == 413:
        return Refused("too_large", detail)
    if status == 403:
        return Refused("no_chat", detail)
    if status == 404:
        return Refused(_missing(path), detail)
    return Refused(code or "bad_request", detail)


def _missing(path: str) -> str:
    """What a 404 without a word of why is about: the last thing that the path names."""
    kinds = [part for part in path.split("/") if part in ("conversations", "activities", "members")]
    named = not path.rstrip("/").endswith(("/activities", "/members", "/pagedmembers"))
    if named and kinds[-1:] == ["activities"]:
        return "message_not_found"
    return "no_member" if named and kinds[-1:] == ["members"] else "room_gone"


def _read(body: bytes) -> dict[str, Any] | None:
    """A JSON object; None for anything else."""
    try:
        read = json.loads(body)
    except ValueError:
        return None
    return read if isinstance(read, dict) else None


def _id(answer: Payload) -> str:
    return str(answer.get("id") or "")


def _addressed(room: Room, activity: Activity, where: str) -> Activity:
    """As the library does it for an answer: Microsoft's playground streams nothing that does not say that the chat is personal."""
    kind, group = TYPES[room.kind], None if room.kind == "personal" else True
    activity.from_property = ChannelAccount(id=room.bot_id, name=room.bot_name or None)
    activity.conversation = ConversationAccount(id=where, conversation_type=kind, is_group=group, tenant_id=room.tenant)
    return activity


def _conversation(room: Room, thread: str | None) -> str:
    return f"{room.conversation_id};messageid={thread}" if thread is not None and room.kind == "channel" else room.conversation_id


def usable(url: str, *, signed: bool) -> bool:
    """Whether this is a service URL that can be spoken to. `signed`: with tokens."""
    try:
        at = URL(url, encoded=True)
        host = at.host or ""
    except ValueError:
        return False
    if "{" in url or not all(host.split(".")):
        return False
    return (at.scheme == "http" and is_loopback(host)) or (signed and at.scheme == "https")


def retry_after(headers: Mapping[str, str]) -> float | None:
    """In seconds; None where Microsoft does not say."""
    said = next((value for name, value in headers.items() if name.lower() == "retry-after"), "")
    try:
        return max(0.0, float(said))
    except ValueError:
        return None
