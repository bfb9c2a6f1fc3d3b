"""Services that do not do all that the RFCs have, or do it in their own way."""

import asyncio
from datetime import timedelta

import pytest

from connectors.errors import OutcomeUnknown, Refused, Retry
from connectors.ports.systems import Effect
from connectors.sandbox import facts
from connectors.scim.connector import ScimConnector
from tests.connectors.scim.peculiar import Peculiar, peculiar
from tests.connectors.scim.stage import Stage
from tests.outside.proxy import answer, apply_then, asks, delay
from tests.outside.scim import PATCH

DANA = "dana@acme.example"
ROLES = {"editor": {"group": "Editors"}, "admin": {"role": "admin"}}


def connect(on: Stage, service: Peculiar) -> ScimConnector:
    return on.connect(ROLES, url=service.url)


async def give(figma: ScimConnector, on: Stage, role: str = "editor", key: str = "k1") -> Effect:
    return await figma.access.grant(facts.DANA, "figma", role, until=on.clock() + timedelta(days=14), key=key)


class TestPut:
    @pytest.mark.parametrize(("status", "why"), [(501, ""), (405, ""), (404, ""), (400, "invalidPath"), (400, "")])
    async def test_replaces_where_patch_is_not_had(self, on: Stage, status: int, why: str) -> None:
        async with peculiar(patch_status=status, patch_type=why) as service:
            dana, omar = (service.add("Users", userName=f"{name}@acme.example", active=True) for name in ("dana", "omar"))
            group = service.add("Groups", displayName="Editors", members=[{"value": omar}], theirOwn={"kept": [1]})
            figma = connect(on, service)
            await give(figma, on)
            kept = service.resources["Groups"][group]
            assert (kept["members"], kept["theirOwn"]) == ([{"value": omar}, {"value": dana}], {"kept": [1]})
            await figma.access.revoke(facts.DANA, "figma", "editor", key="r1")
            assert service.resources["Groups"][group]["members"] == [{"value": omar}]

    async def test_remembers_that_there_is_no_patch(self, on: Stage) -> None:
        async with peculiar() as service:
            dana = service.add("Users", userName=DANA, groups=[{"value": "theirs to write"}])
            service.add("Groups", displayName="Editors")
            figma = connect(on, service)
            await give(figma, on, "admin", "k1")
            await figma.access.revoke(facts.DANA, "figma", "admin", key="r1")
            assert [method for method, _ in service.asked if method in ("PATCH", "PUT")] == ["PATCH", "PUT", "PUT"]
            assert "groups" not in service.resources["Users"][dana]

    async def test_a_refusal_that_is_no_want_of_patch_is_a_refusal(self, on: Stage) -> None:
        async with peculiar(patch_status=400, patch_type="invalidValue") as service:
            service.add("Users", userName=DANA)
            service.add("Groups", displayName="Editors")
            with pytest.raises(Refused) as raised:
                await give(connect(on, service), on, "admin")
            assert "invalidValue" in str(raised.value)
            assert "@" not in str(raised.value), "what a service writes about people stays there"

    @pytest.mark.parametrize(("times", "ends"), [(2, "done"), (3, "conflict")])
    async def test_reads_again_when_others_were_faster(self, on: Stage, times: int, ends: str) -> None:
        async with peculiar(put_conflicts=times) as service:
            service.add("Users", userName=DANA)
            group = service.add("Groups", displayName="Editors")
            [came_to] = await asyncio.gather(give(connect(on, service), on), return_exceptions=True)
            assert not isinstance(came_to, OutcomeUnknown)
            code = came_to.code if isinstance(came_to, Retry) else "done"
            assert (code, "members" in service.resources["Groups"][group]) == (ends, ends == "done")


class TestAlready:
    @pytest.mark.parametrize(("status", "why"), [(409, "uniqueness"), (400, "noTarget")])
    async def test_what_others_did_in_between_is_done(self, on: Stage, status: int, why: str) -> None:
        await on.service.make_group("Editors")
        await on.service.make_user(DANA)
        on.proxy.plan(apply_then(status, f'{{"scimType": "{why}"}}'), when=asks("PATCH"))
        assert (await give(on.connect(ROLES), on)).changed
        on.proxy.plan(answer(status, f'{{"scimType": "{why}"}}'), when=asks("PATCH"))
        with pytest.raises(Refused):
            await give(on.connect(ROLES), on, "admin", "k2")


class TestEtags:
    @pytest.mark.parametrize(("patch", "etag"), [(True, True), (False, True), (False, False)])
    async def test_what_others_change_between_reading_and_replacing_is_kept(self, on: Stage, patch: bool, etag: bool) -> None:
        """The last case is the control: without ETags, what somebody else changed in between is lost."""
        group, omar = await on.service.make_group("Editors"), await on.service.make_user("omar@acme.example")
        await on.service.make_user(DANA)
        if not etag:
            on.proxy.plan(answer(200, '{"etag": {"supported": false}}'), when=asks("GET", target="/ServiceProviderConfig"))
        if not patch:
            on.proxy.plan(answer(501), when=asks("PATCH"), times=None)
        changing = asks("PATCH" if patch else "PUT")
        on.proxy.plan(delay(0.5), when=changing)
        granting = asyncio.create_task(give(on.connect(ROLES), on))
        while not on.proxy.asked(changing):
            await asyncio.sleep(0.01)
        await on.service.ask("PATCH", f"/Groups/{group}", {"schemas": [PATCH], "Operations": [_adding(omar)]})
        await granting
        assert await on.service.members("Editors") == ({DANA, "omar@acme.example"} if etag else {DANA})
        assert [one.told for one in on.proxy.reached(changing)][:-1] == ([412] if etag else [])

    async def test_the_version_is_told_and_is_no_part_of_the_reference(self, on: Stage) -> None:
        await on.service.make_group("Editors")
        effect = await give(on.connect(ROLES), on)
        version = effect.detail["version"]
        assert isinstance(version, str)
        assert version not in effect.reference


class TestReading:
    async def test_page_by_page_however_little_comes_at_once(self, on: Stage) -> None:
        async with peculiar(page=3, filters=False) as service:
            for number in range(10):
                service.add("Users", userName=f"user{number}@acme.example")
            dana = service.add("Users", userName=DANA.upper())
            group = service.add("Groups", displayName="Editors")
            await give(connect(on, service), on)
            assert service.resources["Groups"][group]["members"] == [{"value": dana}]
            assert len(service.resources["Users"]) == 11

    async def test_nobody_else_s_account_where_a_filter_is_overlooked(self, on: Stage) -> None:
        """Taken as found, the first of all users would have got the role."""
        async with peculiar(filters=False) as service:
            service.add("Users", userName="omar@acme.example")
            group = service.add("Groups", displayName="Editors")
            await give(connect(on, service), on)
            [member] = service.resources["Groups"][group]["members"]
            assert service.resources["Users"][member["value"]]["userName"] == DANA

    async def test_the_same_page_for_ever_is_no_list(self, on: Stage) -> None:
        page = {"totalResults": 5, "Resources": [{"id": "1", "userName": "omar@acme.example"}]}
        async with peculiar(whole=page) as service:
            with pytest.raises(Retry) as raised:
                await connect(on, service).access.entitlements(facts.DANA)
            assert raised.value.code == "bad_answer"

    async def test_membership_that_only_users_tell(self, on: Stage) -> None:
        async with peculiar(hides_members=True, patch_status=501) as service:
            dana = service.add("Users", userName=DANA)
            group = service.add("Groups", displayName="Editors", members=[{"value": dana}])
            [held] = await connect(on, service).access.entitlements(facts.DANA)
            assert (held.role, held.until, held.reference) == ("editor", None, f"Groups/{group}/members/{dana}")

    @pytest.mark.parametrize(
        "page",
        [
            {"hello": "world"},
            {"schemas": ["urn:ietf:params:scim:api:messages:2.0:Error"], "status": "400"},
            {"totalResults": 1, "Resources": [{"userName": DANA}]},
            {"totalResults": "many", "Resources": []},
        ],
    )
    async def test_what_is_no_list_is_a_bad_answer(self, on: Stage, page: dict[str, object]) -> None:
        async with peculiar(whole=page) as service:
            with pytest.raises(Retry) as raised:
                await connect(on, service).access.entitlements(facts.DANA)
            assert raised.value.code == "bad_answer"


def _adding(user: str) -> dict[str, object]:
    return {"op": "add", "path": "members", "value": [{"value": user}]}
