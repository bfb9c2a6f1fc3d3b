"""OwnResets with everything real but the store of passwords, the mailbox and the people."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import select

import bot
from bot.database import Sessions
from bot.resets import OwnResets
from connectors.errors import Refused
from connectors.memory.passwords import MemoryPasswords
from connectors.ports.messages import Messages, Reader
from connectors.ports.people import Person
from connectors.ports.systems import Account, Effect, fingerprint
from specialists.audit import Audit
from specialists.tables import audit_event

TEN_MINUTES = timedelta(minutes=10)
START = datetime(2026, 9, 16, 9, 30, tzinfo=UTC)
GOOD, BETTER, WEAK = "a river of 7 stones", "another river, 9 stones", "short"
MESSAGES = Messages.load([Path(bot.__file__).with_name("messages.yaml")])
DANA, OMAR, LEAVER, NOWHERE = "e1001", "e1002", "e1003", "e1004"
NAMES = {DANA: "Dana Whitfield", OMAR: "Omar Haddad", LEAVER: "Lee Aver", NOWHERE: "No Where"}


@dataclass
class Clock:
    now: datetime = START

    def __call__(self) -> datetime:
        return self.now

    def advance(self, by: timedelta) -> None:
        self.now += by


@dataclass(frozen=True)
class Mail:
    person_key: str
    subject: str
    text: str
    link: str | None


@dataclass
class Mailbox:
    """Implements EnrolledChannel. `failing`: raised by the next sending, `lost`: once it is done."""

    mails: dict[str, Mail] = field(default_factory=dict)
    failing: list[BaseException] = field(default_factory=list)
    lost: list[BaseException] = field(default_factory=list)

    async def address(self, person_key: str) -> str | None:
        return None if person_key == NOWHERE else "d•••@home.example"

    async def fingerprint(self, person_key: str) -> str | None:
        return fingerprint(person_key, "dana@home.example") if await self.address(person_key) else None

    async def send(self, person_key: str, *, subject: str, text: str, link: str | None = None, key: str) -> Effect:
        if self.failing:
            raise self.failing.pop(0)
        new = key not in self.mails
        self.mails.setdefault(key, Mail(person_key, subject, text, link))
        if self.lost:
            raise self.lost.pop(0)
        return Effect(f"mail:{key}", changed=new)

    @property
    def links(self) -> list[str]:
        """The tokens that were sent, in order."""
        return [mail.link.rsplit("/", 1)[1] for mail in self.mails.values() if mail.link]

    @property
    def notices(self) -> list[Mail]:
        return [mail for mail in self.mails.values() if mail.link is None]


class People:
    """Implements the People port; `down` is raised by whoever asks."""

    down: Exception | None = None
    privileged: bool = False

    async def get(self, person_id: str) -> Person | None:
        return await self.by_key(person_id.removeprefix("p-"))

    async def known(self, person_id: str) -> Person | None:
        return await self.get(person_id)

    async def by_key(self, directory_key: str) -> Person | None:
        if self.down is not None:
            raise self.down
        name = NAMES.get(directory_key)
        if name is None:
            return None
        return Person(
            f"p-{directory_key}", directory_key, name, f"{directory_key}@acme.example", "UTC", "en-US", privileged=self.privileged
        )

    async def members(self, group: str) -> list[Person]:
        return []


@dataclass
class Rig:
    sessions: Sessions
    clock: Clock = field(default_factory=Clock)
    mailbox: Mailbox = field(default_factory=Mailbox)
    people: People = field(default_factory=People)

    def __post_init__(self) -> None:
        active = Account("active", password_changed_at=START - timedelta(days=90))
        known = dict.fromkeys((DANA, OMAR, NOWHERE), active) | {LEAVER: replace(active, status="disabled")}
        self.passwords = MemoryPasswords(known, self.clock)
        self.resets = self.replica()

    def replica(self) -> OwnResets:
        """Another process on the same database and systems."""
        return OwnResets(
            passwords=self.passwords,
            enrolled=self.mailbox,
            sessions=self.sessions,
            people=self.people,
            audit=Audit(b"k" * 32, clock=self.clock),
            messages=MESSAGES,
            reader=Reader("en", "UTC"),
            clock=self.clock,
            secret=b"s" * 32,
            base_url="https://foyer.example/",
        )

    async def link(self, key: str = "k1", person_key: str = DANA) -> str:
        """The token of a fresh link."""
        await self.resets.send_reset_link(person_key, lifetime=TEN_MINUTES, key=key)
        return self.mailbox.links[-1]

    async def state(self, token: str) -> str:
        return (await self.resets.look(token)).state

    async def choose(self, token: str, password: str = GOOD) -> str:
        return (await self.resets.choose(token, password)).state

    async def audited(self, event: str = "") -> list[dict[str, object]]:
        """The data of these events, with their names."""
        async with self.sessions() as session:
            rows = (await session.execute(select(audit_event).order_by(audit_event.c.id))).all()
        return [
            {"event": row.event, "actor": row.actor_id, "subject": row.subject_id, "request": row.request_id, **row.data}
            for row in rows
            if event in ("", row.event)
        ]


def unknown(person_key: str) -> Refused:
    return Refused("unknown_person", person_key)


@asynccontextmanager
async def on_sqlite(path: Path) -> AsyncIterator[Rig]:
    """On a database of its own that has no more than the tables needed: quick to make."""
    from bot.database import connect
    from bot.tables import reset_link
    from specialists.tables import metadata, person_key

    engine, sessions = connect(f"sqlite+aiosqlite:///{path}")
    async with engine.begin() as connection:
        await connection.run_sync(reset_link.create)
        await connection.run_sync(metadata.create_all, tables=[audit_event, person_key])
    yield Rig(sessions)
    await sessions.at_rest()
    await engine.dispose()
