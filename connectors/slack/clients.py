"""The way to Slack's Web API: which token speaks for a workspace, and what came of a call in Foyer's own errors.

Nothing is repeated and nobody sleeps in here. The SDK's own handlers would post a message again after a cut connection; the
outbox waits instead, and asks first what became of the message.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Protocol

import aiohttp
from slack_sdk.errors import SlackApiError, SlackRequestError
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.web.async_slack_response import AsyncSlackResponse

from connectors.chat.files import TRANSFER
from connectors.errors import ConnectorError, OutcomeUnknown, Refused, Retry
from connectors.slack.settings import SlackSettings

TIMEOUT = 15.0
"""Seconds for one call."""
READS = frozenset(
    {"conversations.history", "conversations.replies", "conversations.info", "files.info", "users.info", "users.lookupByEmail"}
)
"""Asked by GET; these methods take no JSON."""
HARMLESS = READS | {"auth.test", "conversations.open", "files.delete", "files.getUploadURLExternal"}
"""Repeating these shows nobody anything, so that an unknown outcome is none."""
FORMS = frozenset({"files.getUploadURLExternal", "files.completeUploadExternal"})
"""Take a form, no JSON."""
BUSY = frozenset({"ratelimited", "rate_limited", "message_limit_exceeded", "service_unavailable", "request_timeout", "team_added_to_org"})
"""Slack did nothing, and may later."""
BROKEN = frozenset({"fatal_error", "internal_error"})
"""Slack says itself that some of it may have been done."""
WITHOUT_ACCESS = 60.0
"""Seconds until Slack is asked again after it has refused the token."""
REVOKED = frozenset({"account_inactive", "token_revoked", "token_expired", "invalid_auth", "not_authed"})


@dataclass(frozen=True, slots=True)
class Me:
    """The bot in one workspace."""

    team: str
    user: str
    bot: str


class Tokens(Protocol):
    """Tokens of installed workspaces."""

    async def token(self, tenant: str) -> str | None:
        """A bot token that is good now; None when the app is not installed there. Raises Retry while it is being renewed."""

    async def teams(self) -> Sequence[str]: ...


class Clients:
    """One client a token. With `tokens`, workspaces come from there; otherwise there is the one of `settings.bot_token`."""

    def __init__(self, settings: SlackSettings, tokens: Tokens | None = None, *, timeout: float = TIMEOUT) -> None:
        self.settings = settings
        self._tokens = tokens
        self._timeout = timeout
        self._session: aiohttp.ClientSession | None = None
        self._clients: dict[str, AsyncWebClient] = {}
        self._me: dict[str, Me] = {}
        self._asking = asyncio.Lock()

    def session(self) -> aiohttp.ClientSession:
        """For what is fetched beside the API; closed by `close`."""
        if self._session is None or self._session.closed:
            limits = aiohttp.ClientTimeout(total=self._timeout, connect=min(5.0, self._timeout))
            self._session = aiohttp.ClientSession(timeout=limits)
        return self._session

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()

    async def of(self, tenant: str) -> AsyncWebClient:
        """The client of a workspace. Raises Refused("not_installed") where the bot is not, Retry when that cannot be told."""
        if self._tokens is None:
            if tenant != (await self._only()).team:
                raise Refused("not_installed", tenant)
            return self._client(self.settings.bot_token or "")
        token = await self._tokens.token(tenant)
        if token is None:
            self.forget(tenant)
            raise Refused("not_installed", tenant)
        return self._client(token)

    async def tenants(self) -> Sequence[str]:
        """The workspaces that the bot is in."""
        return [(await self._only()).team] if self._tokens is None else await self._tokens.teams()

    async def me(self, tenant: str) -> Me:
        """Who the bot is there: what it wrote itself is told by this."""
        if tenant not in self._me:
            self._me[tenant] = _me(await self.call(tenant, "auth.test"))
        return self._me[tenant]

    def forget(self, tenant: str) -> None:
        """The app was removed from a workspace, or its token revoked."""
        self._me.pop(tenant, None)
        self._clients.clear()

    async def call(self, tenant: str, method: str, **arguments: Any) -> Mapping[str, Any]:
        """One Web API method; None among the arguments means left out.

        Raises Retry (nothing came of it), OutcomeUnknown (a write that perhaps was done), Refused with Slack's own error name.
        """
        client = await self.of(tenant)
        try:
            return await self._ask(client, method, arguments)
        except Refused as refused:
            if refused.code in REVOKED:
                self.forget(tenant)
                # Renewed by somebody else while this was on its way; otherwise for an admin to mend: what is to be said waits.
                renewed = refused.code == "token_expired" and self._tokens is not None
                raise Retry(refused.code, method, after=1.0 if renewed else WITHOUT_ACCESS) from refused
            raise

    async def upload(self, tenant: str, name: str, data: bytes) -> str:
        """The id of a file that nobody sees until it is shared. Errors as of `call`."""
        slot = await self.call(tenant, "files.getUploadURLExternal", filename=name, length=len(data))
        proxy = (await self.of(tenant)).proxy
        sending = self.session().post(slot["upload_url"], data=data, proxy=proxy, timeout=TRANSFER)
        async with _told("files.upload", harmless=True), sending as sent:
            if sent.status != 200:
                raise Retry("upload", f"status {sent.status}")
        return str(slot["file_id"])

    async def share(self, tenant: str, file: str, *, channel: str, thread: str) -> None:
        """Shows an uploaded file in a thread. Errors as of `call`."""
        shared = f'[{{"id": "{file}"}}]'
        await self.call(tenant, "files.completeUploadExternal", files=shared, channel_id=channel, thread_ts=thread)

    async def _only(self) -> Me:
        async with self._asking:
            if "" not in self._me:
                client = self._client(self.settings.bot_token or "")
                self._me[""] = _me(await self._ask(client, "auth.test", {}))
        return self._me[""]

    def _client(self, token: str) -> AsyncWebClient:
        if token not in self._clients:
            self._clients[token] = AsyncWebClient(token, base_url=self.settings.api_url, session=self.session(), retry_handlers=[])
        client = self._clients[token]
        client.session = self.session()
        return client

    async def _ask(self, client: AsyncWebClient, method: str, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        given = {name: value for name, value in arguments.items() if value is not None}
        async with _told(method, harmless=method in HARMLESS):
            if method in READS:
                response = await client.api_call(method, http_verb="GET", params=given)
            elif method in FORMS:
                response = await client.api_call(method, data=given)
            else:
                response = await client.api_call(method, json=given)
            assert isinstance(response.data, dict)
            return response.data


def _me(answer: Mapping[str, Any]) -> Me:
    return Me(answer["team_id"], answer["user_id"], answer.get("bot_id") or "")


@asynccontextmanager
async def _told(method: str, *, harmless: bool) -> AsyncIterator[None]:
    """Whatever goes wrong inside, as one of Foyer's errors."""
    unknown = Retry if harmless else OutcomeUnknown
    try:
        yield
    except SlackApiError as error:
        raise _refusal(method, error, unknown) from error
    except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
        raise Retry("unreachable", f"{method}: {type(error).__name__}") from error
    except (aiohttp.ClientError, TimeoutError, SlackRequestError) as error:
        raise unknown("no_answer", f"{method}: {type(error).__name__}") from error


def _refusal(method: str, error: SlackApiError, unknown: type[Retry]) -> ConnectorError:
    response = error.response
    if not isinstance(response, AsyncSlackResponse) or not isinstance(response.data, dict):
        return unknown("no_answer", f"{method}: unreadable")
    code = str(response.data.get("error") or "")
    if response.status_code == 429 or code in BUSY:
        return Retry(code or "ratelimited", method, after=_seconds(response.headers))
    if response.status_code >= 500 or code in BROKEN:
        return unknown(code or "server_error", f"{method}: status {response.status_code}")
    if not code:
        return unknown("no_answer", f"{method}: status {response.status_code}")
    return Refused(code, method)


def _seconds(headers: Mapping[str, str]) -> float | None:
    """Of Retry-After; None where Slack does not say."""
    said = next((value for name, value in headers.items() if name.lower() == "retry-after"), "")
    try:
        return float(said)
    except ValueError:
        return None
