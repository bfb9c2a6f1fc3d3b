"""From attributes to a DirectoryPerson."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ldap3.operation.search import compile_filter, parse_filter

from connectors.ldap.client import Entry, escaped
from connectors.ldap.entries import Entries
from connectors.ldap.schema import schema_of
from connectors.ldap.settings import LdapSettings
from connectors.ports.people import DirectoryPerson
from tests.connectors.ldap.tree import NOW, entry, person, settings

GUID = UUID("4e660580-2dca-451a-b494-b00d88867352")


def reading(**over: Any) -> Entries:
    made: LdapSettings = settings(**over)
    return Entries(made, schema_of(made.schema_, key=made.key, attributes=made.attributes))


def read(entries: Entries, one: Entry, **said: Any) -> DirectoryPerson:
    known: dict[str, Any] = {"groups": frozenset(), "manager_key": None, "guest": False, "privileged": False, "inactive": False, **said}
    return entries.person(one, "e1", now=NOW, **known)


@given(st.one_of(st.text(max_size=40), st.binary(max_size=40)))
def test_no_value_says_more_in_a_filter_than_itself(value: str | bytes) -> None:
    root = parse_filter(f"(cn={escaped(value)}x)", None, False, False, None, False)
    compiled = compile_filter(root.elements[0])
    raw = value.encode() if isinstance(value, str) else value
    assert bytes(compiled["equalityMatch"]["assertionValue"]) == raw + b"x"


def test_openldap_tells_who_somebody_is() -> None:
    one = person(
        "dana",
        "e1",
        title="Designer",
        c="DE",
        departmentNumber="Product",
        physicalDeliveryOfficeName="Berlin",
        preferredLanguage="de-DE, en;q=0.5",
        manager="uid=priya,ou=people",
    )
    made = read(reading(timezones={"DE": "Europe/Berlin"}), one, groups=frozenset({"it"}), manager_key="e2")
    assert made == DirectoryPerson(
        key="e1",
        name="Dana",
        email="dana@acme.example",
        timezone="Europe/Berlin",
        locale="de-DE",
        manager_key="e2",
        groups=frozenset({"it"}),
        attributes={"country": "DE", "department": "Product", "office": "Berlin"},
        title="Designer",
        username="dana",
    )


def test_an_attribute_says_more_than_the_office_and_that_more_than_the_country() -> None:
    places = {"timezones": {"US": "America/New_York", "Denver": "America/Denver"}, "locales": {"US": "en-US"}, "timezone": "UTC"}
    entries = reading(**places, attributes={"timezone": "tz"})
    assert read(entries, person("a", c="US", physicalDeliveryOfficeName="Denver", tz="Asia/Tokyo")).timezone == "Asia/Tokyo"
    assert read(entries, person("a", c="US", physicalDeliveryOfficeName="Denver")).timezone == "America/Denver"
    assert read(entries, person("a", c="US", physicalDeliveryOfficeName="Austin")).timezone == "America/New_York"
    assert read(entries, person("a", c="FR")).timezone == "UTC"
    assert read(entries, person("a", c="US")).locale == "en-US"


@pytest.mark.parametrize("told", [["dana@private.example", "old@former.example"], ["old@former.example", "dana@private.example"]])
def test_of_several_addresses_for_recovery_none_is_the_one(told: list[str]) -> None:
    entries = reading(attributes={"enrolled": "otherMailbox"})
    assert read(entries, person("dana", "e1", otherMailbox=told)).enrolled is None
    assert read(entries, person("dana", "e1", otherMailbox=[*told[:1], told[0]])).enrolled == told[0]
    assert read(entries, person("dana", "e1", otherMailbox=[" "])).enrolled is None


def test_what_nobody_tells_is_left_to_the_organisation() -> None:
    made = read(reading(), entry("uid=x", objectClass="inetOrgPerson", uid="x"))
    assert (made.name, made.email, made.timezone, made.locale, made.enrolled) == ("x", "", "", "", None)


@pytest.mark.parametrize(
    ("attributes", "active"),
    [
        ({}, True),
        ({"pwdAccountLockedTime": "20261121120000Z"}, True),
        ({"pwdAccountLockedTime": "000001010000Z"}, False),
    ],
)
def test_an_account_that_was_shut_is_of_somebody_who_left_and_a_locked_one_is_not(attributes: dict[str, str], active: bool) -> None:
    assert read(reading(), person("dana", "e1", **attributes)).active is active


def _ticks(**ago: float) -> str:
    return str(int((NOW - timedelta(**ago)).timestamp() * 10_000_000) + 116_444_736_000_000_000)


@pytest.mark.parametrize(
    ("attributes", "active"),
    [
        ({"userAccountControl": "512", "accountExpires": "0"}, True),
        ({"userAccountControl": "514"}, False),
        ({"userAccountControl": "512", "accountExpires": "9223372036854775807"}, True),
        ({"userAccountControl": "512", "accountExpires": _ticks(hours=1)}, False),
        ({"userAccountControl": "512", "accountExpires": _ticks(hours=-1)}, True),
    ],
)
def test_active_directory_switches_accounts_off(attributes: dict[str, str], active: bool) -> None:
    entries = reading(schema="active_directory", key=None)
    assert read(entries, entry("cn=x", sAMAccountName="x", **attributes)).active is active


def test_administrators_of_a_domain_are_privileged_whatever_foyer_yaml_says() -> None:
    entries = reading(schema="active_directory", key=None)
    assert read(entries, entry("cn=x", adminCount="1")).privileged
    assert not read(entries, entry("cn=x", adminCount="0")).privileged


def test_a_guid_is_told_as_it_usually_is() -> None:
    entries = reading(schema="active_directory", key=None)
    assert entries.key(entry("cn=x", objectGUID=GUID.bytes_le)) == str(GUID)
    assert entries.key(entry("cn=x", objectGUID=b"short")) is None
    assert f"(objectGUID={escaped(GUID.bytes_le)})" in (entries.by_key(str(GUID)) or "")
    assert entries.by_key("e1001") is None


def test_a_key_of_ones_own_is_text_also_in_active_directory() -> None:
    entries = reading(schema="active_directory", key="employeeID")
    assert entries.key(entry("cn=x", employeeID="e1001")) == "e1001"
    assert "(employeeID=e1001)" in (entries.by_key("e1001") or "")


def test_no_filter_is_made_of_nothing() -> None:
    entries = reading()
    assert entries.by_key("") is None
    assert entries.by_email("  ") is None
    assert entries.by_account("entra:t:o") is None


@pytest.mark.parametrize("value", ["0B1C", "User_0b1c", "t-1:0b1c"])
def test_entra_accounts_are_read_however_they_are_kept(value: str) -> None:
    entries = reading(attributes={"entra_id": "acmeEntra"}, entra_tenant="T-1")
    assert entries.accounts(entry("cn=x", acmeEntra=value)) == {"entra:t-1:0b1c"}
    assert value.lower() in (entries.by_account("entra:t-1:0b1c") or "").lower()


def test_an_object_id_of_no_known_tenant_is_nobodys() -> None:
    assert reading(attributes={"entra_id": "acmeEntra"}).accounts(entry("cn=x", acmeEntra="0b1c")) == frozenset()


def test_other_addresses_count_where_foyer_yaml_names_them() -> None:
    one = person("dana", "e1", proxyAddresses=["SMTP:dana@acme.example", "smtp:d.whitfield@acme.example"])
    assert reading(attributes={"addresses": "proxyAddresses"}).addresses(one) == {"dana@acme.example", "d.whitfield@acme.example"}
    assert reading().addresses(one) == {"dana@acme.example"}


def test_an_attribute_that_nobody_has_is_missed_if_foyer_yaml_names_it() -> None:
    entries = reading(attributes={"timezone": "acmeTz"})
    missing = entries.missing([person("dana", "e1")])
    assert {held for held in missing if entries.expected(held)} == {"timezone"}
    assert "title" in missing
