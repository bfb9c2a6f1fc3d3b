"""The web chat served on loopback, with a bot that only records."""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from aiohttp import CookieJar, web
from aiohttp.test_utils import TestClient, TestServer

from connectors.web.channel import WebChannel
from connectors.web.routes import WebChat
from tests.connectors.web.support import SECRET, FakeBot, FakeSignIn, TestClock, open_channel

Client = TestClient[web.Request, web.Application]


@dataclass
class Served:
    """What a test can reach of a running web chat."""

    server: TestServer
    channel: WebChannel
    bot: FakeBot
    sign_in: FakeSignIn
    clock: TestClock
    enter: Callable[[str], Awaitable[Client]]
    """A client signed in as "dana", or as nobody for ""."""


@pytest.fixture
async def served(tmp_path: Path) -> AsyncIterator[Served]:
    clock, sign_in = TestClock(), FakeSignIn()
    async with open_channel(tmp_path, clock) as channel:
        bot = FakeBot(channel)
        app = web.Application()
        WebChat(channel, bot, sign_in, bot.busy, secret=SECRET, clock=clock).add_to(app)
        server = TestServer(app, host="127.0.0.1")
        await server.start_server()
        clients: list[Client] = []

        async def enter(name: str) -> Client:
            client: Client = TestClient(server, cookie_jar=CookieJar(unsafe=True))
            clients.append(client)
            if name:
                response = await client.post("/api/v1/session", json={"email": f"{name}@acme.example"})
                assert response.status == 200, await response.text()
            return client

        yield Served(server, channel, bot, sign_in, clock, enter)
        for client in clients:
            await client.close()
        await server.close()
