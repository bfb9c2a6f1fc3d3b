"""Work that is done again and again while Foyer runs: when it is woken, and now and then by itself.

A loop is stopped between two rounds, never in the middle of one: a transaction that is cut off may keep its lock.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

import structlog

from connectors.errors import ConnectorError, Retry

log = structlog.get_logger()
AFTER_FAILURE = 1.0
"""Seconds before a round that failed is tried again."""
PUT_OFF, LONGEST_PUT_OFF = 2.0, 30.0
"""Seconds before one that a system outside kept from being done is, doubled each time up to the most, however often it is woken."""

Work = Callable[[], Awaitable[float | None]]
"""One round. Returns the seconds until there is more to do, None when only a wake-up would bring any."""


async def steps(name: str, *parts: Callable[[], Awaitable[object]]) -> None:
    """One after another; what breaks is logged and keeps none of the others waiting."""
    for number, part in enumerate(parts):
        try:
            await part()
        except ConnectorError as error:
            log.warning("step_put_off", loop=name, step=number, code=error.code)
        except Exception:
            log.exception("step_failed", loop=name, step=number)


class Loop:
    """`longest`: seconds after which a round is done even if nobody woke it."""

    def __init__(self, name: str, work: Work, longest: float) -> None:
        self._name = name
        self._work = work
        self._longest = longest
        self._woken = asyncio.Event()
        self._stopping = asyncio.Event()
        self._put_off = 0
        """Rounds in a row that a system outside kept from being done."""
        self._task: asyncio.Task[None] | None = None

    def start(self, after: float = 0.0) -> None:
        """`after`: seconds before the first round, unless it is woken."""
        self._task = asyncio.create_task(self._run(after))

    def wake(self) -> None:
        self._woken.set()

    async def stop(self, patience: float) -> None:
        """Lets the running round come to its end for `patience` seconds."""
        self._stopping.set()
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
        while not self._stopping.is_set():
            self._woken.clear()
            try:
                pause = await self._work()
            except ConnectorError as error:
                pause = self._after(error)
                log.warning("round_put_off", loop=self._name, code=error.code, seconds=pause)
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._stopping.wait(), pause)
                continue
            except Exception:  # a round that breaks is logged and repeated: the other loops never notice
                log.exception("round_failed", loop=self._name)
                pause = AFTER_FAILURE
            self._put_off = 0
            with suppress(TimeoutError):
                await asyncio.wait_for(self._woken.wait(), self._longest if pause is None else min(pause, self._longest))

    def _after(self, error: ConnectorError) -> float:
        """Seconds until a system is asked again: it says so itself, or is left alone a while longer each time."""
        grown = PUT_OFF * 2.0 ** min(self._put_off, 8)
        self._put_off += 1
        asked = error.after if isinstance(error, Retry) and error.after is not None else 0.0
        return min(max(grown, asked), LONGEST_PUT_OFF)
