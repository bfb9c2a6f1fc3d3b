"""Access ends also for somebody who has another address by then, or whom the directory does not know any more."""

from datetime import timedelta

import pytest

from connectors.errors import NeedsHuman, OutcomeUnknown, Refused, Retry
from connectors.sandbox import facts
from connectors.scim.connector import ScimConnector
from tests.connectors.calling.settling import settled
from tests.connectors.scim.stage import Stage
from tests.outside.proxy import APPLY_THEN_CUT, answer, asks

DANA, OTHER = "dana@acme.example", "dana.new@acme.example"
ROLES = {"editor": {"group": "Editors"}, "plus": {"entitlement": "plus-pack"}}


async def give(figma: ScimConnector, on: Stage, role: str = "editor", *, key: str = "k1") -> None:
    await figma.access.grant(facts.DANA, "figma", role, until=on.clock() + timedelta(days=14), key=key)


async def take(figma: ScimConnector, role: str = "editor", *, key: str = "r1") -> bool:
    return (await figma.access.revoke(facts.DANA, "figma", role, key=key)).changed


async def held(figma: ScimConnector) -> list[str]:
    return [one.role for one in await figma.access.entitlements(facts.DANA, application_key="figma")]


@pytest.fixture
async def figma(on: Stage) -> ScimConnector:
    await on.service.make_group("Editors")
    return on.connect(ROLES)


class TestAnotherAddress:
    async def test_is_still_their_account(self, on: Stage, figma: ScimConnector) -> None:
        await on.service.make_user(DANA)
        await give(figma, on)
        on.change_person(facts.DANA, email=OTHER)
        assert await held(figma) == ["editor"]
        assert await take(figma)
        assert (await on.service.members("Editors"), await held(figma)) == (set(), [])

    async def test_also_where_the_application_alone_changed_it(self, on: Stage, figma: ScimConnector) -> None:
        user = await on.service.make_user(DANA)
        await give(figma, on)
        await on.service.change_user(user, userName="d.whitfield")
        assert await take(figma)
        assert await on.service.members("Editors") == set()

    async def test_that_is_somebody_elses_account_by_now_takes_nothing_from_them(self, on: Stage, figma: ScimConnector) -> None:
        user = await on.service.make_user(DANA)
        await give(figma, on)
        await on.service.change_user(user, userName="d.whitfield")
        successor = await on.service.make_user(DANA)
        await on.service.change_user(successor, entitlements=[{"value": "plus-pack"}])
        with pytest.raises(NeedsHuman) as raised:
            await give(figma, on, "plus", key="k2")
        assert (raised.value.code, "@" in raised.value.detail) == ("ambiguous", False)
        assert all(one in raised.value.detail for one in (user, successor))
        assert await take(figma)
        assert not await take(figma, "plus", key="r2")
        assert await on.service.members("Editors") == set()
        assert (await on.service.users())[DANA]["entitlements"] == [{"value": "plus-pack"}]

    async def test_makes_no_second_account(self, on: Stage, figma: ScimConnector) -> None:
        await give(figma, on)
        on.change_person(facts.DANA, email=OTHER)
        await give(figma, on, "plus", key="k2")
        assert list(await on.service.users()) == [DANA]
        await take(figma)
        await take(figma, "plus", key="r2")
        assert not (await on.service.users())[DANA]["active"]

    async def test_after_making_the_account_was_not_answered(self, on: Stage) -> None:
        await on.service.make_group("Editors")
        figma = on.connect(ROLES, bulk="never")
        on.proxy.plan(APPLY_THEN_CUT, when=asks("POST"))
        with pytest.raises(OutcomeUnknown):
            await give(figma, on)
        on.change_person(facts.DANA, email=OTHER)
        await give(figma, on)
        assert (list(await on.service.users()), await on.service.members("Editors")) == ([DANA], {DANA})


class TestGone:
    async def test_what_they_were_given_is_taken_back(self, on: Stage, figma: ScimConnector) -> None:
        await on.service.make_user(DANA)
        await give(figma, on)
        on.delete_person(facts.DANA)
        assert await held(figma) == ["editor"]
        assert await take(figma)
        assert (await on.service.members("Editors"), await held(figma)) == (set(), [])

    async def test_and_the_account_that_was_made_for_it(self, on: Stage, figma: ScimConnector) -> None:
        await give(figma, on)
        on.delete_person(facts.DANA)
        assert await take(figma)
        assert (await on.service.members("Editors"), (await on.service.users())[DANA]["active"]) == (set(), False)

    async def test_also_where_making_the_account_was_not_answered(self, on: Stage) -> None:
        await on.service.make_group("Editors")
        figma = on.connect(ROLES)
        on.proxy.plan(APPLY_THEN_CUT, when=asks("POST"))
        with pytest.raises(OutcomeUnknown):
            await give(figma, on)
        assert await on.service.members("Editors") == {DANA}
        on.delete_person(facts.DANA)
        assert await take(figma)
        assert await on.service.members("Editors") == set()

    async def test_also_where_giving_was_not_answered(self, on: Stage, figma: ScimConnector) -> None:
        await on.service.make_user(DANA)
        on.proxy.plan(APPLY_THEN_CUT, when=asks("PATCH"))
        with pytest.raises(OutcomeUnknown):
            await give(figma, on)
        on.delete_person(facts.DANA)
        assert await take(figma)
        assert await on.service.members("Editors") == set()

    async def test_an_account_that_went_too_has_nothing_to_take_back(self, on: Stage, figma: ScimConnector) -> None:
        await give(figma, on)
        on.delete_person(facts.DANA)
        await on.service.ask("DELETE", f"/Users/{(await on.service.users())[DANA]['id']}")
        assert (await take(figma), await held(figma)) == (False, [])

    async def test_a_service_that_finds_nothing_at_all_is_not_believed(self, on: Stage, figma: ScimConnector) -> None:
        await give(figma, on)
        on.delete_person(facts.DANA)
        on.proxy.plan(answer(404), when=asks("GET", target="/Users"), times=None)
        with pytest.raises(Retry) as raised:
            await take(figma)
        assert raised.value.code == "misconfigured"
        on.proxy.clear()
        assert await take(figma)

    async def test_who_never_had_anything_is_unknown(self, on: Stage, figma: ScimConnector) -> None:
        on.delete_person(facts.DANA)
        for attempt in (take(figma), held(figma), give(figma, on)):
            with pytest.raises(Refused) as raised:
                await attempt
            assert raised.value.code == "unknown_person"

    async def test_what_outlived_its_end_is_taken_back(self, on: Stage, figma: ScimConnector) -> None:
        await give(figma, on)
        on.delete_person(facts.DANA)
        on.clock.advance(timedelta(days=14, hours=1))
        assert [one.role for one in await settled(figma.access)] == ["editor"]
        assert await settled(figma.access) == []
        assert await on.service.members("Editors") == set()
