"""An answer that is shown while a language model still writes it: one message, posted with its first words and edited until its end.

It is a card of the outbox, keyed by its turn, and what is there is asked in the very transaction that changes it. So whatever becomes
of the turn (thought again, crashed, given up), what is said in the end is said in that place, and nothing is there twice.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from uuid import NAMESPACE_OID, uuid5

import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from bot.changes import Changes, Post
from bot.conversation.model import Conversation
from bot.conversation.store import ConversationStore
from bot.database import Sessions
from bot.intake import Inbox
from bot.outbox import Outbox, Placement
from connectors.ports.chat import Activity, Address, Reply, ReplyKind
from knowledge.answers import Answer

log = structlog.get_logger()
EVERY = 1.0
"""Seconds between two edits at least: platforms take few, and the last one says it all."""


class Stopped(asyncio.CancelledError):
    """Nobody wants to hear more of this answer, or not as it was begun: somebody else has saved its conversation.

    It ends whoever makes it as a cancellation does, but never within a transaction.
    """


@dataclass(frozen=True, slots=True)
class _News:
    """What is to be shown next. `heard`: the conversation as the turn has read it."""

    so_far: Answer
    post: Post
    heard: Conversation


class LiveAnswer:
    """Of one turn. `over`: nothing more is shown of it; `seen`: the last that was; `otherwise`: what its message says in the end where
    nothing of the answer stands there, None where nobody knows yet."""

    def __init__(self, to: "LiveAnswers", activity: Activity) -> None:
        self._to = to
        self._activity = activity
        turn = "\n".join((activity.address.channel, activity.address.tenant, activity.id))
        self.card_key = f"answer:{uuid5(NAMESPACE_OID, turn)}"
        self._shown_at: float | None = None
        self._news: _News | None = None
        self._later: asyncio.Task[None] | None = None
        self._one = asyncio.Lock()
        self._end: Post | None = None
        self.over = False
        self.seen: Answer | None = None
        self.otherwise: str | None = None

    async def show(self, so_far: Answer, post: Post, heard: Conversation) -> None:
        """Shows in `post` what the answer has come to; in a moment, if something was shown just now. Raises Stopped."""
        if self.over:
            raise Stopped
        self._news = _News(so_far, post, heard)
        wait = 0.0 if self._shown_at is None else EVERY - (self._to.monotonic() - self._shown_at)
        if wait <= 0:
            await self._show()
        elif self._later is None:
            self._later = asyncio.create_task(self._show_later(wait))

    def leave(self) -> None:
        """Its turn is over, one way or the other."""
        self.over = True
        self._cut()

    async def _show_later(self, seconds: float) -> None:
        await self._to.sleep(seconds)
        self._later = None
        try:
            await self._show()
        except Exception:  # it is shown with what comes next
            log.exception("answer_not_shown_so_far")

    async def _show(self) -> None:
        async with self._one:
            news, self._news = self._news, None
            if news is None:
                return
            # Whoever waits for the model may be cut off, but not within a transaction.
            if not await self._to.sessions.in_peace(self._write(news)):
                self.over = True
                raise Stopped
            self._shown_at, self.seen = self._to.monotonic(), news.so_far
        self._to.outbox.on_more()

    async def _write(self, news: _News) -> bool:
        async with self._to.sessions.begin() as session:
            if not await self._to.inbox.goes_on(session, self._activity) or not await self._to.conversations.unmoved(session, news.heard):
                return False
            post = news.post
            if await self._to.outbox.placements(session, self.card_key):
                await self._to.outbox.edit(session, self.card_key, lambda _: post.reply)
            else:
                await self._to.outbox.post(session, post.address, post.reply, card_key=self.card_key, reader_id=post.reader_id)
            return True

    def _cut(self) -> None:
        self._news = None
        if self._later is not None:
            self._later.cancel()
            self._later = None

    def takes(self, post: Post, before: Sequence[Post]) -> bool:
        """Whether this is what its message says in the end: the first thing said in the conversation, and nothing was said `before`."""
        if self._end is not None or before or post.card_key is not None:
            return False
        self._end = post
        self._cut()
        return True

    @property
    def taken(self) -> bool:
        """Whether it is known what its message says in the end."""
        return self._end is not None

    def settle(self, changes: Changes, broken: str) -> None:
        """At the end of a turn, saved with it. `broken`: what is said in the place of an answer that nothing came of, where nobody
        knows better."""

        async def end(session: AsyncSession) -> None:
            outbox, post = self._to.outbox, self._end
            there = await outbox.placements(session, self.card_key)
            if post is not None and there and _is_room_of(post, there[0]):
                await outbox.edit(session, self.card_key, lambda _: post.reply)
                return
            if post is not None:
                await outbox.post(session, post.address, post.reply, reader_id=post.reader_id)
            if there:
                await outbox.edit(session, self.card_key, lambda placement: Reply(placement.id, ReplyKind.NOTICE, self.otherwise or broken))

        changes.inside.append(end)


@dataclass(frozen=True, slots=True)
class LiveAnswers:
    """`monotonic` is in seconds."""

    sessions: Sessions
    inbox: Inbox
    outbox: Outbox
    conversations: ConversationStore
    monotonic: Callable[[], float]
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep

    def of(self, activity: Activity) -> LiveAnswer:
        return LiveAnswer(self, activity)


def _is_room_of(post: Post, there: Placement) -> bool:
    """Whether the message that is there can say it: it is seen by the same people."""
    return post.reply.only_for is None and post.reply.surface is None and _room(post.address) == _room(there.address)


def _room(address: Address) -> Address:
    return replace(address, thread=None)
