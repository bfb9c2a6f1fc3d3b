"""The LDAP client and what `foyer doctor` asks, on Debian's slapd: TLS, paging, servers that stop or hang, settings that are wrong."""

import asyncio
import re
import textwrap
from collections.abc import AsyncIterator, Awaitable, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import pytest
from pydantic import SecretStr

from connectors.calling.ledger import Ledger
from connectors.errors import OutcomeUnknown, Retry
from connectors.ldap.client import Change, LdapClient, Rejected
from connectors.ldap.connector import Ldap
from connectors.ldap.people import LdapDirectory
from connectors.ldap.schema import schema_of
from connectors.ldap.settings import LdapSettings
from connectors.ports.calls import Finding
from connectors.ports.records import utcnow
from tests.outside import company
from tests.outside.slapd import Slapd

EVERYBODY = "(objectClass=inetOrgPerson)"
DANA = company.dn_of("e1001")


def settings(url: str | list[str], ca: Path | None = None, **over: Any) -> LdapSettings:
    given = company.settings("")
    del given["use"], given["url"]
    return LdapSettings(**{**given, "url": url, "ca_file": ca, "password": SecretStr(company.SERVICE_PASSWORD), "timeout": 5, **over})


@asynccontextmanager
async def client(url: str | list[str], ca: Path | None = None, **over: Any) -> AsyncIterator[LdapClient]:
    made = LdapClient(settings(url, ca, **over), utcnow)
    try:
        yield made
    finally:
        await made.close()


@pytest.fixture
async def slapd(tmp_path: Path) -> AsyncIterator[Slapd]:
    async with Slapd(tmp_path) as running:
        yield running


async def crowd(slapd: Slapd, count: int) -> None:
    """That many people more."""
    await slapd.modify(
        "\n".join(
            f"dn: uid=crowd{n},{company.PEOPLE}\nchangetype: add\nobjectClass: inetOrgPerson\nuid: crowd{n}\ncn: Crowd {n}\nsn: Crowd\n"
            f"mail: crowd{n}@acme.example\nemployeeNumber: c{n}\n"
            for n in range(count)
        )
    )


async def test_everybody_is_read_page_by_page_where_a_search_gives_a_hundred(slapd: Slapd) -> None:
    await crowd(slapd, 2000)
    async with client(slapd.tls_url, slapd.ca) as ldap:
        everybody = await ldap.search(company.PEOPLE, EVERYBODY, ["employeeNumber"])
        assert len({entry.text("employeeNumber") for entry in everybody}) == 2000 + len(company.employees())
        assert len(await ldap.search(company.PEOPLE, EVERYBODY, ["cn"], most=7)) == 7
        assert len(await ldap.search(company.PEOPLE, EVERYBODY, ["cn"], most=730)) == 730


async def test_a_directory_that_does_not_page_says_what_it_lacks(slapd: Slapd) -> None:
    async with client(slapd.tls_url, slapd.ca, page_size=5000) as ldap:
        with pytest.raises(Retry) as raised:
            await ldap.search(company.PEOPLE, EVERYBODY, ["cn"], most=200)
        assert raised.value.code == "misconfigured"


@pytest.mark.parametrize("start_tls", [True, False])
async def test_tls_is_verified_however_it_begins(slapd: Slapd, start_tls: bool) -> None:
    where: dict[str, Any] = {"url": slapd.url, "start_tls": True} if start_tls else {"url": slapd.tls_url}
    async with client(ca=slapd.ca, **where) as ldap:
        _, certificate = await ldap.certificate()
        assert certificate is not None
    async with client(**where) as ldap:
        assert "authority of the tests" in await certificate_error(ldap)
    for kind, words in (("expired", "expired"), ("other_name", "not valid for '127.0.0.1' (for elsewhere.example")):
        await slapd.certify(kind)  # type: ignore[arg-type]
        async with client(ca=slapd.ca, **where) as ldap:
            assert words in await certificate_error(ldap)


async def certificate_error(ldap: LdapClient) -> str:
    with pytest.raises(Retry) as raised:
        await ldap.root()
    assert raised.value.code == "bad_certificate"
    return raised.value.detail


async def test_a_server_that_was_started_anew_is_met_without_an_error(slapd: Slapd) -> None:
    async with client(slapd.tls_url, slapd.ca) as ldap:
        await ldap.root()
        await slapd.kill()
        with pytest.raises(Retry) as raised:
            await ldap.root()
        assert raised.value.code == "unreachable"
        await slapd.start()
        await ldap.root()
        await slapd.stop()
        await slapd.start()
        with pytest.raises(Rejected) as rejected:
            await ldap.modify(company.dn_of("e1002"), [Change("delete", "pwdAccountLockedTime")])
        assert rejected.value.result == 16


async def test_a_server_that_hangs_is_left_in_time(slapd: Slapd) -> None:
    async with client(slapd.tls_url, slapd.ca, timeout=0.6) as ldap:
        await ldap.root()
        async with slapd.frozen():
            for _ in range(3):
                with pytest.raises(Retry) as raised:
                    await ldap.root()
                assert raised.value.code == "timeout"
                assert not isinstance(raised.value, OutcomeUnknown)
        await ldap.root()


async def test_the_other_server_is_asked_while_one_is_away(slapd: Slapd, tmp_path: Path) -> None:
    async with Slapd(tmp_path / "other") as other, client([slapd.url, other.url], timeout=2) as ldap:
        await ldap.root()
        await slapd.kill()
        assert await ldap.read(DANA, ["cn"]) is not None
        await slapd.start()
        await other.kill()
        assert await ldap.read(DANA, ["cn"]) is not None


async def test_searches_by_name_learn_of_whoever_is_new_renamed_or_gone(slapd: Slapd) -> None:
    made = settings(slapd.url)
    schema = schema_of(made.schema_, key=made.key, attributes=made.attributes)
    async with client(slapd.url) as ldap:
        people = LdapDirectory(ldap, made, schema, lambda: datetime.now(UTC))
        await people.snapshot.refresh()
        await crowd(slapd, 1)
        await slapd.replace(DANA, cn="Dana Schneider")
        await people.snapshot.refresh()
        assert [one.key for one in await people.find("Crowd 0")] == ["c0"]
        assert [one.key for one in await people.find("Dana Schnieder")] == ["e1001"]
        await slapd.delete(DANA)
        assert await people.find("Dana Schneider") == []


async def test_a_wrong_password_costs_one_sign_in_whoever_asks_at_once_and_the_account_is_not_locked(slapd: Slapd) -> None:
    async with connector(slapd.tls_url, ca_file=slapd.ca, password=SecretStr("last year's")) as ldap:
        calls = [ldap.people.get("e1001") for _ in range(8)]
        *codes, found = await asyncio.gather(*(code_of(call) for call in calls), ldap.check())
        assert codes == ["bad_credentials"] * 8
        assert [finding.name for finding in found] == ["credentials"]
        assert [finding.name for finding in await ldap.check()] == ["credentials"]
        assert await code_of(ldap.people.find("Dana Whitfield")) == "bad_credentials"
    account = await slapd.entry(company.SERVICE_DN)
    assert account is not None
    assert len(account["pwdfailuretime"]) == 1
    assert "pwdaccountlockedtime" not in account
    async with client(slapd.tls_url, slapd.ca) as ldap:
        await ldap.root()


async def test_without_waiting_for_each_other_they_lock_it_and_the_right_password_is_told_of_the_lock(slapd: Slapd) -> None:
    async def alone() -> str:
        async with client(slapd.tls_url, slapd.ca, password=SecretStr("last year's")) as ldap:
            return await code_of(ldap.root())

    assert set(await asyncio.gather(*(alone() for _ in range(8)))) == {"bad_credentials"}
    account = await slapd.entry(company.SERVICE_DN)
    assert account is not None
    assert "pwdaccountlockedtime" in account
    [credentials] = await findings_of_credentials(slapd)
    assert "the account is locked" in credentials.found
    assert credentials.mend.startswith("let an administrator unlock it")
    # As docs/ldap.md says it is unlocked.
    await slapd.replace(company.SERVICE_DN, pwdAccountLockedTime=None)
    [credentials] = await findings_of_credentials(slapd)
    assert credentials.ok


async def test_the_policy_that_the_documentation_advises_locks_nobody_out(slapd: Slapd) -> None:
    documented = Path("docs/ldap.md").read_text(encoding="utf-8")
    [policy] = re.findall(r"```ldif\n( *dn: cn=services,ou=policies.*?)```", documented, re.DOTALL)
    await slapd.modify(textwrap.dedent(policy))
    for _ in range(5):
        assert not await slapd.signs_in(company.SERVICE_DN, "wrong")
    assert await slapd.signs_in(company.SERVICE_DN, company.SERVICE_PASSWORD)


async def findings_of_credentials(slapd: Slapd) -> list[Finding]:
    return (await findings(slapd.tls_url, ca_file=slapd.ca))["credentials"]


async def code_of(call: Awaitable[object]) -> str:
    with pytest.raises(Retry) as raised:
        await call
    return raised.value.code


@asynccontextmanager
async def connector(url: str, **over: Any) -> AsyncIterator[Ldap]:
    """The whole of it; what is tried here asks no ledger."""
    given = company.settings(url, applications=("figma", "old-intranet"))
    del given["use"]
    password = SecretStr(company.SERVICE_PASSWORD)
    ldap = Ldap("directory", utcnow, ledger=cast(Ledger, None), **{**given, "password": password, **over})
    await ldap.open()
    try:
        yield ldap
    finally:
        await ldap.close()


async def findings(url: str, **over: Any) -> Mapping[str, list[Finding]]:
    async with connector(url, **over) as ldap:
        found: dict[str, list[Finding]] = {}
        for finding in await ldap.check():
            found.setdefault(finding.name, []).append(finding)
            assert finding.ok or finding.mend, finding
        return found


async def test_the_doctor_finds_the_company_as_it_is(slapd: Slapd) -> None:
    found = await findings(slapd.url)
    wrong = [finding for each in found.values() for finding in each if not finding.ok]
    # Two people of the company have one address on purpose.
    assert [finding.name for finding in wrong] == ["addresses"]
    by_address: dict[str, list[str]] = {}
    for key, one in company.employees().items():
        by_address.setdefault(one.email, []).append(key)
    [sharing] = [sorted(keys) for keys in by_address.values() if len(keys) > 1]
    assert wrong[0].found == f"addresses that two people or more have: 1 (employeeNumber {' and '.join(sharing)})"
    assert {"reach", "certificate", "credentials", "clock", "people", "key", "attributes", "groups"} <= set(found)


async def test_the_doctor_says_what_a_certificate_lacks(slapd: Slapd) -> None:
    async def mend(ca: Path | None) -> str:
        [certificate] = (await findings(slapd.tls_url, ca_file=ca))["certificate"]
        return certificate.mend

    assert await mend(None) == "name its authority's certificate in `ca_file`"
    await slapd.certify("expired")
    assert await mend(slapd.ca) == "renew it"
    await slapd.certify("other_name")
    assert await mend(slapd.ca) == "call the server by a name that it has"


async def test_the_doctor_asks_whether_a_port_is_one_for_tls(slapd: Slapd) -> None:
    [reach] = (await findings(slapd.tls_url.replace("ldaps:", "ldap:"), start_tls=False))["reach"]
    assert reach.found.endswith("the server hung up; is the port one for ldaps://?")


@pytest.mark.parametrize(
    ("over", "name"),
    [
        ({"schema": "active_directory"}, "schema"),
        ({"groups": {"base": "ou=grps,dc=acme,dc=example"}}, "settings"),
        ({"people": {"base": "ou=peple,dc=acme,dc=example"}}, "settings"),
        ({"bind_dn": "foyer@acme.example"}, "settings"),
    ],
)
async def test_one_mistake_is_one_finding(slapd: Slapd, over: dict[str, Any], name: str) -> None:
    found = await findings(slapd.url, **over)
    assert [finding.name for each in found.values() for finding in each if not finding.ok and finding.name != "addresses"] == [name]


async def test_the_groups_that_foyer_yaml_could_name_are_told(slapd: Slapd) -> None:
    async with connector(slapd.url) as ldap:
        groups = set((await ldap.offers())["group"])
        assert {"it-support", "employees", "figma-editor"} <= groups
        assert "usual" not in groups, "the password policy, an organizationalRole"


@pytest.mark.parametrize(
    ("over", "name", "said"),
    [
        ({"attributes": {"timezone": "acmeTimeZone2"}}, "attributes", "attributes.timezone: nobody has acmeTimeZone2"),
        ({"people": {"base": "ou=staff,dc=acme,dc=example"}}, "settings", "there is no people.base 'ou=staff,dc=acme,dc=example'"),
        ({"people": {"base": company.PEOPLE, "filter": "(employeeType=robot)"}}, "people", "nobody under"),
        ({"key": "roomNumber"}, "key", "people have none"),
        ({"privileged": {}}, "privileged", "nothing is said"),
        ({"privileged": {"groups": ["domain-admins"]}}, "privileged", "there is no group 'domain-admins'"),
        ({"bind_dn": "cn=last-years,dc=acme,dc=example"}, "credentials", "wrong name or password"),
        ({"bind_dn": "foyer@acme.example"}, "settings", "bind_dn is no dn such as"),
        ({"schema": "active_directory"}, "schema", "is no Active Directory"),
        ({"start_tls": True}, "certificate", "self-signed certificate in certificate chain"),
    ],
)
async def test_the_doctor_names_what_foyer_yaml_says_and_the_directory_does_not(
    slapd: Slapd, over: dict[str, Any], name: str, said: str
) -> None:
    found = await findings(slapd.url, **over)
    assert any(not finding.ok and said in finding.found for finding in found[name]), found
