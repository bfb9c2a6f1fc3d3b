"""The contract of `tests/contract/test_directory.py`, on an Active Directory that nobody here wrote."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.contract.cases import DirectoryCase
from tests.contract.test_directory import *  # noqa: F403 - the same tests, with another `case`
from tests.e2e.on_active_directory import domain_directory


@pytest.fixture
async def case(tmp_path: Path) -> AsyncIterator[DirectoryCase]:
    async with domain_directory(tmp_path) as made:
        yield made
