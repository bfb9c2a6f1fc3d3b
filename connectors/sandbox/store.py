"""The company's file: one thread that owns the connection, keyed effects, faults in front of every call.

A thread of its own rather than the loop's default executor: the workflow engine shuts that one down.
"""

import asyncio
import json
import sqlite3
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TypeVar

from connectors.errors import OutcomeUnknown, Refused, Retry
from connectors.ports.records import Clock, Json
from connectors.ports.systems import Effect
from connectors.sandbox import faults
from connectors.sandbox.faults import Fault, FaultKind
from connectors.sandbox.schema import to_text

T = TypeVar("T")
Database = sqlite3.Connection

BUSY_SECONDS = 5.0
"""How long a call waits for another process that is writing."""

UNAVAILABLE = {
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_LOCKED,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_READONLY,
}


@dataclass(frozen=True, slots=True)
class Applied:
    """What one change did, and to whom."""

    person_key: str
    reference: str
    changed: bool = True
    detail: Mapping[str, Json] | None = None


class Store:
    """Reads and changes of the company, as the ports make them."""

    def __init__(self, path: Path, clock: Clock) -> None:
        self._path = path
        self._clock = clock
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="sandbox")
        self._connection: sqlite3.Connection | None = None

    async def open(self) -> None:
        await self._run(self._connect)

    async def close(self) -> None:
        await self._run(self._disconnect)
        self._thread.shutdown(wait=False)

    async def read(self, operation: str, work: Callable[[Database, datetime], T]) -> T:
        """One read of a port, with the faults planned for it."""
        fault = await self._struck(operation)
        found = await self.look(work)
        if fault is not None:
            fault.after()
        return found

    async def change(self, operation: str, target: str, key: str, work: Callable[[Database, datetime], Applied]) -> Effect:
        """One change of a port: at most one effect a key, with the faults planned for it.

        The key row, the effect and its journal entry are one transaction. `target` is the person or record that is changed;
        raises Refused("key_reused") when the key was used for another operation or target.
        """
        fault = await self._struck(operation)
        honoured = fault is None or fault.kind is not FaultKind.IGNORE_KEY
        effect = await self.transact(partial(_keyed, operation, target, key, honoured, work))
        if fault is not None:
            fault.after()
        return effect

    async def look(self, work: Callable[[Database, datetime], T]) -> T:
        """A read that no fault strikes: for the person at the controls, not for the ports. One snapshot."""
        return await self._run(partial(self._within, "BEGIN", work))

    async def transact(self, work: Callable[[Database, datetime], T]) -> T:
        """A change that no fault strikes and no key guards."""
        return await self._run(partial(self._within, "BEGIN IMMEDIATE", work))

    async def _struck(self, operation: str) -> Fault | None:
        if not await self.look(lambda db, now: bool(db.execute("SELECT 1 FROM faults LIMIT 1").fetchall())):
            return None
        fault = await self.transact(lambda db, now: faults.draw(db, operation))
        if fault is not None:
            await fault.before()
        return fault

    async def _run(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)

    def _connect(self) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._connection = sqlite3.connect(self._path, timeout=BUSY_SECONDS, isolation_level=None)
        self._connection.row_factory = sqlite3.Row
        self._switch_to_wal(self._connection)
        self._connection.execute("PRAGMA synchronous = FULL")

    def _switch_to_wal(self, db: Database) -> None:
        # Of two processes that start at once one finds the file locked, and SQLite does not wait here as it does elsewhere.
        deadline = time.monotonic() + BUSY_SECONDS
        while True:
            try:
                db.execute("PRAGMA journal_mode = WAL")
                return
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                    raise
                time.sleep(0.01)

    def _disconnect(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _within(self, begin: str, work: Callable[[Database, datetime], T]) -> T:
        if self._connection is None:
            raise Retry("not_open")
        db = self._connection
        try:
            db.execute(begin)
            try:
                done = work(db, self._clock())
            except BaseException:
                # A full disk has rolled back by itself.
                if db.in_transaction:
                    db.execute("ROLLBACK")
                raise
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF in UNAVAILABLE:
                raise Retry("unavailable", str(error)) from error
            raise
        try:
            db.execute("COMMIT")
        except sqlite3.OperationalError as error:
            if db.in_transaction:
                db.execute("ROLLBACK")
            raise OutcomeUnknown("unavailable", str(error)) from error
        return done


def _keyed(
    operation: str, target: str, key: str, honoured: bool, work: Callable[[Database, datetime], Applied], db: Database, now: datetime
) -> Effect:
    if not key:
        raise Refused("no_key")
    first = db.execute("SELECT * FROM idempotency_keys WHERE key = ?", (key,)).fetchone() if honoured else None
    if first is not None:
        if (first["operation"], first["target"]) != (operation, target):
            raise Refused("key_reused", f"{first['operation']} is not {operation} of the same target")
        return Effect(first["reference"], changed=False, detail=json.loads(first["detail"]))
    applied = work(db, now)
    detail = dict(applied.detail or {})
    db.execute(
        "INSERT OR REPLACE INTO idempotency_keys (key, operation, target, reference, detail) VALUES (?, ?, ?, ?, ?)",
        (key, operation, target, applied.reference, json.dumps(detail)),
    )
    if applied.changed:
        db.execute(
            "INSERT INTO effects (operation, key, person_key, at, json) VALUES (?, ?, ?, ?, ?)",
            (operation, key, applied.person_key, to_text(now), json.dumps({"reference": applied.reference, **detail})),
        )
    return Effect(applied.reference, applied.changed, detail)
