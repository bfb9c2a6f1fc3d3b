"""A loop goes on after a failure, and is never stopped in the middle of a round."""

import asyncio

import pytest
from structlog.testing import capture_logs

from bot import loops
from bot.loops import Loop, steps
from connectors.errors import Retry


async def test_a_round_is_finished_before_the_loop_stops() -> None:
    begun, finished = asyncio.Event(), []

    async def work() -> None:
        begun.set()
        await asyncio.sleep(0.01)
        finished.append(True)

    loop = Loop("test", work, 60.0)
    loop.start()
    await begun.wait()
    await loop.stop(5.0)
    assert finished == [True]


async def test_a_round_that_hangs_does_not_hold_up_the_end() -> None:
    begun = asyncio.Event()

    async def work() -> None:
        begun.set()
        await asyncio.Event().wait()

    loop = Loop("test", work, 60.0)
    loop.start()
    await begun.wait()
    await loop.stop(0.01)


async def test_it_works_when_woken_and_after_a_failure() -> None:
    rounds: list[int] = []
    enough = asyncio.Event()

    async def work() -> float | None:
        rounds.append(len(rounds))
        if len(rounds) == 1:
            loop.wake()
            raise RuntimeError("broken")
        enough.set()
        return None

    loop = Loop("test", work, 60.0)
    loop.start()
    async with asyncio.timeout(5):
        await enough.wait()
    await loop.stop(1.0)
    assert rounds[:2] == [0, 1]


async def test_a_step_that_breaks_keeps_no_other_waiting() -> None:
    done = []

    async def breaks() -> None:
        raise OSError("the directory is away")

    async def works() -> None:
        done.append("worked")

    await steps("learning", breaks, works)
    assert done == ["worked"]


async def test_while_a_system_is_down_a_round_is_put_off_and_told_in_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loops, "PUT_OFF", 0.001)
    monkeypatch.setattr(loops, "LONGEST_PUT_OFF", 0.004)
    rounds: list[int] = []
    enough = asyncio.Event()

    async def work() -> float | None:
        rounds.append(len(rounds))
        if len(rounds) < 5:
            raise Retry("unreachable", "dc1 does not answer", after=0.002 if len(rounds) == 1 else None)
        enough.set()
        return None

    with capture_logs() as logs:
        loop = Loop("test", work, 60.0)
        loop.start()
        async with asyncio.timeout(5):
            await enough.wait()
        await loop.stop(1.0)
    assert logs == [
        {"event": "round_put_off", "log_level": "warning", "loop": "test", "code": "unreachable", "seconds": seconds}
        for seconds in (0.002, 0.002, 0.004, 0.004)
    ]


async def test_no_wake_up_shortens_the_wait_for_a_system_and_the_end_does() -> None:
    rounds, begun = [], asyncio.Event()

    async def work() -> float | None:
        rounds.append(len(rounds))
        begun.set()
        loop.wake()
        raise Retry("unreachable")

    loop = Loop("test", work, 1.0)
    loop.start()
    async with asyncio.timeout(5):
        await begun.wait()
        for _ in range(20):
            loop.wake()
            await asyncio.sleep(0)
        await loop.stop(60.0)
    assert rounds == [0]


async def test_a_step_that_a_system_keeps_from_being_done_is_told_in_a_line() -> None:
    async def down() -> None:
        raise Retry("unreachable")

    with capture_logs() as logs:
        await steps("learning", down)
    assert logs == [{"event": "step_put_off", "log_level": "warning", "loop": "learning", "step": 0, "code": "unreachable"}]
