"""Articles whose review date has passed: somebody says that they still hold, or writes what has changed.

"Still right" is no new version: the text stays, its date and the next review move, and the audit says who said so.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from sqlalchemy import ColumnElement, insert, select, update
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from connectors.ports.knowledge import AuditSink
from connectors.ports.people import Person
from connectors.ports.records import Clock, Json
from knowledge.errors import NotPossible
from knowledge.model import Article, ArticleState, require_admin
from knowledge.store import article_of, articles, published, review_notices, select_articles, versions

PERIOD = timedelta(days=180)
"""Until the next review of an article that never said how often it wants one."""

TOLD_EVERY = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Overdue:
    article: Article
    days: int
    """Since its review was due; 0 on the day itself."""


def next_review(article: Article, today: date) -> date:
    """As far ahead as the review before was when the article was last changed or reviewed; at least a day."""
    if article.review_due is None:
        return today + PERIOD
    before = article.review_due - article.updated_at.date()
    return today + (before if before > timedelta() else PERIOD)


@dataclass(frozen=True, slots=True)
class Told:
    """What an owner was told last: when, and of which reviews, by article with the date that they were due."""

    at: datetime
    of: Mapping[str, date]


def to_tell(due: Sequence[Overdue], told: Told | None, now: datetime) -> Sequence[Overdue]:
    """Which of an owner's overdue articles to tell them of now: each review once, and nothing within a week of the last time."""
    if told is None:
        return due
    if now - told.at < TOLD_EVERY:
        return ()
    return [one for one in due if told.of.get(one.article.id) != one.article.review_due]


def told_of(due: Sequence[Overdue], now: datetime) -> Told:
    return Told(now, {one.article.id: one.article.review_due for one in due if one.article.review_due is not None})


class Reviews:
    def __init__(self, sessions: async_sessionmaker[AsyncSession], audit: AuditSink, clock: Clock) -> None:
        self._sessions = sessions
        self._audit = audit
        self._clock = clock

    async def overdue(self) -> Sequence[Overdue]:
        """Published articles whose review is due, the longest overdue first."""
        today = self._clock().date()
        due = select_articles().where(published, _due(today)).order_by(versions.c.review_due, articles.c.source)
        async with self._sessions() as session:
            found = [article_of(row) for row in (await session.execute(due)).all()]
        return [Overdue(article, (today - article.review_due).days) for article in found if article.review_due is not None]

    async def overdue_of(self, sources: Collection[str]) -> Mapping[str, date]:
        """When the review of each of these sources was due, for those of which it is."""
        due = select(articles.c.source, versions.c.review_due).join(versions, published)
        due = due.where(articles.c.source.in_(list(sources)), _due(self._clock().date()))
        async with self._sessions() as session:
            return {row.source: row.review_due for row in await session.execute(due)}

    async def confirm(self, article_id: str, by: Person, *, version: int | None = None) -> Article:
        """What is published still holds, as of today. `version`: the one that was looked at; another may have been published since.

        Raises `NotAllowed`, `NotPossible`.
        """
        require_admin(by)
        now = self._clock()
        async with self._sessions.begin() as session:
            row = (await session.execute(select_articles().where(articles.c.id == article_id, published))).one_or_none()
            if row is None:
                raise NotPossible("not_published", article=article_id)
            if version not in (None, row.version):
                raise NotPossible("published_since", article=article_id)
            article = article_of(row)
            due = next_review(article, now.date())
            this = (versions.c.article_id == article.id) & (versions.c.version == article.version)
            still = this & (versions.c.state == ArticleState.PUBLISHED.value)
            await session.execute(update(versions).where(still).values(updated_at=now, review_due=due))
            data: dict[str, Json] = {
                "article": article.id,
                "version": article.version,
                "source": article.source,
                "review_due": due.isoformat(),
            }
            await self._audit.append(session, kind="action", event="article_reviewed", actor_id=by.id, data=data)
        return replace(article, updated_at=now, review_due=due)

    async def told(self, owner_id: str) -> Told | None:
        """What this owner was told last."""
        async with self._sessions() as session:
            row = (await session.execute(select(review_notices).where(review_notices.c.owner_id == owner_id))).one_or_none()
        return Told(row.at, {id_: date.fromisoformat(due) for id_, due in row.told.items()}) if row is not None else None

    async def keep_told(self, session: AsyncSession, owner_id: str, before: Told | None, after: Told) -> bool:
        """Remembers it where nobody else did since `before`; else False, or IntegrityError where there was nothing."""
        row = {"at": after.at, "told": {id_: due.isoformat() for id_, due in after.of.items()}}
        if before is None:
            await session.execute(insert(review_notices).values(owner_id=owner_id, **row))
            return True
        same = update(review_notices).where(review_notices.c.owner_id == owner_id, review_notices.c.at == before.at)
        return (await session.execute(same.values(row).returning(review_notices.c.owner_id))).first() is not None


def _due(today: date) -> ColumnElement[bool]:
    return versions.c.review_due <= today
