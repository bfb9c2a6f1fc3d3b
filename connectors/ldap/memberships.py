"""Who is in which group, with groups in groups, and with the primary group of Active Directory, which no group lists.

Active Directory can follow groups of groups itself (LDAP_MATCHING_RULE_IN_CHAIN). That serves to find a group's people; to find one
person's groups it would look through all groups of the domain, so there the groups that the entry names are followed upwards, and
remembered for a moment: next to everybody is in the same ones. Elsewhere entries may not name their groups, and those that name the entry
are looked for.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from connectors.errors import NeedsHuman
from connectors.ldap import dns
from connectors.ldap.client import Entry, LdapClient, escaped
from connectors.ldap.entries import Entries
from connectors.ldap.schema import Schema
from connectors.ldap.settings import LdapSettings
from connectors.ports.records import Clock

_CHAIN = ":1.2.840.113556.1.4.1941:"
DEPTH = 20
"""Of groups in groups."""
FRESH = timedelta(minutes=1)
"""How long it is remembered what a group is in."""


@dataclass(frozen=True, slots=True)
class _Group:
    """`name` None: it is not one of those that count. `above`: dns of the groups that it is in."""

    at: datetime
    name: str | None
    above: tuple[str, ...]


class Memberships:
    def __init__(self, client: LdapClient, settings: LdapSettings, schema: Schema, entries: Entries, clock: Clock) -> None:
        self._client = client
        self._base = settings.groups.base
        self._filter = f"{schema.group_filter}{settings.groups.filter or ''}"
        self._by_dn = settings.groups.name == "dn"
        self._nested = schema.nested if settings.groups.nested is None else settings.groups.nested
        self._people = settings.people.base
        self._schema = schema
        self._entries = entries
        self._clock = clock
        self._known: dict[str, _Group] = {}
        self._primary: dict[bytes, tuple[datetime, str | None]] = {}

    async def of(self, person: Entry) -> frozenset[str]:
        """The names of a person's groups."""
        if self._schema.kind == "active_directory":
            primary = await self._primary_dn(primary_sid(person))
            return await self._upwards([*person.texts("memberOf"), *((primary,) if primary else ())])
        username = self._entries.username(person)
        found = await self._groups(self._holding([person.dn], [username] if username else []))
        seen = {dns.same(group.dn): group for group in found}
        for _ in range(DEPTH if self._nested else 0):
            if not found:
                break
            above = await self._groups_holding([group.dn for group in found])
            found = [group for group in above if dns.same(group.dn) not in seen]
            seen.update((dns.same(group.dn), group) for group in found)
        return self._names(seen.values())

    async def members(self, group: str) -> list[Entry]:
        """The people in a group, named by cn or dn; none where there is no such group, NeedsHuman("ambiguous") where there are two."""
        found = await self.named(group)
        if len(found) > 1:
            raise NeedsHuman("ambiguous", f"groups named {group!r}: {'; '.join(one.dn for one in found)}")
        if not found:
            return []
        if self._schema.kind == "active_directory":
            return await self._listed_in_domain(found[0])
        return await self._listed(found[0])

    async def named(self, group: str) -> list[Entry]:
        attributes = ("cn", "objectSid", *self._lists())
        if "=" in group:
            found = await self._client.read(group, ("objectClass", *attributes))
            return [found] if found is not None else []
        if not group.strip():
            return []
        every = await self._groups(f"(cn={escaped(group)})", attributes)
        return [one for one in every if any(name.casefold() == group.casefold() for name in one.texts("cn"))]

    async def names(self) -> Mapping[str, int]:
        """How many groups there are of each name, for whoever checks the settings."""
        counted: dict[str, int] = {}
        for group in await self._groups(""):
            for name in self._names([group]):
                counted[name] = counted.get(name, 0) + 1
        return counted

    async def _groups(self, filter: str, attributes: Sequence[str] = ("cn",)) -> list[Entry]:
        return await self._client.search(self._base, f"(&{self._filter}{filter})", attributes)

    async def _groups_holding(self, group_dns: Sequence[str]) -> list[Entry]:
        found = []
        for at in range(0, len(group_dns), dns.AT_ONCE):
            found += await self._groups(self._holding(group_dns[at : at + dns.AT_ONCE], []))
        return found

    def _holding(self, member_dns: Sequence[str], usernames: Sequence[str]) -> str:
        by_dn = "".join(f"({attribute}={escaped(dn)})" for attribute in self._schema.members for dn in member_dns)
        by_name = "".join(f"({self._schema.members_by_name}={escaped(name)})" for name in usernames if self._schema.members_by_name)
        return f"(|{by_dn}{by_name})"

    def _lists(self) -> tuple[str, ...]:
        by_name = self._schema.members_by_name
        return () if self._schema.kind == "active_directory" else (*self._schema.members, *((by_name,) if by_name else ()))

    def _names(self, groups: Iterable[Entry]) -> frozenset[str]:
        if self._by_dn:
            return frozenset(group.dn for group in groups)
        return frozenset(name for group in groups if (name := group.text("cn")))

    async def _primary_dn(self, sid: bytes | None) -> str | None:
        if sid is None:
            return None
        at, dn = self._primary.get(sid, (None, None))
        if at is None or self._clock() - at >= FRESH:
            found = await self._groups(f"(objectSid={escaped(sid)})")
            dn = found[0].dn if found else None
            self._primary[sid] = (self._clock(), dn)
        return dn

    async def _upwards(self, group_dns: Sequence[str]) -> frozenset[str]:
        groups: dict[str, _Group] = {}
        level = group_dns
        for _ in range(DEPTH):
            found = await self._read({same: dn for dn in level if (same := dns.same(dn)) not in groups})
            groups |= found
            level = [dn for group in found.values() for dn in group.above]
            if not self._nested or not level:
                break
        return frozenset(group.name for group in groups.values() if group.name)

    async def _read(self, wanted: Mapping[str, str]) -> Mapping[str, _Group]:
        """Groups by what they are in; `wanted`: dns by their one way to write them."""
        now = self._clock()
        groups = {same: known for same in wanted if (known := self._known.get(same)) is not None and now - known.at < FRESH}
        unknown = {same: dn for same, dn in wanted.items() if same not in groups}
        for filter in dns.named(unknown.values()):
            for found in await self._groups(filter, ("cn", "memberOf")):
                name = found.dn if self._by_dn else found.text("cn")
                groups[dns.same(found.dn)] = _Group(now, name, found.texts("memberOf"))
        for same, dn in unknown.items():
            if same not in groups:
                # It does not count, being elsewhere or filtered out, but may be in one that does.
                elsewhere = await self._client.read(dn, ("memberOf",))
                groups[same] = _Group(now, None, elsewhere.texts("memberOf") if elsewhere is not None else ())
        self._known |= groups
        return {same: groups[same] for same in wanted}

    async def _listed_in_domain(self, group: Entry) -> list[Entry]:
        rule = _CHAIN if self._nested else ""
        inner = await self._groups(f"(memberOf{_CHAIN}={escaped(group.dn)})", ("objectSid",)) if self._nested else []
        numbers = [number for one in (group, *inner) if (number := relative_id(one)) is not None]
        primary = "".join(f"(primaryGroupID={number})" for number in numbers)
        return await self._somebody(f"(|(memberOf{rule}={escaped(group.dn)}){primary})")

    async def _listed(self, group: Entry) -> list[Entry]:
        people: dict[str, Entry] = {}
        seen, level = {dns.same(group.dn)}, [group]
        for _ in range(DEPTH):
            listed = {dns.same(dn): dn for one in level for attribute in self._schema.members for dn in one.texts(attribute)}
            unknown = {same: dn for same, dn in listed.items() if same not in people and same not in seen}
            for filter in dns.named(unknown.values()):
                people |= {same: entry for entry in await self._somebody(filter) if (same := dns.same(entry.dn)) in unknown}
            usernames = [name for one in level for name in one.texts(self._schema.members_by_name or "")]
            attribute = self._schema.attribute("username")
            for filter in dns.any_of([f"({attribute}={escaped(name)})" for name in usernames if attribute]):
                people |= {dns.same(entry.dn): entry for entry in await self._somebody(filter)}
            groups = {same: dn for same, dn in unknown.items() if same not in people}
            if not self._nested or not groups:
                break
            seen |= set(groups)
            level = []
            for filter in dns.named(groups.values()):
                level += [one for one in await self._groups(filter, ("cn", *self._lists())) if dns.same(one.dn) in groups]
        return list(people.values())

    async def _somebody(self, filter: str) -> list[Entry]:
        return await self._client.search(self._people, f"(&{self._entries.everybody}{filter})", self._entries.attributes)


def primary_sid(person: Entry) -> bytes | None:
    """Of a person's primary group: of their domain, under the number that they have (MS-DTYP 2.4.2)."""
    own, number = person.attributes.get("objectsid"), person.text("primaryGroupID")
    if not own or number is None or len(own[0]) < 12:
        return None
    return own[0][:-4] + int(number).to_bytes(4, "little")


def relative_id(group: Entry) -> int | None:
    sid = group.attributes.get("objectsid")
    return int.from_bytes(sid[0][-4:], "little") if sid and len(sid[0]) >= 12 else None
