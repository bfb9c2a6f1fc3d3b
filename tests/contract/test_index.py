"""The contract of a vector index, on Chroma and on the in-memory twin."""

from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import numpy as np
import pytest

from connectors.errors import Retry
from knowledge.chroma_index import BATCH, ChromaIndex
from knowledge.embedding.port import Vectors, normalised
from knowledge.index import Index, MemoryIndex, Metadata

DIMENSION = 8


@pytest.fixture(params=["memory", "chroma"])
async def index(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Index]:
    made: Index = MemoryIndex() if request.param == "memory" else ChromaIndex(tmp_path / "index")
    yield made
    await made.close()


def axis(*numbers: int) -> Vectors:
    """Unit vectors along the axes with these numbers."""
    return np.eye(DIMENSION, dtype=np.float32)[list(numbers)]


def many(count: int, dimension: int = DIMENSION) -> Vectors:
    return normalised(np.random.default_rng(5).normal(size=(count, dimension)))


async def test_the_nearest_come_first(index: Index) -> None:
    collection = index.collection("articles")
    await collection.upsert(["a", "b"], axis(0, 1), [{"n": 1}, {"n": 2}])
    question = normalised(np.array([[3.0, 1.0, 0, 0, 0, 0, 0, 0]]))[0]
    first, second = await collection.query(question, 5)
    assert (first.id, second.id) == ("a", "b")
    assert first.similarity == pytest.approx(3 / np.sqrt(10), abs=1e-5)
    assert second.similarity == pytest.approx(1 / np.sqrt(10), abs=1e-5)
    assert first.metadata == {"n": 1}
    assert [hit.id for hit in await collection.query(question, 1)] == ["a"]
    assert await collection.query(question, 0) == []


async def test_an_empty_collection_finds_nothing(index: Index) -> None:
    collection = index.collection("articles")
    assert await collection.count() == 0
    assert await collection.query(axis(0)[0], 5) == []
    assert await collection.query(axis(0)[0], 5, {"k": frozenset({"v"})}) == []
    await collection.delete(["nothing"])
    await collection.delete_where({"k": frozenset({"v"})})
    await collection.clear()
    await collection.upsert([], axis(), [])
    assert await collection.count() == 0


async def test_upsert_replaces(index: Index) -> None:
    collection = index.collection("articles")
    await collection.upsert(["a"], axis(0), [{"k": "old", "gone": True}])
    await collection.upsert(["a", "b"], axis(1, 2), [{"k": "new"}, {"k": "b"}])
    assert await collection.count() == 2
    (hit,) = await collection.query(axis(1)[0], 1)
    assert (hit.id, hit.metadata["k"]) == ("a", "new")
    assert hit.similarity == pytest.approx(1.0, abs=1e-5)


async def test_metadata_comes_back_as_it_went_in(index: Index) -> None:
    collection = index.collection("articles")
    metadata: Metadata = {"text": "ä", "number": 3, "share": 0.5, "yes": True, "several": ("one", "two")}
    await collection.upsert(["a"], axis(0), [metadata])
    (hit,) = await collection.query(axis(0)[0], 1)
    assert hit.metadata == metadata


async def test_filters_are_and_across_keys_or_within_one(index: Index) -> None:
    collection = index.collection("articles")
    rows: dict[str, Metadata] = {
        "us": {"country": ("us",), "kind": "policy"},
        "de_fr": {"country": ("de", "fr"), "kind": "policy"},
        "all": {"country": ("*",), "kind": "guide"},
        "none": {"kind": "policy"},
    }
    await collection.upsert(list(rows), axis(0, 1, 2, 3), list(rows.values()))

    async def found(**where: Sequence[str]) -> set[str]:
        return {hit.id for hit in await collection.query(axis(0)[0], 10, {key: frozenset(values) for key, values in where.items()})}

    assert await found(country=["de", "*"]) == {"de_fr", "all"}
    assert await found(country=["us", "fr"]) == {"us", "de_fr"}
    assert await found(country=["us", "*"], kind=["guide"]) == {"all"}
    assert await found(kind=["policy"]) == {"us", "de_fr", "none"}
    assert await found(country=["d"]) == set()
    assert await found(country=[]) == set()
    assert await found() == set(rows)


async def test_a_filter_finds_what_lies_far_away(index: Index) -> None:
    """Also when everything near does not match, which is where filtering after the search would come up empty."""
    collection = index.collection("articles")
    near = normalised(axis(*[0] * 400) + 0.01 * many(400))
    await collection.upsert([f"n{number}" for number in range(400)], near, [{"who": ("others",)}] * 400)
    await collection.upsert(["mine", "mine too"], axis(1, 2), [{"who": ("me", "others")}, {"who": ("me",)}])
    found = await collection.query(axis(0)[0], 5, {"who": frozenset({"me"})})
    assert {hit.id for hit in found} == {"mine", "mine too"}


async def test_entries_that_are_kept_apart_are_one_collection(index: Index) -> None:
    collection = index.collection("apart", "who")
    rows: list[Metadata] = [{"who": who, "article": article} for who, article in (("all", "x"), ("all", "y"), ("few", "x"), ("none", "z"))]
    await collection.upsert(["a", "b", "c", "d"], axis(0, 1, 2, 3), rows)

    async def found(bare: bool = False, **where: Sequence[str]) -> list[str]:
        asked = {key: frozenset(values) for key, values in where.items()}
        return [hit.id for hit in await collection.query(normalised(np.array([[4.0, 3, 2, 1, 0, 0, 0, 0]]))[0], 3, asked, bare=bare)]

    assert await collection.count() == 4
    assert await found() == ["a", "b", "c"]
    assert await found(who=["few", "none", "nobody"]) == ["c", "d"]
    assert await found(who=["few", "all"], article=["x"]) == ["a", "c"]
    assert await found(who=[]) == await found(who=["nobody"]) == []
    assert await found(bare=True, who=["few", "all"]) == ["a", "b", "c"]
    await collection.upsert(["a"], axis(0), [{"who": "few", "article": "x"}])
    assert (await found(who=["all"]), await found(who=["few"]), await collection.count()) == (["b"], ["a", "c"], 4)
    await collection.delete_where({"article": frozenset({"x"})})
    assert await found() == ["b", "d"]
    await collection.delete_where({"who": frozenset({"none"})})
    await collection.delete(["b", "unknown"])
    assert await collection.count() == 0
    await collection.upsert(["a"], axis(0), [{"who": "all"}])
    await collection.clear()
    assert await found() == []


async def test_nothing_is_told_of_bare_hits_but_their_nearness(index: Index) -> None:
    collection = index.collection("articles")
    await collection.upsert(["a"], axis(0), [{"k": "v"}])
    (hit,) = await collection.query(axis(0)[0], 1, bare=True)
    assert (hit.id, hit.similarity, hit.metadata) == ("a", pytest.approx(1.0, abs=1e-5), {})


async def test_entries_are_deleted_by_id_and_by_filter(index: Index) -> None:
    collection = index.collection("articles")
    await collection.upsert(["a", "b", "c"], axis(0, 1, 2), [{"article": "x"}, {"article": "x"}, {"article": "y"}])
    await collection.delete(["c", "unknown"])
    assert {hit.id for hit in await collection.query(axis(0)[0], 5)} == {"a", "b"}
    await collection.delete_where({"article": frozenset()})
    assert await collection.count() == 2, "a filter that matches nothing deletes nothing"
    await collection.delete_where({"article": frozenset({"x"})})
    assert await collection.count() == 0


async def test_collections_are_apart_and_can_be_emptied(index: Index) -> None:
    articles, utterances = index.collection("articles"), index.collection("utterances")
    await articles.upsert(["a"], axis(0), [{"n": 1}])
    await utterances.upsert(["u"], axis(0), [{"n": 1}])
    await articles.clear()
    assert (await articles.count(), await utterances.count()) == (0, 1)
    await articles.upsert(["b"], axis(1), [{"n": 1}])
    assert [hit.id for hit in await index.collection("articles").query(axis(0)[0], 5)] == ["b"]


async def test_more_than_one_batch_is_taken(index: Index) -> None:
    collection = index.collection("articles")
    count = BATCH + 10
    vectors = many(count)
    await collection.upsert([str(number) for number in range(count)], vectors, [{"n": number} for number in range(count)])
    assert await collection.count() == count
    assert (await collection.query(vectors[-1], 1))[0].id == str(count - 1)
    await collection.delete([str(number) for number in range(count - 1)])
    assert await collection.count() == 1


async def test_chroma_keeps_its_entries(tmp_path: Path) -> None:
    first = ChromaIndex(tmp_path / "index")
    await first.collection("articles").upsert(["a"], axis(0), [{"k": ("v",)}])
    await first.close()
    second = ChromaIndex(tmp_path / "index")
    (hit,) = await second.collection("articles").query(axis(0)[0], 1, {"k": frozenset({"v"})})
    assert hit.id == "a"
    await second.close()


async def test_chroma_keeps_apart_what_was_kept_apart(tmp_path: Path) -> None:
    first = ChromaIndex(tmp_path / "index")
    await first.collection("articles", "who").upsert(["a", "b"], axis(0, 1), [{"who": "x"}, {"who": "y"}])
    await first.close()
    second = ChromaIndex(tmp_path / "index")
    again = second.collection("articles", "who")
    assert [hit.id for hit in await again.query(axis(0)[0], 5, {"who": frozenset({"y"})})] == ["b"]
    assert await again.count() == 2
    await second.close()


async def test_a_directory_that_chroma_cannot_use_means_later(tmp_path: Path) -> None:
    (tmp_path / "index").write_text("not a directory")
    broken = ChromaIndex(tmp_path / "index")
    with pytest.raises(Retry, match="index_unavailable"):
        await broken.collection("articles").count()
    await broken.close()
