"""Foyer's Teams as a server of its own before the fake Teams, with an inbox that a test can read."""

import socket as sockets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from aiohttp import web
from sqlalchemy.ext.asyncio import AsyncEngine, async_sessionmaker

from connectors.ports.chat import Activity
from connectors.teams.connector import Teams
from connectors.teams.settings import TeamsSettings
from tests.connectors.doubles import KeptFiles
from tests.connectors.teams.auth_support import Seconds
from tests.connectors.teams.support import WORD, open_engine, settings_of
from tests.fakes.teams import FakeTeams


@dataclass
class RecordingInbox:
    """Implements the Intake port: the same activity is kept once. `broken` fails before anything is kept."""

    rows: dict[tuple[str, str], Activity] = field(default_factory=dict)
    asked: int = 0
    broken: bool = False

    async def record(self, activity: Activity) -> bool:
        self.asked += 1
        if self.broken:
            raise PermissionError("the database's file cannot be written to")
        key = (activity.address.tenant, activity.id)
        new = key not in self.rows
        self.rows.setdefault(key, activity)
        return new

    @property
    def heard(self) -> list[Activity]:
        return list(self.rows.values())


@dataclass
class Receiving:
    """`fake` is Teams, `inbox` what was recorded, `teams` the connector."""

    fake: FakeTeams
    inbox: RecordingInbox
    teams: Teams
    seconds: Seconds
    engine: AsyncEngine


def all_settings_of(fake: FakeTeams, **changes: Any) -> TeamsSettings:
    return replace(settings_of(fake), openid_url=fake.openid_url, login_url=fake.login_url, **changes)


@asynccontextmanager
async def receiving(folder: Path, *, local: bool = False, **changes: Any) -> AsyncIterator[Receiving]:
    """`changes` to the settings. Not opened yet."""
    async with FakeTeams.serve() as fake, open_engine(folder) as engine:
        bound = sockets.create_server(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{bound.getsockname()[1]}"
        settings = TeamsSettings(local=True, base_url=url) if local else all_settings_of(fake, base_url=url, **changes)
        fake.signed = not local
        fake.room("dana").installed = True
        inbox, seconds = RecordingInbox(), Seconds()
        teams = make_teams(settings, inbox, engine, fake, seconds)
        app = web.Application()
        teams.add_to(app)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        await web.SockSite(runner, bound).start()
        fake.app = f"{url}/api/messages"
        try:
            yield Receiving(fake, inbox, teams, seconds, engine)
        finally:
            await fake.settle()
            await teams.stop_receiving()
            await teams.close()
            await runner.cleanup()


def make_teams(settings: TeamsSettings, inbox: RecordingInbox, engine: AsyncEngine, fake: FakeTeams, seconds: Seconds) -> Teams:
    """Not opened yet."""
    return Teams(
        settings, intake=inbox, files=KeptFiles(), word=WORD, sessions=async_sessionmaker(engine),
        clock=fake.at, pauses=(0.01,), monotonic=seconds,
    )  # fmt: skip
