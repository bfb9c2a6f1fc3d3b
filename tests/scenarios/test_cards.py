"""What cards say: why, when, who has it, and exactly what is asked for, by the clock of whoever reads."""

import re
from datetime import timedelta

from connectors.ports.chat import Reply, ReplyKind
from tests.scenarios.company import Company
from tests.scenarios.handoffs import claimed, in_room, texts

WISH = "I need editor access to Figma for 30 days"


async def card(company: Company, person: str) -> Reply:
    """The live card as it is now."""
    return next(one.reply for one in reversed(await company.shown(person)) if one.reply.kind is ReplyKind.PROGRESS)


async def test_why_it_was_not_done_stands_on_the_card_and_nowhere_twice(company: Company) -> None:
    await company.say("omar", "my account is locked")
    assert "isn't locked" in (await card(company, "omar")).text
    assert [one.reply.kind for one in await company.shown("omar")] == [ReplyKind.PROGRESS]
    await company.press("omar", "person-for")
    assert any("isn't locked" in line for reply in await in_room(company, "group:it-support") for line in reply.transcript)


async def test_a_denial_gives_its_reason_on_the_card(company: Company) -> None:
    await company.say("dana", WISH)
    await company.press("priya", "deny", "not this quarter")
    assert "Denied by Priya Nair. The reason: not this quarter" in (await card(company, "dana")).text


async def test_done_is_when_it_was_done_whatever_was_said_of_it_later(company: Company) -> None:
    await company.say("dana", "my account is locked")
    done = (await card(company, "dana")).text
    company.clock.now += timedelta(hours=5)
    await company.press("dana", "solved")
    assert (await card(company, "dana")).text == done


async def test_what_did_not_solve_it_is_with_a_person(company: Company) -> None:
    await company.say("dana", "my account is locked")
    await company.press("dana", "not-solved")
    assert "a person has it now: FOY-2" in (await card(company, "dana")).text


async def test_a_moment_is_exact_to_the_second_by_the_readers_clock(company: Company) -> None:
    company.clock.now += timedelta(microseconds=634337)
    await company.say("dana", WISH)
    reply, _, _ = await company.offered("priya", "approve")
    (exact,) = [field.value for field in reply.fields if field.label == "Exactly"]
    assert re.search(r"until=2026-12-20 \d\d:00:00 [A-Z]+", exact)


async def test_a_note_by_button_is_read_in_the_thread_and_never_by_the_employee(company: Company) -> None:
    await claimed(company)
    await company.press("sam", "note", "an old docking station")
    lines = [reply for reply in await in_room(company, "group:it-support") if reply.text == "Note (internal): an old docking station"]
    assert [line.author.name for line in lines if line.author is not None] == ["Sam Okoye"]
    assert not any("docking" in text for text in await texts(company, "dana"))


async def test_a_note_that_was_typed_is_not_said_twice(company: Company) -> None:
    place = await claimed(company)
    await company.say("sam", "an old docking station", **place.here)
    assert not any("Note (internal)" in reply.text for reply in await in_room(company, "group:it-support"))


async def test_a_refused_reply_says_that_nothing_was_sent(company: Company) -> None:
    place = await claimed(company)
    await company.say("noor", "!reply hello", **place.here)
    shown = [one.reply.text for one in await company.shown("noor")]
    assert "Sam Okoye has FOY-1. Nothing was sent." in shown


async def test_whoever_is_given_a_handoff_reads_whose_it_is_and_what_it_is_about(company: Company) -> None:
    await company.say("dana", "my screen is broken, I want a person")
    await company.press("sam", "assign", "noor")
    given = [text for text in await texts(company, "noor") if "gave you" in text]
    assert given == ['Sam Okoye gave you FOY-1, of Dana Whitfield. They said: "my screen is broken, I want a person"']
