"""The outbox: in order per address, once even when the outcome is unknown, and cards redrawn wherever they are shown."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import event, insert, select, text, update

from bot import tables as t
from bot.database import Sessions, connect
from bot.delivery import TRIES
from bot.outbox import AT_ONCE, Outbox, Placement, Refusal, heads
from connectors.errors import ConnectorError, OutcomeUnknown, Refused, Retry
from connectors.memory.channel import MemoryChannel
from connectors.ports.chat import Address, Delivered, Operation, Reply, ReplyKind
from connectors.ports.records import new_id
from tests.migrated import sqlite_file

DANA = Address("fake", "local", "dana", "t")
OMAR = Address("fake", "local", "omar", "t")
START = datetime(2026, 11, 20, tzinfo=UTC)


class FakeChannel(MemoryChannel):
    """A channel that fails as told: before showing, or after it."""

    def __init__(self, name: str = "fake") -> None:
        super().__init__(name)
        self.seen: dict[str, tuple[Address, Reply]] = {}
        self.order: list[tuple[Operation, str, str]] = []
        self.keys: dict[str, str] = {}
        self.before: list[Exception] = []
        self.after: list[ConnectorError] = []
        self.looked_for = 0
        self.unsent: tuple[str, ...] = ()
        self.gates: dict[str, asyncio.Event] = {}
        """By text: held up until the event is set, and after it was shown."""
        self.arrived = asyncio.Event()

    async def deliver(self, operation: Operation, address: Address, reply: Reply, *, key: str, message_id: str | None) -> Delivered:
        if self.before:
            raise self.before.pop(0)
        shown_as = message_id or f"m{len(self.seen) + 1}"
        self.seen[shown_as] = (address, reply)
        self.order.append((operation, address.room, reply.text))
        self.keys[key] = shown_as
        if reply.text in self.gates:
            self.arrived.set()
            await self.gates[reply.text].wait()
        if self.after:
            raise self.after.pop(0)
        return Delivered(shown_as, address.thread or shown_as, self.unsent)

    async def find(self, address: Address, *, key: str) -> Delivered | None:
        self.looked_for += 1
        return Delivered(self.keys[key], address.thread or self.keys[key]) if key in self.keys else None

    def said(self, room: str) -> list[str]:
        return [words for _, where, words in self.order if where == room]


class Post:
    """An outbox on fake channels, with a clock that the test moves, and the loop that runs it."""

    def __init__(self, sessions: Sessions) -> None:
        self.now = START
        self.channel: FakeChannel = FakeChannel()
        self.other = FakeChannel("other")
        self.sessions = sessions
        self.outbox = self.new_outbox()

    def new_outbox(self) -> Outbox:
        """As after a restart: nothing is remembered but the rows."""
        self.woken = asyncio.Event()
        self.outbox = Outbox(self.sessions, {"fake": self.channel, "other": self.other}, lambda: self.now)
        self.outbox.on_more = self.woken.set
        return self.outbox

    async def post(self, address: Address, words: str, card_key: str | None = None) -> Reply:
        reply = Reply(new_id(), ReplyKind.NOTICE, words)
        async with self.sessions.begin() as session:
            await self.outbox.post(session, address, reply, card_key=card_key)
        return reply

    async def edit(self, card_key: str, words: str) -> None:
        def draw(placement: Placement) -> Reply:
            return Reply("anything", ReplyKind.NOTICE, f"{words} for {placement.address.room}")

        async with self.sessions.begin() as session:
            await self.outbox.edit(session, card_key, draw)

    async def deliver(self, held_up: int = 0) -> float | None:
        """Until nothing runs any more but what is held up. Returns the seconds until more is due."""
        async with asyncio.timeout(60):
            while True:
                self.woken.clear()
                pause = await self.outbox.deliver()
                if self.outbox.busy <= held_up and not self.woken.is_set():
                    return pause
                await self.woken.wait()

    async def states(self) -> list[str]:
        async with self.sessions() as session:
            return list((await session.execute(select(t.outbox.c.state).order_by(t.outbox.c.sequence))).scalars())


@pytest.fixture
def post(sessions: Sessions) -> Post:
    return Post(sessions)


async def test_order_is_kept_per_address(post: Post) -> None:
    for words in ("1", "2", "3"):
        await post.post(DANA, words)
        await post.post(OMAR, words)
    assert await post.deliver() is None
    assert post.channel.said("dana") == ["1", "2", "3"]
    assert post.channel.said("omar") == ["1", "2", "3"]


async def test_a_long_queue_comes_out_whole_and_in_order(post: Post) -> None:
    for n in range(50):
        await post.post(DANA, str(n))
    await post.deliver()
    assert post.channel.said("dana") == [str(n) for n in range(50)]


async def test_a_slow_address_holds_up_nobody_else(post: Post) -> None:
    post.channel.gates["slow"] = asyncio.Event()
    await post.post(DANA, "slow")
    await post.post(DANA, "after it")
    await post.deliver(held_up=1)
    for words in ("1", "2"):
        await post.post(OMAR, words)
    await post.deliver(held_up=1)
    assert post.channel.order == [("post", "dana", "slow"), ("post", "omar", "1"), ("post", "omar", "2")]
    post.channel.gates["slow"].set()
    await post.deliver()
    assert post.channel.said("dana") == ["slow", "after it"]


async def test_a_platform_that_hangs_holds_up_no_other(post: Post) -> None:
    post.channel.gates["slow"] = asyncio.Event()
    for n in range(AT_ONCE + 5):
        await post.post(replace(DANA, room=f"room-{n}"), "slow")
    await post.deliver(held_up=AT_ONCE)
    await post.post(replace(DANA, channel="other"), "elsewhere")
    await post.deliver(held_up=AT_ONCE)
    assert post.other.said("dana") == ["elsewhere"]
    assert len(post.channel.order) == AT_ONCE
    post.channel.gates["slow"].set()
    await post.deliver()
    assert len(post.channel.order) == AT_ONCE + 5


async def test_what_has_to_wait_holds_back_its_own_address_only(post: Post) -> None:
    await post.post(DANA, "1")
    await post.post(DANA, "2")
    post.channel.before = [Retry("down")]
    assert await post.deliver() == 1
    await post.post(OMAR, "1")
    await post.deliver()
    assert post.channel.order == [("post", "omar", "1")]
    post.now += timedelta(seconds=1)
    await post.deliver()
    assert post.channel.said("dana") == ["1", "2"]


async def test_a_workspace_that_asks_to_wait_is_left_alone_by_all_its_addresses(post: Post) -> None:
    """Its limit is its own, whichever room meets it."""
    elsewhere = replace(OMAR, tenant="other")
    await post.post(DANA, "1")
    post.channel.before = [Retry("rate_limited", after=30)]
    assert await post.deliver() == 30
    await post.post(OMAR, "2")
    await post.post(elsewhere, "3")
    await post.post(replace(OMAR, channel="other"), "4")
    assert await post.deliver() == 30
    assert post.channel.order == [("post", "omar", "3")]
    assert post.other.said("omar") == ["4"]
    post.now += timedelta(seconds=30)
    await post.deliver()
    assert sorted(post.channel.said("omar") + post.channel.said("dana")) == ["1", "2", "3"]


async def test_a_place_that_wants_to_be_left_alone_holds_up_no_other(post: Post) -> None:
    """Where the platform counts by conversation."""
    await post.post(DANA, "1")
    post.channel.before = [Retry("busy", after=30, here=True)]
    assert await post.deliver() == 30
    await post.post(DANA, "2")
    await post.post(OMAR, "3")
    assert await post.deliver() == 30
    assert post.channel.order == [("post", "omar", "3")]
    post.now += timedelta(seconds=30)
    await post.deliver()
    assert post.channel.said("dana") == ["1", "2"]


async def test_pace_holds_its_own_address_only(post: Post) -> None:
    await post.post(DANA, "1")
    post.channel.before = [Retry("pace", after=1)]
    await post.deliver()
    await post.post(OMAR, "2")
    await post.deliver()
    assert post.channel.said("omar") == ["2"]


async def test_files_that_were_not_taken_are_told_and_the_rest_is_sent(post: Post) -> None:
    told: list[Refusal] = []

    async def tell(refusal: Refusal) -> None:
        told.append(refusal)

    post.outbox.on_refused = tell
    post.channel.unsent = ("screen.png",)
    await post.post(DANA, "here", "card")
    await post.deliver()
    assert [(one.code, one.files, one.card_key) for one in told] == [("files", ("screen.png",), "card")]
    assert await post.states() == ["sent"]
    (card,) = await post.outbox.shown("card")
    assert card.message_id == "m1"


async def again(post: Post, refusal: Refusal, address: Address) -> None:
    async with post.sessions.begin() as session:
        await post.outbox.post_again(session, refusal, address)


async def test_a_refused_card_is_posted_elsewhere_as_it_is_by_now(post: Post) -> None:
    refused = await post.post(DANA, "first", "card")
    await post.edit("card", "later")
    for _ in range(2):  # told again after a crash
        await again(post, Refusal("post", "card", DANA, refused, "is_archived"), OMAR)
    post.channel.before = [Refused("is_archived")]
    await post.deliver()
    assert post.channel.order == [("post", "omar", "later for dana")]
    await post.edit("card", "last")
    await post.deliver()
    assert post.channel.order[1:] == [("edit", "omar", "last for omar")]


async def test_a_card_that_is_gone_is_posted_again_once(post: Post) -> None:
    card = await post.post(DANA, "first", "card")
    await post.deliver()
    for _ in range(2):
        await again(post, Refusal("edit", "card", DANA, replace(card, text="new"), "message_not_found"), DANA)
    await post.deliver()
    assert post.channel.order[1:] == [("post", "dana", "new")]


async def test_what_certainly_was_not_shown_is_not_looked_for(post: Post) -> None:
    await post.post(DANA, "1")
    post.channel.before = [Retry("rate_limited", after=30)]
    await post.deliver()
    post.new_outbox()
    post.now += timedelta(seconds=31)
    await post.deliver()
    assert (post.channel.said("dana"), post.channel.looked_for) == (["1"], 0)


async def test_pace_is_no_attempt(post: Post) -> None:
    await post.post(DANA, "1")
    for _ in range(5):
        post.channel.before = [Retry("pace", after=1)]
        assert await post.deliver() == 1
        post.now += timedelta(seconds=1)
    post.channel.before = [Retry("down")]
    assert await post.deliver() == 1, "the first pause of those that grow"
    post.now += timedelta(seconds=1)
    await post.deliver()
    assert (post.channel.said("dana"), post.channel.looked_for) == (["1"], 0)


async def test_pauses_grow_while_a_platform_is_away(post: Post) -> None:
    await post.post(DANA, "1")
    pauses = []
    for _ in range(6):
        post.channel.before = [Retry("down")]
        pauses.append(await post.deliver())
        post.now += timedelta(seconds=pauses[-1] or 0)
    assert pauses == [1, 2, 5, 15, 60, 60]


async def test_an_unknown_outcome_is_read_back_and_not_posted_twice(post: Post) -> None:
    await post.post(DANA, "once", "card")
    post.channel.after = [OutcomeUnknown("timeout")]
    await post.deliver()
    post.now += timedelta(minutes=5)
    await post.deliver()
    assert post.channel.order == [("post", "dana", "once")]
    (placement,) = await post.outbox.shown("card")
    assert placement.message_id == "m1"


async def test_without_reading_back_it_would_be_posted_twice(post: Post) -> None:
    """The negative control: a channel that cannot find what it showed doubles it."""
    post.channel.keys = _Forgetful()
    await post.post(DANA, "once")
    post.channel.after = [OutcomeUnknown("timeout")]
    await post.deliver()
    post.now += timedelta(minutes=5)
    await post.deliver()
    assert len(post.channel.order) == 2


class _Forgetful(dict[str, str]):
    def __contains__(self, key: object) -> bool:
        return False


async def test_what_was_shown_before_a_crash_is_not_shown_again(post: Post) -> None:
    post.channel.gates["once"] = asyncio.Event()
    await post.post(DANA, "once")
    await post.post(DANA, "and then")
    await post.deliver(held_up=1)
    await post.channel.arrived.wait()
    await post.outbox.close(0)
    post.new_outbox()
    await post.deliver()
    assert post.channel.said("dana") == ["once", "and then"]
    assert post.channel.looked_for == 1


async def test_closing_lets_what_runs_come_to_its_end_and_starts_nothing(post: Post) -> None:
    post.channel.gates["1"] = asyncio.Event()
    for words in ("1", "2"):
        await post.post(DANA, words)
    await post.deliver(held_up=1)
    await post.channel.arrived.wait()
    closing = asyncio.create_task(post.outbox.close(30))
    await asyncio.sleep(0)
    post.channel.gates["1"].set()
    await closing
    await post.post(OMAR, "later")
    await post.outbox.deliver()
    assert post.outbox.busy == 0
    assert await post.states() == ["sent", "pending", "pending"]


async def test_what_is_refused_does_not_block_what_follows_and_is_told(post: Post) -> None:
    told: list[Refusal] = []

    async def tell(refusal: Refusal) -> None:
        told.append(refusal)

    post.outbox.on_refused = tell
    refused = await post.post(DANA, "refused", "card")
    await post.post(DANA, "fine")
    post.channel.before = [Refused("no_such_room")]
    await post.deliver()
    assert post.channel.said("dana") == ["fine"]
    assert await post.outbox.undelivered(["dana"]) == 0
    assert told == [Refusal("post", "card", DANA, refused, "no_such_room")]


async def test_a_refusal_that_could_not_be_told_is_told_again(post: Post) -> None:
    told: list[str] = []

    async def tell(refusal: Refusal) -> None:
        told.append(refusal.code)
        if len(told) == 1:
            raise RuntimeError("broken")

    post.outbox.on_refused = tell
    await post.post(DANA, "refused")
    post.channel.before = [Refused("no_such_room"), Refused("no_such_room")]
    await post.deliver()
    assert await post.states() == ["pending"]
    post.now += timedelta(minutes=1)
    await post.deliver()
    assert (told, await post.states()) == (["no_such_room", "no_such_room"], ["failed"])


async def test_a_defect_of_a_channel_does_not_block_for_ever(post: Post) -> None:
    told: list[str] = []

    async def tell(refusal: Refusal) -> None:
        told.append(refusal.code)

    post.outbox.on_refused = tell
    await post.post(DANA, "broken")
    await post.post(DANA, "fine")
    post.channel.before = [RuntimeError("a defect") for _ in range(TRIES)]
    for _ in range(TRIES):
        await post.deliver()
        post.now += timedelta(minutes=2)
    await post.deliver()
    assert (post.channel.said("dana"), told) == (["fine"], ["broken"])


async def test_a_card_is_edited_wherever_it_is_shown_under_its_own_id(post: Post) -> None:
    first = await post.post(DANA, "card", "card")
    second = await post.post(OMAR, "card", "card")
    await post.edit("card", "done")
    await post.deliver()
    assert post.channel.seen["m1"] == (DANA, replace(first, text="done for dana"))
    assert post.channel.seen["m2"] == (OMAR, replace(second, text="done for omar"))


async def test_edits_that_wait_collapse_to_the_newest(post: Post) -> None:
    await post.post(DANA, "card", "card")
    await post.post(DANA, "other", "other")
    for n in range(4):
        await post.edit("card", f"step {n}")
    await post.edit("other", "done")
    await post.deliver()
    assert post.channel.said("dana") == ["card", "other", "step 3 for dana", "done for dana"]
    assert await post.states() == ["sent", "sent", "superseded", "superseded", "superseded", "sent", "sent"]


async def test_a_new_edit_waits_as_long_as_the_one_that_it_replaces(post: Post) -> None:
    await post.post(DANA, "card", "card")
    await post.deliver()
    await post.edit("card", "first")
    post.channel.before = [Retry("rate_limited", after=30)]
    await post.deliver()
    await post.edit("card", "second")
    assert await post.deliver() == 30
    post.now += timedelta(seconds=30)
    await post.deliver()
    assert post.channel.said("dana") == ["card", "second for dana"]


async def test_an_edit_that_is_replaced_while_it_is_sent_is_not_tried_again(post: Post) -> None:
    await post.post(DANA, "card", "card")
    await post.deliver()
    post.channel.gates["first for dana"] = asyncio.Event()
    post.channel.after = [OutcomeUnknown("timeout", after=30)]
    await post.edit("card", "first")
    await post.deliver(held_up=1)
    await post.channel.arrived.wait()
    await post.edit("card", "second")
    post.channel.gates["first for dana"].set()
    assert await post.deliver() == 30, "what has to wait still waits"
    post.now += timedelta(seconds=30)
    await post.deliver()
    assert post.channel.said("dana") == ["card", "first for dana", "second for dana"]


async def test_a_new_message_tells_which_thread_it_started(post: Post) -> None:
    await post.post(replace(DANA, thread=None), "alone", "card")
    await post.deliver()
    (placement,) = await post.outbox.shown("card")
    assert placement.posted_thread == "m1"


async def test_what_is_for_a_channel_that_is_not_connected_waits(post: Post) -> None:
    await post.post(replace(DANA, channel="gone"), "1")
    assert await post.deliver() is None
    assert await post.states() == ["pending"]


async def test_what_was_sent_long_ago_is_not_looked_through(post: Post) -> None:
    """Asked of the database itself: how it would find what is due."""
    await post.post(DANA, "1")
    await post.deliver()
    async with post.sessions.begin() as session:
        sent = (await session.execute(select(t.outbox))).one()._asdict()
        del sent["sequence"]
        await session.execute(insert(t.outbox), [{**sent, "id": new_id()} for _ in range(10_000)])
        await session.execute(update(t.outbox).where(t.outbox.c.sequence == 10_001).values(state="pending"))
    async with post.sessions() as session:
        sqlite = session.get_bind().dialect.name == "sqlite"
        if not sqlite:
            await session.execute(text("ANALYZE outbox"))
        asked = heads(["fake"]).compile(session.get_bind(), compile_kwargs={"literal_binds": True})
        plan = str((await session.execute(text(("EXPLAIN QUERY PLAN " if sqlite else "EXPLAIN ") + str(asked)))).all())
    assert "ix_outbox_pending" in plan


class PacedChannel(FakeChannel):
    """One message a second and room; then it is told to wait; then it is away for ten minutes, and some of what it is sent
    gets through though nobody hears of it."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        super().__init__()
        self._now = now
        self._next: dict[str, datetime] = {}
        self.calls = 0

    async def deliver(self, operation: Operation, address: Address, reply: Reply, *, key: str, message_id: str | None) -> Delivered:
        now = self._now()
        wait = (self._next.get(address.room, now) - now).total_seconds()
        if wait > 0:
            raise Retry("pace", after=wait)
        self.calls += 1
        if now < START + timedelta(seconds=10) and self.calls % 20 == 0:
            raise Retry("rate_limited", after=30)
        away = START + timedelta(seconds=10) <= now < START + timedelta(minutes=10)
        if away and self.calls % 3:
            raise OutcomeUnknown("timeout")
        self._next[address.room] = now + timedelta(seconds=1)
        delivered = await super().deliver(operation, address, reply, key=key, message_id=message_id)
        if away:
            raise OutcomeUnknown("timeout")
        return delivered


async def test_a_long_outage_loses_nothing_and_doubles_nothing(tmp_path: Path) -> None:
    """2,016 replies in 16 rooms of two threads each: told to wait 30 seconds, then ten minutes of nothing."""
    engine, sessions = connect(await sqlite_file(tmp_path / "foyer.db"))
    # Thousands of commits, and no power cut among them.
    event.listen(engine.sync_engine, "connect", lambda connection, _: connection.execute("PRAGMA synchronous=OFF").close())
    post = Post(sessions)
    post.channel = PacedChannel(lambda: post.now)
    post.new_outbox()
    threads = [Address("fake", "local", f"room-{n // 2}", f"t{n % 2}") for n in range(32)]
    async with sessions.begin() as session:
        for n in range(63):
            for address in threads:
                reply = Reply(new_id(), ReplyKind.NOTICE, f"{address.thread} {n}")
                await post.outbox.post(session, address, reply)
    while await post.outbox.waiting():
        pause = await post.outbox.deliver()
        while post.outbox.busy:
            post.woken.clear()
            await post.woken.wait()
        if pause is not None:
            post.now += timedelta(seconds=pause)
        assert post.now < START + timedelta(hours=1)
    assert len(post.channel.order) == 2016
    for address in threads:
        said = [words for words in post.channel.said(address.room) if words.startswith(f"{address.thread} ")]
        assert said == [f"{address.thread} {n}" for n in range(63)]
    await engine.dispose()
