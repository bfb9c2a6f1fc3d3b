"""A stage for every test of the SCIM connector."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.connectors.scim.stage import Stage, stage


@pytest.fixture
async def on(tmp_path: Path) -> AsyncIterator[Stage]:
    async with stage(tmp_path) as made:
        yield made
