"""The systems that fulfilment changes: accounts, access, leave, hardware, and the channel a person is enrolled on.

Every call that changes something takes `key`, its idempotency key: the same key again has no second effect and
returns the first effect. People are named by directory key. Any call may raise `connectors.errors`.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Literal, Protocol

from connectors.ports.records import Json


@dataclass(frozen=True, slots=True)
class Effect:
    """What an outside system did. `reference` is that system's own id for it."""

    reference: str
    changed: bool = True
    """False: it was so already, or this key had been applied before."""
    detail: Mapping[str, Json] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Account:
    status: Literal["active", "locked", "disabled"]
    locked_since: datetime | None = None
    enrolled: str | None = None
    """The enrolled channel, masked for showing ("d•••@acme.example"); None when there is none."""
    password_changed_at: datetime | None = None
    reset_link_expires_at: datetime | None = None
    """When the open one-time link ends; None when there is none."""


class Accounts(Protocol):
    """The identity system: lock state and one-time reset links. It never shows a link or a password to Foyer."""

    async def account(self, person_key: str) -> Account: ...

    async def unlock(self, person_key: str, *, key: str) -> Effect: ...

    async def send_reset_link(self, person_key: str, *, lifetime: timedelta, key: str) -> Effect:
        """Sends a single-use link to the enrolled channel; `Refused("not_enrolled")` when there is none."""

    async def withdraw_reset_link(self, person_key: str, *, reference: str = "", key: str) -> Effect:
        """Ends the link with this reference, as `send_reset_link` gave it; "" for the person's last one.

        A link that was used stays used, and the effect's detail tells when: {"used_at": a time in ISO 8601}.
        """


class Passwords(Protocol):
    """An identity store that keeps lock state and passwords and sends no links, as a directory does.

    What `Accounts` asks besides is done by whoever has a page: there the person chooses a password, which goes to `set_password`.
    """

    async def account(self, person_key: str) -> Account:
        """Without `enrolled` and `reset_link_expires_at`, which are unknown here."""

    async def unlock(self, person_key: str, *, key: str) -> Effect: ...

    async def shortest(self, person_key: str) -> int | None:
        """The fewest characters that the store's rules ask of this person's password; None where they cannot be read or ask nothing."""

    async def set_password(self, person_key: str, password: str) -> Effect:
        """Sets it at once, and unlocks; the effect's reference is the store's own id of the account.

        `Refused("password_too_short" | "password_too_long" | "password_too_simple" | "password_used_before" | "password_too_young" |
        "password_rejected")` when the store's policy says no; whoever gets OutcomeUnknown compares `Account.password_changed_at`.
        """


def fingerprint(person_key: str, address: str) -> str:
    """48 bits: enough to find that an address was exchanged, and of the person, so that a shared one is not seen to be shared."""
    return hashlib.sha256(f"{person_key}\n{address}".encode()).hexdigest()[:12]


class EnrolledChannel(Protocol):
    """Reaches a person outside the chat, on an address that they enrolled before."""

    async def address(self, person_key: str) -> str | None:
        """That address, masked for showing ("d•••@acme.example"); None when there is none."""

    async def fingerprint(self, person_key: str) -> str | None:
        """Tells two addresses apart that may look alike when masked, and tells neither; None when there is none."""

    async def send(self, person_key: str, *, subject: str, text: str, link: str | None = None, key: str) -> Effect: ...


@dataclass(frozen=True, slots=True)
class Application:
    key: str
    name: str
    roles: tuple[str, ...]
    aliases: tuple[str, ...] = ()
    owner_key: str | None = None
    default_role: str | None = None
    sensitive_roles: frozenset[str] = frozenset()
    """Roles that administer the application."""


@dataclass(frozen=True, slots=True)
class Entitlement:
    """Access that a person has to an application now. `until` None = without an end.

    `keeps_end`: the system itself keeps ends. Where it does not, access that was given here and has none has lost its end.
    """

    reference: str
    person_key: str
    application_key: str
    role: str
    until: datetime | None
    keeps_end: bool = True


class Access(Protocol):
    async def applications(self) -> Sequence[Application]: ...

    async def entitlements(self, person_key: str, *, application_key: str | None = None) -> Sequence[Entitlement]:
        """What the person has, in every application or in one: whoever wants to know of one does not depend on the others' being up.

        An `until` is known of what was granted here; a system that keeps no ends is never asked for one.
        """

    async def grant(self, person_key: str, application_key: str, role: str, *, until: datetime, key: str) -> Effect: ...

    async def revoke(self, person_key: str, application_key: str, role: str, *, key: str) -> Effect: ...


@dataclass(frozen=True, slots=True)
class LeaveBalance:
    """Days of paid time off in one calendar year."""

    year: int
    entitled: float
    carried_over: float
    carried_over_expires: date | None
    taken: float
    booked: float

    @property
    def remaining(self) -> float:
        return self.entitled + self.carried_over - self.taken - self.booked


@dataclass(frozen=True, slots=True)
class Leave:
    reference: str
    start: date
    end: date
    """Inclusive."""
    days: float
    status: Literal["booked", "cancelled"]


class Hr(Protocol):
    async def leave_balance(self, person_key: str, year: int) -> LeaveBalance: ...

    async def leaves(self, person_key: str) -> Sequence[Leave]: ...

    async def working_days(self, person_key: str, start: date, end: date) -> float:
        """Working days from start to end, both included, without weekends and the person's public holidays."""

    async def book_leave(self, person_key: str, start: date, end: date, *, key: str) -> Effect:
        """`Refused("insufficient_balance" | "overlap")` when it cannot be booked."""

    async def cancel_leave(self, reference: str, *, key: str) -> Effect: ...


@dataclass(frozen=True, slots=True)
class CatalogueItem:
    key: str
    name: str
    category: str
    price: float
    currency: str
    aliases: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Device:
    """Something that was handed to a person. `tag`: what stands on it; `kind`: laptop, monitor, phone ..."""

    tag: str
    kind: str
    model: str


class Devices(Protocol):
    async def of(self, person_key: str) -> Sequence[Device]:
        """What the person has now, by tag."""


@dataclass(frozen=True, slots=True)
class Order:
    reference: str
    item_key: str
    quantity: int
    status: Literal["ordered", "shipped", "delivered", "cancelled"]
    expected: date | None = None


class Purchasing(Protocol):
    async def catalogue(self) -> Sequence[CatalogueItem]: ...

    async def orders(self, person_key: str) -> Sequence[Order]: ...

    async def order(self, person_key: str, item_key: str, *, quantity: int, reason: str, key: str) -> Effect: ...

    async def cancel_order(self, reference: str, *, key: str) -> Effect:
        """`Refused("already_shipped")` once it has left."""
