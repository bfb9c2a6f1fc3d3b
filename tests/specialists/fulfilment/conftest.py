import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from connectors.sandbox.connector import SandboxCompany
from tests.specialists.fulfilment.rig import Clock, Rig, make, make_tables


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(scope="session")
def templates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the file of a new company is kept once it was made."""
    return tmp_path_factory.mktemp("templates")


@pytest.fixture
async def rig(tmp_path: Path, clock: Clock, templates: Path) -> AsyncIterator[Rig]:
    """Foyer's fulfilment on SQLite files, launched."""
    if not (templates / "sandbox.db").exists():
        company = SandboxCompany(templates / "sandbox.db", clock)
        await company.open()
        await company.close()
    shutil.copytree(templates, tmp_path, dirs_exist_ok=True)
    engine, sessions = await make_tables(tmp_path)
    made = make(tmp_path, sessions, clock=clock)
    await made.company.open()
    await made.fulfilment.launch()
    yield made
    await made.fulfilment.close()
    await made.company.close()
    await engine.dispose()
