"""What is asked of Teams, on the fake one: its connector, its Graph, its file storage; clocks that stand still, a database of its own."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine

from connectors.ports.chat import Address
from connectors.teams.client import Client
from connectors.teams.files import Consents, Transfers
from connectors.teams.graph import Graph
from connectors.teams.reading import Reading
from connectors.teams.settings import TeamsSettings
from connectors.teams.store import AccountStore, ConsentStore, Room, RoomStore
from connectors.teams.tables import metadata
from tests.connectors.doubles import KeptFiles, Seconds
from tests.fakes.teams import FakeTeams

NOW = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)


def word(key: str, /, **params: str) -> str:
    return " ".join((key, *params.values()))


@dataclass
class Asking:
    """What a test can reach."""

    fake: FakeTeams
    settings: TeamsSettings
    client: Client
    graph: Graph
    transfers: Transfers
    reading: Reading
    rooms: RoomStore
    accounts: AccountStore
    consents: ConsentStore
    answers: Consents
    files: KeptFiles
    seconds: Seconds

    def address(self, place: str, thread: str | None = None) -> Address:
        return Address("teams", self.fake.tenant, self.fake.room_id(place), thread)

    async def known(self, *places: str) -> None:
        """The bot has heard of these rooms, as it would from what was said there; the first one is known to be heard of last."""
        for place in reversed(places):
            await self.rooms.saw(room_of(self.fake, place), NOW)

    def asked(self, kind: str) -> int:
        """How often the fake was."""
        return sum(1 for method, _, _ in self.fake.calls if method == kind)


def room_of(fake: FakeTeams, place: str) -> Room:
    """As Teams tells of it: the team's id on Graph with its own channel only."""
    there = fake.room(place)
    team = there.team
    return Room(
        there.tenant,
        fake.room_id(place),
        "group" if there.kind == "groupChat" else there.kind,
        there.id,
        fake.service_url,
        fake.bot_id,
        fake.bot_name,
        team_id=team.id if team else None,
        group_id=team.group_id if team and team.id == there.id else None,
        shared=there.shared,
    )


@asynccontextmanager
async def open_asking(folder: Path) -> AsyncIterator[Asking]:
    """The app is in the team of "general" and "support", in "group", and in Dana's own chat; nobody consented to being read."""
    engine = create_async_engine(f"sqlite+aiosqlite:///{folder / 'teams.sqlite'}")
    async with engine.begin() as connection:
        await connection.run_sync(metadata.create_all)
    try:
        async with FakeTeams.serve() as fake:
            for place in ("general", "group", "dana"):
                await fake.install(place)
            settings = TeamsSettings(app_id=fake.app_id, tenant_id=fake.tenant, tenants=frozenset({fake.tenant}), graph_url=fake.graph_url)
            made = _asking(fake, settings, async_sessionmaker(engine))
            yield made
            for opened in (made.client, made.graph, made.transfers):
                await opened.close()
    finally:
        await engine.dispose()


def _asking(fake: FakeTeams, settings: TeamsSettings, sessions: async_sessionmaker[AsyncSession]) -> Asking:
    seconds, files = Seconds(), KeptFiles()
    client, graph = Client(fake.login), Graph(settings, fake.login, seconds)
    rooms, accounts, consents = RoomStore(sessions), AccountStore(sessions), ConsentStore(sessions)
    transfers = Transfers(settings, rooms, fake.login)
    reading = Reading(client, rooms, accounts, graph, settings, lambda: NOW, seconds)
    answers = Consents(consents, rooms, files, client, transfers, word)
    return Asking(fake, settings, client, graph, transfers, reading, rooms, accounts, consents, answers, files, seconds)
