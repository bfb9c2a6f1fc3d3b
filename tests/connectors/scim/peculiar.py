"""A service that speaks SCIM in its own way, as real ones do: what scim2-server, which keeps to the RFCs, cannot be made to do."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestServer

from tests.outside.scim import GROUP, USER

LIST = "urn:ietf:params:scim:api:messages:2.0:ListResponse"


@dataclass
class Peculiar:
    """Reads, PUT and POST of users and groups, without PATCH, bulk or a word about itself."""

    page: int = 1000
    """It gives no more than these at once."""
    filters: bool = True
    """False: a filter is overlooked, and everything is listed."""
    hides_members: bool = False
    """A group is shown without its members; users tell their groups instead."""
    put_conflicts: int = 0
    """So many PUTs are answered with 412."""
    patch_status: int = 501
    patch_type: str = ""
    whole: dict[str, Any] | None = None
    """What every read of a list is answered with instead."""
    resources: dict[str, dict[str, dict[str, Any]]] = field(default_factory=lambda: {"Users": {}, "Groups": {}})
    asked: list[tuple[str, str]] = field(default_factory=list)
    """Method and path of every request."""
    tokens: list[str] = field(default_factory=list)
    """Every Authorization that came."""
    url: str = ""

    def add(self, kind: str, **values: Any) -> str:
        """Its id, a running number."""
        made = str(sum(map(len, self.resources.values())) + 1)
        self.resources[kind][made] = {"schemas": [USER if kind == "Users" else GROUP], "id": made, **values}
        return made

    async def answer(self, request: web.Request) -> web.Response:
        self.asked.append((request.method, request.path))
        self.tokens.append(request.headers.get("Authorization", ""))
        kind, _, one = request.path.strip("/").partition("/")
        if kind not in self.resources:
            return web.Response(status=404, text="<html>no such page</html>", content_type="text/html")
        match request.method, one:
            case "GET", "":
                return self._list(kind, request.query)
            case "POST", "":
                body = await request.json()
                return web.json_response(self._shown(kind, self.add(kind, **body)), status=201)
        if one not in self.resources[kind]:
            return web.json_response({"schemas": [], "status": "404"}, status=404)
        match request.method:
            case "GET":
                return web.json_response(self._shown(kind, one))
            case "PUT" if self.put_conflicts:
                self.put_conflicts -= 1
                return web.Response(status=412)
            case "PUT":
                self.resources[kind][one] = {**await request.json(), "id": one}
                return web.Response(status=204)
        error = {
            "schemas": [],
            "status": str(self.patch_status),
            "scimType": self.patch_type,
            "detail": 'no "members" for dana@acme.example',
        }
        return web.json_response(error, status=self.patch_status)

    def _list(self, kind: str, query: Any) -> web.Response:
        if self.whole is not None:
            return web.json_response(self.whole)
        found = [self._shown(kind, one) for one in self.resources[kind]]
        if self.filters and (wanted := re.fullmatch(r'(\w+) eq "(.*)"', query.get("filter", ""))):
            found = [one for one in found if str(one.get(wanted[1])).lower() == wanted[2].lower()]
        start = int(query["startIndex"]) - 1
        shown = found[start : start + min(int(query["count"]), self.page)]
        return web.json_response({"schemas": [LIST], "totalResults": len(found), "Resources": shown})

    def _shown(self, kind: str, one: str) -> dict[str, Any]:
        shown = dict(self.resources[kind][one])
        if self.hides_members and kind == "Groups":
            shown.pop("members", None)
        elif self.hides_members:
            groups = self.resources["Groups"].items()
            shown["groups"] = [{"value": id} for id, group in groups if {"value": one} in group.get("members", [])]
        return shown


@asynccontextmanager
async def peculiar(**ways: Any) -> AsyncIterator[Peculiar]:
    service = Peculiar(**ways)
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", service.answer)
    async with TestServer(app) as server:
        service.url = str(server.make_url("/")).rstrip("/")
        yield service
