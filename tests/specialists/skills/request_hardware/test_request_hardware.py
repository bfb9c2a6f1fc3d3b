import pytest

from connectors.errors import Refused
from connectors.sandbox.connector import SandboxCompany
from specialists.skill import Declined
from tests.specialists.skills.bench import Bench, Clock
from tests.specialists.skills.conftest import MakeBench


@pytest.fixture
async def dana(bench: MakeBench) -> Bench:
    return (await bench("request_hardware", "dana")).asks({"item": "27-inch 4K monitor"}, item="monitor-27-4k")


async def test_one_is_ordered_unless_more_are_wanted(dana: Bench, company: SandboxCompany) -> None:
    [(action, effect)] = await dana.run()
    assert action.arguments == {"item": "monitor-27-4k", "quantity": 1, "total": 429.0, "currency": "USD", "reason": ""}
    assert dana.told(action, effect) == "27-inch 4K monitor is ordered and should be with you by Sat 7 Mar 2026."
    [order] = await company.purchasing.orders(dana.key)
    assert (order.reference, order.quantity, order.status) == (effect.reference, 1, "ordered")


async def test_the_approver_sees_quantity_and_total(dana: Bench) -> None:
    three = dana.asks({"item": "27-inch 4K monitor"}, item="monitor-27-4k", quantity=3, reason="Trade show")
    [(action, effect)] = await three.run()
    assert (action.arguments["quantity"], action.arguments["total"], action.arguments["reason"]) == (3, 1287.0, "Trade show")
    assert three.told(action, effect).startswith("3 × 27-inch 4K monitor are ordered")


async def test_undo_cancels_the_order(dana: Bench, company: SandboxCompany) -> None:
    [(action, effect)] = await dana.run()
    await dana.undo(action, effect)
    assert [order.status for order in await company.purchasing.orders(dana.key)] == ["cancelled"]
    assert not (await dana.verify(action)).holds


async def test_what_has_left_cannot_be_cancelled(dana: Bench, clock: Clock) -> None:
    [(action, effect)] = await dana.run()
    clock.advance(days=2)
    with pytest.raises(Refused, match="already_shipped"):
        await dana.undo(action, effect)


async def test_another_order_does_not_verify_this_one(dana: Bench) -> None:
    await dana.run()
    [two] = (await dana.asks(item="monitor-27-4k", quantity=2).planned()).actions
    assert not (await dana.verify(two)).holds


async def test_an_unknown_item_is_for_people(dana: Bench) -> None:
    plan = await dana.asks(item="hoverboard").plan()
    assert isinstance(plan, Declined)
    assert plan.offer_human
    assert 'I don\'t find "hoverboard"' in dana.read(plan.message)


@pytest.mark.parametrize("quantity", [0, -1, 21, 1.5, "many", 1e300, float("inf")])
async def test_only_sensible_quantities(dana: Bench, quantity: "int | float | str") -> None:
    assert "between 1 and 20" in await dana.asks(item="monitor-27-4k", quantity=quantity).declined()


async def test_twenty_are_ordered(dana: Bench) -> None:
    [(action, _)] = await dana.asks(item="mouse-standard", quantity=20.0).run()
    assert action.arguments["quantity"] == 20
