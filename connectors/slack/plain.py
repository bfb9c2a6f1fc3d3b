"""Slack's way of writing a message, as people read it: no ids, no escapes, links with their address."""

import re
from collections.abc import Mapping

LONGEST = 40_000
"""Characters; Slack itself cuts a message there."""

_MARK = re.compile(r"<([^<>]*)>")
_ENTITIES = (("&lt;", "<"), ("&gt;", ">"), ("&amp;", "&"))


def plain(text: str, *, me: str = "", names: Mapping[str, str] | None = None) -> str:
    """What somebody wrote. The mention of the bot itself (`me`, a user id) is taken out; `names` are of people, by user id."""
    known = names or {}
    cleaned = _MARK.sub(lambda found: _readable(found.group(1), me, known), text)
    for entity, character in _ENTITIES:
        cleaned = cleaned.replace(entity, character)
    return cleaned.strip()[:LONGEST]


def mentions(text: str, user: str) -> bool:
    """Whether this user is mentioned."""
    return bool(user) and re.search(rf"<@{re.escape(user)}(\|[^<>]*)?>", text) is not None


def names_others(text: str, me: str) -> bool:
    """Whether it mentions people, and us not."""
    named = {user.partition("|")[0] for user in re.findall(r"<@([^<>]*)>", text)}
    return bool(named) and me not in named


def _readable(mark: str, me: str, names: Mapping[str, str]) -> str:
    target, _, label = mark.partition("|")
    match target[:1]:
        case "@":
            user = target[1:]
            return "" if user == me else "@" + (names.get(user) or label or "someone")
        case "#":
            return "#" + (label or "channel")
        case "!":
            return _special(target[1:], label)
    address = target.removeprefix("mailto:").removeprefix("tel:")
    if target != address:
        return label or address
    shown = label in ("", address, address.partition("://")[2].rstrip("/"))
    return address if shown else f"{label} ({address})"


def _special(name: str, label: str) -> str:
    if name in ("here", "channel", "everyone"):
        return "@" + name
    return label or "@group"
