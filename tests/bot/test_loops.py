"""A loop goes on after a failure, and is never stopped in the middle of a round."""

import asyncio

from bot.loops import Loop, steps


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
