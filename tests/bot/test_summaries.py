"""The rolling memory of conversations on each database: when one is made, who wins, and what is forgotten."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import delete, event, insert, select, update

from bot import tables as t
from bot.conversation.model import Conversation, Speaker, TranscriptEvent
from bot.conversation.store import ConversationStore
from bot.conversation.summaries import GROWN, LATER, LINES, SETTLES, Growth, Summaries, is_worth_it
from bot.conversation.summary import Summary
from bot.conversation.summary_store import Kept, SummaryStore
from bot.database import Sessions
from bot.handoff.model import Handoff, HandoffState, opened
from bot.handoff.store import HandoffStore
from bot.handoff.summarising import AssistedSummariser
from connectors.errors import Retry
from connectors.memory.language import ScriptedModel
from connectors.ports.chat import Address
from connectors.ports.language import Ask, Completion, Watch
from connectors.ports.records import new_id
from specialists.loader import load_skills
from specialists.request import Request, SlotValue
from specialists.request import opened as opened_request
from specialists.store import RequestStore

NOW = datetime(2026, 11, 20, 15, 0, tzinfo=UTC)
SCREEN = "my screen is black"
GRANT = load_skills()["grant_access"].spec


def said(_: Ask) -> dict[str, Any]:
    """The first line of all is what they ask."""
    return {"asked": {"text": "A black screen", "lines": [1]}, "facts": [], "tried": [], "open": []}


class Held(ScriptedModel):
    """Something happens while it thinks."""

    meanwhile: Callable[[], Awaitable[object]] | None = None

    async def complete(self, ask: Ask, *, watch: Watch | None = None) -> Completion:
        if self.meanwhile is not None:
            meanwhile, self.meanwhile = self.meanwhile, None
            await meanwhile()
        return await super().complete(ask, watch=watch)


class Book:
    """Dana's conversation, and what is remembered of it."""

    def __init__(self, sessions: Sessions, conversation: Conversation) -> None:
        self.sessions, self.id, self.now = sessions, conversation.id, NOW
        self.conversations, self.store, self.handoffs = ConversationStore(sessions), SummaryStore(sessions), HandoffStore(sessions)
        self.shown: list[str] = []

    def summaries(self, model: ScriptedModel | None = None) -> Summaries:
        async def shown(handoff_id: str) -> None:
            self.shown.append(handoff_id)

        async def name(person_id: str) -> str:
            return "Dana Whitfield" if person_id == "dana" else ""

        return Summaries(
            sessions=self.sessions,
            store=self.store,
            conversations=self.conversations,
            requests=RequestStore(self.sessions),
            handoffs=self.handoffs,
            name=name,
            skills={"grant_access": GRANT},
            clock=lambda: self.now,
            assisted=AssistedSummariser(model) if model is not None else None,
            on_made=shown,
        )

    async def say(
        self, text: str, who: Speaker = "person", *, private_to: str | None = None, message: str | None = None, kind: str | None = None
    ) -> None:
        by = "dana" if who == "person" else None
        line = TranscriptEvent(new_id(), self.id, self.now, who, text, by, kind, private_to=private_to, message_id=message)
        async with self.sessions.begin() as session:
            await self.conversations.append(session, [line])

    async def talk(self, lines: int) -> None:
        for n in range(lines):
            await self.say(f"{SCREEN} {n}" if n else SCREEN)

    async def edit(self, message: str, text: str) -> None:
        async with self.sessions.begin() as session:
            await self.conversations.rewrite(session, self.id, message, text)

    async def open(self, **more: Any) -> Handoff:
        handoff = Handoff(new_id(), 1, self.id, "dana", "asked", "it-support", self.now, self.now, **more)
        async with self.sessions.begin() as session:
            await self.handoffs.save(session, opened(handoff))
        return handoff

    async def kept(self) -> Kept:
        return await self.store.get(self.id)

    async def asked(self) -> str | None:
        summary = (await self.kept()).summary
        return summary.asked if summary is not None else None


@pytest.fixture
async def book(sessions: Sessions) -> Book:
    conversation = Conversation(new_id(), Address("web", "local", "dana", "t"), "dana", NOW)
    async with sessions.begin() as session:
        await session.execute(insert(t.person).values(id="dana", directory_key="dana", created_at=NOW))
        await ConversationStore(sessions).save(session, conversation)
    return Book(sessions, conversation)


# -- when


def test_it_is_worth_it_when_it_has_grown_is_with_staff_or_is_taken_up_again() -> None:
    def growth(new: int, pause: timedelta = timedelta(0), kept_at: datetime | None = None) -> Growth:
        return Growth("c1", new, NOW, NOW + pause, kept_at)

    def handoff(at: datetime, state: HandoffState = HandoffState.REQUESTED) -> Handoff:
        return Handoff("h1", 1, "c1", "dana", "asked", "it-support", at, at, state=state)

    assert is_worth_it(growth(GROWN), [])
    assert not is_worth_it(growth(GROWN - 1), [])
    assert is_worth_it(growth(1, LATER), [])
    assert not is_worth_it(growth(0, LATER), [handoff(NOW)])
    assert is_worth_it(growth(1), [handoff(NOW)])
    assert not is_worth_it(growth(1, kept_at=NOW), [handoff(NOW - LATER)])
    assert is_worth_it(growth(1, kept_at=NOW - LATER), [handoff(NOW, HandoffState.RETURNED)])


async def test_a_short_talk_is_not_summarised_and_a_grown_one_is(book: Book) -> None:
    summaries = book.summaries()
    await book.talk(GROWN - 1)
    await summaries.step()
    assert (await book.kept()).version == 0
    await book.say("and my mouse")
    await summaries.step()
    kept = await book.kept()
    assert kept.summary == Summary(SCREEN, "and my mouse")
    assert (kept.model, kept.at) == (None, NOW)


async def test_it_is_taken_up_again_later(book: Book) -> None:
    summaries = book.summaries()
    await book.talk(2)
    await summaries.step()
    book.now += LATER
    await book.say("are you there?")
    await summaries.step()
    assert await book.asked() == SCREEN


async def test_a_restart_finds_what_was_not_summarised(book: Book) -> None:
    await book.talk(GROWN)
    await book.summaries().step()
    assert await book.asked() == SCREEN


async def test_nothing_is_made_twice_of_the_same_lines(book: Book) -> None:
    model = ScriptedModel(said)
    summaries = book.summaries(model)
    await book.talk(GROWN)
    for _ in range(3):
        await summaries.step()
    await book.summaries(model).step()
    assert len(model.asked) == 1


async def test_only_the_last_lines_are_read(book: Book) -> None:
    model = ScriptedModel(said)
    async with book.sessions.begin() as session:
        lines = [TranscriptEvent(new_id(), book.id, NOW, "person", f"{SCREEN} {n}", "dana") for n in range(LINES + 5)]
        await book.conversations.append(session, lines)
    await book.summaries(model).step()
    assert model.asked[0].content.count("\n") == LINES
    assert SCREEN + ' 4"' not in model.asked[0].content
    await book.talk(GROWN)
    await book.summaries(model).step()
    assert model.asked[1].content.count("\n") == GROWN + 1
    assert "A black screen" in model.asked[1].content


# -- who wins


async def test_what_the_model_makes_takes_the_place_of_the_offline_one(book: Book) -> None:
    handoff = await book.open()
    await book.say(SCREEN)
    await book.summaries(ScriptedModel(said)).step()
    kept = await book.kept()
    assert (kept.summary, kept.model, kept.prompt) == (Summary("A black screen"), "scripted-small", "summary-1")
    assert book.shown == [handoff.id]


async def test_without_the_model_it_rolls_on_offline(book: Book) -> None:
    answers: list[Any] = [said(None), Retry("overloaded")]  # type: ignore[arg-type]
    summaries = book.summaries(ScriptedModel(lambda _: answers.pop(0)))
    await book.talk(GROWN)
    await summaries.step()
    for n in range(GROWN):
        await book.say(f"now it flickers {n}")
    await summaries.step()
    kept = await book.kept()
    assert kept.summary == Summary("A black screen", f"now it flickers {GROWN - 1}")
    assert kept.model == "scripted-small"


async def test_of_two_processes_one_asks(book: Book) -> None:
    other = ScriptedModel(said)
    model = Held(said)
    model.meanwhile = lambda: book.summaries(other).step()
    await book.talk(GROWN)
    await book.summaries(model).step()
    assert (len(model.asked), len(other.asked)) == (1, 0)
    assert await book.asked() == "A black screen"


async def test_a_line_that_is_committed_late_is_told_all_the_same(book: Book) -> None:
    model = ScriptedModel(said)
    summaries = book.summaries(model)
    await book.talk(GROWN)
    async with book.sessions.begin() as session:
        row = (await session.execute(select(t.transcript).order_by(t.transcript.c.seq).offset(3).limit(1))).one()
        await session.execute(delete(t.transcript).where(t.transcript.c.seq == row.seq))
    await book.say("it flickers")
    await summaries.step()
    async with book.sessions.begin() as session:
        await session.execute(insert(t.transcript).values({**row._mapping, "text": "it smells of smoke"}))
    book.now += SETTLES / 2
    await summaries.step()
    assert "smoke" in model.asked[-1].content
    assert '"earlier"' not in model.asked[-1].content
    await summaries.step()
    assert len(model.asked) == 2


async def test_of_more_lines_than_are_read_none_is_taken_for_a_late_one(book: Book) -> None:
    model = ScriptedModel(said)
    summaries = book.summaries(model)
    for _ in range(2):
        async with book.sessions.begin() as session:
            lines = [TranscriptEvent(new_id(), book.id, NOW, "person", f"{SCREEN} {n}", "dana") for n in range(LINES + 5)]
            await book.conversations.append(session, lines)
        await summaries.step()
        await summaries.step()
    assert len(model.asked) == 2


async def test_who_saw_it_grow_before_another_kept_it_asks_nothing_and_takes_nothing_back(book: Book) -> None:
    other = ScriptedModel(said)
    slow = book.summaries(other)
    await book.talk(GROWN)
    found = await slow._grown()

    async def grown() -> list[str]:
        return found

    slow._grown = grown  # type: ignore[method-assign]
    fast = Held(said)
    fast.meanwhile = slow.step
    await book.summaries(fast).step()
    await slow.step()
    assert (len(fast.asked), len(other.asked)) == (1, 0)
    assert (await book.kept()).model == "scripted-small"


async def test_taken_up_again_it_is_told_once_however_young_its_lines_are(book: Book) -> None:
    model = ScriptedModel(said)
    summaries = book.summaries(model)
    await book.talk(2)
    await summaries.step()
    book.now += LATER
    await summaries.step()
    for word in ("are", "you", "there"):
        await book.say(word)
        await summaries.step()
        book.now += timedelta(seconds=1)
    assert len(model.asked) == 1


async def test_whoever_was_faster_stays(book: Book) -> None:
    await book.talk(GROWN)
    before = await book.kept()
    first = replace(before, upto=3, summary=Summary("first"), at=NOW)
    assert await book.store.save(first) is not None
    assert await book.store.save(replace(first, summary=Summary("second"))) is None
    kept = await book.kept()
    assert await book.store.save(replace(kept, summary=Summary("third"))) is not None
    assert await book.store.save(replace(kept, summary=Summary("fourth"))) is None
    assert await book.asked() == "third"


# -- what is forgotten


async def test_what_was_taken_back_comes_back_by_no_request_and_no_question(book: Book) -> None:
    model = ScriptedModel(lambda _: Retry("overloaded"))
    summaries = book.summaries(model)
    slots = {"application": SlotValue("figma", "Figma"), "reason": SlotValue("the merger", "the merger", "answer")}
    asked = Request("r1", 1, "k", "grant_access", "access", "dana", "dana", book.id, 0.9, NOW, NOW, slots=slots)
    async with book.sessions.begin() as session:
        await RequestStore(book.sessions).save(session, opened_request(asked))
    await book.say("I need Figma for the merger", message="m1")
    await book.talk(GROWN)
    await book.say("Shall I ask for Figma for the merger?", "bot", kind="question")
    await summaries.step()
    before = (await book.kept()).summary
    await book.edit("m1", "")
    await summaries.step()
    after = (await book.kept()).summary
    assert before is not None
    assert before.open == ("Shall I ask for Figma for the merger?",)
    assert after is not None
    assert after.facts == ("application: Figma",)
    assert "merger" not in model.asked[-1].content + str(after)
    assert len(model.asked) == 2
    await book.say("Shall I go on?", "bot", kind="question")
    for _ in range(GROWN):
        await book.say("Do you hear me?", "bot", kind="question")
    await summaries.step()
    assert "Do you hear me?" in model.asked[-1].content


async def test_what_was_taken_back_before_anything_was_kept_does_not_come_back(book: Book) -> None:
    model = ScriptedModel(said)
    await book.say("I need Figma for the merger", message="m1")
    await book.say("Shall I ask for Figma for the merger?", "bot", kind="question")
    await book.edit("m1", "I need Figma")
    await book.talk(GROWN)
    await book.summaries(model).step()
    assert "merger" not in model.asked[0].content + str((await book.kept()).summary)


async def test_an_edited_line_is_forgotten_and_the_rest_is_told_anew(book: Book) -> None:
    model = ScriptedModel(said)
    summaries = book.summaries(model)
    await book.say("my badge is 4711", message="m1")
    await book.talk(GROWN)
    await summaries.step()
    await book.edit("m1", "hello")
    assert (await book.kept()).summary is None
    await summaries.step()
    assert '"hello"' in model.asked[1].content
    assert "4711" not in model.asked[1].content
    assert '"earlier"' not in model.asked[1].content


async def test_an_edit_beyond_what_is_known_costs_nothing(book: Book) -> None:
    summaries = book.summaries()
    await book.talk(GROWN)
    await summaries.step()
    await book.say("one more", message="m1")
    await book.edit("m1", "one less")
    assert await book.asked() == SCREEN


async def test_an_edit_while_the_model_thinks_is_not_overwritten(book: Book) -> None:
    model = Held(said)
    summaries = book.summaries(model)
    await book.say(SCREEN, message="m1")
    await book.talk(GROWN)
    model.meanwhile = lambda: book.edit("m1", "hello")
    await summaries.step()
    assert (await book.kept()).summary is None
    model.script = lambda _: Retry("overloaded")
    await summaries.step()
    assert await book.asked() == "hello"


async def test_an_edit_before_anything_is_kept_is_not_overwritten(book: Book) -> None:
    await book.say(SCREEN, message="m1")
    draft = replace(await book.kept(), upto=1, summary=Summary(SCREEN), at=NOW)
    await book.edit("m1", "hello")
    assert await book.store.save(draft) is None


async def test_where_nothing_is_left_nothing_is_kept(book: Book) -> None:
    handoff = await book.open()
    await book.say(SCREEN, message="m1")
    summaries = book.summaries()
    await summaries.step()
    assert await book.asked() == SCREEN
    await book.edit("m1", "")
    await summaries.step()
    assert (await book.kept()).summary is None
    assert await book.store.forgotten() == []
    assert book.shown == []
    assert handoff.open


async def test_it_goes_with_its_conversation(book: Book) -> None:
    await book.talk(GROWN)
    await book.summaries().step()
    async with book.sessions.begin() as session:
        await session.execute(delete(t.transcript))
        await session.execute(delete(t.conversation))
        assert (await session.execute(select(t.conversation_summary))).all() == []


# -- what is nobody's business


async def test_a_private_matter_is_never_told(book: Book) -> None:
    model = ScriptedModel(said)
    summaries = book.summaries(model)
    handoff = await book.open(sensitive="harassment")
    await book.say(SCREEN)
    for _ in range(GROWN):
        await book.say("he shouts at me", private_to=handoff.id)
    await summaries.step()
    assert model.asked == []
    assert book.shown == []
    closed = replace(handoff, state=HandoffState.RESOLVED, claimed_by="dana", resolution="they talked", version=1)
    async with book.sessions.begin() as session:
        await book.handoffs.save(session, replace(opened(closed), kind="resolved"))
    await book.talk(GROWN)
    await summaries.step()
    (ask,) = model.asked
    assert not any(words in ask.content for words in ("shouts", "they talked"))


async def test_what_became_private_by_an_edit_is_not_told(book: Book) -> None:
    model = ScriptedModel(said)
    await book.talk(GROWN)
    await book.say("I want to kill myself")
    await book.summaries(model).step()
    assert "kill" not in model.asked[0].content
    kept = (await book.kept()).summary
    assert kept is not None
    assert "kill" not in str(kept)


async def test_notes_and_what_others_said_are_not_told(book: Book) -> None:
    model = ScriptedModel(said)
    await book.talk(GROWN)
    await book.say("difficult person", "note")
    await book.say("Omar: mine too", "other")
    await book.summaries(model).step()
    assert not any(words in model.asked[0].content for words in ("difficult", "Omar"))


async def test_a_defect_in_one_keeps_no_other_waiting(book: Book) -> None:
    async def broken(_: str) -> str:
        raise ValueError("no directory")

    summaries = book.summaries()
    summaries._name = broken
    await book.talk(GROWN)
    assert await summaries.step() is None
    assert (await book.kept()).version == 0


async def test_what_always_breaks_starves_nothing_and_is_no_busy_loop(book: Book) -> None:
    async def broken(person: str) -> str:
        if person != "dana":
            raise ValueError("no directory")
        return "Dana Whitfield"

    people = [f"p{n}" for n in range(60)]
    async with book.sessions.begin() as session:
        await session.execute(insert(t.person), [{"id": one, "directory_key": one, "created_at": NOW} for one in people])
        for one in people:
            await book.conversations.save(session, Conversation(one, Address("web", "local", one, "t"), one, NOW))
        rows = [{"conversation_id": one, "upto": 0, "summary": {}, "at": NOW - LATER, "version": 1} for one in people]
        await session.execute(insert(t.conversation_summary), rows)
        mine = {"conversation_id": book.id, "upto": 0, "summary": {}, "at": NOW, "version": 1}
        await session.execute(insert(t.conversation_summary), [mine])
    await book.say(SCREEN)
    summaries = book.summaries()
    summaries._name = broken
    pauses = []
    while len(pauses) < 20:
        book.now += timedelta(seconds=1)
        pauses.append(await summaries.step())
        if pauses[-1] is None:
            break
    assert len(pauses) <= 5
    assert await book.asked() == SCREEN


async def test_what_is_at_somebody_else_s_desk_is_not_taken_again(book: Book) -> None:
    class Elsewhere:
        person_id = "omar"

    async def at_desk(_: Address) -> Any:
        return Elsewhere()

    await book.talk(GROWN)
    summaries = book.summaries()
    await summaries.step()
    await book.say("my badge is 4711", message="m1")
    async with book.sessions.begin() as session:
        await session.execute(update(t.conversation_summary).values(upto=0, summary={}))
    assert await book.store.forgotten() == [book.id]
    summaries._handoffs.at_desk = at_desk  # type: ignore[method-assign]
    await summaries.step()
    assert await book.store.forgotten() == []


# -- what it costs


async def test_a_round_with_nothing_new_reads_two_rows_and_writes_none(book: Book) -> None:
    summaries = book.summaries()
    await book.talk(GROWN)
    await summaries.step()
    book.now += SETTLES
    await summaries.step()
    asked: list[str] = []
    async with book.sessions() as session:
        engine = session.get_bind()
        event.listen(engine, "before_cursor_execute", lambda *given: asked.append(given[2]))
    await summaries.step()
    assert len([one for one in asked if one.lstrip().upper().startswith("SELECT")]) == 2
    assert not any(word in one.upper() for one in asked for word in ("INSERT", "UPDATE", "DELETE", "IMMEDIATE"))
