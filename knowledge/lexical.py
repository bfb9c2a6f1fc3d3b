"""Text search in the database itself: SQLite FTS5 or PostgreSQL full text, written with the publication.

It finds what vectors blur, names and numbers, and it is current at the moment of the commit. The search table is not part
of the metadata because each database has its own kind: `create_lexical` makes it, for migrations and tests.
"""

import json
from collections.abc import Collection, Sequence

from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import AsyncSession

from knowledge.text import STOP_WORDS, words

_MAX_TERMS = 32
"""Words of a question that are searched for."""

_CREATE = {
    "sqlite": (
        "CREATE VIRTUAL TABLE IF NOT EXISTS knowledge_lexical USING fts5"
        "(title, section, body, tokenize = 'porter unicode61 remove_diacritics 2')",
    ),
    "postgresql": (
        "CREATE TABLE IF NOT EXISTS knowledge_lexical (number integer PRIMARY KEY, document tsvector NOT NULL)",
        "CREATE INDEX IF NOT EXISTS ix_knowledge_lexical ON knowledge_lexical USING gin (document)",
    ),
}
_INSERT = {
    "sqlite": "INSERT INTO knowledge_lexical (rowid, title, section, body) VALUES (:number, :title, :section, :body)",
    "postgresql": """
        INSERT INTO knowledge_lexical (number, document) VALUES (:number,
            setweight(to_tsvector('english', CAST(:title AS text)), 'A') || setweight(to_tsvector('english', CAST(:section AS text)), 'B')
            || to_tsvector('english', CAST(:body AS text)))""",
}
_REMOVE = {
    "sqlite": "DELETE FROM knowledge_lexical WHERE rowid IN (SELECT number FROM knowledge_chunk WHERE article_id = :article)",
    "postgresql": "DELETE FROM knowledge_lexical WHERE number IN (SELECT number FROM knowledge_chunk WHERE article_id = :article)",
}
# The audience is part of the query, so that what a person may not read takes no place from what they may.
_SEARCH = {
    "sqlite": """
        SELECT c.id, -bm25(knowledge_lexical) AS score
        FROM knowledge_lexical JOIN knowledge_chunk c ON c.number = knowledge_lexical.rowid JOIN knowledge_article a ON a.id = c.article_id
        WHERE knowledge_lexical MATCH :query AND a.audience_key IN (SELECT value FROM json_each(:audiences))
        ORDER BY score DESC, c.id LIMIT :limit""",
    # Full text has no notion of rare words; they are weighed here as BM25 does.
    "postgresql": """
        WITH term AS (SELECT plainto_tsquery('english', word) AS query FROM unnest(CAST(:query AS text[])) AS word),
        weighed AS (
            SELECT query, ln(1 + (SELECT count(*) FROM knowledge_lexical) / (0.5 + (
                SELECT count(*) FROM knowledge_lexical l WHERE l.document @@ query))) AS weight
            FROM term WHERE numnode(query) > 0)
        SELECT c.id, sum(w.weight * ts_rank(l.document, w.query, 1)) AS score
        FROM weighed w JOIN knowledge_lexical l ON l.document @@ w.query
        JOIN knowledge_chunk c ON c.number = l.number JOIN knowledge_article a ON a.id = c.article_id
        WHERE a.audience_key = ANY(:audiences)
        GROUP BY c.id ORDER BY score DESC, c.id LIMIT :limit""",
}


def create_lexical(connection: Connection) -> None:
    """Makes the search table in the database of this connection, SQLite or PostgreSQL, if it is not there."""
    for statement in _CREATE[connection.dialect.name]:
        connection.execute(text(statement))


async def add_rows(session: AsyncSession, rows: Sequence[dict[str, object]]) -> None:
    """Makes chunks findable: rows of `number`, `title`, `section`, `body` as plain text."""
    if rows:
        await session.execute(text(_INSERT[_dialect(session)]), list(rows))


async def remove_article(session: AsyncSession, article_id: str) -> None:
    """Call it before the chunks themselves are deleted."""
    await session.execute(text(_REMOVE[_dialect(session)]), {"article": article_id})


async def search_text(session: AsyncSession, question: str, audience_keys: Collection[str], limit: int) -> dict[str, float]:
    """The chunks with the question's words, of articles with one of these audiences: id to score, 1 for the best."""
    asked = list(dict.fromkeys(word for word in words(question) if word not in STOP_WORDS))[:_MAX_TERMS]
    if not asked or not audience_keys:
        return {}
    dialect = _dialect(session)
    if dialect == "sqlite":
        bound: dict[str, object] = {"query": " OR ".join(f'"{word}"' for word in asked), "audiences": json.dumps(list(audience_keys))}
    else:
        bound = {"query": asked, "audiences": list(audience_keys)}
    found = (await session.execute(text(_SEARCH[dialect]), {**bound, "limit": limit})).all()
    best = max((row.score for row in found), default=0.0)
    return {row.id: float(row.score / best) if best > 0 else 0.0 for row in found}


def _dialect(session: AsyncSession) -> str:
    return session.get_bind().dialect.name
