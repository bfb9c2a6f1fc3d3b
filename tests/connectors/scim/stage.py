"""Applications of the sandbox company behind a real SCIM service, each asked through a proxy that can disturb."""

import sqlite3
import uuid
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from bot.database import Sessions, connect
from connectors.calling.ledger import Ledger
from connectors.calling.tables import metadata
from connectors.ports.people import Directory
from connectors.sandbox.connector import SandboxCompany
from connectors.scim.connector import ScimConnector
from tests.contract.cases import FakeClock
from tests.contract.made_once import company_file
from tests.outside.proxy import FaultProxy
from tests.outside.scim import TOKEN, ScimService, shared_server


@dataclass
class Stage:
    """`service`: the application figma, to look at past the proxy."""

    clock: FakeClock
    people: Directory
    sessions: Sessions
    company: Path
    """The file of the company."""
    service: ScimService
    proxy: FaultProxy
    _open: AsyncExitStack = field(default_factory=AsyncExitStack)

    def change_person(self, key: str, *, email: str) -> None:
        self._written("UPDATE people SET email = ? WHERE key = ?", email, key)

    def delete_person(self, key: str) -> None:
        self._written("DELETE FROM people WHERE key = ?", key)

    def _written(self, statement: str, *values: str) -> None:
        with closing(sqlite3.connect(self.company)) as db, db:
            db.execute(statement, values)

    def connect(
        self,
        roles: Mapping[str, Mapping[str, Any]],
        *,
        key: str = "figma",
        owner: str | None = None,
        default_role: str | None = None,
        service: ScimService | None = None,
        **settings: Any,
    ) -> ScimConnector:
        """An instance for the application `key`; another one of the same key is another process with the same database."""
        connector = ScimConnector(
            key,
            self.clock,
            ledger=Ledger(key, self.sessions, self.clock),
            people=self.people,
            **{
                "url": (service or self.service).by(self.proxy.url),
                "token": SecretStr(TOKEN),
                "application": {"key": key, "name": key.title(), "owner": owner, "default_role": default_role, "roles": roles},
                **settings,
            },
        )
        self._open.push_async_callback(connector.close)
        return connector


@asynccontextmanager
async def stage(folder: Path) -> AsyncIterator[Stage]:
    clock = FakeClock()
    async with AsyncExitStack() as opened:
        await company_file(folder / "company.sqlite")
        company = SandboxCompany(folder / "company.sqlite", clock)
        await company.open()
        opened.push_async_callback(company.close)
        engine, sessions = connect(f"sqlite+aiosqlite:///{folder / 'ledger.db'}")
        opened.push_async_callback(engine.dispose)
        async with engine.begin() as connection:
            await connection.run_sync(metadata.create_all)
        service = another_service()
        proxy = await opened.enter_async_context(FaultProxy(service.port, "http"))
        made = Stage(clock, company.people, sessions, folder / "company.sqlite", service, proxy)
        await opened.enter_async_context(made._open)
        yield made


def another_service() -> ScimService:
    """An application without users and groups."""
    return shared_server().service(f"t{uuid.uuid4().hex}")
