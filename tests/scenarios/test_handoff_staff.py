"""Staff come and go, and share names: a case is never left with nobody, nor given to whoever came first."""

import sqlite3

from bot.people import FRESH
from connectors.ports.chat import ReplyKind
from tests.scenarios.company import Company, email
from tests.scenarios.test_handoff_privacy import TOLD, WORDS, handoff, own, room


def directory(company: Company, change: str, *values: str) -> None:
    """As if the directory had been changed by somebody."""
    with sqlite3.connect(company.home / "sandbox.sqlite") as db:
        assert db.execute(f"UPDATE people SET {change} WHERE email = ?", values).rowcount == 1
    company.clock.now += 2 * FRESH


async def test_a_claimant_who_left_gives_it_back(company: Company) -> None:
    await company.say("dana", "I want to talk to a person")
    await company.press("sam", "claim")
    directory(company, "active = 0", email("sam"))
    await company.news("dana")
    await company.say("dana", "how many days of PTO do I carry over?")
    said = [one.reply for one in await company.news("dana")]
    assert any("isn't here any more" in reply.text and "IT support" in reply.text for reply in said)
    assert any(reply.kind is ReplyKind.ANSWER for reply in said)
    case = await handoff(company, "dana")
    assert (case.state.value, case.claimed_by) == ("requested", None)
    await company.press("noor", "claim")
    await company.say("dana", "hello again")
    assert "hello again" in await room(company, "noor", "it-support")


async def test_a_private_one_too(company: Company) -> None:
    await company.say("dana", WORDS)
    await company.press("tomas", "claim")
    directory(company, "active = 0", email("tomas"))
    await company.say("dana", "are you there?")
    assert "are you there" not in await room(company, "grace", "people-team")
    await company.press("grace", "claim")
    assert TOLD in await own(company, "grace")
    assert "are you there" in await own(company, "grace")


async def test_a_shared_name_is_asked_about(company: Company) -> None:
    directory(company, "name = 'Sam Haddad'", email("noor"))
    await company.say("dana", "I want to talk to a person")
    await company.press("sam", "claim")
    await company.news("sam")
    await company.press("sam", "assign", "sam")
    (said,) = [one.reply.text for one in await company.news("sam") if one.reply.kind is ReplyKind.NOTICE]
    assert email("sam") in said
    assert email("noor") in said
    await company.press("sam", "assign", email("noor"))
    who = await company.app.people.by_email(email("noor"))
    assert who is not None
    assert (await handoff(company, "dana")).claimed_by == who.id
