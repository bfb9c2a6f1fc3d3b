"""A directory in memory that knows filters, for what stands above the client."""

import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from connectors.errors import Retry
from connectors.ldap import dns
from connectors.ldap.client import Entry
from connectors.ldap.settings import LdapSettings

PEOPLE, GROUPS = "ou=people,dc=acme,dc=example", "ou=groups,dc=acme,dc=example"
NOW = datetime(2026, 11, 21, 14, 0, tzinfo=UTC)


class Clock:
    def __init__(self, now: datetime = NOW) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def forward(self, **by: float) -> None:
        self.now += timedelta(**by)


def settings(**over: Any) -> LdapSettings:
    given: dict[str, Any] = {
        "url": "ldap://127.0.0.1",
        "schema": "openldap",
        "bind_dn": "cn=foyer",
        "password": "its-own",
        "people": {"base": PEOPLE},
        "groups": {"base": GROUPS},
        "key": "employeeNumber",
    }
    return LdapSettings(**{**given, **over})


def entry(dn: str, **attributes: str | bytes | Sequence[str | bytes]) -> Entry:
    return Entry(
        dn, {name.lower(): tuple(map(_raw, [value] if isinstance(value, str | bytes) else value)) for name, value in attributes.items()}
    )


def person(uid: str, key: str | None = None, **more: Any) -> Entry:
    own = {"employeeNumber": key} if key else {}
    told: dict[str, Any] = {"objectClass": "inetOrgPerson", "uid": uid, "cn": uid.title(), "mail": f"{uid}@acme.example", **own, **more}
    return entry(f"uid={uid},{PEOPLE}", **told)


def group(cn: str, *members: str, **more: Any) -> Entry:
    return entry(f"cn={cn},{GROUPS}", objectClass="groupOfNames", cn=cn, member=members, **more)


class Tree:
    """In place of `LdapClient`. `asked`: every filter; `down`: raised by whatever is asked next."""

    def __init__(self, *entries: Entry) -> None:
        self.entries = list(entries)
        self.asked: list[str] = []
        self.down: Retry | None = None

    async def search(
        self, base: str, filter: str, attributes: Sequence[str], *, scope: str = "subtree", most: int | None = None
    ) -> list[Entry]:
        self.asked.append(filter)
        if self.down is not None:
            raise self.down
        within = [one for one in self.entries if dns.same(one.dn).endswith(dns.same(base))]
        found = [one for one in within if _fits(_parsed(filter), one)]
        names = {name.lower() for name in attributes}
        told = [Entry(one.dn, {name: values for name, values in one.attributes.items() if name in names}) for one in found]
        return told[:most]

    async def read(self, dn: str, attributes: Sequence[str]) -> Entry | None:
        found = [one for one in await self.search(dn, "(objectClass=*)", attributes) if dns.same(one.dn) == dns.same(dn)]
        return found[0] if found else None

    def replace(self, changed: Entry) -> None:
        self.remove(changed.dn)
        self.entries.append(changed)

    def remove(self, dn: str) -> None:
        self.entries = [one for one in self.entries if one.dn != dn]


def _raw(value: str | bytes) -> bytes:
    return value.encode() if isinstance(value, str) else value


Node = tuple[str, Any]


def _parsed(filter: str) -> Node:
    node, rest = _node(filter)
    assert not rest, rest
    return node


def _node(text: str) -> tuple[Node, str]:
    assert text.startswith("("), text
    if text[1] in "&|!":
        inner, rest = [], text[2:]
        while rest.startswith("("):
            node, rest = _node(rest)
            inner.append(node)
        return (text[1], inner), rest[1:]
    end = text.index(")")
    return ("match", text[1:end]), text[end + 1 :]


def _fits(node: Node, one: Entry) -> bool:
    kind, inner = node
    match kind:
        case "&":
            return all(_fits(each, one) for each in inner)
        case "|":
            return any(_fits(each, one) for each in inner)
        case "!":
            return not _fits(inner[0], one)
    compared = re.fullmatch(r"(?P<name>[\w-]+)(?P<how>>=|=)(?P<value>.*)", inner)
    assert compared is not None, inner
    values, wanted = one.attributes.get(compared["name"].lower(), ()), _unescaped(compared["value"])
    if compared["how"] == ">=":
        return any(value >= wanted for value in values)
    if compared["value"] == "*":
        return bool(values)
    # As servers compare: without regard to case, and some without regard to accents.
    return any(_loosely(value) == _loosely(wanted) for value in values)


def _loosely(value: bytes) -> bytes:
    return value.lower().replace("é".encode(), b"e")


def _unescaped(text: str) -> bytes:
    return b"".join(_bytes(text))


def _bytes(text: str) -> Iterator[bytes]:
    for found in re.finditer(r"\\([0-9a-f]{2})|(.)", text):
        yield bytes.fromhex(found[1]) if found[1] else found[2].encode()
