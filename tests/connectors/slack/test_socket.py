"""Socket Mode: the same payloads over a socket that we open, for an installation that Slack cannot reach."""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import aiohttp
import pytest

from connectors.ports.chat import Action, Address, Reply, ReplyKind
from tests.connectors.slack.receiving import Receiving, receiving
from tests.connectors.slack.support import DANA, OMAR, ROOM


async def until(true: Callable[[], bool]) -> None:
    """The test's own time-out is the limit."""
    while not true():
        await asyncio.sleep(0.005)


@pytest.fixture
async def here(tmp_path: Path) -> AsyncIterator[Receiving]:
    async with receiving(tmp_path, socket=True) as made:
        await made.slack.open()
        await until(lambda: made.fake.courier.connected)
        yield made
        assert made.fake.refusals == []


async def test_what_comes_over_the_socket_is_recorded_and_acknowledged(here: Receiving) -> None:
    await here.fake.say(DANA, "hello")
    assert here.fake.deliveries[-1].acked
    assert here.inbox.one.text == "hello"


async def test_a_sent_form_is_answered_over_the_socket(here: Receiving) -> None:
    reply = Reply("r1", ReplyKind.APPROVAL, "Approve?", actions=(Action("opaque", "Deny", needs_text="required"),))
    address = Address("slack", here.fake.team, ROOM)
    done = await here.slack.channel.deliver("post", address, reply, key="k1", message_id=None)
    await here.fake.press(OMAR, done.message_id.partition(":")[2], "Deny", room=ROOM)
    assert await here.fake.submit(OMAR, {"text": "too dear"}) == {"response_action": "clear"}
    assert here.inbox.one.press is not None
    assert here.inbox.one.press.text == "too dear"


async def test_what_could_not_be_recorded_is_not_acknowledged(here: Receiving) -> None:
    here.fake.courier.patience = 0.2
    here.inbox.broken = True
    await here.fake.say(DANA, "hello")
    failed = here.fake.deliveries[-1]
    assert not failed.acked
    here.inbox.broken = False
    here.fake.courier.patience = 3.0
    assert (await here.fake.redeliver(failed)).acked
    assert here.inbox.one.text == "hello"


async def test_nothing_is_taken_over_http_without_a_secret_to_verify_it_with(here: Receiving) -> None:
    async with aiohttp.ClientSession() as session, session.post(f"{here.url}/slack/events", json={"type": "url_verification"}) as answer:
        assert answer.status == 404


async def test_the_check_says_socket_mode(here: Receiving) -> None:
    assert (await here.slack.check([])).endswith("Socket Mode")


async def test_what_is_being_said_goes_out_when_nothing_is_heard_any_more(here: Receiving) -> None:
    await here.slack.stop_receiving()
    await until(lambda: not here.fake.courier.connected)
    address = Address("slack", here.fake.team, ROOM)
    await here.slack.channel.deliver("post", address, Reply("r1", ReplyKind.NOTICE, "goodbye"), key="k1", message_id=None)
    assert [message.text for message in here.fake.messages(ROOM)] == ["goodbye"]
