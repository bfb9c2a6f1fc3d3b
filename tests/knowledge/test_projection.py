"""The vector index follows the database, whatever happens to either."""

from collections.abc import Sequence, Set

import numpy as np
import pytest
from sqlalchemy import func, select

from connectors.errors import Retry
from knowledge.embedding.hashing import HashingEncoder
from knowledge.embedding.port import Vector, Vectors
from knowledge.index import Collection, Hit, Index, MemoryCollection, MemoryIndex
from knowledge.retrieval import Retriever, articles_in
from knowledge.store import chunks, projections
from tests.knowledge.conftest import KIM, Shelf

TEXTS = {
    "badges.md": "Your badge opens every door. A lost badge is replaced by reception.",
    "printers.md": "Printers print double-sided. Toner is refilled by the workplace team.",
    "cafeteria.md": "The cafeteria opens at eight. Breakfast ends at ten.",
}
QUESTIONS = ("who replaces a lost badge", "who refills toner", "when does breakfast end")


class BrokenIndex(MemoryIndex):
    """An index that can be down. What is written while it is down is not there."""

    def __init__(self) -> None:
        super().__init__()
        self.down = False
        self.own = BrokenCollection(self)

    def collection(self, name: str) -> "BrokenCollection":
        return self.own


class BrokenCollection(MemoryCollection):
    def __init__(self, index: BrokenIndex) -> None:
        super().__init__()
        self._index = index
        self.queries: list[Set[str]] = []

    def _check(self) -> None:
        if self._index.down:
            raise Retry("index_unavailable")

    async def upsert(self, ids: Sequence[str], vectors: Vectors, parts: Sequence[str]) -> None:
        self._check()
        await super().upsert(ids, vectors, parts)

    async def delete(self, ids: Sequence[str]) -> None:
        self._check()
        await super().delete(ids)

    async def query(self, vector: Vector, limit: int, among: Set[str]) -> list[Hit]:
        self._check()
        self.queries.append(among)
        return await super().query(vector, limit, among)

    async def count(self) -> int:
        self._check()
        return await super().count()


def entries(index: Index, encoder: str = HashingEncoder().name) -> Collection:
    return articles_in(index, encoder)


async def pending(shelf: Shelf) -> int:
    async with shelf.sessions() as session:
        return await session.scalar(select(func.count()).select_from(projections)) or 0


async def answers(shelf: Shelf) -> list[list[tuple[str, str]]]:
    return [[(passage.source, passage.chunk.id) for passage in await shelf.find(question)] for question in QUESTIONS]


@pytest.fixture
async def filled(shelf: Shelf) -> Shelf:
    for name, text in TEXTS.items():
        await shelf.put(text, name)
    return shelf


async def test_what_was_committed_but_not_projected_is_mended_by_sync(shelf: Shelf) -> None:
    index = BrokenIndex()
    shelf = Shelf(shelf.sessions, index)
    await shelf.put(TEXTS["badges.md"], "badges.md")
    index.down = True
    await shelf.put(TEXTS["printers.md"], "printers.md")  # committed; the process might have died here
    assert await pending(shelf) == 1
    with pytest.raises(Retry):
        await shelf.library.projection.sync()

    index.down = False
    restarted = Shelf(shelf.sessions, index)
    assert await entries(index).count() == 1, "nothing mends it by itself"
    await restarted.library.projection.sync()
    assert await pending(restarted) == 0
    assert await entries(index).count() == 2
    assert (await restarted.find("who refills toner"))[0].source == "printers.md"


async def test_a_superseded_version_is_not_found_although_the_index_still_has_it(shelf: Shelf) -> None:
    index = BrokenIndex()
    shelf = Shelf(shelf.sessions, index)
    await shelf.put("The cafeteria opens at eight.", "cafeteria.md")
    index.down = True
    await shelf.put("The cafeteria opens at nine.", "cafeteria.md")
    index.down = False
    assert await entries(index).count() == 1, "still the old one"
    assert [passage.chunk.text for passage in await shelf.find("when does the cafeteria open")] == ["The cafeteria opens at nine."]

    index.down = True
    article = (await shelf.library.list())[0]
    await shelf.library.retire(article.id, KIM)
    index.down = False
    assert await shelf.find("when does the cafeteria open") == []


async def test_search_goes_on_by_the_databases_own_vectors_while_the_index_is_down(shelf: Shelf) -> None:
    index = BrokenIndex()
    shelf = Shelf(shelf.sessions, index)
    for name, text in TEXTS.items():
        await shelf.put(text, name)
    questions = ("who replaces a lost badge", "zzz")
    before = [[(found.chunk.id, found.score) for found in await shelf.find(question)] for question in questions]
    index.down = True
    assert [[(found.chunk.id, found.score) for found in await shelf.find(question)] for question in questions] == before


async def test_search_needs_no_index_that_is_not_open_yet(shelf: Shelf) -> None:
    index = BrokenIndex()
    shelf = Shelf(shelf.sessions, index)
    await shelf.put(TEXTS["badges.md"], "badges.md")
    index.ready = False
    index.own.queries.clear()
    assert (await shelf.find("who replaces a lost badge"))[0].source == "badges.md"
    assert index.own.queries == []


async def test_a_library_too_large_for_that_is_searched_by_text(shelf: Shelf) -> None:
    index = BrokenIndex()
    shelf = Shelf(shelf.sessions, index)
    await shelf.put(TEXTS["badges.md"], "badges.md")
    index.down = True
    retriever = Retriever(shelf.sessions, index, shelf.encoder, exact_chunks=0)
    assert (await retriever.search("who replaces a lost badge", KIM))[0].source == "badges.md"
    assert await retriever.search("zzz", KIM) == []


async def test_reindex_gives_the_same_answers(filled: Shelf) -> None:
    before = await answers(filled)
    assert all(before)
    await entries(filled.index).clear()
    await filled.library.projection.forget_index()
    await filled.library.projection.sync()
    assert await filled.library.projection.count() == 3
    assert await answers(filled) == before


async def test_a_lost_index_is_noticed_and_rebuilt(filled: Shelf) -> None:
    restarted = Shelf(filled.sessions, MemoryIndex())
    await restarted.library.projection.sync()
    assert await entries(restarted.index).count() == 3
    assert await answers(restarted) == await answers(filled)


async def test_an_index_of_another_day_is_noticed_after_a_restart(filled: Shelf) -> None:
    """As many entries as there should be, but not the same ones: as when an older copy of its files was put back."""
    index = filled.index
    old = {id_: articles_in(index, filled.encoder.name)._vectors[id_] for id_ in await entries(index).ids()}  # type: ignore[attr-defined]
    await filled.put("A lost badge is replaced by the front desk.", "badges.md")
    await entries(index).clear()
    await entries(index).upsert(list(old), np.stack(list(old.values())), ["{}"] * len(old))
    restarted = Shelf(filled.sessions, index)
    await restarted.library.projection.sync()
    async with filled.sessions() as session:
        assert await entries(index).ids() == set((await session.scalars(select(chunks.c.id))).all())


async def test_another_encoder_makes_all_vectors_again(filled: Shelf) -> None:
    other = Shelf(filled.sessions, MemoryIndex(), HashingEncoder(64))
    await other.library.projection.sync()
    assert (await other.find("who replaces a lost badge"))[0].source == "badges.md"
    found = await entries(other.index, other.encoder.name).ids()
    assert len(found) == 3


async def test_sync_does_nothing_when_nothing_changed(filled: Shelf) -> None:
    class Untouched(MemoryCollection):
        async def upsert(self, ids: Sequence[str], vectors: Vectors, parts: Sequence[str]) -> None:
            raise AssertionError("written although nothing changed")

    collection = entries(filled.index)
    collection.__class__ = Untouched
    await filled.library.projection.sync()
    assert await collection.count() == 3
