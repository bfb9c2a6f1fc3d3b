"""The migrations make exactly the tables of the code, on both databases."""

from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection

from bot.database import connect
from bot.migrations import METADATA, upgrade


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
