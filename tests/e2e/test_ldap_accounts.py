"""Accounts, passwords and groups on Debian's slapd with its password policy, by a service account with the least rights that do.

What the contracts say of every store is in `test_passwords_on_ldap.py` and `test_access_on_ldap.py`; here is what this directory does.
"""

import logging
import re
import traceback
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest
import structlog

from bot.database import connect
from connectors.calling.ledger import Ledger
from connectors.errors import Refused, Retry
from connectors.ldap.access import LdapAccess
from connectors.ldap.client import Change, LdapClient
from connectors.ldap.passwords import LdapPasswords
from connectors.ldap.people import LdapDirectory
from connectors.ldap.rights import check_rights
from connectors.ldap.schema import Schema, schema_of
from connectors.ldap.settings import LdapSettings
from connectors.ports.calls import Finding
from connectors.ports.records import utcnow
from tests.connectors.calling.settling import settled
from tests.contract.cases import FakeClock
from tests.migrated import sqlite_file
from tests.outside import company
from tests.outside.slapd import POLICY, Slapd

DOCUMENTATION = Path(__file__).parents[2] / "docs" / "ldap.md"

DANA, OMAR = company.LOCKED, company.ACTIVE
GOOD = "A kettle, a lamp and 7 spoons"
FIGMA_EDITOR = f"cn=figma-editor,{company.APPLICATIONS}"
READ_ONLY = """
access to dn.subtree="{base}" attrs=userPassword,pwdHistory,pwdAccountLockedTime
  by anonymous auth
  by * none
access to dn.subtree="{base}"
  by dn.exact="{service}" read
  by anonymous auth
  by * none
"""


@dataclass(frozen=True)
class Connected:
    slapd: Slapd
    client: LdapClient
    settings: LdapSettings
    schema: Schema
    passwords: LdapPasswords
    access: LdapAccess
    clock: FakeClock

    async def rights(self) -> Mapping[str, Finding]:
        return {finding.name: finding for finding in await check_rights(self.client, self.settings, self.schema, "directory")}

    async def roles(self, person_key: str, application: str) -> Sequence[tuple[str, datetime | None]]:
        return [(one.role, one.until) for one in await self.access.entitlements(person_key, application_key=application)]


def documented_rights(after: str = "add: olcAccess\n") -> str:
    """The access rules of the documentation, as slapd.conf has them."""
    [_, rules] = DOCUMENTATION.read_text("utf-8").split(after)
    return re.sub(r"^ *olcAccess: \{\d+\}to ", "access to ", rules.split("```")[0].rstrip() + "\n", flags=re.MULTILINE)


@asynccontextmanager
async def connected(
    folder: Path,
    *,
    policy: Mapping[str, str] = MappingProxyType({}),
    acl: str = "",
    applications: Sequence[Mapping[str, Any]] | None = None,
    **settings: Any,
) -> AsyncIterator[Connected]:
    clock = FakeClock(datetime.now(UTC))
    engine, sessions = connect(await sqlite_file(folder / "foyer.db"))
    async with Slapd(folder, policy=policy, acl=acl or documented_rights()) as slapd:
        given = {**company.settings(slapd.url, applications=("figma", "slack")), "policy_dn": POLICY, **settings}
        given |= {"applications": applications} if applications is not None else {}
        del given["use"]
        made = LdapSettings(**given, password=company.SERVICE_PASSWORD)  # type: ignore[arg-type]
        schema = schema_of(made.schema_, key=made.key, attributes=made.attributes)
        client, ledger = LdapClient(made, utcnow), Ledger("directory", sessions, clock)
        directory = LdapDirectory(client, made, schema, clock)
        passwords = LdapPasswords(client, directory, made, ledger, clock)
        access = LdapAccess(client, directory, made, schema, ledger, clock)
        try:
            yield Connected(slapd, client, made, schema, passwords, access, clock)
        finally:
            await client.close()
    await engine.dispose()


async def refused(attempt: Any) -> Refused:
    with pytest.raises(Refused) as raised:
        await attempt
    return raised.value


class TestLocks:
    async def test_unlocking_lets_the_person_in_and_changes_nothing_else(self, tmp_path: Path) -> None:
        async with connected(tmp_path) as it:
            dn, password = company.dn_of(DANA), company.employees()[DANA].password
            assert not await it.slapd.signs_in(dn, password)
            effect = await it.passwords.unlock(DANA, key="k1")
            assert await it.slapd.signs_in(dn, password)
            [write] = it.slapd.writes(by=company.SERVICE_DN)
            # The server itself forgets the failures with the lock.
            assert (write.dn, write.changes) == (dn, ("delete: pwdAccountLockedTime", "delete: pwdFailureTime"))
            entry = await it.slapd.person(DANA)
            assert effect.reference == f"{entry['entryuuid'][0]}/{entry['entrycsn'][0]}"

    async def test_a_lock_that_ran_out_is_none(self, tmp_path: Path) -> None:
        async with connected(tmp_path, policy={"pwdLockoutDuration": "600"}) as it:
            assert (await it.passwords.account(DANA)).status == "locked"
            it.clock.advance(timedelta(minutes=11))
            assert (await it.passwords.account(DANA)).status == "active"
            assert "pwdaccountlockedtime" in await it.slapd.person(DANA)
            assert not (await it.passwords.unlock(DANA, key="k1")).changed
            assert it.slapd.writes() == []

    async def test_a_policy_of_their_own_counts(self, tmp_path: Path) -> None:
        own = f"cn=own,{company.POLICIES}"
        async with connected(tmp_path) as it:
            kind = "objectClass: organizationalRole\nobjectClass: pwdPolicy\ncn: own\npwdAttribute: userPassword"
            await it.slapd.modify(f"dn: {own}\nchangetype: add\n{kind}\npwdLockout: TRUE\npwdLockoutDuration: 60\n")
            await it.slapd.replace(company.dn_of(DANA), pwdPolicySubentry=own)
            it.clock.advance(timedelta(minutes=2))
            assert (await it.passwords.account(DANA)).status == "active"

    async def test_a_policy_that_is_not_there_is_named(self, tmp_path: Path) -> None:
        async with connected(tmp_path, policy_dn=f"cn=gone,{company.POLICIES}") as it:
            with pytest.raises(Retry) as raised:
                await it.passwords.account(DANA)
            assert (raised.value.code, "policy_dn" in raised.value.detail) == ("misconfigured", True)
            assert not (await it.rights())["password policy"].ok

    async def test_what_an_administrator_shut_stays_shut(self, tmp_path: Path) -> None:
        async with connected(tmp_path) as it:
            await it.slapd.replace(company.dn_of(DANA), pwdAccountLockedTime=company.DISABLED)
            assert (await refused(it.passwords.unlock(DANA, key="k1"))).code == "account_disabled"
            assert (await refused(it.passwords.set_password(DANA, GOOD))).code == "account_disabled"
            assert (await it.slapd.person(DANA))["pwdaccountlockedtime"] == (company.DISABLED,)


class TestPasswords:
    @pytest.mark.parametrize(
        ("policy", "password", "code"),
        [
            ({}, "Short-one-9", "password_too_short"),
            ({"pwdMaxLength": "20"}, GOOD, "password_too_long"),
            ({}, company.employees()[OMAR].password, "password_used_before"),
            ({"pwdMinAge": "900000000"}, GOOD, "password_too_young"),
            ({"pwdSafeModify": "TRUE"}, GOOD, "not_permitted"),
        ],
    )
    async def test_the_policys_reason_is_told(self, tmp_path: Path, policy: Mapping[str, str], password: str, code: str) -> None:
        async with connected(tmp_path, policy=policy) as it:
            error = await refused(it.passwords.set_password(OMAR, password))
            assert error.code == code
            assert password not in str(error)
            assert it.slapd.writes() == []

    async def test_an_earlier_password_is_not_taken_again(self, tmp_path: Path) -> None:
        async with connected(tmp_path) as it:
            await it.passwords.set_password(OMAR, GOOD)
            await it.passwords.set_password(OMAR, f"{GOOD}, again")
            assert (await refused(it.passwords.set_password(OMAR, GOOD))).code == "password_used_before"

    async def test_who_had_to_change_it_has_changed_it(self, tmp_path: Path) -> None:
        async with connected(tmp_path, policy={"pwdMustChange": "TRUE"}) as it:
            await it.slapd.replace(company.dn_of(OMAR), pwdReset="TRUE")
            await it.passwords.set_password(OMAR, GOOD)
            assert "pwdreset" not in await it.slapd.person(OMAR)
            assert await it.slapd.signs_in(company.dn_of(OMAR), GOOD)

    async def test_it_is_told_nowhere(self, tmp_path: Path, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]) -> None:
        caplog.set_level(logging.DEBUG)
        structlog.configure(cache_logger_on_first_use=False)
        async with connected(tmp_path, policy={"pwdMaxLength": "40"}) as it:
            told = [repr(await it.passwords.set_password(OMAR, GOOD)), repr(it.passwords), repr(it.client)]
            for password in (GOOD, f"{GOOD}, {GOOD}"):
                error = await refused(it.passwords.set_password(OMAR, password))
                told += [repr(error), *traceback.format_exception(error), repr(vars(error))]
            await it.slapd.stop()
            with pytest.raises(Retry) as raised:
                await it.passwords.set_password(OMAR, GOOD)
            told += traceback.format_exception(raised.value)
        assert [code for code in ("password_used_before", "password_too_long", "unreachable") if code not in "".join(told)] == []
        assert GOOD not in "".join([*told, caplog.text, *capsys.readouterr()])

    async def test_the_server_keeps_a_hash(self, tmp_path: Path) -> None:
        async with connected(tmp_path) as it:
            await it.passwords.set_password(OMAR, GOOD)
            entry = await it.slapd.person(OMAR)
            assert not any(GOOD in value for values in entry.values() for value in values)
            assert entry["userpassword"][0].startswith("{SSHA}")


class TestGroups:
    async def test_the_last_member_of_a_group_that_may_not_be_empty_is_taken_out(self, tmp_path: Path) -> None:
        async with connected(tmp_path) as it:
            await it.slapd.replace(FIGMA_EDITOR, member=company.dn_of(DANA))
            assert (await it.access.revoke(DANA, "figma", "editor", key="k1")).changed
            entry = await it.slapd.entry(FIGMA_EDITOR)
            assert entry is not None
            assert entry["member"] == (company.SERVICE_DN,)

    async def test_a_group_of_groups_gives_access_that_cannot_be_taken_here(self, tmp_path: Path) -> None:
        async with connected(tmp_path, groups={"base": company.BASE, "nested": True}) as it:
            designers, everybody = f"cn=designers,{company.GROUPS}", f"cn=everybody-creative,{company.GROUPS}"
            for dn, member in ((designers, company.dn_of(DANA)), (everybody, designers)):
                await it.slapd.modify(f"dn: {dn}\nchangetype: add\nobjectClass: groupOfNames\nmember: {member}\n")
            await it.slapd.modify(f"dn: {FIGMA_EDITOR}\nchangetype: modify\nadd: member\nmember: {everybody}\n")
            assert await it.roles(DANA, "figma") == [("editor", None)]
            until = it.clock() + timedelta(days=1)
            assert not (await it.access.grant(DANA, "figma", "editor", until=until, key="k1")).changed
            assert not (await it.access.revoke(DANA, "figma", "editor", key="k2")).changed
            assert await it.roles(DANA, "figma") == [("editor", None)]
            assert it.slapd.writes() == []

    @pytest.mark.parametrize(
        ("kind", "attribute", "value"),
        [
            ("groupOfUniqueNames", "uniqueMember", company.dn_of(DANA)),
            ("posixGroup\ngidNumber: 7001", "memberUid", company.dn_of(DANA).split(",")[0].removeprefix("uid=")),
            ("organizationalRole", "roleOccupant", company.dn_of(DANA)),
        ],
    )
    @pytest.mark.parametrize("named", ["wiki", f"cn=wiki,{company.APPLICATIONS}"])
    async def test_every_kind_of_group(self, tmp_path: Path, kind: str, attribute: str, value: str, named: str) -> None:
        wiki = {"key": "wiki", "name": "Wiki", "roles": {"reader": {"group": named}}}
        async with connected(tmp_path, applications=[wiki]) as it:
            dn, other = f"cn=wiki,{company.APPLICATIONS}", f"\nuniqueMember: {company.PLACEHOLDER}" if attribute == "uniqueMember" else ""
            await it.slapd.modify(f"dn: {dn}\nchangetype: add\nobjectClass: {kind}\ncn: wiki{other}\n")
            until = it.clock() + timedelta(days=1)
            assert (await it.access.grant(DANA, "wiki", "reader", until=until, key="k1")).changed
            entry = await it.slapd.entry(dn)
            assert entry is not None
            assert value in entry[attribute.lower()]
            assert await it.roles(DANA, "wiki") == [("reader", until)]
            assert (await it.access.revoke(DANA, "wiki", "reader", key="k2")).changed
            assert await it.roles(DANA, "wiki") == []
            assert (await it.rights())["application wiki"].ok

    async def test_a_renamed_group_is_named_and_hides_no_other(self, tmp_path: Path) -> None:
        async with connected(tmp_path) as it:
            await it.slapd.rename(FIGMA_EDITOR, "cn=figma-designers")
            for attempt in (
                it.access.grant(DANA, "figma", "editor", until=it.clock() + timedelta(days=1), key="k1"),
                it.access.revoke(DANA, "figma", "editor", key="k2"),
                it.access.entitlements(DANA, application_key="figma"),
            ):
                with pytest.raises(Retry) as raised:
                    await attempt
                assert (raised.value.code, "'figma-editor'" in raised.value.detail) == ("misconfigured", True)
            assert [(one.application_key, one.role) for one in await it.access.entitlements(DANA)] == [("slack", "member")]
            finding = (await it.rights())["application figma: editor"]
            assert (finding.ok, "'figma-editor'" in finding.found) == (False, True)

    async def test_two_groups_of_one_name_are_not_guessed_between(self, tmp_path: Path) -> None:
        async with connected(tmp_path) as it:
            twin = f"cn=figma-editor,{company.GROUPS}"
            await it.slapd.modify(f"dn: {twin}\nchangetype: add\nobjectClass: groupOfNames\nmember: {company.PLACEHOLDER}\n")
            with pytest.raises(Retry) as raised:
                await it.access.grant(DANA, "figma", "editor", until=it.clock() + timedelta(days=1), key="k1")
            assert (raised.value.code, "two groups" in raised.value.detail) == ("misconfigured", True)

    async def test_whoever_is_gone_leaves_no_name_for_the_next(self, tmp_path: Path) -> None:
        """Without the overlay refint a group keeps the names of entries that are gone."""
        async with connected(tmp_path) as it:
            await it.access.grant(DANA, "figma", "editor", until=it.clock() + timedelta(days=1), key="k1")
            await it.slapd.delete(company.dn_of(DANA))
            await it.slapd.modify(f"dn: {FIGMA_EDITOR}\nchangetype: modify\nadd: member\nmember: {company.dn_of(DANA)}\n")
            assert [role for role, _ in await it.roles(DANA, "figma")] == ["editor"]
            it.clock.advance(timedelta(days=1, hours=1))
            assert [one.person_key for one in await settled(it.access)] == [DANA]
            assert company.dn_of(DANA) not in await it.slapd.members(FIGMA_EDITOR)
            assert await it.roles(DANA, "figma") == []
            assert not (await it.access.revoke(DANA, "figma", "editor", key="k2")).changed

    async def test_what_outlived_its_end_is_taken_back(self, tmp_path: Path) -> None:
        async with connected(tmp_path) as it:
            await it.access.grant(DANA, "figma", "editor", until=it.clock() + timedelta(days=1), key="k1")
            assert await settled(it.access) == []
            it.clock.advance(timedelta(days=1, hours=1))
            assert len(await settled(it.access)) == 1
            assert company.dn_of(DANA) not in await it.slapd.members(FIGMA_EDITOR)


class TestRights:
    async def test_those_of_the_documentation_are_enough_and_finding_out_changes_nothing(self, tmp_path: Path) -> None:
        async with connected(tmp_path) as it:
            findings = await it.rights()
            assert [finding for finding in findings.values() if not finding.ok] == []
            assert {"rights: lock state", "rights: unlock", "rights: passwords", "password policy", "application figma"} <= set(findings)
            assert it.slapd.writes(by=None) == []

    async def test_every_lacking_one_is_told(self, tmp_path: Path) -> None:
        async with connected(tmp_path, acl=READ_ONLY) as it:
            lacking = {name: finding for name, finding in (await it.rights()).items() if not finding.ok}
            roles = {"application figma: editor", "application figma: viewer", "application slack: member"}
            assert set(lacking) == {"rights: lock state", "rights: unlock", "rights: passwords"} | roles
            assert all(finding.mend for finding in lacking.values())

    async def test_a_change_without_the_right_says_which(self, tmp_path: Path) -> None:
        async with connected(tmp_path, acl=READ_ONLY.replace(",pwdAccountLockedTime", "")) as it:
            until = it.clock() + timedelta(days=1)
            for attempt, right in (
                (it.passwords.unlock(DANA, key="k1"), "pwdAccountLockedTime"),
                (it.passwords.set_password(DANA, GOOD), "passwords"),
                (it.access.grant(DANA, "figma", "editor", until=until, key="k2"), "'figma-editor'"),
            ):
                error = await refused(attempt)
                assert (error.code, right in error.detail) == ("not_permitted", True)
            assert it.slapd.writes(by=None) == []

    async def test_administrators_can_be_kept_apart(self, tmp_path: Path) -> None:
        administrator = next(key for key, person in company.employees().items() if company.PRIVILEGED in person.groups and person.active)
        apart = documented_rights("put before all of these:\n\n  ```\n")
        async with connected(tmp_path, acl=apart + documented_rights()) as it:
            assert (await refused(it.passwords.set_password(administrator, GOOD))).code == "not_permitted"
            assert it.slapd.writes() == []
            await it.passwords.set_password(OMAR, GOOD)

    async def test_no_more_than_those(self, tmp_path: Path) -> None:
        async with connected(tmp_path) as it:
            dn = company.dn_of(DANA)
            await it.passwords.set_password(DANA, GOOD)
            entry = await it.client.read(dn, ("userPassword", "pwdHistory", "cn"))
            assert entry is not None
            assert set(entry.attributes) == {"cn"}
            for target, change in (
                (dn, Change("replace", "mail", ("mallory@acme.example",))),
                (company.SERVICE_DN, Change("replace", "userPassword", ("another",))),
                (f"cn={company.PRIVILEGED},{company.GROUPS}", Change("add", "member", (company.SERVICE_DN,))),
                (FIGMA_EDITOR, Change("replace", "description", ("x",))),
                (POLICY, Change("replace", "pwdMinLength", ("1",))),
            ):
                writes = len(it.slapd.writes(by=None))
                await refused(it.client.modify(target, (change,)))
                assert len(it.slapd.writes(by=None)) == writes
