"""The life of an article, on both databases."""

import pytest
from sqlalchemy import func, select

from knowledge.errors import AudienceInvalid, LoadRefused, NotAllowed, NotPossible
from knowledge.model import ArticleState
from knowledge.retrieval import articles_in
from knowledge.store import chunks, versions
from tests.knowledge.conftest import KIM, NOW, Shelf, person

BADGES = "---\ntitle: Badges\nupdated: 2026-02-01\n---\nYour badge opens every door of the office. A lost badge is replaced by reception."


async def test_a_draft_answers_only_those_who_try_it(shelf: Shelf) -> None:
    draft = await shelf.library.add(BADGES.encode(), "badges.md", by=KIM)
    assert (draft.state, draft.version, draft.title, draft.source) == (ArticleState.DRAFT, 1, "Badges", "badges.md")
    assert draft.updated_at.date().isoformat() == "2026-02-01"

    assert await shelf.find("lost badge") == []
    tried = await shelf.library.try_question(draft.id, "who replaces a lost badge?", KIM)
    assert tried.kind == "answered"
    assert "replaced by reception" in tried.quotes[0].text
    assert (await shelf.library.try_question(draft.id, "capital of Peru", KIM)).kind == "unknown"


async def test_published_is_answered_from_and_retired_is_not(shelf: Shelf) -> None:
    article = await shelf.put(BADGES)
    assert article.state is ArticleState.PUBLISHED
    assert [passage.title for passage in await shelf.find("lost badge")] == ["Badges"]
    answer = await shelf.ask("who replaces a lost badge?")
    assert answer.quotes[0].citation.title == "Badges"
    assert answer.quotes[0].citation.updated == article.updated_at

    retired = await shelf.library.retire(article.id, KIM)
    assert retired.state is ArticleState.RETIRED
    assert await shelf.find("lost badge") == []
    assert await articles_in(shelf.index, shelf.encoder.name).count() == 0


async def test_the_same_file_again_is_a_new_version_that_replaces_the_older(shelf: Shelf) -> None:
    first = await shelf.put("The cafeteria opens at eight in the morning.", "cafeteria.md")
    second = await shelf.library.add(b"The cafeteria opens at nine in the morning.", "folder/cafeteria.md", by=KIM)
    assert (second.id, second.version, second.state) == (first.id, 2, ArticleState.DRAFT)
    assert "eight" in (await shelf.find("when does the cafeteria open"))[0].chunk.text, "the draft replaces nothing yet"

    await shelf.library.publish(second.id, KIM)
    found = await shelf.find("when does the cafeteria open", limit=10)
    assert [passage.chunk.version for passage in found] == [2]
    assert "nine" in found[0].chunk.text
    assert (await shelf.library.get(first.id, version=1)).state is ArticleState.SUPERSEDED


async def test_a_new_draft_replaces_an_older_draft(shelf: Shelf) -> None:
    first = await shelf.library.add(b"one", "a.md", by=KIM)
    await shelf.library.add(b"two", "a.md", by=KIM)
    assert (await shelf.library.get(first.id, version=1)).state is ArticleState.SUPERSEDED
    published = await shelf.library.publish(first.id, KIM)
    assert (published.version, published.body) == (2, "two")


async def test_a_retired_article_can_come_back(shelf: Shelf) -> None:
    article = await shelf.put(BADGES, "badges.md")
    await shelf.library.retire(article.id, KIM)
    with pytest.raises(NotPossible, match="nothing_to_publish"):
        await shelf.library.publish(article.id, KIM)
    again = await shelf.put(BADGES, "badges.md")
    assert (again.id, again.version) == (article.id, 2)
    assert len(await shelf.find("lost badge")) == 1


async def test_a_new_version_keeps_its_audience_unless_told_otherwise(shelf: Shelf) -> None:
    await shelf.put("For Germany.", "a.md", ("country=DE",))
    assert (await shelf.put("For Germany still.", "a.md")).audience == {"country": {"de"}}
    assert (await shelf.put("---\naudience: country=FR\n---\nFor France.", "a.md")).audience == {"country": {"fr"}}
    assert (await shelf.put("---\naudience: country=FR\n---\nFor the US.", "a.md", ("country=US",))).audience == {"country": {"us"}}
    assert (await shelf.put("For all.", "a.md", ("all",))).audience == {}


async def test_only_knowledge_admins_change_anything(shelf: Shelf) -> None:
    draft = await shelf.library.add(b"Some text.", "a.md", by=KIM)
    dana, gone = person(), person(roles=("knowledge_admin",), active=False)
    for by in (dana, gone):
        for attempt in (
            shelf.library.add(b"text", "b.md", by=by),
            shelf.library.publish(draft.id, by),
            shelf.library.retire(draft.id, by),
            shelf.library.try_question(draft.id, "text", by),
        ):
            with pytest.raises(NotAllowed) as refused:
                await attempt
            assert refused.value.code == "knowledge_admin_only"
    assert [article.state for article in await shelf.library.list()] == [ArticleState.DRAFT]


async def test_what_is_refused_leaves_nothing_behind(shelf: Shelf) -> None:
    with pytest.raises(LoadRefused):
        await shelf.library.add(b"%PDF-1.7", "a.md", by=KIM)
    with pytest.raises(AudienceInvalid):
        await shelf.library.add(b"text", "a.md", ["planet=earth"], by=KIM)
    with pytest.raises(AudienceInvalid):
        await shelf.library.add_many([("a.md", b"text"), ("b.md", b"---\naudience: planet=earth\n---\ntext")], by=KIM)
    for unknown in (shelf.library.get("nobody"), shelf.library.publish("nobody", KIM), shelf.library.retire("nobody", KIM)):
        with pytest.raises(NotPossible):
            await unknown
    assert await shelf.library.list() == []
    assert shelf.audit.events == []


async def test_every_change_is_audited_in_its_own_transaction(shelf: Shelf) -> None:
    article = await shelf.put(BADGES, "badges.md", ("country=US",))
    await shelf.library.retire(article.id, KIM)
    assert [event for event, _ in shelf.audit.events] == ["article_added", "article_published", "article_retired"]
    assert shelf.audit.events[1][1] == {
        "actor": KIM.id,
        "article": article.id,
        "version": 1,
        "source": "badges.md",
        "audience": '{"country":["us"]}',
    }

    draft = await shelf.library.add(b"Some text.", "b.md", by=KIM)
    shelf.audit.fails = True
    with pytest.raises(RuntimeError):
        await shelf.library.publish(draft.id, KIM)
    assert (await shelf.library.get(draft.id)).state is ArticleState.DRAFT
    assert await shelf.find("some text") == []


async def test_the_list_shows_what_is_published_and_what_is_newer(shelf: Shelf) -> None:
    await shelf.put("# beta\n\ntext", "b.md")
    await shelf.put("# Alpha\n\ntext", "a.md")
    await shelf.library.add(b"# Alpha two\n\ntext", "a.md", by=KIM)
    listed = [(article.title, article.version, article.state.value) for article in await shelf.library.list()]
    assert listed == [("Alpha", 1, "published"), ("Alpha two", 2, "draft"), ("beta", 1, "published")]
    assert [article.title for article in await shelf.library.list(state=ArticleState.DRAFT)] == ["Alpha two"]


async def test_only_published_versions_have_chunks(shelf: Shelf) -> None:
    for number in range(3):
        await shelf.put(f"Text number {number}.", "a.md")
    async with shelf.sessions() as session:
        assert await session.scalar(select(func.count()).select_from(chunks)) == 1
        assert await session.scalar(select(func.count()).select_from(versions)) == 3


async def test_dates_come_from_the_file_or_the_clock(shelf: Shelf) -> None:
    plain = await shelf.library.add(b"text", "a.md", by=KIM)
    dated = await shelf.library.add(b"---\nupdated: 2025-05-05\nreview: 2027-05-05\n---\ntext", "b.md", by=KIM)
    assert plain.updated_at == NOW
    assert plain.review_due is None
    assert (dated.updated_at.date().isoformat(), str(dated.review_due)) == ("2025-05-05", "2027-05-05")
