"""Turns while they are thought: how long each may take, and that none goes on when Foyer has stopped."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

import structlog

from bot.database import Sessions

log = structlog.get_logger()
T = TypeVar("T")
LONGEST = 5.0
"""Seconds that the end of what is left is waited for."""
_LOOKS = 0.02


class Thinking:
    """What comes of it counts only while somebody waits: nothing is saved in here."""

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions
        self._under_way: set[asyncio.Task[Any]] = set()

    async def within(self, seconds: float, thinking: Coroutine[Any, Any, T]) -> T:
        """Waits so long and no longer. What is late is left to end by itself, since a transaction that is cut off may keep its lock.

        Raises TimeoutError.
        """
        task = asyncio.create_task(thinking)
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)
        done, _ = await asyncio.wait({task}, timeout=seconds)
        if not done:
            raise TimeoutError
        return task.result()

    async def close(self) -> None:
        """Ends what is left and nobody waits for, each where it is within no transaction."""
        ended: set[asyncio.Task[Any]] = set()
        until = asyncio.get_running_loop().time() + LONGEST
        while self._under_way and asyncio.get_running_loop().time() < until:
            for task in self._under_way - ended:
                if not self._sessions.is_written_by(task):
                    task.cancel()
                    ended.add(task)
            await asyncio.wait(set(self._under_way), timeout=_LOOKS)
        if self._under_way:
            log.error("turns_not_ended", count=len(self._under_way))
