"""Who is sitting in front of the web chat: the sandbox sign-in, and the signed cookie that remembers it.

The cookie holds an address and a time, nothing else: roles and groups are asked for anew at every request, so that somebody who
leaves a group loses its room at once.
"""

import base64
import hashlib
import hmac
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from connectors.web.channel import group_room, own_room

LIFETIME = timedelta(hours=12)


@dataclass(frozen=True, slots=True)
class Candidate:
    """Somebody one may become at the sandbox sign-in. `note` says what they are for ("Manager of Dana and Omar")."""

    external_id: str
    name: str
    title: str = ""
    country: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class SignedIn:
    """Somebody as the sign-in knows them now. `external_id` is their address in lower case."""

    external_id: str
    name: str
    roles: frozenset[str] = frozenset()
    groups: frozenset[str] = frozenset()
    picture: str | None = None

    @property
    def own_room(self) -> str:
        return own_room(self.external_id)

    @property
    def group_rooms(self) -> frozenset[str]:
        return frozenset(group_room(group) for group in self.groups)

    @property
    def rooms(self) -> frozenset[str]:
        return self.group_rooms | {self.own_room}


class SignIn(Protocol):
    """The sandbox's sign-in: one chooses who one is. May raise `connectors.errors.Retry`."""

    @property
    def sandbox(self) -> bool:
        """Whether the people are the sandbox company's."""

    async def people(self, text: str, *, limit: int = 20) -> Sequence[Candidate]:
        """Whom one may become: the well-known ones first when `text` is empty, else the best matches."""

    async def verify(self, email: str) -> SignedIn | None:
        """The active person with this address, with the roles and groups they have now."""


def cookie_name(secret: bytes) -> str:
    """Of one installation: cookies ignore ports, and two demos on one machine must not sign each other out."""
    return "foyer_" + hashlib.sha256(b"name" + secret).hexdigest()[:8]


def seal(external_id: str, secret: bytes, now: datetime) -> str:
    body = json.dumps({"sub": external_id, "iat": int(now.timestamp())}).encode()
    return _encode(body) + "." + _encode(_mac(body, secret))


def unseal(cookie: str, secret: bytes, now: datetime) -> str | None:
    """Whose cookie it is; None when it was not sealed by us or has run out."""
    head, dot, tail = cookie.partition(".")
    try:
        body, mac = _decode(head), _decode(tail)
    except ValueError:
        return None
    if not dot or not hmac.compare_digest(mac, _mac(body, secret)):
        return None
    content = json.loads(body)
    age = now.timestamp() - content["iat"]
    return str(content["sub"]) if -60 <= age <= LIFETIME.total_seconds() else None


def _mac(body: bytes, secret: bytes) -> bytes:
    return hmac.new(secret, b"foyer session\0" + body, hashlib.sha256).digest()


def _encode(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def _decode(text: str) -> bytes:
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
