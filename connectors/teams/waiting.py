"""Answers that are given while somebody waits for them: Teams wants a form, or the changed card, in the response to a press.

The press is recorded as everything else is, and the bot answers through the outbox; whoever holds the request open waits here
for that answer, for a short while. What comes later is shown as any other message.
"""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

Card = dict[str, Any]
"""An Adaptive Card."""


def changing(tenant: str, message_id: str) -> str:
    """The name of a message that will be changed."""
    return f"message:{tenant}:{message_id}"


def opening(tenant: str, activity_id: str) -> str:
    """The name of a form that this has opened, its surface."""
    return f"task:{tenant}:{activity_id}"


@dataclass(slots=True)
class Expected:
    """One answer that is waited for."""

    _card: "asyncio.Future[Card | None]" = field(default_factory=lambda: asyncio.get_running_loop().create_future())

    async def within(self, seconds: float) -> Card | None:
        """None when it has not come by then, or is no card."""
        done, _ = await asyncio.wait({self._card}, timeout=seconds)
        return self._card.result() if done else None

    def fulfil(self, card: Card | None) -> None:
        if not self._card.done():
            self._card.set_result(card)


class Waiting:
    """By name: see `opening`, `changing`."""

    def __init__(self) -> None:
        self._expected: dict[str, list[Expected]] = {}

    @contextmanager
    def expect(self, name: str) -> Iterator[Expected]:
        """While the block runs, the first card shown under this name is caught."""
        expected = Expected()
        self._expected.setdefault(name, []).append(expected)
        try:
            yield expected
        finally:
            self._expected[name].remove(expected)
            if not self._expected[name]:
                del self._expected[name]

    def show(self, name: str, card: Card | None) -> bool:
        """Whether anybody waits for it. None: what they wait for has come, and has no card."""
        waiting = self._expected.get(name, [])
        for expected in waiting:
            expected.fulfil(card)
        return bool(waiting)
