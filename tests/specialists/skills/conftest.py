"""The sandbox company on a Monday morning; made once, copied for each test."""

import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from connectors.sandbox.connector import SandboxCompany
from specialists.loader import LoadedSkill, load_skills
from tests.specialists.skills.bench import Bench, Clock, as_person

_made = TemporaryDirectory(prefix="acme")


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def company(tmp_path: Path, clock: Clock) -> AsyncIterator[SandboxCompany]:
    template = Path(_made.name) / "acme.sqlite"
    if not template.exists():
        first = SandboxCompany(template, Clock())
        await first.open()
        await first.close()
    path = tmp_path / "acme.sqlite"
    shutil.copy(template, path)
    company = SandboxCompany(path, clock)
    await company.open()
    yield company
    await company.close()


@pytest.fixture(scope="session")
def skills() -> "dict[str, LoadedSkill]":
    return dict(load_skills())


MakeBench = Callable[[str, str], Awaitable[Bench]]


@pytest.fixture
def bench(company: SandboxCompany, clock: Clock, skills: "dict[str, LoadedSkill]") -> MakeBench:
    async def make(skill: str, who: str) -> Bench:
        found = await company.people.by_email(f"{who}@acme.example")
        assert found is not None
        return Bench(skills[skill], company, clock, as_person(found))

    return make
