"""A bound on how fast one person may write: a bucket a person, refilled evenly."""

from collections.abc import Callable


class RateLimit:
    """`now` returns seconds of a clock that never goes back. A full bucket holds one minute's worth."""

    def __init__(self, per_minute: int, now: Callable[[], float]) -> None:
        self._per_minute = per_minute
        self._now = now
        self._buckets: dict[str, tuple[float, float]] = {}

    def allows(self, person_id: str) -> bool:
        at, left = self._buckets.get(person_id, (self._now(), float(self._per_minute)))
        now = self._now()
        left = min(float(self._per_minute), left + (now - at) * self._per_minute / 60)
        allowed = left >= 1
        self._buckets[person_id] = (now, left - 1 if allowed else left)
        return allowed
