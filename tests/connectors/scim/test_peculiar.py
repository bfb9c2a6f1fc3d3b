"""Services that do not do all that the RFCs have, or do it in their own way."""

from datetime import timedelta

import pytest

from connectors.errors import NeedsHuman, OutcomeUnknown, Retry
from connectors.ports.systems import Effect
from connectors.sandbox import facts
from connectors.scim.connector import ScimConnector
from tests.connectors.scim.peculiar import Peculiar, peculiar
from tests.connectors.scim.stage import Stage
from tests.outside.proxy import answer, asks

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
            service.add("Users", userName=DANA, groups=[{"value": "theirs to write"}])
            service.add("Groups", displayName="Editors")
            figma = connect(on, service)
            await give(figma, on, "admin", "k1")
            await figma.access.revoke(facts.DANA, "figma", "admin", key="r1")
            assert [method for method, _ in service.asked if method in ("PATCH", "PUT")] == ["PATCH", "PUT", "PUT"]

    async def test_a_refusal_that_is_no_want_of_patch_is_a_refusal(self, on: Stage) -> None:
        async with peculiar(patch_status=400, patch_type="invalidValue") as service:
            service.add("Users", userName=DANA)
            service.add("Groups", displayName="Editors")
            with pytest.raises(Exception) as raised:
                await give(connect(on, service), on, "admin")
            assert "invalidValue" in str(raised.value)
            assert "@" not in str(raised.value), "what a service writes about people stays there"

    @pytest.mark.parametrize(("times", "ends"), [(2, "done"), (3, "conflict")])
    async def test_reads_again_when_others_were_faster(self, on: Stage, times: int, ends: str) -> None:
        async with peculiar(put_conflicts=times) as service:
            service.add("Users", userName=DANA)
            group = service.add("Groups", displayName="Editors")
            try:
                await give(connect(on, service), on)
                came_to = "done"
            except Retry as error:
                assert not isinstance(error, OutcomeUnknown)
                came_to = error.code
            assert (came_to, "members" in service.resources["Groups"][group]) == (ends, ends == "done")


class TestEtags:
    @pytest.mark.parametrize("patch", [True, False])
    async def test_a_change_in_between_is_not_lost(self, on: Stage, patch: bool) -> None:
        """412 of the service itself: somebody else changed the group between reading and writing."""
        group, omar = await on.service.make_group("Editors"), await on.service.make_user("omar@acme.example")
        await on.service.make_user(DANA)
        if not patch:
            on.proxy.plan(answer(501), when=asks("PATCH"), times=None)
        on.proxy.plan(answer(412), when=asks("PATCH" if patch else "PUT"))
        await give(on.connect(ROLES), on)
        [again] = on.proxy.reached(asks("PATCH" if patch else "PUT"))
        assert again.asked.headers is not None
        assert {name.lower(): value for name, value in again.asked.headers.items()}["if-match"].startswith("W/")
        await on.service.ask("PATCH", f"/Groups/{group}", {"schemas": [], **_adding(omar)}) if patch else None
        assert DANA in await on.service.members("Editors")

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

    async def test_two_pages_of_one_person_are_one_account(self, on: Stage) -> None:
        twice = {"id": "1", "userName": DANA}
        async with peculiar(whole={"totalResults": 2, "Resources": [twice, {**twice, "id": "2"}]}) as service:
            with pytest.raises(NeedsHuman):
                await connect(on, service).access.entitlements(facts.DANA)
            service.whole = {"totalResults": 1, "Resources": [twice]}
            service.add("Groups", displayName="Editors")


def _adding(user: str) -> dict[str, object]:
    return {
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
        "Operations": [{"op": "add", "path": "members", "value": [{"value": user}]}],
    }
