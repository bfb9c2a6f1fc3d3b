"""The groups of declared applications: finding them, and whose member somebody is, directly or through a group of groups."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import filterfalse

from connectors.calling.declared import DeclaredApplication
from connectors.errors import Refused, Retry
from connectors.ldap.client import Entry, LdapClient, escaped
from connectors.ldap.dns import same
from connectors.ldap.schema import Schema
from connectors.ldap.settings import LdapSettings

MANY = 100
"""Names asked for in one search: servers bound the length of a filter."""
DEPTH = 10
"""Groups of groups of groups ... that are looked at."""
ATTRIBUTES = ("cn", "objectClass", "entryUUID", "objectGUID", "entryCSN", "uSNChanged")
_MEMBER_ATTRIBUTES: Mapping[str, str] = {
    "groupofuniquenames": "uniqueMember",
    "groupofnames": "member",
    "groupofmembers": "member",
    "group": "member",
    "organizationalrole": "roleOccupant",
    "posixgroup": "memberUid",
}
"""By object class; of a group that has several, the first: a posixGroup that is a groupOfNames too goes by that one's members."""


@dataclass(frozen=True, slots=True)
class Member:
    """A person as groups name them. `id`: the entry's own."""

    dn: str
    username: str | None
    id: str


@dataclass(frozen=True, slots=True)
class Group:
    """One that was found. `declared`: as foyer.yaml names it."""

    declared: str
    entry: Entry
    attribute: str

    @property
    def dn(self) -> str:
        return self.entry.dn

    def value(self, member: Member) -> str:
        """What stands in the group for this person; Retry("misconfigured") when they have no such name."""
        if self.attribute != "memberUid":
            return member.dn
        if member.username is None:
            raise Retry("misconfigured", f"the group {self.declared!r} lists usernames, and this person has none (attributes: username)")
        return member.username


def member_attribute(object_classes: Iterable[str]) -> str | None:
    classes = {name.lower() for name in object_classes}
    return next((attribute for name, attribute in _MEMBER_ATTRIBUTES.items() if name in classes), None)


def groups_of(applications: Iterable[DeclaredApplication]) -> Mapping[tuple[str, str], str]:
    """(application, role) -> group. Raises ValueError for a role that is something else, and for an application that is there twice."""
    found: dict[tuple[str, str], str] = {}
    for application in applications:
        for role, declared in application.roles.items():
            if declared.group is None:
                raise ValueError(f"applications: {application.key}: role {role!r} names no `group`, and a directory has nothing else")
            if (application.key, role) in found:
                raise ValueError(f"applications: {application.key} is there twice")
            found[application.key, role] = declared.group
    return found


def is_dn(declared: str) -> bool:
    return "=" in declared


@contextmanager
def needing(right: str) -> Iterator[None]:
    """Says which right was lacking."""
    try:
        yield
    except Refused as error:
        if error.code != "not_permitted":
            raise
        raise Refused("not_permitted", f"{right}: {error.detail}") from error


class Groups:
    """Looks in the branch of groups for those declared by name, and at the entry itself for those declared by dn."""

    def __init__(self, client: LdapClient, settings: LdapSettings, schema: Schema) -> None:
        self._client = client
        self._base = settings.groups.base
        self._filter = f"(&{schema.group_filter}{settings.groups.filter or ''})"
        self._lists, self._names = schema.members, schema.members_by_name
        self._nested = schema.nested if settings.groups.nested is None else settings.groups.nested

    async def one(self, declared: str) -> Group:
        """Retry("misconfigured") when it is not there, or is there twice."""
        found = await self._find((declared,), "")
        if declared not in found:
            raise Retry("misconfigured", f"there is no group {declared!r}, which applications name (groups.base is {self._base})")
        return found[declared]

    async def found(self, declared: Sequence[str]) -> Mapping[str, Group]:
        """Those that there are, by what foyer.yaml calls them."""
        return await self._find(declared, "")

    async def direct(self, declared: Sequence[str], member: Member) -> Mapping[str, Group]:
        """Those that list this person."""
        return await self._find(declared, self._listing((member.dn,), member.username))

    async def inherited(self, declared: Sequence[str], member: Member) -> Mapping[str, Group]:
        """Those that list a group that this person is in, where groups of groups count."""
        if not self._nested or not declared:
            return {}
        found: dict[str, Group] = {}
        for some in _portions(await self._above(member)):
            found |= await self._find(declared, self._listing(some))
        return found

    async def membership(self, group: Group, value: str) -> Entry | None:
        """The group as it is now, when this is among its members; None when it is not."""
        listing = f"({group.attribute}={escaped(value)})"
        found = await self._client.search(group.dn, listing, ATTRIBUTES, scope="base")
        return found[0] if found else None

    async def _above(self, member: Member) -> Sequence[str]:
        above: dict[str, str] = {}
        level: Sequence[str] = (member.dn,)
        for _ in range(DEPTH):
            entries = [
                entry
                for some in _portions(level)
                for entry in await self._client.search(self._base, f"(&{self._filter}{self._listing(some)})", ("cn",))
            ]
            level = [entry.dn for entry in entries if same(entry.dn) not in above]
            above.update((same(dn), dn) for dn in level)
            if not level:
                break
        return tuple(above.values())

    async def _find(self, declared: Sequence[str], listing: str) -> dict[str, Group]:
        found: dict[str, Group] = {}
        # Two roles may spell one group in two ways.
        named: dict[str, list[str]] = {}
        for name in filterfalse(is_dn, declared):
            named.setdefault(name.lower(), []).append(name)
        for some in _portions(sorted(named)):
            names = "".join(f"(cn={escaped(name)})" for name in some)
            for entry in await self._client.search(self._base, f"(&{self._filter}(|{names}){listing})", ATTRIBUTES):
                for name in {name for cn in entry.texts("cn") for name in named.get(cn.lower(), ())}:
                    if name in found:
                        raise Retry("misconfigured", f"there are two groups {name!r}: name the one that is meant by its dn")
                    found[name] = _group(name, entry)
        for dn in filter(is_dn, declared):
            if not listing:
                entry_there = await self._client.read(dn, ATTRIBUTES)
                entries = [entry_there] if entry_there is not None else []
            else:
                entries = await self._client.search(dn, f"(&(objectClass=*){listing})", ATTRIBUTES, scope="base")
            found.update((dn, _group(dn, entry)) for entry in entries)
        return found

    def _listing(self, dns: Sequence[str], username: str | None = None) -> str:
        names = [f"({attribute}={escaped(dn)})" for dn in dns for attribute in self._lists]
        if self._names is not None and username is not None:
            names.append(f"({self._names}={escaped(username)})")
        return f"(|{''.join(names)})"


def _group(declared: str, entry: Entry) -> Group:
    classes = entry.texts("objectClass")
    attribute = member_attribute(classes)
    if attribute is None:
        raise Retry("misconfigured", f"the group {declared!r} keeps no list of members (objectClass {', '.join(classes) or 'unreadable'})")
    return Group(declared, entry, attribute)


def _portions(names: Sequence[str]) -> Iterable[Sequence[str]]:
    return (names[at : at + MANY] for at in range(0, len(names), MANY))
