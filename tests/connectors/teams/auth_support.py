"""The way in from Teams as a server of its own, before a local OpenID document; and the library's own way in, to compare."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import aiohttp
from aiohttp import web
from botbuilder.core import TurnContext
from botbuilder.integration.aiohttp import CloudAdapter
from botframework.connector.auth import BotFrameworkAuthenticationFactory, PasswordServiceClientCredentialFactory
from botframework.connector.auth.jwt_token_extractor import JwtTokenExtractor, _OpenIdMetadata

from connectors.teams.adapter import SLOWEST, InvokeAnswer, TeamsAdapter
from connectors.teams.client import Client
from connectors.teams.deliveries import Deliveries
from connectors.teams.envelope import Payload
from connectors.teams.keys import Keys
from connectors.teams.settings import TeamsSettings
from connectors.teams.tokens import Tokens
from tests.connectors.doubles import Seconds
from tests.fakes.teams.openid import ISSUER, SERVICE_URL, FakeOpenId, served

Json = dict[str, Any]
APP = "11111111-2222-3333-4444-555555555555"
TENANT = "aaaaaaaa-0000-0000-0000-000000000001"
DANA = "dddddddd-0000-0000-0000-000000000001"


def message(text: str = "hello", /, *, tenant: str | None = TENANT, **changes: Any) -> Json:
    """As Teams sends it in a personal chat; None as a change leaves a field out."""
    said = {
        "type": "message",
        "id": "1700000000001",
        "timestamp": "2026-11-20T09:00:00.123Z",
        "channelId": "msteams",
        "serviceUrl": SERVICE_URL,
        "from": {"id": "29:dana", "name": "Dana Whitfield", "aadObjectId": DANA},
        "conversation": {"conversationType": "personal", "id": "a:dana", "tenantId": tenant},
        "recipient": {"id": f"28:{APP}", "name": "Foyer"},
        "channelData": {"tenant": {"id": tenant}} if tenant else {},
        "text": text,
        "textFormat": "plain",
        **changes,
    }
    return {name: value for name, value in said.items() if value is not None}


def settings_of(fake: FakeOpenId, **changes: Any) -> TeamsSettings:
    known = {"app_id": APP, "app_password": "right-secret", "tenant_id": TENANT, "tenants": frozenset({TENANT}), "openid_url": fake.url}
    return TeamsSettings(**{**known, **changes})


def local_settings(**changes: Any) -> TeamsSettings:
    return TeamsSettings(local=True, **changes)


@dataclass
class Inbound:
    """`handled` is what got through; `answer` what the handler answers, or raises. `remote`: where requests seem to come from."""

    fake: FakeOpenId
    seconds: Seconds
    deliveries: Deliveries
    adapter: TeamsAdapter | None = None
    client: Client | None = None
    handled: list[Payload] = field(default_factory=list)
    answer: InvokeAnswer | Exception | None = None
    remote: str = ""
    url: str = ""

    async def handle(self, payload: Payload) -> InvokeAnswer | None:
        self.handled.append(payload)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    async def on_turn(self, context: TurnContext) -> None:
        """As a bot of the library."""
        await self.handle({"type": context.activity.type})

    async def post(self, body: Any = None, *, headers: Mapping[str, str] | None = None) -> int:
        return (await self.ask(body, headers=headers))[0]

    async def ask(self, body: Any = None, *, headers: Mapping[str, str] | None = None) -> tuple[int, str]:
        """Signed as Teams signs it unless `headers` are given; a body of bytes or text goes as it is."""
        given = self.fake.header() if headers is None else headers
        said = message() if body is None else body
        async with aiohttp.ClientSession() as session:
            kept = {"json": said} if isinstance(said, dict | list) else {"data": said}
            content = {} if "json" in kept else {"Content-Type": "application/json"}
            async with session.post(self.url, headers={**content, **given}, **kept) as answer:
                return answer.status, await answer.text()


@asynccontextmanager
async def inbound(**changes: Any) -> AsyncIterator[Inbound]:
    """`changes` to the settings of a signed mode; local=True for the other. `slowest`: the adapter's."""
    slowest = changes.pop("slowest", SLOWEST)
    fake = FakeOpenId(APP)
    async with served(fake):
        seconds = Seconds()
        settings = local_settings(**changes) if changes.pop("local", False) else settings_of(fake, **changes)
        made = Inbound(fake, seconds, Deliveries(seconds))
        keys = Keys(settings.openid_url, seconds, timeout=5.0)
        made.client = client = Client(None if settings.local else Tokens(settings, seconds))
        made.adapter = adapter = TeamsAdapter(settings, keys=keys, deliveries=made.deliveries, connect=client.connector, slowest=slowest)

        async def receive(request: web.Request) -> web.Response:
            return await adapter.receive(request.clone(remote=made.remote) if made.remote else request, made.handle)

        async with _served(receive) as made.url:
            yield made


@asynccontextmanager
async def as_the_library_does(*, app_id: str = APP) -> AsyncIterator[Inbound]:
    """The same, received by the library alone. It has the keys already, since it would fetch them by standing still."""
    fake = FakeOpenId(app_id)
    async with served(fake):
        seconds = Seconds()
        made = Inbound(fake, seconds, Deliveries(seconds))
        known = _OpenIdMetadata(fake.url)
        known.keys, known.last_updated = [key.published() for key in fake.keys], datetime.now()
        JwtTokenExtractor.metadataCache[fake.url] = known
        adapter = CloudAdapter(
            BotFrameworkAuthenticationFactory.create(
                to_channel_from_bot_login_url="https://login.microsoftonline.com/botframework.com",
                to_channel_from_bot_oauth_scope=ISSUER,
                to_bot_from_channel_token_issuer=ISSUER,
                oauth_url=ISSUER,
                to_bot_from_channel_open_id_metadata_url=fake.url,
                credential_factory=PasswordServiceClientCredentialFactory(app_id, "right-secret"),
            )
        )

        async def receive(request: web.Request) -> web.StreamResponse:
            return await adapter.process(request, made) or web.Response()

        try:
            async with _served(receive) as made.url:
                yield made
        finally:
            del JwtTokenExtractor.metadataCache[fake.url]


@asynccontextmanager
async def _served(receive: Callable[[web.Request], Awaitable[web.StreamResponse]]) -> AsyncIterator[str]:
    app = web.Application()
    app.router.add_post("/api/messages", receive)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/api/messages"
    finally:
        await runner.cleanup()
