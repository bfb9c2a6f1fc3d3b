"""Tokens: fetched once, kept while they are good, and refused in words that say what to mend."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from typing import Any

import pytest
from botframework.connector.auth import MicrosoftAppCredentials
from structlog.testing import capture_logs

from connectors.errors import Refused, Retry
from connectors.teams.settings import TeamsSettings
from connectors.teams.tokens import BOT_SCOPE, GRAPH_SCOPE, YOUNG, Tokens
from tests.connectors.teams.auth_support import APP, TENANT, Seconds
from tests.fakes.teams.openid import FakeLogin, served


@dataclass
class SignIn:
    login: FakeLogin
    settings: TeamsSettings
    seconds: Seconds

    def tokens(self, *, timeout: float = 5.0, **changes: Any) -> Tokens:
        return Tokens(replace(self.settings, **changes), self.seconds, timeout=timeout)


@pytest.fixture
async def here() -> AsyncIterator[SignIn]:
    login = FakeLogin(APP)
    async with served(login) as origin:
        settings = TeamsSettings(app_id=APP, app_password=login.secret, tenant_id=TENANT, login_url=origin)
        yield SignIn(login, settings, Seconds())


async def test_a_token_of_the_apps_own_tenant(here: SignIn) -> None:
    assert await here.tokens().token(BOT_SCOPE) == here.login.issued(1)
    (asked,) = here.login.asked
    assert (asked["tenant"], asked["client_id"], asked["grant_type"]) == (TENANT, APP, "client_credentials")
    assert asked["scope"] == "https://api.botframework.com/.default"


async def test_a_bot_of_several_tenants_signs_in_to_microsofts(here: SignIn) -> None:
    await here.tokens(app_type="MultiTenant").token(BOT_SCOPE)
    assert [asked["tenant"] for asked in here.login.asked] == ["botframework.com"]


async def test_one_is_kept_for_each_scope(here: SignIn) -> None:
    tokens = here.tokens()
    assert [await tokens.token(BOT_SCOPE) for _ in range(3)] == ["token-1"] * 3
    assert [await tokens.token(GRAPH_SCOPE) for _ in range(3)] == ["token-2"] * 3
    assert len(here.login.asked) == 2
    assert here.login.discovered == 1


async def test_many_at_once_ask_once(here: SignIn) -> None:
    tokens = here.tokens()
    assert await asyncio.gather(*(tokens.token(BOT_SCOPE) for _ in range(10))) == ["token-1"] * 10
    assert len(here.login.asked) == 1


async def test_while_one_scope_is_asked_for_the_loop_turns_and_others_are_served(here: SignIn) -> None:
    tokens = here.tokens()
    await tokens.token(BOT_SCOPE)
    here.login.hanging = asyncio.Event()
    asking = asyncio.create_task(tokens.token(GRAPH_SCOPE))
    while not here.login.at_once:
        await asyncio.sleep(0.01)
    assert await tokens.token(BOT_SCOPE) == "token-1"
    assert not asking.done()
    here.login.hanging.set()
    assert await asking == "token-2"


async def test_it_is_renewed_five_minutes_before_its_end(here: SignIn) -> None:
    here.login.expires_in = 299
    tokens = here.tokens()
    assert await tokens.token(BOT_SCOPE) == "token-1"
    assert await tokens.token(BOT_SCOPE) == "token-2"


async def test_until_then_it_is_not_asked_for(here: SignIn) -> None:
    tokens = here.tokens()
    await tokens.token(BOT_SCOPE)
    here.login.answer = (500, "")
    here.seconds.forward(3600 - 301)
    assert await tokens.token(BOT_SCOPE) == "token-1"


async def test_one_that_was_not_taken_is_fetched_anew(here: SignIn) -> None:
    tokens = here.tokens()
    await tokens.token(BOT_SCOPE)
    here.seconds.forward(YOUNG)
    tokens.forget(BOT_SCOPE)
    assert await tokens.token(BOT_SCOPE) == "token-2"


async def test_a_new_one_that_is_not_taken_either_is_not_fetched_on_and_on(here: SignIn) -> None:
    tokens = here.tokens()
    tokens.forget(BOT_SCOPE)
    for _ in range(5):
        await tokens.token(BOT_SCOPE)
        tokens.forget(BOT_SCOPE)
    assert len(here.login.asked) == 1


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"app_password": "wrong-secret"}, "FOYER_TEAMS_APP_PASSWORD is not a client secret.*AADSTS7000215"),
        ({"app_id": "99999999-2222-3333-4444-555555555555"}, "FOYER_TEAMS_APP_ID is no app registration.*AADSTS700016"),
        ({"tenant_id": "cccccccc-0000-0000-0000-000000000009"}, "there is no tenant FOYER_TEAMS_TENANT_ID.*AADSTS90002"),
    ],
)
async def test_what_is_wrong_is_said_to_the_operator(here: SignIn, changes: dict[str, Any], said: str) -> None:
    with capture_logs() as logs, pytest.raises(Refused, match=said) as told:
        await here.tokens(**changes).token(BOT_SCOPE)
    assert told.value.code == "bad_credentials"
    for secret in (here.login.secret, "wrong-secret", "Trace ID"):
        assert secret not in f"{told.value} {logs}"


@pytest.mark.parametrize(
    ("code", "said"),
    [
        (7000222, "FOYER_TEAMS_APP_PASSWORD has expired"),
        (7000229, "no service principal"),
        (7000112, "disabled"),
        (53003, "Conditional Access"),
        (12345, r"refuses FOYER_TEAMS_APP_ID with FOYER_TEAMS_APP_PASSWORD \(AADSTS12345\)"),
    ],
)
async def test_microsofts_own_codes_are_worded(here: SignIn, code: int, said: str) -> None:
    here.login.answer = (401, {"error": "invalid_client", "error_description": f"AADSTS{code}: something."})
    with pytest.raises(Refused, match=said):
        await here.tokens().token(BOT_SCOPE)


@pytest.mark.parametrize(
    "answer",
    [
        (500, ""),
        (503, "<html>busy</html>"),
        (200, "no JSON"),
        (200, "[]"),
        (200, {}),
        (429, {"error": "temporarily_unavailable", "error_description": "AADSTS50196: a loop."}),
        (400, {"error": "invalid_request", "error_description": "AADSTS90033: A transient error has occurred."}),
    ],
)
async def test_what_passes_is_tried_again(here: SignIn, answer: tuple[int, str]) -> None:
    here.login.answer = answer
    with pytest.raises(Retry) as told:
        await here.tokens().token(BOT_SCOPE)
    assert told.value.code == "unreachable"


async def test_after_a_failure_it_works_again(here: SignIn) -> None:
    tokens = here.tokens()
    here.login.answer = (401, {"error": "invalid_client", "error_description": "AADSTS7000222: expired."})
    with pytest.raises(Refused):
        await tokens.token(BOT_SCOPE)
    here.login.answer = None
    assert await tokens.token(BOT_SCOPE) == "token-2"


async def test_a_login_that_cannot_be_reached(here: SignIn) -> None:
    with pytest.raises(Retry, match="cannot be reached"):
        await here.tokens(login_url="http://127.0.0.1:1").token(BOT_SCOPE)


async def test_a_login_that_does_not_answer_is_given_up(here: SignIn) -> None:
    here.login.hanging = asyncio.Event()
    with pytest.raises(Retry, match="cannot be reached"):
        await here.tokens(timeout=0.2).token(BOT_SCOPE)


def test_a_secret_is_sent_to_nobody_in_the_clear() -> None:
    with pytest.raises(ValueError, match="must be https"):
        Tokens(TeamsSettings(login_url="http://login.example"))


async def test_a_managed_identity_needs_no_secret(here: SignIn, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IDENTITY_ENDPOINT", f"{here.login.origin}/managed")  # as App Service tells whoever runs there
    monkeypatch.setenv("IDENTITY_HEADER", "a-secret-of-the-machine")
    monkeypatch.delenv("IDENTITY_SERVER_THUMBPRINT", raising=False)
    tokens = Tokens(TeamsSettings(app_id=APP, app_type="UserAssignedMSI"), here.seconds, timeout=5.0)
    assert [await tokens.token(GRAPH_SCOPE) for _ in range(2)] == ["token-1"] * 2
    (asked,) = here.login.asked
    assert (asked["resource"], asked["client_id"]) == ("https://graph.microsoft.com", APP)
    other = Tokens(TeamsSettings(app_id="another", app_type="UserAssignedMSI"), here.seconds, timeout=5.0)
    with pytest.raises(Refused, match="no user-assigned managed identity"):
        await other.token(GRAPH_SCOPE)


async def test_the_librarys_own_credentials_fetch_one_each(here: SignIn) -> None:
    """The negative control: they keep a client, and so a token, of their own."""
    made = [MicrosoftAppCredentials(APP, here.login.secret, TENANT) for _ in range(2)]
    tokens = here.tokens()
    for credentials in made:
        credentials.app = await asyncio.to_thread(tokens._make)  # its own speaks to Microsoft only
        await asyncio.to_thread(credentials.get_access_token)
    assert len(here.login.asked) == 2
