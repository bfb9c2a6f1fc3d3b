from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.database import Sessions
from tests.bot.resets.rig import Rig, on_sqlite


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[Rig]:
    async with on_sqlite(tmp_path / "foyer.db") as made:
        yield made


@pytest.fixture
async def either(sessions: Sessions) -> Rig:
    """On SQLite and on PostgreSQL, migrated."""
    return Rig(sessions)
