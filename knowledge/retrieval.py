"""Finds the passages that answer a question, among those that this person may read.

The audience is part of both queries and is checked once more against the database, which alone is the truth: an index
that lags behind a retirement or a narrowed audience shows nothing to anybody.
"""

import asyncio
import hashlib
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import structlog
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from connectors.errors import Retry
from connectors.ports.knowledge import CitedPassage
from connectors.ports.people import Person
from knowledge.embedding.former import Former
from knowledge.embedding.port import Encoder, Vector
from knowledge.index import Collection, Index
from knowledge.lexical import Frequencies, search_text
from knowledge.model import Passage, admits
from knowledge.scoring import rank
from knowledge.store import articles, audience_from, candidate_of, from_bytes, select_candidates, select_vectors
from knowledge.text import plain

ARTICLES = "articles"
"""What the names of collections of the chunks of published articles begin with; each encoder has one of its own. The parts of one
are the audiences. A query selects among those that there are, by those that admit the asker: exact, whatever keys the vocabulary has."""
SERVING = "serving"
"""The setting that names the encoder whose vectors are compared with questions."""
ORIGIN = "serving_origin"
"""The setting that says where that encoder came from, so that it can be opened again when another one is to serve."""
INDEXED = "indexed"
"""The setting that names the encoder whose collection is complete, but for articles that are marked as pending."""
MAX_QUESTION = 2000
"""Characters of a question that are looked at."""
_POOL = 40
"""Chunks that each of the two searches may bring up."""
_INDEX_TIMEOUT = 2.0
"""Seconds to wait for the vector index before answering from text search alone."""
_DIGITS = 12

EXACT_CHUNKS = 5000
"""So many vectors are read and compared in well under a second."""

# One row for each audience that there is, found by leaps through the index, and one for each setting.
_STATE = text(
    """
    WITH RECURSIVE leap (audience) AS (
        SELECT min(audience_key) FROM knowledge_article
        UNION ALL
        SELECT (SELECT min(a.audience_key) FROM knowledge_article a WHERE a.audience_key > leap.audience) FROM leap
        WHERE leap.audience IS NOT NULL)
    SELECT 'audience' AS what, audience AS value FROM leap WHERE audience IS NOT NULL
    UNION ALL SELECT key, value FROM knowledge_setting"""
)

log = structlog.get_logger()


class Retriever:
    """Hybrid search over published articles."""

    def __init__(
        self,
        sessions: async_sessionmaker[AsyncSession],
        index: Index,
        encoder: Encoder,
        *,
        former: Former | None = None,
        exact_chunks: int = EXACT_CHUNKS,
        helpful: Callable[[str], float] = lambda _: 0.0,
    ) -> None:
        """`former`: opens the encoder that serves until this one's vectors are all made. `exact_chunks`: up to so many chunks the
        database's own vectors serve while the index does not. `helpful`: what people thought of an article, -1..1."""
        self._sessions = sessions
        self._exact_chunks = exact_chunks
        self._helpful = helpful
        self._index = index
        self._encoder = encoder
        self._former = former or Former()
        self._frequencies = Frequencies()

    async def search(self, question: str, person: Person, limit: int = 5, *, vector: Vector | None = None) -> list[Passage]:
        """The best passages that `person` may read, best first. `vector`: the question's, if somebody encoded it already.

        While the vector index is down or not open yet, the database's own vectors serve, up to `exact_chunks` of them; beyond,
        text search alone. The log says so. While the vectors of a new encoder are made, those of the former one serve, or
        text search alone when it cannot be opened any more. Raises `EncoderUnavailable` when the model is not installed.
        """
        question = question[:MAX_QUESTION]
        if not question.strip() or not may_read_anything(person):
            return []
        async with self._sessions() as session:
            state = (await session.execute(_STATE)).all()
            readable = frozenset(row.value for row in state if row.what == "audience" and admits(audience_from(row.value), person))
            if not readable:
                return []
            settings = {row.what: row.value for row in state}
            # Both at once: the vectors are searched in threads of their own, and text in the database's.
            encoder = await self._serving(settings)
            near = asyncio.create_task(self._near(question, vector, readable, encoder, settings.get(INDEXED)))
            try:
                lexical = await search_text(session, question, readable, _POOL, self._frequencies)
                vector, nearest = await near
            finally:
                near.cancel()
            ids = list(dict.fromkeys([*nearest, *lexical]))
            rows = (await session.execute(select_candidates(encoder.name), {"ids": ids})).all() if ids else []
        candidates = [candidate_of(row, lexical.get(row.id, 0.0), self._helpful(row.article_id), encoder.dimension) for row in rows]
        return rank(question, vector, [candidate for candidate in candidates if admits(candidate.audience, person)], limit)

    async def _serving(self, settings: Mapping[str, str]) -> Encoder:
        """The encoder that questions are encoded with; not the one that serves when that is gone."""
        name = settings.get(SERVING, self._encoder.name)
        former = await self._former.named(name, settings.get(ORIGIN)) if name != self._encoder.name else None
        return former or self._encoder

    async def _near(
        self, question: str, vector: Vector | None, readable: frozenset[str], encoder: Encoder, indexed: str | None
    ) -> tuple[Vector, Sequence[str]]:
        """The question's vector, and the ids of the chunks near it."""
        if vector is None or encoder is not self._encoder:
            vector = (await encoder.encode([question]))[0]
        if not self._index.ready or indexed != encoder.name:
            exact = await self._exact(vector, readable, encoder.name)
            if exact is not None or not self._index.ready:
                return vector, exact or []
        try:
            found = articles_in(self._index, encoder.name).query(vector, _POOL, readable)
            return vector, [hit.id for hit in await asyncio.wait_for(found, _INDEX_TIMEOUT)]
        except (Retry, TimeoutError) as error:
            log.warning("vector_index_unavailable", error=type(error).__name__)
            return vector, await self._exact(vector, readable, encoder.name) or []

    async def _exact(self, vector: Vector, readable: frozenset[str], encoder: str) -> list[str] | None:
        """The nearest chunks by the vectors in the database, which the index is only a projection of; None when they are too many."""
        mine = select_vectors(encoder).where(articles.c.audience_key.in_(readable)).limit(self._exact_chunks + 1)
        async with self._sessions() as session:
            rows = (await session.execute(mine)).all()
        if len(rows) > self._exact_chunks:
            return None
        if not rows:
            return []
        near = np.stack([from_bytes(row.vector) for row in rows]) @ vector
        return [rows[place].id for place in np.argsort(-near)[:_POOL]]


def articles_in(index: Index, encoder: str) -> Collection:
    """The collection of the chunks' vectors by the encoder of this name."""
    return index.collection(collection_name(encoder))


def collection_name(encoder: str) -> str:
    return f"{ARTICLES}-{hashlib.sha256(encoder.encode()).hexdigest()[:_DIGITS]}"


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
