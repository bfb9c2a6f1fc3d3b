"""The contract of `connectors.ports.systems.Passwords`."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from connectors.errors import OutcomeUnknown, Refused, Retry
from tests.contract.cases import PasswordsCase
from tests.contract.implementations import PASSWORDS


@pytest.fixture(params=PASSWORDS)
async def case(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[PasswordsCase]:
    async with PASSWORDS[request.param](tmp_path) as made:
        yield made


async def test_a_chosen_password_is_the_one_to_sign_in_with(case: PasswordsCase) -> None:
    before = (await case.port.account(case.active)).password_changed_at
    effect = await case.port.set_password(case.active, case.good)
    assert effect.reference
    assert case.good not in f"{effect.reference} {dict(effect.detail)}"
    assert await case.signs_in(case.active, case.good)
    assert (await case.port.account(case.active)).password_changed_at != before


async def test_a_chosen_password_unlocks(case: PasswordsCase) -> None:
    await case.port.set_password(case.locked, case.good)
    account = await case.port.account(case.locked)
    assert (account.status, account.locked_since) == ("active", None)
    assert await case.signs_in(case.locked, case.good)


async def test_what_the_policy_rejects_is_told_by_its_reason_and_changes_nothing(case: PasswordsCase) -> None:
    assert case.rejected
    before = (await case.port.account(case.active)).password_changed_at
    for code, password in case.rejected.items():
        with pytest.raises(Refused) as raised:
            await case.port.set_password(case.active, password)
        assert raised.value.code == code
        assert password not in str(raised.value)
    assert (await case.port.account(case.active)).password_changed_at == before


async def test_an_empty_password_is_none(case: PasswordsCase) -> None:
    with pytest.raises(Refused):
        await case.port.set_password(case.active, "")
    assert not await case.signs_in(case.active, "")


async def test_refuses_who_is_unknown_or_disabled(case: PasswordsCase) -> None:
    for code, person in (("unknown_person", "nobody"), ("account_disabled", case.disabled)):
        with pytest.raises(Refused) as raised:
            await case.port.set_password(person, case.good)
        assert raised.value.code == code
    assert not await case.signs_in(case.disabled, case.good)


async def test_an_unreachable_store_has_no_effect(case: PasswordsCase) -> None:
    await case.unreachable()
    with pytest.raises(Retry) as raised:
        await case.port.set_password(case.active, case.good)
    assert not isinstance(raised.value, OutcomeUnknown)
    assert not await case.signs_in(case.active, case.good)


async def test_a_lost_answer_is_an_unknown_outcome_that_can_be_read_back(case: PasswordsCase) -> None:
    before = (await case.port.account(case.active)).password_changed_at
    await case.answer_lost()
    with pytest.raises(OutcomeUnknown):
        await case.port.set_password(case.active, case.good)
    assert (await case.port.account(case.active)).password_changed_at != before
    assert await case.signs_in(case.active, case.good)
