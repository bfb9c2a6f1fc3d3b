"""What a process keeps in memory of late, within bounds."""

from collections import OrderedDict
from typing import TypeVar

K = TypeVar("K")
V = TypeVar("V")
REMEMBERED = 5_000


def remember(kept: OrderedDict[K, V], key: K, value: V, most: int = REMEMBERED) -> None:
    """The oldest makes room."""
    kept[key] = value
    kept.move_to_end(key)
    if len(kept) > most:
        kept.popitem(last=False)
