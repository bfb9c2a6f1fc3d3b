"""The contract of `connectors.ports.systems.Hr`."""

import asyncio
from collections.abc import AsyncIterator
from datetime import date, timedelta
from pathlib import Path

import pytest

from connectors.errors import OutcomeUnknown, Refused, Retry
from connectors.ports.systems import Leave
from tests.contract.cases import HrCase
from tests.contract.implementations import HRS


@pytest.fixture(params=HRS)
async def case(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[HrCase]:
    async with HRS[request.param](tmp_path) as made:
        yield made


async def booked(case: HrCase) -> list[Leave]:
    return [leave for leave in await case.port.leaves(case.person) if leave.status == "booked" and leave.start >= case.today]


async def remaining(case: HrCase) -> float:
    return (await case.port.leave_balance(case.person, case.today.year)).remaining


class TestWorkingDays:
    async def test_leave_out_weekends(self, case: HrCase) -> None:
        assert await case.port.working_days(case.person, case.monday, case.monday + timedelta(days=6)) == 5
        assert await case.port.working_days(case.person, case.monday, case.monday) == 1
        assert await case.port.working_days(case.person, case.monday + timedelta(days=5), case.monday + timedelta(days=6)) == 0

    async def test_leave_out_the_persons_public_holidays(self, case: HrCase) -> None:
        assert case.holiday.weekday() < 5
        assert await case.port.working_days(case.person, case.holiday, case.holiday) == 0

    async def test_refuse_an_end_before_the_start(self, case: HrCase) -> None:
        with pytest.raises(Refused) as raised:
            await case.port.working_days(case.person, case.monday, case.monday - timedelta(days=1))
        assert raised.value.code == "end_before_start"


class TestBooking:
    async def test_lowers_the_balance_by_the_working_days(self, case: HrCase) -> None:
        before = await case.port.leave_balance(case.person, case.today.year)
        effect = await case.port.book_leave(case.person, case.monday, case.monday + timedelta(days=6), key="k1")
        assert effect.changed
        assert await booked(case) == [Leave(effect.reference, case.monday, case.monday + timedelta(days=6), 5.0, "booked")]
        after = await case.port.leave_balance(case.person, case.today.year)
        assert (after.booked, after.taken, after.remaining) == (before.booked + 5, before.taken, before.remaining - 5)

    async def test_has_one_effect_a_key_also_when_calls_race(self, case: HrCase) -> None:
        calls = (case.port.book_leave(case.person, case.monday, case.monday + timedelta(days=1), key="k1") for _ in range(8))
        effects = await asyncio.gather(*calls)
        assert [effect.changed for effect in effects].count(True) == 1
        assert len({effect.reference for effect in effects}) == 1
        assert len(await booked(case)) == 1

    async def test_has_one_effect_when_the_answer_was_lost(self, case: HrCase) -> None:
        await case.answer_lost()
        with pytest.raises(OutcomeUnknown):
            await case.port.book_leave(case.person, case.monday, case.monday, key="k1")
        again = await case.port.book_leave(case.person, case.monday, case.monday, key="k1")
        assert not again.changed
        assert [leave.reference for leave in await booked(case)] == [again.reference]

    @pytest.mark.parametrize(("first", "last"), [(0, 0), (-1, 0), (4, 8), (-3, 9), (1, 2)])
    async def test_refuses_an_overlap(self, case: HrCase, first: int, last: int) -> None:
        await case.port.book_leave(case.person, case.monday, case.monday + timedelta(days=4), key="k1")
        with pytest.raises(Refused) as raised:
            await case.port.book_leave(case.person, case.monday + timedelta(days=first), case.monday + timedelta(days=last), key="k2")
        assert raised.value.code == "overlap"
        assert len(await booked(case)) == 1

    async def test_refuses_more_than_the_balance_and_allows_exactly_it(self, case: HrCase) -> None:
        left = await remaining(case)
        days: list[date] = []
        day = case.monday
        while len(days) < left:
            if await case.port.working_days(case.person, day, day):
                days.append(day)
            day += timedelta(days=1)
        assert days[-1].year == case.today.year
        with pytest.raises(Refused) as raised:
            await case.port.book_leave(case.person, days[0] - timedelta(days=3), days[-1], key="k1")
        assert raised.value.code == "insufficient_balance"
        assert await remaining(case) == left
        await case.port.book_leave(case.person, days[0], days[-1], key="k2")
        assert await remaining(case) == 0

    async def test_refuses_what_cannot_be(self, case: HrCase) -> None:
        for code, start, end in (
            ("end_before_start", case.monday, case.monday - timedelta(days=1)),
            ("in_the_past", case.today - timedelta(days=7), case.today),
            ("no_working_days", case.holiday, case.holiday),
        ):
            with pytest.raises(Refused) as raised:
                await case.port.book_leave(case.person, start, end, key="k1")
            assert raised.value.code == code
        assert await booked(case) == []

    async def test_an_unreachable_system_has_no_effect(self, case: HrCase) -> None:
        await case.unreachable()
        with pytest.raises(Retry) as raised:
            await case.port.book_leave(case.person, case.monday, case.monday, key="k1")
        assert not isinstance(raised.value, OutcomeUnknown)
        assert await booked(case) == []


class TestCancelling:
    async def test_gives_the_days_back(self, case: HrCase) -> None:
        before = await remaining(case)
        effect = await case.port.book_leave(case.person, case.monday, case.monday, key="k1")
        assert (await case.port.cancel_leave(effect.reference, key="k2")).changed
        assert await remaining(case) == before
        assert await booked(case) == []
        assert effect.reference in {leave.reference for leave in await case.port.leaves(case.person) if leave.status == "cancelled"}

    async def test_changes_nothing_the_second_time(self, case: HrCase) -> None:
        effect = await case.port.book_leave(case.person, case.monday, case.monday, key="k1")
        await case.port.cancel_leave(effect.reference, key="k2")
        assert not (await case.port.cancel_leave(effect.reference, key="k3")).changed

    async def test_makes_the_days_free_again(self, case: HrCase) -> None:
        effect = await case.port.book_leave(case.person, case.monday, case.monday, key="k1")
        await case.port.cancel_leave(effect.reference, key="k2")
        assert (await case.port.book_leave(case.person, case.monday, case.monday, key="k3")).changed

    async def test_refuses_an_unknown_reference(self, case: HrCase) -> None:
        with pytest.raises(Refused) as raised:
            await case.port.cancel_leave("leave:999999", key="k1")
        assert raised.value.code == "unknown_leave"
