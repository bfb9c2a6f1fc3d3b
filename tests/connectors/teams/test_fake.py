"""The fake Teams itself: what it delivers, shows and refuses."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import quote

import aiohttp
import pytest
from aiohttp import web

from tests.fakes.teams import FakeFile, FakeTeams
from tests.fakes.teams.delivery import NotAnswered
from tests.fakes.teams.server import BOT_SCOPE, GRAPH_SCOPE
from tests.fakes.teams.state import CARD

Json = dict[str, Any]


class Bot:
    """Keeps what it is sent and answers as it is told; speaks to the connector by plain HTTP."""

    def __init__(self, fake: FakeTeams, session: aiohttp.ClientSession) -> None:
        self.fake, self.session = fake, session
        self.heard: list[Json] = []
        self.answer: Any = None
        self.token: str | None = fake.login.give(BOT_SCOPE)

    async def handle(self, request: web.Request) -> web.Response:
        self.heard.append(await request.json())
        return web.Response(status=200) if self.answer is None else web.json_response(self.answer)

    async def call(self, method: str, path: str, body: Json | None = None, **headers: str) -> tuple[int, Any]:
        signed = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        url = path if path.startswith("http") else f"{self.fake.service_url}v3/{path}"
        async with self.session.request(method, url, json=body, headers={**signed, **headers}) as answer:
            try:
                return answer.status, await answer.json()
            except aiohttp.ContentTypeError:
                return answer.status, None

    async def send(self, room: str, activity: Json, thread: str | None = None) -> tuple[int, Any]:
        where = quote(self.fake.conversation_id(room, thread), safe="")
        return await self.call("POST", f"conversations/{where}/activities", {"type": "message", **activity})

    async def stream(
        self, text: str, kind: str, sequence: int | None, id: str | None = None, *, wait: float = 1, **more: Any
    ) -> tuple[int, Any]:
        info = {"type": "streaminfo", "streamType": kind, "streamSequence": sequence, "streamId": id}
        entity = {name: value for name, value in info.items() if value is not None}
        activity = {"type": "message" if kind == "final" else "typing", "text": text, "entities": [entity], **more}
        self.fake.advance(wait)
        return await self.send("dana", activity)


@asynccontextmanager
async def served(bot: Bot) -> AsyncIterator[None]:
    app = web.Application()
    app.router.add_post("/api/messages", bot.handle)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    bot.fake.app = f"http://127.0.0.1:{runner.addresses[0][1]}/api/messages"
    try:
        yield
    finally:
        await runner.cleanup()


@pytest.fixture
async def fake() -> AsyncIterator[FakeTeams]:
    async with FakeTeams.serve() as fake:
        yield fake


@pytest.fixture
async def bot(fake: FakeTeams) -> AsyncIterator[Bot]:
    async with aiohttp.ClientSession() as session:
        bot = Bot(fake, session)
        async with served(bot):
            await fake.install("dana")
            await fake.install("general")
            bot.heard.clear()
            yield bot


def card(*actions: Json, body: list[Json] | None = None) -> Json:
    content = {"type": "AdaptiveCard", "version": "1.5", "body": body or [{"type": "TextBlock", "text": "Hello"}], "actions": list(actions)}
    return {"attachments": [{"contentType": CARD, "content": content}]}


EXECUTE = {"type": "Action.Execute", "title": "Yes", "verb": "press", "data": {"foyer": "1"}, "fallback": {"type": "Action.Submit", "title": "Yes", "data": {"foyer": "1"}}}  # fmt: skip # noqa: E501


async def test_what_is_sent_is_shown_changed_and_deleted(fake: FakeTeams, bot: Bot) -> None:
    status, told = await bot.send("dana", {"text": "hello"})
    assert (status, [one.text for one in fake.shown("dana")]) == (201, ["hello"])
    where = f"conversations/{quote(fake.conversation_id('dana'), safe='')}/activities/{told['id']}"
    assert (await bot.call("PUT", where, {"type": "message", "text": "changed"}))[0] == 200
    (message,) = fake.shown("dana")
    assert (message.text, message.edited, message.changes) == ("changed", True, ["hello"])
    assert (await bot.call("DELETE", where))[0] == 200
    assert fake.shown("dana") == []
    assert (await bot.call("DELETE", where))[1]["error"]["code"] == "ActivityNotFoundInConversation"


async def test_without_a_good_token_nothing_goes(fake: FakeTeams, bot: Bot) -> None:
    for token in (None, "forged", fake.login.give(GRAPH_SCOPE)):
        bot.token = token
        assert (await bot.send("dana", {"text": "hello"}))[0] == 401
    assert fake.shown("dana") == []
    assert [refusal.status for refusal in fake.refusals] == [401, 401, 401]


async def test_threads_stand_in_channels(fake: FakeTeams, bot: Bot) -> None:
    asked = await fake.say("dana", "hello", room="general", mention=True)
    (heard,) = bot.heard
    assert heard["text"] == "<at>Foyer</at> hello\n"
    assert heard["conversation"]["id"] == fake.conversation_id("general", asked)
    assert (await bot.send("general", {"text": "yes?"}, asked))[0] == 201
    assert [one.text for one in fake.by_bot("general", asked)] == ["yes?"]
    begun = {"isGroup": True, "channelData": {"channel": {"id": fake.room("general").id}}, "activity": {"type": "message", "text": "new"}}
    status, told = await bot.call("POST", "conversations", begun)
    assert (status, told["id"]) == (201, fake.conversation_id("general", told["activityId"]))


async def test_unmentioned_messages_come_with_consent_only(fake: FakeTeams, bot: Bot) -> None:
    await fake.say("dana", "hello", room="general")
    assert bot.heard == []
    fake.consent_to("general")
    await fake.say("dana", "hello", room="general")
    assert len(bot.heard) == 1


async def test_a_chat_is_opened_where_the_app_is_installed(fake: FakeTeams, bot: Bot) -> None:
    async def create(person: str) -> tuple[int, Any]:
        member = {"id": fake.people[person].object_id}
        return await bot.call("POST", "conversations", {"members": [member], "channelData": {"tenant": {"id": fake.tenant}}})

    assert (await create("omar")) == (201, {"id": fake.conversation_id("omar")})
    assert (await bot.send("omar", {"text": "hello"}))[0] == 201
    assert (await create("outsider"))[0] == 403
    status, told = await bot.send("group", {"text": "hello"})
    assert (status, told["error"]["code"]) == (403, "BotNotInConversationRoster")
    assert (await bot.call("GET", "conversations/nowhere/members"))[1]["error"]["code"] == "ConversationNotFound"


async def test_members_are_told_by_pages_and_by_either_id(fake: FakeTeams, bot: Bot) -> None:
    fake.page_size = 3
    where, dana = quote(fake.conversation_id("general"), safe=""), fake.people["dana"]
    found: list[str] = []
    token = ""
    while True:
        _, page = await bot.call("GET", f"conversations/{where}/pagedmembers?pageSize=100&continuationToken={token}")
        found += [member["name"] for member in page["members"]]
        if not (token := page.get("continuationToken", "")):
            break
    assert len(found) == len(fake.room("general").members)
    for id in (dana.user_id, dana.object_id):
        _, member = await bot.call("GET", f"conversations/{where}/members/{quote(id, safe='')}")
        assert (member["aadObjectId"], member["email"]) == (dana.object_id, "dana@acme.example")
    await fake.install("partner")
    where = quote(fake.conversation_id("partner"), safe="")
    _, guest = await bot.call("GET", f"conversations/{where}/members/{fake.people['guest'].object_id}")
    assert guest["userRole"] == "guest"


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"text": "x" * 60_000}, "MessageSizeTooBig"),
        (card(body=[{"type": "TextBlock", "text": "x" * 29_000}]), "MessageSizeTooBig"),
        (card(body=[{"type": "Nothing"}]), "BadSyntax"),
        (card({"type": "Action.Submit", "data": {}}), "BadSyntax"),
        (card({"type": "Action.Execute", "title": "Yes"}), "BadSyntax"),
        ({"text": "a [1]", "entities": [{"type": "https://schema.org/Message", "@type": "Message", "citation": [{"@type": "Claim", "position": 2, "appearance": {"@type": "DigitalDocument", "name": "n", "abstract": "a"}}]}]}, "BadSyntax"),  # noqa: E501
        ({"text": "a", "entities": [{"type": "https://schema.org/Message", "@type": "Message"}] * 2}, "BadSyntax"),
        ({}, "BadSyntax"),
    ],
)  # fmt: skip
async def test_what_teams_cannot_show_is_refused(fake: FakeTeams, bot: Bot, wrong: Json, code: str) -> None:
    _, told = await bot.send("dana", wrong)
    assert told["error"]["code"] == code
    assert [refusal.code for refusal in fake.refusals] == [code]
    assert fake.shown("dana") == []


async def test_an_answer_streams_in(fake: FakeTeams, bot: Bot) -> None:
    status, begun = await bot.stream("Searching", "informative", 1)
    assert (status, fake.shown("dana")) == (201, [])
    assert (await bot.stream("Five", "streaming", 2, begun["id"]))[0] == 202
    assert (await bot.stream("Five days", "streaming", 3, begun["id"]))[0] == 202
    assert (await bot.stream("Five days.", "final", None, begun["id"]))[0] == 202
    (message,) = fake.shown("dana")
    assert (message.id, message.text, message.streamed) == (begun["id"], "Five days.", True)
    _, told = await bot.stream("Five days.", "final", None, begun["id"])
    assert "already completed" in told["error"]["message"]
    assert fake.refusals == []


async def test_a_stream_is_called_once_a_second(fake: FakeTeams, bot: Bot) -> None:
    fake.now = lambda: 0.0
    _, begun = await bot.stream("Five", "streaming", 1)
    assert (await bot.stream("Five days", "streaming", 2, begun["id"], wait=0.5))[0] == 429
    assert (await bot.stream("Five days", "streaming", 2, begun["id"], wait=0.5))[0] == 202
    assert (await bot.stream("Five days.", "final", None, begun["id"], wait=0.9))[0] == 429
    _, other = await bot.send("omar", {"type": "message", "text": "hello"})
    assert [refusal.status for refusal in fake.refusals] == [429, 429]
    assert other["id"]


async def test_one_conversation_alone_is_throttled(fake: FakeTeams, bot: Bot) -> None:
    fake.fail("*", room="general")
    assert (await bot.send("support", {"text": "hello"}))[0] == 201
    assert (await bot.send("general", {"text": "hello"}))[0] == 429
    assert (await bot.send("general", {"text": "hello"}))[0] == 201


async def test_a_stream_has_an_order(fake: FakeTeams, bot: Bot) -> None:
    assert (await bot.stream("x", "streaming", 2))[0] == 400
    assert (await bot.stream("", "informative", 1))[0] == 400
    _, begun = await bot.stream("Five", "streaming", 1)
    assert (await bot.stream("Five", "streaming", 1))[0] == 403
    assert (await bot.stream("Five days", "streaming", 1, begun["id"]))[0] == 400
    _, told = await bot.stream("Six", "streaming", 2, begun["id"])
    assert "previously streamed" in told["error"]["message"]
    assert (await bot.stream("Five", "streaming", 2, begun["id"], **card()))[0] == 400
    assert (await bot.stream("Five", "final", 3, begun["id"]))[0] == 400
    info = {"type": "streaminfo", "streamType": "informative", "streamSequence": 1}
    status, told = await bot.send("general", {"type": "typing", "text": "x", "entities": [info]})
    assert (status, told["error"]["message"]) == (403, "Content stream is not allowed")


async def test_a_stream_ends_by_time_and_by_the_person(fake: FakeTeams, bot: Bot) -> None:
    _, begun = await bot.stream("Five", "streaming", 1)
    fake.advance(121)
    _, told = await bot.stream("Five days", "streaming", 2, begun["id"])
    assert "exceeded streaming time" in told["error"]["message"]
    where = f"conversations/{quote(fake.conversation_id('dana'), safe='')}/activities/{begun['id']}"
    assert (await bot.call("PUT", where, {"type": "message", "text": "Five days."}))[0] == 200
    assert [one.text for one in fake.shown("dana")] == ["Five days."]
    _, begun = await bot.stream("Searching", "informative", 1)
    fake.stop("dana")
    _, told = await bot.stream("Found", "final", None, begun["id"])
    assert "canceled by user" in told["error"]["message"]
    assert fake.refusals == []


async def test_a_table_is_taken_with_the_widths_of_its_columns(fake: FakeTeams, bot: Bot) -> None:
    cell = {"type": "TableCell", "items": [{"type": "TextBlock", "text": "here"}]}
    table = {"type": "Table", "columns": [{"width": 1}], "rows": [{"type": "TableRow", "cells": [cell]}]}
    assert (await bot.send("dana", card(body=[table])))[0] == 201
    (message,) = fake.shown("dana")
    assert "here" in fake.words(message, "dana")


async def test_a_button_is_executed_or_submitted(fake: FakeTeams, bot: Bot) -> None:
    asks = {"type": "Input.Text", "id": "foyer.text", "label": "Reason", "isRequired": True, "errorMessage": "Say why"}
    inside = {"type": "AdaptiveCard", "body": [asks], "actions": [{**EXECUTE, "title": "Deny"}]}
    await bot.send("dana", card(EXECUTE, {"type": "Action.ShowCard", "title": "Deny", "card": inside}))
    (message,) = fake.shown("dana")
    assert fake.labels(message) == ["Yes", "Deny", "Deny"]
    bot.answer = {"statusCode": 200, "type": CARD, "value": card(body=[{"type": "TextBlock", "text": "Done"}])["attachments"][0]["content"]}
    with pytest.raises(AssertionError, match="Reason is required"):
        await fake.press("dana", message, "Deny")
    await fake.press("dana", message, "Deny", {"Reason": "no"})
    assert bot.heard[-1]["value"]["action"]["data"] == {"foyer": "1", "foyer.text": "no"}
    assert (fake.words(message, "dana"), fake.words(message, "omar")) == ("Done", "Hello\nYes\nDeny")
    message.seen.clear()
    await fake.submit("dana", message, "Yes")
    assert (bot.heard[-1]["type"], bot.heard[-1]["value"], "text" in bot.heard[-1]) == ("message", {"foyer": "1"}, False)
    bot.answer = {"type": CARD}
    await fake.press("dana", message, "Yes")
    assert [refusal.method for refusal in fake.refusals] == ["adaptiveCard/action"]


async def test_a_form_opens_and_is_sent(fake: FakeTeams, bot: Bot) -> None:
    opens = {"type": "Action.Submit", "title": "Ask", "data": {"msteams": {"type": "task/fetch"}, "foyer": "1"}}
    await bot.send("dana", card(opens))
    choice = {"type": "Input.ChoiceSet", "id": "foyer.value.app", "label": "App", "choices": [{"title": "Figma", "value": "figma"}]}
    form = card({"type": "Action.Submit", "title": "Send", "data": {"foyer": "2"}}, body=[choice])["attachments"][0]
    bot.answer = {"task": {"type": "continue", "value": {"title": "Ask", "card": form}}}
    opened = await fake.fetch_task("dana", fake.shown("dana")[0], "Ask")
    bot.answer = {"task": {"type": "message", "value": "Thank you"}}
    assert (await fake.send_task("dana", opened, {"App": "Figma"}))["task"]["value"] == "Thank you"
    assert bot.heard[-1]["value"]["data"] == {"foyer": "2", "foyer.value.app": "figma"}
    asked = await fake.say("omar", "my VPN drops", room="general")
    bot.answer = {"task": {"type": "continue", "value": {"title": "Ask", "card": form}}}
    opened = await fake.shortcut("dana", "create_request", asked, room="general")
    assert "my VPN drops" in bot.heard[-1]["value"]["messagePayload"]["body"]["content"]
    bot.answer = {"task": {"type": "message", "value": "Thank you"}}
    await fake.send_task("dana", opened, {"App": "figma"})
    assert (bot.heard[-1]["name"], bot.heard[-1]["value"]["commandId"]) == ("composeExtension/submitAction", "create_request")
    assert fake.refusals == []


async def test_graph_reads_where_consent_was_granted(fake: FakeTeams, bot: Bot) -> None:
    asked = await fake.say("dana", "hello", room="general")
    await bot.send("general", {"text": "yes?"}, asked)
    room = fake.room("general")
    assert room.team is not None
    at = f"{fake.graph_url}/v1.0/teams/{room.team.group_id}/channels/{quote(room.id, safe='')}/messages"
    assert (await bot.call("GET", at))[0] == 401
    bot.token = fake.login.give(GRAPH_SCOPE)
    assert (await bot.call("GET", at))[0] == 403
    fake.consent_to("general")
    _, page = await bot.call("GET", at)
    assert [one["id"] for one in page["value"]] == [asked]
    _, page = await bot.call("GET", f"{at}/{asked}/replies?$top=1")
    assert [one["from"]["application"]["id"] for one in page["value"]] == [fake.app_id]


async def test_files_go_both_ways(fake: FakeTeams, bot: Bot) -> None:
    await fake.say("dana", "look", files=[FakeFile("screen.png", b"\x89PNG", "image/png")])
    (info, _) = bot.heard[-1]["attachments"]
    bot.token = None
    async with bot.session.get(info["content"]["downloadUrl"]) as answer:
        assert await answer.read() == b"\x89PNG"
    bot.token = fake.login.give(BOT_SCOPE)
    content = {"description": "a file", "sizeInBytes": 3, "acceptContext": {"id": 1}, "declineContext": {"id": 1}}
    consent = {"contentType": "application/vnd.microsoft.teams.card.file.consent", "name": "a.txt", "content": content}
    await bot.send("dana", {"attachments": [consent]})
    await fake.consent("dana", fake.shown("dana")[0])
    target = bot.heard[-1]["value"]["uploadInfo"]
    async with bot.session.put(target["uploadUrl"], data=b"abc", headers={"Content-Range": "bytes 0-2/3"}) as answer:
        assert answer.status == 201
    assert fake.uploaded("a.txt") == b"abc"


async def test_faults_come_as_ordered(fake: FakeTeams, bot: Bot) -> None:
    fake.fail("send", status=429, retry_after=2)
    fake.fail("send", status=502, apply_first=True)
    assert (await bot.send("dana", {"text": "one"}))[0] == 429
    assert (await bot.send("dana", {"text": "two"}))[0] == 502
    fake.fail("send", cut=True)
    with pytest.raises(aiohttp.ClientError):
        await bot.send("dana", {"text": "three"})
    assert [one.text for one in fake.shown("dana")] == ["two"]


async def test_edits_deletions_reactions_and_ratings_are_told(fake: FakeTeams, bot: Bot) -> None:
    asked = await fake.say("dana", "hello")
    await fake.edit("dana", asked, "good day")
    await fake.delete("dana", asked)
    await bot.send("dana", {"text": "yes?", "channelData": {"feedbackLoop": {"type": "default"}}})
    bot.answer = {}
    await fake.react("dana", fake.shown("dana")[0].id, "heart")
    await fake.rate("dana", fake.shown("dana")[0], "dislike", "wrong")
    kinds = [(one["type"], one["channelData"].get("eventType"), one.get("text")) for one in bot.heard]
    assert kinds == [
        ("message", None, "hello"),
        ("messageUpdate", "editMessage", "good day"),
        ("messageDelete", "softDeleteMessage", None),
        ("messageReaction", None, None),
        ("invoke", None, None),
    ]
    again = await fake.resend()
    assert again.payload == bot.heard[-1] == bot.heard[-2]


async def test_a_dialog_is_given_up_sooner_than_a_press(bot: Bot) -> None:
    bot.fake.dialog = 0.05
    held = asyncio.Event()

    async def slow(request: web.Request) -> web.Response:
        await held.wait()
        return web.json_response({})

    bot.handle = slow  # type: ignore[method-assign]
    async with served(bot):
        told = bot.fake.payloads.begin("invoke", "f:1", bot.fake.people["dana"], bot.fake.personal("dana"), bot.fake.at())
        with pytest.raises(NotAnswered, match="timeout"):
            await bot.fake.ask(told | {"name": "task/fetch"})
        bot.fake.start(_later(held))
        assert await bot.fake.ask(told | {"name": "adaptiveCard/action"}) == {}


async def _later(held: asyncio.Event) -> None:
    held.set()
