"""One application behind SCIM 2.0: the access port, what `foyer doctor` asks, and what foyer.yaml could name."""

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from connectors.calling.declared import without_owner
from connectors.calling.ledger import Ledger
from connectors.calling.mistakes import mistakes
from connectors.ports.calls import CallRules, Finding
from connectors.ports.people import Directory
from connectors.ports.records import Clock
from connectors.scim.access import ScimAccess
from connectors.scim.accounts import Accounts
from connectors.scim.checkup import Checkup
from connectors.scim.client import ScimClient
from connectors.scim.settings import ScimSettings


class ScimConnector:
    """Raises ValueError with a sentence when the settings cannot be. The service is asked at first use, not before."""

    def __init__(self, name: str, clock: Clock, *, ledger: Ledger, people: Directory, **settings: Any) -> None:
        try:
            made = ScimSettings(**{key: value for key, value in settings.items() if value is not None})
            self._client = ScimClient(made, clock)
        except ValidationError as error:
            raise ValueError(mistakes(error)) from None
        except OSError as error:
            raise ValueError(f"ca_file: {error.strerror or 'holds no certificates'}") from None
        self.name = name
        self.rules = CallRules(timeout=3 * made.timeout)
        accounts = Accounts(made, self._client, ledger, people, clock)
        self.access = ScimAccess(made.application, accounts, self._client, ledger, people, clock)
        self._checkup = Checkup(name, made, self._client)
        self._application = made.application
        self._people = people

    async def open(self) -> None:
        """Nothing is asked yet: the service may be down."""

    async def close(self) -> None:
        await self._client.wire.close()

    async def check(self) -> Sequence[Finding]:
        return [*await self._checkup.findings(), *await without_owner((self._application,), self._people)]

    async def offers(self) -> Mapping[str, Sequence[str]]:
        """The groups, roles and entitlements of the service, by the word that foyer.yaml has for them ("group")."""
        return await self._checkup.offers()
