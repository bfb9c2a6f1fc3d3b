"""What differs between directories: which attributes and object classes hold what Foyer knows of people and groups."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

from connectors.ports.data_files import read_yaml

Kind = Literal["openldap", "active_directory"]
UNMAPPED = frozenset({"timezone", "enrolled", "entra_id", "addresses"})
"""What no schema has an attribute for: the operator names one, or there is none.

`enrolled`: the address for recovery. `entra_id`: the object id of the person's Entra account. `addresses`: other addresses of theirs,
as proxyAddresses has them.
"""


@dataclass(frozen=True, slots=True)
class Schema:
    """Attributes by what they hold: name, email, username, manager, title, locale, timezone, country, department, office, enrolled ..."""

    kind: Kind
    key: str
    guid: bool
    """The key is the 16 bytes of a GUID, as Active Directory keeps it (MS-DTYP 2.3.4)."""
    attributes: Mapping[str, str]
    changed: str
    """When the entry was changed, in generalized time."""
    people_filter: str
    group_filter: str
    members: tuple[str, ...]
    """Attributes of groups that hold dns."""
    members_by_name: str | None
    """The one that holds usernames."""
    nested: bool

    def attribute(self, held: str) -> str | None:
        return self.attributes.get(held)


@cache
def declared() -> Mapping[Kind, Mapping[str, Any]]:
    """The schemas as connector.yaml has them."""
    schemas: Mapping[Kind, Mapping[str, Any]] = read_yaml(Path(__file__).with_name("connector.yaml"))["schemas"]
    return schemas


def known_attributes() -> frozenset[str]:
    """What foyer.yaml may name an attribute for."""
    return UNMAPPED.union(*(schema["attributes"] for schema in declared().values()))


def schema_of(kind: Kind, *, key: str | None = None, attributes: Mapping[str, str | None] | None = None) -> Schema:
    """The schema with what foyer.yaml says over it."""
    of = declared()[kind]
    mapped = {**of["attributes"], **(attributes or {})}
    return Schema(
        kind=kind,
        key=key or of["key"],
        guid=bool(of["guid"]) and (key is None or key.lower() == of["key"].lower()),
        attributes={held: attribute for held, attribute in mapped.items() if attribute},
        changed=of["changed"],
        people_filter=of["people_filter"],
        group_filter=of["group_filter"],
        members=tuple(of["members"]),
        members_by_name=of["members_by_name"],
        nested=of["nested"],
    )
