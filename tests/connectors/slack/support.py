"""The Slack channel on the fake Slack, with a clock that stands still and a database of its own."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy.ext.asyncio import AsyncEngine, async_sessionmaker, create_async_engine

import bot
from bot.words import Words
from connectors.chat.wording import Wording
from connectors.ports.messages import Messages, Reader
from connectors.slack.channel import SlackChannel
from connectors.slack.clients import Clients
from connectors.slack.settings import SlackSettings
from connectors.slack.store import metadata
from tests.connectors.doubles import KeptFiles, Seconds
from tests.fakes.slack import FakeSlack

WORDING = Wording.of(Words(Messages.load([Path(bot.__file__).with_name("messages.yaml")]), Reader("en-US", "UTC")))
"""As an installation has it."""
SECRET = b"0123456789abcdef0123456789abcdef"
DANA, OMAR, ROOM = "U0DANA", "U0OMAR", "C0HELP"


@dataclass
class OnSlack:
    """What a test can reach of a channel."""

    fake: FakeSlack
    channel: SlackChannel
    clients: Clients
    seconds: Seconds
    files: KeptFiles
    engine: AsyncEngine

    def again(self) -> SlackChannel:
        """The channel of a process that was started anew on the same database."""
        return SlackChannel(self.clients, self.files, async_sessionmaker(self.engine), self.seconds, WORDING)


def settings_of(fake: FakeSlack) -> SlackSettings:
    return SlackSettings(secret=SECRET, bot_token=fake.bot_token, signing_secret=fake.signing_secret, api_url=fake.url)


@asynccontextmanager
async def open_engine(folder: Path) -> AsyncIterator[AsyncEngine]:
    engine = create_async_engine(f"sqlite+aiosqlite:///{folder / 'slack.sqlite'}")
    async with engine.begin() as connection:
        await connection.run_sync(metadata.create_all)
    try:
        yield engine
    finally:
        await engine.dispose()


@asynccontextmanager
async def open_slack(folder: Path, *, timeout: float = 5.0) -> AsyncIterator[OnSlack]:
    """Dana and Omar, and a room that both are in."""
    async with FakeSlack.serve() as fake, open_engine(folder) as engine:
        fake.add_user(DANA, "Dana Whitfield", "dana@acme.example")
        fake.add_user(OMAR, "Omar Haddad", "omar@acme.example")
        fake.add_room(ROOM, "help", [DANA, OMAR])
        clients, seconds, files = Clients(settings_of(fake), timeout=timeout), Seconds(), KeptFiles()
        made = OnSlack(fake, SlackChannel(clients, files, async_sessionmaker(engine), seconds, WORDING), clients, seconds, files, engine)
        try:
            yield made
        finally:
            await clients.close()
