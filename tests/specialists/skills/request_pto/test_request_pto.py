from datetime import date

import pytest

from connectors.errors import Refused
from connectors.ports.systems import Effect
from connectors.sandbox.connector import SandboxCompany
from tests.specialists.skills.bench import Bench, Clock
from tests.specialists.skills.conftest import MakeBench


@pytest.fixture
async def dana(bench: MakeBench) -> Bench:
    return (await bench("request_pto", "dana")).asks(start="2026-03-09", end="2026-03-13")


async def test_the_days_are_booked(dana: Bench, company: SandboxCompany) -> None:
    before = await company.hr.leave_balance(dana.key, 2026)
    [(action, effect)] = await dana.run()
    assert action.arguments == {"start": "2026-03-09", "end": "2026-03-13", "days": 5.0}
    assert dana.told(action, effect) == "Your time off from Mon 9 Mar 2026 to Fri 13 Mar 2026 is booked: 5 working days."
    after = await company.hr.leave_balance(dana.key, 2026)
    assert before.remaining - after.remaining == 5


async def test_one_day_is_one_day(dana: Bench) -> None:
    monday = dana.asks(start="2026-03-09", end="2026-03-09")
    [(action, effect)] = await monday.run()
    assert monday.told(action, effect) == "Your time off on Mon 9 Mar 2026 is booked."
    assert monday.read((await monday.verify(action)).evidence) == "The HR system lists your leave on Mon 9 Mar 2026."
    undone = monday.read(monday.skill.says("undone", monday.context))
    assert undone == "Your time off on 2026-03-09 is cancelled, and the day is yours again."


async def test_undo_gives_the_days_back(dana: Bench, company: SandboxCompany) -> None:
    before = await company.hr.leave_balance(dana.key, 2026)
    [(action, effect)] = await dana.run()
    await dana.undo(action, effect)
    assert await company.hr.leave_balance(dana.key, 2026) == before
    assert not (await dana.verify(action)).holds


async def test_undo_finds_the_leave_by_its_days_when_the_answer_was_lost(dana: Bench, company: SandboxCompany) -> None:
    [(action, _)] = await dana.run()
    assert (await dana.undo(action, Effect(""))).changed
    assert not (await dana.verify(action)).holds
    assert not (await dana.undo(action, Effect(""), key="again")).changed
    assert len(await company.effects("hr.cancel_leave")) == 1


async def test_leave_that_has_begun_is_for_people(dana: Bench, clock: Clock) -> None:
    [(action, effect)] = await dana.run()
    clock.advance(days=8)
    with pytest.raises(Refused, match="already_started"):
        await dana.undo(action, effect)


async def test_an_overlap_is_named(dana: Bench) -> None:
    await dana.run()
    for start, end in (("2026-03-13", "2026-03-20"), ("2026-03-02", "2026-03-09"), ("2026-03-10", "2026-03-11")):
        says = await dana.asks(start=start, end=end).declined()
        assert says == "You have time off from Mon 9 Mar 2026 to Fri 13 Mar 2026 already, and that overlaps."
    await dana.asks(start="2026-03-16", end="2026-03-16").planned()


async def test_cancelled_leave_is_no_overlap(dana: Bench) -> None:
    [(action, effect)] = await dana.run()
    await dana.undo(action, effect)
    await dana.planned()


async def test_too_little_left_is_said_in_figures(dana: Bench, company: SandboxCompany) -> None:
    have = (await company.hr.leave_balance(dana.key, 2026)).remaining
    need = await company.hr.working_days(dana.key, date(2026, 6, 1), date(2026, 8, 31))
    says = await dana.asks(start="2026-06-01", end="2026-08-31").declined()
    assert says == f"You have {have:g} days left in 2026, and this takes {need:g}."


async def test_a_turn_of_the_year_is_counted_in_both_years(dana: Bench) -> None:
    [action] = (await dana.asks(start="2026-12-30", end="2027-01-05").planned()).actions
    # New Year's Day and the weekend are no working days.
    assert action.arguments["days"] == 4.0
    assert "in 2027, and this takes" in await dana.asks(start="2026-12-30", end="2027-03-31").declined()


@pytest.mark.parametrize(
    ("start", "end", "says"),
    [
        ("2026-03-01", "2026-03-06", "Sun 1 Mar 2026 is over already."),
        ("2026-03-13", "2026-03-09", "The last day, Mon 9 Mar 2026, is before the first, Fri 13 Mar 2026."),
        ("2028-01-03", "2028-01-04", "I can book up to the end of 2027."),
        ("2026-03-09", "2027-03-10", "more than a year"),
        ("2026-03-07", "2026-03-08", "There is no working day"),
    ],
)
async def test_impossible_dates(dana: Bench, start: str, end: str, says: str) -> None:
    assert says in await dana.asks(start=start, end=end).declined()


async def test_today_is_possible_where_it_is_still_today(bench: MakeBench, clock: Clock) -> None:
    clock.now = clock.now.replace(hour=3)
    dana = (await bench("request_pto", "dana")).asks(start="2026-03-01", end="2026-03-03")
    omar = (await bench("request_pto", "omar")).asks(start="2026-03-01", end="2026-03-03")
    await dana.planned()
    assert "is over already" in await omar.declined()
