"""The fake Slack as a process of its own: `python -m tests.fakes.slack --port 4009 --app http://127.0.0.1:8080/slack/events`."""

import argparse
import asyncio
import json
import signal

from aiohttp import web

from tests.fakes.slack.control import Control
from tests.fakes.slack.server import FakeSlack


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=4009)
    parser.add_argument("--app", default="", help="where events and interactions are posted")
    parser.add_argument("--people", type=int, default=10, help="U00001 and so on, person-1@acme.example and so on")
    parser.add_argument("--retry-after", type=float, default=1.0, help="seconds until an event that was not acknowledged comes again")
    parser.add_argument("--retry-times", type=int, default=60)
    parser.add_argument("--echo", action="store_true", help="tell the app of its own messages too")
    parser.add_argument("--pace", action="store_true", help="at most one message a second in a channel")
    asked = parser.parse_args()
    stopped = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)

    def controlled(fake: FakeSlack, app: web.Application) -> None:
        Control(fake).add_routes(app)

    async with FakeSlack.serve(asked.port, more=controlled) as fake:
        fake.app, fake.echo, fake.pace = asked.app, asked.echo, asked.pace
        fake.retry_after, fake.retry_times = asked.retry_after, asked.retry_times
        for n in range(1, asked.people + 1):
            fake.add_user(f"U{n:05}", f"Person {n}", f"person-{n}@acme.example")
        fake.add_room("C00001", "general", [user.id for user in fake.users.values() if not user.bot])
        told = {"url": fake.url, "bot_token": fake.bot_token, "app_token": fake.app_token, "signing_secret": fake.signing_secret}
        print(json.dumps(told), flush=True)
        await stopped.wait()


if __name__ == "__main__":
    asyncio.run(main())
