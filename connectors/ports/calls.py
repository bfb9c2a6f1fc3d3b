"""What is known of a call to a system outside: for the audit, for whoever operates Foyer, and for whoever sets it up."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from connectors.ports.records import Json


@dataclass(frozen=True, slots=True)
class Call:
    """One call of a port, all its tries together.

    `reference`: the outside system's own id of what was done, None of what was only read. `came_to`: "changed", "unchanged" (it was
    so already), "read", or the code of the error.
    """

    connector: str
    operation: str
    came_to: str
    milliseconds: int
    tries: int
    reference: str | None = None

    def as_json(self) -> dict[str, Json]:
        return {
            "connector": self.connector,
            "operation": self.operation,
            "came_to": self.came_to,
            "milliseconds": self.milliseconds,
            "tries": self.tries,
            "reference": self.reference,
        }


_recorded: ContextVar[list[Call] | None] = ContextVar("recorded_calls", default=None)


@contextmanager
def recording() -> Iterator[list[Call]]:
    """The calls that are made inside, in their order, in the tasks started there too."""
    calls: list[Call] = []
    token = _recorded.set(calls)
    try:
        yield calls
    finally:
        _recorded.reset(token)


def as_json(calls: Iterable[Call]) -> list[Json]:
    """For an event of the audit."""
    return [call.as_json() for call in calls]


def record(call: Call) -> None:
    calls = _recorded.get()
    if calls is not None:
        calls.append(call)


@dataclass(frozen=True, slots=True)
class CallRules:
    """How a system is called. `timeout`: seconds for one try; `retries`: of reads, `wait` seconds apart, doubled each time."""

    timeout: float = 10.0
    retries: int = 2
    wait: float = 0.2


@dataclass(frozen=True, slots=True)
class Finding:
    """What a connector's own check found: `name` (reach, credentials, rights, clock ...), and how to mend it where it is not ok."""

    name: str
    ok: bool
    found: str
    mend: str = ""
