"""How a command reaches the state: through the process that owns the home, or by being that process for a moment.

The product itself is imported only where it is needed: a command to a running Foyer then answers at once.
"""

import asyncio
import contextlib
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Protocol

import aiohttp

from bot.config import Settings
from bot.home import Home, Owner, Refusal

if TYPE_CHECKING:
    from bot.bootstrap import App

STARTING = 30.0
"""Seconds to wait for an owner that is still starting."""


class Control(Protocol):
    async def call(self, command: str, **given: Any) -> Any:
        """Raises Refusal."""


class _Here:
    def __init__(self, app: "App") -> None:
        self._app = app

    async def call(self, command: str, **given: Any) -> Any:
        from bot.control import COMMANDS

        return await COMMANDS[command](self._app, given)


class _There:
    def __init__(self, session: aiohttp.ClientSession) -> None:
        self._session = session

    async def call(self, command: str, **given: Any) -> Any:
        async with self._session.post(f"http://localhost/control/{command}", json=given) as response:
            answer = await response.json()
        if "error" in answer:
            raise Refusal(answer["error"])
        return answer["result"]


@asynccontextmanager
async def attached(settings: Settings) -> AsyncIterator[Control]:
    """Commands on the running owner, else on an App of this process."""
    async with owned(settings) as owner:
        if isinstance(owner, Owner):
            async with connected(owner) as session:
                yield _There(session)
        else:
            yield _Here(owner)


@asynccontextmanager
async def chatting(settings: Settings) -> AsyncIterator[tuple[aiohttp.ClientSession, str]]:
    """A session with the web chat's API, over the owner's socket; this process serves it when there is no owner."""
    settings = with_free_port(settings)
    async with owned(settings) as owner:
        if isinstance(owner, Owner):
            async with connected(owner) as session:
                yield session, "http://localhost"
            return
        from bot.server import Server

        server = Server(owner, port=settings.port)  # so that a link in a mail can be followed meanwhile
        await server.start()
        try:
            async with connected(Owner(0, "", server.socket)) as session:
                yield session, "http://localhost"
        finally:
            await server.stop()


def with_free_port(settings: Settings) -> Settings:
    """The configured port if nobody has it, else any free one."""
    for port in (settings.port, 0):
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind((settings.host, port))
            return settings.model_copy(update={"port": probe.getsockname()[1]})
    return settings


@asynccontextmanager
async def owned(settings: Settings) -> AsyncIterator["App | Owner"]:
    """The running owner of the home, or an App that owns it for as long as the block lasts."""
    home = Home(settings.home)
    home.make()
    deadline = time.monotonic() + STARTING
    while not home.acquire():
        owner = home.owner()
        if owner is not None and await _answers(owner):
            yield owner
            return
        if time.monotonic() > deadline:
            raise Refusal(f"Another process owns {home.path} and does not answer.")
        await asyncio.sleep(0.1)
    from bot.bootstrap import App

    app = App(settings)
    try:
        await app.start()
        yield app
    finally:
        await app.stop()
        home.release()


def connected(owner: Owner) -> aiohttp.ClientSession:
    return aiohttp.ClientSession(connector=aiohttp.UnixConnector(path=owner.socket))


async def _answers(owner: Owner) -> bool:
    try:
        async with connected(owner) as session, session.get("http://localhost/readyz") as response:
            return response.status == 200
    except (aiohttp.ClientError, OSError):
        return False
