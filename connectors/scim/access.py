"""The declared roles of one application, given and taken on its SCIM service."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from connectors.calling.declared import Declared, DeclaredApplication
from connectors.calling.ledger import Given, Ledger, Seen
from connectors.errors import NeedsHuman, OutcomeUnknown, Refused, Retry
from connectors.ports.people import Directory, DirectoryPerson
from connectors.ports.records import Clock
from connectors.ports.systems import Application, Effect, Entitlement
from connectors.scim.accounts import Accounts
from connectors.scim.client import ScimClient
from connectors.scim.resources import Json, is_active


class ScimAccess:
    """Implements `connectors.ports.systems.Access` for one application."""

    def __init__(
        self, application: DeclaredApplication, accounts: Accounts, client: ScimClient, ledger: Ledger, people: Directory, clock: Clock
    ) -> None:
        self._application = application
        self._declared = Declared((application,), people)
        self._accounts = accounts
        self._client = client
        self._ledger = ledger
        self._people = people
        self._clock = clock

    async def applications(self) -> Sequence[Application]:
        """As declared. Asks the directory for the owner, and never the service."""
        return await self._declared.applications()

    async def entitlements(self, person_key: str, *, application_key: str | None = None) -> Sequence[Entitlement]:
        """Also of an inactive account: it would have them again with the next activation.

        Of this application, Retry("misconfigured") when a group of its is not there; of all, nobody has what is not there.
        """
        key = self._application.key
        user = await self._accounts.find(person_key) if application_key in (None, key) else None
        if user is None:
            if application_key == key:
                await self._accounts.require_groups()
            return []
        held = await self._accounts.held(user, all_there=application_key is not None)
        ends = await self._ledger.ends(person_key, key)
        return [Entitlement(edit.reference, person_key, key, role, ends.get((key, role)), keeps_end=False) for role, edit in held.items()]

    async def grant(self, person_key: str, application_key: str, role: str, *, until: datetime, key: str) -> Effect:
        """NeedsHuman("ambiguous" | "no_account" | "no_user_name" | "account_inactive" | "user_name_taken") where people must say whose
        account it is."""
        person = await self._people.get(person_key)
        if person is None:
            raise Refused("unknown_person", person_key)
        if not person.active:
            raise Refused("inactive_person", person_key)
        self._check(application_key, role)
        if until <= self._clock():
            raise Refused("end_in_past", until.isoformat())
        if self._accounts.by_address:
            await self._people.by_email(person.email)  # raises when it is two people's: the account could be the other's
        work = self._work(person_key, role)
        look, act = lambda: work.given(person), lambda: work.give(person, key)
        return await self._ledger.grant(person_key, application_key, role, until=until, key=key, look=look, act=act)

    async def revoke(self, person_key: str, application_key: str, role: str, *, key: str) -> Effect:
        self._check(application_key, role)
        work = self._work(person_key, role)
        return await self._ledger.revoke(person_key, application_key, role, key=key, look=work.remaining, act=work.take)

    async def overdue(self) -> Sequence[Given]:
        """With `settle`, implements `connectors.calling.ledger.Ending`."""
        return await self._ledger.overdue()

    async def settle(self, given: Given) -> Effect:
        self._check(given.application_key, given.role)
        work = self._work(given.person_key, given.role)
        return Effect("", await self._ledger.settle(given, work.remaining, work.take))

    def _work(self, person_key: str, role: str) -> "_Work":
        return _Work(self._application.key, self._accounts, self._client, person_key, role)

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
    person_key: str
    role: str

    async def given(self, person: DirectoryPerson) -> Seen:
        """Whether they can work with it: it is theirs, and the account is active."""
        return await self._seen(await self.accounts.of(person), granting=True)

    async def remaining(self) -> Seen:
        """Whether there is something to take back: the role, or an account of Foyer's that is there for nothing else."""
        return await self._seen(await self.accounts.find(self.person_key, self.role), granting=False)

    async def give(self, person: DirectoryPerson, key: str) -> None:
        async with self.accounts.alone(self.person_key):
            await self._give(person, key)

    async def take(self) -> None:
        async with self.accounts.alone(self.person_key):
            await self._take()

    async def _give(self, person: DirectoryPerson, key: str) -> None:
        """An account that was made for a role that is then refused does not stay active."""
        user, touched = await self.accounts.ready(person, self.role, key)
        try:
            holding = await self.accounts.holding(self.role, user)
            if not holding.has:
                await self.client.edit(holding.edit)
        except (Refused, NeedsHuman):
            await self.accounts.retire_empty(self.person_key, user, besides=self.role)
            raise
        except Retry as error:
            if touched:  # not without effect any more
                raise OutcomeUnknown(error.code, error.detail, error.after) from error
            raise

    async def _take(self) -> None:
        user = await self.accounts.find(self.person_key, self.role)
        if user is None:
            return
        holding = await self.accounts.holding(self.role, user)
        if holding.has:
            await self.client.edit(replace(holding.edit, wanted=False))
        await self.accounts.retire_empty(self.person_key, user, besides=self.role)

    async def _seen(self, user: Json | None, *, granting: bool) -> Seen:
        if user is None:
            return Seen(False, f"{self.application}/no-account")
        holding = await self.accounts.holding(self.role, user)
        if granting:
            holds = holding.has and is_active(user)
        else:
            holds = holding.has or await self.accounts.to_retire(self.person_key, user, besides=self.role)
        return Seen(holds, holding.edit.reference, {"version": holding.version}, holder=str(user["id"]))
