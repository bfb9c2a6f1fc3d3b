"""What is one person's alone stays so in channels and group chats: Teams can show nothing there to one person only."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.scenarios.teams import DESK, GENERAL, GROUP, OnTeams

PTO_LEFT = "how much PTO do I have left?"
CARRY_OVER = "how many days of PTO do I carry over?"


@pytest.fixture
async def teams(template: Path, tmp_path: Path) -> AsyncIterator[OnTeams]:
    async with OnTeams.open(tmp_path / "home", template, desks=("it-support", "people-team")) as opened:
        yield opened
        assert opened.fake.refusals == []


def general(teams: OnTeams) -> str:
    return "\n".join(teams.told(GENERAL))


async def test_an_answer_that_not_everybody_may_read_goes_to_the_askers_own_chat(teams: OnTeams) -> None:
    await teams.say("dana", CARRY_OVER, room=GENERAL, mention=True)
    assert "5 days" not in general(teams)
    assert any("5 days" in said for said in teams.told("dana"))
    assert teams.told("omar") == []


@pytest.mark.parametrize("place", [GENERAL, GROUP])
async def test_time_off_is_nobody_elses_business(teams: OnTeams, place: str) -> None:
    if place == GROUP:
        await teams.done(teams.fake.install(GROUP))
        teams.forget()
    await teams.say("dana", PTO_LEFT, room=place, mention=True)
    assert not any("days" in said for said in teams.told(place))
    assert any("days" in said for said in teams.told("dana"))


async def test_whoever_has_no_chat_with_the_bot_gets_one(teams: OnTeams) -> None:
    await teams.say("vic", PTO_LEFT, room=GENERAL, mention=True)
    assert any("days" in said for said in teams.told("vic"))
    assert "days" not in general(teams)


async def test_whoever_blocked_the_bot_reads_nothing_and_neither_does_anybody_else(teams: OnTeams) -> None:
    teams.fake.blocked.add("dana")
    await teams.say("dana", PTO_LEFT, room=GENERAL, mention=True)
    assert teams.told("dana") == []
    assert "days" not in general(teams)
    assert "Dana Whitfield, I can't write to you alone here. Add Foyer to your own chats" in general(teams)
    teams.fake.blocked.clear()
    await teams.say("dana", PTO_LEFT)
    assert any("days" in said for said in teams.told("dana"))


async def test_staff_speak_of_a_personal_request_in_the_employees_own_chat(teams: OnTeams) -> None:
    asked = await teams.say("dana", PTO_LEFT, room=GENERAL, mention=True)
    await teams.say("dana", "I want a person", room=GENERAL, thread=asked)
    card = teams.card(DESK, "Claim")
    await teams.press("sam", card, "Claim")
    await teams.say("sam", "!reply Your PTO was miscounted.", room=DESK, thread=card.id)
    assert "Your PTO was miscounted." in "\n".join(teams.told("dana"))
    for words in ("Okoye", "miscounted", "FOY-"):
        assert words not in general(teams)


async def test_why_it_was_denied_is_told_to_who_asked(teams: OnTeams) -> None:
    await teams.say("dana", "I need editor access to Figma for 30 days", room=GENERAL, mention=True)
    await teams.press("priya", teams.card("priya", "Deny"), "Deny", {"Reason": "you are on probation"})
    assert "probation" not in general(teams)
    assert any("probation" in said for said in teams.told("dana"))


async def test_nothing_is_said_where_other_organisations_read(teams: OnTeams) -> None:
    await teams.done(teams.fake.install("partner", by="vic"))
    teams.forget()
    await teams.say("dana", "how do I connect to the VPN?", room="partner", mention=True)
    assert not any("Acme Connect" in said for said in teams.told("partner"))
    assert any("Acme Connect" in said for said in teams.told("dana"))
