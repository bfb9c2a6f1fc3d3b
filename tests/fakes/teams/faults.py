"""What can go wrong with a call, ordered by a test beforehand."""

from dataclasses import dataclass
from typing import Literal, get_args

Method = Literal[
    "send", "update", "delete", "create", "stream_start", "stream_chunk", "stream_final", "members", "member", "team", "graph",
    "download", "upload", "*",
]  # fmt: skip


@dataclass(slots=True)
class Fault:
    """The next `times` calls of `method`, once `skip` more have passed, go wrong in this way."""

    method: str
    status: int
    times: int
    code: str
    message: str
    retry_after: float | None
    apply_first: bool
    """It takes effect all the same."""
    cut: bool
    """The connection is closed without an answer."""
    skip: int
    conversation: str
    """Calls about this one alone; "" for all."""
    hits: int = 0


CODES = {
    401: ("Unauthorized", "Authorization has been denied for this request."),
    403: ("BotNotInConversationRoster", "The bot is not part of the conversation roster."),
    404: ("ConversationNotFound", "Conversation not found."),
    412: ("PreconditionFailed", "Precondition failed, please try again."),
    413: ("MessageSizeTooBig", "Message size too large."),
    429: ("Throttled", "Too many requests."),
    500: ("ServiceError", "Unknown"),
    502: ("BadGateway", "Bad gateway"),
    503: ("ServiceUnavailable", "Service unavailable"),
    504: ("GatewayTimeout", "Gateway timeout"),
}


class Faults:
    def __init__(self) -> None:
        self._faults: list[Fault] = []

    def add(
        self, method: str, times: int, *, status: int, code: str, message: str, retry_after: float | None, apply_first: bool, cut: bool,
        skip: int, conversation: str = "",
    ) -> Fault:  # fmt: skip
        if method not in get_args(Method):
            raise ValueError(method)
        usual = CODES.get(status, ("BadSyntax", "Bad request"))
        fault = Fault(method, status, times, code or usual[0], message or usual[1], retry_after, apply_first, cut, skip, conversation)
        self._faults.append(fault)
        return fault

    def take(self, method: str, about: str = "") -> Fault | None:
        """`about`: a conversation, or what the call names instead of one."""
        for fault in self._faults:
            if fault.method not in (method, "*") or fault.hits >= fault.times or fault.conversation not in ("", about.partition(";")[0]):
                continue
            if fault.skip:
                fault.skip -= 1
                continue
            fault.hits += 1
            return fault
        return None

    def clear(self) -> None:
        self._faults.clear()
