"""The directory in memory that can also be changed, refusing as OpenLDAP or Active Directory would."""

from collections.abc import Sequence
from typing import Literal

from connectors.errors import ConnectorError, Refused
from connectors.ldap.client import Change, Entry, Rejected
from connectors.ports.people import DirectoryPerson
from tests.connectors.ldap.tree import Tree, entry

Modified = tuple[str, tuple[Change, ...], tuple[tuple[str, bool, bytes | None], ...]]


class ChangingTree(Tree):
    """`refuses`: raised by the next change instead of doing it. `before`: done right before the next change, as if by somebody else."""

    def __init__(self, *entries: Entry, kind: Literal["openldap", "active_directory"] = "openldap", controls: Sequence[str] = ()) -> None:
        super().__init__(*entries)
        self.kind = kind
        self.controls = controls
        self.modified: list[Modified] = []
        self.passwords: list[tuple[str, str]] = []
        self.refuses: ConnectorError | None = None
        self.before: Entry | None = None

    async def root(self) -> Entry:
        return entry("", supportedControl=tuple(self.controls), defaultNamingContext="DC=acme,DC=example")

    async def set_password(self, dn: str, password: str) -> None:
        self._refuse()
        self.passwords.append((dn, password))

    async def modify(self, dn: str, changes: Sequence[Change], *, controls: Sequence[tuple[str, bool, bytes | None]] = ()) -> None:
        if self.before is not None:
            self.replace(self.before)
            self.before = None
        self._refuse()
        [found] = [one for one in self.entries if one.dn == dn]
        attributes = dict(found.attributes)
        for change in changes:
            values = tuple(value.encode() if isinstance(value, str) else value for value in change.values)
            attributes[change.attribute.lower()] = self._changed(attributes.get(change.attribute.lower(), ()), change.kind, values)
        if b"groupOfNames" in attributes.get("objectclass", ()) and not attributes["member"]:
            raise Rejected(65, "object class 'groupOfNames' requires attribute 'member'")
        self.modified.append((dn, tuple(changes), tuple(controls)))
        self.replace(Entry(dn, {name: values for name, values in attributes.items() if values}))

    def _changed(self, had: tuple[bytes, ...], kind: str, values: tuple[bytes, ...]) -> tuple[bytes, ...]:
        windows = self.kind == "active_directory"
        if kind == "replace":
            return values
        if kind == "add":
            if set(values) & set(had):
                raise Rejected(68, "00000562: UpdErr: DSID-031A11E2, problem 6005 (ENTRY_EXISTS)") if windows else Rejected(20, "exists")
            return (*had, *values)
        if not set(values) <= set(had):
            raise Rejected(53, "00000561: SvcErr: DSID-031A1236, problem 5003") if windows else Rejected(16, "no such value")
        return tuple(value for value in had if value not in values)

    def _refuse(self) -> None:
        if self.refuses is not None:
            refusal, self.refuses = self.refuses, None
            raise refusal


class People:
    """In place of `LdapDirectory`: `active` by key."""

    def __init__(self, tree: Tree, dns: dict[str, str], inactive: Sequence[str] = ()) -> None:
        self._tree, self._dns, self._inactive = tree, dns, inactive

    async def require_privileged(self) -> None:
        """All groups are there."""

    async def get(self, key: str) -> DirectoryPerson | None:
        return DirectoryPerson(key, key, f"{key}@acme.example", "UTC", "en", active=key not in self._inactive) if key in self._dns else None

    async def by_email(self, email: str) -> DirectoryPerson | None:
        return await self.get(email.split("@")[0])

    async def entry(self, person_key: str, attributes: Sequence[str]) -> Entry:
        found = await self._tree.read(self._dns[person_key], attributes) if person_key in self._dns else None
        if found is None:
            raise Refused("unknown_person", person_key)
        return found
