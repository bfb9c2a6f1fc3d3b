"""Calls of the Bot Connector: what is sent, how long is waited, and what comes of each answer."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from aiohttp import web
from botbuilder.schema import Activity, Attachment

from connectors.errors import ConnectorError, OutcomeUnknown, Refused, Retry
from connectors.teams.client import PAGES, Client, refusal
from connectors.teams.store import Room

ROOM = Room("t1", "19:abc@thread.tacv2", "channel", "19:abc@thread.tacv2", "", "28:bot", "Foyer")
STREAM = "ContentStreamNotAllowed"


@dataclass
class Given:
    """Implements TokenSource: a new token each time one was not taken."""

    number: int = 1
    scopes: list[str] = field(default_factory=list)

    async def token(self, scope: str) -> str:
        self.scopes.append(scope)
        return f"token-{self.number}"

    def forget(self, scope: str) -> None:
        self.number += 1


@dataclass
class Server:
    """Answers everything as it is told; `None` for never."""

    url: str = ""
    answers: list[Callable[[], web.StreamResponse] | None] = field(default_factory=list)
    asked: list[tuple[str, str, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    connections: set[int] = field(default_factory=set)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        body = await request.text()
        self.asked.append((request.method, request.raw_path, json.loads(body) if body else None))
        self.headers.append(dict(request.headers))
        self.connections.add(id(request.transport))
        answer = self.answers.pop(0) if self.answers else (lambda: web.json_response({"id": "1"}))
        if answer is None:
            await asyncio.Event().wait()
            raise AssertionError
        return answer()

    @property
    def room(self) -> Room:
        return replace(ROOM, service_url=self.url)

    def says(self, status: int, code: str = "", message: str = "", **headers: str) -> None:
        body = {"error": {"code": code, "message": message}}
        self.answers.append(lambda: web.json_response(body, status=status, headers=headers))


@asynccontextmanager
async def serving() -> AsyncIterator[Server]:
    server, app = Server(), web.Application()
    app.router.add_route("*", "/{path:.*}", server.handle)
    runner = web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    server.url = f"http://127.0.0.1:{runner.addresses[0][1]}/connector/"
    try:
        yield server
    finally:
        await runner.cleanup()


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    async with serving() as made:
        yield made


@pytest.fixture
async def client() -> AsyncIterator[Client]:
    made = Client(None)
    yield made
    await made.close()


def said(text: str = "hi") -> Activity:
    return Activity(type="message", text=text)


async def test_a_message_goes_to_its_conversation_as_it_is(server: Server, client: Client) -> None:
    content = {"type": "AdaptiveCard", "body": [{"type": "TextBlock", "text": "ü", "null": None}], "$schema": "x"}
    activity = Activity(type="message", text="hi", attachments=[Attachment(content_type="card", content=content)])
    assert await client.send(server.room, activity, thread="17") == "1"
    method, path, body = server.asked[0]
    assert (method, path) == ("POST", "/connector/v3/conversations/19%3Aabc%40thread.tacv2%3Bmessageid%3D17/activities")
    assert body["attachments"][0]["content"] == content
    assert body["from"] == {"id": "28:bot", "name": "Foyer"}
    assert body["conversation"]["conversationType"] == "channel"
    assert "Authorization" not in server.headers[0]


async def test_only_channels_have_threads(server: Server, client: Client) -> None:
    await client.send(replace(server.room, kind="group"), said(), thread="17")
    assert "messageid" not in server.asked[0][1]


async def test_an_answer_without_an_id_is_no_error(server: Server, client: Client) -> None:
    server.answers += [lambda: web.Response(status=202), lambda: web.Response(status=201, text="ok"), lambda: web.json_response(["x"])]
    assert [await client.send(server.room, said()) for _ in range(3)] == ["", "", ""]


async def test_connections_are_kept(server: Server, client: Client) -> None:
    for _ in range(3):
        await client.send(server.room, said())
    assert len(server.connections) == 1


async def test_a_token_goes_along_and_is_renewed_once(server: Server) -> None:
    tokens = Given()
    client = Client(tokens)
    server.says(401)
    assert await client.send(server.room, said()) == "1"
    assert [headers["Authorization"] for headers in server.headers] == ["Bearer token-1", "Bearer token-2"]
    assert set(tokens.scopes) == {"https://api.botframework.com/.default"}
    server.says(401)
    server.says(401)
    with pytest.raises(Refused, match="bad_credentials"):
        await client.send(server.room, said())
    assert len(server.asked) == 4
    await client.close()


@pytest.mark.parametrize(
    "url",
    [
        "http://evil.example/",
        "https://smba.trafficmanager.net/teams/",
        "",
        "ftp://127.0.0.1/",
        "http://[",
        "//x",
        "http://localhost:99999/",
    ],
)
async def test_without_a_token_it_speaks_to_this_machine_only(client: Client, url: str) -> None:
    with pytest.raises(Refused, match="service_url"):
        await client.send(replace(ROOM, service_url=url), said())


UNUSABLE = ("file:///etc", "ftp://smba.example/", "https://smba.example:99999/", "https://:443/", "https://.example/")


@pytest.mark.parametrize("url", ["http://smba.trafficmanager.net/teams/", "http://evil.example/", "", *UNUSABLE])
async def test_a_token_is_not_sent_in_the_clear(url: str) -> None:
    tokens = Given()
    with pytest.raises(Refused, match="service_url"):
        await Client(tokens).send(replace(ROOM, service_url=url), said())
    assert tokens.scopes == []


async def test_a_post_is_never_repeated_by_itself(server: Server, client: Client) -> None:
    for status in (500, 502, 503, 504, 408):
        server.says(status)
        with pytest.raises(OutcomeUnknown):
            await client.send(server.room, said())
    assert len(server.asked) == 5


async def test_what_does_not_answer_is_given_up(server: Server) -> None:
    client = Client(None, timeout=0.05)
    server.answers += [None, None]
    with pytest.raises(OutcomeUnknown, match="no_answer"):
        await client.send(server.room, said())
    with pytest.raises(Retry) as retry:
        await client.update(server.room, "1", said())
    assert not isinstance(retry.value, OutcomeUnknown)
    assert len(server.asked) == 2
    await client.close()


async def test_a_delivery_that_is_given_up_goes_out_no_more(server: Server, client: Client) -> None:
    """The library's own transport would go on in its thread."""
    server.answers.append(None)
    sending = asyncio.create_task(client.send(server.room, said()))
    while not server.asked:
        await asyncio.sleep(0)
    sending.cancel()
    with pytest.raises(asyncio.CancelledError):
        await sending
    assert await client.send(server.room, said()) == "1"
    assert len(server.asked) == 2


async def test_an_unreachable_service_had_no_effect(client: Client) -> None:
    async with serving() as gone:
        room = gone.room
    with pytest.raises(Retry, match="unreachable") as retry:
        await client.send(room, said())
    assert not isinstance(retry.value, OutcomeUnknown)


async def test_a_redirect_is_not_followed(server: Server, client: Client) -> None:
    server.answers.append(lambda: web.Response(status=307, headers={"Location": server.url}))
    with pytest.raises(Refused):
        await client.send(server.room, said())
    assert len(server.asked) == 1


@pytest.mark.parametrize(
    ("status", "code", "message", "error", "name"),
    [
        (429, "Throttled", "", Retry, "busy"),
        (412, "PreconditionFailed", "", Retry, "busy"),
        (413, "MessageSizeTooBig", "", Refused, "too_large"),
        (413, "", "", Refused, "too_large"),
        (400, "MessageSizeTooBig", "", Refused, "too_large"),
        (400, "BadSyntax", "", Refused, "BadSyntax"),
        (400, "BadArgument", "streaming api is not enabled", Refused, "stream_not_allowed"),
        (500, "", "BadArgument: Streaming API is not enabled for non personal scope", Refused, "stream_not_allowed"),
        (403, STREAM, "Content stream finished due to exceeded streaming time.", Refused, "stream_finished"),
        (403, STREAM, "Content stream was canceled by user", Refused, "stream_cancelled"),
        (403, STREAM, "Content stream was cancelled by user.", Refused, "stream_cancelled"),
        (403, STREAM, "Content stream is not allowed on an already completed streamed message", Refused, "stream_completed"),
        (403, STREAM, "Message size too large", Refused, "stream_too_large"),
        (403, STREAM, "Request streamed content should contain the previously streamed content", Refused, "stream_mismatch"),
        (403, STREAM, "Content stream is not allowed", Refused, "stream_not_allowed"),
        (403, "BotNotInConversationRoster", "", Refused, "no_chat"),
        (403, "MessageWritesBlocked", "", Refused, "no_chat"),
        (403, "Forbidden", "", Refused, "no_chat"),
        (403, "", "", Refused, "no_chat"),
        (404, "ConversationNotFound", "", Refused, "room_gone"),
        (404, "ActivityNotFoundInConversation", "", Refused, "message_not_found"),
        (404, "ContentStreamNotFound", "", Refused, "stream_gone"),
        (404, "", "", Refused, "room_gone"),
        (500, "ServiceError", "", OutcomeUnknown, "server_error"),
        (501, "", "", Refused, "not_supported"),
    ],
)  # fmt: skip
async def test_an_answer_to_a_post_means(
    server: Server, client: Client, status: int, code: str, message: str, error: type[ConnectorError], name: str
) -> None:
    server.says(status, code, message)
    with pytest.raises(ConnectorError) as raised:
        await client.send(server.room, said())
    assert (type(raised.value), raised.value.code) == (error, name)


@pytest.mark.parametrize("method", ["PUT", "DELETE", "GET"])
@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_what_may_be_repeated_has_no_unknown_outcome(method: str, status: int) -> None:
    assert type(refusal(status, {}, b"<html>", method=method, path="/v3/conversations/a/activities/1")) is Retry


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("/v3/conversations/a/activities/1", "message_not_found"),
        ("/v3/conversations/a/activities", "room_gone"),
        ("/v3/conversations/a/members/1", "no_member"),
        ("/v3/conversations/a/members", "room_gone"),
        ("/v3/conversations/a/pagedmembers", "room_gone"),
        ("/v3/conversations", "room_gone"),
    ],
)
def test_a_bare_404_is_about_what_was_named_last(path: str, code: str) -> None:
    assert refusal(404, {}, b"", method="GET", path=path).code == code


@pytest.mark.parametrize(("said", "after"), [("17", 17.0), ("0.5", 0.5), ("Fri, 20 Nov 2026 09:00:00 GMT", None), ("-3", 0.0)])
async def test_it_is_waited_as_long_as_teams_says(server: Server, client: Client, said: str, after: float | None) -> None:
    server.says(429, **{"Retry-After": said})
    with pytest.raises(Retry) as retry:
        await client.send(server.room, Activity(type="message", text="hi"))
    assert retry.value.after == after


async def test_a_gateways_page_is_understood(server: Server, client: Client) -> None:
    """The library breaks on an error that is not JSON, and its status is lost."""
    server.answers.append(lambda: web.Response(status=502, text="<html>Bad gateway</html>", content_type="text/html"))
    with pytest.raises(OutcomeUnknown):
        await client.send(server.room, said())


async def test_deleting_takes_any_good_answer(server: Server, client: Client) -> None:
    """The library takes 204 for an error."""
    server.answers.append(lambda: web.Response(status=204))
    await client.delete(server.room, "1")
    assert server.asked[0][:2] == ("DELETE", "/connector/v3/conversations/19%3Aabc%40thread.tacv2/activities/1")


async def test_a_personal_chat_is_opened_in_its_tenant(server: Server, client: Client) -> None:
    server.answers.append(lambda: web.json_response({"id": "a:1"}, status=201))
    assert await client.create_personal(server.room, "29:dana") == "a:1"
    _, path, body = server.asked[0]
    assert path == "/connector/v3/conversations"
    assert body["members"] == [{"id": "29:dana"}]
    assert body["channelData"] == {"tenant": {"id": "t1"}}
    assert body["isGroup"] is False


async def test_opening_a_chat_twice_is_harmless(server: Server, client: Client) -> None:
    server.says(500)
    with pytest.raises(Retry) as retry:
        await client.create_personal(server.room, "29:dana")
    assert not isinstance(retry.value, OutcomeUnknown)


@pytest.mark.parametrize("told", [{"id": "19:abc@thread.tacv2;messageid=17"}, {"id": "x", "activityId": "17"}])
async def test_a_thread_is_begun_by_its_first_message(server: Server, client: Client, told: dict[str, str]) -> None:
    server.answers.append(lambda: web.json_response(told, status=201))
    assert await client.start_thread(server.room, said("first")) == "17"
    body = server.asked[0][2]
    assert body["channelData"]["channel"] == {"id": "19:abc@thread.tacv2"}
    assert body["activity"]["text"] == "first"


async def test_members_come_page_by_page_with_all_that_is_told(server: Server, client: Client) -> None:
    first = {"members": [{"id": "29:1", "userRole": "guest"}], "continuationToken": "a/b"}
    server.answers += [lambda: web.json_response(first), lambda: web.json_response({"members": [{"id": "29:2", "email": "x"}]})]
    assert await client.members(server.room) == [{"id": "29:1", "userRole": "guest"}, {"id": "29:2", "email": "x"}]
    assert "continuationToken=a%2Fb" in server.asked[1][1]


async def test_members_without_an_end_are_refused(server: Server, client: Client) -> None:
    server.answers += [lambda: web.json_response({"members": [{"id": "29:1"}], "continuationToken": "again"})] * 1_000
    with pytest.raises(Refused, match="too_many"):
        await client.members(server.room)
    assert len(server.asked) == PAGES


async def test_a_team_and_its_channels_are_told(server: Server, client: Client) -> None:
    channels = [{"id": "19:abc@thread.tacv2"}, {"id": "19:def@thread.tacv2", "name": "Support"}]
    server.answers += [lambda: web.json_response({"aadGroupId": "g1"}), lambda: web.json_response({"conversations": channels})]
    room = replace(server.room, team_id="19:team@thread.tacv2")
    assert await client.team(room) == {"aadGroupId": "g1"}
    assert await client.channels(room) == channels
    at = "/connector/v3/teams/19%3Ateam%40thread.tacv2"
    assert [path for _, path, _ in server.asked] == [at, f"{at}/conversations"]
    server.says(404)
    with pytest.raises(Refused, match="room_gone"):
        await client.team(room)


async def test_a_member_is_told_whole(server: Server, client: Client) -> None:
    told = {"id": "29:1", "tenantId": "t1", "userRole": "user", "email": "dana@acme.example"}
    server.answers.append(lambda: web.json_response(told))
    assert await client.member(server.room, "29:1") == told
