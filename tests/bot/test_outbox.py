"""The outbox: in order per address, once even when the outcome is unknown, and cards redrawn wherever they are shown."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from bot.database import Sessions
from bot.outbox import Outbox, Placement
from connectors.errors import ConnectorError, OutcomeUnknown, Refused, Retry
from connectors.ports.chat import Address, Capabilities, Delivered, Operation, Reply, ReplyKind
from connectors.ports.records import new_id

DANA = Address("fake", "local", "dana", "t")
OMAR = Address("fake", "local", "omar", "t")


class FakeChannel:
    """A channel that fails as told: before showing, or after it."""

    name = "fake"
    capabilities = Capabilities(True, True, True, True, 4000, 10)

    def __init__(self) -> None:
        self.shown: dict[str, tuple[Address, Reply]] = {}
        self.order: list[tuple[Operation, str, str]] = []
        self.keys: dict[str, str] = {}
        self.before: list[ConnectorError] = []
        self.after: list[ConnectorError] = []

    async def deliver(self, operation: Operation, address: Address, reply: Reply, *, key: str, message_id: str | None) -> Delivered:
        if self.before:
            raise self.before.pop(0)
        shown_as = message_id or f"m{len(self.shown) + 1}"
        self.shown[shown_as] = (address, reply)
        self.order.append((operation, address.room, reply.text))
        self.keys[key] = shown_as
        if self.after:
            raise self.after.pop(0)
        return Delivered(shown_as, address.thread or shown_as)

    async def find(self, address: Address, *, key: str) -> Delivered | None:
        return Delivered(self.keys[key], address.thread or self.keys[key]) if key in self.keys else None

    def direct(self, tenant: str, external_id: str) -> Address:
        return Address(self.name, tenant, external_id, None)


class Post:
    """An outbox on a fake channel, with a clock that the test moves."""

    def __init__(self, sessions: Sessions) -> None:
        self.now = datetime(2026, 11, 20, tzinfo=UTC)
        self.channel = FakeChannel()
        self.sessions = sessions
        self.outbox = Outbox(sessions, {"fake": self.channel}, lambda: self.now)

    async def post(self, address: Address, text: str, card_key: str | None = None) -> Reply:
        reply = Reply(new_id(), ReplyKind.NOTICE, text)
        async with self.sessions.begin() as session:
            await self.outbox.post(session, address, reply, card_key=card_key)
        return reply

    async def edit(self, card_key: str, text: str) -> None:
        def draw(placement: Placement) -> Reply:
            return Reply("anything", ReplyKind.NOTICE, f"{text} for {placement.address.room}")

        async with self.sessions.begin() as session:
            await self.outbox.edit(session, card_key, draw)

    async def deliver(self) -> None:
        """Until nothing is due any more."""
        while (await self.outbox.deliver_due()) == 0.0:
            pass


@pytest.fixture
def post(sessions: Sessions) -> Post:
    return Post(sessions)


async def test_order_is_kept_per_address(post: Post) -> None:
    for text in ("1", "2", "3"):
        await post.post(DANA, text)
        await post.post(OMAR, text)
    await post.deliver()
    assert [text for _, room, text in post.channel.order if room == "dana"] == ["1", "2", "3"]
    assert [text for _, room, text in post.channel.order if room == "omar"] == ["1", "2", "3"]


async def test_what_has_to_wait_holds_back_its_own_address_only(post: Post) -> None:
    await post.post(DANA, "1")
    await post.post(DANA, "2")
    post.channel.before = [Retry("rate_limited", after=30)]
    await post.deliver()
    await post.post(OMAR, "1")
    await post.deliver()
    assert post.channel.order == [("post", "omar", "1")]
    post.now += timedelta(seconds=31)
    await post.deliver()
    assert [text for _, room, text in post.channel.order if room == "dana"] == ["1", "2"]


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


async def test_what_is_refused_does_not_block_what_follows(post: Post) -> None:
    await post.post(DANA, "refused")
    await post.post(DANA, "fine")
    post.channel.before = [Refused("no_such_room")]
    await post.deliver()
    assert [text for _, _, text in post.channel.order] == ["fine"]
    assert await post.outbox.undelivered(["dana"]) == 0


async def test_a_card_is_edited_wherever_it_is_shown_under_its_own_id(post: Post) -> None:
    first = await post.post(DANA, "card", "card")
    second = await post.post(OMAR, "card", "card")
    await post.edit("card", "done")
    await post.deliver()
    assert post.channel.shown["m1"] == (DANA, replace(first, text="done for dana"))
    assert post.channel.shown["m2"] == (OMAR, replace(second, text="done for omar"))


async def test_a_new_message_tells_which_thread_it_started(post: Post) -> None:
    await post.post(replace(DANA, thread=None), "alone", "card")
    await post.deliver()
    (placement,) = await post.outbox.shown("card")
    assert placement.posted_thread == "m1"
