"""What is posted to the console's smaller routes: a JSON object, and a short one."""

import json
from typing import Any

from aiohttp import web

LONGEST = 64 * 1024
"""Bytes."""


async def read_object(request: web.Request) -> dict[str, Any]:
    """Raises the HTTP error that says what is wrong."""
    if request.content_type != "application/json":
        raise web.HTTPUnsupportedMediaType(text="Send JSON (Content-Type: application/json).")
    body = bytearray()
    async for part in request.content.iter_any():
        body += part
        if len(body) > LONGEST:
            raise web.HTTPRequestEntityTooLarge(LONGEST, len(body), text="That is too long.")
    try:
        content = json.loads(body)
    except ValueError as error:
        raise web.HTTPBadRequest(text="That is not valid JSON.") from error
    if not isinstance(content, dict):
        raise web.HTTPBadRequest(text="Send a JSON object.")
    return content
