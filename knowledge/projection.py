"""Keeps the vector index in line with the database, which is the truth, and makes all vectors again under another encoder.

A publication leaves a row for each article that changed; projecting it removes the row. What dies in between is done by
the next `step`, and an index that is lost is filled anew. While another encoder's vectors are made, the former ones serve,
each in a collection of its own; one row of the settings then changes which of them does. A step is bounded by passages, or
one article, and leaves the database in a state to go on from, so that neither a search nor a kill has to be considered anywhere else.
A publication or a retirement between two transactions of a step has: what it took away is never written again.
"""

import asyncio
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import structlog
from sqlalchemy import Row, Select, and_, delete, exists, func, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from connectors.ports.records import new_id
from knowledge.chunking import embedding_text
from knowledge.embedding.former import Former
from knowledge.embedding.port import Encoder
from knowledge.index import Index
from knowledge.preparing import Encoded
from knowledge.retrieval import ARTICLES, INDEXED, ORIGIN, SERVING, articles_in, collection_name
from knowledge.store import (
    articles,
    chunks,
    from_bytes,
    next_vectors,
    projections,
    published,
    select_vectors,
    settings,
    to_bytes,
    versions,
)
from knowledge.text import plain

_FILLING = "filling"
"""The setting that names the encoder whose collection was emptied; all articles were marked as pending then."""
_AT_ONCE = 200
"""Articles of one step that are only read, as long as they have no more passages than"""
_PASSAGES_AT_ONCE = 2000
_MOVED_AT_ONCE = 500
"""Passages of one step that are written, in a transaction that others wait for: some 20 ms. An article is moved as a whole."""
_ENCODED_AT_ONCE = 10
"""Articles of one step that are encoded, as long as they have no more passages than"""
_TEXTS_AT_ONCE = 100
"""which take some seconds, and questions go in between. A longer article takes several steps."""
_LOG_SECONDS = 10.0

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Progress:
    """How many of the published articles have vectors by the encoder that is to serve, and are in its collection."""

    done: int
    total: int


class Projection:
    def __init__(self, sessions: async_sessionmaker[AsyncSession], index: Index, encoder: Encoder, former: Former | None = None) -> None:
        self._sessions = sessions
        self._index = index
        self._encoder = encoder
        self._former = former or Former()
        self._compared = False
        self._running = asyncio.Lock()
        self._logged = 0.0

    async def encoders(self) -> Sequence[Encoder]:
        """Those whose vectors a publication needs now: first the one that serves, then the one that will."""
        async with self._sessions() as session:
            state = await _settings(session)
        serving = state.get(SERVING, self._encoder.name)
        former = await self._former.named(serving, state.get(ORIGIN)) if serving != self._encoder.name else None
        return (former, self._encoder) if former is not None else (self._encoder,)

    async def sync(self) -> None:
        """Steps until nothing is left to do, as `step` does."""
        while await self.step():
            pass

    async def step(self) -> bool:
        """Does the next bounded piece of work; False when there was none.

        It also notices a lost index and fills it, and another encoder, whose vectors serve once all are made. Raises `Retry` when
        the index is down; nothing is lost by that, nor by a kill: the next step goes on.
        """
        async with self._running:
            async with self._sessions() as session:
                state = await _settings(session)
                # Counted before the rows are read: what is committed in between leaves a row, and no false alarm.
                expected = await session.scalar(select(func.count()).select_from(chunks)) or 0
                pending = _some((await session.execute(_PENDING)).all())
            serving = state.get(SERVING)
            if serving is None:
                await self._begin()
                return True
            if pending:
                await self._project_pending(pending, state)
                return True
            if await self._move(serving) or await self._make_some() or await self._swap(serving):
                return True
            if state.get(INDEXED) != self._encoder.name:
                await self._fill(state, expected)
                return True
            await self._tidy()
            if state.get(ORIGIN) != self._former.own:
                async with self._sessions.begin() as session:
                    await _put(session, ORIGIN, self._former.own)
            if await self._differs(expected):
                log.warning("vector_index_rebuilt", expected=expected)
                await self._empty()
                return True
            return False

    async def project(self, article_ids: Sequence[str]) -> None:
        """Projects what these articles left, and whatever else is to be done when it is the first time."""
        async with self._sessions() as session:
            state = await _settings(session)
        if SERVING not in state:
            return await self.sync()
        async with self._running:
            async with self._sessions() as session:
                own = select(projections).where(projections.c.article_id.in_(article_ids))
                pending = (await session.execute(own)).all()
            await self._project_pending(pending, state)

    async def _differs(self, expected: int) -> bool:
        """Whether the collection, which should be complete, is not. Counted each time; its ids are compared once, since only what
        happens to its files while nobody runs, as by a backup, leaves other ones in the same number."""
        collection = articles_in(self._index, self._encoder.name)
        if await collection.count() != expected:
            return True
        if self._compared:
            return False
        async with self._sessions() as session:
            known = set((await session.scalars(select(chunks.c.id))).all())
            # What is published meanwhile is in one of them alone; it has left its row, or is there by now.
            waiting = await session.scalar(select(projections.select().exists()))
        entries = await collection.ids()
        if waiting or len(known) != len(entries):
            return False
        self._compared = True
        return known != entries

    async def forget_index(self) -> None:
        """Empties the collection, which the next steps fill again. They encode under a new encoder only."""
        async with self._running:
            await self._empty()

    async def count(self) -> int:
        """Passages that the index has. Raises `Retry`."""
        return await articles_in(self._index, self._encoder.name).count()

    async def progress(self) -> Progress | None:
        """How far the work has come; None when there is none."""
        async with self._sessions() as session:
            state = await _settings(session)
            total = await session.scalar(select(func.count()).select_from(articles.join(versions, published))) or 0
            if state.get(SERVING) not in (None, self._encoder.name):
                left = await session.scalar(select(func.count()).select_from(_without(self._encoder.name).subquery())) or 0
            elif state.get(INDEXED) == self._encoder.name:
                return None
            else:
                left = await session.scalar(select(func.count()).select_from(projections)) or 0
        return Progress(max(0, total - left), total)

    async def _begin(self) -> None:
        """The first time: whatever made the vectors that are there serves."""
        async with self._sessions.begin() as session:
            made = (await session.scalars(select(versions.c.encoder).join(articles, published).distinct())).all()
            others = sorted(name for name in made if name and name != self._encoder.name)
            await _put(session, SERVING, others[0] if others else self._encoder.name)
            await _put(session, ORIGIN, None if others else self._former.own)

    async def _fill(self, state: Mapping[str, str], expected: int) -> None:
        """Empties this encoder's collection and marks all articles as pending; once they have been projected, it is complete."""
        name = self._encoder.name
        if state.get(_FILLING) == name or await articles_in(self._index, name).count() == expected:
            async with self._sessions.begin() as session:
                await _put(session, INDEXED, name)
                await _put(session, _FILLING, None)
            return
        await articles_in(self._index, name).clear()
        async with self._sessions.begin() as session:
            await session.execute(delete(projections))
            ids = (await session.scalars(select(articles.c.id).where(articles.c.published_version.is_not(None)))).all()
            if ids:
                await session.execute(insert(projections), [{"article_id": id_, "token": new_id()} for id_ in ids])
            await _put(session, _FILLING, name)

    async def _empty(self) -> None:
        own = and_(settings.c.key.in_((INDEXED, _FILLING)), settings.c.value == self._encoder.name)
        async with self._sessions.begin() as session:
            await session.execute(delete(settings).where(own))
        await articles_in(self._index, self._encoder.name).clear()

    async def _project_pending(self, pending: Sequence[Row[Any]], state: Mapping[str, str]) -> None:
        ids = [row.article_id for row in pending]
        if not ids:
            return
        # Into the collection that serves, and into the one that will.
        for name in {state.get(SERVING, self._encoder.name), self._encoder.name}:
            if name == self._encoder.name or state.get(INDEXED) == name:
                await self._project(ids, [id_ for row in pending for id_ in row.gone or ()], name)
        async with self._sessions.begin() as session:
            for row in pending:
                # An article that was published again meanwhile has another token, and stays.
                this = and_(projections.c.article_id == row.article_id, projections.c.token == row.token)
                await session.execute(delete(projections).where(this))
        await self._log()

    async def _project(self, article_ids: Sequence[str], gone: Sequence[str], encoder: str) -> None:
        """Makes the entries of these articles what the database says, none for a retired one."""
        async with self._sessions() as session:
            rows = (await session.execute(select_vectors(encoder).where(chunks.c.article_id.in_(article_ids)))).all()
        collection = articles_in(self._index, encoder)
        await collection.delete(gone)
        if rows:
            vectors = np.stack([from_bytes(row.vector) for row in rows])
            await collection.upsert([row.id for row in rows], vectors, [row.audience_key for row in rows])

    async def _make_some(self) -> bool:
        """Makes this encoder's vectors of some passages that have none, and of the titles of articles whose passages all have;
        False when there is nothing left to make."""
        name = self._encoder.name
        async with self._sessions() as session:
            found = (await session.execute(_without(name).limit(_ENCODED_AT_ONCE))).all()
            versions_read = {row.id: row.version for row in found}
            made = exists().where(next_vectors.c.id == chunks.c.id, next_vectors.c.encoder == name)
            left = select(chunks.c.id, chunks.c.article_id, chunks.c.section, chunks.c.text, articles.c.audience_key)
            left = left.join(articles, articles.c.id == chunks.c.article_id).where(chunks.c.article_id.in_(list(versions_read)), ~made)
            pieces = (await session.execute(left.order_by(chunks.c.article_id, chunks.c.ordinal).limit(_TEXTS_AT_ONCE))).all()
        if not found:
            return False
        titles = {row.id: row.title for row in found}
        # The title last: by its vector an article is known to have all.
        whole = list(titles) if len(pieces) < _TEXTS_AT_ONCE else []
        texts = [embedding_text(titles[piece.article_id], piece.section, piece.text) for piece in pieces]
        vectors = await self._encoder.encode([*texts, *(plain(titles[id_]) for id_ in whole)])
        if pieces:
            places = [piece.audience_key for piece in pieces]
            await articles_in(self._index, name).upsert([piece.id for piece in pieces], vectors[: len(pieces)], places)
        owners = [*((piece.id, piece.article_id) for piece in pieces), *((id_, id_) for id_ in whole)]
        rows = [
            {"id": id_, "encoder": name, "article_id": article, "vector": to_bytes(vector)}
            for (id_, article), vector in zip(owners, vectors, strict=True)
        ]
        async with self._sessions.begin() as session:
            held = await hold(session, titles)
            # What was published again or retired meanwhile is left to the row that this left, and to the next step.
            same = {id_ for id_, version in versions_read.items() if held[id_] == version}
            kept = [row for row in rows if row["article_id"] in same]
            if kept:
                await session.execute(insert(next_vectors), kept)
        await self._log()
        return True

    async def _swap(self, serving: str) -> bool:
        """Lets this encoder's vectors serve once all are made; False when they do already."""
        if serving == self._encoder.name:
            return False
        name = self._encoder.name
        entries = await articles_in(self._index, name).count()
        async with self._sessions.begin() as session:
            # Asked once more where nothing can be published in between.
            waiting = await session.scalar(select(_without(name).exists())) or await session.scalar(select(projections.select().exists()))
            if not waiting:
                expected = await session.scalar(select(func.count()).select_from(chunks))
                await _put(session, SERVING, name)
                await _put(session, ORIGIN, self._former.own)
                await _put(session, INDEXED, name if entries == expected else None)
                await _put(session, _FILLING, None)
        if not waiting:
            log.info("encoder_changed", encoder=name, former=serving)
        return True

    async def _move(self, serving: str) -> bool:
        """Puts some of the vectors that serve beside their texts; False when all are there."""
        mine = next_vectors.c.encoder == serving
        some = select(next_vectors.c.article_id).where(mine).order_by(next_vectors.c.article_id).limit(_MOVED_AT_ONCE)
        async with self._sessions() as session:
            if not await session.scalar(select(next_vectors.select().where(mine).exists())):
                return False
        async with self._sessions.begin() as session:
            # Read where nothing can be published or retired before it is written.
            ids = list(await hold(session, set((await session.scalars(some)).all())))
            moved = select(next_vectors.c.vector).where(mine)
            of = next_vectors.select().where(mine)
            passages = update(chunks).where(chunks.c.article_id.in_(ids), of.where(next_vectors.c.id == chunks.c.id).exists())
            await session.execute(passages.values(vector=moved.where(next_vectors.c.id == chunks.c.id).scalar_subquery()))
            this = select(articles.c.published_version).where(articles.c.id == versions.c.article_id).scalar_subquery()
            titled = of.where(next_vectors.c.id == versions.c.article_id).exists()
            titles = update(versions).where(versions.c.article_id.in_(ids), versions.c.version == this, titled)
            vector = moved.where(next_vectors.c.id == versions.c.article_id).scalar_subquery()
            await session.execute(titles.values(title_vector=vector, encoder=serving))
            await session.execute(delete(next_vectors).where(next_vectors.c.article_id.in_(ids), mine))
        return True

    async def _tidy(self) -> None:
        """Takes away what no encoder uses any more: vectors that were never needed, collections that are not."""
        async with self._sessions() as session:
            left = await session.scalar(select(next_vectors.select().exists()))
        if left:
            async with self._sessions.begin() as session:
                await session.execute(delete(next_vectors).where(next_vectors.c.encoder != self._encoder.name))
        own = collection_name(self._encoder.name)
        for name in await self._index.names():
            if name.startswith(ARTICLES) and name != own:
                await self._index.collection(name).clear()

    async def _log(self) -> None:
        if time.monotonic() - self._logged < _LOG_SECONDS:
            return
        progress = await self.progress()
        if progress is not None and progress.done < progress.total:
            self._logged = time.monotonic()
            log.info("articles_indexed", encoder=self._encoder.name, done=progress.done, total=progress.total)


_PENDING = select(
    projections,
    select(func.count()).where(chunks.c.article_id == projections.c.article_id).correlate(projections).scalar_subquery().label("size"),
).limit(_AT_ONCE)


def _some(pending: Sequence[Row[Any]]) -> Sequence[Row[Any]]:
    """As many as have few passages together; at least one."""
    passages = 0
    for place, row in enumerate(pending):
        passages += row.size
        if place and passages > _PASSAGES_AT_ONCE:
            return pending[:place]
    return pending


def _without(encoder: str) -> Select[Any]:
    """The published articles that have no vectors by this encoder: `id`, `version`, `title`."""
    made = exists().where(next_vectors.c.id == articles.c.id, next_vectors.c.encoder == encoder)
    other = or_(versions.c.encoder != encoder, versions.c.encoder.is_(None))
    return select(articles.c.id, versions.c.version, versions.c.title).join(versions, published).where(other, ~made)


async def _settings(session: AsyncSession) -> dict[str, str]:
    return {row.key: row.value for row in await session.execute(select(settings))}


async def _put(session: AsyncSession, key: str, value: str | None) -> None:
    await session.execute(delete(settings).where(settings.c.key == key))
    if value is not None:
        await session.execute(insert(settings).values(key=key, value=value))


async def hold(session: AsyncSession, article_ids: Collection[str]) -> Mapping[str, int | None]:
    """Their published versions, which nobody else changes until the end of the transaction. First of all in one that changes them:
    SQLite has one writer anyway, and on PostgreSQL they come in one order."""
    mine = select(articles.c.id, articles.c.published_version).where(articles.c.id.in_(article_ids))
    return {row.id: row.published_version for row in await session.execute(mine.order_by(articles.c.id).with_for_update())}


async def mark_pending(session: AsyncSession, article_id: str) -> None:
    """Leaves the row, in the transaction that takes an article's chunks away and before that."""
    gone = (await session.scalars(select(chunks.c.id).where(chunks.c.article_id == article_id))).all()
    this = projections.c.article_id == article_id
    # What an earlier change left and nobody projected yet is still to be taken away, too.
    left = (await session.execute(delete(projections).where(this).returning(projections.c.gone))).scalar_one_or_none()
    await session.execute(delete(next_vectors).where(next_vectors.c.article_id == article_id))
    await session.execute(insert(projections).values(article_id=article_id, token=new_id(), gone=[*(left or ()), *gone]))


async def mark_new(session: AsyncSession, article_id: str) -> None:
    """`mark_pending` of an article that never had chunks."""
    await session.execute(insert(projections).values(article_id=article_id, token=new_id(), gone=[]))


async def keep_next(session: AsyncSession, encoder: str, made: Sequence[Encoded]) -> None:
    """Keeps vectors by the encoder that is to serve, in the transaction that publishes these articles."""
    rows = [(one.article.id, one.article.id, one.title_vector) for one in made]
    rows += [(chunk.id, chunk.article_id, vector) for one in made for chunk, vector in zip(one.chunks, one.vectors, strict=True)]
    kept = [{"id": id_, "encoder": encoder, "article_id": article, "vector": to_bytes(vector)} for id_, article, vector in rows]
    await session.execute(insert(next_vectors), kept)
