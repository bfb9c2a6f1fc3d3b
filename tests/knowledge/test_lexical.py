"""Text search ranks alike on both databases."""

import asyncio
from collections.abc import Mapping

import pytest
from sqlalchemy import select

from knowledge.lexical import Frequencies, Plan, plan, search_text
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


def test_rare_words_are_searched_for_and_common_ones_where_they_meet() -> None:
    frequency = {"vpn": 40, "zurich": 3, "office": 600, "printer": 500, "python": 60_000, "the": 90_000}
    assert plan(["office", "zurich", "vpn"], frequency, few=False) == Plan(("zurich", "vpn", "office"))
    assert plan(["python", "printer", "office", "zurich"], frequency, few=False) == Plan(("zurich", "printer"))
    often = {**frequency, "vpn": 700}
    assert plan(["office", "printer", "vpn", "zurich"], often, few=False) == Plan(("zurich", "printer"), ("office", "vpn"))
    assert plan(["office", "printer", "vpn", "zurich"], often, few=True) == Plan(("zurich", "printer", "office", "vpn"))
    assert plan(["the", "python"], frequency, few=False) == Plan(("python",))


async def test_a_large_library_is_searched_alike(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the limits of a large one, and few passages to see it."""
    german = ("country=DE",)
    await shelf.put("The plotter in Zurich needs special paper.", "plotter.md")
    await shelf.put("The printer in Zurich is in the basement.", "zurich.md")
    await shelf.put("The printer in Zurich is secret.", "secret.md", german)
    for number in range(8):
        await shelf.put(f"A printer stands on floor {number}, it prints in colour.", f"{number}.md")
    both = [*EVERYBODY, audience_key({"country": frozenset({"de"})})]
    monkeypatch.setattr("knowledge.lexical._FEW", 0)
    assert (await sources(shelf, "plotter or printer"))[0] == "plotter.md"
    assert (await sources(shelf, "secret"), await sources(shelf, "secret", both)) == ([], ["secret.md"])
    monkeypatch.setattr("knowledge.lexical._WEIGHED", 1)
    assert await sources(shelf, "plotter or printer") == ["plotter.md"], "what is everywhere is not worth its cost"
    assert set(await sources(shelf, "printer in Zurich")) == {"zurich.md"}
    assert set(await sources(shelf, "printer in Zurich", both)) == {"zurich.md", "secret.md"}
    assert len(await sources(shelf, "printer")) > 1, "but when nothing else was asked"


async def test_frequencies_are_asked_for_once_and_again_when_the_library_has_grown(shelf: Shelf) -> None:
    known = Frequencies()
    await shelf.put("A printer.", "a.md")

    async def frequency() -> int:
        async with shelf.sessions() as session:
            await search_text(session, "printer", EVERYBODY, 5, known)
        return known.words["printer"]

    assert await frequency() == 1
    known.words["printer"] = 7
    assert await frequency() == 7
    await shelf.put("Another printer.", "b.md")
    assert await frequency() == 2


async def test_searches_at_once_do_not_take_each_others_frequencies_away(shelf: Shelf) -> None:
    """Each publication is growth here, by which what was known is forgotten while others still look things up."""
    await shelf.put("A printer stands on floor one.", "a.md")
    for number in range(10):
        await shelf.put(f"A lost thing {number} is replaced by reception.", f"{number}.md")
        found = await asyncio.gather(*(shelf.find("where stands the printer") for _ in range(3)))
        assert {passages[0].source for passages in found} == {"a.md"}


async def test_what_was_forgotten_meanwhile_is_asked_for_again(shelf: Shelf) -> None:
    class Emptied(Frequencies):
        """Another search notices growth whenever this one has looked."""

        def keep(self, words: Mapping[str, int]) -> None:
            super().keep(words)
            self.words.clear()
            self.readable.clear()

    await shelf.put("A printer stands on floor one.", "a.md")
    async with shelf.sessions() as session:
        assert len(await search_text(session, "printer floor", EVERYBODY, 5, Emptied())) == 1


async def test_what_is_remembered_of_words_is_bounded(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("knowledge.lexical._REMEMBERED", 20)
    known = Frequencies()
    await shelf.put("A printer.", "a.md")
    async with shelf.sessions() as session:
        for number in range(50):
            assert await search_text(session, f"printer word{number}", EVERYBODY, 5, known)
    assert 0 < len(known.words) <= 20
