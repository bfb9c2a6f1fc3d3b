"""The manifest asks Slack for what the code uses: all of it, and nothing else."""

import ast
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from slack_sdk.web.async_client import AsyncWebClient
from typer.testing import CliRunner

from bot.cli import app
from connectors.ports.chat import Shortcut
from connectors.slack import manifest as m
from connectors.slack.translate import COMMAND, EVENTS, INTERACTIONS, SHORTCUTS

FOLDER = Path(m.__file__).parent
WITHOUT_BOT_TOKEN = {"oauth.v2.access", "oauth.v2.exchange", "apps.connections.open"}
"""Called with the app's own secret or token."""
CALLERS = {"call", "_ask", "api_call"}


def trees() -> Iterator[ast.AST]:
    yield from (ast.parse(path.read_text(encoding="utf-8")) for path in sorted(FOLDER.glob("*.py")))


def strings(node: ast.AST) -> Iterator[str]:
    """The texts that an argument may be: one, or the branches of a condition."""
    yield from (inner.value for inner in ast.walk(node) if isinstance(inner, ast.Constant) and isinstance(inner.value, str))


def called() -> set[str]:
    """Every Web API method that this folder calls, by name or by the SDK's method for it."""
    found: set[str] = set()
    for tree in trees():
        named = {
            target.id: set(strings(node.value))
            for node in ast.walk(tree)
            if isinstance(node, ast.Assign)
            for target in node.targets
            if isinstance(target, ast.Name)
        }
        for node in ast.walk(tree):
            if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
                continue
            name = node.func.attr
            if name in CALLERS:
                for argument in node.args[:2]:
                    given = named.get(argument.id, set()) if isinstance(argument, ast.Name) else set(strings(argument))
                    found |= {one for one in given if "." in one}
            elif "_" in name and not name.startswith("_") and name.split("_")[0] in API_FAMILIES and hasattr(AsyncWebClient, name):
                found.add(name.replace("_", "."))
    return found


API_FAMILIES = {"agents", "apps", "assistant", "auth", "chat", "conversations", "files", "oauth", "reactions", "users", "views"}


@pytest.fixture
def asked() -> Mapping[str, Any]:
    return m.manifest("https://foyer.acme.example")


def events(asked: Mapping[str, Any]) -> set[str]:
    return set(asked["settings"]["event_subscriptions"]["bot_events"])


def test_the_collector_sees_calls() -> None:
    assert {"chat.postMessage", "chat.update", "views.open", "views.publish", "users.info", "auth.test"} <= called()


def test_every_method_that_is_called_has_its_scopes_and_no_other_is_listed() -> None:
    assert called() - WITHOUT_BOT_TOKEN == set(m.METHOD_SCOPES)


def test_events_are_those_that_the_code_dispatches_on(asked: Mapping[str, Any]) -> None:
    assert {name.partition(".")[0] for name in events(asked)} == set(EVENTS)
    assert events(asked) == set(m.EVENT_SCOPES)


def test_scopes_are_those_of_methods_events_and_interactions(asked: Mapping[str, Any]) -> None:
    needed = {scope for scopes in (*m.METHOD_SCOPES.values(), *m.EVENT_SCOPES.values()) for scope in scopes}
    needed |= {"commands"} if {"message_action", "slash_command"} & set(INTERACTIONS) else set()
    assert set(asked["oauth_config"]["scopes"]["bot"]) == needed
    assert m.bot_scopes() == tuple(sorted(needed))


def test_what_some_scopes_are_for_is_still_done() -> None:
    """Scopes that no method tells of: names and pictures of staff, the files of messages, addresses of people."""
    source = "\n".join(path.read_text(encoding="utf-8") for path in FOLDER.glob("*.py"))
    assert '"icon_url"' in source
    assert "url_private_download" in source
    assert '"email"' in source


def test_shortcuts_and_the_command_are_those_of_the_code(asked: Mapping[str, Any]) -> None:
    shortcuts = asked["features"]["shortcuts"]
    assert {one["callback_id"] for one in shortcuts} == SHORTCUTS == {one.value for one in Shortcut}
    assert {one["type"] for one in shortcuts} == {"message"}
    assert [one["command"] for one in asked["features"]["slash_commands"]] == [COMMAND]


def test_it_keeps_slacks_limits(asked: Mapping[str, Any]) -> None:
    shown, features = asked["display_information"], asked["features"]
    assert len(shown["name"]) <= 35
    assert len(shown["description"]) <= 140
    assert 175 <= len(shown["long_description"]) <= 4000
    assert len(features["shortcuts"]) <= 10
    assert all(len(one["name"]) <= 24 and len(one["description"]) <= 150 for one in features["shortcuts"])
    assert len(features["agent_view"]["suggested_prompts"]) <= 4
    assert len(features["agent_view"]["agent_description"]) <= 300
    home = {"home_tab_enabled": True, "messages_tab_enabled": True, "messages_tab_read_only_enabled": False}
    assert features["app_home"] == home


def test_every_address_is_the_installations(asked: Mapping[str, Any]) -> None:
    there = "https://foyer.acme.example/slack/"
    settings = asked["settings"]
    assert settings["event_subscriptions"]["request_url"] == settings["interactivity"]["request_url"] == there + "events"
    assert asked["features"]["slash_commands"][0]["url"] == there + "events"
    assert asked["oauth_config"]["redirect_urls"] == [there + "oauth_redirect"]
    assert "foyer.example.com" not in m.as_yaml(asked)


def test_over_a_socket_there_is_no_address() -> None:
    asked = m.manifest(socket_mode=True)
    assert asked["settings"]["socket_mode_enabled"]
    assert "example.com" not in m.as_yaml(asked)
    assert m.manifest("https://a.example", socket_mode=True)["oauth_config"]["redirect_urls"] == ["https://a.example/slack/oauth_redirect"]


@pytest.mark.parametrize("url", ["http://foyer.acme.example", "foyer.acme.example", "https://", "https://a.example/?x=1"])
def test_an_address_that_slack_cannot_send_to_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="https"):
        m.manifest(url)


@pytest.mark.parametrize("url", ["https://a b.example", " https://a.example", "https://a.example/x y", "https://a.example:x", "https://[a"])
def test_an_address_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match=r"and .* is none"):
        m.manifest(url)


@pytest.mark.parametrize("path", ["/slack/events", "/slack/events/", "/slack/install", "/foyer/slack/events"])
def test_an_address_that_has_the_path_already_is_refused(path: str) -> None:
    with pytest.raises(ValueError, match="without /slack/"):
        m.manifest("https://a.example" + path)


def test_the_command_says_what_an_address_is_for_over_a_socket() -> None:
    told = CliRunner().invoke(app, ["slack", "manifest", "--url", "https://a.example", "--socket-mode"])
    assert told.exit_code == 0
    assert yaml.safe_load(told.stdout) == m.manifest("https://a.example", socket_mode=True)
    assert "Slack sends nothing to --url" in told.stderr
    assert CliRunner().invoke(app, ["slack", "manifest", "--socket-mode"]).stderr == ""


def test_the_command_prints_it() -> None:
    told = CliRunner().invoke(app, ["slack", "manifest", "--url", "https://foyer.acme.example/"])
    assert told.exit_code == 0
    assert yaml.safe_load(told.stdout) == m.manifest("https://foyer.acme.example")


def test_the_command_says_what_is_missing() -> None:
    told = CliRunner().invoke(app, ["slack", "manifest"])
    assert told.exit_code == 1
    assert "--url https://foyer.example.com" in told.stderr
