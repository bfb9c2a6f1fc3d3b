"""Every fault at every change that Foyer makes in a SCIM service and in a directory: nothing lost, nothing twice, no wrong "done".

What the server has is asked of the server itself; tests/outside/judging.py holds it against what people were told and the audit.
"""

from pathlib import Path

import pytest

from tests.outside.direct import DANA
from tests.outside.disturbed import LDAP_CHANGES, LDAP_FAULTS, SCIM_CHANGES, SCIM_FAULTS, WISHES, Disturbed, blind, ldap_scene, scim_scene
from tests.outside.judging import Wish, wrong
from tests.outside.proxy import CUT, Fault, FaultProxy, When, answer, asks
from tests.outside.scim import PATCH
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

    @pytest.mark.parametrize("fault", ["hang", "cut_answer", "429", "apply_then_502"])
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

    async def test_an_account_is_made_once_though_making_it_went_unanswered(self, template: Path, tmp_path: Path) -> None:  # noqa: F811
        async with scim_scene(tmp_path / "home", template, account=False, bulk="never") as scene:
            scene.proxy.plan(SCIM_FAULTS["apply_then_502"], when=asks("POST"))
            scene.proxy.plan(SCIM_FAULTS["apply_then_cut"], when=asks("PATCH"))
            await scene.foyer.ask("grant")
            found = await scene.foyer.found("grant")
            assert (found.end, wrong(found)) == ("done", []), found
            assert len(scene.proxy.reached(asks("POST", target="/Users"))) == 1

    async def test_an_account_that_was_made_for_nothing_does_not_stay(self, template: Path, tmp_path: Path) -> None:  # noqa: F811
        """Making it works, and giving it the role does not, however often."""
        async with scim_scene(tmp_path / "home", template, account=False, bulk="never") as scene:
            scene.proxy.plan(answer(503), when=asks("PATCH", "PUT", target="/Groups/"), times=None)
            await scene.foyer.ask("grant")
            found = await scene.foyer.found("grant")
            assert (found.end, wrong(found)) == ("failed", []), found
            assert [one.get("active") for one in (await scene.service.users()).values()] in ([], [False])

    async def test_a_grant_that_comes_about_after_it_was_given_up_is_taken_back(self, template: Path, tmp_path: Path) -> None:  # noqa: F811
        """The request is on its way for longer than Foyer asks; people have the case by then, and they give nothing."""
        async with scim_scene(tmp_path / "home", template) as scene:
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

    async def test_an_unlock_refused(self, template: Path, tmp_path: Path) -> None:  # noqa: F811
        """Nobody listens when it is asked for, so that not even the person is known; later they do, and the same wish works."""
        async with ldap_scene(tmp_path, template, "unlock") as (foyer, slapd, proxy):
            async with proxy.down():
                await foyer.ask("unlock")
                rows = await foyer.company.app.web.changes(["dana@acme.example"], 0, limit=100)
                [told] = [row.reply.text for row in rows if row.reply is not None]
                assert "can't reach" in told
            assert slapd.writes() == []
            await foyer.restart()
            await foyer.company.say("dana", WISHES["unlock"], thread="another")
            assert (await foyer.found("unlock")).end == "done"

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
