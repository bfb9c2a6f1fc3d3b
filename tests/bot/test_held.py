"""Posts that are held: out of everybody's way, changed in place, and out once, in order, when it is time or somebody comes."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import insert, select, text, update

from bot import tables as t
from bot.database import Sessions
from bot.held import HeldPosts, held_rows
from bot.outbox import Outbox, Placement
from bot.people import PeopleStore
from connectors.memory.channel import MemoryChannel
from connectors.ports.chat import Action, Address, Reply, ReplyKind
from connectors.ports.messages import Reader
from connectors.ports.people import Directory
from connectors.ports.records import new_id
from tests.bot.test_people import DANA, FakeDirectory

START = datetime(2026, 11, 24, 23, 0, tzinfo=UTC)
MORNING = START + timedelta(hours=8)
ROOM = Address("memory", "local", "dana@acme.example")
YES = Action("a", "Approve")


@dataclass
class Night:
    sessions: Sessions
    channel: MemoryChannel
    outbox: Outbox
    held: HeldPosts
    reader: str
    now: datetime = START

    async def post(self, words: str, *, held: bool = True, key: str | None = None, kind: ReplyKind = ReplyKind.NOTICE) -> None:
        actions = (YES,) if kind is ReplyKind.APPROVAL else ()
        async with self.sessions.begin() as session:
            await self.outbox.post(
                session,
                ROOM,
                Reply(new_id(), kind, words, actions=actions),
                card_key=key,
                reader_id=self.reader,
                held_until=MORNING if held else None,
            )

    async def edit(self, key: str, words: str, kind: ReplyKind = ReplyKind.NOTICE) -> None:
        def draw(placement: Placement) -> Reply:
            return Reply("anything", kind, words)

        async with self.sessions.begin() as session:
            await self.outbox.edit(session, key, draw)

    async def seen(self, at: datetime) -> None:
        async with self.sessions.begin() as session:
            await session.execute(update(t.identity).values(last_seen_at=at))

    async def deliver(self) -> list[str]:
        """All that goes out now; what is shown then."""
        await self.held.release()
        await self.outbox.deliver()
        while self.outbox.busy:
            await self.outbox.close(5)
            self.outbox = self.restarted()
            await self.outbox.deliver()
        return [reply.text for reply in self.channel.shown(ROOM.room)]

    def restarted(self) -> Outbox:
        return Outbox(self.sessions, {"memory": self.channel}, lambda: self.now)

    async def states(self) -> list[str]:
        async with self.sessions() as session:
            return list((await session.execute(select(t.outbox.c.state).order_by(t.outbox.c.sequence))).scalars())


@pytest.fixture
async def night(sessions: Sessions) -> Night:
    channel, directory = MemoryChannel(), FakeDirectory(DANA)
    taken: Directory = directory
    people = PeopleStore(sessions, taken, {"memory": channel}, {}, lambda: START, Reader("en", "UTC"))
    dana = await people.by_key(DANA.key)
    assert dana is not None
    async with sessions.begin() as session:
        values = {"channel": "memory", "tenant": "local", "external_id": DANA.email, "person_id": dana.id}
        await session.execute(insert(t.identity).values(**values, last_seen_at=START - timedelta(hours=2)))
    outbox = Outbox(sessions, {"memory": channel}, lambda: made.now)
    held = HeldPosts(sessions, people, {"memory": channel}, lambda: made.now, None, on_released=lambda: None)
    made = Night(sessions, channel, outbox, held, dana.id)
    return made


async def test_it_holds_up_nothing_that_is_said_there(night: Night) -> None:
    await night.post("later")
    await night.post("now", held=False)
    assert await night.deliver() == ["now"]
    assert (await night.outbox.waiting(), await night.outbox.undelivered([ROOM.room]), await night.held.count()) == (0, 0, 1)


async def test_it_goes_out_at_its_time_in_order_and_once(night: Night) -> None:
    for words in ("1", "2", "3"):
        await night.post(words)
    assert await night.held.release() == (MORNING - START).total_seconds()
    night.now = MORNING
    assert await night.held.due()
    assert await night.held.due(night.reader)
    assert not await night.held.due("somebody else"), "whose chat is idle"
    assert await night.deliver() == ["1", "2", "3"]
    assert await night.held.release() is None
    assert await night.deliver() == ["1", "2", "3"]


async def test_it_goes_out_when_its_reader_comes(night: Night) -> None:
    await night.post("later")
    assert await night.deliver() == []
    night.now += timedelta(minutes=40)
    await night.seen(night.now)
    assert await night.deliver() == ["later"]


async def test_what_they_did_at_the_moment_it_was_held_is_not_missed(night: Night) -> None:
    """Their turn was saved after it was decided that they are not there, and before the post was."""
    await night.seen(START - timedelta(seconds=1))
    await night.post("later")
    assert await night.deliver() == ["later"]


async def test_a_card_changes_before_anybody_has_seen_it(night: Night) -> None:
    await night.post("asked", key="card")
    await night.edit("card", "changed")
    await night.edit("card", "changed again")
    assert await night.states() == ["held"], "there is nothing to edit yet"
    night.now = MORNING
    assert await night.deliver() == ["changed again"]
    await night.edit("card", "the end")
    assert await night.deliver() == ["the end"]
    assert [message.versions for message in night.channel.messages.values()] == [2]


async def test_an_approval_that_is_settled_is_never_shown(night: Night) -> None:
    await night.post("may they?", key="approval:1", kind=ReplyKind.APPROVAL)
    await night.edit("approval:1", "they may", ReplyKind.APPROVAL)
    await night.edit("approval:1", "they may, still", ReplyKind.APPROVAL)
    night.now = MORNING
    assert await night.deliver() == []
    assert (await night.states(), await night.outbox.shown("approval:1")) == (["withdrawn"], [])


async def test_one_that_is_open_is_shown_to_be_edited_later(night: Night) -> None:
    await night.post("may they?", key="approval:1", kind=ReplyKind.APPROVAL)
    night.now = MORNING
    await night.deliver()
    await night.edit("approval:1", "they may", ReplyKind.APPROVAL)
    assert await night.deliver() == ["they may"]


async def test_released_and_then_killed_it_is_delivered_by_the_next_process(night: Night) -> None:
    await night.post("later")
    night.now = MORNING
    await night.held.release()
    night.outbox = night.restarted()
    assert await night.deliver() == ["later"]


async def test_what_was_sent_long_ago_is_not_looked_through(night: Night) -> None:
    """Asked of the database itself: how it would find what is held."""
    await night.post("sent", held=False, key="said")
    await night.deliver()
    async with night.sessions.begin() as session:
        sent = (await session.execute(select(t.outbox))).one()._asdict()
        del sent["sequence"]
        await session.execute(insert(t.outbox), [{**sent, "id": new_id()} for _ in range(10_000)])
    await night.post("later")
    async with night.sessions.begin() as session:
        explain = "EXPLAIN QUERY PLAN" if session.get_bind().dialect.name == "sqlite" else "EXPLAIN"
        if explain == "EXPLAIN":
            await session.execute(text("ANALYZE outbox"))
        query = held_rows().compile(session.get_bind(), compile_kwargs={"literal_binds": True})
        plan = str((await session.execute(text(f"{explain} {query}"))).all())
    assert "ix_outbox_held" in plan
