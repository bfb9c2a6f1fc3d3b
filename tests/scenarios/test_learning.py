"""The whole bot learns from its readers: gaps close when an article answers them, feedback decides among near articles, owners hear
of reviews that are due."""

from datetime import timedelta
from pathlib import Path

from sqlalchemy import text

from bot.bootstrap import OPERATOR
from bot.quiet import QuietHours
from connectors.ports.people import Person
from tests.scenarios.company import Company, email

ASKED = {
    "dana": "Can I bring my dog to the office?",
    "omar": "Are dogs allowed in the office?",
    "priya": "is it ok to bring dogs into the office",
}
DOGS = b"# Dogs in the office\n\nYou may bring your dog to the office on Fridays. Dogs are allowed on the ground floor only.\n"
"""Nobody at the sandbox company has written of dogs."""


async def who(company: Company, person: str) -> Person:
    found = await company.app.people.by_email(email(person))
    assert found is not None
    return found


async def publish(company: Company, name: str, content: bytes, by: Person = OPERATOR) -> str:
    added = await company.app.library.add(content, name, by=by)
    return (await company.app.library.publish(added.id, by)).id


async def last(company: Company, person: str, thread: str | None = None) -> str:
    shown = [said for said in await company.shown(person) if thread in (None, said.thread)]
    return shown[-1].reply.text


async def judge(company: Company, person: str, helpful: bool) -> None:
    reply = next(said.reply for said in reversed(await company.shown(person)) if said.reply.feedback is not None)
    assert reply.feedback is not None
    await company.press_id(person, (reply.feedback.up if helpful else reply.feedback.down).id)


async def test_what_several_ask_in_vain_is_one_gap_and_closes_when_it_is_answered(company: Company) -> None:
    for person, question in ASKED.items():
        await company.say(person, question)
        assert "I don't know" in await last(company, person)
    (gap,), count = await company.app.gaps.groups(OPERATOR)
    assert (count, gap.count, gap.people) == (1, 3, 3)
    assert set(gap.samples) == set(ASKED.values())
    await company.later(hours=1)
    await publish(company, "dogs.md", DOGS)
    assert await company.app.gaps.settle() == 3
    assert await company.app.gaps.groups(OPERATOR) == ([], 0)
    await company.say("kim", "May dogs come to the office?", thread="later")
    assert "on Fridays" in await last(company, "kim", "later")


async def test_what_is_said_in_private_is_no_gap(company: Company) -> None:
    await company.say("dana", "I am being harassed by a colleague")
    await company.say("dana", "Can I bring my dog to the office?")
    assert await company.app.gaps.groups(OPERATOR) == ([], 0)


async def test_what_was_asked_in_private_is_no_part_of_a_gap_once_that_is_closed(company: Company) -> None:
    await company.say("dana", "My manager Tomas harasses me")
    await company.say("dana", "How many days of PTO do I carry over after what Tomas did to me?")
    await company.press("grace", "claim")
    await company.press("grace", "resolve", "We have talked.")
    await company.say("dana", "and on the moon?")
    async with company.app.sessions() as session:
        kept = (await session.execute(text("SELECT question, vector FROM knowledge_answer"))).all()
        asked = (await session.scalars(text("SELECT question FROM knowledge_gap"))).all()
    assert kept
    assert {(row.question, bytes(row.vector)) for row in kept} == {("", b"")}
    assert "Tomas" not in str(asked)
    assert "PTO" not in str(asked)


async def test_a_gap_names_nobody_whom_the_directory_knows(company: Company) -> None:
    await company.say("dana", "May Omar Haddad or Priya bring their pet snake Okta to work?")
    (gap,), _ = await company.app.gaps.groups(OPERATOR)
    assert gap.question == "May [name] [name] or [name] bring their pet snake Okta to work?"


async def test_an_answer_that_did_not_help_is_a_gap_until_they_think_better_of_it(company: Company) -> None:
    await company.say("dana", "How do I connect to the VPN?")
    await judge(company, "dana", False)
    (gap,), _ = await company.app.gaps.groups(OPERATOR)
    assert (gap.question, gap.count, gap.unhelpful) == ("How do I connect to the VPN?", 1, 1)
    await judge(company, "dana", True)
    assert await company.app.gaps.groups(OPERATOR) == ([], 0)


NEAR = {
    "blue.md": b"# Blue bicycle shed\n\nThe key to the blue bicycle shed is at the reception desk.\n",
    "green.md": b"# Green bicycle shed\n\nThe key to the green bicycle shed is at the canteen desk.\n",
}
QUESTION = "Where is the key to the bicycle shed?"


async def first_source(company: Company, question: str, n: int) -> str:
    await company.say("kim", question, thread=f"asked-{n}")
    reply = next(said.reply for said in reversed(await company.shown("kim")) if said.reply.citations)
    return reply.citations[0].source


async def test_feedback_decides_among_near_articles_and_no_others(company: Company) -> None:
    for name, content in NEAR.items():
        await publish(company, name, content)
    before = await first_source(company, QUESTION, 1)
    assert before in NEAR
    other = next(name for name in NEAR if name != before)
    articles = {article.source: article.id for article in await company.app.library.list()}
    async with company.app.sessions.begin() as session:
        answer = (await session.execute(text("SELECT * FROM knowledge_answer ORDER BY at DESC, id DESC"))).first()
        assert answer is not None
        for n in range(40):
            for source, helpful in ((before, False), (other, True)):
                row = {"answer": answer.id, "person": f"p{n}", "article": articles[source], "helpful": helpful, "at": answer.at}
                into = "INSERT INTO knowledge_judgement (answer_id, person_id, article_id, helpful, at)"
                await session.execute(text(f"{into} VALUES (:answer, :person, :article, :helpful, :at)"), row)
    await company.app.helpful.refresh(company.clock())
    assert await first_source(company, QUESTION, 2) == other
    # Far from it: what is asked by name is found by name, whatever people think of it.
    colour = before.removesuffix(".md")
    assert await first_source(company, f"Where is the key to the {colour} bicycle shed?", 3) == before


def due_text(company: Company, days: int) -> bytes:
    due = (company.clock() - timedelta(days=days)).date()
    return f"---\ntitle: Dogs {days}\nreview: {due}\n---\nYou may bring your dog to the office on Fridays.\n".encode()


async def test_owners_hear_once_of_reviews_that_are_due_and_answers_say_so(company: Company) -> None:
    kim = await who(company, "kim")
    article = await publish(company, "dogs.md", due_text(company, 10), kim)
    await company.app.review_notices.tell()
    await company.app.review_notices.tell()
    await company.settle()
    told = [said.reply.text for said in await company.shown("kim")]
    assert len(told) == 1
    assert "Dogs 10" in told[0]
    await company.say("dana", "Can I bring my dog to the office?")
    assert "its review was due" in await last(company, "dana")

    await company.app.reviews.confirm(article, kim)
    await company.say("dana", "On which days may I bring my dog?", thread="again")
    assert "its review was due" not in await last(company, "dana", "again")


async def test_another_review_waits_for_the_end_of_the_week(company: Company) -> None:
    kim = await who(company, "kim")
    await publish(company, "dogs.md", due_text(company, 10), kim)
    await company.app.review_notices.tell()
    await publish(company, "cats.md", due_text(company, 5).replace(b"dog", b"cat"), kim)
    await company.later(days=6)
    await company.app.review_notices.tell()
    await company.settle()
    assert len(await company.shown("kim")) == 1
    await company.later(days=1)
    await company.app.review_notices.tell()
    await company.settle()
    (_, second) = await company.shown("kim")
    assert "Dogs 5" in second.reply.text
    assert "Dogs 10" not in second.reply.text


async def test_nobody_is_told_in_their_quiet_hours(template: Path, tmp_path: Path) -> None:
    hours = {"quiet_hours": QuietHours.model_validate({"from": "09:00", "to": "21:00"})}
    company = await Company.open(tmp_path / "home", template, organisation=hours)
    try:
        await publish(company, "dogs.md", due_text(company, 10), await who(company, "kim"))
        await company.app.review_notices.tell()
        await company.settle()
        assert await company.shown("kim") == []
        await company.later(hours=12)
        assert "Dogs 10" in await last(company, "kim")
    finally:
        await company.close()


async def test_starter_articles_tell_nobody(company: Company) -> None:
    company.clock.now += timedelta(days=700)
    assert await company.app.reviews.overdue()
    await company.app.review_notices.tell()
    async with company.app.sessions() as session:
        assert (await session.execute(text("SELECT count(*) FROM knowledge_review_notice"))).scalar_one() == 0
