"""Threads for work that blocks and may hang for good, such as the look-up of a name, which nothing can wake.

`ThreadPoolExecutor` is joined when the process ends, however long that takes; these threads end with the process.
"""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import Any, TypeVar

T = TypeVar("T")
Job = tuple["Future[Any]", Callable[[], Any]]


class Threads:
    """At most `most` at once; further work waits. Called from the loop's thread alone."""

    def __init__(self, most: int, name: str) -> None:
        self._most = most
        self._name = name
        self._jobs: SimpleQueue[Job | None] = SimpleQueue()
        self._idle = threading.Semaphore(0)
        self._started = 0
        self._closed = False

    def run(self, work: Callable[[], T]) -> "asyncio.Future[T]":
        if self._closed:
            raise RuntimeError("closed")
        future: Future[T] = Future()
        self._jobs.put((future, work))
        if not self._idle.acquire(blocking=False) and self._started < self._most:
            self._started += 1
            threading.Thread(target=self._work, name=f"{self._name}-{self._started}", daemon=True).start()
        return asyncio.wrap_future(future)

    def close(self) -> None:
        """What waits is not begun any more; what is under way goes on, and nobody waits for it."""
        self._closed = True
        while not self._jobs.empty():
            job = self._jobs.get()
            if job is not None:
                job[0].cancel()
        for _ in range(self._started):
            self._jobs.put(None)

    def _next(self) -> Job | None:
        with suppress(Empty):
            return self._jobs.get_nowait()
        self._idle.release()
        return self._jobs.get()

    def _work(self) -> None:
        job: Job | None = self._jobs.get()
        while job is not None:
            future, work = job
            if future.set_running_or_notify_cancel():
                try:
                    future.set_result(work())
                except BaseException as error:
                    future.set_exception(error)
            del job, future, work  # what was read is not kept until there is more to do
            job = self._next()
