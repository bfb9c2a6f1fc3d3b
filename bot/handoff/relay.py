"""Carries words between staff and employee, and lets edits and deletions follow them.

What a message was when it was said it stays: no edit turns a note into a reply, or a reply into a note. Only its author
changes it.
"""

from dataclasses import dataclass, replace

import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from bot.changes import Redraw
from bot.handoff.board import Board
from bot.handoff.carried import Carried, CarriedStore, Kind
from bot.handoff.model import Command, Handoff, HandoffChange, named, typed
from bot.handoff.replies import Replies, audited, listed, redrawn, worded
from bot.outbox import Placement
from bot.talk import Talk
from connectors.ports.chat import Activity, Reply, ReplyKind
from connectors.ports.records import new_id

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Relay:
    board: Board
    carried: CarriedStore
    replies: Replies

    async def said(self, talk: Talk, handoff: Handoff, text: str) -> None:
        """The employee's words, to whoever claimed the conversation."""
        if await self.known(talk):
            return
        here = talk.conversation.address
        carried = Carried(new_id(), here.channel, here.tenant, talk.id, handoff.id, Kind.SAID, talk.person.id, text, talk.files)
        self._add(talk, carried)
        author, words = await self.board.author(talk.person), worded(carried, self.board.words())
        await self.board.to_staff(talk.changes, handoff, words, author=author, files=talk.files, card_key=carried.card_key)

    async def noted(self, talk: Talk, change: HandoffChange) -> HandoffChange:
        """A note that staff may make, with the message that it came from: it goes nowhere."""
        here = talk.conversation.address
        carried = Carried(new_id(), here.channel, here.tenant, talk.id, change.handoff.id, Kind.NOTE, talk.person.id, change.text)
        self._add(talk, carried)
        return replace(change, relay_id=carried.id)

    async def known(self, talk: Talk) -> bool:
        """Whether what is heard was carried before, or is itself a copy of what was."""
        known = await self.carried.known(talk.conversation.address, talk.id)
        if known:
            log.info("not_relayed_again", activity=talk.id)
        return known

    def typed(self, talk: Talk, handoff: Handoff, text: str) -> tuple[str, str] | None:
        """As `typed`; where several handoffs are in one chat without threads, without the case that says which one is meant. None too
        for a command in which another case is meant."""
        command, channel = typed(text), self.board.channels[talk.conversation.address.channel]
        if command is None or not channel.capabilities.flat_rooms or channel.is_shared(talk.conversation.address):
            return command
        case, rest = named(command[1])
        return (command[0], rest) if case in (None, handoff.case) else None

    async def edited(self, talk: Talk, activity: Activity) -> bool:
        """Whether it was part of a handoff; then the other side sees the change."""
        carried = await self._mine(talk, activity)
        if carried is None or carried.by != talk.person.id:
            return carried is not None
        handoff = await self._handoff(carried)
        command = self.typed(talk, handoff, activity.text) if carried.kind is not Kind.SAID else None
        match carried.kind:
            case Kind.SAID:
                await self._reword_said(talk, handoff, replace(carried, text=activity.text), deleted=False)
            case Kind.NOTE:
                await self._reword_note(talk, handoff, replace(carried, text=_noted(command, activity.text)), deleted=False)
                if command is not None and command[0] != Command.NOTE:
                    talk.say(ReplyKind.NOTICE, talk.words("desk.note.stays"), personal=True)
            case Kind.REPLY if command is not None and command[0] == Command.REPLY and command[1]:
                await self.replies.reword(talk, handoff, replace(carried, text=command[1]), deleted=False)
            case _:
                # Whoever takes "!reply" away did not mean to say it to the employee.
                withdrawn = await self.replies.withdraw(talk, handoff, carried)
                talk.say(ReplyKind.NOTICE, talk.words("desk.reply.withdrawn" if withdrawn else "desk.reply.stays"), personal=True)
        return True

    async def deleted(self, talk: Talk, activity: Activity) -> bool:
        """Whether it was part of a handoff; then nothing of it is left on the other side, but that there was something."""
        carried = await self._mine(talk, activity)
        if carried is None or carried.by != talk.person.id:
            return carried is not None
        await self.board.files.forget(talk.person.id, carried.message_id)
        handoff, empty = await self._handoff(carried), replace(carried, text="", files=())
        match carried.kind:
            case Kind.SAID:
                await self._reword_said(talk, handoff, empty, deleted=True)
            case Kind.NOTE:
                await self._reword_note(talk, handoff, empty, deleted=True)
            case Kind.REPLY:
                await self.replies.reword(talk, handoff, empty, deleted=True)
        return True

    async def whose(self, talk: Talk, activity: Activity) -> Handoff | None:
        """The handoff in which this person said to staff what they change now; None for anything else."""
        carried = await self._mine(talk, activity)
        return await self._handoff(carried) if carried is not None and carried.kind is Kind.SAID and carried.by == talk.person.id else None

    async def _mine(self, talk: Talk, activity: Activity) -> Carried | None:
        return await self.carried.of_message(talk.conversation.address, activity.target or "")

    async def _handoff(self, carried: Carried) -> Handoff:
        handoff = await self.board.handoffs.get(carried.handoff_id)
        if handoff is None:
            raise LookupError(f"the handoff of {carried.id} is gone")
        return handoff

    def _add(self, talk: Talk, carried: Carried) -> None:
        async def add(session: AsyncSession) -> None:
            await self.carried.add(session, carried)

        talk.changes.inside.append(add)

    async def _reword_said(self, talk: Talk, handoff: Handoff, changed: Carried, deleted: bool) -> None:
        """A private matter's new words reach its claimant only; the old ones may stand where others read along."""
        words, author = self.board.words(), await self.board.author(talk.person)
        shown = await self.board.outbox.shown(changed.card_key)
        theirs = {p.id for p in shown if deleted or handoff.sensitive is None or p.reader_id == handoff.claimed_by}
        there = await self.board.words_at(shown)
        old = await self.carried.get(changed.id)

        def draw(placement: Placement) -> Reply:
            reader = there.get(placement.id, words)
            if placement.id in theirs or old is None:
                return redrawn(placement, changed, author, reader, deleted)
            return Reply(placement.id, ReplyKind.HANDOFF, worded(old, reader), author=author, files=old.files)

        async def rewrite(session: AsyncSession) -> None:
            await self.carried.rewrite(session, changed)
            await self.board.conversations.rewrite(session, handoff.conversation_id, changed.message_id, _heard(changed, talk))

        talk.changes.inside.append(rewrite)
        talk.changes.redraws.append(Redraw(changed.card_key, draw))
        if not theirs:
            text = words("relay.edited", text=worded(changed, words))
            await self.board.to_claimant(talk.changes, handoff, text, author=author, files=changed.files)
        packet = await self.board.packet(talk.changes, handoff, {changed.message_id: _heard(changed, talk)})
        await self.board.show(talk.changes, handoff, packet)

    async def _reword_note(self, talk: Talk, handoff: Handoff, changed: Carried, deleted: bool) -> None:
        """The note follows; that it was changed, and the words of each time, stay in the audit."""
        kind = "note_deleted" if deleted else "note_edited"
        change = HandoffChange(handoff, kind, talk.person.id, talk.now)

        async def rewrite(session: AsyncSession) -> None:
            await self.carried.rewrite(session, changed)
            await self.board.handoffs.amend_note(session, changed.id, changed.text)

        talk.changes.inside.append(rewrite)
        talk.changes.handoffs.append(change)
        talk.changes.audited.append(audited(change, changed.text, talk.person.id))
        await self.board.show(talk.changes, handoff, await self.board.packet(talk.changes, handoff, {changed.id: changed.text}))
        talk.say(ReplyKind.NOTICE, talk.words(f"desk.done.{kind}"), personal=True)


def _heard(carried: Carried, talk: Talk) -> str:
    """As the conversation remembers it: like `Talk.hear`."""
    return "\n".join(filter(None, (carried.text, listed(carried.files, talk.words))))


def _noted(command: tuple[str, str] | None, text: str) -> str:
    return command[1] if command is not None and command[0] == Command.NOTE else text.strip()
