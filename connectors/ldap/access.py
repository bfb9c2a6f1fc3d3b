"""Access that is membership of a group: whoever is in the group of a role has the role.

Given and taken is direct membership alone. Whoever has a role through a group of groups has it without an end, and Foyer cannot end it.

A group that the server does not keep in step names whoever is gone or was moved by the name that they had, and whoever gets that name
next would have the access: so what was written into a group is taken out again, too.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

import structlog

from connectors.calling.declared import Declared
from connectors.calling.ledger import Act, Given, Ledger, Look, Seen
from connectors.errors import Refused, Retry
from connectors.ldap.accounts import entry_id, version
from connectors.ldap.client import Change, LdapClient, Rejected
from connectors.ldap.groups import Group, Groups, Member, groups_of, needing
from connectors.ldap.leftovers import Leftovers
from connectors.ldap.people import LdapDirectory
from connectors.ldap.results import Result
from connectors.ldap.schema import Schema
from connectors.ldap.settings import LdapSettings
from connectors.ports.records import Clock
from connectors.ports.systems import Application, Effect, Entitlement

log = structlog.get_logger()

THERE_ALREADY: Final = frozenset((Result.VALUE_EXISTS, Result.ENTRY_EXISTS))
"""attributeOrValueExists; entryAlreadyExists, as Active Directory says it."""


class LdapAccess:
    """Implements `connectors.ports.systems.Access` for the applications that foyer.yaml declares."""

    def __init__(
        self, client: LdapClient, directory: LdapDirectory, settings: LdapSettings, schema: Schema, ledger: Ledger, clock: Clock
    ) -> None:
        self._client = client
        self._directory = directory
        self._schema = schema
        self._groups = Groups(client, settings, schema)
        self._placeholder = settings.placeholder or settings.bind_dn
        self._leftovers = Leftovers(client, settings, schema, self._groups)
        self._declared = Declared(settings.applications, directory)
        self._roles = groups_of(settings.applications)
        self._ledger = ledger
        self._clock = clock

    async def applications(self) -> Sequence[Application]:
        return await self._declared.applications()

    async def entitlements(self, person_key: str, *, application_key: str | None = None) -> Sequence[Entitlement]:
        """Of one application, Retry("misconfigured") when a group of its is not there; of all, nobody has what is not there."""
        roles = {which: group for which, group in self._roles.items() if application_key in (None, which[0])}
        declared = sorted(set(roles.values()))
        there = await self._groups.found(declared)
        if missing := [name for name in declared if name not in there]:
            if application_key is not None:
                await self._groups.one(missing[0])
            log.error("ldap_groups_missing", groups=missing)
        ends = await self._ledger.ends(person_key, application_key)
        member = await self._member(person_key)
        if member is None:
            return await self._left(person_key, {which: there[group] for which, group in sorted(roles.items()) if group in there}, ends)
        direct = await self._groups.direct(sorted(there), member)
        inherited = await self._groups.inherited(sorted(there), member)
        return [
            Entitlement(
                reference=_reference(there[group], member.id),
                person_key=person_key,
                application_key=key,
                role=role,
                until=None if group in inherited else ends.get((key, role)),
                keeps_end=group in inherited,
            )
            for (key, role), group in sorted(roles.items())
            if group in direct or group in inherited
        ]

    async def grant(self, person_key: str, application_key: str, role: str, *, until: datetime, key: str) -> Effect:
        """A new end replaces the old one; access without an end is left as it is."""
        person = await self._directory.get(person_key)
        if person is None:
            raise Refused("unknown_person", person_key)
        if not person.active:
            raise Refused("inactive_person", person_key)
        name = self._group_name(application_key, role)
        if until <= self._clock():
            raise Refused("end_in_past", until.isoformat())
        group, member = await self._groups.one(name), await self._member(person_key)
        if member is None:
            raise Refused("unknown_person", person_key)
        inherited, value = bool(await self._groups.inherited((name,), member)), group.value(member)
        look, act = self._look(group, (value,), _reference(group, member.id), inherited=inherited), lambda: self._add(group, value)
        return await self._ledger.grant(person_key, application_key, role, until=until, key=key, look=look, act=act)

    async def revoke(self, person_key: str, application_key: str, role: str, *, key: str) -> Effect:
        look, act = await self._taking(person_key, application_key, role)
        return await self._ledger.revoke(person_key, application_key, role, key=key, look=look, act=act)

    async def overdue(self) -> Sequence[Given]:
        """With `settle`, implements `connectors.calling.ledger.Ending`."""
        return await self._ledger.overdue()

    async def settle(self, given: Given) -> Effect:
        look, act = await self._taking(given.person_key, given.application_key, given.role)
        return Effect("", await self._ledger.settle(given, look, act))

    async def _taking(self, person_key: str, application_key: str, role: str) -> tuple[Look, Act]:
        group = await self._groups.one(self._group_name(application_key, role))
        given, member = await self._ledger.given_as(person_key, application_key, role), await self._member(person_key)
        if member is None and not given:
            raise Refused("unknown_person", person_key)
        names = await self._leftovers.names(group, given, member)
        reference = _reference(group, member.id) if member is not None else given[0].reference
        return self._look(group, names, reference), lambda: self._take_out(group, names)

    async def _left(
        self, person_key: str, groups: Mapping[tuple[str, str], Group], ends: Mapping[tuple[str, str], datetime]
    ) -> Sequence[Entitlement]:
        """What somebody who is not in the directory still has of what they were given; Refused("unknown_person") if it was nothing."""
        given = {which: await self._ledger.given_as(person_key, *which) for which in groups}
        if not any(given.values()):
            raise Refused("unknown_person", person_key)
        left = []
        for (key, role), group in groups.items():
            names = await self._leftovers.names(group, given[key, role], None)
            if any([await self._groups.membership(group, name) is not None for name in names]):
                left.append(Entitlement(given[key, role][0].reference, person_key, key, role, ends.get((key, role)), keeps_end=False))
        return left

    async def _member(self, person_key: str) -> Member | None:
        """None where the directory has no such person."""
        username = self._schema.attribute("username")
        wanted = ("entryUUID", "objectGUID", *((username,) if username else ()))
        try:
            entry = await self._directory.entry(person_key, wanted)
        except Refused as error:
            if error.code != "unknown_person":
                raise
            return None
        return Member(entry.dn, entry.text(username) if username else None, entry_id(entry))

    def _group_name(self, application_key: str, role: str) -> str:
        if application_key not in {key for key, _ in self._roles}:
            raise Refused("unknown_application", application_key)
        if (application_key, role) not in self._roles:
            raise Refused("unknown_role", role)
        return self._roles[application_key, role]

    def _look(self, group: Group, names: Sequence[str], reference: str, *, inherited: bool = False) -> Look:
        """Whether one of these names is among the members."""

        async def look() -> Seen:
            for name in names:
                entry = await self._groups.membership(group, name)
                if entry is not None:
                    changed = version(entry)
                    return Seen(True, reference, {"version": changed} if changed else {}, name)
            return Seen(inherited, reference, holder=next(iter(names), ""))

        return look

    async def _add(self, group: Group, name: str) -> None:
        try:
            await self._modify(group, Change("add", group.attribute, (name,)))
        except Rejected as rejected:
            if rejected.result not in THERE_ALREADY:
                raise

    async def _take_out(self, group: Group, names: Sequence[str]) -> None:
        for name in names:
            await self._take_one_out(group, name)

    async def _take_one_out(self, group: Group, name: str) -> None:
        out = Change("delete", group.attribute, (name,))
        try:
            await self._modify(group, out)
        except Rejected as rejected:
            if rejected.result == Result.OBJECT_CLASS_VIOLATION:
                # A groupOfNames may not be empty, and nobody keeps access because of that.
                await self._modify(group, Change("add", group.attribute, (self._placeholder,)), out)
            elif rejected.result == Result.UNWILLING:
                # How Active Directory and Samba refuse to take out whoever is no member, and they refuse more by this number.
                if await self._groups.membership(group, name) is not None:
                    raise
            elif rejected.result != Result.NO_SUCH_ATTRIBUTE:
                raise

    async def _modify(self, group: Group, *changes: Change) -> None:
        try:
            with needing(f"bind_dn may not change {group.attribute} of the group {group.declared!r}"):
                await self._client.modify(group.dn, changes)
        except Rejected as rejected:
            if rejected.result == Result.NO_SUCH_OBJECT:
                raise Retry("misconfigured", f"there is no group {group.declared!r} any more: {rejected.detail}") from rejected
            raise


def _reference(group: Group, member_id: str) -> str:
    """The directory's own ids: of the group, and of who is in it."""
    return f"{entry_id(group.entry)}/{member_id}"
