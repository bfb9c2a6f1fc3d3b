"""The specialists: managed roles with a name, a manager and limits, read from the yaml files beside this and checked at start.

Who may do what is policy's; the roster says who it is that does it, for whom, and under whose eyes.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Final, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from connectors.ports.data_files import read_yaml
from specialists.loader import check_scopes
from specialists.skill import SkillSpec

BUILT_IN: Final = Path(__file__).parent

Lifecycle = Literal["draft", "shadow", "active", "paused", "retired"]
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9]*(_[a-z0-9]+)*$", max_length=60)]


class InvalidRoster(Exception):
    """A roster that cannot be used; the message says which file and why."""


@dataclass(frozen=True, slots=True)
class Specialist:
    """A managed role. `display_name` is what people see on the card; it says that this is an AI."""

    name: str
    display_name: str
    role: str
    tone: str
    principles: tuple[str, ...]
    goals: tuple[str, ...]
    skills: tuple[str, ...]
    connections: Mapping[str, tuple[str, ...]]
    """Port -> scopes: the most that any of its skills may use."""
    assignment_group: str
    """The staff who go on where it cannot."""
    manager: str
    """Directory e-mail of the human who answers for it."""
    lifecycle: Lifecycle
    """Only an active one starts effects."""


class Roster:
    """All specialists, and whose each skill is."""

    def __init__(self, specialists: Mapping[str, Specialist]) -> None:
        self.specialists: Mapping[str, Specialist] = MappingProxyType(dict(specialists))
        self._of = {skill: specialist for specialist in specialists.values() for skill in specialist.skills}

    def __getitem__(self, name: str) -> Specialist:
        return self.specialists[name]

    def of(self, skill: str) -> Specialist:
        """Whose skill this is. Raises KeyError for no skill of anybody."""
        return self._of[skill]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _Declaration(_Strict):
    """One yaml file."""

    name: Name
    display_name: str = Field(pattern=r"\(AI\)$")
    role: str = Field(min_length=1)
    tone: str = Field(min_length=1)
    principles: tuple[str, ...] = Field(min_length=1)
    goals: tuple[str, ...] = Field(min_length=1)
    skills: tuple[Name, ...] = Field(min_length=1)
    connections: dict[str, tuple[str, ...]]
    assignment_group: str = Field(min_length=1)
    manager: str = Field(pattern=r"^[^@\s]+@[^@\s]+$")
    lifecycle: Lifecycle

    @model_validator(mode="after")
    def _is_consistent(self) -> "_Declaration":
        if len(set(self.skills)) != len(self.skills):
            raise ValueError("a skill is there twice")
        unknown = check_scopes(self.connections)
        if unknown:
            raise ValueError(f"no port has {', '.join(unknown)}")
        return self


def load_roster(skills: Mapping[str, SkillSpec], folder: Path = BUILT_IN) -> Roster:
    """The specialists of `folder`, held against the skills there are. Raises InvalidRoster."""
    specialists: dict[str, Specialist] = {}
    owner: dict[str, str] = {}
    for path in sorted(folder.glob("*.yaml")):
        specialist = _read(path)
        specialists[specialist.name] = specialist
        for name in specialist.skills:
            if name in owner:
                raise InvalidRoster(f"{path}: the skill {name!r} is {owner[name]}'s already")
            if name not in skills:
                raise InvalidRoster(f"{path}: there is no skill {name!r}")
            owner[name] = specialist.name
            beyond = [
                f"{port}.{scope}"
                for port, scopes in skills[name].connectors.items()
                for scope in scopes
                if scope not in specialist.connections.get(port, ())
            ]
            if beyond:
                raise InvalidRoster(f"{path}: {name} uses {', '.join(beyond)}, beyond the specialist's connections")
    unowned = sorted(set(skills) - set(owner))
    if unowned:
        raise InvalidRoster(f"{folder}: nobody's skills: {', '.join(unowned)}")
    return Roster(specialists)


def _read(path: Path) -> Specialist:
    try:
        declared = _Declaration.model_validate(read_yaml(path))
    except (ValidationError, yaml.YAMLError, ValueError) as error:
        raise InvalidRoster(f"{path}: {error}") from error
    if path.stem != declared.name:
        raise InvalidRoster(f"{path}: it declares the name {declared.name!r}")
    return Specialist(**{field: getattr(declared, field) for field in type(declared).model_fields})
