"""What is quoted, when nothing is, and how follow-ups are understood; pure."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest

from knowledge.answering import Reader, ReadPassage, choose, decide, is_about_another_country
from knowledge.embedding.hashing import HashingEncoder
from knowledge.embedding.port import Vectors
from knowledge.follow_ups import in_short, with_context
from knowledge.model import Audience, Chunk, Passage
from knowledge.quoting import Unit, compose, unit_text, units

QUESTION = np.array([1.0, 0.0], dtype=np.float32)
UPDATED = datetime(2026, 1, 1, tzinfo=UTC)
TABLE = "| Office | Days |\n| --- | --- |\n| Berlin | 10 |"


def toward(similarity: float) -> np.ndarray:
    return np.array([similarity, np.sqrt(1 - similarity**2)], dtype=np.float32)


def passage(
    text: str, similarity: float, *, article: str = "a", coverage: float = 1.0, title: str = "Leave", audience: Audience | None = None
) -> Passage:
    chunk = Chunk(f"{article}-{text[:8]}", article, 1, 0, "Carry-over", text)
    return Passage(chunk, title, f"{article}.md", audience or {}, UPDATED, similarity, similarity, coverage)


def read(one: Passage, *similarities: float) -> ReadPassage:
    found = units(one.chunk.text)
    assert len(found) == len(similarities)
    return ReadPassage(one, found, np.array([toward(similarity) for similarity in similarities]))


def texts(found: Sequence[Unit]) -> list[str]:
    return [unit.text for unit in found]


def test_units_are_sentences_items_and_rows() -> None:
    body = f"First one. Second one.\n\nTo connect:\n\n1. Open it.\n2. Sign in.\n\n{TABLE}\n\n## Heading\n\nLast."
    found = units(body)
    assert [(unit.kind, unit.text) for unit in found] == [
        ("sentence", "First one."),
        ("sentence", "Second one."),
        ("sentence", "To connect:"),
        ("item", "1. Open it."),
        ("item", "2. Sign in."),
        ("row", "| Berlin | 10 |"),
        ("sentence", "Last."),
    ]
    assert found[3].reading == "To connect: Open it."
    assert found[5].reading == "Office: Berlin; Days: 10"
    assert unit_text(found[5], "Holidays", "Offices › Days off") == "Days off: Office: Berlin; Days: 10"
    assert unit_text(found[0], "Holidays", "Offices") == "First one."


def test_what_is_said_in_bold_is_a_unit_and_a_bold_label_is_quoted_with_what_it_heads() -> None:
    first = units("**The password is Sunflower.**\n\nAsk reception.")[0]
    assert (first.kind, first.text) == ("sentence", "**The password is Sunflower.**")
    assert units("Ask reception.\n\n**The password is Sunflower**")[1].kind == "sentence", "it heads nothing"
    found = units("Other.\n\n**Opening hours**\n\n- From 8 to 9\n- On Fridays from 7")
    assert [unit.kind for unit in found] == ["sentence", "label", "item", "item"]
    assert compose(choose(found, np.array([0.1, 0.9, 0.5, 0.45]))) == "**Opening hours**\n\n- From 8 to 9\n- On Fridays from 7"
    assert texts(choose(units("**Hours**\n\n{{ hours }}"), np.array([0.9]))) == ["**Hours**"]
    heads = units("**The gate is in the north**\n\nLunch is at noon.")
    assert compose(choose(heads, np.array([0.9, 0.1]))) == "**The gate is in the north**\n\nLunch is at noon."


def test_a_label_says_nothing_about_how_sure_it_is() -> None:
    one = passage("**Leave**\n\nAsk your manager.", 0.4)
    sure = [decide("leave", QUESTION, [read(one, label, 0.3)], [one]).confidence for label in (0.2, 0.99)]
    assert sure[0] == sure[1]


def test_an_escaped_bar_ends_no_cell() -> None:
    row = units("| a | b |\n| --- | --- |\n| x \\| y | 2 |")[0]
    assert row.reading == "a: x y; b: 2"
    many = units("| a | b |\n| --- | --- |\n" + "| x \\| y | 2 |\n" * 12)
    assert texts(choose(many, np.full(12, 0.8)))[-1] == "| … | |"


def test_what_a_sites_generator_would_replace_is_no_unit() -> None:
    assert texts(units('{% include "steps.html" step: 2 %}\n\n{{ page.title }}\n\nSay {{ name }} first.')) == ["Say {{ name }} first."]


def test_quotes_read_as_they_stand_in_the_article() -> None:
    found = units(f"Intro. More.\n\nTo connect:\n\n1. Open it.\n2. Sign in.\n\n{TABLE}\n| Munich | 13 |")
    assert compose(found[:2]) == "Intro. More."
    assert compose(found[3:5]) == "To connect:\n\n1. Open it.\n2. Sign in."
    assert compose([found[6]]) == "| Office | Days |\n| --- | --- |\n| Munich | 13 |"
    assert compose(found[5:]) == "| Office | Days |\n| --- | --- |\n| Berlin | 10 |\n| Munich | 13 |"


def test_numbered_steps_are_quoted_whole_and_bullets_are_chosen() -> None:
    steps = units("To connect:\n\n1. Open it.\n2. Sign in.\n3. Wait.")
    assert texts(choose(steps, np.array([0.1, 0.2, 0.9, 0.1]))) == ["1. Open it.", "2. Sign in.", "3. Wait."]
    assert texts(choose(steps, np.array([0.9, 0.2, 0.1, 0.1]))) == ["1. Open it.", "2. Sign in.", "3. Wait."], "led to by the best line"
    bullets = units("- Hotels\n- Flights\n- Fines")
    assert texts(choose(bullets, np.array([0.5, 0.9, 0.85]))) == ["- Flights", "- Fines"]


def test_the_sentence_after_the_best_one_comes_along() -> None:
    found = units("You have 20 days. You may carry over 5. They expire in March. Ask your manager.")
    assert texts(choose(found, np.array([0.3, 0.9, 0.2, 0.1]))) == ["You may carry over 5.", "They expire in March."]
    assert texts(choose(found, np.array([0.3, 0.2, 0.1, 0.9]))) == ["Ask your manager."]


def test_a_near_passage_is_quoted_with_its_number() -> None:
    one = passage("You may carry over five days.", 0.8)
    other = passage("Up to five days move to the next year.", 0.78, article="b", title="Handbook")
    answer = decide("how many days carry over", QUESTION, [read(one, 0.9), read(other, 0.98)], [one, other])
    assert answer.kind == "answered"
    assert [(quote.citation.n, quote.citation.title, quote.citation.section) for quote in answer.quotes] == [
        (1, "Leave", "Carry-over"),
        (2, "Handbook", "Carry-over"),
    ]
    assert answer.quotes[0].text == answer.quotes[0].citation.snippet == "You may carry over five days."
    assert answer.quotes[0].citation.updated == UPDATED
    assert answer.articles == ("a", "b")
    assert answer.vector is QUESTION


def test_a_passage_that_lacks_what_was_asked_for_is_not_quoted_beside_one_that_has_it() -> None:
    monday = passage("On Monday the bins are emptied by team Alpha.", 0.8, title="Bins")
    thursday = passage("On Thursday the bins are emptied by team Beta.", 0.79, article="b", title="Bins")
    asked = "which team empties the bins on Monday?"
    answer = decide(asked, QUESTION, [read(monday, 0.98), read(thursday, 0.98)], [monday, thursday])
    assert answer.articles == ("a",)
    rota = passage("Alpha and Beta take turns; the rota hangs beside the dishwasher.", 0.8, article="c", title="Bins")
    added = decide(asked, QUESTION, [read(monday, 0.87), read(rota, 0.98)], [monday, rota])
    assert added.articles == ("a", "c"), "worded differently, it adds something"
    both = decide("which team empties the bins?", QUESTION, [read(monday, 0.9), read(thursday, 0.9)], [monday, thursday])
    assert both.articles == ("a", "b")


def test_what_is_covered_by_nothing_has_no_quotes() -> None:
    far = passage("The canteen opens at eight.", 0.15, coverage=0.0)
    answer = decide("who won the world cup", QUESTION, [read(far, 0.1)], [far])
    assert (answer.kind, answer.quotes) == ("unknown", ())
    assert answer.confidence < 0.1
    assert decide("anything", QUESTION, [], []).kind == "unknown"


def test_confidence_rises_with_nearness_words_and_lead() -> None:
    def confidence(similarity: float, coverage: float, second: float) -> float:
        one, other = passage("Text here.", similarity, coverage=coverage), passage("Other text.", second, article="b")
        return decide("question", QUESTION, [read(one, 0.2)], [one, other]).confidence

    assert confidence(0.7, 0.5, 0.5) > confidence(0.5, 0.5, 0.5)
    assert confidence(0.6, 1.0, 0.5) > confidence(0.6, 0.0, 0.5)
    assert confidence(0.6, 0.5, 0.4) > confidence(0.6, 0.5, 0.6)


def test_the_section_that_is_cited_is_the_one_that_was_quoted() -> None:
    found = passage("Visitors get a badge.\n\n## Bicycles\n\n- The cellar closes at 10.", 0.8)
    found = replace(found, chunk=replace(found.chunk, section="Parking › Visitors"))
    (quote,) = decide("when does it close?", QUESTION, [read(found, 0.3, 0.7)], [found]).quotes
    assert quote.citation.section == "Parking › Bicycles"
    assert unit_text(units(found.chunk.text)[1], "Office", "Parking › Visitors") == "Bicycles: The cellar closes at 10."
    (quote,) = decide("who gets a badge?", QUESTION, [read(found, 0.7, 0.3)], [found]).quotes
    assert quote.citation.section == "Parking › Visitors"


def test_the_words_of_a_passage_as_good_as_the_first_count() -> None:
    first, second = passage("Text here.", 0.6, coverage=0.5), passage("Text there.", 0.55, article="b")
    both = decide("question", QUESTION, [read(first, 0.2), read(second, 0.2)], [first, second]).confidence
    assert both > decide("question", QUESTION, [read(first, 0.2)], [first, second]).confidence
    far = passage("Text there.", 0.4, article="b")
    alone = decide("question", QUESTION, [read(first, 0.2)], [first, far]).confidence
    assert decide("question", QUESTION, [read(first, 0.2), read(far, 0.2)], [first, far]).confidence == alone


def test_an_article_that_says_the_same_takes_no_confidence() -> None:
    one, twin = passage("Text here.", 0.6), replace(passage("Text there.", 0.6, article="b"), likeness=0.9)
    other_part = passage("More of it.", 0.59, article="b")
    alone = decide("question", QUESTION, [read(one, 0.2)], [one]).confidence
    assert decide("question", QUESTION, [read(one, 0.2)], [one, twin, other_part]).confidence == alone
    assert decide("question", QUESTION, [read(one, 0.2)], [one, replace(twin, likeness=0.5)]).confidence < alone


def test_a_short_paragraph_is_quoted_whole_and_a_long_one_from_the_best_sentence() -> None:
    short = units("Ask first. A restart helps. Else you get a loan device.")
    assert texts(choose(short, np.array([0.6, 0.7, 0.9]))) == ["Ask first.", "A restart helps.", "Else you get a loan device."]
    assert texts(choose(short, np.array([0.1, 0.2, 0.9]))) == ["Else you get a loan device."], "what is on another matter stays out"


def test_a_table_that_is_asked_for_comes_whole_and_shows_where_it_ends() -> None:
    rows = "\n".join(f"| Office {number} | {number} |" for number in range(14))
    found = units(f"| Office | Days |\n| --- | --- |\n{rows}")
    assert texts(choose(found[:8], np.full(8, 0.8))) == texts(found[:8])
    cut = texts(choose(found, np.full(14, 0.8)))
    assert (len(cut), cut[-1]) == (11, "| … | |")
    assert texts(choose(found, np.array([0.8, *[0.2] * 13]))) == ["| Office 0 | 0 |"]


def test_a_heading_speaks_for_what_it_announces() -> None:
    one = passage("Switch to TCP.", 0.6, title="VPN problems")
    other = passage("Restart the laptop.", 0.6, article="b", title="VPN")
    under = replace(read(one, 0.3), heading=toward(0.95))
    assert decide("vpn keeps disconnecting", QUESTION, [read(other, 0.5), under], [other, one]).quotes[0].text == "Switch to TCP."


@pytest.mark.parametrize("question", ["when does it open?", "and until when?", "at what time may I come?"])
def test_when_is_answered_with_a_figure(question: str) -> None:
    found = passage("The gym in Berlin is free for everybody who works there. Show your badge.\n\nIt opens at 7.", 0.8)
    answer = decide(question, QUESTION, [read(found, 0.62, 0.3, 0.6)], [found])
    assert answer.quotes[0].text == "It opens at 7."
    other = decide("may I come when I am new?", QUESTION, [read(found, 0.62, 0.3, 0.6)], [found])
    assert other.quotes[0].text.startswith("The gym")


def test_how_many_is_answered_with_a_number() -> None:
    found = passage(
        "Ask your manager. Everybody who joined before the end of the last quarter of the year is part of it.\n\nYou get 5.", 0.8
    )
    answer = decide("how many do I get", QUESTION, [read(found, 0.62, 0.3, 0.6)], [found])
    assert "You get 5." in answer.quotes[0].text
    assert not decide("do I get some", QUESTION, [read(found, 0.72, 0.3, 0.4)], [found]).quotes[0].text.startswith("You get 5.")


def test_a_question_about_another_country_is_not_answered() -> None:
    american = passage("You may carry over 5 days.", 0.9, audience={"country": frozenset({"us"})}, title="PTO policy")
    general = passage("In Germany and France offices close early.", 0.9)
    assert is_about_another_country("and in Germany?", american)
    assert not is_about_another_country("and in the US?", american)
    assert not is_about_another_country("how many days?", american)
    assert not is_about_another_country("and in Germany?", general)
    assert not is_about_another_country("can I work from Spain?", general), "what is for no country in particular holds in all"
    assert decide("how many days carry over in Germany", QUESTION, [read(american, 0.9)], [american]).kind == "unknown"


@pytest.mark.parametrize(
    ("audience", "question", "another"),
    [
        ("uk", "how many days in the UK?", False),
        ("germany", "and in Germany?", False),
        ("usa", "and in the US?", False),
        ("united-kingdom", "and in Britain?", False),
        ("usa", "and in Germany?", True),
        ("uk", "and in Germany?", True),
        ("emea", "and in Germany?", False),
    ],
)
def test_an_audience_may_call_a_country_by_its_name(audience: str, question: str, another: bool) -> None:
    one = passage("You may carry over 5 days.", 0.9, audience={"country": frozenset({audience})})
    assert is_about_another_country(question, one) == another


class Waiting(HashingEncoder):
    """Lets others go on before it has encoded."""

    async def encode(self, texts: Sequence[str]) -> Vectors:
        await asyncio.sleep(0)
        return await super().encode(texts)


async def test_what_one_question_drops_another_still_reads() -> None:
    reader = Reader(Waiting(), keeps=2)
    halls = [passage(f"The window in hall {number} is opened with handle {number}.", 0.8, article=f"h{number}") for number in range(6)]
    sets = [[halls[number], halls[(number + 1) % 6], halls[(number + 2) % 6]] for number in range(6)]
    vector = (await Waiting().encode(["how is the window opened"]))[0]
    await reader.read("how is the window opened", vector, sets[0])
    answers = await asyncio.gather(*(reader.read("how is the window opened", vector, some) for some in sets))
    assert [answer.kind for answer in answers] == ["answered"] * 6


PREVIOUS = "how many days of PTO do I carry over?"


def test_a_long_question_before_leaves_room_for_the_follow_up() -> None:
    told = "I came back from my holidays and want to plan the next ones. " * 60
    assert in_short(PREVIOUS) == PREVIOUS
    assert in_short(f"{told} How many days do I carry over? {told[:600]}") == "How many days do I carry over?"
    assert told.startswith(in_short(told))
    assert 250 < len(in_short(told)) <= 300
    assert len(in_short("x" * 5000)) == 300


FOLLOW_UPS = ("and in Germany?", "What about France?", "until when?", "why?", "is that paid?", "for part-time staff?", "does it expire?")
WHOLE = ("how do I connect to the VPN?", "when is open enrollment for health insurance?", "my laptop was stolen yesterday")


@pytest.mark.parametrize("question", FOLLOW_UPS)
def test_a_follow_up_is_read_with_the_question_before_it(question: str) -> None:
    assert with_context(question, PREVIOUS) == f"{PREVIOUS} {question}"
    assert with_context(question, None) == question


@pytest.mark.parametrize("question", WHOLE)
def test_a_question_that_stands_alone_is_left_alone(question: str) -> None:
    assert with_context(question, PREVIOUS) == question
