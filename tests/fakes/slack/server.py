"""The fake Slack as a server: the Web API, uploads and downloads, response_urls, OAuth's page and the socket."""

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any
from urllib.parse import urlencode

from aiohttp import BasicAuth, web

from tests.fakes.slack import chat, surfaces
from tests.fakes.slack.api import METHODS, Call, Method, need_scope
from tests.fakes.slack.faults import Fault
from tests.fakes.slack.forms import Pressing
from tests.fakes.slack.state import FakeMessage, Json, SlackError, Token

_STRUCTURED = {
    "blocks": "invalid_blocks_format", "attachments": "invalid_attachments", "metadata": "invalid_metadata_format",
    "view": "invalid_arguments", "chunks": "invalid_chunks", "prompts": "invalid_arguments", "loading_messages": "invalid_arguments",
}  # fmt: skip
HOOK_USES, HOOK_SECONDS = 5, 30 * 60
LOGIN_PAGE = "<!DOCTYPE html><html><head><title>Sign in to Acme | Slack</title></head><body>Sign in</body></html>"

# The modules register their methods when they are imported.
assert chat.TEXT
assert surfaces.VIEWS_DEEP


class FakeSlack(Pressing):
    """One Slack for one test. `refusals` must be empty at its end, unless the test wanted them."""

    @classmethod
    @asynccontextmanager
    async def serve(
        cls, port: int = 0, *, more: Callable[["FakeSlack", web.Application], None] | None = None
    ) -> AsyncIterator["FakeSlack"]:
        """On 127.0.0.1; port 0 takes a free one. `more` adds routes of its own."""
        fake = cls()
        app = web.Application(client_max_size=64 * 1024 * 1024)
        fake.add_routes(app)
        if more is not None:
            more(fake, app)
        runner = web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=0.1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", port)
        await site.start()
        bound = runner.addresses[0][1]
        fake.base = f"http://127.0.0.1:{bound}"
        try:
            yield fake
        finally:
            fake.faults.release()
            await fake.close()
            await runner.cleanup()

    @property
    def url(self) -> str:
        """What FOYER_SLACK_API_URL is set to."""
        return f"{self.base}/api/"

    def add_routes(self, app: web.Application) -> None:
        app.router.add_route("*", "/api/{method}", self._api)
        app.router.add_post("/upload/v1/{key}", self._upload)
        app.router.add_get("/files-pri/{id}/{name}", self._download)
        app.router.add_get("/files-pri/{id}/download/{name}", self._download)
        app.router.add_post("/actions/{team}/{number}/{secret}", self._hook)
        app.router.add_get("/oauth/v2/authorize", self._authorize)
        app.router.add_get("/link/", self.courier.listen)

    async def _api(self, request: web.Request) -> web.StreamResponse:
        name = request.match_info["method"]
        fault = self.faults.take(name)
        if fault is not None and (answer := await self._before(fault, request)) is not None:
            return answer
        args: Json = {}
        headers: dict[str, str] = {}
        status = 200
        try:
            method = METHODS.get(name)
            args = await _arguments(request, method)
            self.calls.append((name, args))
            if fault is not None and fault.kind.startswith("error:"):
                raise SlackError(fault.kind.removeprefix("error:"), recorded=False)
            if fault is not None and fault.kind == "dead_stream":
                self._kill(args)
                raise SlackError("message_not_in_streaming_state", recorded=False)
            if method is None:
                raise SlackError("unknown_method", name)
            call = self._authorized(request, name, method, args)
            need_scope(self, *method.scopes)
            told = {"ok": True, **method.handler(self, call)}
        except SlackError as error:
            if error.recorded:
                self.violation(name, error.error, error.why, args)
            told, status = {"ok": False, "error": error.error, **error.extra}, error.status
            if status == 429:
                headers["Retry-After"] = "1"
        if name == "auth.test":
            headers |= {"x-oauth-scopes": ",".join(sorted(self.scopes)), "x-accepted-oauth-scopes": ""}
        self.echo_noticed()
        if fault is not None and fault.kind == "apply_then_500":
            return _server_error()
        if fault is not None and fault.kind == "apply_then_time_out":
            return await self._never(fault, request)
        return web.json_response(told, status=status, headers=headers)

    async def _before(self, fault: Fault, request: web.Request) -> web.StreamResponse | None:
        if fault.kind == "rate_limited":
            headers = {"Retry-After": f"{fault.after:g}"}
            return web.json_response({"ok": False, "error": "ratelimited"}, status=429, headers=headers)
        if fault.kind == "server_error":
            return _server_error()
        if fault.kind == "time_out":
            return await self._never(fault, request)
        if fault.kind == "cut":
            return _cut(request)
        return None

    async def _never(self, fault: Fault, request: web.Request) -> web.StreamResponse:
        await fault.released.wait()
        return _cut(request)

    def _kill(self, args: Json) -> None:
        message = self.said.get(str(args.get("channel")), {}).get(str(args.get("ts")))
        if message is not None:
            message.streaming = False

    def _authorized(self, request: web.Request, name: str, method: Method, args: Json) -> Call:
        header = request.headers.get("Authorization", "")
        basic = None
        if header.startswith("Basic "):
            decoded = BasicAuth.decode(header)
            basic = (decoded.login, decoded.password)
        if method.kind == "none":
            return Call(name, args, Token("", self.team, "bot"), basic)
        token = self._token(header.removeprefix("Bearer ") if header.startswith("Bearer ") else str(args.pop("token", "")))
        if token.kind != method.kind:
            raise SlackError("not_allowed_token_type", token.kind)
        return Call(name, args, token)

    def _token(self, value: str) -> Token:
        if not value:
            raise SlackError("not_authed")
        token = self.tokens.get(value)
        if token is None:
            raise SlackError("invalid_auth")
        if token.dead:
            raise SlackError(token.dead, recorded=False)
        return token

    async def _upload(self, request: web.Request) -> web.StreamResponse:
        fault = self.faults.take("upload")
        if fault is not None and (answer := await self._before(fault, request)) is not None:
            return answer
        file, length = self.uploads[request.match_info["key"]]
        if request.content_type == "multipart/form-data":
            part = next(iter((await request.post()).values()))
            content = part.file.read() if isinstance(part, web.FileField) else str(part).encode()
        else:
            content = await request.read()
        if len(content) != length:
            self.violation("upload", "length", f"{len(content)} bytes came, {length} were announced", {"file": file.id})
            return web.Response(status=400, text="ERROR")
        file.content = content
        return web.Response(text=f"OK - {length}")

    async def _download(self, request: web.Request) -> web.StreamResponse:
        """Without a good token and the scope Slack shows its login page, with 200."""
        fault = self.faults.take("download")
        if fault is not None and (answer := await self._before(fault, request)) is not None:
            return answer
        try:
            self._token(request.headers.get("Authorization", "").removeprefix("Bearer "))
            need_scope(self, "files:read")
        except SlackError as error:
            if error.recorded:
                self.violation("download", error.error, error.why, {"path": request.path})
            return web.Response(text=LOGIN_PAGE, content_type="text/html")
        file = self.files.get(request.match_info["id"].partition("-")[2])
        if file is None:
            return web.Response(status=404, text="Not found")
        if file.redirect:
            return web.Response(status=302, headers={"Location": file.redirect})
        return web.Response(body=file.content, content_type=file.mime)

    async def _hook(self, request: web.Request) -> web.StreamResponse:
        """A response_url: five uses in thirty minutes; it alone can change an ephemeral message."""
        fault = self.faults.take("response_url")
        if fault is not None and (answer := await self._before(fault, request)) is not None:
            return answer
        body: Json = await request.json()
        try:
            self._use_hook(request.path.removeprefix("/actions/"), body)
        except SlackError as error:
            self.violation("response_url", error.error, error.why, body)
            return web.json_response({"ok": False, "error": error.error}, status=404 if error.error.endswith("_url") else 500)
        if fault is not None and fault.kind == "apply_then_500":
            return _server_error()
        return web.Response(text="ok")

    def _use_hook(self, key: str, body: Json) -> None:
        hook = self.hooks.get(key)
        if hook is None:
            raise SlackError("invalid_url")
        if hook.uses >= HOOK_USES:
            raise SlackError("used_url")
        if self.clock() - hook.at > HOOK_SECONDS:
            raise SlackError("expired_url")
        room, team = self.rooms[hook.room], self.teams[self.rooms[hook.room].team]
        hidden = self.ephemeral(hook.user)
        target = next((m for m in hidden if m.ts == hook.message), None) or self.get(hook.room, hook.message or "")
        replaces, deletes = body.get("replace_original"), body.get("delete_original")
        if (replaces or deletes) and target is None:
            raise SlackError("message_not_found", "nothing to replace")
        if deletes and target is not None:
            hook.uses, target.deleted = hook.uses + 1, True
            return
        text, blocks = chat.content(self, Call("response_url", body, Token("", team.id, "bot")))
        hook.uses += 1
        if replaces and target is not None:
            target.text, target.blocks = text, blocks
            return
        message = FakeMessage(self.new_ts(), room.id, text, team.id, user=team.bot_user, bot_id=team.bot_id, blocks=blocks)
        message.thread_ts = body.get("thread_ts")
        if body.get("response_type", "ephemeral") == "in_channel":
            self.put(message)
        else:
            message.only_for = hook.user
            self.ephemerals.setdefault(hook.user, []).append(message)

    async def _authorize(self, request: web.Request) -> web.StreamResponse:
        """The page on which somebody allows the app: they always do. `team` in the query names another workspace than the first."""
        query = request.query
        if query.get("client_id") != self.client_id or not query.get("redirect_uri"):
            return web.Response(status=400, text="invalid_client_id or no redirect_uri")
        told = {"code": self.grant(query.get("team")), "state": query.get("state", "")}
        return web.Response(status=302, headers={"Location": f"{query['redirect_uri']}?{urlencode(told)}"})


async def _arguments(request: web.Request, method: Method | None) -> Json:
    args: dict[str, Any] = dict(request.query)
    if request.method == "POST" and request.content_type == "application/json":
        with suppress(ValueError):
            body = await request.json()
            if isinstance(body, dict) and (method is None or method.json):
                args |= body
    elif request.method == "POST":
        args |= dict(await request.post())
    for name, error in _STRUCTURED.items():
        if isinstance(args.get(name), str):
            try:
                args[name] = json.loads(args[name])
            except ValueError:
                raise SlackError(error, f"{name} is not JSON") from None
    return {name: value for name, value in args.items() if value is not None}


def _server_error() -> web.Response:
    return web.Response(status=500, text="<html>Internal Server Error</html>", content_type="text/html")


def _cut(request: web.Request) -> web.StreamResponse:
    if request.transport is not None:
        request.transport.abort()
    return web.Response(status=499)
