"""What the scenarios about handoffs share: opening one, and reading all that was ever shown in a room."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

from sqlalchemy import select

from bot import tables as t
from bot.changes import Changes
from bot.talk import Talk
from connectors.ports.chat import Address, Attachment, Reply
from connectors.ports.people import ExternalId
from tests.scenarios.company import Company, email


@dataclass(frozen=True, slots=True)
class Place:
    """A thread, as `Company.say` wants it."""

    room: str
    thread: str | None

    @property
    def here(self) -> dict[str, str | None]:
        return {"room": self.room, "thread": self.thread}


async def claimed(company: Company, by: str = "sam") -> Place:
    """Dana asked for a person, and somebody took it; returns the staff thread."""
    await company.say("dana", "I want to talk to a person")
    _, address, _ = await company.offered(by, "claim")
    await company.press(by, "claim")
    await company.news("dana")
    await company.news(by)
    return Place(address.room, address.thread)


async def delivered(company: Company, person: str) -> list[Reply]:
    """All that was ever shown to this person alone, each version of it, in order."""
    return [reply async for reply in _delivered(company, email(person))]


async def texts(company: Company, person: str) -> list[str]:
    return [reply.text for reply in await delivered(company, person)]


async def in_room(company: Company, room: str) -> list[Reply]:
    """All that was ever shown in a room, each version of it."""
    return [reply async for reply in _delivered(company, room)]


async def _delivered(company: Company, room: str) -> AsyncIterator[Reply]:
    async with company.app.sessions() as session:
        rows = await session.execute(select(t.outbox.c.reply).where(t.outbox.c.room == room).order_by(t.outbox.c.sequence))
        for row in rows.all():
            yield Reply.from_json(row[0])


async def talk_of(company: Company, person: str, place: Place, activity: str, files: tuple[Attachment, ...] = ()) -> Talk:
    """As the turn opens it, with files that were fetched already."""
    who = await company.app.people.by_email(email(person))
    assert who is not None
    desk, reader = company.app.desk, ExternalId("web", "local", email(person))
    conversation = await company.app.conversations.load(Address("web", "local", place.room, place.thread), who.id, company.clock())
    talk = await desk.board.talks.open(activity, who, conversation, company.clock(), Changes(), reader)
    talk.files = files
    return talk


async def save(company: Company, talk: Talk) -> None:
    talk.changes.conversations.append(talk.conversation)
    await company.app.desk.saver.save(talk.changes)
    await company.settle()
