"""Judgements move articles a little, fairly, and only among near scores."""

from collections.abc import Sequence
from datetime import timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from knowledge.embedding.port import Vector, normalised
from knowledge.feedback import (
    DOUBT,
    HALF_LIFE,
    JUDGED_KEPT,
    UNJUDGED_KEPT,
    Helpfulness,
    JudgedQuestions,
    Judgement,
    forget_old,
    helpful_from,
    keep_answer,
    keep_judgement,
)
from knowledge.model import Article, Chunk
from knowledge.scoring import HELPFUL_WEIGHT, Candidate, rank
from knowledge.store import answers
from tests.knowledge.conftest import NOW, Shelf

PTO = "# Paid time off\n\nYou may carry over five unused days of PTO into the next calendar year.\n"
JUDGEMENTS = st.lists(
    st.builds(Judgement, st.sampled_from("abcdefgh"), st.booleans(), st.integers(0, 900).map(lambda days: NOW - timedelta(days=days))),
    max_size=40,
)


@given(JUDGEMENTS)
def test_it_stays_within_bounds_and_is_not_moved_far_by_anybody(judged: list[Judgement]) -> None:
    value = helpful_from(judged, NOW)
    people = {one.person_id for one in judged}
    assert abs(value) <= len(people) / (len(people) + DOUBT) < 1
    for person in people:
        without = helpful_from([one for one in judged if one.person_id != person], NOW)
        assert abs(value - without) <= 2 / (1 + DOUBT)


@given(JUDGEMENTS)
def test_who_changes_their_mind_is_counted_once_and_the_order_does_not_matter(judged: list[Judgement]) -> None:
    later = [Judgement("a", True, NOW), *judged]
    other = [one for one in judged if one.person_id != "a"] + [Judgement("a", True, NOW)]
    if not any(one.at == NOW for one in judged if one.person_id == "a"):
        assert helpful_from(later, NOW) == pytest.approx(helpful_from(other, NOW))


def test_old_words_fade() -> None:
    fresh, old = [Judgement("a", False, NOW)], [Judgement("a", False, NOW - HALF_LIFE)]
    assert helpful_from(fresh, NOW) == pytest.approx(-1 / (1 + DOUBT))
    assert helpful_from(old, NOW) == pytest.approx(-0.5 / (0.5 + DOUBT))


# -- what is kept --------------------------------------------------------------------------------------------------


async def judged(shelf: Shelf, article: Article, answer_id: str, words: Sequence[tuple[str, bool]], days: int = 0) -> None:
    """An answer from this article, given `days` after NOW, and what people said of it."""
    at = NOW + timedelta(days=days)
    vector = (await shelf.encoder.encode([f"question {answer_id}"]))[0]
    async with shelf.sessions.begin() as session:
        await keep_answer(session, answer_id, "a question", [article.id], vector, shelf.encoder.name, at)
        for person, helpful in words:
            await keep_judgement(session, answer_id, person, helpful, at)


async def helpful(shelf: Shelf, article: Article, days: int = 0) -> float:
    known = Helpfulness(shelf.sessions)
    await known.refresh(NOW + timedelta(days=days))
    return known.of(article.id, NOW + timedelta(days=days))


async def test_the_last_word_counts_once_an_article(shelf: Shelf) -> None:
    article = await shelf.put(PTO)
    await judged(shelf, article, "1", [("dana", True), ("dana", False)])
    await judged(shelf, article, "2", [("dana", False)])
    assert await helpful(shelf, article) == pytest.approx(-1 / (1 + DOUBT))
    await judged(shelf, article, "3", [("omar", True)])
    assert await helpful(shelf, article) == 0


async def test_a_new_version_starts_afresh(shelf: Shelf) -> None:
    article = await shelf.put(PTO)
    await judged(shelf, article, "1", [("dana", False), ("omar", False)], days=-1)
    assert await helpful(shelf, article) == 0  # said of an answer from the version before
    await judged(shelf, article, "2", [("dana", False), ("omar", False)], days=1)
    assert await helpful(shelf, article, days=1) == pytest.approx(-2 / (2 + DOUBT))


async def test_what_is_new_is_read_and_fades_without_being_read_again(shelf: Shelf) -> None:
    article, other = await shelf.put(PTO), await shelf.put(PTO.replace("five", "six"), "other.md")
    known = Helpfulness(shelf.sessions)
    await judged(shelf, article, "1", [("dana", False)])
    await known.refresh(NOW)
    await judged(shelf, other, "2", [("dana", True)])
    await judged(shelf, article, "3", [("omar", False)])
    assert known.of(other.id, NOW) == 0
    assert known.of(article.id, NOW) == pytest.approx(-1 / (1 + DOUBT))
    await known.refresh(NOW)
    assert known.of(other.id, NOW) == pytest.approx(1 / (1 + DOUBT))
    assert known.of(article.id, NOW) == pytest.approx(-2 / (2 + DOUBT))
    assert known.of(other.id, NOW + HALF_LIFE) == pytest.approx(0.5 / (0.5 + DOUBT))


async def test_of_what_is_asked_in_private_no_vector_is_kept_and_nothing_is_compared(shelf: Shelf) -> None:
    article = await shelf.put(PTO)
    async with shelf.sessions.begin() as session:
        await keep_answer(session, "private", "", [article.id], None, shelf.encoder.name, NOW)
        await keep_judgement(session, "private", "dana", True, NOW)
        assert (await session.scalars(select(answers.c.vector))).all() == [b""]
    questions = JudgedQuestions(shelf.sessions, shelf.encoder.name)
    await questions.refresh()
    assert questions.near((await shelf.encoder.encode(["anything"]))[0]) == ()
    assert await helpful(shelf, article) == pytest.approx(1 / (1 + DOUBT))


async def test_a_judgement_of_an_answer_that_is_not_known_is_nothing(shelf: Shelf) -> None:
    article = await shelf.put(PTO)
    async with shelf.sessions.begin() as session:
        await keep_judgement(session, "gone", "dana", False, NOW)
    assert await helpful(shelf, article) == 0


async def test_what_counts_no_more_is_forgotten(shelf: Shelf) -> None:
    article = await shelf.put(PTO)
    await judged(shelf, article, "judged", [("dana", True)])
    await judged(shelf, article, "silent", [])
    questions = JudgedQuestions(shelf.sessions, shelf.encoder.name)
    async with shelf.sessions.begin() as session:
        await forget_old(session, NOW + UNJUDGED_KEPT + timedelta(days=1))
        await keep_judgement(session, "silent", "omar", True, NOW)  # forgotten, so nothing comes of it
    await questions.refresh()
    vector = (await shelf.encoder.encode(["question judged"]))[0]
    assert [one.helpful for one in questions.near(vector)] == [1.0]
    async with shelf.sessions.begin() as session:
        await forget_old(session, NOW + JUDGED_KEPT + timedelta(days=1))
    await questions.refresh()
    assert questions.near(vector) == ()


async def test_judged_questions_are_looked_up_without_the_database(shelf: Shelf) -> None:
    article = await shelf.put(PTO)
    await judged(shelf, article, "1", [("dana", True), ("omar", False), ("kim", True)])
    questions = JudgedQuestions(shelf.sessions, shelf.encoder.name)
    vector = (await shelf.encoder.encode(["question 1"]))[0]
    assert questions.near(vector) == ()
    await questions.refresh()
    (found,) = questions.near(vector)
    assert found.similarity == pytest.approx(1.0)
    assert found.helpful == pytest.approx(1 / 3)
    assert found.people == 3
    assert questions.near(-vector) == []
    foreign = JudgedQuestions(shelf.sessions, "another encoder")
    await foreign.refresh()
    assert foreign.near(vector) == ()


# -- what it does to the order ------------------------------------------------------------------------------------


def candidate(article: str, vector: Vector, helpful: float) -> Candidate:
    chunk = Chunk(article, article, 1, 0, "", "words")
    return Candidate(chunk, "title", article, {}, NOW, vector, np.zeros_like(vector), 0.0, helpful)


def at_similarity(similarity: float, dimension: int) -> Vector:
    """A vector at this cosine to the first axis, in a direction of its own."""
    vector = np.zeros(8, dtype=np.float32)
    vector[0], vector[dimension] = similarity, np.sqrt(1 - similarity**2)
    return vector


@given(st.floats(0.3, 0.9), st.floats(-0.99, 0.99), st.floats(-0.99, 0.99), st.floats(0.0, 0.2))
def test_only_near_scores_change_places(best: float, of_first: float, of_second: float, gap: float) -> None:
    asked = normalised(np.eye(1, 8, dtype=np.float32))[0]
    first = candidate("first", at_similarity(best, 1), of_first)
    second = candidate("second", at_similarity(max(best - gap, 0.0), 2), of_second)
    ranked = [passage.chunk.id for passage in rank("words", asked, [first, second], 2)]
    if gap > 2 * HELPFUL_WEIGHT + 1e-5:
        assert ranked == ["first", "second"]
    elif HELPFUL_WEIGHT * (of_second - of_first) > gap + 1e-5:
        assert ranked == ["second", "first"]
