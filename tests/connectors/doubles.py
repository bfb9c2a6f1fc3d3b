"""Doubles that the tests of every chat platform use."""

import asyncio
from dataclasses import dataclass, field

from connectors.errors import Refused


class Seconds:
    """A monotonic clock that stands still until it is moved; `sleep` moves it."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.now

    def forward(self, seconds: float) -> None:
        self.now += seconds

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds
        await asyncio.sleep(0)


@dataclass
class KeptFiles:
    """Implements the Files port."""

    contents: dict[str, bytes] = field(default_factory=dict)

    async def read(self, attachment_id: str) -> bytes:
        if attachment_id not in self.contents:
            raise Refused("gone", attachment_id)
        return self.contents[attachment_id]
