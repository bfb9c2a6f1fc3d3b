"""All that a turn, or a step of the status reader, changes: gathered while thinking, saved in one short transaction."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from sqlalchemy.ext.asyncio import AsyncSession

from bot.conversation.model import Conversation, TranscriptEvent
from bot.conversation.store import ConversationStore
from bot.database import Sessions
from bot.handoff.model import HandoffChange
from bot.handoff.store import HandoffStore
from bot.outbox import Outbox, Placement
from connectors.ports.chat import Address, Reply
from connectors.ports.knowledge import AuditSink
from connectors.ports.records import Json
from specialists.request import Change
from specialists.store import RequestStore


@dataclass(frozen=True, slots=True)
class Post:
    """A reply for an address; with `card_key` it can be redrawn later. `held_until`: it waits for the end of its reader's quiet
    hours."""

    address: Address
    reply: Reply
    card_key: str | None = None
    reader_id: str | None = None
    held_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Redraw:
    """A card to draw again wherever it is shown."""

    card_key: str
    draw: Callable[[Placement], Reply]


@dataclass(frozen=True, slots=True)
class Audited:
    """One audit event. `private` holds words and names; it is encrypted under the subject's key."""

    kind: Literal["observation", "decision", "action", "outcome"]
    event: str
    actor_id: str
    data: Mapping[str, Json] = field(default_factory=dict)
    private: Mapping[str, Json] | None = None
    subject_id: str | None = None
    request_id: str | None = None


Inside = Callable[[AsyncSession], Awaitable[None]]
"""Work that must see the database inside the transaction, such as a compare-and-set; it may add posts."""


@dataclass(slots=True)
class Changes:
    conversations: list[Conversation] = field(default_factory=list)
    transcript: list[TranscriptEvent] = field(default_factory=list)
    requests: dict[str, Change] = field(default_factory=dict)
    handoffs: list[HandoffChange] = field(default_factory=list)
    posts: list[Post] = field(default_factory=list)
    redraws: list[Redraw] = field(default_factory=list)
    audited: list[Audited] = field(default_factory=list)
    inside: list[Inside] = field(default_factory=list)

    def request(self, change: Change) -> None:
        """One more change of a request; a second one continues the first."""
        before = self.requests.get(change.request.id)
        self.requests[change.request.id] = before.then(change) if before is not None else change


class Saver:
    def __init__(
        self,
        sessions: Sessions,
        conversations: ConversationStore,
        requests: RequestStore,
        handoffs: HandoffStore,
        outbox: Outbox,
        audit: AuditSink,
        after_commit: Callable[[], None],
    ) -> None:
        self._sessions = sessions
        self._conversations = conversations
        self._requests = requests
        self._handoffs = handoffs
        self._outbox = outbox
        self._audit = audit
        self._after_commit = after_commit

    async def save(self, changes: Changes) -> None:
        """All or nothing. Raises ConversationMoved, HandoffMoved or Conflict when somebody saved first: think again."""
        async with self._sessions.begin() as session:
            for inside in changes.inside:
                await inside(session)
            for conversation in changes.conversations:
                await self._conversations.save(session, conversation)
            await self._conversations.append(session, changes.transcript)
            for change in changes.requests.values():
                await self._requests.save(session, change)
            for handoff in changes.handoffs:
                await self._handoffs.save(session, handoff)
            for post in changes.posts:
                how = {"card_key": post.card_key, "reader_id": post.reader_id}
                await self._outbox.post(session, post.address, post.reply, **how, held_until=post.held_until)
            for redraw in changes.redraws:
                await self._outbox.edit(session, redraw.card_key, redraw.draw)
            for audited in changes.audited:
                await self._audit.append(
                    session,
                    kind=audited.kind,
                    event=audited.event,
                    actor_id=audited.actor_id,
                    data=audited.data,
                    private=audited.private,
                    subject_id=audited.subject_id,
                    request_id=audited.request_id,
                )
        self._after_commit()
