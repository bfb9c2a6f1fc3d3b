"""Slack, put together: what comes in over HTTP or a socket, what goes out, and whether it all works."""

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import Any

import structlog
from aiohttp import web
from slack_bolt.adapter.aiohttp import to_aiohttp_response
from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.request.async_request import AsyncBoltRequest
from slack_sdk.web.async_client import AsyncWebClient
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker

from connectors.chat.wording import Word, Wording
from connectors.errors import ConnectorError, Retry
from connectors.ports.chat import Files, Intake, Shortcut
from connectors.ports.records import Clock
from connectors.slack.channel import SlackChannel
from connectors.slack.checkup import Checkup, Named
from connectors.slack.clients import Clients
from connectors.slack.deliveries import Deliveries, signable
from connectors.slack.installing import Installations, States, oauth_flow
from connectors.slack.listeners import Listeners
from connectors.slack.manifest import EVENTS_PATH, INSTALL_PATH, REDIRECT_PATH, bot_scopes
from connectors.slack.settings import SlackSettings

log = structlog.get_logger()
LARGEST = 1_000_000
"""Bytes of a request; Slack's own are far smaller."""
OPENING = 30.0
"""Seconds that a socket may take to open."""
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
        self._checkup = Checkup(settings, self._clients)
        self._deliveries = Deliveries(settings.signing_secret or "", monotonic)
        wording = Wording.of(word)
        self.channel = SlackChannel(self._clients, files, sessions, monotonic, wording)
        listeners = Listeners(
            clients=self._clients,
            intake=intake,
            speaker=self.channel,
            installations=self._installations,
            wording=wording,
            titles={shortcut.value: word(f"chat.{shortcut.value}") for shortcut in Shortcut},
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

    async def check(self, rooms: Sequence[Named]) -> str:
        """Which workspaces, as whom, with which rights, by which way, and whether these rooms are as they are meant.

        Raises Refused with what is wrong, Retry.
        """
        return await self._checkup.run(rooms, self._deliveries.broken)

    async def _connect(self) -> None:
        failures = 0
        while True:
            try:
                if self._settings.app_token and self._socket is None:
                    await self._listen(self._settings.app_token)
                for tenant in await self._checkup.teams():
                    me = await self._clients.me(tenant)
                    log.info("slack_connected", team=tenant, bot=me.user, socket=self._socket is not None)
                return
            except ConnectorError as error:
                failures += 1
                log.error("slack_not_connected", code=error.code, because=error.detail, attempt=failures)
                await asyncio.sleep(self._pauses[min(failures, len(self._pauses)) - 1])

    async def _listen(self, token: str) -> None:
        """Opens the socket, which reconnects by itself, for ever; what it could not have recorded it does not acknowledge.

        The library would try a wrong token for ever and keep to itself why, so that its first address is asked for here.
        """
        address = await self._checkup.socket_url(token)
        handler = AsyncSocketModeHandler(self._bolt, token, web_client=AsyncWebClient(base_url=self._settings.api_url))
        handler.client.wss_uri = address
        try:
            async with asyncio.timeout(OPENING):
                await handler.connect_async()  # type: ignore[no-untyped-call]
        except BaseException as error:
            await handler.close_async()  # type: ignore[no-untyped-call]
            if isinstance(error, TimeoutError):
                raise Retry("unreachable", "cannot open the Socket Mode connection") from error
            raise
        self._socket = handler

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
        if not signable(request.headers):
            return web.Response(status=401)
        answer = await self._bolt.async_dispatch(asked)
        if answer.status == 401:
            self._deliveries.refused(asked.raw_body, request.headers)
        else:
            self._deliveries.accepted()
        return await to_aiohttp_response(answer)

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
