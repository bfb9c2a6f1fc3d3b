"""What happens in the fake Slack reaches a real Bolt app: signed, again when it was not acknowledged, over HTTP and the socket."""

import aiohttp
from aiohttp import web
from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler

from tests.fakes.heard import Heard, asked, buttons, form, served, until
from tests.fakes.slack import FakeSlack
from tests.fakes.slack.control import Control, statistics


async def test_a_message_comes_signed_and_whole(fake: FakeSlack, heard: Heard) -> None:
    ts = await fake.say("U0ANN", "a < b & c <@U0BOB>")
    await until(lambda: heard.events)
    [event] = heard.events
    assert (event["text"], event["ts"], event["channel"], event["channel_type"]) == ("a &lt; b &amp; c <@U0BOB>", ts, "D0ANN", "im")
    [sent] = fake.deliveries
    assert (sent.kind, sent.status, sent.payload["event_id"]) == ("message", 200, sent.event_id)
    assert sent.payload["authorizations"][0]["user_id"] == fake.bot_user
    assert not sent.payload["is_ext_shared_channel"]


async def test_forged_and_stale_signatures_are_turned_away(fake: FakeSlack, heard: Heard) -> None:
    await fake.say("U0ANN", "Hi")
    payload = fake.deliveries[0].payload
    assert (await fake.deliver(payload, signature=False)).status == 401
    assert (await fake.deliver(payload, timestamp=1_700_000_000)).status == 401
    again = await fake.deliver(payload, retry_num=1, retry_reason="http_timeout")
    assert (again.status, again.event_id) == (200, fake.deliveries[0].event_id)
    assert heard.headers[-1]["X-Slack-Retry-Num"] == "1"
    assert (await fake.deliver(payload, event_id="Ev0OTHER")).event_id == "Ev0OTHER"


async def test_a_mention_is_two_events_and_leaves_out_the_files(fake: FakeSlack, heard: Heard) -> None:
    fake.subscriptions.discard("file_shared")
    ts = await fake.say("U0ANN", "look", room="C0HELP", files=[("a.png", b"x", "image/png")], mention=True)
    await until(lambda: len(heard.events) == 2)
    first, second = (sent.payload for sent in fake.deliveries)
    assert (first["event"]["type"], second["event"]["type"]) == ("message", "app_mention")
    assert first["event_id"] != second["event_id"]
    assert first["event"]["ts"] == second["event"]["ts"] == ts
    assert first["event"]["subtype"] == "file_share"
    assert "files" in first["event"]
    assert "files" not in second["event"]


async def test_changes(fake: FakeSlack, heard: Heard) -> None:
    ts = await fake.say("U0ANN", "One")
    await fake.edit("U0ANN", ts, "Two")
    await fake.unfurl(ts, room="U0ANN")
    await heard.client.chat_postMessage(channel="U0ANN", text="Answer", thread_ts=ts, unfurl_links=False)
    await fake.settle()
    await fake.delete("U0ANN", ts)
    second = await fake.say("U0ANN", "Three")
    await fake.delete("U0ANN", second)
    changes = [sent.payload["event"] for sent in fake.deliveries if "subtype" in sent.payload["event"]]
    assert [event["subtype"] for event in changes] == ["message_changed", "message_changed", "message_changed", "message_deleted"]
    assert changes[0]["message"]["edited"]["user"] == "U0ANN"
    assert changes[1]["message"]["edited"] == changes[0]["message"]["edited"]
    assert changes[1]["message"]["text"] == changes[1]["previous_message"]["text"] == "Two"
    assert changes[2]["message"]["subtype"] == "tombstone"
    assert changes[3]["deleted_ts"] == second
    assert [sent.kind for sent in fake.echoes] == ["message"]
    assert [m.text for m in fake.messages("U0ANN")] == ["Answer"]


async def test_what_is_not_acknowledged_comes_again(fake: FakeSlack, heard: Heard) -> None:
    heard.status, fake.retry = 503, True
    await fake.say("U0ANN", "Hi")
    assert [(sent.status, sent.retry_num, sent.reason) for sent in fake.deliveries] == [(503, 0, "http_error"), (503, 1, "http_error")]
    heard.status = None
    assert (await fake.redeliver(fake.deliveries[-1])).acked
    assert heard.headers[-1]["X-Slack-Retry-Num"] == "2"
    assert len({sent.event_id for sent in fake.deliveries}) == 1


async def test_events_can_be_held_and_delivered_in_another_order(fake: FakeSlack, heard: Heard) -> None:
    fake.holding = True
    await fake.say("U0ANN", "One")
    await fake.say("U0ANN", "Two")
    assert fake.deliveries == []
    for payload in reversed(fake.held):
        await fake.deliver(payload)
        await until(lambda: len(heard.events) == len(fake.deliveries))
    assert [event["text"] for event in heard.events] == ["Two", "One"]


async def test_a_room_that_the_bot_is_not_in_is_not_heard(fake: FakeSlack, heard: Heard) -> None:
    fake.add_room("C0FAR", "far", ["U0ANN"], bot=False)
    await fake.say("U0ANN", "Hi", room="C0FAR", mention=True)
    assert fake.deliveries == []


async def test_socket_mode(fake: FakeSlack) -> None:
    heard = Heard(fake)
    handler = AsyncSocketModeHandler(heard.bolt, fake.app_token, web_client=heard.client)
    await handler.connect_async()  # type: ignore[no-untyped-call]
    try:
        await until(lambda: fake.courier.connected)
        await fake.say("U0ANN", "Hi")
        await until(lambda: heard.events)
        assert fake.deliveries[-1].acked
        await fake.command("U0ANN", "/foyer", "hello")
        assert [m.text for m in fake.ephemeral("U0ANN")] == ["You said hello"]
        posted = await heard.client.chat_postMessage(channel="U0ANN", text="Well?", unfurl_links=False, blocks=[buttons("Open")])
        heard.view, heard.answer = form(asked("name")), {"response_action": "clear"}
        await fake.press("U0ANN", posted["ts"], "Open")
        await until(lambda: fake.modal("U0ANN"))
        assert await fake.submit("U0ANN", {"name": "Ann"}) == heard.answer
        assert fake.modal("U0ANN") is None
    finally:
        await handler.close_async()  # type: ignore[no-untyped-call]


async def test_an_app_that_is_down_is_told_when_it_is_back() -> None:
    controls: list[Control] = []

    def controlled(fake: FakeSlack, app: web.Application) -> None:
        controls.append(Control(fake))
        controls[0].add_routes(app)

    async with FakeSlack.serve(more=controlled) as fake, aiohttp.ClientSession(fake.base) as session:
        fake.add_user("U0ANN", "Ann Lee", "ann@acme.example")
        fake.app, fake.retry_after = "http://127.0.0.1:9/slack/events", 0.01
        async with session.post("/control/say", json={"user": "U0ANN", "text": "Hi", "copies": 2}) as answer:
            ts = (await answer.json())["ts"]
        await until(lambda: len(fake.deliveries) > 2)
        assert statistics(fake)["unacked"] == 1
        heard = Heard(fake)
        async with served(heard, fake):
            async with session.post("/control/drive", json={"events": 5, "rate": 1000, "duplicates": 1.0}):
                pass
            await fake.settle()
            await heard.client.chat_postMessage(channel="U0ANN", text="Hello", thread_ts=ts, unfurl_links=False)
            async with session.get("/control/stats") as answer:
                told = await answer.json()
        assert (told["events"], told["acked"], told["unacked"], told["driven"]["done"]) == (6, 6, 0, True)
        assert told["threads"] == {"0": 5, "1": 1}
        assert told["latency"]["p95"] > 0
        async with session.get("/control/messages", params={"room": "U0ANN", "thread": ts}) as answer:
            assert [message["text"] for message in await answer.json()] == ["Hi", "Hello"]
        async with session.get("/control/deliveries") as answer:
            first = (await answer.json())[0]
        assert (first["status"], first["reason"]) == (0, "connection_failed")
