"""Work that is done again and again while Foyer runs: when it is woken, and now and then by itself.

A loop is stopped between two rounds, never in the middle of one: a transaction that is cut off may keep its lock.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

import structlog

log = structlog.get_logger()
AFTER_FAILURE = 1.0
"""Seconds before a round that failed is tried again."""

Work = Callable[[], Awaitable[float | None]]
"""One round. Returns the seconds until there is more to do, None when only a wake-up would bring any."""


async def steps(name: str, *parts: Callable[[], Awaitable[object]]) -> None:
    """One after another; what breaks is logged and keeps none of the others waiting."""
    for number, part in enumerate(parts):
        try:
            await part()
        except Exception:
            log.exception("step_failed", loop=name, step=number)


class Loop:
    """`longest`: seconds after which a round is done even if nobody woke it."""

    def __init__(self, name: str, work: Work, longest: float) -> None:
        self._name = name
        self._work = work
        self._longest = longest
        self._woken = asyncio.Event()
        self._stopping = False
        self._task: asyncio.Task[None] | None = None

    def start(self, after: float = 0.0) -> None:
        """`after`: seconds before the first round, unless it is woken."""
        self._task = asyncio.create_task(self._run(after))

    def wake(self) -> None:
        self._woken.set()

    async def stop(self, patience: float) -> None:
        """Lets the running round come to its end for `patience` seconds."""
        self._stopping = True
        self._woken.set()
        if self._task is not None:
            await asyncio.wait({self._task}, timeout=patience)
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    async def _run(self, after: float) -> None:
        if after > 0:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._woken.wait(), after)
        while not self._stopping:
            self._woken.clear()
            try:
                pause = await self._work()
            except Exception:  # a round that breaks is logged and repeated: the other loops never notice
                log.exception("round_failed", loop=self._name)
                pause = AFTER_FAILURE
            with suppress(TimeoutError):
                await asyncio.wait_for(self._woken.wait(), self._longest if pause is None else min(pause, self._longest))
