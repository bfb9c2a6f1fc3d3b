from dataclasses import replace

from connectors.sandbox.connector import SandboxCompany
from specialists.skill import Declined
from tests.specialists.skills.bench import as_person
from tests.specialists.skills.conftest import MakeBench


async def test_a_locked_account_is_unlocked_and_read_back(bench: MakeBench, company: SandboxCompany) -> None:
    dana = await bench("unlock_account", "dana")
    [(action, effect)] = await dana.run()
    assert (action.name, action.idempotency, effect.changed) == ("unlock", "natural", True)
    assert (await company.accounts.account(dana.key)).status == "active"
    assert dana.told(action, effect) == "Your account is unlocked. Sign in with your usual password."


async def test_a_second_time_changes_nothing(bench: MakeBench) -> None:
    dana = await bench("unlock_account", "dana")
    [(action, _)] = await dana.run()
    again = await dana.perform(action, key="another")
    assert not again.changed


async def test_an_account_that_is_still_locked_does_not_verify(bench: MakeBench) -> None:
    dana = await bench("unlock_account", "dana")
    [action] = (await dana.planned()).actions
    assert not (await dana.verify(action)).holds


async def test_nothing_is_done_to_an_open_account(bench: MakeBench) -> None:
    omar = await bench("unlock_account", "omar")
    assert "isn't locked" in await omar.declined()


async def test_a_disabled_account_is_for_people(bench: MakeBench, company: SandboxCompany) -> None:
    dana = await bench("unlock_account", "dana")
    [gone, *_] = [person for n in range(2001, 2300) if (person := await company.people.get(f"e{n}")) and not person.active]
    plan = await replace(dana, who=as_person(gone)).plan()
    assert isinstance(plan, Declined)
    assert plan.offer_human
    assert "disabled" in dana.read(plan.message)
