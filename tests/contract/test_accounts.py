"""The contract of `connectors.ports.systems.Accounts`."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from connectors.errors import OutcomeUnknown, Refused, Retry
from tests.contract.cases import AccountsCase
from tests.contract.implementations import ACCOUNTS

TEN_MINUTES = timedelta(minutes=10)


@pytest.fixture(params=ACCOUNTS)
async def case(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[AccountsCase]:
    async with ACCOUNTS[request.param](tmp_path) as made:
        yield made


class TestAccount:
    async def test_tells_who_is_locked_and_since_when(self, case: AccountsCase) -> None:
        locked = await case.port.account(case.locked)
        assert locked.status == "locked"
        assert locked.locked_since is not None
        assert locked.locked_since <= case.clock()
        active = await case.port.account(case.active)
        assert (active.status, active.locked_since) == ("active", None)

    async def test_masks_the_enrolled_channel(self, case: AccountsCase) -> None:
        enrolled = (await case.port.account(case.active)).enrolled
        assert enrolled is not None
        assert "•" in enrolled
        assert (await case.port.account(case.not_enrolled)).enrolled is None

    async def test_refuses_an_unknown_person(self, case: AccountsCase) -> None:
        with pytest.raises(Refused) as raised:
            await case.port.account("nobody")
        assert raised.value.code == "unknown_person"


class TestUnlock:
    async def test_unlocks(self, case: AccountsCase) -> None:
        effect = await case.port.unlock(case.locked, key="k1")
        assert effect.changed
        account = await case.port.account(case.locked)
        assert (account.status, account.locked_since) == ("active", None)

    async def test_changes_nothing_for_an_active_account(self, case: AccountsCase) -> None:
        assert not (await case.port.unlock(case.active, key="k1")).changed

    async def test_returns_the_first_effect_for_the_same_key(self, case: AccountsCase) -> None:
        first = await case.port.unlock(case.locked, key="k1")
        again = await case.port.unlock(case.locked, key="k1")
        assert (again.reference, again.changed) == (first.reference, False)

    async def test_is_read_back_when_the_answer_was_lost(self, case: AccountsCase) -> None:
        await case.answer_lost()
        with pytest.raises(OutcomeUnknown):
            await case.port.unlock(case.locked, key="k1")
        assert (await case.port.account(case.locked)).status == "active"
        assert not (await case.port.unlock(case.locked, key="k1")).changed

    async def test_refuses_a_disabled_account(self, case: AccountsCase) -> None:
        with pytest.raises(Refused) as raised:
            await case.port.unlock(case.disabled, key="k1")
        assert raised.value.code == "account_disabled"
        assert (await case.port.account(case.disabled)).status == "disabled"

    async def test_an_unreachable_system_has_no_effect(self, case: AccountsCase) -> None:
        await case.unreachable()
        with pytest.raises(Retry) as raised:
            await case.port.unlock(case.locked, key="k1")
        assert not isinstance(raised.value, OutcomeUnknown)
        assert (await case.port.account(case.locked)).status == "locked"
        assert (await case.port.unlock(case.locked, key="k1")).changed


class TestResetLink:
    async def test_goes_to_the_enrolled_channel_and_ends_in_time(self, case: AccountsCase) -> None:
        effect = await case.port.send_reset_link(case.active, lifetime=TEN_MINUTES, key="k1")
        assert effect.changed
        assert await case.received(case.active) == 1
        assert (await case.port.account(case.active)).reset_link_expires_at == case.clock() + TEN_MINUTES
        case.clock.advance(TEN_MINUTES)
        assert (await case.port.account(case.active)).reset_link_expires_at is None

    async def test_never_shows_the_link_to_the_caller(self, case: AccountsCase) -> None:
        effect = await case.port.send_reset_link(case.active, lifetime=TEN_MINUTES, key="k1")
        assert "http" not in f"{effect.reference} {dict(effect.detail)}"

    async def test_is_refused_for_somebody_who_is_not_enrolled(self, case: AccountsCase) -> None:
        with pytest.raises(Refused) as raised:
            await case.port.send_reset_link(case.not_enrolled, lifetime=TEN_MINUTES, key="k1")
        assert raised.value.code == "not_enrolled"
        assert await case.received(case.not_enrolled) == 0

    async def test_is_sent_once_for_one_key(self, case: AccountsCase) -> None:
        first = await case.port.send_reset_link(case.active, lifetime=TEN_MINUTES, key="k1")
        case.clock.advance(timedelta(minutes=1))
        again = await case.port.send_reset_link(case.active, lifetime=TEN_MINUTES, key="k1")
        assert (again.reference, again.changed, again.detail) == (first.reference, False, first.detail)
        assert await case.received(case.active) == 1

    async def test_is_sent_once_when_the_answer_was_lost(self, case: AccountsCase) -> None:
        await case.answer_lost()
        with pytest.raises(OutcomeUnknown):
            await case.port.send_reset_link(case.active, lifetime=TEN_MINUTES, key="k1")
        assert not (await case.port.send_reset_link(case.active, lifetime=TEN_MINUTES, key="k1")).changed
        assert await case.received(case.active) == 1

    async def test_can_be_withdrawn(self, case: AccountsCase) -> None:
        await case.port.send_reset_link(case.active, lifetime=TEN_MINUTES, key="k1")
        assert (await case.port.withdraw_reset_link(case.active, key="k2")).changed
        assert (await case.port.account(case.active)).reset_link_expires_at is None
        assert not (await case.port.withdraw_reset_link(case.active, key="k3")).changed
