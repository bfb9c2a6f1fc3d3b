"""What people think of an answer is kept once for each, and whoever was not helped is offered a person."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from bot.buttons import Verb
from bot.rate import RateLimit
from connectors.memory.channel import GROUP, THREADED, MemoryChannel
from connectors.ports.chat import Feedback, Reply, ReplyKind
from tests.scenarios.company import Company, email
from tests.scenarios.platform import SHARED, Platform

QUESTION = "How do I connect to the VPN?"
OFFER = "Shall I ask a person?"
CHANNEL, CHAT = f"{THREADED}-general", f"{GROUP}chat"
"""Rooms of several on a platform that cannot whisper: with threads, and without."""


@pytest.fixture
async def flat(template: Path, tmp_path: Path) -> AsyncIterator[Platform]:
    channel = MemoryChannel(flat=True)
    opened = await Company.open(tmp_path / "home", template, channels=(channel,))
    yield Platform(opened, channel)
    await opened.close()


async def kept(platform: Platform) -> list[tuple[Any, ...]]:
    async with platform.company.app.sessions() as session:
        rows = await session.execute(text("SELECT person_id, helpful, reason FROM feedback ORDER BY at, person_id"))
        return [(row.person_id, bool(row.helpful), row.reason) for row in rows]


async def person_id(platform: Platform, person: str) -> str:
    who = await platform.company.app.people.by_email(email(person))
    assert who is not None
    return who.id


async def answered(platform: Platform, room: str | None = None) -> Feedback:
    await platform.say("dana", QUESTION, room=room)
    answer = platform.shown(room or "dana")[-1]
    assert answer.kind is ReplyKind.ANSWER
    assert answer.feedback is not None
    return answer.feedback


async def test_only_an_answer_from_articles_is_asked_about(platform: Platform) -> None:
    assert (await answered(platform)).down.prompt == "What was missing?"
    await platform.say("dana", "what is the airspeed velocity of an unladen swallow?")
    assert platform.shown("dana")[-1].feedback is None


async def test_the_last_word_counts(platform: Platform) -> None:
    feedback, dana = await answered(platform), await person_id(platform, "dana")
    await platform.press("dana", feedback.up)
    assert await kept(platform) == [(dana, True, "")]
    await platform.press("dana", feedback.down, "The port number")
    await platform.press("dana", feedback.down, "The port number, and the host")
    assert await kept(platform) == [(dana, False, "The port number, and the host")]


async def test_everybody_has_their_own_word(platform: Platform) -> None:
    feedback = await answered(platform, SHARED)
    await platform.press("dana", feedback.up, room=SHARED)
    await platform.press("omar", feedback.down, room=SHARED)
    assert {row[:2] for row in await kept(platform)} == {
        (await person_id(platform, "dana"), True),
        (await person_id(platform, "omar"), False),
    }


async def test_whoever_was_not_helped_is_offered_a_person_once(platform: Platform) -> None:
    feedback = await answered(platform)
    await platform.press("dana", feedback.down)
    offers = [reply for reply in platform.shown("dana") if "Shall I ask a person?" in reply.text]
    assert [platform.verb(action) for action in offers[0].actions] == [Verb.WANT_PERSON, Verb.NO_PERSON]
    await platform.press("dana", feedback.down, "The port number")
    assert len([reply for reply in platform.shown("dana") if "Shall I ask a person?" in reply.text]) == 1
    await platform.say("dana", "yes")
    assert platform.shown("dana")[-1].kind is ReplyKind.HANDOFF


async def test_thanks_are_not_said_to_the_whole_room(platform: Platform) -> None:
    feedback = await answered(platform, SHARED)
    await platform.press("dana", feedback.up, room=SHARED)
    assert platform.shown(SHARED, to="dana")[-1].text == "Thank you, noted."
    assert not any("Thank you" in reply.text for reply in platform.shown(SHARED))


async def test_while_a_person_has_it_nobody_else_is_offered(platform: Platform) -> None:
    feedback = await answered(platform)
    await platform.say("dana", "I want to talk to a person")
    await platform.company.press("sam", "claim")
    await platform.press("dana", feedback.down)
    assert platform.shown("dana")[-1].text == "Thank you, noted."


async def test_a_reason_is_in_the_audit_but_not_to_be_read_there(platform: Platform) -> None:
    await platform.press("dana", (await answered(platform)).down, "The sesame port")
    async with platform.company.app.sessions() as session:
        rows = (await session.execute(text("SELECT * FROM audit_event"))).all()
    assert any("answer_judged" in str(row) for row in rows)
    assert not any("sesame" in str(row) for row in rows)


# -- where nothing can be whispered --------------------------------------------------------------------------------


async def in_public(flat: Platform, room: str) -> Reply:
    await flat.say("dana", QUESTION, room=room)
    return flat.shown(room)[-1]


@pytest.mark.parametrize("room", [CHANNEL, CHAT])
async def test_what_is_thought_of_an_answer_in_public_is_nobodys_business(flat: Platform, room: str) -> None:
    answer = await in_public(flat, room)
    before = len(flat.shown(room))
    for person, liked in (("dana", True), ("omar", True), ("priya", False)):
        await flat.rate(person, answer, liked, room=room)
    assert len(await kept(flat)) == 3
    assert len(flat.shown(room)) == before
    assert (flat.shown("dana"), flat.shown("omar")) == ([], [])
    (offer,) = flat.shown("priya")
    assert OFFER in offer.text


@pytest.mark.parametrize("room", [CHANNEL, CHAT])
@pytest.mark.parametrize("by", ["word", "button"])
async def test_what_comes_of_a_bad_word_in_public_stays_in_ones_own_chat(flat: Platform, room: str, by: str) -> None:
    answer = await in_public(flat, room)
    before = len(flat.shown(room))
    await flat.rate("dana", answer, False, room=room)
    if by == "word":
        await flat.say("dana", "yes")
    else:
        await flat.press("dana", flat.offered("dana", Verb.WANT_PERSON))
    assert flat.shown("dana")[-1].kind is ReplyKind.HANDOFF
    await flat.company.press("sam", "claim")
    await flat.say("dana", "it is about my boss")
    await flat.company.press("sam", "reply", "I am sorry to hear it.")
    assert "I am sorry to hear it." in [reply.text for reply in flat.shown("dana")]
    assert len(flat.shown(room)) == before


async def test_who_writes_too_fast_hears_of_it_once(flat: Platform) -> None:
    app = flat.company.app
    app.turns = replace(app.turns, rate=RateLimit(1, lambda: 0.0))
    for _ in range(4):
        await flat.say("dana", "hello")
    greeting, *told = [reply.text for reply in flat.shown("dana")]
    assert "a lot at once" not in greeting
    assert [text.startswith("That was a lot at once") for text in told] == [True]


async def test_ratings_that_come_too_fast_are_dropped_in_silence(flat: Platform) -> None:
    answer = await in_public(flat, CHAT)
    app = flat.company.app
    app.turns = replace(app.turns, rate=RateLimit(1, lambda: 0.0))
    before = len(flat.shown(CHAT))
    await flat.rate("omar", answer, True, room=CHAT)
    await flat.rate("omar", answer, False, room=CHAT)
    assert [row[1] for row in await kept(flat)] == [True]
    assert (len(flat.shown(CHAT)), flat.shown("omar")) == (before, [])
