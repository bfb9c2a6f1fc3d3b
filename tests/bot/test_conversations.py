"""Which conversations of a room are looked at when somebody says something there, on each database."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import insert

from bot import tables as t
from bot.conversation.model import Awaits, AwaitsSlot, Conversation, Speaker, TranscriptEvent
from bot.conversation.store import ConversationStore, Spoken
from bot.database import Sessions
from connectors.ports.chat import Address
from connectors.ports.records import new_id

NOW = datetime(2026, 11, 20, 15, 0, tzinfo=UTC)
ROOM = Address("flat", "local", "dana")
DAY = timedelta(days=1)


class Book:
    """Dana's conversations in her own chat, by the name of their thread."""

    def __init__(self, sessions: Sessions) -> None:
        self.sessions, self.store = sessions, ConversationStore(sessions)

    async def begin(self, thread: str, *lines: tuple[Speaker, timedelta], began: timedelta = DAY, awaits: tuple[Awaits, ...] = ()) -> str:
        """`lines`: who spoke, how long ago."""
        one = Conversation(new_id(), Address("flat", "local", "dana", thread), "dana", NOW - began, awaits)
        async with self.sessions.begin() as session:
            await self.store.save(session, one)
            said = [TranscriptEvent(new_id(), one.id, NOW - ago, who, "words", "dana" if who == "person" else None) for who, ago in lines]
            await self.store.append(session, said)
        return one.id

    async def spoken(self, *also: str) -> dict[str | None, Spoken]:
        found = await self.store.spoken(ROOM, "dana", NOW - 31 * DAY, also)
        return {one.conversation.address.thread: one for one in found}


@pytest.fixture
async def book(sessions: Sessions) -> Book:
    async with sessions.begin() as session:
        await session.execute(insert(t.person).values(id="dana", directory_key="dana", created_at=NOW))
    return Book(sessions)


async def test_when_they_spoke_and_when_anything_was_said_are_told_apart(book: Book) -> None:
    await book.begin("words", ("person", 3 * DAY), ("bot", 2 * DAY))
    (one,) = (await book.spoken()).values()
    assert (one.spoken, one.last) == (NOW - 3 * DAY, NOW - 2 * DAY)


async def test_where_they_only_pressed_something_it_counts_if_it_asks_something(book: Book) -> None:
    await book.begin("pressed", ("bot", DAY))
    await book.begin("asked", ("bot", DAY), awaits=(AwaitsSlot("r1", "role"),))
    found = await book.spoken()
    assert {name: one.spoken for name, one in found.items()} == {"asked": None}


async def test_what_began_long_ago_counts_if_it_is_named(book: Book) -> None:
    old = await book.begin("old", ("person", 40 * DAY), began=40 * DAY)
    await book.begin("new", ("person", DAY))
    assert set(await book.spoken()) == {"new"}
    assert set(await book.spoken(old)) == {"new", "old"}


async def test_what_they_said_as_staff_under_a_card_is_none(book: Book) -> None:
    await book.begin("desk", ("person", DAY))
    card = {"id": new_id(), "card_key": "handoff:h1:private", "channel": "flat", "tenant": "local", "room": "dana", "posted_thread": "desk"}
    async with book.sessions.begin() as session:
        await session.execute(insert(t.placement).values(**card))
    assert await book.spoken() == {}
