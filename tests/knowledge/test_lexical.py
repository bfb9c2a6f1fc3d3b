"""Text search ranks alike on both databases."""

from sqlalchemy import select

from knowledge.lexical import search_text
from knowledge.store import articles, audience_key, chunks
from tests.knowledge.conftest import Shelf

EVERYBODY = [audience_key({})]


async def sources(shelf: Shelf, question: str, keys: list[str] | None = None, limit: int = 10) -> list[str]:
    async with shelf.sessions() as session:
        scores = await search_text(session, question, EVERYBODY if keys is None else keys, limit)
        named = (await session.execute(select(chunks.c.id, articles.c.source).join(articles, articles.c.id == chunks.c.article_id))).all()
    by_id = {row.id: row.source for row in named}
    assert list(scores.values()) == sorted(scores.values(), reverse=True)
    assert not scores or max(scores.values()) == 1.0
    return [by_id[id_] for id_ in scores]


async def test_rare_words_weigh_more_than_common_ones(shelf: Shelf) -> None:
    for number in range(8):
        await shelf.put(f"The printer on floor {number} prints in colour, the printer is near the stairs.", f"{number}.md")
    await shelf.put("The plotter needs special paper and stands next to a printer.", "plotter.md")
    assert (await sources(shelf, "plotter or printer"))[0] == "plotter.md"


async def test_forms_of_words_are_found(shelf: Shelf) -> None:
    await shelf.put("Carried days expire in March.", "a.md")
    assert await sources(shelf, "when does a carry day expiring") == ["a.md"]
    assert await sources(shelf, "what is the and of") == []


async def test_the_title_is_searched(shelf: Shelf) -> None:
    await shelf.put("---\ntitle: Bereavement\n---\nTen days.", "a.md")
    assert await sources(shelf, "bereavement") == ["a.md"]


async def test_only_these_audiences_are_searched(shelf: Shelf) -> None:
    await shelf.put("Secret plan.", "a.md", ("country=DE",))
    assert await sources(shelf, "secret plan") == []
    assert await sources(shelf, "secret plan", []) == []
    assert await sources(shelf, "secret plan", [audience_key({"country": frozenset({"de"})})]) == ["a.md"]


async def test_the_limit_holds(shelf: Shelf) -> None:
    for number in range(5):
        await shelf.put(f"Printer number {number}.", f"{number}.md")
    assert len(await sources(shelf, "printer", limit=3)) == 3
