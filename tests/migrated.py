"""Databases with all tables and nothing in them, migrated once a process and copied after that: migrating takes longer than most tests."""

import uuid
from pathlib import Path

from sqlalchemy import text

from bot.database import connect

_files: dict[str, bytes] = {}
_templates: dict[str, str] = {}
"""By server: the name of its migrated database."""


async def sqlite_file(path: Path) -> str:
    """The url of a new database at `path`."""
    url = f"sqlite+aiosqlite:///{path}"
    if "migrated" not in _files:
        await _migrate(url)
        _files["migrated"] = path.read_bytes()
    path.write_bytes(_files["migrated"])
    return url


async def on_server(server: str, *, migrated: bool = True) -> str:
    """The url of a new database on this PostgreSQL."""
    if migrated and server not in _templates:
        template = await on_server(server, migrated=False)
        await _migrate(template)
        _templates[server] = _name(template)
    made = _named(server, f"test_{uuid.uuid4().hex}")
    engine, _ = connect(server)
    async with engine.connect() as connection:
        template = f" TEMPLATE {_templates[server]}" if migrated else ""
        alone = await connection.execution_options(isolation_level="AUTOCOMMIT")
        await alone.execute(text(f"CREATE DATABASE {_name(made)}{template}"))
    await engine.dispose()
    return made


async def _migrate(url: str) -> None:
    from bot.migrations import upgrade  # imports every package; most tests need none of them

    engine, _ = connect(url)
    await upgrade(engine)
    await engine.dispose()


def _named(server: str, name: str) -> str:
    base, _, query = server.partition("?")
    return f"{base.rsplit('/', 1)[0]}/{name}{f'?{query}' if query else ''}"


def _name(url: str) -> str:
    return url.partition("?")[0].rsplit("/", 1)[1]
