"""Work that fulfilment repeats: when it is woken, and now and then by itself.

It stops between two rounds, never in the middle of one: a transaction that is cut off may keep its lock.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

import structlog

log = structlog.get_logger()


class Rounds:
    """`longest`: seconds after which a round is done even if nobody woke it; `again`: the wait after one that fell short.

    A round returns False when it left something that is to be tried again. What it raises is logged, and counts as that.
    """

    def __init__(self, name: str, work: Callable[[], Awaitable[bool]], *, longest: float, again: float) -> None:
        self._name = name
        self._work = work
        self._longest = longest
        self._again = again
        self._woken = asyncio.Event()
        self._stopping = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._stopping.clear()
        self._task = asyncio.create_task(self._run())

    def wake(self) -> None:
        self._woken.set()

    async def stop(self, patience: float) -> None:
        """Lets the running round come to its end for `patience` seconds."""
        self._stopping.set()
        self._woken.set()
        task, self._task = self._task, None
        if task is not None:
            await asyncio.wait({task}, timeout=patience)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def _run(self) -> None:
        while not self._stopping.is_set():
            self._woken.clear()
            try:
                enough = await self._work()
            except Exception as error:
                log.warning("round_failed", rounds=self._name, error=type(error).__name__)
                enough = False
            with suppress(TimeoutError):
                await asyncio.wait_for(self._woken.wait() if enough else self._stopping.wait(), self._longest if enough else self._again)
