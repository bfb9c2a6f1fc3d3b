"""A knowledge admin sees what was asked in vain and what is due for review, and settles both; nobody else does."""

from datetime import timedelta

import pytest

from connectors.ports.records import utcnow
from knowledge.answers import Answer
from knowledge.embedding.hashing import HashingEncoder
from knowledge.gaps import keep_unanswered
from tests.bot.console.conftest import Client, Console
from tests.bot.console.test_articles import upload

QUESTION = "Where can I park my bicycle?"


async def asked(console: Console, question: str, person: str) -> None:
    encoder = HashingEncoder()
    vector = (await encoder.encode([question]))[0]
    async with console.sessions.begin() as session:
        await keep_unanswered(session, question, Answer("unknown", question, 0.0, vector=vector), person, encoder.name, utcnow())


async def overdue(kim: Client) -> str:
    text = f"---\ntitle: Parking\nreview: {(utcnow() - timedelta(days=3)).date()}\n---\nPark behind the house.\n"
    _, content = await upload(kim, ("parking.md", text.encode()))
    article: str = content["articles"][0]["id"]
    await kim.post(f"/api/v1/articles/{article}/publish", json={})
    return article


async def test_gaps_are_shown_drafted_and_closed(console: Console) -> None:
    kim = await console.enter("kim")
    for person in ("p1", "p2"):
        await asked(console, QUESTION, person)
    (group,) = (await (await kim.get("/api/v1/gaps")).json())["groups"]
    assert (group["question"], group["count"], group["people"], group["samples"]) == (QUESTION, 2, 2, [QUESTION])
    assert "p1" not in str(group)
    draft = await kim.get(f"/api/v1/gaps/{group['id']}/draft")
    assert draft.headers["Content-Disposition"].startswith("attachment")
    assert (await draft.text()).startswith(f"# {QUESTION}\n")
    assert (await kim.post(f"/api/v1/gaps/{group['id']}/close", json={"as": "because"})).status == 400
    closed = await kim.post(f"/api/v1/gaps/{group['id']}/close", json={"as": "written"})
    assert await closed.json() == {"closed": 2}
    assert await (await kim.get("/api/v1/gaps")).json() == {"groups": [], "count": 0}
    again = await kim.post(f"/api/v1/gaps/{group['id']}/close", json={"as": "written"})
    assert (again.status, (await again.json())["error"]) == (422, "That question is closed already, or there is none.")


async def test_reviews_are_shown_with_their_owner_and_confirmed(console: Console) -> None:
    kim = await console.enter("kim")
    article = await overdue(kim)
    (due,) = (await (await kim.get("/api/v1/reviews")).json())["reviews"]
    assert (due["title"], due["days"], due["owner"]) == ("Parking", 3, "Kim Larsen")
    assert (await kim.post(f"/api/v1/reviews/{article}/confirm", json={})).status == 400
    assert (await kim.post(f"/api/v1/reviews/{article}/confirm", json={"version": due["version"] + 1})).status == 422
    assert (await kim.post(f"/api/v1/reviews/{article}/confirm", json={"version": due["version"]})).status == 200
    assert await (await kim.get("/api/v1/reviews")).json() == {"reviews": []}


@pytest.mark.parametrize(("who", "status"), [("dana", 403), ("sam", 403), ("", 401)])
async def test_nobody_else_gets_in(console: Console, who: str, status: int) -> None:
    kim, other = await console.enter("kim"), await console.enter(who)
    await asked(console, QUESTION, "p1")
    article = await overdue(kim)
    (group,) = (await (await kim.get("/api/v1/gaps")).json())["groups"]
    for path in ("/api/v1/gaps", f"/api/v1/gaps/{group['id']}/draft", "/api/v1/reviews"):
        assert (await other.get(path)).status == status
    for path in (f"/api/v1/gaps/{group['id']}/close", f"/api/v1/reviews/{article}/confirm"):
        assert (await other.post(path, json={"as": "written"})).status == status
    assert len((await (await kim.get("/api/v1/gaps")).json())["groups"]) == 1
