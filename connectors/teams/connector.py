"""Teams, put together: what comes in over HTTP, what goes out, and whether it all works."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence

import structlog
from aiohttp import web
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from connectors.chat.wording import Word
from connectors.errors import ConnectorError
from connectors.ports.chat import Files, Intake
from connectors.ports.records import Clock
from connectors.teams.adapter import TeamsAdapter
from connectors.teams.channel import TeamsChannel
from connectors.teams.checkup import Checkup, Named
from connectors.teams.client import Client
from connectors.teams.deliveries import Deliveries
from connectors.teams.files import Consents, Transfers
from connectors.teams.graph import Graph
from connectors.teams.keys import Keys
from connectors.teams.listeners import Listeners
from connectors.teams.manifest import MESSAGES_PATH
from connectors.teams.places import Places
from connectors.teams.reading import Reading
from connectors.teams.settings import TeamsSettings
from connectors.teams.store import AccountStore, ConsentStore, RoomStore
from connectors.teams.tokens import BOT_SCOPE, Tokens
from connectors.teams.waiting import Waiting

log = structlog.get_logger()
PAUSES = (1.0, 5.0, 30.0)
"""Seconds until Microsoft is tried again after a start without it; the last repeats."""


class Teams:
    """`channel` is what the bot speaks through; `add_to` before the server starts, `open` after.

    Raises ValueError for settings with which anybody could speak to the bot.
    """

    def __init__(
        self,
        settings: TeamsSettings,
        *,
        intake: Intake,
        files: Files,
        word: Word,
        sessions: async_sessionmaker[AsyncSession],
        clock: Clock,
        pauses: Sequence[float] = PAUSES,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._settings = settings
        self._pauses = pauses
        self._tokens = Tokens(settings, monotonic)
        self._deliveries = Deliveries(monotonic)
        tokens = None if settings.local else self._tokens
        rooms, accounts, waiting = RoomStore(sessions), AccountStore(sessions), Waiting()
        self._client = Client(tokens)
        keys = Keys(settings.openid_url, monotonic)
        self._adapter = TeamsAdapter(settings, keys=keys, deliveries=self._deliveries, connect=self._client.connector)
        self._graph = Graph(settings, tokens, monotonic)
        self._transfers = Transfers(settings, rooms, tokens)
        self._reading = Reading(self._client, rooms, accounts, self._graph, settings, clock, monotonic)
        self.channel = TeamsChannel(self._client, self._reading, self._transfers, waiting, sessions, word, clock, monotonic, sleep=sleep)
        consents = Consents(ConsentStore(sessions), rooms, files, self._client, self._transfers, word)
        self._places = Places(rooms, accounts, self._client, self._reading.forget, clock)
        self._listeners = Listeners(self._places, intake, waiting, self.channel, consents, word, clock)
        self._checkup = Checkup(
            settings, rooms, lambda: self._tokens.token(BOT_SCOPE), self._adapter.warm, self._places.ask_all, self._reading.hears
        )
        self.connecting: asyncio.Task[None] | None = None
        """Ends when Microsoft was reached, and the teams have told their channels."""

    def add_to(self, app: web.Application) -> None:
        """Where Teams sends to."""
        app.router.add_post(MESSAGES_PATH, self._receive)

    async def open(self) -> None:
        """Returns at once: while Microsoft cannot be reached, it is tried again in the background."""
        self.connecting = asyncio.create_task(self._connect())

    async def stop_receiving(self) -> None:
        """What is being said still goes out; the server's own end is the end of what comes in."""
        if self.connecting is not None:
            self.connecting.cancel()
            await asyncio.gather(self.connecting, return_exceptions=True)

    async def close(self) -> None:
        """After `stop_receiving`, when nothing is being said any more."""
        await self._listeners.close()
        for opened in (self._client, self._graph, self._transfers):
            await opened.close()
        self._tokens.close()

    async def check(self, rooms: Sequence[Named]) -> str:
        """As which app, for whom, in which rooms, and whether these rooms are as they are meant.

        Raises Refused with what is wrong, Retry.
        """
        return await self._checkup.run(rooms, self._deliveries.broken)

    async def _connect(self) -> None:
        """What signatures are verified with and a token to speak with are there before the first message needs them."""
        failures = 0
        while True:
            try:
                await self._adapter.warm()
                if not self._settings.local:
                    await self._tokens.token(BOT_SCOPE)
                log.info("teams_connected", app=self._settings.app_id, local=self._settings.local)
                await self._places.ask_all()
                return
            except ConnectorError as error:
                failures += 1
                log.error("teams_not_connected", code=error.code, because=error.detail, attempt=failures)
            except Exception as error:  # nobody would try again
                failures += 1
                log.error("teams_not_connected", attempt=failures, exc_info=error)
            await asyncio.sleep(self._pauses[min(failures, len(self._pauses)) - 1])

    async def _receive(self, request: web.Request) -> web.Response:
        return await self._adapter.receive(request, self._listeners.handle)
