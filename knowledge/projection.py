"""Keeps the vector index in line with the database, which is the truth.

A publication leaves a row for each article that changed; projecting it removes the row. What dies in between is done by
the next `sync`, and an index that is lost, or was filled under other circumstances, is filled anew.
"""

import asyncio
from collections.abc import Sequence
from typing import Any

import numpy as np
import structlog
from sqlalchemy import Row, delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from connectors.ports.records import new_id
from knowledge.chunking import embedding_text
from knowledge.embedding.port import Encoder
from knowledge.index import Index
from knowledge.retrieval import ARTICLES, AUDIENCE
from knowledge.store import articles, audience_from, audience_key, chunks, from_bytes, projections, published, settings, to_bytes, versions
from knowledge.text import plain

_INDEXED_WITH = "indexed_with"
"""The setting that names the encoder whose vectors are in the index."""
_ARTICLE = "article"
"""The key in an entry's metadata that names its article."""
_READ_AT_ONCE = 200
"""Articles whose chunks are in memory at a time during a rebuild."""

log = structlog.get_logger()


class Projection:
    def __init__(self, sessions: async_sessionmaker[AsyncSession], index: Index, encoder: Encoder) -> None:
        self._sessions = sessions
        self._collection = index.collection(ARTICLES)
        self._encoder = encoder
        self._running = asyncio.Lock()

    async def sync(self) -> None:
        """Projects what is pending, rebuilds what cannot be mended so. Raises `Retry` when the index is down, to go on next time."""
        async with self._running:
            async with self._sessions() as session:
                indexed_with = await session.scalar(select(settings.c.value).where(settings.c.key == _INDEXED_WITH))
                # Counted before the rows are read: what is committed in between leaves a row, and no false alarm.
                expected = await session.scalar(select(func.count()).select_from(chunks))
                pending = (await session.execute(select(projections))).all()
            if indexed_with != self._encoder.name:
                await self._rebuild()
            elif pending:
                await self._project([row.article_id for row in pending])
                await self._settle(pending)
            elif await self._collection.count() != expected:
                log.warning("vector_index_rebuilt", expected=expected)
                await self._rebuild()

    async def rebuild(self) -> int:
        """Empties the collection and fills it again; returns the number of passages. Encodes only under a new encoder."""
        async with self._running:
            return await self._rebuild()

    async def _rebuild(self) -> int:
        async with self._sessions() as session:
            pending = (await session.execute(select(projections))).all()
            stale = select(articles.c.id).join(versions, published).where(versions.c.encoder != self._encoder.name)
            outdated = (await session.scalars(stale)).all()
            ids = (await session.scalars(select(articles.c.id).where(articles.c.published_version.is_not(None)))).all()
        for article_id in outdated:
            await self._encode_again(article_id)
        await self._collection.clear()
        for start in range(0, len(ids), _READ_AT_ONCE):
            await self._project(ids[start : start + _READ_AT_ONCE])
        async with self._sessions.begin() as session:
            await session.execute(delete(settings).where(settings.c.key == _INDEXED_WITH))
            await session.execute(insert(settings).values(key=_INDEXED_WITH, value=self._encoder.name))
        await self._settle(pending)
        return await self._collection.count()

    async def _project(self, article_ids: Sequence[str]) -> None:
        """Makes the entries of these articles what the database says, none for a retired one."""
        query = (
            select(chunks.c.id, chunks.c.article_id, chunks.c.vector, versions.c.audience)
            .join(versions, (versions.c.article_id == chunks.c.article_id) & (versions.c.version == chunks.c.version))
            .where(chunks.c.article_id.in_(article_ids))
        )
        async with self._sessions() as session:
            rows = (await session.execute(query)).all()
        await self._collection.delete_where({_ARTICLE: frozenset(article_ids)})
        if rows:
            metadata = [{_ARTICLE: row.article_id, AUDIENCE: audience_key(audience_from(row.audience))} for row in rows]
            await self._collection.upsert([row.id for row in rows], np.stack([from_bytes(row.vector) for row in rows]), metadata)

    async def _settle(self, pending: Sequence[Row[Any]]) -> None:
        """Takes the rows away. An article that was published again meanwhile has another token, and stays."""
        async with self._sessions.begin() as session:
            for row in pending:
                await session.execute(
                    delete(projections).where(projections.c.article_id == row.article_id, projections.c.token == row.token)
                )

    async def _encode_again(self, article_id: str) -> None:
        async with self._sessions() as session:
            version = (await session.execute(select(versions).join(articles, published).where(articles.c.id == article_id))).one()
            rows = (await session.execute(select(chunks).where(chunks.c.article_id == article_id).order_by(chunks.c.ordinal))).all()
        texts = [embedding_text(version.title, row.section, row.text) for row in rows]
        vectors = await self._encoder.encode([*texts, plain(version.title)])
        async with self._sessions.begin() as session:
            for row, vector in zip(rows, vectors, strict=False):
                await session.execute(update(chunks).where(chunks.c.number == row.number).values(vector=to_bytes(vector)))
            this = (versions.c.article_id == article_id) & (versions.c.version == version.version)
            await session.execute(update(versions).where(this).values(title_vector=to_bytes(vectors[-1]), encoder=self._encoder.name))


async def mark_pending(session: AsyncSession, article_id: str) -> None:
    """Leaves the row, in the transaction that changes the article."""
    await session.execute(delete(projections).where(projections.c.article_id == article_id))
    await session.execute(insert(projections).values(article_id=article_id, token=new_id()))
