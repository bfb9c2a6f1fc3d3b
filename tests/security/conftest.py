"""A home that is set up once and copied for each stage."""

import asyncio
from pathlib import Path

import pytest

from tests.security.stage import Staged


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("staged") / "home"

    async def make() -> None:
        company = Staged(home, None)
        await company.app.start()
        await company.close()

    asyncio.run(make())
    return home
