"""What every chat channel promises the outbox, asked of each implementation in turn.

The outbox delivers at least once, in order per address, and restarts in the middle: so a key has one effect, and what came of it
can be found again.
"""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from connectors.errors import Refused
from connectors.memory.channel import MemoryChannel
from connectors.ports.chat import Action, Channel, Reply, ReplyKind
from tests.connectors.web.support import open_channel


@pytest.fixture(params=["memory", "web"])
async def channel(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Channel]:
    if request.param == "memory":
        yield MemoryChannel()
    else:
        async with open_channel(tmp_path) as web:
            yield web


class Screen:
    """What can be read on a channel, whatever it is kept in."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel

    async def read(self, room: str) -> list[Reply]:
        if isinstance(self._channel, MemoryChannel):
            return self._channel.shown(room)
        from connectors.web import store
        from connectors.web.channel import WebChannel

        assert isinstance(self._channel, WebChannel)
        async with self._channel.sessions() as session:
            found = await store.changes(session, [room], 0)
        return [message.reply for message in sorted(found, key=lambda m: m.message_id) if message.reply is not None]


def reply(text: str, **more: object) -> Reply:
    return Reply(f"card-{text}", ReplyKind.NOTICE, text, **more)  # type: ignore[arg-type]


async def test_a_post_of_its_own_starts_a_thread(channel: Channel) -> None:
    address = channel.direct("local", "Dana@Acme.example")
    assert address.thread is None
    done = await channel.deliver("post", address, reply("one"), key="k1", message_id=None)
    assert done.thread
    other = await channel.deliver("post", address, reply("two"), key="k2", message_id=None)
    assert other.message_id != done.message_id
    assert other.thread != done.thread


async def test_a_post_in_a_thread_stays_there(channel: Channel) -> None:
    address = channel.direct("local", "dana@acme.example")
    first = await channel.deliver("post", address, reply("one"), key="k1", message_id=None)
    there = type(address)(address.channel, address.tenant, address.room, first.thread)
    second = await channel.deliver("post", there, reply("two"), key="k2", message_id=None)
    assert second.thread == first.thread
    assert [r.text for r in await Screen(channel).read(address.room)] == ["one", "two"]


async def test_one_person_has_one_room_however_the_address_is_written(channel: Channel) -> None:
    assert channel.direct("local", "Dana@ACME.example") == channel.direct("local", "dana@acme.example")
    assert channel.direct("local", "dana@acme.example").channel == channel.name


async def test_the_same_key_posts_once(channel: Channel) -> None:
    address = channel.direct("local", "dana@acme.example")
    first = await channel.deliver("post", address, reply("one"), key="k1", message_id=None)
    again = await channel.deliver("post", address, reply("one"), key="k1", message_id=None)
    assert again == first
    assert len(await Screen(channel).read(address.room)) == 1


async def test_another_key_posts_again(channel: Channel) -> None:
    """The control of the test above: without the same key there are two."""
    address = channel.direct("local", "dana@acme.example")
    await channel.deliver("post", address, reply("one"), key="k1", message_id=None)
    await channel.deliver("post", address, reply("one"), key="k2", message_id=None)
    assert len(await Screen(channel).read(address.room)) == 2


async def test_an_edit_takes_the_place_of_the_old_reply(channel: Channel) -> None:
    address = channel.direct("local", "dana@acme.example")
    posted = await channel.deliver("post", address, reply("one"), key="k1", message_id=None)
    edited = await channel.deliver("edit", address, reply("two"), key="k2", message_id=posted.message_id)
    assert edited == posted
    assert [r.text for r in await Screen(channel).read(address.room)] == ["two"]


async def test_an_edit_delivered_again_does_not_undo_a_later_one(channel: Channel) -> None:
    address = channel.direct("local", "dana@acme.example")
    posted = await channel.deliver("post", address, reply("one"), key="k1", message_id=None)
    await channel.deliver("edit", address, reply("two"), key="k2", message_id=posted.message_id)
    await channel.deliver("edit", address, reply("three"), key="k3", message_id=posted.message_id)
    assert await channel.deliver("edit", address, reply("two"), key="k2", message_id=posted.message_id) == posted
    assert [r.text for r in await Screen(channel).read(address.room)] == ["three"]


async def test_a_deleted_message_is_gone(channel: Channel) -> None:
    address = channel.direct("local", "dana@acme.example")
    posted = await channel.deliver("post", address, reply("one"), key="k1", message_id=None)
    await channel.deliver("delete", address, reply("one"), key="k2", message_id=posted.message_id)
    await channel.deliver("delete", address, reply("one"), key="k2", message_id=posted.message_id)
    assert await Screen(channel).read(address.room) == []


@pytest.mark.parametrize("operation", ["edit", "delete"])
async def test_a_message_that_is_not_there_is_refused(channel: Channel, operation: str) -> None:
    address = channel.direct("local", "dana@acme.example")
    with pytest.raises(Refused):
        await channel.deliver(operation, address, reply("one"), key="k1", message_id="no-such-message")  # type: ignore[arg-type]
    with pytest.raises(Refused):
        await channel.deliver(operation, address, reply("one"), key="k2", message_id=None)  # type: ignore[arg-type]


async def test_a_message_of_another_room_is_refused(channel: Channel) -> None:
    dana, omar = channel.direct("local", "dana@acme.example"), channel.direct("local", "omar@acme.example")
    posted = await channel.deliver("post", dana, reply("one"), key="k1", message_id=None)
    with pytest.raises(Refused):
        await channel.deliver("edit", omar, reply("two"), key="k2", message_id=posted.message_id)
    assert [r.text for r in await Screen(channel).read(dana.room)] == ["one"]


async def test_a_refused_delivery_leaves_its_key_free(channel: Channel) -> None:
    address = channel.direct("local", "dana@acme.example")
    with pytest.raises(Refused):
        await channel.deliver("edit", address, reply("one"), key="k1", message_id="no-such-message")
    assert await channel.find(address, key="k1") is None
    await channel.deliver("post", address, reply("one"), key="k1", message_id=None)
    assert len(await Screen(channel).read(address.room)) == 1


async def test_find_tells_what_became_of_a_key(channel: Channel) -> None:
    address = channel.direct("local", "dana@acme.example")
    assert await channel.find(address, key="k1") is None
    posted = await channel.deliver("post", address, reply("one"), key="k1", message_id=None)
    assert await channel.find(address, key="k1") == posted
    assert await channel.find(channel.direct("local", "omar@acme.example"), key="k1") is None


async def test_what_is_for_one_person_is_never_shown_to_a_group(channel: Channel) -> None:
    address = channel.direct("local", "group:it-support")
    with pytest.raises(Refused):
        await channel.deliver("post", address, reply("secret", requester_only=True), key="k1", message_id=None)
    assert await Screen(channel).read(address.room) == []


async def test_a_card_keeps_its_buttons_until_it_is_edited(channel: Channel) -> None:
    address = channel.direct("local", "priya@acme.example")
    card = reply("approve?", actions=(Action("a1", "Approve", "primary"), Action("a2", "Deny", "danger", needs_text="required")))
    posted = await channel.deliver("post", address, card, key="k1", message_id=None)
    assert (await Screen(channel).read(address.room))[0].actions == card.actions
    await channel.deliver("edit", address, reply("approved"), key="k2", message_id=posted.message_id)
    assert (await Screen(channel).read(address.room))[0].actions == ()
