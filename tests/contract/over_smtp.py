"""The enrolled channel by mail, ready to be put through its contract."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from bot.database import Sessions, connect
from connectors.calling.ledger import Ledger
from connectors.calling.tables import metadata
from connectors.ports.people import DirectoryPerson
from connectors.smtp.connector import SmtpConnector
from tests.contract.cases import EnrolledCase, FakeClock
from tests.outside.mail import MailServer, mail_server

ADDRESSES = {"e1001": "dana@home.example", "e1002": "omar@home.example", "e1003": None}


class Addresses:
    """The part of Directory that mail needs."""

    def __init__(self, addresses: dict[str, str | None] | None = None) -> None:
        self._addresses = ADDRESSES if addresses is None else addresses

    async def get(self, key: str) -> DirectoryPerson | None:
        if key not in self._addresses:
            return None
        return DirectoryPerson(key, key, f"{key}@acme.example", "UTC", "en", enrolled=self._addresses[key])


def mailing(
    server: MailServer,
    sessions: Sessions | async_sessionmaker[AsyncSession],
    addresses: dict[str, str | None] | None = None,
    **settings: object,
) -> SmtpConnector:
    clock = FakeClock()
    given = {"host": "127.0.0.1", "port": server.port, "ca_file": server.ca, "sender": "Foyer <foyer@acme.example>", **settings}
    return SmtpConnector("mail", clock, people=Addresses(addresses), ledger=Ledger("mail", sessions, clock), **given)  # type: ignore[arg-type]


@asynccontextmanager
async def ledger_sessions(folder: Path) -> AsyncIterator[Sessions]:
    engine, sessions = connect(f"sqlite+aiosqlite:///{folder / 'ledger.db'}")
    async with engine.begin() as connection:
        await connection.run_sync(metadata.create_all)
    yield sessions
    await engine.dispose()


@asynccontextmanager
async def smtp_enrolled(folder: Path) -> AsyncIterator[EnrolledCase]:
    async with ledger_sessions(folder) as sessions, mail_server(folder) as server:
        connector = mailing(server, sessions)

        async def received(person_key: str) -> int:
            return len(server.messages(ADDRESSES[person_key] or ""))

        async def unreachable() -> None:
            server.refuse = 1

        async def answer_lost() -> None:
            server.lose = 1

        yield EnrolledCase(
            port=connector.enrolled,
            person="e1001",
            other="e1002",
            not_enrolled="e1003",
            received=received,
            unreachable=unreachable,
            answer_lost=answer_lost,
        )
        await connector.close()
