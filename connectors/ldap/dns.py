"""Distinguished names, which servers write in more than one way (RFC 4514). Pure."""

import re
from collections.abc import Iterable, Sequence

from connectors.ldap.client import escaped

AT_ONCE = 50
"""Entries asked for in one filter: servers bound its length."""
_ESCAPE = re.compile(rb"\\([0-9A-Fa-f]{2}|.)", re.DOTALL)
Rdn = tuple[tuple[str, bytes], ...]


def parts(dn: str) -> tuple[Rdn, ...]:
    """Its names from the entry up, each as attributes and plain values. ValueError for what is no dn."""
    return tuple(tuple(_pair(pair) for pair in _split(rdn, "+")) for rdn in _split(dn, ",;")) if dn.strip() else ()


def same(dn: str) -> str:
    """One way to write it, to compare with: case and blanks do not count, as in nearly every attribute that names entries."""
    try:
        return ",".join("+".join(sorted(f"{attribute}={_folded(value)}" for attribute, value in rdn)) for rdn in parts(dn))
    except ValueError:
        return dn.strip().lower()


def named(dns: Iterable[str]) -> Iterable[str]:
    """Filters that find these entries by the first part of their names, which servers have an index for; each for AT_ONCE of them.

    They may find others with such a name elsewhere: compare what is found by `same`.
    """
    filters = []
    for dn in dns:
        try:
            first = parts(dn)[0]
        except (ValueError, IndexError):
            continue
        each = "".join(f"({attribute}={escaped(value)})" for attribute, value in first)
        filters.append(each if len(first) == 1 else f"(&{each})")
    return any_of(filters)


def any_of(filters: Sequence[str]) -> Iterable[str]:
    for at in range(0, len(filters), AT_ONCE):
        yield f"(|{''.join(filters[at : at + AT_ONCE])})"


def _split(text: str, separators: str) -> list[str]:
    """At the separators that are not escaped."""
    pieces, start, at = [], 0, 0
    while at < len(text):
        if text[at] == "\\":
            at += 2
            continue
        if text[at] in separators:
            pieces.append(text[start:at])
            start = at + 1
        at += 1
    return [*pieces, text[start:]]


def _pair(text: str) -> tuple[str, bytes]:
    attribute, equals, value = text.partition("=")
    if not equals or not attribute.strip():
        raise ValueError(f"{text!r} names nothing")
    value = value.strip()
    if value.startswith("#"):
        return attribute.strip().lower(), bytes.fromhex(value[1:])
    # An escaped blank at the end was stripped with those that do not count.
    value = value + " " if value.endswith("\\") and not value.endswith("\\\\") else value
    return attribute.strip().lower(), _ESCAPE.sub(_plain, value.encode())


def _plain(found: "re.Match[bytes]") -> bytes:
    return bytes.fromhex(found[1].decode()) if len(found[1]) == 2 else found[1]


def _folded(value: bytes) -> str:
    return " ".join(value.decode("utf-8", "replace").casefold().split()).replace("\\", "\\\\").replace(",", "\\,").replace("+", "\\+")
