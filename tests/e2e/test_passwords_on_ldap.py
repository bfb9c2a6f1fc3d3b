"""The contract of `tests/contract/test_passwords.py`, on a directory that nobody here wrote."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.contract.cases import PasswordsCase
from tests.contract.test_passwords import *  # noqa: F403 - the same tests, with another `case`
from tests.e2e.on_ldap import ldap_passwords


@pytest.fixture  # type: ignore[no-redef]
async def case(tmp_path: Path) -> AsyncIterator[PasswordsCase]:
    async with ldap_passwords(tmp_path) as made:
        yield made
