"""What is quoted, when nothing is, and how follow-ups are understood; pure."""

from collections.abc import Sequence
from datetime import UTC, datetime

import numpy as np
import pytest

from knowledge.answering import ReadPassage, choose, decide, is_about_another_country, with_context
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
    body = f"First one. Second one.\n\nTo connect:\n\n1. Open it.\n2. Sign in.\n\n{TABLE}\n\n**Heading**\n\nLast."
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


def test_a_question_about_another_country_is_not_answered() -> None:
    american = passage("You may carry over 5 days.", 0.9, audience={"country": frozenset({"us"})}, title="PTO policy")
    general = passage("In Germany and France offices close early.", 0.9)
    assert is_about_another_country("and in Germany?", american)
    assert not is_about_another_country("and in the US?", american)
    assert not is_about_another_country("how many days?", american)
    assert not is_about_another_country("and in Germany?", general)
    assert decide("how many days carry over in Germany", QUESTION, [read(american, 0.9)], [american]).kind == "unknown"


PREVIOUS = "how many days of PTO do I carry over?"


FOLLOW_UPS = ("and in Germany?", "What about France?", "until when?", "why?", "is that paid?", "for part-time staff?", "does it expire?")
WHOLE = ("how do I connect to the VPN?", "when is open enrollment for health insurance?", "my laptop was stolen yesterday")


@pytest.mark.parametrize("question", FOLLOW_UPS)
def test_a_follow_up_is_read_with_the_question_before_it(question: str) -> None:
    assert with_context(question, PREVIOUS) == f"{PREVIOUS} {question}"
    assert with_context(question, None) == question


@pytest.mark.parametrize("question", WHOLE)
def test_a_question_that_stands_alone_is_left_alone(question: str) -> None:
    assert with_context(question, PREVIOUS) == question
