"""The vector index on embedded Chroma; the only module that imports chromadb.

A part with many entries is a collection of Chroma's; those of the others are compared one by one, see knowledge/few.py. Chroma is
imported and called in threads of this module: the import alone takes a second. One process owns the directory; another one's rows
would not be seen by vector queries.
"""

import asyncio
import hashlib
import threading
from collections.abc import Callable, Mapping, Sequence, Set
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from connectors.errors import Retry
from knowledge.embedding.port import Vector, Vectors
from knowledge.few import FewParts
from knowledge.index import Hit

BATCH = 5461
"""The most rows that Chroma takes in one call."""
FEW = 5000
"""Up to so many entries a part is compared one by one, in half a millisecond: a collection of Chroma's takes longer to ask."""
_SEARCH_WIDTH = 220
"""Finds 99 of the 100 nearest ones among 100,000."""
_THREADS = 2
_PART = "part"
"""The key in a Chroma collection's metadata that names the part."""
_DIGITS = 24
_FEW_FILE = ".few"
"""How the files of entries of small parts end, behind a collection's name."""
_T = TypeVar("_T")


class ChromaIndex:
    """An `Index` in a directory of its own, which may be deleted at any time the process is down."""

    def __init__(self, directory: Path, *, few: int = FEW) -> None:
        """`few`: up to so many entries a part is compared one by one."""
        self.few = few
        self._directory = directory
        self._client: Any = None
        self._opening = threading.Lock()
        self._executor = ThreadPoolExecutor(max_workers=_THREADS, thread_name_prefix="chroma")
        self._collections: dict[str, ChromaCollection] = {}

    @property
    def ready(self) -> bool:
        return self._client is not None

    def collection(self, name: str) -> "ChromaCollection":
        return self._collections.setdefault(name, ChromaCollection(self, name, self._directory / f"{name}{_FEW_FILE}"))

    async def names(self) -> Sequence[str]:
        found = await self.run(lambda: self.client().list_collections())
        small = {path.stem for path in self._directory.glob(f"*{_FEW_FILE}")}
        return sorted(small | {collection.name.partition(".")[0] for collection in found})

    async def close(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            await self.run(client.close)
        for collection in self._collections.values():
            await self.run(collection.close)
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
    """Collections of Chroma, one for each part that has many entries, and the entries of all other parts.

    Asking for some parts is then choosing among them. Chroma's own filter takes 30 ms for 1,000 matches among 100,000 entries
    and ten times that for many.
    """

    def __init__(self, index: ChromaIndex, name: str, few: Path) -> None:
        self._index = index
        self._name = name
        self._few = FewParts(few)
        self._large: Mapping[str, Any] | None = None
        self._opening = threading.Lock()

    async def upsert(self, ids: Sequence[str], vectors: Vectors, parts: Sequence[str]) -> None:
        vectors = np.asarray(vectors, np.float32)

        def call() -> None:
            large = self._open()
            places: dict[str, list[int]] = {}
            for place, part in enumerate(parts):
                places.setdefault(part, []).append(place)
            small = [place for place, part in enumerate(parts) if part not in large]
            self._few.delete([id_ for id_, part in zip(ids, parts, strict=True) if part in large])
            for name, collection in large.items():
                _remove(collection, [id_ for id_, part in zip(ids, parts, strict=True) if part != name])
                own = places.get(name, [])
                _add(collection, [ids[place] for place in own], vectors[own])
            self._few.upsert([ids[place] for place in small], vectors[small], [parts[place] for place in small])
            for name in places:
                self._grow(name)

        await self._index.run(call)

    async def delete(self, ids: Sequence[str]) -> None:
        def call() -> None:
            large = self._open()
            self._few.delete(ids)
            for name, collection in large.items():
                if _remove(collection, ids) and not collection.count():
                    self._large = {other: one for other, one in (self._large or {}).items() if other != name}
                    self._index.client().delete_collection(collection.name)

        await self._index.run(call)

    async def query(self, vector: Vector, limit: int, among: Set[str]) -> list[Hit]:
        if limit < 1:
            return []
        vector = np.asarray(vector, np.float32)

        def begin() -> tuple[list[Hit], list[Any]]:
            self._open()
            # In this order: a part that grows large meanwhile is found in both.
            return self._few.query(vector, limit, among), [one for name, one in self._open().items() if name in among]

        def call(some: Sequence[Any]) -> list[Hit]:
            return [hit for collection in some for hit in _query(collection, vector, limit)]

        found, large = await self._index.run(begin)
        # In as many threads as there are: each part takes about as long, whatever its size.
        lots = [large[start::_THREADS] for start in range(min(_THREADS, len(large)))]
        for hits in await asyncio.gather(*(self._index.run(partial(call, lot)) for lot in lots)):
            found += hits
        return sorted({hit.id: hit for hit in found}.values(), key=lambda hit: -hit.similarity)[:limit]

    async def ids(self) -> Set[str]:
        def call() -> Set[str]:
            large = self._open()
            found = {id_ for part in self._few.parts().values() for id_ in part.ids}
            return found.union(*(collection.get(include=[])["ids"] for collection in large.values()))

        return await self._index.run(call)

    async def count(self) -> int:
        def call() -> int:
            large = self._open()
            return sum(len(part.ids) for part in self._few.parts().values()) + sum(int(one.count()) for one in large.values())

        return await self._index.run(call)

    async def clear(self) -> None:
        def call() -> None:
            for collection in self._open().values():
                self._index.client().delete_collection(collection.name)
            self._large = None
            self._few.clear()

        await self._index.run(call)

    def close(self) -> None:
        self._few.close()

    def _grow(self, name: str) -> None:
        """Gives a part a collection of its own once it has many entries."""
        part = self._few.parts().get(name)
        if part is None or len(part.ids) <= self._index.few:
            return
        collection = self._index.client().get_or_create_collection(
            f"{self._name}.{hashlib.sha256(name.encode()).hexdigest()[:_DIGITS]}",
            configuration={"hnsw": {"space": "cosine", "ef_search": _SEARCH_WIDTH}},
            metadata={_PART: name},
            embedding_function=None,
        )
        _add(collection, part.ids, part.vectors)
        self._large = {**self._open(), name: collection}
        self._few.delete(part.ids)

    def _open(self) -> Mapping[str, Any]:
        """The collections of the large parts. Never changed, only replaced: queries go through them in other threads."""
        with self._opening:
            if self._large is None:
                client = self._index.client()
                own = [one for one in client.list_collections() if one.name.startswith(f"{self._name}.")]
                # Opened once more without an embedding function: Chroma would load, and first download, a model of its own.
                large = {str((one.metadata or {}).get(_PART, "")): client.get_collection(one.name, embedding_function=None) for one in own}
                for name, part in self._few.parts().items():
                    if name in large:  # a kill came between the two
                        _add(large[name], part.ids, part.vectors)
                        self._few.delete(part.ids)
                self._large = large
            return self._large


def _add(collection: Any, ids: Sequence[str], vectors: Vectors) -> None:
    for start in range(0, len(ids), BATCH):
        collection.upsert(ids=list(ids[start : start + BATCH]), embeddings=vectors[start : start + BATCH])


def _remove(collection: Any, ids: Sequence[str]) -> bool:
    """Whether any of them was there."""
    removed = False
    for start in range(0, len(ids), BATCH):
        # Deleting what is not there takes thirty times as long as looking.
        there = collection.get(ids=list(dict.fromkeys(ids[start : start + BATCH])), include=[])["ids"]
        if there:
            collection.delete(ids=there)
            removed = True
    return removed


def _query(collection: Any, vector: Vector, limit: int) -> list[Hit]:
    answer = collection.query(query_embeddings=[vector], n_results=limit, include=["distances"])
    return [Hit(id_, 1.0 - float(distance)) for id_, distance in zip(answer["ids"][0], answer["distances"][0], strict=True)]
