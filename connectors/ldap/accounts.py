"""What an entry says of somebody's account: active, locked or disabled, and since when. Pure.

OpenLDAP's overlay ppolicy leaves a lock standing after it has run out, and removes it when the person signs in next; Active Directory
does the same with lockoutTime. Both are held against the clock here, as their servers do.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Protocol
from uuid import UUID

from connectors.errors import Retry
from connectors.ldap.times import filetime, generalized, interval
from connectors.ports.systems import Account

SHUT: Final = "000001010000Z"
"""pwdAccountLockedTime of an account that an administrator has shut (draft-behera-ldap-password-policy-10, 5.3.3)."""
DISABLED_BIT, COMPUTED_LOCK_BIT = 0x2, 0x10
"""Of userAccountControl; of msDS-User-Account-Control-Computed (MS-ADTS 2.2.16)."""

OPENLDAP: Final = (
    "entryUUID",
    "entryCSN",
    "pwdAccountLockedTime",
    "pwdChangedTime",
    "pwdPolicySubentry",
    "pwdStartTime",
    "pwdEndTime",
)
ACTIVE_DIRECTORY: Final = (
    "objectGUID",
    "uSNChanged",
    "userAccountControl",
    "msDS-User-Account-Control-Computed",
    "lockoutTime",
    "pwdLastSet",
    "accountExpires",
)


class Entry(Protocol):
    @property
    def attributes(self) -> Mapping[str, tuple[bytes, ...]]: ...

    def text(self, name: str) -> str | None: ...


@dataclass(frozen=True, slots=True)
class Locking:
    """The rule by which accounts lock. `lasts` None: until somebody unlocks."""

    locks: bool = True
    lasts: timedelta | None = None


def openldap_locking(policy: Entry) -> Locking:
    """Of a pwdPolicy entry."""
    seconds = int(policy.text("pwdLockoutDuration") or 0)
    return Locking(policy.text("pwdLockout") == "TRUE", timedelta(seconds=seconds) if seconds else None)


def active_directory_locking(domain: Entry) -> Locking:
    """Of the domain's own entry."""
    return Locking(lasts=interval(domain.text("lockoutDuration")))


def openldap_account(entry: Entry, locking: Locking, *, active: bool, now: datetime) -> Account:
    """`active`: what the directory says of the person."""
    changed = _time(entry, "pwdChangedTime")
    locked = entry.text("pwdAccountLockedTime")
    begins, ends = _time(entry, "pwdStartTime"), _time(entry, "pwdEndTime")
    if not active or locked == SHUT or (begins is not None and now < begins) or (ends is not None and now >= ends):
        return Account("disabled", password_changed_at=changed)
    if locked is None or not locking.locks:
        return Account("active", password_changed_at=changed)
    return _locked(generalized(locked), locking, now, changed)


def active_directory_account(entry: Entry, locking: Locking, *, active: bool, now: datetime) -> Account:
    changed = filetime(entry.text("pwdLastSet"))
    expires = filetime(entry.text("accountExpires"))
    if not active or _number(entry, "userAccountControl") & DISABLED_BIT or (expires is not None and now >= expires):
        return Account("disabled", password_changed_at=changed)
    since = filetime(entry.text("lockoutTime"))
    if entry.text("msDS-User-Account-Control-Computed") is not None:
        # The server's own word, which also knows the rules of a few.
        if _number(entry, "msDS-User-Account-Control-Computed") & COMPUTED_LOCK_BIT:
            return Account("locked", locked_since=since, password_changed_at=changed)
        return Account("active", password_changed_at=changed)
    if since is None:
        return Account("active", password_changed_at=changed)
    return _locked(since, locking, now, changed)


def entry_id(entry: Entry) -> str:
    """The server's own id of an entry, for good; Retry("misconfigured") when it cannot be read."""
    guid = entry.attributes.get("objectguid")
    if guid and len(guid[0]) == 16:
        return str(UUID(bytes_le=guid[0]))
    uuid = entry.text("entryUUID")
    if uuid is None:
        raise Retry("misconfigured", "the service account may not read entryUUID (objectGUID): allow it to read operational attributes")
    return uuid


def version(entry: Entry) -> str | None:
    """The server's own number of an entry's last change, by which its logs tell it."""
    return entry.text("entryCSN") or entry.text("uSNChanged")


def reference(entry: Entry) -> str:
    changed = version(entry)
    return f"{entry_id(entry)}/{changed}" if changed else entry_id(entry)


def _locked(since: datetime | None, locking: Locking, now: datetime, changed: datetime | None) -> Account:
    if since is not None and locking.lasts is not None and now >= since + locking.lasts:
        return Account("active", password_changed_at=changed)
    return Account("locked", locked_since=since, password_changed_at=changed)


def _time(entry: Entry, name: str) -> datetime | None:
    text = entry.text(name)
    return generalized(text) if text is not None else None


def _number(entry: Entry, name: str) -> int:
    return int(entry.text(name) or 0)
