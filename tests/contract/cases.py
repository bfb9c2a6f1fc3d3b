"""What a contract suite needs to know of an implementation: the port, and facts about the world behind it.

An implementation joins by adding a case to `implementations.py`; the suites are written against the port only.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from connectors.ports.people import Directory
from connectors.ports.systems import Access, Accounts, Devices, EnrolledChannel, Hr, Passwords, Purchasing

Disturb = Callable[[], Awaitable[None]]


class FakeClock:
    """A Wednesday morning in autumn, moved by hand."""

    def __init__(self, now: datetime = datetime(2026, 9, 16, 9, 30, tzinfo=UTC)) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def advance(self, by: timedelta) -> None:
        self.now += by


@dataclass(frozen=True)
class DirectoryCase:
    port: Directory
    person: str
    """Key of an active person with a manager."""
    name: str
    email: str
    manager: str
    leaver: str
    group: str
    group_members: frozenset[str]
    shared_email: str
    """An address that two people have."""
    account: str
    """The id of an account that is this person's."""
    departs: Callable[[str], Awaitable[None]]
    """This person becomes inactive, and stays in their groups."""
    unreachable: Disturb
    """The next call finds nobody there."""


@dataclass(frozen=True)
class AccountsCase:
    port: Accounts
    clock: FakeClock
    locked: str
    active: str
    disabled: str
    not_enrolled: str
    received: Callable[[str], Awaitable[int]]
    """How many messages reached this person's enrolled channel."""
    unreachable: Disturb
    answer_lost: Disturb
    """The next change happens, but its answer does not arrive."""


@dataclass(frozen=True)
class EnrolledCase:
    port: EnrolledChannel
    person: str
    other: str
    not_enrolled: str
    received: Callable[[str], Awaitable[int]]
    """How many different messages this person sees."""
    unreachable: Disturb
    """The next message finds nobody there."""
    answer_lost: Disturb
    """The next message is taken, but the answer does not arrive."""


@dataclass(frozen=True)
class PasswordsCase:
    port: Passwords
    locked: str
    active: str
    disabled: str
    good: str
    """A password that the policy takes."""
    rejected: Mapping[str, str]
    """Code -> a password that `active` is refused for that reason."""
    signs_in: Callable[[str, str], Awaitable[bool]]
    """Whether this person's password is this one."""
    unreachable: Disturb
    answer_lost: Disturb


@dataclass(frozen=True)
class AccessCase:
    port: Access
    clock: FakeClock
    person: str
    leaver: str
    application: str
    """One that `person` has no access to; it has an owner."""
    role: str
    ownerless: str
    permanent: tuple[str, str]
    """An application and role that `person` has without an end."""
    departs: Callable[[], Awaitable[None]]
    """The directory does not know `person` any more."""
    unreachable: Disturb
    answer_lost: Disturb
    cleans_up: bool = False
    """Whoever departs loses there and then what they had."""


@dataclass(frozen=True)
class HrCase:
    port: Hr
    today: date
    person: str
    """Somebody with at least five days left and nothing booked from today on."""
    holiday: date
    """A public holiday of theirs on a weekday."""
    monday: date
    """Of a week of five working days, in the future, this year."""
    unreachable: Disturb
    answer_lost: Disturb


@dataclass(frozen=True)
class PurchasingCase:
    port: Purchasing
    clock: FakeClock
    person: str
    item: str
    ships_after: timedelta
    unreachable: Disturb
    answer_lost: Disturb


@dataclass(frozen=True)
class DevicesCase:
    port: Devices
    person: str
    kind: str
    """Of something that the person has."""
    unreachable: Disturb
