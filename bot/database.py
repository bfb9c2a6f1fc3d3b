"""The application's database: one engine, sessions that read, and transactions that write.

On SQLite a transaction that reads first and writes later fails when somebody else wrote in between; so a writing one
(`sessions.begin()`) takes the write lock at its start, and a reading one (`sessions()`) never does.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager, nullcontext
from functools import partial
from typing import Any, TypeVar

from sqlalchemy import Connection, Table, event, make_url
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.pool import ConnectionPoolEntry

from bot.sqlite import open_file

T = TypeVar("T")


class Turnstile:
    """Lets one through at a time, in the order in which they came; whoever is urgent goes before the others."""

    def __init__(self) -> None:
        self._taken = False
        self._waiting: deque[asyncio.Future[None]] = deque()

    @asynccontextmanager
    async def through(self, *, urgent: bool) -> AsyncIterator[None]:
        if self._taken:
            turn = asyncio.get_running_loop().create_future()
            (self._waiting.appendleft if urgent else self._waiting.append)(turn)
            try:
                await turn
            except asyncio.CancelledError:
                if turn.done() and not turn.cancelled():
                    self._next()
                raise
        self._taken = True
        try:
            yield
        finally:
            self._next()

    def _next(self) -> None:
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                return
        self._taken = False


class Sessions(async_sessionmaker[AsyncSession]):
    """Writers of one process queue up here on SQLite: its own waiting is by polling, and slow."""

    def __init__(self, engine: AsyncEngine) -> None:
        super().__init__(engine, expire_on_commit=False)
        self._turnstile = Turnstile() if engine.dialect.name == "sqlite" else None
        self._writers: set[asyncio.Task[Any] | None] = set()
        self._in_peace: set[asyncio.Task[Any]] = set()

    @asynccontextmanager
    async def begin(self, *, urgent: bool = False) -> AsyncIterator[AsyncSession]:  # type: ignore[override]
        """A transaction that writes: committed at the end of the block, rolled back on an exception. `urgent`: somebody outside
        waits for it, so it goes before those that only this process waits for.
        """
        turnstile = self._turnstile.through(urgent=urgent) if self._turnstile is not None else nullcontext()
        async with turnstile:
            writer = asyncio.current_task()
            self._writers.add(writer)
            try:
                async with self() as session, session.begin():
                    await session.connection(execution_options={"writes": True})
                    yield session
            finally:
                self._writers.discard(writer)

    def is_written_by(self, task: asyncio.Task[Any]) -> bool:
        """Whether it is within a transaction that writes: cut off there, it may keep the lock."""
        return task in self._writers

    async def in_peace(self, work: Coroutine[Any, Any, T]) -> T:
        """A short transaction that comes to its end even if whoever waits for it is cut off."""
        return await asyncio.shield(self.aside(work))

    def aside(self, work: Coroutine[Any, Any, T]) -> "asyncio.Task[T]":
        """The same, and nobody has to wait for it."""
        task = asyncio.create_task(work)
        self._in_peace.add(task)
        task.add_done_callback(self._in_peace.discard)
        return task

    async def at_rest(self) -> None:
        """Waits for what was begun in peace."""
        while self._in_peace:
            await asyncio.wait(set(self._in_peace))


def insert_into(session: AsyncSession, table: Table) -> Any:
    """An insert that can say what happens when the row is there already: both databases can, each in its own dialect."""
    return (postgresql if session.get_bind().dialect.name == "postgresql" else sqlite).insert(table)


def connect(url: str) -> tuple[AsyncEngine, Sessions]:
    """The engine and its sessions. SQLite: WAL, synchronous FULL (an acknowledged message survives a power cut)."""
    sqlite = url.startswith("sqlite")
    options: dict[str, Any] = {"pool_pre_ping": True, "pool_size": 16}
    if sqlite:
        options = {"pool_size": 8, "async_creator": partial(open_file, make_url(url).database or "", 30.0)}
    # Parameters are what people wrote: they stay out of every error's text.
    engine = create_async_engine(url, hide_parameters=True, **options)
    if sqlite:
        event.listen(engine.sync_engine, "connect", _set_up)
        event.listen(engine.sync_engine, "begin", _begin)
    return engine, Sessions(engine)


def _set_up(connection: DBAPIConnection, _: ConnectionPoolEntry) -> None:
    connection.isolation_level = None  # transactions begin where _begin says so
    cursor = connection.cursor()
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "temp_store=MEMORY"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin(connection: Connection) -> None:
    options: dict[str, Any] = dict(connection.get_execution_options())
    connection.exec_driver_sql("BEGIN IMMEDIATE" if options.get("writes") else "BEGIN")
