"""When something outside is not asked at all: it failed again and again, or said when to come back. Pure; the monotonic time is passed in.

Each process has its own breakers: one that cannot reach the other side finds out by five calls, which costs less than asking a database
each time.
"""

from dataclasses import dataclass

FAILURES = 5
"""In a row, after which it opens."""
OPEN, LONGEST = 30.0, 300.0
"""Seconds for which it stays open first, and at most: every probe that fails doubles them."""
ASKED_FOR = 3600.0
"""The most seconds that the other side can ask for."""


@dataclass(frozen=True, slots=True)
class Entry:
    """Leave to make one call, to be given back with what came of it. `since`: the state of the breaker that it belongs to."""

    since: int
    probe: bool


class Breaker:
    """Closed: everybody may enter. Open: nobody. After that one probe at a time, whose success closes it.

    What becomes of a call that entered in a former state says nothing of this one.
    """

    def __init__(self) -> None:
        self._state = 0
        self._failures = 0
        self._until: float | None = None
        """When it may be tried again; None while it is closed."""
        self._stays = OPEN
        self._probing = False

    def enter(self, now: float) -> Entry | None:
        """None: it is not to be asked."""
        if self._until is None:
            return Entry(self._state, probe=False)
        if now < self._until or self._probing:
            return None
        self._probing = True
        return Entry(self._state, probe=True)

    def wait(self, now: float) -> float:
        """Seconds until it may be tried again; 0 while a probe runs, or it is closed."""
        return max(0.0, self._until - now) if self._until is not None else 0.0

    @property
    def is_open(self) -> bool:
        return self._until is not None

    def succeeded(self, entry: Entry) -> None:
        if entry.since != self._state:
            return
        self._failures = 0
        if entry.probe:
            self._state += 1
            self._until, self._stays, self._probing = None, OPEN, False

    def failed(self, entry: Entry, now: float, seconds: float | None = None, *, at_once: bool = False) -> None:
        """`seconds`: how long it is known to be in vain, None when it isn't. `at_once`: one such failure is enough."""
        if entry.since != self._state:
            return
        self._failures += 1
        if seconds is not None:
            self._open(now, min(seconds, ASKED_FOR))
        elif entry.probe:
            self._stays = min(2 * self._stays, LONGEST)
            self._open(now, self._stays)
        elif at_once or self._failures >= FAILURES:
            self._open(now, self._stays)

    def left(self, entry: Entry) -> None:
        """Nothing was learnt of the other side: somebody else may probe."""
        if entry.probe and entry.since == self._state:
            self._probing = False

    def _open(self, now: float, seconds: float) -> None:
        self._state += 1
        self._until, self._probing, self._failures = now + seconds, False, 0
