"""The contract of `connectors.ports.people.Directory`."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from connectors.errors import NeedsHuman, OutcomeUnknown, Retry
from tests.contract.cases import DirectoryCase
from tests.contract.implementations import DIRECTORIES


@pytest.fixture(params=DIRECTORIES)
async def case(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[DirectoryCase]:
    async with DIRECTORIES[request.param](tmp_path) as made:
        yield made


async def test_get_tells_who_somebody_is(case: DirectoryCase) -> None:
    person = await case.port.get(case.person)
    assert person is not None
    assert (person.key, person.name, person.email, person.manager_key) == (case.person, case.name, case.email, case.manager)
    assert person.active
    assert not person.guest


async def test_get_knows_nobody_under_another_key(case: DirectoryCase) -> None:
    assert await case.port.get("nobody") is None


async def test_somebody_who_left_is_known_but_inactive(case: DirectoryCase) -> None:
    person = await case.port.get(case.leaver)
    assert person is not None
    assert not person.active


@pytest.mark.parametrize("spelling", [str.lower, str.upper, str.title])
async def test_addresses_are_case_insensitive(case: DirectoryCase, spelling: object) -> None:
    assert callable(spelling)
    person = await case.port.by_email(spelling(case.email))
    assert person is not None
    assert person.key == case.person


async def test_an_unknown_address_is_nobodys(case: DirectoryCase) -> None:
    assert await case.port.by_email("nobody@acme.example") is None
    assert await case.port.by_email("") is None


async def test_an_address_of_two_people_needs_a_human(case: DirectoryCase) -> None:
    with pytest.raises(NeedsHuman) as raised:
        await case.port.by_email(case.shared_email)
    assert raised.value.code == "ambiguous"


@pytest.mark.parametrize("spelling", [str.lower, str.upper])
async def test_an_account_is_its_owners(case: DirectoryCase, spelling: object) -> None:
    assert callable(spelling)
    person = await case.port.by_account(spelling(case.account))
    assert person is not None
    assert person.key == case.person
    assert case.account.lower() in person.accounts


async def test_an_account_of_another_tenant_or_none_is_nobodys(case: DirectoryCase) -> None:
    scheme, _, account = case.account.split(":")
    elsewhere = f"{scheme}:00000000-0000-0000-0000-000000000000:{account}"
    for unknown in (elsewhere, f"{case.account}0", account, case.email, ""):
        assert await case.port.by_account(unknown) is None


async def test_find_puts_the_exact_name_and_the_exact_address_first(case: DirectoryCase) -> None:
    for text in (case.name, case.name.lower(), case.email):
        found = await case.port.find(text)
        assert found[0].key == case.person


async def test_find_forgives_a_typing_error(case: DirectoryCase) -> None:
    misspelt = case.name[:2] + case.name[3:]
    assert case.person in [person.key for person in await case.port.find(misspelt)]


async def test_find_returns_nobody_for_what_resembles_nobody(case: DirectoryCase) -> None:
    for text in ("", "  ", "zzqqxx wwvv", "%", "'; DROP TABLE people; --"):
        assert list(await case.port.find(text)) == []


async def test_find_returns_at_most_the_limit(case: DirectoryCase) -> None:
    assert len(await case.port.find("Parker", limit=1)) <= 1


async def test_members_are_the_active_ones_by_name(case: DirectoryCase) -> None:
    members = await case.port.members(case.group)
    assert {person.key for person in members} == case.group_members
    assert [person.name for person in members] == sorted(person.name for person in members)
    assert all(case.group in person.groups for person in members)
    gone = min(case.group_members)
    await case.departs(gone)
    assert {person.key for person in await case.port.members(case.group)} == case.group_members - {gone}


async def test_an_unknown_group_has_no_members(case: DirectoryCase) -> None:
    assert list(await case.port.members("no-such-group")) == []


async def test_an_unreachable_directory_is_a_retry(case: DirectoryCase) -> None:
    await case.unreachable()
    with pytest.raises(Retry) as raised:
        await case.port.get(case.person)
    assert not isinstance(raised.value, OutcomeUnknown)
    assert await case.port.get(case.person) is not None
