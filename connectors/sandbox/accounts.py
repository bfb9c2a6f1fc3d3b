"""The sandbox company's identity provider and its people's mailboxes.

A reset link goes to the enrolled mailbox and nowhere else: neither an effect, nor the journal, nor a log holds its token. The
provider keeps the token's SHA-256 and, of a password, a salted scrypt hash. The mailbox is the person's own, hence in clear.
"""

import hashlib
import hmac
import secrets
import sqlite3
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from connectors.errors import Refused
from connectors.ports.systems import Account, Effect, fingerprint
from connectors.sandbox.people import row_of
from connectors.sandbox.schema import to_text, to_time
from connectors.sandbox.store import Applied, Database, Store

MIN_LENGTH, MAX_LENGTH = 12, 128
MIN_DIFFERENT = 5
"""Different characters that a password needs."""
SCRYPT_N, SCRYPT_R, SCRYPT_P = 2**14, 8, 1


class LinkState(StrEnum):
    OPEN = "open"
    EXPIRED = "expired"
    USED = "used"
    WITHDRAWN = "withdrawn"
    """By Foyer, or because a newer link was sent."""
    UNKNOWN = "unknown"


class Redeemed(StrEnum):
    """What became of an attempt to set a password. Only `changed` uses the link up."""

    CHANGED = "changed"
    EXPIRED = "expired"
    USED = "used"
    WITHDRAWN = "withdrawn"
    UNKNOWN = "unknown"
    TOO_SHORT = "too_short"
    TOO_LONG = "too_long"
    TOO_SIMPLE = "too_simple"
    """Few different characters, or the person's own name or address in it."""
    REUSED = "reused"
    """The password they have already."""


@dataclass(frozen=True, slots=True)
class Mail:
    """One message in a person's sandbox inbox."""

    subject: str
    text: str
    link: str | None
    at: datetime


def masked(address: str) -> str:
    """ "d•••@acme.example"."""
    local, _, domain = address.partition("@")
    return f"{local[:1]}•••@{domain}"


def account_of(db: Database, now: datetime, person_key: str) -> Account:
    row = _account_row(db, person_key)
    link = _open_link(db, now, person_key)
    return Account(
        status=row["status"],
        locked_since=to_time(row["locked_since"]),
        enrolled=masked(row["enrolled"]) if row["enrolled"] else None,
        password_changed_at=to_time(row["password_changed_at"]),
        reset_link_expires_at=to_time(link["expires_at"]) if link else None,
    )


def inbox_of(db: Database, person_key: str) -> list[Mail]:
    """Oldest first."""
    rows = db.execute("SELECT * FROM inbox WHERE person_key = ? ORDER BY id", (person_key,)).fetchall()
    return [Mail(row["subject"], row["text"], row["link"], datetime.fromisoformat(row["at"])) for row in rows]


class SandboxAccounts:
    """Implements `connectors.ports.systems.Accounts`, and the page on which a link is redeemed."""

    def __init__(self, store: Store, base_url: str) -> None:
        self._store = store
        self._base_url = base_url.rstrip("/")

    async def account(self, person_key: str) -> Account:
        return await self._store.read("accounts.account", lambda db, now: account_of(db, now, person_key))

    async def unlock(self, person_key: str, *, key: str) -> Effect:
        def work(db: Database, now: datetime) -> Applied:
            row = _usable_row(db, person_key)
            db.execute("UPDATE accounts SET status = 'active', locked_since = NULL WHERE person_key = ?", (person_key,))
            return Applied(person_key, f"account:{person_key}", changed=row["status"] == "locked")

        return await self._store.change("accounts.unlock", person_key, key, work)

    async def send_reset_link(self, person_key: str, *, lifetime: timedelta, key: str) -> Effect:
        def work(db: Database, now: datetime) -> Applied:
            address = _usable_row(db, person_key)["enrolled"]
            if address is None:
                raise Refused("not_enrolled", person_key)
            if lifetime <= timedelta(0):
                raise Refused("bad_lifetime", str(lifetime))
            token, expires = secrets.token_urlsafe(32), now + lifetime
            db.execute("UPDATE reset_links SET state = 'withdrawn' WHERE person_key = ? AND state = 'open'", (person_key,))
            made = db.execute(
                "INSERT INTO reset_links (person_key, token_sha256, expires_at, state) VALUES (?, ?, ?, 'open')",
                (person_key, _sha256(token), to_text(expires)),
            )
            minutes = max(1, round(lifetime.total_seconds() / 60))
            deliver(
                db,
                now,
                person_key,
                subject="Set a new password",
                text=f"Use this link within {minutes} minutes to set a new password. It works once. If you did not ask for it, tell IT.",
                link=f"{self._base_url}/sandbox/reset/{token}",
            )
            return Applied(person_key, f"link:{made.lastrowid}", detail={"expires_at": to_text(expires), "enrolled": masked(address)})

        return await self._store.change("accounts.send_reset_link", person_key, key, work)

    async def withdraw_reset_link(self, person_key: str, *, reference: str = "", key: str) -> Effect:
        def work(db: Database, now: datetime) -> Applied:
            account, link = _account_row(db, person_key), _sent_link(db, person_key, reference)
            if link is None:
                return Applied(person_key, f"account:{person_key}", changed=False)
            if link["state"] == "used":
                # Nothing else changes a password here but a link.
                return Applied(person_key, f"link:{link['id']}", changed=False, detail={"used_at": account["password_changed_at"]})
            if _state(link, now) is not LinkState.OPEN:
                return Applied(person_key, f"account:{person_key}", changed=False)
            db.execute("UPDATE reset_links SET state = 'withdrawn' WHERE id = ?", (link["id"],))
            return Applied(person_key, f"link:{link['id']}")

        return await self._store.change("accounts.withdraw_reset_link", person_key, key, work)

    async def reset_link(self, token: str) -> LinkState:
        """Whether a link still works; looking does not use it up, for mail scanners look too."""
        return await self._store.look(lambda db, now: _state(_link(db, token), now))

    async def redeem_reset_link(self, token: str, new_password: str) -> Redeemed:
        """Sets the password of the person whom the link was sent to, once. No fault strikes here: it is not a port."""

        def work(db: Database, now: datetime) -> Redeemed:
            link = _link(db, token)
            state = _state(link, now)
            if link is None or state is not LinkState.OPEN:
                return Redeemed(state.value)
            person, account = row_of(db, link["person_key"]), _account_row(db, link["person_key"])
            fault = _weakness(new_password, person["name"], person["email"], account["password_hash"])
            if fault is not None:
                return fault
            db.execute("UPDATE reset_links SET state = 'used' WHERE id = ?", (link["id"],))
            db.execute(
                "UPDATE accounts SET password_hash = ?, password_changed_at = ? WHERE person_key = ?",
                (_hashed(new_password, secrets.token_bytes(16)), to_text(now), person["key"]),
            )
            return Redeemed.CHANGED

        return await self._store.transact(work)


class SandboxEnrolledChannel:
    """Implements `connectors.ports.systems.EnrolledChannel`: the person's sandbox inbox."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def address(self, person_key: str) -> str | None:
        def work(db: Database, now: datetime) -> str | None:
            enrolled = _account_row(db, person_key)["enrolled"]
            return masked(enrolled) if enrolled else None

        return await self._store.read("enrolled.address", work)

    async def fingerprint(self, person_key: str) -> str | None:
        def work(db: Database, now: datetime) -> str | None:
            enrolled = _account_row(db, person_key)["enrolled"]
            return fingerprint(person_key, enrolled) if enrolled else None

        return await self._store.read("enrolled.fingerprint", work)

    async def send(self, person_key: str, *, subject: str, text: str, link: str | None = None, key: str) -> Effect:
        def work(db: Database, now: datetime) -> Applied:
            if _account_row(db, person_key)["enrolled"] is None:
                raise Refused("not_enrolled", person_key)
            number = deliver(db, now, person_key, subject=subject, text=text, link=link)
            return Applied(person_key, f"mail:{number}")

        return await self._store.change("enrolled.send", person_key, key, work)


def deliver(db: Database, now: datetime, person_key: str, *, subject: str, text: str, link: str | None) -> int:
    made = db.execute(
        "INSERT INTO inbox (person_key, subject, text, link, at) VALUES (?, ?, ?, ?, ?)", (person_key, subject, text, link, to_text(now))
    )
    return made.lastrowid or 0


def _account_row(db: Database, person_key: str) -> sqlite3.Row:
    row_of(db, person_key)
    row: sqlite3.Row = db.execute("SELECT * FROM accounts WHERE person_key = ?", (person_key,)).fetchone()
    return row


def _usable_row(db: Database, person_key: str) -> sqlite3.Row:
    row = _account_row(db, person_key)
    if row["status"] == "disabled":
        raise Refused("account_disabled", person_key)
    return row


def _open_link(db: Database, now: datetime, person_key: str) -> sqlite3.Row | None:
    row: sqlite3.Row | None = db.execute(
        "SELECT * FROM reset_links WHERE person_key = ? AND state = 'open' AND expires_at > ?", (person_key, to_text(now))
    ).fetchone()
    return row


def _sent_link(db: Database, person_key: str, reference: str) -> sqlite3.Row | None:
    """The one with this reference, the last one where none is given."""
    row: sqlite3.Row | None = db.execute(
        "SELECT * FROM reset_links WHERE person_key = ? AND ? IN ('', 'link:' || id) ORDER BY id DESC LIMIT 1", (person_key, reference)
    ).fetchone()
    return row


def _link(db: Database, token: str) -> sqlite3.Row | None:
    row: sqlite3.Row | None = db.execute("SELECT * FROM reset_links WHERE token_sha256 = ?", (_sha256(token),)).fetchone()
    return row


def _state(link: sqlite3.Row | None, now: datetime) -> LinkState:
    if link is None:
        return LinkState.UNKNOWN
    if link["state"] == "open" and link["expires_at"] <= to_text(now):
        return LinkState.EXPIRED
    return LinkState(link["state"])


def _weakness(password: str, name: str, email: str, current: str | None) -> Redeemed | None:
    if len(password) < MIN_LENGTH:
        return Redeemed.TOO_SHORT
    if len(password) > MAX_LENGTH:
        return Redeemed.TOO_LONG
    own = [*name.lower().split(), email.split("@")[0].lower()]
    if len(set(password)) < MIN_DIFFERENT or any(word in password.lower() for word in own if len(word) > 2):
        return Redeemed.TOO_SIMPLE
    if current is not None and hmac.compare_digest(_hashed(password, bytes.fromhex(current.split("$")[1])), current):
        return Redeemed.REUSED
    return None


def _hashed(password: str, salt: bytes) -> str:
    digest = hashlib.scrypt(password.encode(errors="surrogatepass"), salt=salt, n=SCRYPT_N, r=SCRYPT_R, p=SCRYPT_P)
    return f"scrypt${salt.hex()}${digest.hex()}"


def _sha256(token: str) -> str:
    return hashlib.sha256(token.encode(errors="surrogatepass")).hexdigest()
