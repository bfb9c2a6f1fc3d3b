"""A home that is set up once a run and copied for each test."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from connectors.memory.channel import THREADED, MemoryChannel
from tests.scenarios.company import Company
from tests.scenarios.platform import Platform


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("template") / "home"

    async def make() -> None:
        company = await Company.open(home)
        await company.close()

    asyncio.run(make())
    return home


@pytest.fixture
async def company(template: Path, tmp_path: Path) -> AsyncIterator[Company]:
    opened = await Company.open(tmp_path / "home", template)
    yield opened
    await opened.close()


@pytest.fixture
async def platform(template: Path, tmp_path: Path) -> AsyncIterator[Platform]:
    """A company that has another chat beside the web chat."""
    channel = MemoryChannel()
    opened = await Company.open(tmp_path / "home", template, channels=(channel,))
    yield Platform(opened, channel)
    await opened.close()


@pytest.fixture
async def flat(template: Path, tmp_path: Path) -> AsyncIterator[Platform]:
    """Its other chat has no threads outside channels; the people team works in one of these."""
    channel = MemoryChannel(flat=True)
    desks = {"people-team": f"memory:local:{THREADED}-people"}
    opened = await Company.open(tmp_path / "home", template, channels=(channel,), organisation={"desks": desks})
    yield Platform(opened, channel)
    await opened.close()
