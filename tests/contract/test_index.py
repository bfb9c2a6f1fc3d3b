"""The contract of a vector index, on Chroma and on the in-memory twin."""

import threading
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest

from connectors.errors import Retry
from knowledge.chroma_index import BATCH, FEW, ChromaIndex
from knowledge.embedding.port import Vectors, normalised
from knowledge.few import FewParts
from knowledge.index import Collection, Index, MemoryIndex

DIMENSION = 8
ALL = frozenset({"all"})
LEANING = normalised(np.array([[4.0, 3, 2, 1, 0, 0, 0, 0]]))[0]
"""Nearest to the first axis, then to the second ..."""


@pytest.fixture(params=["memory", "chroma", "chroma of large parts"])
async def index(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Index]:
    few = 1 if request.param == "chroma of large parts" else FEW
    made: Index = MemoryIndex() if request.param == "memory" else ChromaIndex(tmp_path / "index", few=few)
    yield made
    await made.close()


def axis(*numbers: int) -> Vectors:
    """Unit vectors along the axes with these numbers."""
    return np.eye(DIMENSION, dtype=np.float32)[list(numbers)]


def many(count: int, dimension: int = DIMENSION) -> Vectors:
    return normalised(np.random.default_rng(5).normal(size=(count, dimension)))


async def found(collection: Collection, *among: str, limit: int = 5) -> list[str]:
    return [hit.id for hit in await collection.query(LEANING, limit, frozenset(among))]


async def test_the_nearest_come_first(index: Index) -> None:
    collection = index.collection("articles")
    await collection.upsert(["a", "b"], axis(0, 1), ["all", "all"])
    question = normalised(np.array([[3.0, 1.0, 0, 0, 0, 0, 0, 0]]))[0]
    first, second = await collection.query(question, 5, ALL)
    assert (first.id, second.id) == ("a", "b")
    assert first.similarity == pytest.approx(3 / np.sqrt(10), abs=1e-5)
    assert second.similarity == pytest.approx(1 / np.sqrt(10), abs=1e-5)
    assert [hit.id for hit in await collection.query(question, 1, ALL)] == ["a"]
    assert await collection.query(question, 0, ALL) == []


async def test_an_empty_collection_finds_nothing(index: Index) -> None:
    collection = index.collection("articles")
    assert await collection.count() == 0
    assert await found(collection, "all") == []
    await collection.delete(["nothing"])
    await collection.clear()
    await collection.upsert([], axis(), [])
    assert (await collection.count(), await collection.ids()) == (0, set())


async def test_upsert_replaces_in_its_part_and_in_another(index: Index) -> None:
    collection = index.collection("articles")
    await collection.upsert(["a", "b", "c", "d"], axis(3, 2, 1, 0), ["old", "old", "new", "new"])
    await collection.upsert(["a", "b"], axis(0, 1), ["old", "new"])
    assert await collection.count() == 4
    (hit,) = await collection.query(axis(0)[0], 1, frozenset({"old"}))
    assert (hit.id, hit.similarity) == ("a", pytest.approx(1.0, abs=1e-5))
    assert await found(collection, "old") == ["a"]
    assert sorted(await found(collection, "new")) == ["b", "c", "d"]


async def test_only_the_parts_that_are_named_are_searched(index: Index) -> None:
    collection = index.collection("articles")
    near = normalised(axis(*[0] * 400) + 0.01 * many(400))
    await collection.upsert([f"n{number}" for number in range(400)], near, ["others"] * 400)
    await collection.upsert(["mine", "my other", "his"], axis(1, 2, 3), ["me", "me", "him"])
    assert await found(collection, "me") == ["mine", "my other"]
    assert await found(collection, "me", "him", "nobody") == ["mine", "my other", "his"]
    assert await found(collection) == await found(collection, "nobody") == []
    assert (await found(collection, "me", "others", limit=1))[0].startswith("n")


async def test_entries_are_deleted_by_id_and_their_part_can_be_filled_again(index: Index) -> None:
    collection = index.collection("articles")
    await collection.upsert(["a", "b", "c", "d"], axis(0, 1, 2, 3), ["x", "x", "y", "y"])
    await collection.delete(["c", "unknown"])
    assert (await found(collection, "x", "y"), await collection.ids()) == (["a", "b", "d"], {"a", "b", "d"})
    await collection.delete(["a", "b"])
    assert (await found(collection, "x"), await collection.count()) == ([], 1)
    await collection.upsert(["e"], axis(0), ["x"])
    assert await found(collection, "x", "y") == ["e", "d"]


async def test_collections_are_apart_and_can_be_emptied(index: Index) -> None:
    one, two = index.collection("articles-one"), index.collection("articles")
    await one.upsert(["a", "b"], axis(0, 1), ["all"] * 2)
    await two.upsert(["u", "v"], axis(0, 1), ["all"] * 2)
    assert sorted(await index.names()) == ["articles", "articles-one"]
    await one.clear()
    assert (await one.count(), await two.count(), await index.names()) == (0, 2, ["articles"])
    await one.upsert(["c"], axis(1), ["all"])
    assert await found(index.collection("articles-one"), "all") == ["c"]


async def test_a_part_that_grows_is_still_one(index: Index) -> None:
    collection = index.collection("articles")
    count = max(BATCH, FEW) + 10
    vectors, ids = many(count), [str(number) for number in range(count)]
    half = count // 2
    for some in (slice(0, half), slice(half, count)):
        await collection.upsert(ids[some], vectors[some], ["all"] * len(ids[some]))
    assert (await collection.count(), await collection.ids()) == (count, set(ids))
    for place in (0, count - 1):
        assert [hit.id for hit in await collection.query(vectors[place], 1, ALL)] == [ids[place]]
    await collection.delete(ids[:-1])
    assert await collection.count() == 1


@pytest.mark.parametrize("few", [1, FEW])
async def test_chroma_keeps_its_entries(tmp_path: Path, few: int) -> None:
    first = ChromaIndex(tmp_path / "index", few=few)
    await first.collection("articles").upsert(["a", "b", "c"], axis(0, 1, 2), ["x", "y", "y"])
    await first.close()
    second = ChromaIndex(tmp_path / "index", few=few)
    again = second.collection("articles")
    assert (await found(again, "x"), await found(again, "y"), await again.count()) == (["a"], ["b", "c"], 3)
    assert await second.names() == ["articles"]
    await second.close()


async def test_a_directory_that_chroma_cannot_use_means_later(tmp_path: Path) -> None:
    (tmp_path / "index").write_text("not a directory")
    broken = ChromaIndex(tmp_path / "index")
    with pytest.raises(Retry, match="index_unavailable"):
        await broken.collection("articles").count()
    await broken.close()


def test_searched_in_the_moment_when_it_is_emptied_it_can_be_filled_again(tmp_path: Path) -> None:
    class Removed(type(tmp_path)):  # type: ignore[misc]
        def unlink(self, missing_ok: bool = False) -> None:
            asker.start()
            asker.join(0.2)  # it waits, or it is done
            super().unlink(missing_ok)

    few = FewParts(Removed(tmp_path / "one.few"))
    asker = threading.Thread(target=lambda: few.query(LEANING, 3, frozenset({"all"})))
    few.upsert(["a", "b"], axis(0, 1), ["all", "all"])
    few.clear()
    asker.join()
    assert few.query(LEANING, 3, frozenset({"all"})) == []
    few.upsert(["c"], axis(2), ["all"])
    assert [hit.id for hit in few.query(LEANING, 3, frozenset({"all"}))] == ["c"]
    few.close()


async def test_a_part_that_was_killed_while_it_grew_is_moved_to_the_end(tmp_path: Path) -> None:
    first = ChromaIndex(tmp_path / "index", few=1)
    await first.collection("articles").upsert(["a", "b", "c"], axis(0, 1, 2), ["all"] * 3)
    await first.close()
    left = FewParts(tmp_path / "index" / "articles.few")
    left.upsert(["a", "d"], axis(0, 3), ["all", "all"])  # as if the kill had come before they were taken away here
    left.close()
    again = ChromaIndex(tmp_path / "index", few=1)
    collection = again.collection("articles")
    assert await collection.count() == 4
    assert await found(collection, "all") == ["a", "b", "c", "d"]
    await again.close()


async def test_a_damaged_file_of_small_parts_is_begun_anew(tmp_path: Path) -> None:
    (tmp_path / "index").mkdir()
    (tmp_path / "index" / "articles.few").write_bytes(b"no database " * 1000)
    index = ChromaIndex(tmp_path / "index")
    collection = index.collection("articles")
    assert await collection.count() == 0
    await collection.upsert(["a"], axis(0), ["all"])
    assert await found(collection, "all") == ["a"]
    await index.close()
