"""The Teams channel on the fake Teams, with clocks that stand still and a database of its own."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy.ext.asyncio import AsyncEngine, async_sessionmaker, create_async_engine

import bot
from bot.words import Words
from connectors.chat.wording import Wording
from connectors.ports.chat import Address
from connectors.ports.messages import Messages, Reader
from connectors.teams.channel import TeamsChannel
from connectors.teams.client import TIMEOUT, Client
from connectors.teams.files import Transfers
from connectors.teams.graph import Graph
from connectors.teams.reading import Reading
from connectors.teams.settings import TeamsSettings
from connectors.teams.store import AccountStore, PostStore, Room, RoomKind, RoomStore
from connectors.teams.tables import metadata
from connectors.teams.waiting import Waiting
from tests.connectors.doubles import Seconds
from tests.fakes.teams import FakeTeams

WORD = Words(Messages.load([Path(bot.__file__).with_name("messages.yaml")]), Reader("en-US", "UTC"))
"""As an installation has it."""
WORDING = Wording.of(WORD)
KINDS: dict[str, RoomKind] = {"personal": "personal", "groupChat": "group", "channel": "channel"}
START = datetime(2026, 11, 20, 9, tzinfo=UTC)


@dataclass
class OnTeams:
    """What a test can reach of a channel."""

    fake: FakeTeams
    client: Client
    graph: Graph
    transfers: Transfers
    settings: TeamsSettings
    engine: AsyncEngine
    seconds: Seconds = field(default_factory=Seconds)
    waiting: Waiting = field(default_factory=Waiting)
    hurries: bool = False
    """Nothing waits between the calls of a stream."""

    def __post_init__(self) -> None:
        self.channel = self.again()

    @property
    def rooms(self) -> RoomStore:
        return RoomStore(async_sessionmaker(self.engine))

    @property
    def posts(self) -> PostStore:
        return PostStore(async_sessionmaker(self.engine))

    def again(self) -> TeamsChannel:
        """The channel of a process that was started anew on the same database."""
        sessions, clock = async_sessionmaker(self.engine), self.fake.at
        accounts = AccountStore(sessions)
        reading = Reading(self.client, self.rooms, accounts, self.graph, self.settings, clock, self.seconds)
        return TeamsChannel(self.client, reading, self.transfers, self.waiting, sessions, WORD, clock, self.seconds, sleep=self.sleep)

    async def sleep(self, seconds: float) -> None:
        """Time passes for Teams, too."""
        if self.hurries:
            return
        self.fake.advance(seconds)
        await self.seconds.sleep(seconds)

    async def install(self, *names: str) -> None:
        """The bot is there, and has heard of it."""
        for name in names:
            self.fake.room(name).installed = True
            await self.rooms.saw(self.room(name), START)

    def room(self, name: str) -> Room:
        """The conversation reference that an activity of this room tells."""
        made, fake = self.fake.room(name), self.fake
        team = made.team
        return Room(
            made.tenant, fake.room_id(name), KINDS[made.kind], made.id, fake.service_url, fake.bot_id, fake.bot_name,
            team.id if team else None, team.group_id if team else None, made.name, made.shared,
        )  # fmt: skip

    def at(self, name: str, thread: str | None = None) -> Address:
        return Address("teams", self.fake.tenant, self.fake.room_id(name), thread)

    def calls(self, kind: str) -> int:
        return sum(kind == name for name, _, _ in self.fake.calls)


def settings_of(fake: FakeTeams) -> TeamsSettings:
    return TeamsSettings(
        app_id=fake.app_id,
        app_password=fake.app_password,
        tenant_id=fake.tenant,
        tenants=frozenset({fake.tenant}),
        graph_url=fake.graph_url,
    )


@asynccontextmanager
async def open_engine(folder: Path) -> AsyncIterator[AsyncEngine]:
    engine = create_async_engine(f"sqlite+aiosqlite:///{folder / 'teams.sqlite'}")
    async with engine.begin() as connection:
        await connection.run_sync(metadata.create_all)
    try:
        yield engine
    finally:
        await engine.dispose()


@asynccontextmanager
async def open_teams(folder: Path, *, timeout: float = TIMEOUT) -> AsyncIterator[OnTeams]:
    """Dana and Omar, each with a chat with the bot; the channels of a team and a group chat that both are in."""
    async with FakeTeams.serve() as fake, open_engine(folder) as engine:
        settings, seconds = settings_of(fake), Seconds()
        client = Client(fake.login, timeout=timeout)
        graph = Graph(settings, fake.login, seconds)
        # Files lie on the machine of the fake, where only the local mode looks for any.
        transfers = Transfers(replace(settings, local=True), RoomStore(async_sessionmaker(engine)), fake.login)
        teams = OnTeams(fake, client, graph, transfers, settings, engine, seconds)
        await teams.install("dana", "omar", "general", "support", "group")
        for team in fake.teams.values():
            team.installed = True
        try:
            yield teams
        finally:
            for opened in (client, graph, transfers):
                await opened.close()
