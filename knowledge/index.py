"""The port of the vector index, and its in-memory twin.

An index holds projections of what the database knows. It may be lost at any time: whoever fills a collection can fill it
again, and whoever reads one checks what it names against the database.
"""

from collections.abc import Sequence, Set
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from knowledge.embedding.port import Vector, Vectors


@dataclass(frozen=True, slots=True)
class Hit:
    """`similarity` is the cosine."""

    id: str
    similarity: float


class Collection(Protocol):
    """Entries of which each is in one part, so that a query among some parts costs nothing, however few entries they have.

    Any call may raise `connectors.errors.Retry("index_unavailable")`.
    """

    async def upsert(self, ids: Sequence[str], vectors: Vectors, parts: Sequence[str]) -> None:
        """Adds or replaces entries, each id once. Found by queries as soon as this returns."""

    async def delete(self, ids: Sequence[str]) -> None:
        """Unknown ids are ignored."""

    async def query(self, vector: Vector, limit: int, among: Set[str]) -> list[Hit]:
        """The nearest entries of these parts, nearest first. Approximate in large parts, but never one of another part."""

    async def ids(self) -> Set[str]:
        """Of all entries; takes a fifth of a second for 100,000."""

    async def count(self) -> int: ...

    async def clear(self) -> None: ...


class Index(Protocol):
    """The contract suite in tests/contract/ runs on every implementation."""

    @property
    def ready(self) -> bool:
        """Whether it is open; else the first call opens it, which may take a second."""

    def collection(self, name: str) -> Collection:
        """The collection of that name (3 or more of a-z, 0-9, - and _), empty at first. Does no I/O."""

    async def names(self) -> Sequence[str]:
        """Of the collections that have entries, perhaps of some that had."""

    async def close(self) -> None: ...


class MemoryIndex:
    """The in-memory twin: exact, and gone with the process."""

    def __init__(self) -> None:
        self._collections: dict[str, MemoryCollection] = {}

    ready = True

    def collection(self, name: str) -> "MemoryCollection":
        return self._collections.setdefault(name, MemoryCollection())

    async def names(self) -> Sequence[str]:
        return [name for name, collection in self._collections.items() if await collection.count()]

    async def close(self) -> None:
        self._collections.clear()


class MemoryCollection:
    def __init__(self) -> None:
        self._vectors: dict[str, Vector] = {}
        self._parts: dict[str, str] = {}

    async def upsert(self, ids: Sequence[str], vectors: Vectors, parts: Sequence[str]) -> None:
        for id_, vector, part in zip(ids, vectors, parts, strict=True):
            self._vectors[id_] = np.array(vector, dtype=np.float32)
            self._parts[id_] = part

    async def delete(self, ids: Sequence[str]) -> None:
        for id_ in ids:
            self._vectors.pop(id_, None)
            self._parts.pop(id_, None)

    async def query(self, vector: Vector, limit: int, among: Set[str]) -> list[Hit]:
        ids = [id_ for id_, part in self._parts.items() if part in among]
        if not ids or limit < 1:
            return []
        similarities = np.stack([self._vectors[id_] for id_ in ids]) @ vector
        nearest = np.argsort(-similarities, kind="stable")[:limit]
        return [Hit(ids[place], float(similarities[place])) for place in nearest]

    async def ids(self) -> Set[str]:
        return self._vectors.keys()

    async def count(self) -> int:
        return len(self._vectors)

    async def clear(self) -> None:
        self._vectors.clear()
        self._parts.clear()
