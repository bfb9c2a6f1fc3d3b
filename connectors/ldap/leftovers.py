"""What a group still says of somebody who is gone, or was moved to where this directory's people are not looked for.

Active Directory keeps the members of its groups in step with their entries; OpenLDAP does so with the overlay refint alone.
"""

from collections.abc import Sequence
from uuid import UUID

import structlog

from connectors.calling.ledger import GivenAs
from connectors.errors import NeedsHuman, Refused, Retry
from connectors.ldap import dns
from connectors.ldap.accounts import entry_id
from connectors.ldap.client import Entry, LdapClient, escaped
from connectors.ldap.groups import Group, Groups, Member
from connectors.ldap.schema import Schema
from connectors.ldap.settings import LdapSettings

log = structlog.get_logger()
_IDS = ("entryUUID", "objectGUID")


class Leftovers:
    def __init__(self, client: LdapClient, settings: LdapSettings, schema: Schema, groups: Groups) -> None:
        self._client = client
        self._people = settings.people.base
        self._username = schema.attribute("username")
        self._windows = schema.kind == "active_directory"
        self._groups = groups

    async def names(self, group: Group, given: Sequence[GivenAs], member: Member | None) -> tuple[str, ...]:
        """What stands for them among the group's members: their name now, and those that they were given it by, if still there.

        `member` None: they are not among the directory's people. NeedsHuman("ambiguous") where somebody else has a name of theirs by now.
        """
        gone = member is None
        if member is None and group.attribute != "memberUid":
            member = await self._elsewhere([_person_id(one) for one in given])
        names = [group.value(member)] if member is not None else []
        # Where the server keeps members in step, such a name is that of whoever got it since.
        for one in () if self._windows else given:
            if dns.same(one.holder) in map(dns.same, names) or await self._groups.membership(group, one.holder) is None:
                continue
            others = [id for id in await self._having(group, one.holder) if id != _person_id(one)]
            if not others:
                names.append(one.holder)
            elif gone:
                raise NeedsHuman(
                    "ambiguous",
                    f"the group {group.declared!r} lists a name that {_person_id(one)} was given access by, and that is now the name of "
                    f"{', '.join(others)}: take it out of the group, unless they are to have that access, and then by another name",
                )
            else:
                log.warning("ldap_name_of_another", group=group.declared, before=_person_id(one), now=others)
        return tuple(names)

    async def _elsewhere(self, ids: Sequence[str]) -> Member | None:
        """Their entry, wherever in the directory it is by now, as far as the service account may look."""
        contexts = await self._client.root()
        for base in contexts.texts("defaultNamingContext") or contexts.texts("namingContexts"):
            for id in dict.fromkeys(ids):
                try:
                    found = await self._client.search(base, self._with_id(id), _IDS)
                except (Refused, Retry) as error:
                    if error.code not in ("misconfigured", "not_permitted"):
                        raise
                    continue
                if found:
                    return Member(found[0].dn, None, id)
        return None

    def _with_id(self, id: str) -> str:
        return f"(objectGUID={escaped(UUID(id).bytes_le)})" if self._windows else f"(entryUUID={escaped(id)})"

    async def _having(self, group: Group, name: str) -> list[str]:
        """The ids of whoever has this name now."""
        if group.attribute != "memberUid":
            entry = await self._client.read(name, _IDS)
            found: list[Entry] = [entry] if entry is not None else []
        else:
            found = await self._client.search(self._people, f"({self._username}={escaped(name)})", _IDS)
        return [entry_id(one) for one in found]


def _person_id(given: GivenAs) -> str:
    return given.reference.partition("/")[2]
