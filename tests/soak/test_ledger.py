"""Giving and taking back on a system that fails in every two ways one after the other."""

from tests.connectors.calling.test_ledger_hostile import NEVER, TWICE, World, of_all, taken_back, world

__all__ = ["world"]


async def test_a_grant_ends_well(world: World) -> None:
    assert await of_all(world, TWICE + NEVER) == []


async def test_taking_back_ends_well(world: World) -> None:
    assert await taken_back(world, TWICE + NEVER) == []
