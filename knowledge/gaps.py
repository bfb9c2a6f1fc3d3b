"""What employees asked and no article answered, or whose answer did not help: shown in groups, so that somebody writes it.

A question is kept masked, and nobody is named with it. It closes when a knowledge admin says so, or by
itself when an article that was published since answers it to the person who asked.
"""

import asyncio
import json
import uuid
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import takewhile
from typing import Literal

import numpy as np
import structlog
from numpy.typing import NDArray
from sqlalchemy import Row, bindparam, delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from connectors.errors import ConnectorError, Retry
from connectors.ports.knowledge import AuditSink
from connectors.ports.people import Person
from connectors.ports.records import Clock, Json, new_id
from knowledge.answering import Answerer
from knowledge.answers import Answer
from knowledge.clustering import central, clusters
from knowledge.embedding.port import Encoder, Vector, Vectors
from knowledge.errors import NotPossible
from knowledge.model import require_admin
from knowledge.retrieval import Retriever
from knowledge.store import answers, articles, chunks, from_bytes, gaps, projections, published, settings, to_bytes, versions

Reason = Literal["unknown", "unhelpful"]
ClosedAs = Literal["written", "not_ours"]
PersonOf = Callable[[str], Awaitable[Person | None]]

CONSIDERED = 10_000
"""Open gaps that are put into groups, the newest."""
SAMPLES = 3
NEAR_ARTICLE = 0.5
"""Cosine from which an article is worth naming beside questions that it does not answer."""
WORTH_ASKING = 0.3
"""Cosine to a passage of a new article from which a gap is asked again. Real answers are nearer."""
ASKED_AT_ONCE = 100
"""Questions that are asked again in one round; the next round goes on."""
ARTICLES_AT_ONCE = 200
LOOKED = "gaps_looked"
"""The setting that says up to which article gaps were looked at."""
_BLOCK = 512
_RENEWED_AT_ONCE = 200
OPEN_KEPT = timedelta(days=365)
CLOSED_KEPT = timedelta(days=90)
_OF_JUDGEMENTS = uuid.UUID("5f6c2f0e-51b2-4a39-9d64-3d0d3c3d7b10")

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class NearArticle:
    id: str
    title: str
    source: str
    similarity: float


@dataclass(frozen=True, slots=True)
class GapGroup:
    """Questions about the same matter. `id` and `question`: the most central one's; `unhelpful`: how many were answered, but not to
    their use; `nearest`: the article that is nearest to it of those that whoever asked may read."""

    id: str
    question: str
    count: int
    people: int
    unhelpful: int
    first_seen: datetime
    last_seen: datetime
    samples: tuple[str, ...]
    nearest: NearArticle | None = None


@dataclass(frozen=True, slots=True)
class _Gap:
    id: str
    question: str
    reason: str
    person_id: str
    at: datetime


@dataclass(frozen=True, slots=True)
class _Looked:
    """All that was published before `at` was looked at, and these articles of those published just then."""

    at: datetime
    articles: tuple[str, ...]

    @staticmethod
    def read(stored: str) -> "_Looked":
        at, *articles = json.loads(stored)
        return _Looked(datetime.fromisoformat(at), tuple(articles))

    def written(self) -> str:
        return json.dumps([self.at.isoformat(), *self.articles])


async def keep_unanswered(session: AsyncSession, question: str, answer: Answer, person_id: str, encoder: str, now: datetime) -> None:
    """Keeps a question that was answered with "I don't know". `question`: masked."""
    if answer.vector is not None and question:
        await _keep(session, new_id(), question, to_bytes(answer.vector), encoder, "unknown", person_id, now)


async def keep_unhelpful(session: AsyncSession, answer_id: str, person_id: str, helpful: bool, now: datetime) -> None:
    """Keeps the question of an answer that did not help this person, or forgets it again if they think better of it."""
    id_ = str(uuid.uuid5(_OF_JUDGEMENTS, f"{answer_id}/{person_id}"))
    await session.execute(delete(gaps).where(gaps.c.id == id_, gaps.c.closed_at.is_(None)))
    known = (await session.execute(select(gaps.c.id).where(gaps.c.id == id_))).first()
    row = (await session.execute(select(answers).where(answers.c.id == answer_id))).first()
    if not helpful and known is None and row is not None and row.question:
        await _keep(session, id_, row.question, row.vector, row.encoder, "unhelpful", person_id, now)


async def forget_old_gaps(session: AsyncSession, now: datetime) -> None:
    old = (gaps.c.closed_at < now - CLOSED_KEPT) | (gaps.c.closed_at.is_(None) & (gaps.c.at < now - OPEN_KEPT))
    await session.execute(delete(gaps).where(old))


def _nearest_of(vectors: Vectors, passages: Vectors) -> NDArray[np.float32]:
    return np.asarray((vectors @ passages.T).max(axis=1), dtype=np.float32)


async def _keep(
    session: AsyncSession, id_: str, question: str, vector: bytes, encoder: str, reason: Reason, person_id: str, now: datetime
) -> None:
    row = {"id": id_, "question": question, "vector": vector, "encoder": encoder, "reason": reason, "person_id": person_id, "at": now}
    await session.execute(insert(gaps).values(row))


class Gaps:
    """The open gaps, for knowledge admins."""

    def __init__(
        self,
        sessions: async_sessionmaker[AsyncSession],
        encoder: Encoder,
        retriever: Retriever,
        answerer: Answerer,
        people: PersonOf,
        audit: AuditSink,
        clock: Clock,
        *,
        asked_at_once: int = ASKED_AT_ONCE,
    ) -> None:
        self._sessions = sessions
        self._encoder = encoder
        self._retriever = retriever
        self._answerer = answerer
        self._people = people
        self._audit = audit
        self._clock = clock
        self._asked_at_once = asked_at_once
        self._settling = asyncio.Lock()
        self._renewed = False
        self._waiting: deque[str] = deque()
        self._coming: _Looked | None = None

    async def groups(self, by: Person, limit: int = 30) -> tuple[Sequence[GapGroup], int]:
        """The largest groups, and how many there are. Raises `NotAllowed`."""
        require_admin(by)
        found, vectors = await self._open()
        grouped = await asyncio.to_thread(clusters, vectors)
        return [await self._told(group, found, vectors) for group in grouped[:limit]], len(grouped)

    async def close(self, gap_id: str, closed_as: ClosedAs, by: Person) -> int:
        """Closes the whole group that this question is in now; returns how many. Raises `NotAllowed`, `NotPossible`."""
        require_admin(by)
        group = [found.id for found in await self._group_of(gap_id)]
        now = self._clock()
        closing = {"closed_at": now, "closed_as": closed_as, "closed_by": by.id}
        async with self._sessions.begin() as session:
            for start in range(0, len(group), 500):
                own = update(gaps).where(gaps.c.id.in_(group[start : start + 500]), gaps.c.closed_at.is_(None))
                await session.execute(own.values(closing))
            data: dict[str, Json] = {"gap": gap_id, "count": len(group), "as": closed_as}
            await self._audit.append(session, kind="action", event="gap_closed", actor_id=by.id, data=data)
        return len(group)

    async def draft(self, gap_id: str, by: Person) -> str:
        """A Markdown file to begin an article with: what people asked, as headings. Raises `NotAllowed`, `NotPossible`."""
        require_admin(by)
        group = await self._group_of(gap_id)
        title, *others = central(range(len(group)), [gap.question for gap in group], SAMPLES + 1)
        return "\n\n".join([f"# {title}", "…", *(f"## {other}\n\n…" for other in others)]) + "\n"

    async def settle(self) -> int:
        """Closes the gaps that an article answers which was published since; returns how many.

        Asks a bounded number of questions, those that are nearest to the new articles first; called again, it goes on. What was
        looked at is kept in the database once all are asked, so that nothing is asked again, or passed over, after a restart. Of two
        calls the second waits for the first.
        """
        async with self._settling:
            return await self._settle()

    async def _settle(self) -> int:
        if not self._renewed and not await self._renew():
            return 0
        if not self._waiting:
            await self._look()
        closed = 0
        for _ in range(min(self._asked_at_once, len(self._waiting))):
            gap_id = self._waiting.popleft()
            try:
                closed += await self._closed_by_itself(gap_id)
            except Retry as error:
                self._waiting.append(gap_id)
                log.warning("gaps_not_asked", left=len(self._waiting), code=error.code)
                return closed
            except ConnectorError as error:
                log.warning("gap_not_asked", gap=gap_id, code=error.code)
        if not self._waiting and self._coming is not None:
            await self._keep_looked(self._coming)
            self._coming = None
        return closed

    async def _look(self) -> None:
        """Finds the next new articles, and the gaps that are worth asking again because of them."""
        looked, fresh = await self._published_since()
        if not fresh:
            return
        found, vectors = await self._open()
        near = await self._nearness([row.article_id for row in fresh], vectors)
        until = fresh[-1].published_at
        worth = [int(n) for n in np.argsort(-near, kind="stable") if near[n] >= WORTH_ASKING and found[int(n)].at <= until]
        self._waiting = deque(found[n].id for n in worth)
        before = looked.articles if looked.at == until else ()
        self._coming = _Looked(until, (*before, *(row.article_id for row in fresh if row.published_at == until)))

    async def _published_since(self) -> tuple["_Looked", Sequence[Row[tuple[str, datetime, bool]]]]:
        """How far the last look came, and the next articles published since then and since the oldest open gap, in that order.

        Those that searches do not find yet are left for later, with all that came after them.
        """
        oldest = select(gaps.c.at).where(gaps.c.closed_at.is_(None)).order_by(gaps.c.at).limit(1)
        async with self._sessions() as session:
            stored = await session.scalar(select(settings.c.value).where(settings.c.key == LOOKED))
            begun = await session.scalar(oldest)
            looked = _Looked.read(stored) if stored else _Looked(begun or self._clock(), ())
            if begun is None:
                return looked, ()
            coming = projections.c.article_id.is_not(None) | (versions.c.encoder != self._encoder.name)
            new = select(versions.c.article_id, versions.c.published_at, coming.label("coming")).join(articles, published)
            new = new.outerjoin(projections, projections.c.article_id == versions.c.article_id)
            new = new.where(versions.c.published_at >= max(looked.at, begun)).order_by(versions.c.published_at, versions.c.article_id)
            rows = (await session.execute(new.limit(ARTICLES_AT_ONCE + len(looked.articles)))).all()
        rows = [row for row in rows if not (row.published_at == looked.at and row.article_id in looked.articles)]
        return looked, list(takewhile(lambda row: not row.coming, rows))

    async def _nearness(self, article_ids: Sequence[str], vectors: Vectors) -> NDArray[np.float32]:
        """How near each gap is to the nearest title or passage of these articles; a block of these at a time."""
        near = np.full(len(vectors), -1.0, dtype=np.float32)
        titles = select(versions.c.title_vector).join(articles, published).where(versions.c.article_id.in_(article_ids))
        passages = select(chunks.c.vector).where(chunks.c.article_id.in_(article_ids))
        async with self._sessions() as session:
            for query in (titles, passages):
                async for rows in (await session.stream_scalars(query)).partitions(_BLOCK):
                    block = np.stack([from_bytes(row) for row in rows if row])
                    near = np.maximum(near, await asyncio.to_thread(_nearest_of, vectors, block))
        return near

    async def _keep_looked(self, looked: "_Looked") -> None:
        async with self._sessions.begin() as session:
            await session.execute(delete(settings).where(settings.c.key == LOOKED))
            await session.execute(insert(settings).values(key=LOOKED, value=looked.written()))

    async def _renew(self) -> bool:
        """Makes some vectors of another encoder anew; whether none is left."""
        other = select(gaps.c.id, gaps.c.question).where(gaps.c.closed_at.is_(None), gaps.c.encoder != self._encoder.name)
        async with self._sessions() as session:
            rows = (await session.execute(other.limit(_RENEWED_AT_ONCE))).all()
        if rows:
            made = await self._encoder.encode([row.question for row in rows])
            anew = update(gaps).where(gaps.c.id == bindparam("gap"))
            anew = anew.values(vector=bindparam("made"), encoder=self._encoder.name)
            async with self._sessions.begin() as session:
                connection = await session.connection()
                await connection.execute(anew, [{"gap": row.id, "made": to_bytes(vector)} for row, vector in zip(rows, made, strict=True)])
        self._renewed = len(rows) < _RENEWED_AT_ONCE
        return self._renewed

    async def _closed_by_itself(self, gap_id: str) -> bool:
        async with self._sessions() as session:
            gap = (await session.execute(select(gaps).where(gaps.c.id == gap_id, gaps.c.closed_at.is_(None)))).one_or_none()
        person = await self._people(gap.person_id) if gap is not None else None
        if gap is None or person is None or not person.active:
            return False
        answer = await self._answerer.answer(gap.question, person, vector=from_bytes(gap.vector))
        if not answer.articles:
            return False
        since = select(versions.c.article_id).join(articles, published).where(versions.c.published_at >= gap.at)
        async with self._sessions() as session:
            new = set((await session.scalars(since.where(versions.c.article_id.in_(answer.articles)))).all())
        by = next((article for article in answer.articles if article in new), None)
        if by is None:
            return False
        closing = {"closed_at": self._clock(), "closed_as": "answered", "article_id": by}
        still = update(gaps).where(gaps.c.id == gap.id, gaps.c.closed_at.is_(None))
        async with self._sessions.begin() as session:
            await session.execute(still.values(closing))
        log.info("gap_answered", gap=gap.id, article=by)
        return True

    async def _open(self) -> tuple[list[_Gap], Vectors]:
        """The newest open gaps, oldest first, with their vectors; without those whose vectors are still another encoder's."""
        own = (gaps.c.closed_at.is_(None), gaps.c.encoder == self._encoder.name)
        newest = select(gaps).where(*own).order_by(gaps.c.at.desc(), gaps.c.id.desc()).limit(CONSIDERED)
        async with self._sessions() as session:
            rows = (await session.execute(newest)).all()[::-1]
        found = [_Gap(row.id, row.question, row.reason, row.person_id, row.at) for row in rows]
        nothing = np.empty((0, self._encoder.dimension), dtype=np.float32)
        return found, np.stack([from_bytes(row.vector) for row in rows]) if rows else nothing

    async def _group_of(self, gap_id: str) -> list[_Gap]:
        """The most central question first. Raises `NotPossible`."""
        found, vectors = await self._open()
        for group in await asyncio.to_thread(clusters, vectors):
            if any(found[row].id == gap_id for row in group):
                return [found[row] for row in group]
        raise NotPossible("gap_unknown", gap=gap_id)

    async def _told(self, group: Sequence[int], found: Sequence[_Gap], vectors: Vectors) -> GapGroup:
        own = [found[row] for row in group]
        return GapGroup(
            id=own[0].id,
            question=own[0].question,
            count=len(own),
            people=len({gap.person_id for gap in own}),
            unhelpful=sum(gap.reason == "unhelpful" for gap in own),
            first_seen=min(gap.at for gap in own),
            last_seen=max(gap.at for gap in own),
            samples=tuple(central(group, [gap.question for gap in found], SAMPLES)),
            nearest=await self._nearest(own[0], vectors[group[0]]),
        )

    async def _nearest(self, gap: _Gap, vector: Vector) -> NearArticle | None:
        person = await self._people(gap.person_id)
        passages = await self._retriever.search(gap.question, person, 1, vector=vector) if person is not None else []
        if not passages or passages[0].similarity < NEAR_ARTICLE:
            return None
        best = passages[0]
        return NearArticle(best.chunk.article_id, best.title, best.source, best.similarity)
