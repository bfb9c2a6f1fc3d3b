"""The connector on an Active Directory that nobody here wrote: what its contracts do not say of one."""

from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from connectors.errors import NeedsHuman, Refused, Retry
from connectors.ports.calls import Finding
from connectors.sandbox import facts
from tests.e2e.on_active_directory import Stage, staged
from tests.outside import company, domain
from tests.outside.domain import APPLICATIONS, JOIN, PEOPLE, READ, RESET, UNLOCK
from tests.outside.samba import Samba, missing

GOOD = "A kettle, a lamp and 7 spoons"
CROWD = 1_100
"""More than a domain controller tells in one answer (MaxPageSize is 1,000)."""

pytestmark = pytest.mark.skipif(missing() is not None, reason=str(missing()))


@asynccontextmanager
async def on_samba(folder: Path, *, settings: dict[str, Any] | None = None, **how: Any) -> AsyncIterator[Stage]:
    async with Samba(folder, **how) as samba, staged(samba, folder, **(settings or {})) as stage:
        yield stage


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    async with on_samba(tmp_path) as made:
        yield made


async def refusal(change: Awaitable[object]) -> Refused | None:
    try:
        await change
    except Refused as error:
        return error
    return None


def wrong(findings: object) -> dict[str, Finding]:
    assert isinstance(findings, list | tuple)
    # Two people share an address in this company, which is told.
    return {finding.name: finding for finding in findings if not finding.ok and finding.name != "addresses"}


class TestPeople:
    async def test_are_told_with_all_that_the_domain_knows(self, stage: Stage) -> None:
        sam = await stage.ldap.people.get(facts.SAM)
        assert sam is not None
        assert (sam.title, sam.timezone, sam.locale) == ("IT Support Engineer", "America/New_York", "en-US")
        assert (dict(sam.attributes), sam.enrolled) == ({"country": "US", "department": "IT", "office": "New York"}, "sam@acme.example")
        # A group, the group that this one is in, and the primary group, which no group lists.
        assert {"it-support", domain.NESTED, "Domain Users"} <= sam.groups
        marta, vic = await stage.ldap.people.get(facts.MARTA), await stage.ldap.people.get(facts.VIC)
        assert marta is not None
        assert vic is not None
        assert (marta.guest, vic.guest, vic.privileged, marta.privileged) == (True, False, True, False)

    async def test_of_a_group_are_those_of_its_groups_and_those_whose_primary_group_it_is(self, stage: Stage) -> None:
        people, samba = stage.ldap.people, stage.samba
        assert {person.key for person in await people.members(domain.NESTED)} == {facts.SAM, facts.NOOR, facts.KIM}
        # Dana's primary group becomes one that is in all-it; a primary group has to be hers before.
        group = domain.group_dn("knowledge-admins")
        await samba.join(group, domain.dn_of(facts.DANA))
        token = await samba.entry(group, "primaryGroupToken")
        assert token is not None
        await samba.replace(domain.dn_of(facts.DANA), primaryGroupID=token["primarygrouptoken"][0])
        assert domain.dn_of(facts.DANA) not in await samba.members(group)
        assert facts.DANA in {person.key for person in await people.members("knowledge-admins")}
        assert facts.DANA in {person.key for person in await people.members(domain.NESTED)}
        dana = await people.get(facts.DANA)
        assert dana is not None
        assert {"knowledge-admins", domain.NESTED} <= dana.groups

    async def test_are_named_by_what_never_changes_where_nothing_is_said(self, tmp_path: Path) -> None:
        async with on_samba(tmp_path, settings={"key": None}) as stage:
            dana = await stage.ldap.people.by_email("dana@acme.example")
            assert dana is not None
            await stage.samba.modify(
                f"dn: {domain.dn_of(facts.DANA)}\nchangetype: modrdn\nnewrdn: CN=Whitfield-Moss\\, Dana\ndeleteoldrdn: 1\n"
            )
            renamed = await stage.ldap.people.get(dana.key)
            assert renamed is not None
            assert (renamed.email, renamed.manager_key) == (dana.email, dana.manager_key)
            assert await stage.ldap.people.get(dana.key.replace(dana.key[0], "0" if dana.key[0] != "0" else "1", 1)) is None

    async def test_are_all_found_where_there_are_more_than_one_answer_holds(self, tmp_path: Path) -> None:
        settings = {"people": {"base": f"OU=Crowd,{domain.BASE}"}}
        async with on_samba(tmp_path, settings=settings, more=domain.crowd(CROWD)) as stage:
            first, last = (
                await stage.ldap.people.find("crowd0000@acme.example"),
                await stage.ldap.people.find(f"crowd{CROWD - 1}@acme.example"),
            )
            assert (first[0].key, last[0].key) == ("c0000", f"c{CROWD - 1}")
            people = {finding.name: finding.found for finding in await stage.ldap.check()}
            assert people["people"].startswith(f"{CROWD} ")

    async def test_who_changed_are_read_again_and_who_is_gone_is_nobody(self, tmp_path: Path) -> None:
        async with on_samba(tmp_path) as stage:
            people, samba, snapshot = stage.ldap.people, stage.samba, stage.ldap.people.snapshot
            assert (await people.find("Dana Whitfield"))[0].key == facts.DANA
            await samba.replace(domain.dn_of(facts.DANA), displayName="Philippa Quackenbush", mail="philippa@acme.example")
            await snapshot.refresh()
            assert (await people.find("Philippa Quackenbush"))[0].key == facts.DANA
            await samba.modify(f"dn: {domain.dn_of(facts.MARTA)}\nchangetype: delete\n")
            assert await people.get(facts.MARTA) is None
            assert await people.find("Marta Kowalska") == []
            with pytest.raises(Refused) as raised:
                await stage.ldap.passwords.account(facts.MARTA)
            assert raised.value.code == "unknown_person"

    async def test_two_with_one_key_are_nobody_in_particular(self, stage: Stage) -> None:
        await stage.samba.replace(domain.dn_of(facts.OMAR), employeeNumber=facts.DANA)
        with pytest.raises(NeedsHuman) as raised:
            await stage.ldap.people.get(facts.DANA)
        assert raised.value.code == "ambiguous"
        assert "key" in wrong(await stage.ldap.check())


class TestAccounts:
    async def test_are_unlocked_for_their_owners(self, stage: Stage) -> None:
        passwords, samba = stage.ldap.passwords, stage.samba
        omar = domain.dn_of(facts.OMAR)
        await samba.lock(facts.OMAR)
        locked = await passwords.account(facts.OMAR)
        assert locked.status == "locked"
        assert locked.locked_since is not None
        assert abs(locked.locked_since - stage.clock()) < timedelta(minutes=5)
        assert not await samba.signs_in(omar, company.employees()[facts.OMAR].password)
        effect = await passwords.unlock(facts.OMAR, key="k1")
        guid, _, change = effect.reference.partition("/")
        assert (len(guid), change) == (36, (await samba.person(facts.OMAR, "uSNChanged"))["usnchanged"][0])
        assert await samba.signs_in(omar, company.employees()[facts.OMAR].password)

    async def test_whose_lock_ran_out_are_not_locked(self, stage: Stage) -> None:
        assert (await stage.ldap.passwords.account(company.LOCKED)).status == "locked"
        second = "-10000000"
        await stage.samba.replace(domain.ROOT, lockoutDuration=second, lockOutObservationWindow=second)
        await stage.samba.replace(domain.dn_of(company.LOCKED), info="time passes")
        while (await stage.samba.person(company.LOCKED, COMPUTED))[COMPUTED.lower()] != ("0",):
            pass
        assert "lockouttime" in await stage.samba.person(company.LOCKED, "lockoutTime")
        assert (await stage.ldap.passwords.account(company.LOCKED)).status == "active"

    async def test_that_were_switched_off_stay_so(self, stage: Stage) -> None:
        await stage.samba.lock(facts.OMAR)
        await stage.samba.replace(domain.dn_of(facts.OMAR), userAccountControl=str(domain.SWITCHED_OFF))
        for change in (stage.ldap.passwords.unlock(facts.OMAR, key="k1"), stage.ldap.passwords.set_password(facts.OMAR, GOOD)):
            with pytest.raises(Refused) as raised:
                await change
            assert raised.value.code == "account_disabled"

    async def test_are_held_to_the_rules_of_the_domain(self, stage: Stage) -> None:
        before = company.employees()[facts.OMAR].password
        for password, code in {
            "Short-9": "password_too_short",
            "nothing but small letters": "password_too_simple",
        }.items():
            with pytest.raises(Refused) as raised:
                await stage.ldap.passwords.set_password(facts.OMAR, password)
            assert raised.value.code == code
            assert password not in str(raised.value)
        assert await stage.samba.signs_in(domain.dn_of(facts.OMAR), before)

    async def test_may_have_an_earlier_password_again_where_the_domain_has_no_policy_hints(self, stage: Stage) -> None:
        """Windows has them, and counts the history then; Samba has not."""
        root = await stage.samba.entry("", "supportedControl")
        assert root is not None
        assert "1.2.840.113556.1.4.2239" not in root["supportedcontrol"]
        await stage.ldap.passwords.set_password(facts.OMAR, GOOD)
        assert (await stage.ldap.passwords.set_password(facts.OMAR, GOOD)).changed


COMPUTED = "msDS-User-Account-Control-Computed"


class TestAccess:
    async def test_is_membership_also_through_groups_of_groups(self, stage: Stage) -> None:
        access, samba, editors = stage.ldap.access, stage.samba, domain.role_dn("figma", "editor")
        until = stage.clock() + timedelta(days=7)
        effect = await access.grant(facts.DANA, "figma", "editor", until=until, key="k1")
        assert await samba.members(editors) == {domain.dn_of(facts.DANA)}
        assert effect.changed
        await samba.join(editors, domain.group_dn(domain.NESTED))
        [sam] = await access.entitlements(facts.SAM, application_key="figma")
        assert (sam.role, sam.until) == ("editor", None)
        assert (await access.revoke(facts.DANA, "figma", "editor", key="k2")).changed
        assert await samba.members(editors) == {domain.group_dn(domain.NESTED)}

    async def test_taken_by_somebody_else_meanwhile_is_taken(self, stage: Stage) -> None:
        """Samba has two answers for whoever is no member, by whether they ever were."""
        access, editors, dana = stage.ldap.access, domain.role_dn("figma", "editor"), domain.dn_of(facts.DANA)
        group = await access._groups.one("figma-editor")
        member = await access._member(facts.DANA)
        assert member is not None
        name = group.value(member)
        await access._take_out(group, [name])
        await access._add(group, name)
        await access._add(group, name)
        assert await stage.samba.members(editors) == {dana}
        await access._take_out(group, [name])
        await access._take_out(group, [name])
        assert await stage.samba.members(editors) == frozenset()


class TestRights:
    async def test_that_are_documented_are_all_that_it_takes(self, stage: Stage) -> None:
        assert wrong(await stage.ldap.check()) == {}

    @pytest.mark.parametrize(
        ("rights", "failing", "lacks"),
        [
            (((PEOPLE, RESET), (APPLICATIONS, JOIN)), {"unlock", "set_password"}, "lockoutTime"),
            (((PEOPLE, UNLOCK), (APPLICATIONS, JOIN)), {"set_password"}, "reset passwords"),
            (((PEOPLE, RESET + UNLOCK),), {"grant"}, "figma-editor"),
        ],
    )
    async def test_that_are_missing_are_named(self, tmp_path: Path, rights: domain.Rights, failing: set[str], lacks: str) -> None:
        async with on_samba(tmp_path, rights=rights) as stage:
            passwords, access = stage.ldap.passwords, stage.ldap.access
            until = stage.clock() + timedelta(days=7)
            answers = {
                "unlock": await refusal(passwords.unlock(facts.DANA, key="k1")),
                "set_password": await refusal(passwords.set_password(facts.DANA, GOOD)),
                "grant": await refusal(access.grant(facts.DANA, "figma", "editor", until=until, key="k2")),
            }
            refused = {name: error for name, error in answers.items() if error is not None}
            assert set(refused) == failing
            for error in refused.values():
                assert error.code == "not_permitted"
                assert lacks in error.detail
                assert "Whitfield" not in error.detail
                assert GOOD not in error.detail
            assert await stage.samba.signs_in(domain.dn_of(facts.DANA), GOOD) == ("set_password" not in failing)

    async def test_missing_for_the_groups_are_told_before_they_are_needed(self, tmp_path: Path) -> None:
        async with on_samba(tmp_path, rights=((PEOPLE, RESET),)) as stage:
            found = wrong(await stage.ldap.check())
            assert "lockoutTime" in found["rights: unlock"].found
            assert any("figma" in finding.name and finding.mend for finding in found.values())

    @pytest.mark.parametrize("reads", [False, True])
    async def test_to_read_people_are_needed_where_not_everybody_has_them(self, tmp_path: Path, reads: bool) -> None:
        rights = ((PEOPLE, RESET + UNLOCK + (READ if reads else "")), (APPLICATIONS, JOIN))
        async with Samba(tmp_path, rights=rights) as samba:
            # Before anybody signs in: whoever is signed in keeps what they had.
            await samba.modify(domain.hardened())
            async with staged(samba, tmp_path, key=None) as stage:
                assert ("rights: people" in wrong(await stage.ldap.check())) != reads
                found = {person.email for person in await stage.ldap.people.members("it-support")}
                assert (found == {"sam@acme.example", "noor@acme.example"}) == reads


class TestReach:
    async def test_a_wrong_password_is_told_as_one(self, tmp_path: Path) -> None:
        async with on_samba(tmp_path, settings={"password": SecretStr("not-this-one")}) as stage:
            with pytest.raises(Retry) as raised:
                await stage.ldap.people.get(facts.DANA)
            assert raised.value.code == "bad_credentials"
            assert "wrong name or password" in raised.value.detail
            assert list(wrong(await stage.ldap.check())) == ["credentials"]

    @pytest.mark.parametrize(("kind", "said"), [("expired", "expired"), ("other_name", "elsewhere.example")])
    async def test_a_bad_certificate_ends_it(self, tmp_path: Path, kind: str, said: str) -> None:
        async with on_samba(tmp_path, certificate=kind) as stage:
            with pytest.raises(Retry) as raised:
                await stage.ldap.people.get(facts.DANA)
            assert raised.value.code == "bad_certificate"
            assert said in raised.value.detail
            assert list(wrong(await stage.ldap.check())) == ["certificate"]

    async def test_tls_may_begin_on_an_open_connection(self, tmp_path: Path) -> None:
        async with Samba(tmp_path) as samba, staged(samba, tmp_path, samba.plain_url, start_tls=True) as stage:
            assert (await stage.ldap.passwords.set_password(facts.DANA, GOOD)).changed
            assert await samba.signs_in(domain.dn_of(facts.DANA), GOOD)
        async with Samba(tmp_path / "again") as samba, staged(samba, tmp_path, samba.plain_url) as stage:
            with pytest.raises(Retry) as raised:
                await stage.ldap.people.get(facts.DANA)
            assert raised.value.code == "misconfigured"
            assert "TLS" in raised.value.detail

    async def test_a_domain_that_comes_back_is_found_again(self, stage: Stage) -> None:
        assert await stage.ldap.people.get(facts.DANA) is not None
        await stage.samba.kill()
        with pytest.raises(Retry) as raised:
            await stage.ldap.people.get(facts.DANA)
        assert raised.value.code in ("unreachable", "connection_lost")
        await stage.samba.start()
        assert await stage.ldap.people.get(facts.DANA) is not None
