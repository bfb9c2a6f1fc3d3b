"""The handoff desk: opens handoffs, takes the staff's commands, and carries words between staff and employee.

What staff write is internal unless they press Reply; what the employee writes reaches staff only while a human has
claimed the conversation. Both sides are told who speaks.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from bot.buttons import Buttons
from bot.changes import Audited, Post, Redraw
from bot.config import Organisation
from bot.conversation.model import Conversation, TranscriptEvent
from bot.conversation.store import ConversationStore
from bot.handoff.briefing import Packet, desk_card, lines
from bot.handoff.model import Command, Handoff, HandoffChange, HandoffState, NotPossible, commanded, opened
from bot.handoff.store import HandoffStore
from bot.outbox import Outbox, Placement
from bot.people import PeopleStore
from bot.talk import Talk
from bot.words import Words
from connectors.ports.chat import Address, Author, Channel, Reply, ReplyKind
from connectors.ports.messages import Messages, Reader
from connectors.ports.people import Person
from connectors.ports.records import new_id
from specialists.request import Request
from specialists.skill import SkillSpec
from specialists.store import RequestStore


@dataclass(frozen=True, slots=True)
class Desk:
    people: PeopleStore
    conversations: ConversationStore
    requests: RequestStore
    handoffs: HandoffStore
    outbox: Outbox
    channels: dict[str, Channel]
    skills: dict[str, SkillSpec]
    messages: Messages
    buttons: Buttons
    organisation: Organisation
    room: Callable[[str], Address]
    """Where an assignment group works."""

    async def open(
        self, talk: Talk, reason: str, *, request: Request | None = None, sensitive: str | None = None, told: str | None = None
    ) -> None:
        """Asks the right assignment group to take over; the bot goes on answering until somebody claims it.

        `told`: a core message key instead of the usual words to the employee.
        """
        if talk.conversation.handoff_id is not None:
            running = await self.handoffs.get(talk.conversation.handoff_id)
            if running is not None and running.open:
                talk.say(ReplyKind.HANDOFF, talk.words("handoff.open_already", case=running.case, group=self._group(running, talk.words)))
                return
        group = self._route(request, sensitive)
        if request is None and sensitive is None and talk.conversation.request_id is not None:
            request = await self.requests.get(talk.conversation.request_id)
        handoff = Handoff(
            id=new_id(),
            number=await self.requests.next_number(),
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
        key = told or ("handoff.opened.sensitive" if sensitive else "handoff.opened")
        text = talk.words(key, case=handoff.case, group=self._group(handoff, talk.words))
        helpline = self.organisation.helplines.get(sensitive or "")
        if helpline is not None:
            text = f"{text} {talk.words('handoff.helpline', helpline=helpline)}"
        talk.say(ReplyKind.HANDOFF, text, request=request)
        packet = await self.packet(handoff, talk.changes.transcript, request)
        words = self._desk_words()
        card = desk_card(packet, words, self.buttons, new_id())
        talk.changes.posts.append(Post(self.room(group), card, f"handoff:{handoff.id}"))
        talk.changes.audited.append(
            Audited(
                "decision",
                "handoff_opened",
                "foyer",
                {"handoff": handoff.case, "reason": reason, "group": group, "sensitive": sensitive is not None},
                subject_id=talk.person.id,
                request_id=handoff.request_id or handoff.id,
            )
        )

    async def follow(self, talk: Talk, handoff: Handoff) -> None:
        """While nobody has claimed it: keeps the staff's card up to date with what is being said."""
        request = await self.requests.get(handoff.request_id) if handoff.request_id else None
        self._redraw(talk, await self.packet(handoff, talk.changes.transcript, request))

    async def relay(self, talk: Talk, handoff: Handoff, text: str) -> None:
        """Carries the employee's words to whoever claimed the conversation. The bot says nothing."""
        await self._to_staff(talk, handoff, text, Author(talk.person.name))

    async def hear(self, talk: Talk, handoff: Handoff, text: str) -> None:
        """Something typed in the staff thread: "/claim" and the like are commands, all else is an internal note."""
        word, _, rest = text.strip().partition(" ")
        if word.startswith("/"):
            try:
                command = Command(word[1:].lower())
            except ValueError:
                talk.say(ReplyKind.NOTICE, talk.words("desk.unknown_command", command=word))
                return
            await self.command(talk, handoff, command, rest.strip())
        else:
            await self.command(talk, handoff, Command.NOTE, text.strip())

    async def command(self, talk: Talk, handoff: Handoff, command: Command, text: str) -> None:
        """`talk` is the staff member's. Who may is decided by the state machine, on the person who pressed."""
        assignee = await self._assignee(text) if command is Command.ASSIGN else None
        change = commanded(handoff, command, talk.person, text, talk.now, assignee=assignee)
        if isinstance(change, NotPossible):
            claimant = await self.people.get(handoff.claimed_by) if handoff.claimed_by else None
            talk.say(ReplyKind.NOTICE, talk.words(change.key, case=handoff.case, by=claimant.name if claimant else "", **change.params))
            return
        talk.changes.handoffs.append(change)
        talk.changes.audited.append(
            Audited(
                "action",
                f"handoff_{change.kind}",
                talk.person.id,
                {"handoff": handoff.case},
                private={"text": text} if text and handoff.sensitive is None else None,
                subject_id=handoff.person_id,
                request_id=handoff.request_id or handoff.id,
            )
        )
        employee = await self._employee(talk, handoff)
        await self._tell_employee(talk, employee, change)
        request = await self.requests.get(handoff.request_id) if handoff.request_id else None
        packet = await self.packet(change.handoff, employee.changes.transcript, request)
        self._redraw(talk, packet)
        await self._tell_staff(talk, handoff, change, packet)
        talk.changes.conversations.append(employee.conversation)

    async def packet(self, handoff: Handoff, pending: Sequence[TranscriptEvent], request: Request | None) -> Packet:
        """All that is known, with what this turn adds."""
        person = await self.people.get(handoff.person_id)
        if person is None:
            raise LookupError(f"the person of {handoff.case} is gone")
        said = [*await self.conversations.transcript(handoff.conversation_id)]
        said += [event for event in pending if event.conversation_id == handoff.conversation_id]
        ids = {event.person_id for event in said if event.person_id} | {handoff.claimed_by} - {None}
        known = [await self.people.get(person_id) for person_id in ids if person_id]
        stored = await self.requests.events_of(request.id) if request is not None else []
        others = await self.requests.of_conversation(handoff.conversation_id)
        return Packet(
            handoff=handoff,
            person=person,
            transcript=said,
            names={someone.id: someone.name for someone in known if someone is not None},
            request=request,
            events=[item.event for item in stored],
            earlier=[other for other in others if request is None or other.id != request.id],
        )

    async def _tell_employee(self, talk: Talk, employee: Talk, change: HandoffChange) -> None:
        handoff, staff, words = change.handoff, talk.person, employee.words
        group = self._group(handoff, words)
        match change.kind:
            case "claimed":
                employee.say(ReplyKind.HANDOFF, words("handoff.claimed", name=staff.name, group=group, case=handoff.case))
            case "reply":
                employee.say(ReplyKind.HANDOFF, change.text, author=Author(staff.name), author_id=staff.id)
            case "assigned" if handoff.claimed_by is not None:
                employee.say(ReplyKind.HANDOFF, words("handoff.assigned", name=change.text, case=handoff.case))
            case "assigned":
                employee.say(ReplyKind.HANDOFF, words("handoff.moved", group=group, case=handoff.case))
            case "resolved":
                employee.say(ReplyKind.HANDOFF, words("handoff.resolved", name=staff.name, case=handoff.case, text=change.text))
                employee.conversation = replace(employee.conversation, handoff_id=None, misses=0)
            case "returned":
                key = "handoff.returned" if change.text else "handoff.returned.silent"
                employee.say(ReplyKind.HANDOFF, words(key, name=staff.name, case=handoff.case, text=change.text))
                employee.conversation = replace(employee.conversation, handoff_id=None, misses=0)

    async def _tell_staff(self, talk: Talk, before: Handoff, change: HandoffChange, packet: Packet) -> None:
        handoff = change.handoff
        key = f"desk.done.{change.kind}"
        talk.say(ReplyKind.NOTICE, talk.words(key, case=handoff.case, name=packet.person.name, to=change.text))
        if change.kind == "assigned" and handoff.state is HandoffState.REQUESTED and handoff.assignment_group != before.assignment_group:
            card = desk_card(packet, self._desk_words(), self.buttons, new_id())
            talk.changes.posts.append(Post(self.room(handoff.assignment_group), card, f"handoff:{handoff.id}"))
        elif change.kind == "assigned" and handoff.claimed_by not in (None, talk.person.id):
            await self._to_claimant(talk, handoff, talk.words("desk.assigned_to_you", case=handoff.case, by=talk.person.name))
        if handoff.sensitive is not None and change.kind in ("claimed", "assigned") and handoff.claimed_by is not None:
            said = "\n\n".join(lines(packet, talk.words))
            await self._to_claimant(talk, handoff, talk.words("desk.private_transcript", case=handoff.case, lines=said))

    async def _to_staff(self, talk: Talk, handoff: Handoff, text: str, author: Author) -> None:
        if handoff.sensitive is not None:
            await self._to_claimant(talk, handoff, text, author)
            return
        reply = Reply(new_id(), ReplyKind.HANDOFF, text, author=author)
        shown = await self.outbox.shown(f"handoff:{handoff.id}")
        threads = [replace(p.address, thread=p.posted_thread) for p in shown if p.posted_thread is not None]
        current = [address for address in threads if address.room == self.room(handoff.assignment_group).room] or threads
        if current:
            talk.changes.posts.append(Post(current[-1], reply))
        else:
            await self._to_claimant(talk, handoff, text, author)

    async def _to_claimant(self, talk: Talk, handoff: Handoff, text: str, author: Author | None = None) -> None:
        claimant = await self.people.get(handoff.claimed_by) if handoff.claimed_by else None
        if claimant is not None:
            address = await self.people.address(claimant, self.channels)
            talk.changes.posts.append(
                Post(address, Reply(new_id(), ReplyKind.HANDOFF, text, author=author), f"handoff:{handoff.id}:private")
            )

    def _redraw(self, talk: Talk, packet: Packet) -> None:
        def draw(placement: Placement) -> Reply:
            return desk_card(packet, self._desk_words(), self.buttons, placement.id)

        talk.changes.redraws.append(Redraw(f"handoff:{packet.handoff.id}", draw))

    async def _employee(self, talk: Talk, handoff: Handoff) -> Talk:
        """The employee's side of the conversation, with its changes in the same transaction."""
        conversation: Conversation | None = await self.conversations.get(handoff.conversation_id)
        person: Person | None = await self.people.get(handoff.person_id)
        if conversation is None or person is None:
            raise LookupError(f"the conversation of {handoff.case} is gone")
        return Talk(talk.id, person, conversation, Words.for_person(self.messages, person), talk.now, talk.changes)

    async def _assignee(self, text: str) -> Person | str | None:
        """A member of an assignment group by name or address, or a group."""
        wanted = text.strip().lower().removeprefix("@")
        if not wanted:
            return None
        for group in self.organisation.assignment_groups:
            if wanted in (group.lower(), group.replace("-", " ").lower()):
                return group
        for group in self.organisation.assignment_groups:
            for member in await self.people.members(group):
                if wanted in (member.email.lower(), member.name.lower(), member.first_name.lower()):
                    return member
        return None

    def _route(self, request: Request | None, sensitive: str | None) -> str:
        if sensitive is not None:
            return self.organisation.sensitive.get(sensitive, self.organisation.assignment_groups[0])
        if request is not None:
            return self.skills[request.skill].assignment_group
        return self.organisation.assignment_groups[0]

    def _desk_words(self) -> Words:
        return Words(self.messages, Reader(self.organisation.locale, self.organisation.timezone))

    @staticmethod
    def _group(handoff: Handoff, words: Words) -> str:
        key = f"group.{handoff.assignment_group}"
        return words(key) if words.messages.has(key) else handoff.assignment_group
