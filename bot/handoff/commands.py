"""What staff do with a handoff, pressed or typed: who may is decided by the state machine, on the person who did it."""

from dataclasses import dataclass, replace

from bot.changes import Post
from bot.handoff.board import Board, key, own_key
from bot.handoff.briefing import Packet, summary
from bot.handoff.model import (
    IN_THE_OPEN,
    Command,
    Handoff,
    HandoffChange,
    HandoffState,
    NotPossible,
    as_changed,
    commanded,
    named,
    released,
    typed,
)
from bot.handoff.relay import Relay
from bot.handoff.replies import Replies, audited, listed
from bot.talk import Talk
from bot.teaching.proposing import Teacher
from bot.words import Words
from connectors.ports.chat import Activity, ActivityKind, Address, Reply, ReplyKind
from connectors.ports.people import Person
from connectors.ports.records import new_id

_TO_EVERYBODY = frozenset({"claimed", "assigned", "resolved", "returned"})
"""What all who read along must know; the rest is said to whoever did it."""


MOST = 50
"""Handoffs of one claimant that a command may mean."""


@dataclass(frozen=True, slots=True)
class AtHand:
    """A handoff whose card is in its claimant's own chat, with the thread of that card."""

    handoff: Handoff
    thread: str


@dataclass(frozen=True, slots=True)
class Commands:
    board: Board
    relay: Relay
    replies: Replies
    teacher: Teacher

    async def hear(self, talk: Talk, handoff: Handoff, text: str) -> None:
        """Something typed in the staff thread: "/claim" or "!claim" are commands, all else is an internal note."""
        if await self.relay.known(talk):
            return
        command = self.relay.typed(talk, handoff, text)
        if command is None:
            await self.command(talk, handoff, Command.NOTE, text.strip())
            return
        word, rest = command
        if word not in set(Command):
            self._aside(talk, "desk.unknown_command", command=word)
            return
        await self.command(talk, handoff, Command(word), rest)

    async def meant_here(self, activity: Activity, person: Person) -> "AtHand | None":
        """The handoff that a command means which was typed in somebody's own chat without threads: the one that is named, or the only
        one that they have and whose card is there. None where it cannot be told, and for what is no command."""
        command = typed(activity.text) if activity.kind is ActivityKind.MESSAGE else None
        if command is None:
            return None
        case, _ = named(command[1])
        here = await self._at_hand(activity.address, person)
        fitting = [one for one in here if case in (None, one.handoff.case)]
        return fitting[0] if len(fitting) == 1 else None

    async def refused(self, talk: Talk, text: str) -> bool:
        """A command in somebody's own chat without threads, of which nobody can tell what it is about: that is said. Words that were
        meant for staff or for an employee are never taken as said to the bot."""
        here, command = talk.present, typed(text)
        if command is None or here is None or not self._is_flat(here):
            return False
        if command[0] not in set(Command) and not talk.person.groups & set(self.board.organisation.assignment_groups):
            return False
        cases = tuple(one.handoff.case for one in await self._at_hand(here, talk.person))
        if command[0] not in set(Command):
            self._aside(talk, "desk.unknown_command", command=command[0])
        elif cases:
            said = talk.words("desk.which_case", cases=cases, command=command[0], case=cases[0])
            talk.say(ReplyKind.NOTICE, f"{said} {talk.words('desk.unsent')}", personal=True)
        else:
            self._aside(talk, "desk.no_case", unsent=True)
        return True

    async def _at_hand(self, here: Address, person: Person) -> "list[AtHand]":
        """What they have claimed, whose card is in this chat; newest first."""
        found: list[AtHand] = []
        for handoff in await self.board.handoffs.claimed_by(person.id, limit=MOST):
            keys = (key(handoff), own_key(handoff), f"{key(handoff)}:words")
            shown = [p for card_key in keys for p in await self.board.outbox.shown(card_key)]
            room = replace(here, thread=None)
            threads = [p.posted_thread for p in shown if p.posted_thread is not None and replace(p.address, thread=None) == room]
            found += [AtHand(handoff, threads[-1])] if threads else []
        return found

    def _is_flat(self, here: Address) -> bool:
        channel = self.board.channels[here.channel]
        return channel.capabilities.flat_rooms and not channel.is_shared(here)

    async def command(self, talk: Talk, handoff: Handoff, command: Command, text: str, *, pressed: bool = False) -> None:
        """`talk` is the staff member's. `pressed`: by a button, so that nobody else has seen the words yet."""
        if command is Command.TEACH:
            talk.say(ReplyKind.NOTICE, await self.teacher.typed(talk, handoff, text), personal=True)
            return
        assignee = await self._assignee(text) if command is Command.ASSIGN else None
        if isinstance(assignee, tuple):
            several = tuple(f"{person.name} ({person.email})" for person in assignee)
            talk.say(ReplyKind.NOTICE, talk.words("desk.which_assignee", people=several), personal=True)
            return
        # What a claimant who is gone has is nobody's.
        held = released(handoff, talk.now).handoff if await self.left_alone(handoff) else handoff
        said = text or (listed(talk.files, talk.words) if command in (Command.NOTE, Command.REPLY) else "")
        change = commanded(held, command, talk.person, said, talk.now, assignee=assignee)
        if isinstance(change, NotPossible):
            claimant = await self.board.people.get(handoff.claimed_by) if handoff.claimed_by else None
            by = claimant.name if claimant else ""
            self._aside(talk, change.key, unsent=command is Command.REPLY, case=handoff.case, by=by, **change.params)
            return
        openly = handoff.sensitive is None or command in IN_THE_OPEN
        if not openly and not await self.board.is_private(handoff, talk.conversation.address):
            self._aside(talk, "desk.private_elsewhere", unsent=command is Command.REPLY, case=handoff.case)
            return
        if command is Command.REPLY:
            await self.replies.take(talk, replace(change, text=text))
            return
        await self._do(talk, handoff, await self.relay.noted(talk, change) if command is Command.NOTE else change)
        if command is Command.NOTE and pressed:
            author, line = await self.board.author(talk.person), self.board.words()("desk.note.line", text=change.text)
            await self.board.to_staff(talk.changes, handoff, line, author=author)

    async def left_alone(self, handoff: Handoff) -> bool:
        """Whether its claimant is gone from the directory, or may not work any more."""
        if handoff.state is not HandoffState.CLAIMED or handoff.claimed_by is None:
            return False
        claimant = await self.board.people.get(handoff.claimed_by)
        return claimant is None or not claimant.active

    async def tell_replaced(self, talk: Talk, before: Handoff, after: Handoff, key: str, to: str) -> None:
        """Whoever had it and has it no more hears of it from nobody else."""
        replaced = await self.board.people.get(before.claimed_by) if before.claimed_by not in (None, after.claimed_by) else None
        if replaced is not None and replaced.active:
            text = Words.for_person(self.board.messages, replaced)(key, case=before.case, to=to, by=talk.person.name)
            address = await self.board.people.address(replaced, self.board.channels)
            talk.changes.posts.append(Post(address, Reply(new_id(), ReplyKind.NOTICE, text), None, replaced.id))

    async def _do(self, talk: Talk, handoff: Handoff, change: HandoffChange) -> None:
        employee = await self.board.employee(talk.changes, handoff, talk.id, talk.now)
        if change.handoff.claimed_by != handoff.claimed_by or not change.handoff.open:
            await self.replies.flush(employee, handoff)
            version = as_changed(handoff, talk.changes.handoffs).version
            change = replace(change, handoff=replace(change.handoff, version=version))
        talk.changes.handoffs.append(change)
        talk.changes.audited.append(audited(change, change.text, talk.person.id))
        self._tell_employee(talk, employee, change)
        packet = await self.board.packet(talk.changes, change.handoff)
        await self.board.show(talk.changes, handoff, packet)
        await self._tell_staff(talk, handoff, change, packet)
        talk.changes.conversations.append(employee.conversation)

    def _tell_employee(self, talk: Talk, employee: Talk, change: HandoffChange) -> None:
        handoff, staff, words = change.handoff, talk.person, employee.words
        group = self.board.group(handoff, words)
        match change.kind:
            case "claimed":
                employee.say(ReplyKind.HANDOFF, words("handoff.claimed", name=staff.name, group=group, case=handoff.case))
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
        elif change.kind == "claimed" and packet.unheard == replace(talk.conversation.address, thread=None):
            key = "desk.done.claimed.unheard"
        text = talk.words(key, case=handoff.case, name=packet.person.name, to=change.text, by=talk.person.name)
        talk.say(ReplyKind.NOTICE, text, personal=change.kind not in _TO_EVERYBODY)
        if change.kind != "assigned":
            return
        if handoff.claimed_by not in (None, talk.person.id, before.claimed_by) and handoff.sensitive is None:
            about = summary(packet, talk.words)
            given = talk.words("desk.assigned_to_you", case=handoff.case, by=talk.person.name, name=packet.person.name, summary=about)
            await self.board.to_claimant(talk.changes, handoff, given)
        if before.claimed_by != talk.person.id:
            await self.tell_replaced(talk, before, handoff, "desk.given_on", change.text)

    async def _assignee(self, text: str) -> Person | str | tuple[Person, ...] | None:
        """A member of an assignment group by name or address, or a group; several when the name doesn't tell them apart."""
        wanted = text.strip().lower().removeprefix("@")
        if not wanted:
            return None
        groups, people = self.board.organisation.assignment_groups, self.board.people
        for group in groups:
            if wanted in (group.lower(), group.replace("-", " ").lower()):
                return group
        members = {m.id: m for group in groups for m in await people.members(group) if m.active}
        for exactly in ("email", "name", "first_name"):
            found = tuple(member for member in members.values() if getattr(member, exactly).lower() == wanted)
            if found:
                return found[0] if len(found) == 1 else found
        return None

    @staticmethod
    def _aside(talk: Talk, key: str, *, unsent: bool = False, **params: str) -> None:
        """To whoever asked for it, and nobody else. `unsent`: it was meant for the employee, who never saw it."""
        told = [talk.words(key, **params)]
        if unsent:
            told.append(talk.words("desk.unsent"))
        talk.say(ReplyKind.NOTICE, " ".join(told), personal=True)
