"""What people thought of answers, and what follows for the articles that these quoted.

A judgement moves its articles a little: people count once for an article, the last word counts, old words fade, a new version
starts afresh, and a few words are worth little beside the doubt that is always there. Nobody sinks an article alone.
"""

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
from sqlalchemy import Select, and_, delete, func, insert, select
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from connectors.ports.records import utcnow
from knowledge.embedding.port import Vector
from knowledge.store import answers, articles, from_bytes, judgements, published, to_bytes, versions

HALF_LIFE = timedelta(days=180)
"""After so long a judgement counts half."""
DOUBT = 8.0
"""Fresh judgements that weigh as much as knowing nothing: one alone moves an article by 1/9, eight that agree by 1/2."""
UNJUDGED_KEPT = timedelta(days=30)
"""How long an answer can still be judged."""
JUDGED_KEPT = 4 * HALF_LIFE
REMEMBERED = 1000
"""Judged questions that recognition looks at, the newest."""
NEAR = 0.8
"""Cosine from which two questions are the same in other words: true of 99 % of such pairs, of paraphrases and of questions alike."""


@dataclass(frozen=True, slots=True)
class Judgement:
    person_id: str
    helpful: bool
    at: datetime


@dataclass(frozen=True, slots=True)
class Judged:
    """A question that was answered and judged before. `similarity`: cosine to the one asked about; `helpful`: -1..1, what those
    who judged its answer thought of it, on average; `people`: how many they are."""

    similarity: float
    helpful: float
    people: int


def helpful_from(given: Iterable[Judgement], now: datetime) -> float:
    """-1..1, strictly between: the balance of the judgements of one article, shrunk towards 0."""
    last: dict[str, Judgement] = {}
    for one in sorted(given, key=lambda one: one.at):
        last[one.person_id] = one
    weights = [(math.exp2(-max(0.0, (now - one.at) / HALF_LIFE)), one.helpful) for one in last.values()]
    return sum(weight if helpful else -weight for weight, helpful in weights) / (sum(weight for weight, _ in weights) + DOUBT)


async def helpfulness(session: AsyncSession, article_ids: Collection[str], now: datetime | None = None) -> Mapping[str, float]:
    """-1..1 for each of these articles that was judged; of its published version only."""
    if not article_ids:
        return {}
    given: dict[str, list[Judgement]] = {}
    for row in await session.execute(_judged_of_published().where(judgements.c.article_id.in_(list(article_ids)))):
        given.setdefault(row.article_id, []).append(Judgement(row.person_id, row.helpful, row.at))
    return {article: helpful_from(own, now or utcnow()) for article, own in given.items()}


async def keep_answer(
    session: AsyncSession, reply_id: str, question: str, quoted: Sequence[str], vector: Vector, encoder: str, now: datetime
) -> None:
    """Remembers which articles a reply quoted. `question`: masked, and empty where it was asked in private."""
    row = {"id": reply_id, "question": question, "articles": list(quoted), "vector": to_bytes(vector), "encoder": encoder, "at": now}
    await session.execute(insert(answers).values(row))


async def keep_judgement(session: AsyncSession, answer_id: str, person_id: str, helpful: bool, now: datetime) -> None:
    """What this person thinks of an answer now, for each article that it quoted; nothing when the answer is not known any more."""
    quoted = (await session.execute(select(answers.c.articles).where(answers.c.id == answer_id))).scalar_one_or_none()
    if not quoted:
        return
    await session.execute(delete(judgements).where(judgements.c.answer_id == answer_id, judgements.c.person_id == person_id))
    own = {"answer_id": answer_id, "person_id": person_id, "helpful": helpful, "at": now}
    await session.execute(insert(judgements), [{**own, "article_id": article} for article in dict.fromkeys(quoted)])


async def forget_old(session: AsyncSession, now: datetime) -> None:
    """Answers that nobody judged and judgements that count no more."""
    await session.execute(delete(judgements).where(judgements.c.at < now - JUDGED_KEPT))
    unjudged = answers.c.id.not_in(select(judgements.c.answer_id))
    await session.execute(delete(answers).where(answers.c.at < now - UNJUDGED_KEPT, unjudged))


class JudgedQuestions:
    """The newest judged questions, in memory: `near` needs no database and takes some 0.1 ms."""

    def __init__(self, sessions: async_sessionmaker[AsyncSession], encoder: str) -> None:
        """`encoder`: the name of the one that makes vectors now; what another one made is left out."""
        self._sessions = sessions
        self._encoder = encoder
        self._read: tuple[int, datetime | None] | None = None
        self._vectors = np.empty((0, 0), dtype=np.float32)
        self._helpful: Sequence[float] = ()
        self._people: Sequence[int] = ()

    async def refresh(self) -> None:
        """Reads what was judged since the last time."""
        state = select(func.count(), func.max(judgements.c.at)).select_from(judgements)
        async with self._sessions() as session:
            count, newest = (await session.execute(state)).one()
            if self._read == (count, newest):
                return
            rows = (await session.execute(self._newest())).all()
        given: dict[str, dict[str, bool]] = {}
        vectors: dict[str, Vector] = {}
        for row in rows:
            given.setdefault(row.answer_id, {})[row.person_id] = row.helpful
            vectors[row.answer_id] = from_bytes(row.vector)
        # Set together, without waiting in between: whoever looks meanwhile sees all of the old or all of the new.
        self._vectors = np.stack(list(vectors.values())) if vectors else np.empty((0, 0), dtype=np.float32)
        self._helpful = [sum(1 if good else -1 for good in own.values()) / len(own) for own in given.values()]
        self._people = [len(own) for own in given.values()]
        self._read = (count, newest)

    def near(self, vector: Vector, at_least: float = NEAR) -> Sequence[Judged]:
        """Judged questions like this one, the nearest first."""
        if not len(self._vectors):
            return ()
        similar = self._vectors @ vector
        found = np.flatnonzero(similar >= at_least)
        return [Judged(float(similar[i]), self._helpful[i], self._people[i]) for i in found[np.argsort(-similar[found], kind="stable")]]

    def _newest(self) -> Select[tuple[str, str, bool, bytes]]:
        newest = (
            select(judgements.c.answer_id)
            .join(answers, answers.c.id == judgements.c.answer_id)
            .where(answers.c.encoder == self._encoder)
            .group_by(judgements.c.answer_id)
            .order_by(func.max(judgements.c.at).desc(), judgements.c.answer_id)
            .limit(REMEMBERED)
        )
        return (
            select(judgements.c.answer_id, judgements.c.person_id, judgements.c.helpful, answers.c.vector)
            .join(answers, answers.c.id == judgements.c.answer_id)
            .where(judgements.c.answer_id.in_(newest))
            .order_by(judgements.c.answer_id, judgements.c.person_id)
        )


def _judged_of_published() -> Select[tuple[str, str, bool, datetime]]:
    """Judgements of answers that were given since the version that is published now."""
    return (
        select(judgements.c.article_id, judgements.c.person_id, judgements.c.helpful, judgements.c.at)
        .join(answers, answers.c.id == judgements.c.answer_id)
        .join(articles, articles.c.id == judgements.c.article_id)
        .join(versions, and_(published, answers.c.at >= versions.c.published_at))
    )
