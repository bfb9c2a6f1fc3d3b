"""The directory's port above the client: whose key, whose address, whose groups."""

from typing import Any

import pytest

from connectors.errors import NeedsHuman, Refused, Retry
from connectors.ldap.memberships import primary_sid
from connectors.ldap.people import LdapDirectory
from connectors.ldap.schema import schema_of
from tests.connectors.ldap.tree import GROUPS, PEOPLE, Clock, Tree, entry, group, person, settings

DANA, OMAR, PRIYA = f"uid=dana,{PEOPLE}", f"uid=omar,{PEOPLE}", f"uid=priya,{PEOPLE}"


def directory(*entries: Any, clock: Clock | None = None, **over: Any) -> tuple[LdapDirectory, Tree]:
    made, tree = settings(**over), Tree(*entries)
    schema = schema_of(made.schema_, key=made.key, attributes=made.attributes)
    return LdapDirectory(tree, made, schema, clock or Clock()), tree  # type: ignore[arg-type]


async def test_a_person_comes_with_groups_and_manager() -> None:
    people, _ = directory(person("dana", "e1", manager=PRIYA), person("priya", "e2"), group("it", DANA), group("hr", OMAR))
    found = await people.get("e1")
    assert found is not None
    assert (found.manager_key, found.groups) == ("e2", {"it"})


async def test_a_key_is_one_persons_as_it_is_written() -> None:
    people, _ = directory(person("dana", "e1"))
    assert await people.get("E1") is None
    assert await people.get("e*") is None


async def test_two_entries_with_one_key_need_a_human() -> None:
    people, _ = directory(person("dana", "e1"), person("omar", "e1"))
    with pytest.raises(NeedsHuman) as raised:
        await people.get("e1")
    assert raised.value.code == "ambiguous"


async def test_an_address_that_the_server_takes_for_another_is_not() -> None:
    people, _ = directory(person("jose", "e1"))
    assert await people.by_email("josé@acme.example") is None
    assert await people.by_email("JOSE@acme.example") is not None


async def test_an_address_of_two_names_both() -> None:
    people, _ = directory(person("a", "e2", mail="front@acme.example"), person("b", "e1", mail="Front@acme.example"))
    with pytest.raises(NeedsHuman) as raised:
        await people.by_email("front@acme.example")
    assert raised.value.detail == "e1, e2"


@pytest.mark.parametrize(("over", "told"), [({"key": "roomNumber"}, "key"), ({"attributes": {"email": "acmeMail"}}, "attributes.email")])
async def test_a_renamed_attribute_is_no_unknown_person(over: dict[str, Any], told: str) -> None:
    people, _ = directory(person("dana", "e1"), **over)
    with pytest.raises(Retry) as raised:
        await people.by_email("dana@acme.example")
    assert raised.value.code == "misconfigured"
    assert raised.value.detail.startswith(f"{told}: ")


async def test_whoever_is_not_there_is_unknown_where_the_attributes_are() -> None:
    people, _ = directory(person("dana", "e1"))
    assert await people.get("e9") is None
    assert await people.by_email("nobody@acme.example") is None
    with pytest.raises(Refused) as raised:
        await people.entry("e9", ("cn",))
    assert raised.value.code == "unknown_person"


async def test_a_manager_is_remembered_for_a_while() -> None:
    clock = Clock()
    people, tree = directory(person("dana", "e1", manager=PRIYA), person("priya", "e2"), clock=clock)
    await people.get("e1")
    tree.replace(person("priya", "e7"))
    assert (await people.get("e1")).manager_key == "e2"  # type: ignore[union-attr]
    clock.forward(minutes=6)
    assert (await people.get("e1")).manager_key == "e7"  # type: ignore[union-attr]


async def test_a_manager_who_is_gone_or_has_no_key_is_none() -> None:
    people, _ = directory(person("dana", "e1", manager=PRIYA), person("omar", "e2", manager=f"uid=temp,{PEOPLE}"), person("temp"))
    assert (await people.get("e1")).manager_key is None  # type: ignore[union-attr]
    assert (await people.get("e2")).manager_key is None  # type: ignore[union-attr]


async def test_marks_are_given_by_group_or_filter() -> None:
    people, _ = directory(
        person("dana", "e1", employeeType="guest"),
        person("omar", "e2"),
        group("admins", OMAR),
        guests={"filter": "(employeeType=guest)"},
        privileged={"groups": ["admins"]},
        inactive={"filter": "(uid=omar)"},
    )
    dana, omar = await people.get("e1"), await people.get("e2")
    assert dana is not None
    assert omar is not None
    assert (dana.guest, dana.privileged, dana.active) == (True, False, True)
    assert (omar.guest, omar.privileged, omar.active) == (False, True, False)


async def test_a_filter_is_not_met_by_a_namesake_elsewhere() -> None:
    elsewhere = entry(f"uid=dana,ou=old,{PEOPLE}", objectClass="inetOrgPerson", uid="dana", employeeNumber="e9", employeeType="guest")
    people, _ = directory(person("dana", "e1"), elsewhere, guests={"filter": "(employeeType=guest)"})
    assert not (await people.get("e1")).guest  # type: ignore[union-attr]


async def test_members_are_the_active_ones_by_name() -> None:
    people, _ = directory(
        person("omar", "e2"),
        person("dana", "e1"),
        person("left", "e3", pwdAccountLockedTime="000001010000Z"),
        group("it", OMAR, DANA, f"uid=left,{PEOPLE}", "cn=placeholder,dc=acme,dc=example"),
    )
    assert [one.key for one in await people.members("IT")] == ["e1", "e2"]
    assert [one.key for one in await people.members(f"cn=it,{GROUPS}")] == ["e1", "e2"]
    assert await people.members("nothing") == []
    assert await people.members(" ") == []


async def test_a_group_of_usernames_has_members_too() -> None:
    unix = entry(f"cn=unix,{GROUPS}", objectClass="posixGroup", cn="unix", memberUid=["dana", "root"])
    people, _ = directory(person("dana", "e1"), unix)
    assert [one.groups for one in await people.members("unix")] == [{"unix"}]


@pytest.mark.parametrize("nested", [True, False])
async def test_groups_in_groups_count_if_foyer_yaml_says_so_also_in_a_circle(nested: bool) -> None:
    people, _ = directory(
        person("dana", "e1"),
        group("inner", DANA),
        group("outer", f"cn=inner,{GROUPS}", f"cn=all,{GROUPS}"),
        group("all", f"cn=outer,{GROUPS}"),
        groups={"base": GROUPS, "nested": nested},
    )
    assert (await people.get("e1")).groups == ({"inner", "outer", "all"} if nested else {"inner"})  # type: ignore[union-attr]
    assert [one.key for one in await people.members("all")] == (["e1"] if nested else [])


async def test_two_groups_of_one_name_are_nobodys_until_they_are_named_by_dn() -> None:
    twin = entry(f"cn=it,ou=teams,{GROUPS}", objectClass="groupOfNames", cn="it", member=OMAR)
    people, _ = directory(person("dana", "e1"), person("omar", "e2"), group("it", DANA), twin)
    with pytest.raises(NeedsHuman):
        await people.members("it")
    assert [one.key for one in await people.members(twin.dn)] == ["e2"]
    by_dn, _ = directory(person("dana", "e1"), group("it", DANA), twin, groups={"base": GROUPS, "name": "dn"})
    assert (await by_dn.get("e1")).groups == {f"cn=it,{GROUPS}"}  # type: ignore[union-attr]


DOMAIN = bytes.fromhex("010500000000000515000000aabbccdd1122334455667788")
USERS = DOMAIN + (513).to_bytes(4, "little")


def user(name: str, **more: Any) -> Any:
    sid = DOMAIN + (1104).to_bytes(4, "little")
    return entry(
        f"CN={name},{PEOPLE}",
        objectClass="user",
        objectCategory="person",
        cn=name,
        employeeID="e1",
        objectSid=sid,
        primaryGroupID="513",
        **more,
    )


def domain_group(name: str, base: str = GROUPS, **more: Any) -> Any:
    return entry(f"CN={name},{base}", objectClass="group", cn=name, **more)


async def test_active_directory_groups_are_followed_upwards_the_primary_one_too() -> None:
    elsewhere = "ou=elsewhere,dc=acme,dc=example"
    clock = Clock()
    people, tree = directory(
        user("dana", memberOf=[f"CN=it,{GROUPS}", f"CN=hidden,{elsewhere}"]),
        domain_group("it", memberOf=f"CN=staff,{GROUPS}"),
        domain_group("staff", memberOf=f"CN=it,{GROUPS}"),
        domain_group("hidden", elsewhere, memberOf=f"CN=secret,{GROUPS}"),
        domain_group("secret"),
        domain_group("Domain Users", objectSid=USERS, memberOf=f"CN=everybody,{GROUPS}"),
        domain_group("everybody"),
        clock=clock,
        schema="active_directory",
        key="employeeID",
    )
    first = await people.get("e1")
    assert first is not None
    assert first.groups == {"it", "staff", "secret", "Domain Users", "everybody"}
    asked = len(tree.asked)
    await people.get("e1")
    assert len(tree.asked) == asked + 1
    tree.replace(domain_group("it"))
    clock.forward(minutes=2)
    assert (await people.get("e1")).groups == {"it", "secret", "Domain Users", "everybody"}  # type: ignore[union-attr]


def test_a_primary_group_is_of_the_persons_own_domain() -> None:
    assert primary_sid(user("dana")) == USERS
    assert primary_sid(person("dana")) is None
