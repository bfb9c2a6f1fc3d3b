"""What is uploaded again: nothing for what is as it was, and of what changed only what changed is encoded."""

import asyncio
from collections.abc import Sequence

import pytest
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from knowledge.embedding.hashing import HashingEncoder
from knowledge.embedding.port import Vectors
from knowledge.model import ArticleState
from knowledge.preparing import ENCODED_AT_ONCE
from knowledge.store import versions
from tests.knowledge.conftest import KIM, Shelf

LONG = " ".join(["So it is in all of our buildings, on every floor and at any hour."] * 7)
"""Makes a section a chunk of its own."""
HANDBOOK = f"# Handbook\n\n## Badges\n\nA lost badge is replaced by reception. {LONG}\n\n## Parking\n\nPark in rows A to C. {LONG}\n"


class CountingEncoder(HashingEncoder):
    """Keeps every text that it was asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []

    async def encode(self, texts: Sequence[str]) -> Vectors:
        self.texts += texts
        return await super().encode(texts)


@pytest.fixture
def counting(stored: async_sessionmaker[AsyncSession]) -> Shelf:
    return Shelf(stored, encoder=CountingEncoder())


def asked(shelf: Shelf) -> list[str]:
    """What was encoded since this was last called."""
    assert isinstance(shelf.encoder, CountingEncoder)
    texts, shelf.encoder.texts = shelf.encoder.texts, []
    return texts


async def test_the_same_file_again_is_nothing_new(shelf: Shelf) -> None:
    article = await shelf.put(HANDBOOK, "handbook.md", ("country=DE",))
    events = list(shelf.audit.events)
    again = await shelf.library.add_changed(HANDBOOK.encode(), "handbook.md", ["country=de"], by=KIM)
    assert (again.changed, again.article) == (False, article)
    assert (await shelf.library.add(HANDBOOK.encode(), "folder/handbook.md", ["country=DE"], by=KIM)).version == 1
    assert [one.version for one in await shelf.library.add_many([("handbook.md", HANDBOOK.encode())], ["country=DE"], by=KIM)] == [1]
    assert shelf.audit.events == events
    assert [one.version for one in await shelf.library.list()] == [1]


async def test_an_unchanged_draft_stays_the_draft_that_it_is(shelf: Shelf) -> None:
    draft = await shelf.library.add(HANDBOOK.encode(), "handbook.md", by=KIM)
    again = await shelf.library.add_changed(HANDBOOK.encode(), "handbook.md", by=KIM)
    assert (again.changed, again.article.id, again.article.state) == (False, draft.id, ArticleState.DRAFT)


async def test_another_byte_another_audience_and_a_retired_article_are_changes(shelf: Shelf) -> None:
    article = await shelf.put(HANDBOOK, "handbook.md")
    assert (await shelf.library.add_changed(HANDBOOK.encode() + b"\n", "handbook.md", by=KIM)).changed
    assert (await shelf.library.add_changed(HANDBOOK.encode() + b"\n", "handbook.md", ["country=DE"], by=KIM)).changed
    assert (await shelf.library.publish(article.id, KIM)).version == 3
    await shelf.library.retire(article.id, KIM)
    back = await shelf.library.add_changed(HANDBOOK.encode() + b"\n", "handbook.md", ["country=DE"], by=KIM)
    assert (back.changed, back.article.version, back.article.state) == (True, 4, ArticleState.DRAFT)


async def test_an_audience_is_the_same_however_it_was_said(shelf: Shelf) -> None:
    """Asked for once and kept the next time, or kept and then asked for; what the file itself says counts again when nobody asks."""
    plain, french = b"Parking is in rows A to C.", b"---\naudience: country=FR\n---\nParking is in rows D to F."
    await shelf.library.add(plain, "a.md", ["country=DE"], by=KIM)
    assert not (await shelf.library.add_changed(plain, "a.md", by=KIM)).changed
    await shelf.library.add(french, "b.md", by=KIM)
    assert not (await shelf.library.add_changed(french, "b.md", ["country=FR"], by=KIM)).changed
    assert (await shelf.library.add_changed(french, "b.md", ["country=US"], by=KIM)).changed
    own = await shelf.library.add_changed(french, "b.md", by=KIM)
    assert own.changed
    assert own.article.audience == {"country": {"fr"}}


async def test_a_version_from_before_there_were_hashes_is_taken_for_changed(shelf: Shelf) -> None:
    await shelf.put(HANDBOOK, "handbook.md")
    async with shelf.sessions.begin() as session:
        await session.execute(versions.update().values(content_hash=None))
    assert (await shelf.library.add_changed(HANDBOOK.encode(), "handbook.md", by=KIM)).changed


async def test_only_what_changed_is_encoded_again(counting: Shelf) -> None:
    await counting.put(HANDBOOK, "handbook.md")
    whole = asked(counting)
    await counting.put(HANDBOOK.replace("rows A to C", "rows D to F"), "handbook.md")
    [changed] = asked(counting)
    assert "rows D to F" in changed
    assert len(whole) == 3, "two sections and the title"
    found = {passage.chunk.section: passage for passage in await counting.find("lost badge replaced by reception")}
    assert {passage.chunk.version for passage in found.values()} == {2}
    vectors = await HashingEncoder().encode(["lost badge replaced by reception", f"Handbook\nBadges\n{found['Badges'].chunk.text}"])
    assert found["Badges"].similarity == pytest.approx(float(vectors[0] @ vectors[1]), abs=1e-5)


async def test_vectors_of_another_encoder_are_not_taken_over(counting: Shelf) -> None:
    await counting.put(HANDBOOK, "handbook.md")
    async with counting.sessions.begin() as session:
        await session.execute(versions.update().values(encoder="another"))
    whole = asked(counting)
    await counting.put(HANDBOOK + " ", "handbook.md")
    assert asked(counting) == whole
    await counting.put(HANDBOOK + "  ", "handbook.md")
    assert asked(counting) == []


async def test_publishing_can_be_stopped_between_two_batches_with_nothing_done(counting: Shelf) -> None:
    sections = "".join(f"## Section {n}\n\nThe number of this room is {n}. {LONG}\n\n" for n in range(ENCODED_AT_ONCE + 10))
    draft = await counting.library.add(f"# Rooms\n\n{sections}".encode(), "rooms.md", by=KIM)
    batches = 0

    def between() -> None:
        nonlocal batches
        batches += 1
        if batches == 2:
            raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        await counting.library.publish_many([draft.id], KIM, between=between)
    assert len(asked(counting)) == ENCODED_AT_ONCE
    assert (await counting.library.get(draft.id)).state is ArticleState.DRAFT
    assert [event for event, _ in counting.audit.events] == ["article_added"]
    assert (await counting.library.publish(draft.id, KIM)).state is ArticleState.PUBLISHED
