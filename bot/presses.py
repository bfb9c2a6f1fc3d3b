"""A pressed button. Its opaque id says what was meant; who may is checked on the person whom the channel verified."""

from dataclasses import dataclass, replace

import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from bot.buttons import Buttons, Pressed, Verb
from bot.cards import receipt, status_card, titled
from bot.changes import Audited, Post
from bot.conversation.model import AwaitsChoice, AwaitsHandoffAnswer
from bot.conversation.store import ConversationStore
from bot.feedback import Feedback
from bot.forms import Forms, show
from bot.front_page import FrontPage
from bot.handoff.desk import Desk
from bot.handoff.model import Command, Handoff
from bot.handoff.store import HandoffStore
from bot.held import shown_already
from bot.intent import model as steps
from bot.outbox import Outbox
from bot.responses import Responder
from bot.shortcuts import Shortcuts
from bot.talk import Talk, Talks
from bot.teaching.proposing import Teacher
from bot.words import Words
from connectors.ports.chat import Activity, Press, Reply, ReplyKind
from connectors.ports.records import new_id
from specialists.approvals import AlreadyDecided, Decided, Expired, Judgement, NotYours, OwnRequest, Verdict
from specialists.fulfilment import Fulfilment
from specialists.request import COMPOSED, EventKind, Request

log = structlog.get_logger()

_REQUEST_VERBS = {
    Verb.CONFIRM,
    Verb.DECLINE,
    Verb.CANCEL,
    Verb.UNDO,
    Verb.SOLVED,
    Verb.NOT_SOLVED,
    Verb.WANT_PERSON_FOR,
    Verb.FILL_FORM,
    Verb.SEND_FORM,
    Verb.SHOW,
}
_BELONG_TO_THEIR_THREAD = {Verb.CONFIRM, Verb.DECLINE, Verb.WANT_PERSON_FOR, Verb.FILL_FORM, Verb.SEND_FORM}
_DESK_VERBS = {
    Verb.CLAIM: Command.CLAIM,
    Verb.NOTE: Command.NOTE,
    Verb.REPLY: Command.REPLY,
    Verb.ASSIGN: Command.ASSIGN,
    Verb.RESOLVE: Command.RESOLVE,
    Verb.RETURN: Command.RETURN,
}
_CHOICES = (Verb.CHOOSE_FIRST, Verb.CHOOSE_SECOND, Verb.CHOOSE_THIRD)


@dataclass(frozen=True, slots=True)
class Presses:
    buttons: Buttons
    responder: Responder
    conversations: ConversationStore
    handoffs: HandoffStore
    desk: Desk
    fulfilment: Fulfilment
    talks: Talks
    forms: Forms
    front_page: FrontPage
    shortcuts: Shortcuts
    feedback: Feedback
    teacher: Teacher
    outbox: Outbox

    async def rated(self, talk: Talk, activity: Activity) -> bool:
        """A message of the bot was rated: as if the button under it had been pressed. False when it has none."""
        said = await self.outbox.said_as(activity.address, activity.target or "")
        feedback = said[0].feedback if said is not None else None
        if feedback is None or activity.liked is None:
            return False
        await self.press(talk, Press((feedback.up if activity.liked else feedback.down).id, activity.text))
        return True

    async def press(self, talk: Talk, press: Press, surface: str | None = None) -> str | None:
        """What the press stands for when it only saves typing, to be understood as said (it is heard already); None when it is
        done with. `surface`: the empty form that the channel opened for the answer.
        """
        pressed = self.buttons.read(press.action_id)
        if pressed is None:
            show(talk, surface, Reply(new_id(), ReplyKind.NOTICE, talk.words("press.unknown")))
            return None
        talk.changes.audited.append(
            Audited("observation", "button_pressed", talk.person.id, {"verb": pressed.verb.name.lower(), "subject": pressed.subject})
        )
        typed = press.text.strip()
        match pressed.verb:
            case Verb.APPROVE | Verb.DENY:
                await self._decide(talk, pressed, typed)
            case Verb.TEACH:
                await self._teach(talk, pressed, press, surface)
            case verb if verb in _DESK_VERBS:
                await self._at_desk(talk, pressed, typed)
            case Verb.RECALL:
                await self.desk.recall(talk, pressed.subject)
            case verb if verb in _REQUEST_VERBS:
                await self._about_request(talk, pressed, press, surface)
            case verb if verb in _CHOICES:
                return await self._chosen(talk, pressed)
            case Verb.WANT_PERSON | Verb.NO_PERSON | Verb.JOIN | Verb.LEAVE:
                return await self._in_conversation(talk, pressed, typed)
            case Verb.HELPFUL | Verb.NOT_HELPFUL:
                await self.feedback.given(talk, pressed.subject, pressed.verb is Verb.HELPFUL, typed)
            case Verb.START:
                await self.forms.start(talk, pressed.subject, press.values, surface)
            case Verb.CREATE_REQUEST:
                return await self.shortcuts.requested(talk, press.values)
            case Verb.ADD_ARTICLE:
                await self.shortcuts.added(talk, pressed.subject, press.values)
            case Verb.PUBLISH:
                await self.shortcuts.published(talk, pressed.subject)
            case _:
                talk.say(ReplyKind.NOTICE, talk.words("press.unknown"))
        return None

    async def _decide(self, talk: Talk, pressed: Pressed, reason: str) -> None:
        verdict: Verdict = "approved" if pressed.verb is Verb.APPROVE else "denied"
        if verdict == "denied" and not reason:
            talk.say(ReplyKind.NOTICE, talk.words("approval.needs_reason"))
            return

        on_page = _on_page(talk)
        here = replace(talk.alone or talk.conversation.address, thread=None)
        pageless = on_page and not self.front_page.channels[here.channel].capabilities.home
        told: list[str] = []

        # Inside the transaction: the row decides which click was first, and the words follow from that.
        async def decide(session: AsyncSession) -> None:
            judgement = await self.fulfilment.decide_approval(session, pressed.subject, talk.person, verdict, reason, talk.now)
            kind, text = await self._judged(talk.words, judgement, verdict)
            told.append(text)
            if pageless:  # a form that was sent: no conversation begins with it
                talk.changes.posts.append(Post(here, Reply(new_id(), kind, text), None, talk.person.id))
            elif not on_page:
                talk.say(kind, text, request=judgement.request if isinstance(judgement, Decided) else None)

        talk.changes.inside.append(decide)
        if on_page:
            await self.front_page.redraw(talk.changes, talk.person, notice=lambda: " ".join(told), decided={pressed.subject})

    async def _judged(self, words: Words, judgement: Judgement, verdict: Verdict) -> tuple[ReplyKind, str]:
        match judgement:
            case Decided(_, request):
                return ReplyKind.NOTICE, words(f"approval.you_{verdict}", case=request.case)
            case AlreadyDecided(before, by, at):
                name = await self._name(by)
                key = f"approval.already.{before}" if name or before in ("expired", "withdrawn") else "approval.already.closed"
                return ReplyKind.NOTICE, words(key, by=name, at=at) if at is not None else words("approval.already.closed")
            case OwnRequest():
                return ReplyKind.REFUSAL, words("approval.own")
            case Expired(at):
                return ReplyKind.NOTICE, words("approval.already.expired", by="", at=at)
            case NotYours():
                return ReplyKind.REFUSAL, words("approval.not_yours")

    async def _name(self, person_id: str | None) -> str:
        person = await self.desk.people.get(person_id) if person_id is not None else None
        return person.name if person is not None else ""

    async def _at_desk(self, talk: Talk, pressed: Pressed, text: str) -> None:
        handoff = await self.handoffs.get(pressed.subject)
        if handoff is None:
            talk.say(ReplyKind.NOTICE, talk.words("press.unknown"))
            return
        moved = await self._to_desk(talk, handoff)
        await self.desk.command(talk, handoff, _DESK_VERBS[pressed.verb], text)
        if moved:
            await self.front_page.redraw(talk.changes, talk.person)

    async def _to_desk(self, talk: Talk, handoff: Handoff) -> bool:
        """Pressed on the home page, or sent in a form: what is said of it is said where staff work on it."""
        thread = await self.desk.board.thread(handoff) if _on_page(talk) else None
        if thread is None:
            return False
        there = await self.conversations.load(thread, talk.person.id, talk.now)
        moved = await self.talks.open(talk.id, talk.person, there, talk.now, talk.changes)
        talk.conversation, talk.reader, talk.alone = there, moved.reader, moved.alone
        return True

    async def _teach(self, talk: Talk, pressed: Pressed, press: Press, surface: str | None) -> None:
        """What it should have been understood as: by a form where there are any, else typed."""
        handoff = await self.handoffs.get(pressed.subject)
        if handoff is None:
            show(talk, surface, Reply(new_id(), ReplyKind.NOTICE, talk.words("press.unknown")))
        elif press.values:
            await self._to_desk(talk, handoff)
            talk.say(ReplyKind.NOTICE, await self.teacher.sent(talk, handoff, press.values), personal=True)
        elif surface is not None:
            show(talk, surface, await self.teacher.form(talk, handoff))
        else:
            await self._to_desk(talk, handoff)
            await self.desk.command(talk, handoff, Command.TEACH, press.text.strip())

    async def _about_request(self, talk: Talk, pressed: Pressed, press: Press, surface: str | None) -> None:
        request = await self.responder.requests.get(pressed.subject)
        if request is None or request.requester_id != talk.person.id:
            show(talk, surface, Reply(new_id(), ReplyKind.REFUSAL, talk.words("request.not_yours")))
            return
        if pressed.verb is not Verb.SHOW or request.state in COMPOSED:
            request = await self.responder.dialogue.brought(talk, request)
        on_page = _on_page(talk) and pressed.verb is not Verb.SHOW
        shown_here = pressed.verb is Verb.FILL_FORM and surface is not None
        if (on_page or pressed.verb in _BELONG_TO_THEIR_THREAD) and not shown_here:
            # A button may be pressed elsewhere than in the thread that it belongs to: the answer goes to the latter.
            await self._move(talk, request.conversation_id)
        dialogue = self.responder.dialogue
        match pressed.verb:
            case Verb.FILL_FORM:
                await self.forms.wanted(talk, request, surface)
            case Verb.SEND_FORM:
                await self.forms.sent(talk, request, press.values)
            case Verb.SHOW if request.state in COMPOSED and await self._move(talk, request.conversation_id):
                # It waits for an answer: the question is asked again, where it can be answered.
                talk.began = talk.words("request.line", case=request.case, title=titled(request, talk.words))
                await dialogue.advance(talk, request)
            case Verb.SHOW:
                await self._show(talk, request)
            case Verb.CONFIRM | Verb.DECLINE:
                await dialogue.confirm(talk, request, pressed.verb is Verb.CONFIRM)
            case Verb.CANCEL:
                await dialogue.cancel(talk, request)
            case Verb.UNDO:
                await dialogue.undo(talk, request)
            case Verb.WANT_PERSON_FOR:
                if not await self._has_it(talk):
                    await self.desk.open(talk, "asked", request=request)
            case _:
                await dialogue.solved(talk, request, pressed.verb is Verb.SOLVED)

    async def _show(self, talk: Talk, request: Request) -> None:
        """The live card, or what came of it."""
        story = await self.responder.dialogue.story(request)
        talk.began = talk.words("request.line", case=request.case, title=talk.words.of_skill(request, "title"))
        if story.last(EventKind.COMPLETED) is not None:
            card_key = f"receipt:{request.id}"
            talk.changes.inside.append(shown_already(card_key, talk.person.id))
            talk.post(receipt(story, talk.words, self.buttons, new_id()), card_key=card_key, about=(request,))
        else:
            talk.post(status_card(story, talk.words, self.buttons, new_id()), card_key=f"request:{request.id}", about=(request,))

    async def _move(self, talk: Talk, conversation_id: str) -> bool:
        """Goes on in another conversation of this person; where that is on another platform, it is said where they are."""
        if conversation_id == talk.conversation.id:
            return True
        home = await self.conversations.get(conversation_id)
        if home is None or home.person_id != talk.person.id:
            return False
        here, there = talk.conversation.address, home.address
        same = (here.channel, here.tenant) == (there.channel, there.tenant)
        reader = talk.reader if same else None
        if not same:
            self._say_elsewhere(talk)
        moved = await self.talks.open(talk.id, talk.person, home, talk.now, talk.changes, reader)
        talk.conversation, talk.reader, talk.alone = home, moved.reader, moved.alone
        await self.desk.keep_private(talk)
        return True

    @staticmethod
    def _say_elsewhere(talk: Talk) -> None:
        """To whoever pressed, where they did; it is no part of any conversation."""
        in_own = talk.alone if talk.apart else None
        among_others = talk.reader if talk.alone is not None and in_own is None else None
        here = talk.conversation.address
        address = in_own or replace(here, thread=None if _on_page(talk) else here.thread)
        only_for = among_others.external_id if among_others is not None else None
        notice = Reply(new_id(), ReplyKind.NOTICE, talk.words("press.elsewhere"), only_for=only_for)
        talk.changes.posts.append(Post(address, notice, None, talk.person.id))

    async def _has_it(self, talk: Talk) -> bool:
        """Whether somebody has claimed the conversation; then that is said instead."""
        running = await self.desk.running(talk)
        if running is None or running.claimed_by is None:
            return False
        text = talk.words("handoff.has_it", case=running.case, name=await self._name(running.claimed_by))
        talk.say(ReplyKind.HANDOFF, text, about=await self.desk.board.about(talk.changes, running))
        return True

    async def _in_conversation(self, talk: Talk, pressed: Pressed, typed: str) -> str | None:
        if pressed.verb is Verb.WANT_PERSON and pressed.subject == talk.person.id:
            await self._person_for_something_new(talk, typed)
            return None
        if not await self._move(talk, pressed.subject):
            talk.say(ReplyKind.REFUSAL, talk.words("request.not_yours"))
            return None
        if await self._has_it(talk):
            return None
        if pressed.verb in (Verb.JOIN, Verb.LEAVE):
            return await self.shortcuts.answered(talk, pressed.verb is Verb.JOIN)
        if pressed.verb is Verb.WANT_PERSON:
            topic = next((one.sensitive for one in talk.conversation.awaits if isinstance(one, AwaitsHandoffAnswer)), None)
            await self.desk.open(talk, "sensitive" if topic else "asked", sensitive=topic)
        else:
            talk.conversation = talk.conversation.without(*(item for item in talk.conversation.awaits if item.type == "handoff"))
            await self.responder.respond(talk, steps.DeclineHuman(), None)
        return None

    async def _person_for_something_new(self, talk: Talk, typed: str) -> None:
        """From the home page, where nothing was said before."""
        talk.began = typed or talk.words("button.person")
        talk.hear(talk.began)
        topic = await self.forms.topic(talk, typed) if typed else None
        await self.desk.open(talk, "sensitive" if topic else "asked", sensitive=topic)

    async def _chosen(self, talk: Talk, pressed: Pressed) -> str | None:
        if await self._has_it(talk):
            return None
        choice = next((item for item in talk.conversation.awaits if isinstance(item, AwaitsChoice) and item.id == pressed.subject), None)
        n = _CHOICES.index(pressed.verb)
        if choice is None or n >= len(choice.skills):
            talk.say(ReplyKind.NOTICE, talk.words("press.over"))
            return None
        talk.hear(talk.words(f"skill.{choice.skills[n]}.title"))
        talk.conversation = talk.conversation.asking(choice)
        return str(n + 1)


def _on_page(talk: Talk) -> bool:
    """Whether it was pressed on the home page, or sent in a form: in no thread, so that one would begin with the first word."""
    return talk.conversation.address.thread in (None, talk.id)
