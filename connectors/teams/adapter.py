"""The way in from Teams: a request is bounded, read, its signature and tenant verified, and only then handled.

What the library answers with 500 (a body or a token that cannot be read) is refused here with 4xx, and what it answers with 401
(any PermissionError of the handler's own) stays a failure, after which Teams sends the activity again.
"""

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import structlog
from aiohttp import web
from botbuilder.integration.aiohttp import CloudAdapter
from botbuilder.schema import Activity

from connectors.chat.loopback import is_loopback, leads_here
from connectors.errors import Retry
from connectors.teams.deliveries import Deliveries
from connectors.teams.envelope import Payload, tenant_of
from connectors.teams.keys import Keys
from connectors.teams.settings import TeamsSettings
from connectors.teams.signatures import CHANNEL, NotSigned, Signatures, TeamsAuthentication
from connectors.teams.tokens import Credentials, Tokens

log = structlog.get_logger()
LARGEST = 1_000_000
"""Bytes of a request; Teams' own are far smaller."""
PASSED_ON = ("Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Real-IP", "Via", "Origin")
"""Headers of what was not said by a program on this machine: a proxy's and a browser's."""


@dataclass(frozen=True, slots=True)
class InvokeAnswer:
    """What Teams waits for after an invoke."""

    status: int
    body: Any = None
    """As JSON; None for none."""


Handle = Callable[[Payload], Awaitable[InvokeAnswer | None]]


class TeamsAdapter(CloudAdapter):  # type: ignore[misc]
    """Raises ValueError for settings with which anybody could speak to the bot."""

    def __init__(self, settings: TeamsSettings, *, keys: Keys, tokens: Tokens, deliveries: Deliveries) -> None:
        if not settings.local and not (settings.app_id and settings.tenants):
            raise ValueError("without an app id and the tenants that may talk to it, the bot would answer anybody")
        self._settings = settings
        self._keys = keys
        self._deliveries = deliveries
        signatures = None if settings.local else Signatures(settings.app_id, keys)
        super().__init__(TeamsAuthentication(signatures, Credentials(settings.app_id, tokens)))

    async def warm(self) -> None:
        """Fetches what signatures are verified with, so that the first message does not wait for it. Raises Retry."""
        if not self._settings.local:
            await self._keys.warm()

    async def receive(self, request: web.Request, handle: Handle) -> web.Response:
        """400, 413 and 415 for what is no activity, 401 for what Teams has not signed, 403 for other tenants, 503 while signatures
        cannot be verified; else what the handler answers, 200 for None, and 500 for what it raises.
        """
        if request.content_type != "application/json":
            return web.Response(status=415)
        if self._settings.local:
            if not _said_here(request):
                return self._unsigned("it does not come from this machine, or by way of a proxy or a browser")
        elif not request.headers.get("Authorization"):
            return self._unsigned("it carries no token")
        try:
            body = await _bounded(request)
        except web.RequestPayloadError:
            return web.Response(status=400)
        if body is None:
            return web.Response(status=413)
        payload = _read(body)
        if payload is None:
            log.warning("teams_request_unreadable", size=len(body))
            return web.Response(status=400)
        refusal = await self._refusal(request, payload)
        if refusal is not None:
            return refusal
        try:
            answer = await handle(payload)
        except Exception as error:
            log.error("teams_not_recorded", exc_info=error)
            return web.Response(status=500)
        if answer is None or answer.body is None:
            return web.Response(status=200 if answer is None else answer.status)
        return web.json_response(answer.body, status=answer.status)

    async def _refusal(self, request: web.Request, payload: Payload) -> web.Response | None:
        """Whether Teams has said this to this bot, and somebody who may."""
        if self._settings.local and not leads_here(payload["serviceUrl"]):
            return self._unsigned("its service URL is not on this machine")
        named = Activity(type=payload["type"], channel_id=payload["channelId"], service_url=payload["serviceUrl"])
        try:
            await self.bot_framework_authentication.authenticate_request(named, request.headers.get("Authorization", ""))
        except NotSigned as refused:
            return self._unsigned(refused.why, proved=refused.proved)
        except Retry as away:
            log.error("teams_signature_not_verified", because=away.detail)
            return web.Response(status=503)
        if payload["channelId"] != CHANNEL:  # in other chats of the Bot Connector, whoever writes chooses who they are
            log.warning("teams_other_channel_refused", channel=payload["channelId"][:40])
            return web.Response(status=403)
        tenant = tenant_of(payload)
        if self._settings.tenants and tenant not in self._settings.tenants:
            self._deliveries.outsider(tenant)
            return web.Response(status=403)
        self._deliveries.accepted()
        return None

    def _unsigned(self, why: str, *, proved: bool = False) -> web.Response:
        self._deliveries.refused(why, proved=proved)
        return web.Response(status=401)


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
