"""An answer that is shown while it is made, as Slack and Teams show it: posted, edited at their pace, its sources and thumbs at the end."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from connectors.errors import ConnectorError
from connectors.memory.language import ScriptedModel
from tests.scenarios import slack as on_slack
from tests.scenarios import teams as on_teams
from tests.scenarios.live import PARTS, stream
from tests.scenarios.slack import OnSlack
from tests.scenarios.teams import OnTeams

QUESTION = "how many days of PTO do I carry over?"
OPEN = "how do I set up the VPN?"
SOURCE = "PTO"
MODEL = ScriptedModel(lambda ask: ConnectorError("not_asked"))


@pytest.fixture
async def slack(template: Path, tmp_path: Path) -> AsyncIterator[OnSlack]:
    async with OnSlack.open(tmp_path / "home", template, model=MODEL) as opened:
        yield opened
        assert opened.fake.refusals == []


@pytest.fixture
async def teams(template: Path, tmp_path: Path) -> AsyncIterator[OnTeams]:
    async with OnTeams.open(tmp_path / "home", template, model=MODEL) as opened:
        yield opened
        assert opened.fake.refusals == []


async def test_in_a_direct_chat_of_slack(slack: OnSlack) -> None:
    seen: list[str] = []

    async def look(part: int) -> None:
        while await slack.company.app.outbox.waiting():
            await asyncio.sleep(0.002)
        seen.extend(slack.told("dana"))

    stream(slack.company.app, look)
    await slack.say("dana", QUESTION)
    [whole] = slack.told("dana")
    assert seen[0] == f"{PARTS[0]} …"
    assert all(part.removesuffix(" [1].") in whole for part in PARTS)
    assert "…" not in whole
    assert SOURCE in whole


async def test_in_a_thread_of_a_room_of_slack(slack: OnSlack) -> None:
    stream(slack.company.app)
    asked = await slack.say("dana", OPEN, room=on_slack.GENERAL, mention=True)
    [whole] = slack.told(on_slack.GENERAL, asked)
    assert PARTS[2].removesuffix(" [1].") in whole


async def test_in_a_personal_chat_of_teams_where_it_is_rated_as_any_answer(teams: OnTeams) -> None:
    stream(teams.company.app)
    await teams.say("dana", QUESTION)
    (answer,) = teams.by_bot("dana")
    assert PARTS[2].removesuffix(" [1].") in teams.fake.words(answer)
    assert "…" not in teams.fake.words(answer)
    assert answer.channel_data["feedbackLoop"] == {"type": "default"}
    assert await teams.done(teams.fake.rate("dana", answer, "dislike", "it is seven")) == {}
    assert len(teams.told("dana")) > 1


async def test_in_a_channel_and_a_group_chat_of_teams(teams: OnTeams) -> None:
    stream(teams.company.app)
    asked = await teams.say("dana", OPEN, room=on_teams.GENERAL, mention=True)
    [whole] = teams.told(on_teams.GENERAL, asked)
    assert PARTS[2].removesuffix(" [1].") in whole
