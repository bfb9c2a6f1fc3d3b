"""What foyer.yaml says of a directory, checked before anything is asked of it."""

import ipaddress
import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit
from zoneinfo import available_timezones

from pydantic import BaseModel, ConfigDict, Field, SecretStr, StringConstraints, field_validator, model_validator

from connectors.calling.declared import DeclaredApplication
from connectors.ldap.schema import Kind, known_attributes

Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=1000)]
Filter = Annotated[str, StringConstraints(strip_whitespace=True, pattern=r"^\(.+\)$", max_length=5000)]
Attribute = Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9-]{0,100}$")]
PORTS = {"ldap": 389, "ldaps": 636}


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Url(_Part):
    """One server. `secure`: TLS from the first byte."""

    host: str
    port: int
    secure: bool

    @property
    def loopback(self) -> bool:
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'ldaps' if self.secure else 'ldap'}://{host}:{self.port}"


class Branch(_Part):
    """Where people are, and which entries there."""

    base: Text
    filter: Filter | None = None
    """Besides the schema's own filter."""


class Groups(Branch):
    nested: bool | None = None
    """Whether members of a group's groups are its members; where nothing is said: in Active Directory."""
    name: Literal["cn", "dn"] = "cn"
    """What a group is called in Foyer: by its dn where several have one name, or where others may make groups."""


class Marked(_Part):
    """Who is meant: whoever is in a group, or matches a filter."""

    groups: tuple[Text, ...] = ()
    filter: Filter | None = None


class LdapSettings(_Part):
    """All that can be set. `timeout`, `refresh` and `full_refresh` are in seconds."""

    url: tuple[Url, ...] = Field(min_length=1)
    """In the order in which they are tried."""
    schema_: Kind = Field(alias="schema")
    bind_dn: Text
    password: SecretStr
    people: Branch
    groups: Groups
    start_tls: bool | None = None
    ca_file: Path | None = None
    timeout: float = Field(default=10.0, gt=0, le=120)
    pool: int = Field(default=4, ge=1, le=50)
    page_size: int = Field(default=500, ge=1, le=5000)
    key: Attribute | None = None
    attributes: Mapping[str, Attribute | None] = {}
    """Over the schema's own; null: none."""
    guests: Marked = Marked()
    privileged: Marked = Marked()
    inactive: Marked = Marked()
    timezone: str | None = None
    locale: Annotated[str, StringConstraints(pattern=r"^[a-z]{2,3}(-[A-Z][A-Za-z0-9-]+)?$")] | None = None
    timezones: Mapping[str, str] = {}
    """By country or office, as the directory spells them, where no attribute says it."""
    locales: Mapping[str, str] = {}
    entra_tenant: str | None = None
    placeholder: Text | None = None
    """The dn that stays in a groupOfNames whose last member is taken out; where nothing is said, bind_dn."""
    policy_dn: Text | None = None
    """The password policy of those whose entry names none (OpenLDAP)."""
    refresh: float = Field(default=60.0, ge=1)
    full_refresh: float = Field(default=3600.0, ge=1)
    applications: tuple[DeclaredApplication, ...] = ()

    @field_validator("url", mode="before")
    @classmethod
    def _urls(cls, given: Any) -> Any:
        return tuple(_url(one) if isinstance(one, str) else one for one in ((given,) if isinstance(given, str) else given))

    @field_validator("password")
    @classmethod
    def _is_given(cls, password: SecretStr) -> SecretStr:
        # A simple bind with a name and no password succeeds as nobody (RFC 4513, 5.1.2).
        if not password.get_secret_value():
            raise ValueError("is empty, and a bind without a password is nobody's")
        return password

    @field_validator("ca_file")
    @classmethod
    def _holds_certificates(cls, ca_file: Path | None) -> Path | None:
        try:
            ssl.create_default_context(cafile=ca_file)
        except ssl.SSLError:
            raise ValueError(f"{ca_file}: holds no certificates (PEM)") from None
        except OSError as error:
            raise ValueError(f"{ca_file}: {error.strerror or error}") from None
        return ca_file

    @field_validator("attributes")
    @classmethod
    def _are_known(cls, attributes: Mapping[str, str | None]) -> Mapping[str, str | None]:
        unknown = sorted(set(attributes) - known_attributes())
        if unknown:
            raise ValueError(f"knows no {', '.join(unknown)}; there are {', '.join(sorted(known_attributes()))}")
        return attributes

    @field_validator("timezone")
    @classmethod
    def _is_a_zone(cls, zone: str | None) -> str | None:
        if zone is not None and zone not in available_timezones():
            raise ValueError(f"{zone!r} is no time zone such as Europe/Berlin")
        return zone

    @field_validator("timezones")
    @classmethod
    def _are_zones(cls, zones: Mapping[str, str]) -> Mapping[str, str]:
        for zone in zones.values():
            cls._is_a_zone(zone)
        return zones

    @model_validator(mode="after")
    def _is_private(self) -> "LdapSettings":
        for url in self.url:
            if not url.loopback and not url.secure and self.start_tls is False:
                raise ValueError(f"{url} would carry passwords in the clear: use ldaps://, or leave start_tls on")
        return self

    def starts_tls(self, url: Url) -> bool:
        """Whether TLS is asked for on a connection that begins without it."""
        return not url.secure and (self.start_tls if self.start_tls is not None else not url.loopback)


def _url(text: str) -> Url:
    if "@" in text:
        # Not shown: what stands before it may be a password.
        raise ValueError("write it without a name and a password: those are bind_dn and password")
    parts = urlsplit(text.strip())
    if parts.scheme not in PORTS or not parts.hostname or parts.path.strip("/") or parts.query:
        raise ValueError(f"{text!r} is no ldap://host:port or ldaps://host:port")
    return Url(host=parts.hostname, port=parts.port or PORTS[parts.scheme], secure=parts.scheme == "ldaps")
