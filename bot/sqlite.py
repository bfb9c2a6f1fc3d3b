"""Connections to SQLite that visit their thread once a statement.

An aiosqlite connection lives in a thread of its own, and SQLAlchemy goes there to make a cursor, to execute, to read and to close it. A
visit takes longer than most of our statements do, so here one visit does all four.
"""

import asyncio
import sqlite3
from collections.abc import Callable, Iterable
from typing import Any, Final, TypeVar

import aiosqlite

T = TypeVar("T")

AHEAD: Final = 1_000
"""Rows that are read along with the execution. Whoever streams more than these reads on."""


class Cursor(aiosqlite.Cursor):
    """As SQLAlchemy uses one: executed once, read to the end or closed."""

    arraysize = 1

    def __init__(self, connection: "Connection") -> None:
        self._conn = connection
        self._open: sqlite3.Cursor | None = None
        """While there are rows that were not read ahead."""
        self._ahead: list[Any] = []
        self._description: Any = None
        self._rowcount = -1
        self._lastrowid: int | None = None

    @property
    def description(self) -> Any:
        return self._description

    @property
    def rowcount(self) -> int:
        return self._rowcount

    @property
    def lastrowid(self) -> int | None:
        return self._lastrowid

    async def __aenter__(self) -> "Cursor":
        return self

    async def execute(self, sql: str, parameters: Iterable[Any] | None = None) -> "Cursor":
        await self._visit(self._run, lambda cursor: cursor.execute(sql, () if parameters is None else parameters))
        return self

    async def executemany(self, sql: str, parameters: Iterable[Iterable[Any]]) -> "Cursor":
        await self._visit(self._run, lambda cursor: cursor.executemany(sql, parameters))
        return self

    async def fetchone(self) -> Any:
        rows = await self.fetchmany(1)
        return rows[0] if rows else None

    async def fetchmany(self, size: int | None = None) -> list[Any]:
        wanted = size or self.arraysize
        if len(self._ahead) < wanted and self._open is not None:
            self._ahead += await self._visit(self._open.fetchmany, max(wanted, AHEAD))
        rows, self._ahead = self._ahead[:wanted], self._ahead[wanted:]
        return rows

    async def fetchall(self) -> list[Any]:
        rows, self._ahead = self._ahead, []
        if self._open is not None:
            rows += await self._visit(self._open.fetchall)
            self._rowcount = self._open.rowcount
        return rows

    async def close(self) -> None:
        left, self._open = self._open, None
        if left is not None:
            await self._visit(left.close)

    async def _visit(self, work: Callable[..., T], *args: object) -> T:
        done: T = await self._conn._execute(work, *args)  # type: ignore[no-untyped-call]
        return done

    def _run(self, execute: Callable[[sqlite3.Cursor], object]) -> None:
        """In the connection's thread."""
        cursor = self._conn._conn.cursor()
        execute(cursor)
        self._description = cursor.description
        if cursor.description is not None:
            self._ahead = cursor.fetchmany(AHEAD)
        # Where a change returns rows, they are counted as they are read.
        self._rowcount, self._lastrowid = cursor.rowcount, cursor.lastrowid
        if len(self._ahead) < AHEAD:
            cursor.close()
        else:
            self._open = cursor


class Connection(aiosqlite.Connection):
    _cut_off = False
    """Somebody gave up waiting for a visit, which may still be under way: what state the connection is in is known to its thread alone."""

    def cursor(self) -> Cursor:  # type: ignore[override]
        return Cursor(self)

    async def commit(self) -> None:
        if self.in_transaction or self._cut_off:
            await super().commit()

    async def rollback(self) -> None:
        """The pool rolls back what comes back to it, which next to always has ended its transaction."""
        if self.in_transaction or self._cut_off:
            await super().rollback()

    async def _execute(self, fn: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        try:
            return await super()._execute(fn, *args, **kwargs)  # type: ignore[no-untyped-call]
        except asyncio.CancelledError:
            self._cut_off = True
            raise


async def open_file(path: str, patience: float) -> aiosqlite.Connection:
    """`patience`: seconds for which it waits for another writer."""
    connection = Connection(lambda: sqlite3.connect(path, timeout=patience, check_same_thread=False), iter_chunk_size=64)
    connection._thread.daemon = True  # as SQLAlchemy does it: what was not closed does not keep the process
    return await connection
