"""The order of passages; pure."""

from datetime import UTC, datetime

import numpy as np
import pytest

from knowledge.model import Audience, Chunk
from knowledge.scoring import Candidate, rank

QUESTION = np.array([1.0, 0.0, 0.0], dtype=np.float32)


def vector(similarity: float, turn: float = 0.0) -> np.ndarray:
    rest = np.sqrt(1 - similarity**2)
    return np.array([similarity, rest * np.cos(turn), rest * np.sin(turn)], dtype=np.float32)


def candidate(
    name: str,
    similarity: float,
    *,
    article: str = "",
    title: float = 0.0,
    lexical: float = 0.0,
    audience: Audience | None = None,
    turn: float = 0.0,
    helpful: float = 0.0,
    text: str = "",
    year: int = 2026,
    called: str = "T",
) -> Candidate:
    chunk = Chunk(name, article or name, 1, 0, "", text or "The same text.")
    at = datetime(year, 1, 1, tzinfo=UTC)
    return Candidate(chunk, called, f"{name}.md", audience or {}, at, vector(similarity, turn), vector(title), lexical, helpful)


def order(*candidates: Candidate, limit: int = 10, asked: str = "a question") -> list[str]:
    return [passage.chunk.id for passage in rank(asked, QUESTION, candidates, limit)]


def test_nearest_first_and_no_more_than_asked_for() -> None:
    some = [candidate("low", 0.2, turn=1), candidate("high", 0.8), candidate("mid", 0.5, turn=2)]
    assert order(*some) == ["high", "mid", "low"]
    assert order(*some, limit=1) == ["high"]
    assert order() == []


def test_words_decide_between_near_passages_only() -> None:
    assert order(candidate("words", 0.60, lexical=1.0, turn=1), candidate("vector", 0.65)) == ["words", "vector"]
    assert order(candidate("words", 0.50, lexical=1.0, turn=1), candidate("vector", 0.65)) == ["vector", "words"]


def test_a_title_near_the_question_lifts_all_of_its_article() -> None:
    lifted = [candidate("a1", 0.5, article="a", title=0.9), candidate("a2", 0.4, article="a", title=0.9, turn=1)]
    assert order(*lifted, candidate("b", 0.6, turn=2)) == ["a1", "a2", "b"]


def test_the_more_specific_article_wins_when_scores_are_near() -> None:
    specific = candidate("de", 0.60, audience={"country": frozenset({"de"})}, turn=1)
    assert order(candidate("all", 0.62), specific) == ["de", "all"]
    assert order(candidate("all", 0.70), specific) == ["all", "de"]


def test_near_duplicates_are_merged_into_the_better_one() -> None:
    twin = candidate("twin", 0.80, audience={"country": frozenset({"de"})})
    assert order(candidate("general", 0.801), twin, candidate("other", 0.3, turn=2)) == ["twin", "other"]


def test_what_helped_comes_first_among_near_scores_only() -> None:
    liked = candidate("liked", 0.60, helpful=1.0, turn=1)
    assert order(candidate("new", 0.62), liked) == ["liked", "new"]
    assert order(candidate("new", 0.62), candidate("disliked", 0.63, helpful=-1.0, turn=1)) == ["new", "disliked"]
    assert order(candidate("new", 0.70), candidate("liked", 0.60, helpful=50.0, turn=1)) == ["new", "liked"], "bounded"


def test_of_two_articles_that_say_the_same_the_newer_is_shown() -> None:
    assert order(candidate("old", 0.801, year=2024), candidate("new", 0.80)) == ["new"]
    assert order(candidate("old", 0.80, year=2024), candidate("new", 0.801)) == ["new"]
    assert order(candidate("better", 0.801, article="a", year=2024), candidate("worse", 0.80, article="a")) == ["better"]
    specific = candidate("de", 0.80, audience={"country": frozenset({"de"})}, year=2024)
    assert order(candidate("all", 0.80), specific) == ["de"]
    assert order(candidate("last", 0.3, turn=2), candidate("old", 0.801, year=2024), candidate("new", 0.80), limit=1) == ["new"]


RULE = "Employees may work from abroad for two weeks of the year. They ask the organisation's travel desk before they book."
COPIES = {
    "spaces": RULE.replace(" ", "  ").replace(". ", ".\n"),
    "marks": RULE.replace("two weeks", "**two weeks**").replace(". They", "; they"),
    "spelling": RULE.replace("organisation", "Organization"),
}
OTHERS = {
    "number": RULE.replace("two", "six"),
    "figure": RULE.replace("two", "2"),
    "negation": RULE.replace("may", "may not"),
    "added negation": f"{RULE} Trainees are not allowed to.",
    "month": f"{RULE} This holds in May.",
    "weekday": RULE.replace("before", "on the Monday before"),
    "place": f"{RULE} This holds for the staff at Hamburg.",
    "ordinal": RULE.replace("of the year", "of the first year"),
    "who": RULE.replace("Employees", "Contractors"),
    "added rule": f"{RULE} Interns are excluded.",
    "tick": f"{RULE} ✓",
    "struck out": f"~~{RULE}~~",
    "link": f"{RULE[:-1]}, see [the desk](https://acme.example/us).",
    "below zero": f"{RULE} Bring a coat.".replace("two", "-2"),
    "letter": RULE.replace("book", "bill"),
    "turned round": "Cats chase dogs and mice eat cheese.",
}


@pytest.mark.parametrize("kind", COPIES)
def test_copies_of_a_rule_are_shown_once(kind: str) -> None:
    assert order(candidate("old", 0.801, text=RULE, year=2025), candidate("new", 0.80, text=COPIES[kind])) == ["new"]


BASES = {
    "turned round": "Dogs chase cats and mice eat cheese.",
    "tick": f"{RULE} ✗",
    "link": OTHERS["link"].replace("/us", "/de"),
    "below zero": OTHERS["below zero"].replace("-2", "2"),
}
"""What they differ from, where it is not the rule."""


@pytest.mark.parametrize("kind", OTHERS)
def test_rules_that_differ_are_both_shown(kind: str) -> None:
    one = BASES.get(kind, RULE)
    assert order(candidate("old", 0.801, text=one, year=2025), candidate("new", 0.80, text=OTHERS[kind])) == ["old", "new"]


def test_a_heading_that_was_asked_for_is_not_merged_into_another() -> None:
    titled = [candidate("ground", 0.801, called="Ground floor", year=2025), candidate("top", 0.80, called="Top floor")]
    assert order(*titled, asked="what do I do on the ground floor?") == ["ground", "top"]
    assert order(*titled, asked="what do I do?") == ["top"]


def test_rules_that_differ_in_a_number_are_both_shown() -> None:
    rules = [candidate("us", 0.801, text="You get 5 days off."), candidate("de", 0.80, text="You get 10 days off.")]
    assert order(*rules) == ["us", "de"]
