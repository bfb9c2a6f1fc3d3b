"""Which conversation something said belongs to, and where a conversation goes on that did not begin in a thread.

In a room without threads what belongs together is told by time, and by what waits there: a run of messages, which is a thread to the
bot though the platform has none; `runs.py` chooses. In somebody's own chat it is always one of that chat: what was said to the bot
alone is not told later in the room where something else of theirs began. Only a private matter that people have goes on from there.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from bot.conversation.model import Awaits, AwaitsConfirmation, AwaitsHandoffAnswer, AwaitsSlot, AwaitsSolved, Conversation
from bot.conversation.store import ConversationStore, Spoken
from bot.handoff.desk import Desk
from bot.handoff.model import Handoff, HandoffState
from bot.intake import GOES_ON
from bot.outbox import Outbox, Shown
from bot.runs import Asked, Asks, Run, choose
from bot.talk import Talk
from connectors.errors import Retry
from connectors.ports.chat import Activity, ActivityKind, Address, Channel, ReplyKind
from connectors.ports.people import Person
from specialists.request import COMPOSED, RequestState
from specialists.store import RequestStore

OWN_CHAT_IDLE = timedelta(hours=8)
"""A working day: in their own chat somebody comes back to what was said in the morning, but not to what was said yesterday, unless
something still waits for them."""
LONG_AGO = timedelta(days=31)
"""What began before that and is in nobody's hands is not gone on with: nothing is looked for there."""
MOST_CARDS = 10
"""Cards of other rooms that are looked at for an open question."""


@dataclass(frozen=True, slots=True)
class Place:
    """The conversation that something belongs to, and where it was heard, with its thread. `begins`: it was said in no thread, nor in
    the room itself (a form, a button of the home page): what is answered begins one."""

    conversation: Conversation
    heard: Address
    begins: bool = False


@dataclass(frozen=True, slots=True)
class Threads:
    conversations: ConversationStore
    requests: RequestStore
    desk: Desk
    outbox: Outbox
    channels: Mapping[str, Channel]

    async def place(self, activity: Activity, person: Person, now: datetime) -> Place:
        """Raises Retry when a message was rated, or a button pressed, before it is known here which message of the bot that is."""
        address, target = activity.address, activity.target or ""
        match activity.kind:
            case ActivityKind.RATED:
                thread, _ = await self._standing(address, target)
                return await self._at(replace(address, thread=thread), person, now)
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
                thread, of_request = await self._standing(address, target)
                return await self._at(replace(address, thread=thread), person, now, of_request=of_request)
        return replace(await self._at(replace(address, thread=activity.id), person, now), begins=True)

    async def _at(self, address: Address, person: Person, now: datetime, *, of_request: bool = False) -> Place:
        """The person's own conversation in this thread; else the one of which something is shown to them there (a card that went to
        their own room, a reply of staff about a private matter); else a new one. `of_request`: what stands there is about a request,
        which goes on here when something is done with it.
        """
        here = await self.conversations.load(address, person.id, now)
        if here.version > 0:
            return Place(here, address)
        card_key = await self.outbox.card_at(address)
        home = await self._shown(card_key, person)
        if home is None or await self._goes_on_here(home, address, of_request):
            return Place(home or here, address)
        solved = _solved(card_key or "", home)
        return Place(here.asking(solved) if solved is not None else here, address)

    async def _standing(self, address: Address, message_id: str) -> tuple[str, bool]:
        """The thread of a message of the bot, and whether it is about a request."""
        said = await self.outbox.said_as(address, message_id)
        if said is None and await self.outbox.posting(address):
            raise Retry("message_under_way", after=0.2)  # it was seen before it is written down here that it is there
        return (said[1], said[0].request is not None) if said is not None else (address.thread or message_id, False)

    async def _of_message(self, address: Address, message_id: str, person: Person) -> Place | None:
        conversation = await self.conversations.of_message(message_id, person.id)
        if conversation is None:
            return None
        same = replace(conversation.address, thread=None) == replace(address, thread=None)
        return Place(conversation, conversation.address if same else replace(address, thread=message_id))

    # -- rooms without threads -------------------------------------------------------------------------------------

    async def _run(self, activity: Activity, new: str, person: Person, now: datetime) -> Place:
        """The run of messages that this one goes on with; a new one, named `new`, where it follows on nothing."""
        address, shared = activity.address, self._is_shared(activity.address)
        handoff = await self.desk.commands.meant_here(activity, person) if not shared else None
        if handoff is not None:
            return await self._at(replace(address, thread=handoff.thread), person, now)
        handoffs = {one.conversation_id: one for one in await self.desk.board.handoffs.open_of(person.id)}
        here = {one.conversation.id: one for one in await self.conversations.spoken(address, person.id, now - LONG_AGO, handoffs)}
        runs = [await self._here(one, handoffs.get(id_), shared) for id_, one in here.items()]
        homes: dict[str, Conversation] = {}
        cards: dict[str, tuple[Shown, Awaits]] = {}
        if not shared:
            homes = {home.id: home for one in handoffs.values() if (home := await self._private_home(one, address, now)) is not None}
            runs += [_in_private(handoffs[id_]) for id_ in homes]
            cards = await self._asked_elsewhere(address, person, now)
        asked = [Asked(key, card.at, _kind(awaits)) for key, (card, awaits) in cards.items()]
        chosen = choose(runs, asked, now, GOES_ON if shared else OWN_CHAT_IDLE, meant=not shared or activity.addressed)
        begun = replace(address, thread=new)
        if chosen.run in homes:
            place = Place(homes[chosen.run], begun)
        elif chosen.run is not None:
            place = Place(here[chosen.run].conversation, here[chosen.run].conversation.address)
        else:
            place = await self._at(begun, person, now)
        return place if chosen.asked is None else replace(place, conversation=place.conversation.asking(cards[chosen.asked][1]))

    async def _here(self, one: Spoken, handoff: Handoff | None, shared: bool) -> Run:
        """A conversation of this room. In a room of several only the person's own words count."""
        claimed = handoff.number if handoff is not None and handoff.state is HandoffState.CLAIMED else None
        last = (one.spoken or one.last) if shared else one.last
        kinds = {_kind(awaits) for awaits in one.conversation.awaits if await self._is_open(awaits)}
        asks = next((kind for kind in (Asks.QUESTION, Asks.OFFER) if kind in kinds), Asks.NOTHING)
        if handoff is not None and shared:
            asks = Asks.QUESTION
        return Run(one.conversation.id, one.spoken, last, asks, claimed, handoff is not None)

    async def _private_home(self, handoff: Handoff, address: Address, now: datetime) -> Conversation | None:
        """The conversation of a room of several in which people have a private matter, which is spoken of in the own chat alone; and
        one that staff have answered there."""
        home = await self.desk.board.conversations.get(handoff.conversation_id)
        if home is None or not self._is_shared(home.address) or not _same_platform(home.address, address):
            return None
        if handoff.sensitive is not None:
            return home
        relayed = await self.outbox.cards_shown(address, ("relay",), now - LONG_AGO, MOST_CARDS)
        of = [await self.desk.handoff_of(card.card_key.partition(":")[2]) for card in relayed]
        answered = handoff.state is HandoffState.CLAIMED and any(one is not None and one.id == handoff.id for one in of)
        return home if answered else None

    async def _asked_elsewhere(self, address: Address, person: Person, now: datetime) -> dict[str, tuple[Shown, Awaits]]:
        """By the card's key: what was asked here, in private, of a conversation of another room, and is not answered."""
        asked: dict[str, tuple[Shown, Awaits]] = {}
        for card in await self.outbox.cards_shown(address, ("said", "receipt"), now - LONG_AGO, MOST_CARDS):
            if card.card_key.startswith("said:") and card.reply.kind is not ReplyKind.QUESTION:
                continue
            home = await self._shown(card.card_key, person)
            if home is None or card.card_key in asked or replace(home.address, thread=None) == replace(address, thread=None):
                continue
            awaits = _solved(card.card_key, home) or await self._asked_by(card, home)
            if awaits is not None and await self._is_open(awaits):
                asked[card.card_key] = (card, awaits)
        return asked

    async def _asked_by(self, card: Shown, home: Conversation) -> Awaits | None:
        """What a question that was shown elsewhere than in its conversation asks, if that is what it asked last."""
        newest = home.awaits[0] if home.awaits else None
        case = card.reply.request.case if card.reply.request is not None else None
        match newest:
            case AwaitsSlot() | AwaitsConfirmation():
                request = await self.requests.get(newest.request_id)
                return newest if request is not None and request.case == case else None
            case AwaitsHandoffAnswer() if case is None:
                return newest
        return None

    async def _is_open(self, awaits: Awaits) -> bool:
        """Whether it was asked where they can see it, and could still be answered."""
        if not isinstance(awaits, AwaitsSlot | AwaitsConfirmation | AwaitsSolved):
            return True
        request = await self.requests.get(awaits.request_id)
        if request is None:
            return False
        if isinstance(awaits, AwaitsSolved):
            open_ = (request.state, request.resolution) == (RequestState.DONE, None)
            return open_ and any(p.message_id is not None for p in await self.outbox.shown(f"receipt:{request.id}"))
        return request.state in COMPOSED

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

    async def _goes_on_here(self, home: Conversation, here: Address, of_request: bool) -> bool:
        """What was shown of somebody's own chat on another platform begins something of its own here, since staff answer there; so
        does a request of a room of several in a chat without threads, unless people have it there."""
        if not self._is_shared(home.address):
            return _same_platform(home.address, here)
        flat = self.channels[here.channel].capabilities.flat_rooms and not self._is_shared(here)
        return not flat or not of_request or await self.desk.has(home)

    async def begin(self, activity: Activity, talk: Talk) -> None:
        """What was not said in a thread gets one: what it began with, and the answer below it."""
        before = talk.conversation.address
        if talk.conversation.version > 0 or not any(post.address == before for post in talk.changes.posts):
            return
        said = talk.began or talk.words("turn.begun")
        after = await self.channels[before.channel].begin(replace(before, thread=None), said, key=activity.id, since=activity.at)
        talk.conversation = replace(talk.conversation, address=after)
        talk.changes.posts[:] = [replace(post, address=after) if post.address == before else post for post in talk.changes.posts]


def _same_platform(one: Address, other: Address) -> bool:
    return (one.channel, one.tenant) == (other.channel, other.tenant)


def _solved(card_key: str, home: Conversation) -> AwaitsSolved | None:
    """What a receipt asks: "did this solve it?" """
    return next((one for one in home.awaits if isinstance(one, AwaitsSolved) and card_key == f"receipt:{one.request_id}"), None)


def _kind(awaits: Awaits) -> Asks:
    return Asks.QUESTION if isinstance(awaits, AwaitsSlot | AwaitsConfirmation | AwaitsSolved) else Asks.OFFER


def _in_private(handoff: Handoff) -> Run:
    """Gone on with for as long as it is the last thing that they spoke of; for as long as it is open once somebody has it."""
    claimed = handoff.number if handoff.state is HandoffState.CLAIMED else None
    return Run(handoff.conversation_id, handoff.updated_at, handoff.updated_at, claimed=claimed)
