"""Alembic over the tables of all packages; run at every start, so that an upgrade needs no step of its own."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, MetaData
from sqlalchemy.ext.asyncio import AsyncEngine

from bot import tables as bot_tables
from connectors.web.store import metadata as web_metadata
from knowledge.store import metadata as knowledge_metadata
from specialists.tables import metadata as specialists_metadata

METADATA: tuple[MetaData, ...] = (bot_tables.metadata, specialists_metadata, knowledge_metadata, web_metadata)
"""The tables of every package that owns some."""


def config() -> Config:
    made = Config()
    made.set_main_option("script_location", str(Path(__file__).parent))
    return made


def pending(connection: Connection) -> bool:
    """Whether the database is older than this code."""
    return MigrationContext.configure(connection).get_current_revision() != ScriptDirectory.from_config(config()).get_current_head()


async def upgrade(engine: AsyncEngine) -> None:
    """Brings the database to this code's version; nothing happens when it is."""

    def run(connection: Connection) -> None:
        if pending(connection):
            made = config()
            made.attributes["connection"] = connection
            command.upgrade(made, "head")

    async with engine.begin() as connection:
        await connection.run_sync(run)
