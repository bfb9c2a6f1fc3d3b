"""The whole Foyer of `Company` with Slack beside the web chat: real Bolt on a real port, and the fake Slack for a Slack."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

from pydantic import SecretStr

from bot.server import Server
from connectors.ports.language import LanguageModel
from tests.fakes.slack import FakeSlack
from tests.fakes.slack.state import FakeMessage
from tests.scenarios.company import Company

PEOPLE = {
    "dana": ("U0DANA", "Dana Whitfield"),
    "omar": ("U0OMAR", "Omar Haddad"),
    "priya": ("U0PRIYA", "Priya Nair"),
    "sam": ("U0SAM", "Sam Okoye"),
    "noor": ("U0NOOR", "Noor"),
    "kim": ("U0KIM", "Kim"),
}
GENERAL, DESK, HELP, QUIET = "C0GENERAL", "C0DESK", "C0HELP", "C0QUIET"


class OnSlack:
    """People by the names of `Company`; their direct chats by the same names."""

    def __init__(self, company: Company, fake: FakeSlack) -> None:
        self.company, self.fake = company, fake

    @classmethod
    @asynccontextmanager
    async def open(
        cls,
        home: Path,
        template: Path,
        *,
        desks: Sequence[str] = ("it-support",),
        model: LanguageModel | None = None,
        **settings: object,
    ) -> AsyncIterator["OnSlack"]:
        """`desks`: the assignment groups that work in DESK; the others are in the web chat."""
        async with FakeSlack.serve() as fake:
            for name, (user, full) in PEOPLE.items():
                fake.add_user(user, full, f"{name}@acme.example", picture=f"https://avatars.example/{name}.png")
            everybody = [user for user, _ in PEOPLE.values()]
            for room, title in ((GENERAL, "general"), (DESK, "it-desk"), (HELP, "help"), (QUIET, "quiet")):
                fake.add_room(room, title, everybody)
            rooms = {f"slack:{fake.team}:{HELP}": "questions", f"slack:{fake.team}:{QUIET}": "off"}
            slack = {
                "slack_bot_token": SecretStr(fake.bot_token),
                "slack_signing_secret": SecretStr(fake.signing_secret),
                "slack_api_url": fake.url,
            }
            company = await Company.open(
                home,
                template,
                organisation={"rooms": rooms, "desks": dict.fromkeys(desks, f"slack:{fake.team}:{DESK}")},
                settings={**slack, **settings},
                model=model,
            )
            server = Server(company.app, port=0)
            await server.start()
            fake.app = f"http://127.0.0.1:{server.bound}/slack/events"
            try:
                yield cls(company, fake)
            finally:
                await server.stop()
                await company.close()

    async def say(self, person: str, text: str, **more: object) -> str:
        """Says it to the bot directly, or in `room`; returns its ts when all that comes of it is done."""
        ts = await self.fake.say(PEOPLE[person][0], text, **more)  # type: ignore[arg-type]
        await self.settle()
        return ts

    async def press(self, person: str, message: FakeMessage, label: str, **more: object) -> None:
        await self.fake.press(PEOPLE[person][0], message.ts, label, **more)  # type: ignore[arg-type]
        await self.settle()

    async def submit(self, person: str, values: dict[str, str]) -> None:
        await self.fake.submit(PEOPLE[person][0], values)
        await self.settle()

    async def settle(self) -> None:
        """Until nothing runs any more; what Slack's pace holds back goes out as time passes."""
        await self.fake.settle()
        settling = asyncio.create_task(self.company.settle())
        while not settling.done():
            await asyncio.wait({settling}, timeout=0.02)
            if await self.company.held_back():
                self.company.clock.now += timedelta(seconds=1)
                self.company.app.committed()
        settling.result()

    def told(self, place: str, thread: str | None = None) -> list[str]:
        """What the bot says in a direct chat (by name) or a room, now, as a reader sees it."""
        return [self.fake.text_of(message) for message in self.by_bot(place, thread)]

    def by_bot(self, place: str, thread: str | None = None) -> list[FakeMessage]:
        room = PEOPLE[place][0] if place in PEOPLE else place
        return [message for message in self.fake.messages(room, thread) if message.bot_id]

    def privately(self, person: str) -> list[str]:
        """What only this person sees in rooms."""
        return [self.fake.text_of(message) for message in self.fake.ephemeral(PEOPLE[person][0])]
