"""Somebody's account in the application, and which of the declared roles it has.

An account that Foyer made is remembered in the ledger beside the roles, as something given without an end: only such an account is
ever set inactive by Foyer, or active again.
"""

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

import structlog

from connectors.calling.declared import DeclaredRole
from connectors.calling.ledger import Ledger, Seen
from connectors.errors import NeedsHuman, OutcomeUnknown, Retry
from connectors.ports.people import DirectoryPerson
from connectors.ports.records import Clock
from connectors.scim.client import KEPT, ScimClient
from connectors.scim.faults import Asked, Rejected, failure
from connectors.scim.resources import Edit, Json, is_active, values, version
from connectors.scim.settings import ScimSettings

log = structlog.get_logger()

ACCOUNT: Final = "(account)"
"""Stands in the ledger where a role does."""
FOREVER: Final = datetime(9999, 1, 1, tzinfo=UTC)
USER: Final = "urn:ietf:params:scim:schemas:core:2.0:User"


@dataclass(frozen=True, slots=True)
class Holding:
    """A role of an account: the edit that gives it, whether it is so already, and the version of the resource that says so."""

    edit: Edit
    has: bool
    version: str | None


class Accounts:
    def __init__(self, settings: ScimSettings, client: ScimClient, ledger: Ledger, clock: Clock) -> None:
        self._settings = settings
        self._application = settings.application
        self._client = client
        self._ledger = ledger
        self._clock = clock
        self.by_address = settings.match == "emails" or (settings.match, settings.user_name) == ("userName", "email")
        """Whether an account is known by the person's e-mail address alone."""
        self._groups: dict[str, tuple[str, datetime]] = {}
        """Group as foyer.yaml names it -> its id, and until when that is believed."""

    async def find(self, person: DirectoryPerson) -> Json | None:
        """Raises NeedsHuman("ambiguous") when the service has two that could be theirs."""
        match self._settings.match:
            case "userName":
                value = self._user_name(person)
            case "externalId":
                value = person.key
            case "emails":
                value = person.email
        found = await self._client.find("User", self._settings.match, value)
        if len(found) > 1:
            ids = ", ".join(sorted(str(one["id"]) for one in found))
            raise NeedsHuman("ambiguous", f"match: {person.key} has {len(found)} accounts by {self._settings.match}: {ids}")
        return found[0] if found else None

    async def holding(self, role: str, user: Json) -> Holding:
        """Raises Retry("misconfigured") when the role's group is not there."""
        declared, user_id = self._application.roles[role], str(user["id"])
        if declared.group is None:
            edit = _on_user(declared, user_id)
            return Holding(edit, edit.made_in(user), version(user))
        group_id, group = await self._group(role, declared.group)
        edit = Edit("Group", group_id, "members", user_id, True)
        # A service that leaves members out tells of groups with the user, if at all.
        return Holding(edit, edit.made_in(group) if "members" in group else group_id in values(user, "groups"), version(group))

    async def held(self, user: Json, *, all_there: bool) -> dict[str, Edit]:
        """Of the declared roles, those that the account has. `all_there`: a group that is not there is an error; else nobody is in it."""
        found = await asyncio.gather(*(self.holding(role, user) for role in self._application.roles), return_exceptions=True)
        held = {}
        for role, one in zip(self._application.roles, found, strict=True):
            if isinstance(one, BaseException):
                if all_there or not isinstance(one, Retry) or one.code != "misconfigured":
                    raise one
                log.error("scim_group_missing", application=self._application.key, role=role)
            elif one.has:
                held[role] = one.edit
        return held

    async def to_retire(self, person: DirectoryPerson, user: Json, besides: str) -> bool:
        """Whether the account stays for nothing once it has not the role `besides`."""
        if not self._settings.deactivate_when_empty or not is_active(user) or not await self._ours(person):
            return False
        return not set(await self.held(user, all_there=False)) - {besides}

    async def retire(self, user: Json) -> None:
        await self._client.edit(Edit("User", str(user["id"]), "active", "", False))

    async def ready(self, person: DirectoryPerson, role: str, key: str) -> tuple[Json, bool]:
        """Their account, active, and whether it was touched: made (with the role where that is one request) or activated, as Foyer may."""
        user = await self.find(person)
        if user is not None and is_active(user):
            return user, False
        if user is not None:
            if not await self._ours(person):
                raise NeedsHuman("account_inactive", f"{person.key}: account {user['id']} is inactive, and Foyer did not make it")
            await self._client.edit(Edit("User", str(user["id"]), "active", "", True))
        elif not self._settings.create_users:
            raise NeedsHuman("no_account", f"create_users: {person.key} has no account in {self._application.key}")
        else:
            await self._made(person, role, key)
        try:
            user = await self.find(person)
        except Retry as error:
            raise OutcomeUnknown(error.code, f"account made or activated, and not read back: {error.detail}") from error
        if user is None or not is_active(user):
            raise OutcomeUnknown("not_read_back", "account made or activated, and not to be seen")
        return user, True

    async def _made(self, person: DirectoryPerson, role: str, key: str) -> None:
        async def look() -> Seen:
            user = await self.find(person)
            return Seen(user is not None, f"Users/{user['id']}" if user is not None else "")

        await self._ledger.grant(
            person.key, self._application.key, ACCOUNT, until=FOREVER, key=f"{key}/account", look=look, act=lambda: self._make(person, role)
        )

    async def _make(self, person: DirectoryPerson, role: str) -> None:
        declared, user = self._application.roles[role], self._as_user(person)
        try:
            if declared.group is None:
                edit = _on_user(declared, "")
                await self._client.create_user(edit.as_whole(user))
            else:
                group_id, _ = await self._group(role, declared.group)  # before anything is made
                if not await self._made_in_bulk(group_id, user):
                    await self._client.create_user(user)
        except Rejected as error:
            if error.status != 409:
                raise
            if await self.find(person) is None:  # not made by somebody else in this moment
                raise NeedsHuman(
                    "user_name_taken", f"match: {person.key}'s userName is taken by an account that match does not find"
                ) from error

    async def _made_in_bulk(self, group_id: str, user: Json) -> bool:
        """Whether it was: False where the service offers no bulk, or says no to the whole of it."""
        if self._settings.bulk == "never" or (await self._client.offered()).bulk < 2:
            return False
        status = await self._client.create_user_in(group_id, user)
        if status is not None and status >= 300:
            raise failure(Asked("POST", "/Bulk"), status, {}, b"", self._clock())
        return status is not None

    def _as_user(self, person: DirectoryPerson) -> Json:
        given, _, family = person.name.partition(" ")
        return {
            "schemas": [USER],
            "userName": self._user_name(person),
            "externalId": person.key,
            "name": {"formatted": person.name, "givenName": given, "familyName": family or given},
            "displayName": person.name,
            "emails": [{"value": person.email, "type": "work", "primary": True}],
            "active": True,
        }

    def _user_name(self, person: DirectoryPerson) -> str:
        name = {"email": person.email, "key": person.key}.get(self._settings.user_name) or person.attributes.get(self._settings.user_name)
        if not name:
            raise NeedsHuman("no_user_name", f"user_name: {person.key} has no {self._settings.user_name} in the directory")
        return name

    async def _group(self, role: str, name: str) -> tuple[str, Json]:
        known = self._groups.get(name)
        if known is not None and known[1] > self._clock():
            group = await self._client.read("Group", known[0])
            if group is not None:
                return known[0], group
        named = await self._client.find("Group", "displayName", name)
        if len(named) > 1:
            raise Retry("misconfigured", f"application.roles.{role}.group: {len(named)} groups are called {name!r}; name one by its id")
        group_id = str(named[0]["id"]) if named else name
        group = await self._client.read("Group", group_id)
        if group is None:
            raise Retry("misconfigured", f"application.roles.{role}.group: there is no group with the name or id {name!r}")
        self._groups[name] = (group_id, self._clock() + KEPT)
        return group_id, group

    async def _ours(self, person: DirectoryPerson) -> bool:
        return (self._application.key, ACCOUNT) in await self._ledger.ends(person.key, self._application.key)


def _on_user(declared: DeclaredRole, user_id: str) -> Edit:
    if declared.role is not None:
        return Edit("User", user_id, "roles", declared.role, True)
    assert declared.entitlement is not None  # one of the three
    return Edit("User", user_id, "entitlements", declared.entitlement, True)
