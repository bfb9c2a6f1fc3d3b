"""The applications that foyer.yaml declares are known whatever becomes of the directory that knows their owners."""

from typing import cast

import pytest
from pydantic import ValidationError
from structlog.testing import capture_logs

from connectors.calling.declared import Declared, DeclaredApplication, DeclaredRole, without_owner
from connectors.errors import ConnectorError, NeedsHuman, Refused, Retry
from connectors.ports.people import Directory, DirectoryPerson

ROLES = {"editor": DeclaredRole(group="Editors")}
FIGMA = DeclaredApplication(key="figma", name="Figma", owner="priya@acme.example", roles=ROLES)
WIKI = DeclaredApplication(key="wiki", name="Wiki", roles=ROLES)


class Owners:
    """A directory that is asked for owners alone. `says`: whom it has at every address, or what it raises."""

    def __init__(self, says: str | ConnectorError | None) -> None:
        self.says = says

    async def by_email(self, email: str) -> DirectoryPerson | None:
        if isinstance(self.says, ConnectorError):
            raise self.says
        return DirectoryPerson(self.says, "Priya", email, "UTC", "en") if self.says is not None else None


async def owners(declared: Declared) -> list[str | None]:
    return [one.owner_key for one in await declared.applications()]


@pytest.mark.parametrize("error", [Retry("unreachable"), Refused("not_permitted")])
async def test_an_owner_who_cannot_be_looked_up_is_the_one_who_was_known_last(error: ConnectorError) -> None:
    people = Owners(error)
    declared = Declared((FIGMA, WIKI), cast(Directory, people))
    assert await owners(declared) == [None, None]
    people.says = "e1"
    assert await owners(declared) == ["e1", None]
    people.says = error
    assert await owners(declared) == ["e1", None]


@pytest.mark.parametrize("says", [None, NeedsHuman("ambiguous")])
async def test_an_owner_who_is_nobody_or_two_is_none(says: ConnectorError | None) -> None:
    people = Owners("e1")
    declared = Declared((FIGMA,), cast(Directory, people))
    await owners(declared)
    people.says = says
    assert await owners(declared) == [None]


async def test_an_owner_whom_nobody_knows_is_logged_once() -> None:
    people = Owners(None)
    declared = Declared((FIGMA, WIKI), cast(Directory, people))
    with capture_logs() as logs:
        await owners(declared)
        await owners(declared)
    assert logs == [{"event": "owner_unknown", "application": "figma", "log_level": "warning"}]


def test_an_owner_is_an_address() -> None:
    with pytest.raises(ValidationError, match="'Priya Nair' is no e-mail address"):
        DeclaredApplication(key="figma", name="Figma", owner="Priya Nair", roles=ROLES)


@pytest.mark.parametrize(
    ("says", "told"),
    [
        ("e1", []),
        (None, ["nobody has priya@acme.example"]),
        (NeedsHuman("ambiguous"), ["more than one person has priya@acme.example"]),
        (Retry("unreachable"), []),
    ],
)
async def test_an_owner_who_is_not_one_person_is_found(says: str | ConnectorError | None, told: list[str]) -> None:
    found = await without_owner((FIGMA, WIKI), cast(Directory, Owners(says)))
    assert [(one.name, one.ok, one.found) for one in found] == [("application figma: owner", False, one) for one in told]
    assert all("name the address" in one.mend for one in found)
