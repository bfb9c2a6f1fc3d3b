"""Confirming on the enrolled channel, outside the chat: a one-time link that proves more than the chat session does. Pure.

The token is derived from the request and a secret, so that a repeated step sends the same link; only its hash is kept.
"""

import hashlib
import hmac
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

LIFETIME = timedelta(minutes=10)

StepUpState = Literal["pending", "passed", "refused", "expired", "withdrawn"]


@dataclass(frozen=True, slots=True)
class StepUp:
    """Waits for the requester on their enrolled channel."""

    token_hash: str
    request_id: str
    attempt: int
    person_id: str
    requested_at: datetime
    expires_at: datetime
    state: StepUpState = "pending"
    decided_at: datetime | None = None

    def open(self, now: datetime) -> bool:
        return self.state == "pending" and now < self.expires_at


StepUpResult = Literal["passed", "refused", "closed"]
"""closed: unknown, used, expired or withdrawn; the page shows the same for all."""


def token(secret: bytes, request_id: str, attempt: int) -> str:
    return hmac.new(secret, f"step-up:{request_id}:{attempt}".encode(), hashlib.sha256).hexdigest()


def hashed(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
