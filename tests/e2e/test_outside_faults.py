"""Every fault at every change that Foyer makes in a SCIM service and in a directory: nothing lost, nothing twice, no wrong "done".

What the server has is asked of the server itself; tests/outside/judging.py holds it against what people were told and the audit.
"""

from pathlib import Path

import pytest

from tests.outside.disturbed import LDAP_CHANGES, LDAP_FAULTS, SCIM_CHANGES, SCIM_FAULTS, Disturbed, blind, ldap_scene, scim_scene
from tests.outside.judging import Wish, wrong
from tests.outside.proxy import CUT, Fault, FaultProxy, When
from tests.scenarios.conftest import template  # noqa: F401

HARMLESS = {"apply_then_cut", "apply_then_hang", "apply_then_502", "apply_then_other", "cut_answer"}
"""However often: the effect is there, and looking shows it."""


async def given_and_taken(foyer: Disturbed, proxy: FaultProxy, fault: Fault, when: When) -> None:
    """Asked for and undone; each meets the fault once."""
    before = await foyer.server.effects()
    proxy.plan(fault, when=when)
    await foyer.ask("grant")
    found = await foyer.found("grant", before)
    assert (found.end, wrong(found)) == ("done", []), found
    proxy.plan(fault, when=when)
    await foyer.company.press("dana", "undo")
    found = await foyer.found("undo", before + 1)
    assert (found.end, wrong(found)) == ("done", []), found


async def ends(foyer: Disturbed, proxy: FaultProxy, fault: Fault, when: When) -> None:
    """Given undisturbed; then its end meets the fault until the line is mended."""
    await foyer.ask("grant")
    before = await foyer.server.effects()
    proxy.plan(fault, when=when, times=None)
    await foyer.to_its_end()
    assert wrong(found := await foyer.found("revoke", before)) == [], found
    proxy.clear()
    await foyer.restart()
    await foyer.company.later(minutes=6)
    found = await foyer.found("revoke", before)
    assert (found.end, wrong(found)) == ("done", []), found


async def goes_on(foyer: Disturbed, proxy: FaultProxy, fault: Fault, when: When, wish: Wish, harmless: bool) -> None:
    """Every change meets the fault."""
    before = await foyer.server.effects()
    proxy.plan(fault, when=when, times=None)
    await foyer.ask(wish)
    found = await foyer.found(wish, before)
    assert wrong(found) == [], found
    assert (found.end == "done") is harmless, found


class TestScim:
    @pytest.mark.parametrize("fault", SCIM_FAULTS)
    async def test_once(self, template: Path, tmp_path: Path, fault: str) -> None:  # noqa: F811
        async with scim_scene(tmp_path / "home", template) as scene:
            await given_and_taken(scene.foyer, scene.proxy, SCIM_FAULTS[fault], SCIM_CHANGES)

    @pytest.mark.parametrize("fault", ["cut", "apply_then_502", "500"])
    async def test_an_end(self, template: Path, tmp_path: Path, fault: str) -> None:  # noqa: F811
        async with scim_scene(tmp_path / "home", template) as scene:
            await ends(scene.foyer, scene.proxy, SCIM_FAULTS[fault], SCIM_CHANGES)

    @pytest.mark.parametrize("fault", ["hang", "cut_answer", "429"])
    async def test_always(self, template: Path, tmp_path: Path, fault: str) -> None:  # noqa: F811
        async with scim_scene(tmp_path / "home", template) as scene:
            await goes_on(scene.foyer, scene.proxy, SCIM_FAULTS[fault], SCIM_CHANGES, "grant", fault in HARMLESS)

    async def test_refused(self, template: Path, tmp_path: Path) -> None:  # noqa: F811
        """Nobody listens any more by the time of the approval; later they do, and the same wish works."""
        async with scim_scene(tmp_path / "home", template) as scene:
            foyer = scene.foyer
            await foyer.company.say("dana", "I need editor access to Figma for 30 days")
            async with scene.proxy.down():
                await foyer.company.press("priya", "approve")
                found = await foyer.found("grant")
                assert (found.end, wrong(found)) == ("failed", []), found
            await foyer.restart()
            await foyer.company.say("dana", "I need editor access to Figma for 30 days", thread="another")
            await foyer.company.press("priya", "approve")
            assert (await foyer.found("grant")).end == "done"


class TestLdap:
    @pytest.mark.parametrize("fault", LDAP_FAULTS)
    async def test_a_group_once(self, template: Path, tmp_path: Path, fault: str) -> None:  # noqa: F811
        async with ldap_scene(tmp_path, template, "grant") as (foyer, _, proxy):
            await given_and_taken(foyer, proxy, LDAP_FAULTS[fault], LDAP_CHANGES)

    @pytest.mark.parametrize("fault", ["cut", "apply_then_other"])
    async def test_an_end(self, template: Path, tmp_path: Path, fault: str) -> None:  # noqa: F811
        async with ldap_scene(tmp_path, template, "grant") as (foyer, _, proxy):
            await ends(foyer, proxy, LDAP_FAULTS[fault], LDAP_CHANGES)

    @pytest.mark.parametrize("fault", LDAP_FAULTS)
    async def test_an_unlock_once(self, template: Path, tmp_path: Path, fault: str) -> None:  # noqa: F811
        async with ldap_scene(tmp_path, template, "unlock") as (foyer, _, proxy):
            proxy.plan(LDAP_FAULTS[fault], when=LDAP_CHANGES)
            await foyer.ask("unlock")
            found = await foyer.found("unlock")
            assert (found.end, wrong(found)) == ("done", []), found

    @pytest.mark.parametrize("fault", ["apply_then_hang", "busy"])
    async def test_an_unlock_always(self, template: Path, tmp_path: Path, fault: str) -> None:  # noqa: F811
        async with ldap_scene(tmp_path, template, "unlock") as (foyer, _, proxy):
            await goes_on(foyer, proxy, LDAP_FAULTS[fault], LDAP_CHANGES, "unlock", fault in HARMLESS)


async def test_a_directory_that_is_changed_blindly_is_found_out(template: Path, tmp_path: Path) -> None:  # noqa: F811
    """The negative control."""
    async with ldap_scene(tmp_path, template, "grant") as (foyer, _, proxy):
        blind(foyer, "directory")
        proxy.plan(CUT, when=LDAP_CHANGES)
        await foyer.ask("grant")
        assert "done, and not so" in wrong(await foyer.found("grant"))
