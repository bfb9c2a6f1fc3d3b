"""A wish that goes to a SCIM service over a line that fails: nothing lost, nothing twice, nothing wrongly called done.

Some of the faults; tests/e2e has them all, and those of a directory.
"""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.outside.direct import DANA
from tests.outside.disturbed import SCIM_CHANGES, SCIM_FAULTS, Scene, blind, scim_scene
from tests.outside.judging import wrong
from tests.outside.proxy import answer, asks
from tests.outside.scim import PATCH


@pytest.fixture
async def scene(template: Path, tmp_path: Path) -> AsyncIterator[Scene]:
    async with scim_scene(tmp_path / "home", template) as made:
        yield made


@pytest.mark.parametrize("fault", ["apply_then_cut", "apply_then_502", "cut", "429"])
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


@pytest.mark.parametrize("fault", ["apply_then_502", "500"])
async def test_what_goes_on_failing_goes_to_people(scene: Scene, fault: str) -> None:
    scene.proxy.plan(SCIM_FAULTS[fault], when=SCIM_CHANGES, times=None)
    await scene.foyer.ask("grant")
    found = await scene.foyer.found("grant")
    assert wrong(found) == [], found
    assert found.end == ("done" if fault.startswith("apply") else "failed")


@pytest.mark.parametrize("fault", ["apply_then_cut", "500"])
async def test_an_end_is_tried_until_it_is_confirmed_and_told_once(scene: Scene, fault: str) -> None:
    foyer = scene.foyer
    await foyer.ask("grant")
    scene.proxy.plan(SCIM_FAULTS[fault], when=SCIM_CHANGES, times=None)
    await foyer.to_its_end()
    assert wrong(found := await foyer.found("revoke", before=1)) == [], found
    scene.proxy.clear()
    await foyer.restart()
    await foyer.company.later(minutes=6)
    found = await foyer.found("revoke", before=1)
    assert (found.end, wrong(found)) == ("done", []), found


async def test_an_account_is_made_once_though_making_it_went_unanswered(template: Path, tmp_path: Path) -> None:
    async with scim_scene(tmp_path / "home", template, account=False, bulk="never") as scene:
        scene.proxy.plan(SCIM_FAULTS["apply_then_502"], when=asks("POST"))
        scene.proxy.plan(SCIM_FAULTS["apply_then_cut"], when=asks("PATCH"))
        await scene.foyer.ask("grant")
        found = await scene.foyer.found("grant")
        assert (found.end, wrong(found)) == ("done", []), found
        assert len(scene.proxy.reached(asks("POST", target="/Users"))) == 1


async def test_an_account_that_was_made_for_nothing_does_not_stay(template: Path, tmp_path: Path) -> None:
    """Making it works, and giving it the role does not, however often."""
    async with scim_scene(tmp_path / "home", template, account=False, bulk="never") as scene:
        scene.proxy.plan(answer(503), when=asks("PATCH", "PUT", target="/Groups/"), times=None)
        await scene.foyer.ask("grant")
        found = await scene.foyer.found("grant")
        assert (found.end, wrong(found)) == ("failed", []), found
        assert [one.get("active") for one in (await scene.service.users()).values()] in ([], [False])


@pytest.mark.parametrize("fault", ["cut", "500"])
async def test_a_connector_that_does_not_look_is_found_out(scene: Scene, fault: str) -> None:
    """The negative control."""
    blind(scene.foyer, "figma")
    scene.proxy.plan(SCIM_FAULTS[fault], when=SCIM_CHANGES)
    await scene.foyer.ask("grant")
    assert "done, and not so" in wrong(await scene.foyer.found("grant"))


async def test_a_grant_that_comes_about_after_it_was_given_up_is_taken_back(scene: Scene) -> None:
    """The request is on its way for longer than Foyer asks; people have the case by then, and they give nothing."""
    foyer = scene.foyer
    scene.proxy.plan(SCIM_FAULTS["cut"], when=SCIM_CHANGES, times=None)
    await foyer.ask("grant")
    assert (await foyer.found("grant")).end == "failed"
    scene.proxy.clear()
    await foyer.restart()
    users = await scene.service.users()
    [group] = (await scene.service.ask("GET", "/Groups"))["Resources"]
    late = {"op": "add", "path": "members", "value": [{"value": users[DANA]["id"]}]}
    await scene.service.ask("PATCH", f"/Groups/{group['id']}", {"schemas": [PATCH], "Operations": [late]})
    assert await foyer.server.has()
    await foyer.company.later(minutes=6)
    assert not await foyer.server.has()
