"""What people do in the fake Slack, seen by a real Bolt app: signed events, retries, buttons, forms, Socket Mode."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from slack_bolt.adapter.aiohttp import to_aiohttp_response, to_bolt_request
from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncApp
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from tests.fakes.slack import FakeSlack
from tests.fakes.slack.control import Control, statistics
from tests.fakes.slack.delivery import NotAcked

Json = dict[str, Any]


@pytest.fixture
async def fake() -> AsyncIterator[FakeSlack]:
    async with FakeSlack.serve() as fake:
        fake.add_user("U0ANN", "Ann Lee", "ann@acme.example")
        fake.add_user("U0BOB", "Bob Ray", "bob@acme.example")
        fake.add_room("C0HELP", "help", ["U0ANN", "U0BOB"])
        yield fake


class Heard:
    """A Bolt app that keeps what it is sent and answers as it is told."""

    def __init__(self, fake: FakeSlack) -> None:
        self.client = AsyncWebClient(token=fake.bot_token, base_url=fake.url)
        self.bolt = AsyncApp(token=fake.bot_token, signing_secret=fake.signing_secret, client=self.client)
        self.events: list[Json] = []
        self.bodies: list[Json] = []
        self.headers: list[dict[str, str]] = []
        self.answer: Json = {}
        self.view: Json | None = None
        self.status: int | None = None

        @self.bolt.event({"type": "message"})
        async def on_message(event: Json) -> None:
            self.events.append(event)

        for kind in ("app_mention", "reaction_added", "app_home_opened", "file_shared", "agent_session_stopped", "tokens_revoked"):

            @self.bolt.event(kind)
            async def on_event(event: Json) -> None:
                self.events.append(event)

        @self.bolt.event("app_uninstalled")
        async def on_uninstalled(event: Json) -> None:
            self.events.append(event)

        @self.bolt.action(re.compile(""))
        async def on_action(ack: Any, body: Json) -> None:
            self.bodies.append(body)
            await ack()
            if self.view is not None:
                await self.client.views_open(trigger_id=body["trigger_id"], view=self.view)

        @self.bolt.view("form")
        async def on_view(ack: Any, body: Json) -> None:
            self.bodies.append(body)
            await ack(**self.answer)

        @self.bolt.view_closed("form")
        async def on_closed(ack: Any, body: Json) -> None:
            self.bodies.append(body)
            await ack()

        @self.bolt.shortcut("make_request")
        async def on_shortcut(ack: Any, body: Json) -> None:
            self.bodies.append(body)
            await ack()

        @self.bolt.command("/foyer")
        async def on_command(ack: Any, body: Json) -> None:
            self.bodies.append(body)
            await ack(f"You said {body['text']}")

    async def handle(self, request: web.Request) -> web.Response:
        self.headers.append(dict(request.headers))
        if self.status is not None:
            return web.Response(status=self.status)
        return await to_aiohttp_response(await self.bolt.async_dispatch(await to_bolt_request(request)))


@asynccontextmanager
async def served(heard: Heard, fake: FakeSlack) -> AsyncIterator[None]:
    app = web.Application()
    app.router.add_post("/slack/events", heard.handle)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    fake.app = f"http://127.0.0.1:{runner.addresses[0][1]}/slack/events"
    try:
        yield
        await fake.settle()
    finally:
        await runner.cleanup()


@pytest.fixture
async def heard(fake: FakeSlack) -> AsyncIterator[Heard]:
    heard = Heard(fake)
    async with served(heard, fake):
        yield heard


async def until(condition: Any) -> None:
    for _ in range(500):
        if condition():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it did not happen")


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


def buttons(*labels: str) -> Json:
    elements = [
        {"type": "button", "text": {"type": "plain_text", "text": name}, "action_id": f"go-{name}", "value": name} for name in labels
    ]
    return {"type": "actions", "elements": elements}


def form(*blocks: Json, **more: Any) -> Json:
    words = {name: {"type": "plain_text", "text": name.title()} for name in ("title", "submit", "close")}
    return {"type": "modal", "callback_id": "form", **words, "blocks": list(blocks), **more}


def asked(name: str, **more: Any) -> Json:
    element = {"type": "plain_text_input", "action_id": "value", "max_length": 10, **more}
    return {"type": "input", "block_id": name, "label": {"type": "plain_text", "text": name.title()}, "element": element}


async def test_buttons(fake: FakeSlack, heard: Heard) -> None:
    posted = await heard.client.chat_postMessage(channel="U0ANN", text="Well?", unfurl_links=False, blocks=[buttons("Yes", "No")])
    await fake.press("U0ANN", posted["ts"], "No")
    [body] = heard.bodies
    assert body["actions"][0]["value"] == "No"
    assert body["container"] == {"type": "message", "message_ts": posted["ts"], "channel_id": "D0ANN", "is_ephemeral": False}
    with pytest.raises(AssertionError, match="no button 'Maybe'"):
        await fake.press("U0ANN", posted["ts"], "Maybe")
    heard.status = 500
    with pytest.raises(NotAcked):
        await fake.press("U0ANN", posted["ts"], "go-Yes")


async def test_an_ephemeral_message_changes_by_its_response_url(fake: FakeSlack, heard: Heard) -> None:
    told = await heard.client.chat_postEphemeral(channel="C0HELP", user="U0ANN", text="Well?", blocks=[buttons("Yes")])
    await fake.press("U0ANN", told["message_ts"], "Yes", room="C0HELP")
    [body] = heard.bodies
    assert body["container"]["is_ephemeral"]
    assert "message" not in body
    async with aiohttp.ClientSession() as session:
        for _ in range(5):
            async with session.post(body["response_url"], json={"replace_original": True, "text": "Done"}) as answer:
                assert answer.status == 200
        [shown] = fake.ephemeral("U0ANN")
        assert (shown.text, shown.blocks) == ("Done", [])
        async with session.post(body["response_url"], json={"delete_original": True}) as answer:
            assert answer.status == 404
    assert [refusal.error for refusal in fake.refusals] == ["used_url"]


async def test_forms(fake: FakeSlack, heard: Heard) -> None:
    posted = await heard.client.chat_postMessage(channel="U0ANN", text="Well?", unfurl_links=False, blocks=[buttons("Open")])
    heard.view = form(asked("name"), notify_on_close=True)
    await fake.press("U0ANN", posted["ts"], "Open")
    await until(lambda: fake.modal("U0ANN"))
    with pytest.raises(AssertionError, match="Name is required"):
        await fake.submit("U0ANN", {})
    with pytest.raises(AssertionError, match="11 characters"):
        await fake.submit("U0ANN", {"Name": "x" * 11})
    heard.answer = {"response_action": "errors", "errors": {"name": "Not so"}}
    assert await fake.submit("U0ANN", {"Name": "Ann"}) == heard.answer
    assert heard.bodies[-1]["view"]["state"]["values"] == {"name": {"value": {"type": "plain_text_input", "value": "Ann"}}}
    heard.answer = {"response_action": "push", "view": form(asked("reason"))}
    await fake.submit("U0ANN", {"name": "Ann"})
    heard.answer = {"response_action": "update", "view": form(asked("other"))}
    await fake.submit("U0ANN", {"reason": "So"})
    assert "Other" in fake.text_of(fake.modal("U0ANN") or {})
    heard.answer = {}
    await fake.submit("U0ANN", {"other": "So"})
    assert "Name" in fake.text_of(fake.modal("U0ANN") or {})
    await fake.close_view("U0ANN")
    assert heard.bodies[-1]["type"] == "view_closed"
    assert fake.modal("U0ANN") is None
    assert fake.refusals == []


async def test_errors_of_a_form_must_name_its_inputs(fake: FakeSlack, heard: Heard) -> None:
    posted = await heard.client.chat_postMessage(channel="U0ANN", text="Well?", unfurl_links=False, blocks=[buttons("Open")])
    heard.view, heard.answer = form(asked("name")), {"response_action": "errors", "errors": {"surname": "Not so"}}
    await fake.press("U0ANN", posted["ts"], "Open")
    await until(lambda: fake.modal("U0ANN"))
    await fake.submit("U0ANN", {"name": "Ann"})
    assert [refusal.error for refusal in fake.refusals] == ["invalid_errors"]


async def test_triggers_and_hashes(fake: FakeSlack, heard: Heard) -> None:
    posted = await heard.client.chat_postMessage(channel="U0ANN", text="Well?", unfurl_links=False, blocks=[buttons("Open")])

    async def open_by(trigger: str) -> Any:
        return await heard.client.views_open(trigger_id=trigger, view=form(asked("name")))

    async def pressed(after: float) -> str:
        await fake.press("U0ANN", posted["ts"], "Open", after=after)
        return str(heard.bodies[-1]["trigger_id"])

    for trigger, error in ((await pressed(4), "expired_trigger_id"), ("made.up", "invalid_trigger_id")):
        with pytest.raises(SlackApiError, match=error):
            await open_by(trigger)
    trigger = await pressed(0)
    view = (await open_by(trigger))["view"]
    with pytest.raises(SlackApiError, match="exchanged_trigger_id"):
        await open_by(trigger)
    await heard.client.views_update(view_id=view["id"], hash=view["hash"], view=form(asked("reason")))
    with pytest.raises(SlackApiError, match="hash_conflict"):
        await heard.client.views_update(view_id=view["id"], hash=view["hash"], view=form(asked("name")))
    with pytest.raises(SlackApiError, match="invalid_arguments"):
        await heard.client.views_update(view_id=view["id"], view={**form(asked("name")), "title": {"type": "plain_text", "text": "x" * 25}})
    with pytest.raises(SlackApiError, match="not_found"):
        await heard.client.views_update(view_id="V0NONE", view=form(asked("name")))
    told = [refusal.error for refusal in fake.refusals]
    assert told == [
        "expired_trigger_id", "invalid_trigger_id", "exchanged_trigger_id", "hash_conflict", "invalid_arguments", "not_found",
    ]  # fmt: skip


async def test_the_home_page(fake: FakeSlack, heard: Heard) -> None:
    await heard.client.views_publish(user_id="U0ANN", view={"type": "home", "blocks": [buttons("Ask"), buttons("Leave")]})
    await fake.open_home("U0ANN")
    assert fake.deliveries[-1].payload["event"]["view"]["id"] == (fake.home("U0ANN") or {})["id"]
    await fake.press_home("U0ANN", "Leave")
    [body] = heard.bodies
    assert body["container"]["type"] == "view"
    assert "response_url" not in body


async def test_shortcuts_commands_reactions_and_stop(fake: FakeSlack, heard: Heard) -> None:
    ts = await fake.say("U0ANN", "Broken", room="C0HELP")
    await fake.shortcut("U0BOB", "make_request", ts, room="C0HELP")
    await fake.command("U0BOB", "/foyer", "hello", "C0HELP")
    assert [m.text for m in fake.ephemeral("U0BOB")] == ["You said hello"]
    assert [body.get("message", {}).get("text") for body in heard.bodies] == ["Broken", None]
    await fake.react("U0BOB", "ticket", ts, room="C0HELP")
    asked = await fake.say("U0ANN", "Why?")
    stream = await heard.client.chat_stream(channel="D0ANN", thread_ts=asked, buffer_size=1)
    await stream.append(markdown_text="x")
    await fake.stop("U0ANN", asked)
    assert fake.deliveries[-1].payload["event"]["streaming_message_ts"] == [stream.ts]
    await fake.uninstall()
    await until(lambda: len(heard.events) == 6)
    with pytest.raises(SlackApiError, match="account_inactive"):
        await heard.client.auth_test()
    assert all(sent.acked for sent in fake.deliveries)


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
