from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.specialists.fulfilment.rig import Clock, Rig, make, make_tables


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def rig(tmp_path: Path, clock: Clock) -> AsyncIterator[Rig]:
    """Foyer's fulfilment on SQLite files, launched."""
    engine, sessions = await make_tables(tmp_path)
    made = make(tmp_path, sessions, clock=clock)
    await made.company.open()
    await made.fulfilment.launch()
    yield made
    await made.fulfilment.close()
    await made.company.close()
    await engine.dispose()
