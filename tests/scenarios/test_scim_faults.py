"""A wish that goes to a SCIM service over a line that fails: nothing lost, nothing twice, nothing wrongly called done.

Some of the faults; tests/e2e has them all, and those of a directory.
"""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.outside.disturbed import SCIM_CHANGES, SCIM_FAULTS, Scene, blind, scim_scene
from tests.outside.judging import wrong


@pytest.fixture
async def scene(template: Path, tmp_path: Path) -> AsyncIterator[Scene]:
    async with scim_scene(tmp_path / "home", template) as made:
        yield made


@pytest.mark.parametrize("fault", ["apply_then_502", "cut"])
async def test_a_grant_and_its_undo_survive_one(scene: Scene, fault: str) -> None:
    foyer = scene.foyer
    scene.proxy.plan(SCIM_FAULTS[fault], when=SCIM_CHANGES)
    await foyer.ask("grant")
    found = await foyer.found("grant")
    assert (found.end, wrong(found)) == ("done", []), found
    scene.proxy.plan(SCIM_FAULTS[fault], when=SCIM_CHANGES)
    await foyer.company.press("dana", "undo")
    found = await foyer.found("undo", before=1)
    assert (found.end, wrong(found)) == ("done", []), found


async def test_what_goes_on_failing_goes_to_people(scene: Scene) -> None:
    scene.proxy.plan(SCIM_FAULTS["500"], when=SCIM_CHANGES, times=None)
    await scene.foyer.ask("grant")
    found = await scene.foyer.found("grant")
    assert (found.end, wrong(found)) == ("failed", []), found


async def test_an_end_is_tried_until_it_is_confirmed_and_told_once(scene: Scene) -> None:
    foyer = scene.foyer
    await foyer.ask("grant")
    scene.proxy.plan(SCIM_FAULTS["500"], when=SCIM_CHANGES, times=None)
    await foyer.to_its_end()
    assert wrong(found := await foyer.found("revoke", before=1)) == [], found
    scene.proxy.clear()
    await foyer.restart()
    await foyer.company.later(minutes=6)
    found = await foyer.found("revoke", before=1)
    assert (found.end, wrong(found)) == ("done", []), found


async def test_a_connector_that_does_not_look_is_found_out(scene: Scene) -> None:
    """The negative control."""
    blind(scene.foyer, "figma")
    scene.proxy.plan(SCIM_FAULTS["cut"], when=SCIM_CHANGES)
    await scene.foyer.ask("grant")
    assert "done, and not so" in wrong(await scene.foyer.found("grant"))
