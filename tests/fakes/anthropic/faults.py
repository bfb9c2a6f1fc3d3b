"""The ways in which the fake Messages API does not answer as it should."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Kind = Literal["disconnect", "hang", "status", "page", "malformed_json", "malformed_event", "error", "cut", "refusal", "max_tokens", "slow"]


@dataclass(frozen=True)
class Fault:
    """What a brain returns instead of a result. Made by the functions below it."""

    kind: Kind
    result: Any = None
    """What it says until it breaks; for `slow`, all of it."""
    seconds: float = 0.0
    status: int = 200
    type: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    events: int = 0

    @staticmethod
    def disconnect() -> "Fault":
        """The connection is closed without an answer."""
        return Fault("disconnect")

    @staticmethod
    def hang(seconds: float = 30.0) -> "Fault":
        """Nothing comes for so long; then the connection is closed."""
        return Fault("hang", seconds=seconds)

    @staticmethod
    def failed(status: int, type: str = "api_error", **headers: str) -> "Fault":
        """An error's status and JSON: 429 with rate_limit_error and, if wanted, retry_after="7"; 500; 529 with overloaded_error."""
        return Fault("status", status=status, type=type, headers={name.replace("_", "-"): value for name, value in headers.items()})

    @staticmethod
    def page(status: int = 200) -> "Fault":
        """What a proxy in between might say."""
        return Fault("page", status=status)

    @staticmethod
    def malformed_json(result: Any = None) -> "Fault":
        """The result's own JSON is broken."""
        return Fault("malformed_json", result)

    @staticmethod
    def malformed_event(events: int = 3) -> "Fault":
        """After so many events comes one whose data is no JSON."""
        return Fault("malformed_event", events=events)

    @staticmethod
    def error(type: str = "overloaded_error", result: Any = None, *, events: int = 4) -> "Fault":
        """After so many events comes one that says `error`."""
        return Fault("error", result, type=type, events=events)

    @staticmethod
    def cut(result: Any = None, *, events: int = 4) -> "Fault":
        """After so many events the connection is closed."""
        return Fault("cut", result, events=events)

    @staticmethod
    def refusal(result: Any = None) -> "Fault":
        return Fault("refusal", result)

    @staticmethod
    def max_tokens(result: Any = None) -> "Fault":
        """Half of the result, and it may say no more."""
        return Fault("max_tokens", result)

    @staticmethod
    def slow(result: Any, seconds: float) -> "Fault":
        """So long before each piece."""
        return Fault("slow", result, seconds=seconds)
