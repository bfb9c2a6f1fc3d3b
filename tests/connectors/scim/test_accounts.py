"""Whose account it is, and when one is made, set inactive and active again."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace
from typing import cast

import pytest

from connectors.errors import NeedsHuman, OutcomeUnknown, Refused, Retry
from connectors.ports.people import Directory, DirectoryPerson
from connectors.sandbox import facts
from connectors.scim.connector import ScimConnector
from tests.connectors.calling.settling import settled
from tests.connectors.scim.stage import Stage
from tests.outside.proxy import APPLY_THEN_CUT, CUT, answer, asks

DANA, PRIYA = "dana@acme.example", "priya@acme.example"
ROLES = {"editor": {"group": "Editors"}, "admin": {"role": "admin", "sensitive": True}, "plus": {"entitlement": "plus-pack"}}


async def give(figma: ScimConnector, on: Stage, role: str = "editor", *, key: str = "k1", days: int = 14) -> str:
    until = on.clock() + timedelta(days=days)
    return (await figma.access.grant(facts.DANA, "figma", role, until=until, key=key)).reference


async def take(figma: ScimConnector, role: str = "editor", *, key: str = "r1") -> bool:
    return (await figma.access.revoke(facts.DANA, "figma", role, key=key)).changed


class TestMaking:
    async def test_makes_an_account_that_says_whose_it_is(self, on: Stage) -> None:
        group = await on.service.make_group("Editors")
        reference = await give(on.connect(ROLES), on)
        user = (await on.service.users())[DANA]
        assert (user["externalId"], user["displayName"], user["name"]["familyName"], user["active"]) == (
            facts.DANA,
            "Dana Whitfield",
            "Whitfield",
            True,
        )
        assert [(one["value"], one["primary"]) for one in user["emails"]] == [(DANA, True)]
        assert reference == f"Groups/{group}/members/{user['id']}"

    @pytest.mark.parametrize(("bulk", "asked"), [("auto", ["POST /Bulk"]), ("never", ["POST /Users", "PATCH /Groups"])])
    async def test_makes_and_assigns_in_one_request_where_bulk_is_offered(self, on: Stage, bulk: str, asked: list[str]) -> None:
        await on.service.make_group("Editors")
        await give(on.connect(ROLES, bulk=bulk), on)
        changes = [one.asked for one in on.proxy.asked(asks("POST", "PATCH", "PUT"))]
        assert [f"{one.operation} /{one.target.split('/')[3]}" for one in changes] == asked
        assert await on.service.members("Editors") == {DANA}

    async def test_goes_on_singly_where_the_bulk_that_was_offered_is_not_taken(self, on: Stage) -> None:
        await on.service.make_group("Editors")
        on.proxy.plan(answer(413), when=asks("POST", target="/Bulk"))
        await give(on.connect(ROLES), on)
        assert await on.service.members("Editors") == {DANA}

    async def test_assigns_what_bulk_left_undone(self, on: Stage) -> None:
        """The user was made before, by somebody else in that moment: the job ends at its first operation."""
        await on.service.make_group("Editors")
        figma = on.connect(ROLES)
        on.proxy.plan(answer(200, '{"schemas": [], "totalResults": 0}'), when=asks("GET", target="/Users"), times=3)
        await on.service.make_user(DANA)
        await give(figma, on)
        assert (list(await on.service.users()), await on.service.members("Editors")) == ([DANA], {DANA})

    async def test_a_role_or_entitlement_comes_with_the_account(self, on: Stage) -> None:
        await on.service.make_group("Editors")
        figma = on.connect(ROLES)
        for role in ("admin", "plus"):
            await give(figma, on, role, key=role)
        user = (await on.service.users())[DANA]
        assert (user["roles"], user["entitlements"]) == ([{"value": "admin"}], [{"value": "plus-pack"}])
        held = {one.role: one.reference for one in await figma.access.entitlements(facts.DANA)}
        assert held == {"admin": f"Users/{user['id']}/roles/admin", "plus": f"Users/{user['id']}/entitlements/plus-pack"}
        assert await take(figma, "admin")
        user = (await on.service.users())[DANA]
        assert (user.get("roles"), user["entitlements"], user["active"]) == (None, [{"value": "plus-pack"}], True)
        assert await take(figma, "plus", key="r2")
        user = (await on.service.users())[DANA]
        assert (user.get("entitlements"), user["active"]) == (None, False)
        assert list(await figma.access.entitlements(facts.DANA)) == []

    async def test_makes_none_where_that_is_not_wanted(self, on: Stage) -> None:
        await on.service.make_group("Editors")
        with pytest.raises(NeedsHuman) as raised:
            await give(on.connect(ROLES, create_users=False), on)
        assert (raised.value.code, await on.service.users()) == ("no_account", {})

    async def test_an_account_whose_making_was_not_answered_is_found(self, on: Stage) -> None:
        await on.service.make_group("Editors")
        figma = on.connect(ROLES, bulk="never")
        on.proxy.plan(APPLY_THEN_CUT, when=asks("POST"))
        with pytest.raises(OutcomeUnknown):
            await give(figma, on)
        await give(figma, on)
        assert await on.service.members("Editors") == {DANA}
        assert await take(figma)
        assert not (await on.service.users())[DANA]["active"], "it was made here, whatever became of the answer"

    async def test_an_account_made_before_the_line_broke_is_not_called_nothing(self, on: Stage) -> None:
        await on.service.make_group("Editors")
        figma = on.connect(ROLES, bulk="never")
        on.proxy.plan(CUT, when=asks("GET", target="/Groups"), times=None)
        with pytest.raises(Retry) as raised:
            await give(figma, on)
        assert not isinstance(raised.value, OutcomeUnknown)
        assert await on.service.users() == {}, "the group is looked for first"
        on.proxy.clear()
        on.proxy.plan(answer(503), when=asks("PATCH"))
        with pytest.raises(OutcomeUnknown):
            await give(figma, on)

    async def test_what_is_made_for_a_role_that_is_refused_does_not_stay_active(self, on: Stage) -> None:
        await on.service.make_group("Editors")
        figma = on.connect(ROLES, bulk="never")
        on.proxy.plan(answer(403), when=asks("PATCH", target="/Groups"))
        with pytest.raises(Refused) as raised:
            await give(figma, on)
        assert raised.value.code == "not_permitted"
        assert not (await on.service.users())[DANA]["active"]
        await give(figma, on, key="k2")
        assert (await on.service.users())[DANA]["active"]


class TestEnding:
    async def test_the_last_role_takes_the_account_with_it(self, on: Stage) -> None:
        await on.service.make_group("Editors")
        figma = on.connect(ROLES)
        await give(figma, on)
        await give(figma, on, "plus", key="k2")
        await take(figma, key="r1")
        assert (await on.service.users())[DANA]["active"]
        await take(figma, "plus", key="r2")
        assert not (await on.service.users())[DANA]["active"]
        await give(figma, on, key="k3")
        assert (await on.service.users())[DANA]["active"]
        assert len(await on.service.users()) == 1

    async def test_but_not_where_that_is_not_wanted(self, on: Stage) -> None:
        await on.service.make_group("Editors")
        figma = on.connect(ROLES, deactivate_when_empty=False)
        await give(figma, on)
        await take(figma)
        assert (await on.service.users())[DANA]["active"]

    async def test_an_account_that_others_made_stays_as_they_want_it(self, on: Stage) -> None:
        await on.service.make_group("Editors")
        user = await on.service.make_user(DANA)
        figma = on.connect(ROLES)
        await give(figma, on)
        await take(figma)
        assert (await on.service.users())[DANA]["active"]
        await on.service.change_user(user, active=False)
        with pytest.raises(NeedsHuman) as raised:
            await give(figma, on, key="k2")
        assert (raised.value.code, await on.service.members("Editors")) == ("account_inactive", set())

    async def test_a_crash_between_the_role_and_the_account_is_caught_up(self, on: Stage) -> None:
        await on.service.make_group("Editors")
        figma = on.connect(ROLES)
        await give(figma, on)
        on.proxy.plan(CUT, when=asks("PATCH", target="/Users"))
        with pytest.raises(OutcomeUnknown):
            await take(figma)
        assert (await on.service.members("Editors"), (await on.service.users())[DANA]["active"]) == (set(), True)
        await take(on.connect(ROLES))
        assert not (await on.service.users())[DANA]["active"]

    async def test_nothing_to_take_from_who_has_no_account(self, on: Stage) -> None:
        await on.service.make_group("Editors")
        figma = on.connect(ROLES)
        assert not await take(figma)
        assert list(await figma.access.entitlements(facts.DANA)) == []


class TestFinding:
    @pytest.mark.parametrize(
        ("match", "user"), [("externalId", {"externalId": facts.DANA}), ("emails", {"emails": [{"value": DANA.upper()}]})]
    )
    async def test_by_what_the_service_knows_people_by(self, on: Stage, match: str, user: dict[str, object]) -> None:
        await on.service.make_group("Editors")
        await on.service.make_user("dwhitfield", **user)
        await give(on.connect(ROLES, match=match), on)
        assert await on.service.members("Editors") == {"dwhitfield"}

    async def test_a_user_name_of_the_directory(self, on: Stage) -> None:
        await on.service.make_group("Editors")
        await give(on.connect(ROLES, user_name="key"), on)
        assert await on.service.members("Editors") == {facts.DANA}
        with pytest.raises(NeedsHuman) as raised:
            await give(on.connect(ROLES, user_name="username"), on, key="k2")
        assert raised.value.code == "no_user_name"
        inner = on.people

        async def named(key: str) -> DirectoryPerson | None:
            person = await inner.get(key)
            return None if person is None else replace(person, username=f"u-{key}")

        on.people = cast(Directory, SimpleNamespace(get=named, by_email=inner.by_email))
        until = on.clock() + timedelta(days=14)
        await on.connect(ROLES, user_name="username").access.grant(facts.OMAR, "figma", "editor", until=until, key="k3")
        assert await on.service.members("Editors") == {facts.DANA, f"u-{facts.OMAR}"}

    async def test_two_accounts_are_for_people_to_tell_apart(self, on: Stage) -> None:
        await on.service.make_group("Editors")
        ids = {await on.service.make_user(name, emails=[{"value": DANA}]) for name in ("dana", "dana2")}
        with pytest.raises(NeedsHuman) as raised:
            await give(on.connect(ROLES, match="emails"), on)
        assert raised.value.code == "ambiguous"
        assert all(one in raised.value.detail for one in ids)
        assert "@" not in raised.value.detail

    async def test_an_address_that_two_people_have_names_neither(self, on: Stage) -> None:
        await on.service.make_group("Editors")
        with pytest.raises(NeedsHuman) as shared:
            await on.people.by_email("reception@acme.example")
        [key, *_] = shared.value.detail.split(", ")
        for match in ("userName", "emails"):
            with pytest.raises(NeedsHuman) as raised:
                await on.connect(ROLES, match=match).access.grant(key, "figma", "editor", until=on.clock() + timedelta(days=1), key="k1")
            assert (raised.value.code, await on.service.users()) == ("ambiguous", {})
        await on.connect(ROLES, user_name="key").access.grant(key, "figma", "editor", until=on.clock() + timedelta(days=1), key="k1")
        assert await on.service.members("Editors") == {key}

    async def test_a_taken_user_name_is_for_people_too(self, on: Stage) -> None:
        await on.service.make_group("Editors")
        await on.service.make_user(DANA, externalId="somebody else")
        with pytest.raises(NeedsHuman) as raised:
            await give(on.connect(ROLES, match="externalId"), on)
        assert (raised.value.code, await on.service.members("Editors")) == ("user_name_taken", set())

    async def test_a_name_with_quotes_is_searched_for_as_it_is(self, on: Stage) -> None:
        for name in ('the "real" editors \\', "x"):
            await on.service.make_group(name)
        await give(on.connect({"editor": {"group": 'the "real" editors \\'}}), on)
        assert await on.service.members('the "real" editors \\') == {DANA}


class TestGroups:
    async def test_by_id(self, on: Stage) -> None:
        group = await on.service.make_group("Editors")
        await give(on.connect({"editor": {"group": group}}), on)
        assert await on.service.members("Editors") == {DANA}

    async def test_one_that_is_not_there_is_told_before_anybody_is_asked_also_of_who_has_no_account(self, on: Stage) -> None:
        figma = on.connect(ROLES)
        with pytest.raises(Retry) as raised:
            await figma.access.entitlements(facts.DANA, application_key="figma")
        assert (raised.value.code, "'Editors'" in raised.value.detail) == ("misconfigured", True)
        await on.service.make_group("Editors")
        assert await figma.access.entitlements(facts.DANA, application_key="figma") == []
        before = len(on.proxy.asked(asks("GET", target="/Groups")))
        assert await figma.access.entitlements(facts.DANA, application_key="figma") == []
        assert len(on.proxy.asked(asks("GET", target="/Groups"))) == before, "what was seen is not asked for again"

    @pytest.mark.parametrize("groups", [[], ["Editors", "editors"]])
    async def test_none_or_two_of_a_name_are_the_operators(self, on: Stage, groups: list[str]) -> None:
        for group in groups:
            await on.service.make_group(group)
        await on.service.make_user(DANA)
        with pytest.raises(Retry) as raised:
            await give(on.connect(ROLES), on)
        assert (raised.value.code, "application.roles.editor.group" in raised.value.detail) == ("misconfigured", True)

    async def test_one_that_is_missing_hinders_no_other(self, on: Stage) -> None:
        """Neither giving and taking another role, nor a look at all that somebody has."""
        figma = on.connect(ROLES)
        await give(figma, on, "admin")
        assert [one.role for one in await figma.access.entitlements(facts.DANA)] == ["admin"]
        with pytest.raises(Retry) as raised:
            await figma.access.entitlements(facts.DANA, application_key="figma")
        assert raised.value.code == "misconfigured"
        assert await take(figma, "admin")
        assert not (await on.service.users())[DANA]["active"]

    async def test_one_that_was_made_anew_is_found_again(self, on: Stage) -> None:
        old = await on.service.make_group("Editors")
        figma = on.connect(ROLES)
        await give(figma, on)
        await on.service.ask("DELETE", f"/Groups/{old}")
        await on.service.make_group("Editors")
        await give(figma, on, key="k2")
        assert await on.service.members("Editors") == {DANA}


async def test_two_processes_that_grant_at_once_end_well(on: Stage) -> None:
    await on.service.make_group("Editors")
    roles = ["editor", "admin", "plus"] * 2
    made = [on.connect(ROLES) for _ in roles]
    outcomes = await asyncio.gather(
        *(give(one, on, role, key=f"k{number}") for number, (one, role) in enumerate(zip(made, roles, strict=True))), return_exceptions=True
    )
    unexpected = [one for one in outcomes if isinstance(one, BaseException) and not isinstance(one, Retry)]
    assert not unexpected
    for number, (one, role) in enumerate(zip(made, roles, strict=True)):
        await give(one, on, role, key=f"k{number}")
    assert list(await on.service.users()) == [DANA]
    assert {one.role: one.until for one in await made[0].access.entitlements(facts.DANA)} == {
        role: on.clock() + timedelta(days=14) for role in roles
    }


async def test_what_is_overdue_is_taken_back(on: Stage) -> None:
    await on.service.make_group("Editors")
    figma = on.connect(ROLES)
    await give(figma, on, days=1)
    assert await settled(figma.access) == []
    await figma.access.grant(facts.OMAR, "figma", "plus", until=on.clock() + timedelta(days=1), key="k2")
    without_plus = on.connect({"editor": ROLES["editor"]})
    on.clock.advance(timedelta(days=1, hours=1))
    assert len(await settled(without_plus.access)) == 1, "what is not declared any more is told to the operator, and hinders nothing"
    assert await on.service.members("Editors") == set()
