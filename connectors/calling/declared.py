"""How an application is declared in foyer.yaml: Foyer can only ever give what stands there, whatever the system behind it has."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Annotated

import structlog
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, field_validator, model_validator

from connectors.errors import ConnectorError, NeedsHuman
from connectors.ports.calls import Finding
from connectors.ports.people import Directory
from connectors.ports.systems import Application

log = structlog.get_logger()

Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]


class DeclaredRole(BaseModel):
    """What a role is in the system: a group, or what stands under `role` or `entitlement` of an account; one of the three."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    group: Text | None = None
    role: Text | None = None
    entitlement: Text | None = None
    sensitive: bool = False
    """It administers the application: people give it, not Foyer."""

    @model_validator(mode="after")
    def _is_one(self) -> "DeclaredRole":
        if sum(given is not None for given in (self.group, self.role, self.entitlement)) != 1:
            raise ValueError("name one of group, role, entitlement")
        return self


class DeclaredApplication(BaseModel):
    """One application and its roles, by the names that people use."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    key: Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_.-]{0,99}$")]
    name: Text
    aliases: tuple[Text, ...] = ()
    owner: Annotated[str, StringConstraints(strip_whitespace=True, max_length=320)] | None = None
    """The e-mail address of whoever owns it; approves where there is no manager."""
    default_role: str | None = None
    roles: Mapping[Text, DeclaredRole] = Field(min_length=1)

    @field_validator("owner")
    @classmethod
    def _is_an_address(cls, owner: str | None) -> str | None:
        if owner is not None and "@" not in owner:
            raise ValueError(f"{owner!r} is no e-mail address")
        return owner

    @model_validator(mode="after")
    def _has_its_default(self) -> "DeclaredApplication":
        if self.default_role is not None and self.default_role not in self.roles:
            raise ValueError(f"default_role {self.default_role!r} is not one of its roles")
        return self

    def application(self, owner_key: str | None) -> Application:
        return Application(
            key=self.key,
            name=self.name,
            roles=tuple(self.roles),
            aliases=self.aliases,
            owner_key=owner_key,
            default_role=self.default_role,
            sensitive_roles=frozenset(name for name, role in self.roles.items() if role.sensitive),
        )


class Declared:
    """The applications of one connector. `people` knows their owners."""

    def __init__(self, applications: Sequence[DeclaredApplication], people: Directory) -> None:
        self._applications = applications
        self._people = people
        self._owners: dict[str, str | None] = {}
        """Application -> its owner when they were last looked up."""

    async def applications(self) -> Sequence[Application]:
        """An owner who cannot be looked up now is the one who was known last, or nobody: what is declared is known all the same."""
        owners = await asyncio.gather(*(self._owner(application) for application in self._applications))
        return [application.application(owner) for application, owner in zip(self._applications, owners, strict=True)]

    async def _owner(self, application: DeclaredApplication) -> str | None:
        if application.owner is None:
            return None
        try:
            owner = await self._people.by_email(application.owner)
        except NeedsHuman as error:  # two people have that address
            log.error("owner_unclear", application=application.key, code=error.code)
            owner = None
        except ConnectorError as error:
            log.warning("owner_not_looked_up", application=application.key, code=error.code)
            return self._owners.get(application.key)
        else:
            if owner is None and self._owners.get(application.key, "") is not None:
                log.warning("owner_unknown", application=application.key)
        self._owners[application.key] = owner.key if owner is not None else None
        return self._owners[application.key]


async def without_owner(applications: Sequence[DeclaredApplication], people: Directory) -> Sequence[Finding]:
    """A finding for each application whose `owner` is not one person. Where they cannot be looked up, `people` has a finding of its own."""
    found = []
    for application in applications:
        if application.owner is None:
            continue
        try:
            if await people.by_email(application.owner) is not None:
                continue
            who = "nobody has"
        except NeedsHuman:
            who = "more than one person has"
        except ConnectorError:
            continue
        mend = "name the address of somebody there, or take owner out: until then nobody approves for people without a manager"
        found.append(Finding(f"application {application.key}: owner", False, f"{who} {application.owner}", mend))
    return found
