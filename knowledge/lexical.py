"""Text search in the database itself: SQLite FTS5 or PostgreSQL full text, written with the publication.

It finds what vectors blur, names and numbers, and it is current at the moment of the commit. The search table is not part
of the metadata because each database has its own kind: `create_lexical` makes it, for migrations and tests.

Finding which passages have a word is cheap; weighing them is not, at 100,000 passages. So a question's rare words are searched
for, and of the common ones their meetings, as far as `_WEIGHED` goes; in a small library, and for an asker who may read little,
that is always all of them.
"""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from sqlalchemy import Connection, TextClause, text
from sqlalchemy.ext.asyncio import AsyncSession

from knowledge.text import STOP_WORDS, words

_MAX_TERMS = 32
"""Words of a question that are searched for."""
_WEIGHED = 1000
"""Passages with one of the rare words, by their frequencies: some 2 us each."""
_MOST_WEIGHED = 2 * _WEIGHED
"""Passages that are weighed in any case; where words meet more often, the oldest."""
_WALKED = 20_000
"""Passages with any of the words that are searched for, by their frequencies: some 0.1 us each."""
_WALKED_FOR_FEW = 3 * _WALKED
"""The same for an asker who may read little."""
_FEW = 2000
"""Up to so many passages that an asker may read, all of them that have a word are weighed."""
_REMEMBERED = 20_000
"""Words whose frequencies are remembered; then all are forgotten, and those that are asked for are soon there again."""
_GROWTH = 0.1
"""Frequencies hold until the library has grown by this share; they only decide what is worth searching for."""

_CREATE = {
    "sqlite": (
        "CREATE VIRTUAL TABLE IF NOT EXISTS knowledge_lexical USING fts5"
        "(title, section, body, audience UNINDEXED, tokenize = 'porter unicode61 remove_diacritics 2')",
    ),
    "postgresql": (
        "CREATE TABLE IF NOT EXISTS knowledge_lexical (number integer PRIMARY KEY, document tsvector NOT NULL, audience text NOT NULL)",
        "CREATE INDEX IF NOT EXISTS ix_knowledge_lexical ON knowledge_lexical USING gin (document)",
    ),
}
_INSERT = {
    "sqlite": "INSERT INTO knowledge_lexical (rowid, title, section, body, audience) VALUES (:number, :title, :section, :body, :audience)",
    "postgresql": """
        INSERT INTO knowledge_lexical (number, document, audience) VALUES (:number,
            setweight(to_tsvector('english', CAST(:title AS text)), 'A') || setweight(to_tsvector('english', CAST(:section AS text)), 'B')
            || to_tsvector('english', CAST(:body AS text)), :audience)""",
}
_REMOVE = {
    "sqlite": "DELETE FROM knowledge_lexical WHERE rowid IN (SELECT number FROM knowledge_chunk WHERE article_id = :article)",
    "postgresql": "DELETE FROM knowledge_lexical WHERE number IN (SELECT number FROM knowledge_chunk WHERE article_id = :article)",
}
# The audience is part of every query, so that what a person may not read takes no place from what they may.
_MINE = {
    "sqlite": "l.audience IN (SELECT value FROM json_each(:audiences))",
    "postgresql": "l.audience = ANY(:audiences)",
}
_FEW_OF_MINE = {
    # The plus keeps SQLite from searching for the words once for each number.
    "sqlite": """
        +l.rowid IN (SELECT c.number FROM knowledge_article a JOIN knowledge_chunk c ON c.article_id = a.id
            WHERE a.audience_key IN (SELECT value FROM json_each(:audiences)))""",
    "postgresql": "l.audience = ANY(:audiences)",
}
_SEARCH = {
    "sqlite": """
        SELECT c.id, found.score FROM (
            SELECT l.rowid AS number, -bm25(knowledge_lexical) AS score FROM knowledge_lexical l
            WHERE knowledge_lexical MATCH :query AND {mine} LIMIT :most
        ) found JOIN knowledge_chunk c ON c.number = found.number
        ORDER BY found.score DESC, c.id LIMIT :limit""",
    # Full text has no notion of rare words; they are weighed here as BM25 does.
    "postgresql": """
        WITH term AS (
            SELECT plainto_tsquery('english', word) AS query, kind, ln(1 + :passages / (0.5 + frequency)) AS weight
            FROM unnest(CAST(:words AS text[]), CAST(:kinds AS text[]), CAST(:frequencies AS integer[])) AS asked (word, kind, frequency)),
        spelled AS (
            SELECT kind, string_agg('(' || CAST(query AS text) || ')', ' | ') AS query FROM term WHERE numnode(query) > 0 GROUP BY kind),
        whole AS (
            SELECT CAST(concat_ws(' | ', (SELECT query FROM spelled WHERE kind = 'rare'),
                (SELECT query FROM spelled WHERE kind = 'first') || ' & (' || (SELECT query FROM spelled WHERE kind = 'other') || ')'
            ) AS tsquery) AS query),
        found AS (
            SELECT l.number, l.document FROM knowledge_lexical l
            WHERE l.document @@ (SELECT query FROM whole) AND {mine} LIMIT :most)
        SELECT c.id, sum(t.weight * ts_rank(f.document, t.query, 1)) AS score
        FROM term t JOIN found f ON f.document @@ t.query JOIN knowledge_chunk c ON c.number = f.number
        WHERE numnode(t.query) > 0
        GROUP BY c.id ORDER BY score DESC, c.id LIMIT :limit""",
}
_FREQUENCY = {
    "sqlite": "SELECT count(*) FROM knowledge_lexical WHERE knowledge_lexical MATCH {word}",
    "postgresql": "SELECT count(*) FROM knowledge_lexical WHERE document @@ plainto_tsquery('english', {word})",
}
_SIZE = "SELECT coalesce(max(number), 0) FROM knowledge_chunk"
_READABLE = """
    SELECT count(*) FROM (SELECT 1 FROM knowledge_article a JOIN knowledge_chunk c ON c.article_id = a.id
        WHERE a.audience_key {mine} LIMIT :most) AS readable"""
_AMONG = {"sqlite": "IN (SELECT value FROM json_each(:audiences))", "postgresql": "= ANY(:audiences)"}


@dataclass
class Frequencies:
    """How many passages have a word, remembered between questions: common words are dear to count and soon known.

    Searches that run at once share it, so what is in it now may be gone after the next await.
    """

    size: int = 0
    words: dict[str, int] = field(default_factory=dict)
    readable: dict[frozenset[str], int] = field(default_factory=dict)

    def grown_to(self, size: int) -> bool:
        """Forgets what does not hold any more; True if so."""
        if abs(size - self.size) <= _GROWTH * self.size:
            return False
        self.size = size
        self.words.clear()
        self.readable.clear()
        return True

    def keep(self, words: Mapping[str, int]) -> None:
        if len(self.words) + len(words) > _REMEMBERED:
            self.words.clear()
        self.words.update(words)


@dataclass(frozen=True)
class _Counted:
    """What one question needs to know: passages in all, those that the asker may read (up to a few), and those with each word."""

    size: int
    readable: int
    words: Mapping[str, int]


@dataclass(frozen=True)
class Plan:
    """What is searched for: passages with one of `rare`, and those where the first of `common` meets another of them."""

    rare: tuple[str, ...]
    common: tuple[str, ...] = ()


def plan(asked: Sequence[str], frequency: Mapping[str, int], *, few: bool) -> Plan:
    """Pure. Rare words first, as many as are cheap enough; in any case one. `few`: the asker may read little."""
    kept: list[str] = []
    walked = 0
    for word in sorted(asked, key=lambda word: frequency[word]):
        walked += frequency[word]
        if kept and walked > (_WALKED_FOR_FEW if few else _WALKED):
            break
        kept.append(word)
    if few:
        return Plan(tuple(kept))
    weighed, rare = 0, 0
    for word in kept:
        weighed += frequency[word]
        if weighed > _WEIGHED:
            break
        rare += 1
    common = tuple(kept[rare:])
    if len(common) == 1:
        return Plan(tuple(kept[:rare]) or common)
    return Plan(tuple(kept[:rare]), common)


def create_lexical(connection: Connection) -> None:
    """Makes the search table in the database of this connection, SQLite or PostgreSQL, if it is not there."""
    for statement in _CREATE[connection.dialect.name]:
        connection.execute(text(statement))


async def add_rows(session: AsyncSession, rows: Sequence[dict[str, object]]) -> None:
    """Makes chunks findable: rows of `number`, `title`, `section`, `body` as plain text, and the `audience`'s key."""
    if rows:
        await session.execute(text(_INSERT[_dialect(session)]), list(rows))


async def remove_article(session: AsyncSession, article_id: str) -> None:
    """Call it before the chunks themselves are deleted."""
    await session.execute(text(_REMOVE[_dialect(session)]), {"article": article_id})


async def search_text(
    session: AsyncSession, question: str, audience_keys: Collection[str], limit: int, known: Frequencies | None = None
) -> dict[str, float]:
    """The chunks with the question's words, of articles with one of these audiences: id to score, 1 for the best.

    `known` is kept by whoever asks again and again.
    """
    asked = list(dict.fromkeys(word for word in words(question) if word not in STOP_WORDS))[:_MAX_TERMS]
    if not asked or not audience_keys:
        return {}
    known = known or Frequencies()
    dialect = _dialect(session)
    audiences = json.dumps(sorted(audience_keys)) if dialect == "sqlite" else sorted(audience_keys)
    readable = frozenset(audience_keys)
    counted = await _count(session, asked, readable, audiences, known)
    few = counted.readable <= _FEW
    chosen = plan(asked, counted.words, few=few)
    bound = _query(chosen) if dialect == "sqlite" else _terms(chosen, counted)
    found = (await session.execute(_search(dialect, few), {**bound, "audiences": audiences, "limit": limit, "most": _MOST_WEIGHED})).all()
    best = max((row.score for row in found), default=0.0)
    return {row.id: float(row.score / best) if best > 0 else 0.0 for row in found}


def _query(chosen: Plan) -> dict[str, object]:
    """The plan in the words of FTS5."""
    parts = [f'"{word}"' for word in chosen.rare]
    if chosen.common:
        first, *others = (f'"{word}"' for word in chosen.common)
        parts.append(f"({first} AND ({' OR '.join(others)}))")
    return {"query": " OR ".join(parts)}


def _terms(chosen: Plan, counted: _Counted) -> dict[str, object]:
    """The plan as a table of words, which PostgreSQL stems by itself."""
    kinds = ["rare"] * len(chosen.rare) + ["first", *["other"] * (len(chosen.common) - 1)][: len(chosen.common)]
    asked = [*chosen.rare, *chosen.common]
    return {"words": asked, "kinds": kinds, "frequencies": [counted.words[word] for word in asked], "passages": counted.size}


async def _count(session: AsyncSession, asked: Sequence[str], readable: frozenset[str], audiences: object, known: Frequencies) -> _Counted:
    """From what is known and, for the rest, from the database; all of it from there when the library turns out to have grown."""
    there = {word: known.words[word] for word in asked if word in known.words}
    may_read = known.readable.get(readable)
    found = await _ask(session, [word for word in asked if word not in there], audiences, may_read)
    if known.grown_to(found.size) and (there or may_read is not None):
        there = {}
        found = await _ask(session, asked, audiences, None)
    known.keep(found.words)
    known.readable[readable] = found.readable
    return _Counted(found.size, found.readable, {**there, **found.words})


async def _ask(session: AsyncSession, asked: Sequence[str], audiences: object, may_read: int | None) -> _Counted:
    """In one statement. `may_read`: how many passages the asker may read, if that is known."""
    dialect = _dialect(session)
    parts = [_SIZE, *(_FREQUENCY[dialect].format(word=f":word{n}") for n in range(len(asked)))]
    bound: dict[str, object] = {f"word{n}": f'"{word}"' if dialect == "sqlite" else word for n, word in enumerate(asked)}
    if may_read is None:
        parts.append(_READABLE.format(mine=_AMONG[dialect]))
        bound |= {"audiences": audiences, "most": _FEW + 1}
    size, *counts = (await session.execute(_clause(f"SELECT {', '.join(f'({part})' for part in parts)}"), bound)).one()
    return _Counted(size, counts[-1] if may_read is None else may_read, dict(zip(asked, counts, strict=False)))


@lru_cache(maxsize=200)
def _clause(statement: str) -> TextClause:
    """Reading a statement for its parameters takes as long as some of them."""
    return text(statement)


def _search(dialect: str, few: bool) -> TextClause:
    return _clause(_SEARCH[dialect].format(mine=(_FEW_OF_MINE if few else _MINE)[dialect]))


def _dialect(session: AsyncSession) -> str:
    return session.get_bind().dialect.name
