"""Somebody's account in the application, and which of the declared roles it has.

What Foyer gave is found by the account's own id, which the ledger knows: people's addresses change, and people leave the directory.

An account that Foyer made is remembered in the ledger beside the roles, as something given without an end: only such an account is
ever set inactive by Foyer, or active again.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final
from weakref import WeakValueDictionary

import structlog

from connectors.calling.declared import DeclaredRole
from connectors.calling.ledger import Ledger, Seen
from connectors.errors import NeedsHuman, OutcomeUnknown, Refused, Retry
from connectors.ports.people import Directory, DirectoryPerson
from connectors.ports.records import Clock
from connectors.scim.client import KEPT, ScimClient
from connectors.scim.faults import Asked, Rejected, failure
from connectors.scim.resources import Edit, Json, is_active, values, version
from connectors.scim.settings import ACCOUNT, ScimSettings

log = structlog.get_logger()

FOREVER: Final = datetime(9999, 1, 1, tzinfo=UTC)
USER: Final = "urn:ietf:params:scim:schemas:core:2.0:User"


@dataclass(frozen=True, slots=True)
class Holding:
    """A role of an account: the edit that gives it, whether it is so already, and the version of the resource that says so."""

    edit: Edit
    has: bool
    version: str | None


class Accounts:
    def __init__(self, settings: ScimSettings, client: ScimClient, ledger: Ledger, people: Directory, clock: Clock) -> None:
        self._settings = settings
        self._application = settings.application
        self._client = client
        self._ledger = ledger
        self._people = people
        self._clock = clock
        self.by_address = settings.match == "emails" or (settings.match, settings.user_name) == ("userName", "email")
        """Whether an account is known by the person's e-mail address alone."""
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._groups: dict[str, tuple[str, datetime]] = {}
        """Group as foyer.yaml names it -> its id, and until when that is believed."""

    def alone(self, person_key: str) -> asyncio.Lock:
        """For giving and taking, of whatever role: an account is not set inactive while another role is given to it."""
        lock = self._locks.get(person_key)
        if lock is None:
            self._locks[person_key] = lock = asyncio.Lock()
        return lock

    async def find(self, person_key: str, role: str = "") -> Json | None:
        """The account that has what was given, by preference that of `role`; the directory is asked only where that is not known.

        Raises Refused("unknown_person") of somebody whom neither the directory nor the service knows and to whom nothing was given,
        and NeedsHuman("ambiguous") when the service has two that could be theirs, or one that is somebody else's.
        """
        ids = await self._ids(person_key, role)
        user = await self._first(ids)
        if user is not None:
            return user
        person = await self._people.get(person_key)
        if person is not None:
            user = await self._matching(person)
            return await self._made_here(person_key, ids) if user is None else await self._own(person_key, user)
        if ids:
            await self._client.count("User")  # raises where nothing at all is found: then the account need not be gone
            return None
        user = await self._by_external_id(person_key)
        if user is None:
            raise Refused("unknown_person", person_key)
        return user

    async def of(self, person: DirectoryPerson) -> Json | None:
        """The account to give to. NeedsHuman("ambiguous") also where it is not the one that they were given something on before."""
        ids = await self._ids(person.key)
        known, matching = await self._first(ids), await self._matching(person)
        if known is not None and matching is not None and known["id"] != matching["id"]:
            told = f"{known['id']} was given to, {self._settings.match} is that of {matching['id']}"
            raise NeedsHuman("ambiguous", f"match: {person.key} has two accounts: {told}")
        if known is None and matching is not None:
            return await self._own(person.key, matching)
        return known or await self._made_here(person.key, ids)

    async def _ids(self, person_key: str, role: str = "") -> Sequence[str]:
        given = await self._ledger.given_as(person_key, self._application.key, role, *self._application.roles, ACCOUNT)
        return list(dict.fromkeys(one.holder for one in given))

    async def _first(self, ids: Sequence[str]) -> Json | None:
        """Of these accounts the first that there is."""
        for id in ids:
            user = await self._client.read("User", id)
            if user is not None:
                return user
        return None

    async def _made_here(self, person_key: str, ids: Sequence[str]) -> Json | None:
        """An account whose making was begun and never seen: it says whose it is."""
        return await self._by_external_id(person_key) if not ids and await self._begun(person_key) else None

    async def _own(self, person_key: str, user: Json) -> Json:
        """The account that matches, unless it is known to be another person's: addresses and names are given anew."""
        says, key = str(user.get("externalId") or person_key), self._application.key
        known = await self._ledger.given_to(key, str(user["id"])) - {person_key}
        if says != person_key and (await self._ledger.ends(says, key) or await self._people.get(says) is not None):
            known |= {says}
        if known:
            whose = f"which is known to be that of {', '.join(sorted(known))}"
            raise NeedsHuman("ambiguous", f"match: by {self._settings.match} {person_key} has account {user['id']}, {whose}")
        return user

    async def _by_external_id(self, person_key: str) -> Json | None:
        return self._only(person_key, "externalId", await self._client.find("User", "externalId", person_key))

    async def _matching(self, person: DirectoryPerson) -> Json | None:
        match self._settings.match:
            case "userName":
                value = self._user_name(person)
            case "externalId":
                value = person.key
            case "emails":
                value = person.email
        return self._only(person.key, self._settings.match, await self._client.find("User", self._settings.match, value))

    def _only(self, person_key: str, attribute: str, found: Sequence[Json]) -> Json | None:
        if len(found) > 1:
            ids = ", ".join(sorted(str(one["id"]) for one in found))
            raise NeedsHuman("ambiguous", f"match: {person_key} has {len(found)} accounts by {attribute}: {ids}")
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

    async def require_groups(self) -> None:
        """Retry("misconfigured") where a declared group is not there. Those that were seen in the last hour are not asked for."""
        declared = [(role, one.group) for role, one in self._application.roles.items() if one.group is not None]
        await asyncio.gather(*(self._group(role, name) for role, name in declared if not self._is_known(name)))

    async def to_retire(self, person_key: str, user: Json, besides: str) -> bool:
        """Whether the account stays for nothing once it has not the role `besides`: what others gave it counts, declared or not."""
        if not self._settings.deactivate_when_empty or not is_active(user) or not await self._ours(person_key, user):
            return False
        return not set(await self.held(user, all_there=False)) - {besides} and not await self._told_besides(user, besides)

    async def retire_empty(self, person_key: str, user: Json, besides: str) -> None:
        """Sets the account inactive that stays for nothing; active again where another process gave it something meanwhile."""
        now = await self._client.read("User", str(user["id"]))
        if now is None or not await self.to_retire(person_key, now, besides):
            return
        await self._activate(now, wanted=False)
        now = await self._client.read("User", str(user["id"]))
        if now is not None and (await self.held(now, all_there=False) or await self._told_besides(now, besides)):
            log.warning("scim_account_needed_again", application=self._application.key)
            await self._activate(now, wanted=True)

    async def _told_besides(self, user: Json, besides: str) -> bool:
        """Whether the service tells of any group, role or entitlement of the account but that of the role `besides`."""
        declared = self._application.roles[besides]
        taken = {("roles", declared.role), ("entitlements", declared.entitlement)}
        told = {(kind, value) for kind in ("roles", "entitlements", "groups") for value in values(user, kind)}
        if declared.group in self._groups:
            taken.add(("groups", self._groups[declared.group][0]))
        try:
            told |= {("groups", id) for id in await self._client.groups_of(str(user["id"]))}
        except Retry as error:
            if error.code != "misconfigured":
                raise
            log.warning("scim_groups_not_searched", application=self._application.key, detail=error.detail)
            return True  # for all that anybody can tell
        return bool(told - taken)

    async def _activate(self, user: Json, *, wanted: bool) -> None:
        await self._client.edit(Edit("User", str(user["id"]), "active", "", wanted))

    async def ready(self, person: DirectoryPerson, role: str, key: str) -> tuple[Json, bool]:
        """Their account, active, and whether it was touched: made (with the role where that is one request) or activated, as Foyer may."""
        user = await self.of(person)
        if user is not None and is_active(user):
            return user, False
        if user is not None:
            if not await self._shut_here(person.key, user, role):
                raise NeedsHuman(
                    "account_inactive", f"{person.key}: account {user['id']} is inactive, and it was not Foyer who made and shut it"
                )
            await self._activate(user, wanted=True)
        elif not self._settings.create_users:
            raise NeedsHuman("no_account", f"create_users: {person.key} has no account in {self._application.key}")
        else:
            await self._made(person, role, key)
        try:
            user = await self.of(person)
        except Retry as error:
            raise OutcomeUnknown(error.code, f"account made or activated, and not read back: {error.detail}") from error
        if user is None or not is_active(user):
            raise OutcomeUnknown("not_read_back", "account made or activated, and not to be seen")
        return user, True

    async def _made(self, person: DirectoryPerson, role: str, key: str) -> None:
        async def look() -> Seen:
            user = await self.of(person)
            return Seen(True, f"Users/{user['id']}", holder=str(user["id"])) if user is not None else Seen(False, "")

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
            if await self.of(person) is None:  # not made by somebody else in this moment
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
        name = {"email": person.email, "key": person.key, "username": person.username}[self._settings.user_name]
        if not name:
            raise NeedsHuman("no_user_name", f"user_name: {person.key} has no {self._settings.user_name} in the directory")
        return name

    async def _group(self, role: str, name: str) -> tuple[str, Json]:
        if self._is_known(name):
            group_id = self._groups[name][0]
            group = await self._client.read("Group", group_id)
            if group is not None:
                return group_id, group
        named = await self._client.find("Group", "displayName", name)
        if len(named) > 1:
            raise Retry("misconfigured", f"application.roles.{role}.group: {len(named)} groups are called {name!r}; name one by its id")
        group_id = str(named[0]["id"]) if named else name
        group = await self._client.read("Group", group_id)
        if group is None:
            raise Retry("misconfigured", f"application.roles.{role}.group: there is no group with the name or id {name!r}")
        self._groups[name] = (group_id, self._clock() + KEPT)
        return group_id, group

    def _is_known(self, group: str) -> bool:
        return group in self._groups and self._groups[group][1] > self._clock()

    async def _ours(self, person_key: str, user: Json) -> bool:
        """Whether Foyer made this very account: by its id, or by what it says itself where its making was never seen."""
        if not await self._begun(person_key):
            return False
        made = {one.holder for one in await self._ledger.given_as(person_key, self._application.key, ACCOUNT)}
        return str(user["id"]) in made if made else user.get("externalId") == person_key

    async def _shut_here(self, person_key: str, user: Json, role: str) -> bool:
        """Whether this inactive account is as Foyer leaves one: its own, with nothing in it. Whatever else was shut, others have shut."""
        if not self._settings.deactivate_when_empty or not await self._ours(person_key, user):
            return False
        given = {one for _, one in await self._ledger.ends(person_key, self._application.key)} - {ACCOUNT, role}
        return not given and not await self.held(user, all_there=False) and not await self._told_besides(user, role)

    async def _begun(self, person_key: str) -> bool:
        """Whether Foyer began to make an account for them."""
        return (self._application.key, ACCOUNT) in await self._ledger.ends(person_key, self._application.key)


def _on_user(declared: DeclaredRole, user_id: str) -> Edit:
    if declared.role is not None:
        return Edit("User", user_id, "roles", declared.role, True)
    assert declared.entitlement is not None  # one of the three
    return Edit("User", user_id, "entitlements", declared.entitlement, True)
