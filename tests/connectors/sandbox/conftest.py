"""A company of its own for each test, at a time that the test moves."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from connectors.sandbox.connector import SandboxCompany
from tests.contract.cases import FakeClock


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "sandbox.sqlite"


@pytest.fixture
async def company(path: Path, clock: FakeClock) -> AsyncIterator[SandboxCompany]:
    made = SandboxCompany(path, clock, "https://acme.example/")
    await made.open()
    yield made
    await made.close()


@pytest.fixture
async def other(path: Path, clock: FakeClock, company: SandboxCompany) -> AsyncIterator[SandboxCompany]:
    """The same file, opened as another process would."""
    made = SandboxCompany(path, clock)
    await made.open()
    yield made
    await made.close()
