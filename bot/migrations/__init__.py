"""Alembic over the tables of all packages; run at every start, so that an upgrade needs no step of its own."""

from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, MetaData, inspect, text
from sqlalchemy.ext.asyncio import AsyncEngine

from bot import tables as bot_tables
from connectors.calling.tables import metadata as calling_metadata
from connectors.slack.store import metadata as slack_metadata
from connectors.teams.tables import metadata as teams_metadata
from connectors.web.store import metadata as web_metadata
from knowledge.store import metadata as knowledge_metadata
from specialists.tables import metadata as specialists_metadata

METADATA: tuple[MetaData, ...] = (
    bot_tables.metadata,
    specialists_metadata,
    knowledge_metadata,
    calling_metadata,
    web_metadata,
    slack_metadata,
    teams_metadata,
)
"""The tables of every package that owns some."""


if TYPE_CHECKING:
    from alembic.config import Config

HERE = Path(__file__).parent
HEAD = max(path.name.split("_")[0] for path in (HERE / "versions").glob("[0-9]*.py"))
"""The newest revision; they are numbered."""


def config() -> "Config":
    from alembic.config import Config

    made = Config()
    made.set_main_option("script_location", str(HERE))
    return made


def pending(connection: Connection) -> bool:
    """Whether the database is older than this code. Asked without Alembic, whose import takes longer than the answer."""
    if not inspect(connection).has_table("alembic_version"):
        return True
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one_or_none() != HEAD


async def upgrade(engine: AsyncEngine) -> None:
    """Brings the database to this code's version; nothing happens when it is."""

    def run(connection: Connection) -> None:
        if pending(connection):
            from alembic import command

            made = config()
            made.attributes["connection"] = connection
            command.upgrade(made, "head")

    async with engine.begin() as connection:
        await connection.run_sync(run)
