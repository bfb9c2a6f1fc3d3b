"""A secret or a clock that is wrong refuses everything that Slack sends: said once, and in the check until something is accepted."""

from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
from structlog.testing import capture_logs
from structlog.typing import EventDict

from connectors.errors import Refused
from tests.connectors.slack.receiving import Receiving, make_slack, receiving
from tests.connectors.slack.support import DANA, settings_of


@pytest.fixture
async def here(tmp_path: Path) -> AsyncIterator[Receiving]:
    async with receiving(tmp_path) as made:
        yield made


def warnings(logs: list[EventDict]) -> list[EventDict]:
    return [line for line in logs if line["event"] == "slack_deliveries_refused"]


async def test_a_wrong_secret_is_logged_once_a_minute(here: Receiving) -> None:
    here.fake.courier.secret = "another app's"
    with capture_logs() as logs:
        for _ in range(3):
            await here.fake.say(DANA, "hello")
    (line,) = warnings(logs)
    assert (line["log_level"], line["since_accepted"]) == ("warning", 1)
    assert "FOYER_SLACK_SIGNING_SECRET" in line["because"]
    assert "another app's" not in str(logs)
    here.seconds.forward(60)
    with capture_logs() as logs:
        await here.fake.say(DANA, "hello")
    assert [line["since_accepted"] for line in warnings(logs)] == [4]


async def test_the_check_is_broken_until_something_is_accepted(here: Receiving) -> None:
    right = here.fake.courier.secret
    here.fake.courier.secret = "another app's"
    await here.fake.say(DANA, "hello")
    await here.fake.say(DANA, "hello?")
    with pytest.raises(Refused, match="last 2 deliveries were refused: FOYER_SLACK_SIGNING_SECRET"):
        await here.slack.check([])
    here.fake.courier.secret = right
    await here.fake.say(DANA, "hello!")
    assert "Acme" in await here.slack.check([])


async def test_a_clock_that_is_wrong_is_no_wrong_secret(here: Receiving) -> None:
    here.fake.holding = True
    await here.fake.say(DANA, "hello")
    (held,) = here.fake.held
    assert (await here.fake.deliver(held, timestamp=int(here.fake.clock()) - 3600)).status == 401
    with pytest.raises(Refused, match="clock of this machine") as told:
        await here.slack.check([])
    assert "SIGNING_SECRET" not in str(told.value)


async def test_who_signs_nothing_does_not_count(here: Receiving) -> None:
    with capture_logs() as logs:
        async with aiohttp.ClientSession() as session, session.post(f"{here.url}/slack/events", json={"type": "event_callback"}) as answer:
            assert answer.status == 401
    assert warnings(logs) == []
    assert "Acme" in await here.slack.check([])


async def test_a_timestamp_that_is_none_is_refused(here: Receiving) -> None:
    headers = {"X-Slack-Request-Timestamp": "yesterday", "X-Slack-Signature": "v0=00é"}
    async with aiohttp.ClientSession() as session, session.post(f"{here.url}/slack/events", data="{}", headers=headers) as answer:
        assert answer.status == 401


async def test_over_a_socket_there_is_nothing_to_refuse(tmp_path: Path) -> None:
    async with receiving(tmp_path, socket=True) as here:
        slack = make_slack(settings_of(here.fake), here.inbox, here.engine)
        assert "HTTP" in await slack.check([])
        await slack.close()
