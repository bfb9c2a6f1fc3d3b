"""The directory's port above the client: whose key, whose address, whose groups."""

from collections.abc import Sequence
from typing import Any

import pytest
from structlog.testing import capture_logs

from connectors.errors import NeedsHuman, Refused, Retry
from connectors.ldap.client import Entry
from connectors.ldap.memberships import primary_sid
from connectors.ldap.people import LdapDirectory
from connectors.ldap.schema import schema_of
from tests.connectors.ldap.tree import GROUPS, PEOPLE, Clock, Tree, entry, group, person, settings

DANA, OMAR, PRIYA = f"uid=dana,{PEOPLE}", f"uid=omar,{PEOPLE}", f"uid=priya,{PEOPLE}"


def directory(*entries: Any, clock: Clock | None = None, given: Sequence[str] = (), **over: Any) -> tuple[LdapDirectory, Tree]:
    made, tree = settings(**over), Tree(*entries)
    schema = schema_of(made.schema_, key=made.key, attributes=made.attributes)
    return LdapDirectory(tree, made, schema, clock or Clock(), given), tree  # type: ignore[arg-type]


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


def renamed(cn: str, *names: str, **more: Any) -> Any:
    """A group that is called more than by its dn."""
    return entry(f"cn={cn},{GROUPS}", objectClass="groupOfNames", cn=[*names], **more)


@pytest.mark.parametrize("mark", ["guests", "privileged", "inactive"])
@pytest.mark.parametrize("written", ["Administrators", " administrators", "CN=Administrators, " + GROUPS.upper(), "zz-alias"])
@pytest.mark.parametrize("name", ["cn", "dn"])
async def test_what_a_group_withholds_it_withholds_however_it_is_written(mark: str, written: str, name: str) -> None:
    admins = renamed("administrators", "zz-alias", "administrators", member=OMAR)
    over = {mark: {"groups": [written]}, "groups": {"base": GROUPS, "name": name}}
    people, _ = directory(person("dana", "e1"), person("omar", "e2"), admins, **over)
    dana, omar = await people.get("e1"), await people.get("e2")
    assert dana is not None
    assert omar is not None
    marked = {"guests": omar.guest, "privileged": omar.privileged, "inactive": not omar.active}
    assert marked == {one: one == mark for one in marked}
    assert not dana.guest
    assert not dana.privileged
    assert dana.active


@pytest.mark.parametrize("written", ["IT-Support", f"CN=it-support,{GROUPS}", "second"])
async def test_what_a_group_gives_it_gives_as_foyer_yaml_writes_it(written: str) -> None:
    people, _ = directory(person("dana", "e1"), renamed("it-support", "it-support", "second", member=DANA), given=[written])
    found = await people.get("e1")
    assert found is not None
    assert written in found.groups


async def test_a_name_that_two_groups_have_gives_nothing_and_its_dn_does() -> None:
    twin = entry(f"cn=it,ou=clubs,{GROUPS}", objectClass="groupOfNames", cn="it", member=DANA)
    theirs = (person("dana", "e1"), person("omar", "e2"), group("it", OMAR), twin)
    people, _ = directory(*theirs, given=["it"])
    assert [(await people.get(key)).groups for key in ("e1", "e2")] == [frozenset(), frozenset()]  # type: ignore[union-attr]
    named, _ = directory(*theirs, given=[f"cn=it,{GROUPS}"])
    assert f"cn=it,{GROUPS}" not in (await named.get("e1")).groups  # type: ignore[union-attr]
    assert f"cn=it,{GROUPS}" in (await named.get("e2")).groups  # type: ignore[union-attr]


async def test_a_group_that_a_server_takes_for_the_given_one_does_not_give_it() -> None:
    people, _ = directory(person("dana", "e1"), group("équipe", DANA), given=["equipe"])
    assert (await people.get("e1")).groups == {"équipe"}  # type: ignore[union-attr]


async def test_groups_of_foyer_yaml_that_are_missing_or_there_twice_are_logged_when_everybody_is_read() -> None:
    twin = entry(f"cn=it,ou=clubs,{GROUPS}", objectClass="groupOfNames", cn="it", member=DANA)
    dana = person("dana", "e1", modifyTimestamp="20261121120000Z")
    figma = {"key": "figma", "name": "Figma", "roles": {"viewer": {"group": "it"}, "editor": {"group": "figma-editor"}}}
    marks = {"privileged": {"groups": ["admins"]}, "guests": {"groups": ["it"]}}
    people, _ = directory(dana, group("it", OMAR), twin, given=["it", "staff"], **marks, applications=[figma])
    with capture_logs() as logs:
        await people.snapshot.refresh()
        await people.snapshot.refresh()
    told = [(line["event"], line["setting"], line["group"]) for line in logs if "group" in line]
    assert told == [
        ("ldap_group_missing", "roles, assignment_groups", "staff"),
        ("ldap_group_missing", "applications: figma.roles.editor", "figma-editor"),
        ("ldap_group_missing", "privileged.groups", "admins"),
        ("ldap_group_ambiguous", "roles, assignment_groups", "it"),
        ("ldap_group_ambiguous", "applications: figma.roles.viewer", "it"),
    ]


async def test_nobody_is_known_to_be_unprivileged_while_the_group_of_the_privileged_is_missing() -> None:
    clock = Clock()
    people, tree = directory(person("dana", "e1"), clock=clock, privileged={"groups": ["Admins"]})
    with pytest.raises(Retry) as raised:
        await people.require_privileged()
    assert (raised.value.code, raised.value.detail) == ("misconfigured", "privileged.groups: there is no group 'Admins'")
    tree.replace(group("admins", OMAR))
    clock.forward(minutes=2)
    await people.require_privileged()


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
        whenChanged="20261121134623.0Z",
        **more,
    )


ONE_LEVEL = {"base": GROUPS, "nested": False}


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


@pytest.mark.parametrize("mark", [{"adminCount": "1"}, {}])
async def test_whoever_may_not_be_read_whole_is_not_taken_for_an_ordinary_person(mark: dict[str, str]) -> None:
    """A hardened domain shows neither adminCount nor memberOf to whom it gave no right to them, and says nothing of it."""
    there = entry(f"cn=root,{PEOPLE}", objectCategory="person", objectClass="user", employeeID="e1", mail="root@x")
    people, tree = directory(there, schema="active_directory", key="employeeID")
    for read in (people.get("e1"), people.by_email("root@x")):
        with pytest.raises(Retry) as raised:
            await read
        assert (raised.value.code, "adminCount" in raised.value.detail) == ("misconfigured", True)
    marked = {name.lower(): (value.encode(),) for name, value in mark.items()}
    tree.replace(Entry(there.dn, {**there.attributes, **marked, "whenchanged": (b"20261121134623.0Z",)}))
    found = await people.get("e1")
    assert found is not None
    assert found.privileged is bool(mark)


async def test_a_protected_account_hinders_no_search_for_others() -> None:
    group = domain_group("it")
    hidden = entry(f"CN=root,{PEOPLE}", objectCategory="person", objectClass="user", employeeID="e9", memberOf=group.dn)
    people, tree = directory(user("dana", memberOf=group.dn), hidden, group, schema="active_directory", key="employeeID", groups=ONE_LEVEL)
    assert [one.key for one in await people.members("it")] == ["e1"]
    tree.entries = [hidden, group]
    with pytest.raises(Retry) as raised:
        await people.members("it")
    assert raised.value.code == "misconfigured"


async def test_a_password_policy_is_no_group_whatever_else_it_is() -> None:
    policy = entry(f"cn=usual,{GROUPS}", objectClass=("organizationalRole", "pwdPolicy"), cn="usual")
    role = entry(f"cn=keyholders,{GROUPS}", objectClass="organizationalRole", cn="keyholders")
    people, _ = directory(policy, role, group("it"))
    assert set(await people.memberships.names()) == {"keyholders", "it"}
