"""The contract of `tests/contract/test_access.py`, on an Active Directory that nobody here wrote."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.contract.cases import AccessCase
from tests.contract.test_access import *  # noqa: F403 - the same tests, with another `case`
from tests.e2e.on_active_directory import domain_access


@pytest.fixture
async def case(tmp_path: Path) -> AsyncIterator[AccessCase]:
    async with domain_access(tmp_path) as made:
        yield made
