"""What every chat channel promises the outbox and the conversation, asked of each implementation in turn.

The outbox delivers at least once, in order per address, and restarts in the middle: so a key has one effect, and what came of it
can be found again.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from connectors.errors import Refused
from connectors.memory.channel import MemoryChannel
from connectors.ports.chat import Action, Address, Channel, FileRef, Heard, Profile, Reply, ReplyKind
from connectors.ports.people import ExternalId
from connectors.web import store
from tests.connectors.slack import support as slack
from tests.connectors.teams import support as teams
from tests.connectors.web.support import open_channel
from tests.fakes import teams as teams_fake
from tests.fakes.slack import FakeFile
from tests.fakes.teams import cards


@dataclass(frozen=True)
class Seen:
    """A message as somebody reads it."""

    text: str
    buttons: tuple[str, ...] = ()


@dataclass(frozen=True)
class Case:
    """One implementation, with two people and a room that both are in."""

    channel: Channel
    tenant: str
    dana: str
    omar: str
    spellings: tuple[str, str]
    """Two ways of writing one person's id."""
    room: Address
    read: Callable[[Address, str], Awaitable[list[Seen]]]
    """What a person reads in a room, oldest first."""
    say: Callable[[str, str, str | None], Awaitable[str]] | None
    """(person, text, thread) said in the room, and the message's id; None where people's words do not pass the platform."""
    file: FileRef | None
    """A file of the bytes b"log" that somebody sent; None where none can be."""

    def direct(self, person: str) -> Address:
        return self.channel.direct(self.tenant, person)


def _seen(reply: Reply) -> Seen:
    return Seen(reply.text, tuple(action.label for action in reply.actions))


@asynccontextmanager
async def memory(folder: Path) -> AsyncIterator[Case]:
    channel = MemoryChannel()
    room = Address("memory", "local", "group:it-support")
    dana, omar = "dana@acme.example", "omar@acme.example"
    channel.profiles[dana] = Profile(dana, "Dana Whitfield", "member", email=dana)
    channel.contents["f1"] = b"log"

    async def read(address: Address, person: str) -> list[Seen]:
        return [_seen(reply) for reply in channel.shown(address.room, as_=person)]

    async def say(person: str, text: str, thread: str | None) -> str:
        number = len(channel.heard)
        at = datetime(2026, 11, 20, 9, tzinfo=UTC) + timedelta(seconds=number)
        said = Heard(f"m{number}", ExternalId("memory", "local", person), "Dana", text, at, thread or f"m{number}")
        channel.heard.append(said)
        return said.message_id

    file = FileRef("f1", "trace.log", "text/plain", 3)
    yield Case(channel, "local", dana, omar, ("Dana@ACME.example", "dana@acme.example"), room, read, say, file)


@asynccontextmanager
async def web(folder: Path) -> AsyncIterator[Case]:
    async with open_channel(folder) as channel:

        async def read(address: Address, person: str) -> list[Seen]:
            """Whoever is in a room reads it beside their own."""
            rooms = {address.room, channel.direct("local", person).room} if channel.is_shared(address) else {address.room}
            async with channel.sessions() as session:
                found = await store.changes(session, rooms, 0)
            return [_seen(message.reply) for message in sorted(found, key=lambda m: m.message_id) if message.reply is not None]

        room = Address("web", "local", "group:it-support")
        spellings = ("Dana@ACME.example", "dana@acme.example")
        yield Case(channel, "local", "dana@acme.example", "omar@acme.example", spellings, room, read, None, None)


@asynccontextmanager
async def on_slack(folder: Path) -> AsyncIterator[Case]:
    async with slack.open_slack(folder) as made:
        fake = made.fake

        async def read(address: Address, person: str) -> list[Seen]:
            shared = made.channel.is_shared(address)
            hidden = [message for message in fake.ephemeral(person) if message.channel == address.room] if shared else []
            shown = sorted([*fake.messages(address.room), *hidden], key=lambda message: message.ts)
            return [Seen(message.text, _labels(message.blocks)) for message in shown if message.bot_id]

        async def say(person: str, text: str, thread: str | None) -> str:
            return f"{slack.ROOM}:{await fake.say(person, text, room=slack.ROOM, thread=thread)}"

        await fake.say(slack.DANA, "look", room=slack.ROOM, files=[FakeFile("trace.log", b"log", "text/plain")])
        sent = fake.file_json(next(iter(fake.files.values())))
        file = FileRef(sent["id"], sent["name"], sent["mimetype"], sent["size"], sent["url_private_download"])
        room = Address("slack", fake.team, slack.ROOM)
        yield Case(made.channel, fake.team, slack.DANA, slack.OMAR, (slack.DANA.lower(), slack.DANA), room, read, say, file)
        assert [refusal for refusal in fake.refusals if refusal.error != "file_not_found"] == []


@asynccontextmanager
async def on_teams(folder: Path) -> AsyncIterator[Case]:
    async with teams.open_teams(folder) as made:
        fake, room = made.fake, made.at("support")
        fake.consent_to("support")
        dana, omar = (fake.people[key].object_id for key in ("dana", "omar"))
        names = {made.at("support").room: "support", made.at("dana").room: "dana", made.at("omar").room: "omar"}
        keys = {dana: "dana", omar: "omar"}

        async def read(address: Address, person: str) -> list[Seen]:
            """What is for one person of a room stands in their own chat."""
            places = {names[address.room], keys[person]} if made.channel.is_shared(address) else {names[address.room]}
            shown = [message for place in places for message in fake.by_bot(place)]
            return [
                Seen(message.text or cards.words(message.card).split("\n")[0], _titles(message.card))
                for message in sorted(shown, key=lambda message: message.at)
            ]

        async def say(person: str, text: str, thread: str | None) -> str:
            fake.advance(1)
            return f"{room.room}|{await fake.say(keys[person], text, room='support', thread=thread)}"

        await fake.say("dana", "look", files=[teams_fake.FakeFile("trace.log", b"log", "text/plain")])
        sent = fake.messages("dana")[0].attachments[0]
        file = FileRef(sent["content"]["uniqueId"], sent["name"], "text/plain", 3, sent["content"]["downloadUrl"])
        yield Case(made.channel, fake.tenant, dana, omar, (dana.upper(), dana), room, read, say, file)
        assert [refusal for refusal in fake.refusals if (refusal.method, refusal.status) != ("graph", 404)] == []


def _titles(card: dict[str, Any] | None) -> tuple[str, ...]:
    """Of the buttons that stand there at once, without those behind them."""
    return tuple(action["title"] for action, around in cards.actions(card) if len(around) == 1) if card else ()


def _labels(blocks: list[dict[str, Any]]) -> tuple[str, ...]:
    rows = [block for block in blocks if block["type"] == "actions"]
    return tuple(element["text"]["text"] for row in rows for element in row["elements"])


CASES: dict[str, Callable[[Path], AbstractAsyncContextManager[Case]]] = {"memory": memory, "web": web, "slack": on_slack, "teams": on_teams}


@pytest.fixture(params=list(CASES))
async def case(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Case]:
    async with CASES[request.param](tmp_path) as made:
        yield made


NOW = datetime.now(UTC)
"""The platforms' own time is real."""


def reply(text: str, **more: Any) -> Reply:
    return Reply(f"card-{text}", ReplyKind.NOTICE, text, **more)


async def texts(case: Case, address: Address, person: str | None = None) -> list[str]:
    return [seen.text for seen in await case.read(address, person or case.dana)]


async def test_a_post_of_its_own_starts_a_thread(case: Case) -> None:
    address = case.direct(case.dana)
    assert address.thread is None
    done = await case.channel.deliver("post", address, reply("one"), key="k1", message_id=None)
    assert done.thread
    other = await case.channel.deliver("post", address, reply("two"), key="k2", message_id=None)
    assert other.message_id != done.message_id
    assert other.thread != done.thread


async def test_a_post_in_a_thread_stays_there(case: Case) -> None:
    address = case.direct(case.dana)
    first = await case.channel.deliver("post", address, reply("one"), key="k1", message_id=None)
    second = await case.channel.deliver("post", replace(address, thread=first.thread), reply("two"), key="k2", message_id=None)
    assert second.thread == first.thread
    assert await texts(case, address) == ["one", "two"]


async def test_one_person_has_one_room_however_the_address_is_written(case: Case) -> None:
    one, other = case.spellings
    assert case.direct(one) == case.direct(other)
    assert case.direct(one).channel == case.channel.name


async def test_a_room_of_several_is_told_from_a_direct_chat(case: Case) -> None:
    assert case.channel.is_shared(case.room)
    assert not case.channel.is_shared(case.direct(case.dana))


async def test_whatever_is_said_in_a_direct_chat_is_heard(case: Case) -> None:
    assert await case.channel.hears(case.direct(case.dana))


async def test_the_same_key_posts_once(case: Case) -> None:
    address = case.direct(case.dana)
    first = await case.channel.deliver("post", address, reply("one"), key="k1", message_id=None)
    again = await case.channel.deliver("post", address, reply("one"), key="k1", message_id=None)
    assert again == first
    assert len(await texts(case, address)) == 1


async def test_another_key_posts_again(case: Case) -> None:
    """The control of the test above: without the same key there are two."""
    address = case.direct(case.dana)
    await case.channel.deliver("post", address, reply("one"), key="k1", message_id=None)
    await case.channel.deliver("post", address, reply("one"), key="k2", message_id=None)
    assert len(await texts(case, address)) == 2


async def test_an_edit_takes_the_place_of_the_old_reply(case: Case) -> None:
    address = case.direct(case.dana)
    posted = await case.channel.deliver("post", address, reply("one"), key="k1", message_id=None)
    edited = await case.channel.deliver("edit", address, reply("two"), key="k2", message_id=posted.message_id)
    assert edited == posted
    assert await texts(case, address) == ["two"]


async def test_an_edit_delivered_again_does_not_undo_a_later_one(case: Case) -> None:
    address = case.direct(case.dana)
    posted = await case.channel.deliver("post", address, reply("one"), key="k1", message_id=None)
    await case.channel.deliver("edit", address, reply("two"), key="k2", message_id=posted.message_id)
    await case.channel.deliver("edit", address, reply("three"), key="k3", message_id=posted.message_id)
    assert await case.channel.deliver("edit", address, reply("two"), key="k2", message_id=posted.message_id) == posted
    assert await texts(case, address) == ["three"]


async def test_a_deleted_message_is_gone(case: Case) -> None:
    address = case.direct(case.dana)
    posted = await case.channel.deliver("post", address, reply("one"), key="k1", message_id=None)
    await case.channel.deliver("delete", address, reply("one"), key="k2", message_id=posted.message_id)
    await case.channel.deliver("delete", address, reply("one"), key="k2", message_id=posted.message_id)
    assert await texts(case, address) == []


@pytest.mark.parametrize("operation", ["edit", "delete"])
async def test_a_message_that_is_not_there_is_refused(case: Case, operation: Any) -> None:
    address = case.direct(case.dana)
    with pytest.raises(Refused):
        await case.channel.deliver(operation, address, reply("one"), key="k1", message_id="no-such-message")
    with pytest.raises(Refused):
        await case.channel.deliver(operation, address, reply("one"), key="k2", message_id=None)


async def test_a_message_of_another_room_is_refused(case: Case) -> None:
    dana, omar = case.direct(case.dana), case.direct(case.omar)
    posted = await case.channel.deliver("post", dana, reply("one"), key="k1", message_id=None)
    with pytest.raises(Refused):
        await case.channel.deliver("edit", omar, reply("two"), key="k2", message_id=posted.message_id)
    assert await texts(case, dana) == ["one"]


async def test_a_refused_delivery_leaves_its_key_free(case: Case) -> None:
    address = case.direct(case.dana)
    with pytest.raises(Refused):
        await case.channel.deliver("edit", address, reply("one"), key="k1", message_id="no-such-message")
    assert await case.channel.find(address, key="k1") is None
    await case.channel.deliver("post", address, reply("one"), key="k1", message_id=None)
    assert len(await texts(case, address)) == 1


async def test_find_tells_what_became_of_a_key(case: Case) -> None:
    address = case.direct(case.dana)
    assert await case.channel.find(address, key="k1") is None
    posted = await case.channel.deliver("post", address, reply("one"), key="k1", message_id=None)
    assert await case.channel.find(address, key="k1") == posted
    assert await case.channel.find(case.direct(case.omar), key="k1") is None


async def test_what_is_for_one_person_is_read_by_nobody_else_in_the_room(case: Case) -> None:
    await case.channel.deliver("post", case.room, reply("secret", only_for=case.dana), key="k1", message_id=None)
    assert await texts(case, case.room, case.dana) == ["secret"]
    assert await texts(case, case.room, case.omar) == []


async def test_what_is_for_all_is_read_by_everybody_in_the_room(case: Case) -> None:
    """The control of the test above."""
    await case.channel.deliver("post", case.room, reply("news"), key="k1", message_id=None)
    assert await texts(case, case.room, case.dana) == ["news"]
    assert await texts(case, case.room, case.omar) == ["news"]


async def test_what_is_for_one_person_is_an_ordinary_message_in_their_own_room(case: Case) -> None:
    address = case.direct(case.dana)
    posted = await case.channel.deliver("post", address, reply("one", only_for=case.dana), key="k1", message_id=None)
    await case.channel.deliver("edit", address, reply("two", only_for=case.dana), key="k2", message_id=posted.message_id)
    assert await texts(case, address) == ["two"]


async def test_a_card_keeps_its_buttons_until_it_is_edited(case: Case) -> None:
    address = case.direct(case.dana)
    card = reply("approve?", actions=(Action("a1", "Approve", "primary"), Action("a2", "Deny", "danger", needs_text="required")))
    posted = await case.channel.deliver("post", address, card, key="k1", message_id=None)
    assert (await case.read(address, case.dana))[0].buttons == ("Approve", "Deny")
    await case.channel.deliver("edit", address, reply("approved"), key="k2", message_id=posted.message_id)
    assert (await case.read(address, case.dana))[0].buttons == ()


async def test_a_conversation_is_begun_once_a_key(case: Case) -> None:
    address = case.direct(case.dana)
    begun = await case.channel.begin(address, "VPN is down", key="k1", since=NOW)
    assert begun.thread
    assert replace(begun, thread=None) == address
    assert await case.channel.begin(address, "VPN is down", key="k1", since=NOW) == begun
    assert await texts(case, address) == ["VPN is down"]
    answer = await case.channel.deliver("post", begun, reply("looking"), key="k2", message_id=None)
    assert answer.thread == begun.thread


async def test_each_key_begins_a_conversation_of_its_own(case: Case) -> None:
    address = case.direct(case.dana)
    first = await case.channel.begin(address, "VPN is down", key="k1", since=NOW)
    second = await case.channel.begin(address, "VPN is down", key="k2", since=NOW)
    assert first.thread != second.thread


async def test_a_profile_says_who_somebody_is(case: Case) -> None:
    profile = await case.channel.profile(case.tenant, case.dana)
    assert profile is not None
    assert (profile.external_id, profile.standing, profile.email) == (case.dana, "member", "dana@acme.example")


async def test_somebody_is_found_by_their_address(case: Case) -> None:
    assert await case.channel.lookup("dana@acme.example") == ExternalId(case.channel.name, case.tenant, case.dana)


async def test_a_message_is_read_as_it_stands(case: Case) -> None:
    if case.say is None:
        assert await case.channel.read(case.room, "anything") is None
        return
    said = await case.say(case.dana, "my laptop is slow", None)
    heard = await case.channel.read(case.room, said)
    assert heard is not None
    assert (heard.message_id, heard.text) == (said, "my laptop is slow")
    assert heard.author == ExternalId(case.channel.name, case.tenant, case.dana)
    assert await case.channel.read(case.room, said[:-1] + "x") is None


async def test_history_is_what_was_said_before(case: Case) -> None:
    if case.say is None:
        assert await case.channel.history(case.room, before="anything", limit=5) == ()
        return
    root = await case.say(case.dana, "one", None)
    heard = await case.channel.read(case.room, root)
    assert heard is not None
    thread = replace(case.room, thread=heard.thread)
    await case.say(case.omar, "elsewhere", None)
    await case.say(case.omar, "two", thread.thread)
    await case.say(case.dana, "three", thread.thread)
    summons = await case.say(case.omar, "help us", thread.thread)
    await case.say(case.dana, "later", thread.thread)
    assert [said.text for said in await case.channel.history(thread, before=summons, limit=5)] == ["one", "two", "three"]
    assert [said.text for said in await case.channel.history(thread, before=summons, limit=2)] == ["two", "three"]


async def test_a_file_that_was_sent_can_be_had(case: Case) -> None:
    if case.file is not None:
        assert await case.channel.download(case.tenant, case.file) == b"log"


async def test_a_file_that_is_not_there_is_refused(case: Case) -> None:
    with pytest.raises(Refused) as refused:
        await case.channel.download(case.tenant, FileRef("none", "trace.log", "text/plain", 3))
    assert refused.value.code == "gone"
