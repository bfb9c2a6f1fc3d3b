"""How fast something may go on: one every so often, with a few at once after a rest. Pure; the time is passed in."""

from collections import OrderedDict
from collections.abc import Hashable

REMEMBERED = 10_000


class Pace:
    """A token bucket a key. `every` is seconds; more than `burst` at once go into debt that is waited off."""

    def __init__(self, every: float, burst: int) -> None:
        self._every = every
        self._rest = every * burst
        self._full_at: OrderedDict[Hashable, float] = OrderedDict()
        """When each key will have its whole burst again."""

    def wait(self, key: Hashable, now: float) -> float:
        """Seconds until one may go; 0 for at once."""
        return max(0.0, round(self._full_at.get(key, now) - now - self._rest + self._every, 3))

    def took(self, key: Hashable, now: float, count: int = 1) -> None:
        self._full_at[key] = max(self._full_at.get(key, now), now) + self._every * count
        self._full_at.move_to_end(key)
        while len(self._full_at) > REMEMBERED:
            self._full_at.popitem(last=False)
