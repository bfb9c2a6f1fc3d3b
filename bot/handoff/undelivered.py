"""What could not be shown, and never will be where it was meant to: somebody hears of it all the same.

What is refused though its room is there is said once more in bare words, since it may be how it looks that is not taken: nobody's
words may make a room seem gone. A reply that a room refuses goes to its reader's own chat; a card of staff is posted again, or to each
of them when its room is gone; an answer whose message cannot be changed to its end is posted anew; and whoever sent a file that did
not arrive is told.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from bot.changes import Changes, Post, Saver
from bot.handoff.board import Board, key, own_key
from bot.handoff.carried import Carried, CarriedStore, Kind
from bot.handoff.model import HandoffChange
from bot.handoff.store import HandoffMoved
from bot.outbox import Refusal
from bot.words import Words
from connectors.chat.markdown import literal, words
from connectors.chat.text import JOINER
from connectors.ports.chat import Address, Reply, ReplyKind
from connectors.ports.people import Person
from connectors.ports.records import Clock, new_id

log = structlog.get_logger()
NO_MESSAGES = frozenset({ReplyKind.HOME, ReplyKind.GREETING})
"""Shown again when they are next asked for."""
LOST = frozenset((
    "room_gone", "no_chat", "no_member", "surface_gone", "is_archived", "channel_not_found", "not_in_channel", "restricted_action",
    "user_not_found", "user_disabled", "cannot_dm_bot", "messages_tab_disabled", "account_inactive", "token_revoked", "invalid_auth",
))  # fmt: skip
"""Codes that say of the place, not of what is said there, that it takes nothing."""
BARE = JOINER
"""Begins what is said once more in bare words; invisible."""


@dataclass(frozen=True, slots=True)
class Undelivered:
    board: Board
    carried: CarriedStore
    saver: Saver
    clock: Clock

    async def tell(self, refusal: Refusal) -> None:
        """Of one refusal; again is as good as once."""
        name, _, rest = (refusal.card_key or "").partition(":")
        carried = await self.carried.get(rest) if name == "relay" else None
        if refusal.files:
            await self._without_files(refusal, carried)
        elif (bare := _bare(refusal)) is not None:
            await self._post(replace(refusal, reply=bare), refusal.address)
        elif name == "unshown":
            await self._moved(rest)
        elif name == "handoff" and not rest.endswith(":left"):
            await self._card(refusal, rest.split(":")[0])
        elif name == "answer" and refusal.operation == "edit" and refusal.code != "never_posted":
            await self._answer(refusal)
        elif refusal.operation != "post":
            return
        elif refusal.reply.surface is not None:
            await self._in_chat(refusal)
        elif carried is not None and carried.kind is Kind.SAID and refusal.code in LOST:
            await self._moved(carried.handoff_id)
        elif carried is not None and carried.kind is Kind.SAID:
            log.error("words_unshown", handoff=carried.handoff_id, code=refusal.code)
            await self._tell_staff(carried, "desk.unshown", card_key=f"unshown:{carried.handoff_id}")
        elif await self._to_readers(refusal):
            return
        elif carried is not None:
            await self._unheard(carried)
        else:
            await self._to_another_chat(refusal)

    async def _card(self, refusal: Refusal, handoff_id: str) -> None:
        """Of staff. One that cannot be changed, since it is gone or too old, is posted again; if its room is gone, that is refused."""
        if refusal.operation == "post":
            await self._moved(handoff_id)
        elif refusal.code != "never_posted":  # its post was refused, and told, before
            await self._post(refusal, refusal.address)

    async def _answer(self, refusal: Refusal) -> None:
        """Its message cannot be changed, since it is gone or too old: what it was to say in the end is posted."""
        if not refusal.reply.unfinished:
            await self._post(refusal, refusal.address)

    async def _moved(self, handoff_id: str) -> None:
        """The room in which staff work on it is gone: its card, with all that was said, goes to the own chat of each of the group
        and of whoever has it (a private one's to its claimant alone, on the web), and they hear why. Where the group has nobody, it
        goes to the group's room of the web chat. Once.
        """
        board = self.board
        handoff = await board.handoffs.get(handoff_id)
        if handoff is None or not handoff.open:
            return
        changes = Changes()
        claimant = await board.people.get(handoff.claimed_by) if handoff.claimed_by else None
        alone = handoff.sensitive is not None and claimant is not None
        home = board.fallback(handoff.assignment_group)
        if alone and claimant is not None:
            home = board.channels["web"].direct("local", claimant.email)
        card_key = own_key(handoff) if alone else key(handoff)
        shown = await board.outbox.shown(card_key)
        at_home = any((p.address.channel, p.address.room) == (home.channel, home.room) for p in shown)
        if at_home or (not alone and any(p.reader_id is not None for p in shown)):
            log.error("handoff_card_undelivered", handoff=handoff.id)
            return
        words = board.words()
        members = [member for member in await board.people.members(handoff.assignment_group) if member.active]
        readers = {person.id: person for person in (*members, claimant) if person is not None and person.id != handoff.person_id}
        told = [claimant] if alone and claimant is not None else [*readers.values()]
        group = board.group(handoff, words)
        board.retire(changes, card_key, handoff, words("desk.fallback" if alone or not told else "desk.each", group=group))
        for person in told:
            text = Words.for_person(board.messages, person)("desk.unreachable.web" if alone else "desk.unreachable", case=handoff.case)
            address = await board.people.address(person, board.channels)
            changes.posts.append(Post(address, Reply(new_id(), ReplyKind.NOTICE, text), None, person.id))
        packet = await board.packet(changes, handoff)
        if alone:
            await board.post_own_card(changes, packet, home)
        elif told:
            await board.post_cards(changes, packet, told)
        else:
            board.post_card(changes, packet, home)
        changes.handoffs.append(HandoffChange(handoff, "unreachable", None, self.clock()))
        try:
            await self.saver.save(changes)
        except HandoffMoved:
            await self._moved(handoff_id)

    async def _in_chat(self, refusal: Refusal) -> None:
        """A form that came when nobody waited for it any more is an ordinary message of their chat, where the channel can show one."""
        channel = self.board.channels[refusal.address.channel]
        gone = refusal.code == "surface_gone" and refusal.reply.form is not None
        if gone and channel.capabilities.forms_in_messages and not channel.is_shared(refusal.address):
            await self._post(replace(refusal, reply=replace(refusal.reply, surface=None)), refusal.address)

    async def _to_readers(self, refusal: Refusal) -> bool:
        """What a room refuses goes to the own chat of whoever it was for; False when there is none that it could go to."""
        address, reply = refusal.address, refusal.reply
        channel = self.board.channels[address.channel]
        if not channel.is_shared(address) or reply.kind in NO_MESSAGES:
            return False
        readers = [reply.only_for] if reply.only_for is not None else await self._talking(address)
        for reader in readers if refusal.card_key is None else readers[:1]:
            await self._post(refusal, channel.direct(address.tenant, reader))
        return bool(readers)

    async def _to_another_chat(self, refusal: Refusal) -> None:
        """What somebody's own chat refuses, since they removed or blocked the bot there, goes to where else they are reached, and
        whoever was told in a room that it goes on in their own chat hears there how to open one.
        """
        board = self.board
        shown = await board.outbox.shown(refusal.card_key) if refusal.card_key is not None else []
        reader_id = next((one.reader_id for one in shown if one.id == refusal.reply.id), None)
        reader = await board.people.get(reader_id) if reader_id is not None else None
        if reader is None or refusal.reply.kind in NO_MESSAGES:
            return
        tried = {refusal.address.channel, *await board.outbox.tried(refusal.reply.id)}
        others = {name: channel for name, channel in board.channels.items() if name not in tried}
        address = await board.people.reached_at(reader, others)
        if address is None:
            log.error("reply_undelivered", reply=refusal.reply.id, reader=reader.id)
            return
        await self._post(refusal, address, await self._no_chat(refusal, reader))

    async def _no_chat(self, refusal: Refusal, reader: Person) -> list[Post]:
        """What the room where they asked is told, once; nothing where they asked in no room."""
        board = self.board
        kind, _, subject = (refusal.card_key or "").partition(":")
        request = await board.requests.get(subject) if kind in ("request", "receipt") else None
        if request is not None and request.requester_id == reader.id:
            kind, subject = "said", request.conversation_id
        conversation = await board.conversations.get(subject) if kind == "said" else None
        if conversation is None or not board.channels[conversation.address.channel].is_shared(conversation.address):
            return []
        key = f"no_chat:{conversation.id}"
        if await board.outbox.shown(key):
            return []
        notice = Reply(new_id(), ReplyKind.NOTICE, board.words()("room.no_chat", name=reader.name))
        return [Post(conversation.address, notice, key)]

    async def _talking(self, address: Address) -> list[str]:
        """The accounts of those who talk with the bot in this thread, whoever began first."""
        people = [await self.board.people.get(person_id) for person_id in await self.board.conversations.people_at(address)]
        known = [await self.board.people.external_id(one, address.channel, address.tenant) for one in people if one is not None]
        return [account for account in known if account is not None]

    async def _post(self, refusal: Refusal, address: Address, told: Sequence[Post] = ()) -> None:
        """`told`: what is said of it in the same transaction."""

        async def post(session: AsyncSession) -> None:
            await self.board.outbox.post_again(session, refusal, address)

        await self.saver.save(Changes(inside=[post], posts=[*told]))

    async def _unheard(self, carried: Carried) -> None:
        """Staff believe that the employee has it."""
        await self._tell_staff(carried, "desk.unheard")

    async def _without_files(self, refusal: Refusal, carried: Carried | None) -> None:
        if carried is not None and carried.kind is Kind.REPLY:
            await self._tell_staff(carried, "desk.file_unsent", refusal.files)
            return
        changes = Changes()
        handoff = await self.board.handoffs.get(carried.handoff_id) if carried is not None else None
        if handoff is not None:
            employee = await self.board.employee(changes, handoff, new_id(), self.clock())
            employee.say(ReplyKind.NOTICE, employee.words("relay.file_unsent", names=refusal.files), personal=True)
        else:
            text = self.board.words()("file.unsent", names=refusal.files)
            notice = Reply(new_id(), ReplyKind.NOTICE, text, only_for=refusal.reply.only_for)
            changes.posts.append(Post(refusal.address, notice))
        await self.saver.save(changes)

    async def _tell_staff(self, carried: Carried, message: str, names: tuple[str, ...] = (), card_key: str | None = None) -> None:
        handoff = await self.board.handoffs.get(carried.handoff_id)
        person = await self.board.people.get(handoff.person_id) if handoff is not None else None
        if handoff is None or person is None:
            return
        changes, given = Changes(), {"names": names} if names else {}
        await self.board.to_staff(changes, handoff, self.board.words()(message, name=person.name, **given), card_key=card_key)
        await self.saver.save(changes)


def _bare(refusal: Refusal) -> Reply | None:
    """The same in words alone, without a card; None where that would not help, or was said already."""
    reply = refusal.reply
    again = refusal.operation == "post" and reply.surface is None and reply.kind not in NO_MESSAGES
    if not again or refusal.code in LOST or reply.text.startswith(BARE):
        return None
    facts = [f"{field.label}: {field.value}" for field in reply.fields]
    lines = [literal(line) for line in (*words(reply.text).split("\n"), *facts) if line.strip()]
    text = BARE + "\n".join(lines)
    return Reply(reply.id, ReplyKind.NOTICE, text, author=reply.author, files=reply.files, only_for=reply.only_for) if lines else None
