"""The contract of `connectors.ports.systems.Purchasing`."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from connectors.errors import OutcomeUnknown, Refused, Retry
from tests.contract.cases import PurchasingCase
from tests.contract.implementations import PURCHASINGS


@pytest.fixture(params=PURCHASINGS)
async def case(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[PurchasingCase]:
    async with PURCHASINGS[request.param](tmp_path) as made:
        yield made


async def statuses(case: PurchasingCase) -> list[str]:
    return [order.status for order in await case.port.orders(case.person)]


async def test_the_catalogue_has_distinct_items_with_prices(case: PurchasingCase) -> None:
    items = await case.port.catalogue()
    assert len({item.key for item in items}) == len(items)
    assert case.item in {item.key for item in items}
    assert all(item.price > 0 and item.currency for item in items)


async def test_an_order_is_read_back(case: PurchasingCase) -> None:
    before = await case.port.orders(case.person)
    effect = await case.port.order(case.person, case.item, quantity=2, reason="A new desk", key="k1")
    assert effect.changed
    [order] = [order for order in await case.port.orders(case.person) if order not in before]
    assert (order.reference, order.item_key, order.quantity, order.status) == (effect.reference, case.item, 2, "ordered")
    assert order.expected is not None
    assert order.expected >= case.clock().date()


async def test_one_key_is_one_order_also_when_calls_race(case: PurchasingCase) -> None:
    calls = (case.port.order(case.person, case.item, quantity=1, reason="", key="k1") for _ in range(8))
    effects = await asyncio.gather(*calls)
    assert [effect.changed for effect in effects].count(True) == 1
    assert len({effect.reference for effect in effects}) == 1
    assert await statuses(case) == ["ordered"]


async def test_another_key_is_another_order(case: PurchasingCase) -> None:
    for key in ("k1", "k2"):
        await case.port.order(case.person, case.item, quantity=1, reason="", key=key)
    assert await statuses(case) == ["ordered", "ordered"]


async def test_one_key_is_one_order_when_the_answer_was_lost(case: PurchasingCase) -> None:
    await case.answer_lost()
    with pytest.raises(OutcomeUnknown):
        await case.port.order(case.person, case.item, quantity=1, reason="", key="k1")
    assert not (await case.port.order(case.person, case.item, quantity=1, reason="", key="k1")).changed
    assert await statuses(case) == ["ordered"]


async def test_an_order_can_be_cancelled_until_it_leaves(case: PurchasingCase) -> None:
    effect = await case.port.order(case.person, case.item, quantity=1, reason="", key="k1")
    assert (await case.port.cancel_order(effect.reference, key="k2")).changed
    assert await statuses(case) == ["cancelled"]
    assert not (await case.port.cancel_order(effect.reference, key="k3")).changed


async def test_an_order_that_has_left_cannot_be_cancelled(case: PurchasingCase) -> None:
    effect = await case.port.order(case.person, case.item, quantity=1, reason="", key="k1")
    case.clock.advance(case.ships_after - timedelta(seconds=1))
    assert await statuses(case) == ["ordered"]
    case.clock.advance(timedelta(seconds=1))
    assert await statuses(case) == ["shipped"]
    with pytest.raises(Refused) as raised:
        await case.port.cancel_order(effect.reference, key="k2")
    assert raised.value.code == "already_shipped"
    assert await statuses(case) == ["shipped"]


async def test_what_cannot_be_is_refused(case: PurchasingCase) -> None:
    for code, person, item, quantity in (
        ("unknown_person", "nobody", case.item, 1),
        ("unknown_item", case.person, "flying-carpet", 1),
        ("bad_quantity", case.person, case.item, 0),
        ("bad_quantity", case.person, case.item, -1),
        ("bad_quantity", case.person, case.item, 1_000_000),
    ):
        with pytest.raises(Refused) as raised:
            await case.port.order(person, item, quantity=quantity, reason="", key="k1")
        assert raised.value.code == code
    with pytest.raises(Refused) as raised:
        await case.port.cancel_order("order:999999", key="k2")
    assert raised.value.code == "unknown_order"
    assert await statuses(case) == []


async def test_an_unreachable_system_has_no_effect(case: PurchasingCase) -> None:
    await case.unreachable()
    with pytest.raises(Retry) as raised:
        await case.port.order(case.person, case.item, quantity=1, reason="", key="k1")
    assert not isinstance(raised.value, OutcomeUnknown)
    assert await statuses(case) == []
