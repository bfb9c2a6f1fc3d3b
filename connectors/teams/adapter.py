"""The way in from Teams: a request is verified, bounded, read, its tenant looked at, and only then handled, in a turn of the library.

The handler is given the JSON as it came, of which the library's own activity drops some. What the library answers with 500 (a body or
a token that cannot be read) is refused here with 4xx, and what it answers with 401 (any PermissionError of the handler's own) stays a
failure, after which Teams sends the activity again.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

import structlog
from aiohttp import web
from botbuilder.core import InvokeResponse, TurnContext
from botbuilder.integration.aiohttp import CloudAdapter
from botbuilder.schema import Activity, ActivityTypes
from botframework.connector.aio import ConnectorClient
from botframework.connector.auth import (
    AuthenticateRequestResult,
    AuthenticationConstants,
    BotFrameworkAuthentication,
    ClaimsIdentity,
    ConnectorFactory,
)

from connectors.chat.loopback import is_loopback, leads_here
from connectors.errors import Retry
from connectors.teams.client import usable
from connectors.teams.deliveries import SERVICE, Deliveries
from connectors.teams.envelope import Payload, tenant_of, text_in
from connectors.teams.keys import Keys
from connectors.teams.settings import TeamsSettings
from connectors.teams.signatures import MSTEAMS, NotSigned, Signatures

log = structlog.get_logger()
LARGEST = 1_000_000
"""Bytes of a request; Teams' own are far smaller."""
SLOWEST = 10.0
"""Seconds in which a request has to be there; Teams' own are at once."""
PASSED_ON = ("Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Real-IP", "Via", "Origin")
"""Headers of what was not said by a program on this machine: a proxy's and a browser's."""


@dataclass(frozen=True, slots=True)
class InvokeAnswer:
    """What Teams waits for after an invoke."""

    status: int
    body: Any = None
    """As JSON; None for none."""


Handle = Callable[[Payload], Awaitable[InvokeAnswer | None]]
Connect = Callable[[str], ConnectorClient]
"""The library's client of the service at this URL."""


class TeamsAdapter(CloudAdapter):  # type: ignore[misc]
    """`connect`: what a turn speaks through; `slowest` in seconds: see SLOWEST.

    Raises ValueError for settings with which anybody could speak to the bot.
    """

    def __init__(self, settings: TeamsSettings, *, keys: Keys, deliveries: Deliveries, connect: Connect, slowest: float = SLOWEST) -> None:
        if not settings.local and not (settings.app_id and settings.tenants):
            raise ValueError("without an app id and the tenants that may talk to it, the bot would answer anybody")
        super().__init__(_Verified(connect))
        self._settings = settings
        self._keys = keys
        self._deliveries = deliveries
        self._signatures = Signatures(settings.app_id, keys)
        self._slowest = slowest

    async def warm(self) -> None:
        """Fetches what signatures are verified with, so that the first message does not wait for it. Raises Retry."""
        if not self._settings.local:
            await self._keys.warm()

    async def receive(self, request: web.Request, handle: Handle) -> web.Response:
        """400, 413 and 415 for what is no activity, 408 for what does not come to its end, 401 for what Teams has not signed, 403 for
        other tenants, 503 while signatures cannot be verified; else what the handler answers, 200 for None, and 500 for what it raises.
        """
        response = await self._received(request, handle)
        if not request.content.is_eof():  # nobody wants the rest
            response.force_close()
        return response

    async def _received(self, request: web.Request, handle: Handle) -> web.Response:
        if request.content_type != "application/json":
            return web.Response(status=415)
        try:
            claims = await self._claims(request)
        except NotSigned as refused:
            return self._unsigned(refused)
        except Retry as away:
            log.error("teams_signature_not_verified", because=away.detail)
            return web.Response(status=503)
        try:
            async with asyncio.timeout(self._slowest):
                body = await _bounded(request)
        except TimeoutError:
            return web.Response(status=408)
        except (web.RequestPayloadError, ConnectionResetError):
            return web.Response(status=400)
        if body is None:
            return web.Response(status=413)
        payload = _read(body)
        if payload is None:
            log.warning("teams_request_unreadable", size=len(body))
            return web.Response(status=400)
        refusal = self._refusal(claims, payload)
        if refusal is not None:
            return refusal
        try:
            answer = await self._turn(claims, payload, handle)
        except Exception as error:
            log.error("teams_not_recorded", exc_info=error)
            return web.Response(status=500)
        if answer is None or answer.body is None:
            return web.Response(status=200 if answer is None else answer.status)
        return web.json_response(answer.body, status=answer.status)

    async def _claims(self, request: web.Request) -> Mapping[str, Any]:
        """Of the token; none in the local mode. Raises NotSigned, Retry."""
        if not self._settings.local:
            return await self._signatures.claims(request.headers.get("Authorization", ""))
        if not _said_here(request):
            raise NotSigned("it does not come from this machine, or by way of a proxy or a browser")
        return {}

    def _refusal(self, claims: Mapping[str, Any], payload: Payload) -> web.Response | None:
        """Whether this is what Teams has signed, and of somebody who may."""
        url = payload["serviceUrl"]
        if self._settings.local and not leads_here(url):
            return self._unsigned(NotSigned("its service URL is not on this machine"))
        if not self._settings.local and claims.get("serviceurl") != url:
            return self._unsigned(NotSigned(SERVICE, proved=True))
        if not usable(url, signed=not self._settings.local):
            log.warning("teams_service_unusable")
            return web.Response(status=400)
        if payload["channelId"] != MSTEAMS:  # in other chats of the Bot Connector, whoever writes chooses who they are
            log.warning("teams_other_channel_refused", channel=text_in(payload, "channelId")[:40])
            return web.Response(status=403)
        tenant = tenant_of(payload)
        if self._settings.tenants and tenant not in self._settings.tenants:
            self._deliveries.outsider(tenant)
            return web.Response(status=403)
        self._deliveries.accepted()
        return None

    def _unsigned(self, refused: NotSigned) -> web.Response:
        self._deliveries.refused(refused.why, proved=refused.proved)
        return web.Response(status=401)

    async def _turn(self, claims: Mapping[str, Any], payload: Payload, handle: Handle) -> InvokeAnswer | None:
        """What the handler answers. Raises what it raises, and Refused for a service URL that cannot be spoken to."""

        async def logic(context: TurnContext) -> None:
            answer = await handle(payload)
            if answer is not None:
                response = InvokeResponse(status=answer.status, body=answer.body)
                await context.send_activity(Activity(type=ActivityTypes.invoke_response, value=response))

        # Only what the library itself asks of it: it fails on much that Teams may send.
        named = {name: text_in(payload, key) or None for name, key in NAMED.items()}
        told = await self.process_activity(self.bot_framework_authentication.verified(dict(claims)), Activity(**named), logic)
        return InvokeAnswer(int(told.status), told.body) if told is not None else None


NAMED = {"type": "type", "id": "id", "name": "name", "channel_id": "channelId", "service_url": "serviceUrl", "locale": "locale"}


class _Verified(BotFrameworkAuthentication):  # type: ignore[misc]
    """For the library: who speaks has been verified before a turn begins, and a turn speaks through our own client."""

    def __init__(self, connect: Connect) -> None:
        self._connect = connect

    def verified(self, claims: dict[str, str]) -> AuthenticateRequestResult:
        """What whoever had these claims may do. Without any (in the local mode) they are anonymous."""
        result = AuthenticateRequestResult()
        result.claims_identity = ClaimsIdentity(claims, True, None if claims else AuthenticationConstants.ANONYMOUS_AUTH_TYPE)
        result.audience = AuthenticationConstants.TO_CHANNEL_FROM_BOT_OAUTH_SCOPE
        result.connector_factory = self.create_connector_factory(result.claims_identity)
        return result

    async def authenticate_request(self, activity: Activity, auth_header: str) -> AuthenticateRequestResult:
        """Never asked for: a header alone opens no turn."""
        raise NotSigned("it was not verified")

    async def authenticate_streaming_request(self, auth_header: str, channel_id_header: str) -> AuthenticateRequestResult:
        """Teams opens no sockets to a bot."""
        raise NotSigned("Teams opens no sockets")

    def create_connector_factory(self, claims_identity: ClaimsIdentity) -> ConnectorFactory:
        return _Connectors(self._connect)

    async def create_user_token_client(self, claims_identity: ClaimsIdentity) -> None:
        """Nobody signs in through the bot."""


class _Connectors(ConnectorFactory):  # type: ignore[misc]
    def __init__(self, connect: Connect) -> None:
        self._connect = connect

    async def create(self, service_url: str, audience: str) -> ConnectorClient:
        return self._connect(service_url)


async def _bounded(request: web.Request) -> bytes | None:
    """None for a body that is too large."""
    body = bytearray()
    async for chunk in request.content.iter_chunked(65_536):
        body += chunk
        if len(body) > LARGEST:
            return None
    return bytes(body)


def _read(body: bytes) -> Payload | None:
    """None for what is no activity."""
    try:
        payload = json.loads(body.decode())
        named = [payload[name] for name in ("type", "channelId", "serviceUrl")]
    except (ValueError, TypeError, LookupError, RecursionError):
        return None
    return payload if isinstance(payload, dict) and all(isinstance(name, str) and name for name in named) else None


def _said_here(request: web.Request) -> bool:
    """By a program on this machine. A browser that was led here by another site's name says so in Host."""
    direct = is_loopback(request.remote) and not any(name in request.headers for name in PASSED_ON)
    return direct and leads_here(f"//{request.host}")
