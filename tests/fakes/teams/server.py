"""The fake Teams as a server: the Bot Connector, the login with its keys, Graph, and where files lie."""

import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web

from tests.fakes.teams.faults import Fault
from tests.fakes.teams.graph import Graph
from tests.fakes.teams.pressing import Pressing
from tests.fakes.teams.state import BotError, Json

BOT_SCOPE = "https://api.botframework.com/.default"
GRAPH_SCOPE = "https://graph.microsoft.com/.default"
_RANGE = re.compile(r"bytes (\d+)-(\d+)/(\d+)")

Work = Callable[[Json], Any]


class FakeTeams(Pressing):
    """One Teams for one test. `refusals` must be empty at its end, unless the test wanted them."""

    def __init__(self) -> None:
        super().__init__()
        self.graph = Graph(self)

    @classmethod
    @asynccontextmanager
    async def serve(
        cls, port: int = 0, *, more: Callable[["FakeTeams", web.Application], None] | None = None
    ) -> AsyncIterator["FakeTeams"]:
        """On 127.0.0.1; port 0 takes a free one. `more` adds routes of its own."""
        fake = cls()
        app = web.Application(client_max_size=64 * 1024 * 1024)
        fake.add_routes(app)
        if more is not None:
            more(fake, app)
        runner = web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", port).start()
        fake.base = f"http://127.0.0.1:{runner.addresses[0][1]}"
        fake.login.stand_at(fake.base)
        try:
            yield fake
        finally:
            await fake.close()
            await runner.cleanup()

    @property
    def graph_url(self) -> str:
        """What FOYER_TEAMS_GRAPH_URL is set to."""
        return f"{self.base}/graph"

    @property
    def login_url(self) -> str:
        """What FOYER_TEAMS_LOGIN_URL is set to."""
        return self.base

    @property
    def openid_url(self) -> str:
        """What FOYER_TEAMS_OPENID_URL is set to."""
        return self.login.openid.url

    def add_routes(self, app: web.Application) -> None:
        self.login.add_routes(app)
        add = app.router.add_route
        at = "/connector/v3/conversations"
        add("POST", at, self._create)
        add("POST", at + "/{id}/activities", self._send)
        add("POST", at + "/{id}/activities/{activity}", self._send)
        add("PUT", at + "/{id}/activities/{activity}", self._update)
        add("DELETE", at + "/{id}/activities/{activity}", self._delete)
        add("GET", at + "/{id}/members", self._members)
        add("GET", at + "/{id}/pagedmembers", self._paged)
        add("GET", at + "/{id}/members/{member}", self._member)
        add("GET", "/connector/v3/teams/{team}", self._team)
        add("GET", "/connector/v3/teams/{team}/conversations", self._channels)
        add("GET", "/connector/v3/attachments/{file}/views/original", self._picture)
        teams = "/graph/v1.0/teams/{group}/channels/{channel}/messages"
        for path in (teams, teams + "/{root}/replies", "/graph/v1.0/chats/{chat}/messages"):
            add("GET", path, self._graph_page)
            add("GET", path + "/{message}", self._graph_message)
        add("GET", "/storage/download/{file}", self._download)
        add("PUT", "/storage/upload/{key}/{name}", self._upload)

    async def _create(self, request: web.Request) -> web.StreamResponse:
        return await self._answer(request, "create", "", self.create)

    async def _send(self, request: web.Request) -> web.StreamResponse:
        id, reply_to = request.match_info["id"], request.match_info.get("activity")
        body = await self._body(request)
        return await self._answer(request, self.kind_of(body), id, lambda body: self.send(id, body, reply_to=reply_to))

    async def _update(self, request: web.Request) -> web.StreamResponse:
        id, activity = request.match_info["id"], request.match_info["activity"]
        return await self._answer(request, "update", id, lambda body: (200, self.update(id, activity, body)))

    async def _delete(self, request: web.Request) -> web.StreamResponse:
        id, activity = request.match_info["id"], request.match_info["activity"]
        return await self._answer(request, "delete", id, lambda _: self.remove(id, activity))

    async def _members(self, request: web.Request) -> web.StreamResponse:
        id = request.match_info["id"]
        return await self._answer(request, "members", id, lambda _: (200, self.members(id)))

    async def _paged(self, request: web.Request) -> web.StreamResponse:
        id, query = request.match_info["id"], request.query
        size, token = int(query.get("pageSize") or 0), query.get("continuationToken", "")
        return await self._answer(request, "members", id, lambda _: (200, self.paged_members(id, size, token)))

    async def _member(self, request: web.Request) -> web.StreamResponse:
        id, member = request.match_info["id"], request.match_info["member"]
        return await self._answer(request, "member", id, lambda _: (200, self.member(id, member)))

    async def _team(self, request: web.Request) -> web.StreamResponse:
        id = request.match_info["team"]
        return await self._answer(request, "team", id, lambda _: (200, self.team(id)))

    async def _channels(self, request: web.Request) -> web.StreamResponse:
        id = request.match_info["team"]
        return await self._answer(request, "team", id, lambda _: (200, self.channels(id)))

    async def _graph_page(self, request: web.Request) -> web.StreamResponse:
        found, query = request.match_info, request.query
        top, skip = int(query.get("$top") or 20), int(query.get("$skiptoken") or 0)

        def work(_: Json) -> tuple[int, Json]:
            room = self.graph.chat(found["chat"]) if "chat" in found else self.graph.channel(found["group"], found["channel"])
            return 200, self.graph.page(room, request.path, found.get("root"), top, skip)

        return await self._answer(request, "graph", request.path, work, scope=GRAPH_SCOPE)

    async def _graph_message(self, request: web.Request) -> web.StreamResponse:
        found = request.match_info

        def work(_: Json) -> tuple[int, Json]:
            room = self.graph.chat(found["chat"]) if "chat" in found else self.graph.channel(found["group"], found["channel"])
            return 200, self.graph.message(room, found["message"], found.get("root"))

        return await self._answer(request, "graph", request.path, work, scope=GRAPH_SCOPE)

    async def _answer(self, request: web.Request, method: str, about: str, work: Work, *, scope: str = BOT_SCOPE) -> web.StreamResponse:
        """Judges one call: the fault that was ordered, the token, then the call itself."""
        fault = self.faults.take(method, about)
        if fault is not None and not fault.apply_first:
            return _failed(fault, request)
        body: Json = {}
        try:
            self._allowed(request, scope)
            body = await self._body(request)
            self.calls.append((method, about, body))
            status, told = work(body)
        except BotError as error:
            if error.recorded:
                self.violation(method, error, body)
            status, told = error.status, {"error": {"code": error.code, "message": error.message}}
        if fault is not None:
            return _failed(fault, request)
        return web.Response(status=status) if told is None else web.json_response(told, status=status)

    def _allowed(self, request: web.Request, scope: str) -> None:
        """In the local mode (`signed` False) no token comes."""
        if not self.signed:
            return
        token = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if not token or not self.login.accepts(token, scope):
            raise BotError(401, "Unauthorized", "Authorization has been denied for this request.")

    @staticmethod
    async def _body(request: web.Request) -> Json:
        if not request.body_exists:
            return {}
        try:
            body = await request.json()
        except ValueError:
            raise BotError(400, "BadSyntax", "not JSON") from None
        return body if isinstance(body, dict) else {}

    async def _picture(self, request: web.Request) -> web.StreamResponse:
        """A picture that was pasted into a message: with the bot's token only."""
        fault = self.faults.take("download")
        if fault is not None:
            return _failed(fault, request)
        try:
            self._allowed(request, BOT_SCOPE)
        except BotError as error:
            self.violation("download", error, {"path": request.path})
            return web.Response(status=401)
        return self._bytes(request)

    async def _download(self, request: web.Request) -> web.StreamResponse:
        """A downloadUrl is good by itself; a token does not belong there."""
        fault = self.faults.take("download")
        if fault is not None:
            return _failed(fault, request)
        if "Authorization" in request.headers:
            self.violation("download", BotError(401, "Unauthorized", "a token was sent to file storage"), {"path": request.path})
        return self._bytes(request)

    def _bytes(self, request: web.Request) -> web.StreamResponse:
        file = self.files.get(request.match_info["file"])
        if file is None or file.gone:
            return web.Response(status=404)
        return web.Response(body=file.content, content_type=file.mime)

    async def _upload(self, request: web.Request) -> web.StreamResponse:
        """An upload session of OneDrive: the whole in one piece, or in pieces of which all but the last are answered with 202."""
        fault = self.faults.take("upload")
        if fault is not None and not fault.apply_first:
            return _failed(fault, request)
        name, content = request.match_info["name"], await request.read()
        span = _RANGE.fullmatch(request.headers.get("Content-Range", ""))
        before = self.uploads.get(name, b"") if span and int(span[1]) else b""
        if "Authorization" in request.headers or span is None or int(span[1]) != len(before):
            error = BotError(400, "invalidRange", f"Content-Range {request.headers.get('Content-Range')}, no token")
            self.violation("upload", error, {"name": name})
            return web.Response(status=400)
        self.uploads[name] = before + content
        if fault is not None:
            return _failed(fault, request)
        whole = len(self.uploads[name]) == int(span[3])
        return web.json_response({"id": name, "name": name}, status=201 if whole else 202)


def _failed(fault: Fault, request: web.Request) -> web.StreamResponse:
    if fault.cut:
        if request.transport is not None:
            request.transport.abort()
        return web.Response(status=499)
    headers = {} if fault.retry_after is None else {"Retry-After": f"{fault.retry_after:g}"}
    if fault.status in (502, 504):
        return web.Response(status=fault.status, text="<html>Bad gateway</html>", content_type="text/html", headers=headers)
    return web.json_response({"error": {"code": fault.code, "message": fault.message}}, status=fault.status, headers=headers)
