"""Which conversation something said belongs to, and where a conversation goes on that did not begin in a thread.

In a room without threads what belongs together is told by time, and by what was last shown there: a run of messages, which is
a thread to the bot though the platform has none.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from bot.conversation.model import AwaitsConfirmation, AwaitsSlot, AwaitsSolved, Conversation
from bot.conversation.store import ConversationStore
from bot.handoff.desk import Desk
from bot.handoff.model import typed
from bot.intake import GOES_ON
from bot.outbox import Outbox
from bot.talk import Talk
from connectors.errors import Retry
from connectors.ports.chat import Activity, ActivityKind, Address, Channel
from connectors.ports.people import Person
from specialists.request import RequestState
from specialists.store import RequestStore

OWN_CHAT_IDLE = timedelta(hours=8)
"""A working day: in their own chat somebody comes back to what was said in the morning, but not to what was said yesterday, unless
something still waits for them."""
_OF_A_CONVERSATION = ("said", "request", "receipt", "relay")
"""Cards that are part of a conversation, wherever they are shown."""
_COMPOSED = (RequestState.GATHERING, RequestState.CONFIRMING)


@dataclass(frozen=True, slots=True)
class Place:
    """The conversation that something belongs to, and where it was heard, with its thread. `begins`: it was said in no thread, nor in
    the room itself (a form, a button of the home page): what is answered begins one."""

    conversation: Conversation
    heard: Address
    begins: bool = False


@dataclass(frozen=True, slots=True)
class _Shown:
    """A card of a conversation that is going on elsewhere: what it is, where it stands, since when."""

    card_key: str
    home: Conversation
    there: Address
    at: datetime


@dataclass(frozen=True, slots=True)
class Threads:
    conversations: ConversationStore
    requests: RequestStore
    desk: Desk
    outbox: Outbox
    channels: Mapping[str, Channel]

    async def place(self, activity: Activity, person: Person, now: datetime) -> Place:
        """Raises Retry when a button was pressed before it is known here which message it stands on."""
        address, target = activity.address, activity.target or ""
        match activity.kind:
            case ActivityKind.RATED if (said := await self.outbox.said_as(address, target)) is not None:
                return await self._at(replace(address, thread=said[1]), person, now)
            case _ if address.thread is not None:
                return await self._at(address, person, now)
            case _ if not self.channels[address.channel].capabilities.flat_rooms:
                pass
            case ActivityKind.MESSAGE:
                return await self._run(activity, activity.id, person, now)
            case ActivityKind.EDITED | ActivityKind.DELETED:
                return await self._of_message(address, target, person) or await self._run(activity, target, person, now)
            case ActivityKind.STOPPED:
                return await self._run(activity, activity.id, person, now)
            case ActivityKind.MARKED if activity.about is not None:
                return await self._of_message(address, target, person) or await self._at(replace(address, thread=target), person, now)
            case ActivityKind.ACTION if target:
                return await self._at(replace(address, thread=await self._pressed(address, target)), person, now)
        return replace(await self._at(replace(address, thread=activity.id), person, now), begins=True)

    async def _at(self, address: Address, person: Person, now: datetime) -> Place:
        """The person's own conversation in this thread; else the one of which something is shown to them there (a card that went to
        their own room, a reply of staff about a private matter); else a new one.
        """
        here = await self.conversations.load(address, person.id, now)
        if here.version > 0:
            return Place(here, address)
        card_key = await self.outbox.card_at(address)
        home = await self._shown(card_key, person)
        if home is None or self._goes_on_here(home, address):
            return Place(home or here, address)
        return Place(_asked_by(card_key, home, here), address)

    async def _pressed(self, address: Address, message_id: str) -> str:
        """The thread of a message of the bot."""
        said = await self.outbox.said_as(address, message_id)
        if said is None and await self.outbox.undelivered([address.room]):
            raise Retry("message_under_way", after=0.2)  # pressed before it is written down here that it is there
        return said[1] if said is not None else message_id

    async def _of_message(self, address: Address, message_id: str, person: Person) -> Place | None:
        conversation = await self.conversations.of_message(message_id, person.id)
        if conversation is None:
            return None
        same = replace(conversation.address, thread=None) == replace(address, thread=None)
        return Place(conversation, conversation.address if same else replace(address, thread=message_id))

    # -- rooms without threads -------------------------------------------------------------------------------------

    async def _run(self, activity: Activity, new: str, person: Person, now: datetime) -> Place:
        """The run of messages that this one goes on with; a new one, named `new`, where it follows on nothing."""
        address = activity.address
        begun = replace(address, thread=new)
        if self._is_shared(address):
            said = await self.conversations.latest(address, person.id, own_words=True)
            if said is not None and now - said[1] <= GOES_ON:
                return Place(said[0], said[0].address)
            return await self._at(begun, person, now)
        desk = await self._at_desk(activity, person, now)
        if desk is not None:
            return desk
        said, shown = await self.conversations.latest(address, person.id), await self._last_shown(address, person, now)
        newer = shown if shown is not None and (said is None or shown.at > said[1]) else None
        if newer is not None and self._goes_on_here(newer.home, address) and await self._is_open(newer.home, newer.at, now):
            return Place(newer.home, newer.there)
        open_run = said is not None and await self._is_open(*said, now)
        place = Place(said[0], said[0].address) if said is not None and open_run else await self._at(begun, person, now)
        return replace(place, conversation=_asked_by(newer.card_key, newer.home, place.conversation)) if newer is not None else place

    async def _last_shown(self, address: Address, person: Person, now: datetime) -> "_Shown | None":
        """The conversation elsewhere of which something was shown here last, if that is the last such thing here."""
        card = await self.outbox.last_shown(address, _OF_A_CONVERSATION)
        if card is None:
            return None
        thread, card_key, at = card
        there = replace(address, thread=thread)
        if (await self.conversations.load(there, person.id, now)).version > 0:
            return None  # a conversation of this room, and known as that
        home = await self._shown(card_key, person)
        return _Shown(card_key, home, there, at) if home is not None else None

    async def _is_open(self, conversation: Conversation, last: datetime, now: datetime) -> bool:
        """Whether what is said in somebody's own chat goes on with this: something was said lately, or waits."""
        return now - last <= OWN_CHAT_IDLE or await self._waits(conversation)

    async def _at_desk(self, activity: Activity, person: Person, now: datetime) -> Place | None:
        """A command that a member of staff types in their own chat belongs to the handoff that was last shown to them there."""
        if activity.kind is not ActivityKind.MESSAGE or typed(activity.text) is None:
            return None
        card = await self.outbox.last_shown(activity.address, ("handoff",))
        handoff = await self.desk.board.handoffs.get(card[1].split(":")[1]) if card is not None else None
        if card is None or handoff is None or not handoff.open or handoff.person_id == person.id:
            return None
        return await self._at(replace(activity.address, thread=card[0]), person, now)

    async def _waits(self, conversation: Conversation) -> bool:
        """Whether people have it, or something that the person asked for waits for their answer."""
        if await self.desk.has(conversation):
            return True
        for item in conversation.awaits:
            if not isinstance(item, AwaitsSlot | AwaitsConfirmation | AwaitsSolved):
                continue
            request = await self.requests.get(item.request_id)
            if request is not None and isinstance(item, AwaitsSolved) and (request.state, request.resolution) == (RequestState.DONE, None):
                return True
            if request is not None and request.state in _COMPOSED:
                return True
        return False

    def _is_shared(self, address: Address) -> bool:
        return self.channels[address.channel].is_shared(address)

    # -- cards -----------------------------------------------------------------------------------------------------

    async def _shown(self, card_key: str | None, person: Person) -> Conversation | None:
        """The person's conversation that a card belongs to."""
        kind, _, subject = (card_key or "").partition(":")
        conversation_id: str | None = None
        match kind:
            case "request" | "receipt":
                request = await self.requests.get(subject)
                conversation_id = request.conversation_id if request is not None else None
            case "relay":
                handoff = await self.desk.handoff_of(subject)
                conversation_id = handoff.conversation_id if handoff is not None else None
            case "said":
                conversation_id = subject
        home = await self.conversations.get(conversation_id) if conversation_id is not None else None
        return home if home is not None and home.person_id == person.id else None

    def _goes_on_here(self, home: Conversation, here: Address) -> bool:
        """What was shown of somebody's own chat on another platform begins something of its own here, since staff answer there."""
        return (home.address.channel, home.address.tenant) == (here.channel, here.tenant) or self._is_shared(home.address)

    async def begin(self, activity: Activity, talk: Talk) -> None:
        """What was not said in a thread gets one: what it began with, and the answer below it."""
        before = talk.conversation.address
        if talk.conversation.version > 0 or not any(post.address == before for post in talk.changes.posts):
            return
        said = talk.began or talk.words("turn.begun")
        after = await self.channels[before.channel].begin(replace(before, thread=None), said, key=activity.id, since=activity.at)
        talk.conversation = replace(talk.conversation, address=after)
        talk.changes.posts[:] = [replace(post, address=after) if post.address == before else post for post in talk.changes.posts]


def _asked_by(card_key: str | None, home: Conversation, here: Conversation) -> Conversation:
    """With what a receipt asks, though it belongs to a conversation on another platform: "did this solve it?" """
    asked = next((one for one in home.awaits if isinstance(one, AwaitsSolved) and card_key == f"receipt:{one.request_id}"), None)
    return here.asking(asked) if asked is not None else here
