"""What staff say to the employee: shown to its author first, out after a few seconds, and until then to be taken back.

A reply that is held is a row, so that it goes out, once, whatever becomes of the process. Whatever ends its author's part in the
handoff lets it go out first: what was said is said before the end is told.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal

import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from bot.buttons import Verb
from bot.changes import Audited, Changes, Post, Redraw, Saver
from bot.handoff.board import Board
from bot.handoff.carried import Carried, CarriedStore, Held, Kind
from bot.handoff.model import Handoff, HandoffChange, as_changed
from bot.handoff.store import HandoffMoved
from bot.outbox import Placement
from bot.talk import Talk
from bot.words import Words
from connectors.ports.chat import Action, Attachment, Author, Field, Reply, ReplyKind
from connectors.ports.people import Person
from connectors.ports.records import Clock, new_id

log = structlog.get_logger()
TRIES = 5
"""How often a reply that is due is thought of again because somebody else changed its handoff at that moment."""


@dataclass(frozen=True, slots=True)
class Replies:
    board: Board
    carried: CarriedStore
    saver: Saver
    clock: Clock
    seconds: float
    """How long a reply can be taken back; 0: not at all."""

    async def take(self, talk: Talk, change: HandoffChange) -> None:
        """A reply that its author may give: held, or sent at once where nothing is held."""
        handoff, here = change.handoff, talk.conversation.address
        carried = Carried(new_id(), here.channel, here.tenant, talk.id, handoff.id, Kind.REPLY, talk.person.id, change.text, talk.files)
        due = talk.now + timedelta(seconds=self.seconds)

        async def keep(session: AsyncSession) -> None:
            await self.carried.add(session, carried)
            if self.seconds > 0:
                await self.carried.hold(session, carried, due)

        talk.changes.inside.append(keep)
        employee = await self.board.employee(talk.changes, handoff, talk.id, talk.now)
        if self.seconds <= 0:
            await self._out(employee, carried, talk.person)
            self._record(talk.changes, change, carried, talk.person.id)
            await self.board.show(talk.changes, handoff, await self.board.packet(talk.changes, handoff))
            name, text = employee.person.name, worded(carried, talk.words)
            talk.say(ReplyKind.NOTICE, talk.words("desk.done.reply", name=name, to=text))
            return
        self._record(talk.changes, replace(change, kind="held", text=""), carried, talk.person.id)
        shared = self.board.channels[here.channel].is_shared(here)
        words = self.board.words() if shared else talk.words
        card = self._card(carried, employee.person.name, talk.person.name, words, new_id(), "held", due)
        talk.changes.posts.append(Post(here, card, carried.preview_key, None if shared else talk.person.id))

    async def recall(self, talk: Talk, carried_id: str) -> None:
        """Takes a held reply back, for whoever wrote it or has the conversation."""
        held = await self.carried.held(carried_id)
        handoff = await self.board.handoffs.get(held.carried.handoff_id) if held is not None else None
        if held is None or handoff is None:
            talk.say(ReplyKind.NOTICE, talk.words("press.unknown"), personal=True)
        elif talk.person.id not in (held.carried.by, handoff.claimed_by):
            talk.say(ReplyKind.NOTICE, talk.words("desk.recall.not_yours"), personal=True)
        elif held.state != "held":
            talk.say(ReplyKind.NOTICE, talk.words(f"desk.recall.{held.state}"), personal=True)
        else:
            await self._recall(talk.changes, handoff, held, talk.person.id, talk.now)

    async def reword(self, talk: Talk, handoff: Handoff, changed: Carried, deleted: bool) -> None:
        """Its author edited or deleted the message that a reply came from: the reply follows, wherever it is by now."""
        held = await self.carried.held(changed.id)
        if held is not None and held.state == "recalled":
            if not deleted:
                talk.say(ReplyKind.NOTICE, talk.words("desk.recall.edited"), personal=True)
            return
        if held is not None and held.state == "held":
            if deleted:
                await self._recall(talk.changes, handoff, held, talk.person.id, talk.now)
            else:
                await self._reword_held(talk, handoff, replace(held, carried=changed))
            return
        await self._reword_sent(talk, handoff, changed, deleted)

    async def withdraw(self, talk: Talk, handoff: Handoff, carried: Carried) -> bool:
        """Takes a reply back that is still held; False when it is out."""
        held = await self.carried.held(carried.id)
        if held is None or held.state == "sent":
            return False
        if held.state == "held":
            await self._recall(talk.changes, handoff, held, talk.person.id, talk.now)
        return True

    async def flush(self, employee: Talk, handoff: Handoff) -> None:
        """In the turn that ends its author's part: what is held goes out now, before anything else is told."""
        for held in await self.carried.waiting(handoff.id):
            await self._release(employee, handoff, held)

    async def send_due(self) -> float | None:
        """Sends what nobody took back. Returns the seconds until more is due, None when nothing waits."""
        for carried_id, handoff_id, due in await self.carried.due():
            if due <= self.clock():
                await self._send(carried_id, handoff_id)
        waiting = await self.carried.due()
        return max(0.01, (waiting[0][2] - self.clock()).total_seconds()) if waiting else None

    async def _send(self, carried_id: str, handoff_id: str) -> None:
        for _ in range(TRIES):
            # The handoff is read first: whoever changes the words later changes it too, and then this is thought again.
            handoff = await self.board.handoffs.get(handoff_id)
            held = await self.carried.held(carried_id)
            if handoff is None or held is None or held.state != "held":
                return
            changes = Changes()
            if await self.board.people.get(handoff.person_id) is None:
                await self._recall(changes, handoff, held, None, self.clock())  # there is nobody to read it any more
            else:
                employee = await self.board.employee(changes, handoff, carried_id, self.clock())
                await self._release(employee, handoff, held)
                await self.board.show(changes, handoff, await self.board.packet(changes, as_changed(handoff, changes.handoffs)))
            try:
                await self.saver.save(changes)
                return
            except HandoffMoved:
                log.info("reply_sent_again", reply=carried_id)

    async def _release(self, employee: Talk, handoff: Handoff, held: Held) -> None:
        """Held -> sent, with what the employee and the author see of it."""
        changes, carried, now = employee.changes, held.carried, employee.now
        staff = await self.board.people.get(carried.by)
        if staff is None:
            await self._recall(changes, handoff, held, None, now)  # gone from the directory: nobody would answer for it
            return
        self._settle(changes, carried, "sent")
        await self._out(employee, carried, staff)
        current = as_changed(handoff, changes.handoffs)
        self._record(changes, HandoffChange(replace(current, updated_at=now), "reply", staff.id, now, carried.text), carried, staff.id)
        await self._redraw_preview(changes, carried, employee.person, staff.name, "sent", now)

    async def _recall(self, changes: Changes, handoff: Handoff, held: Held, by: str | None, now: datetime) -> None:
        carried = held.carried
        self._settle(changes, carried, "recalled")
        current = as_changed(handoff, changes.handoffs)
        self._record(changes, HandoffChange(current, "recalled", by, now), carried, by or "foyer")
        employee, staff = await self.board.people.get(handoff.person_id), await self.board.people.get(carried.by)
        await self._redraw_preview(changes, carried, employee, staff.name if staff else "", "recalled", now)

    async def _reword_held(self, talk: Talk, handoff: Handoff, held: Held) -> None:
        carried = held.carried
        self._settle(talk.changes, carried, "held")
        self._rewrite(talk.changes, carried)
        self._record(talk.changes, HandoffChange(handoff, "reworded", talk.person.id, talk.now), carried, talk.person.id)
        employee = await self.board.people.get(handoff.person_id)
        await self._redraw_preview(talk.changes, carried, employee, talk.person.name, "held", held.due_at)

    async def _reword_sent(self, talk: Talk, handoff: Handoff, changed: Carried, deleted: bool) -> None:
        changes = talk.changes
        employee = await self.board.employee(changes, handoff, talk.id, talk.now)
        text = "" if deleted else worded(changed, employee.words)
        self._rewrite(changes, changed)

        async def remember(session: AsyncSession) -> None:
            await self.board.conversations.rewrite(session, handoff.conversation_id, changed.message_id, text)

        changes.inside.append(remember)
        author = await self.board.author(talk.person)
        changes.redraws.append(Redraw(changed.card_key, lambda p: redrawn(p, changed, author, employee.words, deleted)))
        kind: Literal["reply_deleted", "reply_edited"] = "reply_deleted" if deleted else "reply_edited"
        change = HandoffChange(handoff, kind, talk.person.id, talk.now, changed.text)
        self._record(changes, change, changed, talk.person.id)
        await self.board.show(changes, handoff, await self.board.packet(changes, change.handoff, {changed.message_id: text}))
        await self._redraw_preview(changes, changed, employee.person, talk.person.name, kind, talk.now)
        talk.say(ReplyKind.NOTICE, talk.words(f"desk.done.{kind}", name=employee.person.name), personal=True)

    async def _out(self, employee: Talk, carried: Carried, staff: Person) -> None:
        """Into the employee's conversation, in the staff member's own name."""
        text = worded(carried, employee.words)
        reply = Reply(new_id(), ReplyKind.HANDOFF, text, author=await self.board.author(staff), files=carried.files)
        handoff = await self.board.handoffs.get(carried.handoff_id)
        about = await self.board.about(employee.changes, handoff) if handoff is not None else ()
        employee.post(reply, card_key=carried.card_key, author_id=staff.id, about=about)
        heard = employee.changes.transcript
        heard[-1] = replace(heard[-1], message_id=carried.message_id)

    async def _redraw_preview(self, changes: Changes, carried: Carried, employee: Person | None, by: str, state: str, at: datetime) -> None:
        words = await self.board.words_at(await self.board.outbox.shown(carried.preview_key))

        def draw(placement: Placement) -> Reply:
            there = words.get(placement.id) or self.board.words()
            return self._card(carried, employee.name if employee else "", by, there, placement.id, state, at)

        changes.redraws.append(Redraw(carried.preview_key, draw))

    def _card(self, carried: Carried, name: str, by: str, words: Words, reply_id: str, state: str, at: datetime) -> Reply:
        recall = Action(self.board.buttons.id(Verb.RECALL, carried.id), words("button.recall"), "danger")
        return Reply(
            reply_id,
            ReplyKind.HANDOFF,
            words(f"desk.preview.{state}", name=name, by=by, text=carried.text, at=at),
            actions=(recall,) if state == "held" else (),
            fields=tuple(Field(words("desk.field.files"), file.name) for file in carried.files),
        )

    def _settle(self, changes: Changes, carried: Carried, state: Literal["held", "sent", "recalled"]) -> None:
        async def settle(session: AsyncSession) -> None:
            await self.carried.settle(session, carried.id, state)

        changes.inside.append(settle)

    def _rewrite(self, changes: Changes, carried: Carried) -> None:
        async def rewrite(session: AsyncSession) -> None:
            await self.carried.rewrite(session, carried)

        changes.inside.append(rewrite)

    def _record(self, changes: Changes, change: HandoffChange, carried: Carried, actor: str) -> None:
        changes.handoffs.append(change)
        changes.audited.append(audited(change, carried.text, actor))


def audited(change: HandoffChange, text: str, actor: str) -> Audited:
    """What staff did with a handoff, with their words unless the matter is private."""
    handoff = change.handoff
    return Audited(
        "action",
        f"handoff_{change.kind}",
        actor,
        {"handoff": handoff.case},
        private={"text": text} if text and handoff.sensitive is None else None,
        subject_id=handoff.person_id,
        request_id=handoff.request_id or handoff.id,
    )


def worded(carried: Carried, words: Words) -> str:
    """Its text; the names of its files where there is none."""
    return carried.text or listed(carried.files, words)


def listed(files: tuple[Attachment, ...], words: Words) -> str:
    return "\n".join(words("say.file", name=file.name) for file in files)


def redrawn(placement: Placement, carried: Carried, author: Author, words: Words, deleted: bool) -> Reply:
    """The other side's copy after its author changed the message."""
    if deleted:
        return Reply(placement.id, ReplyKind.HANDOFF, words("relay.deleted", name=author.name), author=author)
    text = words("relay.edited", text=worded(carried, words))
    return Reply(placement.id, ReplyKind.HANDOFF, text, author=author, files=carried.files)
