"""Teams, put together: what Teams sends is in the inbox once, what it did not send is not, and the check says what is wrong."""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from structlog.testing import capture_logs

from connectors.errors import Refused, Retry
from connectors.ports.chat import Address, Reply, ReplyKind
from connectors.teams.settings import TeamsSettings
from connectors.teams.tables import room
from tests.connectors.teams.auth_receiving import Receiving, all_settings_of, make_teams, receiving
from tests.fakes.teams.openid import FakeOpenId

Forge = Callable[[FakeOpenId, str], str]
FORGED: dict[str, Forge] = {
    "missing": lambda openid, url: "",
    "malformed": lambda openid, url: "a.b.c",
    "wrong audience": lambda openid, url: openid.token(serviceurl=url, audience="99999999-2222-3333-4444-555555555555"),
    "wrong issuer": lambda openid, url: openid.token(serviceurl=url, issuer="https://login.microsoftonline.com/common/v2.0"),
    "wrong key": lambda openid, url: openid.token(serviceurl=url, key=openid.stranger(), kid=openid.keys[0].kid),
    "unknown key": lambda openid, url: openid.token(serviceurl=url, key=openid.stranger()),
    "expired": lambda openid, url: openid.token(serviceurl=url, expires=-301),
    "wrong service URL": lambda openid, url: openid.token(serviceurl="https://elsewhere.example/"),
    "not signed": lambda openid, url: openid.token(serviceurl=url, algorithm="none", secret=""),
}


@pytest.fixture
async def here(tmp_path: Path) -> AsyncIterator[Receiving]:
    async with receiving(tmp_path) as made:
        yield made


@pytest.fixture
async def locally(tmp_path: Path) -> AsyncIterator[Receiving]:
    async with receiving(tmp_path, local=True) as made:
        yield made


async def test_what_teams_has_signed_is_in_the_inbox(here: Receiving) -> None:
    await here.fake.say("dana", "hello")
    assert [sent.status for sent in here.fake.deliveries] == [200]
    (heard,) = here.inbox.heard
    assert (heard.text, heard.address.tenant) == ("hello", here.fake.tenant)
    assert heard.address.room == f"user:{here.fake.people['dana'].object_id}"


@pytest.mark.parametrize("forged", FORGED)
async def test_what_it_has_not_signed_leaves_no_row(here: Receiving, forged: str) -> None:
    here.fake.holding = True
    await here.fake.say("dana", "hello")
    (held,) = here.fake.held
    assert (await here.fake.deliver(held, token=FORGED[forged](here.fake.login.openid, held["serviceUrl"]))).status == 401
    assert (here.inbox.heard, here.inbox.asked) == ([], 0)
    assert (await here.fake.deliver(held)).status == 200
    assert len(here.inbox.heard) == 1


async def test_a_rotation_of_keys_is_not_felt(here: Receiving) -> None:
    await here.fake.say("dana", "before")
    here.fake.login.openid.rotate()
    await here.fake.say("dana", "after")
    assert [heard.text for heard in here.inbox.heard] == ["before", "after"]


async def test_what_is_sent_again_is_recorded_once(here: Receiving) -> None:
    await here.fake.say("dana", "hello")
    assert (await here.fake.resend()).status == 200
    assert (len(here.inbox.heard), here.inbox.asked) == (1, 2)


async def test_what_could_not_be_recorded_is_sent_again(here: Receiving) -> None:
    here.inbox.broken = True
    await here.fake.say("dana", "hello")
    assert here.fake.deliveries[-1].status == 500
    here.inbox.broken = False
    assert (await here.fake.resend()).status == 200
    assert [heard.text for heard in here.inbox.heard] == ["hello"]


async def test_another_organisations_people_are_not_heard(here: Receiving) -> None:
    await here.fake.say("outsider", "hello")
    assert here.fake.deliveries[-1].status == 403
    assert here.inbox.asked == 0


async def test_an_invoke_is_answered_with_its_body(here: Receiving) -> None:
    payload = {**await _said(here), "type": "invoke", "name": "message/submitAction", "id": "f:1"}
    payload["value"] = {"actionName": "feedback", "actionValue": {"reaction": "like", "feedback": "{}"}}
    answered = await here.fake.deliver(payload)
    assert (answered.status, answered.body) == (200, {})
    assert (await here.fake.deliver({**payload, "name": "signin/verifyState"})).status == 501


async def test_what_the_bot_says_comes_with_a_token_of_the_login(here: Receiving) -> None:
    await _says(here, "Done.")
    assert [shown.text for shown in here.fake.by_bot("dana")] == ["Done."]
    assert len(here.fake.login.entra.asked) == 1
    assert here.fake.refusals == []


async def test_a_token_that_is_not_taken_any_more_is_renewed(here: Receiving) -> None:
    await _says(here, "Done.")
    here.fake.login.revoke()
    here.seconds.forward(60)
    await _says(here, "Done again.")
    assert [shown.text for shown in here.fake.by_bot("dana")] == ["Done.", "Done again."]
    assert len(here.fake.login.entra.asked) == 2


class TestOpening:
    async def test_keys_and_token_are_there_before_the_first_message(self, here: Receiving) -> None:
        await here.teams.open()
        assert here.teams.connecting is not None
        await here.teams.connecting
        assert (here.fake.login.openid.asked, len(here.fake.login.entra.asked)) == (1, 1)
        await _says(here, "Done.")
        assert (here.fake.login.openid.asked, len(here.fake.login.entra.asked)) == (1, 1)

    async def test_it_waits_for_nobody_and_goes_on_trying(self, here: Receiving) -> None:
        openid, entra = here.fake.login.openid, here.fake.login.entra
        openid.status, entra.answer = 503, (401, {"error": "invalid_client", "error_description": "AADSTS7000222: expired."})
        await here.teams.open()
        assert here.teams.connecting is not None
        assert not here.teams.connecting.done()
        openid.status = 200
        while not entra.asked:
            await asyncio.sleep(0.01)
        assert not here.teams.connecting.done()
        entra.answer = None
        await here.teams.connecting

    async def test_while_the_keys_cannot_be_had_what_comes_is_sent_again(self, here: Receiving) -> None:
        here.fake.login.openid.status = 503
        await here.fake.say("dana", "hello")
        assert here.fake.deliveries[-1].status == 503
        here.fake.login.openid.status = 200
        here.seconds.forward(60)
        assert (await here.fake.resend()).status == 200
        assert len(here.inbox.heard) == 1

    async def test_it_goes_on_whatever_failed(self, here: Receiving) -> None:
        async with here.engine.begin() as connection:
            await connection.run_sync(room.drop)
        with capture_logs() as logs:
            await here.teams.open()
            while not any(line["event"] == "teams_not_connected" for line in logs):
                await asyncio.sleep(0.01)
        assert here.teams.connecting is not None
        assert not here.teams.connecting.done()
        async with here.engine.begin() as connection:
            await connection.run_sync(room.create)
        await here.teams.connecting

    async def test_a_team_tells_its_channels_however_it_came_to_have_the_app(self, here: Receiving) -> None:
        await here.fake.say("dana", "hello", room="general", mention=True)
        await here.fake.install("general")
        await here.fake.create_channel("desk", "Desk", "general")
        here.fake.consent_to("desk")
        await here.teams.open()
        assert here.teams.connecting is not None
        await here.teams.connecting
        desk = Address("teams", here.fake.tenant, here.fake.room_id("desk"))
        assert "Desk: teams:" in await here.teams.check([("the desk it-support", desk, True)])

    async def test_it_can_be_stopped_while_it_tries(self, here: Receiving) -> None:
        here.fake.login.openid.hanging = asyncio.Event()
        await here.teams.open()
        await here.teams.stop_receiving()
        assert here.teams.connecting is not None
        assert here.teams.connecting.cancelled()


class TestCheck:
    async def test_it_says_as_which_app_and_where(self, here: Receiving) -> None:
        await here.fake.install("support")
        said = await here.teams.check([])
        assert f"the app {here.fake.app_id} for {here.fake.tenant} at {here.fake.app}" in said
        assert "hears only what mentions it" in said

    async def test_where_somebody_consented_it_hears_everything(self, here: Receiving) -> None:
        here.fake.consent_to("support")
        await here.fake.install("support")
        assert "hears only what mentions it" not in await here.teams.check([])

    async def test_another_app_id_shows_in_what_teams_sends(self, here: Receiving) -> None:
        here.fake.login.openid.audience = "99999999-2222-3333-4444-555555555555"
        await here.fake.say("dana", "hello")
        await here.fake.say("dana", "hello?")
        with pytest.raises(Refused, match="last 2 deliveries were refused: FOYER_TEAMS_APP_ID"):
            await here.teams.check([])
        here.fake.login.openid.audience = here.fake.app_id
        await here.fake.say("dana", "hello!")
        assert here.fake.app_id in await here.teams.check([])

    async def test_a_wrong_password_is_said(self, tmp_path: Path) -> None:
        async with receiving(tmp_path, app_password="another") as here:
            with pytest.raises(Refused, match="FOYER_TEAMS_APP_PASSWORD is not a client secret"):
                await here.teams.check([])

    async def test_microsoft_away_is_no_wrong_password(self, here: Receiving) -> None:
        here.fake.login.entra.answer = (503, "")
        with pytest.raises(Retry, match="cannot get a token"):
            await here.teams.check([])


class TestLocalMode:
    async def test_the_playground_is_heard_and_answered_without_a_token(self, locally: Receiving) -> None:
        await locally.teams.open()
        assert locally.teams.connecting is not None
        await locally.teams.connecting
        await _says(locally, "Done.")
        assert [heard.text for heard in locally.inbox.heard] == ["hello"]
        assert [shown.text for shown in locally.fake.by_bot("dana")] == ["Done."]
        assert (locally.fake.login.openid.asked, locally.fake.login.entra.asked) == (0, [])
        assert "playground" in await locally.teams.check([])

    async def test_what_would_be_answered_elsewhere_leaves_no_row(self, locally: Receiving) -> None:
        payload = {**await _said(locally), "serviceUrl": "https://smba.trafficmanager.net/emea/", "id": "2"}
        before = locally.inbox.asked
        assert (await locally.fake.deliver(payload)).status == 401
        assert locally.inbox.asked == before

    async def test_what_was_passed_on_leaves_no_row(self, locally: Receiving) -> None:
        locally.fake.holding = True
        await locally.fake.say("dana", "hello")
        (held,) = locally.fake.held
        forwarded = {"X-Forwarded-For": "192.0.2.7"}
        async with aiohttp.ClientSession() as session, session.post(locally.fake.app, json=held, headers=forwarded) as answer:
            assert answer.status == 401
        assert locally.inbox.asked == 0

    async def test_it_is_never_the_case_by_accident(self, here: Receiving) -> None:
        here.fake.signed = False
        await here.fake.say("dana", "hello")
        assert here.fake.deliveries[-1].status == 401
        assert here.inbox.asked == 0
        with pytest.raises(ValueError, match="would answer anybody"):
            make_teams(TeamsSettings(), here.inbox, here.engine, here.fake, here.seconds)
        with pytest.raises(ValueError, match="would answer anybody"):
            make_teams(all_settings_of(here.fake, app_id=""), here.inbox, here.engine, here.fake, here.seconds)


async def _said(here: Receiving) -> dict[str, Any]:
    await here.fake.say("dana", "hello")
    return dict(here.fake.deliveries[-1].payload)


async def _says(here: Receiving, text: str) -> None:
    """In the chat in which it has just heard something."""
    await here.fake.say("dana", "hello")
    heard = here.inbox.heard[-1]
    await here.teams.channel.deliver("post", heard.address, Reply(text, ReplyKind.NOTICE, text), key=text, message_id=None)
