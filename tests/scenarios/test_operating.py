"""What whoever runs an installation sees: doctor's findings, the banner, and who may choose who they are."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from pydantic import SecretStr
from sqlalchemy import insert
from structlog.testing import capture_logs
from typer.testing import CliRunner

from bot.bootstrap import App
from bot.cli import _banner
from bot.cli import app as command_line
from bot.config import SHIPPED, Settings
from bot.doctor import examine
from bot.server import Server
from connectors.calling.tables import outside_end
from tests.fakes.anthropic import FakeMessages
from tests.scenarios.company import Company
from tests.scenarios.slack import DESK, OnSlack

DANA = {"email": "dana@acme.example"}
SLACK = {"slack_bot_token": SecretStr("xoxb-1"), "slack_signing_secret": SecretStr("s"), "slack_api_url": "http://127.0.0.1:1/api/"}


async def finding(app: App, name: str) -> Mapping[str, Any]:
    (found,) = [one for one in await examine(app) if one["name"] == name]
    return found


async def signs_in(session: aiohttp.ClientSession, url: str, **headers: str) -> int:
    async with session.post(f"{url}/api/v1/session", json=DANA, headers=headers) as answer:
        return answer.status


@pytest.mark.parametrize(
    ("settings", "because"),
    [
        ({}, None),
        ({"public_url": "http://127.0.0.1:8080"}, None),
        ({"public_url": "https://foyer.acme.example"}, "FOYER_PUBLIC_URL is https://foyer.acme.example"),
    ],
)
async def test_nobody_chooses_who_they_are_where_others_may_reach_the_server(
    settings: dict[str, Any], because: str | None, template: Path, tmp_path: Path
) -> None:
    """A proxy on this machine that says nothing of itself, as nginx comes, looks like the first request here: only settings tell it."""
    company = await Company.open(tmp_path / "home", template, settings=settings)
    server = Server(company.app, port=0)
    with capture_logs() as logs:
        await server.start()
    try:
        url = f"http://127.0.0.1:{server.bound}"
        async with aiohttp.ClientSession() as session:
            assert await signs_in(session, url) == (200 if because is None else 403)
            assert await signs_in(session, url, **{"X-Forwarded-Proto": "https"}) == 403
        operator = aiohttp.UnixConnector(path=server.socket)
        async with aiohttp.ClientSession(connector=operator) as session:
            assert await signs_in(session, "http://localhost") == 200
        found = await finding(company.app, "sign-in")
        assert found["ok"]
        assert found["found"].startswith("sandbox" if because is None else "none")
        assert (because or "no proxy before it") in found["found"]
        assert [line["because"] for line in logs if line["event"] == "sandbox_sign_in_off"] == ([because] if because else [])
    finally:
        await server.stop()
        await company.close()


def test_the_banner_says_whether_anybody_can_sign_in() -> None:
    assert "Choose who you are" in _banner(Settings(), "http://127.0.0.1:8080", None)
    shut = _banner(Settings(), "https://foyer.acme.example", "FOYER_SANDBOX_SIGN_IN is false")
    assert "Choose who you are" not in shut
    assert "FOYER_SANDBOX_SIGN_IN is false" in shut


OVER_A_DIRECTORY = "people are of directory, not of the sandbox, and FOYER_SANDBOX_SIGN_IN is not set"


@pytest.mark.parametrize(
    ("settings", "because"),
    [
        ({}, OVER_A_DIRECTORY),
        ({"sandbox_sign_in": False}, "FOYER_SANDBOX_SIGN_IN is false"),
        ({"sandbox_sign_in": True}, None),
        ({"sandbox_sign_in": True, "public_url": "https://foyer.acme.example"}, "FOYER_PUBLIC_URL is https://foyer.acme.example"),
    ],
)
async def test_nobody_chooses_to_be_somebody_of_a_real_directory_unless_the_operator_says_so(
    settings: dict[str, Any], because: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FOYER_DIRECTORY_PASSWORD", "its-own")
    directory = {"use": "ldap", "url": "ldap://127.0.0.1:1", "schema": "openldap", "bind_dn": "cn=foyer", "timeout": 1}
    branches = {"people": {"base": "ou=people"}, "groups": {"base": "ou=groups"}}
    company = Settings().organisation
    connectors = {"sandbox": {}, "directory": {**directory, **branches}}
    organisation = company.model_copy(update={"connectors": connectors, "ports": {"people": "directory"}})
    app = App(Settings(home=tmp_path, organisation=organisation, **settings))
    assert app.sign_in_off == because
    server = Server(app, port=0)
    with capture_logs() as logs:
        await server.start()
    try:
        async with aiohttp.ClientSession() as session:
            assert (await signs_in(session, f"http://127.0.0.1:{server.bound}") == 403) == (because is not None)
    finally:
        await server.stop()
    told = [] if because is None or settings.get("sandbox_sign_in") is False else [because]
    assert [line["because"] for line in logs if line["event"] == "sandbox_sign_in_off"] == told
    found = await finding(app, "sign-in")
    assert found["ok"] == (because is not None)
    assert (because or "may be anybody in directory") in found["found"]
    await app.engine_db.dispose()


@pytest.mark.parametrize(
    ("public_url", "said"),
    [
        (None, "Slack cannot reach http://127.0.0.1:8080"),
        ("http://localhost:8099", "Slack cannot reach http://localhost:8099"),
        ("http://foyer.acme.example", "https:// only"),
        ("https://foyer.acme.example", None),
    ],
)
async def test_doctor_says_when_slack_cannot_reach_the_server(public_url: str | None, said: str | None, tmp_path: Path) -> None:
    """The settings alone decide it: nothing is started."""
    company = Company(tmp_path / "home", settings={"public_url": public_url})
    real = company.app.settings.model_copy(update={**SLACK, "slack_api_url": "https://slack.com/api/"})
    company.app.settings = real
    found = await finding(company.app, "address")
    await company.app.engine_db.dispose()
    assert found["ok"] is (said is None)
    if said is not None:
        assert said in found["found"]
        assert "FOYER_PUBLIC_URL" in found["found"] + found["mend"]


async def test_doctor_tells_which_desk_and_room_are_wrong_and_never_a_class(template: Path, tmp_path: Path) -> None:
    async with OnSlack.open(tmp_path / "home", template) as slack:
        right = await finding(slack.company.app, "slack")
        assert (right["ok"], right["found"].startswith(f"{slack.fake.team} (Acme)")) == (True, True)
        del slack.fake.rooms[DESK]
        wrong = await finding(slack.company.app, "slack")
        slack.fake.refusals.clear()
        assert not wrong["ok"]
        assert wrong["found"].startswith(f"the desk it-support in foyer.yaml, slack:{slack.fake.team}:{DESK}: Acme has no room")
        slack.fake.fail("auth.test", "error:invalid_auth")
        assert (await finding(slack.company.app, "slack"))["found"].startswith("Slack refuses FOYER_SLACK_BOT_TOKEN")
        slack.fake.refusals.clear()


async def test_doctor_checks_rooms_as_it_does_desks(template: Path, tmp_path: Path) -> None:
    async with OnSlack.open(tmp_path / "home", template) as slack:
        (mode, *_) = [room for room in slack.company.app.rooms.modes if slack.company.app.rooms.modes[room] == "questions"]
        del slack.fake.rooms[mode.room]
        found = await finding(slack.company.app, "slack")
        slack.fake.refusals.clear()
        assert not found["ok"]
        assert f"slack:{slack.fake.team}:{mode.room}" in found["found"]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("name: Acme", "name: Globex", "of before"),
        ("name: Acme", "nmae: Globex", "would not start with it: .*nmae: there is no such setting"),
        ("sandbox: {}", "directory: {use: nothing}", "would not start with it: .*there is no connector 'nothing'"),
        ("assignment_groups: [it-support", "assignment_groups: [it-suport", "would not start with it: .*lacks 'it-support'"),
    ],
)
async def test_doctor_says_that_foyer_yaml_is_not_what_foyer_started_with(company: Company, old: str, new: str, said: str) -> None:
    assert (await finding(company.app, "configuration"))["ok"]
    path = company.app.home.path / "foyer.yaml"
    written = path.read_text()
    assert old in written
    path.write_text(written.replace(old, new))
    found = await finding(company.app, "configuration")
    assert (found["ok"], "start Foyer again" in found["mend"]) == (False, True)
    assert re.search(said, found["found"])
    path.write_text(written)
    assert (await finding(company.app, "configuration"))["ok"]
    path.unlink()
    assert (await finding(company.app, "configuration"))["found"].startswith("foyer.yaml is gone")


def test_doctor_reports_a_config_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "foyer.yaml").write_text("nmae: Globex\n")
    told = CliRunner().invoke(command_line, ["doctor"], env={"FOYER_HOME": str(tmp_path)})
    assert told.exit_code == 1
    assert told.stdout.startswith("BROKEN  configuration")
    assert "nmae" in told.stdout
    assert "mend: " in told.stdout


async def test_doctor_asks_the_language_model_where_there_is_one(template: Path, tmp_path: Path) -> None:
    async with FakeMessages() as fake:
        claude = {"anthropic_api_key": SecretStr(fake.key), "anthropic_base_url": fake.url}
        company = await Company.open(tmp_path / "home", template, settings=claude)
        found = await finding(company.app, "language model")
        assert (found["ok"], found["found"]) == (True, f"claude-haiku-5-5 (small), claude-sonnet-5-5 (large), at {fake.url}")
        await fake.refuse()
        found = await finding(company.app, "language model")
        assert not found["ok"]
        assert found["found"] == f"{fake.url} does not serve now: unreachable"
        assert "the offline engine answers" in found["mend"]
        await company.close()
        assert fake.requests == []


async def test_doctor_says_that_there_is_no_language_model(tmp_path: Path) -> None:
    company = Company(tmp_path / "home")
    assert "offline engine" in (await finding(company.app, "language model"))["found"]
    await company.app.engine_db.dispose()


async def test_doctor_names_grants_that_run_on_what_foyer_yaml_names_no_more(company: Company) -> None:
    assert (await finding(company.app, "grants"))["ok"]
    end = {"connector": "figma-old", "person_key": "e1001", "application_key": "figma", "role": "editor", "until": company.app.clock()}
    async with company.app.sessions.begin() as session:
        await session.execute(insert(outside_end).values(**end, leaving_since=None))
    found = await finding(company.app, "grants")
    assert not found["ok"]
    assert "foyer.yaml names no connector figma-old any more" in found["found"]
    assert "foyer.yaml" in found["mend"]


def test_doctor_says_at_once_that_it_starts_a_foyer_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "foyer.yaml").write_text(SHIPPED.read_text() + "\nconnectors: {directory: {use: nothing}}\n")
    told = CliRunner().invoke(command_line, ["doctor"], env={"FOYER_HOME": str(tmp_path)})
    assert "Foyer is not running" in told.stderr
    assert told.stdout.startswith("BROKEN  configuration")
