"""Slack's own tables: the workspaces that installed the app, states of installations under way, and answers being streamed.

The first three have the columns of slack_sdk's own stores, with room for encrypted tokens.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import Boolean, Column, DateTime, Index, Integer, MetaData, String, Table, Text, delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker
from sqlalchemy.types import TypeEngine

from connectors.ports.records import UtcDateTime

Sealing = Mapping[str, TypeEngine[str]]
"""The type of each column that holds a token."""

TOKENS = ("bot_token", "bot_refresh_token", "user_token", "user_refresh_token", "incoming_webhook_url")
PLAIN: Sealing = {name: Text() for name in TOKENS}


def bots_table(metadata: MetaData, sealing: Sealing = PLAIN) -> Table:
    """`renewing_until`: whoever holds this is fetching a new token; nobody else does meanwhile."""
    return Table(
        "slack_bots",
        metadata,
        Column("id", Integer, primary_key=True, autoincrement=True),
        Column("client_id", String(64), nullable=False),
        Column("app_id", String(32), nullable=False),
        Column("enterprise_id", String(32)),
        Column("enterprise_name", String(200)),
        Column("team_id", String(32)),
        Column("team_name", String(200)),
        Column("bot_token", sealing["bot_token"]),
        Column("bot_id", String(32)),
        Column("bot_user_id", String(32)),
        Column("bot_scopes", Text),
        Column("bot_refresh_token", sealing["bot_refresh_token"]),
        Column("bot_token_expires_at", DateTime),
        Column("is_enterprise_install", Boolean, nullable=False),
        Column("installed_at", DateTime, nullable=False),
        Column("renewing_until", UtcDateTime),
        Index("ix_slack_bots_team_id", "client_id", "team_id", "installed_at"),
    )


def installations_table(metadata: MetaData, sealing: Sealing = PLAIN) -> Table:
    return Table(
        "slack_installations",
        metadata,
        Column("id", Integer, primary_key=True, autoincrement=True),
        Column("client_id", String(64), nullable=False),
        Column("app_id", String(32), nullable=False),
        Column("enterprise_id", String(32)),
        Column("enterprise_name", String(200)),
        Column("enterprise_url", String(200)),
        Column("team_id", String(32)),
        Column("team_name", String(200)),
        Column("bot_token", sealing["bot_token"]),
        Column("bot_id", String(32)),
        Column("bot_user_id", String(32)),
        Column("bot_scopes", Text),
        Column("bot_refresh_token", sealing["bot_refresh_token"]),
        Column("bot_token_expires_at", DateTime),
        Column("user_id", String(32), nullable=False),
        Column("user_token", sealing["user_token"]),
        Column("user_scopes", Text),
        Column("user_refresh_token", sealing["user_refresh_token"]),
        Column("user_token_expires_at", DateTime),
        Column("incoming_webhook_url", sealing["incoming_webhook_url"]),
        Column("incoming_webhook_channel", String(200)),
        Column("incoming_webhook_channel_id", String(200)),
        Column("incoming_webhook_configuration_url", String(200)),
        Column("is_enterprise_install", Boolean, nullable=False),
        Column("token_type", String(32)),
        Column("installed_at", DateTime, nullable=False),
        Index("ix_slack_installations_team_id", "client_id", "team_id", "user_id", "installed_at"),
    )


metadata = MetaData()

bots = bots_table(metadata)
installations = installations_table(metadata)

oauth_states = Table(
    "slack_oauth_states",
    metadata,
    Column("state", String(64), primary_key=True),
    Column("expire_at", UtcDateTime, nullable=False),
)

stream = Table(
    "slack_stream",
    metadata,
    Column("delivery_key", String(300), primary_key=True),
    Column("team", String(32), nullable=False),
    Column("channel", String(32), nullable=False),
    Column("thread", String(32), nullable=False),
    Column("ts", String(32)),
    Column("stopped", Boolean, nullable=False),
    Index("ix_slack_stream_message", "team", "channel", "ts"),
)
"""Answers that are being written now. `ts` None: begun, and nobody knows yet whether Slack did."""


belonging = Table(
    "slack_belonging",
    metadata,
    Column("team", String(32), primary_key=True),
    Column("channel", String(32), primary_key=True),
    Column("slack_id", String(64), primary_key=True),
    Column("message", String(32), nullable=False),
    Column("kind", String(16), nullable=False),
    Column("source", String(300), nullable=False),
    Index("ix_slack_belonging_message", "team", "channel", "message"),
)
"""What a reply consists of besides its first message, so that it goes and changes with it."""

BelongingKind = Literal["message", "written", "attached"]


@dataclass(frozen=True, slots=True)
class Belonging:
    """`slack_id`: a message's ts, or a file's id. `source`: the id of the attachment; the name of what was written for the reply."""

    slack_id: str
    kind: BelongingKind
    source: str = ""


class BelongingStore:
    """By the channel on Slack and the ts of the reply's first message."""

    def __init__(self, sessions: async_sessionmaker[AsyncSession]) -> None:
        self._sessions = sessions

    async def of(self, team: str, channel: str, message: str) -> list[Belonging]:
        """Messages in their order."""
        b = belonging.c
        here = (b.team == team, b.channel == channel, b.message == message)
        async with self._sessions() as session:
            rows = await session.execute(select(belonging).where(*here).order_by(b.slack_id))
            return [Belonging(row.slack_id, row.kind, row.source) for row in rows]

    async def add(self, team: str, channel: str, message: str, one: Belonging) -> None:
        """Again is as good as once."""
        await self.drop(team, channel, one.slack_id)
        values = {"team": team, "channel": channel, "message": message, "slack_id": one.slack_id, "kind": one.kind, "source": one.source}
        async with self._sessions.begin() as session:
            await session.execute(insert(belonging).values(**values))

    async def drop(self, team: str, channel: str, slack_id: str) -> None:
        b = belonging.c
        async with self._sessions.begin() as session:
            await session.execute(delete(belonging).where(b.team == team, b.channel == channel, b.slack_id == slack_id))


@dataclass(frozen=True, slots=True)
class StreamRow:
    """An answer that was begun as a stream. `ts` None: perhaps begun. `stopped`: the person wants no more of it."""

    team: str
    channel: str
    thread: str
    ts: str | None
    stopped: bool


class StreamStore:
    """Rows of answers being streamed, each change in a transaction of its own."""

    def __init__(self, sessions: async_sessionmaker[AsyncSession]) -> None:
        self._sessions = sessions

    async def get(self, key: str) -> StreamRow | None:
        async with self._sessions() as session:
            row = (await session.execute(select(stream).where(stream.c.delivery_key == key))).one_or_none()
        return None if row is None else StreamRow(row.team, row.channel, row.thread, row.ts, row.stopped)

    async def begin(self, key: str, team: str, channel: str, thread: str) -> None:
        await self._do(insert(stream).values(delivery_key=key, team=team, channel=channel, thread=thread, stopped=False))

    async def begun(self, key: str, ts: str) -> None:
        await self._do(update(stream).where(stream.c.delivery_key == key).values(ts=ts))

    async def drop(self, key: str) -> None:
        """It stands there with its key, or was not begun after all."""
        await self._do(delete(stream).where(stream.c.delivery_key == key))

    async def stop(self, team: str, channel: str, ts: str) -> None:
        """Whoever is writing this message writes no further."""
        here = (stream.c.team == team, stream.c.channel == channel, stream.c.ts == ts)
        await self._do(update(stream).where(*here).values(stopped=True))

    async def _do(self, statement: Any) -> None:
        async with self._sessions.begin() as session:
            await session.execute(statement)
