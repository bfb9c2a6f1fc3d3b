"""The contract of `connectors.ports.systems.Access`."""

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from connectors.errors import OutcomeUnknown, Refused, Retry
from connectors.ports.systems import Entitlement
from tests.contract.cases import AccessCase
from tests.contract.implementations import ACCESSES


@pytest.fixture(params=ACCESSES)
async def case(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[AccessCase]:
    async with ACCESSES[request.param](tmp_path) as made:
        yield made


async def held(case: AccessCase) -> list[Entitlement]:
    return [one for one in await case.port.entitlements(case.person) if one.application_key == case.application]


def in_two_weeks(case: AccessCase) -> datetime:
    return case.clock() + timedelta(days=14, microseconds=17)


class TestApplications:
    async def test_have_distinct_keys_and_consistent_roles(self, case: AccessCase) -> None:
        applications = await case.port.applications()
        assert len({application.key for application in applications}) == len(applications)
        for application in applications:
            assert application.roles
            assert application.default_role is None or application.default_role in application.roles
            assert application.sensitive_roles <= set(application.roles)

    async def test_may_have_no_owner(self, case: AccessCase) -> None:
        owners = {application.key: application.owner_key for application in await case.port.applications()}
        assert owners[case.application]
        assert owners[case.ownerless] is None


class TestEntitlements:
    async def test_are_told_of_one_application_or_of_all(self, case: AccessCase) -> None:
        await case.port.grant(case.person, case.application, case.role, until=in_two_weeks(case), key="k1")
        everything = await case.port.entitlements(case.person)
        for application in (case.application, case.permanent[0]):
            alone = await case.port.entitlements(case.person, application_key=application)
            assert alone
            assert list(alone) == [one for one in everything if one.application_key == application]
        assert len({one.reference for one in everything}) == len(everything)

    async def test_are_nobodys_of_somebody_unknown(self, case: AccessCase) -> None:
        with pytest.raises(Refused) as raised:
            await case.port.entitlements("nobody")
        assert raised.value.code == "unknown_person"


class TestGrant:
    async def test_gives_the_role_until_exactly_then(self, case: AccessCase) -> None:
        until = in_two_weeks(case)
        effect = await case.port.grant(case.person, case.application, case.role, until=until, key="k1")
        assert effect.changed
        [entitlement] = await held(case)
        assert (entitlement.reference, entitlement.role, entitlement.until) == (effect.reference, case.role, until)

    async def test_reads_an_end_given_in_another_zone(self, case: AccessCase) -> None:
        until = in_two_weeks(case).astimezone(timezone(timedelta(hours=-7)))
        await case.port.grant(case.person, case.application, case.role, until=until, key="k1")
        assert (await held(case))[0].until == until

    async def test_has_one_effect_a_key_also_when_calls_race(self, case: AccessCase) -> None:
        until = in_two_weeks(case)
        effects = await asyncio.gather(
            *(case.port.grant(case.person, case.application, case.role, until=until, key="k1") for _ in range(8))
        )
        assert [effect.changed for effect in effects].count(True) == 1
        assert len({effect.reference for effect in effects}) == 1
        assert len(await held(case)) == 1

    async def test_repeating_an_old_key_does_not_bring_revoked_access_back(self, case: AccessCase) -> None:
        until = in_two_weeks(case)
        await case.port.grant(case.person, case.application, case.role, until=until, key="k1")
        await case.port.revoke(case.person, case.application, case.role, key="k2")
        assert not (await case.port.grant(case.person, case.application, case.role, until=until, key="k1")).changed
        assert await held(case) == []

    async def test_has_one_effect_when_the_answer_was_lost(self, case: AccessCase) -> None:
        until = in_two_weeks(case)
        await case.answer_lost()
        with pytest.raises(OutcomeUnknown):
            await case.port.grant(case.person, case.application, case.role, until=until, key="k1")
        assert len(await held(case)) == 1
        again = await case.port.grant(case.person, case.application, case.role, until=until, key="k1")
        assert (again.changed, again.reference) == (False, (await held(case))[0].reference)

    async def test_changes_nothing_where_it_is_so_already(self, case: AccessCase) -> None:
        until = in_two_weeks(case)
        await case.port.grant(case.person, case.application, case.role, until=until, key="k1")
        assert not (await case.port.grant(case.person, case.application, case.role, until=until, key="k2")).changed

    async def test_extends_with_a_new_end(self, case: AccessCase) -> None:
        until = in_two_weeks(case)
        await case.port.grant(case.person, case.application, case.role, until=until, key="k1")
        assert (await case.port.grant(case.person, case.application, case.role, until=until + timedelta(days=7), key="k2")).changed
        assert [one.until for one in await held(case)] == [until + timedelta(days=7)]

    async def test_does_not_shorten_access_without_an_end(self, case: AccessCase) -> None:
        application, role = case.permanent
        assert not (await case.port.grant(case.person, application, role, until=in_two_weeks(case), key="k1")).changed
        ends = [one.until for one in await case.port.entitlements(case.person) if (one.application_key, one.role) == case.permanent]
        assert ends == [None]

    async def test_refuses_what_cannot_be(self, case: AccessCase) -> None:
        later = in_two_weeks(case)
        for code, person, application, role, until in (
            ("unknown_person", "nobody", case.application, case.role, later),
            ("inactive_person", case.leaver, case.application, case.role, later),
            ("unknown_application", case.person, "no-such-application", case.role, later),
            ("unknown_role", case.person, case.application, "emperor", later),
            ("end_in_past", case.person, case.application, case.role, case.clock()),
        ):
            with pytest.raises(Refused) as raised:
                await case.port.grant(person, application, role, until=until, key="k1")
            assert raised.value.code == code
        assert await held(case) == []

    async def test_an_unreachable_system_has_no_effect(self, case: AccessCase) -> None:
        await case.unreachable()
        with pytest.raises(Retry) as raised:
            await case.port.grant(case.person, case.application, case.role, until=in_two_weeks(case), key="k1")
        assert not isinstance(raised.value, OutcomeUnknown)
        assert await held(case) == []


class TestRevoke:
    async def test_takes_the_role_away(self, case: AccessCase) -> None:
        await case.port.grant(case.person, case.application, case.role, until=in_two_weeks(case), key="k1")
        assert (await case.port.revoke(case.person, case.application, case.role, key="k2")).changed
        assert await held(case) == []

    async def test_takes_only_that_role(self, case: AccessCase) -> None:
        before = await case.port.entitlements(case.person)
        await case.port.grant(case.person, case.application, case.role, until=in_two_weeks(case), key="k1")
        await case.port.revoke(case.person, case.application, case.role, key="k2")
        assert list(await case.port.entitlements(case.person)) == list(before)

    async def test_changes_nothing_where_there_is_none(self, case: AccessCase) -> None:
        assert not (await case.port.revoke(case.person, case.application, case.role, key="k1")).changed

    async def test_takes_it_also_from_somebody_who_is_gone_from_the_directory(self, case: AccessCase) -> None:
        await case.port.grant(case.person, case.application, case.role, until=in_two_weeks(case), key="k1")
        await case.departs()
        assert (await case.port.revoke(case.person, case.application, case.role, key="k2")).changed is not case.cleans_up
        assert await case.port.entitlements(case.person, application_key=case.application) == []
        assert not (await case.port.revoke(case.person, case.application, case.role, key="k2")).changed
