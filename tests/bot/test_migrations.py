"""The migrations make exactly the tables of the code, on both databases."""

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from bot.database import connect
from bot.migrations import HERE, METADATA, upgrade


async def test_the_migrated_database_is_the_one_that_the_code_means(database_url: str) -> None:
    engine, _ = connect(database_url)
    await upgrade(engine)
    await upgrade(engine)  # a second start changes nothing

    def differences(connection: Connection) -> list[object]:
        known = {name for metadata in METADATA for name in metadata.tables}

        def ours(_object: object, name: str | None, kind: str, reflected: bool, _compare: object) -> bool:
            return not (kind == "table" and reflected and name not in known)

        context = MigrationContext.configure(connection, opts={"include_object": ours, "compare_type": True})
        return list(compare_metadata(context, list(METADATA)))

    async with engine.connect() as connection:
        assert await connection.run_sync(differences) == []
    await engine.dispose()


def test_a_migration_stands_alone() -> None:
    """It makes the same tables whatever becomes of the code."""
    for version in (HERE / "versions").glob("*.py"):
        imported = [line.split()[1].split(".")[0] for line in version.read_text().splitlines() if line.startswith(("import ", "from "))]
        assert set(imported) <= {"sqlalchemy", "alembic"}, version.name


async def test_a_migrated_audit_refuses_changes(database_url: str) -> None:
    engine, _ = connect(database_url)
    await upgrade(engine)
    row = {"id": "e", "at": "2026-11-20 15:00:00", "kind": "action", "event": "x", "actor_id": "a", "data": "{}"}
    into = f"INSERT INTO audit_event ({', '.join(row)}) VALUES ({', '.join(':' + name for name in row)})"
    async with engine.begin() as connection:
        await connection.execute(text(into), row)
    for change in ("UPDATE audit_event SET event = 'y'", "DELETE FROM audit_event"):
        with pytest.raises(DBAPIError, match="append-only"):
            async with engine.begin() as connection:
                await connection.execute(text(change))
    await engine.dispose()
