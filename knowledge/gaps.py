"""What employees asked and no article answered, or whose answer did not help: shown in groups, so that somebody writes it.

A question is kept without what identifies anybody, and nobody is named with it. It closes when a knowledge admin says so, or by
itself when an article that was published since answers it to the person who asked.
"""

import asyncio
import uuid
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

import numpy as np
import structlog
from sqlalchemy import delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from connectors.ports.knowledge import AuditSink
from connectors.ports.people import Person
from connectors.ports.records import Clock, Json, new_id
from knowledge.answering import Answer, Answerer
from knowledge.clustering import central, clusters
from knowledge.embedding.port import Encoder, Vector, Vectors
from knowledge.errors import NotPossible
from knowledge.masking import masked
from knowledge.model import require_admin
from knowledge.retrieval import Retriever
from knowledge.store import answers, articles, chunks, from_bytes, gaps, published, to_bytes, versions

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


async def keep_unanswered(session: AsyncSession, answer: Answer, person_id: str, encoder: str, now: datetime) -> None:
    """Keeps a question that was answered with "I don't know"."""
    question = masked(answer.question)
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
        self._looked: frozenset[tuple[str, int]] = frozenset()
        self._asked: set[str] = set()

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

        Asks a bounded number of questions, those that are nearest to the new articles first; called again, it goes on.
        """
        found, vectors = await self._open()
        if not found:
            return 0
        fresh, passages = await self._published_since(min(gap.at for gap in found))
        if not fresh:
            return 0
        near = await asyncio.to_thread(lambda: (passages @ vectors.T).max(axis=0))
        order = [int(n) for n in np.argsort(-near, kind="stable") if near[n] >= WORTH_ASKING and found[int(n)].id not in self._asked]
        closed = 0
        for n in order[: self._asked_at_once]:
            self._asked.add(found[n].id)
            closed += await self._closed_by_itself(found[n], vectors[n])
        if len(order) <= self._asked_at_once:
            self._looked |= fresh
            self._asked.clear()
        return closed

    async def _closed_by_itself(self, gap: _Gap, vector: Vector) -> bool:
        person = await self._people(gap.person_id)
        if person is None or not person.active:
            return False
        answer = await self._answerer.answer(gap.question, person, vector=vector)
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

    async def _published_since(self, since: datetime) -> tuple[frozenset[tuple[str, int]], Vectors]:
        """The versions published since then that were not looked at yet, and the vectors of their titles and chunks."""
        new = select(versions.c.article_id, versions.c.version, versions.c.title_vector).join(articles, published)
        new = new.where(versions.c.published_at >= since, versions.c.encoder == self._encoder.name)
        async with self._sessions() as session:
            rows = [row for row in (await session.execute(new)).all() if (row.article_id, row.version) not in self._looked]
            own = [row.title_vector for row in rows]
            for start in range(0, len(rows), 500):
                of = chunks.c.article_id.in_([row.article_id for row in rows[start : start + 500]])
                own += (await session.scalars(select(chunks.c.vector).where(of))).all()
        found = np.stack([from_bytes(vector) for vector in own]) if own else np.empty((0, self._encoder.dimension), dtype=np.float32)
        return frozenset((row.article_id, row.version) for row in rows), found

    async def _open(self) -> tuple[list[_Gap], Vectors]:
        """The newest open gaps, oldest first, with their vectors. Those of another encoder are made anew, and kept."""
        newest = select(gaps).where(gaps.c.closed_at.is_(None)).order_by(gaps.c.at.desc(), gaps.c.id.desc()).limit(CONSIDERED)
        async with self._sessions() as session:
            rows = (await session.execute(newest)).all()[::-1]
        vectors = {row.id: from_bytes(row.vector) for row in rows if row.encoder == self._encoder.name}
        old = [row for row in rows if row.id not in vectors]
        if old:
            made = await self._encoder.encode([row.question for row in old])
            async with self._sessions.begin() as session:
                for row, vector in zip(old, made, strict=True):
                    anew = {"vector": to_bytes(vector), "encoder": self._encoder.name}
                    await session.execute(update(gaps).where(gaps.c.id == row.id).values(anew))
                    vectors[row.id] = vector
        found = [_Gap(row.id, row.question, row.reason, row.person_id, row.at) for row in rows]
        return found, np.stack([vectors[gap.id] for gap in found]) if found else np.empty((0, self._encoder.dimension), dtype=np.float32)

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
