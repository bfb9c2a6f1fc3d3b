"""Replies on Slack: what is posted, found again, completed, paced and refused."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from connectors.errors import OutcomeUnknown, Refused, Retry
from connectors.ports.chat import (
    Action,
    Address,
    Attachment,
    Author,
    Form,
    FormField,
    Progress,
    Prompt,
    Reply,
    ReplyKind,
    RequestRef,
    Section,
)
from connectors.ports.records import new_id
from connectors.slack.buttons import read_press
from tests.connectors.slack.support import DANA, OMAR, ROOM, OnSlack, open_slack
from tests.fakes.slack.surfaces import new_view


@pytest.fixture
async def slack(tmp_path: Path) -> AsyncIterator[OnSlack]:
    async with open_slack(tmp_path) as made:
        yield made


@pytest.fixture
async def impatient(tmp_path: Path) -> AsyncIterator[OnSlack]:
    """Gives up on a call soon."""
    async with open_slack(tmp_path, timeout=0.3) as made:
        yield made


def reply(text: str = "hello", kind: ReplyKind = ReplyKind.NOTICE, **more: Any) -> Reply:
    return Reply("r1", kind, text, **more)


def dm(slack: OnSlack, person: str = DANA) -> Address:
    return slack.channel.direct(slack.fake.team, person)


def room(slack: OnSlack) -> Address:
    return Address("slack", slack.fake.team, ROOM)


def calls(slack: OnSlack, method: str) -> list[dict[str, Any]]:
    return [arguments for name, arguments in slack.fake.calls if name == method]


async def test_a_post_carries_its_key_and_unfurls_nothing(slack: OnSlack) -> None:
    done = await slack.channel.deliver("post", dm(slack), reply(), key="k1", message_id=None)
    (message,) = slack.fake.messages(DANA)
    assert done.message_id == f"{message.channel}:{message.ts}"
    assert done.thread == message.ts
    assert message.metadata == {"event_type": "foyer_reply", "event_payload": {"key": "k1"}}
    (call,) = calls(slack, "chat.postMessage")
    assert (call["unfurl_links"], call["unfurl_media"], call["link_names"]) == (False, False, False)
    assert call["text"] == "hello"
    assert slack.fake.refusals == []


async def test_a_direct_chat_is_opened_once(slack: OnSlack) -> None:
    for key in ("k1", "k2"):
        await slack.channel.deliver("post", dm(slack), reply(), key=key, message_id=None)
    assert len(calls(slack, "conversations.open")) == 1


async def test_a_member_of_staff_speaks_in_their_own_name(slack: OnSlack) -> None:
    said = reply(author=Author("Sam Okafor", "https://example.com/sam.png"))
    await slack.channel.deliver("post", dm(slack), said, key="k1", message_id=None)
    (message,) = slack.fake.messages(DANA)
    assert (message.username, message.icon_url) == ("Sam Okafor", "https://example.com/sam.png")


@pytest.mark.parametrize("kind", ["apply_then_500", "apply_then_time_out"])
async def test_what_was_perhaps_posted_is_found_and_not_posted_again(impatient: OnSlack, kind: str) -> None:
    impatient.fake.fail("chat.postMessage", kind)
    key = new_id()
    with pytest.raises(OutcomeUnknown):
        await impatient.channel.deliver("post", dm(impatient), reply(), key=key, message_id=None)
    (message,) = impatient.fake.messages(DANA)
    found = await impatient.again().find(dm(impatient), key=key)
    assert found is not None
    assert found.message_id == f"{message.channel}:{message.ts}"


@pytest.mark.parametrize("kind", ["server_error", "time_out", "cut"])
async def test_what_was_perhaps_not_posted_is_not_found_and_posted_then(impatient: OnSlack, kind: str) -> None:
    impatient.fake.fail("chat.postMessage", kind)
    with pytest.raises(OutcomeUnknown):
        await impatient.channel.deliver("post", dm(impatient), reply(), key="k1", message_id=None)
    assert await impatient.channel.find(dm(impatient), key="k1") is None
    await impatient.channel.deliver("post", dm(impatient), reply(), key="k1", message_id=None)
    assert len(impatient.fake.messages(DANA)) == 1


async def test_find_looks_in_the_thread_of_the_address(slack: OnSlack) -> None:
    ts = await slack.fake.say(DANA, "hi")
    for number in range(3):
        await slack.fake.say(DANA, f"more {number}", thread=ts)
    thread = replace(dm(slack), thread=ts)
    done = await slack.channel.deliver("post", thread, reply(), key="k1", message_id=None)
    assert await slack.again().find(thread, key="k1") == done
    assert await slack.again().find(dm(slack), key="k1") is None


async def test_a_key_that_somebody_else_wrote_is_not_believed(slack: OnSlack) -> None:
    await slack.channel.deliver("post", dm(slack), reply(), key="k1", message_id=None)
    slack.fake.messages(DANA)[0].user, slack.fake.messages(DANA)[0].bot_id = "U0OTHER", "B0OTHER"
    assert await slack.again().find(dm(slack), key="k1") is None


async def test_too_many_requests_wait_as_long_as_slack_says(slack: OnSlack) -> None:
    slack.fake.fail("chat.postMessage", "rate_limited", after=17)
    with pytest.raises(Retry) as retry:
        await slack.channel.deliver("post", dm(slack), reply(), key="k1", message_id=None)
    assert not isinstance(retry.value, OutcomeUnknown)
    assert retry.value.after == 17
    assert slack.fake.messages(DANA) == []


async def test_a_room_gets_one_message_a_second_after_a_few(slack: OnSlack) -> None:
    for number in range(3):
        await slack.channel.deliver("post", dm(slack), reply(), key=f"k{number}", message_id=None)
    with pytest.raises(Retry) as retry:
        await slack.channel.deliver("post", dm(slack), reply(), key="k3", message_id=None)
    assert retry.value.code == "pace"
    assert retry.value.after == 1
    await slack.channel.deliver("post", dm(slack, OMAR), reply(), key="k4", message_id=None)
    slack.seconds.forward(1)
    await slack.channel.deliver("post", dm(slack), reply(), key="k3", message_id=None)
    assert len(slack.fake.messages(DANA)) == 4
    assert len(calls(slack, "chat.postMessage")) == 5


async def test_a_message_is_edited_at_a_bearable_pace(slack: OnSlack) -> None:
    done = await slack.channel.deliver("post", dm(slack), reply(), key="k", message_id=None)
    for number in range(3):
        await slack.channel.deliver("edit", dm(slack), reply(f"state {number}"), key=f"k{number}", message_id=done.message_id)
    with pytest.raises(Retry) as retry:
        await slack.channel.deliver("edit", dm(slack), reply("last"), key="k3", message_id=done.message_id)
    assert retry.value.code == "pace"
    slack.seconds.forward(retry.value.after or 0)
    await slack.channel.deliver("edit", dm(slack), reply("last"), key="k3", message_id=done.message_id)
    assert [message.text for message in slack.fake.messages(DANA)] == ["last"]


LONG = "\n\n".join(f"Paragraph {number}. " + "word " * 400 for number in range(12))


async def test_a_long_answer_takes_several_messages_in_one_thread(slack: OnSlack) -> None:
    done = await slack.channel.deliver("post", dm(slack), reply(LONG, ReplyKind.ANSWER), key="k1", message_id=None)
    first, *others = slack.fake.messages(DANA)
    assert others
    assert all(message.thread_ts == first.ts for message in others)
    assert done.message_id == f"{first.channel}:{first.ts}"
    assert await slack.again().find(dm(slack), key="k1") == done


async def test_a_reply_that_was_cut_off_between_its_messages_is_completed(slack: OnSlack) -> None:
    answer = reply(LONG, ReplyKind.ANSWER)
    slack.fake.fail("chat.postMessage", "server_error", skip=1)
    with pytest.raises(OutcomeUnknown):
        await slack.channel.deliver("post", dm(slack), answer, key="k1", message_id=None)
    assert len(slack.fake.messages(DANA)) == 1
    slack.seconds.forward(60)
    anew = slack.again()
    assert await anew.find(dm(slack), key="k1") is None
    await anew.deliver("post", dm(slack), answer, key="k1", message_id=None)
    texts = [message.text for message in slack.fake.messages(DANA)]
    assert len(texts) == len(set(texts)) > 1
    assert await slack.again().find(dm(slack), key="k1") is not None


async def test_what_is_for_one_person_cannot_be_changed_in_a_room(slack: OnSlack) -> None:
    secret = reply("secret", only_for=DANA)
    done = await slack.channel.deliver("post", room(slack), secret, key="k1", message_id=None)
    assert [message.text for message in slack.fake.ephemeral(DANA)] == ["secret"]
    assert slack.fake.messages(ROOM) == []
    with pytest.raises(Refused):
        await slack.channel.deliver("edit", room(slack), secret, key="k2", message_id=done.message_id)


async def test_a_home_page_is_replaced(slack: OnSlack) -> None:
    for key, text in (("k1", "Welcome"), ("k2", "Welcome back")):
        page = reply(text, ReplyKind.HOME, sections=(Section("Mine", ()),))
        done = await slack.channel.deliver("post", dm(slack), page, key=key, message_id=None)
        assert done.message_id == f"home:{DANA}"
    assert "Welcome back" in str(slack.fake.home(DANA))
    assert slack.fake.messages(DANA) == []


async def test_prompts_greet_whoever_opens_the_chat(slack: OnSlack) -> None:
    greeting = reply("How can I help?", ReplyKind.GREETING, prompts=tuple(Prompt(f"Title {n}", f"Words {n}") for n in range(6)))
    await slack.channel.deliver("post", dm(slack), greeting, key="k1", message_id=None)
    assert [prompt["message"] for prompt in slack.fake.suggested[DANA]["prompts"]] == [f"Words {n}" for n in range(4)]


def _empty_view(slack: OnSlack) -> str:
    body = {"type": "modal", "title": {"type": "plain_text", "text": "…"}, "blocks": []}
    view = new_view(slack.fake, DANA, slack.fake.team, body)
    slack.fake.open_views[DANA] = [view.id]
    return view.id


FORM = Form("Order", Action("a1", "Send"), (FormField("what", "What"),))


async def test_a_form_fills_the_view_that_was_opened_for_it(slack: OnSlack) -> None:
    view = _empty_view(slack)
    await slack.channel.deliver("post", dm(slack), reply(kind=ReplyKind.FORM, form=FORM, surface=view), key="k1", message_id=None)
    shown = slack.fake.modal(DANA)
    assert shown is not None
    assert [block["type"] for block in shown["blocks"]] == ["input"]


async def test_a_view_that_was_closed_is_refused(slack: OnSlack) -> None:
    view = _empty_view(slack)
    slack.fake.open_views[DANA] = []
    with pytest.raises(Refused) as refused:
        await slack.channel.deliver("post", dm(slack), reply(kind=ReplyKind.FORM, form=FORM, surface=view), key="k1", message_id=None)
    assert refused.value.code == "surface_gone"


async def test_an_archived_room_refuses(slack: OnSlack) -> None:
    slack.fake.rooms[ROOM].archived = True
    with pytest.raises(Refused) as refused:
        await slack.channel.deliver("post", room(slack), reply(), key="k1", message_id=None)
    assert refused.value.code == "is_archived"


async def test_a_room_that_is_not_there_has_nothing_to_find(slack: OnSlack) -> None:
    assert await slack.channel.find(Address("slack", slack.fake.team, "C0GONE"), key="k1") is None


async def test_a_message_that_is_gone_already_is_as_good_as_deleted(slack: OnSlack) -> None:
    done = await slack.channel.deliver("post", dm(slack), reply(), key="k1", message_id=None)
    slack.fake.fail("chat.delete", "apply_then_500")
    with pytest.raises(OutcomeUnknown):
        await slack.channel.deliver("delete", dm(slack), reply(), key="k2", message_id=done.message_id)
    assert await slack.channel.deliver("delete", dm(slack), reply(), key="k2", message_id=done.message_id) == done


CARD = reply(
    "Laptop",
    ReplyKind.PROGRESS,
    request=RequestRef("FOY-1", "order", "awaiting_approval"),
    progress=Progress("Laptop", "Approval: Priya", "Orders"),
)


@pytest.mark.parametrize(("state", "status"), [("awaiting_approval", "suspended"), ("running", "processing"), ("done", "active")])
async def test_a_live_card_tells_slack_how_the_request_stands(slack: OnSlack, state: str, status: str) -> None:
    card = replace(CARD, request=RequestRef("FOY-1", "order", state))
    await slack.channel.deliver("post", dm(slack), card, key="k1", message_id=None)
    assert [told["status"] for told in slack.fake.statuses] == [status]


async def test_an_ornament_that_fails_fails_nothing(slack: OnSlack) -> None:
    slack.fake.fail("agents.sessions.setStatus", "error:unknown_method")
    done = await slack.channel.deliver("post", dm(slack), CARD, key="k1", message_id=None)
    assert await slack.channel.find(dm(slack), key="k1") == done


async def test_a_long_text_is_cut_when_it_is_edited(slack: OnSlack) -> None:
    done = await slack.channel.deliver("post", dm(slack), reply(), key="k1", message_id=None)
    await slack.channel.deliver("edit", dm(slack), reply("Größe & Maß. " * 400), key="k2", message_id=done.message_id)
    assert slack.fake.messages(DANA)[0].text.endswith("…")
    assert slack.fake.refusals == []


SENT = Attachment("f1", "screen.png", "image/png", 3)


async def test_files_follow_the_words_into_their_thread(slack: OnSlack) -> None:
    slack.files.contents["f1"] = b"png"
    done = await slack.channel.deliver("post", dm(slack), reply("here", files=(SENT,)), key="k1", message_id=None)
    words, file = slack.fake.messages(DANA)
    assert f"{words.channel}:{words.ts}" == done.message_id
    assert file.thread_ts == words.ts
    assert [one["name"] for one in file.files] == ["screen.png"]


async def test_a_file_that_perhaps_was_sent_is_not_sent_twice(slack: OnSlack) -> None:
    slack.files.contents["f1"] = b"png"
    told = reply("here", files=(SENT,))
    slack.fake.fail("files.completeUploadExternal", "apply_then_500")
    with pytest.raises(OutcomeUnknown):
        await slack.channel.deliver("post", dm(slack), told, key="k1", message_id=None)
    slack.seconds.forward(60)
    anew = slack.again()
    assert await anew.find(dm(slack), key="k1") is None
    await anew.deliver("post", dm(slack), told, key="k1", message_id=None)
    assert len(slack.fake.messages(DANA)) == 2


async def test_a_file_that_was_not_sent_follows_later(slack: OnSlack) -> None:
    slack.files.contents["f1"] = b"png"
    told = reply("here", files=(SENT,))
    slack.fake.fail("files.completeUploadExternal", "server_error")
    with pytest.raises(OutcomeUnknown):
        await slack.channel.deliver("post", dm(slack), told, key="k1", message_id=None)
    slack.seconds.forward(60)
    await slack.again().deliver("post", dm(slack), told, key="k1", message_id=None)
    assert [len(message.files) for message in slack.fake.messages(DANA)] == [0, 1]


async def test_a_file_that_cannot_be_sent_is_named_all_the_same(slack: OnSlack) -> None:
    done = await slack.channel.deliver("post", dm(slack), reply("here", files=(SENT,)), key="k1", message_id=None)
    assert done.unsent == ("screen.png",)
    (words,) = slack.fake.messages(DANA)
    assert "screen.png" in str(words.blocks)


async def test_history_is_read_page_by_page_and_leaves_bots_out(slack: OnSlack) -> None:
    root = await slack.fake.say(DANA, "0", room=ROOM)
    thread = replace(room(slack), thread=root)
    await slack.channel.deliver("post", thread, reply("the bot"), key="k1", message_id=None)
    for number in range(1, 450):
        await slack.fake.say(OMAR, str(number), room=ROOM, thread=root)
    summons = await slack.fake.say(DANA, "help", room=ROOM, thread=root)
    heard = await slack.channel.history(thread, before=f"{ROOM}:{summons}", limit=1_000)
    assert [said.text for said in heard] == [str(number) for number in range(450)]
    assert {said.author_name for said in heard} == {"Dana Whitfield", "Omar Haddad"}
    assert len(calls(slack, "conversations.replies")) == 3


async def test_a_message_in_a_thread_is_read_by_its_id_alone(slack: OnSlack) -> None:
    root = await slack.fake.say(DANA, "root", room=ROOM)
    ts = await slack.fake.say(OMAR, "in the thread", room=ROOM, thread=root)
    heard = await slack.channel.read(room(slack), f"{ROOM}:{ts}")
    assert heard is not None
    assert (heard.text, heard.thread) == ("in the thread", root)
    assert await slack.channel.read(dm(slack), f"{ROOM}:{ts}") is None


@pytest.mark.parametrize(
    ("given", "standing"),
    [
        ({}, "member"),
        ({"restricted": True}, "guest"),
        ({"ultra_restricted": True}, "guest"),
        ({"stranger": True}, "stranger"),
        ({"bot": True}, "bot"),
        ({"deleted": True}, "gone"),
    ],
)
async def test_only_a_member_has_an_address(slack: OnSlack, given: dict[str, bool], standing: str) -> None:
    slack.fake.add_user("U0NEW", "New", "new@acme.example", **given)  # type: ignore[arg-type]
    profile = await slack.channel.profile(slack.fake.team, "U0NEW")
    assert profile is not None
    assert profile.standing == standing
    assert profile.email == ("new@acme.example" if standing == "member" else None)


async def test_an_address_that_nobody_confirmed_is_none(slack: OnSlack) -> None:
    slack.fake.add_user("U0NEW", "New", "priya@acme.example", confirmed=False)
    profile = await slack.channel.profile(slack.fake.team, "U0NEW")
    assert profile is not None
    assert profile.email is None
    assert await slack.channel.lookup("priya@acme.example") is None


async def test_a_profile_is_believed_for_five_minutes(slack: OnSlack) -> None:
    await slack.channel.profile(slack.fake.team, DANA)
    slack.fake.users[DANA].deleted = True
    slack.seconds.forward(299)
    before = await slack.channel.profile(slack.fake.team, DANA)
    slack.seconds.forward(2)
    after = await slack.channel.profile(slack.fake.team, DANA)
    assert (before and before.standing, after and after.standing) == ("member", "gone")


async def test_nobody_is_nobody(slack: OnSlack) -> None:
    assert await slack.channel.profile(slack.fake.team, "U0NOBODY") is None
    assert await slack.channel.lookup("nobody@acme.example") is None


async def test_a_conversation_that_was_perhaps_begun_is_begun_once(slack: OnSlack) -> None:
    slack.fake.fail("chat.postMessage", "apply_then_500")
    with pytest.raises(OutcomeUnknown):
        await slack.channel.begin(dm(slack), "VPN is down", key="k1", since=datetime.now(UTC))
    begun = await slack.again().begin(dm(slack), "VPN is down", key="k1", since=datetime.now(UTC))
    assert [message.ts for message in slack.fake.messages(DANA)] == [begun.thread]


async def test_beginning_reads_nothing_older_than_what_began_it(slack: OnSlack) -> None:
    for number in range(3):
        await slack.fake.say(DANA, f"old {number}")
    slack.fake.advance(3_600)
    since = datetime.now(UTC) + timedelta(hours=1)
    await slack.channel.begin(dm(slack), "VPN is down", key="command:123.T0ACME.trigger", since=since)
    (asked,) = calls(slack, "conversations.history")
    assert since.timestamp() - 301 < float(asked["oldest"]) < since.timestamp()


SHORTER = "Short after all."


def whole(slack: OnSlack) -> str:
    return " ".join(str(message.blocks) for message in slack.fake.messages(DANA))


async def test_all_messages_of_a_long_reply_follow_an_edit(slack: OnSlack) -> None:
    done = await slack.channel.deliver("post", dm(slack), reply(LONG, ReplyKind.ANSWER), key="k1", message_id=None)
    count = len(slack.fake.messages(DANA))
    other = LONG.replace("word", "verb")
    await slack.again().deliver("edit", dm(slack), reply(other, ReplyKind.ANSWER), key="k2", message_id=done.message_id)
    assert len(slack.fake.messages(DANA)) == count > 1
    assert "word" not in whole(slack)
    slack.seconds.forward(60)
    await slack.again().deliver("edit", dm(slack), reply(SHORTER), key="k3", message_id=done.message_id)
    (only,) = slack.fake.messages(DANA)
    assert SHORTER in str(only.blocks)


async def test_a_reply_that_grows_goes_on_in_its_thread_once(slack: OnSlack) -> None:
    done = await slack.channel.deliver("post", dm(slack), reply(SHORTER), key="k1", message_id=None)
    slack.fake.fail("chat.postMessage", "apply_then_500")
    long = reply(LONG, ReplyKind.ANSWER)
    with pytest.raises(OutcomeUnknown):
        await slack.channel.deliver("edit", dm(slack), long, key="k2", message_id=done.message_id)
    slack.seconds.forward(60)
    await slack.again().deliver("edit", dm(slack), long, key="k2", message_id=done.message_id)
    first, *others = slack.fake.messages(DANA)
    texts = [message.text for message in others]
    assert len(texts) == len(set(texts)) > 0
    assert {message.thread_ts for message in others} == {first.ts}


async def test_nothing_is_left_of_a_long_reply_that_is_deleted(slack: OnSlack) -> None:
    slack.files.contents["f1"] = b"png"
    long = reply(LONG, ReplyKind.ANSWER, files=(SENT,))
    done = await slack.channel.deliver("post", dm(slack), long, key="k1", message_id=None)
    slack.fake.fail("chat.delete", "apply_then_500")
    with pytest.raises(OutcomeUnknown):
        await slack.channel.deliver("delete", dm(slack), long, key="k2", message_id=done.message_id)
    await slack.again().deliver("delete", dm(slack), long, key="k2", message_id=done.message_id)
    assert slack.fake.messages(DANA) == []
    assert slack.fake.files == {}


async def test_a_file_goes_with_the_edit_that_has_it_no_more(slack: OnSlack) -> None:
    other = Attachment("f2", "log.txt", "text/plain", 3)
    slack.files.contents |= {"f1": b"png", "f2": b"log"}
    done = await slack.channel.deliver("post", dm(slack), reply("here", files=(SENT, other)), key="k1", message_id=None)
    await slack.again().deliver("edit", dm(slack), reply("one only", files=(other,)), key="k2", message_id=done.message_id)
    assert [file.name for file in slack.fake.files.values()] == ["log.txt"]
    await slack.again().deliver("edit", dm(slack), reply("deleted"), key="k3", message_id=done.message_id)
    assert slack.fake.files == {}
    assert [message.text for message in slack.fake.messages(DANA)] == ["deleted"]


async def test_a_file_that_was_perhaps_shared_is_deleted_too(slack: OnSlack) -> None:
    slack.files.contents["f1"] = b"png"
    slack.fake.fail("files.completeUploadExternal", "apply_then_500")
    told = reply("here", files=(SENT,))
    with pytest.raises(OutcomeUnknown):
        await slack.channel.deliver("post", dm(slack), told, key="k1", message_id=None)
    slack.seconds.forward(60)
    done = await slack.again().deliver("post", dm(slack), told, key="k1", message_id=None)
    await slack.again().deliver("delete", dm(slack), told, key="k2", message_id=done.message_id)
    assert slack.fake.files == {}


async def test_a_whisper_stands_beside_a_thread_that_nobody_has_answered_in(slack: OnSlack) -> None:
    root = await slack.fake.say(DANA, "hi", room=ROOM)
    thread = replace(room(slack), thread=root)
    asks = reply("which?", only_for=DANA, actions=(Action("opaque", "This"),))
    done = await slack.channel.deliver("post", thread, asks, key="k1", message_id=None)
    (seen,) = slack.fake.ephemeral(DANA)
    assert (seen.thread_ts, done.thread) == (None, root)
    pressed = read_press(seen.blocks[-1]["elements"][0]["value"])
    assert pressed is not None
    assert (pressed.action, pressed.thread) == ("opaque", root)
    await slack.fake.say(OMAR, "me too", room=ROOM, thread=root)
    await slack.channel.deliver("post", thread, asks, key="k2", message_id=None)
    assert slack.fake.ephemeral(DANA)[-1].thread_ts == root


@pytest.mark.parametrize("more", [{"text": LONG}, {"files": (SENT,)}])
async def test_what_is_too_much_for_a_whisper_is_said_in_ones_own_chat(slack: OnSlack, more: dict[str, Any]) -> None:
    slack.files.contents["f1"] = b"png"
    secret = replace(reply("secret", ReplyKind.ANSWER, only_for=DANA), **more)
    done = await slack.channel.deliver("post", room(slack), secret, key="k1", message_id=None)
    assert slack.fake.ephemeral(DANA) == slack.fake.messages(ROOM) == []
    first, *others = slack.fake.messages(DANA)
    assert others
    assert done.message_id == f"{first.channel}:{first.ts}"
    await slack.channel.deliver("edit", room(slack), reply("taken back", only_for=DANA), key="k2", message_id=done.message_id)
    assert [message.text for message in slack.fake.messages(DANA)] == ["taken back"]


async def test_another_workspace_is_refused(slack: OnSlack) -> None:
    with pytest.raises(Refused) as refused:
        await slack.channel.deliver("post", Address("slack", "T0ELSE", ROOM), reply(), key="k1", message_id=None)
    assert refused.value.code == "not_installed"


async def test_a_revoked_token_makes_it_wait(slack: OnSlack) -> None:
    await slack.channel.deliver("post", dm(slack), reply(), key="k1", message_id=None)
    slack.fake.fail("chat.postMessage", "error:token_revoked")
    with pytest.raises(Retry) as waits:
        await slack.channel.deliver("post", dm(slack), reply(), key="k2", message_id=None)
    assert waits.value.code == "token_revoked"
