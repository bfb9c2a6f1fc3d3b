"""How requests sign in: a token as it stands in the settings, a name with a password, or a token that is fetched and kept."""

import asyncio
import base64
from datetime import datetime, timedelta
from typing import Final

from httpx2 import AsyncClient, HTTPError, InvalidURL

from connectors.calling.sign_ins import SignIns
from connectors.errors import Retry
from connectors.ports.records import Clock
from connectors.scim.faults import Asked, failure, no_answer
from connectors.scim.settings import ScimSettings

_EARLY: Final = timedelta(seconds=60)
"""How long before its end a fetched token is not used any more."""


class SignIn:
    def __init__(self, settings: ScimSettings, client: AsyncClient, clock: Clock) -> None:
        self._settings = settings
        self._client = client
        self._clock = clock
        self._sign_ins = SignIns(clock)
        self._fetched: tuple[str, datetime] | None = None

    async def header(self) -> str:
        """The Authorization header. Raises Retry when a token cannot be fetched; nothing else was sent then."""
        s = self._settings
        if s.token is not None:
            return f"Bearer {s.token.get_secret_value()}"
        if s.user is not None and s.password is not None:
            return _basic(s.user, s.password.get_secret_value())
        if (kept := self._kept()) is not None:
            return f"Bearer {kept}"
        async with self._sign_ins.turn():
            if (kept := self._kept()) is None:  # nobody fetched one meanwhile
                self._fetched = await self._fetch()
                kept = self._fetched[0]
            return f"Bearer {kept}"

    def _kept(self) -> str | None:
        return self._fetched[0] if self._fetched is not None and self._fetched[1] > self._clock() else None

    def forget(self) -> bool:
        """The service did not take it; whether fetching another one may help."""
        had, self._fetched = self._fetched, None
        return had is not None

    async def _fetch(self) -> tuple[str, datetime]:
        s = self._settings
        assert s.token_url is not None  # settings see to these
        assert s.client_id is not None
        assert s.client_secret is not None
        asked = Asked("POST", "token_url", sent=False)
        try:
            async with asyncio.timeout(s.timeout):
                answer = await self._client.post(
                    s.token_url,
                    data={"grant_type": "client_credentials"},
                    headers={"Authorization": _basic(s.client_id, s.client_secret.get_secret_value()), "Accept": "application/json"},
                )
        except (HTTPError, InvalidURL, TimeoutError, OSError) as error:
            raise no_answer(asked, error) from None
        if answer.status_code in (400, 401, 403):
            raise Retry("bad_credentials", f"client_id, client_secret: token_url answered {answer.status_code}")
        if not answer.is_success:
            problem = failure(asked, answer.status_code, answer.headers, b"", self._clock())
            raise problem if isinstance(problem, Retry) else Retry("misconfigured", problem.detail)
        try:
            given = answer.json()
            return str(given["access_token"]), self._clock() + timedelta(seconds=float(given.get("expires_in", 300))) - _EARLY
        except (ValueError, TypeError, KeyError, AttributeError):
            raise Retry("bad_answer", "token_url answered without an access_token") from None


def _basic(name: str, secret: str) -> str:
    return "Basic " + base64.b64encode(f"{name}:{secret}".encode()).decode()
