"""An answer that is shown while it is made is one message, whatever becomes of its turn, and shown to nobody else than in the end."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

import pytest
from sqlalchemy import select

from bot.buttons import Verb
from bot.live_answers import EVERY
from connectors.errors import ConnectorError, Refused
from connectors.memory.channel import MemoryChannel, MemoryMessage
from connectors.memory.language import ScriptedModel
from connectors.ports.chat import Address, Delivered, Operation, Reply, ReplyKind
from connectors.ports.people import Person
from knowledge.answers import Answer, Show
from specialists.tables import audit_event
from tests.scenarios.company import Company, email
from tests.scenarios.live import PARTS, Between, Streaming, nothing, stream, use
from tests.scenarios.platform import SHARED, Platform

QUESTION = "how many days of PTO do I carry over?"
"""Its article is for one country."""
OPEN = "how do I set up the VPN?"


class Scene(Platform):
    """The other chat of a company whose answers come bit by bit."""

    def __init__(self, company: Company, channel: MemoryChannel) -> None:
        super().__init__(company, channel)
        self.stream(nothing)

    def stream(self, between: Between) -> Streaming:
        """From now on; also after a restart."""
        self.answers = stream(self.company.app, between)
        return self.answers

    def messages(self, room: str = "dana") -> list[MemoryMessage]:
        there = room if "@" in room or ":" in room else email(room)
        return [message for message in self.channel.messages.values() if message.address.room == there and message.reply is not None]

    async def delivered(self) -> None:
        """All that was posted until now is shown."""
        while await self.company.app.outbox.waiting():
            await asyncio.sleep(0.002)

    async def pass_(self, seconds: float = EVERY) -> None:
        await self.delivered()
        self.company.clock.now += timedelta(seconds=seconds)


@pytest.fixture
async def scene(template: Path, tmp_path: Path) -> AsyncIterator[Scene]:
    channel = MemoryChannel()
    model = ScriptedModel(lambda ask: ConnectorError("not_asked"))
    opened = await Company.open(tmp_path / "home", template, channels=(channel,), model=model)
    yield Scene(opened, channel)
    await opened.close()


async def test_it_is_one_message_that_grows_and_says_its_sources_at_the_end(scene: Scene) -> None:
    seen: list[tuple[str, int, bool]] = []

    async def look(part: int) -> None:
        await scene.delivered()
        [message] = scene.messages()
        assert message.reply is not None
        seen.append((message.reply.text, len(message.reply.citations), message.reply.feedback is not None))
        await scene.pass_()

    scene.stream(look)
    await scene.say("dana", QUESTION)
    [message] = scene.messages()
    assert seen == [(f"{PARTS[0]} …", 0, False), (f"{PARTS[0]} {PARTS[1]} …", 0, False)]
    assert message.versions == 3
    assert message.reply is not None
    assert message.reply.kind is ReplyKind.ANSWER
    assert message.reply.text.startswith(" ".join(PARTS) + "\n\n[1] ")
    assert message.reply.citations
    assert message.reply.feedback is not None


async def test_it_is_edited_once_a_second_at_most_and_said_whole_in_the_end(scene: Scene) -> None:
    await scene.say("dana", QUESTION)
    [message] = scene.messages()
    assert message.versions == 2
    assert message.reply is not None
    assert PARTS[2] in message.reply.text


async def test_memory_and_feedback_know_the_whole_answer_only(scene: Scene) -> None:
    await scene.say("dana", QUESTION)
    app = scene.company.app
    [message] = scene.messages()
    assert message.reply is not None
    dana = await scene.company.person("dana")
    conversation = await app.conversations.load(replace(message.address, thread="t1"), dana.id, scene.company.clock())
    said = [line.text for line in await app.conversations.transcript(conversation.id) if line.speaker == "bot"]
    assert said == [message.reply.text]
    await scene.press("dana", scene.button(message.reply, Verb.NOT_HELPFUL), "too short")
    assert scene.messages()[-1].reply != message.reply
    assert scene.messages()[0].reply == message.reply


async def test_a_turn_that_is_thought_again_goes_on_in_the_same_message(scene: Scene) -> None:
    async def move(part: int) -> None:
        await scene.pass_()
        if scene.answers.tries == 1 and part == 2:
            app = scene.company.app
            dana = await scene.company.person("dana")
            here = replace(scene.messages()[0].address, thread="t1")
            conversation = await app.conversations.load(here, dana.id, scene.company.clock())
            async with app.sessions.begin() as session:
                await app.conversations.save(session, conversation)

    answers = scene.stream(move)
    await scene.say("dana", QUESTION)
    assert answers.tries == 2
    assert [m.reply.kind for m in scene.messages() if m.reply is not None] == [ReplyKind.ANSWER]


async def test_what_a_crash_left_is_finished_in_the_same_message(scene: Scene) -> None:
    begun = asyncio.Event()

    async def hang(part: int) -> None:
        await scene.delivered()
        begun.set()
        await asyncio.Event().wait()

    scene.stream(hang)
    saying = asyncio.create_task(scene.say("dana", QUESTION))
    await begun.wait()
    saying.cancel()
    [before] = scene.messages()
    await scene.company.app.stop(patience=0.0)
    scene.company.app = scene.company._app()
    scene.stream(nothing)
    await scene.company.app.start()
    await scene.company.settle()
    [after] = scene.messages()
    assert before.reply is not None
    assert after.reply is not None
    assert before.reply.text.endswith("…")
    assert after.message_id == before.message_id
    assert after.reply.text.startswith(" ".join(PARTS))


async def test_a_turn_that_is_given_up_says_so_in_the_same_message(scene: Scene) -> None:
    async def fail(part: int) -> None:
        raise RuntimeError("broken")

    answers = scene.stream(fail)
    scene.company.app.inbox._pauses = (0.0,)
    await scene.say("dana", QUESTION)
    assert answers.tries == 3
    [message] = scene.messages()
    assert message.reply is not None
    assert message.reply.text.startswith("Something went wrong on my side.")


async def test_what_comes_instead_of_an_answer_stands_in_its_place(scene: Scene) -> None:
    """It broke after its first words, and the offline engine knows nothing."""

    async def take_away(part: int) -> None:
        raise ConnectorError("cut")

    scene.stream(take_away)
    await scene.say("dana", QUESTION)
    [message] = scene.messages()
    assert message.reply is not None
    assert message.reply.text.startswith("I can't search our articles right now.")
    assert message.reply.actions


async def test_an_answer_that_is_not_gone_on_with_says_so(scene: Scene) -> None:
    """The turn broke, and when it was tried again the bot was switched off in this room, which is told to the one person."""

    async def switch_off(part: int) -> None:
        cast(dict[Address, str], scene.company.app.rooms.modes)[Address("memory", "local", SHARED)] = "off"
        raise RuntimeError("broken")

    answers = scene.stream(switch_off)
    scene.company.app.inbox._pauses = (0.0,)
    await scene.say("dana", OPEN, room=SHARED)
    assert answers.tries == 1
    assert [(m.reply.text, m.reply.only_for) for m in scene.messages(SHARED) if m.reply is not None] == [
        ("I could not finish this answer.", None),
        ("I'm switched off in this room. Write to me directly instead.", email("dana")),
    ]


async def test_stop_cuts_it_and_what_was_seen_stays(scene: Scene) -> None:
    async def stop(part: int) -> None:
        if part == 1:
            stopped.append(asyncio.create_task(scene.stop("dana")))
            while await scene.company.app.inbox.waiting() < 2:
                await asyncio.sleep(0.002)
        await scene.pass_()

    stopped: list[asyncio.Task[None]] = []
    scene.stream(stop)
    await scene.say("dana", QUESTION)
    await asyncio.gather(*stopped)
    answer, notice = scene.messages()
    assert answer.reply is not None
    assert notice.reply is not None
    assert answer.reply.text.startswith(f"{PARTS[0]}\n\n[1] ")
    assert answer.reply.feedback is not None
    assert notice.reply.text == "I stopped."


async def test_once_a_person_has_taken_over_nothing_more_is_shown(scene: Scene) -> None:
    """What was said by then says that it goes no further, and the model is not listened to any more."""

    async def claim(part: int) -> None:
        if scene.answers.tries == 1 and part == 1:
            await scene.delivered()
            pressing.append(asyncio.create_task(scene.company.press("sam", "claim")))
            while not any("has taken" in one.reply.text for one in scene.messages() if one.reply is not None):
                await asyncio.sleep(0.002)
        await scene.pass_()
        seen.append([message.reply.text for message in scene.messages() if message.reply is not None][1:])

    pressing: list[asyncio.Task[None]] = []
    seen: list[list[str]] = []
    await scene.say("dana", "I want to talk to a person")
    answers = scene.stream(claim)
    await scene.say("dana", OPEN)
    await asyncio.gather(*pressing)
    answer, taken = [message for message in scene.messages() if message.reply is not None][-2:]
    assert answers.tries == 1
    assert len(seen) == 1
    assert answer.reply is not None
    assert taken.reply is not None
    assert answer.versions == 2
    assert answer.reply.text == "I left this answer unfinished: a person has taken over."
    assert "has taken" in taken.reply.text


async def test_what_comes_too_soon_after_an_edit_is_shown_in_a_moment(scene: Scene) -> None:
    """Also where nothing more comes for long."""
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)
        scene.company.clock.now += timedelta(seconds=seconds)

    async def wait(part: int) -> None:
        if part == 2:
            while f"{PARTS[0]} {PARTS[1]} …" not in [message.reply.text for message in scene.messages() if message.reply is not None]:
                await asyncio.sleep(0.002)

    app = scene.company.app
    assert app.turns.patience is not None
    patience = replace(app.turns.patience, answers=replace(app.turns.patience.answers, sleep=sleep))
    scene.stream(wait)
    app.turns = replace(app.turns, patience=patience)
    await scene.say("dana", QUESTION)
    assert slept == [EVERY]
    assert [message.versions for message in scene.messages()] == [3]


async def test_what_is_late_changes_nothing_any_more(scene: Scene) -> None:
    """The turn took too long and was given up; what still thinks is told that nobody waits."""
    ended: list[BaseException] = []
    given_up = asyncio.Event()

    class Late(Streaming):
        async def answer(self, *args: Any, **how: Any) -> Answer:
            try:
                return await super().answer(*args, **how)
            except asyncio.CancelledError as error:
                ended.append(error)
                raise

    async def wait(part: int) -> None:
        await scene.pass_()
        await given_up.wait()

    app = scene.company.app
    use(app, Late(app.answerer, wait))
    app.turns = replace(app.turns, timeout=0.3)
    await scene.say("dana", QUESTION)
    [before] = scene.messages()
    given_up.set()
    while not ended:
        await asyncio.sleep(0.002)
    await scene.delivered()
    assert scene.messages() == [before]
    assert before.reply is not None
    assert before.reply.text.startswith("Something went wrong on my side.")


async def test_in_a_room_it_is_shown_where_everybody_reads_it_in_the_end(scene: Scene) -> None:
    await scene.say("dana", OPEN, room=SHARED)
    [message] = scene.messages(SHARED)
    assert message.reply is not None
    assert message.versions == 2
    assert message.reply.only_for is None


async def test_an_answer_whose_message_can_no_more_be_changed_is_posted_whole_and_once(scene: Scene) -> None:
    """It was deleted, or is too old for its platform."""
    deliver = scene.channel.deliver
    refused: list[bool] = []

    async def refuse(operation: Operation, address: Address, reply: Reply, **how: Any) -> Delivered:
        if operation == "edit":
            refused.append(reply.unfinished)
            raise Refused("cant_update_message")
        return await deliver(operation, address, reply, **how)

    async def wait(part: int) -> None:
        await scene.pass_()

    cast(Any, scene.channel).deliver = refuse
    scene.stream(wait)
    await scene.say("dana", QUESTION)
    partial, whole = scene.messages()
    assert refused == [True, False]
    assert partial.reply is not None
    assert whole.reply is not None
    assert partial.reply.text == f"{PARTS[0]} …"
    assert whole.reply.text.startswith(" ".join(PARTS))
    await scene.press("dana", scene.button(whole.reply, Verb.NOT_HELPFUL), "too short")
    assert len(scene.messages()) > 2


@pytest.mark.parametrize("outsiders", [True, False])
async def test_what_not_everybody_there_may_read_is_never_shown_in_a_room(scene: Scene, outsiders: bool) -> None:
    """Neither to people of other organisations nor what stands in a restricted article; it comes whole, to the one person."""
    versions: list[int] = []

    async def look(part: int) -> None:
        versions.append(len(scene.messages(SHARED)))

    answers = scene.stream(look)
    if outsiders:
        scene.channel.outsiders.add(SHARED)
    await scene.say("dana", OPEN if outsiders else QUESTION, room=SHARED)
    assert answers.tries == 1
    assert versions == [0, 0]
    assert not [reply for reply in scene.shown(SHARED) if reply.kind is ReplyKind.ANSWER]
    told = scene.shown(SHARED, to="dana")
    assert [reply.text.startswith(" ".join(PARTS)) for reply in told if reply.kind is ReplyKind.ANSWER] == [True]


async def test_what_is_begun_openly_and_ends_in_private_says_so_where_it_was_begun(scene: Scene) -> None:
    """Its last sentence is from a restricted article."""

    class Turning(Streaming):
        async def answer(self, question: str, asker: Person, *, show: Show | None = None, **how: Any) -> Answer:
            found = await self.offline.answer(question, asker, **how)
            assert show is not None
            await show(replace(found, text=PARTS[0]))
            await scene.delivered()
            return replace(await self.offline.answer(QUESTION, asker), text=PARTS[1])

    use(scene.company.app, Turning(scene.company.app.answerer, nothing))
    await scene.say("dana", OPEN, room=SHARED)
    openly, privately = [(message.reply.text, message.reply.only_for) for message in scene.messages(SHARED) if message.reply is not None]
    assert openly == ("I gave this answer in private.", None)
    assert privately[0].startswith(PARTS[1])
    assert privately[1] == email("dana")


async def test_nothing_is_shown_before_what_is_to_be_said_first(scene: Scene) -> None:
    """A password was in the words, which is told first; the answer then comes whole."""
    answers = scene.stream(nothing)
    await scene.say("dana", f"my password is hunter2. {QUESTION}")
    assert answers.shown == [False]
    assert [message.versions for message in scene.messages()] == [1, 1]


async def test_in_a_private_matter_nothing_is_streamed_and_no_model_is_asked(scene: Scene) -> None:
    await scene.say("dana", "I am being harassed by a colleague")
    answers = scene.stream(nothing)
    await scene.say("dana", QUESTION)
    assert answers.tries == 0
    assert all("…" not in message.reply.text for message in scene.messages() if message.reply is not None)


async def test_the_audit_says_of_every_answer_what_served(scene: Scene) -> None:
    await scene.say("dana", QUESTION)
    events = await _audited(scene, "answered")
    assert [(one["kind"], one["engine"], one["model"], one["prompt"]) for one in events] == [
        ("answered", "assisted", "scripted-large", "answer-1")
    ]
    assert events[0]["articles"]
    assert events[0]["models"] == ["scripted-small", "scripted-large"]
    assert not any(part.split()[0] in str(events) for part in PARTS)


async def _audited(scene: Scene, event: str) -> list[Any]:
    async with scene.company.app.sessions() as session:
        rows = await session.execute(select(audit_event.c.data).where(audit_event.c.event == event).order_by(audit_event.c.id))
        return [row.data for row in rows]
