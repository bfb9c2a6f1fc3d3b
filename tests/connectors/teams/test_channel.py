"""Replies in Teams: what is posted, found again, completed, paced and refused; nothing lost, nothing doubled."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import async_sessionmaker

from bot.delivery import GivenUp, Later, send
from connectors.errors import OutcomeUnknown, Refused, Retry
from connectors.ports.chat import (
    Action,
    Address,
    Attachment,
    Author,
    Delivered,
    FileRef,
    Form,
    FormField,
    Progress,
    Prompt,
    Reply,
    ReplyKind,
    RequestRef,
)
from connectors.ports.records import new_id
from connectors.teams.store import Account, AccountStore, BelongingStore
from connectors.teams.waiting import changing
from tests.connectors.teams.support import START, WORD, OnTeams, open_teams
from tests.fakes.teams import Shown, cards

STREAM = "ContentStreamNotAllowed"
LONG = "\n\n".join(f"Paragraph {number}. " + "word " * 400 for number in range(9))
PROGRESS = Progress("Laptop", "Approval: Priya Nair", "Sourcing")
FORM = Form("Request", Action("submit", "Send"), (FormField("why", "Why?"),))


@pytest.fixture
async def teams(tmp_path: Path) -> AsyncIterator[OnTeams]:
    async with open_teams(tmp_path) as made:
        yield made


def reply(text: str = "hello", kind: ReplyKind = ReplyKind.NOTICE, **more: Any) -> Reply:
    return Reply("r1", kind, text, **more)


def seen(message: Shown) -> str:
    return message.text or cards.words(message.card)


async def deliver(
    teams: OnTeams, address: Address, said: Reply, key: str = "k1", *, message_id: str | None = None, operation: Any = "post"
) -> Any:
    return await teams.channel.deliver(operation, address, said, key=key, message_id=message_id)


@dataclass
class Outcome:
    shown: Delivered | GivenUp
    tries: int


async def outbox(teams: OnTeams, address: Address, said: Reply, operation: str = "post", shown_as: str | None = None) -> Outcome:
    """As the outbox delivers a row, each try by a process that was started anew."""
    row: Any = SimpleNamespace(
        id=new_id(), operation=operation, reply=said.as_json(), shown_as=shown_as, attempts=0,
        channel=address.channel, tenant=address.tenant, room=address.room, thread=address.thread,
    )  # fmt: skip
    unsure = False
    for tries in range(1, 20):
        came = await send(teams.again(), row, unsure=unsure)
        if not isinstance(came, Later):
            return Outcome(came, tries)
        unsure = came.unsure
        teams.seconds.forward(came.seconds)
        teams.fake.advance(came.seconds)
    raise AssertionError("it is never delivered")


# -- where it goes ---------------------------------------------------------------------------------------------------------


async def test_a_post_in_a_channel_begins_a_thread(teams: OnTeams) -> None:
    done = await deliver(teams, teams.at("support"), reply())
    (message,) = teams.fake.by_bot("support")
    assert (message.text, message.thread) == ("hello", message.id)
    assert done == Delivered(f"{teams.at('support').room}|{message.id}", message.id)
    assert teams.fake.refusals == []


async def test_a_post_in_a_thread_stands_there(teams: OnTeams) -> None:
    root = await teams.fake.say("dana", "help", room="support", mention=True)
    done = await deliver(teams, teams.at("support", root), reply())
    (message,) = teams.fake.by_bot("support", root)
    assert done.thread == root
    assert message.id != root


@pytest.mark.parametrize("place", ["group", "dana"])
async def test_chats_have_no_threads_but_the_bots_own(teams: OnTeams, place: str) -> None:
    first = await deliver(teams, teams.at(place), reply("one"))
    second = await deliver(teams, teams.at(place, first.thread), reply("two"), "k2")
    assert [message.text for message in teams.fake.by_bot(place)] == ["one", "two"]
    assert first.thread == second.thread
    assert teams.fake.refusals == []


async def test_a_channel_without_the_app_is_refused(teams: OnTeams) -> None:
    await teams.rooms.left(teams.fake.tenant, teams.at("support").room)
    with pytest.raises(Refused, match="room_gone"):
        await deliver(teams, teams.at("support"), reply())
    with pytest.raises(Refused, match="room_gone"):
        await deliver(teams, Address("teams", teams.fake.tenant, "19:nobody@thread.tacv2"), reply())


async def test_a_personal_chat_is_opened_when_there_is_none(teams: OnTeams) -> None:
    await deliver(teams, teams.at("priya"), reply())
    assert [message.text for message in teams.fake.shown("priya")] == ["hello"]
    await deliver(teams, teams.at("priya"), reply("more"), "k2")
    assert teams.calls("create") == 1


async def test_a_personal_chat_is_opened_by_the_id_that_teams_gave(teams: OnTeams) -> None:
    kim = teams.fake.people["kim"]
    accounts = AccountStore(async_sessionmaker(teams.engine))
    await accounts.saw(Account(kim.tenant, kim.object_id, kim.user_id, kim.name, None, teams.at("support").room), START)
    await deliver(teams, teams.at("kim"), reply())
    (body,) = [body for kind, _, body in teams.fake.calls if kind == "create"]
    assert body["members"] == [{"id": kim.user_id}]


async def test_somebody_out_of_reach_is_refused(teams: OnTeams) -> None:
    nobody = teams.channel.direct(teams.fake.tenant, "00000000-0000-0000-0000-000000000009")
    with pytest.raises(Refused, match="no_chat"):
        await deliver(teams, nobody, reply())
    with pytest.raises(Refused, match="no_chat"):
        await deliver(teams, teams.channel.direct("another-tenant", "00000000-0000-0000-0000-000000000009"), reply())
    assert await teams.channel.find(nobody, key="k1") is None


async def test_what_is_for_one_person_of_a_room_is_in_their_own_chat(teams: OnTeams) -> None:
    dana = teams.fake.people["dana"].object_id
    room = teams.at("support", await teams.fake.say("omar", "help", room="support", mention=True))
    done = await deliver(teams, room, reply("secret", only_for=dana))
    assert done.message_id.startswith("user:")
    assert teams.fake.by_bot("support") == []
    assert await teams.again().find(room, key="k1") == done
    await deliver(teams, room, reply("changed", only_for=dana), "k2", message_id=done.message_id, operation="edit")
    assert [message.text for message in teams.fake.shown("dana")] == ["changed"]
    await deliver(teams, room, reply("changed", only_for=dana), "k3", message_id=done.message_id, operation="delete")
    assert teams.fake.shown("dana") == []


async def test_whoever_cannot_be_reached_alone_is_told_in_the_room_and_nobody_what(teams: OnTeams) -> None:
    for made in teams.fake.rooms.values():
        made.members.discard("priya")
    priya, room = teams.fake.people["priya"].object_id, teams.at("support")
    done = await deliver(teams, room, reply("secret", only_for=priya))
    (message,) = teams.fake.by_bot("support")
    assert message.text == WORD("teams.no_chat")
    assert done.message_id == f"{room.room}|{message.id}"
    edited = await deliver(teams, room, reply("secret", only_for=priya), "k2", message_id=done.message_id, operation="edit")
    assert edited == done
    assert [message.text for message in teams.fake.by_bot("support")] == [WORD("teams.no_chat")]
    assert (await teams.again().deliver("post", room, reply("secret", only_for=priya), key="k1", message_id=None)) == done


@pytest.mark.parametrize(("status", "code"), [(403, "SomethingNew"), (400, "BadArgument"), (400, "BadSyntax")])
async def test_whoever_teams_opens_no_chat_with_is_told_in_the_room(teams: OnTeams, status: int, code: str) -> None:
    priya, room = teams.fake.people["priya"].object_id, teams.at("support")
    teams.fake.fail("create", status=status, code=code)
    await deliver(teams, room, reply("secret", only_for=priya), key="k1")
    assert [message.text for message in teams.fake.by_bot("support")] == [WORD("teams.no_chat")]


@pytest.mark.parametrize("code", ["SomethingNew", "ForbiddenOperationException"])
async def test_whoever_blocked_the_bot_in_a_way_that_is_not_known_is_told_in_the_room(teams: OnTeams, code: str) -> None:
    dana, room = teams.fake.people["dana"].object_id, teams.at("support")
    teams.fake.fail("*", 9, status=403, code=code, room="dana")
    await deliver(teams, room, reply("secret", only_for=dana), key="k1")
    assert [message.text for message in teams.fake.by_bot("support")] == [WORD("teams.no_chat")]
    assert teams.fake.shown("dana") == []


async def test_a_greeting_is_a_card_with_something_to_begin_with(teams: OnTeams) -> None:
    greeting = reply("I am a computer.", ReplyKind.GREETING, prompts=(Prompt("VPN", "How do I get on the VPN?"),))
    for _ in range(2):
        await teams.again().deliver("post", teams.at("dana"), greeting, key="k1", message_id=None)
    (message,) = teams.fake.shown("dana")
    assert cards.labels(message.card) == ["VPN"]


# -- once ------------------------------------------------------------------------------------------------------------------

PLACES = ["dana", "support", "thread", "group"]
FAULTS: dict[str, dict[str, Any]] = {
    "429": {"status": 429, "retry_after": 3},
    "412": {"status": 412},
    "500": {"status": 500},
    "502": {"status": 502},
    "504": {"status": 504},
    "apply then 500": {"status": 500, "apply_first": True},
    "apply then 502": {"status": 502, "apply_first": True},
    "cut": {"cut": True},
    "apply then cut": {"cut": True, "apply_first": True},
    "401": {"status": 401},
}
REPLIES = {
    "words": reply(),
    "card": reply("Approve?", ReplyKind.APPROVAL, actions=(Action("a1", "Approve"),)),
    "answer": reply("One.\n\nTwo.\n\nThree.", ReplyKind.ANSWER),
    "long": reply(LONG, ReplyKind.ANSWER),
}


async def place_of(teams: OnTeams, name: str) -> tuple[str, Address]:
    teams.fake.consent_to("support", "group")
    if name != "thread":
        return name, teams.at(name)
    return "support", teams.at("support", await teams.fake.say("dana", "help", room="support", mention=True))


@pytest.mark.parametrize(
    ("said", "fault"),
    [*product(("words",), FAULTS), *product(("card", "answer", "long"), ("429", "502", "apply then 500"))],
)
@pytest.mark.parametrize("place", PLACES)
async def test_nothing_is_lost_and_nothing_doubled(teams: OnTeams, place: str, fault: str, said: str) -> None:
    name, address = await place_of(teams, place)
    told = REPLIES[said]
    await outbox(teams, address, told)
    once = [seen(message) for message in teams.fake.by_bot(name)]
    methods = ("stream_start", "stream_chunk", "stream_final") if name == "dana" else ("send", "create")
    for skip in (0, 1):
        for method in methods:
            teams.fake.fail(method, **FAULTS[fault], skip=skip)
    teams.seconds.forward(300)
    teams.fake.advance(300)
    came = await outbox(teams, address, told)
    assert isinstance(came.shown, Delivered)
    assert [seen(message) for message in teams.fake.by_bot(name)] == once * 2
    assert [refusal for refusal in teams.fake.refusals if "under way" not in refusal.message and refusal.method != "stream_final"] == []


@pytest.mark.parametrize("place", ["support", "group"])
async def test_without_consent_a_room_may_see_it_twice(teams: OnTeams, place: str) -> None:
    """The control of the test above: what Teams does not let the bot read it cannot look for."""
    teams.fake.fail("create" if place == "support" else "send", status=500, apply_first=True)
    await outbox(teams, teams.at(place), reply())
    assert [message.text for message in teams.fake.by_bot(place)] == ["hello", "hello"]


@pytest.mark.parametrize("consent", [False, True])
async def test_what_nobody_can_look_for_is_not_said_for_ever(teams: OnTeams, consent: bool) -> None:
    if consent:
        teams.fake.consent_to("group")
    teams.fake.fail("send", 99, status=502)
    for minutes in (0, 14, 16):
        teams.fake.advance(60 * minutes)
        teams.seconds.forward(60 * minutes)
        with pytest.raises(OutcomeUnknown if consent or minutes < 16 else Refused) as raised:
            await deliver(teams, teams.at("group"), reply())
    assert raised.value.code == ("server_error" if consent else "unknown_outcome")
    teams.fake.faults.clear()
    if consent:
        await deliver(teams, teams.at("group"), reply())
        assert len(teams.fake.by_bot("group")) == 1


async def test_the_same_words_said_before_are_not_taken_for_these(teams: OnTeams) -> None:
    _, address = await place_of(teams, "support")
    before = await outbox(teams, address, reply())
    teams.fake.fail("create", status=500)
    after = await outbox(teams, address, reply())
    assert isinstance(before.shown, Delivered)
    assert isinstance(after.shown, Delivered)
    assert before.shown.message_id != after.shown.message_id
    assert len(teams.fake.by_bot("support")) == 2


@pytest.mark.parametrize("place", PLACES)
async def test_what_is_too_large_is_refused_and_its_key_stays_free(teams: OnTeams, place: str) -> None:
    name, address = await place_of(teams, place)
    for method in ("stream_final", "update", "send", "create"):
        teams.fake.fail(method, 2, status=413)
    with pytest.raises(Refused, match="too_large"):
        await deliver(teams, address, reply())
    assert await teams.again().find(address, key="k1") is None
    teams.fake.faults.clear()
    await deliver(teams, address, reply())
    assert len(teams.fake.by_bot(name)) == 1


@pytest.mark.parametrize("code", ["BotNotInConversationRoster", "MessageWritesBlocked", "SomethingNew"])
@pytest.mark.parametrize("place", PLACES)
async def test_where_the_bot_may_not_speak_it_is_refused(teams: OnTeams, place: str, code: str) -> None:
    _, address = await place_of(teams, place)
    teams.fake.fail("*", 9, status=403, code=code)
    with pytest.raises(Refused, match="no_chat"):
        await deliver(teams, address, reply())


async def test_a_crash_before_the_id_was_written_down(teams: OnTeams) -> None:
    _, address = await place_of(teams, "support")
    done = await deliver(teams, address, reply())
    await teams.posts.change("k1", activity_id=None)
    assert await teams.again().find(address, key="k1") == done


async def test_a_reply_that_was_cut_off_between_its_messages_is_completed(teams: OnTeams) -> None:
    teams.fake.fail("send", status=502)
    with pytest.raises(OutcomeUnknown):
        await deliver(teams, teams.at("support"), reply(LONG, ReplyKind.ANSWER))
    assert len(teams.fake.by_bot("support")) == 1
    assert await teams.again().find(teams.at("support"), key="k1") is None
    teams.seconds.forward(60)
    done = await teams.again().deliver("post", teams.at("support"), reply(LONG, ReplyKind.ANSWER), key="k1", message_id=None)
    first, *others = teams.fake.by_bot("support")
    assert others
    assert {message.thread for message in others} == {first.id}
    assert await teams.again().find(teams.at("support"), key="k1") == done


async def test_a_refused_token_keeps_what_is_to_be_said_waiting(teams: OnTeams) -> None:
    teams.fake.fail("*", 2, status=401)
    with pytest.raises(Retry, match="bad_credentials") as retry:
        await deliver(teams, teams.at("group"), reply())
    assert retry.value.after == 60
    await deliver(teams, teams.at("group"), reply())


async def test_a_room_that_is_throttled_holds_up_no_other(teams: OnTeams) -> None:
    teams.fake.fail("*", retry_after=30, room="group")
    with pytest.raises(Retry) as retry:
        await deliver(teams, teams.at("group"), reply())
    assert (retry.value.after, retry.value.here) == (30, True)
    await deliver(teams, teams.at("support"), reply(), "other")
    teams.fake.fail("*", 2, status=401)
    with pytest.raises(Retry) as retry:
        await deliver(teams, teams.at("group"), reply())
    assert not retry.value.here, "a token that is refused is refused everywhere"


async def test_a_room_gets_no_more_than_teams_takes(teams: OnTeams) -> None:
    for number in range(6):
        await deliver(teams, teams.at("group"), reply(), f"k{number}")
    with pytest.raises(Retry, match="pace") as retry:
        await deliver(teams, teams.at("group"), reply(), "k6")
    assert retry.value.after == 1
    await deliver(teams, teams.at("support"), reply(), "other")
    teams.seconds.forward(1)
    await deliver(teams, teams.at("group"), reply(), "k6")
    assert len(teams.fake.by_bot("group")) == 7


async def test_an_hour_of_talking_is_within_what_teams_takes(teams: OnTeams) -> None:
    said, began = 0, teams.seconds.now
    while teams.seconds.now - began < 240:
        try:
            teams.channel._pace(teams.room("group"), 1)
            said += 1
        except Retry as retry:
            teams.seconds.forward(retry.after or 0)
    assert said <= 80 + 240 / 2


# -- changes ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fault", ["429", "412", "500", "502", "apply then 500", "apply then cut", "cut", "401"])
@pytest.mark.parametrize("operation", ["edit", "delete"])
async def test_changes_may_be_repeated(teams: OnTeams, operation: str, fault: str) -> None:
    done = await deliver(teams, teams.at("dana"), reply())
    teams.fake.fail("update" if operation == "edit" else "delete", **FAULTS[fault])
    came = await outbox(teams, teams.at("dana"), reply("changed"), operation, done.message_id)
    assert came.shown == done
    assert [message.text for message in teams.fake.shown("dana")] == (["changed"] if operation == "edit" else [])


async def test_an_edit_grows_and_shrinks_what_was_said(teams: OnTeams) -> None:
    address = teams.at("group")
    done = await deliver(teams, address, reply("short", ReplyKind.ANSWER))
    await deliver(teams, address, reply(LONG, ReplyKind.ANSWER), "k2", message_id=done.message_id, operation="edit")
    assert len(teams.fake.by_bot("group")) > 1
    await deliver(teams, address, reply("short again", ReplyKind.ANSWER), "k3", message_id=done.message_id, operation="edit")
    (message,) = teams.fake.by_bot("group")
    assert message.text == "short again"
    assert teams.fake.refusals == []


async def test_all_of_a_reply_is_deleted(teams: OnTeams) -> None:
    said = reply(LONG, ReplyKind.ANSWER, files=(Attachment("f1", "report.pdf", "application/pdf", 17),))
    done = await deliver(teams, teams.at("dana"), said)
    assert len(teams.fake.shown("dana")) > 2
    teams.seconds.forward(60)
    await deliver(teams, teams.at("dana"), said, "k2", message_id=done.message_id, operation="delete")
    assert teams.fake.shown("dana") == []
    store = BelongingStore(async_sessionmaker(teams.engine))
    assert await store.of(teams.fake.tenant, teams.at("dana").room, done.message_id.rpartition("|")[2]) == []


async def test_what_is_gone_is_as_good_as_deleted_and_cannot_be_edited(teams: OnTeams) -> None:
    done = await deliver(teams, teams.at("group"), reply())
    teams.fake.by_bot("group")[0].deleted = True
    with pytest.raises(Refused, match="message_not_found"):
        await deliver(teams, teams.at("group"), reply("x"), "k2", message_id=done.message_id, operation="edit")
    await deliver(teams, teams.at("group"), reply(), "k3", message_id=done.message_id, operation="delete")


@pytest.mark.parametrize("message_id", [None, "", "no-such", "|1", "room|"])
async def test_a_message_of_no_room_is_refused(teams: OnTeams, message_id: str | None) -> None:
    with pytest.raises(Refused, match="no_message"):
        await deliver(teams, teams.at("dana"), reply(), message_id=message_id, operation="edit")
    assert teams.fake.calls == []


async def test_a_card_changes_in_its_place(teams: OnTeams) -> None:
    card = reply("", ReplyKind.PROGRESS, progress=PROGRESS, request=RequestRef("FOY-1", "laptop", "running"))
    done = await deliver(teams, teams.at("dana"), card)
    changed = replace(card, progress=replace(PROGRESS, ball="Delivered"))
    await deliver(teams, teams.at("dana"), changed, "k2", message_id=done.message_id, operation="edit")
    (message,) = teams.fake.shown("dana")
    assert "Delivered" in cards.words(message.card)
    assert message.edited


# -- forms, files, people --------------------------------------------------------------------------------------------------


async def test_an_open_form_is_filled(teams: OnTeams) -> None:
    asked = reply("", ReplyKind.FORM, form=FORM, surface="task:1")
    with teams.waiting.expect("task:1") as expected:
        await deliver(teams, teams.at("dana"), asked)
        card = await expected.within(0)
    assert card is not None
    assert "Why?" in cards.words(card)
    assert teams.fake.calls == []


async def test_a_form_that_nobody_waits_for_is_refused(teams: OnTeams) -> None:
    with pytest.raises(Refused, match="surface_gone"):
        await deliver(teams, teams.at("dana"), reply("", ReplyKind.FORM, form=FORM, surface="task:1"))


async def test_whoever_pressed_sees_the_changed_card_at_once(teams: OnTeams) -> None:
    card = REPLIES["card"]
    done = await deliver(teams, teams.at("dana"), card)
    with teams.waiting.expect(changing(teams.fake.tenant, done.message_id)) as expected:
        changed = replace(card, text="Approved.", actions=(Action("a2", "Undo"),))
        await deliver(teams, teams.at("dana"), changed, "k2", message_id=done.message_id, operation="edit")
        shown = await expected.within(0)
    (message,) = teams.fake.shown("dana")
    assert shown == message.card
    assert "Approved." in cards.words(shown)


async def test_whoever_pressed_on_what_is_no_card_any_more_waits_for_none(teams: OnTeams) -> None:
    """Teams would show a card that is not the message."""
    done = await deliver(teams, teams.at("dana"), REPLIES["card"])
    with teams.waiting.expect(changing(teams.fake.tenant, done.message_id)) as expected:
        await deliver(teams, teams.at("dana"), reply("Approved."), "k2", message_id=done.message_id, operation="edit")
        async with asyncio.timeout(5):
            assert await expected.within(60) is None
    (message,) = teams.fake.shown("dana")
    assert (message.text, message.card) == ("Approved.", None)


@pytest.mark.parametrize("place", ["support", "group"])
async def test_rooms_take_no_files(teams: OnTeams, place: str) -> None:
    done = await deliver(teams, teams.at(place), reply(files=(Attachment("f1", "report.pdf", "application/pdf", 17),)))
    assert done.unsent == ("report.pdf",)
    assert len(teams.fake.by_bot(place)) == 1


async def test_a_file_that_an_edit_takes_back_is_offered_no_more(teams: OnTeams) -> None:
    said = reply(files=(Attachment("f1", "report.pdf", "application/pdf", 17),))
    done = await deliver(teams, teams.at("dana"), said)
    await deliver(teams, teams.at("dana"), reply("none"), "k2", message_id=done.message_id, operation="edit")
    assert [message.text for message in teams.fake.shown("dana")] == ["none"]


@pytest.mark.parametrize("place", ["dana", "group"])
async def test_a_file_that_an_edit_brings_is_named_there(teams: OnTeams, place: str) -> None:
    """A card of staff names all files of its case; each came with a message of its own, which offered it."""
    done = await deliver(teams, teams.at(place), REPLIES["card"])
    files = (Attachment("f1", "report.pdf", "application/pdf", 17),)
    changed = replace(REPLIES["card"], files=files)
    edited = await deliver(teams, teams.at(place), changed, "k2", message_id=done.message_id, operation="edit")
    assert edited == done
    (message,) = teams.fake.by_bot(place)
    assert "report.pdf" in cards.words(message.card)


@pytest.mark.parametrize("place", ["dana", "group"])
async def test_an_edit_with_the_same_words_is_harmless(teams: OnTeams, place: str) -> None:
    done = await deliver(teams, teams.at(place), reply())
    for key in ("k2", "k3"):
        assert await deliver(teams, teams.at(place), reply(), key, message_id=done.message_id, operation="edit") == done
    assert [message.text for message in teams.fake.by_bot(place)] == ["hello"]


async def test_a_member_of_staff_is_named_and_nothing_is_labelled(teams: OnTeams) -> None:
    await deliver(teams, teams.at("dana"), reply("One.\n\nTwo.", ReplyKind.ANSWER, author=Author("Sam Okafor")))
    (message,) = teams.fake.shown("dana")
    assert message.text.startswith("**Sam Okafor**")
    assert message.entities == []
    assert teams.calls("stream_chunk") == 0


async def test_a_file_without_an_address_is_gone(teams: OnTeams) -> None:
    with pytest.raises(Refused, match="gone"):
        await teams.channel.download(teams.fake.tenant, FileRef("f1", "report.pdf", "application/pdf", 17))


@pytest.mark.parametrize("place", ["dana", "group", "support"])
async def test_typing_is_an_ornament(teams: OnTeams, place: str) -> None:
    await teams.channel.typing(teams.at(place))
    assert teams.calls("send") == 1
    teams.fake.fail("*", 9, status=500)
    await teams.channel.typing(teams.at(place))
    assert teams.fake.by_bot(place) == []


async def test_a_message_without_an_id_is_no_error(teams: OnTeams) -> None:
    """Microsoft's playground makes two messages of text and a card, and tells the id of neither."""
    teams.fake.send = lambda *_, **__: (202, {})  # type: ignore[method-assign]
    done = await deliver(teams, teams.at("group"), reply())
    assert done == Delivered(f"{teams.at('group').room}|", "k1")
    assert await teams.again().find(teams.at("group"), key="k1") == done
    with pytest.raises(Refused, match="no_message"):
        await deliver(teams, teams.at("group"), reply("x"), "k2", message_id=done.message_id, operation="edit")
