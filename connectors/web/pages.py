"""The files of the page, read once: nothing is looked up by a path that somebody sent."""

import hashlib
from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from pathlib import Path

from aiohttp import web

STATIC = Path(__file__).parent / "static"
TYPES = {".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}


def routes() -> Iterator[tuple[str, Callable[[web.Request], Awaitable[web.Response]]]]:
    """Path and handler of every file; index.html is the page itself."""
    for path in sorted(STATIC.iterdir()):
        if path.suffix in TYPES:
            handler = partial(_serve, path.read_bytes(), TYPES[path.suffix])
            yield ("/" if path.name == "index.html" else f"/static/{path.name}"), handler


async def _serve(content: bytes, content_type: str, request: web.Request) -> web.Response:
    tag = hashlib.sha256(content).hexdigest()[:16]
    response = web.Response(body=content, content_type=content_type, charset="utf-8")
    response.etag = tag
    response.headers["Cache-Control"] = "no-cache"
    if any(sent.value == tag for sent in request.if_none_match or ()):
        return web.Response(status=304, headers={"ETag": f'"{tag}"', "Cache-Control": "no-cache"})
    return response
