"""What people read when a system outside does not do what it should, and whether it is worth another try. Pure."""

from collections.abc import Sequence
from typing import Final

from connectors.calling.codes import BREAKER_OPEN, DOWN, FOR_OPERATOR, cause
from connectors.errors import ConnectorError, NeedsHuman, Retry
from specialists.request import EventKind, RequestEvent

_ACCOUNT: Final = frozenset(("no_account", "account_inactive", "no_user_name", "user_name_taken"))
"""An account in the application that only people can make, activate or name."""
_BUSY: Final = frozenset(("rate_limited", BREAKER_OPEN, "conflict", "not_ready"))


def passes(error: Exception) -> bool:
    """Whether a turn that this broke may go well a moment later. A system that hangs would keep the person waiting as long again."""
    if not isinstance(error, ConnectorError):
        return True
    return isinstance(error, Retry) and error.code != "timeout" and cause(error) not in FOR_OPERATOR


def asks_to_wait(error: Exception) -> float | None:
    """Seconds after which whoever was asked wants to be asked again, None where nobody says so. An open breaker does not, since it may
    stay open for longer than a person waits for a word; nor does what an operator has to mend."""
    if not isinstance(error, Retry) or error.code == BREAKER_OPEN or cause(error) in FOR_OPERATOR:
        return None
    return error.after


def given_up(error: Exception | None) -> str:
    """The message for somebody whose turn came to nothing."""
    if isinstance(error, NeedsHuman) and error.code == "ambiguous":
        return "turn.ambiguous"
    match _kind(cause(error)) if isinstance(error, ConnectorError) else None:
        case "set_up":
            return "turn.not_set_up"
        case "down":
            return "turn.down"
    return "turn.failed"


def failed(events: Sequence[RequestEvent]) -> str:
    """The message for somebody whose request failed, by all that happened to it."""
    event = next((one for one in reversed(events) if one.kind is EventKind.FAILED), None)
    steps = [one for one in events if one.kind is EventKind.STEP_FAILED]
    taken_back = {one.data["n"] for one in events if one.kind is EventKind.COMPENSATED}
    if any(one.data.get("perhaps") and one.data["n"] not in taken_back for one in steps):
        return "handoff.opened.unknown"
    return _told(str(event.data.get("code", "")) if event is not None else "") or "handoff.opened.failed"


def left(event: RequestEvent) -> str:
    """The message for somebody whose request was left to people."""
    return _told(str(event.data.get("reason", ""))) or "handoff.opened.policy"


def _told(code: str) -> str | None:
    match _kind(code):
        case "set_up":
            return "handoff.opened.not_set_up"
        case "down":
            return "handoff.opened.down"
        case "ambiguous":
            return "handoff.opened.ambiguous"
        case "account":
            return "handoff.opened.account"
    return None


def _kind(code: str) -> str | None:
    if code in FOR_OPERATOR or code == "not_served":
        return "set_up"
    if code in DOWN or code in _BUSY:
        return "down"
    if code in _ACCOUNT:
        return "account"
    return "ambiguous" if code == "ambiguous" else None
