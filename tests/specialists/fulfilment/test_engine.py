"""The engine's promises: once per id, on from where it stopped, timers of an earlier process, JSON only."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from specialists.engine import Engine, Retries
from tests.specialists.fulfilment.rig import Clock


class Recorder:
    """A workflow of two steps. The second waits for `open`."""

    def __init__(self, url: str) -> None:
        self.engine = Engine(url, clock=Clock(), retries=Retries(2, 0.0), poll=0.05)
        self.ran: list[str] = []
        self.open = asyncio.Event()
        self.engine.register("two", self._two)
        self.engine.register("breaks", self._breaks)

    async def _two(self, argument: str) -> None:
        first = await self.engine.step("first", self._step, "first", argument)
        await self.open.wait()
        await self.engine.step("second", self._step, "second", first)

    async def _breaks(self, argument: str) -> None:
        await self.engine.step("breaking", self._breaking, argument)

    async def _step(self, name: str, argument: str) -> str:
        self.ran.append(name)
        return argument

    async def _breaking(self, argument: str) -> None:
        self.ran.append("breaking")
        raise RuntimeError("dana@acme.example could not be read")

    async def quiet(self) -> None:
        async with asyncio.timeout(20):
            while await self.engine.busy():
                await asyncio.sleep(0.01)

    async def until_ran(self, count: int) -> None:
        async with asyncio.timeout(20):
            while len(self.ran) < count:
                await asyncio.sleep(0.01)


@pytest.fixture(params=["sqlite", "postgresql"])
async def url(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[str]:
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'engine.db'}"
    else:
        yield request.getfixturevalue("postgres_url")


async def test_a_stopped_workflow_goes_on_after_its_last_finished_step(url: str, tmp_path: Path) -> None:
    workflow = f"w-{tmp_path.name}"
    first = Recorder(url)
    await first.engine.launch()
    await first.engine.start("two", workflow, "x")
    await first.until_ran(1)
    await first.engine.close(patience=0.0)
    assert first.ran == ["first"]

    second = Recorder(url)
    second.open.set()
    await second.engine.launch()
    await second.until_ran(1)
    await second.quiet()
    assert second.ran == ["second"]
    assert await second.engine.status(workflow) == "SUCCESS"
    await second.engine.start("two", workflow, "x")
    await second.quiet()
    assert second.ran == ["second"], "an id starts once"
    await second.engine.close()


async def test_a_timer_of_an_earlier_process_is_kept_and_fires_once(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'engine.db'}"
    first = Recorder(url)
    await first.engine.launch()
    for _ in range(2):
        await first.engine.schedule_at("two", "timer", "x", Clock()() + timedelta(days=3))
    await first.quiet()
    await first.engine.close()
    second = Recorder(url)
    second.open.set()
    await second.engine.launch()
    assert await second.engine.status("timer") == "DELAYED"
    await second.engine.fire("timer")
    await second.until_ran(2)
    assert second.ran == ["first", "second"]
    await second.engine.close()


async def test_a_broken_workflow_keeps_no_text_and_can_run_again(tmp_path: Path) -> None:
    recorder = Recorder(f"sqlite:///{tmp_path / 'engine.db'}")
    await recorder.engine.launch()
    await recorder.engine.start("breaks", "b", "x")
    await recorder.quiet()
    assert await recorder.engine.status("b") == "ERROR"
    assert recorder.ran == ["breaking"] * 2
    await recorder.engine.again("b")
    await recorder.until_ran(3)
    await recorder.quiet()
    await recorder.engine.close()
    with sqlite3.connect(tmp_path / "engine.db") as db:
        assert "dana" not in "\n".join(db.iterdump())
        assert db.execute("PRAGMA journal_mode").fetchone() == ("wal",)


async def test_the_loops_own_threads_work_again_after_closing(tmp_path: Path) -> None:
    recorder = Recorder(f"sqlite:///{tmp_path / 'engine.db'}")
    await recorder.engine.launch()
    await recorder.engine.close()
    assert await asyncio.to_thread(lambda: 1) == 1
