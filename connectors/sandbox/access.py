"""Who may use which application in the sandbox company.

It keeps the end that a grant was given and does nothing when that is reached, as most applications: ending it is up to whoever
granted it.
"""

import json
from collections.abc import Sequence
from datetime import datetime

from connectors.errors import Refused
from connectors.ports.systems import Application, Effect, Entitlement
from connectors.sandbox.people import active_row_of, row_of
from connectors.sandbox.schema import to_text, to_time
from connectors.sandbox.store import Applied, Database, Store


def entitlements_of(db: Database, person_key: str, application_key: str | None = None) -> list[Entitlement]:
    _check_known(db, person_key)
    rows = db.execute(
        """SELECT * FROM entitlements WHERE person_key = ? AND application_key = coalesce(?, application_key)
           ORDER BY application_key, role""",
        (person_key, application_key),
    ).fetchall()
    return [
        Entitlement(f"entitlement:{row['id']}", row["person_key"], row["application_key"], row["role"], to_time(row["until"]))
        for row in rows
    ]


class SandboxAccess:
    """Implements `connectors.ports.systems.Access`."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def applications(self) -> Sequence[Application]:
        def work(db: Database, now: datetime) -> Sequence[Application]:
            return [
                Application(
                    key=row["key"],
                    name=row["name"],
                    roles=tuple(json.loads(row["roles"])),
                    aliases=tuple(json.loads(row["aliases"])),
                    owner_key=row["owner_key"],
                    default_role=row["default_role"],
                    sensitive_roles=frozenset(json.loads(row["sensitive_roles"])),
                )
                for row in db.execute("SELECT * FROM applications ORDER BY name").fetchall()
            ]

        return await self._store.read("access.applications", work)

    async def entitlements(self, person_key: str, *, application_key: str | None = None) -> Sequence[Entitlement]:
        return await self._store.read("access.entitlements", lambda db, now: entitlements_of(db, person_key, application_key))

    async def grant(self, person_key: str, application_key: str, role: str, *, until: datetime, key: str) -> Effect:
        """A new end replaces the old one; access without an end is left as it is."""

        def work(db: Database, now: datetime) -> Applied:
            active_row_of(db, person_key)
            _check_role(db, application_key, role)
            if until <= now:
                raise Refused("end_in_past", until.isoformat())
            had = db.execute(
                "SELECT * FROM entitlements WHERE person_key = ? AND application_key = ? AND role = ?", (person_key, application_key, role)
            ).fetchone()
            if had is None:
                made = db.execute(
                    "INSERT INTO entitlements (person_key, application_key, role, until) VALUES (?, ?, ?, ?)",
                    (person_key, application_key, role, to_text(until)),
                )
                return Applied(person_key, f"entitlement:{made.lastrowid}", detail={"until": to_text(until)})
            reference = f"entitlement:{had['id']}"
            if had["until"] in (None, to_text(until)):
                return Applied(person_key, reference, changed=False, detail={"until": had["until"]})
            db.execute("UPDATE entitlements SET until = ? WHERE id = ?", (to_text(until), had["id"]))
            return Applied(person_key, reference, detail={"until": to_text(until), "previous_until": had["until"]})

        return await self._store.change("access.grant", f"{person_key}/{application_key}/{role}", key, work)

    async def revoke(self, person_key: str, application_key: str, role: str, *, key: str) -> Effect:
        def work(db: Database, now: datetime) -> Applied:
            _check_known(db, person_key)
            _check_role(db, application_key, role)
            had = db.execute(
                "DELETE FROM entitlements WHERE person_key = ? AND application_key = ? AND role = ? RETURNING id, until",
                (person_key, application_key, role),
            ).fetchone()
            if had is None:
                return Applied(person_key, f"entitlement:{person_key}/{application_key}/{role}", changed=False)
            return Applied(person_key, f"entitlement:{had['id']}", detail={"previous_until": had["until"]})

        return await self._store.change("access.revoke", f"{person_key}/{application_key}/{role}", key, work)


def _check_known(db: Database, person_key: str) -> None:
    """Whoever was ever given something is known here for as long as the company is, also when the directory has them no more."""
    given = "SELECT 1 FROM effects WHERE person_key = ? AND operation = 'access.grant' LIMIT 1"
    if db.execute(given, (person_key,)).fetchone() is None:
        row_of(db, person_key)


def _check_role(db: Database, application_key: str, role: str) -> None:
    row = db.execute("SELECT roles FROM applications WHERE key = ?", (application_key,)).fetchone()
    if row is None:
        raise Refused("unknown_application", application_key)
    if role not in json.loads(row["roles"]):
        raise Refused("unknown_role", f"{application_key}: {role}")
