"""SQLite's own connections do all that SQLAlchemy asks of aiosqlite's, and visit their thread once a statement."""

import asyncio
import logging
import threading
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import Column, Integer, MetaData, String, Table, insert, literal, select, text, update
from sqlalchemy.exc import IntegrityError, OperationalError
from sqlalchemy.ext.asyncio import AsyncEngine

from bot.database import Sessions, connect
from bot.sqlite import AHEAD, open_file

metadata = MetaData()
thing = Table("thing", metadata, Column("id", Integer, primary_key=True), Column("name", String, unique=True))


@pytest.fixture
async def engine(tmp_path: Path) -> AsyncIterator[AsyncEngine]:
    made, _ = connect(f"sqlite+aiosqlite:///{tmp_path / 'a.db'}")
    async with made.begin() as connection:
        await connection.run_sync(metadata.create_all)
    yield made
    await made.dispose()


@pytest.fixture
def sessions(engine: AsyncEngine) -> Sessions:
    return Sessions(engine)


async def fill(sessions: Sessions, count: int) -> None:
    async with sessions.begin() as session:
        await session.execute(insert(thing), [{"id": n, "name": f"n{n}"} for n in range(1, count + 1)])


@pytest.mark.parametrize("count", [0, 1, AHEAD - 1, AHEAD, AHEAD + 1, 2 * AHEAD + 7])
async def test_every_row_is_read_once(sessions: Sessions, count: int) -> None:
    if count:
        await fill(sessions, count)
    ids = list(range(1, count + 1))
    async with sessions() as session:
        assert list(await session.scalars(select(thing.c.id).order_by(thing.c.id))) == ids
        streamed = [rows async for rows in (await session.stream_scalars(select(thing.c.id).order_by(thing.c.id))).partitions(300)]
        assert [one for rows in streamed for one in rows] == ids
        assert (await session.execute(select(thing.c.id).order_by(thing.c.id))).scalars().first() == (1 if count else None)


async def test_a_stream_that_is_left_lets_others_read_and_write(sessions: Sessions) -> None:
    await fill(sessions, 2 * AHEAD)
    async with sessions() as session:
        async for _ in await session.stream_scalars(select(thing.c.id)):
            break
    async with sessions.begin() as session:
        assert (await session.execute(update(thing).values(name=thing.c.name + literal("x")))).rowcount == 2 * AHEAD  # type: ignore[attr-defined]


async def test_what_was_written_is_counted_and_numbered(sessions: Sessions) -> None:
    async with sessions.begin() as session:
        made = await session.execute(insert(thing).values(name="a"))
        assert made.inserted_primary_key == (1,)  # type: ignore[attr-defined]
        assert (await session.execute(insert(thing).values(name="b").returning(thing.c.id))).scalar_one() == 2
        assert (await session.execute(update(thing).where(thing.c.name == "nobody").values(name="c"))).rowcount == 0  # type: ignore[attr-defined]
        connection = await session.connection()
        both = await connection.exec_driver_sql("UPDATE thing SET name = name || :more RETURNING id", {"more": "!"})
        assert (both.rowcount, len(both.fetchmany())) == (2, 1)


async def test_an_error_is_told_and_the_connection_goes_on(sessions: Sessions) -> None:
    await fill(sessions, 1)

    async def twice() -> None:
        async with sessions.begin() as session:
            await session.execute(insert(thing).values(name="kept back"))
            await session.execute(insert(thing).values(name="n1"))

    with pytest.raises(IntegrityError):
        await twice()
    async with sessions() as session:
        with pytest.raises(OperationalError):
            await session.execute(text("SELECT * FROM nothing"))
    async with sessions() as session:
        assert list(await session.scalars(select(thing.c.name))) == ["n1"]


async def test_what_was_given_up_while_it_began_is_rolled_back(tmp_path: Path) -> None:
    connection = await open_file(str(tmp_path / "a.db"), 30.0)
    gate = threading.Event()
    busy = asyncio.create_task(connection._execute(gate.wait))
    begins = asyncio.create_task(connection.cursor().execute("BEGIN IMMEDIATE"))
    await asyncio.sleep(0)
    begins.cancel()
    await asyncio.wait({begins})
    rolled_back = asyncio.create_task(connection.rollback())
    await asyncio.sleep(0)
    gate.set()
    await asyncio.gather(busy, rolled_back)
    await connection._execute(int)  # whatever was asked for is done by now
    assert not connection.in_transaction
    await connection.close()


async def test_a_reading_transaction_visits_the_thread_for_its_begin_its_statement_and_its_end(
    sessions: Sessions, caplog: pytest.LogCaptureFixture
) -> None:
    await fill(sessions, 3)
    with caplog.at_level(logging.DEBUG, "aiosqlite"):
        async with sessions() as session:
            assert len((await session.execute(select(thing))).all()) == 3
    assert len([record for record in caplog.records if record.getMessage().startswith("executing")]) == 3
