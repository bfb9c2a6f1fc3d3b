"""The whole Foyer of `Company` with Teams beside the web chat: the real adapter on a real port, and the fake Teams for a Teams."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

from pydantic import SecretStr

from bot.server import Server
from connectors.ports.language import LanguageModel
from tests.fakes.teams import FakeTeams, Shown
from tests.scenarios.company import Company

GENERAL, DESK, HELP, QUIET, GROUP = "general", "support", "help", "quiet", "group"
WITH_APP = ("dana", "omar", "priya", "sam", "kim", "noor")
T = TypeVar("T")


class OnTeams:
    """People by the names of `Company`, who are the same in the fake; their chats with the bot by the same names."""

    def __init__(self, company: Company, fake: FakeTeams) -> None:
        self.company, self.fake = company, fake
        self._known: set[tuple[str, str]] = set()

    @classmethod
    @asynccontextmanager
    async def open(
        cls,
        home: Path,
        template: Path,
        *,
        desks: Sequence[str] = ("it-support",),
        installed: Sequence[str] = WITH_APP,
        consent: bool = True,
        local: bool = False,
        organisation: Mapping[str, object] | None = None,
        model: LanguageModel | None = None,
        **settings: object,
    ) -> AsyncIterator["OnTeams"]:
        """`desks`: the assignment groups that work in DESK; the others are in the web chat. `installed`: who has the app for themselves.

        The team has it, and with `consent` hears what nobody said to it. `local`: nothing is signed, as Microsoft's playground does it;
        there alone files lie on this machine.
        """
        async with FakeTeams.serve() as fake:
            team = fake.teams["acme"]
            fake.add_channel(HELP, "Help", team)
            fake.add_channel(QUIET, "Quiet", team)
            named = {place: f"teams:{fake.tenant}:{fake.room_id(place)}" for place in (DESK, HELP, QUIET)}
            teams: dict[str, Any] = {
                "teams_app_id": fake.app_id,
                "teams_app_password": SecretStr(fake.app_password),
                "teams_tenant_id": fake.tenant,
                "teams_openid_url": fake.openid_url,
                "teams_login_url": fake.login_url,
                "teams_graph_url": fake.graph_url,
            }
            if local:
                fake.signed, teams = False, {"teams_local": True}
            told: dict[str, object] = {"rooms": {named[HELP]: "questions", named[QUIET]: "off"}, "desks": dict.fromkeys(desks, named[DESK])}
            told |= organisation or {}
            company = await Company.open(home, template, organisation=told, settings={**teams, **settings}, model=model)
            fake.now = lambda: company.clock().timestamp()
            server = Server(company.app, port=0)
            await server.start()
            fake.app = f"http://127.0.0.1:{server.bound}/api/messages"
            opened = cls(company, fake)
            try:
                if consent:
                    fake.consent_to(GENERAL)
                for place in (GENERAL, *installed):
                    await fake.install(place, by="vic")
                await opened.settle()
                opened.forget()
                yield opened
            finally:
                await server.stop()
                await company.close()

    def forget(self) -> None:
        """What is shown now is no news any more."""
        self._known |= {(room, message.id) for room, said in self.fake.said.items() for message in said.values()}

    async def say(self, person: str, text: str, **more: Any) -> str:
        """Says it to the bot directly, or in `room`; returns its id when all that comes of it is done."""
        id = await self.during(self.fake.say(person, text, **more))
        await self.settle()
        return id

    async def press(self, person: str, message: Shown, label: str, inputs: Mapping[str, str] | None = None) -> Any:
        answer = await self.during(self.fake.press(person, message, label, inputs or {}))
        await self.settle()
        return answer

    async def done(self, work: Awaitable[T]) -> T:
        """What a person does, with all that comes of it."""
        result = await self.during(work)
        await self.settle()
        return result

    async def settle(self) -> None:
        """Until nothing runs any more; what Teams' pace holds back goes out as time passes."""
        await self.during(self.fake.settle())
        await self.during(self.company.settle())

    async def during(self, work: Awaitable[T]) -> T:
        """Time goes on while it is done, where something waits for that alone."""
        task = asyncio.ensure_future(work)
        while not task.done():
            await asyncio.wait({task}, timeout=0.02)
            if not task.done() and await self.company.held_back():
                self.company.clock.now += timedelta(seconds=1)
                self.company.app.committed()
        return task.result()

    async def until(self, seen: Callable[[], bool], *, seconds: int) -> None:
        """Time goes on until this is so; no longer than so many seconds of the company's."""
        end = self.company.clock.now + timedelta(seconds=seconds)
        while not seen() and self.company.clock.now < end:
            await asyncio.sleep(0.02)
            if await self.company.held_back():
                self.company.clock.now += timedelta(seconds=1)
                self.company.app.committed()
        assert seen()

    def by_bot(self, place: str, thread: str | None = None) -> list[Shown]:
        """What the bot says in somebody's own chat or a room, since the app was installed."""
        return [message for message in self.fake.by_bot(place, thread) if (message.room.id, message.id) not in self._known]

    def told(self, place: str, thread: str | None = None) -> list[str]:
        """The same, as a reader sees it."""
        return [self.fake.words(message) for message in self.by_bot(place, thread)]

    def card(self, place: str, label: str) -> Shown:
        """The last message with a button of this title."""
        found = [message for message in self.by_bot(place) if label in self.fake.labels(message)]
        assert found, f"no button {label!r} in {place}: {self.told(place)}"
        return found[-1]
