"""One turn of a conversation: hear, understand, respond, save. Thinks outside any transaction, saves in one short one."""

import asyncio
from collections.abc import Coroutine
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from bot.changes import Audited, Changes, Post, Saver
from bot.conversation.memory import Memory
from bot.conversation.store import ConversationMoved, ConversationStore
from bot.handoff.desk import Desk
from bot.handoff.model import HandoffState
from bot.handoff.store import HandoffMoved, HandoffStore
from bot.intake import Inbox, Received
from bot.intent import model as steps
from bot.intent.recognizer import Recognizer
from bot.intent.router import route
from bot.metrics import Metrics
from bot.people import PeopleStore, Unresolved
from bot.presses import Presses
from bot.rate import RateLimit
from bot.responses import Responder
from bot.talk import Talk
from bot.words import Words
from connectors.ports.chat import Activity, ActivityKind, Reply, ReplyKind
from connectors.ports.messages import Messages, Reader
from connectors.ports.people import Person
from connectors.ports.records import Clock, new_id
from connectors.ports.secrets import REMOVED
from specialists.skill import SkillSpec
from specialists.store import Conflict

log = structlog.get_logger()
MOVED = (ConversationMoved, HandoffMoved, Conflict)
TRIES = 5
"""How often a turn is thought again because somebody else saved first."""


@dataclass(frozen=True, slots=True)
class TurnHandler:
    inbox: Inbox
    people: PeopleStore
    conversations: ConversationStore
    handoffs: HandoffStore
    memory: Memory
    recognizer: Recognizer
    specs: dict[str, SkillSpec]
    responder: Responder
    presses: Presses
    desk: Desk
    saver: Saver
    messages: Messages
    rate: RateLimit
    metrics: Metrics
    clock: Clock
    timeout: float
    default_reader: Reader

    async def handle(self, received: Received) -> None:
        """Raises what the turn raised: the inbox tries again, then gives up with an answer."""
        started = self.metrics.now()
        for attempt in range(1, TRIES + 1):
            try:
                await self._turn(received)
                break
            except MOVED:
                if attempt == TRIES:
                    raise
                log.info("turn_thought_again", seq=received.seq, attempt=attempt)
        self.metrics.turn(started)

    async def give_up(self, received: Received) -> None:
        """Never silent: after the last failure the person is told, and what they said is kept."""
        activity = received.activity
        words = Words(self.messages, self.default_reader)
        with suppress(Exception):  # the directory may be what is broken
            if isinstance(person := await self.people.resolve(activity.sender), Person):
                words = Words.for_person(self.messages, person)
        reply = Reply(new_id(), ReplyKind.NOTICE, words("turn.failed"))
        changes = Changes(posts=[Post(activity.address, reply)])

        async def finish(session: AsyncSession) -> None:
            await self.inbox.mark(session, received.seq, "failed")

        changes.inside.append(finish)
        await self.saver.save(changes)
        log.error("turn_given_up", seq=received.seq)

    async def _turn(self, received: Received) -> None:
        activity = received.activity
        changes = Changes()

        async def finish(session: AsyncSession) -> None:
            if not await self.inbox.mark(session, received.seq, "done"):
                raise AlreadyHandled(received.seq)
            await self.people.saw(session, activity.sender)

        changes.inside.append(finish)
        person = await self.people.resolve(activity.sender)
        if isinstance(person, Unresolved) or not person.active:
            self._refuse(activity, person.standing if isinstance(person, Unresolved) else "gone", changes)
        elif not self.rate.allows(person.id):
            changes.posts.append(
                Post(activity.address, Reply(new_id(), ReplyKind.NOTICE, Words.for_person(self.messages, person)("turn.too_fast")))
            )
        else:
            talk = await self._talk(activity, person, changes)
            await within(self.timeout, self._take_part(activity, talk))
            changes.conversations.append(talk.conversation)
        try:
            await self.saver.save(changes)
        except AlreadyHandled:
            log.info("turn_handled_before", seq=received.seq)

    async def _talk(self, activity: Activity, person: Person, changes: Changes) -> Talk:
        address = activity.address if activity.address.thread else replace(activity.address, thread=activity.id)
        now = self.clock()
        conversation = await self.conversations.load(address, person.id, now)
        return Talk(activity.id, person, conversation, Words.for_person(self.messages, person), now, changes)

    async def _take_part(self, activity: Activity, talk: Talk) -> None:
        if activity.kind is ActivityKind.ACTION and activity.press is not None:
            await self.desk.keep_private(talk)
            meant = await self.presses.press(talk, activity.press)
            if meant is not None:
                await self._answer(replace(activity, text=meant), talk)
            return
        if activity.kind is not ActivityKind.MESSAGE:
            log.info("activity_ignored", kind=activity.kind)
            return
        at_desk = await self.handoffs.at_desk(talk.conversation.address)
        if at_desk is not None and at_desk.person_id != talk.person.id:
            await self.desk.hear(talk, at_desk, activity.text)
            return
        await self.desk.keep_private(talk)
        talk.hear(activity.text)
        handoff = await self.desk.running(talk)
        if handoff is not None and await self.desk.left_alone(handoff):
            await self.desk.release(talk, handoff)
            handoff = await self.desk.running(talk)
        if handoff is not None and handoff.state is HandoffState.CLAIMED:
            topic = None if handoff.sensitive is not None else await self._sensitive(activity, talk)
            if topic is None:
                await self.desk.relay(talk, handoff, activity.text)
            else:
                await self.desk.open(talk, "sensitive", sensitive=topic)
            return
        await self._answer(activity, talk)
        if handoff is not None and handoff.open:
            await self.desk.follow(talk, handoff)

    async def _sensitive(self, activity: Activity, talk: Talk) -> str | None:
        """The topic of what must not reach whoever claimed an ordinary handoff."""
        return (await self.recognizer.recognize(activity.text, await self.memory.recall(talk))).sensitive

    async def _answer(self, activity: Activity, talk: Talk) -> None:
        """The heart: what was meant, and a reply to each part of it."""
        recall = await self.memory.recall(talk)
        recognition = await self.recognizer.recognize(activity.text, recall)
        route_taken = route(recognition, recall, self.specs)
        talk.confidence = max((confidence_of(wish) for wish in recognition.wishes), default=None)
        self._audit(talk, recognition, route_taken)
        talk.conversation = talk.conversation.passing_over()
        if REMOVED in activity.text:
            talk.say(ReplyKind.NOTICE, talk.words("say.secret"))
        alone = len(route_taken) == 1
        for step in route_taken:
            await self.responder.respond(talk, step, recognition.vector if alone else None)
        await self.responder.dialogue.remind(talk)

    def _refuse(self, activity: Activity, standing: str, changes: Changes) -> None:
        log.warning("sender_refused", channel=activity.sender.channel, standing=standing)
        if standing != "bot":  # two bots would never stop
            reply = Reply(new_id(), ReplyKind.REFUSAL, Words(self.messages, self.default_reader)(f"turn.{standing}"))
            changes.posts.append(Post(activity.address, reply))

    def _audit(self, talk: Talk, recognition: steps.Recognition, route_taken: tuple[steps.Step, ...]) -> None:
        """What was understood and decided. The words are encrypted under the person's key; sensitive ones are not kept at all."""
        talk.changes.audited.append(
            Audited(
                "observation",
                "message_understood",
                talk.person.id,
                {
                    "conversation": talk.conversation.id,
                    "wishes": [{"act": w.act, "skill": w.skill, "confidence": round(w.confidence, 3)} for w in recognition.wishes],
                    "steps": [type(step).__name__ for step in route_taken],
                    "sensitive": recognition.sensitive is not None,
                    "engine": "offline",
                },
                private=None if recognition.sensitive else {"text": recognition.utterance[:2000]},
            )
        )


async def within(seconds: float, thinking: Coroutine[Any, Any, None]) -> None:
    """Waits so long and no longer. What is late is left to end by itself, since a transaction that is cut off may keep its lock.

    Nothing comes of it: only what is waited for is saved. Raises TimeoutError.
    """
    task = asyncio.create_task(thinking)
    done, _ = await asyncio.wait({task}, timeout=seconds)
    if not done:
        _late.add(task)
        task.add_done_callback(_late.discard)
        raise TimeoutError
    task.result()


_late: set[asyncio.Task[None]] = set()


class AlreadyHandled(Exception):
    """A redelivery, or a turn that was committed before a crash."""


def confidence_of(wish: steps.Wish) -> float:
    """In having understood what is wanted: being certain that it is unclear is none."""
    likely = max((confidence for _, confidence in wish.alternatives), default=0.0)
    return likely if wish.act == "unclear" else wish.confidence
