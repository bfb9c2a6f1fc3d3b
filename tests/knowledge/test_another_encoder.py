"""Another encoder takes over while people ask: nothing stops, nothing stale is quoted, and a kill at any point costs nothing."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from itertools import pairwise

import pytest
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from connectors.errors import Retry
from knowledge.embedding.former import Former
from knowledge.embedding.hashing import HashingEncoder
from knowledge.embedding.port import Encoder, EncoderUnavailable, Vectors
from knowledge.index import MemoryCollection, MemoryIndex
from knowledge.library import Library
from knowledge.model import Passage
from knowledge.projection import Projection
from knowledge.retrieval import Retriever, articles_in, collection_name
from knowledge.store import next_vectors, projections, versions
from tests.knowledge.conftest import KIM, NOW, VOCABULARY, Shelf, person

ROOMS = (
    "atlas",
    "birch",
    "cedar",
    "delta",
    "ember",
    "fjord",
    "grove",
    "heron",
    "ivory",
    "jasper",
    "kiwi",
    "lotus",
    "maple",
    "nexus",
    "opal",
)


class Counting(HashingEncoder):
    """Remembers what it was asked for."""

    def __init__(self, dimension: int) -> None:
        super().__init__(dimension)
        self.asked: list[str] = []

    async def encode(self, texts: Sequence[str]) -> Vectors:
        self.asked += texts
        return await super().encode(texts)


class Fragile(MemoryIndex):
    """An index of which any collection can break when it is next written to."""

    breaks = False

    def collection(self, name: str) -> MemoryCollection:
        return self._collections.setdefault(name, Breaking(self))


class Breaking(MemoryCollection):
    def __init__(self, index: Fragile) -> None:
        super().__init__()
        self._index = index

    async def upsert(self, ids: Sequence[str], vectors: Vectors, parts: Sequence[str]) -> None:
        await super().upsert(ids[:1], vectors[:1], parts[:1])
        if self._index.breaks:
            self._index.breaks = False
            raise Retry("index_unavailable")
        await super().upsert(ids, vectors, parts)


@pytest.fixture
async def before(shelf: Shelf) -> Shelf:
    """Fifteen articles, made with vectors of 384 numbers."""
    shelf = Shelf(shelf.sessions, Fragile())
    for room in ROOMS:
        await shelf.put(f"The projector in the room {room} is switched on with the remote control of {room}.", f"{room}.md")
    await shelf.library.projection.sync()
    return shelf


def restarted(shelf: Shelf, encoder: Encoder, *former: Encoder) -> Shelf:
    """Another process on the same database and index, which knows nothing but what is there."""
    return Shelf(shelf.sessions, shelf.index, encoder, former=former)


async def found(shelf: Shelf, room: str) -> Passage:
    return (await shelf.find(f"projector of {room}"))[0]


async def nearness(encoder: Encoder, passage: Passage) -> float:
    title, asked = passage.title, f"projector of {passage.source.removesuffix('.md')}"
    vectors = await encoder.encode([asked, f"{title}\n{passage.chunk.text}", title])
    return float(max(vectors[1] @ vectors[0], vectors[2] @ vectors[0]))


async def left(shelf: Shelf) -> int:
    async with shelf.sessions() as session:
        waiting = await session.scalar(select(func.count()).select_from(next_vectors)) or 0
        return waiting + (await session.scalar(select(func.count()).select_from(projections)) or 0)


async def test_the_former_vectors_serve_until_all_of_the_new_ones_are_made(before: Shelf) -> None:
    new = Counting(24)
    shelf = restarted(before, new, before.encoder)
    serving = []
    while await shelf.library.projection.step():
        for room in (ROOMS[0], ROOMS[-1]):
            passage = await found(shelf, room)
            assert passage.source == f"{room}.md"
            old, other = await nearness(before.encoder, passage), await nearness(HashingEncoder(24), passage)
            assert old != pytest.approx(other, abs=1e-3)
            serving.append("old" if passage.similarity == pytest.approx(old, abs=1e-5) else "new")
            assert serving[-1] == "old" or passage.similarity == pytest.approx(other, abs=1e-5)
    assert serving == sorted(serving, reverse=True), "first the former ones, then the new ones, and never back"
    assert {*serving} == {"old", "new"}
    assert await left(shelf) == 0
    assert await shelf.index.names() == [collection_name(new.name)], "what nobody needs any more is gone"
    async with shelf.sessions() as session:
        assert (await session.scalars(select(versions.c.encoder).distinct())).all() == [new.name]


async def test_a_step_is_short_and_progress_can_be_asked_for(before: Shelf) -> None:
    new = Counting(64)
    shelf = restarted(before, new, before.encoder)
    assert await before.library.projection.progress() is None
    seen = []
    while await shelf.library.projection.step():
        assert len(new.asked) <= 2 * 10, "ten articles: a passage and a title each"
        new.asked.clear()
        if (progress := await shelf.library.projection.progress()) is not None:
            assert progress.total == len(ROOMS)
            seen.append(progress.done)
    assert seen == sorted(seen)
    assert {10, 15} <= {*seen}
    assert await shelf.library.projection.progress() is None


async def test_a_kill_at_any_point_costs_nothing(before: Shelf) -> None:
    new = Counting(64)
    more = True
    while more:
        before.index.breaks = True  # type: ignore[attr-defined]
        try:
            await restarted(before, new, before.encoder).library.projection.step()
        except Retry:
            assert (await found(restarted(before, HashingEncoder(64), before.encoder), ROOMS[3])).source == f"{ROOMS[3]}.md"
        before.index.breaks = False  # type: ignore[attr-defined]
        more = await restarted(before, new, before.encoder).library.projection.step()
    assert await left(before) == 0
    after = restarted(before, HashingEncoder(64))
    assert await after.library.projection.count() == len(ROOMS)
    assert [(await found(after, room)).source for room in ROOMS] == [f"{room}.md" for room in ROOMS]
    assert max(new.asked.count(text) for text in new.asked) <= 2, "what was committed is not made again"


@pytest.mark.parametrize("steps", [0, 1, 2, 3, 4, 5])
async def test_what_is_published_meanwhile_is_found_before_and_after(before: Shelf, steps: int) -> None:
    new = HashingEncoder(64)
    shelf = restarted(before, new, before.encoder)
    for _ in range(steps):
        await shelf.library.projection.step()
    await shelf.put("The projector in the room atlas is switched on by voice.", "atlas.md")
    await shelf.put("The projector in the room quartz hangs from the ceiling.", "quartz.md")
    (gone,) = [article for article in await shelf.library.list() if article.source == "birch.md"]
    await shelf.library.retire(gone.id, KIM)

    async def check() -> None:
        assert (await found(shelf, "atlas")).chunk.text.endswith("by voice.")
        assert (await found(shelf, "quartz")).source == "quartz.md"
        everything = await shelf.find("projector room atlas birch quartz", limit=40)
        assert "birch.md" not in {passage.source for passage in everything}
        assert len(everything) == len(ROOMS)
        assert {passage.chunk.version for passage in everything if passage.source == "atlas.md"} == {2}

    await check()
    while await shelf.library.projection.step():
        await check()
    await check()
    assert await left(shelf) == 0
    assert await shelf.library.projection.count() == len(ROOMS)


async def test_without_the_former_encoder_text_search_serves(before: Shelf) -> None:
    shelf = restarted(before, HashingEncoder(64))
    assert (await found(shelf, "delta")).source == "delta.md", "before the first step"
    while await shelf.library.projection.step():
        assert (await found(shelf, "delta")).source == "delta.md"
    assert (await found(shelf, "delta")).similarity > 0


async def test_going_back_halfway_leaves_nothing_behind(before: Shelf) -> None:
    first = [(await found(before, room)).score for room in ROOMS]
    shelf = restarted(before, HashingEncoder(64), before.encoder)
    for _ in range(2):
        await shelf.library.projection.step()
    assert await left(shelf) > 0
    again = restarted(before, HashingEncoder())
    await again.library.projection.sync()
    assert [(await found(again, room)).score for room in ROOMS] == pytest.approx(first)
    assert await left(again) == 0
    assert await again.index.names() == [collection_name(HashingEncoder().name)]


async def test_what_is_retired_while_vectors_are_moved_is_not_moved(before: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each transaction of a step comes after somebody else's."""
    shelf = restarted(before, HashingEncoder(64), before.encoder)
    waiting = [article.id for article in await shelf.library.list()]
    projection = Projection(Interrupted(before, waiting), shelf.index, shelf.encoder)  # type: ignore[arg-type]
    monkeypatch.setattr("knowledge.projection._MOVED_AT_ONCE", 4)
    while await shelf.library.projection.progress() is not None:
        await shelf.library.projection.step()
    while await projection.step():
        pass
    assert len(waiting) < len(ROOMS) - 2
    assert await left(shelf) == 0
    assert await shelf.library.projection.count() == len(waiting)


class Interrupted:
    """Sessions of which a writing one begins after an article was retired."""

    def __init__(self, shelf: Shelf, waiting: list[str]) -> None:
        self._sessions, self._waiting = shelf.sessions, waiting
        self._other = Shelf(shelf.sessions, shelf.index, HashingEncoder(64), former=(shelf.encoder,))

    def __call__(self) -> AsyncSession:
        return self._sessions()

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[AsyncSession]:
        if self._waiting:
            await self._other.library.retire(self._waiting.pop(), KIM)
        async with self._sessions.begin() as session:
            yield session


async def test_a_step_is_bounded_by_passages(before: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    await before.put("\n\n".join(f"## Room {n}\n\nThe window of room {n} is opened with handle {n}." for n in range(30)), "windows.md")
    monkeypatch.setattr("knowledge.projection._TEXTS_AT_ONCE", 8)
    monkeypatch.setattr("knowledge.projection._MOVED_AT_ONCE", 3)
    monkeypatch.setattr("knowledge.projection._PASSAGES_AT_ONCE", 4)
    new = Counting(64)
    shelf = restarted(before, new, before.encoder)

    async def moved() -> int:
        async with shelf.sessions() as session:
            return await session.scalar(select(func.count()).where(versions.c.encoder == new.name)) or 0

    steps = [0]
    while await shelf.library.projection.step():
        assert len(new.asked) <= 8 + 10
        new.asked.clear()
        steps.append(await moved())
    assert max(after - earlier for earlier, after in pairwise(steps)) <= 3
    assert steps[-1] == len(ROOMS) + 1
    assert await shelf.library.projection.count() >= len(ROOMS) + 2
    assert (await shelf.find("handle of the window of room 17"))[0].source == "windows.md"
    assert await left(shelf) == 0


async def test_reindexing_meanwhile_leaves_the_collection_that_serves_alone(before: Shelf) -> None:
    shelf = restarted(before, HashingEncoder(64), before.encoder)
    await shelf.library.projection.step()
    await shelf.library.projection.forget_index()
    await shelf.put("The projector in the room quartz hangs from the ceiling.", "quartz.md")
    assert await articles_in(shelf.index, before.encoder.name).count() == len(ROOMS) + 1
    await shelf.library.projection.sync()
    assert await shelf.library.projection.count() == len(ROOMS) + 1


async def test_the_former_encoder_is_opened_by_where_it_came_from(before: Shelf) -> None:
    opened: list[str | None] = []

    def reopen(origin: str | None) -> Encoder | None:
        opened.append(origin)
        return HashingEncoder() if origin == before.encoder.name else None

    new = HashingEncoder(64)
    retriever = Retriever(before.sessions, before.index, new, former=Former("new", reopen))
    await retriever.search("zzz", person())
    assert {passage.similarity > 0 for passage in await retriever.search("projector of delta", person())} == {True}
    assert opened == [before.encoder.name], "once"


class Damaged(HashingEncoder):
    async def encode(self, texts: Sequence[str]) -> Vectors:
        raise EncoderUnavailable("The files are damaged.")


@pytest.mark.parametrize("there", [None, HashingEncoder(100), Damaged(384), PermissionError("not yours")])
async def test_a_former_encoder_that_is_gone_another_or_damaged_leaves_text_search(
    before: Shelf, there: Encoder | PermissionError | None
) -> None:
    def reopen(_: str | None) -> Encoder | None:
        if isinstance(there, PermissionError):
            raise there
        return there

    former = Former("new", reopen)
    retriever = Retriever(before.sessions, before.index, HashingEncoder(64), former=former)
    assert (await retriever.search("projector of delta", person()))[0].source == "delta.md"
    library = Library(before.sessions, before.index, HashingEncoder(64), before.audit, lambda: NOW, VOCABULARY, former=former)
    added = await library.add(b"The projector in the room quartz hangs from the ceiling.", "quartz.md", by=KIM)
    await library.publish(added.id, KIM)
    assert (await retriever.search("projector of quartz", person()))[0].source == "quartz.md"
