"""The chunks of a published article in the database: with their vectors, and in text search."""

from sqlalchemy import delete, insert
from sqlalchemy.ext.asyncio import AsyncSession

from knowledge.lexical import add_rows, remove_article
from knowledge.preparing import Encoded
from knowledge.projection import mark_pending
from knowledge.store import audience_key, chunks, to_bytes
from knowledge.text import plain


async def write_chunks(session: AsyncSession, ready: Encoded) -> None:
    """Call it after `forget_chunks` or `mark_new`, in the same transaction."""
    article = ready.article
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
        for chunk, vector in zip(ready.chunks, ready.vectors, strict=True)
    ]
    numbers = (await session.scalars(insert(chunks).returning(chunks.c.number, sort_by_parameter_order=True), rows)).all()
    shared = {"title": plain(article.title), "audience": audience_key(article.audience)}
    texts = [
        {**shared, "number": number, "section": plain(chunk.section), "body": plain(chunk.text)}
        for number, chunk in zip(numbers, ready.chunks, strict=True)
    ]
    await add_rows(session, texts)


async def forget_chunks(session: AsyncSession, article_id: str) -> None:
    """Takes an article out of both searches; the vector index follows by the row left here."""
    await mark_pending(session, article_id)
    await remove_article(session, article_id)
    await session.execute(delete(chunks).where(chunks.c.article_id == article_id))
