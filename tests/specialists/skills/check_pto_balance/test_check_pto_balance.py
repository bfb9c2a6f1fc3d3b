from connectors.sandbox.connector import SandboxCompany
from tests.specialists.skills.bench import Clock
from tests.specialists.skills.conftest import MakeBench


async def test_the_answer_is_the_balance_with_its_numbers(bench: MakeBench, company: SandboxCompany) -> None:
    dana = await bench("check_pto_balance", "dana")
    balance = await company.hr.leave_balance(dana.key, 2026)
    [(action, effect)] = await dana.run()
    assert (action.effect, effect.changed) == (False, False)
    assert dana.told(action, effect) == (
        f"You have {balance.remaining:g} days of PTO left in 2026: {balance.entitled:g} for the year and "
        f"{balance.carried_over:g} carried over, less {balance.taken:g} taken and {balance.booked:g} booked."
    )


async def test_carried_over_days_come_with_their_last_day(bench: MakeBench, clock: Clock) -> None:
    dana = await bench("check_pto_balance", "dana")
    [(action, _)] = await dana.run()
    assert "until Tue 31 Mar 2026" in dana.read((await dana.verify(action)).evidence)
    clock.advance(days=60)
    assert dana.read((await dana.verify(action)).evidence) == "As the HR system has it now."


async def test_the_year_is_the_persons(bench: MakeBench, clock: Clock) -> None:
    clock.now = clock.now.replace(month=12, day=31, hour=23, minute=30)
    dana, omar = await bench("check_pto_balance", "dana"), await bench("check_pto_balance", "omar")
    assert [(await one.planned()).actions[0].arguments["year"] for one in (dana, omar)] == [2026, 2027]


async def test_it_changes_nothing(bench: MakeBench, company: SandboxCompany) -> None:
    await (await bench("check_pto_balance", "omar")).run()
    assert await company.effects() == []
