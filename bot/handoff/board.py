"""What staff are shown of a handoff, and where: its card in the group's room, the claimant's own of a private one, the words
that are carried there.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from bot.buttons import Buttons
from bot.changes import Changes, Post, Redraw
from bot.config import Organisation
from bot.conversation.store import ConversationStore
from bot.conversation.summary import SPECIALIST, STAFF
from bot.conversation.summary_store import Kept, SummaryStore
from bot.files import FileStore
from bot.handoff.briefing import Packet, desk_card, moved_card, summarised
from bot.handoff.model import Handoff
from bot.handoff.store import HandoffStore
from bot.outbox import Outbox, Placement
from bot.people import PeopleStore
from bot.privacy import Subject
from bot.talk import Talk, Talks
from bot.words import Words
from connectors.ports.chat import Address, Attachment, Author, Channel, Reply, ReplyKind
from connectors.ports.messages import Messages, Reader
from connectors.ports.people import Person
from connectors.ports.records import new_id
from specialists.roster import Roster
from specialists.store import RequestStore

EARLIER = 3
"""Requests asked for before in the same conversation, of which staff are told what became of them step by step."""


@dataclass(frozen=True, slots=True)
class Board:
    people: PeopleStore
    files: FileStore
    conversations: ConversationStore
    requests: RequestStore
    handoffs: HandoffStore
    summaries: SummaryStore
    roster: Roster
    outbox: Outbox
    channels: dict[str, Channel]
    messages: Messages
    buttons: Buttons
    organisation: Organisation
    room: Callable[[str], Address]
    """Where an assignment group works."""
    talks: Talks

    def words(self) -> Words:
        """For rooms that several people read."""
        return Words(self.messages, Reader(self.organisation.locale, self.organisation.timezone, several=True))

    async def words_at(self, placements: Sequence[Placement]) -> Mapping[str, Words]:
        """By the placement's id: in the words of whoever reads there."""
        readers = {p.reader_id: await self.people.get(p.reader_id) for p in placements if p.reader_id is not None}
        people = {p.id: readers.get(p.reader_id) for p in placements if p.reader_id is not None}
        return {p.id: Words.for_person(self.messages, person) if (person := people.get(p.id)) else self.words() for p in placements}

    def group(self, handoff: Handoff, words: Words) -> str:
        return self.group_named(handoff.assignment_group, words)

    @staticmethod
    def group_named(group: str, words: Words) -> str:
        key = f"group.{group}"
        return words(key) if words.messages.has(key) else group

    async def author(self, person: Person) -> Author:
        """A person who speaks themselves: by name, with their picture where the platform has one."""
        return Author(person.name, await self.people.picture(person))

    async def packet(self, changes: Changes, handoff: Handoff, amended: Mapping[str, str] | None = None) -> Packet:
        """All that is known, with what this turn adds. `amended`: new texts, by message id, or for a note by its relay."""
        person = await self.people.get(handoff.person_id)
        if person is None:
            raise LookupError(f"the person of {handoff.case} is gone")
        new = amended or {}
        stored_request = await self.requests.get(handoff.request_id) if handoff.request_id else None
        pending_request = changes.requests.get(handoff.request_id or "")
        request = pending_request.request if pending_request is not None else stored_request
        said = [*await self.conversations.transcript(handoff.conversation_id)]
        said += [event for event in changes.transcript if event.conversation_id == handoff.conversation_id]
        said = [replace(event, text=new.get(event.message_id or "", event.text)) for event in said]
        notes = [(note.by, new.get(note.relay_id or "", note.text)) for note in await self.handoffs.notes(handoff.id)]
        notes += [(c.by or "", c.text) for c in changes.handoffs if c.handoff.id == handoff.id and c.kind == "note"]
        stored = await self.requests.events_of(request.id) if request is not None else []
        others = [other for other in await self.requests.of_conversation(handoff.conversation_id) if other.id != handoff.request_id]
        beside = [one for one in await self.handoffs.of_conversation(handoff.conversation_id) if one.id != handoff.id]
        apart = [one for one in beside if one.sensitive is not None]
        earlier = [other for other in others if not any(private.covers(other.created_at) for private in apart)]
        packet = Packet(
            handoff=handoff,
            person=person,
            transcript=said,
            request=request,
            events=[item.event for item in stored],
            earlier=earlier,
            earlier_events={other.id: [one.event for one in await self.requests.events_of(other.id)] for other in earlier[-EARLIER:]},
            closed=[one for one in beside if not one.open],
            notes=[(by, text) for by, text in notes if text],
            claimant=await self.people.get(handoff.claimed_by) if handoff.claimed_by is not None else None,
            files=await self.files.of_conversation(handoff.conversation_id, private_to=handoff.id),
            unheard=None if await self.hears(room := self.room(handoff.assignment_group)) else room,
        )
        # A line that this turn changes is known to what is kept, and must not be shown again.
        changed = any(event.message_id in new for event in said)
        packet = summarised(packet, None if changed else await self._memory(handoff))
        return replace(packet, names=await self._names(packet))

    async def _memory(self, handoff: Handoff) -> Kept | None:
        """What a model made of the conversation; of a private matter nothing."""
        kept = await self.summaries.get(handoff.conversation_id) if handoff.sensitive is None else None
        return kept if kept is not None and kept.model is not None else None

    async def _names(self, packet: Packet) -> Mapping[str, str]:
        """Of all who speak or did something: people by their id, specialists by what a summary calls them."""
        ids = {event.person_id for event in packet.transcript} | {by for by, _ in packet.notes} | {packet.handoff.claimed_by}
        tried = packet.summary.tried if packet.summary is not None else ()
        ids |= {one.by.removeprefix(STAFF) for one in tried if one.by.startswith(STAFF)}
        known = [await self.people.get(person_id) for person_id in ids if person_id]
        names = {someone.id: someone.name for someone in known if someone is not None}
        return names | {f"{SPECIALIST}{one.name}": one.display_name for one in self.roster.specialists.values()}

    async def hears(self, room: Address) -> bool:
        """Whether what staff write there is heard, though it is not said to the bot."""
        return room.channel not in self.channels or await self.channels[room.channel].hears(room)

    def post_card(self, changes: Changes, packet: Packet, where: Address | None = None) -> None:
        """The card of a handoff that has none yet, in its group's room."""
        room = where or self.room(packet.handoff.assignment_group)
        card = desk_card(packet, self.words(), self.buttons, new_id(), heard=room != packet.unheard, forms=self._forms(room))
        changes.posts.append(Post(room, card, key(packet.handoff)))

    async def post_cards(self, changes: Changes, packet: Packet, readers: Sequence[Person]) -> None:
        """The group's card, to each by themselves: their room is gone."""
        for reader in readers:
            address = await self.people.address(reader, self.channels)
            card = desk_card(packet, Words.for_person(self.messages, reader), self.buttons, new_id(), forms=self._forms(address))
            changes.posts.append(Post(address, card, key(packet.handoff), reader.id))

    async def post_own_card(self, changes: Changes, packet: Packet, where: Address | None = None) -> None:
        """The claimant's own of a private one."""
        if packet.claimant is None:
            return
        address = where or await self.people.address(packet.claimant, self.channels)
        card = desk_card(packet, Words.for_person(self.messages, packet.claimant), self.buttons, new_id(), alone=True)
        changes.posts.append(Post(address, card, own_key(packet.handoff), packet.claimant.id))

    async def show(self, changes: Changes, before: Handoff, packet: Packet) -> None:
        """Makes every card true: the group's; of a sensitive one the claimant's own; and what is left where it was."""
        after = packet.handoff
        if after.assignment_group != before.assignment_group:
            self.retire(changes, key(after), after, self.group(after, self.words()))
            self.post_card(changes, packet)
        else:
            self.redraw(changes, packet)
        if before.claimed_by not in (None, after.claimed_by):
            to = packet.claimant.name if packet.claimant is not None else self.group(after, self.words())
            self.retire(changes, own_key(after), after, to)
        if after.sensitive is None or packet.claimant is None:
            return
        if before.claimed_by != after.claimed_by:
            await self.post_own_card(changes, packet)
        else:
            words = Words.for_person(self.messages, packet.claimant)
            changes.redraws.append(Redraw(own_key(after), lambda p: desk_card(packet, words, self.buttons, p.id, alone=True)))

    def redraw(self, changes: Changes, packet: Packet) -> None:
        def draw(placement: Placement) -> Reply:
            here = placement.address
            heard, forms = here != packet.unheard, self._forms(here)
            return desk_card(packet, self.words(), self.buttons, placement.id, heard=heard, forms=forms)

        changes.redraws[:] = [redraw for redraw in changes.redraws if redraw.card_key != key(packet.handoff)]
        changes.redraws.append(Redraw(key(packet.handoff), draw))

    def retire(self, changes: Changes, card_key: str, handoff: Handoff, to: str) -> None:
        async def retire(session: AsyncSession) -> None:
            await self.outbox.retire(session, card_key, f"{key(handoff)}:left", lambda p: moved_card(handoff, to, self.words(), p.id))

        changes.inside.append(retire)

    async def to_staff(
        self,
        changes: Changes,
        handoff: Handoff,
        text: str,
        *,
        author: Author | None = None,
        files: tuple[Attachment, ...] = (),
        card_key: str | None = None,
    ) -> None:
        """Into the thread in which staff work on it; of a sensitive one into its claimant's alone."""
        if handoff.sensitive is not None:
            await self.to_claimant(changes, handoff, text, author=author, files=files, card_key=card_key)
            return
        reply = Reply(new_id(), ReplyKind.HANDOFF, text, author=author, files=files)
        thread = await self.thread(handoff)
        own = [p for p in await self.outbox.shown(key(handoff)) if p.reader_id is not None]
        if thread is not None:
            changes.posts.append(Post(thread, reply, card_key))
        elif handoff.claimed_by is not None:
            await self.to_claimant(changes, handoff, text, author=author, files=files, card_key=card_key)
        elif own:
            for p in own:
                at = replace(p.address, thread=p.posted_thread)
                changes.posts.append(Post(at, replace(reply, id=new_id()), card_key, p.reader_id))
        else:
            changes.posts.append(Post(self.room(handoff.assignment_group), reply, card_key))

    async def thread(self, handoff: Handoff) -> Address | None:
        """Where its group works on it together; None before that is known, or when the room is gone."""
        shown = await self.outbox.shown(key(handoff))
        rooms = self._rooms(handoff)
        threads = [replace(p.address, thread=p.posted_thread) for p in shown if p.posted_thread is not None and p.address in rooms]
        return threads[-1] if threads else None

    async def to_claimant(
        self,
        changes: Changes,
        handoff: Handoff,
        text: str,
        *,
        author: Author | None = None,
        files: tuple[Attachment, ...] = (),
        card_key: str | None = None,
    ) -> None:
        """Into the claimant's own thread about it; before that is known, on its own."""
        claimant = await self.people.get(handoff.claimed_by) if handoff.claimed_by else None
        if claimant is None:
            return
        reply = Reply(new_id(), ReplyKind.HANDOFF, text, author=author, files=files)
        shown = [*await self.outbox.shown(key(handoff)), *await self.outbox.shown(own_key(handoff))]
        own = [p for p in shown if p.reader_id == claimant.id and p.posted_thread]
        if own:
            changes.posts.append(Post(replace(own[-1].address, thread=own[-1].posted_thread), reply, card_key, claimant.id))
        else:
            address = await self.people.address(claimant, self.channels)
            changes.posts.append(Post(address, reply, card_key or f"{key(handoff)}:words", claimant.id))

    async def is_private(self, handoff: Handoff, here: Address) -> bool:
        """Whether only the claimant reads here."""
        shown = await self.outbox.shown(own_key(handoff))
        return any((p.address.channel, p.address.tenant, p.address.room) == (here.channel, here.tenant, here.room) for p in shown)

    async def employee(self, changes: Changes, handoff: Handoff, turn_id: str, now: datetime) -> Talk:
        """The employee's side of the conversation, with its changes in the same transaction."""
        conversation = await self.conversations.get(handoff.conversation_id)
        person = await self.people.get(handoff.person_id)
        if conversation is None or person is None:
            raise LookupError(f"the conversation of {handoff.case} is gone")
        employee = await self.talks.open(turn_id, person, conversation, now, changes)
        employee.about = await self.about(changes, handoff)
        if handoff.sensitive is not None:
            employee.keep_private(handoff.id)
        return employee

    async def about(self, changes: Changes, handoff: Handoff) -> tuple[Subject, ...]:
        """What anything said of this handoff may tell of: whoever has it has read all that was asked for in its conversation."""
        kept = {one.id: one for one in await self.requests.of_conversation(handoff.conversation_id)}
        named = await self.requests.get(handoff.request_id) if handoff.request_id is not None else None
        if named is not None:
            kept[named.id] = named
        new = {one.request.id: one.request for one in changes.requests.values() if one.request.conversation_id == handoff.conversation_id}
        return (handoff, *(kept | new).values())

    def _forms(self, address: Address) -> bool:
        return address.channel in self.channels and self.channels[address.channel].capabilities.forms

    def fallback(self, group: str) -> Address:
        """Where a group works when its own room is gone."""
        return Address("web", "local", f"group:{group}")

    def _rooms(self, handoff: Handoff) -> tuple[Address, Address]:
        return self.room(handoff.assignment_group), self.fallback(handoff.assignment_group)


def key(handoff: Handoff) -> str:
    """Of its card in the group's room. With ":private" the claimant's own card, ":words" what they were sent without one,
    ":left" cards that stand where it was."""
    return f"handoff:{handoff.id}"


def own_key(handoff: Handoff) -> str:
    return f"{key(handoff)}:private"
