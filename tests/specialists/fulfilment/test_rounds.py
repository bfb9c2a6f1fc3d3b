"""Rounds go on after a failure, and are never stopped in the middle."""

import asyncio

from specialists.rounds import Rounds


async def test_a_round_is_finished_before_it_stops() -> None:
    begun, let_go, finished = asyncio.Event(), asyncio.Event(), list[bool]()

    async def work() -> bool:
        begun.set()
        await let_go.wait()
        finished.append(True)
        return True

    rounds = Rounds("test", work, longest=60.0, again=60.0)
    rounds.start()
    await begun.wait()
    stopping = asyncio.create_task(rounds.stop(60.0))
    await asyncio.sleep(0)
    assert not stopping.done()
    let_go.set()
    await stopping
    assert finished == [True]


async def test_a_round_that_hangs_does_not_hold_up_the_end() -> None:
    begun = asyncio.Event()

    async def work() -> bool:
        begun.set()
        await asyncio.Event().wait()
        return True

    rounds = Rounds("test", work, longest=60.0, again=60.0)
    rounds.start()
    await begun.wait()
    await rounds.stop(0.0)


async def test_it_works_when_woken_and_again_after_what_fell_short_or_broke() -> None:
    results = asyncio.Queue[int]()
    done = 0

    async def work() -> bool:
        nonlocal done
        done += 1
        results.put_nowait(done)
        if done == 2:
            raise RuntimeError("away")
        return done != 1

    rounds = Rounds("test", work, longest=60.0, again=0.0)
    rounds.start()
    assert [await results.get() for _ in range(3)] == [1, 2, 3]
    assert results.empty()
    rounds.wake()
    assert await results.get() == 4
    await rounds.stop(60.0)
