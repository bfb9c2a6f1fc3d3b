"""What can go wrong with a call, ordered by a test beforehand."""

import asyncio
from dataclasses import dataclass, field

KINDS = ("rate_limited", "server_error", "apply_then_500", "time_out", "apply_then_time_out", "cut", "dead_stream")


@dataclass(slots=True)
class Fault:
    """The next `times` calls of `method` ("*": any), once `skip` more have passed, go wrong in this way."""

    method: str
    kind: str
    times: int
    after: float
    """Seconds that Retry-After names."""
    skip: int
    hits: int = 0
    released: asyncio.Event = field(default_factory=asyncio.Event)

    def release(self) -> None:
        """Lets go of the calls that never got an answer; their connections are closed."""
        self.released.set()


class Faults:
    def __init__(self) -> None:
        self._faults: list[Fault] = []

    def add(self, method: str, kind: str, times: int, after: float, skip: int) -> Fault:
        if kind not in KINDS and not kind.startswith("error:"):
            raise ValueError(kind)
        self._faults.append(Fault(method, kind, times, after, skip))
        return self._faults[-1]

    def take(self, method: str) -> Fault | None:
        for fault in self._faults:
            if fault.method not in (method, "*") or fault.hits >= fault.times:
                continue
            if fault.skip:
                fault.skip -= 1
                continue
            fault.hits += 1
            return fault
        return None

    def release(self) -> None:
        for fault in self._faults:
            fault.release()

    def clear(self) -> None:
        self.release()
        self._faults.clear()
