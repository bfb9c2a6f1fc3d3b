"""Tables of this part alone, on SQLite: most tests are not about the database."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot import tables as t
from bot.database import Sessions, connect


@pytest.fixture
async def kept(tmp_path: Path) -> AsyncIterator[Sessions]:
    engine, made = connect(f"sqlite+aiosqlite:///{tmp_path / 'foyer.db'}")
    async with engine.begin() as connection:
        await connection.run_sync(t.metadata.create_all, tables=[t.model_use, t.model_spent])
    yield made
    await made.at_rest()
    await engine.dispose()
