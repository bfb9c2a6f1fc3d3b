"""Questions that nobody could answer come together, close when somebody says so, and by themselves when they are answered."""

import asyncio
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from sqlalchemy import insert, select

from connectors.errors import ConnectorError, NeedsHuman, Retry
from connectors.ports.people import Person
from knowledge.embedding.hashing import HashingEncoder
from knowledge.errors import LoadRefused, NotAllowed, NotPossible
from knowledge.feedback import keep_answer
from knowledge.gaps import ASKED_AT_ONCE, CLOSED_KEPT, Gaps, forget_old_gaps, keep_unanswered, keep_unhelpful
from knowledge.masking import masked
from knowledge.store import gaps as table
from knowledge.store import projections
from tests.knowledge.conftest import KIM, NOW, Shelf, person

PARKING = "# Parking\n\nA parking space for your car costs 40 dollars a month; ask the office team for a parking space.\n"
EARLIER = NOW - timedelta(days=1)
PEOPLE = {f"p-{country}-Sales": person(country) for country in ("US", "DE", "FR")}


class Desk:
    """Gaps of a shelf, at a time that tests move."""

    def __init__(self, shelf: Shelf, asked_at_once: int = ASKED_AT_ONCE) -> None:
        self.shelf = shelf
        self.now = NOW
        self.away: list[ConnectorError] = []

        async def people(person_id: str) -> Person | None:
            if self.away:
                raise self.away.pop()
            return PEOPLE.get(person_id)

        around = (shelf.sessions, shelf.encoder, shelf.retriever, shelf.answerer, people, shelf.audit, lambda: self.now)
        self.gaps = Gaps(*around, asked_at_once=asked_at_once)

    async def asked(self, question: str, country: str = "US", at: datetime = EARLIER) -> None:
        """Asks, and keeps it when it is not answered."""
        answer = await self.shelf.ask(question, person(country))
        assert answer.kind == "unknown"
        async with self.shelf.sessions.begin() as session:
            await keep_unanswered(session, masked(answer.question), answer, f"p-{country}-Sales", self.shelf.encoder.name, at)

    async def groups(self) -> list[tuple[int, int, int, set[str]]]:
        found, count = await self.gaps.groups(KIM)
        assert count == len(found)
        return [(one.count, one.people, one.unhelpful, set(one.samples)) for one in found]

    async def closed(self) -> list[tuple[str | None, str | None, str | None]]:
        async with self.shelf.sessions() as session:
            rows = await session.execute(select(table).where(table.c.closed_at.is_not(None)))
            return [(row.closed_as, row.closed_by, row.article_id) for row in rows]


@pytest.fixture
def desk(shelf: Shelf) -> Desk:
    return Desk(shelf)


ASKED = "Where is a parking space for my car?"


async def test_the_same_question_of_several_is_one_gap(desk: Desk) -> None:
    await desk.asked(ASKED)
    await desk.asked("where is a parking space for my car", "DE")
    await desk.asked(ASKED, "DE")
    await desk.asked("Does the canteen serve vegan lunch?", "FR")
    first, second = await desk.groups()
    assert first[:3] == (3, 2, 0)
    assert len(first[3]) == 2
    assert second == (1, 1, 0, {"Does the canteen serve vegan lunch?"})


async def test_nothing_identifies_whoever_asked(desk: Desk) -> None:
    await desk.asked("Why was dana@acme.example refused a parking space, call +49 30 1234567?")
    ((_, _, _, samples),) = await desk.groups()
    assert samples == {"Why was [address] refused a parking space, call [number]?"}


async def test_only_knowledge_admins_see_and_close(desk: Desk) -> None:
    await desk.asked(ASKED)
    for work in (desk.gaps.groups(person()), desk.gaps.close("x", "written", person()), desk.gaps.draft("x", person())):
        with pytest.raises(NotAllowed):
            await work


async def test_closing_closes_the_whole_group_and_is_audited(desk: Desk) -> None:
    await desk.asked(ASKED)
    await desk.asked(ASKED, "DE")
    await desk.asked("Does the canteen serve vegan lunch?")
    (parking, _), _ = await desk.gaps.groups(KIM)
    assert await desk.gaps.close(parking.id, "not_ours", KIM) == 2
    assert [one[3] for one in await desk.groups()] == [{"Does the canteen serve vegan lunch?"}]
    assert await desk.closed() == [("not_ours", KIM.id, None)] * 2
    assert desk.shelf.audit.events[-1] == ("gap_closed", {"actor": KIM.id, "gap": parking.id, "count": 2, "as": "not_ours"})
    with pytest.raises(NotPossible):
        await desk.gaps.close(parking.id, "not_ours", KIM)


async def test_a_draft_has_the_questions_as_headings(desk: Desk) -> None:
    await desk.asked(ASKED)
    await desk.asked("Where is my car parking space?", "DE")
    ((group,), _) = await desk.gaps.groups(KIM)
    draft = await desk.gaps.draft(group.id, KIM)
    assert draft.count("## ") == 1
    with pytest.raises(LoadRefused):  # nothing is written yet
        await desk.shelf.library.add(draft.encode(), "new.md", by=KIM)
    added = await desk.shelf.library.add(draft.replace("…", "In the garage.").encode(), "new.md", by=KIM)
    assert added.title == group.question


async def test_a_published_article_closes_what_it_answers(desk: Desk) -> None:
    await desk.asked(ASKED)
    await desk.asked("Does the canteen serve vegan lunch?")
    assert await desk.gaps.settle() == 0
    article = await desk.shelf.put(PARKING)
    assert await desk.gaps.settle() == 1
    assert await desk.closed() == [("answered", None, article.id)]
    assert [one[3] for one in await desk.groups()] == [{"Does the canteen serve vegan lunch?"}]


async def test_it_stays_open_for_whoever_may_not_read_the_article(desk: Desk) -> None:
    await desk.asked(ASKED, "US")
    await desk.asked(ASKED, "DE")
    await desk.shelf.put(PARKING, audience=("country=DE",))
    assert await desk.gaps.settle() == 1
    assert [one[:2] for one in await desk.groups()] == [(1, 1)]


async def test_what_did_not_help_closes_with_a_newer_article_only(desk: Desk) -> None:
    article = await desk.shelf.put(PARKING)
    answer = await desk.shelf.ask(ASKED)
    assert answer.vector is not None
    async with desk.shelf.sessions.begin() as session:
        await keep_answer(session, "a", answer.question, answer.articles, answer.vector, desk.shelf.encoder.name, NOW)
        await keep_unhelpful(session, "a", "p-US-Sales", False, NOW + timedelta(days=1))
        await keep_unhelpful(session, "a", "p-US-Sales", False, NOW + timedelta(days=1))
    assert [one[:3] for one in await desk.groups()] == [(1, 1, 1)]
    assert await desk.gaps.settle() == 0
    async with desk.shelf.sessions.begin() as session:
        await keep_unhelpful(session, "a", "p-US-Sales", True, NOW + timedelta(days=2))  # thought better of it
    assert await desk.groups() == []
    async with desk.shelf.sessions.begin() as session:
        await keep_unhelpful(session, "a", "p-US-Sales", False, EARLIER)
    assert await desk.gaps.settle() == 1
    assert await desk.closed() == [("answered", None, article.id)]


async def test_the_nearest_article_is_named(desk: Desk) -> None:
    await desk.asked(ASKED)
    await desk.shelf.put(PARKING, "parking.md")
    ((group,), _) = await desk.gaps.groups(KIM)
    assert group.nearest is not None
    assert group.nearest.source == "parking.md"


async def test_vectors_of_another_encoder_are_made_anew(desk: Desk) -> None:
    answer = await desk.shelf.ask(ASKED)
    assert answer.vector is not None
    async with desk.shelf.sessions.begin() as session:
        await keep_unanswered(session, answer.question, replace(answer, vector=answer.vector[:8]), "p-US-Sales", "of old", EARLIER)
    await desk.asked(ASKED, "DE")
    assert [one[0] for one in await desk.groups()] == [1]
    await desk.gaps.settle()
    assert [one[0] for one in await desk.groups()] == [2]
    async with desk.shelf.sessions() as session:
        assert set((await session.scalars(select(table.c.encoder))).all()) == {HashingEncoder().name}


async def test_a_round_asks_a_bounded_number_and_the_next_goes_on(shelf: Shelf) -> None:
    desk = Desk(shelf, asked_at_once=2)
    for _ in range(5):
        await desk.asked(ASKED)
    await desk.shelf.put(PARKING)
    assert [await desk.gaps.settle() for _ in range(4)] == [2, 2, 1, 0]


async def test_two_rounds_at_once_close_each_gap_once(shelf: Shelf) -> None:
    desk = Desk(shelf, asked_at_once=3)
    for _ in range(5):
        await desk.asked(ASKED)
    await desk.shelf.put(PARKING)
    assert await asyncio.gather(*(desk.gaps.settle() for _ in range(3))) == [3, 2, 0]


async def test_the_directory_may_be_away_for_a_while(desk: Desk) -> None:
    await desk.asked(ASKED)
    article = await desk.shelf.put(PARKING)
    desk.away = [Retry("down")]
    assert [await desk.gaps.settle() for _ in range(3)] == [0, 1, 0]
    assert await desk.closed() == [("answered", None, article.id)]


async def test_what_was_looked_at_is_not_asked_again_after_a_restart_and_what_was_not_is(desk: Desk, shelf: Shelf) -> None:
    await desk.asked(ASKED)
    await shelf.put(PARKING, audience=("country=DE",))
    assert await desk.gaps.settle() == 0
    again = Desk(shelf)
    again.away = [NeedsHuman("never"), NeedsHuman("asked")]
    assert await again.gaps.settle() == 0
    assert len(again.away) == 2
    await shelf.put(PARKING, "for-all.md")  # at the very same time
    again.away = [Retry("down")]
    assert await again.gaps.settle() == 0
    assert await Desk(shelf).gaps.settle() == 1


async def test_an_article_that_searches_do_not_find_yet_waits(desk: Desk, shelf: Shelf) -> None:
    await desk.asked(ASKED)
    article = await shelf.put(PARKING)
    async with shelf.sessions.begin() as session:
        await session.execute(insert(projections).values(article_id=article.id, token="t"))
    desk.away = [NeedsHuman("asked")]
    assert await desk.gaps.settle() == 0
    assert desk.away
    desk.away = []
    await shelf.library.projection.sync()
    assert await desk.gaps.settle() == 1


async def test_old_gaps_are_forgotten(desk: Desk) -> None:
    await desk.asked(ASKED)
    await desk.shelf.put(PARKING)
    await desk.gaps.settle()
    async with desk.shelf.sessions.begin() as session:
        await forget_old_gaps(session, NOW + CLOSED_KEPT)
    assert len(await desk.closed()) == 1
    async with desk.shelf.sessions.begin() as session:
        await forget_old_gaps(session, NOW + CLOSED_KEPT + timedelta(days=1))
    assert await desk.closed() == []
