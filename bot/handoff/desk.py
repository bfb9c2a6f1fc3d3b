"""The handoff desk: opens handoffs, and knows who has to do with one. What staff are shown is `board.py`, what they do
`commands.py`, what is carried between the two sides `relay.py` and `replies.py`.

What staff write is internal unless they reply; what the employee writes reaches staff only while a human has claimed the
conversation. Both sides are told who speaks.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from uuid import NAMESPACE_OID, uuid5

import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from bot.cards import titled
from bot.changes import Audited, Changes, Redraw, Saver
from bot.config import Organisation
from bot.conversation.model import Conversation
from bot.handoff.board import Board
from bot.handoff.carried import CarriedStore
from bot.handoff.commands import Commands
from bot.handoff.model import Command, Handoff, HandoffChange, as_changed, made_private, opened, released
from bot.handoff.relay import Relay
from bot.handoff.replies import Replies, listed
from bot.handoff.store import HandoffMoved
from bot.handoff.undelivered import Undelivered
from bot.outbox import Refusal
from bot.people import PeopleStore
from bot.talk import Talk
from bot.teaching.proposing import Teacher
from connectors.ports.chat import Activity, Address, Reply, ReplyKind
from connectors.ports.records import Clock, new_id
from specialists.request import Request
from specialists.skill import SkillSpec

log = structlog.get_logger()
Topic = Callable[[Talk, str], Awaitable[str | None]]
"""The sensitive topic of what is said, None for anything else."""
_NEWS = frozenset({"failed", "policy", "not_solved", "not_taken_back"})
"""Reasons that tell staff something new even of the request that the handoff is about."""


@dataclass(frozen=True, slots=True)
class Desk:
    board: Board
    skills: dict[str, SkillSpec]
    carried: CarriedStore
    replies: Replies
    talk_relay: Relay
    commands: Commands
    saver: Saver
    clock: Clock

    @staticmethod
    def of(
        board: Board,
        skills: dict[str, SkillSpec],
        carried: CarriedStore,
        teacher: Teacher,
        saver: Saver,
        clock: Clock,
        recall_seconds: float,
    ) -> "Desk":
        """`recall_seconds`: how long a reply of staff can be taken back before it goes out; 0: not at all."""
        replies = Replies(board, carried, saver, clock, recall_seconds)
        relay = Relay(board, carried, replies)
        return Desk(board, skills, carried, replies, relay, Commands(board, relay, replies, teacher), saver, clock)

    @property
    def people(self) -> PeopleStore:
        return self.board.people

    @property
    def organisation(self) -> Organisation:
        return self.board.organisation

    def room(self, group: str) -> Address:
        """Where an assignment group works."""
        return self.board.room(group)

    async def open(
        self,
        talk: Talk,
        reason: str,
        *,
        request: Request | None = None,
        sensitive: str | None = None,
        wanted: str | None = None,
        told: str | None = None,
    ) -> None:
        """Asks the right assignment group to take over; the bot goes on answering until somebody claims it.

        `wanted`: the group that the employee named. `told`: a core message key instead of the usual words to the employee.
        """
        running = await self.running(talk)
        if running is not None:
            if sensitive is not None and running.sensitive is None:
                await self._make_private(talk, running, sensitive)
            elif request is not None and (request.id != running.request_id or reason in _NEWS):
                await self._attach(talk, running, request)
            else:
                text = talk.words("handoff.open_already", case=running.case, group=self.board.group(running, talk.words))
                talk.say(ReplyKind.HANDOFF, text, about=await self.board.about(talk.changes, running))
            return
        group = self._route(request, sensitive)
        if sensitive is None and wanted in self.organisation.assignment_groups:
            group = wanted
        handoff = Handoff(
            id=new_id(),
            number=await self.board.requests.next_number(),
            conversation_id=talk.conversation.id,
            person_id=talk.person.id,
            reason=reason,
            assignment_group=group,
            opened_at=talk.now,
            updated_at=talk.now,
            request_id=request.id if request is not None else None,
            confidence=talk.confidence,
            sensitive=sensitive,
        )
        # What is being put together goes on: until somebody claims the conversation the bot still answers.
        talk.conversation = replace(talk.conversation.passing_over(), handoff_id=handoff.id, misses=0)
        talk.changes.handoffs.append(opened(handoff))
        if sensitive is not None:
            talk.keep_private(handoff.id)
        await self._tell_of_opening(talk, handoff, told, request)
        self.board.post_card(talk.changes, await self.board.packet(talk.changes, handoff))
        self._audit_opening(talk, "handoff_opened", handoff, reason)

    async def follow(self, talk: Talk, handoff: Handoff) -> None:
        """While nobody has claimed it: keeps the staff's card up to date with what is being said, and passes on what is sent."""
        current = as_changed(handoff, talk.changes.handoffs)
        # What this turn has changed is drawn already, with all that was said until then; only a waiting group reads more.
        if current.sensitive is not None:
            return
        self.board.redraw(talk.changes, await self.board.packet(talk.changes, current))
        if talk.files:
            author, words = await self.board.author(talk.person), self.board.words()
            key = _sent_key(talk.person.id, talk.id)
            await self.board.to_staff(talk.changes, current, listed(talk.files, words), author=author, files=talk.files, card_key=key)

    async def relay(self, talk: Talk, handoff: Handoff, text: str) -> None:
        """Carries the employee's words and files to whoever claimed the conversation, once. The bot says nothing."""
        await self.talk_relay.said(talk, handoff, text)

    async def hear(self, talk: Talk, handoff: Handoff, text: str) -> None:
        """Something typed in the staff thread: "/claim" or "!claim" are commands, all else is an internal note."""
        await self.commands.hear(talk, handoff, text)

    async def command(self, talk: Talk, handoff: Handoff, command: Command, text: str) -> None:
        """`talk` is the staff member's. Who may is decided by the state machine, on the person who pressed."""
        await self.commands.command(talk, handoff, command, text, pressed=True)

    async def handoff_of(self, carried_id: str) -> Handoff | None:
        """The handoff in which something was carried from one side to the other."""
        carried = await self.carried.get(carried_id)
        return await self.board.handoffs.get(carried.handoff_id) if carried is not None else None

    async def recall(self, talk: Talk, reply_id: str) -> None:
        """ "Take it back" was pressed on a reply that is not out yet."""
        await self.replies.recall(talk, reply_id)

    async def edited(self, talk: Talk, activity: Activity, topic: Topic) -> bool:
        """Whether it was part of a handoff, the employee's or the staff's side; then all of it is done, its transcript too.

        `topic` is asked of what the employee's words have become: a private matter is not carried where a group reads along.
        """
        handoff = await self.talk_relay.whose(talk, activity)
        if handoff is not None and handoff.sensitive is None and (found := await topic(talk, activity.text)) is not None:
            talk.hear(activity.text)
            await self.open(talk, "sensitive", sensitive=found)
            return True
        return await self.talk_relay.edited(talk, activity)

    async def deleted(self, talk: Talk, activity: Activity) -> bool:
        """Whether it was part of a handoff; then it is gone on the other side, its transcript too."""
        return await self.talk_relay.deleted(talk, activity)

    async def forget(self, talk: Talk, message_id: str) -> None:
        """What somebody said here before it was carried anywhere, and then deleted: its files, and the words on the cards."""
        await self.board.files.forget(talk.person.id, message_id)
        author, words = await self.board.author(talk.person), self.board.words()
        deleted = words("relay.deleted", name=author.name)
        sent = Redraw(_sent_key(talk.person.id, message_id), lambda p: Reply(p.id, ReplyKind.HANDOFF, deleted, author=author))
        talk.changes.redraws.append(sent)
        for handoff in await self.board.handoffs.of_conversation(talk.conversation.id):
            await self.board.show(talk.changes, handoff, await self.board.packet(talk.changes, handoff, {message_id: ""}))

    async def send_due(self) -> float | None:
        """For a loop: sends the replies that nobody took back. Returns the seconds until more is due, None when nothing waits."""
        return await self.replies.send_due()

    async def running(self, talk: Talk) -> Handoff | None:
        """The open handoff of this conversation as the turn has changed it so far."""
        if talk.conversation.handoff_id is None:
            return None
        changed = next((c.handoff for c in talk.changes.handoffs if c.handoff.id == talk.conversation.handoff_id), None)
        handoff = changed or await self.board.handoffs.get(talk.conversation.handoff_id)
        if handoff is None:
            return None
        current = as_changed(handoff, talk.changes.handoffs)
        return current if current.open else None

    async def has(self, conversation: Conversation) -> bool:
        """Whether people have this conversation, or are asked to."""
        handoff = await self.board.handoffs.get(conversation.handoff_id) if conversation.handoff_id is not None else None
        return handoff is not None and handoff.open

    async def case_of(self, request: Request) -> str:
        """The case in which people have this request; empty when there is none, or a private one."""
        handoffs = await self.board.handoffs.of_conversation(request.conversation_id)
        mine = [one for one in handoffs if one.sensitive is None and (one.open or one.request_id == request.id)]
        return mine[-1].case if mine else ""

    async def keep_private(self, talk: Talk) -> None:
        """What is said while a sensitive handoff is open belongs to it."""
        running = await self.running(talk)
        if running is not None and running.sensitive is not None:
            talk.keep_private(running.id)

    async def left_alone(self, handoff: Handoff) -> bool:
        """Whether its claimant is gone from the directory, or may not work any more."""
        return await self.commands.left_alone(handoff)

    async def summarised(self, handoff_id: str) -> None:
        """A better summary is there: the group's card is drawn again where it stands. Of a private matter, or a closed one, nothing
        is."""
        handoff = await self.board.handoffs.get(handoff_id)
        if handoff is None or not handoff.open or handoff.sensitive is not None:
            return
        changes = Changes()
        self.board.redraw(changes, await self.board.packet(changes, handoff))

        async def unmoved(session: AsyncSession) -> None:
            await self.board.handoffs.unmoved(session, handoff)

        changes.inside.append(unmoved)
        try:
            await self.saver.save(changes)
        except HandoffMoved:
            log.info("summary_not_shown", handoff=handoff_id)  # whoever moved it has drawn the card since

    async def release(self, talk: Talk, handoff: Handoff) -> None:
        """Its claimant is gone: the group is asked again, and the employee told. The bot speaks again."""
        await self.replies.flush(talk, handoff)
        change = released(as_changed(handoff, talk.changes.handoffs), talk.now)
        talk.changes.handoffs.append(change)
        group = self.board.group(handoff, talk.words)
        text = talk.words("handoff.released", case=handoff.case, group=group)
        talk.say(ReplyKind.HANDOFF, text, about=await self.board.about(talk.changes, handoff))
        await self.board.show(talk.changes, handoff, await self.board.packet(talk.changes, change.handoff))

    async def on_refused(self, refusal: Refusal) -> None:
        """For the outbox: something could not be delivered, and never will."""
        await Undelivered(self.board, self.carried, self.saver, self.clock).tell(refusal)

    async def _make_private(self, talk: Talk, handoff: Handoff, topic: str) -> None:
        """Something sensitive while an ordinary handoff is open: it becomes a private one, of the group for that."""
        await self.replies.flush(talk, handoff)
        change = made_private(as_changed(handoff, talk.changes.handoffs), topic, self._route(None, topic), talk.now)
        talk.changes.handoffs.append(change)
        talk.conversation = replace(talk.conversation.passing_over(), misses=0)
        talk.keep_private(handoff.id)
        await self._tell_of_opening(talk, change.handoff, None, None)
        await self.board.show(talk.changes, handoff, await self.board.packet(talk.changes, change.handoff))
        group = self.board.group(change.handoff, talk.words)
        await self.commands.tell_replaced(talk, handoff, change.handoff, "desk.moved.private", group)
        self._audit_opening(talk, "handoff_made_private", change.handoff, "sensitive")

    async def _attach(self, talk: Talk, handoff: Handoff, request: Request) -> None:
        """One more request for whoever has the conversation already."""
        changed = replace(handoff, request_id=handoff.request_id or request.id)
        talk.changes.handoffs.append(HandoffChange(changed, "attached", None, talk.now, request.case))
        group = self.board.group(handoff, talk.words)
        text = talk.words("handoff.attached", request=request.case, case=handoff.case, group=group)
        talk.say(ReplyKind.HANDOFF, text, request=request, about=await self.board.about(talk.changes, handoff))
        packet = await self.board.packet(talk.changes, changed)
        await self.board.show(talk.changes, handoff, packet)
        words = self.board.words()
        title, state = words.of_skill(request, "title"), words(f"state.{request.state.value}")
        line = words("desk.also", request=words("desk.request", case=request.case, title=title, state=state))
        usual = self._route(request, None)
        if usual != handoff.assignment_group:
            line += " " + words("desk.also.elsewhere", group=self.board.group_named(usual, words))
        await self.board.to_staff(talk.changes, handoff, line)

    async def _tell_of_opening(self, talk: Talk, handoff: Handoff, told: str | None, request: Request | None) -> None:
        key = told or ("handoff.opened.sensitive" if handoff.sensitive else "handoff.opened")
        title = titled(request, talk.words) if request is not None else ""
        text = talk.words(key, case=handoff.case, group=self.board.group(handoff, talk.words), title=title)
        helpline = self.organisation.helplines.get(handoff.sensitive or "")
        if helpline is not None:
            text = f"{text} {talk.words('handoff.helpline', helpline=helpline)}"
        talk.say(ReplyKind.HANDOFF, text, request=request, about=await self.board.about(talk.changes, handoff))

    def _audit_opening(self, talk: Talk, event: str, handoff: Handoff, reason: str) -> None:
        talk.changes.audited.append(
            Audited(
                "decision",
                event,
                "foyer",
                {
                    "handoff": handoff.case,
                    "reason": reason,
                    "group": handoff.assignment_group,
                    "sensitive": handoff.sensitive is not None,
                },
                subject_id=talk.person.id,
                request_id=handoff.request_id or handoff.id,
            )
        )

    def _route(self, request: Request | None, sensitive: str | None) -> str:
        if sensitive is not None:
            return self.organisation.sensitive.get(sensitive, self.organisation.assignment_groups[0])
        if request is not None:
            return self.skills[request.skill].assignment_group
        return self.organisation.assignment_groups[0]


def _sent_key(person_id: str, message_id: str) -> str:
    """Of the files that came with a message while staff were waiting."""
    return f"sent:{uuid5(NAMESPACE_OID, f'{person_id}/{message_id}')}"
