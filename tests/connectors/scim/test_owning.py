"""An account is one person's, and is set inactive only once nobody wants anything with it any more."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from connectors.errors import NeedsHuman
from connectors.sandbox import facts
from connectors.scim.connector import ScimConnector
from tests.connectors.scim.peculiar import peculiar
from tests.connectors.scim.stage import Stage

DANA, PRIYA = "dana@acme.example", "priya@acme.example"
ROLES = {"editor": {"group": "Editors"}, "admin": {"group": "Admins"}}


async def give(figma: ScimConnector, on: Stage, person: str = facts.DANA, role: str = "editor", *, key: str = "k1") -> bool:
    return (await figma.access.grant(person, "figma", role, until=on.clock() + timedelta(days=14), key=key)).changed


async def take(figma: ScimConnector, person: str = facts.DANA, role: str = "editor", *, key: str = "r1") -> bool:
    return (await figma.access.revoke(person, "figma", role, key=key)).changed


async def ambiguous(attempt: Any) -> str:
    with pytest.raises(NeedsHuman) as raised:
        await attempt
    assert (raised.value.code, "@" in raised.value.detail) == ("ambiguous", False)
    return raised.value.detail


@pytest.fixture
async def figma(on: Stage) -> ScimConnector:
    for group in ("Editors", "Admins"):
        await on.service.make_group(group)
    return on.connect(ROLES)


class TestAnAddressGivenToSomebodyElse:
    async def test_does_not_give_them_the_account(self, on: Stage, figma: ScimConnector) -> None:
        user = await on.service.make_user(DANA)
        await give(figma, on)
        await take(figma)
        on.change_person(facts.DANA, email="dana.old@acme.example")
        on.change_person(facts.PRIYA, email=DANA)
        told = await ambiguous(give(figma, on, facts.PRIYA, key="k2"))
        assert user in told
        assert facts.DANA in told
        assert await on.service.members("Editors") == set()

    async def test_nor_what_is_in_it(self, on: Stage, figma: ScimConnector) -> None:
        await give(figma, on)
        on.change_person(facts.DANA, email="dana.old@acme.example")
        on.change_person(facts.PRIYA, email=DANA)
        await ambiguous(figma.access.entitlements(facts.PRIYA))
        await ambiguous(take(figma, facts.PRIYA))
        assert await on.service.members("Editors") == {DANA}
        assert await take(figma, key="r2"), "it is still Dana's"

    async def test_also_where_the_account_alone_says_whose_it_is(self, on: Stage, figma: ScimConnector) -> None:
        await on.service.make_user(PRIYA, externalId=facts.DANA)
        assert facts.DANA in await ambiguous(give(figma, on, facts.PRIYA))

    async def test_what_nobody_here_is_called_says_nothing(self, on: Stage, figma: ScimConnector) -> None:
        await on.service.make_user(PRIYA, externalId="00u1abcd")
        await give(figma, on, facts.PRIYA)
        assert await on.service.members("Editors") == {PRIYA}

    async def test_also_of_somebody_who_has_gone(self, on: Stage, figma: ScimConnector) -> None:
        await give(figma, on)
        on.delete_person(facts.DANA)
        on.change_person(facts.PRIYA, email=DANA)
        await ambiguous(give(figma, on, facts.PRIYA, key="k2"))


class TestAnAccountThatIsStillWanted:
    async def test_is_not_set_inactive_behind_a_grant_in_this_process(self, on: Stage, figma: ScimConnector) -> None:
        """The account was found active, and the role is not given yet."""
        await give(figma, on)
        accounts: Any = figma.access._accounts
        ready, taking = accounts.ready, []

        async def slow(*given: Any) -> Any:
            found = await ready(*given)
            taking.append(asyncio.create_task(take(figma)))
            await asyncio.wait(taking, timeout=0.5)
            return found

        accounts.ready = slow
        assert await give(figma, on, role="admin", key="k2")
        accounts.ready = ready
        assert await taking[0]
        assert (await on.service.members("Editors"), await on.service.members("Admins")) == (set(), {DANA})
        assert (await on.service.users())[DANA]["active"]

    async def test_nor_behind_one_of_another_process(self, on: Stage, figma: ScimConnector) -> None:
        await give(figma, on)
        accounts: Any = figma.access._accounts
        to_retire, other = accounts.to_retire, on.connect(ROLES)

        async def slow(*given: Any, **named: Any) -> bool:
            decided = bool(await to_retire(*given, **named))
            if decided and await on.service.members("Admins") == set():
                assert await give(other, on, role="admin", key="k2")
            return decided

        accounts.to_retire = slow
        assert await take(figma)
        assert await on.service.members("Admins") == {DANA}
        assert (await on.service.users())[DANA]["active"]

    async def test_nor_while_others_gave_it_something_that_is_not_declared(self, on: Stage, figma: ScimConnector) -> None:
        await give(figma, on)
        user = (await on.service.users())[DANA]["id"]
        payroll = await on.service.make_group("Payroll", [user])
        assert await take(figma)
        assert (await on.service.users())[DANA]["active"]
        await on.service.ask("DELETE", f"/Groups/{payroll}")
        await give(figma, on, key="k2")
        await take(figma, key="r2")
        assert not (await on.service.users())[DANA]["active"]

    @pytest.mark.parametrize("kind", ["roles", "entitlements"])
    async def test_nor_a_role_or_an_entitlement(self, on: Stage, figma: ScimConnector, kind: str) -> None:
        await give(figma, on)
        await on.service.change_user((await on.service.users())[DANA]["id"], **{kind: [{"value": "auditor"}]})
        assert await take(figma)
        assert (await on.service.users())[DANA]["active"]

    async def test_nor_a_group_that_its_user_alone_tells(self, on: Stage) -> None:
        async with peculiar(hides_members=True) as service:
            figma = on.connect({"plus": {"entitlement": "plus-pack"}}, url=service.url)
            await give(figma, on, role="plus")
            [user] = service.resources["Users"]
            service.add("Groups", displayName="Payroll", members=[{"value": user}])
            assert await take(figma, role="plus")
            assert service.resources["Users"][user]["active"]


class TestAnAccountThatOthersDecidedAbout:
    async def test_is_not_opened_again_where_they_shut_it(self, on: Stage, figma: ScimConnector) -> None:
        await give(figma, on)
        await on.service.change_user((await on.service.users())[DANA]["id"], active=False)
        for role, key in (("editor", "k2"), ("admin", "k3")):
            with pytest.raises(NeedsHuman) as raised:
                await give(figma, on, role=role, key=key)
            assert raised.value.code == "account_inactive"
        assert not (await on.service.users())[DANA]["active"]

    async def test_is_opened_again_where_foyer_shut_it(self, on: Stage, figma: ScimConnector) -> None:
        await give(figma, on)
        await take(figma)
        assert not (await on.service.users())[DANA]["active"]
        assert await give(figma, on, key="k2")
        assert (await on.service.users())[DANA]["active"]

    async def test_is_not_shut_where_they_made_it_in_the_place_of_foyers(self, on: Stage, figma: ScimConnector) -> None:
        await give(figma, on)
        await on.service.ask("DELETE", f"/Users/{(await on.service.users())[DANA]['id']}")
        await on.service.make_user(DANA)
        await give(figma, on, key="k2")
        await take(figma, key="r2")
        assert (await on.service.users())[DANA]["active"]
