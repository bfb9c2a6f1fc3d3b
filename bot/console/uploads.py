"""Many articles at once, for knowledge admins: begin with a list of files, send each, look how far it is, cancel, publish all.

A file is the body of one request, written to the disk as it comes; nothing of it is ever served again.
"""

from collections.abc import Callable
from typing import Any

from aiohttp import web

from bot.console.articles import for_admins
from bot.console.bodies import read_object
from bot.console.inbox import PersonOf
from bot.console.ports import Guard
from bot.upload import Upload
from bot.uploads import LARGEST, Uploads
from bot.words import Words
from connectors.ports.messages import Message
from connectors.ports.people import Person

_CHUNK = 64 * 1024
_LONGEST_LIST = 2 * 1024 * 1024
"""Bytes of a list of as many files as an upload may have, each with a long path."""


def add_uploads(app: web.Application, guard: Guard, person_of: PersonOf, uploads: Uploads, *, words: Callable[[Person], Words]) -> None:
    """Adds /api/v1/uploads."""
    admin = for_admins(guard, person_of, words)

    def answer(upload: Upload, person: Person, *, files: bool = False, status: int = 200) -> web.Response:
        return web.json_response(_view(upload, person, words(person), files), status=status)

    async def listed(request: web.Request, person: Person) -> web.Response:
        await uploads.refresh()
        return web.json_response({"uploads": [_view(one, person, words(person), False) for one in uploads.all(by=person)]})

    async def begin(request: web.Request, person: Person) -> web.Response:
        files, audience, publish = _wanted(await read_object(request, _LONGEST_LIST))
        return answer(uploads.begin(files, audience, publish=publish, by=person), person, files=True, status=201)

    async def look(request: web.Request, person: Person) -> web.Response:
        await uploads.refresh()
        return answer(uploads.find(request.match_info["upload"], by=person), person, files="files" in request.query)

    async def receive(request: web.Request, person: Person) -> web.Response:
        if (request.content_length or 0) > LARGEST:
            # Refused unread: whoever listed it with its size knows already.
            raise web.HTTPRequestEntityTooLarge(LARGEST, request.content_length or 0, text=f"That is more than {LARGEST // 1024**2} MB.")
        content = request.content.iter_chunked(_CHUNK)
        return answer(await uploads.receive(request.match_info["upload"], int(request.match_info["number"]), content, by=person), person)

    async def cancel(request: web.Request, person: Person) -> web.Response:
        return answer(uploads.cancel(request.match_info["upload"], by=person), person)

    async def publish(request: web.Request, person: Person) -> web.Response:
        await uploads.refresh()
        return answer(uploads.publish(request.match_info["upload"], by=person), person)

    app.router.add_get("/api/v1/uploads", admin(listed))
    app.router.add_post("/api/v1/uploads", admin(begin))
    app.router.add_get("/api/v1/uploads/{upload}", admin(look))
    app.router.add_put(r"/api/v1/uploads/{upload}/files/{number:\d{1,6}}", admin(receive))
    app.router.add_post("/api/v1/uploads/{upload}/cancel", admin(cancel))
    app.router.add_post("/api/v1/uploads/{upload}/publish", admin(publish))


def _wanted(content: dict[str, Any]) -> tuple[list[tuple[str, int]], list[str], bool]:
    """Files (path, size), audience and whether to publish. Raises HTTPBadRequest."""
    files, audience, publish = content.get("files"), content.get("audience", []), content.get("publish", False)
    if not isinstance(files, list) or not all(map(_is_file, files)) or not isinstance(audience, list):
        raise web.HTTPBadRequest(text="Send files, each with a name and a size, and perhaps an audience.")
    if not all(isinstance(one, str) for one in audience) or not isinstance(publish, bool):
        raise web.HTTPBadRequest(text="The audience is a list of texts, and publish is true or false.")
    return [(_text(file["name"]), file["size"]) for file in files], [_text(one) for one in audience], publish


def _is_file(given: Any) -> bool:
    return isinstance(given, dict) and isinstance(given.get("name"), str) and type(given.get("size")) is int and given["size"] >= 0


def _text(given: str) -> str:
    """Without lone surrogates, which no database stores."""
    return given.encode("utf-8", "replace").decode("utf-8")


def _view(upload: Upload, person: Person, words: Words, files: bool) -> dict[str, Any]:
    now = upload.now
    view = {
        "id": upload.id,
        "by": upload.by.name,
        "mine": upload.by.id == person.id,
        "state": upload.state,
        "publish": upload.publish,
        "total": len(upload.files),
        "done": upload.done,
        "counts": {state.value: count for state, count in upload.counts.items()},
        "drafts": len(upload.drafts),
        "now": {"name": now.name, "state": now.state.value} if now else None,
        "refused": [
            {"name": file.name, "reason": words.of(Message(file.refusal.message_key, dict(file.refusal.details)))}
            for file in upload.files
            if file.refusal is not None
        ],
    }
    return view | ({"files": [{"name": file.name, "state": file.state.value} for file in upload.files]} if files else {})
