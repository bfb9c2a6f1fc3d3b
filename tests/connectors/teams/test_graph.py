"""The way to Graph: no further than it was asked to go, and no more often than it may."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from aiohttp import web

from connectors.errors import Refused, Retry
from connectors.teams import graph
from connectors.teams.graph import LARGEST, WITHOUT_CONSENT, Graph
from connectors.teams.settings import TeamsSettings
from connectors.teams.store import Room
from connectors.teams.tokens import GRAPH_SCOPE
from tests.connectors.teams.asking import Seconds

TENANT = "aaaaaaaa-0000-0000-0000-000000000001"
GROUP = Room(TENANT, "19:launch/1@thread.v2", "group", "19:launch/1@thread.v2", "https://smba.example/", "28:app")
OTHER = Room(TENANT, "19:other@thread.v2", "group", "19:other@thread.v2", "https://smba.example/", "28:app")
CHANNEL = Room(TENANT, "19:c@thread.tacv2", "channel", "19:c@thread.tacv2", "https://smba.example/", "28:app", group_id="the-group")

Answer = Callable[[web.Request], web.StreamResponse]


class Login:
    """Gives out tokens, each another one."""

    def __init__(self) -> None:
        self.given = 0
        self.forgotten: list[str] = []

    async def token(self, scope: str) -> str:
        self.given += 1
        return f"{scope} {self.given}"

    def forget(self, scope: str) -> None:
        self.forgotten.append(scope)


@dataclass
class OnGraph:
    """A Graph that answers what it is told to, in turn, the last for ever."""

    graph: Graph
    seconds: Seconds
    login: Login
    base: str
    answers: list[Answer] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    tokens: list[str] = field(default_factory=list)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(request.raw_path)
        self.tokens.append(request.headers.get("Authorization", "").removeprefix("Bearer "))
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return answer(request)

    async def every(self, room: Room, thread: str | None = None) -> list[str]:
        return [str(message["id"]) async for message in self.graph.messages(room, thread)]


@asynccontextmanager
async def on_graph(**settings: Any) -> AsyncIterator[OnGraph]:
    app = web.Application()
    runner = web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=0.1)
    seconds, login = Seconds(), Login()
    made: list[OnGraph] = []

    async def handle(request: web.Request) -> web.StreamResponse:
        return await made[0].handle(request)

    app.router.add_route("*", "/{path:.*}", handle)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    base = f"http://127.0.0.1:{runner.addresses[0][1]}"
    asking = Graph(TeamsSettings(app_id="app", graph_url=base, **settings), login, seconds)
    made.append(OnGraph(asking, seconds, login, base))
    try:
        yield made[0]
    finally:
        await asking.close()
        await runner.cleanup()


@pytest.fixture
async def there() -> AsyncIterator[OnGraph]:
    async with on_graph() as made:
        yield made


def page(*ids: str, following: str | None = None) -> Answer:
    told: dict[str, Any] = {"value": [{"id": id} for id in ids]}
    if following is not None:
        told["@odata.nextLink"] = following
    return lambda _: web.json_response(told)


def failing(status: int, **headers: str) -> Answer:
    return lambda _: web.json_response({"error": {"code": "x"}}, status=status, headers=headers)


async def code_of(there: OnGraph, room: Room = GROUP) -> str:
    with pytest.raises(Refused) as refused:
        await there.every(room)
    return refused.value.code


async def test_a_chat_is_asked_for_the_newest_first(there: OnGraph) -> None:
    there.answers = [page("3", "2")]
    assert await there.every(GROUP) == ["3", "2"]
    assert there.asked == ["/v1.0/chats/19%3Alaunch%2F1%40thread.v2/messages?%24top=50&%24orderby=createdDateTime%20desc"]
    assert there.tokens == [f"{GRAPH_SCOPE} 1"]


async def test_a_thread_ends_with_what_began_it(there: OnGraph) -> None:
    there.answers = [page("3", "2"), lambda _: web.json_response({"id": "1"})]
    assert await there.every(CHANNEL, "1") == ["3", "2", "1"]
    path = "/v1.0/teams/the-group/channels/19%3Ac%40thread.tacv2/messages"
    assert there.asked == [f"{path}/1/replies?%24top=50", f"{path}/1"]


async def test_a_reply_is_asked_for_below_its_root(there: OnGraph) -> None:
    there.answers = [lambda _: web.json_response({"id": "2"})]
    path = "/v1.0/teams/the-group/channels/19%3Ac%40thread.tacv2/messages"
    for thread, message, asked in (("1", "2", f"{path}/1/replies/2"), ("2", "2", f"{path}/2"), (None, "2", f"{path}/2")):
        assert await there.graph.message(CHANNEL, thread, message) == {"id": "2"}
        assert there.asked[-1] == asked


async def test_further_pages_are_read_where_the_first_was(there: OnGraph) -> None:
    there.answers = [page("3", following=f"{there.base}/v1.0/next?%24skiptoken=a%2Bb"), page("2")]
    assert await there.every(GROUP) == ["3", "2"]
    assert there.asked[1] == "/v1.0/next?%24skiptoken=a%2Bb"


@pytest.mark.parametrize(
    "link", ["http://127.0.0.1:1/v1.0/next", "https://evil.example/", "//evil.example/x", "/v1.0/next", "x:", "http://["]
)
async def test_nothing_is_followed_elsewhere(there: OnGraph, link: str) -> None:
    there.answers = [page("3", following=link)]
    assert await there.every(GROUP) == ["3"]
    assert len(there.asked) == 1


async def test_the_pages_have_an_end(there: OnGraph) -> None:
    there.answers = [page("3", following=f"{there.base}/v1.0/next")]
    assert len(await there.every(GROUP)) == graph.PAGES


async def test_the_token_follows_no_redirect(there: OnGraph) -> None:
    there.answers = [lambda _: web.Response(status=302, headers={"Location": f"{there.base}/elsewhere"})]
    assert await code_of(there) == "unreadable"
    assert len(there.asked) == 1


async def test_a_room_that_did_not_consent_is_asked_again_after_a_while(there: OnGraph) -> None:
    there.answers = [failing(403)]
    assert [await code_of(there), await code_of(there)] == ["no_consent", "no_consent"]
    assert len(there.asked) == 1
    assert await code_of(there, OTHER) == "no_consent"
    assert len(there.asked) == 2, "another room may have consented"
    there.seconds.forward(WITHOUT_CONSENT)
    there.answers = [page("3")]
    assert await there.every(GROUP) == ["3"]


async def test_a_token_that_is_not_taken_is_renewed_once(there: OnGraph) -> None:
    there.answers = [failing(401), page("3")]
    assert await there.every(GROUP) == ["3"]
    assert there.login.forgotten == [GRAPH_SCOPE]
    assert there.tokens[0] != there.tokens[1]
    there.answers = [failing(401)]
    assert await code_of(there) == "no_consent"
    assert len(there.asked) == 4


async def test_what_is_gone_is_no_lack_of_consent(there: OnGraph) -> None:
    there.answers = [failing(404)]
    assert await code_of(there) == "gone"
    assert await there.graph.message(GROUP, None, "1") is None
    assert len(there.asked) == 2


async def test_graph_says_when_to_ask_again(there: OnGraph) -> None:
    there.answers = [failing(429, **{"Retry-After": "17"})]
    with pytest.raises(Retry) as retry:
        await there.every(GROUP)
    assert (retry.value.code, retry.value.after) == ("busy", 17.0)


@pytest.mark.parametrize("answer", [failing(503), failing(500, **{"Retry-After": "soon"}), lambda _: web.Response(text="<html>")])
async def test_a_graph_that_stumbles_is_asked_again(there: OnGraph, answer: Answer) -> None:
    there.answers = [answer]
    with pytest.raises(Retry):
        await there.every(GROUP)
    there.answers = [page("3")]
    assert await there.every(GROUP) == ["3"]


async def test_nobody_there_is_a_retry() -> None:
    async with on_graph() as made:
        base = made.base
    asking = Graph(TeamsSettings(app_id="app", graph_url=base), Login(), Seconds())
    with pytest.raises(Retry):
        await asking.message(GROUP, None, "1")
    await asking.close()


async def test_a_graph_that_does_not_answer_is_not_waited_for() -> None:
    hanging = asyncio.Event()

    async def hang(request: web.Request) -> web.Response:
        await hanging.wait()
        return web.Response()

    app = web.Application()
    app.router.add_get("/{path:.*}", hang)
    runner = web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    settings = TeamsSettings(app_id="app", graph_url=f"http://127.0.0.1:{runner.addresses[0][1]}")
    asking = Graph(settings, Login(), Seconds(), timeout=0.05)
    try:
        with pytest.raises(Retry):
            await asking.message(GROUP, None, "1")
    finally:
        await asking.close()
        await runner.cleanup()


async def test_an_answer_without_end_is_not_kept(there: OnGraph) -> None:
    there.answers = [page("3" * LARGEST)]
    assert await code_of(there) == "unreadable"


@pytest.mark.parametrize("message", ["", ".", ".."])
async def test_no_id_leads_out_of_the_room(there: OnGraph, message: str) -> None:
    there.answers = [page("3")]
    assert await there.graph.message(GROUP, None, message) is None
    assert there.asked == []


@pytest.mark.parametrize(
    "room",
    [
        Room(TENANT, "user:dana", "personal", "a:1", "https://smba.example/", "28:app"),
        Room(TENANT, "19:c@thread.tacv2", "channel", "19:c@thread.tacv2", "https://smba.example/", "28:app"),
    ],
)
async def test_what_graph_has_no_path_for_is_not_asked(there: OnGraph, room: Room) -> None:
    assert await code_of(there, room) == "no_consent"
    assert there.asked == []


async def test_the_local_mode_has_no_graph() -> None:
    async with on_graph(local=True) as made:
        made.answers = [page("3")]
        assert await code_of(made) == "no_consent"
        assert made.asked == []


async def test_an_app_without_a_token_for_graph_reads_nothing(there: OnGraph) -> None:
    class Without(Login):
        async def token(self, scope: str) -> str:
            raise Refused("bad_credentials", "AADSTS7000215")

    asking = Graph(TeamsSettings(app_id="app", graph_url=there.base), Without(), there.seconds)
    with pytest.raises(Refused) as refused:
        await asking.message(GROUP, None, "1")
    assert refused.value.code == "no_consent"
    await asking.close()
