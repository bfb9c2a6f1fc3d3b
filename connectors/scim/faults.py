"""What an answer or its absence means: the error table of SCIM over HTTP. Pure.

How far a request got decides: before it was sent it certainly had no effect; after that a change may have had one, also when the
answer is a 5xx. What a service writes about people never gets into an error.
"""

import json
import re
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final

from connectors.calling.transport import system_said
from connectors.errors import ConnectorError, OutcomeUnknown, Refused, Retry
from connectors.ports.secrets import without_secrets

_OVERLOADED: Final = (408, 500, 502, 503, 504)
_NAMES_SOMEBODY: Final = re.compile(r"\"[^\"]*\"|'[^']*'|\S+@\S+")


class Rejected(Refused):
    """The service answered that it will not do this. `status` is HTTP's; `scim_type` RFC 7644's word for why, "" without one."""

    def __init__(self, code: str, detail: str, status: int, scim_type: str) -> None:
        super().__init__(code, detail)
        self.status = status
        self.scim_type = scim_type


@dataclass(frozen=True, slots=True)
class Asked:
    """A request. `sent`: it may have arrived."""

    method: str
    path: str
    sent: bool = True

    @property
    def what(self) -> str:
        return f"{self.method} {self.path}"

    def lost(self, code: str, why: str, after: float | None = None) -> Retry:
        """No answer that says what became of it."""
        changing = self.sent and self.method != "GET"
        return (OutcomeUnknown if changing else Retry)(code, f"{self.what}: {why}", after)


def no_answer(asked: Asked, error: BaseException) -> Retry:
    """What a failure of the transport means. `error` is httpx2's, or a TimeoutError."""
    tls = _tls_error(error)
    if isinstance(tls, ssl.SSLCertVerificationError):
        return Retry("bad_certificate", f"url: {tls.verify_message}")
    late = "no answer in time" if isinstance(error, TimeoutError) or "Timeout" in type(error).__name__ else None
    if not asked.sent:
        why = late or system_said(error) or type(error).__name__ if tls is None else f"TLS: {tls.reason}"
        return Retry("unreachable", f"url: {asked.what} was not sent: {why}")
    if late is not None:
        return asked.lost("timeout", late)
    return asked.lost("connection_lost", type(error).__name__)


def failure(asked: Asked, status: int, headers: Mapping[str, str], body: bytes, now: datetime) -> ConnectorError:
    """What an answer means that is no 2xx. `headers` by names in lower case, or any case-insensitive mapping."""
    scim_type, said = _said(body)
    what = " ".join(filter(None, (asked.what, "answered", str(status), scim_type, said)))
    after = retry_after(headers.get("retry-after"), now)
    match status:
        case 401:
            return Retry("bad_credentials", f"the service does not take the credentials: {what}")
        case 403:
            return Refused("not_permitted", f"the service does not let these credentials {asked.what}: {what}")
        case 429:
            return Retry("rate_limited", what, after)
        case _ if status < 400:
            return Retry("misconfigured", f"url: {asked.what} leads elsewhere ({status}), and credentials are not sent there")
        case _ if status in _OVERLOADED or status > 504:
            return asked.lost("unavailable", what, after)
        case _:
            return Rejected("rejected", what, status, scim_type)


def retry_after(value: str | None, now: datetime) -> float | None:
    """Seconds of a Retry-After, which is seconds or a date; None without one that can be read."""
    if value is None:
        return None
    if value.isascii() and value.strip().isdecimal():
        return float(value)
    until = http_date(value)
    return None if until is None else max(0.0, (until - now).total_seconds())


def http_date(value: str | None) -> datetime | None:
    try:
        read = parsedate_to_datetime(value or "")
    except ValueError:
        return None
    return read if read.tzinfo else read.replace(tzinfo=UTC)


def _tls_error(error: BaseException | None) -> ssl.SSLError | None:
    """What httpx2 wraps."""
    while error is not None and not isinstance(error, ssl.SSLError):
        error = error.__cause__ or error.__context__
    return error


def _said(body: bytes) -> tuple[str, str]:
    """The scimType and the detail of a SCIM error, the latter without whom and what it quotes."""
    try:
        error = json.loads(body)
    except ValueError:
        return "", ""
    if not isinstance(error, dict):
        return "", ""
    scim_type, detail = (str(error.get(name) or "") for name in ("scimType", "detail"))
    return scim_type[:40], without_secrets(_NAMES_SOMEBODY.sub("...", detail))[:200]
