"""Resources of SCIM as plain JSON objects: reading them leniently, and what a change makes of them. Pure."""

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from scim2_models import ScimFilter, User

Kind = Literal["User", "Group"]
Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Offered:
    """What a service says of itself; None where it does not say. `bulk`: operations in one request, 0 for none."""

    patch: bool | None = None
    filter: bool | None = None
    etag: bool | None = None
    bulk: int = 0
    described: frozenset[str] = frozenset()
    """Which of ServiceProviderConfig, ResourceTypes and Schemas it has."""
    values: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """The values that it says a user's `roles` and `entitlements` may have."""


@dataclass(frozen=True, slots=True)
class Edit:
    """A value to be among a multi-valued attribute's, or not to be; or whether a user is active."""

    kind: Kind
    id: str
    attribute: Literal["members", "roles", "entitlements", "active"]
    value: str
    wanted: bool

    @property
    def reference(self) -> str:
        """The service's own ids of what this edits."""
        return f"{self.kind}s/{self.id}/{self.attribute}/{self.value}"

    def made_in(self, resource: Json) -> bool:
        if self.attribute == "active":
            return is_active(resource) == self.wanted
        return (self.value in values(resource, self.attribute)) == self.wanted

    def as_patch(self) -> Json:
        if self.attribute == "active":
            return {"op": "replace", "path": "active", "value": self.wanted}
        if self.wanted:
            return {"op": "add", "path": self.attribute, "value": [{"value": self.value}]}
        # Never a `remove` with a value: a service that reads the path alone would remove everybody.
        return {"op": "remove", "path": f"{self.attribute}[value eq {ScimFilter.quote(self.value)}]"}

    def as_whole(self, resource: Json) -> Json:
        """The resource as it is to be, without what only the service writes."""
        whole = {name: value for name, value in resource.items() if name not in ("meta", "groups")}
        if self.attribute == "active":
            return {**whole, "active": self.wanted}
        others = [entry for entry in whole.get(self.attribute) or () if value_of(entry) != self.value]
        return {**whole, self.attribute: [*others, {"value": self.value}] if self.wanted else others}


def values(resource: Json, attribute: str) -> set[str]:
    """The values of a multi-valued attribute."""
    return {value_of(entry) for entry in listed(resource.get(attribute))}


def is_active(user: Json) -> bool:
    """A service that does not say so has active users only."""
    return str(user.get("active", True)).casefold() not in ("false", "none", "0")


def version(resource: Json) -> str | None:
    meta = resource.get("meta")
    return str(meta["version"]) if isinstance(meta, dict) and meta.get("version") else None


def if_match(resource: Json) -> dict[str, str]:
    known = version(resource)
    return {"If-Match": known} if known is not None else {}


def value_of(entry: object) -> str:
    return str(entry.get("value") if isinstance(entry, dict) else entry)


def listed(given: object) -> Sequence[Any]:
    return given if isinstance(given, list) else ()


def compared(resource: Json, attribute: str) -> set[str]:
    if attribute == "externalId":
        return {str(resource.get(attribute))}
    if attribute == "emails":
        return {lowered(value) for value in values(resource, attribute)}
    return {lowered(str(resource.get(attribute)))}


def lowered(text: str) -> str:
    """To compare addresses and names by: not by casefold, to which strasse@ and straße@ are one."""
    return unicodedata.normalize("NFC", text).lower()


def read_offer(config: Json | None, types: Json | None, schemas: Json | None) -> Offered:
    told = {"ServiceProviderConfig": config, "ResourceTypes": types, "Schemas": schemas}
    parts = {name: part for name, part in (config or {}).items() if isinstance(part, dict) and isinstance(part.get("supported"), bool)}
    supported = {name: bool(part["supported"]) for name, part in parts.items()}
    most = parts.get("bulk", {}).get("maxOperations")
    user = next((one for one in listed((schemas or {}).get("Resources")) if isinstance(one, dict) and one.get("id") == User.__schema__), {})
    return Offered(
        patch=supported.get("patch"),
        filter=supported.get("filter"),
        etag=supported.get("etag"),
        bulk=(most if isinstance(most, int) else 2) if supported.get("bulk") else 0,
        described=frozenset(name for name, part in told.items() if part is not None),
        values={name: _canonical(user, name) for name in ("roles", "entitlements")},
    )


def _canonical(schema: Json, attribute: str) -> tuple[str, ...]:
    for one in listed(schema.get("attributes")):
        if isinstance(one, dict) and one.get("name") == attribute:
            for part in listed(one.get("subAttributes")):
                if isinstance(part, dict) and part.get("name") == "value":
                    return tuple(str(value) for value in listed(part.get("canonicalValues")))
    return ()
