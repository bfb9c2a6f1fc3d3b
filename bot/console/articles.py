"""Articles for knowledge admins: what there is, new files as drafts, a question tried on one, publish, retire.

A few files at once are read into memory, at most UPLOAD_LIMIT bytes a request: all of them are added, or none. Many come by
`uploads`. What was uploaded is never served again: what an article shows is its text.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

import structlog
from aiohttp import BodyPartReader, web

from bot.console.bodies import read_object
from bot.console.inbox import PersonOf, signed_in
from bot.console.ports import Guard
from bot.uploads import LARGEST
from bot.words import Words, warnings_of
from connectors.ports.messages import Message
from connectors.ports.people import Person
from knowledge.errors import KnowledgeError, NotAllowed
from knowledge.library import Library
from knowledge.loading.registry import accepted_formats
from knowledge.model import ADMIN_ROLE, Article, Audience, Vocabulary, spelled

log = structlog.get_logger()
UPLOAD_LIMIT = LARGEST + 1024 * 1024
MAX_FILES = 20
MAX_SELECTORS = 50

PersonHandler = Callable[[web.Request, Person], Awaitable[web.StreamResponse]]


def add_articles(
    app: web.Application,
    guard: Guard,
    person_of: PersonOf,
    library: Library,
    *,
    words: Callable[[Person], Words],
    html: Callable[[str], str],
    vocabulary: Mapping[str, Sequence[str]],
) -> None:
    """Adds /api/v1/articles. `html` renders Markdown safely; `vocabulary`: what an audience may select by."""
    admin = for_admins(guard, person_of, words)

    def view(article: Article, person: Person) -> dict[str, Any]:
        return _view(article, vocabulary, words(person))

    async def listed(request: web.Request, person: Person) -> web.Response:
        found = [view(article, person) for article in await library.list()]
        audience = {key: list(values) for key, values in vocabulary.items()}
        return web.json_response({"articles": found, "audience": audience, "formats": accepted_formats(), "largest_mb": LARGEST // 1024**2})

    async def add(request: web.Request, person: Person) -> web.Response:
        files, selectors = await _upload(request)
        added = await library.add_many(files, selectors, by=person)
        log.info("articles_uploaded", articles=[article.id for article in added])
        return web.json_response({"articles": [view(article, person) for article in added]}, status=201)

    async def try_question(request: web.Request, person: Person) -> web.Response:
        question = (await read_object(request)).get("question")
        if not isinstance(question, str) or not question.strip():
            raise web.HTTPBadRequest(text="Write the question that you want to try.")
        answer = await library.try_question(request.match_info["article"], question, by=person)
        text = "\n\n".join(f"{quote.text} [{quote.citation.n}]" for quote in answer.quotes)
        citations = {quote.citation.n: quote.citation for quote in answer.quotes}
        sources = [{"n": n, "title": citation.title, "section": citation.section} for n, citation in citations.items()]
        return web.json_response({"answered": answer.kind == "answered", "html": html(text), "citations": sources})

    async def publish(request: web.Request, person: Person) -> web.Response:
        return web.json_response(view(await library.publish(request.match_info["article"], by=person), person))

    async def retire(request: web.Request, person: Person) -> web.Response:
        return web.json_response(view(await library.retire(request.match_info["article"], by=person), person))

    app.router.add_get("/api/v1/articles", admin(listed))
    app.router.add_post("/api/v1/articles", admin(add))
    app.router.add_post("/api/v1/articles/{article}/try", admin(try_question))
    app.router.add_post("/api/v1/articles/{article}/publish", admin(publish))
    app.router.add_post("/api/v1/articles/{article}/retire", admin(retire))


def for_admins(
    guard: Guard, person_of: PersonOf, words: Callable[[Person], Words]
) -> Callable[[PersonHandler], Callable[[web.Request], Awaitable[web.StreamResponse]]]:
    """Makes handlers for knowledge admins alone; what knowledge refuses becomes a sentence in their language."""

    def admin(handler: PersonHandler) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        async def handled(request: web.Request) -> web.StreamResponse:
            person = await signed_in(guard, person_of, request)
            if ADMIN_ROLE not in person.roles:
                raise web.HTTPForbidden(text=words(person)("knowledge.knowledge_admin_only"))
            try:
                return await handler(request, person)
            except KnowledgeError as error:
                sentence = words(person).of(Message(error.message_key, dict(error.details)))
                status = web.HTTPForbidden if isinstance(error, NotAllowed) else web.HTTPUnprocessableEntity
                raise status(text=sentence) from error

        return guard.anyone(handled)

    return admin


async def _upload(request: web.Request) -> tuple[list[tuple[str, bytes]], list[str]]:
    """Files and audience selectors of a form. Raises the HTTP error that says what is wrong."""
    if request.content_type != "multipart/form-data":
        raise web.HTTPUnsupportedMediaType(text="Send files as a form (multipart/form-data).")
    files: list[tuple[str, bytes]] = []
    selectors: list[str] = []
    room = UPLOAD_LIMIT
    try:
        async for part in await request.multipart():
            if not isinstance(part, BodyPartReader):
                raise web.HTTPBadRequest(text="That form cannot be read.")
            data = bytearray()
            while chunk := await part.read_chunk():
                room -= len(chunk)
                if room < 0:
                    raise web.HTTPRequestEntityTooLarge(
                        UPLOAD_LIMIT, UPLOAD_LIMIT - room, text=f"That is more than {UPLOAD_LIMIT // 1024**2} MB at once."
                    )
                data += chunk
            if part.filename:
                files.append((part.filename, bytes(data)))
            elif part.name == "audience":
                selectors.append(data.decode("utf-8", "replace"))
            if len(files) > MAX_FILES or len(selectors) > MAX_SELECTORS:
                raise web.HTTPBadRequest(text=f"At most {MAX_FILES} files at once.")
    except ValueError as error:
        raise web.HTTPBadRequest(text="That form cannot be read.") from error
    if not files:
        raise web.HTTPBadRequest(text="There is no file in that form.")
    return files, selectors


def _view(article: Article, vocabulary: Vocabulary, words: Words) -> dict[str, Any]:
    return {
        "id": article.id,
        "title": article.title,
        "source": article.source,
        "version": article.version,
        "state": article.state.value,
        "audience": _audience(article.audience, vocabulary),
        "language": article.language,
        "updated": article.updated_at.isoformat(),
        "review_due": article.review_due.isoformat() if article.review_due else None,
        "warnings": warnings_of(article, words),
    }


def _audience(audience: Audience, vocabulary: Vocabulary) -> str:
    """ "country: DE or FR, department: Sales", spelled as the vocabulary does; empty for all employees."""
    return ", ".join(f"{key}: {' or '.join(values)}" for key, values in spelled(audience, vocabulary).items())
