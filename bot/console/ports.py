"""What the console needs of the web chat: who is asking, and the checks that every route passes. Filled in by bootstrap."""

from collections.abc import Awaitable, Callable
from typing import Protocol

from aiohttp import web

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Visitor(Protocol):
    """Somebody who is signed in, as the web chat knows them."""

    @property
    def external_id(self) -> str: ...

    @property
    def roles(self) -> frozenset[str]: ...


class Guard(Protocol):
    """Wraps handlers with the checks of place, origin and session; an HTTP error's text becomes the sentence people see."""

    def anyone(self, handler: Handler, *, html: bool = False) -> Handler: ...

    async def person(self, request: web.Request) -> Visitor:
        """Raises HTTPUnauthorized."""
