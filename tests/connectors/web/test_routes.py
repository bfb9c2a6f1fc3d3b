"""The API: what is said is recorded once and shown, nobody reads a room that is not theirs, a stream misses nothing."""

import asyncio
import json
from typing import Any

import pytest

from connectors.ports.chat import Action, ActivityKind, Address, Reply, ReplyKind
from connectors.ports.people import ExternalId
from tests.connectors.web.conftest import Client, Served

DANA = Address("web", "local", "dana@acme.example")
DESK = Address("web", "local", "group:it-support")


async def post(served: Served, address: Address, text: str, kind: ReplyKind = ReplyKind.ANSWER, **more: Any) -> str:
    """Shows a reply and returns its thread."""
    reply = Reply(f"r-{text}", kind, text, **more)
    done = await served.channel.deliver("post", address, reply, key=f"key-{text}", message_id=None)
    assert done.thread is not None
    return done.thread


async def read(client: Client, path: str) -> Any:
    response = await client.get(path)
    assert response.status == 200, await response.text()
    return await response.json()


async def say(client: Client, conversation: str, text: str, message_id: str = "m1") -> int:
    response = await client.post(f"/api/v1/conversations/{conversation}/messages", json={"id": message_id, "text": text})
    return response.status


async def test_what_is_said_is_recorded_with_who_said_it_and_where(served: Served) -> None:
    dana = await served.enter("dana")
    assert await say(dana, "c1", "unlock my account") == 202
    [activity] = served.bot.recorded
    assert activity.kind is ActivityKind.MESSAGE
    assert activity.text == "unlock my account"
    assert activity.sender == ExternalId("web", "local", "dana@acme.example")
    assert activity.address == Address("web", "local", "dana@acme.example", "c1")


async def test_a_message_sent_again_is_recorded_and_shown_once(served: Served) -> None:
    dana = await served.enter("dana")
    for _ in range(2):
        assert await say(dana, "c1", "hello") == 202
    assert len(served.bot.recorded) == 1
    assert len((await read(dana, "/api/v1/messages?conversation=c1"))["messages"]) == 1


async def test_equal_ids_of_two_people_are_two_messages(served: Served) -> None:
    dana, omar = await served.enter("dana"), await served.enter("omar")
    assert await say(dana, "c1", "hello") == 202
    assert await say(omar, "c2", "hello") == 202
    assert len(served.bot.recorded) == 2


async def test_a_reload_shows_the_whole_dialogue_in_order(served: Served) -> None:
    dana = await served.enter("dana")
    await say(dana, "c1", "one", "m1")
    await served.bot.work()
    await say(dana, "c1", "two", "m2")
    await served.bot.work()
    shown = (await read(dana, "/api/v1/messages?conversation=c1"))["messages"]
    assert [m["said"] or m["reply"]["text"] for m in shown] == ["one", "You said: one", "two", "You said: two"]
    assert [m["mine"] for m in shown] == [True, False, True, False]


@pytest.mark.parametrize("text", ["", "   ", "😀😀", "Привет, как дела", "a\u0000b", "\ud800", "x" * 100_000, "\u202e\u0007bell"])
async def test_any_text_is_recorded_and_storable(served: Served, text: str) -> None:
    dana = await served.enter("dana")
    body = json.dumps({"id": "m1", "text": text})
    response = await dana.post("/api/v1/conversations/c1/messages", data=body, headers={"Content-Type": "application/json"})
    assert response.status == 202
    said = served.bot.recorded[0].text
    said.encode()
    assert "\x00" not in said
    assert (await read(dana, "/api/v1/messages?conversation=c1"))["messages"][0]["said"] == said


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"id": "m1"},
        {"text": "x"},
        {"id": "", "text": "x"},
        {"id": "m1", "text": 5},
        {"id": "a b", "text": "x"},
        [],
        "x",
        {"id": {}, "text": "x"},
    ],
)
async def test_a_body_that_makes_no_sense_is_refused_with_a_sentence(served: Served, body: Any) -> None:
    dana = await served.enter("dana")
    response = await dana.post("/api/v1/conversations/c1/messages", json=body)
    assert response.status == 400
    assert len((await response.json())["error"]) > 10
    assert served.bot.recorded == []


async def test_a_press_is_recorded_with_its_words_and_fields(served: Served) -> None:
    priya = await served.enter("priya")
    room = served.channel.direct("local", "priya@acme.example")
    thread = await post(served, room, "May Dana?", ReplyKind.APPROVAL, actions=(Action("a1", "Deny", needs_text="required"),))
    sent = {"id": "p1", "text": "not now", "values": {"until": "May"}, "conversation": thread}
    assert (await priya.post("/api/v1/actions/a1", json=sent)).status == 202
    [activity] = served.bot.recorded
    assert activity.kind is ActivityKind.ACTION
    assert activity.press is not None
    assert (activity.press.action_id, activity.press.text, dict(activity.press.values)) == ("a1", "not now", {"until": "May"})
    assert activity.address.thread == thread
    shown = (await read(priya, f"/api/v1/messages?conversation={thread}"))["messages"]
    assert shown[-1]["said"] == "Deny: not now"


async def test_an_unknown_button_is_recorded_too_so_that_the_bot_can_say_so(served: Served) -> None:
    dana = await served.enter("dana")
    assert (await dana.post("/api/v1/actions/nope", json={"id": "p1", "conversation": "c1"})).status == 202
    assert len(served.bot.recorded) == 1
    assert (await read(dana, "/api/v1/messages?conversation=c1"))["messages"] == []
    assert (await dana.post("/api/v1/actions/%20%3Cx%3E", json={"id": "p2", "conversation": "c1"})).status == 400


READERS = {"dana": {"dana"}, "group:it-support": {"sam"}, "group:knowledge": {"kim"}, "priya": {"priya"}}


@pytest.mark.parametrize("room", READERS)
@pytest.mark.parametrize("reader", ["dana", "omar", "priya", "sam", "kim", ""])
async def test_who_may_read_and_write_in_which_room(served: Served, room: str, reader: str) -> None:
    address = Address("web", "local", room if room.startswith("group:") else f"{room}@acme.example")
    thread = await post(served, address, "secret words")
    client = await served.enter(reader)
    allowed = reader in READERS[room]
    refused = 403 if reader else 401
    for path in (f"/api/v1/messages?conversation={thread}", f"/api/v1/idle?conversation={thread}"):
        response = await client.get(path)
        assert response.status == (200 if allowed else refused)
        assert ("secret words" in await response.text()) is (allowed and "messages" in path)
    assert await say(client, thread, "hi") == (202 if allowed else refused)
    press = await client.post("/api/v1/actions/a1", json={"id": "p1", "conversation": thread})
    assert press.status == (202 if allowed else refused)
    assert len(served.bot.recorded) == (2 if allowed else 0)
    for path in ("/api/v1/messages", "/api/v1/conversations", "/api/v1/waiting"):
        response = await client.get(path)
        assert response.status == (200 if reader else 401)
        assert allowed or "secret words" not in await response.text()


async def test_a_written_message_in_a_desk_thread_belongs_to_the_group(served: Served) -> None:
    sam = await served.enter("sam")
    thread = await post(served, DESK, "Dana needs a person", ReplyKind.HANDOFF)
    assert await say(sam, thread, "claim") == 202
    assert served.bot.recorded[0].address == Address("web", "local", "group:it-support", thread)


async def test_somebody_who_leaves_a_group_loses_its_room_at_once(served: Served) -> None:
    sam = await served.enter("sam")
    thread = await post(served, DESK, "Dana needs a person", ReplyKind.HANDOFF)
    assert (await sam.get(f"/api/v1/messages?conversation={thread}")).status == 200
    served.sign_in.groups["sam@acme.example"] = frozenset()
    assert (await sam.get(f"/api/v1/messages?conversation={thread}")).status == 403


async def test_a_stranger_with_the_name_of_a_conversation_cannot_take_it_over(served: Served) -> None:
    dana, omar = await served.enter("dana"), await served.enter("omar")
    await say(dana, "plans", "mine")
    assert await say(omar, "plans", "me too") == 403
    assert await say(dana, "plans", "still mine", "m2") == 202


@pytest.mark.parametrize("name", ["a%20b", "..%2f..%2fetc", "%3Cscript%3E", "x" * 101, "-a"])
async def test_an_odd_conversation_name_is_refused(served: Served, name: str) -> None:
    dana = await served.enter("dana")
    assert await say(dana, name, "hi") == 400


async def test_waiting_lists_open_approvals_open_handoffs_and_unseen_replies(served: Served) -> None:
    priya_room = served.channel.direct("local", "priya@acme.example")
    await post(served, priya_room, "May Dana?", ReplyKind.APPROVAL, actions=(Action("a1", "Approve"),))
    await post(served, priya_room, "Decided", ReplyKind.APPROVAL)
    await post(served, priya_room, "An answer")
    await post(served, DESK, "Old handoff", ReplyKind.HANDOFF)
    await post(served, DESK, "Open handoff", ReplyKind.HANDOFF, actions=(Action("c1", "Claim"),))
    priya, sam = await served.enter("priya"), await served.enter("sam")

    def texts(found: Any) -> list[str]:
        return [message["reply"]["text"] for message in found["messages"]]

    first = await read(priya, "/api/v1/waiting")
    assert texts(first) == ["May Dana?", "Decided", "An answer"]
    assert (await priya.post("/api/v1/seen", json={"seq": first["seq"]})).status == 200
    assert texts(await read(priya, "/api/v1/waiting")) == ["May Dana?"]
    assert texts(await read(sam, "/api/v1/waiting")) == ["Open handoff"]


async def test_what_was_seen_is_never_unseen(served: Served) -> None:
    dana = await served.enter("dana")
    await post(served, DANA, "one")
    await post(served, DANA, "two")
    for seq in (2, 1, 999_999):
        await dana.post("/api/v1/seen", json={"seq": seq})
        assert (await read(dana, "/api/v1/waiting"))["messages"] == []
    await post(served, DANA, "three")
    assert [m["reply"]["text"] for m in (await read(dana, "/api/v1/waiting"))["messages"]] == ["three"]


async def test_seeing_one_conversation_leaves_the_others_unseen(served: Served) -> None:
    dana, omar = await served.enter("dana"), await served.enter("omar")
    one, two = await post(served, DANA, "one"), await post(served, DANA, "two")
    assert (await dana.post("/api/v1/seen", json={"seq": 2, "conversation": one})).status == 200
    assert (await omar.post("/api/v1/seen", json={"seq": 2, "conversation": two})).status == 403
    assert [m["reply"]["text"] for m in (await read(dana, "/api/v1/waiting"))["messages"]] == ["two"]
    listed = (await read(dana, "/api/v1/conversations"))["conversations"]
    assert {c["id"]: c["unseen"] for c in listed} == {one: False, two: True}


async def test_conversations_carry_their_first_words_newest_first(served: Served) -> None:
    dana = await served.enter("dana")
    await say(dana, "c1", "my laptop is slow", "m1")
    await say(dana, "c2", "carry over days?", "m2")
    await served.bot.work()
    listed = (await read(dana, "/api/v1/conversations"))["conversations"]
    assert [(c["id"], c["title"]) for c in listed] == [("c2", "carry over days?"), ("c1", "my laptop is slow")]


async def test_idle_says_when_everything_has_been_answered(served: Served) -> None:
    dana, omar = await served.enter("dana"), await served.enter("omar")
    await say(dana, "c1", "hello")
    assert (await read(dana, "/api/v1/idle"))["idle"] is False
    assert (await read(dana, "/api/v1/idle?conversation=other"))["idle"] is True
    assert (await read(omar, "/api/v1/idle"))["idle"] is True
    await served.bot.work()
    idle = await read(dana, "/api/v1/idle?conversation=c1")
    assert idle["idle"] is True
    assert (await read(dana, "/api/v1/messages?after=0"))["seq"] == idle["seq"]


async def test_an_edit_comes_again_under_its_id_with_a_new_number(served: Served) -> None:
    dana = await served.enter("dana")
    done = await served.channel.deliver("post", DANA, Reply("card", ReplyKind.PROGRESS, "running"), key="k1", message_id=None)
    before = await read(dana, "/api/v1/messages")
    await served.channel.deliver("edit", DANA, Reply("card", ReplyKind.PROGRESS, "done"), key="k2", message_id=done.message_id)
    [again] = (await read(dana, f"/api/v1/messages?after={before['seq']}"))["messages"]
    assert again["id"] == done.message_id
    assert again["reply"]["text"] == "done"
    assert again["seq"] > before["seq"]


async def test_a_deleted_message_leaves_a_tombstone_without_words(served: Served) -> None:
    dana = await served.enter("dana")
    done = await served.channel.deliver("post", DANA, Reply("card", ReplyKind.NOTICE, "oops"), key="k1", message_id=None)
    await served.channel.deliver("delete", DANA, Reply("card", ReplyKind.NOTICE, "oops"), key="k2", message_id=done.message_id)
    response = await dana.get("/api/v1/messages")
    assert "oops" not in await response.text()
    assert (await response.json())["messages"][0]["deleted"] is True


async def events(client: Client, path: str, count: int, **more: Any) -> list[dict[str, Any]]:
    """The first `count` events of a stream."""
    found: list[dict[str, Any]] = []
    async with client.get(path, **more) as response:
        assert response.status == 200
        assert response.content_type == "text/event-stream"
        async for line in response.content:
            if line.startswith(b"data: "):
                found.append(json.loads(line[6:]))
                if len(found) == count:
                    return found
    return found


async def test_a_stream_goes_on_where_the_reader_stopped(served: Served) -> None:
    dana = await served.enter("dana")
    for text in ("one", "two", "three"):
        await post(served, DANA, text)
    assert [e["reply"]["text"] for e in await events(dana, "/api/v1/stream?after=0", 3)] == ["one", "two", "three"]
    resumed = await events(dana, "/api/v1/stream?after=0", 1, headers={"Last-Event-ID": "2"})
    assert [e["reply"]["text"] for e in resumed] == ["three"]


async def test_a_stream_shows_what_comes_while_it_is_open_and_only_ones_own(served: Served) -> None:
    dana = await served.enter("dana")
    reading = asyncio.create_task(events(dana, "/api/v1/stream?after=0", 2))
    await post(served, served.channel.direct("local", "omar@acme.example"), "for omar")
    await post(served, DANA, "first")
    await post(served, DESK, "for the desk")
    await post(served, DANA, "second")
    assert [e["reply"]["text"] for e in await reading] == ["first", "second"]


async def test_streams_end_when_the_server_does(served: Served) -> None:
    dana = await served.enter("dana")
    await post(served, DANA, "first")
    async with dana.get("/api/v1/stream?after=0") as response:
        await response.content.readuntil(b'"first"')
        await served.server.close()
        assert b"data:" not in await response.content.read()


@pytest.mark.parametrize(
    "path", ["/api/v1/stream?after=x", "/api/v1/messages?after=-1", "/api/v1/messages?after=1e9", "/api/v1/stream?after=²"]
)
async def test_a_cursor_that_is_no_number_is_refused(served: Served, path: str) -> None:
    dana = await served.enter("dana")
    assert (await dana.get(path)).status == 400


async def test_the_page_and_its_files_are_served_once_changed(served: Served) -> None:
    nobody = await served.enter("")
    page = await nobody.get("/")
    assert page.status == 200
    again = await nobody.get("/", headers={"If-None-Match": page.headers["ETag"]})
    assert again.status == 304
    assert (await nobody.get("/static/../store.py")).status == 404


PUBLIC = {
    ("GET", "/"),
    ("GET", "/api/v1/people"),
    ("POST", "/api/v1/session"),
    ("DELETE", "/api/v1/session"),
}
SIGNED_IN = {
    ("GET", "/api/v1/me"),
    ("GET", "/api/v1/conversations"),
    ("POST", "/api/v1/conversations/{conversation}/messages"),
    ("POST", "/api/v1/actions/{action}"),
    ("GET", "/api/v1/messages"),
    ("GET", "/api/v1/waiting"),
    ("POST", "/api/v1/seen"),
    ("GET", "/api/v1/stream"),
    ("GET", "/api/v1/idle"),
}


async def test_every_route_is_listed_and_all_but_the_public_ones_need_a_session(served: Served) -> None:
    routes = {
        (route.method, route.resource.canonical)
        for route in served.server.app.router.routes()
        if route.resource is not None and route.method != "HEAD" and not route.resource.canonical.startswith("/static/")
    }
    assert routes == PUBLIC | SIGNED_IN
    nobody = await served.enter("")
    for method, path in SIGNED_IN:
        response = await nobody.request(method, path.replace("{conversation}", "c1").replace("{action}", "a1"), json={})
        assert response.status == 401, path
    assert served.bot.recorded == []
