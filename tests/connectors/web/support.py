"""A web channel on a SQLite file of its own, and the few people who sit in front of it."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import event
from sqlalchemy.ext.asyncio import async_sessionmaker, create_async_engine

from connectors.ports.chat import Activity, ActivityKind, Reply, ReplyKind
from connectors.ports.records import new_id
from connectors.web.channel import WebChannel
from connectors.web.session import Candidate, SignedIn
from connectors.web.store import metadata

SECRET = b"a secret of the tests"


class TestClock:
    """Stands still until it is moved."""

    __test__ = False

    def __init__(self) -> None:
        self.now = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def forward(self, step: timedelta) -> None:
        self.now += step


@asynccontextmanager
async def open_channel(folder: Path, clock: TestClock | None = None) -> AsyncIterator[WebChannel]:
    engine = create_async_engine(f"sqlite+aiosqlite:///{folder / 'web.sqlite'}")
    event.listen(engine.sync_engine, "connect", lambda connection, _: connection.execute("PRAGMA journal_mode = WAL"))
    async with engine.begin() as connection:
        await connection.run_sync(metadata.create_all)
    try:
        yield WebChannel(async_sessionmaker(engine, expire_on_commit=False), clock or TestClock())
    finally:
        await engine.dispose()


PEOPLE = {
    "dana@acme.example": SignedIn("dana@acme.example", "Dana Reyes", frozenset({"employee"})),
    "omar@acme.example": SignedIn("omar@acme.example", "Omar Haddad", frozenset({"employee"})),
    "priya@acme.example": SignedIn("priya@acme.example", "Priya Nair", frozenset({"employee"})),
    "sam@acme.example": SignedIn("sam@acme.example", "Sam Okafor", frozenset({"employee", "staff"}), frozenset({"it-support"})),
    "kim@acme.example": SignedIn("kim@acme.example", "Kim Sato", frozenset({"employee", "knowledge_admin"}), frozenset({"knowledge"})),
}


class FakeSignIn:
    """Five people; `gone` are no longer active."""

    def __init__(self) -> None:
        self.gone: set[str] = set()
        self.sandbox = True
        self.groups: dict[str, frozenset[str]] = {}

    async def people(self, text: str, *, limit: int = 20) -> Sequence[Candidate]:
        found = [p for p in PEOPLE.values() if text.lower() in p.name.lower()]
        return [Candidate(p.external_id, p.name, "Analyst", "US") for p in found][:limit]

    async def verify(self, email: str) -> SignedIn | None:
        person = PEOPLE.get(email.lower())
        if person is None or email in self.gone:
            return None
        groups = self.groups.get(email, person.groups)
        return SignedIn(person.external_id, person.name, person.roles, groups)


class FakeBot:
    """Records activities once each; `work()` answers what was recorded, as the bot would after its commit."""

    def __init__(self, channel: WebChannel) -> None:
        self._channel = channel
        self.recorded: list[Activity] = []
        self.broken = False
        self.answered = 0

    async def record(self, activity: Activity) -> bool:
        if self.broken:
            raise RuntimeError("the database is gone")
        if any(known.id == activity.id for known in self.recorded):
            return False
        self.recorded.append(activity)
        return True

    async def busy(self, external_id: str, conversation: str | None) -> bool:
        return any(
            activity.sender.external_id == external_id and conversation in (None, activity.address.thread)
            for activity in self.recorded[self.answered :]
        )

    async def work(self) -> None:
        while self.answered < len(self.recorded):
            activity = self.recorded[self.answered]
            said = activity.text if activity.kind is ActivityKind.MESSAGE else f"pressed {activity.press.action_id}"  # type: ignore[union-attr]
            echo = Reply(new_id(), ReplyKind.ANSWER, f"You said: {said}")
            await self._channel.deliver("post", activity.address, echo, key=activity.id, message_id=None)
            self.answered += 1
