"""A library on either database, with the in-memory twins around it."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine

from connectors.ports.people import Person
from knowledge.answering import Answerer
from knowledge.answers import Answer
from knowledge.embedding.former import Former
from knowledge.embedding.hashing import HashingEncoder
from knowledge.embedding.port import Encoder
from knowledge.index import MemoryIndex
from knowledge.lexical import create_lexical
from knowledge.library import Library
from knowledge.model import Article, Passage
from knowledge.retrieval import Retriever
from knowledge.store import metadata

NOW = datetime(2026, 9, 16, 9, 30, tzinfo=UTC)
VOCABULARY = {"country": ("US", "DE", "FR"), "department": ("Sales", "IT"), "role": ("staff",), "group": ("it-support",)}


def person(country: str = "US", department: str = "Sales", *, roles: tuple[str, ...] = ("employee",), **more: Any) -> Person:
    return Person(
        id=f"p-{country}-{department}",
        directory_key="k",
        name="Dana Whitfield",
        email="dana@acme.example",
        timezone="UTC",
        locale="en-US",
        roles=frozenset(roles),
        attributes={"country": country, "department": department},
        **more,
    )


KIM = person("GB", "IT", roles=("employee", "knowledge_admin"))


@dataclass
class RecordingAudit:
    """Keeps what was appended; `fails` makes the next append raise, in the caller's transaction."""

    events: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    fails: bool = False

    async def append(self, session: AsyncSession, **event: Any) -> None:
        if self.fails:
            raise RuntimeError("the audit cannot be written")
        self.events.append((event["event"], {"actor": event["actor_id"], **event["data"]}))


@dataclass
class Shelf:
    """A library and those who read from it."""

    sessions: async_sessionmaker[AsyncSession]
    index: MemoryIndex = field(default_factory=MemoryIndex)
    encoder: Encoder = field(default_factory=HashingEncoder)
    audit: RecordingAudit = field(default_factory=RecordingAudit)
    former: Sequence[Encoder] = ()
    """Encoders that can still be opened again by their names."""

    def __post_init__(self) -> None:
        former = Former(self.encoder.name, lambda origin: next((one for one in self.former if one.name == origin), None))
        self.library = Library(self.sessions, self.index, self.encoder, self.audit, lambda: NOW, VOCABULARY, former=former)
        self.retriever = Retriever(self.sessions, self.index, self.encoder, former=former)
        self.answerer = Answerer(self.retriever, self.encoder)

    async def put(self, text: str, name: str = "article.md", audience: tuple[str, ...] = ()) -> Article:
        """Adds and publishes."""
        added = await self.library.add(text.encode(), name, audience, by=KIM)
        return await self.library.publish(added.id, KIM)

    async def find(self, question: str, asker: Person | None = None, limit: int = 5) -> list[Passage]:
        return await self.retriever.search(question, asker or person(), limit)

    async def ask(self, question: str, asker: Person | None = None, **more: Any) -> Answer:
        return await self.answerer.answer(question, asker or person(), **more)


@pytest.fixture
async def stored(database_url: str) -> AsyncIterator[async_sessionmaker[AsyncSession]]:
    """Sessions on a database that has this package's tables and nothing else."""
    engine = create_async_engine(database_url)
    async with engine.begin() as connection:
        await connection.run_sync(metadata.create_all)
        await connection.run_sync(create_lexical)
    yield async_sessionmaker(engine, expire_on_commit=False)
    await engine.dispose()


@pytest.fixture
def shelf(stored: async_sessionmaker[AsyncSession]) -> Shelf:
    return Shelf(stored)
