"""Distinguished names, as servers write them."""

import pytest

from connectors.ldap import dns


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("uid=dana,ou=people,dc=acme", "UID=Dana, OU=People , DC=ACME"),
        (r"CN=Whitfield\, Dana,OU=People", r"cn=Whitfield\2C Dana,ou=people"),
        ("cn=a+uid=b,dc=acme", "uid=b+cn=a,dc=acme"),
        (r"cn=M\c3\bcller,dc=acme", "cn=Müller,dc=acme"),
        ("cn=#4d61,dc=acme", "cn=Ma,dc=acme"),
    ],
)
def test_one_name_written_in_two_ways_is_the_same(one: str, other: str) -> None:
    assert dns.same(one) == dns.same(other)


@pytest.mark.parametrize(
    ("one", "other"), [(r"cn=a\,cn=b", "cn=a,cn=b"), ("uid=dana,ou=a", "uid=dana,ou=b"), (r"cn=a\+uid=b", "cn=a+uid=b")]
)
def test_names_that_only_look_alike_are_not(one: str, other: str) -> None:
    assert dns.same(one) != dns.same(other)


def test_an_escaped_blank_counts() -> None:
    assert dns.parts(r"cn=Dana\ ,dc=acme")[0] == (("cn", b"Dana "),)


def test_what_is_no_dn_is_compared_as_it_is_and_looked_for_nowhere() -> None:
    assert dns.same(" Nobody ") == "nobody"
    assert list(dns.named(["nobody", ""])) == []


def test_entries_are_looked_for_by_the_first_part_of_their_names() -> None:
    assert list(dns.named([r"CN=Whitfield\, Dana (x)*,OU=People"])) == [r"(|(cn=Whitfield,\20Dana\20\28x\29\2a))"]
    assert list(dns.named(["cn=a+uid=b,dc=acme"])) == ["(|(&(cn=a)(uid=b)))"]


def test_many_are_asked_for_in_portions() -> None:
    filters = list(dns.named(f"uid=u{n},dc=acme" for n in range(dns.AT_ONCE + 1)))
    assert [filter.count("(uid=") for filter in filters] == [dns.AT_ONCE, 1]
