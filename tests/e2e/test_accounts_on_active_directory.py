"""The contract of `tests/contract/test_accounts.py`, on an Active Directory that nobody here wrote; without
Foyer's own links, which are the same on every directory."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.contract.cases import AccountsCase
from tests.contract.test_accounts import TestAccount, TestUnlock  # noqa: F401 - the same tests, with another `case`
from tests.e2e.on_active_directory import domain_accounts


@pytest.fixture
async def case(tmp_path: Path) -> AsyncIterator[AccountsCase]:
    async with domain_accounts(tmp_path) as made:
        yield made
