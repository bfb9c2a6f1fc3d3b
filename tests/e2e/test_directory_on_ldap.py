"""The contract of `tests/contract/test_directory.py`, on a directory that nobody here wrote."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.contract.cases import DirectoryCase
from tests.contract.test_directory import *  # noqa: F403 - the same tests, with another `case`
from tests.e2e.on_ldap import ldap_directory


@pytest.fixture(params=[True, False], ids=["memberof", "groups alone"])  # type: ignore[no-redef]
async def case(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[DirectoryCase]:
    async with ldap_directory(tmp_path, memberof=request.param) as made:
        yield made
