"""The handoff desk: opens handoffs, takes the staff's commands, and carries words between staff and employee.

What staff write is internal unless they press Reply; what the employee writes reaches staff only while a human has
claimed the conversation. Both sides are told who speaks.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

from sqlalchemy.ext.asyncio import AsyncSession

from bot.buttons import Buttons
from bot.changes import Audited, Post, Redraw
from bot.config import Organisation
from bot.conversation.model import Conversation
from bot.conversation.store import ConversationStore
from bot.handoff.briefing import Packet, desk_card, moved_card
from bot.handoff.model import (
    IN_THE_OPEN,
    Command,
    Handoff,
    HandoffChange,
    HandoffState,
    NotPossible,
    commanded,
    made_private,
    opened,
    released,
)
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

_NEWS = frozenset({"failed", "policy", "not_solved"})
"""Reasons that tell staff something new even of the request that the handoff is about."""


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
                talk.say(ReplyKind.HANDOFF, talk.words("handoff.open_already", case=running.case, group=self._group(running, talk.words)))
            return
        group = self._route(request, sensitive)
        if sensitive is None and wanted in self.organisation.assignment_groups:
            group = wanted
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
        if sensitive is not None:
            talk.keep_private(handoff.id)
        self._tell_of_opening(talk, handoff, told, request)
        card = desk_card(await self.packet(talk, handoff), self._desk_words(), self.buttons, new_id())
        talk.changes.posts.append(Post(self.room(group), card, _key(handoff)))
        self._audit_opening(talk, "handoff_opened", handoff, reason)

    async def follow(self, talk: Talk, handoff: Handoff) -> None:
        """While nobody has claimed it: keeps the staff's card up to date with what is being said."""
        current = _changed(talk, handoff)
        # What this turn has changed is drawn already, with all that was said until then; only a waiting group reads more.
        if current.sensitive is None:
            self._redraw(talk, await self.packet(talk, current))

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
        if isinstance(assignee, tuple):
            several = tuple(f"{person.name} ({person.email})" for person in assignee)
            talk.say(ReplyKind.NOTICE, talk.words("desk.which_assignee", people=several))
            return
        # What a claimant who is gone has is nobody's.
        held = released(handoff, talk.now).handoff if await self.left_alone(handoff) else handoff
        change = commanded(held, command, talk.person, text, talk.now, assignee=assignee)
        if isinstance(change, NotPossible):
            claimant = await self.people.get(handoff.claimed_by) if handoff.claimed_by else None
            talk.say(ReplyKind.NOTICE, talk.words(change.key, case=handoff.case, by=claimant.name if claimant else "", **change.params))
            return
        if handoff.sensitive is not None and command not in IN_THE_OPEN and not await self._is_private(talk, handoff):
            talk.say(ReplyKind.NOTICE, talk.words("desk.private_elsewhere", case=handoff.case))
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
        packet = await self.packet(talk, change.handoff)
        await self._show(talk, handoff, packet)
        await self._tell_staff(talk, handoff, change, packet)
        talk.changes.conversations.append(employee.conversation)

    async def running(self, talk: Talk) -> Handoff | None:
        """The open handoff of this conversation as the turn has changed it so far."""
        if talk.conversation.handoff_id is None:
            return None
        changed = next((c.handoff for c in talk.changes.handoffs if c.handoff.id == talk.conversation.handoff_id), None)
        handoff = changed or await self.handoffs.get(talk.conversation.handoff_id)
        return _changed(talk, handoff) if handoff is not None and _changed(talk, handoff).open else None

    async def keep_private(self, talk: Talk) -> None:
        """What is said while a sensitive handoff is open belongs to it."""
        running = await self.running(talk)
        if running is not None and running.sensitive is not None:
            talk.keep_private(running.id)

    async def left_alone(self, handoff: Handoff) -> bool:
        """Whether its claimant is gone from the directory, or may not work any more."""
        if handoff.state is not HandoffState.CLAIMED or handoff.claimed_by is None:
            return False
        claimant = await self.people.get(handoff.claimed_by)
        return claimant is None or not claimant.active

    async def release(self, talk: Talk, handoff: Handoff) -> None:
        """Its claimant is gone: the group is asked again, and the employee told. The bot speaks again."""
        change = released(handoff, talk.now)
        talk.changes.handoffs.append(change)
        group = self._group(handoff, talk.words)
        talk.say(ReplyKind.HANDOFF, talk.words("handoff.released", case=handoff.case, group=group))
        await self._show(talk, handoff, await self.packet(talk, change.handoff))

    async def packet(self, talk: Talk, handoff: Handoff) -> Packet:
        """All that is known, with what this turn adds."""
        person = await self.people.get(handoff.person_id)
        if person is None:
            raise LookupError(f"the person of {handoff.case} is gone")
        stored_request = await self.requests.get(handoff.request_id) if handoff.request_id else None
        pending_request = talk.changes.requests.get(handoff.request_id or "")
        request = pending_request.request if pending_request is not None else stored_request
        said = [*await self.conversations.transcript(handoff.conversation_id)]
        said += [event for event in talk.changes.transcript if event.conversation_id == handoff.conversation_id]
        notes = [*await self.handoffs.notes(handoff.id)]
        notes += [(c.by or "", c.text) for c in talk.changes.handoffs if c.handoff.id == handoff.id and c.kind == "note"]
        ids = {event.person_id for event in said if event.person_id} | {by for by, _ in notes} | {handoff.claimed_by} - {None}
        known = [await self.people.get(person_id) for person_id in ids if person_id]
        names = {someone.id: someone.name for someone in known if someone is not None}
        stored = await self.requests.events_of(request.id) if request is not None else []
        others = [other for other in await self.requests.of_conversation(handoff.conversation_id) if other.id != handoff.request_id]
        apart = [h for h in await self.handoffs.of_conversation(handoff.conversation_id) if h.sensitive is not None and h.id != handoff.id]
        return Packet(
            handoff=handoff,
            person=person,
            transcript=said,
            names=names,
            request=request,
            events=[item.event for item in stored],
            earlier=[other for other in others if not any(_within(other, private) for private in apart)],
            notes=notes,
            claimant=next((someone for someone in known if someone is not None and someone.id == handoff.claimed_by), None),
        )

    async def _make_private(self, talk: Talk, handoff: Handoff, topic: str) -> None:
        """Something sensitive while an ordinary handoff is open: it becomes a private one, of the group for that."""
        change = made_private(handoff, topic, self._route(None, topic), talk.now)
        talk.changes.handoffs.append(change)
        talk.conversation = replace(talk.conversation.passing_over(), misses=0)
        talk.keep_private(handoff.id)
        self._tell_of_opening(talk, change.handoff, None, None)
        await self._show(talk, handoff, await self.packet(talk, change.handoff))
        await self._tell_replaced(talk, handoff, change.handoff, "desk.moved.private", self._group(change.handoff, talk.words))
        self._audit_opening(talk, "handoff_made_private", change.handoff, "sensitive")

    async def _attach(self, talk: Talk, handoff: Handoff, request: Request) -> None:
        """One more request for whoever has the conversation already."""
        changed = replace(handoff, request_id=handoff.request_id or request.id)
        talk.changes.handoffs.append(HandoffChange(changed, "attached", None, talk.now, request.case))
        group = self._group(handoff, talk.words)
        text = talk.words("handoff.attached", request=request.case, case=handoff.case, group=group)
        talk.say(ReplyKind.HANDOFF, text, request=request)
        packet = await self.packet(talk, changed)
        await self._show(talk, handoff, packet)
        words = self._desk_words()
        title, state = words.of_skill(request, "title"), words(f"state.{request.state.value}")
        line = words("desk.also", request=words("desk.request", case=request.case, title=title, state=state))
        usual = self._route(request, None)
        if usual != handoff.assignment_group:
            line += " " + words("desk.also.elsewhere", group=self._group_named(usual, words))
        await self._to_staff(talk, handoff, line)

    def _tell_of_opening(self, talk: Talk, handoff: Handoff, told: str | None, request: Request | None) -> None:
        key = told or ("handoff.opened.sensitive" if handoff.sensitive else "handoff.opened")
        text = talk.words(key, case=handoff.case, group=self._group(handoff, talk.words))
        helpline = self.organisation.helplines.get(handoff.sensitive or "")
        if helpline is not None:
            text = f"{text} {talk.words('handoff.helpline', helpline=helpline)}"
        talk.say(ReplyKind.HANDOFF, text, request=request)

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
        if change.kind == "claimed" and handoff.sensitive is not None:
            key = "desk.done.claimed.private"
        talk.say(ReplyKind.NOTICE, talk.words(key, case=handoff.case, name=packet.person.name, to=change.text))
        if change.kind != "assigned":
            return
        if handoff.claimed_by not in (None, talk.person.id, before.claimed_by) and handoff.sensitive is None:
            await self._to_claimant(talk, handoff, talk.words("desk.assigned_to_you", case=handoff.case, by=talk.person.name))
        if before.claimed_by != talk.person.id:
            await self._tell_replaced(talk, before, handoff, "desk.given_on", change.text)

    async def _tell_replaced(self, talk: Talk, before: Handoff, after: Handoff, key: str, to: str) -> None:
        """Whoever had it and has it no more hears of it from nobody else."""
        replaced = await self.people.get(before.claimed_by) if before.claimed_by not in (None, after.claimed_by) else None
        if replaced is not None and replaced.active:
            text = Words.for_person(self.messages, replaced)(key, case=before.case, to=to, by=talk.person.name)
            address = await self.people.address(replaced, self.channels)
            talk.changes.posts.append(Post(address, Reply(new_id(), ReplyKind.NOTICE, text), None, replaced.id))

    async def _to_staff(self, talk: Talk, handoff: Handoff, text: str, author: Author | None = None) -> None:
        if handoff.sensitive is not None:
            await self._to_claimant(talk, handoff, text, author)
            return
        reply = Reply(new_id(), ReplyKind.HANDOFF, text, author=author)
        room = self.room(handoff.assignment_group)
        shown = await self.outbox.shown(_key(handoff))
        threads = [replace(p.address, thread=p.posted_thread) for p in shown if p.posted_thread is not None and p.address.room == room.room]
        if threads:
            talk.changes.posts.append(Post(threads[-1], reply))
        elif handoff.claimed_by is not None:
            await self._to_claimant(talk, handoff, text, author)
        else:
            talk.changes.posts.append(Post(room, reply))

    async def _to_claimant(self, talk: Talk, handoff: Handoff, text: str, author: Author | None = None) -> None:
        """Into the claimant's own thread about it; before that is known, on its own."""
        claimant = await self.people.get(handoff.claimed_by) if handoff.claimed_by else None
        if claimant is None:
            return
        reply = Reply(new_id(), ReplyKind.HANDOFF, text, author=author)
        own = [p for p in await self.outbox.shown(f"{_key(handoff)}:private") if p.reader_id == claimant.id and p.posted_thread]
        if own:
            talk.changes.posts.append(Post(replace(own[-1].address, thread=own[-1].posted_thread), reply))
        else:
            address = await self.people.address(claimant, self.channels)
            talk.changes.posts.append(Post(address, reply, f"{_key(handoff)}:words", claimant.id))

    async def _is_private(self, talk: Talk, handoff: Handoff) -> bool:
        """Whether this turn is where only the claimant reads."""
        shown = await self.outbox.shown(f"{_key(handoff)}:private")
        here = talk.conversation.address
        return any((p.address.channel, p.address.tenant, p.address.room) == (here.channel, here.tenant, here.room) for p in shown)

    async def _show(self, talk: Talk, before: Handoff, packet: Packet) -> None:
        """Makes every card true: the group's; of a sensitive one the claimant's own; and what is left where it was."""
        after = packet.handoff
        own = f"{_key(after)}:private"
        if after.assignment_group != before.assignment_group:
            self._retire(talk, _key(after), after, self._group(after, self._desk_words()))
            card = desk_card(packet, self._desk_words(), self.buttons, new_id())
            talk.changes.posts.append(Post(self.room(after.assignment_group), card, _key(after)))
        else:
            self._redraw(talk, packet)
        if before.claimed_by not in (None, after.claimed_by):
            to = packet.claimant.name if packet.claimant is not None else self._group(after, self._desk_words())
            self._retire(talk, own, after, to)
        if after.sensitive is None or packet.claimant is None:
            return
        words = Words.for_person(self.messages, packet.claimant)
        if before.claimed_by != after.claimed_by:
            card = desk_card(packet, words, self.buttons, new_id(), alone=True)
            address = await self.people.address(packet.claimant, self.channels)
            talk.changes.posts.append(Post(address, card, own, packet.claimant.id))
        else:
            talk.changes.redraws.append(Redraw(own, lambda p: desk_card(packet, words, self.buttons, p.id, alone=True)))

    def _redraw(self, talk: Talk, packet: Packet) -> None:
        def draw(placement: Placement) -> Reply:
            return desk_card(packet, self._desk_words(), self.buttons, placement.id)

        key = _key(packet.handoff)
        talk.changes.redraws[:] = [redraw for redraw in talk.changes.redraws if redraw.card_key != key]
        talk.changes.redraws.append(Redraw(key, draw))

    def _retire(self, talk: Talk, key: str, handoff: Handoff, to: str) -> None:
        async def retire(session: AsyncSession) -> None:
            await self.outbox.retire(session, key, f"{_key(handoff)}:left", lambda p: moved_card(handoff, to, self._desk_words(), p.id))

        talk.changes.inside.append(retire)

    async def _employee(self, talk: Talk, handoff: Handoff) -> Talk:
        """The employee's side of the conversation, with its changes in the same transaction."""
        conversation: Conversation | None = await self.conversations.get(handoff.conversation_id)
        person: Person | None = await self.people.get(handoff.person_id)
        if conversation is None or person is None:
            raise LookupError(f"the conversation of {handoff.case} is gone")
        employee = Talk(talk.id, person, conversation, Words.for_person(self.messages, person), talk.now, talk.changes)
        if handoff.sensitive is not None:
            employee.keep_private(handoff.id)
        return employee

    async def _assignee(self, text: str) -> Person | str | tuple[Person, ...] | None:
        """A member of an assignment group by name or address, or a group; several when the name doesn't tell them apart."""
        wanted = text.strip().lower().removeprefix("@")
        if not wanted:
            return None
        for group in self.organisation.assignment_groups:
            if wanted in (group.lower(), group.replace("-", " ").lower()):
                return group
        members = {m.id: m for group in self.organisation.assignment_groups for m in await self.people.members(group) if m.active}
        for exactly in ("email", "name", "first_name"):
            found = tuple(member for member in members.values() if getattr(member, exactly).lower() == wanted)
            if found:
                return found[0] if len(found) == 1 else found
        return None

    def _route(self, request: Request | None, sensitive: str | None) -> str:
        if sensitive is not None:
            return self.organisation.sensitive.get(sensitive, self.organisation.assignment_groups[0])
        if request is not None:
            return self.skills[request.skill].assignment_group
        return self.organisation.assignment_groups[0]

    def _desk_words(self) -> Words:
        return Words(self.messages, Reader(self.organisation.locale, self.organisation.timezone))

    @classmethod
    def _group(cls, handoff: Handoff, words: Words) -> str:
        return cls._group_named(handoff.assignment_group, words)

    @staticmethod
    def _group_named(group: str, words: Words) -> str:
        key = f"group.{group}"
        return words(key) if words.messages.has(key) else group


def _key(handoff: Handoff) -> str:
    """Of its card in the group's room. With ":private" the claimant's own card, ":words" what they were sent without one,
    ":left" cards that stand where it was."""
    return f"handoff:{handoff.id}"


def _changed(talk: Talk, handoff: Handoff) -> Handoff:
    """As this turn has changed it so far; the next change is saved over that one."""
    changes = [change.handoff for change in talk.changes.handoffs if change.handoff.id == handoff.id]
    return replace(changes[-1], version=changes[-1].version + 1) if changes else handoff


def _within(request: Request, handoff: Handoff) -> bool:
    """Whether it was asked for while this handoff was open."""
    return request.created_at >= handoff.opened_at and (handoff.open or request.created_at <= handoff.updated_at)
