"""SCIM as its RFCs word it: what the service offers, resources found, read and changed, by PATCH or by reading and replacing.

Resources are plain JSON objects. Nothing of Foyer's words here.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Mapping
from datetime import datetime, timedelta
from typing import Any, Final
from urllib.parse import quote
from weakref import WeakValueDictionary

from scim2_client import SCIMClientException
from scim2_models import Group, Reference, ResourceType, Schema, SCIMException, ScimFilter, ScimProvider, ServiceProviderConfig, User

from connectors.errors import Refused, Retry
from connectors.ports.records import Clock
from connectors.scim.faults import Asked, Rejected
from connectors.scim.resources import Edit, Json, Kind, Offered, compared, if_match, listed, lowered, read_offer, values
from connectors.scim.settings import ScimSettings
from connectors.scim.wire import Wire

PATCH: Final = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
BULK: Final = "urn:ietf:params:scim:api:messages:2.0:BulkRequest"
KEPT: Final = timedelta(hours=1)
"""How long what a service said of itself is believed."""
PAGE: Final = 100
MOST: Final = 10_000
"""Resources that are looked through where a service cannot search."""
TRIES: Final = 3

_MODELS: Final[Mapping[Kind, type[User[Any]] | type[Group]]] = {"User": User, "Group": Group}


class ScimClient:
    def __init__(self, settings: ScimSettings, clock: Clock) -> None:
        self.wire = Wire(settings, clock, _provider({}))
        self._clock = clock
        self._offered: tuple[Offered, datetime] | None = None
        self._asking = asyncio.Lock()
        self._without_patch: set[Kind] = set()
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def offered(self) -> Offered:
        """Asked once an hour; a service that tells nothing of itself is taken as RFC 7644 describes one."""
        async with self._asking:
            return await self._asked()

    async def _asked(self) -> Offered:
        if self._offered is None or self._offered[1] <= self._clock():
            config = await self._told("/ServiceProviderConfig", self.wire.query(ServiceProviderConfig))
            types = await self._told("/ResourceTypes", self.wire.query(ResourceType))
            schemas = await self._told("/Schemas", self.wire.query(Schema))
            self.wire.provider = _provider(_endpoints(types))
            for kind in _MODELS:
                self._endpoint(kind)
            self._without_patch.clear()
            self._offered = (read_offer(config, types, schemas), self._clock() + KEPT)
        return self._offered[0]

    async def find(self, kind: Kind, attribute: str, value: str) -> list[Json]:
        """Those whose attribute is this value; compared here too, for services that overlook a filter."""
        path = "emails.value" if attribute == "emails" else attribute
        try:
            wanted = value if attribute == "externalId" else lowered(value)
            return [one async for one in self.each(kind, f"{path} eq {ScimFilter.quote(value)}") if wanted in compared(one, attribute)]
        except Rejected as error:
            if error.status != 400:
                raise
            named = "match" if kind == "User" else "application.roles"
            raise Retry("misconfigured", f"{named}: the service cannot search {kind}s by {path}: {error.detail}") from error

    async def each(self, kind: Kind, filter: str | None = None, *, most: int = MOST) -> AsyncIterator[Json]:
        """Page by page, however few the service gives at once. Raises Retry when there are more than `most`."""
        asked: Json = {} if filter is None or (await self.offered()).filter is False else {"filter": filter}
        seen: set[str] = set()
        while True:
            page = await self._page(kind, {**asked, "startIndex": len(seen) + 1, "count": PAGE})
            total, told = int(page["totalResults"]), listed(page.get("Resources"))
            new = [one for one in told if isinstance(one, dict) and str(one.get("id") or "") not in ("", *seen)]
            if told and not new:
                raise Asked("GET", self._endpoint(kind)).lost("bad_answer", "the same page again, or resources without ids")
            for one in new:
                seen.add(str(one["id"]))
                yield one
            if not told or len(seen) >= total:
                return
            if len(seen) >= most:
                raise Retry("misconfigured", f"url: {total} {kind}s, and the service cannot search them")

    async def groups_of(self, user_id: str) -> set[str]:
        """The ids of the groups that list the user. Looks through all groups where the service cannot search them; Retry as `each`."""
        try:
            return await self._listing(user_id, f"members.value eq {ScimFilter.quote(user_id)}")
        except Rejected as error:
            if error.status not in (400, 501):
                raise
            return await self._listing(user_id, None)

    async def _listing(self, user_id: str, filter: str | None) -> set[str]:
        return {str(one["id"]) async for one in self.each("Group", filter) if user_id in values(one, "members")}

    async def count(self, kind: Kind) -> int:
        return int((await self._page(kind, {"startIndex": 1, "count": 1}))["totalResults"])

    async def read(self, kind: Kind, id: str) -> Json | None:
        await self.offered()
        try:
            found = await self._answer("GET", self._endpoint(kind), self.wire.query(kind, id))
        except Rejected as error:
            if error.status != 404:
                raise
            return None
        if str(found.get("id") or "") != id:
            raise Asked("GET", self._endpoint(kind)).lost("bad_answer", "another resource than was asked for")
        return found

    async def create_user(self, user: Json) -> str:
        """Its id. `Rejected` with status 409 when there is one already."""
        await self.offered()
        endpoint = self._endpoint("User")
        made = await self._answer("POST", endpoint, self.wire.create(resource=user, url=endpoint))
        if not made.get("id"):
            raise Asked("POST", endpoint).lost("bad_answer", "made, and no id told")
        return str(made["id"])

    async def create_user_in(self, group_id: str, user: Json) -> int | None:
        """Makes a user and adds them to a group in one request.

        The status that making the user had; whether they were added is to be looked for. None when the service takes no such request.
        """
        add = Edit("Group", group_id, "members", "bulkId:user", True).as_patch()
        path = f"{self._endpoint('Group')}/{quote(group_id, safe='')}"
        job = {
            "schemas": [BULK],
            "failOnErrors": 1,
            "Operations": [
                {"method": "POST", "path": self._endpoint("User"), "bulkId": "user", "data": user},
                {"method": "PATCH", "path": path, "data": {"schemas": [PATCH], "Operations": [add]}},
            ],
        }
        try:
            answer = await self._answer("POST", "/Bulk", self.wire.bulk(job))
        except Rejected:
            return None
        try:
            return int(answer["Operations"][0]["status"])
        except (LookupError, TypeError, ValueError):
            raise Asked("POST", "/Bulk").lost("bad_answer", "no status of what was asked") from None

    async def edit(self, edit: Edit) -> None:
        """Raises Retry("conflict") when others keep changing the same, and `Rejected` with status 404 when it is not there."""
        lock = self._locks.get(edit.id)
        if lock is None:
            self._locks[edit.id] = lock = asyncio.Lock()
        async with lock:
            for _ in range(TRIES):
                try:
                    return await self._edited(edit)
                except Rejected as error:
                    if error.status == 409 or error.scim_type == "noTarget":  # others did it in between, or so it says
                        if not edit.made_in(await self._there(edit)):
                            raise
                        return None
                    if error.status != 412:
                        raise
        raise Retry("conflict", f"{self._endpoint(edit.kind)}: changed by others {TRIES} times in between")

    async def _edited(self, edit: Edit) -> None:
        offered = await self.offered()
        if offered.patch is False or edit.kind in self._without_patch:
            return await self._replaced(edit)
        match = {}
        if offered.etag:
            match = if_match(await self._there(edit))
        patch = {"schemas": [PATCH], "Operations": [edit.as_patch()]}
        try:
            await self._answer("PATCH", self._endpoint(edit.kind), self.wire.modify(edit.kind, edit.id, patch, headers=match), empty=True)
        except Rejected as error:
            if error.status in (405, 501):
                self._without_patch.add(edit.kind)
            elif error.status != 404 and not (
                error.status == 400 and error.scim_type in ("", "invalidPath", "invalidFilter", "invalidSyntax")
            ):
                raise
            await self._replaced(edit)

    async def _replaced(self, edit: Edit) -> None:
        resource, endpoint = await self._there(edit), self._endpoint(edit.kind)
        if edit.made_in(resource):
            return
        match = {} if (await self.offered()).etag is False else if_match(resource)
        url = f"{endpoint}/{quote(edit.id, safe='')}"
        await self._answer("PUT", endpoint, self.wire.replace(resource=edit.as_whole(resource), url=url, headers=match), empty=True)

    async def _there(self, edit: Edit) -> Json:
        resource = await self.read(edit.kind, edit.id)
        if resource is None:
            raise Rejected("gone", f"{self._endpoint(edit.kind)}: it is not there any more", 404, "")
        return resource

    async def _page(self, kind: Kind, query: Json) -> Json:
        await self.offered()
        endpoint = self._endpoint(kind)
        try:
            page = await self._answer("GET", endpoint, self.wire.query(kind, query))
        except Rejected as error:
            if error.status != 404:
                raise
            raise Retry("misconfigured", f"url: there is no {endpoint} under it") from error
        if not isinstance(page.get("totalResults"), int):
            raise Asked("GET", endpoint).lost("bad_answer", "no list of SCIM")
        return page

    async def _told(self, path: str, answer: Awaitable[object]) -> Json | None:
        """What a service says of itself, if it does."""
        try:
            return await self._answer("GET", path, answer)
        except Refused:
            return None
        except Retry as error:
            if error.code != "bad_answer":
                raise
            return None

    async def _answer(self, method: str, path: str, answer: Awaitable[object], *, empty: bool = False) -> Json:
        """`empty`: the service may answer without content."""
        try:
            read = await answer
        except (SCIMClientException, SCIMException) as error:
            raise Asked(method, path).lost("bad_answer", type(error).__name__) from None
        if isinstance(read, dict):
            return read
        if read is None and empty:
            return {}
        raise Asked(method, path).lost("bad_answer", "nothing")

    def _endpoint(self, kind: Kind) -> str:
        try:
            return self.wire.resource_endpoint(kind)
        except (SCIMClientException, SCIMException) as error:
            raise Retry("misconfigured", f"url: the service says that its {kind}s are somewhere else") from error


def _provider(endpoints: Mapping[str, str]) -> ScimProvider:
    types = []
    for kind, model in _MODELS.items():
        made = ResourceType.from_resource(model)
        made.endpoint = Reference(endpoints.get(kind, f"/{kind}s"))
        types.append(made)
    return ScimProvider(models=list(_MODELS.values()), resource_types=types)


def _endpoints(types: Json | None) -> dict[str, str]:
    told = [one for one in listed((types or {}).get("Resources")) if isinstance(one, dict)]
    schemas = {str(model.__schema__): kind for kind, model in _MODELS.items()}
    return {schemas[one["schema"]]: str(one["endpoint"]) for one in told if one.get("schema") in schemas and one.get("endpoint")}
