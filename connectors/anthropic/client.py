"""HTTP to the Messages API by Anthropic's own SDK, and its failures in Foyer's errors. Nothing is tried twice in here.

No error carries words of the API: they may quote what was asked.
"""

import asyncio
import json
import logging
import math
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import anthropic
import httpx2
from anthropic.types import RawMessageStreamEvent

from connectors.anthropic.requests import Request
from connectors.errors import ConnectorError, Refused, Retry
from connectors.ports.language import Unusable

COUNT_SECONDS = 5.0
Deadline = Callable[[], float]
"""When the next event must have come, by the loop's clock; asked before each."""

_BY_TYPE = {
    "rate_limit_error": "rate_limited",
    "overloaded_error": "overloaded",
    "authentication_error": "not_authorised",
    "permission_error": "not_authorised",
    "billing_error": "not_authorised",
    "invalid_request_error": "bad_request",
    "not_found_error": "bad_request",
    "request_too_large": "bad_request",
}
_BY_STATUS = {
    429: "rate_limited",
    529: "overloaded",
    401: "not_authorised",
    402: "not_authorised",
    403: "not_authorised",
    408: "server_error",
}
_REFUSED = frozenset({"not_authorised", "bad_request"})


class MessagesClient:
    """One connection pool. Redirects are not followed: the key would go along."""

    def __init__(self, api_key: str, base_url: str) -> None:
        self.base_url = base_url
        # With ANTHROPIC_LOG=debug it would write down all that is asked.
        logging.getLogger("anthropic").setLevel(logging.INFO)
        self._sdk = anthropic.AsyncAnthropic(
            api_key=api_key,
            base_url=base_url,
            max_retries=0,
            open_telemetry=False,
            http_client=anthropic.DefaultAsyncHttpxClient(follow_redirects=False),
        )

    async def stream(self, request: Request, deadline: Deadline) -> AsyncGenerator[RawMessageStreamEvent, None]:
        """The events of one message. Closing it closes the connection.

        Raises Retry, Refused, and Unusable (late, malformed, cut) without a model and usage.
        """
        try:
            async with asyncio.timeout_at(deadline()):
                events = await self._sdk.messages.create(**request, stream=True)
        except TimeoutError:
            raise Unusable("late") from None
        except anthropic.APIError as error:
            raise failure(error) from None
        try:
            if not events.response.headers.get("content-type", "").startswith("text/event-stream"):
                raise Unusable("malformed")
            following = aiter(events)
            while (event := await _next(following, deadline)) is not None:
                yield event
        except anthropic.APIStatusError as error:
            raise failure(error) from None
        except (anthropic.APIConnectionError, httpx2.HTTPError):
            raise Unusable("cut") from None
        except (anthropic.APIError, json.JSONDecodeError, UnicodeDecodeError):
            raise Unusable("malformed") from None
        finally:
            await events.close()

    async def count(self, request: Request) -> int:
        """Tokens of a request. Raises Retry or Refused."""
        try:
            async with asyncio.timeout(COUNT_SECONDS):
                counted = await self._sdk.messages.count_tokens(**request)
            return int(counted.input_tokens)
        except anthropic.APIStatusError as error:
            raise failure(error) from None
        except (anthropic.APIConnectionError, TimeoutError):
            raise Retry("unreachable") from None
        except (anthropic.APIError, json.JSONDecodeError, UnicodeDecodeError, AttributeError, TypeError, ValueError):
            raise Retry("server_error", "malformed") from None

    async def close(self) -> None:
        await self._sdk.close()


async def _next(events: AsyncIterator[RawMessageStreamEvent], deadline: Deadline) -> RawMessageStreamEvent | None:
    """Only this waiting is cut off, never what is done with an event."""
    try:
        async with asyncio.timeout_at(deadline()):
            return await anext(events, None)
    except TimeoutError:
        raise Unusable("late") from None


def failure(error: anthropic.APIError) -> ConnectorError:
    """What to do about it: by its status, or by its type where it came in the middle of a stream."""
    if not isinstance(error, anthropic.APIStatusError):
        return Retry("unreachable") if isinstance(error, anthropic.APIConnectionError) else Unusable("malformed")
    kind, status = _type_of(error.body), error.status_code
    if status < 400:
        code = _BY_TYPE.get(kind, "bad_request" if status >= 300 else "server_error")
    else:
        code = _BY_STATUS.get(status, "server_error" if status >= 500 else "bad_request")
    if code in _REFUSED:
        return Refused(code, kind)
    return Retry(code, kind, retry_after(error.response.headers, datetime.now(UTC)) if code == "rate_limited" else None)


def retry_after(headers: httpx2.Headers, now: datetime) -> float | None:
    """Seconds, from any of the forms that the header has; None without one that can be read."""
    for name, unit in (("retry-after-ms", 1000.0), ("retry-after", 1.0)):
        try:
            seconds = float(headers.get(name, "")) / unit
        except ValueError:
            continue
        return max(0.0, seconds) if math.isfinite(seconds) else None
    try:
        at = parsedate_to_datetime(headers.get("retry-after", ""))
    except ValueError:
        return None
    return max(0.0, (at.replace(tzinfo=at.tzinfo or UTC) - now).total_seconds())


def _type_of(body: object) -> str:
    """Of an error as the API words it; empty for anything else, such as a proxy's page."""
    error = body.get("error") if isinstance(body, dict) else None
    kind = error.get("type") if isinstance(error, dict) else None
    return kind if isinstance(kind, str) and kind.replace("_", "").isalnum() and len(kind) < 64 else ""
