"""The port of the vector index, and its in-memory twin.

An index holds projections of what the database knows (articles, utterances, closed requests). It may be lost at any
time: whoever fills a collection can fill it again, and whoever reads one checks what it names against the database.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from knowledge.embedding.port import Vector, Vectors

MetadataValue = str | int | float | bool | tuple[str, ...]
Metadata = Mapping[str, MetadataValue]
"""What is kept with a vector. A tuple is not empty."""
Where = Mapping[str, frozenset[str]]
"""A filter: AND across keys, OR within one. A key matches a string that is among the values, or a tuple that has one."""


@dataclass(frozen=True, slots=True)
class Hit:
    """`similarity` is the cosine."""

    id: str
    similarity: float
    metadata: Metadata


class Collection(Protocol):
    """One kind of entries. Any call may raise `connectors.errors.Retry("index_unavailable")`."""

    async def upsert(self, ids: Sequence[str], vectors: Vectors, metadata: Sequence[Metadata]) -> None:
        """Adds or replaces entries, each with some metadata. Found by queries as soon as this returns."""

    async def delete(self, ids: Sequence[str]) -> None:
        """Unknown ids are ignored."""

    async def delete_where(self, where: Where) -> None: ...

    async def query(self, vector: Vector, limit: int, where: Where | None = None, *, bare: bool = False) -> list[Hit]:
        """The nearest entries that match, nearest first. Approximate in large collections, but never one that does not match.

        `bare`: without their metadata, which may take longer to read than the search.
        """

    async def count(self) -> int: ...

    async def clear(self) -> None: ...


class Index(Protocol):
    """The contract suite in tests/contract/ runs on every implementation."""

    @property
    def ready(self) -> bool:
        """Whether it is open; else the first call opens it, which may take a second."""

    def collection(self, name: str, apart: str | None = None) -> Collection:
        """The collection of that name (3 or more of a-z, 0-9, - and _), empty at first. Does no I/O.

        `apart`: a key that every entry's metadata has, with a string. Entries that differ in it may be kept apart, so that a
        filter by it costs nothing, however few entries match. Always the same for a collection.
        """

    async def names(self) -> Sequence[str]:
        """Of the collections that have entries, perhaps of some that had."""

    async def close(self) -> None: ...


def matches(metadata: Metadata, where: Where) -> bool:
    return all(_matches_one(metadata.get(key), values) for key, values in where.items())


def _matches_one(value: MetadataValue | None, values: frozenset[str]) -> bool:
    return not values.isdisjoint(value) if isinstance(value, tuple) else value in values


class MemoryIndex:
    """The in-memory twin: exact, and gone with the process."""

    def __init__(self) -> None:
        self._collections: dict[str, MemoryCollection] = {}

    ready = True

    def collection(self, name: str, apart: str | None = None) -> "MemoryCollection":
        return self._collections.setdefault(name, MemoryCollection())

    async def names(self) -> Sequence[str]:
        return [name for name, collection in self._collections.items() if await collection.count()]

    async def close(self) -> None:
        self._collections.clear()


class MemoryCollection:
    def __init__(self) -> None:
        self._vectors: dict[str, Vector] = {}
        self._metadata: dict[str, Metadata] = {}

    async def upsert(self, ids: Sequence[str], vectors: Vectors, metadata: Sequence[Metadata]) -> None:
        for id_, vector, about in zip(ids, vectors, metadata, strict=True):
            self._vectors[id_] = np.array(vector, dtype=np.float32)
            self._metadata[id_] = dict(about)

    async def delete(self, ids: Sequence[str]) -> None:
        for id_ in ids:
            self._vectors.pop(id_, None)
            self._metadata.pop(id_, None)

    async def delete_where(self, where: Where) -> None:
        await self.delete([id_ for id_, metadata in self._metadata.items() if matches(metadata, where)])

    async def query(self, vector: Vector, limit: int, where: Where | None = None, *, bare: bool = False) -> list[Hit]:
        ids = [id_ for id_, metadata in self._metadata.items() if where is None or matches(metadata, where)]
        if not ids or limit < 1:
            return []
        similarities = np.stack([self._vectors[id_] for id_ in ids]) @ vector
        nearest = np.argsort(-similarities, kind="stable")[:limit]
        return [Hit(ids[place], float(similarities[place]), {} if bare else self._metadata[ids[place]]) for place in nearest]

    async def count(self) -> int:
        return len(self._vectors)

    async def clear(self) -> None:
        self._vectors.clear()
        self._metadata.clear()
