"""What foyer.yaml and the environment may say, and how a mistake in them is told: the place, and what belongs there."""

import traceback
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from bot.config import SHIPPED, ConfigError, Settings, check_groups, load, place
from connectors.ports.chat import Address
from specialists.loader import load_skills
from specialists.roster import load_roster

SECRET = SecretStr("secret")
GUID = "6f0a3c52-8b1e-4d57-9c40-2a7be31d5f10"


def home_with(folder: Path, more: str) -> Path:
    (folder / "foyer.yaml").write_text(SHIPPED.read_text() + more)
    return folder


def complaint(folder: Path, more: str) -> str:
    with pytest.raises(ConfigError) as told:
        load(home=home_with(folder, more))
    assert "pydantic" not in str(told.value)
    assert str(folder / "foyer.yaml") in str(told.value)
    return str(told.value)


def test_a_file_with_connectors_alone_is_told_where_to_find_the_rest(tmp_path: Path) -> None:
    (tmp_path / "foyer.yaml").write_text("connectors: {sandbox: {}}\nports: {people: sandbox}\n")
    with pytest.raises(ConfigError) as told:
        load(home=tmp_path)
    assert "name is missing; audience is missing; roles is missing" in str(told.value)
    assert "it writes a whole foyer.yaml" in str(told.value)
    assert "Field required" not in str(told.value)
    assert "writes a whole" not in complaint(tmp_path, "quiet_hours: {from: 20:00}")


def test_off_needs_no_quotes(tmp_path: Path) -> None:
    rooms = load(home=home_with(tmp_path, 'rooms:\n  slack:T0ACME:C0A: off\n  slack:T0ACME:C0B: "off"\n')).organisation.rooms
    assert rooms == {"slack:T0ACME:C0A": "off", "slack:T0ACME:C0B": "off"}


def test_a_mode_that_there_is_not_is_told(tmp_path: Path) -> None:
    assert "rooms.slack:T0ACME:C0A: Input should be 'off', 'mention' or 'questions'" in complaint(tmp_path, "rooms: {slack:T0ACME:C0A: on}")


@pytest.mark.parametrize("place", ["#it-desk", "slack:T0ACME:#it-desk", "slack:acme:C0A", "it-desk", "slack:C0A"])
def test_a_room_that_is_no_id_is_told_what_to_write(tmp_path: Path, place: str) -> None:
    said = complaint(tmp_path, f'desks: {{it-support: "{place}"}}')
    assert "desks.it-support: write " in said
    assert "slack:T...:C..." in said
    assert "README" in said


def test_a_link_to_a_room_is_told_by_its_id(tmp_path: Path) -> None:
    link = "https://acme.slack.com/archives/C0456EFGH"
    assert "desks.it-support: write slack:T...:C0456EFGH instead of" in complaint(tmp_path, f'desks: {{it-support: "{link}"}}')
    assert "rooms" in complaint(tmp_path, f'rooms: {{"{link}": mention}}')


def test_a_link_to_a_teams_channel_is_told_by_its_tenant_and_id(tmp_path: Path) -> None:
    link = f"https://teams.microsoft.com/l/channel/19%3Aab%40thread.tacv2/General?groupId=g&tenantId={GUID}"
    said = complaint(tmp_path, f'desks: {{it-support: "{link}"}}')
    assert f"desks.it-support: write teams:{GUID}:19:ab@thread.tacv2 instead of" in said
    room = f"teams:{GUID}:19:ab@thread.tacv2"
    named = load(home=home_with(tmp_path, f'desks: {{it-support: "{room}"}}')).organisation.desks["it-support"]
    assert place(named) == Address("teams", GUID, "19:ab@thread.tacv2")


@pytest.mark.parametrize("place", ["teams:19:ab@thread.tacv2", "teams:acme.onmicrosoft.com:19:ab@thread.tacv2", "teams::19:ab"])
def test_a_teams_room_without_its_tenant_is_told_what_to_write(tmp_path: Path, place: str) -> None:
    assert "teams:TENANT:19:..." in complaint(tmp_path, f'desks: {{it-support: "{place}"}}')


BOT, TENANT = {"teams_app_id": GUID, "teams_app_password": SECRET}, {"teams_tenant_id": GUID.upper()}


@pytest.mark.parametrize(
    ("given", "configured"),
    [
        ({}, False),
        ({**BOT, **TENANT}, True),
        ({"teams_app_id": GUID, "teams_app_type": "UserAssignedMSI", **TENANT}, True),
        ({**BOT, "teams_app_type": "MultiTenant", "teams_tenants": GUID}, True),
        ({"teams_local": True}, True),
    ],
)
def test_teams_is_configured_or_not(given: dict[str, Any], configured: bool) -> None:
    assert Settings(**given).teams is configured


@pytest.mark.parametrize(
    ("given", "lacking"),
    [
        ({"teams_app_password": SECRET}, "FOYER_TEAMS_APP_ID"),
        (TENANT, "FOYER_TEAMS_APP_ID"),
        ({"teams_app_id": GUID, **TENANT}, "FOYER_TEAMS_APP_PASSWORD"),
        (BOT, "FOYER_TEAMS_TENANT_ID"),
        ({**BOT, "teams_tenants": GUID}, "FOYER_TEAMS_TENANT_ID"),
        ({"teams_local": True, "host": "0.0.0.0"}, "FOYER_TEAMS_LOCAL"),
        ({"teams_local": True, "public_url": "https://foyer.acme.example"}, "FOYER_TEAMS_LOCAL"),
        ({"teams_local": True, **BOT}, "FOYER_TEAMS_APP_ID"),
        ({**BOT, "teams_tenant_id": "common"}, "FOYER_TEAMS_TENANT_ID names 'common'"),
        ({**BOT, **TENANT, "teams_app_id": "my-bot"}, "FOYER_TEAMS_APP_ID names 'my-bot'"),
        ({**BOT, **TENANT, "teams_tenants": f"{GUID},acme.onmicrosoft.com"}, "FOYER_TEAMS_TENANTS names 'acme.onmicrosoft.com'"),
    ],
)
def test_teams_in_part_is_told_what_is_lacking(given: dict[str, Any], lacking: str) -> None:
    with pytest.raises(ConfigError, match=lacking):
        _ = Settings(**given).teams


def test_the_tenants_whose_people_may_talk_to_the_bot() -> None:
    assert Settings(**BOT, **TENANT).teams_organisations == {GUID}
    assert Settings(**BOT, **TENANT, teams_tenants="7B, 8c ,").teams_organisations == {"7b", "8c"}


def test_what_is_no_yaml_is_told_by_file_and_line(tmp_path: Path) -> None:
    line = len(SHIPPED.read_text().splitlines()) + 1
    assert f"foyer.yaml, line {line}, column 10 is no YAML: mapping values" in complaint(tmp_path, "desks: it: support\n")
    (tmp_path / "foyer.yaml").write_bytes(b"name: \xff\xfe")
    with pytest.raises(ConfigError, match="no YAML"):
        load(home=tmp_path)


def test_a_wrong_value_in_the_environment_is_told_by_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FOYER_PORT", "eighty")
    with pytest.raises(ConfigError, match=r"^FOYER_PORT: ") as told:
        load(home=tmp_path)
    assert "pydantic" not in str(told.value)


def test_a_desk_of_no_assignment_group_is_refused(tmp_path: Path) -> None:
    skills = {name: skill.spec for name, skill in load_skills().items()}
    organisation = load(home=home_with(tmp_path, "desks: {it-suport: slack:T0ACME:C0A}")).organisation
    with pytest.raises(ConfigError, match=r"desks names 'it-suport', which is not in assignment_groups \(it-support, people-team\)"):
        check_groups(organisation, skills, load_roster(skills))


@pytest.mark.parametrize(
    ("given", "because"),
    [
        ({}, None),
        ({"host": "::1", "public_url": ""}, None),
        ({"public_url": "http://localhost:8080"}, None),
        ({"public_url": "http://127.0.0.2"}, None),
        ({"host": "0.0.0.0"}, "FOYER_HOST is 0.0.0.0"),
        ({"host": "foyer.local"}, "FOYER_HOST is foyer.local"),
        ({"public_url": "https://foyer.acme.example"}, "FOYER_PUBLIC_URL is https://foyer.acme.example"),
        ({"public_url": "https://127.0.0.1.acme.example"}, "FOYER_PUBLIC_URL is https://127.0.0.1.acme.example"),
        ({"public_url": "foyer.acme.example"}, "FOYER_PUBLIC_URL is foyer.acme.example"),
        ({"public_url": "https://[x"}, "FOYER_PUBLIC_URL is https://[x"),
        ({"slack_signing_secret": SECRET}, "Slack sends to this server over HTTP"),
        ({"slack_client_id": "1.2", "slack_app_token": SECRET}, "Slack sends to this server over HTTP"),
        ({"slack_signing_secret": SECRET, "slack_app_token": SECRET}, None),
        ({"slack_signing_secret": SECRET, "slack_api_url": "http://127.0.0.1:5050/api/"}, None),
        ({"teams_app_id": "a"}, "Teams sends to this server over HTTP"),
        ({"teams_local": True}, None),
        ({"teams_app_id": "a", "teams_openid_url": "http://127.0.0.1:5050/openid"}, None),
    ],
)
def test_who_may_reach_the_server_is_known_by_its_settings(given: dict[str, Any], because: str | None) -> None:
    assert Settings(**given).exposed == because


def test_claude_is_there_with_a_key_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for nothing in ("", "  ", "\n"):
        for name in ("ANTHROPIC_API_KEY", "ANTHROPIC_BASE_URL"):
            monkeypatch.setenv(name, nothing)
        assert load(home=tmp_path).anthropic_api_key is None, "blank is unset"
        assert load(home=tmp_path).anthropic_base_url is None
    monkeypatch.setenv("ANTHROPIC_API_KEY", " sk-ant-1\n")
    monkeypatch.setenv("ANTHROPIC_BASE_URL", " http://127.0.0.1:4010/ ")
    settings = load(home=tmp_path)
    assert settings.anthropic_api_key == SecretStr("sk-ant-1")
    assert "sk-ant-1" not in repr(settings)
    assert settings.anthropic_base_url == "http://127.0.0.1:4010"


def test_an_address_of_claude_that_is_none_is_told_by_its_own_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for address, said in (
        ("gateway.acme.example", "write https://, the host and perhaps a path"),
        ("https://", "write https://, the host and perhaps a path"),
        ("https://gateway.acme.example:99999", "write https://, the host and perhaps a path"),
        ("https://gateway.acme.example/a b", "write https://, the host and perhaps a path"),
        ("https://gateway.acme.example/v1/", "write it without /v1, which Foyer adds itself"),
        ("https://dana:hunter22@gateway.acme.example", "write it without a name and a password: whoever asks has ANTHROPIC_API_KEY alone"),
    ):
        monkeypatch.setenv("ANTHROPIC_BASE_URL", address)
        with pytest.raises(ConfigError) as told:
            load(home=tmp_path)
        assert str(told.value) == f"ANTHROPIC_BASE_URL: {said}"
        assert "hunter22" not in "".join(traceback.format_exception(told.value))


@pytest.mark.parametrize("key", ["sk-ant-1 sk-ant-2", "sk-ant-1\nsk-ant-2", "sk-ant-é"])
def test_a_key_that_is_none_is_told_and_not_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, key: str) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", key)
    with pytest.raises(ConfigError, match=r"^ANTHROPIC_API_KEY: write the key alone") as told:
        load(home=tmp_path)
    assert "sk-ant" not in "".join(traceback.format_exception(told.value))
