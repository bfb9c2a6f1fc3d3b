"""Connectors for tests of the wiring: they remember what they were made with."""

from collections.abc import Mapping, Sequence
from typing import Any

from connectors.errors import Retry
from connectors.ports.calls import CallRules, Finding
from connectors.ports.people import Directory, DirectoryPerson
from connectors.ports.records import Clock
from connectors.ports.systems import Account, Application, Effect


class FakeDirectory:
    """Serves people and passwords; nobody works here."""

    rules = CallRules(timeout=5)

    def __init__(self, name: str, clock: Clock, **given: Any) -> None:
        self.name, self.clock, self.given = name, clock, given
        if given.get("schema") == "novell":
            raise ValueError("schema: there is openldap and active_directory")
        self.people = self
        self.passwords = self

    async def open(self) -> None: ...

    async def close(self) -> None: ...

    async def check(self) -> Sequence[Finding]:
        return [Finding("reach", True, "answers in 3 ms"), Finding("credentials", False, "refused", "check bind_dn and the password")]

    async def get(self, key: str) -> DirectoryPerson | None:
        return None

    async def by_email(self, email: str) -> DirectoryPerson | None:
        return None

    async def by_account(self, account: str) -> DirectoryPerson | None:
        return None

    async def find(self, text: str, *, limit: int = 5) -> Sequence[DirectoryPerson]:
        raise Retry("unreachable")

    async def members(self, group: str) -> Sequence[DirectoryPerson]:
        return []

    async def account(self, person_key: str) -> Account:
        return Account("active")

    async def unlock(self, person_key: str, *, key: str) -> Effect:
        return Effect("account:1")

    async def shortest(self, person_key: str) -> int | None:
        return None

    async def set_password(self, person_key: str, password: str) -> Effect:
        return Effect("account:1")


class FakeApplication:
    """Serves access to the one application that foyer.yaml declares."""

    rules = CallRules(timeout=5)

    def __init__(self, name: str, clock: Clock, people: Directory, ledger: object, application: Mapping[str, Any], **given: Any) -> None:
        self.name, self.people, self.ledger, self.given = name, people, ledger, given
        self.application = application
        self.access = self

    async def open(self) -> None: ...

    async def close(self) -> None: ...

    async def applications(self) -> Sequence[Application]:
        return [Application(self.application["key"], self.application["name"], ("user",))]

    async def entitlements(self, person_key: str, *, application_key: str | None = None) -> Sequence[Any]:
        return []

    async def grant(self, person_key: str, application_key: str, role: str, *, until: object, key: str) -> Effect:
        return Effect(f"{self.name}:1")

    async def revoke(self, person_key: str, application_key: str, role: str, *, key: str) -> Effect:
        return Effect(f"{self.name}:1")
