"""A directory as one object: its ports, and what `foyer doctor` asks it."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import structlog
from pydantic import ValidationError

from connectors.calling.ledger import Ledger
from connectors.calling.mistakes import mistakes
from connectors.ldap.access import LdapAccess
from connectors.ldap.checkup import Checkup
from connectors.ldap.client import LdapClient
from connectors.ldap.passwords import LdapPasswords
from connectors.ldap.people import LdapDirectory
from connectors.ldap.schema import schema_of
from connectors.ldap.settings import LdapSettings
from connectors.ports.calls import CallRules, Finding
from connectors.ports.records import Clock


class Ldap:
    """Raises ValueError with a sentence when the settings cannot be. The directory may be down: it is asked when it is needed."""

    def __init__(self, name: str, clock: Clock, *, ledger: Ledger, group_names: Collection[str] = (), **settings: Any) -> None:
        try:
            made = LdapSettings(**settings)
        except ValidationError as error:
            raise ValueError(mistakes(error)) from None
        schema = schema_of(made.schema_, key=made.key, attributes=made.attributes)
        self.name = name
        # A port's call is several to the directory, each within its own time.
        self.rules = CallRules(timeout=2 * made.timeout)
        self._client = LdapClient(made, clock)
        self.people = LdapDirectory(self._client, made, schema, clock, group_names)
        self.passwords = LdapPasswords(self._client, self.people, made, ledger, clock)
        self.access = LdapAccess(self._client, self.people, made, schema, ledger, clock)
        self._checkup = Checkup(name, self._client, self.people, made, schema, clock)

    async def open(self) -> None:
        """Begins to read everybody's names, in the background."""
        with structlog.contextvars.bound_contextvars(connector=self.name):  # in every line that its task logs
            self.people.snapshot.open()

    async def close(self) -> None:
        await self.people.snapshot.close()
        await self._client.close()

    async def check(self) -> Sequence[Finding]:
        return await self._checkup.findings()

    async def offers(self) -> Mapping[str, Sequence[str]]:
        """The groups under groups.base, as foyer.yaml would name them."""
        return {"group": sorted(await self.people.memberships.names())}
