"""Alembic's entry point. Who runs it gives the connection: `bot.migrations.upgrade` at every start, `python -m bot.migrations`."""

from typing import Any, Literal

from alembic import context
from sqlalchemy import Connection

from bot.migrations import METADATA
from connectors.ports.records import UtcDateTime


def run(connection: Connection) -> None:
    context.configure(
        connection=connection,
        target_metadata=list(METADATA),
        include_object=_ours,
        render_item=_plain,
    )
    with context.begin_transaction():
        context.run_migrations()


def _ours(_object: Any, name: str | None, kind: str, reflected: bool, _compare: Any) -> bool:
    """The tables behind the lexical index are made by its own statements."""
    return not (kind == "table" and reflected and name is not None and all(name not in metadata.tables for metadata in METADATA))


def _plain(kind: str, item: Any, _context: Any) -> str | Literal[False]:
    """A migration stands alone: it names no type of this code, which may change under it."""
    return "sa.DateTime(timezone=True)" if kind == "type" and isinstance(item, UtcDateTime) else False


run(context.config.attributes["connection"])
