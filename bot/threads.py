"""Which conversation something said belongs to, and where a conversation goes on that did not begin in a thread."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from bot.conversation.model import Conversation
from bot.conversation.store import ConversationStore
from bot.handoff.desk import Desk
from bot.outbox import Outbox
from bot.talk import Talk
from connectors.ports.chat import Activity, Address, Channel
from connectors.ports.people import Person
from specialists.store import RequestStore


@dataclass(frozen=True, slots=True)
class Threads:
    conversations: ConversationStore
    requests: RequestStore
    desk: Desk
    outbox: Outbox
    channels: Mapping[str, Channel]

    async def conversation(self, address: Address, person: Person, now: datetime) -> Conversation:
        """The person's own in this thread; else the one of which something is shown to them there (a card that went to their own
        room, a reply of staff about a private matter); else a new one.
        """
        here = await self.conversations.load(address, person.id, now)
        if here.version > 0:
            return here
        shown = await self._shown(await self.outbox.card_at(address))
        home = await self.conversations.get(shown) if shown is not None else None
        return home if home is not None and home.person_id == person.id else here

    async def _shown(self, card_key: str | None) -> str | None:
        """The conversation that a card belongs to."""
        kind, _, subject = (card_key or "").partition(":")
        match kind:
            case "request" | "receipt":
                request = await self.requests.get(subject)
                return request.conversation_id if request is not None else None
            case "relay":
                handoff = await self.desk.handoff_of(subject)
                return handoff.conversation_id if handoff is not None else None
            case "said":
                return subject
        return None

    async def begin(self, activity: Activity, talk: Talk) -> None:
        """What was not said in a thread gets one: what it began with, and the answer below it."""
        before = talk.conversation.address
        if talk.conversation.version > 0 or not any(post.address == before for post in talk.changes.posts):
            return
        said = talk.began or talk.words("turn.begun")
        after = await self.channels[before.channel].begin(replace(before, thread=None), said, key=activity.id, since=activity.at)
        talk.conversation = replace(talk.conversation, address=after)
        talk.changes.posts[:] = [replace(post, address=after) if post.address == before else post for post in talk.changes.posts]
