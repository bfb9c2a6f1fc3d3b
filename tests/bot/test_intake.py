"""The inbox: once, in order, many conversations at once, and nothing lost by a failing turn."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from bot import tables
from bot.database import Sessions
from bot.intake import ATTEMPTS, Inbox, Received
from bot.loops import Loop
from connectors.ports.chat import Activity, ActivityKind, Address
from connectors.ports.people import ExternalId

NOW = datetime(2026, 11, 20, tzinfo=UTC)


def activity(id_: str, text: str = "", *, thread: str = "t", order: str = "", channel: str = "web") -> Activity:
    address = Address(channel, "local", "dana", thread)
    return Activity(id_, ActivityKind.MESSAGE, address, ExternalId(channel, "local", "dana"), NOW, text, order=order)


class Bot:
    """Handles by writing down; marks rows as a turn would."""

    def __init__(self, sessions: Sessions, inbox: Inbox) -> None:
        self.sessions, self.inbox = sessions, inbox
        self.heard: list[str] = []
        self.given_up: list[str] = []
        self.failures: dict[str, int] = {}
        self.gate: dict[str, asyncio.Event] = {}

    async def handle(self, received: Received) -> None:
        text = received.activity.text
        if text in self.gate:
            await self.gate[text].wait()
        if self.failures.get(text, 0) > 0:
            self.failures[text] -= 1
            raise RuntimeError("broken")
        self.heard.append(text)
        await self._finish(received)

    async def give_up(self, received: Received, error: Exception | None) -> None:
        self.given_up.append(received.activity.text)
        await self._finish(received)

    async def _finish(self, received: Received) -> None:
        async with self.sessions.begin() as session:
            assert await self.inbox.mark(session, received.seq, "done")


@asynccontextmanager
async def running(inbox: Inbox, bot: Bot) -> AsyncIterator[None]:
    async def serve() -> None:
        await inbox.serve(bot.handle, bot.give_up)

    loop = Loop("inbox", serve, 5.0)
    inbox.on_new = loop.wake
    loop.start()
    yield
    await loop.stop(5.0)
    await inbox.close(5.0)


async def until_empty(inbox: Inbox) -> None:
    async with asyncio.timeout(10):
        while await inbox.open_for("dana"):
            await asyncio.sleep(0.005)


async def test_a_redelivery_is_recorded_once(sessions: Sessions) -> None:
    inbox = Inbox(sessions, lambda: NOW, pauses=(0.001,))
    assert await inbox.record(activity("1", "hello"))
    assert not await inbox.record(activity("1", "hello"))
    assert await inbox.record(activity("1", "hello", channel="other"))
    bot = Bot(sessions, inbox)
    async with running(inbox, bot):
        await until_empty(inbox)
    assert bot.heard == ["hello", "hello"]


async def test_one_conversation_is_served_in_the_platforms_order(sessions: Sessions) -> None:
    inbox = Inbox(sessions, lambda: NOW, pauses=(0.001,))
    for id_, order in (("a", "3"), ("b", "1"), ("c", "2")):
        await inbox.record(activity(id_, order, order=order))
    bot = Bot(sessions, inbox)
    async with running(inbox, bot):
        await until_empty(inbox)
    assert bot.heard == ["1", "2", "3"]


async def test_a_slow_conversation_holds_back_itself_only(sessions: Sessions) -> None:
    inbox = Inbox(sessions, lambda: NOW, pauses=(0.001,))
    bot = Bot(sessions, inbox)
    bot.gate["slow"] = asyncio.Event()
    await inbox.record(activity("1", "slow", thread="a"))
    await inbox.record(activity("2", "after slow", thread="a"))
    await inbox.record(activity("3", "other", thread="b"))
    async with running(inbox, bot):
        async with asyncio.timeout(10):
            while "other" not in bot.heard:
                await asyncio.sleep(0.005)
        assert bot.heard == ["other"]
        bot.gate["slow"].set()
        await until_empty(inbox)
    assert bot.heard == ["other", "slow", "after slow"]


async def test_a_failing_turn_is_tried_again_then_given_up_with_an_answer(sessions: Sessions) -> None:
    inbox = Inbox(sessions, lambda: NOW, pauses=(0.001,))
    bot = Bot(sessions, inbox)
    bot.failures = {"sometimes": ATTEMPTS - 1, "always": 1000}
    await inbox.record(activity("1", "sometimes"))
    await inbox.record(activity("2", "always"))
    await inbox.record(activity("3", "next"))
    async with running(inbox, bot):
        await until_empty(inbox)
    assert bot.heard == ["sometimes", "next"]
    assert bot.given_up == ["always"]


async def test_what_was_recorded_before_a_crash_is_handled_after_it(sessions: Sessions) -> None:
    await Inbox(sessions, lambda: NOW, pauses=(0.001,)).record(activity("1", "before"))
    inbox = Inbox(sessions, lambda: NOW, pauses=(0.001,))
    bot = Bot(sessions, inbox)
    async with running(inbox, bot):
        await until_empty(inbox)
    assert bot.heard == ["before"]


async def test_a_turn_that_is_too_slow_is_answered_at_once_and_not_thought_again(sessions: Sessions) -> None:
    inbox = Inbox(sessions, lambda: NOW, pauses=(0.001,))
    bot = Bot(sessions, inbox)
    tried: list[int] = []

    async def slow(received: Received) -> None:
        tried.append(received.seq)
        raise TimeoutError

    bot.handle = slow  # type: ignore[method-assign]
    await inbox.record(activity("1", "slow"))
    async with running(inbox, bot):
        await until_empty(inbox)
    assert bot.given_up == ["slow"]
    assert len(tried) == 1


async def test_a_turn_goes_on_until_it_is_finished_or_its_sender_presses_stop_there(sessions: Sessions) -> None:
    inbox = Inbox(sessions, lambda: NOW)
    for id_, thread in (("1", "t"), ("2", "t"), ("3", "elsewhere")):
        await inbox.record(activity(id_, thread=thread))
    others = replace(activity("4"), kind=ActivityKind.STOPPED, sender=ExternalId("web", "local", "omar"))
    await inbox.record(others)
    assert await goes_on(sessions, inbox) == ["1", "2", "3"]
    async with sessions.begin() as session:
        assert await inbox.mark(session, (await rows(session))["1"], "done")
    assert await goes_on(sessions, inbox) == ["2", "3"]
    await inbox.record(replace(activity("5"), kind=ActivityKind.STOPPED))
    assert await goes_on(sessions, inbox) == ["3"]


async def goes_on(sessions: Sessions, inbox: Inbox) -> list[str]:
    async with sessions.begin() as session:
        found = {id_: await inbox.goes_on(session, activity(id_, thread="elsewhere" if id_ == "3" else "t")) for id_ in ("1", "2", "3")}
    return [id_ for id_, on in found.items() if on]


async def rows(session: AsyncSession) -> dict[str, int]:
    found = await session.execute(select(tables.inbox.c.activity_id, tables.inbox.c.seq))
    return {row.activity_id: row.seq for row in found}
