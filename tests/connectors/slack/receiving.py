"""Foyer's Slack as a server of its own before the fake Slack, with an inbox that a test can read."""

import socket as sockets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

from aiohttp import web
from sqlalchemy.ext.asyncio import AsyncEngine, async_sessionmaker

from connectors.ports.chat import Activity
from connectors.slack.connector import Slack
from connectors.slack.settings import SlackSettings
from tests.connectors.slack.support import DANA, OMAR, ROOM, KeptFiles, Seconds, open_engine, settings_of
from tests.fakes.slack import FakeSlack

TEAMS = frozenset({"T0ACME", "T0OTHER"})
"""The workspaces that may install it."""
NOW = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)


@dataclass
class RecordingInbox:
    """Implements the Intake port: the same activity is kept once. `broken` fails before anything is kept."""

    rows: dict[tuple[str, str], Activity] = field(default_factory=dict)
    asked: int = 0
    broken: bool = False

    async def record(self, activity: Activity) -> bool:
        self.asked += 1
        if self.broken:
            raise OSError("the database is away")
        key = (activity.address.tenant, activity.id)
        new = key not in self.rows
        self.rows.setdefault(key, activity)
        return new

    @property
    def heard(self) -> list[Activity]:
        return list(self.rows.values())

    @property
    def one(self) -> Activity:
        (only,) = self.rows.values()
        return only


@dataclass
class Receiving:
    """`fake` is Slack, `inbox` what was recorded, `slack` the connector, `url` where it is served."""

    fake: FakeSlack
    inbox: RecordingInbox
    slack: Slack
    url: str
    engine: AsyncEngine
    seconds: Seconds


def words(key: str, /, **params: str) -> str:
    return key


@asynccontextmanager
async def receiving(folder: Path, *, oauth: bool = False, socket: bool = False, api_url: str = "") -> AsyncIterator[Receiving]:
    """Dana and Omar, and a room that both are in. `api_url`: another Web API than the fake's."""
    async with FakeSlack.serve() as fake, open_engine(folder) as engine:
        fake.add_user(DANA, "Dana Whitfield", "dana@acme.example")
        fake.add_user(OMAR, "Omar Haddad", "omar@acme.example")
        fake.add_room(ROOM, "help", [DANA, OMAR])
        bound = sockets.create_server(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{bound.getsockname()[1]}"
        settings = replace(settings_of(fake), base_url=url, api_url=api_url or fake.url)
        if oauth:
            settings = replace(settings, bot_token=None, client_id=fake.client_id, client_secret=fake.client_secret, teams=TEAMS)
        if socket:
            settings = replace(settings, signing_secret=None, app_token=fake.app_token)
        inbox = RecordingInbox()
        seconds = Seconds()
        slack = make_slack(settings, inbox, engine, seconds)
        app = web.Application()
        slack.add_to(app)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        await web.SockSite(runner, bound).start()
        fake.app = "" if socket else f"{url}/slack/events"
        try:
            yield Receiving(fake, inbox, slack, url, engine, seconds)
        finally:
            await fake.settle()
            await slack.stop_receiving()
            await slack.close()
            await runner.cleanup()


def make_slack(settings: SlackSettings, inbox: RecordingInbox, engine: AsyncEngine, seconds: Seconds | None = None) -> Slack:
    """Not opened yet."""
    return Slack(
        settings, intake=inbox, files=KeptFiles(), word=words, engine=engine, sessions=async_sessionmaker(engine),
        clock=lambda: NOW, pauses=(0.01,), monotonic=seconds or Seconds(),
    )  # fmt: skip
