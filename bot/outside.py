"""Makes the connectors that foyer.yaml names, each by its connector.yaml, and says which of them serves which port."""

import importlib
import inspect
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, Protocol, runtime_checkable

from pydantic import SecretStr, ValidationError

import connectors
from bot.access import JoinedAccess, Source
from bot.config import ConfigError, Organisation, Settings, said, secret, variable
from bot.database import Sessions
from connectors.calling.guarded import Guard, Unserved, Watch
from connectors.calling.ledger import Ending, Ledger
from connectors.ports.calls import Finding
from connectors.ports.data_files import read_yaml
from connectors.ports.people import Directory
from connectors.ports.records import Clock
from connectors.ports.systems import Access, Accounts, Devices, EnrolledChannel, Hr, Passwords, Purchasing
from specialists.skill import SkillSpec

ROOT: Final = Path(connectors.__file__).parent
PROTOCOLS: Final[Mapping[str, type]] = MappingProxyType(
    {
        "people": Directory,
        "accounts": Accounts,
        "passwords": Passwords,
        "enrolled": EnrolledChannel,
        "access": Access,
        "hr": Hr,
        "purchasing": Purchasing,
        "devices": Devices,
    }
)
PORTS: Final = tuple(port for port in PROTOCOLS if port != "passwords")
"""As foyer.yaml and skills name them. Whoever keeps passwords and sends no links serves accounts together with Foyer's own page."""
_NAME = re.compile(r"[a-z][a-z0-9_-]*")
_KINDS: Final[Mapping[str, tuple[tuple[type, ...], str]]] = MappingProxyType(
    {
        "text": ((str,), "text; put it in quotes"),
        "url": ((str,), "an address, as https://host/path"),
        "path": ((str,), "a path"),
        "number": ((int, float), "a number"),
        "flag": ((bool,), "true or false"),
        "mapping": ((dict,), "a mapping, name: value"),
        "list": ((list,), "a list"),
    }
)
_URL = re.compile(r"[a-z][a-z0-9+.-]*://[^\s/]+\S*", re.IGNORECASE)


class Connector(Protocol):
    async def open(self) -> None: ...

    async def close(self) -> None: ...


@runtime_checkable
class Checked(Protocol):
    """A connector that can say what is wrong between it and its system."""

    async def check(self) -> Sequence[Finding]: ...


@runtime_checkable
class Offering(Protocol):
    """A connector whose system has things that foyer.yaml could name."""

    async def offers(self) -> Mapping[str, Sequence[str]]:
        """Kind of thing, as foyer.yaml calls it ("group") -> names."""


@dataclass(frozen=True, slots=True)
class Connected:
    """The configured connectors by name, and the implementation of every port."""

    connectors: Mapping[str, Connector]
    folders: Mapping[str, str]
    """Of each, by its name."""
    ports: Mapping[str, Any]
    """Each of PORTS; whatever is asked of one that nobody serves is refused."""
    passwords: Passwords | None
    """Of whoever is to serve accounts, but sends no links: then accounts are theirs and Foyer's together."""
    served: Mapping[str, tuple[str, ...]]
    """Port -> the connectors that serve it, several only for access; without those that nobody serves."""
    applications: Mapping[str, str]
    """Application -> connector, as foyer.yaml says."""
    guards: Mapping[str, Guard]
    endings: Mapping[str, Ending]
    """Of the connectors that give access on systems which keep no ends."""
    declared: Mapping[str, Mapping[str, frozenset[str]]]
    """Connector -> application -> roles, where foyer.yaml says them."""

    def get(self, port: str) -> Any:
        """None where nobody serves it."""
        return self.ports[port] if port in self.served else None

    def missing(self, spec: SkillSpec) -> tuple[str, ...]:
        """The ports without which this skill is off."""
        return tuple(port for port in spec.connectors if port in PROTOCOLS and port not in self.served)


@dataclass(frozen=True, slots=True)
class _Instance:
    """What foyer.yaml and a connector.yaml say of one connector."""

    name: str
    folder: str
    declared: Mapping[str, Any]
    given: Mapping[str, Any]

    @property
    def where(self) -> str:
        return f"foyer.yaml: connectors.{self.name}"

    @property
    def serves(self) -> Mapping[str, str]:
        """Port -> attribute."""
        return self.declared["ports"] or {}

    @property
    def needs(self) -> Collection[str]:
        return self.declared.get("needs") or ()

    @property
    def keys(self) -> frozenset[str] | None:
        """The applications that it declares; None for a system that says itself which it has."""
        if not {"application", "applications"} & set(self.declared["settings"]):
            return None
        return frozenset(self.applications)

    @property
    def applications(self) -> Mapping[str, frozenset[str]]:
        """Those that it declares, with their roles."""
        one, several = self.given.get("application"), self.given.get("applications") or ()
        return {given["key"]: frozenset(given.get("roles") or ()) for given in [*several, *([one] if one else [])]}


def connect(settings: Settings, clock: Clock, sessions: Sessions, watch: Watch | None = None, root: Path = ROOT) -> Connected:
    """`root`: the folder of the connectors' folders.

    Raises ConfigError, whose sentence names the connector and the setting, and shows no value that may be secret.
    """
    organisation = settings.organisation
    instances = {name: _instance(name, given, root) for name, given in organisation.connectors.items()}
    _check_variables(instances)
    serving = _serving(organisation, instances)
    if "people" not in serving:
        raise ConfigError("foyer.yaml: no connector serves people, and Foyer has to know whom it speaks with")
    made: dict[str, Connector] = {}
    guards: dict[str, Guard] = {}
    given = frozenset((*organisation.assignment_groups, *(group for groups in organisation.roles.values() for group in groups)))
    available: dict[str, Any] = {"group_names": given}

    def port(name: str, of: str) -> Any:
        # What stands in foyer.yaml is known while the system is down.
        local = ("applications",) if instances[of].keys is not None else ()
        return guards[of].port(name, PROTOCOLS[name], getattr(made[of], instances[of].serves[name]), local)

    # People first: others look up in the directory whom they are asked about.
    for name in sorted(instances, key=lambda name: name != serving["people"]):
        ledger = Ledger(name, sessions, clock)
        made[name] = _made(instances[name], settings, clock, {**available, "ledger": ledger})
        guards[name] = Guard(name, getattr(made[name], "rules", None), watch=watch)
        if name == serving["people"]:
            available["people"] = port("people", name)
    ports = {name: port(name, of) for name, of in serving.items() if name != "people"} | {"people": available["people"]}
    sources = {name: Source(port("access", name), one.keys) for name, one in instances.items() if "access" in one.serves}
    applications = _applications(organisation, sources)
    ports["access"] = JoinedAccess(sources, applications)
    giving = {name: getattr(made[name], one.serves["access"]) for name, one in instances.items() if "access" in one.serves}
    endings = {
        name: guards[name].port("access", Ending, access, ("overdue",)) for name, access in giving.items() if hasattr(access, "settle")
    }
    served: dict[str, tuple[str, ...]] = {("accounts" if name == "passwords" else name): (of,) for name, of in serving.items()}
    if sources:
        served["access"] = tuple(sources)
    return Connected(
        connectors={name: made[name] for name in instances},
        folders={name: one.folder for name, one in instances.items()},
        ports={name: ports.get(name, Unserved(name)) for name in PORTS},
        passwords=ports.get("passwords"),
        served=served,
        applications=applications,
        guards=guards,
        endings=endings,
        declared={name: one.applications for name, one in instances.items() if one.keys is not None},
    )


def folders(root: Path = ROOT) -> list[str]:
    """The connectors to systems that there are."""
    return sorted(path.parent.name for path in root.glob("*/connector.yaml"))


def _instance(name: str, given: Mapping[str, Any], root: Path) -> _Instance:
    if not _NAME.fullmatch(name):
        raise ConfigError(f"foyer.yaml: connectors.{name}: a name has small letters, digits, - and _, and begins with a letter")
    folder = given.get("use", name)
    if folder not in folders(root):
        raise ConfigError(f"foyer.yaml: connectors.{name}: there is no connector {folder!r}; `use` one of {', '.join(folders(root))}")
    declared = read_yaml(root / folder / "connector.yaml")
    own = {setting: value for setting, value in given.items() if setting != "use"}
    unknown = sorted(set(own) - set(declared["settings"]))
    if unknown:
        there = ", ".join(declared["settings"])
        raise ConfigError(f"foyer.yaml: connectors.{name}: {folder} has no setting {', '.join(unknown)}; it has {there}")
    return _Instance(name, folder, declared, own)


def _check_variables(instances: Mapping[str, _Instance]) -> None:
    """Two connectors that would read one variable: one of the systems would be sent the other's secret."""
    found: dict[str, str] = {}
    for one in instances.values():
        for name, setting in one.declared["settings"].items():
            if setting["type"] != "secret" or name in one.given:
                continue
            where = f"connectors.{one.name}.{name}"
            other = found.setdefault(variable(one.name, name), where)
            if other != where:
                raise ConfigError(
                    f"foyer.yaml: {other} and {where} would be one variable, {variable(one.name, name)}: rename one of the two"
                )


def _serving(organisation: Organisation, instances: Mapping[str, _Instance]) -> dict[str, str]:
    """Port -> instance, with passwords in the place of accounts where the chosen one serves those. Access is every instance's."""
    for port, name in organisation.ports.items():
        if port == "access":
            raise ConfigError("foyer.yaml: ports.access: every connector that can gives access; `applications` says which of them to what")
        if port not in PORTS:
            raise ConfigError(f"foyer.yaml: ports.{port}: there is no such port; there are {', '.join(PORTS)}")
        if name not in instances:
            there = ", ".join(instances) or "none"
            raise ConfigError(f"foyer.yaml: ports.{port}: there is no connector {name!r} in `connectors`; there is {there}")
        if _as_served(port, instances[name]) is None:
            can = ", ".join(instances[name].serves)
            raise ConfigError(f"foyer.yaml: ports.{port}: {name} ({instances[name].folder}) does not serve it; it serves {can}")
    serving: dict[str, str] = {}
    for port in PORTS:
        if port == "access":
            continue
        chosen = [organisation.ports[port]] if port in organisation.ports else list(instances)
        for name in chosen:
            served = _as_served(port, instances[name])
            if served is not None:
                serving[served] = name
                break
    return serving


def _as_served(port: str, instance: _Instance) -> str | None:
    names = (port, "passwords") if port == "accounts" else (port,)
    return next((name for name in names if name in instance.serves), None)


def _applications(organisation: Organisation, sources: Mapping[str, Source]) -> dict[str, str]:
    """Application -> connector, where foyer.yaml says so in `applications` or by declaring it once."""
    for key, name in organisation.applications.items():
        if name not in sources:
            able = ", ".join(sources) or "none"
            raise ConfigError(f"foyer.yaml: applications.{key}: no connector {name!r} gives access; there is {able}")
        keys = sources[name].keys
        if keys is not None and key not in keys:
            raise ConfigError(
                f"foyer.yaml: applications.{key}: {name} declares no application {key!r}; it declares {', '.join(sorted(keys)) or 'none'}"
            )
    found = dict(organisation.applications)
    for name, source in sources.items():
        for key in sorted(source.keys or ()):
            if key not in organisation.applications and key in found:
                raise ConfigError(f"foyer.yaml: {found[key]} and {name} both declare the application {key!r}; say whose in `applications`")
            found.setdefault(key, name)
    return found


def _made(instance: _Instance, settings: Settings, clock: Clock, available: Mapping[str, Any]) -> Connector:
    module, _, class_name = instance.declared["connector"].partition(":")
    made = getattr(importlib.import_module(module), class_name)
    values = {need: available[need] for need in instance.needs}
    if "name" in inspect.signature(made).parameters:
        values["name"] = instance.name
    try:
        connector: Connector = made(clock=clock, **values, **_values(instance, settings))
    except ValidationError as error:
        raise ConfigError(f"{instance.where}: {said(error)}") from error
    except ValueError as error:
        raise ConfigError(f"{instance.where}: {error}") from error
    return connector


def _values(instance: _Instance, settings: Settings) -> dict[str, Any]:
    """What was given, and the defaults. What neither has is left to the connector."""
    values: dict[str, Any] = {}
    for name, setting in instance.declared["settings"].items():
        value = _value(instance, name, setting, settings)
        if value is not None:
            values[name] = value
        elif setting.get("required"):
            told = ""
            if setting["type"] == "secret":
                usual = variable(instance.name, name)
                told = f" Set {usual} or {usual}_FILE, or write {{env: NAME}} or {{file: PATH}}."
            raise ConfigError(f"{instance.where}.{name} is missing: {' '.join(setting['description'].split())}{told}")
    return values


def _value(instance: _Instance, name: str, setting: Mapping[str, Any], settings: Settings) -> Any:
    home, given = settings.home.resolve(), instance.given.get(name)
    if setting["type"] == "secret":
        found: SecretStr | None = secret(home, instance.name, name, given)
        return found
    if given is None:
        given = settings.base_url if name == "base_url" else setting.get("default")
        return home / given if given is not None and setting["type"] == "path" else given
    types, what = _KINDS[setting["type"]]
    if setting["type"] == "list" and isinstance(given, str):
        return [given]
    fits = isinstance(given, types) and (setting["type"] == "flag" or not isinstance(given, bool))
    if not fits or (setting["type"] == "url" and not _URL.fullmatch(given)):
        raise ConfigError(f"{instance.where}.{name} has to be {what}")
    return home / given if setting["type"] == "path" else given
