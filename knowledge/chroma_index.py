"""The vector index on embedded Chroma; the only module that imports chromadb.

Chroma is imported and called in threads of this module: the import alone takes a second. One process owns the directory;
another one's rows would not be seen by vector queries.
"""

import asyncio
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
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
_SEARCH_WIDTH = 200
_T = TypeVar("_T")


class ChromaIndex:
    """An `Index` in a directory of its own, which may be deleted at any time the process is down."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._client: Any = None
        self._opening = threading.Lock()
        self._executor = ThreadPoolExecutor(max_workers=2, thread_name_prefix="chroma")
        self._collections: dict[str, ChromaCollection] = {}

    @property
    def ready(self) -> bool:
        return self._client is not None

    def collection(self, name: str) -> "ChromaCollection":
        return self._collections.setdefault(name, ChromaCollection(self, name))

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
    def __init__(self, index: ChromaIndex, name: str) -> None:
        self._index = index
        self._name = name
        self._opened: Any = None

    async def upsert(self, ids: Sequence[str], vectors: Vectors, metadata: Sequence[Metadata]) -> None:
        rows = [{key: list(value) if isinstance(value, tuple) else value for key, value in about.items()} for about in metadata]

        def call() -> None:
            for start in range(0, len(ids), BATCH):
                part = slice(start, start + BATCH)
                self._open().upsert(ids=list(ids[part]), embeddings=np.asarray(vectors[part], np.float32), metadatas=rows[part])

        await self._index.run(call)

    async def delete(self, ids: Sequence[str]) -> None:
        def call() -> None:
            for start in range(0, len(ids), BATCH):
                self._open().delete(ids=list(ids[start : start + BATCH]))

        await self._index.run(call)

    async def delete_where(self, where: Where) -> None:
        if (condition := _condition(where)) is not None:
            await self._index.run(lambda: self._open().delete(where=condition))

    async def query(self, vector: Vector, limit: int, where: Where | None = None) -> list[Hit]:
        if limit < 1:
            return []
        return await self._index.run(lambda: self._query(vector, limit, where))

    async def count(self) -> int:
        return int(await self._index.run(lambda: self._open().count()))

    async def clear(self) -> None:
        def call() -> None:
            self._open()
            self._index.client().delete_collection(self._name)
            self._opened = None

        await self._index.run(call)

    def _open(self) -> Any:
        if self._opened is None:
            settings = {"hnsw": {"space": "cosine", "ef_search": _SEARCH_WIDTH}}
            # Vectors are always passed in: without None here Chroma would load, and first download, a model of its own.
            self._opened = self._index.client().get_or_create_collection(self._name, configuration=settings, embedding_function=None)
        return self._opened

    def _query(self, vector: Vector, limit: int, where: Where | None) -> list[Hit]:
        if not where:
            return self._fetch(vector, limit, None)
        fetched = max(limit * _OVERFETCH, _LEAST_FETCH)
        nearest = self._fetch(vector, fetched, None)
        found = [hit for hit in nearest if matches(hit.metadata, where)]
        if len(found) >= limit or len(nearest) < fetched:
            return found[:limit]
        condition = _condition(where)
        return self._fetch(vector, limit, condition) if condition is not None else []

    def _fetch(self, vector: Vector, limit: int, condition: dict[str, Any] | None) -> list[Hit]:
        answer = self._open().query(
            query_embeddings=[np.asarray(vector, np.float32)], n_results=limit, where=condition, include=["metadatas", "distances"]
        )
        rows = zip(answer["ids"][0], answer["distances"][0], answer["metadatas"][0], strict=True)
        return [Hit(id_, 1.0 - float(distance), _metadata(about)) for id_, distance, about in rows]


def _metadata(stored: dict[str, Any] | None) -> Metadata:
    return {key: tuple(value) if isinstance(value, list) else value for key, value in (stored or {}).items()}


def _condition(where: Where) -> dict[str, Any] | None:
    """The filter in Chroma's words; None when nothing can match it."""
    if not where or not all(where.values()):
        return None
    keys = [
        {"$or": [{key: {"$in": sorted(values)}}, *({key: {"$contains": value}} for value in sorted(values))]}
        for key, values in sorted(where.items())
    ]
    return keys[0] if len(keys) == 1 else {"$and": keys}
