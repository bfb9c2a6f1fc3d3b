"""One person on two platforms: what was asked on one is seen, approved and continued on the other."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from tests.fakes.slack import FakeSlack
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
            await teams.company.later(minutes=5)  # installing the app was a use of it, too
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


async def test_whoever_used_slack_last_is_asked_there(both: Both) -> None:
    await both.teams.say("priya", "how do I connect to the VPN?")
    await both.teams.company.later(minutes=5)
    await both.slack.say("priya", "how do I connect to the VPN?")
    before = len(both.teams.by_bot("priya"))
    await both.teams.say("dana", FIGMA)
    assert any("Figma" in said for said in both.slack.told("priya"))
    assert len(both.teams.by_bot("priya")) == before
