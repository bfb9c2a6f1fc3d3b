"""A reply of staff is shown to its author first and can be taken back; it goes out once, whatever happens meanwhile."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from bot.changes import Changes
from bot.handoff.store import HandoffMoved
from tests.scenarios.company import Company, NoSuchButton, Said
from tests.scenarios.handoffs import claimed, delivered, texts
from tests.scenarios.test_handoff_privacy import WORDS, own, room


@pytest.fixture
async def company(template: Path, tmp_path: Path) -> AsyncIterator[Company]:
    opened = await Company.open(tmp_path / "home", template, recall_seconds=10)
    yield opened
    await opened.close()


async def preview(company: Company, person: str, words: str) -> Said:
    return next(one for one in reversed(await company.shown(person)) if one.reply.text.startswith("To ") and words in one.reply.text)


async def test_a_reply_is_previewed_and_goes_out_after_its_time(company: Company) -> None:
    await claimed(company)
    await company.press("sam", "reply", "have you tried turning it off?")
    card = await preview(company, "sam", "turning it off")
    assert "as Sam Okoye: have you tried turning it off?" in card.reply.text
    assert "Goes out at 15:00:10" in card.reply.text
    assert [action.label for action in card.reply.actions] == ["Take it back"]
    await company.later(seconds=9)
    assert await company.news("dana") == []
    await company.later(seconds=1)
    (said,) = await company.news("dana")
    assert said.reply.text == "have you tried turning it off?"
    assert said.reply.author is not None
    assert said.reply.author.name == "Sam Okoye"
    card = await preview(company, "sam", "turning it off")
    assert "Sent, 15:00" in card.reply.text
    assert card.reply.actions == ()


async def test_what_is_taken_back_is_never_seen(company: Company) -> None:
    await claimed(company)
    await company.press("sam", "reply", "you silly person")
    await company.press("sam", "recall")
    await company.later(minutes=5)
    await company.restart()
    await company.later(minutes=5)
    assert "silly" not in " ".join(await texts(company, "dana"))
    card = await preview(company, "sam", "silly")
    assert "Taken back" in card.reply.text
    assert "never saw it" in card.reply.text
    assert card.reply.actions == ()


async def test_only_its_author_or_the_claimant_takes_it_back(company: Company) -> None:
    await claimed(company)
    await company.press("sam", "reply", "hello")
    await company.press("noor", "recall")
    assert any("Only whoever wrote it" in one.reply.text for one in await company.news("noor"))
    _, place, action = await company.offered("sam", "recall")
    await company.press_id("dana", action)
    await company.later(seconds=10)
    assert "hello" in await texts(company, "dana")
    await company.press_id("sam", action, thread=place.thread)
    assert any("out already" in one.reply.text for one in await company.news("sam"))
    assert (await texts(company, "dana")).count("hello") == 1


async def test_it_is_taken_back_once(company: Company) -> None:
    await claimed(company)
    await company.press("sam", "reply", "hello")
    _, place, action = await company.offered("sam", "recall")
    await company.press("sam", "recall")
    await company.press_id("sam", action, thread=place.thread)
    assert any("taken back already" in one.reply.text for one in await company.news("sam"))


async def test_a_restart_loses_and_doubles_nothing(company: Company) -> None:
    await claimed(company)
    await company.press("sam", "reply", "once")
    await company.restart()
    assert "once" not in await texts(company, "dana")
    await company.later(seconds=10)
    await company.restart()
    await company.later(seconds=10)
    assert (await texts(company, "dana")).count("once") == 1


class Crashing:
    """A process that dies when it is about to save."""

    async def save(self, changes: Changes) -> None:
        raise ConnectionError("gone")


async def test_a_crash_between_holding_and_sending_sends_once(company: Company) -> None:
    await claimed(company)
    await company.press("sam", "reply", "once")
    company.clock.now += timedelta(seconds=10)
    dying = replace(company.app.desk.replies, saver=Crashing())  # type: ignore[arg-type]
    with pytest.raises(ConnectionError):
        await dying.send_due()
    await asyncio.gather(company.app.desk.send_due(), company.app.desk.send_due())
    await company.settle()
    assert (await texts(company, "dana")).count("once") == 1


async def test_the_loop_is_told_when_more_is_due(company: Company) -> None:
    assert await company.app.desk.send_due() is None
    await claimed(company)
    await company.press("sam", "reply", "hello")
    assert await company.app.desk.send_due() == 10.0
    await company.later(seconds=10)
    assert await company.app.desk.send_due() is None


@pytest.mark.parametrize(
    ("who", "does", "text", "end"),
    [
        ("sam", "resolve", "done", "resolved"),
        ("sam", "return", "over to you", "handed"),
        ("sam", "assign", "noor@acme.example", "Noor Haddad has"),
        ("noor", "assign", "people-team", "who can help better"),
    ],
)
async def test_it_goes_out_before_the_end_is_told(company: Company, who: str, does: str, text: str, end: str) -> None:
    await claimed(company)
    await company.press("sam", "reply", "a last word")
    await company.press(who, does, text)
    said = [reply.text for reply in await delivered(company, "dana")]
    assert end in " ".join(said[said.index("a last word") + 1 :])
    assert "Sent" in (await preview(company, "sam", "a last word")).reply.text
    await company.later(minutes=1)
    assert (await texts(company, "dana")).count("a last word") == 1


async def test_a_private_word_meanwhile_lets_it_go_out_too(company: Company) -> None:
    await claimed(company)
    await company.press("sam", "reply", "try the other cable")
    await company.say("dana", WORDS)
    assert "try the other cable" in await texts(company, "dana")
    await company.later(minutes=1)
    assert (await texts(company, "dana")).count("try the other cable") == 1


async def test_what_was_taken_back_stays_back_when_it_ends(company: Company) -> None:
    await claimed(company)
    await company.press("sam", "reply", "silly")
    await company.press("sam", "recall")
    await company.press("sam", "resolve", "done")
    assert "silly" not in " ".join(await texts(company, "dana"))


async def test_typed_words_are_held_too(company: Company) -> None:
    place = await claimed(company)
    for prefix in ("/", "!"):
        await company.say("sam", f"{prefix}reply by {prefix}\nand more", **place.here)
        assert f"by {prefix}" not in " ".join(await texts(company, "dana"))
        await company.later(seconds=10)
        assert f"by {prefix}\nand more" in await texts(company, "dana")


async def test_a_held_reply_follows_its_message(company: Company) -> None:
    place = await claimed(company)
    message = await company.say("sam", "!reply helo", **place.here)
    await company.edit("sam", message, "!reply hello", **place.here)
    assert "hello" in (await preview(company, "sam", "hello")).reply.text
    await company.later(seconds=10)
    assert "hello" in await texts(company, "dana")
    assert "helo" not in await texts(company, "dana")
    message = await company.say("sam", "!reply oh no", **place.here)
    await company.delete("sam", message, **place.here)
    await company.later(seconds=10)
    assert "oh no" not in " ".join(await texts(company, "dana"))


async def test_a_reply_without_its_command_is_taken_back(company: Company) -> None:
    place = await claimed(company)
    message = await company.say("sam", "!reply she is a pain", **place.here)
    await company.edit("sam", message, "she is a pain", **place.here)
    assert any("took it back" in one.reply.text for one in await company.news("sam"))
    await company.edit("sam", message, "!reply she is a dear", **place.here)
    assert any("taken back" in one.reply.text for one in await company.news("sam"))
    await company.later(minutes=1)
    said = " ".join(await texts(company, "dana"))
    assert "pain" not in said
    assert "dear" not in said


async def test_a_private_reply_is_previewed_where_only_its_author_reads(company: Company) -> None:
    await company.say("dana", WORDS)
    await company.press("grace", "claim")
    await company.press("grace", "reply", "I call you at three")
    assert "Goes out at" in await own(company, "grace")
    await company.later(seconds=10)
    assert "I call you at three" in await texts(company, "dana")
    assert "at three" not in await room(company, "grace", "people-team")


async def test_nothing_is_held_where_it_is_switched_off(template: Path, tmp_path: Path) -> None:
    company = await Company.open(tmp_path / "off", template)
    await claimed(company)
    await company.press("sam", "reply", "at once")
    assert "at once" in await texts(company, "dana")
    with pytest.raises(NoSuchButton):
        await company.offered("sam", "recall")
    await company.close()


async def test_what_was_taken_back_cannot_be_sent(company: Company) -> None:
    """The row decides, even for whoever read it while it was held."""
    await claimed(company)
    await company.press("sam", "reply", "hello")
    store = company.app.desk.carried
    ((reply, _, _),) = await store.due()
    await company.press("sam", "recall")
    with pytest.raises(HandoffMoved):
        async with company.app.sessions.begin() as session:
            await store.settle(session, reply, "sent")
    held = await store.held(reply)
    assert held is not None
    assert held.state == "recalled"
