"""A real Bolt app that the tests of the fake Slack let it talk to."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web
from slack_bolt.adapter.aiohttp import to_aiohttp_response, to_bolt_request
from slack_bolt.async_app import AsyncApp
from slack_sdk.web.async_client import AsyncWebClient

from tests.fakes.slack import FakeSlack

Json = dict[str, Any]


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


async def until(condition: Any) -> None:
    for _ in range(500):
        if condition():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it did not happen")


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
