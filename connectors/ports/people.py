"""Who somebody is: what the directory says, and the Person that Foyer keeps for them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True, slots=True)
class ExternalId:
    """Somebody as one channel knows them, verified by that channel. `tenant` is the workspace or tenant."""

    channel: str
    tenant: str
    external_id: str


@dataclass(frozen=True, slots=True)
class DirectoryPerson:
    """A person as the organisation's directory knows them. `key` is the directory's own stable id."""

    key: str
    name: str
    email: str
    timezone: str
    locale: str
    manager_key: str | None = None
    groups: frozenset[str] = frozenset()
    attributes: Mapping[str, str] = field(default_factory=dict)
    """What audiences select by, such as country and department."""
    title: str = ""
    active: bool = True
    guest: bool = False
    privileged: bool = False
    accounts: frozenset[str] = frozenset()
    """Ids of the accounts that the directory knows are theirs, as `Directory.by_account` takes them, in lower case."""
    enrolled: str | None = None
    """The address that they enrolled for recovery; for the channel that sends there alone, never shown or logged."""
    username: str = ""
    """What they sign in by at the directory, where it tells."""

    def disowns(self, account: str) -> bool:
        """Whether the directory knows whose account this is not: it knows others of theirs where this one is."""
        home = account.lower().rpartition(":")[0]
        return account.lower() not in self.accounts and any(own.rpartition(":")[0] == home for own in self.accounts)


@dataclass(frozen=True, slots=True)
class Person:
    """A resolved employee or member of staff. `id` is Foyer's own; `directory_key` is the directory's.

    `roles` are Foyer's (employee, staff, knowledge_admin, service_owner), given by directory groups in foyer.yaml;
    `groups` are the directory's, an assignment group is one of them.
    """

    id: str
    directory_key: str
    name: str
    email: str
    timezone: str
    locale: str
    roles: frozenset[str] = frozenset()
    groups: frozenset[str] = frozenset()
    attributes: Mapping[str, str] = field(default_factory=dict)
    manager_key: str | None = None
    title: str = ""
    active: bool = True
    guest: bool = False
    privileged: bool = False

    @property
    def employed(self) -> bool:
        """Whether Foyer works for them: no guest, nobody who has left."""
        return self.active and not self.guest and "employee" in self.roles

    @property
    def first_name(self) -> str:
        return self.name.split(" ", 1)[0]


class Directory(Protocol):
    """The organisation's directory. Raises `Retry` when it cannot be reached."""

    async def get(self, key: str) -> DirectoryPerson | None: ...

    async def by_email(self, email: str) -> DirectoryPerson | None:
        """By primary address, case-insensitive; raises `NeedsHuman("ambiguous")` when two people have it."""

    async def by_account(self, account: str) -> DirectoryPerson | None:
        """By the id of an account that the directory knows is theirs ("entra:<tenant>:<object id>"); None where it knows none."""

    async def find(self, text: str, *, limit: int = 5) -> Sequence[DirectoryPerson]:
        """People whose name or address resembles `text`, best first."""

    async def members(self, group: str) -> Sequence[DirectoryPerson]:
        """The active members of a directory group, by name."""


class People(Protocol):
    """Foyer's persons, kept in step with the directory."""

    async def get(self, person_id: str) -> Person | None: ...

    async def known(self, person_id: str) -> Person | None:
        """As `get`; of somebody whom the directory does not know any more, an inactive Person with nothing but their key.

        For ending what they were given; for nothing that is done for them.
        """

    async def by_key(self, directory_key: str) -> Person | None:
        """The Person of a directory entry, made on first sight."""

    async def members(self, group: str) -> Sequence[Person]: ...
