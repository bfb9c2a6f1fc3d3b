"""The rows behind the web chat, on SQLite and PostgreSQL, with several writers at once."""

import asyncio
from datetime import UTC, datetime

import pytest

from bot.database import Sessions
from connectors.errors import OutcomeUnknown
from connectors.ports.chat import Action, Address, Delivered, Reply, ReplyKind
from connectors.web import store
from connectors.web.channel import WebChannel

DANA = Address("web", "local", "dana@acme.example", "t1")
DESK = Address("web", "local", "group:it-support", "h1")


@pytest.fixture
def channel(sessions: Sessions) -> WebChannel:
    return WebChannel(sessions, lambda: datetime(2026, 11, 20, tzinfo=UTC))


def reply(text: str, kind: ReplyKind = ReplyKind.ANSWER, *, buttons: bool = False) -> Reply:
    return Reply(f"r-{text}", kind, text, actions=(Action("a", "A"),) if buttons else ())


async def shown(channel: WebChannel, rooms: set[str], after: int = 0) -> list[store.Shown]:
    async with channel.sessions() as session:
        return list(await store.changes(session, rooms, after))


async def test_many_writers_leave_no_gap_that_a_reader_could_skip(channel: WebChannel) -> None:
    """Whoever reads "all after n" while others write sees every change exactly once."""
    seen: list[str] = []

    async def read() -> None:
        cursor = 0
        while len(seen) < 40:
            for message in await shown(channel, {DANA.room}, cursor):
                assert message.reply is not None
                seen.append(message.reply.text)
                cursor = message.seq
            await asyncio.sleep(0)

    async def write(n: int) -> None:
        await channel.deliver("post", DANA, reply(str(n)), key=f"k{n}", message_id=None)

    async with asyncio.timeout(60), asyncio.TaskGroup() as group:
        group.create_task(read())
        for n in range(40):
            group.create_task(write(n))
    assert sorted(seen, key=int) == [str(n) for n in range(40)]


async def test_one_key_delivered_by_many_at_once_shows_one_message(channel: WebChannel) -> None:
    async def write() -> Delivered:
        for _ in range(5):
            try:
                return await channel.deliver("post", DANA, reply("once"), key="k", message_id=None)
            except OutcomeUnknown:
                found = await channel.find(DANA, key="k")
                if found is not None:
                    return found
        raise AssertionError("never delivered")

    delivered = await asyncio.gather(*(write() for _ in range(8)))
    assert len({one.message_id for one in delivered}) == 1
    assert len(await shown(channel, {DANA.room})) == 1


async def test_what_somebody_says_is_kept_once_and_with_who_said_it(channel: WebChannel) -> None:
    for _ in range(2):
        await channel.say(DANA, "01a1fa51-0000-7000-8000-000000000001", "dana@acme.example", "Dana", "hello", key="said:1")
    [message] = await shown(channel, {DANA.room})
    assert (message.said, message.author_id, message.author_name, message.reply) == ("hello", "dana@acme.example", "Dana", None)


async def test_nobody_edits_what_somebody_said(channel: WebChannel) -> None:
    message_id = "01a1fa51-0000-7000-8000-000000000001"
    await channel.say(DANA, message_id, "dana@acme.example", "Dana", "hello", key="said:1")
    with pytest.raises(Exception, match="no_message"):
        await channel.deliver("edit", DANA, reply("changed"), key="k", message_id=message_id)


async def test_waiting_and_seen_agree_between_conversations(channel: WebChannel) -> None:
    await channel.deliver("post", DANA, reply("approve", ReplyKind.APPROVAL, buttons=True), key="k1", message_id=None)
    await channel.deliver("post", DANA, reply("answer"), key="k2", message_id=None)
    await channel.deliver("post", DESK, reply("handoff", ReplyKind.HANDOFF, buttons=True), key="k3", message_id=None)
    await channel.deliver("post", DESK, reply("relayed"), key="k4", message_id=None)

    async def waiting(groups: set[str]) -> list[str]:
        async with channel.sessions() as session:
            found = await store.waiting(session, DANA.room, groups)
        return [message.reply.text for message in found if message.reply]

    assert await waiting(set()) == ["approve", "answer"]
    assert await waiting({DESK.room}) == ["approve", "answer", "handoff", "relayed"]
    async with channel.sessions.begin() as session:
        await store.mark_seen(session, DANA.room, "t1", 99)
    assert await waiting({DESK.room}) == ["approve", "handoff", "relayed"]
    async with channel.sessions.begin() as session:
        await store.mark_seen(session, DANA.room, "", 99)
        await store.mark_seen(session, DANA.room, "", 1)
    assert await waiting({DESK.room}) == ["approve", "handoff"]


async def test_threads_are_titled_by_their_first_words(channel: WebChannel) -> None:
    long = "**FOY-1** " + "word " * 40
    await channel.deliver("post", DANA, reply(long), key="k1", message_id=None)
    await channel.deliver("post", DANA, reply("later"), key="k2", message_id=None)
    async with channel.sessions() as session:
        [thread] = await store.threads(session, {DANA.room}, DANA.room)
    assert thread.title.startswith("FOY-1 word")
    assert len(thread.title) == 80
    assert thread.unseen
