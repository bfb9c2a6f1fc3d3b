"""The directory itself: who somebody is, read live, so that whoever has left is seen to have left at once."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Sequence
from datetime import datetime, timedelta
from typing import TypeVar

import structlog

from connectors.errors import NeedsHuman, Refused, Retry
from connectors.ldap import dns
from connectors.ldap.client import Entry, LdapClient
from connectors.ldap.entries import Entries
from connectors.ldap.memberships import Memberships
from connectors.ldap.schema import Schema
from connectors.ldap.settings import LdapSettings
from connectors.ldap.snapshot import Snapshot
from connectors.ports.people import DirectoryPerson
from connectors.ports.records import Clock

log = structlog.get_logger()
T = TypeVar("T")
R = TypeVar("R")
FRESH = timedelta(minutes=5)
"""How long it is remembered whose key a manager's dn is."""
SPARE = 5
"""Candidates of a search by name beyond those asked for: some have gone since the last look."""


class LdapDirectory:
    """Implements `connectors.ports.people.Directory`."""

    def __init__(self, client: LdapClient, settings: LdapSettings, schema: Schema, clock: Clock, group_names: Collection[str] = ()) -> None:
        """`group_names`: the groups by which foyer.yaml gives roles and work."""
        self._client = client
        self._settings = settings
        self._schema = schema
        self._clock = clock
        self.entries = Entries(settings, schema)
        self.memberships = Memberships(client, settings, schema, self.entries, clock, group_names)
        self.snapshot = Snapshot(client, settings, schema, self.entries, clock, on_whole=self.memberships.tell)
        self._keys: dict[str, tuple[datetime, str | None]] = {}

    async def get(self, key: str) -> DirectoryPerson | None:
        found = await self._with_key(key, self.entries.attributes)
        return (await self._people(self._whole([found])))[0] if found is not None else None

    async def entry(self, person_key: str, attributes: Sequence[str]) -> Entry:
        """These attributes of a person, whom Refused("unknown_person") says not to exist; for the other ports of this directory."""
        found = await self._with_key(person_key, (self._schema.key, *attributes))
        if found is None:
            raise Refused("unknown_person", person_key)
        return found

    async def require_privileged(self) -> None:
        """Retry("misconfigured") where a group of `privileged` is missing: nobody could tell then whose account is theirs alone."""
        await self.memberships.require("privileged", self._settings.privileged.groups)

    async def by_email(self, email: str) -> DirectoryPerson | None:
        filter = self.entries.by_email(email)
        wanted = email.strip().lower()
        return await self._only(filter, "email", lambda entry: wanted in self.entries.addresses(entry))

    async def by_account(self, account: str) -> DirectoryPerson | None:
        filter = self.entries.by_account(account)
        return await self._only(filter, "entra_id", lambda entry: account.strip().lower() in self.entries.accounts(entry))

    async def find(self, text: str, *, limit: int = 5) -> Sequence[DirectoryPerson]:
        keys = await self.snapshot.resembling(text, limit + SPARE)
        filters = [filter for key in keys if (filter := self.entries.by_key(key)) is not None]
        found = {self.entries.key(entry): entry for some in dns.any_of(filters) for entry in await self._search(some)}
        return await self._people(self._whole([found[key] for key in keys if key in found], some=True)[:limit])

    async def members(self, group: str) -> Sequence[DirectoryPerson]:
        people = await self._people(self._whole(await self.memberships.members(group), some=True))
        return sorted((person for person in people if person.active), key=lambda person: (person.name, person.key))

    async def _with_key(self, key: str, attributes: Sequence[str]) -> Entry | None:
        filter = self.entries.by_key(key)
        if filter is None:
            return None
        # Servers compare without regard to case; a key is one person's, as it is written.
        found = [entry for entry in await self._search(filter, attributes) if self.entries.key(entry) == key]
        if len(found) > 1:
            raise NeedsHuman("ambiguous", f"{len(found)} entries have {self._schema.key} {key}")
        if not found:
            await self._somebody_has("key", self._schema.key)
        return found[0] if found else None

    async def _only(self, filter: str | None, held: str, fits: Callable[[Entry], bool]) -> DirectoryPerson | None:
        if filter is None:
            return None
        people = await self._people(self._whole([entry for entry in await self._search(filter) if fits(entry)]))
        if len(people) > 1:
            raise NeedsHuman("ambiguous", ", ".join(sorted(person.key for person in people)))
        if not people:
            await self._somebody_has("key", self._schema.key)
            await self._somebody_has(f"attributes.{held}", self._schema.attributes[held])
        return people[0] if people else None

    async def _somebody_has(self, setting: str, attribute: str) -> None:
        """Nobody is found by an attribute that was renamed, which must not be taken for a person who is unknown."""
        filter = f"(&{self.entries.everybody}({attribute}=*))"
        if not await self._client.search(self._settings.people.base, filter, ("1.1",), most=1):
            raise Retry("misconfigured", f"{setting}: nobody under {self._settings.people.base} has {attribute}")

    async def _search(self, filter: str, attributes: Sequence[str] | None = None) -> list[Entry]:
        return await self._client.search(self._settings.people.base, filter, attributes or self.entries.attributes)

    async def _people(self, entries: Sequence[Entry]) -> list[DirectoryPerson]:
        """Those of them that have a key, in their order."""
        keyed = [(entry, key) for entry in entries if (key := self.entries.key(entry)) is not None]
        settings, now = self._settings, self._clock()
        guests, privileged, inactive = [
            await self._matching(marked.filter, entries) for marked in (settings.guests, settings.privileged, settings.inactive)
        ]

        async def one(pair: tuple[Entry, str]) -> DirectoryPerson:
            entry, key = pair
            groups, manager_key = await asyncio.gather(self.memberships.of(entry), self._manager(entry))
            dn = dns.same(entry.dn)
            return self.entries.person(
                entry,
                key,
                now=now,
                groups=groups.names,
                manager_key=manager_key,
                guest=dn in guests or groups.among(settings.guests.groups),
                privileged=dn in privileged or groups.among(settings.privileged.groups),
                inactive=dn in inactive or groups.among(settings.inactive.groups),
            )

        return await _each(keyed, one, at_once=settings.pool)

    def _whole(self, entries: Sequence[Entry], *, some: bool = False) -> Sequence[Entry]:
        """Those that may be read whole. Without memberOf and adminCount an administrator would be taken for anybody, and a guest for an
        employee: Retry("misconfigured") where one is like that, or, with `some`, all are.

        In Active Directory every entry has whenChanged, and no set of properties that are allowed together holds it: whoever reads it
        reads all.
        """
        if self._schema.kind != "active_directory":
            return entries
        whole = [entry for entry in entries if entry.text(self._schema.changed) is not None]
        if len(whole) < len(entries):
            right = f"read all properties of a person (memberOf, adminCount, {self._schema.changed} ...)"
            if not whole or not some:
                raise Retry("misconfigured", f"bind_dn has no right to {right}: give it the right as docs/ldap.md shows")
            log.warning("ldap_people_left_out", missing_right=right, people=len(entries) - len(whole))
        return whole

    async def _matching(self, filter: str | None, entries: Sequence[Entry]) -> frozenset[str]:
        """Which of them match, as the server sees it."""
        if filter is None:
            return frozenset()
        found = [
            entry for names in dns.named(entry.dn for entry in entries) for entry in await self._search(f"(&{names}{filter})", ("1.1",))
        ]
        return frozenset(dns.same(entry.dn) for entry in found)

    async def _manager(self, entry: Entry) -> str | None:
        """The key of whoever the entry names; None where that is nobody, or nobody with a key."""
        dn = self.entries.manager_dn(entry)
        if dn is None:
            return None
        at, key = self._keys.get(dns.same(dn), (None, None))
        if at is None or self._clock() - at >= FRESH:
            manager = await self._client.read(dn, (self._schema.key,))
            key = self.entries.key(manager) if manager is not None else None
            self._keys[dns.same(dn)] = (self._clock(), key)
        return key


async def _each(items: Sequence[T], work: Callable[[T], Awaitable[R]], *, at_once: int) -> list[R]:
    """In their order. A few at once: more would only wait for a connection, and waiting counts as time of the call."""
    done: list[R] = []
    for at in range(0, len(items), at_once):
        done += await asyncio.gather(*(work(item) for item in items[at : at + at_once]))
    return done
