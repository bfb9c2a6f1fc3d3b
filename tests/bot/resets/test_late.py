"""What comes about after it was looked for, and what no look can tell."""

import asyncio
from datetime import timedelta

import pytest

from bot.reset_links import LEASE
from connectors.errors import OutcomeUnknown
from connectors.ports.systems import Account
from tests.bot.resets.rig import DANA, GOOD, TEN_MINUTES, WEAK, Rig

MINUTE = timedelta(minutes=1)


class TestLate:
    """A password whose setting was not answered is set after all, after somebody has looked."""

    async def _unanswered(self, rig: Rig) -> str:
        token = await rig.link()
        rig.passwords.fail_next(OutcomeUnknown("timeout"), "set_password")
        assert await rig.choose(token) == "doubtful"
        rig.clock.advance(LEASE)
        await rig.resets.settle()
        return token

    async def _lands(self, rig: Rig) -> None:
        rig.clock.advance(MINUTE)
        await rig.passwords.set_password(DANA, GOOD)

    async def test_is_found_out_and_told(self, rig: Rig) -> None:
        token = await self._unanswered(rig)
        assert await rig.state(token) == "open"
        await self._lands(rig)
        await rig.resets.settle()
        assert (await rig.state(token), len(rig.mailbox.notices)) == ("used", 1)

    async def test_also_after_another_attempt_that_set_none(self, rig: Rig) -> None:
        token = await self._unanswered(rig)
        assert await rig.choose(token, WEAK) == "refused"
        await self._lands(rig)
        await rig.resets.settle()
        assert (await rig.state(token), len(rig.mailbox.notices)) == ("used", 1)

    async def test_once_more_when_the_link_has_expired_and_then_never(self, rig: Rig) -> None:
        token = await self._unanswered(rig)
        rig.clock.advance(TEN_MINUTES)
        await rig.resets.settle()
        await self._lands(rig)
        await rig.resets.settle()
        assert (await rig.state(token), len(rig.mailbox.notices)) == ("expired", 0)

    async def test_a_link_of_the_last_minute_is_watched_as_long(self, rig: Rig) -> None:
        token = await rig.link()
        rig.clock.advance(TEN_MINUTES - MINUTE)
        rig.passwords.fail_next(OutcomeUnknown("timeout"), "set_password")
        await rig.choose(token)
        rig.clock.advance(2 * MINUTE)
        await rig.resets.settle()
        await self._lands(rig)
        await rig.resets.settle()
        assert await rig.state(token) == "used"

    async def test_a_store_without_times_never_says_that_none_was_set(self, rig: Rig) -> None:
        rig.passwords._accounts[DANA] = Account("active")
        token = await rig.link()
        rig.passwords.fail_next(asyncio.CancelledError(), "set_password")
        with pytest.raises(asyncio.CancelledError):
            await rig.choose(token)
        for _ in range(2):
            rig.clock.advance(TEN_MINUTES)
            await rig.resets.settle()
        (event,) = await rig.audited("password_set_unknown")
        assert event["code"] == "no_password_time"
