"""What people thought of answers, and what follows for the articles that these quoted.

A judgement moves its articles a little: people count once for an article, the last word counts, old words fade, a new version
starts afresh, and a few words are worth little beside the doubt that is always there. Nobody sinks an article alone.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

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
WEIGHED = 1000
"""Judgements of one article that count, the newest."""
_OVERLAP = timedelta(minutes=5)
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
    balance, weight = _balance(given, now)
    return balance / (weight + DOUBT)


def _balance(given: Iterable[Judgement], now: datetime) -> tuple[float, float]:
    last: dict[str, Judgement] = {}
    for one in sorted(given, key=lambda one: one.at):
        last[one.person_id] = one
    weights = [(math.exp2(-max(0.0, (now - one.at) / HALF_LIFE)), one.helpful) for one in last.values()]
    return sum(weight if helpful else -weight for weight, helpful in weights), sum(weight for weight, _ in weights)


class Helpfulness:
    """What people thought of each article, in memory: a search asks for one number an article, and no database.

    Kept as a balance at one point in time; that it fades is arithmetic.
    """

    def __init__(self, sessions: async_sessionmaker[AsyncSession]) -> None:
        self._sessions = sessions
        self._read: tuple[object, ...] = ()
        self._since: datetime | None = None
        self._known: dict[str, tuple[float, float, datetime]] = {}

    def of(self, article_id: str, now: datetime | None = None) -> float:
        """-1..1; 0 for what nobody judged."""
        known = self._known.get(article_id)
        if known is None:
            return 0.0
        balance, weight, at = known
        left = math.exp2(-max(0.0, ((now or utcnow()) - at) / HALF_LIFE))
        return balance * left / (weight * left + DOUBT)

    async def refresh(self, now: datetime) -> None:
        """Reads again the judgements of those articles that were judged, or published anew, since the last time."""
        judged = select(func.count(), func.max(judgements.c.at)).select_from(judgements)
        async with self._sessions() as session:
            state = tuple((await session.execute(judged)).one())
            newest = await session.scalar(select(func.max(versions.c.published_at)).join(articles, published))
            if self._read == (*state, newest):
                return
            changed: Sequence[str] = (await session.scalars(self._changed())).all()
        for article in changed:
            async with self._sessions() as session:
                rows = (await session.execute(_judged_of(article))).all()
            balance, weight = _balance([Judgement(row.person_id, row.helpful, row.at) for row in rows], now)
            self._known[article] = (balance, weight, now)
        self._read = (*state, newest)
        self._since = max((at for at in (state[1], newest) if at is not None), default=None)

    def _changed(self) -> Select[Any]:
        those = select(judgements.c.article_id).distinct()
        if self._since is None:
            return those
        # What was saved by somebody slower than the newest would be passed over otherwise.
        since = self._since - _OVERLAP
        anew = select(versions.c.article_id).join(articles, published).where(versions.c.published_at >= since)
        return those.where((judgements.c.at >= since) | judgements.c.article_id.in_(anew))


async def keep_answer(
    session: AsyncSession, reply_id: str, question: str, quoted: Sequence[str], vector: Vector | None, encoder: str, now: datetime
) -> None:
    """Remembers which articles a reply quoted. `question`: masked, and empty where it was asked in private, as `vector` is None then:
    of a vector much of the words can be had back."""
    stored = to_bytes(vector) if vector is not None else b""
    row = {"id": reply_id, "question": question, "articles": list(quoted), "vector": stored, "encoder": encoder, "at": now}
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
            .where(answers.c.encoder == self._encoder, answers.c.question != "")
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


def _judged_of(article_id: str) -> Select[tuple[str, bool, datetime]]:
    """The newest judgements of answers that were given since the version that is published now."""
    return (
        select(judgements.c.person_id, judgements.c.helpful, judgements.c.at)
        .join(answers, answers.c.id == judgements.c.answer_id)
        .join(articles, articles.c.id == judgements.c.article_id)
        .join(versions, and_(published, answers.c.at >= versions.c.published_at))
        .where(judgements.c.article_id == article_id)
        .order_by(judgements.c.at.desc())
        .limit(WEIGHED)
    )
