"""One person on two platforms: what was asked on one is seen, approved and continued on the other."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from tests.fakes.slack import FakeMessage, FakeSlack
from tests.scenarios.slack import PEOPLE, OnSlack
from tests.scenarios.teams import OnTeams

FIGMA = "I need editor access to Figma for 30 days"


@dataclass(frozen=True)
class Both:
    """One bot on both."""

    slack: OnSlack
    teams: OnTeams


@pytest.fixture
async def both(template: Path, tmp_path: Path) -> AsyncIterator[Both]:
    async with FakeSlack.serve() as fake:
        for name, (user, full) in PEOPLE.items():
            fake.add_user(user, full, f"{name}@acme.example")
        slack: dict[str, Any] = {
            "slack_bot_token": SecretStr(fake.bot_token),
            "slack_signing_secret": SecretStr(fake.signing_secret),
            "slack_api_url": fake.url,
        }
        async with OnTeams.open(tmp_path / "home", template, **slack) as teams:
            fake.app = teams.fake.app.replace("/api/messages", "/slack/events")
            await teams.company.later(minutes=5)
            yield Both(OnSlack(teams.company, fake), teams)
            assert (fake.refusals, teams.fake.refusals) == ([], [])


async def test_a_manager_approves_in_teams_what_was_asked_in_slack(both: Both) -> None:
    await both.teams.say("priya", "how do I connect to the VPN?")
    asked = await both.slack.say("dana", FIGMA)
    waiting = both.teams.card("priya", "Approve")
    await both.teams.press("priya", waiting, "Approve", {"Reason": "for the launch"})
    assert "Approve" not in both.teams.fake.labels(waiting)
    assert any("ends by itself" in said for said in both.slack.told("dana", asked))
    assert both.slack.told("priya") == []


async def test_a_request_of_slack_is_seen_and_cancelled_in_teams(both: Both) -> None:
    asked = await both.slack.say("dana", FIGMA)
    await both.teams.say("dana", "what is happening with my requests?")
    card = both.teams.card("dana", "Cancel")
    assert "Figma" in both.teams.fake.words(card)
    await both.teams.press("dana", card, "Cancel")
    assert any("cancel" in said.lower() for said in both.slack.told("dana", asked))
    request = next(message for message in both.slack.by_bot("dana", asked) if "Figma" in both.slack.fake.text_of(message))
    assert "Cancel" not in [label for label, _, _ in both.slack.fake.buttons_of(request)]


async def test_what_slack_asked_is_answered_in_teams(both: Both) -> None:
    await both.slack.say("priya", "how do I connect to the VPN?")
    asked = await both.slack.say("dana", "I need access to Figma")
    on_slack = both.slack.told("dana", asked)
    await both.teams.say("dana", "editor for 30 days")
    assert any("Priya Nair" in said for said in both.teams.told("dana"))
    await _approve_in_slack(both, next(one for one in both.slack.by_bot("priya") if _approves(both, one)))
    assert any("ends by itself" in said for said in both.teams.told("dana")), "the news goes where it went on"
    assert both.slack.told("dana", asked) == on_slack


async def test_decided_on_one_both_cards_are_locked_and_a_late_press_is_told_so(both: Both) -> None:
    await both.teams.say("priya", "how do I connect to the VPN?")
    await both.slack.say("dana", FIGMA)
    in_teams = both.teams.card("priya", "Approve")
    asked = await both.slack.say("priya", "what is waiting for my approval?")
    in_slack = next(one for one in both.slack.by_bot("priya", asked) if _approves(both, one))
    late = in_teams.card
    await _approve_in_slack(both, in_slack)
    assert "Approve" not in both.teams.fake.labels(in_teams)
    assert not any(_approves(both, one) for one in both.slack.by_bot("priya", asked))
    assert late is not None
    before = len(both.teams.told("priya"))
    await both.teams.done(both.teams.fake.press_stale("priya", in_teams, late, "Deny", {"Reason": "too late"}))
    assert any("approved that already" in said for said in both.teams.told("priya")[before:])
    done = next(one for one in both.slack.told("dana") if "Figma" in one)
    assert "Done" in done


def _approves(both: Both, message: FakeMessage) -> bool:
    return "Approve" in [label for label, _, _ in both.slack.fake.buttons_of(message)]


async def _approve_in_slack(both: Both, message: FakeMessage) -> None:
    await both.slack.press("priya", message, "Approve")
    await both.slack.submit("priya", {"Reason": "for the launch"})


async def test_whoever_used_slack_last_is_asked_there(both: Both) -> None:
    await both.teams.say("priya", "how do I connect to the VPN?")
    await both.teams.company.later(minutes=5)
    await both.slack.say("priya", "how do I connect to the VPN?")
    before = len(both.teams.by_bot("priya"))
    await both.teams.say("dana", FIGMA)
    assert any("Figma" in said for said in both.slack.told("priya"))
    assert len(both.teams.by_bot("priya")) == before
