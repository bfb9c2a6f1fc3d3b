"""What became of the requests that say they come from Slack: a wrong Signing Secret or clock refuses all of them, and shows nowhere else.

Only requests that carry a signature count: whoever else finds the address sends none.
"""

import hmac
from collections.abc import Callable, Mapping

import structlog
from slack_sdk.signature import SignatureVerifier

log = structlog.get_logger()
SECRET = "FOYER_SLACK_SIGNING_SECRET is not the Signing Secret under Basic Information of this Slack app"  # noqa: S105 - a sentence
CLOCK = "the clock of this machine and Slack's differ by more than five minutes: set it by NTP"
QUIET = 60.0
"""Seconds from one warning to the next."""


def signable(headers: Mapping[str, str]) -> bool:
    """Whether a signature can be compared at all; the library fails on one that cannot. With headers in any case."""
    given = {name.lower(): value for name, value in headers.items()}
    timestamp, signature = given.get("x-slack-request-timestamp", "0"), given.get("x-slack-signature", "")
    return timestamp.isdecimal() and len(timestamp) < 20 and signature.isascii()


class Deliveries:
    """Counts; `monotonic` is in seconds."""

    def __init__(self, signing_secret: str, monotonic: Callable[[], float]) -> None:
        self._verifier = SignatureVerifier(signing_secret) if signing_secret else None
        self._monotonic = monotonic
        self._refused = 0
        self._why = ""
        self._warned: float | None = None

    @property
    def broken(self) -> str | None:
        """Why deliveries are refused; None when none was since the last that was accepted."""
        return f"Slack's last {self._refused} deliveries were refused: {self._why}" if self._refused else None

    def accepted(self) -> None:
        self._refused = 0

    def refused(self, body: str, headers: Mapping[str, str]) -> None:
        """With headers as they came, in any case."""
        given = {name.lower(): value for name, value in headers.items()}
        timestamp, signature = given.get("x-slack-request-timestamp"), given.get("x-slack-signature")
        if self._verifier is None or not timestamp or not signature:
            return
        ours = self._verifier.generate_signature(timestamp=timestamp, body=body) or ""
        self._why = CLOCK if hmac.compare_digest(ours.encode(), signature.encode()) else SECRET
        self._refused += 1
        now = self._monotonic()
        if self._warned is None or now - self._warned >= QUIET:
            self._warned = now
            log.warning("slack_deliveries_refused", since_accepted=self._refused, because=self._why)
