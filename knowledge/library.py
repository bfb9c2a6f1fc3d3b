"""The life of an article: draft, published, superseded or retired.

Everything a step changes is one transaction of the database: versions, chunks, text search, audit. The vector index is
filled afterwards from rows that say so, so a crash in between is mended by the next step of `Library.projection`.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time
from typing import Any

import structlog
from sqlalchemy import Row, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from connectors.errors import Retry
from connectors.ports.knowledge import AuditSink
from connectors.ports.people import Person
from connectors.ports.records import Clock, Json, new_id
from knowledge.answering import Reader
from knowledge.answers import Answer
from knowledge.embedding.former import Former
from knowledge.embedding.port import Encoder
from knowledge.errors import NotPossible
from knowledge.index import Index
from knowledge.loading.port import Loaded
from knowledge.loading.registry import load, source_name
from knowledge.model import EVERYONE, Article, ArticleState, Audience, Vocabulary, parse_audience, require_admin
from knowledge.preparing import Between, Encoded, again, encoded, go_on, known_vectors
from knowledge.projection import Projection, hold, keep_next, mark_new
from knowledge.scoring import Candidate, rank
from knowledge.store import article_of, articles, audience_from, audience_key, select_articles, to_bytes, version_values, versions
from knowledge.store import published as is_published
from knowledge.unchanged import brings_nothing, content_hash
from knowledge.writing import forget_chunks, write_chunks

_DEFAULT_LANGUAGE = "en"
_TRIED_PASSAGES = 20

log = structlog.get_logger()

Load = Callable[[bytes, str], Awaitable[Loaded]]
"""How a file is read, as `load`: content and name. Raises `LoadRefused`."""


@dataclass(frozen=True, slots=True)
class Added:
    """What became of a file."""

    article: Article
    """The article's newest version."""
    changed: bool
    """False when that version had the same content and audience before: nothing was kept."""


@dataclass(frozen=True, slots=True)
class _File:
    """A file that was read, and the audience that was chosen for it; None when none was."""

    source: str
    data: bytes
    loaded: Loaded
    chosen: Audience | None
    asked: Audience | None
    """The audience that was asked for, other than by the file itself."""


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
        *,
        former: Former | None = None,
    ) -> None:
        """`former`: opens the encoder that serves until this one's vectors are all made."""
        self._sessions = sessions
        self._encoder = encoder
        self._audit = audit
        self.vocabulary = vocabulary
        self._clock = clock
        self._reader = Reader(encoder)
        # One writer at a time in this process; other processes are held off by the guarded updates.
        self._writing = asyncio.Lock()
        self.projection = Projection(sessions, index, encoder, former)
        self._following: set[asyncio.Task[None]] = set()

    async def add(self, data: bytes, name: str, audience: Sequence[str] = (), *, by: Person) -> Article:
        """A file as a draft: of a new article, or as the next version of the one with the same file name.

        `audience`: selectors such as `country=DE`. Without any the file's own front matter says who may read it, else a
        new version keeps its predecessor's audience and a new article is for all employees; `all` widens it to them.
        A file that is as it was adds nothing: the newest version is returned, which may be published already.
        Raises `NotAllowed`, `LoadRefused`, `AudienceInvalid`.
        """
        return (await self.add_changed(data, source_name(name), audience, by=by)).article

    async def add_changed(self, data: bytes, source: str, audience: Sequence[str] = (), *, by: Person, load: Load = load) -> Added:
        """`add` under a key of the caller's (`source_path` for a file in a folder), which says whether anything changed.

        What `load` raises passes through, so a caller can give up the reading, and nothing but the reading.
        """
        require_admin(by)
        asked = self.audience(audience)
        newest = await self._newest(source, data, asked)
        if newest is not None:
            return Added(newest, changed=False)
        return (await self._add([await self._read(source, data, asked, load)], by))[0]

    async def add_many(self, files: Sequence[tuple[str, bytes]], audience: Sequence[str] = (), *, by: Person) -> Sequence[Article]:
        """`add` for several files (name, content) in one transaction: all of them, or none."""
        require_admin(by)
        asked = self.audience(audience)
        return [added.article for added in await self._add([await self._read(source_name(name), data, asked) for name, data in files], by)]

    def audience(self, selectors: Sequence[str]) -> Audience | None:
        """The audience that selectors name, None when there are none. Raises `AudienceInvalid`."""
        return parse_audience(selectors, self.vocabulary) if selectors else None

    async def _newest(self, source: str, data: bytes, asked: Audience | None) -> Article | None:
        """The newest version of this source if this file would surely be no other: known without reading the file."""
        async with self._sessions() as session:
            row = await self._newest_row(session, source)
        return article_of(row) if row is not None and _stands(row) and row.content_hash == content_hash(data, asked) else None

    async def _newest_row(self, session: AsyncSession, source: str) -> Row[Any] | None:
        newest = (articles.c.source == source) & (versions.c.version == articles.c.latest_version)
        row: Row[Any] | None = (await session.execute(select_articles().where(newest))).one_or_none()
        return row

    async def _read(self, source: str, data: bytes, asked: Audience | None, load: Load = load) -> _File:
        loaded = await load(data, source)
        return _File(source, data, loaded, self.audience(loaded.front_matter.audience) if asked is None else asked, asked)

    async def _add(self, files: Sequence[_File], by: Person) -> Sequence[Added]:
        now = self._clock()
        added = []
        async with self._writing, self._sessions.begin() as session:
            for file in files:
                row = await self._newest_row(session, file.source)
                before = EVERYONE if row is None else audience_from(row.audience)
                audience = before if file.chosen is None else file.chosen
                if row is not None and _stands(row) and brings_nothing(row.content_hash, file.data, before, audience):
                    added.append(Added(article_of(row), changed=False))
                    continue
                id_, version = await self._next_version(session, file.source, row)
                front = file.loaded.front_matter
                article = Article(
                    id=id_,
                    source=file.source,
                    version=version,
                    state=ArticleState.DRAFT,
                    title=file.loaded.title,
                    body=file.loaded.markdown,
                    audience=audience,
                    language=front.language or _DEFAULT_LANGUAGE,
                    owner_id=by.id,
                    updated_at=datetime.combine(front.updated, time(), UTC) if front.updated else now,
                    review_due=front.review,
                    warnings=file.loaded.warnings,
                )
                values = {**version_values(article, now), "content_hash": content_hash(file.data, file.asked)}
                await session.execute(insert(versions).values(values))
                await self._record(session, "article_added", article, by)
                added.append(Added(article, changed=True))
        return added

    async def try_question(self, article_id: str, question: str, by: Person) -> Answer:
        """What the newest version of this article alone would answer, published or not."""
        require_admin(by)
        (ready,) = await self._encode([await self.get(article_id)], self._encoder)
        vector = (await self._encoder.encode([question]))[0]
        article = ready.article
        candidates = [
            Candidate(chunk, article.title, article.source, article.audience, article.updated_at, chunk_vector, ready.title_vector, 0.0)
            for chunk, chunk_vector in zip(ready.chunks, ready.vectors, strict=True)
        ]
        return await self._reader.read(question, vector, rank(question, vector, candidates, _TRIED_PASSAGES))

    async def publish(self, article_id: str, by: Person) -> Article:
        """Makes the newest draft what employees are answered from, instead of the version published before.

        Found by text search at the commit, by its vectors when this returns. Raises `NotAllowed`, `NotPossible`.
        """
        return (await self.publish_many([article_id], by))[0]

    async def publish_many(
        self, article_ids: Sequence[str], by: Person, *, between: Between = go_on, wait_for_index: bool = True
    ) -> Sequence[Article]:
        """`publish` for several articles in one transaction: all of them, or none. `between` can stop it while it encodes.

        Other writers wait for the transaction, some 5 ms an article: many are published a few at a time. Without `wait_for_index` it
        returns at the commit, and the index follows while the next ones are encoded.
        """
        require_admin(by)
        drafts = await self._get_many(article_ids)
        serving, *coming = await self.projection.encoders()
        ready = await self._encode(drafts, serving, between)
        beforehand = [(one.name, await again(ready, one, between)) for one in coming]
        async with self._writing, self._sessions.begin() as session:
            await hold(session, article_ids)
            for one in ready:
                await self._publish(session, one, serving.name)
                await self._record(session, "article_published", one.article, by)
            for name, made in beforehand:
                await keep_next(session, name, made)
        following = asyncio.create_task(self._project(article_ids))
        self._following.add(following)
        following.add_done_callback(self._following.discard)
        if wait_for_index:
            await asyncio.shield(following)
        elif len(self._following) > 1:
            # No further behind than by what was published last.
            await asyncio.wait(self._following - {following})
        return await self._get_many(article_ids)

    async def retire(self, article_id: str, by: Person) -> Article:
        """Takes the published version out of every answer, at once. Raises `NotAllowed`, `NotPossible`."""
        require_admin(by)
        async with self._writing, self._sessions.begin() as session:
            await hold(session, [article_id])
            row = (await session.execute(select_articles().where(articles.c.id == article_id, is_published))).one_or_none()
            if row is None:
                raise NotPossible("not_published", article=article_id)
            article = article_of(row)
            await self._move(session, article, ArticleState.PUBLISHED, ArticleState.RETIRED)
            await forget_chunks(session, article_id)
            await session.execute(update(articles).where(articles.c.id == article_id).values(published_version=None, audience_key=None))
            await self._record(session, "article_retired", article, by)
        await self._project([article_id])
        return await self.get(article_id, version=article.version)

    async def get(self, article_id: str, version: int | None = None) -> Article:
        """A version of an article, the newest by default. Raises `NotPossible("article_unknown")`."""
        wanted = versions.c.version == (articles.c.latest_version if version is None else version)
        async with self._sessions() as session:
            row = (await session.execute(select_articles().where(articles.c.id == article_id, wanted))).one_or_none()
        if row is None:
            raise NotPossible("article_unknown", article=article_id)
        return article_of(row)

    async def _get_many(self, article_ids: Sequence[str]) -> Sequence[Article]:
        newest = versions.c.version == articles.c.latest_version
        async with self._sessions() as session:
            rows = (await session.execute(select_articles().where(articles.c.id.in_(article_ids), newest))).all()
        found = {row.id: article_of(row) for row in rows}
        missing = next((id_ for id_ in article_ids if id_ not in found), None)
        if missing is not None:
            raise NotPossible("article_unknown", article=missing)
        return [found[id_] for id_ in article_ids]

    async def list(self, *, state: ArticleState | None = None) -> Sequence[Article]:
        """Every article by title: its published version, and its newest one where that is another."""
        current = (versions.c.version == articles.c.latest_version) | (versions.c.version == articles.c.published_version)
        query = select_articles().where(current).order_by(func.lower(versions.c.title), articles.c.source, versions.c.version)
        if state is not None:
            query = query.where(versions.c.state == state.value)
        async with self._sessions() as session:
            return [article_of(row) for row in (await session.execute(query)).all()]

    async def drafts(self) -> Mapping[str, int]:
        """The version that waits to be published, of every article that has one."""
        waits = (versions.c.version == articles.c.latest_version) & (versions.c.state == ArticleState.DRAFT.value)
        query = select(versions.c.article_id, versions.c.version).join(articles, articles.c.id == versions.c.article_id).where(waits)
        async with self._sessions() as session:
            return {row.article_id: row.version for row in await session.execute(query)}

    async def close(self) -> None:
        """Lets the index follow what was published last."""
        if self._following:
            await asyncio.wait(self._following)

    async def _project(self, article_ids: Sequence[str]) -> None:
        """After a change that is committed already: that must not fail because the index is down."""
        try:
            await self.projection.project(article_ids)
        except Retry as error:
            log.warning("vector_index_behind", error=error.code)

    async def _next_version(self, session: AsyncSession, source: str, newest: Row[Any] | None) -> tuple[str, int]:
        """Id and version for a new upload of this source."""
        if newest is None:
            id_ = new_id()
            await session.execute(insert(articles).values(id=id_, source=source, latest_version=1))
            return id_, 1
        if newest.state == ArticleState.DRAFT.value:
            # Two drafts of one article would leave open which of them is meant.
            older = (versions.c.article_id == newest.id) & (versions.c.version == newest.version)
            await session.execute(update(versions).where(older).values(state=ArticleState.SUPERSEDED.value))
        await session.execute(update(articles).where(articles.c.id == newest.id).values(latest_version=newest.version + 1))
        return newest.id, newest.version + 1

    async def _encode(self, drafts: Sequence[Article], encoder: Encoder, between: Between = go_on) -> Sequence[Encoded]:
        """No transaction is open meanwhile."""
        async with self._sessions() as session:
            known = await known_vectors(session, [article.id for article in drafts], encoder.name)
        return await encoded(drafts, encoder, known, between)

    async def _publish(self, session: AsyncSession, ready: Encoded, encoder: str) -> None:
        article = ready.article
        await self._move(session, article, ArticleState.DRAFT, ArticleState.PUBLISHED)
        this = (versions.c.article_id == article.id) & (versions.c.version == article.version)
        await session.execute(
            update(versions).where(this).values(published_at=self._clock(), title_vector=to_bytes(ready.title_vector), encoder=encoder)
        )
        if article.version > 1:
            before = (versions.c.article_id == article.id) & (versions.c.version < article.version)
            replaced = (ArticleState.PUBLISHED.value, ArticleState.DRAFT.value)
            await session.execute(
                update(versions).where(before, versions.c.state.in_(replaced)).values(state=ArticleState.SUPERSEDED.value)
            )
            await forget_chunks(session, article.id)
        else:
            await mark_new(session, article.id)
        await write_chunks(session, ready)
        audience = audience_key(article.audience)
        await session.execute(
            update(articles).where(articles.c.id == article.id).values(published_version=article.version, audience_key=audience)
        )

    async def _move(self, session: AsyncSession, article: Article, state: ArticleState, to: ArticleState) -> None:
        """Changes a version's state if it still is `state`, which another process might have changed."""
        this = (versions.c.article_id == article.id) & (versions.c.version == article.version) & (versions.c.state == state.value)
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


def _stands(newest: Row[Any]) -> bool:
    """Whether uploading the newest version again would change nothing: a retired article comes back by it."""
    return bool(newest.state != ArticleState.RETIRED.value)
