"""The contract of `tests/contract/test_accounts.py`, on a directory that nobody here wrote."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.contract.cases import AccountsCase
from tests.contract.test_accounts import *  # noqa: F403 - the same tests, with another `case`
from tests.e2e.on_ldap import ldap_accounts


@pytest.fixture  # type: ignore[no-redef]
async def case(tmp_path: Path) -> AsyncIterator[AccountsCase]:
    async with ldap_accounts(tmp_path) as made:
        yield made
