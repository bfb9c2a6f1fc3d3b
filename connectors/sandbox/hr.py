"""Leave in the sandbox company: its records, and leave.py's arithmetic on them."""

import sqlite3
from collections.abc import Sequence
from datetime import date, datetime

from connectors.errors import Refused
from connectors.ports.systems import Effect, Leave, LeaveBalance
from connectors.sandbox.holidays import working_dates
from connectors.sandbox.leave import Employment, affordable, balance
from connectors.sandbox.people import active_row_of, row_of, today_of
from connectors.sandbox.store import Applied, Database, Store

LONGEST = 366
"""Days in one period."""


def balance_of(db: Database, now: datetime, person_key: str, year: int) -> LeaveBalance:
    """Raises Refused("no_records") for a year before leave was recorded, or one that is too far ahead."""
    person = row_of(db, person_key)
    employment, today = _employment(db, person), today_of(person, now)
    if not employment.records_since <= year <= today.year + 1:
        raise Refused("no_records", str(year))
    return balance(employment, _days_off(db, person), year, today)


def leaves_of(db: Database, person_key: str) -> list[Leave]:
    row_of(db, person_key)
    rows = db.execute("SELECT * FROM leaves WHERE person_key = ? ORDER BY start, id", (person_key,)).fetchall()
    return [
        Leave(f"leave:{row['id']}", date.fromisoformat(row["start"]), date.fromisoformat(row["end"]), row["days"], row["status"])
        for row in rows
    ]


class SandboxHr:
    """Implements `connectors.ports.systems.Hr`. Guests have no leave: Refused("not_an_employee")."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def leave_balance(self, person_key: str, year: int) -> LeaveBalance:
        return await self._store.read("hr.leave_balance", lambda db, now: balance_of(db, now, person_key, year))

    async def leaves(self, person_key: str) -> Sequence[Leave]:
        return await self._store.read("hr.leaves", lambda db, now: leaves_of(db, person_key))

    async def working_days(self, person_key: str, start: date, end: date) -> float:
        """Raises Refused("end_before_start" | "too_long")."""

        def work(db: Database, now: datetime) -> float:
            return float(len(_working_dates(row_of(db, person_key), start, end)))

        return await self._store.read("hr.working_days", work)

    async def book_leave(self, person_key: str, start: date, end: date, *, key: str) -> Effect:
        """Also Refused("in_the_past" | "too_far_ahead" | "no_working_days" | "end_before_start" | "too_long")."""

        def work(db: Database, now: datetime) -> Applied:
            person = active_row_of(db, person_key)
            employment, today = _employment(db, person), today_of(person, now)
            wanted = _working_dates(person, start, end)
            if start < today:
                raise Refused("in_the_past", start.isoformat())
            if end.year > today.year + 1:
                raise Refused("too_far_ahead", end.isoformat())
            if not wanted:
                raise Refused("no_working_days", f"{start}/{end}")
            clash = db.execute(
                """SELECT id FROM leaves WHERE person_key = ? AND status = 'booked' AND start <= ? AND "end" >= ?""",
                (person_key, end.isoformat(), start.isoformat()),
            ).fetchone()
            if clash is not None:
                raise Refused("overlap", f"leave:{clash['id']}")
            days_off = _days_off(db, person) | set(wanted)
            if not all(affordable(employment, days_off, year, today) for year in {day.year for day in wanted}):
                raise Refused("insufficient_balance", f"{len(wanted)} days")
            made = db.execute(
                """INSERT INTO leaves (person_key, start, "end", days, status) VALUES (?, ?, ?, ?, 'booked')""",
                (person_key, start.isoformat(), end.isoformat(), len(wanted)),
            )
            return Applied(person_key, f"leave:{made.lastrowid}", detail={"days": float(len(wanted))})

        return await self._store.change("hr.book_leave", person_key, key, work)

    async def cancel_leave(self, reference: str, *, key: str) -> Effect:
        """Raises Refused("unknown_leave" | "already_started")."""

        def work(db: Database, now: datetime) -> Applied:
            row = db.execute("SELECT * FROM leaves WHERE 'leave:' || id = ?", (reference,)).fetchone()
            if row is None:
                raise Refused("unknown_leave", reference)
            if row["status"] == "cancelled":
                return Applied(row["person_key"], reference, changed=False)
            if date.fromisoformat(row["start"]) < today_of(row_of(db, row["person_key"]), now):
                raise Refused("already_started", reference)
            db.execute("UPDATE leaves SET status = 'cancelled' WHERE id = ?", (row["id"],))
            return Applied(row["person_key"], reference, detail={"days": row["days"]})

        return await self._store.change("hr.cancel_leave", reference, key, work)


def _employment(db: Database, person: sqlite3.Row) -> Employment:
    if person["guest"]:
        raise Refused("not_an_employee", person["key"])
    since = db.execute("SELECT value FROM company WHERE key = 'leave_records_since'").fetchone()
    return Employment(person["country"], date.fromisoformat(person["hired"]), int(since["value"]))


def _days_off(db: Database, person: sqlite3.Row) -> set[date]:
    booked = [leave for leave in leaves_of(db, person["key"]) if leave.status == "booked"]
    return {day for leave in booked for day in working_dates(person["country"], leave.start, leave.end)}


def _working_dates(person: sqlite3.Row, start: date, end: date) -> list[date]:
    if end < start:
        raise Refused("end_before_start", f"{start}/{end}")
    if (end - start).days >= LONGEST:
        raise Refused("too_long", f"{start}/{end}")
    return working_dates(person["country"], start, end)
