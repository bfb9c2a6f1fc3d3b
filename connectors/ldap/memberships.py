"""Who is in which group, with groups in groups, and with the primary group of Active Directory, which no group lists.

Active Directory can follow groups of groups itself (LDAP_MATCHING_RULE_IN_CHAIN). That serves to find a group's people; to find one
person's groups it would look through all groups of the domain, so there the groups that the entry names are followed upwards, and
remembered for a moment: next to everybody is in the same ones. Elsewhere entries may not name their groups, and those that name the entry
are looked for.

A group may have several names, one name several groups, and people write either as they like. What Foyer gives by a group goes to those in
the one group that the directory finds by that name, and to nobody where it finds two; what it withholds by a group counts by any name.
"""

import unicodedata
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from connectors.errors import NeedsHuman, Retry
from connectors.ldap import dns
from connectors.ldap.client import Entry, LdapClient, escaped
from connectors.ldap.entries import Entries
from connectors.ldap.groups import groups_of
from connectors.ldap.schema import Schema
from connectors.ldap.settings import LdapSettings
from connectors.ports.records import Clock

log = structlog.get_logger()
_CHAIN = ":1.2.840.113556.1.4.1941:"
DEPTH = 20
"""Of groups in groups."""
FRESH = timedelta(minutes=1)
"""How long it is remembered what a group is in."""


@dataclass(frozen=True, slots=True)
class Belonging:
    """The groups of one person."""

    names: frozenset[str]
    """Those that foyer.yaml names as it writes them, the others as the directory does."""
    called: frozenset[str]
    """All names and dns that the groups have, `folded`."""

    def among(self, groups: Collection[str]) -> bool:
        """Whether one of these is meant, however it is written: for what is withheld by a group, never for what is given."""
        return not self.called.isdisjoint(map(folded, groups))


@dataclass(frozen=True, slots=True)
class _Group:
    """`entry` None: it is not one of those that count. `above`: dns of the groups that it is in."""

    at: datetime
    entry: Entry | None
    above: tuple[str, ...]


class Memberships:
    def __init__(
        self, client: LdapClient, settings: LdapSettings, schema: Schema, entries: Entries, clock: Clock, given: Collection[str] = ()
    ) -> None:
        """`given`: the groups by which foyer.yaml gives somebody something, as it names them."""
        self.given = frozenset(given)
        marks = {"guests": settings.guests, "privileged": settings.privileged, "inactive": settings.inactive}
        self._withholding = [(f"{setting}.groups", name) for setting, mark in marks.items() for name in mark.groups]
        self._giving = [("roles, assignment_groups", name) for name in sorted(self.given)]
        self._giving += [(f"applications: {key}.roles.{role}", name) for (key, role), name in groups_of(settings.applications).items()]
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
        self._meant: dict[frozenset[str], tuple[datetime, Mapping[str, frozenset[str]]]] = {}

    async def of(self, person: Entry) -> Belonging:
        if self._schema.kind == "active_directory":
            primary = await self._primary_dn(primary_sid(person))
            return await self._belonging(await self._upwards([*person.texts("memberOf"), *((primary,) if primary else ())]))
        username = self._entries.username(person)
        found = await self._groups(self._holding([person.dn], [username] if username else []))
        seen = {dns.same(group.dn): group for group in found}
        for _ in range(DEPTH if self._nested else 0):
            if not found:
                break
            above = await self._groups_holding([group.dn for group in found])
            found = [group for group in above if dns.same(group.dn) not in seen]
            seen.update((dns.same(group.dn), group) for group in found)
        return await self._belonging(seen.values())

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
        return [one for one in every if _is_called(one, group)]

    async def meant(self, names: frozenset[str]) -> Mapping[str, frozenset[str]]:
        """Name -> the dns (`dns.same`) of the groups that it means, none or several where it is wrong; remembered for FRESH."""
        at, found = self._meant.get(names, (None, {}))
        if at is None or self._clock() - at >= FRESH:
            by_name = [name for name in names if "=" not in name]
            entries = [one for some in dns.any_of([f"(cn={escaped(name)})" for name in by_name]) for one in await self._groups(some)]
            found = {name: frozenset(dns.same(one.dn) for one in entries if _is_called(one, name)) for name in by_name}
            for name in names - set(by_name):
                found[name] = frozenset(dns.same(one.dn) for one in await self.named(name))
            self._meant[names] = (self._clock(), found)
        return found

    async def tell(self) -> None:
        """Logs the groups of foyer.yaml that are not there, and those that are there twice: nothing is given by them, or withheld."""
        named = [*self._giving, *self._withholding]
        means = await self.meant(frozenset(name for _, name in named))
        for setting, name in named:
            if not means[name]:
                log.error("ldap_group_missing", setting=setting, group=name)
        for setting, name in self._giving:
            if len(means[name]) > 1:
                log.error("ldap_group_ambiguous", setting=setting, group=name, groups=len(means[name]))

    async def require(self, setting: str, names: Collection[str]) -> None:
        """Retry("misconfigured") where a group is missing by which something is withheld."""
        missing = sorted(name for name, means in (await self.meant(frozenset(names))).items() if not means)
        if missing:
            raise Retry("misconfigured", f"{setting}.groups: there is no group {', '.join(map(repr, missing))}")

    async def names(self) -> Mapping[str, int]:
        """How many groups there are of each name, for whoever checks the settings."""
        counted: dict[str, int] = {}
        for group in await self._groups(""):
            for name in self._names(group):
                counted[name] = counted.get(name, 0) + 1
        return counted

    async def _groups(self, filter: str, attributes: Sequence[str] = ("cn",)) -> list[Entry]:
        """A password policy is no group, though OpenLDAP's are often an organizationalRole: a filter cannot say so to servers without the
        overlay, which do not know the class."""
        found = await self._client.search(self._base, f"(&{self._filter}{filter})", ("objectClass", *attributes))
        return [one for one in found if "pwdpolicy" not in map(str.lower, one.texts("objectClass"))]

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

    def _names(self, group: Entry) -> frozenset[str]:
        return frozenset((group.dn,) if self._by_dn else group.texts("cn"))

    async def _belonging(self, groups: Iterable[Entry]) -> Belonging:
        meant: dict[str, str] = {name: min(found) for name, found in (await self.meant(self.given)).items() if len(found) == 1}
        own = {dns.same(group.dn): group for group in groups}
        names = {name for name, dn in meant.items() if dn in own}
        names |= {name for group in own.values() for name in self._names(group) if name not in self.given}
        called = {folded(name) for group in own.values() for name in (group.dn, *group.texts("cn"))}
        return Belonging(frozenset(names), frozenset(called))

    async def _primary_dn(self, sid: bytes | None) -> str | None:
        if sid is None:
            return None
        at, dn = self._primary.get(sid, (None, None))
        if at is None or self._clock() - at >= FRESH:
            found = await self._groups(f"(objectSid={escaped(sid)})")
            dn = found[0].dn if found else None
            self._primary[sid] = (self._clock(), dn)
        return dn

    async def _upwards(self, group_dns: Sequence[str]) -> list[Entry]:
        groups: dict[str, _Group] = {}
        level = group_dns
        for _ in range(DEPTH):
            found = await self._read({same: dn for dn in level if (same := dns.same(dn)) not in groups})
            groups |= found
            level = [dn for group in found.values() for dn in group.above]
            if not self._nested or not level:
                break
        return [group.entry for group in groups.values() if group.entry is not None]

    async def _read(self, wanted: Mapping[str, str]) -> Mapping[str, _Group]:
        """Groups by what they are in; `wanted`: dns by their one way to write them."""
        now = self._clock()
        groups = {same: known for same in wanted if (known := self._known.get(same)) is not None and now - known.at < FRESH}
        unknown = {same: dn for same, dn in wanted.items() if same not in groups}
        for filter in dns.named(unknown.values()):
            for found in await self._groups(filter, ("cn", "memberOf")):
                groups[dns.same(found.dn)] = _Group(now, found, found.texts("memberOf"))
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


def folded(name: str) -> str:
    """One way to write a group's name or dn; takes more for the same than any server does."""
    return dns.same(name) if "=" in name else " ".join(unicodedata.normalize("NFKC", name).casefold().split())


def _is_called(group: Entry, name: str) -> bool:
    """Servers find more by a name than has it, such as an é for an e."""
    wanted = " ".join(name.lower().split())
    return any(" ".join(cn.lower().split()) == wanted for cn in group.texts("cn"))


def primary_sid(person: Entry) -> bytes | None:
    """Of a person's primary group: of their domain, under the number that they have (MS-DTYP 2.4.2)."""
    own, number = person.attributes.get("objectsid"), person.text("primaryGroupID")
    if not own or number is None or len(own[0]) < 12:
        return None
    return own[0][:-4] + int(number).to_bytes(4, "little")


def relative_id(group: Entry) -> int | None:
    sid = group.attributes.get("objectsid")
    return int.from_bytes(sid[0][-4:], "little") if sid and len(sid[0]) >= 12 else None
