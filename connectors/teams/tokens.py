"""What proves to Microsoft that the bot speaks: tokens by scope, from a client secret or a managed identity.

The library makes a client of its own for every turn, so that each fetches a token anew, while everything else stands still. Here a
token is fetched once, in a thread, and kept as long as it is good.
"""

import asyncio
import re
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol
from urllib.parse import urlsplit

import requests
from msal import ConfidentialClientApplication, ManagedIdentityClient, UserAssignedManagedIdentity
from msal.exceptions import MsalError

from connectors.chat.loopback import leads_here
from connectors.errors import ConnectorError, Refused, Retry
from connectors.teams.settings import TeamsSettings

BOT_SCOPE = "https://api.botframework.com/.default"
GRAPH_SCOPE = "https://graph.microsoft.com/.default"
TIMEOUT = 10.0
"""Seconds for one call to the login."""
WHOLE = 25.0
"""Seconds for a token: the first takes two calls."""
EARLY = 300.0
"""Seconds before its end at which a token is not used any more."""
LONGEST = 3600.0
"""Seconds after which msal is asked again, which knows when a long one is to be renewed, and keeps it when that fails."""
YOUNG = 60.0
"""Seconds that a token is believed in, whoever does not take it: another one would not be taken either."""
ANYBODYS = "botframework.com"
"""The tenant that bots of several tenants sign in to."""
SECRET = "FOYER_TEAMS_APP_PASSWORD"  # noqa: S105 - the name of a setting
MENDS: Mapping[str, str] = {
    "7000215": f"{SECRET} is not a client secret of this app registration: it is the secret's Value, not its ID",
    "7000222": f"{SECRET} has expired: make a new client secret under Certificates & secrets",
    "7000216": f"{SECRET} is missing, or this app registration wants a certificate",
    "7000218": f"{SECRET} is missing, or this app registration wants a certificate",
    "700016": "FOYER_TEAMS_APP_ID is no app registration of the tenant FOYER_TEAMS_TENANT_ID, or FOYER_TEAMS_APP_TYPE is another",
    "7000229": "the app registration has no service principal in FOYER_TEAMS_TENANT_ID: make one (Enterprise applications)",
    "7000112": "the app registration is disabled in Microsoft Entra",
    "90002": "there is no tenant FOYER_TEAMS_TENANT_ID: it is the Directory (tenant) ID of the app registration",
    "900023": "FOYER_TEAMS_TENANT_ID is no tenant: it is the Directory (tenant) ID of the app registration",
    "500011": "the tenant does not know the service that the token is for",
    "53003": "a Conditional Access policy keeps the app from signing in from here",
}
"""What to do about Microsoft's own codes (AADSTS...)."""
BUSY = frozenset({"90033", "90055", "50196", "90006", "90024"})
"""Those that pass."""
IDENTITY = "no user-assigned managed identity with the client id FOYER_TEAMS_APP_ID is assigned to this machine"


class TokenSource(Protocol):
    """What of `Tokens` is needed to ask Microsoft for something."""

    async def token(self, scope: str) -> str:
        """One that is good now. Raises Retry, Refused."""

    def forget(self, scope: str) -> None:
        """It was not taken: the next one is a new one."""


@dataclass(frozen=True, slots=True)
class _Kept:
    token: str
    since: float
    until: float


class Tokens:
    """Of the app in `settings`; `monotonic` is in seconds."""

    def __init__(self, settings: TeamsSettings, monotonic: Callable[[], float] = time.monotonic, *, timeout: float = TIMEOUT) -> None:
        if not settings.login_url.startswith("https:") and not leads_here(settings.login_url):
            raise ValueError("FOYER_TEAMS_LOGIN_URL must be https")
        self._settings = settings
        self._monotonic = monotonic
        self._http = _Http(timeout, plain=settings.login_url if settings.login_url.startswith("http:") else "")
        self._kept: dict[str, _Kept] = {}
        self._asking: dict[str, asyncio.Lock] = {}
        self._app: Any = None
        self._making = threading.Lock()

    async def token(self, scope: str) -> str:
        """One that is good for five minutes at least. Raises Retry ("unreachable"), Refused ("bad_credentials")."""
        async with self._asking.setdefault(scope, asyncio.Lock()):
            kept = self._kept.get(scope)
            if kept is not None and self._monotonic() < kept.until:
                return kept.token
            try:
                async with asyncio.timeout(WHOLE):
                    told = await asyncio.to_thread(self._acquire, scope)
            except TimeoutError as error:
                raise Retry("unreachable", "Microsoft's login does not answer") from error
            token = str(told.get("access_token") or "")
            if not token:
                raise self._refusal(str(told.get("error") or ""), str(told.get("error_description") or ""))
            lasts = min(float(told.get("expires_in") or 0.0) - EARLY, LONGEST)
            now = self._monotonic()
            self._kept[scope] = _Kept(token, now, now + lasts)
            return token

    def forget(self, scope: str) -> None:
        """It was not taken: the next one is a new one, unless this one is new itself. Several calls may be refused at once."""
        kept = self._kept.get(scope)
        if kept is not None and self._monotonic() - kept.since >= YOUNG:
            del self._kept[scope]
            self._app = None

    def close(self) -> None:
        self._http.close()

    def _acquire(self, scope: str) -> Mapping[str, Any]:
        """In a thread. What msal tells, which raises whatever its transport and its parser do."""
        try:
            with self._making:
                app = self._app = self._app or self._make()
            if isinstance(app, ManagedIdentityClient):
                told = app.acquire_token_for_client(resource=scope.removesuffix("/.default"))
            else:
                told = app.acquire_token_for_client(scopes=[scope])
        except requests.RequestException as error:
            raise Retry("unreachable", f"Microsoft's login cannot be reached ({type(error).__name__})") from error
        except (MsalError, ValueError, LookupError, TypeError, AttributeError) as error:
            said = f"{error} {error.__context__}"  # a tenant that does not exist is told so only
            if _aadsts(said):
                raise self._refusal("invalid_tenant", said) from error
            raise Retry("unreachable", f"Microsoft's login answers what cannot be read ({type(error).__name__})") from error
        return told if isinstance(told, Mapping) else {}

    def _make(self) -> Any:
        settings = self._settings
        if settings.app_type == "UserAssignedMSI":
            return ManagedIdentityClient(UserAssignedManagedIdentity(client_id=settings.app_id), http_client=self._http)
        tenant = ANYBODYS if settings.app_type == "MultiTenant" else settings.tenant_id
        login = urlsplit(settings.login_url)
        return ConfidentialClientApplication(
            settings.app_id, client_credential=settings.app_password, authority=f"https://{login.netloc}/{tenant}",
            instance_discovery=False, http_client=self._http,
        )  # fmt: skip

    def _refusal(self, error: str, description: str) -> ConnectorError:
        """What an answer without a token means, in words for the operator and in none of Microsoft's about the app."""
        code = _aadsts(description)
        if self._settings.app_type == "UserAssignedMSI":
            busy = not error or re.match(r"(429|5\d\d),", description)
            return Retry("unreachable", "the managed identity is not served now") if busy else Refused("bad_credentials", IDENTITY)
        if code in BUSY or not (code or error) or error in ("temporarily_unavailable", "server_error"):
            return Retry("unreachable", f"Microsoft's login is busy ({error} AADSTS{code})")
        said = MENDS.get(code, f"Microsoft's login refuses FOYER_TEAMS_APP_ID with {SECRET}")
        return Refused("bad_credentials", f"{said} (AADSTS{code})" if code else f"{said} ({error[:60]})")


class _Http(requests.Session):
    """Bounded in time. msal speaks https only; what it asks of a login that a test serves is asked there."""

    def __init__(self, timeout: float, plain: str) -> None:
        super().__init__()
        self._timeout = timeout
        self._plain = urlsplit(plain).netloc
        self.trust_env = not plain

    def request(self, method: str, url: str | bytes, *args: Any, **kwargs: Any) -> requests.Response:
        kwargs.setdefault("timeout", self._timeout)
        asked = url.decode() if isinstance(url, bytes) else url
        if self._plain and urlsplit(asked).netloc == self._plain:
            asked = "http" + asked.removeprefix("https")
        return super().request(method, asked, *args, **kwargs)


def _aadsts(text: str) -> str:
    found = re.search(r"AADSTS(\d{4,9})", text)
    return found[1] if found else ""
