from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from connectors.errors import NeedsHuman
from connectors.ports.systems import Entitlement
from connectors.sandbox.connector import SandboxCompany
from specialists.skill import SUPERSEDED, Declined
from tests.specialists.skills.bench import MONDAY, Bench, Clock
from tests.specialists.skills.conftest import MakeBench

PRIYA = "e1003"


@pytest.fixture
async def dana(bench: MakeBench) -> Bench:
    return figma(await bench("grant_access", "dana"))


def figma(bench: Bench, days: int = 30, role: str = "editor") -> Bench:
    return bench.asks({"application": "Figma", "duration": f"{days} days"}, application="figma", role=role, duration=f"P{days}D")


async def figma_of(company: SandboxCompany, person_key: str) -> "list[tuple[str, datetime | None]]":
    found: list[Entitlement] = list(await company.access.entitlements(person_key))
    return [(one.role, one.until) for one in found if one.application_key == "figma"]


async def test_access_is_granted_with_its_end(dana: Bench, company: SandboxCompany) -> None:
    plan = await dana.planned()
    end = MONDAY + timedelta(days=30)
    assert (plan.until, plan.owner_key) == (end, PRIYA)
    [(action, effect)] = await dana.run()
    assert action.arguments == {"application": "figma", "role": "editor", "until": end.isoformat()}
    assert await figma_of(company, dana.key) == [("editor", end)]
    assert dana.told(action, effect) == "You can use Figma as editor until Wed 1 Apr, 10:30. It ends by itself."
    assert dana.read((await dana.verify(action)).evidence) == "Figma lists you as editor until Wed 1 Apr, 10:30."


async def test_undo_takes_it_back(dana: Bench, company: SandboxCompany) -> None:
    [(action, effect)] = await dana.run()
    await dana.undo(action, effect)
    assert await figma_of(company, dana.key) == []
    assert not (await dana.verify(action)).holds


async def test_it_can_be_extended_and_the_first_end_then_ends_nothing(dana: Bench, company: SandboxCompany, clock: Clock) -> None:
    [(first, first_effect)] = await dana.run()
    clock.advance(days=20)
    dana.case = "FOY-2"
    later = figma(dana, days=60)
    [(second, second_effect)] = await later.run()
    assert second.arguments["until_now"] == (MONDAY + timedelta(days=30)).isoformat()
    end = MONDAY + timedelta(days=80)
    assert await figma_of(company, dana.key) == [("editor", end)]

    clock.advance(days=10)
    assert not (await dana.undo(first, first_effect, key="end of the first")).changed
    assert await figma_of(company, dana.key) == [("editor", end)]

    clock.advance(days=50)
    assert (await later.undo(second, second_effect, key="end of the second")).changed
    assert await figma_of(company, dana.key) == []


async def test_undoing_the_first_leaves_an_extension_alone(dana: Bench, company: SandboxCompany, clock: Clock) -> None:
    [(first, first_effect)] = await dana.run()
    clock.advance(days=20)
    dana.case = "FOY-2"
    [(second, second_effect)] = await figma(dana, days=60).run()
    left = await dana.undo(first, first_effect)
    assert (left.changed, left.detail) == (False, {SUPERSEDED: True})
    assert await figma_of(company, dana.key) == [("editor", MONDAY + timedelta(days=80))]
    for _ in range(2):
        await dana.undo(second, second_effect, key="the same")
        assert await figma_of(company, dana.key) == [("editor", MONDAY + timedelta(days=30))]


async def test_undoing_an_extension_puts_the_earlier_end_back(dana: Bench, company: SandboxCompany, clock: Clock) -> None:
    await dana.run()
    clock.advance(days=20)
    dana.case = "FOY-2"
    later = figma(dana, days=60)
    [(action, effect)] = await later.run()
    clock.advance(days=1)
    await later.undo(action, effect)
    assert await figma_of(company, dana.key) == [("editor", MONDAY + timedelta(days=30))]


async def test_an_undo_that_was_cut_off_is_repeated_without_harm(dana: Bench, company: SandboxCompany) -> None:
    [(action, effect)] = await dana.run()
    await dana.undo(action, effect, key="same")
    await dana.undo(action, effect, key="same")
    assert len(await company.effects("access.revoke")) == 1


@pytest.mark.parametrize("keeps_end", [True, False])
async def test_access_whose_end_is_lost_is_never_taken_for_one_that_was_given_anew(
    dana: Bench, company: SandboxCompany, monkeypatch: pytest.MonkeyPatch, keeps_end: bool
) -> None:
    [(action, effect)] = await dana.run()
    entitlements = company.access.entitlements

    async def without_end(*args: Any, **kwargs: Any) -> list[Entitlement]:
        return [replace(one, until=None, keeps_end=keeps_end) for one in await entitlements(*args, **kwargs)]

    monkeypatch.setattr(company.access, "entitlements", without_end)
    if keeps_end:  # somebody said so in the system
        assert (await dana.undo(action, effect)).detail == {SUPERSEDED: True}
        return
    with pytest.raises(NeedsHuman) as raised:
        await dana.undo(action, effect)
    assert raised.value.code == "end_lost"


async def test_what_they_have_for_longer_is_not_cut_short(dana: Bench) -> None:
    await dana.run()
    assert "until Wed 1 Apr, 10:30. That is longer" in await figma(dana, days=7).declined()


async def test_access_without_an_end_is_left_alone(bench: MakeBench) -> None:
    dana = await bench("grant_access", "dana")
    slack = dana.asks({"application": "Slack"}, application="slack", role="member", duration="P30D")
    assert await slack.declined() == "You have Slack as member already, without an end."


@pytest.mark.parametrize(
    ("slots", "says", "offer"),
    [
        ({"application": "sap", "role": "user"}, 'I don\'t know an application called "sap"', True),
        ({"application": "figma", "role": "owner"}, 'Figma has no role "owner". It has viewer, editor, and admin.', False),
        ({"application": "figma", "role": "admin"}, "People give that one", True),
        ({"application": "figma", "role": "editor", "duration": "P91D"}, "1 to 90 days", False),
        ({"application": "figma", "role": "editor", "duration": "P0D"}, "1 to 90 days", False),
        ({"application": "figma", "role": "editor", "duration": "-P3D"}, "1 to 90 days", False),
    ],
)
async def test_what_is_not_given(bench: MakeBench, slots: dict[str, str], says: str, offer: bool) -> None:
    dana = (await bench("grant_access", "dana")).asks(
        {"application": "Figma"} if slots["application"] == "figma" else {}, **{"duration": "P30D", **slots}
    )
    plan = await dana.plan()
    assert isinstance(plan, Declined)
    assert says in dana.read(plan.message)
    assert plan.offer_human is offer


async def test_ninety_days_are_given(dana: Bench) -> None:
    assert (await figma(dana, days=90).planned()).until == datetime(2026, 5, 31, 14, 30, tzinfo=UTC)


async def test_an_application_without_an_owner_has_none_to_ask(bench: MakeBench) -> None:
    dana = await bench("grant_access", "dana")
    plan = await dana.asks(application="old-intranet", role="reader", duration="P1D").planned()
    assert plan.owner_key is None
