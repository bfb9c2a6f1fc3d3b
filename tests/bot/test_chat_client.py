"""`foyer chat`: what a program reads from it, in which order, and how it ends."""

import asyncio
import io
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from typing import Any

import aiohttp
import pytest

from bot.chat_client import Api, Dialogue, run_chat
from bot.chat_screen import JsonScreen, as_object, plain, printable
from bot.chat_terminal import TerminalScreen
from connectors.ports.chat import Action, Author, Citation, Feedback, Field, Progress, Reply, ReplyKind, RequestRef, Step
from tests.connectors.web.conftest import Served, served  # noqa: F401 - a fixture

KEYS = ["id", "conversation", "kind", "text", "citations", "request", "actions"]


@asynccontextmanager
async def working(web: Served) -> AsyncIterator[None]:
    """The bot at work beside the chat."""

    async def work() -> None:
        while True:
            await web.bot.work()
            await asyncio.sleep(0)

    task = asyncio.create_task(work())
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def chat(
    web: Served, text: str, *, who: str = "dana", conversation: str | None = "c1", json_output: bool = True
) -> tuple[int, str, str]:
    """Pipes text through a chat; exit code, standard output, standard error."""
    out, errors = io.StringIO(), io.StringIO()
    async with aiohttp.ClientSession() as session, working(web):
        code = await run_chat(
            session,
            str(web.server.make_url("/")),
            f"{who}@acme.example",
            json_output=json_output,
            conversation=conversation,
            stdin=io.StringIO(text),
            stdout=out,
            stderr=errors,
        )
    return code, out.getvalue(), errors.getvalue()


def objects(out: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in out.splitlines()]


async def test_each_line_is_answered_by_one_object_before_the_next_goes_out(served: Served) -> None:  # noqa: F811
    code, out, errors = await chat(served, "one\ntwo\nthree\n")
    assert (code, errors) == (0, "")
    found = objects(out)
    assert [o["text"] for o in found] == ["You said: one", "You said: two", "You said: three"]
    assert all(list(o) == KEYS for o in found)
    assert {o["conversation"] for o in found} == {"c1"}
    assert {o["kind"] for o in found} == {"answer"}


async def test_without_a_name_every_chat_is_a_new_conversation(served: Served) -> None:  # noqa: F811
    first = objects((await chat(served, "one\n", conversation=None))[1])
    second = objects((await chat(served, "two\n", conversation=None))[1])
    assert first[0]["conversation"] != second[0]["conversation"]


async def test_what_waits_is_printed_first_and_replies_only_once(served: Served) -> None:  # noqa: F811
    room = served.channel.direct("local", "priya@acme.example")
    ask = Reply("ap", ReplyKind.APPROVAL, "May Dana?", actions=(Action("a1", "Approve"),))
    await served.channel.deliver("post", room, ask, key="k1", message_id=None)
    await served.channel.deliver("post", room, Reply("an", ReplyKind.ANSWER, "By the way"), key="k2", message_id=None)
    first = objects((await chat(served, "hi\n", who="priya"))[1])
    assert [o["text"] for o in first] == ["May Dana?", "By the way", "You said: hi"]
    assert first[0]["actions"] == [{"id": "a1", "label": "Approve"}]
    assert [o["text"] for o in objects((await chat(served, "", who="priya"))[1])] == ["May Dana?"]


async def test_an_exclamation_mark_presses_a_button_where_it_was_shown(served: Served) -> None:  # noqa: F811
    room = served.channel.direct("local", "priya@acme.example")
    ask = Reply("ap", ReplyKind.APPROVAL, "May Dana?", actions=(Action("a-1_x", "Deny"),))
    posted = await served.channel.deliver("post", room, ask, key="k1", message_id=None)
    await chat(served, "!a-1_x not this month\n", who="priya")
    [activity] = served.bot.recorded
    assert activity.press is not None
    assert (activity.press.action_id, activity.press.text) == ("a-1_x", "not this month")
    assert activity.address.thread == posted.thread


@pytest.mark.parametrize("line", ["!", "! hello", "!<x>", "!ünknown", "!../../session"])
async def test_what_cannot_be_a_button_gets_a_notice(served: Served, line: str) -> None:  # noqa: F811
    code, out, _ = await chat(served, f"{line}\nstill here\n")
    assert code == 0
    assert [o["kind"] for o in objects(out)] == ["notice", "answer"]
    assert len(served.bot.recorded) == 1


async def test_an_unknown_button_is_left_to_the_bot(served: Served) -> None:  # noqa: F811
    _, out, _ = await chat(served, "!nope\n")
    assert [o["text"] for o in objects(out)] == ["You said: pressed nope"]


async def test_a_blank_line_is_an_empty_message(served: Served) -> None:  # noqa: F811
    _, out, _ = await chat(served, "\nhello")
    assert [o["text"] for o in objects(out)] == ["You said: ", "You said: hello"]


@pytest.mark.parametrize("text", ["x" * 100_000, "😀" * 100_000, "Привет", "a\tb", "\u2028", "\ud800"])
async def test_odd_lines_get_through(served: Served, text: str) -> None:  # noqa: F811
    code, out, _ = await chat(served, text + "\n")
    assert code == 0
    assert objects(out)[0]["text"].startswith("You said: ")
    assert out.isascii()


async def test_a_line_beyond_every_limit_gets_a_notice(served: Served) -> None:  # noqa: F811
    code, out, _ = await chat(served, "x" * 1_200_000 + "\nhello\n")
    assert code == 0
    assert [o["kind"] for o in objects(out)] == ["notice", "answer"]


class ScriptedApi(Api):
    """Answers every look with the next state of one card."""

    def __init__(self, states: list[str]) -> None:
        self._states = states
        self._seq = 0

    async def call(self, method: str, path: str, body: Mapping[str, Any] | None = None, **query: str) -> dict[str, Any]:
        if path == "/api/v1/idle":
            return {"idle": not self._states, "seq": self._seq}
        if path != "/api/v1/messages" or not self._states:
            return {"messages": [], "seq": self._seq}
        self._seq += 1
        card = Reply("card", ReplyKind.PROGRESS, "Unlock", request=RequestRef("FOY-1", "unlock_account", self._states.pop(0)))
        return {"messages": [{"id": "m1", "conversation": "c1", "reply": card.as_json(), "deleted": False}], "seq": self._seq}


async def test_a_card_that_changed_is_printed_again_and_one_that_did_not_is_not() -> None:
    out = io.StringIO()
    await Dialogue(ScriptedApi(["running", "running", "done", "running", "done"]), "c1", JsonScreen(out)).settle(None)
    found = objects(out.getvalue())
    assert {o["id"] for o in found} == {"card"}
    assert [o["request"]["state"] for o in found] == ["running", "done", "running", "done"]


async def test_somebody_unknown_is_told_so(served: Served) -> None:  # noqa: F811
    code, out, errors = await chat(served, "hi\n", who="eve")
    assert (code, out) == (1, "")
    assert "Nobody with this address" in errors


async def test_without_a_server_there_is_a_sentence_and_code_1(unused_tcp_port: int) -> None:
    errors = io.StringIO()
    async with aiohttp.ClientSession() as session:
        code = await run_chat(
            session,
            f"http://127.0.0.1:{unused_tcp_port}",
            "dana@acme.example",
            json_output=True,
            conversation=None,
            stdin=io.StringIO("hi\n"),
            stdout=io.StringIO(),
            stderr=errors,
        )
    assert code == 1
    assert "does not answer" in errors.getvalue()


async def test_a_server_that_goes_away_ends_the_chat_with_code_1(served: Served) -> None:  # noqa: F811
    class Goes(type(served.bot)):  # type: ignore[misc]
        async def work(self) -> None:
            if self.recorded and self.answered == 0:
                self.answered = 1
                await served.server.close()

    served.bot.__class__ = Goes
    code, _, errors = await chat(served, "hi\nagain\n")
    assert code == 1
    assert errors.count("\n") == 1


async def test_a_reader_that_went_away_ends_the_chat_with_code_1(served: Served) -> None:  # noqa: F811
    class Closed(io.StringIO):
        def write(self, text: str) -> int:
            raise BrokenPipeError

    errors = io.StringIO()
    async with aiohttp.ClientSession() as session, working(served):
        code = await run_chat(
            session,
            str(served.server.make_url("/")),
            "dana@acme.example",
            json_output=True,
            conversation=None,
            stdin=io.StringIO("hi\n"),
            stdout=Closed(),
            stderr=errors,
        )
    assert code == 1
    assert "Nobody reads" in errors.getvalue()


async def test_people_get_numbers_to_press(served: Served) -> None:  # noqa: F811
    room = served.channel.direct("local", "priya@acme.example")
    ask = Reply("ap", ReplyKind.APPROVAL, "May Dana?", actions=(Action("aaa", "Approve"), Action("bbb", "Deny", needs_text="required")))
    await served.channel.deliver("post", room, ask, key="k1", message_id=None)
    code, out, _ = await chat(served, "!2 too long\nhello\n", who="priya", json_output=False)
    assert code == 0
    assert "[1] Approve" in out
    assert "[2] Deny + why" in out
    assert served.bot.recorded[0].press is not None
    assert (served.bot.recorded[0].press.action_id, served.bot.recorded[0].press.text) == ("bbb", "too long")
    assert "Foyer is an AI" in out


CARD = Reply(
    "card",
    ReplyKind.PROGRESS,
    "FOY-1: Grant access\nApproval: Priya Nair",
    citations=(Citation(1, "Access", "access.md", updated=datetime(2026, 8, 1, tzinfo=UTC)),),
    request=RequestRef("FOY-1", "grant_access", "awaiting_approval"),
    progress=Progress(
        "Grant access", "Approval: Priya Nair", "Access manager", (Step("Ask", "done"), Step("Grant", "failed")), "Then it is granted"
    ),
    fields=(Field("Role", "Viewer"),),
    author=Author("Sam"),
)


def test_the_text_of_an_object_holds_all_that_the_card_says_once() -> None:
    text = plain(CARD)
    assert text.startswith("Sam: FOY-1")
    for part in ("Access manager", "[x] Ask", "[ ] Grant (failed)", "Then it is granted", "Role: Viewer"):
        assert part in text
    assert text.count("Approval: Priya Nair") == 1
    found = as_object("c1", CARD)
    assert found["citations"] == [{"title": "Access", "source": "access.md"}]
    assert found["request"] == {"case": "FOY-1", "skill": "grant_access", "state": "awaiting_approval"}


def test_a_terminal_is_never_steered_by_what_it_shows() -> None:
    assert printable("a\x1b[2Jb\x07\x9bc\nd") == "a[2Jbc\nd"
    out = io.StringIO()
    evil = "x\x1b]0;title\x07"
    TerminalScreen(out, "c1").show("c1", Reply("r", ReplyKind.ANSWER, evil, fields=(Field(evil, evil),)), changed=False)
    assert "\x1b]0" not in out.getvalue()


def test_a_changed_card_is_one_line() -> None:
    out = io.StringIO()
    TerminalScreen(out, "c1").show("c1", CARD, changed=True)
    assert out.getvalue().strip() == "↻ FOY-1 Grant access: Approval: Priya Nair ✓✗"


def test_an_answer_can_be_judged_by_number_and_by_a_program() -> None:
    out = io.StringIO()
    screen = TerminalScreen(out, "c1")
    judged = Feedback(Action("up-1", "Helpful"), Action("down-1", "Not helpful", needs_text="optional"))
    answer = Reply("r1", ReplyKind.ANSWER, "Press the button.", feedback=judged)
    screen.show("c1", answer, changed=False)
    assert "[1] Helpful" in out.getvalue()
    assert screen.action_id("2") == "down-1"
    assert list(as_object("c1", answer)) == KEYS
    assert as_object("c1", answer)["actions"] == [{"id": "up-1", "label": "Helpful"}, {"id": "down-1", "label": "Not helpful"}]
