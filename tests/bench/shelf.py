"""A library of many passages in a database and an index of its own, filled as publications would have filled it."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import insert, select

from bot.database import Sessions, connect
from bot.migrations import upgrade
from bot.uploads import AT_ONCE
from connectors.ports.people import Person
from connectors.ports.records import new_id
from knowledge.chroma_index import ChromaIndex
from knowledge.chunking import embedding_text
from knowledge.embedding.port import Encoder
from knowledge.lexical import add_rows
from knowledge.library import Library
from knowledge.model import Audience
from knowledge.retrieval import Retriever
from knowledge.store import articles, audience_json, audience_key, chunks, to_bytes, versions
from knowledge.text import plain
from tests.bench.corpus import Passages

AUDIENCES: tuple[tuple[Audience, float], ...] = (
    ({}, 0.70),
    ({"country": frozenset({"us"})}, 0.10),
    ({"country": frozenset({"de"})}, 0.10),
    ({"department": frozenset({"it"})}, 0.09),
    ({"country": frozenset({"fr"}), "department": frozenset({"legal"})}, 0.01),
)
"""Who may read which share."""
MANY: Sequence[tuple[Audience, float]] = [({}, 0.5), *(({"group": frozenset({f"g{number}"})}, 0.01) for number in range(50))]
"""The same of an organisation that keeps its groups apart."""
VOCABULARY = {"country": ("US", "DE", "FR"), "department": ("IT", "Legal", "Sales")}
_ARTICLE = 5
"""Passages of an article."""
_AT_ONCE = 1000
_NOW = datetime(2026, 9, 1, tzinfo=UTC)


def person(country: str, department: str, **more: Any) -> Person:
    attributes = {"country": country, "department": department}
    return Person("p", "k", "Dana", "dana@acme.example", "UTC", "en", attributes=attributes, **more)


ADMIN = person("GB", "IT", roles=frozenset({"employee", "knowledge_admin"}))


class Silent:
    """An audit that keeps nothing."""

    async def append(self, session: object, **event: object) -> None:
        return None


@dataclass
class Shelf:
    sessions: Sessions
    index: ChromaIndex
    encoder: Encoder
    library: Library
    retriever: Retriever
    ids: Sequence[str]
    """Of the passages, in their order."""
    audiences: Sequence[str]
    """Their keys."""

    async def upload(self, files: Sequence[tuple[str, bytes]]) -> list[str]:
        """Adds and publishes as an upload of many does, to the end; the ids of the articles."""
        ids: list[str] = []
        for start in range(0, len(files), AT_ONCE):
            added = await self.library.add_many(files[start : start + AT_ONCE], by=ADMIN)
            ids += [article.id for article in added]
            await self.library.publish_many(ids[start:], ADMIN, wait_for_index=False)
        await self.library.close()
        return ids

    async def encoded_texts(self, article_ids: Sequence[str]) -> list[str]:
        """What was encoded of these articles when they were published."""
        query = select(versions.c.article_id, versions.c.title, chunks.c.section, chunks.c.text).join(
            chunks, (chunks.c.article_id == versions.c.article_id) & (chunks.c.version == versions.c.version)
        )
        async with self.sessions() as session:
            rows = (await session.execute(query.where(versions.c.article_id.in_(article_ids)))).all()
        titles = {row.article_id: plain(row.title) for row in rows}
        return [*(embedding_text(row.title, row.section, row.text) for row in rows), *titles.values()]


async def fill(folder: Path, encoder: Encoder, given: Passages, audiences: Sequence[tuple[Audience, float]] = AUDIENCES) -> Shelf:
    """`audiences`: who may read which share."""
    engine, sessions = connect(f"sqlite+aiosqlite:///{folder / 'foyer.db'}")
    await upgrade(engine)
    chance = random.Random(3)
    ids = [new_id() for _ in given.texts]
    count = -(-len(ids) // _ARTICLE)
    audience_of = chance.choices([audience for audience, _ in audiences], [share for _, share in audiences], k=count)
    for start in range(0, count, _AT_ONCE):
        await _publish(sessions, encoder.name, given, ids, audience_of, range(start, min(start + _AT_ONCE, count)))
    index = ChromaIndex(folder / "index")
    library = Library(sessions, index, encoder, Silent(), lambda: _NOW, VOCABULARY)
    await library.projection.sync()
    retriever = Retriever(sessions, index, encoder)
    keys = [audience_key(audience_of[place // _ARTICLE]) for place in range(len(ids))]
    return Shelf(sessions, index, encoder, library, retriever, ids, keys)


async def _publish(
    sessions: Sessions, encoder: str, given: Passages, ids: Sequence[str], audience_of: Sequence[Audience], some: range
) -> None:
    article_rows, version_rows, chunk_rows, text_rows = [], [], [], []
    for number in some:
        id_ = f"article-{number}"
        audience = audience_of[number]
        places = range(number * _ARTICLE, min((number + 1) * _ARTICLE, len(ids)))
        title = " ".join(given.texts[places[0]].split()[:5])
        own = {"id": id_, "source": f"{number}.md", "latest_version": 1, "published_version": 1, "audience_key": audience_key(audience)}
        article_rows.append(own)
        version_rows.append(
            {
                "article_id": id_,
                "version": 1,
                "state": "published",
                "title": title,
                "body": "",
                "audience": audience_json(audience),
                "language": "en",
                "owner_id": "p",
                "updated_at": _NOW,
                "warnings": [],
                "added_at": _NOW,
                "published_at": _NOW,
                "title_vector": to_bytes(given.vectors[places[0]]),
                "encoder": encoder,
            }
        )
        for ordinal, place in enumerate(places):
            chunk_rows.append(
                {
                    "number": place + 1,
                    "id": ids[place],
                    "article_id": id_,
                    "version": 1,
                    "ordinal": ordinal,
                    "section": "",
                    "text": given.texts[place],
                    "vector": to_bytes(given.vectors[place]),
                }
            )
            texts = {"title": title, "section": "", "body": given.texts[place]}
            text_rows.append({"number": place + 1, **texts, "audience": audience_key(audience)})
    async with sessions.begin() as session:
        await session.execute(insert(articles), article_rows)
        await session.execute(insert(versions), version_rows)
        await session.execute(insert(chunks), chunk_rows)
        await add_rows(session, text_rows)
