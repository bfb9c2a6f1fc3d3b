"""What the check and the log say of a Slack that is configured wrongly: which setting it is, and what belongs there."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from connectors.errors import ConnectorError, Refused, Retry
from connectors.ports.chat import Address
from connectors.slack.connector import Slack
from tests.connectors.slack.receiving import Receiving, make_slack, receiving
from tests.connectors.slack.support import DANA, OMAR, ROOM, settings_of

AWAY = "http://127.0.0.1:1/api/"


@pytest.fixture
async def here(tmp_path: Path) -> AsyncIterator[Receiving]:
    async with receiving(tmp_path) as made:
        yield made


@pytest.fixture
async def made(here: Receiving) -> AsyncIterator[Callable[..., Slack]]:
    """Another connector on the same Slack, with other settings."""
    opened: list[Slack] = []

    def make(**settings: Any) -> Slack:
        opened.append(make_slack(replace(settings_of(here.fake), **settings), here.inbox, here.engine))
        return opened[-1]

    yield make
    for slack in opened:
        await slack.stop_receiving()
        await slack.close()


async def complaint(slack: Slack, *rooms: tuple[str, Address, bool]) -> str:
    """In the words that doctor shows."""
    with pytest.raises(ConnectorError) as told:
        await slack.check(rooms)
    return told.value.detail


async def test_the_id_of_the_workspace_is_told_for_foyer_yaml(here: Receiving) -> None:
    assert (await here.slack.check([])).startswith(f"{here.fake.team} (Acme) as @")
    with capture_logs() as logs:
        await here.slack.open()
        assert here.slack.connecting is not None
        await here.slack.connecting
    assert [line["team"] for line in logs if line["event"] == "slack_connected"] == [here.fake.team]


async def test_a_wrong_bot_token_is_named(made: Callable[..., Slack]) -> None:
    said = await complaint(made(bot_token="xoxb-wrong"))
    assert "FOYER_SLACK_BOT_TOKEN (invalid_auth)" in said
    assert "xoxb-wrong" not in said


async def test_a_bot_token_that_was_revoked_is_named(here: Receiving) -> None:
    await here.slack.check([])
    here.fake.fail("auth.test", "error:token_revoked")
    assert "FOYER_SLACK_BOT_TOKEN (token_revoked)" in await complaint(here.slack)


async def test_a_slack_that_is_away_is_told_by_its_address(made: Callable[..., Slack]) -> None:
    with pytest.raises(Retry):
        await made(api_url=AWAY).check([])
    assert await complaint(made(api_url=AWAY)) == f"cannot reach {AWAY}"
    assert await complaint(made(api_url=AWAY, app_token="xapp-1")) == f"cannot reach {AWAY}"


async def test_a_wrong_app_token_is_named(here: Receiving, made: Callable[..., Slack]) -> None:
    said = await complaint(made(app_token="xapp-wrong"))
    assert "FOYER_SLACK_APP_TOKEN (invalid_auth)" in said
    assert "connections:write" in said
    assert (await made(app_token=here.fake.app_token).check([])).endswith("Socket Mode")


async def test_a_wrong_app_token_is_logged_and_tried_again(here: Receiving, made: Callable[..., Slack]) -> None:
    fault = here.fake.fail("apps.connections.open", "error:invalid_auth", times=2)
    slack = made(app_token=here.fake.app_token)
    with capture_logs() as logs:
        await slack.open()
        assert slack.connecting is not None
        await slack.connecting
    assert fault.hits == 2
    refused = [line for line in logs if line["event"] == "slack_not_connected"]
    assert len(refused) == 2
    assert all("FOYER_SLACK_APP_TOKEN" in line["because"] for line in refused)
    assert here.fake.app_token not in str(logs)
    while not here.fake.courier.connected:
        await asyncio.sleep(0.005)


async def test_a_wrong_bot_token_is_logged_by_its_name(here: Receiving, made: Callable[..., Slack]) -> None:
    here.fake.fail("auth.test", "error:invalid_auth")
    slack = made()
    with capture_logs() as logs:
        await slack.open()
        assert slack.connecting is not None
        await slack.connecting
    (line,) = [line for line in logs if line["event"] == "slack_not_connected"]
    assert "FOYER_SLACK_BOT_TOKEN" in line["because"]


def desk(room: str, team: str = "T0ACME") -> tuple[str, Address, bool]:
    return "the desk it-support", Address("slack", team, room), True


async def test_a_room_that_there_is_not_is_told_with_its_desk(here: Receiving) -> None:
    said = await complaint(here.slack, desk("C0NONE"))
    assert said.startswith("the desk it-support in foyer.yaml, slack:T0ACME:C0NONE: Acme has no room C0NONE")


async def test_a_room_of_another_workspace_is_told_with_this_one(here: Receiving) -> None:
    said = await complaint(here.slack, desk(ROOM, "T0OTHER"))
    assert said.startswith("the desk it-support in foyer.yaml, slack:T0OTHER:")
    assert "names the workspace T0OTHER, and this is T0ACME (Acme)" in said


async def test_a_room_that_the_bot_is_not_in_is_told_unless_it_is_to_be_off_there(here: Receiving) -> None:
    here.fake.add_room("C0DESK", "it-desk", [DANA, OMAR])
    here.fake.rooms["C0DESK"].members.discard(here.fake.bot_user)
    assert "invite the bot into #it-desk" in await complaint(here.slack, desk("C0DESK"))
    assert "Acme" in await here.slack.check([("a room", Address("slack", here.fake.team, "C0DESK"), False)])


async def test_everything_that_is_wrong_is_told_at_once(here: Receiving) -> None:
    with pytest.raises(Refused) as told:
        await here.slack.check([desk("C0NONE"), ("a room", Address("slack", here.fake.team, "C0OTHER"), True)])
    assert "C0NONE" in told.value.detail
    assert "C0OTHER" in told.value.detail
    assert "T0ACME (Acme) as @" in told.value.detail
