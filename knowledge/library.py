"""The life of an article: draft, review, published, superseded or retired.

Everything a step changes is one transaction of the database: versions, chunks, text search, audit. The vector index is
filled afterwards from rows that say so, so a crash in between is mended by the next `sync`.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time

import structlog
from sqlalchemy import delete, func, insert, update
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from connectors.errors import Retry
from connectors.ports.knowledge import AuditSink
from connectors.ports.people import Person
from connectors.ports.records import Clock, Json, new_id
from knowledge.answering import Answer, Reader
from knowledge.chunking import cut, embedding_text
from knowledge.embedding.port import Encoder, Vector, Vectors
from knowledge.errors import NotAllowed, NotPossible
from knowledge.index import Index
from knowledge.lexical import add_rows, remove_article
from knowledge.loading.registry import load, source_name
from knowledge.model import EVERYONE, Article, ArticleState, Audience, Chunk, Vocabulary, parse_audience
from knowledge.projection import Projection, mark_pending
from knowledge.scoring import Candidate, rank
from knowledge.store import article_of, articles, audience_from, audience_key, chunks, select_articles, to_bytes, version_values, versions
from knowledge.store import published as is_published
from knowledge.text import plain

ADMIN_ROLE = "knowledge_admin"
_UNPUBLISHED = (ArticleState.DRAFT.value, ArticleState.REVIEW.value)
_DEFAULT_LANGUAGE = "en"
_TRIED_PASSAGES = 20

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class _Encoded:
    """An article's chunks with their vectors, and the vector of its title."""

    article: Article
    chunks: Sequence[Chunk]
    vectors: Vectors
    title_vector: Vector


class Library:
    """The articles of the organisation. Changes are for knowledge admins; reading here is for those who administer."""

    def __init__(
        self,
        sessions: async_sessionmaker[AsyncSession],
        index: Index,
        encoder: Encoder,
        audit: AuditSink,
        clock: Clock,
        vocabulary: Vocabulary,
    ) -> None:
        self._sessions = sessions
        self._encoder = encoder
        self._audit = audit
        self._vocabulary = vocabulary
        self._clock = clock
        self._reader = Reader(encoder)
        # One writer at a time in this process; other processes are held off by the guarded updates.
        self._writing = asyncio.Lock()
        self._projection = Projection(sessions, index, encoder)

    async def add(self, data: bytes, name: str, audience: Sequence[str] = (), *, by: Person) -> Article:
        """A file as a draft: of a new article, or as the next version of the one with the same file name.

        `audience`: selectors such as `country=DE`. Without any the file's own front matter says who may read it, else a
        new version keeps its predecessor's audience and a new article is for all employees; `all` widens it to them.
        Raises `NotAllowed`, `LoadRefused`, `AudienceInvalid`.
        """
        return (await self.add_many([(name, data)], audience, by=by))[0]

    async def add_many(self, files: Sequence[tuple[str, bytes]], audience: Sequence[str] = (), *, by: Person) -> Sequence[Article]:
        """`add` for several files (name, content) in one transaction: all of them, or none."""
        _require_admin(by)
        loaded = []
        for name, data in files:
            source = source_name(name)
            file = await load(data, source)
            selectors = audience or file.front_matter.audience
            loaded.append((source, file, parse_audience(selectors, self._vocabulary) if selectors else None))
        now = self._clock()
        added = []
        async with self._writing, self._sessions.begin() as session:
            for source, file, chosen in loaded:
                front = file.front_matter
                id_, version, before = await self._next_version(session, source)
                article = Article(
                    id=id_,
                    source=source,
                    version=version,
                    state=ArticleState.DRAFT,
                    title=file.title,
                    body=file.markdown,
                    audience=before if chosen is None else chosen,
                    language=front.language or _DEFAULT_LANGUAGE,
                    owner_id=by.id,
                    updated_at=datetime.combine(front.updated, time(), UTC) if front.updated else now,
                    review_due=front.review,
                    warnings=file.warnings,
                )
                await session.execute(insert(versions).values(version_values(article, now)))
                await self._record(session, "article_added", article, by)
                added.append(article)
        return added

    async def try_question(self, article_id: str, question: str, by: Person) -> Answer:
        """What the newest version of this article alone would answer, published or not."""
        _require_admin(by)
        (encoded,) = await self._encode([await self.get(article_id)])
        vector = (await self._encoder.encode([question]))[0]
        article = encoded.article
        candidates = [
            Candidate(chunk, article.title, article.source, article.audience, article.updated_at, chunk_vector, encoded.title_vector, 0.0)
            for chunk, chunk_vector in zip(encoded.chunks, encoded.vectors, strict=True)
        ]
        return await self._reader.read(question, vector, rank(question, vector, candidates, _TRIED_PASSAGES))

    async def submit_for_review(self, article_id: str, by: Person) -> Article:
        """Hands a draft to another knowledge admin. Raises `NotAllowed`, `NotPossible`."""
        _require_admin(by)
        article = await self.get(article_id)
        async with self._writing, self._sessions.begin() as session:
            await self._move(session, article, (ArticleState.DRAFT.value,), ArticleState.REVIEW)
        return await self.get(article_id)

    async def publish(self, article_id: str, by: Person) -> Article:
        """Makes the newest draft what employees are answered from, instead of the version published before.

        Found by text search at the commit, by its vectors when this returns. Raises `NotAllowed`, `NotPossible`.
        """
        return (await self.publish_many([article_id], by))[0]

    async def publish_many(self, article_ids: Sequence[str], by: Person) -> Sequence[Article]:
        """`publish` for several articles in one transaction: all of them, or none."""
        _require_admin(by)
        drafts = [await self.get(id_) for id_ in article_ids]
        encoded = await self._encode(drafts)
        async with self._writing, self._sessions.begin() as session:
            for one in encoded:
                await self._publish(session, one)
                await self._record(session, "article_published", one.article, by)
        await self._project()
        return [await self.get(id_) for id_ in article_ids]

    async def retire(self, article_id: str, by: Person) -> Article:
        """Takes the published version out of every answer, at once. Raises `NotAllowed`, `NotPossible`."""
        _require_admin(by)
        async with self._writing, self._sessions.begin() as session:
            row = (await session.execute(select_articles().where(articles.c.id == article_id, is_published))).one_or_none()
            if row is None:
                raise NotPossible("not_published", article=article_id)
            article = article_of(row)
            await self._move(session, article, (ArticleState.PUBLISHED.value,), ArticleState.RETIRED)
            await self._forget_chunks(session, article_id)
            await session.execute(update(articles).where(articles.c.id == article_id).values(published_version=None, audience_key=None))
            await self._record(session, "article_retired", article, by)
        await self._project()
        return await self.get(article_id, version=article.version)

    async def get(self, article_id: str, version: int | None = None) -> Article:
        """A version of an article, the newest by default. Raises `NotPossible("article_unknown")`."""
        wanted = versions.c.version == (articles.c.latest_version if version is None else version)
        async with self._sessions() as session:
            row = (await session.execute(select_articles().where(articles.c.id == article_id, wanted))).one_or_none()
        if row is None:
            raise NotPossible("article_unknown", article=article_id)
        return article_of(row)

    async def list(self, *, state: ArticleState | None = None) -> Sequence[Article]:
        """Every article by title: its published version, and its newest one where that is another."""
        current = (versions.c.version == articles.c.latest_version) | (versions.c.version == articles.c.published_version)
        query = select_articles().where(current).order_by(func.lower(versions.c.title), articles.c.source, versions.c.version)
        if state is not None:
            query = query.where(versions.c.state == state.value)
        async with self._sessions() as session:
            return [article_of(row) for row in (await session.execute(query)).all()]

    async def sync(self) -> None:
        """Brings the vector index in line with the database: called at start and after each publication.

        It also notices a lost index and another encoder, and rebuilds. Raises `Retry` when the index is down; nothing is
        lost by that, the next call goes on.
        """
        await self._projection.sync()

    async def reindex(self) -> int:
        """Rebuilds the vector index from the database; returns the number of passages in it. Raises `Retry`."""
        return await self._projection.rebuild()

    async def _project(self) -> None:
        """`sync` after a change that is committed already: that must not fail because the index is down."""
        try:
            await self._projection.sync()
        except Retry as error:
            log.warning("vector_index_behind", error=error.code)

    async def _next_version(self, session: AsyncSession, source: str) -> tuple[str, int, Audience]:
        """Id and version for a new upload of this source, and the audience of the newest version so far."""
        row = (
            await session.execute(select_articles().where(articles.c.source == source, versions.c.version == articles.c.latest_version))
        ).one_or_none()
        if row is None:
            id_ = new_id()
            await session.execute(insert(articles).values(id=id_, source=source, latest_version=1))
            return id_, 1, EVERYONE
        if row.state in _UNPUBLISHED:
            # Two drafts of one article would leave open which of them is meant.
            older = (versions.c.article_id == row.id) & (versions.c.version == row.version)
            await session.execute(update(versions).where(older).values(state=ArticleState.SUPERSEDED.value))
        await session.execute(update(articles).where(articles.c.id == row.id).values(latest_version=row.version + 1))
        return row.id, row.version + 1, audience_from(row.audience)

    async def _encode(self, drafts: Sequence[Article]) -> Sequence[_Encoded]:
        """Cuts and encodes articles, all in one batch; no transaction is open meanwhile."""
        cuts = [await asyncio.to_thread(cut, article.body, article.title) for article in drafts]
        pairs = list(zip(drafts, cuts, strict=True))
        texts = [embedding_text(article.title, piece.section, piece.text) for article, pieces in pairs for piece in pieces]
        vectors = await self._encoder.encode([*texts, *(plain(article.title) for article in drafts)])
        titles = vectors[len(texts) :]
        encoded, start = [], 0
        for (article, pieces), title in zip(pairs, titles, strict=True):
            own = [Chunk(new_id(), article.id, article.version, place, piece.section, piece.text) for place, piece in enumerate(pieces)]
            encoded.append(_Encoded(article, own, vectors[start : start + len(own)], title))
            start += len(own)
        return encoded

    async def _publish(self, session: AsyncSession, encoded: _Encoded) -> None:
        article = encoded.article
        await self._move(session, article, _UNPUBLISHED, ArticleState.PUBLISHED)
        this = (versions.c.article_id == article.id) & (versions.c.version == article.version)
        await session.execute(
            update(versions)
            .where(this)
            .values(published_at=self._clock(), title_vector=to_bytes(encoded.title_vector), encoder=self._encoder.name)
        )
        before = (versions.c.article_id == article.id) & (versions.c.version < article.version)
        replaced = (ArticleState.PUBLISHED.value, *_UNPUBLISHED)
        await session.execute(update(versions).where(before, versions.c.state.in_(replaced)).values(state=ArticleState.SUPERSEDED.value))
        await self._forget_chunks(session, article.id)
        rows = [
            {
                "id": chunk.id,
                "article_id": article.id,
                "version": article.version,
                "ordinal": chunk.ordinal,
                "section": chunk.section,
                "text": chunk.text,
                "vector": to_bytes(vector),
            }
            for chunk, vector in zip(encoded.chunks, encoded.vectors, strict=True)
        ]
        numbers = (await session.scalars(insert(chunks).returning(chunks.c.number, sort_by_parameter_order=True), rows)).all()
        await add_rows(
            session,
            [
                {"number": number, "title": plain(article.title), "section": plain(chunk.section), "body": plain(chunk.text)}
                for number, chunk in zip(numbers, encoded.chunks, strict=True)
            ],
        )
        await session.execute(
            update(articles)
            .where(articles.c.id == article.id)
            .values(published_version=article.version, audience_key=audience_key(article.audience))
        )

    async def _forget_chunks(self, session: AsyncSession, article_id: str) -> None:
        """Takes an article out of both searches; the vector index follows by the row left here."""
        await remove_article(session, article_id)
        await session.execute(delete(chunks).where(chunks.c.article_id == article_id))
        await mark_pending(session, article_id)

    async def _move(self, session: AsyncSession, article: Article, sources: Sequence[str], to: ArticleState) -> None:
        """Changes a version's state if it still is in one of `sources`, which another process might have changed."""
        this = (versions.c.article_id == article.id) & (versions.c.version == article.version) & versions.c.state.in_(sources)
        moved = await session.execute(update(versions).where(this).values(state=to.value).returning(versions.c.version))
        if moved.first() is None:
            raise NotPossible("nothing_to_publish", article=article.id, state=article.state.value)

    async def _record(self, session: AsyncSession, event: str, article: Article, by: Person) -> None:
        data: dict[str, Json] = {
            "article": article.id,
            "version": article.version,
            "source": article.source,
            "audience": audience_key(article.audience),
        }
        await self._audit.append(session, kind="action", event=event, actor_id=by.id, data=data)


def _require_admin(by: Person) -> None:
    if ADMIN_ROLE not in by.roles or not by.active:
        raise NotAllowed("knowledge_admin_only")
