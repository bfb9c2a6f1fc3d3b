"""Nobody finds what they may not read."""

import itertools
import random

import pytest

from knowledge.model import admits, parse_audience
from knowledge.retrieval import Lookup, articles_in
from knowledge.store import audience_key
from tests.knowledge.conftest import VOCABULARY, Shelf, person

AUDIENCES: tuple[tuple[str, ...], ...] = (
    (),
    ("country=US",),
    ("country=DE",),
    ("country=DE,FR",),
    ("department=IT",),
    ("country=US", "department=IT"),
    ("country=FR", "department=Sales"),
    ("role=staff",),
)


async def filled(shelf: Shelf) -> Shelf:
    """Twenty-four articles about the same thing, three for each audience."""
    for number, audience in enumerate(AUDIENCES * 3):
        await shelf.put(f"The secret number {number} of the holiday calendar is word{number}.", f"{number}.md", audience)
    return shelf


async def leaks(shelf: Shelf) -> int:
    """Searches as everybody for everything; how many passages came that the asker may not read."""
    chance = random.Random(7)
    found = 0
    for country, department in itertools.product(("US", "DE", "FR", "BR"), ("IT", "Sales", "Legal")):
        asker = person(country, department)
        questions = ["the secret number of the holiday calendar", f"word{chance.randrange(24)}", "holiday " * 50]
        for question in questions:
            passages = await shelf.find(question, asker, limit=30)
            found += sum(not admits(passage.audience, asker) for passage in passages)
            expected = sum(admits(parse_audience(audience, VOCABULARY), asker) for audience in AUDIENCES) * 3
            if "calendar" in question:
                assert len(passages) == expected, "and whatever they may read is found"
    return found


async def test_no_passage_outside_its_audience_is_ever_found(shelf: Shelf) -> None:
    assert await leaks(await filled(shelf)) == 0


async def test_the_harness_notices_a_leak(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    """The negative control: with the protection switched off the same harness fails."""
    await filled(shelf)
    monkeypatch.setattr("knowledge.retrieval.admits", lambda audience, person: True)
    with pytest.raises(AssertionError):
        assert await leaks(shelf) == 0


async def test_the_database_has_the_last_word(shelf: Shelf) -> None:
    """Entries of the index that claim a wider audience than the article has show nothing."""
    await shelf.put("The secret plan is purple.", "a.md", ("country=DE",))
    collection = articles_in(shelf.index, shelf.encoder.name)
    (id_,) = await collection.ids()
    await collection.upsert([id_], await shelf.encoder.encode(["secret plan"]), [audience_key({})])
    assert await shelf.find("secret plan", person("US")) == []
    assert len(await shelf.find("secret plan", person("DE"))) == 1


async def test_guests_and_leavers_find_nothing(shelf: Shelf) -> None:
    await shelf.put("Printers are on every floor.")
    assert await shelf.find("printers", person())
    assert await shelf.find("printers", person(guest=True)) == []
    assert await shelf.find("printers", person(active=False)) == []


async def test_the_article_for_this_country_comes_before_the_general_one(shelf: Shelf) -> None:
    await shelf.put("You may carry over five days of leave into the next year.", "general.md")
    await shelf.put("You may carry over ten days of leave into the next year.", "german.md", ("country=DE",))
    assert (await shelf.find("how many days of leave carry over", person("DE")))[0].source == "german.md"
    assert (await shelf.find("how many days of leave carry over", person("US")))[0].source == "general.md"


ODD = ("", "   ", "🙂🙂", "\x00\x07", '" OR 1=1 --', "AND OR NOT NEAR(", "word " * 20_000, "какой пароль", "a:b*c^d")


@pytest.mark.parametrize("question", ODD)
async def test_odd_questions_break_nothing(shelf: Shelf, question: str) -> None:
    await shelf.put("Printers are on every floor.")
    await shelf.find(question.replace("\x00", ""))
    assert (await shelf.ask(question)).kind == "unknown"


async def test_text_search_finds_names_and_numbers(shelf: Shelf) -> None:
    for number in range(30):
        await shelf.put(f"Room A-{number} has a projector and twenty chairs for your meeting.", f"{number}.md")
    assert (await shelf.find("what is in room A-17?"))[0].source == "17.md"


async def test_skills_get_plain_cited_passages(shelf: Shelf) -> None:
    article = await shelf.put("---\ntitle: Runbook\n---\nRestart the **spooler** first.", "runbook.md", ("department=IT",))
    lookup = Lookup(shelf.retriever)
    (passage,) = await lookup.search("restart spooler", person("US", "IT"))
    assert (passage.text, passage.title, passage.source) == ("Restart the spooler first.", "Runbook", "runbook.md")
    assert passage.updated_at == article.updated_at
    assert await lookup.search("restart spooler", person("US", "Sales")) == []
