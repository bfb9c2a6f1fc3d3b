"""A bound on how fast one person may write: a bucket a person, refilled evenly; and on how often they hear of it."""

from collections.abc import Callable, Hashable

TELLS_EVERY = 60.0
"""Seconds."""
KEPT = 10_000
"""Buckets that are kept before those are looked for that need not be."""


class RateLimit:
    """`now` returns seconds of a clock that never goes back. A full bucket holds one minute's worth."""

    def __init__(self, per_minute: int, now: Callable[[], float]) -> None:
        self._per_minute = per_minute
        self._now = now
        self._buckets: dict[str, tuple[float, float]] = {}
        self._most = KEPT
        self._told: dict[tuple[str, Hashable], tuple[float, str]] = {}

    def allows(self, person_id: str) -> bool:
        at, left = self._buckets.get(person_id, (self._now(), float(self._per_minute)))
        now = self._now()
        left = min(float(self._per_minute), left + (now - at) * self._per_minute / 60)
        allowed = left >= 1
        self._buckets[person_id] = (now, left - 1 if allowed else left)
        if len(self._buckets) > self._most:
            self._forget_full(now)
        return allowed

    def _forget_full(self, now: float) -> None:
        """A bucket that is full again says no more than none; without this, whoever comes from ever new places fills the memory."""
        self._buckets = {
            key: (at, left) for key, (at, left) in self._buckets.items() if left + (now - at) * self._per_minute / 60 < self._per_minute
        }
        self._most = max(KEPT, 2 * len(self._buckets))

    def tells(self, person_id: str, room: Hashable, message_id: str) -> bool:
        """Whether they are told in this room, by this message, that it was too fast: once a minute, or the room would be full of it.
        A message whose turn is repeated tells again."""
        now = self._now()
        self._told = {key: told for key, told in self._told.items() if now - told[0] < TELLS_EVERY}
        return self._told.setdefault((person_id, room), (now, message_id))[1] == message_id
