"""Gaps and reviews for knowledge admins: what people asked in vain, in groups, and the articles that may not hold any more."""

from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from bot.console.bodies import read_object
from bot.console.inbox import PersonOf, signed_in
from bot.console.ports import Guard
from bot.words import Words
from connectors.ports.messages import Message
from connectors.ports.people import Person
from knowledge.errors import KnowledgeError, NotAllowed
from knowledge.gaps import GapGroup, Gaps
from knowledge.model import require_admin
from knowledge.reviews import Reviews

PersonHandler = Callable[[web.Request, Person], Awaitable[web.StreamResponse]]


def add_gaps(
    app: web.Application,
    guard: Guard,
    person_of: PersonOf,
    gaps: Gaps,
    reviews: Reviews,
    *,
    words: Callable[[Person], Words],
    name_of: Callable[[str], Awaitable[str]],
) -> None:
    """Adds /api/v1/gaps and /api/v1/reviews. `name_of`: of an article's owner, by id; empty for nobody in the directory."""

    async def listed(request: web.Request, person: Person) -> web.Response:
        groups, count = await gaps.groups(person)
        return web.json_response({"groups": [_view(group) for group in groups], "count": count})

    async def close(request: web.Request, person: Person) -> web.Response:
        closed_as = (await read_object(request)).get("as")
        if closed_as not in ("written", "not_ours"):
            raise web.HTTPBadRequest(text="Say why it is closed.")
        return web.json_response({"closed": await gaps.close(request.match_info["gap"], closed_as, person)})

    async def draft(request: web.Request, person: Person) -> web.Response:
        text = await gaps.draft(request.match_info["gap"], person)
        attached = {"Content-Disposition": 'attachment; filename="article.md"'}
        return web.Response(text=text, content_type="text/markdown", headers=attached)

    async def due(request: web.Request, person: Person) -> web.Response:
        require_admin(person)
        found = []
        for one in await reviews.overdue():
            article, owner = one.article, await name_of(one.article.owner_id)
            shown = {"id": article.id, "version": article.version, "title": article.title, "source": article.source}
            found.append({**shown, "days": one.days, "owner": owner})
        return web.json_response({"reviews": found})

    async def confirm(request: web.Request, person: Person) -> web.Response:
        require_admin(person)
        version = (await read_object(request)).get("version")
        if type(version) is not int:  # nor true, which counts as one
            raise web.HTTPBadRequest(text="Say which version still holds.")
        article = await reviews.confirm(request.match_info["article"], person, version=version)
        return web.json_response({"review_due": article.review_due.isoformat() if article.review_due else None})

    def admin(handler: PersonHandler) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        async def handled(request: web.Request) -> web.StreamResponse:
            person = await signed_in(guard, person_of, request)
            try:
                return await handler(request, person)
            except KnowledgeError as error:
                sentence = words(person).of(Message(error.message_key, dict(error.details)))
                status = web.HTTPForbidden if isinstance(error, NotAllowed) else web.HTTPUnprocessableEntity
                raise status(text=sentence) from error

        return guard.anyone(handled)

    app.router.add_get("/api/v1/gaps", admin(listed))
    app.router.add_get("/api/v1/gaps/{gap}/draft", admin(draft))
    app.router.add_post("/api/v1/gaps/{gap}/close", admin(close))
    app.router.add_get("/api/v1/reviews", admin(due))
    app.router.add_post("/api/v1/reviews/{article}/confirm", admin(confirm))


def _view(group: GapGroup) -> dict[str, Any]:
    return {
        "id": group.id,
        "question": group.question,
        "count": group.count,
        "people": group.people,
        "unhelpful": group.unhelpful,
        "first_seen": group.first_seen.isoformat(),
        "last_seen": group.last_seen.isoformat(),
        "samples": list(group.samples),
        "nearest": {"title": group.nearest.title, "source": group.nearest.source} if group.nearest else None,
    }
