"""Reads each configured connector's connector.yaml, makes it, and says which port it serves."""

import importlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import yaml

import connectors
from bot.config import ConfigError, Settings
from connectors.ports.records import Clock

ROOT = Path(connectors.__file__).parent
PORTS = ("people", "accounts", "enrolled", "access", "hr", "purchasing", "devices")


class Connector(Protocol):
    async def open(self) -> None: ...

    async def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Connected:
    """The configured connectors by name, and the implementation of every port."""

    connectors: Mapping[str, Connector]
    ports: Mapping[str, Any]


def connect(settings: Settings, clock: Clock) -> Connected:
    """Raises ConfigError when a connector is unknown, has an unknown setting, or a port is served by none."""
    made: dict[str, Connector] = {}
    ports: dict[str, Any] = {}
    for name, given in settings.organisation.connectors.items():
        declaration = ROOT / name / "connector.yaml"
        if not declaration.exists():
            raise ConfigError(f"foyer.yaml names a connector {name!r}, and there is none of that name")
        declared = yaml.safe_load(declaration.read_text(encoding="utf-8"))
        unknown = set(given) - set(declared["settings"])
        if unknown:
            raise ConfigError(f"foyer.yaml: the connector {name!r} has no setting {', '.join(sorted(unknown))}")
        module, _, class_name = declared["connector"].partition(":")
        connector = getattr(importlib.import_module(module), class_name)(clock=clock, **_values(declared["settings"], given, settings))
        made[name] = connector
        for port, attribute in declared["ports"].items():
            ports.setdefault(port, getattr(connector, attribute))
    missing = [port for port in PORTS if port not in ports]
    if missing:
        raise ConfigError(f"foyer.yaml: no connector serves {', '.join(missing)}")
    return Connected(made, ports)


def _values(declared: Mapping[str, Any], given: Mapping[str, Any], settings: Settings) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for name, setting in declared.items():
        value = given.get(name, settings.base_url if name == "base_url" else setting.get("default"))
        values[name] = settings.home.resolve() / value if setting["type"] == "path" else value
    return values
