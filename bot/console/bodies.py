"""What is posted to the console's routes: a JSON object, and a bounded one."""

import json
from typing import Any

from aiohttp import web

LONGEST = 64 * 1024
"""Bytes."""


async def read_object(request: web.Request, longest: int = LONGEST) -> dict[str, Any]:
    """`longest`: bytes. Raises the HTTP error that says what is wrong."""
    if request.content_type != "application/json":
        raise web.HTTPUnsupportedMediaType(text="Send JSON (Content-Type: application/json).")
    body = bytearray()
    async for part in request.content.iter_any():
        body += part
        if len(body) > longest:
            raise web.HTTPRequestEntityTooLarge(longest, len(body), text="That is too long.")
    try:
        content = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise web.HTTPBadRequest(text="That is not valid JSON.") from error
    if not isinstance(content, dict):
        raise web.HTTPBadRequest(text="Send a JSON object.")
    return content
