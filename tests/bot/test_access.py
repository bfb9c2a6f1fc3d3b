"""Access to applications of several connectors as one port."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

import pytest
from structlog.testing import capture_logs

from bot.access import JoinedAccess, Source
from connectors.errors import ConnectorError, Refused, Retry
from connectors.ports.systems import Application, Effect, Entitlement

UNTIL = datetime(2027, 1, 1, tzinfo=UTC)


@dataclass
class System:
    name: str
    applications_: list[str]
    down: ConnectorError | None = None
    asked: list[str] = field(default_factory=list)

    def _ask(self, what: str) -> None:
        self.asked.append(what)
        if self.down is not None:
            raise self.down

    async def applications(self) -> Sequence[Application]:
        self._ask("applications")
        return [Application(key, f"{key} of {self.name}", ("user",)) for key in self.applications_]

    async def entitlements(self, person_key: str, *, application_key: str | None = None) -> Sequence[Entitlement]:
        self._ask(f"entitlements {application_key}")
        keys = self.applications_ if application_key is None else [application_key]
        return [Entitlement(f"{self.name}:{key}", person_key, key, "user", None) for key in keys]

    async def grant(self, person_key: str, application_key: str, role: str, *, until: datetime, key: str) -> Effect:
        self._ask(f"grant {application_key}")
        return Effect(f"{self.name}:{application_key}")

    async def revoke(self, person_key: str, application_key: str, role: str, *, key: str) -> Effect:
        self._ask(f"revoke {application_key}")
        return Effect(f"{self.name}:{application_key}")


@dataclass
class Company:
    """A sandbox that knows itself what it has, and two systems whose applications foyer.yaml declares."""

    sandbox: System = field(default_factory=lambda: System("sandbox", ["slack", "figma"]))
    figma: System = field(default_factory=lambda: System("figma", ["figma"]))
    groups: System = field(default_factory=lambda: System("directory", ["vpn"]))

    @property
    def access(self) -> JoinedAccess:
        declared = {"figma": Source(self.figma, frozenset({"figma"})), "directory": Source(self.groups, frozenset({"vpn"}))}
        return JoinedAccess({"sandbox": Source(self.sandbox), **declared}, {"figma": "figma", "vpn": "directory"})


async def test_each_application_is_told_once_by_the_connector_whose_it_is() -> None:
    assert {one.key: one.name for one in await Company().access.applications()} == {
        "slack": "slack of sandbox",
        "figma": "figma of figma",
        "vpn": "vpn of directory",
    }


async def test_a_system_that_is_down_hides_no_other_and_keeps_what_it_had() -> None:
    company = Company()
    access = company.access
    company.figma.down = Retry("unreachable")
    assert [one.key for one in await access.applications()] == ["slack", "vpn"]
    company.figma.down = None
    await access.applications()
    company.sandbox.down = company.figma.down = Retry("unreachable")
    assert {one.key for one in await access.applications()} == {"slack", "figma", "vpn"}


async def test_where_none_can_be_asked_that_is_told() -> None:
    company = Company()
    company.sandbox.down = company.figma.down = company.groups.down = Retry("unreachable")
    with pytest.raises(Retry):
        await company.access.applications()


async def test_what_is_done_to_an_application_asks_its_connector_and_no_other() -> None:
    company = Company()
    access = company.access
    company.sandbox.down = company.groups.down = Retry("unreachable")
    assert [one.reference for one in await access.entitlements("e1001", application_key="figma")] == ["figma:figma"]
    assert (await access.grant("e1001", "figma", "user", until=UNTIL, key="k")).reference == "figma:figma"
    assert (await access.revoke("e1001", "figma", "user", key="k")).reference == "figma:figma"
    assert company.figma.asked == ["entitlements figma", "grant figma", "revoke figma"]
    assert company.sandbox.asked == company.groups.asked == []


async def test_what_foyer_yaml_does_not_name_is_the_sandboxs() -> None:
    company = Company()
    assert (await company.access.grant("e1001", "slack", "user", until=UNTIL, key="k")).reference == "sandbox:slack"


async def test_all_that_somebody_has_comes_from_all_and_from_each_only_its_own() -> None:
    found = await Company().access.entitlements("e1001")
    assert sorted(one.reference for one in found) == ["directory:vpn", "figma:figma", "sandbox:slack"]


async def test_all_that_somebody_has_is_not_told_in_part() -> None:
    company = Company()
    company.groups.down = Retry("unreachable")
    with pytest.raises(Retry):
        await company.access.entitlements("e1001")


async def test_an_application_that_nobody_has_is_refused() -> None:
    company = Company()
    access = JoinedAccess({"figma": Source(company.figma, frozenset({"figma"}))}, {"figma": "figma"})
    with pytest.raises(Refused) as raised:
        await access.grant("e1001", "slack", "user", until=UNTIL, key="k")
    assert raised.value.code == "unknown_application"


async def test_of_two_that_know_themselves_what_they_have_the_first_that_has_it_is_asked() -> None:
    one, other = System("one", ["slack"]), System("other", ["slack", "zoom"])
    access = JoinedAccess({"one": Source(one), "other": Source(other)}, {})
    assert (await access.grant("e1001", "slack", "user", until=UNTIL, key="k")).reference == "one:slack"
    assert (await access.grant("e1001", "zoom", "user", until=UNTIL, key="k")).reference == "other:zoom"
    with pytest.raises(Refused):
        await access.grant("e1001", "jira", "user", until=UNTIL, key="k")


async def test_without_any_there_are_no_applications() -> None:
    access = JoinedAccess({}, {})
    assert await access.applications() == []
    assert await access.entitlements("e1001") == []


async def test_who_is_told_of_applications_that_were_not_read_is_whose_fault_it_is() -> None:
    error = Retry("bad_credentials")
    error.connector = "directory"  # which was asked for the owner
    company = Company(figma=System("figma", ["figma"], down=error), groups=System("directory", ["vpn"], down=Retry("unreachable")))
    with capture_logs() as logged:
        await company.access.applications()
    assert [(one["connector"], one["code"], one["of"]) for one in logged] == [
        ("directory", "bad_credentials", "figma"),
        ("directory", "unreachable", "directory"),
    ]
