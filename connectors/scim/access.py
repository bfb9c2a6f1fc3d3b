"""The declared roles of one application, given and taken on its SCIM service."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import structlog

from connectors.calling.declared import DeclaredApplication
from connectors.calling.ledger import Given, Ledger, Seen
from connectors.errors import NeedsHuman, OutcomeUnknown, Refused, Retry
from connectors.ports.people import Directory, DirectoryPerson
from connectors.ports.records import Clock
from connectors.ports.systems import Application, Effect, Entitlement
from connectors.scim.accounts import Accounts
from connectors.scim.client import ScimClient
from connectors.scim.resources import is_active

log = structlog.get_logger()


class ScimAccess:
    """Implements `connectors.ports.systems.Access` for one application."""

    def __init__(
        self, application: DeclaredApplication, accounts: Accounts, client: ScimClient, ledger: Ledger, people: Directory, clock: Clock
    ) -> None:
        self._application = application
        self._accounts = accounts
        self._client = client
        self._ledger = ledger
        self._people = people
        self._clock = clock

    async def applications(self) -> Sequence[Application]:
        """As declared. Asks the directory for the owner, and never the service."""
        owner = None
        if self._application.owner is not None:
            try:
                owner = await self._people.by_email(self._application.owner)
            except NeedsHuman:  # two people have that address
                owner = None
        return [self._application.application(owner.key if owner is not None else None)]

    async def entitlements(self, person_key: str, *, application_key: str | None = None) -> Sequence[Entitlement]:
        """Also of an inactive account: it would have them again with the next activation.

        Of this application, Retry("misconfigured") when a group of its is not there; of all, nobody has what is not there.
        """
        person, key = await self._person(person_key), self._application.key
        user = await self._accounts.find(person) if application_key in (None, key) else None
        if user is None:
            return []
        held = await self._accounts.held(user, all_there=application_key is not None)
        ends = await self._ledger.ends(person_key, key)
        return [Entitlement(edit.reference, person_key, key, role, ends.get((key, role))) for role, edit in held.items()]

    async def grant(self, person_key: str, application_key: str, role: str, *, until: datetime, key: str) -> Effect:
        """NeedsHuman("ambiguous" | "no_account" | "no_user_name" | "account_inactive" | "user_name_taken") where people must say whose
        account it is."""
        person = await self._person(person_key)
        if not person.active:
            raise Refused("inactive_person", person_key)
        self._check(application_key, role)
        if until <= self._clock():
            raise Refused("end_in_past", until.isoformat())
        if self._accounts.by_address:
            await self._people.by_email(person.email)  # raises when it is two people's: the account could be the other's
        work = self._work(person, role, key)
        return await self._ledger.grant(person_key, application_key, role, until=until, key=key, look=work.given, act=work.give)

    async def revoke(self, person_key: str, application_key: str, role: str, *, key: str) -> Effect:
        person = await self._person(person_key)
        self._check(application_key, role)
        work = self._work(person, role, key)
        return await self._ledger.revoke(person_key, application_key, role, key=key, look=work.remaining, act=work.take)

    async def settle(self) -> Sequence[Given]:
        """Implements `connectors.calling.ledger.Ending`."""
        found = []
        for given in await self._ledger.overdue():
            try:
                person = await self._person(given.person_key)
                self._check(given.application_key, given.role)
                work = self._work(person, given.role, "")
                if await self._ledger.settle(given, work.remaining, work.take):
                    found.append(given)
            except (Refused, NeedsHuman) as error:
                # Of somebody or something that is gone; the others still have theirs taken back.
                log.error("scim_overdue_kept", application=given.application_key, role=given.role, code=error.code, detail=error.detail)
        return found

    def _work(self, person: DirectoryPerson, role: str, key: str) -> "_Work":
        return _Work(self._application.key, self._accounts, self._client, person, role, key)

    async def _person(self, key: str) -> DirectoryPerson:
        person = await self._people.get(key)
        if person is None:
            raise Refused("unknown_person", key)
        return person

    def _check(self, application_key: str, role: str) -> None:
        if application_key != self._application.key:
            raise Refused("unknown_application", application_key)
        if role not in self._application.roles:
            raise Refused("unknown_role", f"{application_key}: {role}")


@dataclass(frozen=True, slots=True)
class _Work:
    """One role of one person, as the ledger looks at it and changes it."""

    application: str
    accounts: Accounts
    client: ScimClient
    person: DirectoryPerson
    role: str
    key: str

    async def given(self) -> Seen:
        """Whether they can work with it: it is theirs, and the account is active."""
        return await self._seen(granting=True)

    async def remaining(self) -> Seen:
        """Whether there is something to take back: the role, or an account of Foyer's that is there for nothing else."""
        return await self._seen(granting=False)

    async def give(self) -> None:
        """An account that was made for a role that is then refused does not stay active."""
        user, touched = await self.accounts.ready(self.person, self.role, self.key)
        try:
            holding = await self.accounts.holding(self.role, user)
            if not holding.has:
                await self.client.edit(holding.edit)
        except (Refused, NeedsHuman):
            if await self.accounts.to_retire(self.person, user, besides=self.role):
                await self.accounts.retire(user)
            raise
        except Retry as error:
            if touched:  # not without effect any more
                raise OutcomeUnknown(error.code, error.detail, error.after) from error
            raise

    async def take(self) -> None:
        user = await self.accounts.find(self.person)
        if user is None:
            return
        holding = await self.accounts.holding(self.role, user)
        if holding.has:
            await self.client.edit(replace(holding.edit, wanted=False))
        if await self.accounts.to_retire(self.person, user, besides=self.role):
            await self.accounts.retire(user)

    async def _seen(self, *, granting: bool) -> Seen:
        user = await self.accounts.find(self.person)
        if user is None:
            return Seen(False, f"{self.application}/no-account")
        holding = await self.accounts.holding(self.role, user)
        if granting:
            holds = holding.has and is_active(user)
        else:
            holds = holding.has or await self.accounts.to_retire(self.person, user, besides=self.role)
        return Seen(holds, holding.edit.reference, {"version": holding.version})
