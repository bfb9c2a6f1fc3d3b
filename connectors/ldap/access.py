"""Access that is membership of a group: whoever is in the group of a role has the role.

Given and taken is direct membership alone. Whoever has a role through a group of groups has it without an end, and Foyer cannot end it.
"""

import asyncio
from collections.abc import Sequence
from datetime import datetime
from typing import Final

import structlog

from connectors.calling.declared import DeclaredApplication
from connectors.calling.ledger import Act, Given, Ledger, Look, Seen
from connectors.errors import NeedsHuman, Refused, Retry
from connectors.ldap.accounts import entry_id, version
from connectors.ldap.client import Change, LdapClient, Rejected
from connectors.ldap.groups import Group, Groups, Member, groups_of, needing
from connectors.ldap.people import LdapDirectory
from connectors.ldap.schema import Schema
from connectors.ldap.settings import LdapSettings
from connectors.ports.records import Clock
from connectors.ports.systems import Application, Effect, Entitlement

log = structlog.get_logger()

NO_SUCH_OBJECT, OBJECT_CLASS_VIOLATION = 32, 65
THERE_ALREADY: Final = frozenset((20, 68))
"""attributeOrValueExists; entryAlreadyExists, as Active Directory says it."""
NOT_THERE, UNWILLING = 16, 53


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
        self._declared = {application.key: application for application in settings.applications}
        self._roles = groups_of(settings.applications)
        self._ledger = ledger
        self._clock = clock

    async def applications(self) -> Sequence[Application]:
        owners = await asyncio.gather(*(self._owner(application) for application in self._declared.values()))
        return [application.application(owner) for application, owner in zip(self._declared.values(), owners, strict=True)]

    async def entitlements(self, person_key: str, *, application_key: str | None = None) -> Sequence[Entitlement]:
        """Of one application, Retry("misconfigured") when a group of its is not there; of all, nobody has what is not there."""
        member = await self._member(person_key)
        roles = {which: group for which, group in self._roles.items() if application_key in (None, which[0])}
        declared = sorted(set(roles.values()))
        there = await self._groups.found(declared)
        if missing := [name for name in declared if name not in there]:
            if application_key is not None:
                await self._groups.one(missing[0])
            log.error("ldap_groups_missing", groups=missing)
        direct = await self._groups.direct(sorted(there), member)
        inherited = await self._groups.inherited(sorted(there), member)
        ends = await self._ledger.ends(person_key, application_key)
        return [
            Entitlement(
                reference=_reference(there[group], member),
                person_key=person_key,
                application_key=key,
                role=role,
                until=None if group in inherited else ends.get((key, role)),
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
        inherited = bool(await self._groups.inherited((name,), member))
        look, act = self._look(group, member, inherited=inherited), lambda: self._add(group, member)
        return await self._ledger.grant(person_key, application_key, role, until=until, key=key, look=look, act=act)

    async def revoke(self, person_key: str, application_key: str, role: str, *, key: str) -> Effect:
        look, act = await self._taking(person_key, application_key, role)
        return await self._ledger.revoke(person_key, application_key, role, key=key, look=look, act=act)

    async def settle(self) -> Sequence[Given]:
        """Implements `connectors.calling.ledger.Ending`."""
        found = []
        for given in await self._ledger.overdue():
            try:
                look, act = await self._taking(given.person_key, given.application_key, given.role)
                if await self._ledger.settle(given, look, act):
                    found.append(given)
            except (Refused, NeedsHuman) as error:
                # Of somebody or something that is gone; the others still have theirs taken back.
                log.error("ldap_overdue_kept", application=given.application_key, role=given.role, code=error.code, detail=error.detail)
        return found

    async def _taking(self, person_key: str, application_key: str, role: str) -> tuple[Look, Act]:
        member = await self._member(person_key)
        group = await self._groups.one(self._group_name(application_key, role))
        return self._look(group, member), lambda: self._take_out(group, member)

    async def _owner(self, application: DeclaredApplication) -> str | None:
        if application.owner is None:
            return None
        try:
            owner = await self._directory.by_email(application.owner)
        except NeedsHuman:
            log.error("ldap_owner_ambiguous", application=application.key)
            return None
        return owner.key if owner is not None else None

    async def _member(self, person_key: str) -> Member:
        """Refused("unknown_person")."""
        username = self._schema.attribute("username")
        wanted = ("entryUUID", "objectGUID", *((username,) if username else ()))
        entry = await self._directory.entry(person_key, wanted)
        return Member(entry.dn, entry.text(username) if username else None, entry_id(entry))

    def _group_name(self, application_key: str, role: str) -> str:
        if application_key not in self._declared:
            raise Refused("unknown_application", application_key)
        if (application_key, role) not in self._roles:
            raise Refused("unknown_role", role)
        return self._roles[application_key, role]

    def _look(self, group: Group, member: Member, *, inherited: bool = False) -> Look:
        async def look() -> Seen:
            entry = await self._groups.membership(group, member)
            changed = version(entry) if entry is not None else None
            return Seen(entry is not None or inherited, _reference(group, member), {"version": changed} if changed else {})

        return look

    async def _add(self, group: Group, member: Member) -> None:
        try:
            await self._modify(group, Change("add", group.attribute, (group.value(member),)))
        except Rejected as rejected:
            if rejected.result not in THERE_ALREADY:
                raise

    async def _take_out(self, group: Group, member: Member) -> None:
        out = Change("delete", group.attribute, (group.value(member),))
        try:
            await self._modify(group, out)
        except Rejected as rejected:
            if rejected.result == OBJECT_CLASS_VIOLATION:
                # A groupOfNames may not be empty, and nobody keeps access because of that.
                await self._modify(group, Change("add", group.attribute, (self._placeholder,)), out)
            elif rejected.result == UNWILLING:
                # How Active Directory and Samba refuse to take out whoever is no member, and they refuse more by this number.
                if await self._groups.membership(group, member) is not None:
                    raise
            elif rejected.result != NOT_THERE:
                raise

    async def _modify(self, group: Group, *changes: Change) -> None:
        try:
            with needing(f"bind_dn may not change {group.attribute} of the group {group.declared!r}"):
                await self._client.modify(group.dn, changes)
        except Rejected as rejected:
            if rejected.result == NO_SUCH_OBJECT:
                raise Retry("misconfigured", f"there is no group {group.declared!r} any more: {rejected.detail}") from rejected
            raise


def _reference(group: Group, member: Member) -> str:
    """The directory's own ids: of the group, and of who is in it."""
    return f"{entry_id(group.entry)}/{member.id}"
