"""Unlocking and setting passwords, on directories in memory that refuse as OpenLDAP and Active Directory do."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any, cast
from uuid import UUID

import pytest
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine

from connectors.calling.ledger import Ledger
from connectors.calling.tables import metadata
from connectors.errors import OutcomeUnknown, Refused, Retry
from connectors.ldap.accounts import SHUT
from connectors.ldap.client import Entry, LdapClient, Rejected
from connectors.ldap.passwords import LdapPasswords
from connectors.ldap.people import LdapDirectory
from connectors.ldap.refusals import HINTS_VALUE, POLICY_HINTS, PPOLICY_CONTROL
from tests.connectors.ldap.changing import ChangingTree, People
from tests.connectors.ldap.tree import PEOPLE, Clock, entry, settings

DANA = f"uid=dana,{PEOPLE}"
GOOD = "Morning-Coffee-2026"
UUID_OF_DANA = "af7a68dc-79fd-1041-85c0-5fea72f021b0"
REJECTED = "0000052D: SvcErr: DSID-031A12D2, problem 5003 (WILL_NOT_PERFORM), data 0"
DOMAIN = entry("DC=acme,DC=example", objectClass="domain", minPwdLength="12", pwdProperties="1", pwdHistoryLength="24")
Make = Callable[..., LdapPasswords]


@pytest.fixture
async def make(tmp_path: Path) -> AsyncIterator[Make]:
    engine = create_async_engine(f"sqlite+aiosqlite:///{tmp_path / 'ledger.db'}")
    async with engine.begin() as connection:
        await connection.run_sync(metadata.create_all)
    sessions: async_sessionmaker[AsyncSession] = async_sessionmaker(engine)

    def made(tree: ChangingTree, **over: Any) -> LdapPasswords:
        clock = Clock()
        directory = cast(LdapDirectory, People(tree, {"dana": DANA, "left": f"uid=left,{PEOPLE}"}, inactive=("left",)))
        given = settings(schema=tree.kind, **over)
        return LdapPasswords(cast(LdapClient, tree), directory, given, Ledger("directory", sessions, clock), clock)

    yield made
    await engine.dispose()


def unix(**more: str) -> Entry:
    return entry(DANA, objectClass="inetOrgPerson", uid="dana", entryUUID=UUID_OF_DANA, entryCSN="1#", **more)


def windows(**more: str) -> Entry:
    plain = {"userAccountControl": "512", "sAMAccountName": "dana", "displayName": "Dana Whitfield", "uSNChanged": "17"}
    return entry(DANA, objectClass="user", objectGUID=UUID(UUID_OF_DANA).bytes_le, **{**plain, **more})


class TestUnlock:
    async def test_a_lock_that_an_administrator_made_in_between_stays(self, make: Make) -> None:
        tree = ChangingTree(unix(pwdAccountLockedTime="20261121134623Z"))
        passwords = make(tree)
        tree.before = unix(pwdAccountLockedTime=SHUT)
        with pytest.raises(OutcomeUnknown):
            await passwords.unlock("dana", key="k1")
        with pytest.raises(Refused) as raised:
            await passwords.unlock("dana", key="k1")
        assert raised.value.code == "account_disabled"
        assert tree.modified == []

    async def test_a_lock_that_has_gone_in_between_is_gone(self, make: Make) -> None:
        tree = ChangingTree(unix(pwdAccountLockedTime="20261121134623Z"))
        tree.before = unix()
        await make(tree).unlock("dana", key="k1")
        assert tree.modified == []

    async def test_sets_lockout_time_to_nothing_in_active_directory(self, make: Make) -> None:
        tree = ChangingTree(windows(lockoutTime="134080000000000000"), kind="active_directory")
        tree.replace(DOMAIN)
        effect = await make(tree).unlock("dana", key="k1")
        assert (effect.changed, effect.reference) == (True, f"{UUID_OF_DANA}/17")
        [(dn, [change], _)] = tree.modified
        assert (dn, change.kind, change.attribute, change.values) == (DANA, "replace", "lockoutTime", ("0",))

    async def test_says_which_right_is_lacking(self, make: Make) -> None:
        tree = ChangingTree(unix(pwdAccountLockedTime="20261121134623Z"))
        tree.refuses = Refused("not_permitted", "result 50")
        with pytest.raises(Refused) as raised:
            await make(tree).unlock("dana", key="k1")
        assert (raised.value.code, "pwdAccountLockedTime" in raised.value.detail) == ("not_permitted", True)

    async def test_who_has_left_stays_out(self, make: Make) -> None:
        left = entry(f"uid=left,{PEOPLE}", objectClass="inetOrgPerson", entryUUID=UUID_OF_DANA, pwdAccountLockedTime="20261121134623Z")
        tree = ChangingTree(left)
        with pytest.raises(Refused) as raised:
            await make(tree).unlock("left", key="k1")
        assert (raised.value.code, tree.modified) == ("account_disabled", [])


class TestShortest:
    @pytest.mark.parametrize(
        ("policy", "shortest"),
        [
            ({"pwdMinLength": "14", "pwdCheckQuality": "2"}, 14),
            ({"pwdMinLength": "14", "pwdCheckQuality": "0"}, None),
            ({"pwdMinLength": "14"}, None),
            ({"pwdCheckQuality": "2"}, None),
        ],
    )
    async def test_is_the_policys_in_openldap(self, make: Make, policy: dict[str, str], shortest: int | None) -> None:
        own = entry("cn=own,dc=acme,dc=example", objectClass="pwdPolicy", **policy)
        tree = ChangingTree(unix(), own)
        assert await make(tree, policy_dn="cn=own,dc=acme,dc=example").shortest("dana") == shortest
        assert await make(tree).shortest("dana") is None
        theirs = ChangingTree(unix(pwdPolicySubentry="cn=own,dc=acme,dc=example"), own)
        assert await make(theirs, policy_dn="cn=usual,dc=acme,dc=example").shortest("dana") == shortest

    async def test_is_the_domains_or_the_persons_own_in_active_directory(self, make: Make) -> None:
        tree = ChangingTree(windows(), DOMAIN, kind="active_directory")
        assert await make(tree).shortest("dana") == 12
        own = entry("CN=own,DC=acme,DC=example", **{"objectClass": "msDS-PasswordSettings", "msDS-MinimumPasswordLength": "20"})
        tree = ChangingTree(windows(**{"msDS-ResultantPSO": own.dn}), DOMAIN, own, kind="active_directory")
        assert await make(tree).shortest("dana") == 20
        tree = ChangingTree(windows(**{"msDS-ResultantPSO": own.dn}), DOMAIN, kind="active_directory")
        assert await make(tree).shortest("dana") is None


class TestSetPassword:
    async def test_by_the_operation_for_it_in_openldap(self, make: Make) -> None:
        tree = ChangingTree(unix(pwdAccountLockedTime="20261121134623Z"))
        assert (await make(tree).set_password("dana", GOOD)).reference == f"{UUID_OF_DANA}/1#"
        assert (tree.passwords, tree.modified) == ([(DANA, GOOD)], [])

    @pytest.mark.parametrize(
        ("controls", "code"), [({PPOLICY_CONTROL: b"\x30\x03\x81\x01\x08"}, "password_used_before"), ({}, "password_rejected")]
    )
    async def test_says_why_openldap_refused(self, make: Make, controls: dict[str, bytes], code: str) -> None:
        tree = ChangingTree(unix())
        tree.refuses = Rejected(19, "Password is in history of old passwords", controls)
        with pytest.raises(Refused) as raised:
            await make(tree).set_password("dana", GOOD)
        assert raised.value.code == code

    async def test_unlocks_in_the_same_change_in_active_directory(self, make: Make) -> None:
        tree = ChangingTree(windows(), DOMAIN, kind="active_directory", controls=("1.2.840.113556.1.4.319", *POLICY_HINTS))
        await make(tree).set_password("dana", GOOD)
        [(_, changes, controls)] = tree.modified
        assert [(change.kind, change.attribute) for change in changes] == [("replace", "unicodePwd"), ("replace", "lockoutTime")]
        assert changes[0].values == (f'"{GOOD}"'.encode("utf-16-le"),)
        assert controls == ((POLICY_HINTS[0], True, HINTS_VALUE),)

    async def test_asks_a_domain_for_nothing_that_it_does_not_know(self, make: Make) -> None:
        tree = ChangingTree(windows(), DOMAIN, kind="active_directory")
        await make(tree).set_password("dana", GOOD)
        assert tree.modified[0][2] == ()

    @pytest.mark.parametrize(
        ("password", "code"),
        [("Short-1", "password_too_short"), ("lower letters alone", "password_too_simple"), (GOOD, "password_used_before")],
    )
    async def test_explains_active_directorys_refusal_by_the_domains_rules(self, make: Make, password: str, code: str) -> None:
        tree = ChangingTree(windows(), DOMAIN, kind="active_directory", controls=POLICY_HINTS)
        tree.refuses = Rejected(53, REJECTED)
        with pytest.raises(Refused) as raised:
            await make(tree).set_password("dana", password)
        assert raised.value.code == code
        assert password not in str(raised.value)

    async def test_explains_it_by_the_persons_own_rules(self, make: Make) -> None:
        own = "CN=strict,CN=Password Settings Container,CN=System,DC=acme,DC=example"
        rules = {
            "objectClass": "msDS-PasswordSettings",
            "msDS-MinimumPasswordLength": "30",
            "msDS-PasswordComplexityEnabled": "TRUE",
            "msDS-PasswordHistoryLength": "5",
        }
        tree = ChangingTree(windows(**{"msDS-ResultantPSO": own}), DOMAIN, entry(own, **rules), kind="active_directory")
        tree.refuses = Rejected(53, REJECTED)
        with pytest.raises(Refused) as raised:
            await make(tree).set_password("dana", GOOD)
        assert raised.value.code == "password_too_short"

    async def test_does_not_guess_by_rules_that_it_may_not_read(self, make: Make) -> None:
        own = "CN=strict,CN=Password Settings Container,CN=System,DC=acme,DC=example"
        tree = ChangingTree(windows(**{"msDS-ResultantPSO": own}), DOMAIN, kind="active_directory", controls=POLICY_HINTS)
        tree.refuses = Rejected(53, REJECTED)
        with pytest.raises(Refused) as raised:
            await make(tree).set_password("dana", "Short-1")
        assert raised.value.code == "password_rejected"

    async def test_active_directory_without_tls_is_the_operators_matter(self, make: Make) -> None:
        tree = ChangingTree(windows(), DOMAIN, kind="active_directory")
        tree.refuses = Rejected(53, "0000001F: SvcErr: DSID-031A12D2, problem 5003 (WILL_NOT_PERFORM), data 0")
        with pytest.raises(Retry) as raised:
            await make(tree).set_password("dana", GOOD)
        assert raised.value.code == "misconfigured"

    @pytest.mark.parametrize("password", ["", "\ud800" * 14, "a kettle\x00 and 7 lamps", "a kettle\r\nand 7 lamps", "a kettle \x1b7 lamps"])
    async def test_what_is_no_password_is_not_sent(self, make: Make, password: str) -> None:
        tree = ChangingTree(unix())
        with pytest.raises(Refused):
            await make(tree).set_password("dana", password)
        assert tree.passwords == []

    async def test_an_accent_is_one_however_it_was_typed(self, make: Make) -> None:
        tree = ChangingTree(unix())
        await make(tree).set_password("dana", "Cafe\u0301 with 9 spoons")
        assert tree.passwords == [(DANA, "Caf\u00e9 with 9 spoons")]

    async def test_what_a_check_of_the_server_says_of_the_password_goes_nowhere(self, make: Make) -> None:
        tree = ChangingTree(unix())
        tree.refuses = Rejected(19, f"Check of password {GOOD} failed")
        with pytest.raises(Refused) as raised:
            await make(tree).set_password("dana", GOOD)
        assert (raised.value.code, raised.value.detail) == ("password_rejected", "result 19")

    async def test_another_refusal_stays_what_it_is(self, make: Make) -> None:
        tree = ChangingTree(unix())
        tree.refuses = Rejected(53, "shadow context; no update referral")
        with pytest.raises(Rejected) as raised:
            await make(tree).set_password("dana", GOOD)
        assert raised.value.code == "rejected"
