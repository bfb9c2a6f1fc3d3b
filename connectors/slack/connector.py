"""Slack, put together: what comes in over HTTP or a socket, what goes out, and whether it all works."""

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import Any

import aiohttp
import structlog
from aiohttp import web
from slack_bolt.adapter.aiohttp import to_aiohttp_response
from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.request.async_request import AsyncBoltRequest
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker

from connectors.errors import ConnectorError, Refused, Retry
from connectors.ports.chat import Address, Files, Intake, Shortcut
from connectors.ports.records import Clock
from connectors.slack.channel import SlackChannel
from connectors.slack.clients import Clients
from connectors.slack.installing import Installations, States, oauth_flow
from connectors.slack.listeners import Listeners
from connectors.slack.manifest import EVENTS_PATH, INSTALL_PATH, REDIRECT_PATH, bot_scopes
from connectors.slack.settings import SlackSettings
from connectors.slack.wording import Word, Wording

log = structlog.get_logger()
LARGEST = 1_000_000
"""Bytes of a request; Slack's own are far smaller."""
PAUSES = (1.0, 5.0, 30.0)
"""Seconds until Slack is tried again after a start without it; the last repeats."""


class Slack:
    """`channel` is what the bot speaks through; `add_to` before the server starts, `open` after."""

    def __init__(
        self,
        settings: SlackSettings,
        *,
        intake: Intake,
        files: Files,
        word: Word,
        engine: AsyncEngine,
        sessions: async_sessionmaker[AsyncSession],
        clock: Clock,
        pauses: Sequence[float] = PAUSES,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._settings = settings
        self._pauses = pauses
        self._installations = Installations(settings, engine, clock) if settings.client_id else None
        self._flow = None
        if self._installations is not None:
            self._flow = oauth_flow(settings, self._installations, States(engine, clock), bot_scopes())
        self._clients = Clients(settings, self._installations)
        wording = Wording.of(word)
        self.channel = SlackChannel(self._clients, files, sessions, monotonic, wording)
        listeners = Listeners(
            clients=self._clients,
            intake=intake,
            speaker=self.channel,
            installations=self._installations,
            wording=wording,
            titles={shortcut.value: word(f"slack.{shortcut.value}") for shortcut in Shortcut},
            too_late=word("slack.too_late"),
            request_emoji=settings.request_emoji,
            clock=clock,
        )  # fmt: skip
        self._bolt = listeners.bolt(settings.signing_secret or "")
        self._socket: AsyncSocketModeHandler | None = None
        self.connecting: asyncio.Task[None] | None = None
        """Ends when Slack was reached."""

    def add_to(self, app: web.Application) -> None:
        """Events and presses over HTTP where there is a secret to verify them with, and the installation of workspaces."""
        if self._settings.signing_secret:
            app.router.add_post(EVENTS_PATH, self._receive)
        if self._flow is not None:
            app.router.add_get(INSTALL_PATH, self._install)
            app.router.add_get(REDIRECT_PATH, self._installed)

    async def open(self) -> None:
        """Returns at once: while Slack cannot be reached, it is tried again in the background."""
        self.connecting = asyncio.create_task(self._connect())

    async def stop_receiving(self) -> None:
        """What is being said still goes out; over HTTP the server's own end is the end."""
        if self.connecting is not None:
            self.connecting.cancel()
            await asyncio.gather(self.connecting, return_exceptions=True)
        if self._socket is not None:
            await self._socket.close_async()  # type: ignore[no-untyped-call]

    async def close(self) -> None:
        """After `stop_receiving`, when nothing is being said any more."""
        await self._clients.close()

    async def check(self, rooms: Sequence[Address]) -> str:
        """Which workspaces, as whom, with which rights, by which way, and whether it is in these rooms.

        Raises Refused with what is missing, Retry.
        """
        tenants = await self._clients.tenants()
        if not tenants:
            raise Refused("not_installed", f"no workspace has installed the app yet: open {self._settings.base_url}{INSTALL_PATH}")
        found = [await self._workspace(tenant) for tenant in tenants]
        for room in rooms:
            info = await self._clients.call(room.tenant, "conversations.info", channel=room.room)
            if not info["channel"].get("is_member"):
                raise Refused("not_in_channel", f"invite the bot into #{info['channel'].get('name')} ({room.room}): /invite @Foyer")
        way = "Socket Mode" if self._settings.app_token else f"HTTP at {self._settings.base_url}{EVENTS_PATH}"
        lacking = ", ".join(sorted(self._settings.teams.difference(tenants)))
        found += [f"not installed yet in {lacking}"] if lacking and self._installations is not None else []
        return f"{'; '.join(found)}; {way}"

    async def _workspace(self, tenant: str) -> str:
        client = await self._clients.of(tenant)
        try:
            answer = await client.auth_test()
        except SlackApiError as error:
            raise Refused(str(error.response["error"]), f"Slack refuses the token of {tenant}") from error
        except (aiohttp.ClientError, TimeoutError) as error:
            raise Retry("unreachable", f"{self._settings.api_url} does not answer ({type(error).__name__})") from error
        headers = {name.lower(): value for name, value in answer.headers.items()}
        granted = {scope.strip() for scope in headers.get("x-oauth-scopes", "").split(",")} - {""}
        missing = sorted(set(bot_scopes()) - granted)
        if granted and missing:
            wanted = ", ".join(missing)
            raise Refused(
                "missing_scope", f"{answer['team']} has not granted {wanted}: update the app from the manifest, then reinstall it"
            )
        return f"{answer['team']} as @{answer['user']}, " + (f"{len(granted)} scopes" if granted else "scopes not told")

    async def _connect(self) -> None:
        failures = 0
        while True:
            try:
                if self._settings.app_token and self._socket is None:
                    self._socket = self._handler(self._settings.app_token)
                    await self._socket.connect_async()  # type: ignore[no-untyped-call]
                for tenant in await self._clients.tenants():
                    me = await self._clients.me(tenant)
                    log.info("slack_connected", team=tenant, bot=me.user, socket=self._socket is not None)
                return
            except ConnectorError as error:
                failures += 1
                log.error("slack_not_connected", code=error.code, attempt=failures)
                await asyncio.sleep(self._pauses[min(failures, len(self._pauses)) - 1])

    def _handler(self, token: str) -> AsyncSocketModeHandler:
        """It reconnects by itself, for ever; what it could not have recorded it does not acknowledge."""
        return AsyncSocketModeHandler(self._bolt, token, web_client=AsyncWebClient(base_url=self._settings.api_url))

    async def _receive(self, request: web.Request) -> web.Response:
        body = bytearray()
        async for chunk in request.content.iter_chunked(65_536):
            body += chunk
            if len(body) > LARGEST:
                return web.Response(status=413)
        try:
            asked = AsyncBoltRequest(body=body.decode(), query=request.query_string, headers=_headers(request))
        except (ValueError, TypeError, AttributeError, RecursionError):
            log.warning("slack_request_unreadable", size=len(body))
            return web.Response(status=400)
        return await to_aiohttp_response(await self._bolt.async_dispatch(asked))

    async def _install(self, request: web.Request) -> web.Response:
        assert self._flow is not None
        return await to_aiohttp_response(await self._flow.handle_installation(_asked(request)))

    async def _installed(self, request: web.Request) -> web.Response:
        assert self._flow is not None
        return await to_aiohttp_response(await self._flow.handle_callback(_asked(request)))


def _asked(request: web.Request) -> AsyncBoltRequest:
    return AsyncBoltRequest(body="", query=request.query_string, headers=_headers(request))


def _headers(request: web.Request) -> dict[str, Any]:
    return dict(request.headers)
