"""The fake Slack driven from another process: JSON over HTTP under /control/, on the same port.

A soak test kills and starts the app again and again while this goes on, so the fake must not be in the app's process.
"""

import asyncio
import random
from collections import Counter
from typing import Any

from aiohttp import web

from tests.fakes.slack.server import FakeSlack
from tests.fakes.slack.state import Json, Sent


class Control:
    def __init__(self, fake: FakeSlack) -> None:
        self.fake = fake
        self.driven: Json = {"events": 0, "said": 0, "done": True}

    def add_routes(self, app: web.Application) -> None:
        app.router.add_post("/control/say", self._say)
        app.router.add_post("/control/drive", self._drive)
        app.router.add_post("/control/set", self._set)
        app.router.add_post("/control/fail", self._fail)
        app.router.add_get("/control/messages", self._messages)
        app.router.add_get("/control/stats", self._stats)
        app.router.add_get("/control/deliveries", self._deliveries)

    async def _say(self, request: web.Request) -> web.Response:
        """{user, text, room?, thread?, mention?, copies?: 1, delay?: 0 s, wait?: false} -> {ts}."""
        told = await request.json()
        copies, delay, wait = told.pop("copies", 1), told.pop("delay", 0), told.pop("wait", False)
        ts, work = await self._said(told, copies, delay)
        self.fake.start(work)
        if wait:
            await self.fake.settle()
        return web.json_response({"ts": ts})

    async def _drive(self, request: web.Request) -> web.Response:
        """{events, rate: a second, duplicates?: 0.05, delayed?: 0.05, delay?: 2 s, seed?: 0, text?} -> {}; goes on by itself.

        Message n is said by person n (round and round) in their direct chat: a conversation of its own.
        """
        self.fake.start(self._keep_saying(await request.json()))
        return web.json_response({})

    async def _keep_saying(self, told: Json) -> None:
        chance = random.Random(told.get("seed", 0))
        people = [user.id for user in self.fake.users.values() if not user.bot]
        self.driven = {"events": told["events"], "said": 0, "done": False}
        loop = asyncio.get_running_loop()
        began = loop.time()
        for n in range(told["events"]):
            await asyncio.sleep(began + n / told["rate"] - loop.time())
            copies = 2 if chance.random() < told.get("duplicates", 0) else 1
            delay = told.get("delay", 2.0) if chance.random() < told.get("delayed", 0) else 0.0
            _, work = await self._said({"user": people[n % len(people)], "text": f"{told.get('text', 'Hello')} {n}"}, copies, delay)
            self.fake.start(work)
            self.driven["said"] = n + 1
        self.driven["done"] = True

    async def _said(self, told: Json, copies: int, delay: float) -> tuple[str, Any]:
        """Says it now; its events are delivered by the returned work."""
        fake, held, holding = self.fake, self.fake.held, self.fake.holding
        fake.held, fake.holding = [], True
        ts = await fake.say(told.pop("user"), told.pop("text"), **told)
        envelopes, fake.held, fake.holding = fake.held, held, holding

        async def deliver() -> None:
            await asyncio.sleep(delay)
            await asyncio.gather(*(fake.send(envelope) for envelope in envelopes for _ in range(copies)))

        return ts, deliver()

    async def _set(self, request: web.Request) -> web.Response:
        """{app?, retry?, retry_after?, retry_times?, echo?, pace?}."""
        for name, value in (await request.json()).items():
            if name not in ("app", "retry", "retry_after", "retry_times", "echo", "pace"):
                raise web.HTTPBadRequest(text=name)
            setattr(self.fake, name, value)
        return web.json_response({})

    async def _fail(self, request: web.Request) -> web.Response:
        """{method, kind, times?, after?, skip?}: a fault."""
        self.fake.fail(**await request.json())
        return web.json_response({})

    async def _messages(self, request: web.Request) -> web.Response:
        """?room= (or a person's id) [&thread=] -> [{ts, thread_ts, user, bot_id, text, shown, metadata}]."""
        found = self.fake.messages(request.query["room"], request.query.get("thread"))
        return web.json_response([{**m.as_json(self.fake.app_id, metadata=True), "shown": self.fake.text_of(m)} for m in found])

    async def _stats(self, request: web.Request) -> web.Response:
        return web.json_response({**statistics(self.fake), "driven": self.driven})

    async def _deliveries(self, request: web.Request) -> web.Response:
        """?since=n -> [{kind, event_id, status, seconds, retry_num, reason}], from the nth on."""
        since = int(request.query.get("since", 0))
        names = ("kind", "event_id", "status", "seconds", "retry_num", "reason")
        return web.json_response([{name: getattr(sent, name) for name in names} for sent in self.fake.deliveries[since:]])


def statistics(fake: FakeSlack) -> Json:
    """What a soak test asserts. `unacked`: events that no delivery of was acknowledged, so far.

    `threads` counts what people began by how many messages of the bot are in its thread; `keys_twice` are metadata keys
    under which more than one message was posted: an answer given twice. Latencies are those of acknowledged deliveries.
    """
    acked = {sent.event_id for sent in fake.deliveries if sent.acked}
    answers: Counter[int] = Counter()
    keys: Counter[str] = Counter()
    posted = 0
    for channel, root in fake.threads:
        said = fake.in_thread(channel, root)
        mine = [message for message in said if message.bot_id]
        posted += len(mine)
        keys.update(str(m.metadata["event_payload"].get("key")) for m in mine if m.metadata)
        if said and said[0].ts == root and not said[0].bot_id:
            answers[len(mine)] += 1
    return {
        "events": len({sent.event_id for sent in fake.deliveries}),
        "deliveries": len(fake.deliveries),
        "acked": len(acked),
        "unacked": len({sent.event_id for sent in fake.deliveries} - acked),
        "statuses": dict(Counter(str(sent.status or sent.reason) for sent in fake.deliveries)),
        "latency": latency(fake.deliveries),
        "posted": posted,
        "threads": {str(count): threads for count, threads in sorted(answers.items())},
        "keys_twice": sorted(key for key, times in keys.items() if times > 1),
        "refusals": dict(Counter(f"{refusal.method}: {refusal.error}" for refusal in fake.refusals)),
        "calls": dict(Counter(name for name, _ in fake.calls)),
    }


def latency(deliveries: list[Sent]) -> dict[str, float]:
    """Seconds."""
    times = sorted(sent.seconds for sent in deliveries if sent.acked)
    if not times:
        return {}
    return {f"p{share}": times[min(len(times) - 1, len(times) * share // 100)] for share in (50, 95, 99)} | {"max": times[-1]}
