"""Finds the passages that answer a question, among those that this person may read.

The audience is part of both queries and is checked once more against the database, which alone is the truth: an index
that lags behind a retirement or a narrowed audience shows nothing to anybody.
"""

import asyncio
from collections.abc import Sequence

import numpy as np
import structlog
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from connectors.errors import Retry
from connectors.ports.knowledge import CitedPassage
from connectors.ports.people import Person
from knowledge.embedding.port import Encoder, Vector
from knowledge.index import Index
from knowledge.lexical import search_text
from knowledge.model import Passage, admits
from knowledge.scoring import rank
from knowledge.store import articles, audience_from, candidate_of, chunks, from_bytes, select_candidates
from knowledge.text import plain

ARTICLES = "articles"
"""The collection of the chunks of published articles."""
AUDIENCE = "audience"
"""The key in an entry's metadata that holds its article's audience. A query selects among the audiences that there are, by
those that admit the asker: exact, whatever keys the vocabulary has, and cheap because there are few."""
MAX_QUESTION = 2000
"""Characters of a question that are looked at."""
_POOL = 40
"""Chunks that each of the two searches may bring up."""
_INDEX_TIMEOUT = 2.0
"""Seconds to wait for the vector index before answering from text search alone."""

EXACT_CHUNKS = 5000
"""So many vectors are read and compared in well under a second."""

log = structlog.get_logger()


class Retriever:
    """Hybrid search over published articles."""

    def __init__(
        self, sessions: async_sessionmaker[AsyncSession], index: Index, encoder: Encoder, *, exact_chunks: int = EXACT_CHUNKS
    ) -> None:
        """`exact_chunks`: up to so many chunks the database's own vectors serve while the index does not."""
        self._sessions = sessions
        self._exact_chunks = exact_chunks
        self._index = index
        self._collection = index.collection(ARTICLES)
        self._encoder = encoder

    async def search(self, question: str, person: Person, limit: int = 5, *, vector: Vector | None = None) -> list[Passage]:
        """The best passages that `person` may read, best first. `vector`: the question's, if somebody encoded it already.

        While the vector index is down or not open yet, the database's own vectors serve, up to `exact_chunks` of them; beyond,
        text search alone. The log says so.
        Raises `EncoderUnavailable` when the model is not installed.
        """
        question = question[:MAX_QUESTION]
        if not question.strip() or not may_read_anything(person):
            return []
        if vector is None:
            vector = (await self._encoder.encode([question]))[0]
        async with self._sessions() as session:
            keys = (await session.scalars(select(articles.c.audience_key).where(articles.c.audience_key.is_not(None)).distinct())).all()
            readable = frozenset(key for key in keys if admits(audience_from(key), person))
            near = asyncio.create_task(self._near(vector, readable))
            try:
                lexical = await search_text(session, question, readable, _POOL)
                ids = list(dict.fromkeys([*await near, *lexical]))
            finally:
                near.cancel()
            rows = (await session.execute(select_candidates(ids))).all() if ids else []
        candidates = [candidate_of(row, lexical.get(row.id, 0.0)) for row in rows]
        return rank(question, vector, [candidate for candidate in candidates if admits(candidate.audience, person)], limit)

    async def _near(self, vector: Vector, readable: frozenset[str]) -> list[str]:
        if not self._index.ready:
            return await self._exact(vector, readable)
        try:
            hits = await asyncio.wait_for(self._collection.query(vector, _POOL, {AUDIENCE: readable}), _INDEX_TIMEOUT)
        except (Retry, TimeoutError) as error:
            log.warning("vector_index_unavailable", error=type(error).__name__)
            return await self._exact(vector, readable)
        return [hit.id for hit in hits]

    async def _exact(self, vector: Vector, readable: frozenset[str]) -> list[str]:
        """The nearest chunks by the vectors in the database, which the index is only a projection of."""
        mine = select(chunks.c.id, chunks.c.vector).join(articles, articles.c.id == chunks.c.article_id)
        async with self._sessions() as session:
            rows = (await session.execute(mine.where(articles.c.audience_key.in_(readable)).limit(self._exact_chunks + 1))).all()
        if not rows or len(rows) > self._exact_chunks:
            return []
        near = np.stack([from_bytes(row.vector) for row in rows]) @ vector
        return [rows[place].id for place in np.argsort(-near)[:_POOL]]


class Lookup:
    """`KnowledgeLookup` for skills that consult an article."""

    def __init__(self, retriever: Retriever) -> None:
        self._retriever = retriever

    async def search(self, question: str, person: Person, *, limit: int = 3) -> Sequence[CitedPassage]:
        found = await self._retriever.search(question, person, limit)
        return [
            CitedPassage(plain(passage.chunk.text), passage.title, passage.source, passage.score, passage.updated_at) for passage in found
        ]


def may_read_anything(person: Person) -> bool:
    return admits({}, person)
