"""What came of a call to Slack, in Foyer's own errors."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from connectors.chat.pace import Pace
from connectors.errors import OutcomeUnknown, Refused, Retry
from connectors.slack.clients import WITHOUT_ACCESS, Clients
from connectors.slack.settings import SlackSettings
from tests.connectors.slack.support import DANA, ROOM, SECRET, OnSlack, open_slack

WRITE, READ, HARMLESS = "chat.postMessage", "users.info", "conversations.open"
ARGUMENTS: dict[str, dict[str, Any]] = {
    WRITE: {"channel": ROOM, "text": "hello", "unfurl_links": False},
    READ: {"user": DANA},
    HARMLESS: {"users": DANA},
}


@pytest.fixture
async def slack(tmp_path: Path) -> AsyncIterator[OnSlack]:
    async with open_slack(tmp_path, timeout=0.3) as made:
        await made.clients.tenants()
        yield made


async def failure(slack: OnSlack, method: str) -> Exception:
    with pytest.raises((Retry, Refused)) as failed:
        await slack.clients.call(slack.fake.team, method, **ARGUMENTS[method])
    return failed.value


@pytest.mark.parametrize("kind", ["server_error", "time_out", "apply_then_500", "error:fatal_error", "error:internal_error"])
@pytest.mark.parametrize(("method", "unknown"), [(WRITE, True), (READ, False), (HARMLESS, False)])
async def test_only_what_writes_can_have_an_unknown_outcome(slack: OnSlack, method: str, unknown: bool, kind: str) -> None:
    slack.fake.fail(method, kind)
    error = await failure(slack, method)
    assert isinstance(error, Retry)
    assert isinstance(error, OutcomeUnknown) is unknown


async def test_a_write_whose_connection_was_cut_is_sent_once(slack: OnSlack) -> None:
    fault = slack.fake.fail(WRITE, "cut", times=5)
    assert isinstance(await failure(slack, WRITE), OutcomeUnknown)
    assert fault.hits == 1


async def test_a_slack_that_is_not_there_did_nothing() -> None:
    clients = Clients(SlackSettings(secret=SECRET, bot_token="xoxb-x", api_url="http://127.0.0.1:9/api/"))
    try:
        with pytest.raises(Retry) as retry:
            await clients.tenants()
        assert not isinstance(retry.value, OutcomeUnknown)
    finally:
        await clients.close()


@pytest.mark.parametrize("kind", ["rate_limited", "error:ratelimited", "error:service_unavailable"])
async def test_a_busy_slack_did_nothing(slack: OnSlack, kind: str) -> None:
    slack.fake.fail(WRITE, kind, after=9)
    error = await failure(slack, WRITE)
    assert isinstance(error, Retry)
    assert not isinstance(error, OutcomeUnknown)
    assert error.after == (9 if kind == "rate_limited" else None)


@pytest.mark.parametrize("code", ["channel_not_found", "not_in_channel", "is_archived", "invalid_blocks"])
async def test_what_slack_refuses_stays_refused(slack: OnSlack, code: str) -> None:
    slack.fake.fail(WRITE, f"error:{code}")
    error = await failure(slack, WRITE)
    assert isinstance(error, Refused)
    assert error.code == code


@pytest.mark.parametrize("code", ["account_inactive", "token_revoked", "invalid_auth"])
async def test_without_access_what_is_to_be_said_waits(slack: OnSlack, code: str) -> None:
    """A new token mends it: nothing that was to be said until then is thrown away."""
    slack.fake.fail(WRITE, f"error:{code}")
    error = await failure(slack, WRITE)
    assert isinstance(error, Retry)
    assert (error.code, error.after) == (code, WITHOUT_ACCESS)


async def test_who_we_are_is_asked_once(slack: OnSlack) -> None:
    first = await slack.clients.me(slack.fake.team)
    assert (first.user, first.bot) == (slack.fake.bot_user, slack.fake.bot_id)
    await slack.clients.me(slack.fake.team)
    assert [name for name, _ in slack.fake.calls].count("auth.test") == 2, "once for the workspace, once for the bot there"


def test_a_pace_allows_a_few_and_then_one_by_one() -> None:
    pace = Pace(every=1.0, burst=2)
    assert pace.wait("a", 0) == 0
    pace.took("a", 0)
    pace.took("a", 0)
    assert pace.wait("a", 0) == 1
    assert pace.wait("a", 0.25) == 0.75
    assert pace.wait("b", 0) == 0
    pace.took("a", 1)
    assert pace.wait("a", 1) == 1
    assert pace.wait("a", 60) == 0


def test_a_pace_waits_off_its_debt() -> None:
    pace = Pace(every=1.0, burst=2)
    pace.took("a", 0, 5)
    assert pace.wait("a", 0) == 4
