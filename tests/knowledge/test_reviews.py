"""Articles whose review is due are listed, confirmed without a new version, and their owners told in good measure."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from knowledge.errors import NotAllowed, NotPossible
from knowledge.model import Article, ArticleState
from knowledge.reviews import PERIOD, TOLD_EVERY, Overdue, Reviews, next_review, to_tell, told_of
from tests.knowledge.conftest import KIM, NOW, Shelf, person

TODAY = NOW.date()


def text(review: date | None, updated: date = TODAY - timedelta(days=100)) -> str:
    due = f"review: {review}\n" if review else ""
    return f"---\ntitle: Parking\nupdated: {updated}\n{due}---\nA parking space costs 40 dollars a month.\n"


def reviews(shelf: Shelf) -> Reviews:
    return Reviews(shelf.sessions, shelf.audit, lambda: NOW)


async def test_what_is_due_is_listed_the_longest_overdue_first(shelf: Shelf) -> None:
    await shelf.put(text(TODAY), "today.md")
    await shelf.put(text(TODAY - timedelta(days=40)), "long.md")
    await shelf.put(text(TODAY + timedelta(days=1)), "later.md")
    await shelf.put(text(None), "never.md")
    await shelf.library.add(text(TODAY - timedelta(days=50)).encode(), "draft.md", by=KIM)
    due = await reviews(shelf).overdue()
    assert [(one.article.source, one.days) for one in due] == [("long.md", 40), ("today.md", 0)]
    told = {"long.md": TODAY - timedelta(days=40), "today.md": TODAY}
    assert await reviews(shelf).overdue_of({"long.md", "today.md", "later.md", "unknown.md"}) == told


async def test_still_right_moves_the_dates_without_a_new_version(shelf: Shelf) -> None:
    article = await shelf.put(text(TODAY - timedelta(days=10)))  # 90 days after it was updated
    confirmed = await reviews(shelf).confirm(article.id, KIM)
    assert (confirmed.version, confirmed.body) == (article.version, article.body)
    assert (confirmed.updated_at, confirmed.review_due) == (NOW, TODAY + timedelta(days=90))
    assert await reviews(shelf).overdue() == []
    (passage,) = await shelf.find("What does a parking space cost?")
    assert passage.updated_at == NOW
    event, data = shelf.audit.events[-1]
    assert (event, data["actor"], data["review_due"]) == ("article_reviewed", KIM.id, (TODAY + timedelta(days=90)).isoformat())


async def test_only_admins_confirm_and_only_what_is_published(shelf: Shelf) -> None:
    article = await shelf.put(text(TODAY))
    with pytest.raises(NotAllowed):
        await reviews(shelf).confirm(article.id, person())
    await shelf.library.retire(article.id, KIM)
    with pytest.raises(NotPossible):
        await reviews(shelf).confirm(article.id, KIM)


async def test_what_was_published_since_it_was_looked_at_is_not_confirmed(shelf: Shelf) -> None:
    seen = await shelf.put(text(TODAY))
    now = await shelf.put(text(TODAY) + "Or 400 a year.\n")
    with pytest.raises(NotPossible, match="published_since"):
        await reviews(shelf).confirm(seen.id, KIM, version=seen.version)
    assert (await reviews(shelf).confirm(seen.id, KIM, version=now.version)).version == now.version


def overdue(id_: str, due: date) -> Overdue:
    updated = datetime(2026, 1, 1, tzinfo=UTC)
    article = Article(id_, f"{id_}.md", 1, ArticleState.PUBLISHED, id_, "", {}, "en", "owner", updated, due)
    return Overdue(article, (TODAY - due).days)


def test_the_next_review_is_as_far_ahead_as_the_one_before() -> None:
    article = overdue("a", date(2026, 1, 31)).article
    assert next_review(article, TODAY) == TODAY + timedelta(days=30)
    assert next_review(overdue("a", date(2025, 6, 1)).article, TODAY) == TODAY + PERIOD  # due before it was updated


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 60)), max_size=12, unique_by=lambda pair: pair[0]))
def test_each_review_is_told_once_and_a_week_lies_between(made: list[tuple[int, int]]) -> None:
    """`made`: articles and the day on which their review becomes due; the bot looks every day."""
    told, heard = None, []
    for day in range(90):
        now = NOW + timedelta(days=day)
        due = [overdue(str(n), (NOW + timedelta(days=at)).date()) for n, at in made if at <= day]
        new = to_tell(due, told, now)
        if new:
            assert told is None or now - told.at >= TOLD_EVERY
            heard += [one.article.id for one in new]
            told = told_of(due, now)
    assert sorted(heard) == sorted(str(n) for n, _ in made)
