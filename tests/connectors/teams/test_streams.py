"""Messages in personal chats: streams that are completed once, and as far as somebody wanted to see them."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete

from connectors.errors import OutcomeUnknown, Retry
from connectors.ports.chat import Action, Attachment, Citation, Feedback, Reply, ReplyKind
from connectors.teams.streams import CHUNKS, INTERVAL, WITHOUT, beginnings
from connectors.teams.tables import post
from tests.connectors.teams.support import OnTeams, open_teams

STREAM = "ContentStreamNotAllowed"
NOT_ALLOWED = "Content stream is not allowed"
OVER = "Content stream finished due to exceeded streaming time."
CANCELLED = "Content stream was canceled by user"
TEXT = "First paragraph.\n\nSecond paragraph.\n\nThird paragraph [1]."
ANSWER = Reply(
    "r1",
    ReplyKind.ANSWER,
    TEXT,
    citations=(Citation(1, "VPN", "vpn.md", snippet="How to connect"),),
    feedback=Feedback(Action("up", "Helpful"), Action("down", "Not helpful", needs_text="optional")),
)
NOTICE = Reply("r2", ReplyKind.NOTICE, "Your laptop is on its way.")
CARD = Reply("r3", ReplyKind.APPROVAL, "Approve?", actions=(Action("a1", "Approve", "primary"),))


@pytest.fixture
async def teams(tmp_path: Path) -> AsyncIterator[OnTeams]:
    async with open_teams(tmp_path) as made:
        yield made


async def say(teams: OnTeams, reply: Reply = ANSWER, key: str = "k1", *, anew: bool = False) -> Any:
    channel = teams.again() if anew else teams.channel
    return await channel.deliver("post", teams.at("dana"), reply, key=key, message_id=None)


def kinds(teams: OnTeams) -> list[str]:
    return [name for name, _, _ in teams.fake.calls]


def texts(teams: OnTeams) -> list[str]:
    return [body["text"] for kind, _, body in teams.fake.calls if kind == "stream_chunk"]


async def test_an_answer_comes_paragraph_by_paragraph(teams: OnTeams) -> None:
    done = await say(teams)
    (message,) = teams.fake.shown("dana")
    assert kinds(teams) == ["stream_start", "stream_chunk", "stream_chunk", "stream_chunk", "stream_final"]
    assert texts(teams) == ["First paragraph.", "First paragraph.\n\nSecond paragraph.", TEXT]
    assert message.text.startswith(TEXT)
    assert done.message_id == f"{teams.at('dana').room}|{message.id}"
    assert done.thread == message.id
    assert teams.seconds.slept == [INTERVAL] * 4
    assert teams.fake.refusals == []


async def test_label_citations_and_feedback_are_on_the_end_alone(teams: OnTeams) -> None:
    await say(teams)
    (message,) = teams.fake.shown("dana")
    (label,) = message.entities
    assert label["additionalType"] == ["AIGeneratedContent"]
    assert label["citation"][0]["appearance"]["name"] == "VPN"
    assert message.channel_data == {"feedbackLoop": {"type": "default"}}
    *before, end = [body for _, _, body in teams.fake.calls]
    assert all("channelData" not in body and len(body["entities"]) == 1 for body in before)
    assert {entity["type"] for entity in end["entities"]} == {"https://schema.org/Message", "streaminfo"}


@pytest.mark.parametrize("reply", [NOTICE, CARD, replace(ANSWER, text="One paragraph.", citations=())], ids=["words", "card", "short"])
async def test_everything_else_is_there_at_once(teams: OnTeams, reply: Reply) -> None:
    await say(teams, reply)
    assert kinds(teams) == ["stream_start", "stream_final"]
    assert teams.seconds.slept == [INTERVAL]
    assert len(teams.fake.shown("dana")) == 1
    assert teams.fake.refusals == []


async def test_rooms_have_no_streams(teams: OnTeams) -> None:
    await teams.channel.deliver("post", teams.at("group"), ANSWER, key="k1", message_id=None)
    assert kinds(teams) == ["send"]


@pytest.mark.parametrize(
    "fault", [{"status": 500, "apply_first": True}, {"status": 500}, {"cut": True}, {"cut": True, "apply_first": True}]
)
@pytest.mark.parametrize("reply", [ANSWER, NOTICE, CARD], ids=["answer", "words", "card"])
async def test_an_end_that_was_perhaps_taken_is_sent_again_under_its_id(teams: OnTeams, reply: Reply, fault: dict[str, Any]) -> None:
    teams.fake.fail("stream_final", **fault)
    with pytest.raises(OutcomeUnknown):
        await say(teams, reply)
    assert await teams.again().find(teams.at("dana"), key="k1") is None
    teams.seconds.forward(60)
    done = await say(teams, reply, anew=True)
    (message,) = teams.fake.shown("dana")
    assert done.message_id.endswith(message.id)
    assert kinds(teams).count("stream_start") == 1
    assert await teams.again().find(teams.at("dana"), key="k1") == done


async def test_an_end_that_comes_late_is_an_edit(teams: OnTeams) -> None:
    teams.fake.fail("stream_final", status=502)
    with pytest.raises(OutcomeUnknown):
        await say(teams)
    teams.fake.advance(300)
    teams.seconds.forward(300)
    await say(teams, anew=True)
    (message,) = teams.fake.shown("dana")
    assert message.text.startswith(TEXT)
    assert message.entities
    assert kinds(teams)[-1] == "update"


async def test_without_rows_a_message_doubles(teams: OnTeams) -> None:
    """The control of what is above: the row's id is what makes it one."""
    teams.fake.fail("stream_final", status=500, apply_first=True)
    with pytest.raises(OutcomeUnknown):
        await say(teams, NOTICE)
    async with teams.engine.begin() as connection:
        await connection.execute(delete(post))
    await say(teams, NOTICE, anew=True)
    assert len(teams.fake.shown("dana")) == 2


async def test_without_streams_a_message_doubles(teams: OnTeams) -> None:
    """The other control: sent plainly, nobody can tell whether it was taken."""
    teams.fake.fail("stream_start", 9, status=403, code=STREAM, message=NOT_ALLOWED)
    teams.fake.fail("send", status=500, apply_first=True)
    with pytest.raises(OutcomeUnknown):
        await say(teams, NOTICE)
    await say(teams, NOTICE, anew=True)
    assert len(teams.fake.shown("dana")) == 2


@pytest.mark.parametrize("kind", ["stream_start", "stream_final"])
@pytest.mark.parametrize("status", [429, 412])
async def test_too_much_at_once_waits(teams: OnTeams, kind: str, status: int) -> None:
    teams.fake.fail(kind, status=status, retry_after=7)
    with pytest.raises(Retry) as retry:
        await say(teams)
    assert not isinstance(retry.value, OutcomeUnknown)
    assert retry.value.after == 7
    teams.seconds.forward(60)
    await say(teams, anew=True)
    (message,) = teams.fake.shown("dana")
    assert message.text.startswith(TEXT)


async def test_a_lost_start_leaves_no_message(teams: OnTeams) -> None:
    teams.fake.fail("stream_start", status=500, apply_first=True)
    with pytest.raises(Retry) as retry:
        await say(teams)
    assert not isinstance(retry.value, OutcomeUnknown)
    assert teams.fake.shown("dana") == []
    teams.seconds.forward(60)
    await say(teams, anew=True)
    (message,) = teams.fake.shown("dana")
    assert message.text.startswith(TEXT)


@pytest.mark.parametrize("fault", [{"status": 429}, {"status": 500}, {"status": 500, "apply_first": True}, {"cut": True}, {"status": 400}])
async def test_a_chunk_that_is_lost_is_part_of_the_next(teams: OnTeams, fault: dict[str, Any]) -> None:
    teams.fake.fail("stream_chunk", **fault)
    await say(teams)
    (message,) = teams.fake.shown("dana")
    assert message.text.startswith(TEXT)
    assert kinds(teams)[-1] == "stream_final"


async def test_where_there_are_no_streams_it_is_sent_plainly(teams: OnTeams) -> None:
    teams.fake.fail("stream_start", status=403, code=STREAM, message=NOT_ALLOWED)
    teams.fake.fail("stream_start", status=400, code="BadArgument", message="streaming api is not enabled")
    for key in ("k1", "k2"):
        await say(teams, NOTICE, key)
    assert [kind for kind in kinds(teams) if kind != "stream_start"] == ["send", "send"]
    teams.seconds.forward(WITHOUT)
    await say(teams, NOTICE, "k3")
    teams.seconds.forward(WITHOUT)
    await say(teams, NOTICE, "k4")
    assert kinds(teams)[-2:] == ["stream_start", "stream_final"]
    assert len(teams.fake.shown("dana")) == 4
    assert len(teams.fake.shown("omar")) == 0


@pytest.mark.parametrize("kind", ["stream_chunk", "stream_final"])
async def test_what_took_too_long_is_completed_by_an_edit(teams: OnTeams, kind: str) -> None:
    teams.fake.fail(kind, 9, status=403, code=STREAM, message=OVER)
    if kind == "stream_chunk":
        teams.fake.fail("stream_final", status=403, code=STREAM, message=OVER)
    await say(teams)
    (message,) = teams.fake.shown("dana")
    assert message.text.startswith(TEXT)
    assert [entity["type"] for entity in message.entities] == ["https://schema.org/Message"]
    assert teams.fake.refusals == [] or kind == "stream_chunk"


async def test_what_took_too_long_and_showed_nothing_is_sent_plainly(teams: OnTeams) -> None:
    teams.fake.fail("stream_final", status=403, code=STREAM, message=OVER)
    done = await say(teams, CARD)
    (message,) = teams.fake.shown("dana")
    assert message.card is not None
    assert done.message_id.endswith(message.id)
    assert kinds(teams)[-2:] == ["update", "send"]


@pytest.mark.parametrize(("kind", "skip", "shown"), [("stream_chunk", 1, "First paragraph."), ("stream_final", 0, TEXT)])
async def test_what_somebody_stopped_stays_as_it_is(teams: OnTeams, kind: str, skip: int, shown: str) -> None:
    teams.fake.fail(kind, status=403, code=STREAM, message=CANCELLED, skip=skip)
    done = await say(teams)
    (message,) = teams.fake.shown("dana")
    assert message.text == shown
    assert message.entities[0]["additionalType"] == ["AIGeneratedContent"]
    assert kinds(teams)[-1] == "update"
    assert await teams.again().find(teams.at("dana"), key="k1") == done
    assert await say(teams, anew=True) == done


async def test_what_was_stopped_before_it_showed_is_not_said(teams: OnTeams) -> None:
    teams.fake.fail("stream_chunk", status=403, code=STREAM, message=CANCELLED)
    await say(teams)
    assert teams.fake.shown("dana") == []
    assert kinds(teams) == ["stream_start"]


async def test_a_real_stop_ends_it(teams: OnTeams) -> None:
    delivery = asyncio.create_task(say(teams))
    while not teams.fake.shown("dana"):
        await asyncio.sleep(0)
    teams.fake.stop("dana")
    await delivery
    (message,) = teams.fake.shown("dana")
    assert "First" in message.text
    assert "Third" not in message.text


async def test_a_stop_after_a_lost_chunk_shows_no_more_than_was_seen(teams: OnTeams) -> None:
    teams.fake.fail("stream_chunk", 2, status=500, skip=1)
    teams.fake.fail("stream_final", status=403, code=STREAM, message=CANCELLED)
    await say(teams)
    (message,) = teams.fake.shown("dana")
    assert message.text == "First paragraph."
    assert message.entities[0]["additionalType"] == ["AIGeneratedContent"]


async def test_a_stop_that_is_heard_of_after_a_restart_leaves_it_as_it_was(teams: OnTeams) -> None:
    """Nobody knows any more how much of it was to be seen."""
    teams.fake.fail("stream_chunk", 2, status=500, skip=1)
    teams.fake.fail("stream_final", status=502)
    with pytest.raises(OutcomeUnknown):
        await say(teams)
    teams.fake.stop("dana")
    teams.seconds.forward(60)
    done = await say(teams, anew=True)
    (message,) = teams.fake.shown("dana")
    assert message.text == "First paragraph."
    assert done.message_id.endswith(message.id)
    assert teams.calls("update") == teams.calls("send") == 0


async def test_a_stream_that_hurries_is_throttled(teams: OnTeams) -> None:
    """The control of all above: Teams takes one call a second."""
    teams.hurries = True
    with pytest.raises(Retry, match="busy"):
        await say(teams, NOTICE)
    assert [refusal.status for refusal in teams.fake.refusals] == [429]


async def test_a_notice_is_not_lost_by_a_stop(teams: OnTeams) -> None:
    """Nothing of it was to be seen when Stop was pressed, so that it cannot have been meant."""
    teams.fake.fail("stream_final", status=403, code=STREAM, message=CANCELLED)
    await say(teams, CARD)
    assert len(teams.fake.shown("dana")) == 1


async def test_an_end_that_teams_does_not_understand_is_an_edit_of_what_is_there(teams: OnTeams) -> None:
    teams.fake.fail(
        "stream_final", status=403, code=STREAM, message="Request streamed content should contain the previously streamed content"
    )
    await say(teams)
    (message,) = teams.fake.shown("dana")
    assert message.text.startswith(TEXT)


async def test_a_crash_in_the_middle_leaves_no_half_answer(teams: OnTeams) -> None:
    delivery = asyncio.create_task(say(teams))
    while not teams.fake.shown("dana"):
        await asyncio.sleep(0)
    delivery.cancel()
    await asyncio.gather(delivery, return_exceptions=True)
    assert await teams.again().find(teams.at("dana"), key="k1") is None
    teams.seconds.forward(60)
    await say(teams, anew=True)
    (message,) = teams.fake.shown("dana")
    assert message.text.startswith(TEXT)


async def test_a_chat_has_one_stream_at_a_time(teams: OnTeams) -> None:
    await asyncio.gather(say(teams), say(teams, NOTICE, "k2"))
    assert len(teams.fake.shown("dana")) == 2
    assert teams.fake.refusals == []
    assert kinds(teams).count("stream_start") == 2


async def test_two_chats_stream_side_by_side(teams: OnTeams) -> None:
    other = teams.channel.deliver("post", teams.at("omar"), ANSWER, key="k2", message_id=None)
    await asyncio.gather(say(teams), other)
    assert len(teams.fake.shown("dana")) == len(teams.fake.shown("omar")) == 1


async def test_a_file_is_asked_for_once(teams: OnTeams) -> None:
    reply = replace(NOTICE, files=(Attachment("f1", "report.pdf", "application/pdf", 17),))
    teams.fake.fail("stream_final", status=500, apply_first=True, skip=1)
    with pytest.raises(OutcomeUnknown):
        await say(teams, reply)
    assert await teams.again().find(teams.at("dana"), key="k1") is None
    teams.seconds.forward(60)
    done = await say(teams, reply, anew=True)
    said, asked = teams.fake.shown("dana")
    assert done.unsent == ()
    assert asked.attachments[0]["name"] == "report.pdf"
    assert asked.attachments[0]["content"]["sizeInBytes"] == 17
    assert done.message_id.endswith(said.id)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("one", ()),
        ("one\n\ntwo", ("one",)),
        ("one\n\n\n\ntwo\n", ("one",)),
        ("one\n\n", ()),
        ("", ()),
        ("\n\nlate", ()),
        ("a\n\n```\nb\n\nc\n```\n\nend", ("a", "a\n\n```\nb\n\nc\n```")),
    ],
)
def test_an_answer_grows_by_paragraphs(text: str, shown: tuple[str, ...]) -> None:
    assert beginnings(text) == shown


@pytest.mark.parametrize("count", [1, 5, 6, 9, 40])
def test_a_long_answer_comes_in_few_steps(count: int) -> None:
    text = "\n\n".join(f"Paragraph {n}." for n in range(count))
    shown = beginnings(text)
    assert len(shown) <= CHUNKS
    assert all(text.startswith(one) for one in shown)
    assert list(shown) == sorted(shown, key=len)
