"""Threads that nobody waits for."""

import asyncio
import subprocess
import sys
import threading

import pytest

from connectors.ldap.threads import Threads

HANGING = """
import asyncio, threading
from connectors.ldap.threads import Threads

async def main():
    threads = Threads(1, "test")
    begun = threading.Event()
    threads.run(lambda: (begun.set(), threading.Event().wait()))
    begun.wait()
    threads.close()

asyncio.run(main())
"""


async def test_work_comes_back_with_its_value_or_its_error() -> None:
    threads = Threads(2, "test")
    assert await threads.run(lambda: 7) == 7
    with pytest.raises(ZeroDivisionError):
        await threads.run(lambda: 1 // 0)
    threads.close()


async def test_no_more_at_once_than_said_and_none_is_left_out() -> None:
    threads, at_once, most, lock = Threads(2, "test"), 0, 0, threading.Lock()
    go = threading.Event()

    def work() -> str:
        nonlocal at_once, most
        with lock:
            at_once += 1
            most = max(most, at_once)
        go.wait()
        with lock:
            at_once -= 1
        return threading.current_thread().name

    running = [threads.run(work) for _ in range(8)]
    go.set()
    names = set(await asyncio.gather(*running))
    assert most <= 2
    assert names <= {"test-1", "test-2"}
    assert await threads.run(threading.current_thread) in threading.enumerate(), "an idle one is used again"
    threads.close()


async def test_what_waits_is_not_begun_after_the_close() -> None:
    threads, go = Threads(1, "test"), threading.Event()
    begun: list[int] = []
    first, second = threads.run(go.wait), threads.run(lambda: begun.append(1))
    threads.close()
    go.set()
    assert await first
    with pytest.raises(asyncio.CancelledError):
        await second
    with pytest.raises(RuntimeError):
        threads.run(go.wait)
    assert begun == []


def test_a_process_ends_while_one_hangs() -> None:
    """As the look-up of a name does, which nothing can wake."""
    subprocess.run([sys.executable, "-c", HANGING], check=True, timeout=30)
