"""Leave arithmetic: entitlement, carry-over, expiry; and the same through the records."""

from datetime import UTC, date, datetime, timedelta

import pytest

from connectors.errors import Refused
from connectors.ports.systems import LeaveBalance
from connectors.sandbox import facts
from connectors.sandbox.connector import SandboxCompany
from connectors.sandbox.holidays import working_dates
from connectors.sandbox.leave import Employment, affordable, balance, entitlement
from tests.contract.cases import FakeClock

US = Employment("US", date(2020, 1, 6), 2025)
DE = Employment("DE", date(2020, 1, 6), 2025)
BR = Employment("BR", date(2020, 1, 6), 2025)


def days(country: str, start: date, number: int) -> set[date]:
    return set(working_dates(country, start, start + timedelta(days=60))[:number])


class TestEntitlement:
    def test_is_whole_after_the_year_of_hiring(self) -> None:
        assert [entitlement(one, 2026) for one in (US, DE, BR)] == [20, 30, 22]

    @pytest.mark.parametrize(("hired", "expected"), [((2026, 1, 31), 20), ((2026, 7, 1), 10), ((2026, 12, 1), 1.5), ((2027, 1, 1), 0)])
    def test_is_by_months_in_the_year_of_hiring(self, hired: tuple[int, int, int], expected: float) -> None:
        assert entitlement(Employment("US", date(*hired), 2025), 2026) == expected


class TestCarryOver:
    def test_is_what_was_left_up_to_the_countrys_cap(self) -> None:
        used = days("US", date(2025, 6, 2), 13)
        assert balance(US, used, 2026, date(2026, 1, 15)) == LeaveBalance(2026, 20, 5, date(2026, 3, 31), 0, 0)
        used = days("US", date(2025, 6, 2), 18)
        assert balance(US, used, 2026, date(2026, 1, 15)).carried_over == 2
        used = days("DE", date(2025, 6, 2), 13)
        assert balance(DE, used, 2026, date(2026, 1, 15)).carried_over == 10

    def test_is_none_where_nothing_was_left_or_nothing_is_carried(self) -> None:
        none_left = balance(US, days("US", date(2025, 6, 2), 20), 2026, date(2026, 1, 15))
        assert (none_left.carried_over, none_left.carried_over_expires) == (0, None)
        assert balance(BR, set(), 2026, date(2026, 1, 15)).carried_over == 0

    def test_is_not_known_before_the_year_has_ended(self) -> None:
        assert balance(US, set(), 2027, date(2026, 12, 31)).carried_over == 0
        assert balance(US, set(), 2027, date(2027, 1, 1)).carried_over == 5

    def test_counts_until_its_last_day_and_then_as_far_as_it_was_used(self) -> None:
        assert balance(US, set(), 2026, date(2026, 3, 31)).remaining == 25
        assert balance(US, set(), 2026, date(2026, 4, 1)).remaining == 20
        used = days("US", date(2026, 2, 2), 3)
        assert balance(US, used, 2026, date(2026, 3, 31)).remaining == 22
        after = balance(US, used, 2026, date(2026, 4, 1))
        assert (after.carried_over, after.taken, after.remaining) == (3, 3, 20)

    def test_that_expired_is_not_carried_on(self) -> None:
        assert balance(US, set(), 2027, date(2027, 1, 15)).carried_over == 5
        used = days("US", date(2026, 5, 4), 18)
        assert balance(US, used, 2027, date(2027, 1, 15)).carried_over == 2


class TestAffordable:
    def test_carried_days_are_used_up_to_their_expiry_only(self) -> None:
        today = date(2026, 1, 5)
        early = days("US", date(2026, 2, 2), 5)
        late = days("US", date(2026, 6, 1), 20)
        assert affordable(US, early | late, 2026, today)
        assert not affordable(US, late | days("US", date(2026, 9, 8), 1), 2026, today)
        assert not affordable(US, early | late | days("US", date(2026, 3, 2), 1), 2026, today)

    def test_the_last_day_of_carried_days_may_be_one_of_them(self) -> None:
        late = days("US", date(2026, 6, 1), 20)
        assert affordable(US, late | {date(2026, 3, 31)}, 2026, date(2026, 1, 5))
        assert not affordable(US, late | {date(2026, 4, 1)}, 2026, date(2026, 1, 5))

    def test_all_of_it_may_be_used_early(self) -> None:
        assert affordable(US, days("US", date(2026, 1, 5), 25), 2026, date(2026, 1, 5))
        assert not affordable(US, days("US", date(2026, 1, 5), 26), 2026, date(2026, 1, 5))


class TestRecords:
    async def test_today_is_booked_and_yesterday_is_taken(self, company: SandboxCompany, clock: FakeClock) -> None:
        before = await company.hr.leave_balance(facts.OMAR, 2026)
        await company.hr.book_leave(facts.OMAR, date(2026, 9, 16), date(2026, 9, 18), key="k1")
        clock.advance(timedelta(days=2))
        after = await company.hr.leave_balance(facts.OMAR, 2026)
        assert (after.taken - before.taken, after.booked - before.booked) == (2, 1)

    async def test_today_is_the_persons_own(self, company: SandboxCompany, clock: FakeClock) -> None:
        clock.now = datetime(2026, 9, 16, 23, 0, tzinfo=UTC)
        with pytest.raises(Refused, match="in_the_past"):
            await company.hr.book_leave(facts.OMAR, date(2026, 9, 16), date(2026, 9, 16), key="k1")
        assert (await company.hr.book_leave(facts.DANA, date(2026, 9, 16), date(2026, 9, 16), key="k2")).changed

    async def test_leave_over_the_new_year_counts_in_both_years(self, company: SandboxCompany) -> None:
        before = [(await company.hr.leave_balance(facts.OMAR, year)).booked for year in (2026, 2027)]
        await company.hr.book_leave(facts.OMAR, date(2026, 12, 28), date(2027, 1, 8), key="k1")
        after = [(await company.hr.leave_balance(facts.OMAR, year)).booked for year in (2026, 2027)]
        assert [b - a for a, b in zip(before, after, strict=True)] == [4, 5]

    async def test_leave_that_has_begun_cannot_be_cancelled(self, company: SandboxCompany, clock: FakeClock) -> None:
        effect = await company.hr.book_leave(facts.OMAR, date(2026, 9, 21), date(2026, 9, 22), key="k1")
        clock.advance(timedelta(days=6))
        with pytest.raises(Refused, match="already_started"):
            await company.hr.cancel_leave(effect.reference, key="k2")

    async def test_years_without_records_and_people_without_leave_are_refused(self, company: SandboxCompany) -> None:
        for year in (2024, 2028):
            with pytest.raises(Refused, match="no_records"):
                await company.hr.leave_balance(facts.OMAR, year)
        with pytest.raises(Refused, match="not_an_employee"):
            await company.hr.leave_balance(facts.MARTA, 2026)
        with pytest.raises(Refused, match="too_far_ahead"):
            await company.hr.book_leave(facts.OMAR, date(2028, 5, 2), date(2028, 5, 2), key="k1")
        with pytest.raises(Refused, match="too_long"):
            await company.hr.working_days(facts.OMAR, date(1, 1, 1), date(9999, 12, 31))

    async def test_the_balance_follows_the_years(self, company: SandboxCompany, clock: FakeClock) -> None:
        left = (await company.hr.leave_balance(facts.DANA, 2026)).remaining
        clock.now = datetime(2027, 1, 10, 12, 0, tzinfo=UTC)
        later = await company.hr.leave_balance(facts.DANA, 2027)
        assert left > 5
        assert (later.entitled, later.carried_over, later.carried_over_expires) == (20, 5, date(2027, 3, 31))
