"""Tells the owners of articles that a review is due: once for each review, all of theirs together, at most once a week."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

import structlog
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from bot.changes import Changes, Post, Saver
from bot.held import HeldPosts
from bot.people import PeopleStore
from bot.quiet import News
from bot.words import Words
from connectors.errors import ConnectorError
from connectors.ports.chat import Channel, Reply, ReplyKind
from connectors.ports.messages import Messages
from connectors.ports.people import Person
from connectors.ports.records import Clock, new_id
from knowledge.model import admits
from knowledge.reviews import Overdue, Reviews, to_tell, told_of
from specialists.store import Conflict

log = structlog.get_logger()
NAMED = 10
"""Articles that one notice names; of the rest it says how many there are."""


@dataclass(frozen=True, slots=True)
class ReviewNotices:
    """`page_url`: where reviews are confirmed, if there is such a page."""

    reviews: Reviews
    people: PeopleStore
    channels: dict[str, Channel]
    held: HeldPosts
    saver: Saver
    messages: Messages
    clock: Clock
    page_url: str | None

    async def tell(self) -> None:
        """A round: whoever has new reviews due is told, each in a transaction of their own."""
        overdue = sorted(await self.reviews.overdue(), key=lambda one: one.article.owner_id)
        for owner_id, due in groupby(overdue, key=lambda one: one.article.owner_id):
            try:
                await self._tell(owner_id, list(due))
            except (Conflict, IntegrityError, ConnectorError) as error:
                log.info("review_not_told", owner=owner_id, error=type(error).__name__)  # the next round tells

    async def _tell(self, owner_id: str, due: Sequence[Overdue]) -> None:
        now = self.clock()
        before = await self.reviews.told(owner_id)
        new = to_tell(due, before, now)
        owner = await self.people.get(owner_id) if new else None
        if owner is None or not admits({}, owner):
            return  # nobody new to tell of, or nobody there: starter articles belong to the operator of the machine

        async def keep(session: AsyncSession) -> None:
            if not await self.reviews.keep_told(session, owner_id, before, told_of(due, now)):
                raise Conflict("another process told them")

        changes = Changes(inside=[keep])
        address = await self.people.address(owner, self.channels)
        reply = Reply(new_id(), ReplyKind.NOTICE, self._worded(owner, new))
        until = await self.held.wait(address, owner.id, News.REVIEW)
        changes.posts.append(Post(address, reply, None, owner.id, until))
        await self.saver.save(changes)
        log.info("reviews_told", owner=owner_id, articles=len(new))

    def _worded(self, owner: Person, new: Sequence[Overdue]) -> str:
        words = Words.for_person(self.messages, owner)
        lines = [words("review.line", name=one.article.title, due=one.article.review_due) for one in new[:NAMED]]
        if len(new) > NAMED:
            lines.append(words("review.more", count=len(new) - NAMED))
        where = words("review.page", url=self.page_url) if self.page_url else words("review.no_page")
        return "\n".join([words("review.due", count=len(new)), "", *lines, "", where])
