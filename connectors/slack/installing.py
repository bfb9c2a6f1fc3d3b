"""Several workspaces: who installed the app, their tokens encrypted at rest and renewed once, and how it is installed.

Bolt renews an expiring token wherever it meets one, so that two workers race for a refresh token that works once. Here only
the store renews: it hands out bots that have a good token and no refresh token, and whoever holds the row's lease fetches
a new one long before the old one ends.
"""

import logging
import secrets
from base64 import b64decode, b64encode
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp
import structlog
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from slack_bolt.error import BoltError
from slack_bolt.oauth.async_callback_options import AsyncCallbackOptions, AsyncFailureArgs, AsyncSuccessArgs
from slack_bolt.oauth.async_oauth_flow import AsyncOAuthFlow
from slack_bolt.oauth.async_oauth_settings import AsyncOAuthSettings
from slack_bolt.response import BoltResponse
from slack_sdk.errors import SlackApiError
from slack_sdk.oauth.installation_store.models.bot import Bot
from slack_sdk.oauth.installation_store.models.installation import Installation
from slack_sdk.oauth.installation_store.sqlalchemy import AsyncSQLAlchemyInstallationStore, SQLAlchemyInstallationStore
from slack_sdk.oauth.state_store.async_state_store import AsyncOAuthStateStore
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.web.async_slack_response import AsyncSlackResponse
from sqlalchemy import ColumnElement, Dialect, MetaData, Table, Text, delete, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.types import TypeDecorator

from connectors.errors import Retry
from connectors.ports.records import Clock
from connectors.slack.manifest import INSTALL_PATH, REDIRECT_PATH
from connectors.slack.settings import SlackSettings
from connectors.slack.store import TOKENS, bots_table, installations_table, oauth_states

log = structlog.get_logger()
RENEW_BEFORE = timedelta(hours=2)
"""Before a token ends; Slack's live for twelve hours."""
LEASE = timedelta(minutes=1)
STATE_LIFE = timedelta(minutes=10)


class Sealed(TypeDecorator[str]):
    """A token, encrypted with AES-GCM and bound to the name of its column. One that cannot be opened reads as none."""

    impl = Text
    cache_ok = False

    def __init__(self, secret: bytes, column: str) -> None:
        super().__init__()
        self._cipher = AESGCM(secret)
        self._column = column.encode()

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        if value is None:
            return None
        nonce = secrets.token_bytes(12)
        return b64encode(nonce + self._cipher.encrypt(nonce, value.encode(), self._column)).decode()

    def process_result_value(self, value: str | None, dialect: Dialect) -> str | None:
        if value is None:
            return None
        try:
            raw = b64decode(value)
            return self._cipher.decrypt(raw[:12], raw[12:], self._column).decode()
        except (InvalidTag, ValueError):
            log.error("slack_token_unreadable", column=self._column.decode())
            return None


class NotAllowed(BoltError):
    """The app was installed in a workspace that is none of ours."""


class Installations(AsyncSQLAlchemyInstallationStore):
    """Bolt's store on the project's own engine and tables; also `connectors.slack.clients.Tokens`."""

    def __init__(self, settings: SlackSettings, engine: AsyncEngine, clock: Clock) -> None:
        super().__init__(settings.client_id or "", engine)
        sealing = {name: Sealed(settings.secret, name) for name in TOKENS}
        self.metadata = MetaData()
        self.bots = bots_table(self.metadata, sealing)
        self.installations = installations_table(self.metadata, sealing)
        self._settings = settings
        self._clock = clock

    def allows(self, team: str | None) -> bool:
        """Whether this workspace may have the app: in their own one, anybody could claim any address."""
        return team in self._settings.teams

    async def async_save(self, installation: Installation) -> None:
        """Raises NotAllowed."""
        if not self.allows(installation.team_id):
            raise NotAllowed(installation.team_id or "a whole enterprise")
        await super().async_save(installation)

    async def token(self, tenant: str) -> str | None:
        bot = await self.async_find_bot(enterprise_id=None, team_id=tenant)
        return None if bot is None else bot.bot_token

    async def teams(self) -> Sequence[str]:
        b = self.bots.c
        query = select(b.team_id).where(b.client_id == self.client_id, b.team_id.is_not(None)).distinct().order_by(b.team_id)
        async with self.engine.connect() as connection:
            return [team for team in (await connection.execute(query)).scalars() if self.allows(team)]

    async def async_find_bot(
        self, *, enterprise_id: str | None, team_id: str | None, is_enterprise_install: bool | None = False
    ) -> Bot | None:
        """The bot of a workspace, whatever enterprise it belongs to, with a token that is good now; there is none for a whole enterprise.

        Raises Retry when the token has ended and another process is fetching the new one, or Slack did not give it.
        """
        if not self.allows(team_id):
            return None
        b = self.bots.c
        newest = select(self.bots).where(b.client_id == self.client_id, b.team_id == team_id).order_by(b.installed_at.desc()).limit(1)
        async with self.engine.connect() as connection:
            found = (await connection.execute(newest)).mappings().one_or_none()
        if found is None or found["bot_token"] is None:
            return None
        row = dict(found)
        if row["bot_refresh_token"] is not None and row["bot_token_expires_at"] is not None:
            row = await self._renewed(row)
        bot = SQLAlchemyInstallationStore.build_bot_entity(row)
        bot.bot_refresh_token = None
        return bot

    async def uninstalled(self, team: str, when: datetime) -> None:
        """Everything of this workspace that was installed before is forgotten."""
        await self.bot_revoked(team, when)
        async with self.engine.begin() as connection:
            await connection.execute(delete(self.installations).where(*self._before(self.installations, team, when)))

    async def bot_revoked(self, team: str, when: datetime) -> None:
        async with self.engine.begin() as connection:
            await connection.execute(delete(self.bots).where(*self._before(self.bots, team, when)))

    async def users_revoked(self, team: str, users: Sequence[str], when: datetime) -> None:
        theirs = (*self._before(self.installations, team, when), self.installations.c.user_id.in_(users))
        async with self.engine.begin() as connection:
            await connection.execute(delete(self.installations).where(*theirs))

    def _before(self, table: Table, team: str, when: datetime) -> tuple[ColumnElement[bool], ...]:
        c = table.c
        return c.client_id == self.client_id, c.team_id == team, c.installed_at <= when.astimezone(UTC).replace(tzinfo=None)

    async def _renewed(self, row: dict[str, Any]) -> dict[str, Any]:
        """The row with a token that lasts, renewed if that is due and nobody else is at it."""
        now, ends = self._clock(), row["bot_token_expires_at"].replace(tzinfo=UTC)
        if now < ends - RENEW_BEFORE:
            return row
        here = (self.bots.c.id == row["id"], self.bots.c.bot_token_expires_at == row["bot_token_expires_at"])
        free = or_(self.bots.c.renewing_until.is_(None), self.bots.c.renewing_until < now)
        async with self.engine.begin() as connection:
            taken = await connection.execute(update(self.bots).where(*here, free).values(renewing_until=now + LEASE))
        got = await self._fetch(row) if taken.rowcount else None
        if got is not None:
            async with self.engine.begin() as connection:
                await connection.execute(update(self.bots).where(*here).values(**got, renewing_until=None))
            return {**row, **got}
        if now < ends:
            return row
        raise Retry("token_renewing", row["team_id"] or "", after=1.0)

    async def _fetch(self, row: Mapping[str, Any]) -> Mapping[str, Any] | None:
        client = AsyncWebClient(base_url=self._settings.api_url, timeout=10, retry_handlers=[])
        try:
            answer = await client.oauth_v2_access(
                client_id=self.client_id,
                client_secret=self._settings.client_secret or "",
                grant_type="refresh_token",
                refresh_token=row["bot_refresh_token"],
            )
        except (SlackApiError, aiohttp.ClientError, TimeoutError) as error:
            said = (
                error.response.get("error") if isinstance(error, SlackApiError) and isinstance(error.response, AsyncSlackResponse) else None
            )
            log.error("slack_token_not_renewed", team=row["team_id"], code=str(said or type(error).__name__))
            return None
        ends: datetime = self._clock() + timedelta(seconds=int(answer["expires_in"]))
        return {
            "bot_token": answer["access_token"],
            "bot_refresh_token": answer["refresh_token"],
            "bot_token_expires_at": ends.replace(tzinfo=None),
        }


class States(AsyncOAuthStateStore):
    """What proves that whoever comes back from Slack set out from here. Each is good once, for STATE_LIFE."""

    def __init__(self, engine: AsyncEngine, clock: Clock) -> None:
        self._engine = engine
        self._clock = clock

    @property
    def logger(self) -> logging.Logger:
        return logging.getLogger(__name__)

    async def async_issue(self, *args: Any, **kwargs: Any) -> str:
        state, now = secrets.token_urlsafe(32), self._clock()
        async with self._engine.begin() as connection:
            await connection.execute(delete(oauth_states).where(oauth_states.c.expire_at < now))
            await connection.execute(insert(oauth_states).values(state=state, expire_at=now + STATE_LIFE))
        return state

    async def async_consume(self, state: str) -> bool:
        known = (oauth_states.c.state == state, oauth_states.c.expire_at > self._clock())
        async with self._engine.begin() as connection:
            return bool((await connection.execute(delete(oauth_states).where(*known))).rowcount)


def oauth_flow(settings: SlackSettings, store: Installations, states: States, scopes: Sequence[str]) -> AsyncOAuthFlow:
    """How a workspace installs the app, for Bolt: INSTALL_PATH and back to REDIRECT_PATH."""
    made = AsyncOAuthSettings(
        client_id=settings.client_id,
        client_secret=settings.client_secret,
        scopes=list(scopes),
        user_scopes=[],
        redirect_uri=settings.base_url.rstrip("/") + REDIRECT_PATH,
        install_path=INSTALL_PATH,
        redirect_uri_path=REDIRECT_PATH,
        installation_store=store,
        installation_store_bot_only=True,
        state_store=states,
        callback_options=AsyncCallbackOptions(success=_installed, failure=_not_installed),
    )
    return AsyncOAuthFlow(client=AsyncWebClient(base_url=settings.api_url, retry_handlers=[]), settings=made)


async def _installed(done: AsyncSuccessArgs) -> BoltResponse:
    assert done.default is not None
    return await done.default.success(done)


async def _not_installed(failed: AsyncFailureArgs) -> BoltResponse:
    """With what to do about it, where that is known."""
    if isinstance(failed.error, NotAllowed):
        log.warning("slack_installation_refused", team=str(failed.error))
        said = f"Foyer is not for this workspace ({failed.error}). Whoever runs it has to name the workspace in FOYER_SLACK_TEAMS first."
        return BoltResponse(status=403, body=said)
    assert failed.default is not None
    return await failed.default.failure(failed)
