"""Articles cut and encoded, ready to be published. Encoding is what publishing costs: a passage that stands as it stood keeps
its vector, and the rest can be stopped between two batches, since no transaction is open yet.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from connectors.ports.records import new_id
from knowledge.chunking import cut, embedding_text
from knowledge.embedding.port import Encoder, Vector, Vectors
from knowledge.model import Article, Chunk
from knowledge.store import articles, chunks, from_bytes, published, versions
from knowledge.text import plain

ENCODED_AT_ONCE = 64
"""Texts between which a publication can be stopped."""
_AT_ONCE = 500
"""Ids that one question to the database names."""

Between = Callable[[], None]
"""Called between batches; what it raises ends the work, of which nothing is kept."""


def go_on() -> None:
    """A `Between` that never stops anything."""


@dataclass(frozen=True, slots=True)
class Encoded:
    """An article's chunks with their vectors, and the vector of its title."""

    article: Article
    chunks: Sequence[Chunk]
    vectors: Vectors
    title_vector: Vector


async def encoded(drafts: Sequence[Article], encoder: Encoder, known: Mapping[str, Vector], between: Between = go_on) -> Sequence[Encoded]:
    """Cuts and encodes articles. `known`: vectors of texts that need not be encoded again."""
    cuts = [await asyncio.to_thread(cut, article.body, article.title) for article in drafts]
    made = [
        (article, [Chunk(new_id(), article.id, article.version, place, piece.section, piece.text) for place, piece in enumerate(pieces)])
        for article, pieces in zip(drafts, cuts, strict=True)
    ]
    return await _with_vectors(made, encoder, known, between)


async def again(ready: Sequence[Encoded], encoder: Encoder, between: Between = go_on) -> Sequence[Encoded]:
    """The same chunks with another encoder's vectors."""
    return await _with_vectors([(one.article, one.chunks) for one in ready], encoder, {}, between)


async def _with_vectors(
    pairs: Sequence[tuple[Article, Sequence[Chunk]]], encoder: Encoder, known: Mapping[str, Vector], between: Between
) -> Sequence[Encoded]:
    texts = [embedding_text(article.title, chunk.section, chunk.text) for article, own in pairs for chunk in own]
    vectors = await _vectors([*texts, *(plain(article.title) for article, _ in pairs)], encoder, known, between)
    made, start = [], 0
    for (article, own), title in zip(pairs, vectors[len(texts) :], strict=True):
        made.append(Encoded(article, own, vectors[start : start + len(own)], title))
        start += len(own)
    return made


async def _vectors(texts: Sequence[str], encoder: Encoder, known: Mapping[str, Vector], between: Between) -> Vectors:
    vectors = np.zeros((len(texts), encoder.dimension), dtype=np.float32)
    missing = []
    for place, text in enumerate(texts):
        if text in known:
            vectors[place] = known[text]
        else:
            missing.append(place)
    # Texts of like length go together, so that little is computed for padding.
    missing.sort(key=lambda place: len(texts[place]))
    for start in range(0, len(missing), ENCODED_AT_ONCE):
        between()
        batch = missing[start : start + ENCODED_AT_ONCE]
        vectors[batch] = await encoder.encode([texts[place] for place in batch])
    between()
    return vectors


async def known_vectors(session: AsyncSession, article_ids: Sequence[str], encoder: str) -> Mapping[str, Vector]:
    """Encoded text -> vector, of what is published of these articles under this encoder."""
    known: dict[str, Vector] = {}
    for start in range(0, len(article_ids), _AT_ONCE):
        wanted = (articles.c.id.in_(article_ids[start : start + _AT_ONCE])) & (versions.c.encoder == encoder)
        titles = select(articles.c.id, versions.c.title, versions.c.title_vector).join(versions, published).where(wanted)
        pieces = (
            select(versions.c.title, chunks.c.section, chunks.c.text, chunks.c.vector)
            .join(articles, (articles.c.id == chunks.c.article_id) & (articles.c.published_version == chunks.c.version))
            .join(versions, published)
            .where(wanted)
        )
        for title in (await session.execute(titles)).all():
            known[plain(title.title)] = from_bytes(title.title_vector)
        for piece in (await session.execute(pieces)).all():
            known[embedding_text(piece.title, piece.section, piece.text)] = from_bytes(piece.vector)
    return known
