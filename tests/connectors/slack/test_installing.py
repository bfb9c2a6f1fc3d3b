"""Several workspaces: installed by OAuth, kept encrypted, renewed once, forgotten."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from slack_bolt.request.async_request import AsyncBoltRequest
from slack_sdk.oauth.installation_store.models.installation import Installation
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncEngine

from bot.database import connect
from connectors.errors import Refused, Retry
from connectors.slack import store as tables
from connectors.slack.clients import Clients
from connectors.slack.installing import Installations, NotAllowed, States, oauth_flow
from connectors.slack.settings import SlackSettings
from tests.connectors.slack.support import SECRET, open_engine, settings_of
from tests.fakes.slack import FakeSlack

LATER = datetime(2100, 1, 1, tzinfo=UTC)
START = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
SCOPES = ("chat:write", "im:history")


class Now:
    def __init__(self) -> None:
        self.at = START

    def __call__(self) -> datetime:
        return self.at


@dataclass
class Desk:
    """A Slack with one more workspace, and what is kept of those that installed the app."""

    fake: FakeSlack
    engine: AsyncEngine
    settings: SlackSettings
    now: Now
    store: Installations
    clients: Clients
    folder: Path

    def installation(self, team: str = "T0ACME", *, token: str = "xoxb-secret-token", **more: object) -> Installation:
        given: dict[str, object] = {
            "app_id": "A0FOYER", "team_id": team, "bot_token": token, "bot_id": "B0", "bot_user_id": "U0", "user_id": "U0ADMIN",
            "bot_scopes": list(SCOPES), "installed_at": self.now().timestamp(), "user_token": "xoxp-secret-token",
        }  # fmt: skip
        return Installation(**(given | more))  # type: ignore[arg-type]


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    async with FakeSlack.serve() as fake, open_engine(tmp_path) as engine:
        fake.add_team("T0BETA", "Beta")
        settings = replace(
            settings_of(fake), bot_token=None, client_id=fake.client_id, client_secret=fake.client_secret, base_url="https://foyer.example",
            teams=frozenset({"T0ACME", "T0BETA"}),
        )  # fmt: skip
        now = Now()
        store = Installations(settings, engine, now)
        clients = Clients(settings, store)
        try:
            yield Desk(fake, engine, settings, now, store, clients, tmp_path)
        finally:
            await clients.close()


async def test_a_workspace_is_found_again(desk: Desk) -> None:
    await desk.store.async_save(desk.installation())
    await desk.store.async_save(desk.installation("T0BETA", token="xoxb-other", enterprise_id="E0GRID"))
    assert await desk.store.token("T0ACME") == "xoxb-secret-token"
    assert await desk.store.token("T0BETA") == "xoxb-other"
    assert await desk.store.token("T0NONE") is None
    assert await desk.clients.tenants() == ["T0ACME", "T0BETA"]


async def test_a_workspace_that_is_named_no_more_has_no_bot(desk: Desk) -> None:
    await desk.store.async_save(desk.installation())
    later = Installations(replace(desk.settings, teams=frozenset({"T0BETA"})), desk.engine, desk.now)
    assert await later.token("T0ACME") is None
    assert await later.teams() == []
    with pytest.raises(NotAllowed):
        await later.async_save(desk.installation())


async def test_what_a_whole_enterprise_installs_is_refused(desk: Desk) -> None:
    with pytest.raises(NotAllowed):
        await desk.store.async_save(desk.installation(team_id=None, enterprise_id="E0GRID", is_enterprise_install=True))
    assert await desk.store.async_find_bot(enterprise_id="E0OTHER", team_id=None, is_enterprise_install=True) is None
    assert await desk.clients.tenants() == []


async def test_the_newest_installation_counts(desk: Desk) -> None:
    await desk.store.async_save(desk.installation(token="xoxb-old"))
    desk.now.at += timedelta(days=1)
    await desk.store.async_save(desk.installation(token="xoxb-new"))
    assert await desk.store.token("T0ACME") == "xoxb-new"


async def test_no_token_can_be_read_in_the_database(desk: Desk) -> None:
    hook = "https://hooks.slack.com/secret-token"
    rotating = desk.installation(incoming_webhook_url=hook, bot_refresh_token="xoxe-secret-token", bot_token_expires_in=43_200)
    await desk.store.async_save(rotating)
    await desk.engine.dispose()
    kept = b"".join(path.read_bytes() for path in desk.folder.glob("slack.sqlite*"))
    assert b"T0ACME" in kept
    assert b"secret-token" not in kept


async def test_the_same_token_is_kept_differently_each_time(desk: Desk) -> None:
    for team in ("T0ACME", "T0BETA"):
        await desk.store.async_save(desk.installation(team))
    async with desk.engine.connect() as connection:
        kept = set((await connection.execute(select(tables.bots.c.bot_token))).scalars())
    assert len(kept) == 2


async def test_with_another_secret_nothing_is_installed(desk: Desk) -> None:
    await desk.store.async_save(desk.installation())
    other = Installations(replace(desk.settings, secret=SECRET[::-1]), desk.engine, desk.now)
    assert await other.token("T0ACME") is None


async def test_a_token_moved_to_another_column_is_none(desk: Desk) -> None:
    await desk.store.async_save(desk.installation(bot_refresh_token="xoxe-1", bot_token_expires_in=43_200))
    async with desk.engine.begin() as connection:
        await connection.execute(update(tables.bots).values(bot_token=tables.bots.c.bot_refresh_token))
    assert await desk.store.token("T0ACME") is None


async def test_an_uninstalled_workspace_is_forgotten(desk: Desk) -> None:
    for team in ("T0ACME", "T0BETA"):
        await desk.store.async_save(desk.installation(team))
    await desk.store.uninstalled("T0ACME", LATER)
    assert await desk.clients.tenants() == ["T0BETA"]
    with pytest.raises(Refused) as refused:
        await desk.clients.of("T0ACME")
    assert refused.value.code == "not_installed"
    async with desk.engine.connect() as connection:
        assert set((await connection.execute(select(tables.installations.c.team_id))).scalars()) == {"T0BETA"}


async def test_what_comes_late_takes_nothing_that_was_installed_since(desk: Desk) -> None:
    await desk.store.async_save(desk.installation())
    before = datetime(2000, 1, 1, tzinfo=UTC)
    await desk.store.uninstalled("T0ACME", before)
    await desk.store.bot_revoked("T0ACME", before)
    assert await desk.store.token("T0ACME") == "xoxb-secret-token"


async def test_a_revoked_bot_says_nothing_more(desk: Desk) -> None:
    await desk.store.async_save(desk.installation())
    await desk.store.bot_revoked("T0ACME", LATER)
    assert await desk.store.token("T0ACME") is None


async def test_a_revoked_installer_leaves_the_bot(desk: Desk) -> None:
    await desk.store.async_save(desk.installation())
    await desk.store.users_revoked("T0ACME", ["U0ADMIN"], LATER)
    assert await desk.store.token("T0ACME") == "xoxb-secret-token"
    async with desk.engine.connect() as connection:
        assert (await connection.execute(select(tables.installations.c.id))).all() == []


async def _rotating(desk: Desk) -> None:
    desk.fake.rotate_tokens = True
    desk.fake.refreshes["xoxe-first"] = "T0ACME"
    ends = int((START + timedelta(hours=12)).timestamp())
    await desk.store.async_save(desk.installation(token="xoxb-first", bot_refresh_token="xoxe-first", bot_token_expires_at=ends))


def _renewals(desk: Desk) -> int:
    return [name for name, _ in desk.fake.calls].count("oauth.v2.access")


async def test_a_fresh_token_is_left_alone(desk: Desk) -> None:
    await _rotating(desk)
    assert await desk.store.token("T0ACME") == "xoxb-first"
    assert _renewals(desk) == 0


async def test_an_ending_token_is_renewed_once_whoever_asks(desk: Desk) -> None:
    """The refresh token works once: a second use would lock the workspace out."""
    await _rotating(desk)
    desk.now.at = START + timedelta(hours=11)
    other = Installations(desk.settings, desk.engine, desk.now)
    await asyncio.gather(*(store.token("T0ACME") for store in (desk.store, other) for _ in range(5)))
    assert _renewals(desk) == 1
    renewed = await other.token("T0ACME")
    assert renewed != "xoxb-first"
    assert renewed in desk.fake.tokens
    desk.now.at += timedelta(hours=11, minutes=30)
    assert await desk.store.token("T0ACME") != renewed
    assert _renewals(desk) == 2


async def test_every_database_keeps_and_renews(desk: Desk, database_url: str) -> None:
    engine, sessions = connect(database_url)
    async with engine.begin() as connection:
        await connection.run_sync(tables.metadata.create_all)
    there = replace(desk, store=Installations(desk.settings, engine, desk.now))
    await _rotating(there)
    desk.now.at = START + timedelta(hours=11)
    found = await asyncio.gather(*(there.store.token("T0ACME") for _ in range(5)))
    assert _renewals(desk) == 1
    assert await there.store.token("T0ACME") not in (None, "xoxb-first")
    assert None not in found
    states = States(engine, desk.now)
    state = await states.async_issue()
    assert [await states.async_consume(state) for _ in range(2)] == [True, False]
    streams = tables.StreamStore(sessions)
    await streams.begin("k1", "T0ACME", "D0", "1.0")
    await streams.begun("k1", "2.0")
    await streams.stop("T0ACME", "D0", "2.0")
    assert await streams.get("k1") == tables.StreamRow("T0ACME", "D0", "1.0", "2.0", True)
    await streams.drop("k1")
    assert await streams.get("k1") is None
    await engine.dispose()


async def test_a_renewal_that_fails_is_tried_again_while_the_token_lives(desk: Desk) -> None:
    await _rotating(desk)
    desk.now.at = START + timedelta(hours=11)
    desk.fake.fail("oauth.v2.access", "rate_limited")
    assert await desk.store.token("T0ACME") == "xoxb-first"
    desk.now.at += timedelta(minutes=2)
    assert await desk.store.token("T0ACME") != "xoxb-first"


async def test_a_token_that_ended_unrenewed_waits(desk: Desk) -> None:
    await _rotating(desk)
    desk.now.at = START + timedelta(hours=13)
    desk.fake.fail("oauth.v2.access", "server_error")
    with pytest.raises(Retry):
        await desk.store.token("T0ACME")


async def test_bolt_is_given_no_token_to_renew(desk: Desk) -> None:
    await _rotating(desk)
    bot = await desk.store.async_find_bot(enterprise_id=None, team_id="T0ACME")
    assert bot is not None
    assert bot.bot_refresh_token is None


def _request(path_query: dict[str, str], cookie: str = "") -> AsyncBoltRequest:
    return AsyncBoltRequest(body="", query=path_query, headers={"cookie": cookie} if cookie else {})


async def test_a_workspace_installs_the_app(desk: Desk) -> None:
    flow = oauth_flow(desk.settings, desk.store, States(desk.engine, desk.now), SCOPES)
    page = await flow.handle_installation(_request({}))
    assert "chat%3Awrite" in page.body or "chat:write" in page.body
    cookie = page.headers["set-cookie"][0].partition(";")[0]
    state = cookie.partition("=")[2]
    back = {"code": desk.fake.grant("T0BETA"), "state": state}
    assert (await flow.handle_callback(_request(back))).status == 400, "another browser"
    assert (await flow.handle_callback(_request(back, cookie))).status == 200
    assert await desk.clients.tenants() == ["T0BETA"]
    assert (await desk.clients.me("T0BETA")).team == "T0BETA"
    assert (await flow.handle_callback(_request(back, cookie))).status == 401, "a state is good once"


async def test_a_state_ends(desk: Desk) -> None:
    states = States(desk.engine, desk.now)
    state = await states.async_issue()
    desk.now.at += timedelta(minutes=11)
    assert not await states.async_consume(state)
    assert not await states.async_consume("made up")
