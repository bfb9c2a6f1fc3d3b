"""The sandbox company's directory."""

import sqlite3
from collections.abc import Sequence
from datetime import date, datetime
from uuid import UUID, uuid5
from zoneinfo import ZoneInfo

from connectors.calling.resembling import RESEMBLES, resemblance
from connectors.errors import NeedsHuman, Refused
from connectors.ports.people import DirectoryPerson
from connectors.sandbox.store import Database, Store

TENANT = "6f0a3c52-8b1e-4d57-9c40-2a7be31d5f10"
"""The company's Entra tenant, for Teams."""


def object_id(person_key: str) -> str:
    """The id of somebody's Entra account."""
    return str(uuid5(UUID(TENANT), person_key))


def account_of(person_key: str) -> str:
    return f"entra:{TENANT}:{object_id(person_key)}"


def row_of(db: Database, person_key: str) -> sqlite3.Row:
    """The stored person; raises Refused("unknown_person")."""
    row: sqlite3.Row | None = db.execute("SELECT * FROM people WHERE key = ?", (person_key,)).fetchone()
    if row is None:
        raise Refused("unknown_person", person_key)
    return row


def active_row_of(db: Database, person_key: str) -> sqlite3.Row:
    """The same, of somebody who still works there; raises Refused("inactive_person")."""
    row = row_of(db, person_key)
    if not row["active"]:
        raise Refused("inactive_person", person_key)
    return row


def today_of(person: sqlite3.Row, now: datetime) -> date:
    """The date where they are."""
    return now.astimezone(ZoneInfo(person["timezone"])).date()


def person_of(db: Database, row: sqlite3.Row) -> DirectoryPerson:
    groups = db.execute('SELECT "group" FROM memberships WHERE person_key = ?', (row["key"],)).fetchall()
    return DirectoryPerson(
        key=row["key"],
        name=row["name"],
        email=row["email"],
        timezone=row["timezone"],
        locale=row["locale"],
        manager_key=row["manager_key"],
        groups=frozenset(group["group"] for group in groups),
        attributes={"country": row["country"], "department": row["department"], "office": row["office"]},
        title=row["title"],
        active=bool(row["active"]),
        guest=bool(row["guest"]),
        privileged=bool(row["privileged"]),
        accounts=frozenset((account_of(row["key"]),)),
    )


class SandboxDirectory:
    """Implements `connectors.ports.people.Directory`."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def get(self, key: str) -> DirectoryPerson | None:
        def work(db: Database, now: datetime) -> DirectoryPerson | None:
            row = db.execute("SELECT * FROM people WHERE key = ?", (key,)).fetchone()
            return person_of(db, row) if row else None

        return await self._store.read("people.get", work)

    async def by_email(self, email: str) -> DirectoryPerson | None:
        def work(db: Database, now: datetime) -> DirectoryPerson | None:
            rows = db.execute("SELECT * FROM people WHERE email = ?", (email.strip(),)).fetchall()
            if len(rows) > 1:
                raise NeedsHuman("ambiguous", ", ".join(row["key"] for row in rows))
            return person_of(db, rows[0]) if rows else None

        return await self._store.read("people.by_email", work)

    async def by_account(self, account: str) -> DirectoryPerson | None:
        def work(db: Database, now: datetime) -> DirectoryPerson | None:
            rows = db.execute("SELECT * FROM people").fetchall()
            found = [row for row in rows if account.lower() == account_of(row["key"])]
            return person_of(db, found[0]) if found else None

        return await self._store.read("people.by_account", work)

    async def find(self, text: str, *, limit: int = 5) -> Sequence[DirectoryPerson]:
        def work(db: Database, now: datetime) -> Sequence[DirectoryPerson]:
            rows = db.execute("SELECT * FROM people").fetchall()
            scored = [(resemblance(text, row["name"], row["email"]), row) for row in rows]
            best = sorted((pair for pair in scored if pair[0] >= RESEMBLES), key=lambda pair: (-pair[0], pair[1]["key"]))
            return [person_of(db, row) for _, row in best[:limit]]

        return await self._store.read("people.find", work)

    async def members(self, group: str) -> Sequence[DirectoryPerson]:
        def work(db: Database, now: datetime) -> Sequence[DirectoryPerson]:
            rows = db.execute(
                """SELECT p.* FROM people p JOIN memberships m ON m.person_key = p.key
                   WHERE m."group" = ? AND p.active ORDER BY p.name, p.key""",
                (group,),
            ).fetchall()
            return [person_of(db, row) for row in rows]

        return await self._store.read("people.members", work)
