"""The keys that Teams' requests are signed with, as Microsoft publishes them.

The library fetches them with a call that blocks everything and never gives up, and fails on a key that it has not seen before it
gets to asking for it. Here a key that is not known is asked for at once, so that a rotation is not felt; but seldom, since anybody
can name keys that do not exist.
"""

import asyncio
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import aiohttp
import jwt
import structlog

from connectors.chat.loopback import leads_here
from connectors.errors import Retry

log = structlog.get_logger()
TIMEOUT = 10.0
"""Seconds for the document and the keys together."""
AGE = 24 * 3600.0
"""Seconds after which they are fetched anew, as Microsoft asks for; meanwhile, and while that fails, the old ones hold."""
UNKNOWN = 60.0
"""Seconds from one search for a key that is not known to the next."""
AGAIN = 5.0
"""Seconds until Microsoft is asked again after it could not be."""


@dataclass(frozen=True, slots=True)
class SigningKey:
    key: Any
    """An RSA public key."""
    endorsements: frozenset[str]
    """The chat platforms whose messages may be signed with it."""


class Keys:
    """Of the OpenID document at `url`; `monotonic` is in seconds."""

    def __init__(self, url: str, monotonic: Callable[[], float] = time.monotonic, *, timeout: float = TIMEOUT) -> None:
        self._url = url
        self._monotonic = monotonic
        self._timeout = timeout
        self._keys: Mapping[str, SigningKey] = {}
        self._fetched_at: float | None = None
        self._failed_at: float | None = None
        self._searched_at: float | None = None
        self._fetching = asyncio.Lock()

    async def warm(self) -> None:
        """So that the first message does not wait for them. Raises Retry."""
        async with self._fetching:
            if self._fetched_at is None:
                await self._fetch()

    async def get(self, kid: str) -> SigningKey | None:
        """None when Microsoft has published no such key. Raises Retry when that cannot be found out now."""
        if kid not in self._keys or self._old():
            async with self._fetching:
                await self._search(kid)
        return self._keys.get(kid)

    async def _search(self, kid: str) -> None:
        now, known = self._monotonic(), kid in self._keys
        failing = self._failed_at is not None and now - self._failed_at < AGAIN
        if not failing and not (self._old() if known else self._may_search(now)):
            return
        try:
            if failing:
                raise Retry("unreachable", f"{self._url} could not be reached just now")
            if not known and self._fetched_at is not None:
                self._searched_at = now
            await self._fetch()
        except Retry as away:
            if not known:
                raise
            log.warning("teams_keys_not_renewed", because=away.detail)

    def _old(self) -> bool:
        return self._fetched_at is None or self._monotonic() - self._fetched_at >= AGE

    def _may_search(self, now: float) -> bool:
        return self._fetched_at is None or self._searched_at is None or now - self._searched_at >= UNKNOWN

    async def _fetch(self) -> None:
        try:
            async with (
                asyncio.timeout(self._timeout),
                aiohttp.ClientSession(trust_env=not leads_here(self._url)) as session,
            ):
                document = await _json(session, self._url)
                found = dict(_read(await _json(session, str(document["jwks_uri"]))))
        except (aiohttp.ClientError, TimeoutError, ValueError, LookupError, TypeError, AttributeError) as error:
            self._failed_at = self._monotonic()
            raise Retry("unreachable", f"cannot fetch the keys that {self._url} names ({type(error).__name__})") from error
        if not found:
            self._failed_at = self._monotonic()
            raise Retry("unreachable", f"{self._url} names no keys")
        self._keys, self._fetched_at, self._failed_at = found, self._monotonic(), None
        log.info("teams_keys_fetched", keys=len(found))


async def _json(session: aiohttp.ClientSession, url: str) -> Any:
    async with session.get(url) as answer:
        answer.raise_for_status()
        return await answer.json(content_type=None)


def _read(document: Any) -> Iterator[tuple[str, SigningKey]]:
    """Those that can be used; what else may be published there is none of ours."""
    for entry in document["keys"]:
        if entry.get("kty") != "RSA" or not isinstance(entry.get("kid"), str):
            continue
        try:
            key = jwt.PyJWK(entry, algorithm="RS256").key
        except jwt.PyJWTError:
            continue
        yield entry["kid"], SigningKey(key, frozenset(map(str, entry.get("endorsements") or ())))
