"""When the app is told, how often, and what is remembered of it."""

import asyncio
import json
from collections.abc import Coroutine
from typing import Any

from tests.fakes.slack import events
from tests.fakes.slack.courier import Courier
from tests.fakes.slack.faults import Fault, Faults
from tests.fakes.slack.state import Json, Room, Sent
from tests.fakes.slack.workspace import Workspace


class NotAcked(AssertionError):
    """An interaction got no 200 within three seconds: the person sees an error in Slack."""


class Delivery(Workspace):
    def __init__(self) -> None:
        super().__init__()
        self.courier = Courier(self.signing_secret)
        self.faults = Faults()
        self.retry = False
        """Deliver an event that was not acknowledged once more at once, as Slack does."""
        self.retry_after: float | None = None
        """Seconds after which an event that was not acknowledged comes again, `retry_times` times at most."""
        self.retry_times = 20
        self.holding = False
        """Keep events in `held` instead of delivering them: a test delivers them itself, in its own order."""
        self.held: list[Json] = []
        self.echoes: list[Sent] = []
        """Deliveries of what the app did itself."""
        self._tasks: set[asyncio.Task[Any]] = set()

    @property
    def app(self) -> str:
        """Where events and interactions go."""
        return self.courier.app

    @app.setter
    def app(self, url: str) -> None:
        self.courier.app = url

    def fail(self, method: str, kind: str, times: int = 1, *, after: float = 1, skip: int = 0) -> Fault:
        """Orders a fault: see `faults.KINDS`, or "error:<slack error>". `after`: what Retry-After says; `skip`: calls that pass first."""
        return self.faults.add(method, kind, times, after, skip)

    async def deliver(
        self, payload: Json, *, event_id: str | None = None, retry_num: int | None = None, retry_reason: str | None = None,
        signature: bool = True, timestamp: int | None = None,
    ) -> Sent:  # fmt: skip
        """One raw delivery. A bare event is put into an envelope; what is whole already goes as it is, with the same event id again."""
        whole = payload
        if payload.get("type") not in events.INTERACTIONS | {"event_callback", "url_verification"} and "command" not in payload:
            channel = payload.get("channel") or payload.get("item", {}).get("channel")
            whole = self._envelope(payload, self.rooms.get(channel or ""))
        if event_id is not None:
            whole = {**whole, "event_id": event_id}
        sent = await self.courier.take(
            whole, event_id=str(whole.get("event_id", "")), retry_num=retry_num or 0, reason=retry_reason or "http_timeout",
            signed=signature, timestamp=timestamp,
        )  # fmt: skip
        self.deliveries.append(sent)
        return sent

    async def redeliver(self, sent: Sent) -> Sent:
        return await self.deliver(sent.payload, retry_num=sent.retry_num + 1, retry_reason=sent.reason or "http_timeout")

    async def emit(self, event: Json, room: Room) -> None:
        """Tells the app, if it subscribed, is in the room and is installed."""
        bot = self.teams[room.team].bot_user
        if events.subscription(event) in self.subscriptions and (bot in room.members or event["type"] == "app_home_opened"):
            await self.send(self._envelope(event, room))

    async def tell(self, team: str, event: Json) -> None:
        """An event that belongs to no room."""
        if event["type"] in self.subscriptions:
            await self.send(self._envelope({**event, "event_ts": self.new_ts()}, None, team))

    async def interact(self, payload: Json) -> Json:
        """An interaction, which must be acknowledged with 200 in time. What the answer's body says."""
        sent = await self.deliver(payload)
        if sent.status != 200:
            raise NotAcked(f"{sent.kind}: {sent.status} {sent.reason} {sent.body[:300]}")
        try:
            answer = json.loads(sent.body) if sent.body else {}
        except ValueError:
            answer = {"text": sent.body}
        return answer if isinstance(answer, dict) else {}

    def echo_noticed(self) -> None:
        """Sends what the app's own calls caused, in the background."""
        while self.noticed:
            event, room = self.noticed.pop(0)
            if events.subscription(event) in self.subscriptions and (self.app or self.courier.connected):
                self.start(self._echo(self._envelope(event, room)))

    async def settle(self) -> None:
        """Waits for everything that is still under way to the app."""
        while self._tasks:
            await asyncio.gather(*self._tasks, return_exceptions=True)

    async def close(self) -> None:
        for task in list(self._tasks):
            task.cancel()
        await self.settle()
        await self.courier.close()

    def start(self, work: Coroutine[Any, Any, Any]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def send(self, envelope: Json) -> None:
        """An event, as often as Slack would deliver it."""
        if self.holding:
            self.held.append(envelope)
        else:
            await self.transmit(envelope)

    async def transmit(self, envelope: Json) -> None:
        """The same for one that was held."""
        sent = await self.deliver(envelope)
        if not sent.acked and self.retry:
            sent = await self.redeliver(sent)
        if not sent.acked and self.retry_after is not None:
            self.start(self._insist(sent, self.retry_after))

    async def _insist(self, sent: Sent, seconds: float) -> None:
        while not sent.acked and sent.retry_num < self.retry_times:
            await asyncio.sleep(seconds)
            sent = await self.redeliver(sent)

    async def _echo(self, envelope: Json) -> None:
        self.echoes.append(await self.courier.take(envelope, event_id=envelope["event_id"]))

    def _envelope(self, event: Json, room: Room | None, team: str | None = None) -> Json:
        return events.envelope(
            event, event_id=self.new_id("Ev"), at=self.clock(), team=self.teams[room.team if room else team or self.team],
            app_id=self.app_id, token=self.verification_token, shared=bool(room and room.ext_shared),
        )  # fmt: skip
