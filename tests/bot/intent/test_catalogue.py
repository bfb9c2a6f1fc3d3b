"""The catalogue outlives an outage of what it comes from."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from bot.intent.catalogue import Catalogues
from connectors.errors import Retry
from connectors.ports.systems import Application, CatalogueItem

from .conftest import CATALOGUE, NOW


class Systems:
    def __init__(self) -> None:
        self.down, self.asked = False, 0

    async def applications(self) -> Sequence[Application]:
        self.asked += 1
        if self.down:
            raise Retry("down")
        return CATALOGUE.applications

    async def catalogue(self) -> Sequence[CatalogueItem]:
        if self.down:
            raise Retry("down")
        return CATALOGUE.items


def kept(systems: Any, now: list[Any]) -> Catalogues:
    return Catalogues(systems, systems, clock=lambda: now[0])


async def test_asks_every_five_minutes() -> None:
    systems, now = Systems(), [NOW]
    catalogues = kept(systems, now)
    first = await catalogues.current()
    assert (first.applications, first.items) == (CATALOGUE.applications, CATALOGUE.items)
    now[0] = NOW + timedelta(minutes=4)
    assert await catalogues.current() is first
    now[0] = NOW + timedelta(minutes=6)
    await catalogues.current()
    assert systems.asked == 2


async def test_serves_the_last_one_while_the_system_is_down() -> None:
    systems, now = Systems(), [NOW]
    catalogues = kept(systems, now)
    await catalogues.current()
    systems.down, now[0] = True, NOW + timedelta(minutes=6)
    assert (await catalogues.current()).roles_of("figma") == ("viewer", "editor")
    asked = systems.asked
    await catalogues.current()
    assert systems.asked == asked
    now[0] += timedelta(seconds=20)
    await catalogues.current()
    assert systems.asked == asked + 1


async def test_is_empty_when_there_never_was_one() -> None:
    systems = Systems()
    systems.down = True
    catalogue = await kept(systems, [NOW]).current()
    assert (catalogue.applications, catalogue.items, catalogue.roles_of("figma")) == ((), (), ())
