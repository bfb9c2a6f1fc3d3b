"""The vector index on embedded Chroma; the only module that imports chromadb.

Chroma is imported and called in threads of this module: the import alone takes a second. One process owns the directory;
another one's rows would not be seen by vector queries.
"""

import asyncio
import hashlib
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from connectors.errors import Retry
from knowledge.embedding.port import Vector, Vectors
from knowledge.index import Hit, Metadata, Where, matches

BATCH = 5461
"""The most rows that Chroma takes in one call."""
_OVERFETCH, _LEAST_FETCH = 4, 50
"""A filtered query of a large collection costs 25 times an unfiltered one, so more is fetched and filtered here first."""
_SEARCH_WIDTH = 220
"""Finds 99 of the 100 nearest ones among 100,000."""
_THREADS = 2
_PART = "part"
"""The key in a Chroma collection's metadata that says what its entries have in common."""
_DIGITS = 24
_T = TypeVar("_T")


class ChromaIndex:
    """An `Index` in a directory of its own, which may be deleted at any time the process is down."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._client: Any = None
        self._opening = threading.Lock()
        self._executor = ThreadPoolExecutor(max_workers=_THREADS, thread_name_prefix="chroma")
        self._collections: dict[str, ChromaCollection] = {}

    @property
    def ready(self) -> bool:
        return self._client is not None

    def collection(self, name: str, apart: str | None = None) -> "ChromaCollection":
        return self._collections.setdefault(name, ChromaCollection(self, name, apart))

    async def names(self) -> Sequence[str]:
        found = await self.run(lambda: self.client().list_collections())
        return sorted({collection.name.partition(".")[0] for collection in found})

    async def close(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            await self.run(client.close)
        self._executor.shutdown(wait=False)

    def client(self) -> Any:
        """Opened on first use; called in a thread."""
        with self._opening:
            if self._client is None:
                import chromadb
                from chromadb.config import Settings

                self._directory.mkdir(parents=True, exist_ok=True)
                self._client = chromadb.PersistentClient(str(self._directory), settings=Settings(anonymized_telemetry=False))
            return self._client

    async def run(self, call: Callable[[], _T]) -> _T:
        """Runs a call to Chroma in a thread. Whatever goes wrong in there, the index can be rebuilt: `Retry`."""
        try:
            return await asyncio.get_running_loop().run_in_executor(self._executor, call)
        except Exception as error:
            raise Retry("index_unavailable", f"{type(error).__name__}: {error}") from error


class ChromaCollection:
    """Collections of Chroma: one, or one for each value of the key that keeps entries apart.

    Filtering by that key is then choosing among them. Chroma's own filter takes 30 ms for 1,000 matches among 100,000 entries
    and ten times that for many.
    """

    def __init__(self, index: ChromaIndex, name: str, apart: str | None) -> None:
        self._index = index
        self._name = name
        self._apart = apart
        self._parts: dict[str, Any] | None = None
        self._opening = threading.Lock()

    async def upsert(self, ids: Sequence[str], vectors: Vectors, metadata: Sequence[Metadata]) -> None:
        rows = [{key: list(value) if isinstance(value, tuple) else value for key, value in about.items()} for about in metadata]
        vectors = np.asarray(vectors, np.float32)
        places: dict[str, list[int]] = {}
        for place, about in enumerate(metadata):
            places.setdefault(self._part_of(about), []).append(place)

        def call() -> None:
            for part, own in places.items():
                collection = self._open(part)
                for other, elsewhere in self._all().items():
                    if other != part:
                        self._remove(elsewhere, [ids[place] for place in own])
                for start in range(0, len(own), BATCH):
                    some = own[start : start + BATCH]
                    collection.upsert(ids=[ids[p] for p in some], embeddings=vectors[some], metadatas=[rows[p] for p in some])

        await self._index.run(call)

    async def delete(self, ids: Sequence[str]) -> None:
        def call() -> None:
            for part in self._all().values():
                self._remove(part, ids)

        await self._index.run(call)

    async def delete_where(self, where: Where) -> None:
        if not where or not all(where.values()):
            return
        condition = _condition(self._rest(where))

        def call() -> None:
            for part in self._chosen(where):
                part.delete(where=condition) if condition else self._remove(part, part.get(include=[])["ids"])

        await self._index.run(call)

    async def query(self, vector: Vector, limit: int, where: Where | None = None, *, bare: bool = False) -> list[Hit]:
        where = where or {}
        if limit < 1 or not all(where.values()):
            return []
        vector, rest = np.asarray(vector, np.float32), self._rest(where)
        parts = await self._index.run(lambda: self._chosen(where))

        def call(some: Sequence[Any]) -> list[Hit]:
            return [hit for part in some for hit in _query(part, vector, limit, rest, bare)]

        # In as many threads as there are: each part takes about as long, whatever its size.
        lots = [parts[start::_THREADS] for start in range(min(_THREADS, len(parts)))]
        found = await asyncio.gather(*(self._index.run(partial(call, lot)) for lot in lots))
        return sorted((hit for hits in found for hit in hits), key=lambda hit: -hit.similarity)[:limit]

    async def count(self) -> int:
        return int(await self._index.run(lambda: sum(part.count() for part in self._all().values())))

    async def clear(self) -> None:
        def call() -> None:
            for part in self._all().values():
                self._index.client().delete_collection(part.name)
            self._parts = None

        await self._index.run(call)

    def _part_of(self, about: Metadata) -> str:
        return "" if self._apart is None else str(about[self._apart])

    def _chosen(self, where: Where) -> list[Any]:
        """Where entries that match can be."""
        wanted = where.get(self._apart) if self._apart is not None else None
        return [part for value, part in self._all().items() if wanted is None or value in wanted]

    def _rest(self, where: Where) -> Where:
        """What is left of a filter for Chroma, or for us."""
        return {key: values for key, values in where.items() if key != self._apart}

    def _all(self) -> dict[str, Any]:
        """The collections that there are, by their value of the key."""
        with self._opening:
            if self._parts is None:
                there = {collection.name: collection for collection in self._index.client().list_collections()}
                own = [collection for name, collection in there.items() if name == self._name or name.startswith(f"{self._name}.")]
                # Opened once more without an embedding function: Chroma would load, and first download, a model of its own.
                self._parts = {
                    str((one.metadata or {}).get(_PART, "")): self._index.client().get_collection(one.name, embedding_function=None)
                    for one in own
                }
            return self._parts

    def _open(self, part: str) -> Any:
        self._all()
        with self._opening:
            parts = self._parts or {}
            if part not in parts:
                name = self._name if self._apart is None else f"{self._name}.{hashlib.sha256(part.encode()).hexdigest()[:_DIGITS]}"
                made = self._index.client().get_or_create_collection(
                    name,
                    configuration={"hnsw": {"space": "cosine", "ef_search": _SEARCH_WIDTH}},
                    metadata={_PART: part} if self._apart is not None else None,
                    embedding_function=None,
                )
                # Another one instead of a change: queries go through it in other threads.
                self._parts = parts = {**parts, part: made}
            return parts[part]

    def _remove(self, part: Any, ids: Sequence[str]) -> None:
        for start in range(0, len(ids), BATCH):
            # Deleting what is not there takes thirty times as long as looking.
            there = part.get(ids=list(dict.fromkeys(ids[start : start + BATCH])), include=[])["ids"]
            if there:
                part.delete(ids=there)


def _query(part: Any, vector: Vector, limit: int, where: Where, bare: bool) -> list[Hit]:
    if not where:
        return _fetch(part, vector, limit, None, bare)
    fetched = max(limit * _OVERFETCH, _LEAST_FETCH)
    nearest = _fetch(part, vector, fetched, None, False)
    found = [hit for hit in nearest if matches(hit.metadata, where)]
    if len(found) >= limit or len(nearest) < fetched:
        return found[:limit]
    return _fetch(part, vector, limit, _condition(where), bare)


def _fetch(part: Any, vector: Vector, limit: int, condition: dict[str, Any] | None, bare: bool) -> list[Hit]:
    include = ["distances"] if bare else ["metadatas", "distances"]
    answer = part.query(query_embeddings=[vector], n_results=limit, where=condition, include=include)
    metadata = [{}] * len(answer["ids"][0]) if bare else answer["metadatas"][0]
    rows = zip(answer["ids"][0], answer["distances"][0], metadata, strict=True)
    return [Hit(id_, 1.0 - float(distance), _metadata(about)) for id_, distance, about in rows]


def _metadata(stored: dict[str, Any] | None) -> Metadata:
    return {key: tuple(value) if isinstance(value, list) else value for key, value in (stored or {}).items()}


def _condition(where: Where) -> dict[str, Any] | None:
    """The filter in Chroma's words; None for none."""
    keys = [
        {"$or": [{key: {"$in": sorted(values)}}, *({key: {"$contains": value}} for value in sorted(values))]}
        for key, values in sorted(where.items())
    ]
    return (keys[0] if len(keys) == 1 else {"$and": keys}) if keys else None
