"""Who reads what of a private matter: its claimant, and nobody else, in no room, now or later."""

import json

import pytest

from bot.handoff.model import Handoff
from tests.scenarios.company import Company, email

WORDS = "my team lead keeps touching me and making sexual comments"
TOLD = "sexual comments"


async def handoff(company: Company, person: str) -> Handoff:
    """The newest one of this person."""
    who = await company.app.people.by_email(email(person))
    assert who is not None
    return (await company.app.handoffs.of_person(who.id))[0]


async def room(company: Company, person: str, group: str) -> str:
    """All that the room of this group shows now."""
    return " ".join(json.dumps(one.reply.as_json()) for one in await company.shown(person) if one.room == f"group:{group}")


async def own(company: Company, person: str) -> str:
    return " ".join(json.dumps(one.reply.as_json()) for one in await company.shown(person) if one.room == email(person))


@pytest.mark.parametrize("claimed", [False, True])
async def test_a_private_word_leaves_an_ordinary_handoff(company: Company, claimed: bool) -> None:
    await company.say("dana", "I want to talk to a person")
    if claimed:
        await company.press("sam", "claim")
    await company.say("dana", WORDS)
    assert TOLD not in await room(company, "sam", "it-support")
    assert TOLD not in await own(company, "sam")
    assert "become a private matter" in await room(company, "sam", "it-support")
    assert TOLD not in await room(company, "grace", "people-team")
    case = await handoff(company, "dana")
    assert (case.sensitive, case.assignment_group, case.state.value, case.claimed_by) == ("harassment", "people-team", "requested", None)
    assert any("in private" in one.reply.text and "people team" in one.reply.text for one in await company.news("dana"))
    if claimed:
        assert "become a private matter" in await own(company, "sam")
    await company.say("dana", "it happened again on Monday")
    await company.press("grace", "claim")
    assert TOLD in await own(company, "grace")
    assert "again on Monday" in await own(company, "grace")
    assert "Monday" not in await room(company, "grace", "people-team")
    assert "Monday" not in await room(company, "sam", "it-support")


async def test_nobody_of_the_old_group_can_act_on_it(company: Company) -> None:
    await company.say("dana", "I want to talk to a person")
    card, address, _ = await company.offered("sam", "claim")
    await company.say("dana", WORDS)
    await company.news("sam")
    await company.say("sam", "/claim", thread=address.thread, room=address.room)
    assert any("another assignment group" in one.reply.text for one in await company.news("sam"))
    assert (await handoff(company, "dana")).claimed_by is None
    assert not next(one.reply for one in await company.shown("sam") if one.reply.id == card.id).actions


async def test_a_later_handoff_shows_nothing_of_it(company: Company) -> None:
    await company.say("dana", WORDS)
    await company.press("grace", "claim")
    await company.say("dana", "he is called Otto Beispiel")
    await company.press("grace", "reply", "I believe you")
    await company.press("grace", "resolve", "Otto Beispiel moves to another team")
    await company.say("dana", "what is happening with my request?")
    assert any("another team" in one.reply.text for one in await company.news("dana"))
    await company.say("dana", "I want to talk to a person")
    shown = await room(company, "sam", "it-support")
    assert "talk to a person" in shown
    for private in (TOLD, "Otto", "believe", "another team", "private"):
        assert private not in shown


async def test_another_private_matter_shows_nothing_of_it(company: Company) -> None:
    await company.say("dana", WORDS)
    await company.press("grace", "claim")
    await company.press("grace", "resolve", "done")
    await company.say("dana", "I clicked a phishing link and typed my password")
    await company.press("sam", "claim")
    assert "phishing" in await own(company, "sam")
    assert TOLD not in await own(company, "sam")


async def test_it_is_answered_where_nobody_reads_along(company: Company) -> None:
    await company.say("dana", WORDS)
    _, group, _ = await company.offered("grace", "claim")
    await company.press("grace", "claim")
    await company.say("dana", "please call me")
    assert "please call me" in await own(company, "grace")
    _, private, reply = await company.offered("grace", "reply")
    assert private.room == email("grace")
    await company.say("grace", "/reply I call you at three", thread=private.thread)
    await company.say("grace", "/note careful with this", thread=private.thread)
    await company.press("grace", "reply", "or at four")
    heard = [one.reply.text for one in await company.news("dana")]
    assert "I call you at three" in heard
    assert "or at four" in heard
    assert "careful with this" not in " ".join(heard)
    await company.news("grace")
    for word in ("/reply hello", "/resolve done", "/return", "just typing"):
        await company.say("grace", word, thread=group.thread, room=group.room)
        assert any("whole group reads along" in one.reply.text for one in await company.news("grace"))
    await company.press("grace", "resolve", "the lawyer was called")
    shown = await room(company, "grace", "people-team")
    for words in ("at three", "careful", "at four", "hello", "lawyer"):
        assert words not in shown
    assert "the lawyer was called" in " ".join(one.reply.text for one in await company.news("dana"))
    assert reply


async def test_only_its_claimant_gives_it_on(company: Company) -> None:
    await company.say("dana", WORDS)
    _, group, assign = await company.offered("tomas", "assign")
    await company.press("grace", "claim")
    await company.news("tomas")
    await company.press_id("tomas", assign, "tomas")
    assert any("Grace" in one.reply.text and "has FOY" in one.reply.text for one in await company.news("tomas"))
    await company.press("grace", "assign", "tomas@acme.example")
    assert TOLD in await own(company, "tomas")
    assert TOLD not in await own(company, "grace")
    assert TOLD not in await room(company, "grace", "people-team")
    await company.press("tomas", "reply", "I am Tomas")
    assert "I am Tomas" in [one.reply.text for one in await company.news("dana")]
    assert group


async def test_notes_go_with_the_case_and_the_old_card_is_dead(company: Company) -> None:
    await company.say("dana", "I want to talk to a person")
    await company.press("sam", "claim")
    await company.press("sam", "note", "her badge says contractor")
    await company.press("noor", "assign", "people team")
    assert "her badge says contractor" in await room(company, "grace", "people-team")
    assert any("Noor Haddad gave FOY" in one.reply.text for one in await company.news("sam"))
    cards = [one.reply for one in await company.shown("sam") if one.room == "group:it-support" and one.reply.fields]
    assert cards == []
    assert "Moved to the people team" in await room(company, "sam", "it-support")
    await company.say("dana", "my cat is orange")
    assert "orange" not in await room(company, "sam", "it-support")
    assert "orange" in await room(company, "grace", "people-team")
    assert "contractor" not in " ".join(one.reply.text for one in await company.news("dana"))


async def test_what_goes_wrong_meanwhile_reaches_whoever_has_it(company: Company) -> None:
    await company.say("vic", "I want to talk to a person")
    await company.press("sam", "claim")
    await company.press("sam", "return")
    await company.say("vic", "I want to talk to a person")
    await company.news("sam")
    await company.say("vic", "unlock my account")
    said = " ".join(one.reply.text for one in await company.news("sam"))
    assert "Also: FOY-" in said
    case = await handoff(company, "vic")
    assert case.request_id is not None
    assert any("goes to IT support too" in one.reply.text for one in await company.news("vic"))
