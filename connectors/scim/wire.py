"""One request to a SCIM service: signed in, paced, bounded in time and size, every failure one of `connectors.errors`."""

import asyncio
import logging
import ssl
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import cache
from typing import Any, Final

from httpx2 import AsyncClient, HTTPError, InvalidURL, Limits, Response, Timeout, create_ssl_context
from scim2_client import SCIMClientException
from scim2_client.client import ResponseHeaders
from scim2_client.engines.httpx2 import AsyncSCIMClient
from scim2_models import Context, Resource, ScimObject, ScimProvider

from connectors.chat.pace import Pace
from connectors.ports.records import Clock
from connectors.scim.faults import Asked, failure, http_date, no_answer
from connectors.scim.settings import ScimSettings
from connectors.scim.signing import SignIn

logging.getLogger("httpx2").setLevel(logging.WARNING)
"""At INFO it logs each address, and with it whom was searched for."""

LARGEST: Final = 16 * 1024 * 1024
"""Bytes of an answer: a group of 100,000 members."""
ERROR: Final = "urn:ietf:params:scim:api:messages:2.0:Error"


class Wire(AsyncSCIMClient):
    """The library's client, with the errors of this house.

    Answers are JSON as it came, not the library's models: somebody's malformed address is no reason not to read a whole list.
    """

    def __init__(
        self,
        settings: ScimSettings,
        clock: Clock,
        provider: ScimProvider,
        *,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        trust = _machine_trust() if settings.ca_file is None else ssl.create_default_context(cafile=settings.ca_file)
        client = AsyncClient(
            base_url=settings.url,
            headers={"User-Agent": "foyer", "Accept": "application/scim+json, application/json", "Accept-Encoding": "identity"},
            verify=trust,
            timeout=Timeout(settings.timeout),
            limits=Limits(max_connections=8, keepalive_expiry=4.0),
            trust_env=False,
        )
        super().__init__(client, provider=provider, check_request_payload=False)
        self._timeout = settings.timeout
        self._clock = clock
        self._monotonic = monotonic
        self._sleep = sleep
        self._sign_in = SignIn(settings, client, clock)
        self._pace = None if settings.requests_per_second is None else Pace(1 / settings.requests_per_second, burst=1)
        self.skew: float | None = None
        """Seconds by which the service's clock was ahead when it answered last; None before, and where it does not tell."""

    async def close(self) -> None:
        await self.client.aclose()

    async def request(self, method: str, url: str, **kwargs: Any) -> Response:
        """The whole answer, a 2xx. Raises `Rejected` where the caller may know how to go on, else as `faults` says."""
        await self._wait_for_its_turn()
        response = await self._sent(method, url, kwargs)
        if response.status_code == 401 and self._sign_in.forget():
            response = await self._sent(method, url, kwargs)
        said = http_date(response.headers.get("date"))
        self.skew = None if said is None else (said - self._clock()).total_seconds()
        if not response.is_success:
            raise failure(Asked(method, url), response.status_code, response.headers, response.content, self._clock())
        return response

    def check_response(
        self,
        payload: Any,
        status_code: int,
        headers: ResponseHeaders,
        expected_status_codes: list[int] | None = None,
        expected_types: Sequence[type[ScimObject]] | None = None,
        check_response_payload: bool | None = None,
        raise_scim_errors: bool | None = None,
        scim_ctx: Context | None = None,
        target: Resource[Any] | None = None,
    ) -> dict[str, Any] | None:
        """The answer's JSON object, with its ETag as `meta.version` where it does not say so itself; None without content."""
        if payload is None:
            return None
        if not isinstance(payload, dict) or payload.get("schemas") == [ERROR]:
            raise SCIMClientException("no SCIM message")
        if etag := headers.get("etag"):
            meta = payload.get("meta")
            payload["meta"] = {"version": etag, **(meta if isinstance(meta, dict) else {})}
        return payload

    async def _wait_for_its_turn(self) -> None:
        if self._pace is not None:
            now = self._monotonic()
            wait = self._pace.wait("", now)
            self._pace.took("", now)
            await self._sleep(wait)

    async def _sent(self, method: str, url: str, kwargs: Mapping[str, Any]) -> Response:
        sent = False

        async def trace(event: str, info: Mapping[str, Any]) -> None:
            nonlocal sent
            sent = sent or event.endswith("send_request_headers.started")

        headers = {**kwargs.get("headers", {}), "Authorization": await self._sign_in.header()}
        try:
            async with asyncio.timeout(self._timeout):
                request = self.client.build_request(method, url, **{**kwargs, "headers": headers}, extensions={"trace": trace})
                response = await self.client.send(request, stream=True)
                try:
                    body = await _bounded(response)
                finally:
                    await response.aclose()
        except _TooLong:
            raise Asked(method, url).lost("bad_answer", f"more than {LARGEST} bytes") from None
        except (HTTPError, InvalidURL, TimeoutError, OSError) as error:
            raise no_answer(Asked(method, url, sent), error) from None
        kept = [(name, value) for name, value in response.headers.items() if name not in ("content-encoding", "transfer-encoding")]
        return Response(response.status_code, headers=kept, content=body, request=request)


@cache
def _machine_trust() -> ssl.SSLContext:
    """The machine's own authorities; reading them takes long, and every application needs them."""
    return create_ssl_context(trust_env=False)


class _TooLong(Exception):
    pass


async def _bounded(response: Response) -> bytes:
    parts, size = [], 0
    async for part in response.aiter_bytes():
        size += len(part)
        if size > LARGEST:
            raise _TooLong
        parts.append(part)
    return b"".join(parts)
