"""What `foyer sandbox show` tells where other connectors serve some of the ports."""

from types import SimpleNamespace
from typing import Any, cast

from bot.control import of_sandbox
from bot.outside import Connected

SHOWN = {
    "person": {"name": "Dana"},
    "account": {"status": "locked"},
    "devices": [],
    "entitlements": [{"application_key": "jira"}, {"application_key": "figma"}],
    "leave": {"balance": {}},
    "orders": [],
    "tickets": [],
    "inbox": [],
}


def shown(served: dict[str, tuple[str, ...]], applications: dict[str, str]) -> dict[str, Any]:
    folders = {"demo": "sandbox", "directory": "ldap", "figma": "scim"}
    return of_sandbox(SHOWN, cast(Connected, SimpleNamespace(served=served, applications=applications, folders=folders)))


def test_what_another_connector_serves_is_not_told_as_the_sandbox_has_it() -> None:
    ports = dict.fromkeys(("enrolled", "hr", "purchasing"), ("demo",))
    told = shown({**ports, "people": ("directory",), "accounts": ("directory",), "access": ("demo", "figma")}, {"figma": "figma"})
    assert told["account"] == told["person"] == "served by directory, not by the sandbox"
    assert told["devices"] == "served by nobody, not by the sandbox"
    assert told["entitlements"] == [{"application_key": "jira"}]
    assert (told["leave"], told["tickets"]) == (SHOWN["leave"], [])


def test_a_sandbox_that_serves_all_tells_all() -> None:
    ports = ("people", "accounts", "enrolled", "access", "hr", "purchasing", "devices")
    assert shown(dict.fromkeys(ports, ("demo",)), {}) == SHOWN
