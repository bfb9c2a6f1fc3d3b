"""Answers that appear bit by bit: once, whole, and as far as somebody wanted to hear."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from connectors.errors import OutcomeUnknown, Retry
from connectors.ports.chat import Action, Address, Citation, Feedback, Reply, ReplyKind
from connectors.slack.clients import Clients
from connectors.slack.store import stream
from connectors.slack.streams import CHUNK, edited_text, paragraphs
from tests.connectors.slack.support import DANA, ROOM, OnSlack, open_slack

TEXT = "First paragraph.\n\nSecond paragraph.\n\nThird paragraph."
ANSWER = Reply(
    "r1",
    ReplyKind.ANSWER,
    TEXT,
    citations=(Citation(1, "VPN", "vpn.md"),),
    feedback=Feedback(Action("up", "Helpful"), Action("down", "Not helpful", needs_text="optional")),
)


@pytest.fixture
async def slack(tmp_path: Path) -> AsyncIterator[OnSlack]:
    async with open_slack(tmp_path) as made:
        yield made


async def asked(slack: OnSlack) -> Address:
    return replace(slack.channel.direct(slack.fake.team, DANA), thread=await slack.fake.say(DANA, "How do I get on the VPN?"))


def methods(slack: OnSlack) -> list[str]:
    return [name for name, _ in slack.fake.calls if name.startswith("chat.")]


async def answers(slack: OnSlack) -> list[Any]:
    return [message for message in slack.fake.messages(DANA) if message.bot_id]


async def begun(slack: OnSlack) -> int:
    async with slack.engine.connect() as connection:
        return len((await connection.execute(stream.select())).all())


def words_of(message: Any) -> str:
    """What is read in a message: its Markdown blocks, or the streamed text."""
    shown = "\n\n".join(block["text"] for block in message.blocks if block["type"] == "markdown")
    return shown or message.text


async def test_an_answer_is_streamed_and_keeps_its_key(slack: OnSlack) -> None:
    address = await asked(slack)
    done = await slack.channel.deliver("post", address, ANSWER, key="k1", message_id=None)
    (message,) = await answers(slack)
    assert methods(slack) == ["chat.startStream", "chat.appendStream", "chat.appendStream", "chat.stopStream"]
    assert message.text == TEXT
    assert not message.streaming
    assert message.metadata == {"event_type": "foyer_reply", "event_payload": {"key": "k1"}}
    assert "context_actions" in [block["type"] for block in message.blocks]
    assert (done.message_id, done.thread) == (f"{message.channel}:{message.ts}", address.thread)
    assert await slack.again().find(address, key="k1") == done
    assert await begun(slack) == 0
    assert slack.fake.refusals == []


@pytest.mark.parametrize(
    "reply",
    [replace(ANSWER, text="One paragraph."), replace(ANSWER, kind=ReplyKind.NOTICE, feedback=None)],
    ids=["one paragraph", "no answer"],
)
async def test_what_is_short_or_no_answer_is_posted(slack: OnSlack, reply: Reply) -> None:
    await slack.channel.deliver("post", await asked(slack), reply, key="k1", message_id=None)
    assert methods(slack) == ["chat.postMessage"]


async def test_a_room_gets_it_in_one_piece(slack: OnSlack) -> None:
    root = await slack.fake.say(DANA, "VPN?", room=ROOM)
    await slack.channel.deliver("post", Address("slack", slack.fake.team, ROOM, root), ANSWER, key="k1", message_id=None)
    assert methods(slack) == ["chat.postMessage"]


@pytest.mark.parametrize("kind", ["dead_stream", "server_error", "apply_then_500", "rate_limited", "error:msg_too_long"])
@pytest.mark.parametrize("method", ["chat.appendStream", "chat.stopStream"])
async def test_a_stream_that_breaks_is_completed_at_once(slack: OnSlack, method: str, kind: str) -> None:
    slack.fake.fail(method, kind)
    address = await asked(slack)
    done = await slack.channel.deliver("post", address, ANSWER, key="k1", message_id=None)
    (message,) = await answers(slack)
    assert words_of(message) == TEXT
    assert not message.streaming
    assert await slack.again().find(address, key="k1") == done
    assert await begun(slack) == 0


async def test_a_stream_that_broke_off_is_completed_when_it_is_delivered_again(slack: OnSlack) -> None:
    address = await asked(slack)
    slack.fake.fail("chat.appendStream", "dead_stream")
    slack.fake.fail("chat.update", "rate_limited")
    with pytest.raises(Retry):
        await slack.channel.deliver("post", address, ANSWER, key="k1", message_id=None)
    assert (await answers(slack))[0].text == "First paragraph.\n\n"
    anew = slack.again()
    assert await anew.find(address, key="k1") is None
    slack.seconds.forward(60)
    await anew.deliver("post", address, ANSWER, key="k1", message_id=None)
    (message,) = await answers(slack)
    assert words_of(message) == TEXT
    assert await slack.again().find(address, key="k1") is not None


async def test_a_crash_in_the_middle_leaves_no_half_answer(slack: OnSlack) -> None:
    address = await asked(slack)
    held = slack.fake.fail("chat.appendStream", "time_out")
    delivery = asyncio.create_task(slack.channel.deliver("post", address, ANSWER, key="k1", message_id=None))
    while not held.hits:
        await asyncio.sleep(0)
    delivery.cancel()
    await asyncio.gather(delivery, return_exceptions=True)
    slack.fake.faults.clear()
    anew = slack.again()
    assert await anew.find(address, key="k1") is None
    await anew.deliver("post", address, ANSWER, key="k1", message_id=None)
    (message,) = await answers(slack)
    assert words_of(message) == TEXT
    assert not message.streaming


async def test_a_stream_that_was_perhaps_begun_is_taken_over(slack: OnSlack) -> None:
    address = await asked(slack)
    slack.fake.fail("chat.startStream", "apply_then_500")
    with pytest.raises(OutcomeUnknown):
        await slack.channel.deliver("post", address, ANSWER, key="k1", message_id=None)
    assert len(await answers(slack)) == 1
    anew = slack.again()
    assert await anew.find(address, key="k1") is None
    done = await anew.deliver("post", address, ANSWER, key="k1", message_id=None)
    (message,) = await answers(slack)
    assert done.message_id == f"{message.channel}:{message.ts}"
    assert words_of(message) == TEXT
    assert message.metadata["event_payload"] == {"key": "k1"}


async def test_a_stream_that_was_not_begun_after_all_is_posted(slack: OnSlack) -> None:
    address = await asked(slack)
    slack.fake.fail("chat.startStream", "server_error")
    with pytest.raises(OutcomeUnknown):
        await slack.channel.deliver("post", address, ANSWER, key="k1", message_id=None)
    await slack.again().deliver("post", address, ANSWER, key="k1", message_id=None)
    (message,) = await answers(slack)
    assert words_of(message) == TEXT


async def test_another_answer_in_the_thread_is_not_taken_over(slack: OnSlack) -> None:
    address = await asked(slack)
    await slack.channel.deliver("post", address, replace(ANSWER, text="First paragraph.\n\nAnother end."), key="k0", message_id=None)
    slack.fake.fail("chat.startStream", "server_error")
    with pytest.raises(OutcomeUnknown):
        await slack.channel.deliver("post", address, ANSWER, key="k1", message_id=None)
    await slack.again().deliver("post", address, ANSWER, key="k1", message_id=None)
    assert [words_of(message).split()[-2] for message in await answers(slack)] == ["Another", "Third"]


async def test_the_same_answer_said_before_is_not_taken_over(slack: OnSlack) -> None:
    address = await asked(slack)
    before = await slack.channel.deliver("post", address, ANSWER, key="k0", message_id=None)
    slack.fake.fail("chat.startStream", "server_error")
    with pytest.raises(OutcomeUnknown):
        await slack.channel.deliver("post", address, ANSWER, key="k1", message_id=None)
    again = await slack.again().deliver("post", address, ANSWER, key="k1", message_id=None)
    assert again.message_id != before.message_id
    assert len(await answers(slack)) == 2


async def test_a_workspace_without_streams_is_not_asked_twice(slack: OnSlack) -> None:
    address = await asked(slack)
    slack.fake.fail("chat.startStream", "error:unknown_method")
    for key in ("k1", "k2"):
        await slack.channel.deliver("post", address, ANSWER, key=key, message_id=None)
    assert methods(slack) == ["chat.startStream", "chat.postMessage", "chat.postMessage"]


async def test_scarce_streams_keep_no_answer_waiting(slack: OnSlack) -> None:
    slack.fake.fail("chat.startStream", "rate_limited")
    await slack.channel.deliver("post", await asked(slack), ANSWER, key="k1", message_id=None)
    await slack.channel.deliver("post", await asked(slack), replace(ANSWER, text="One.\n\nTwo."), key="k2", message_id=None)
    assert methods(slack) == ["chat.postMessage", "chat.startStream", "chat.appendStream", "chat.stopStream"]


async def test_nothing_is_added_after_stop_was_pressed(slack: OnSlack) -> None:
    address = await asked(slack)
    held = slack.fake.fail("chat.appendStream", "apply_then_time_out")
    delivery = asyncio.create_task(slack.channel.deliver("post", address, ANSWER, key="k1", message_id=None))
    while "chat.appendStream" not in methods(slack):
        await asyncio.sleep(0)
    (message,) = await answers(slack)
    await slack.again().stop(slack.fake.team, [f"{message.channel}:{message.ts}"])
    held.release()
    done = await delivery
    assert "Third" not in words_of(message)
    assert "First" in words_of(message)
    assert not message.streaming
    assert await slack.again().find(address, key="k1") == done


class StopsAfterTheFirst(Clients):
    """Somebody presses Stop right after the first paragraph was added."""

    def __init__(self, slack: OnSlack) -> None:
        super().__init__(slack.clients.settings)
        self.slack = slack

    async def call(self, tenant: str, method: str, **arguments: Any) -> Mapping[str, Any]:
        answer = await super().call(tenant, method, **arguments)
        if method == "chat.appendStream":
            await self.slack.channel.stop(tenant, [f"{arguments['channel']}:{arguments['ts']}"])
        return answer


async def test_the_next_paragraph_is_not_sent_after_stop(slack: OnSlack) -> None:
    address = await asked(slack)
    clients = StopsAfterTheFirst(slack)
    try:
        await replace(slack, clients=clients).again().deliver("post", address, ANSWER, key="k1", message_id=None)
    finally:
        await clients.close()
    (message,) = await answers(slack)
    assert methods(slack).count("chat.appendStream") == 1
    assert words_of(message) == "First paragraph.\n\nSecond paragraph.\n\n"
    assert message.metadata["event_payload"] == {"key": "k1"}


async def test_stop_after_the_end_changes_nothing(slack: OnSlack) -> None:
    address = await asked(slack)
    done = await slack.channel.deliver("post", address, ANSWER, key="k1", message_id=None)
    await slack.channel.stop(slack.fake.team, [done.message_id])
    (message,) = await answers(slack)
    assert message.text == TEXT


@pytest.mark.parametrize(
    "markdown",
    [TEXT, "one\n\n\n\ntwo\n", "```\na\n\nb\n```\n\nend", "x" * (3 * CHUNK), "word " * CHUNK, "", "\n\nlate"],
    ids=["three", "gaps", "fenced", "endless word", "endless line", "nothing", "empty first"],
)
def test_the_pieces_are_the_whole(markdown: str) -> None:
    pieces = paragraphs(markdown)
    assert "".join(pieces) == markdown
    assert all(0 < len(piece) <= CHUNK for piece in pieces)


def test_a_fenced_block_stays_in_one_piece() -> None:
    assert paragraphs("start\n\n```\na\n\nb\n```\n\nend") == ("start\n\n", "```\na\n\nb\n```\n\n", "end")


@pytest.mark.parametrize("text", ["a" * 5_000, "&" * 5_000, "ß" * 5_000, "short"])
def test_the_text_of_an_edit_fits(text: str) -> None:
    shown = edited_text(text)
    assert len(shown.replace("&", "&amp;").encode()) <= 4_000
    assert shown == text or shown.endswith("…")
