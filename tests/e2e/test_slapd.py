"""That the LDAP server of these tests is the one they believe in: it locks, has a policy, may little, and tells what was done to it."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.outside import company
from tests.outside.slapd import Slapd, run

OMAR = company.employees()[company.ACTIVE]
FIGMA = f"cn=figma-editor,{company.APPLICATIONS}"
SERVICE = ("-x", "-D", company.SERVICE_DN, "-w", company.SERVICE_PASSWORD)
NOT_PERMITTED, TIMED_OUT = 50, 124


@pytest.fixture
async def slapd(tmp_path: Path) -> AsyncIterator[Slapd]:
    async with Slapd(tmp_path) as slapd:
        yield slapd


async def test_wrong_passwords_lock_and_the_right_one_does_not_help_then(slapd: Slapd) -> None:
    for _ in range(2):
        assert not await slapd.signs_in(OMAR.dn, "wrong")
    assert await slapd.signs_in(OMAR.dn, OMAR.password)
    await slapd.lock(OMAR.key)
    assert "pwdaccountlockedtime" in await slapd.person(OMAR.key)
    assert not await slapd.signs_in(OMAR.dn, OMAR.password)
    await slapd.replace(OMAR.dn, pwdAccountLockedTime=None)
    assert await slapd.signs_in(OMAR.dn, OMAR.password)


async def test_everybody_of_the_sandbox_company_is_in_it(slapd: Slapd) -> None:
    listing = ("-LLL", "-E", "pr=100/noprompt", "-b", company.PEOPLE, "(employeeNumber=*)", "employeeNumber")
    result, told = await run("ldapsearch", *SERVICE, "-H", slapd.url, *listing)
    assert result == 0, told
    assert told.count("employeeNumber: ") == len(company.employees()) == 300
    # Without pages nobody gets them all.
    result, _ = await run("ldapsearch", *SERVICE, "-H", slapd.url, "-LLL", "-b", company.PEOPLE, "(employeeNumber=*)", "dn")
    assert result == 4


@pytest.mark.parametrize(
    ("dn", "change", "allowed"),
    [
        (FIGMA, f"add: member\nmember: {OMAR.dn}", True),
        (f"cn=it-support,{company.GROUPS}", f"add: member\nmember: {OMAR.dn}", False),
        (company.dn_of(company.LOCKED), "delete: pwdAccountLockedTime", True),
        (company.dn_of(company.LOCKED), "replace: title\ntitle: King", False),
        (company.dn_of(company.LOCKED), "replace: mail\nmail: king@acme.example", False),
    ],
)
async def test_the_service_account_may_what_it_needs_and_no_more(slapd: Slapd, dn: str, change: str, allowed: bool) -> None:
    result, told = await run("ldapmodify", *SERVICE, "-H", slapd.url, given=f"dn: {dn}\nchangetype: modify\n{change}\n")
    assert result == (0 if allowed else NOT_PERMITTED), told
    assert [write.dn for write in slapd.writes()] == ([dn] if allowed else [])


@pytest.mark.parametrize(("password", "allowed"), [("short", False), (OMAR.password, False), ("A kettle and 7 spoons", True)])
async def test_the_policy_judges_passwords(slapd: Slapd, password: str, allowed: bool) -> None:
    result, told = await run("ldappasswd", *SERVICE, "-H", slapd.url, "-s", password, OMAR.dn)
    assert (result == 0) is allowed, told
    assert await slapd.signs_in(OMAR.dn, password) is (allowed or password == OMAR.password)


@pytest.mark.parametrize(("kind", "trusted"), [("valid", True), ("expired", False), ("other_name", False)])
async def test_certificates_are_as_asked_for(tmp_path: Path, kind: str, trusted: bool) -> None:
    async with Slapd(tmp_path, certificate=kind) as slapd:  # type: ignore[arg-type]
        for how in (("-H", slapd.tls_url), ("-H", slapd.url, "-ZZ")):
            result, told = await run("env", f"LDAPTLS_CACERT={slapd.ca}", "ldapwhoami", *SERVICE, *how)
            assert (result == 0) is trusted, told


async def test_what_it_had_is_there_after_a_kill_and_while_it_sleeps_nobody_is_answered(slapd: Slapd) -> None:
    await slapd.replace(OMAR.dn, title="Analyst of analysts")
    await slapd.kill()
    asked = ("ldapwhoami", *SERVICE, "-H", slapd.url)
    assert (await run(*asked))[0] != 0
    await slapd.start()
    assert (await slapd.person(OMAR.key))["title"] == ("Analyst of analysts",)
    async with slapd.frozen():
        assert (await run("timeout", "1", *asked))[0] == TIMED_OUT
    assert (await run(*asked))[0] == 0
