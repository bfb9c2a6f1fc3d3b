"""The sandbox company as one object: its ports, and what the person at the controls can see and do."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime
from functools import partial
from pathlib import Path
from typing import Any

from connectors.errors import Refused
from connectors.ports.records import Clock, utcnow
from connectors.sandbox import company, faults, schema
from connectors.sandbox.access import SandboxAccess, entitlements_of
from connectors.sandbox.accounts import LinkState, Mail, Redeemed, SandboxAccounts, SandboxEnrolledChannel, account_of, inbox_of
from connectors.sandbox.devices import SandboxDevices
from connectors.sandbox.faults import FaultKind
from connectors.sandbox.hr import SandboxHr, balance_of, leaves_of
from connectors.sandbox.people import SandboxDirectory, person_of, row_of, today_of
from connectors.sandbox.purchasing import SandboxPurchasing, orders_of
from connectors.sandbox.store import Database, Store

BASE_URL = "http://127.0.0.1:8080"


@dataclass(frozen=True, slots=True)
class JournalEntry:
    """One effect that the company had. A repeated key adds none."""

    operation: str
    key: str
    person_key: str
    at: datetime
    data: dict[str, Any]


class Faults:
    """The plan of faults. Operations are named as in connector.yaml's scopes, or by a glob of them ("access.*")."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def fail_next(self, operation: str, fault: FaultKind, times: int = 1, *, seconds: float = 1.0) -> None:
        """Strikes the next `times` calls. `seconds`: how long slow takes, and what a rate limit asks to wait."""
        add = partial(faults.plan, operation=operation, kind=fault, times=times, probability=1.0, seed=0, seconds=seconds)
        await self._store.transact(lambda db, now: add(db))

    async def fail_sometimes(self, operation: str, fault: FaultKind, probability: float, *, seed: int, seconds: float = 1.0) -> None:
        """Strikes each call with this probability, until cleared; the same seed strikes the same calls."""
        add = partial(faults.plan, operation=operation, kind=fault, times=None, probability=probability, seed=seed, seconds=seconds)
        await self._store.transact(lambda db, now: add(db))

    async def clear(self) -> None:
        await self._store.transact(lambda db, now: faults.clear(db))


class SandboxCompany:
    """Acme. Several processes may open the same file; each sees the others' effects, keys and faults at once."""

    def __init__(self, path: Path, clock: Clock = utcnow, base_url: str = BASE_URL) -> None:
        self._store = Store(path, clock)
        self.people = SandboxDirectory(self._store)
        self.accounts = SandboxAccounts(self._store, base_url)
        self.enrolled = SandboxEnrolledChannel(self._store)
        self.access = SandboxAccess(self._store)
        self.hr = SandboxHr(self._store)
        self.purchasing = SandboxPurchasing(self._store)
        self.devices = SandboxDevices(self._store)
        self.faults = Faults(self._store)

    async def open(self) -> None:
        """Opens the file; makes and fills it when it is missing, or of another version."""
        await self._store.open()

        def make_if_missing(db: Database, now: datetime) -> None:
            if _version(db) != schema.VERSION:
                company.make(db, now)

        if await self._store.look(lambda db, now: _version(db)) != schema.VERSION:
            await self._store.transact(make_if_missing)

    async def close(self) -> None:
        await self._store.close()

    async def reset(self) -> None:
        """Starts over, in place: people's state, inboxes, keys, journal and faults."""
        await self._store.transact(company.make)

    async def reset_link(self, token: str) -> LinkState:
        """For the page of the identity provider: whether its form is worth showing."""
        return await self.accounts.reset_link(token)

    async def redeem_reset_link(self, token: str, new_password: str) -> Redeemed:
        """For the page of the identity provider: its form was sent."""
        return await self.accounts.redeem_reset_link(token, new_password)

    async def inbox(self, person_key: str) -> Sequence[Mail]:
        """What came to the person's enrolled channel, oldest first."""

        def work(db: Database, now: datetime) -> Sequence[Mail]:
            row_of(db, person_key)
            return inbox_of(db, person_key)

        return await self._store.look(work)

    async def effects(self, operation: str = "*", *, key: str | None = None, person_key: str | None = None) -> Sequence[JournalEntry]:
        """The journal, oldest first. `operation` may be a glob."""

        def work(db: Database, now: datetime) -> Sequence[JournalEntry]:
            rows = db.execute(
                """SELECT * FROM effects WHERE operation GLOB :operation AND key = coalesce(:key, key)
                   AND person_key = coalesce(:person_key, person_key) ORDER BY id""",
                {"operation": operation, "key": key, "person_key": person_key},
            ).fetchall()
            return [
                JournalEntry(row["operation"], row["key"], row["person_key"], datetime.fromisoformat(row["at"]), json.loads(row["json"]))
                for row in rows
            ]

        return await self._store.look(work)

    async def show(self, person: str) -> dict[str, Any]:
        """All that the company knows of somebody, ready for JSON. `person`: key or address; Refused("unknown_person")."""
        return await self._store.look(partial(_show, person))


def _version(db: Database) -> int:
    return int(db.execute("PRAGMA user_version").fetchone()[0])


def _show(wanted: str, db: Database, now: datetime) -> dict[str, Any]:
    keys = [row["key"] for row in db.execute("SELECT key FROM people WHERE key = ? OR email = ?", (wanted, wanted)).fetchall()]
    if len(keys) != 1:
        raise Refused("ambiguous" if keys else "unknown_person", ", ".join(keys))
    row = row_of(db, keys[0])
    key = row["key"]
    person = person_of(db, row)
    year = today_of(row, now).year
    devices = db.execute("SELECT tag, kind, model, assigned FROM devices WHERE person_key = ? ORDER BY tag", (key,)).fetchall()
    tickets = db.execute(
        "SELECT number, kind, title, priority, status, opened_at FROM tickets WHERE person_key = ? ORDER BY opened_at", (key,)
    ).fetchall()
    leave = None
    if not person.guest:
        account = balance_of(db, now, key, year)
        leave = {"balance": {**asdict(account), "remaining": account.remaining}, "leaves": [asdict(one) for one in leaves_of(db, key)]}
    shown: dict[str, Any] = _plain(
        {
            "person": {**asdict(person), "attributes": dict(person.attributes)},
            "account": asdict(account_of(db, now, key)),
            "devices": [dict(device) for device in devices],
            "entitlements": [asdict(one) for one in entitlements_of(db, key)],
            "leave": leave,
            "orders": [asdict(one) for one in orders_of(db, now, key)],
            "tickets": [dict(ticket) for ticket in tickets],
            "inbox": [asdict(mail) for mail in inbox_of(db, key)],
        }
    )
    return shown


def _plain(value: Any) -> Any:
    match value:
        case dict():
            return {key: _plain(inner) for key, inner in value.items()}
        case list() | tuple():
            return [_plain(inner) for inner in value]
        case frozenset():
            return sorted(value)
        case datetime() | date():
            return value.isoformat()
    return value
