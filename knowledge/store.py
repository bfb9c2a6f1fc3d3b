"""The tables of knowledge, and the rows that its modules share."""

import json
from datetime import date, datetime
from functools import lru_cache
from types import MappingProxyType
from typing import Any

import numpy as np
from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    Date,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Row,
    Select,
    String,
    Table,
    Text,
    and_,
    bindparam,
    case,
    or_,
    select,
)

from connectors.ports.records import UtcDateTime
from knowledge.embedding.port import Vector
from knowledge.model import Article, ArticleState, Audience, Chunk
from knowledge.scoring import Candidate

metadata = MetaData()

articles = Table(
    "knowledge_article",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("source", String(200), nullable=False, unique=True),
    Column("latest_version", Integer, nullable=False),
    Column("published_version", Integer),
    # The published version's audience in a form that can be compared: searches select by it.
    Column("audience_key", Text),
    Index("ix_knowledge_article_audience", "audience_key"),
)
versions = Table(
    "knowledge_version",
    metadata,
    Column("article_id", String(36), ForeignKey("knowledge_article.id"), primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("state", String(16), nullable=False),
    Column("title", String(200), nullable=False),
    Column("body", Text, nullable=False),
    Column("audience", JSON, nullable=False),
    Column("language", String(35), nullable=False),
    Column("owner_id", String(36), nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
    Column("review_due", Date),
    Column("warnings", JSON, nullable=False),
    Column("added_at", UtcDateTime, nullable=False),
    Column("published_at", UtcDateTime),
    # Of the published version: the vector of the title, and the encoder that made all of its vectors.
    Column("title_vector", LargeBinary),
    Column("encoder", String(100)),
    # SHA-256 of the file and the audience it came with: what is uploaded again unchanged is no new version.
    Column("content_hash", String(64)),
    Index("ix_knowledge_version_published_at", "published_at"),
)
chunks = Table(
    "knowledge_chunk",
    metadata,
    # The number ties a chunk to its row in the full-text index; only published versions have chunks.
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("id", String(36), nullable=False, unique=True),
    Column("article_id", String(36), ForeignKey("knowledge_article.id"), nullable=False),
    Column("version", Integer, nullable=False),
    Column("ordinal", Integer, nullable=False),
    Column("section", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("vector", LargeBinary, nullable=False),
    Index("ix_knowledge_chunk_article", "article_id"),
)
next_vectors = Table(
    "knowledge_next_vector",
    metadata,
    # Vectors by another encoder than the one that made those beside the text: of chunks and of titles (by the article's id). They
    # are made while the other ones serve, and moved there once they serve themselves.
    Column("id", String(36), primary_key=True),
    Column("encoder", String(100), primary_key=True),
    Column("article_id", String(36), ForeignKey("knowledge_article.id"), nullable=False),
    Column("vector", LargeBinary, nullable=False),
    Index("ix_knowledge_next_vector_article", "article_id"),
)
projections = Table(
    "knowledge_projection",
    metadata,
    # An article whose chunks in the vector index are not those of the database yet. `gone`: ids that the index may still have.
    Column("article_id", String(36), ForeignKey("knowledge_article.id"), primary_key=True),
    Column("token", String(36), nullable=False),
    Column("gone", JSON),
)
settings = Table(
    "knowledge_setting",
    metadata,
    Column("key", String(50), primary_key=True),
    Column("value", Text, nullable=False),
)

answers = Table(
    "knowledge_answer",
    metadata,
    # What a shown answer quoted, so that a judgement of it reaches the articles. `id` is the reply's; `question` is without what
    # identifies anybody, and empty where it was asked in private.
    Column("id", String(36), primary_key=True),
    Column("question", Text, nullable=False),
    Column("articles", JSON, nullable=False),
    Column("vector", LargeBinary, nullable=False),
    Column("encoder", String(100), nullable=False),
    Column("at", UtcDateTime, nullable=False, index=True),
)
judgements = Table(
    "knowledge_judgement",
    metadata,
    Column("answer_id", String(36), primary_key=True),
    Column("person_id", String(36), primary_key=True),
    Column("article_id", String(36), primary_key=True),
    Column("helpful", Boolean, nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Index("ix_knowledge_judgement_article", "article_id"),
)
gaps = Table(
    "knowledge_gap",
    metadata,
    # A question that no article answered, or whose answer did not help. Clusters are computed from the vectors.
    Column("id", String(36), primary_key=True),
    Column("question", Text, nullable=False),
    Column("vector", LargeBinary, nullable=False),
    Column("encoder", String(100), nullable=False),
    Column("reason", String(12), nullable=False),
    Column("person_id", String(36), nullable=False),
    Column("at", UtcDateTime, nullable=False, index=True),
    Column("closed_at", UtcDateTime),
    # "written" or "not_ours", as the person said who closed it, or "answered" by the article that was published since.
    Column("closed_as", String(12)),
    Column("closed_by", String(36)),
    Column("article_id", String(36)),
)

review_notices = Table(
    "knowledge_review_notice",
    metadata,
    # Of which reviews an owner was told last, by article with the date that each was due.
    Column("owner_id", String(36), primary_key=True),
    Column("at", UtcDateTime, nullable=False),
    Column("told", JSON, nullable=False),
)

published = and_(articles.c.id == versions.c.article_id, articles.c.published_version == versions.c.version)
"""Joins an article with the one version of it that may be quoted."""


def to_bytes(vector: Vector) -> bytes:
    return np.asarray(vector, dtype="<f4").tobytes()


def from_bytes(stored: bytes) -> Vector:
    return np.frombuffer(stored, dtype="<f4")


def audience_json(audience: Audience) -> dict[str, list[str]]:
    return {key: sorted(values) for key, values in sorted(audience.items())}


def audience_key(audience: Audience) -> str:
    """Equal for equal audiences."""
    return json.dumps(audience_json(audience), ensure_ascii=False, separators=(",", ":"))


def audience_from(stored: str | dict[str, list[str]]) -> Audience:
    return _audience_of(stored) if isinstance(stored, str) else _audience(stored)


@lru_cache(maxsize=1000)
def _audience_of(key: str) -> Audience:
    return MappingProxyType(_audience(json.loads(key)))


def _audience(data: dict[str, list[str]]) -> dict[str, frozenset[str]]:
    return {key: frozenset(values) for key, values in data.items()}


def select_articles() -> Select[Any]:
    return select(articles.c.id, articles.c.source, versions).join(versions, versions.c.article_id == articles.c.id)


def article_of(row: Row[Any]) -> Article:
    return Article(
        id=row.id,
        source=row.source,
        version=row.version,
        state=ArticleState(row.state),
        title=row.title,
        body=row.body,
        audience=audience_from(row.audience),
        language=row.language,
        owner_id=row.owner_id,
        updated_at=row.updated_at,
        review_due=row.review_due,
        warnings=tuple(row.warnings),
    )


def version_values(article: Article, added_at: datetime) -> dict[str, Any]:
    due: date | None = article.review_due
    return {
        "article_id": article.id,
        "version": article.version,
        "state": article.state.value,
        "title": article.title,
        "body": article.body,
        "audience": audience_json(article.audience),
        "language": article.language,
        "owner_id": article.owner_id,
        "updated_at": article.updated_at,
        "review_due": due,
        "warnings": list(article.warnings),
        "added_at": added_at,
    }


def select_vectors(encoder: str) -> Select[Any]:
    """The published chunks that have vectors by this encoder: `id`, `article_id`, `audience_key`, `vector`; add conditions."""
    return (
        select(
            chunks.c.id,
            chunks.c.article_id,
            articles.c.audience_key,
            case((versions.c.encoder == encoder, chunks.c.vector), else_=next_vectors.c.vector).label("vector"),
        )
        .join(articles, and_(articles.c.id == chunks.c.article_id, articles.c.published_version == chunks.c.version))
        .join(versions, published)
        .outerjoin(next_vectors, and_(next_vectors.c.id == chunks.c.id, next_vectors.c.encoder == encoder))
        .where(or_(versions.c.encoder == encoder, next_vectors.c.id.is_not(None)))
    )


@lru_cache(maxsize=4)
def select_candidates(encoder: str) -> Select[Any]:
    """Chunks by `ids` as the database has them now: of published versions only, whatever an index says.

    Their vectors are those by `encoder`, or None while there are none.
    """
    own = versions.c.encoder == encoder
    titles = next_vectors.alias()
    return (
        select(
            chunks.c.id,
            chunks.c.article_id,
            chunks.c.version,
            chunks.c.ordinal,
            chunks.c.section,
            chunks.c.text,
            articles.c.source,
            articles.c.audience_key,
            versions.c.title,
            versions.c.updated_at,
            case((own, chunks.c.vector), else_=next_vectors.c.vector).label("vector"),
            case((own, versions.c.title_vector), else_=titles.c.vector).label("title_vector"),
        )
        .join(articles, and_(articles.c.id == chunks.c.article_id, articles.c.published_version == chunks.c.version))
        .join(versions, published)
        .outerjoin(next_vectors, and_(next_vectors.c.id == chunks.c.id, next_vectors.c.encoder == encoder))
        .outerjoin(titles, and_(titles.c.id == articles.c.id, titles.c.encoder == encoder))
        .where(chunks.c.id.in_(bindparam("ids", expanding=True)), versions.c.state == ArticleState.PUBLISHED.value)
    )


def candidate_of(row: Row[Any], lexical: float, helpful: float, dimension: int) -> Candidate:
    """`dimension`: of the vectors that are missing, which are near to nothing."""
    nowhere = np.zeros(dimension, dtype=np.float32)
    return Candidate(
        chunk=Chunk(row.id, row.article_id, row.version, row.ordinal, row.section, row.text),
        title=row.title,
        source=row.source,
        audience=audience_from(row.audience_key),
        updated_at=row.updated_at,
        vector=from_bytes(row.vector) if row.vector is not None else nowhere,
        title_vector=from_bytes(row.title_vector) if row.title_vector is not None else nowhere,
        lexical=lexical,
        helpful=helpful,
    )
