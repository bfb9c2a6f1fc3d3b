"""Membership as access, on directories in memory that refuse as OpenLDAP and Active Directory do."""

from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any, cast
from uuid import UUID

import pytest
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine

from connectors.calling.ledger import Ledger
from connectors.calling.tables import metadata
from connectors.errors import NeedsHuman, OutcomeUnknown, Refused, Retry
from connectors.ldap.access import LdapAccess
from connectors.ldap.client import Entry, LdapClient, Rejected
from connectors.ldap.groups import member_attribute
from connectors.ldap.people import LdapDirectory
from connectors.ldap.schema import schema_of
from tests.connectors.calling.settling import settled
from tests.connectors.ldap.changing import ChangingTree, People
from tests.connectors.ldap.tree import GROUPS, NOW, PEOPLE, Clock, entry, settings

DANA, OMAR = f"uid=dana,{PEOPLE}", f"uid=omar,{PEOPLE}"
EDITORS = f"cn=figma-editor,{GROUPS}"
LATER = NOW + timedelta(days=14)
FIGMA = {"key": "figma", "name": "Figma", "owner": "omar@acme.example", "roles": {"editor": {"group": "Figma-Editor"}}}
PEOPLE_THERE = tuple(entry(dn, objectClass="inetOrgPerson", uid=dn[4:8], entryUUID=f"uuid-of-{dn[4:8]}") for dn in (DANA, OMAR))
SUCCESSOR = entry(DANA, objectClass="inetOrgPerson", uid="dana", entryUUID="uuid-of-successor")
Make = Callable[..., LdapAccess]


@pytest.fixture
async def make(tmp_path: Path) -> AsyncIterator[Make]:
    engine = create_async_engine(f"sqlite+aiosqlite:///{tmp_path / 'ledger.db'}")
    async with engine.begin() as connection:
        await connection.run_sync(metadata.create_all)
    sessions: async_sessionmaker[AsyncSession] = async_sessionmaker(engine)

    def made(tree: ChangingTree, *applications: dict[str, Any], clock: Clock | None = None, dana: str | None = DANA) -> LdapAccess:
        """`dana`: the dn of her entry; None when she is not among the people."""
        clock = clock or Clock()
        directory = cast(LdapDirectory, People(tree, {"omar": OMAR} | ({"dana": dana} if dana is not None else {})))
        given = settings(schema=tree.kind, applications=applications or (FIGMA,))
        ledger = Ledger("directory", sessions, clock)
        return LdapAccess(cast(LdapClient, tree), directory, given, schema_of(tree.kind), ledger, clock)

    yield made
    await engine.dispose()


def editors(*members: str, kind: str = "groupOfNames", attribute: str = "member") -> Entry:
    return entry(EDITORS, objectClass=kind, cn="figma-editor", entryUUID="uuid-of-editors", entryCSN="7#", **{attribute: members})


async def test_an_owner_is_found_by_address(make: Make) -> None:
    [figma] = await make(ChangingTree()).applications()
    assert (figma.key, figma.roles, figma.owner_key) == ("figma", ("editor",), "omar")


async def test_the_directorys_own_ids_are_the_reference(make: Make) -> None:
    access = make(ChangingTree(editors(OMAR), *PEOPLE_THERE))
    effect = await access.grant("dana", "figma", "editor", until=LATER, key="k1")
    assert (effect.reference, effect.detail["version"]) == ("uuid-of-editors/uuid-of-dana", "7#")
    [held] = await access.entitlements("dana")
    assert (held.reference, held.until) == (effect.reference, LATER)


@pytest.mark.parametrize("kind", ["openldap", "active_directory"])
async def test_what_came_about_in_between_is_no_error(make: Make, kind: Any) -> None:
    of = "group" if kind == "active_directory" else "groupOfNames"
    tree = ChangingTree(editors(OMAR, kind=of), *PEOPLE_THERE, kind=kind)
    access = make(tree)
    tree.before = editors(OMAR, DANA, kind=of)
    await access.grant("dana", "figma", "editor", until=LATER, key="k1")
    tree.before = editors(OMAR, kind=of)
    await access.revoke("dana", "figma", "editor", key="k2")
    assert tree.modified == []


async def test_two_roles_may_be_one_group_spelt_in_two_ways(make: Make) -> None:
    roles = {"editor": {"group": "Figma-Editor"}, "author": {"group": "figma-editor"}, "owner": {"group": EDITORS}}
    access = make(ChangingTree(editors(DANA), *PEOPLE_THERE), {**FIGMA, "roles": roles})
    assert [one.role for one in await access.entitlements("dana", application_key="figma")] == ["author", "editor", "owner"]


async def test_the_last_member_leaves_a_placeholder(make: Make) -> None:
    tree = ChangingTree(editors(DANA), *PEOPLE_THERE)
    assert (await make(tree).revoke("dana", "figma", "editor", key="k1")).changed
    [(_, changes, _)] = tree.modified
    assert [(change.kind, change.values) for change in changes] == [("add", ("cn=foyer",)), ("delete", (DANA,))]


async def test_another_refusal_is_told_and_had_no_effect(make: Make) -> None:
    tree = ChangingTree(editors(OMAR), *PEOPLE_THERE)
    access = make(tree)
    tree.refuses = Rejected(53, "shadow context; no update referral")
    with pytest.raises(Rejected):
        await access.grant("dana", "figma", "editor", until=LATER, key="k1")
    assert await access.entitlements("dana") == []
    assert (await access.grant("dana", "figma", "editor", until=LATER, key="k1")).changed


async def test_a_lost_answer_is_looked_into(make: Make) -> None:
    tree = ChangingTree(editors(OMAR), *PEOPLE_THERE)
    access = make(tree)
    tree.refuses, tree.before = OutcomeUnknown("connection_lost"), editors(OMAR, DANA)
    with pytest.raises(OutcomeUnknown):
        await access.grant("dana", "figma", "editor", until=LATER, key="k1")
    await access.grant("dana", "figma", "editor", until=LATER, key="k1")
    assert [one.until for one in await access.entitlements("dana")] == [LATER]
    assert tree.modified == []


async def test_a_group_that_goes_meanwhile_is_named(make: Make) -> None:
    tree = ChangingTree(editors(OMAR), *PEOPLE_THERE)
    tree.refuses = Rejected(32, "no such object")
    with pytest.raises(Retry) as raised:
        await make(tree).grant("dana", "figma", "editor", until=LATER, key="k1")
    assert (raised.value.code, "'Figma-Editor'" in raised.value.detail) == ("misconfigured", True)


async def test_the_lacking_right_is_named(make: Make) -> None:
    tree = ChangingTree(editors(OMAR), *PEOPLE_THERE)
    tree.refuses = Refused("not_permitted", "result 50")
    with pytest.raises(Refused) as raised:
        await make(tree).grant("dana", "figma", "editor", until=LATER, key="k1")
    assert (raised.value.code, "member of the group 'Figma-Editor'" in raised.value.detail) == ("not_permitted", True)


async def test_a_group_without_a_list_of_members_is_told(make: Make) -> None:
    tree = ChangingTree(editors(kind="groupOfURLs"), *PEOPLE_THERE)
    tree.entries = [entry(EDITORS, objectClass=("groupOfURLs", "posixAccount"), cn="figma-editor", entryUUID="u"), *PEOPLE_THERE]
    by_dn = {**FIGMA, "roles": {"editor": {"group": EDITORS}}}
    with pytest.raises(Retry) as raised:
        await make(tree, by_dn).grant("dana", "figma", "editor", until=LATER, key="k1")
    assert (raised.value.code, "groupOfURLs" in raised.value.detail) == ("misconfigured", True)


async def test_nested_groups_count_in_active_directory_and_are_left_alone(make: Make) -> None:
    designers = entry(f"cn=designers,{GROUPS}", objectClass="group", cn="designers", member=DANA)
    around = entry(f"cn=around,{GROUPS}", objectClass="group", cn="around", member=(designers.dn, f"cn=around,{GROUPS}"))
    tree = ChangingTree(editors(around.dn, kind="group"), designers, around, *PEOPLE_THERE, kind="active_directory")
    access = make(tree)
    assert [(one.role, one.until) for one in await access.entitlements("dana")] == [("editor", None)]
    assert await access.entitlements("omar") == []
    assert not (await access.grant("dana", "figma", "editor", until=LATER, key="k1")).changed
    assert not (await access.revoke("dana", "figma", "editor", key="k2")).changed
    assert tree.modified == []


async def test_what_is_overdue_is_taken_back_though_another_cannot_be(make: Make) -> None:
    clock, tree = Clock(), ChangingTree(editors(OMAR), *PEOPLE_THERE)
    access = make(tree, clock=clock)
    for person in ("dana", "omar"):
        tree.replace(editors(f"uid=nobody,{PEOPLE}"))
        await access.grant(person, "figma", "editor", until=LATER, key=person)
    tree.replace(editors(DANA, OMAR))
    tree.replace(SUCCESSOR)
    clock.forward(days=15)
    assert [one.person_key for one in await settled(make(tree, clock=clock, dana=None))] == ["omar"]
    assert listed(tree) == (DANA,)


class TestGone:
    async def test_what_was_written_into_the_group_is_taken_out(self, make: Make) -> None:
        tree = await granted(make)
        tree.remove(DANA)
        gone = make(tree, dana=None)
        [held] = await gone.entitlements("dana", application_key="figma")
        assert (held.reference, held.until) == ("uuid-of-editors/uuid-of-dana", LATER)
        effect = await gone.revoke("dana", "figma", "editor", key="r1")
        assert (effect.changed, effect.reference) == (True, held.reference)
        assert (listed(tree), await gone.entitlements("dana")) == ((OMAR,), [])

    @pytest.mark.parametrize("kind", ["openldap", "active_directory"])
    async def test_a_directory_that_did_it_leaves_nothing_to_do(self, make: Make, kind: Any) -> None:
        of = "group" if kind == "active_directory" else "groupOfNames"
        tree = await granted(make, kind, of)
        tree.remove(DANA)
        tree.replace(editors(OMAR, kind=of))
        gone, modified = make(tree, dana=None), len(tree.modified)
        assert not (await gone.revoke("dana", "figma", "editor", key="r1")).changed
        assert (await gone.entitlements("dana"), len(tree.modified)) == ([], modified)

    async def test_the_name_of_a_successor_is_for_people(self, make: Make) -> None:
        tree = await granted(make)
        tree.replace(SUCCESSOR)
        gone = make(tree, dana=None)
        for attempt in (gone.revoke("dana", "figma", "editor", key="r1"), gone.entitlements("dana", application_key="figma")):
            with pytest.raises(NeedsHuman) as raised:
                await attempt
            assert (raised.value.code, "uuid-of-successor" in raised.value.detail) == ("ambiguous", True)
            assert "uid=" not in raised.value.detail
        assert listed(tree) == (OMAR, DANA)

    async def test_a_successor_in_active_directory_has_their_own(self, make: Make) -> None:
        tree = await granted(make, "active_directory", "group")
        tree.replace(SUCCESSOR)
        gone = make(tree, dana=None)
        assert not (await gone.revoke("dana", "figma", "editor", key="r1")).changed
        assert (await gone.entitlements("dana"), listed(tree)) == ([], (OMAR, DANA))

    @pytest.mark.parametrize("kind", ["openldap", "active_directory"])
    async def test_who_was_moved_to_where_nobody_is_looked_for_is_found(self, make: Make, kind: Any) -> None:
        of = "group" if kind == "active_directory" else "groupOfNames"
        tree, moved = await granted(make, kind, of), "uid=dana,ou=left,dc=acme,dc=example"
        tree.remove(DANA)
        tree.replace(entry(moved, objectClass="inetOrgPerson", uid="dana", **own_id(kind)))
        tree.replace(editors(OMAR, moved, kind=of))
        gone = make(tree, dana=None)
        assert [one.role for one in await gone.entitlements("dana")] == ["editor"]
        assert (await gone.revoke("dana", "figma", "editor", key="r1")).changed
        assert listed(tree) == (OMAR,)

    async def test_a_name_from_before_they_were_moved_is_taken_out_too(self, make: Make) -> None:
        tree, moved = await granted(make), f"uid=dana,ou=berlin,{PEOPLE}"
        tree.remove(DANA)
        tree.replace(entry(moved, objectClass="inetOrgPerson", uid="dana", entryUUID="uuid-of-dana"))
        assert (await make(tree, dana=moved).revoke("dana", "figma", "editor", key="r1")).changed
        assert listed(tree) == (OMAR,)

    async def test_but_not_where_somebody_else_has_it_by_now(self, make: Make) -> None:
        tree, moved = await granted(make), f"uid=dana,ou=berlin,{PEOPLE}"
        tree.replace(SUCCESSOR)
        tree.replace(entry(moved, objectClass="inetOrgPerson", uid="dana", entryUUID="uuid-of-dana"))
        tree.replace(editors(OMAR, DANA, moved))
        assert (await make(tree, dana=moved).revoke("dana", "figma", "editor", key="r1")).changed
        assert listed(tree) == (OMAR, DANA)

    async def test_a_username_in_a_group_is_taken_out(self, make: Make) -> None:
        tree = ChangingTree(editors(kind="posixGroup", attribute="memberUid"), *PEOPLE_THERE)
        await make(tree).grant("dana", "figma", "editor", until=LATER, key="k1")
        tree.remove(DANA)
        gone = make(tree, dana=None)
        assert (await gone.revoke("dana", "figma", "editor", key="r1")).changed
        assert (listed(tree, "memberUid"), await gone.entitlements("dana")) == ((), [])

    async def test_what_was_given_and_never_seen_is_taken_out(self, make: Make) -> None:
        tree = ChangingTree(editors(OMAR), *PEOPLE_THERE)
        tree.refuses, tree.before = OutcomeUnknown("connection_lost"), editors(OMAR, DANA)
        with pytest.raises(OutcomeUnknown):
            await make(tree).grant("dana", "figma", "editor", until=LATER, key="k1")
        tree.remove(DANA)
        assert (await make(tree, dana=None).revoke("dana", "figma", "editor", key="r1")).changed
        assert listed(tree) == (OMAR,)

    async def test_who_was_given_nothing_is_unknown(self, make: Make) -> None:
        access = make(ChangingTree(editors(OMAR, DANA), *PEOPLE_THERE), dana=None)
        for attempt in (access.revoke("dana", "figma", "editor", key="r1"), access.entitlements("dana")):
            with pytest.raises(Refused) as raised:
                await attempt
            assert raised.value.code == "unknown_person"


async def granted(make: Make, kind: Any = "openldap", of: str = "groupOfNames") -> ChangingTree:
    """Dana is an editor besides Omar, by Foyer."""
    tree = ChangingTree(editors(OMAR, kind=of), *PEOPLE_THERE, kind=kind)
    tree.replace(entry(DANA, objectClass="inetOrgPerson", uid="dana", **own_id(kind)))
    await make(tree).grant("dana", "figma", "editor", until=LATER, key="k1")
    return tree


def own_id(kind: str) -> dict[str, Any]:
    """As Dana's entry has it."""
    return {"objectGUID": UUID(int=7).bytes_le} if kind == "active_directory" else {"entryUUID": "uuid-of-dana"}


def listed(tree: ChangingTree, attribute: str = "member") -> tuple[str, ...]:
    [group] = [one for one in tree.entries if one.dn == EDITORS]
    return group.texts(attribute)


@pytest.mark.parametrize(
    ("applications", "sentence"),
    [
        (({**FIGMA, "roles": {"editor": {"role": "editor"}}},), "names no `group`"),
        ((FIGMA, FIGMA), "figma is there twice"),
    ],
)
async def test_what_no_directory_has_is_told_at_once(make: Make, applications: tuple[dict[str, Any], ...], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        make(ChangingTree(), *applications)


@pytest.mark.parametrize(
    ("classes", "attribute"),
    [
        (("top", "groupOfNames"), "member"),
        (("top", "GROUPOFUNIQUENAMES"), "uniqueMember"),
        (("posixGroup", "top"), "memberUid"),
        (("posixGroup", "groupOfMembers"), "member"),
        (("top", "group"), "member"),
        (("top",), None),
    ],
)
def test_which_attribute_lists_members(classes: tuple[str, ...], attribute: str | None) -> None:
    assert member_attribute(classes) == attribute
