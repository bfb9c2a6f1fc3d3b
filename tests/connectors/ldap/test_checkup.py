"""What `foyer doctor` says of the people in a directory."""

from typing import Any, cast

import pytest

from connectors.ldap.checkup import Checkup, kind
from connectors.ldap.client import LdapClient
from connectors.ldap.people import LdapDirectory
from connectors.ldap.schema import schema_of
from connectors.ports.calls import Finding
from tests.connectors.ldap.tree import Clock, Entry, Tree, entry, person, settings


async def of_people(*entries: Entry, **over: Any) -> dict[str, Finding]:
    made, clock = settings(**over), Clock()
    client, schema = cast(LdapClient, Tree(*entries)), schema_of(made.schema_, key=made.key, attributes=made.attributes)
    directory = LdapDirectory(client, made, schema, clock)
    return {one.name: one for one in await Checkup("directory", client, directory, made, schema, clock)._people()}


async def test_those_who_share_an_address_are_named_by_their_keys() -> None:
    found = await of_people(
        person("a", "e2", mail="front@acme.example"), person("b", "e1", mail="Front@acme.example"), person("c", "e3"), person("d")
    )
    assert found["addresses"].found == "addresses that two people or more have: 1 (employeeNumber e1 and e2)"
    assert not found["addresses"].ok


async def test_those_without_a_key_are_named_by_their_dns() -> None:
    found = await of_people(person("a", mail="front@acme.example"), person("b", "e1", mail="front@acme.example"))
    assert found["addresses"].found.endswith(f"(employeeNumber e1 and {person('a').dn})")


async def test_without_an_attribute_for_the_enrolled_address_it_is_said_who_gets_nothing() -> None:
    assert "nobody gets links" in (await of_people(person("a", "e1")))["enrolled"].found
    assert "enrolled" not in await of_people(person("a", "e1", other="a@x.example"), attributes={"enrolled": "other"})


@pytest.mark.parametrize(("held", "may_be_none"), [("email", False), ("timezone", True)])
async def test_an_attribute_that_foyer_cannot_do_without_is_not_to_be_left_out(held: str, may_be_none: bool) -> None:
    found = await of_people(person("a", "e1"), attributes={held: "renamed"})
    assert ("null for none" in found["attributes"].mend) == may_be_none


async def test_where_nobody_shares_one_nothing_is_said() -> None:
    assert "addresses" not in await of_people(person("a", "e1"), person("b", "e2"), person("c", "e3", mail=""))


@pytest.mark.parametrize(
    ("told", "known"),
    [
        ({"supportedCapabilities": ["1.2.840.113556.1.4.800", "1.2.840.113556.1.4.1670"]}, "active_directory"),
        ({"supportedControl": ["1.2.840.113556.1.4.319"]}, "openldap"),
        ({}, "openldap"),
    ],
)
def test_a_server_tells_by_its_capabilities_which_it_is(told: dict[str, list[str]], known: str) -> None:
    assert kind(entry("", **told)) == known
