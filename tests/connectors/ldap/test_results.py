"""What a directory's refusal means to whoever asked."""

from typing import Any

import pytest

from connectors.errors import OutcomeUnknown, Refused, Retry
from connectors.ldap.refusals import PPOLICY_CONTROL
from connectors.ldap.results import Missing, Rejected, refusal

AD = "80090308: LdapErr: DSID-0C090569, comment: AcceptSecurityContext error, data {}, v4563"


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ("52e", "wrong name or password"),
        ("532", "expired"),
        ("533", "disabled"),
        ("701", "expired"),
        ("773", "changed first"),
        ("775", "locked"),
        ("999", "data 999"),
    ],
)
def test_active_directory_says_why_it_does_not_take_us(data: str, words: str) -> None:
    error = refusal(49, AD.format(data), "bind")
    assert isinstance(error, Retry)
    assert error.code == "bad_credentials"
    assert words in error.detail


@pytest.mark.parametrize(
    ("control", "words"),
    [
        (b"\x30\x03\x81\x01\x01", "the account is locked"),
        (b"\x30\x03\x81\x01\x00", "the password has expired"),
        (b"\x30\x00", "wrong name or password, or a locked or disabled account"),
    ],
)
def test_openldap_says_by_its_control_that_it_is_the_lock_and_not_the_password(control: bytes, words: str) -> None:
    error = refusal(49, "", "bind", controls={PPOLICY_CONTROL: control})
    assert error.detail == f"bind_dn or password: {words} (result 49)"


@pytest.mark.parametrize(
    ("result", "doing", "kind", "code"),
    [
        (49, "bind", Retry, "bad_credentials"),
        (48, "bind", Retry, "bad_credentials"),
        (32, "bind", Retry, "bad_credentials"),
        (51, "bind", Retry, "unavailable"),
        (8, "bind", Retry, "misconfigured"),
        (34, "bind", Retry, "misconfigured"),
        (13, "change", Retry, "misconfigured"),
        (50, "search", Refused, "not_permitted"),
        (50, "change", Refused, "not_permitted"),
        (32, "search", Missing, "misconfigured"),
        (34, "search", Missing, "misconfigured"),
        (10, "search", Missing, "misconfigured"),
        (3, "search", Retry, "timeout"),
        (4, "search", Retry, "misconfigured"),
        (11, "search", Retry, "misconfigured"),
        (10, "change", Retry, "misconfigured"),
        (52, "change", Retry, "unavailable"),
        (80, "search", Retry, "unavailable"),
        (80, "change", OutcomeUnknown, "unavailable"),
    ],
)
def test_results_become_what_to_do_next(result: int, doing: Any, kind: type[Exception], code: str) -> None:
    error = refusal(result, "", doing, "people.base 'dc=acme'")
    assert type(error) is kind
    assert error.code == code


@pytest.mark.parametrize("result", [16, 19, 20, 32, 53, 65, 68])
def test_what_a_change_meets_is_told_by_its_number(result: int) -> None:
    error = refusal(result, "0000052D: SvcErr", "change", controls={"1.2": b"x"})
    assert isinstance(error, Rejected)
    assert (error.result, error.controls) == (result, {"1.2": b"x"})
    assert "0000052D" in error.detail


def test_a_missing_base_is_named_as_foyer_yaml_calls_it() -> None:
    told = refusal(32, "", "search", "people.base 'ou=nowhere'").detail
    assert "there is no people.base 'ou=nowhere', or bind_dn may not read it" in told
    assert "people.base 'nowhere' is no dn" in refusal(34, "", "search", "people.base 'nowhere'").detail


def test_names_in_a_servers_text_are_left_out() -> None:
    said = "00002098: Object CN=Khalil\\, Omar,OU=People,DC=acme,DC=example has no write property access"
    detail = refusal(50, said, "change").detail
    assert "Omar" not in detail
    assert "Khalil" not in detail
    assert "00002098: Object an entry has no write property access" in detail


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("mail=ann@acme.example,ou=people,dc=acme,dc=example may not", "an entry may not"),
        ("uid=ann+cn=Ann Miller,OU=x,DC=acme no access", "an entry no access"),
        ("employeeNumber=e1001,ou=people,o=acme", "an entry"),
        ("no rights on 'Ann Miller' for ann@acme.example", "no rights on an entry for an entry"),
        (AD.format("0"), AD.format("0")),
    ],
)
def test_a_servers_text_names_nobody(text: str, told: str) -> None:
    assert refusal(53, text, "change").detail == f"result 53, {told}"
