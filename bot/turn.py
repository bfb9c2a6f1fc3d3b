"""One turn of a conversation: hear, understand, respond, save. Thinks outside any transaction, saves in one short one."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import astuple, dataclass, replace

import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from bot.answer_log import served
from bot.assistance import Patience
from bot.changes import Audited, Changes, Post, Saver
from bot.conversation.memory import Memory
from bot.conversation.model import AwaitsChoice, AwaitsInvitation
from bot.conversation.store import ConversationMoved
from bot.front_page import FrontPage
from bot.handoff.desk import Desk, Topic
from bot.handoff.model import HandoffState
from bot.handoff.store import HandoffMoved, HandoffStore
from bot.hearing import Hearing
from bot.intake import Inbox, Received
from bot.intent import model as steps
from bot.intent.router import route
from bot.live_answers import LiveAnswer
from bot.metrics import Metrics
from bot.outages import given_up
from bot.people import PeopleStore, Unresolved
from bot.presses import Presses
from bot.rate import RateLimit
from bot.responses import Responder
from bot.rooms import Rooms
from bot.second_thoughts import SecondThoughts
from bot.shortcuts import Shortcuts
from bot.talk import Talk, Talks
from bot.teaching.proposing import Teacher
from bot.thinking import Thinking
from bot.threads import Threads
from bot.under_cards import UnderCards
from bot.words import Words
from connectors.errors import ConnectorError, Retry
from connectors.ports.chat import HOME_PAGE, OWN_CHAT, Activity, ActivityKind, Heard, Reply, ReplyKind
from connectors.ports.messages import Messages, Reader
from connectors.ports.people import Person
from connectors.ports.records import Clock, new_id
from connectors.ports.secrets import REMOVED
from specialists.skill import SkillSpec
from specialists.store import Conflict

log = structlog.get_logger()
UNCLEAR = (steps.OfferHuman, steps.Say, steps.DeclineHuman)
"""Steps that a summons, or words which may be meant for somebody else, need not be answered with."""
UNASKED = (ActivityKind.OPENED, ActivityKind.RATED)
"""Kinds that nobody waits for an answer to."""
MOVED = (ConversationMoved, HandoffMoved, Conflict)
TRIES = 5
"""How often a turn is thought again because somebody else saved first."""


@dataclass(frozen=True, slots=True)
class TurnHandler:
    """`offline` understands what is only overheard: no language model reads that. `patience`: None where there is none."""

    inbox: Inbox
    people: PeopleStore
    threads: Threads
    handoffs: HandoffStore
    memory: Memory
    recognizer: steps.Understands
    offline: steps.Understands
    specs: dict[str, SkillSpec]
    responder: Responder
    presses: Presses
    shortcuts: Shortcuts
    front_page: FrontPage
    desk: Desk
    hearing: Hearing
    second_thoughts: SecondThoughts
    under_cards: UnderCards
    rooms: Rooms
    talks: Talks
    thinking: Thinking
    topic: Topic
    teacher: Teacher
    saver: Saver
    messages: Messages
    rate: RateLimit
    metrics: Metrics
    clock: Clock
    timeout: float
    default_reader: Reader
    patience: Patience | None = None

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

    async def give_up(self, received: Received, error: Exception | None) -> None:
        """Never silent: after the last failure the person is told, and what they said is kept. `error`: what broke it, if that is known."""
        activity, live = received.activity, self._live(received)
        changes = Changes()
        if activity.addressed and activity.kind not in UNASKED:
            words = Words(self.messages, self.default_reader)
            with suppress(Exception):  # the directory may be what is broken
                if isinstance(person := await self.people.resolve(activity.sender), Person):
                    words = Words.for_person(self.messages, person)
            told = self._to_sender(activity, Reply(new_id(), ReplyKind.NOTICE, words(given_up(error))))
            if live is None or not live.takes(told, ()):
                changes.posts.append(told)
        self._settle(live, changes)

        async def finish(session: AsyncSession) -> None:
            await self.inbox.mark(session, received.seq, "failed")
            await self.people.saw(session, activity.sender)

        changes.inside.append(finish)
        await self.saver.save(changes)
        log.error("turn_given_up", seq=received.seq, code=error.code if isinstance(error, ConnectorError) else None)

    async def _turn(self, received: Received) -> None:
        live = self._live(received)
        try:
            await self._think(received, live)
        finally:
            if live is not None:
                live.leave()

    async def _think(self, received: Received, live: LiveAnswer | None) -> None:
        activity, changes = await self.hearing.complete(received.activity), Changes()
        concerned = await self._respond(activity, changes, received, live)
        if not concerned:
            changes = Changes()
        self._settle(live, changes)

        async def finish(session: AsyncSession) -> None:
            if not await self.inbox.mark(session, received.seq, "done" if concerned else "overheard"):
                raise AlreadyHandled(received.seq)
            if (activity.kind, activity.target) != (ActivityKind.OPENED, OWN_CHAT):  # to have it installed is no use of it
                await self.people.saw(session, activity.sender)

        changes.inside.insert(0, finish)
        try:
            await self.saver.save(changes)
        except AlreadyHandled:
            log.info("turn_handled_before", seq=received.seq)

    def _live(self, received: Received) -> LiveAnswer | None:
        return self.patience.answers.of(received.activity) if self.patience is not None else None

    def _settle(self, live: LiveAnswer | None, changes: Changes) -> None:
        if live is not None:
            live.settle(changes, Words(self.messages, self.default_reader)("answer.broken"))

    async def _respond(self, activity: Activity, changes: Changes, received: Received, live: LiveAnswer | None) -> bool:
        """False when it was none of the bot's business."""
        person = await self.people.resolve(activity.sender)
        if isinstance(person, Unresolved) and person.standing == "bot":
            return False  # two bots that answer each other never stop
        if not isinstance(person, Person) or not person.active:
            if activity.addressed and activity.kind is not ActivityKind.RATED and self.rate.allows("/".join(astuple(activity.sender))):
                self._stranger(activity, "gone" if isinstance(person, Person) else person.standing, changes)
            return activity.addressed
        if live is not None:
            live.otherwise = Words.for_person(self.messages, person)("answer.broken")
        if activity.addressed and activity.kind is not ActivityKind.OPENED and not self.rate.allows(person.id):
            if activity.kind in UNASKED:
                return False
            # A form that stands open waits for words in any case.
            if activity.surface is not None or self.rate.tells(person.id, replace(activity.address, thread=None), activity.id):
                text = Words.for_person(self.messages, person)("turn.too_fast")
                changes.posts.append(self._to_sender(activity, Reply(new_id(), ReplyKind.NOTICE, text)))
            return True
        now = self.clock()
        place = await self.threads.place(activity, person, now)
        talk = await self.talks.open(activity.id, person, place.conversation, now, changes, activity.sender, place.heard)
        talk.began = activity.text
        if self.patience is not None:
            talk.behalf = await self.patience.behalf(talk, (now - received.at).total_seconds())
            talk.live = live if not place.begins else None
        if not await self.thinking.within(self.timeout, self._take_part(activity, talk)):
            return False
        self.hearing.finish(talk)
        await self.front_page.follow(changes)
        if place.begins:
            await self.threads.begin(activity, talk)
        # What comes of a press may be said inside the transaction only.
        pressed = activity.kind is ActivityKind.ACTION and not place.begins
        if talk.conversation.version > 0 or pressed or self._came_of_it(talk):
            changes.conversations.append(talk.conversation)
        return True

    @staticmethod
    def _came_of_it(talk: Talk) -> bool:
        """Whether there is something to remember of a conversation that is not kept yet."""
        changes = talk.changes
        said = any(event.conversation_id == talk.conversation.id for event in changes.transcript)
        return said or bool(changes.requests or changes.handoffs)

    async def _take_part(self, activity: Activity, talk: Talk) -> bool:
        """False when it was only overheard and is none of the bot's business."""
        match activity.kind:
            case ActivityKind.OPENED:
                await self.front_page.opened(talk, activity)
                return True
            case ActivityKind.SHORTCUT:
                await self.shortcuts.used(talk, activity)
                return True
            case ActivityKind.ACTION if activity.press is not None:
                await self.desk.keep_private(talk)
                meant = await self.presses.press(talk, activity.press, activity.surface)
                if meant is not None:
                    talk.conversation = replace(talk.conversation, engaged=True)
                    await self._answer(meant, talk)
                return True
            case ActivityKind.MARKED:
                await self._marked(activity, talk)
                return True
            case ActivityKind.STOPPED:
                await self.second_thoughts.stopped(talk)
                return True
            case ActivityKind.RATED:
                return await self.presses.rated(talk, activity)
            case ActivityKind.DELETED if not await self._has_come(activity):
                self._stand_in(activity, talk)  # what is deleted already is nothing to act on when it comes
                return True
            case ActivityKind.DELETED:
                if not await self.desk.deleted(talk, activity):
                    await self.second_thoughts.deleted(talk, activity)
                return True
            case ActivityKind.EDITED if await self._has_come(activity):
                if await self.desk.edited(talk, activity, self.topic):
                    return True
                if await self.second_thoughts.edited(talk, activity):
                    await self._answer(activity.text, talk)
                return True
            case ActivityKind.EDITED:
                # It came before the message that it edits, and says all that the message says.
                self._stand_in(activity, talk)
                return await self._said(replace(activity, kind=ActivityKind.MESSAGE, id=activity.target or activity.id), talk)
            case _:
                return await self._said(activity, talk)

    async def _has_come(self, change: Activity) -> bool:
        """Whether the message that was edited or deleted was heard before."""
        return await self.inbox.received_at(change.address, change.target or "") is not None

    def _stand_in(self, change: Activity, talk: Talk) -> None:
        async def stand_in(session: AsyncSession) -> None:
            await self.inbox.stand_in(session, change)

        talk.changes.inside.append(stand_in)

    async def _said(self, activity: Activity, talk: Talk) -> bool:
        at_desk = await self.handoffs.at_desk(talk.conversation.address)
        if at_desk is not None and at_desk.person_id != talk.person.id:
            await self.hearing.take_files(talk, activity)
            await self.desk.hear(talk, at_desk, activity.text)
            return True
        if at_desk is None and await self.desk.commands.refused(talk, activity.text):
            return True
        if at_desk is None and not activity.addressed and self.rooms.is_desk(activity.address):
            await self._wait_for_card(activity)
        mode = self.rooms.mode(activity.address) if talk.alone is not None else "mention"
        known = talk.conversation.engaged
        if activity.for_others and not activity.addressed:
            return False
        if not activity.addressed and not known:
            return mode == "questions" and not activity.in_thread and await self._offered(activity, talk)
        if mode == "off":
            self._switched_off(activity, talk)
            return activity.addressed
        talk.conversation = replace(talk.conversation, engaged=True)
        await self.desk.keep_private(talk)
        before = await self.hearing.before(talk, activity) if activity.in_thread and not known and talk.alone is not None else ()
        await self.hearing.take_files(talk, activity)
        talk.hear(activity.text, activity.id)
        handoff = await self.desk.running(talk)
        if handoff is not None and await self.desk.left_alone(handoff):
            await self.desk.release(talk, handoff)
            handoff = await self.desk.running(talk)
        if handoff is not None and handoff.state is HandoffState.CLAIMED:
            if talk.live is not None:
                talk.live.otherwise = talk.words("answer.claimed")
            topic = None if handoff.sensitive is not None else await self.topic(talk, activity.text)
            if topic is None:
                await self.desk.relay(talk, handoff, activity.text)
            else:
                await self.desk.open(talk, "sensitive", sensitive=topic)
            return True
        if talk.files and not activity.text.strip():
            talk.say(ReplyKind.NOTICE, talk.words("say.file.kept", names=tuple(file.name for file in talk.files)))
        else:
            await self._answer(activity.text, talk, overheard=not activity.addressed, before=before)
        if handoff is not None and handoff.open:
            await self.desk.follow(talk, handoff)
        return True

    async def _wait_for_card(self, activity: Activity) -> None:
        """Words in a room of staff may belong to a card that stands there already, though that is not known here yet."""
        if await self.second_thoughts.outbox.undelivered([activity.address.room]):
            raise Retry("desk_card_under_way", after=1.0)

    def _switched_off(self, activity: Activity, talk: Talk) -> None:
        if activity.addressed:
            talk.changes.posts.append(self._to_sender(activity, Reply(new_id(), ReplyKind.NOTICE, talk.words("room.off"))))

    async def _marked(self, activity: Activity, talk: Talk) -> None:
        if talk.alone is not None and self.rooms.mode(activity.address) == "off":
            self._switched_off(activity, talk)
            return
        if activity.about is None:
            talk.say(ReplyKind.NOTICE, talk.words("shortcut.gone"), personal=True)
            return
        meant = await self.shortcuts.marked(talk, activity.about)
        if meant is not None:
            talk.conversation = replace(talk.conversation, engaged=True)
            await self._answer(meant, talk)

    async def _offered(self, activity: Activity, talk: Talk) -> bool:
        """Nobody asked the bot, but it may answer questions in this room: only with what an article says."""
        recognition = await self.offline.recognize(activity.text, await self.memory.recall(talk))
        if recognition.sensitive is not None or [wish.act for wish in recognition.wishes] != ["question"]:
            return False
        talk.hear(activity.text, activity.id)
        talk.conversation = replace(talk.conversation, engaged=True)
        return await self.responder.quoted(talk, activity.text, None, recognition.vector)

    async def _answer(self, text: str, talk: Talk, *, overheard: bool = False, before: Sequence[Heard] = ()) -> None:
        """The heart: what was meant, and a reply to each part of it.

        `overheard`: a follow-up without a mention, which may be meant for somebody else. `before`: the thread that the bot was
        called into: where the summons itself says nothing, it is about that.
        """
        recall = await self.memory.recall(talk)
        recognition = await self.recognizer.recognize(text, recall)
        route_taken = route(recognition, recall, self.specs)
        if await self.under_cards.meant(talk, recognition, route_taken):
            return
        unclear = recognition.perhaps is None and all(isinstance(step, UNCLEAR) for step in route_taken)
        if overheard and unclear and all(isinstance(item, AwaitsInvitation) for item in recall.awaits):
            return
        if before and (unclear or all(isinstance(step, steps.Answer) for step in route_taken)):
            if not unclear and await self.responder.quoted(talk, text, None, recognition.vector):
                return
            if await self._about_before(talk, before):
                return
        talk.confidence = max((confidence_of(wish) for wish in recognition.wishes), default=None)
        self._audit(talk, recognition, route_taken)
        talk.conversation = talk.conversation.passing_over(recall.unseen)
        if REMOVED in text:
            talk.say(ReplyKind.NOTICE, talk.words("say.secret"), personal=True)
        alone = len(route_taken) == 1
        offered = next((item for item in recall.awaits[:1] if isinstance(item, AwaitsChoice)), None)
        for step in route_taken:
            await self.responder.respond(talk, step, recognition.vector if alone else None)
            await self.teacher.follow(talk, step, offered if alone else None, recognition.vector if alone else None)
        await self.responder.dialogue.remind(talk)

    async def _about_before(self, talk: Talk, before: Sequence[Heard]) -> bool:
        """What the person said in the thread before they called is theirs, and understood as such. What others said is data: at
        most an article answers it.
        """
        own = [heard.text for heard in before if talk.reader is not None and heard.author == talk.reader]
        if own:
            await self._answer(own[-1], talk)
            return True
        return await self.responder.quoted(talk, before[0].text, None, None)

    def _stranger(self, activity: Activity, standing: str, changes: Changes) -> None:
        log.warning("stranger_refused", channel=activity.sender.channel, standing=standing)
        words = Words(self.messages, self.default_reader)
        key = f"turn.{standing}" if self.messages.has(f"turn.{standing}") else "turn.stranger"
        kind = ReplyKind.HOME if activity.kind is ActivityKind.OPENED else ReplyKind.REFUSAL
        if kind is ReplyKind.REFUSAL or activity.target == HOME_PAGE:
            changes.posts.append(self._to_sender(activity, Reply(new_id(), kind, words(key))))

    def _to_sender(self, activity: Activity, reply: Reply) -> Post:
        """To whoever spoke; in a room of several people to them alone."""
        shared = self.rooms.is_shared(activity.address)
        return Post(activity.address, replace(reply, only_for=activity.sender.external_id if shared else None, surface=activity.surface))

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
                    "sensitive": recognition.sensitive is not None or recognition.perhaps is not None,
                    **served(recognition.engine.model, recognition.engine.prompt, recognition.engine.fell_back),
                },
                private=None if recognition.sensitive or recognition.perhaps else {"text": recognition.utterance[:2000]},
            )
        )


class AlreadyHandled(Exception):
    """A redelivery, or a turn that was committed before a crash."""


def confidence_of(wish: steps.Wish) -> float:
    """In having understood what is wanted: being certain that it is unclear is none."""
    likely = max((confidence for _, confidence in wish.alternatives), default=0.0)
    return likely if wish.act == "unclear" else wish.confidence
