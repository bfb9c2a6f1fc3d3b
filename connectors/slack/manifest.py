"""The Slack app of an installation, and what Slack has to grant it for what the code does.

`manifests/slack/manifest.yaml` is the app; tests hold it to the tables here and to the calls in this folder, both ways, so that
nothing is asked for that nobody uses and nothing is used that was not asked for.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml

MANIFEST = Path(__file__).parents[2] / "manifests" / "slack" / "manifest.yaml"
EVENTS_PATH, INSTALL_PATH, REDIRECT_PATH = "/slack/events", "/slack/install", "/slack/oauth_redirect"

HISTORY = frozenset({"channels:history", "groups:history", "im:history", "mpim:history"})
METHOD_SCOPES: Mapping[str, frozenset[str]] = {
    "agents.sessions.setStatus": frozenset({"chat:write"}),
    "assistant.threads.setSuggestedPrompts": frozenset({"assistant:write"}),
    "auth.test": frozenset(),
    "chat.appendStream": frozenset({"chat:write"}),
    "chat.delete": frozenset({"chat:write"}),
    "chat.postEphemeral": frozenset({"chat:write"}),
    "chat.postMessage": frozenset({"chat:write", "chat:write.customize"}),
    "chat.startStream": frozenset({"chat:write"}),
    "chat.stopStream": frozenset({"chat:write"}),
    "chat.update": frozenset({"chat:write"}),
    "conversations.history": HISTORY,
    "conversations.info": frozenset({"channels:read", "groups:read"}),
    "conversations.open": frozenset({"im:write"}),
    "conversations.replies": HISTORY,
    "files.completeUploadExternal": frozenset({"files:write"}),
    "files.delete": frozenset({"files:write"}),
    "files.getUploadURLExternal": frozenset({"files:write"}),
    "files.info": frozenset({"files:read"}),
    "users.info": frozenset({"users:read", "users:read.email"}),
    "users.lookupByEmail": frozenset({"users:read.email"}),
    "views.open": frozenset(),
    "views.publish": frozenset(),
    "views.update": frozenset(),
}
"""What each Web API method needs, as we call it (https://docs.slack.dev/reference/methods)."""
EVENT_SCOPES: Mapping[str, frozenset[str]] = {
    "agent_session_stopped": frozenset({"assistant:write"}),
    "app_home_opened": frozenset(),
    "app_mention": frozenset({"app_mentions:read"}),
    "app_uninstalled": frozenset(),
    "message.channels": frozenset({"channels:history", "files:read"}),
    "message.groups": frozenset({"groups:history", "files:read"}),
    "message.im": frozenset({"im:history", "files:read"}),
    "message.mpim": frozenset({"mpim:history", "files:read"}),
    "reaction_added": frozenset({"reactions:read"}),
    "tokens_revoked": frozenset(),
}
"""What each subscription needs (https://docs.slack.dev/reference/events); `files:read` to fetch what came with a message."""


def manifest(url: str | None = None, *, socket_mode: bool = False) -> dict[str, Any]:
    """The app for the installation at `url` (https://host, perhaps with a path before ours); over Socket Mode it needs none.

    Raises ValueError with a sentence for whoever runs it.
    """
    app: dict[str, Any] = yaml.safe_load(MANIFEST.read_text(encoding="utf-8"))
    settings, commands = app["settings"], app["features"]["slash_commands"]
    if socket_mode:
        settings["socket_mode_enabled"] = True
        for part in (settings["event_subscriptions"], settings["interactivity"]):
            del part["request_url"]
        for command in commands:
            del command["url"]
        if url is None:
            del app["oauth_config"]["redirect_urls"]
            return app
    base = _base(url)
    app["oauth_config"]["redirect_urls"] = [base + REDIRECT_PATH]
    if not socket_mode:
        for part in (settings["event_subscriptions"], settings["interactivity"]):
            part["request_url"] = base + EVENTS_PATH
        for command in commands:
            command["url"] = base + EVENTS_PATH
    return app


def as_yaml(app: Mapping[str, Any]) -> str:
    """As Slack takes it at https://api.slack.com/apps?new_app=1."""
    return str(yaml.safe_dump(dict(app), sort_keys=False, allow_unicode=True, width=120))


def bot_scopes() -> tuple[str, ...]:
    """What an installation is asked to grant."""
    return tuple(manifest(socket_mode=True)["oauth_config"]["scopes"]["bot"])


def _base(url: str | None) -> str:
    if url is None:
        raise ValueError("Say where Slack reaches Foyer: --url https://foyer.example.com. Without a public address, use --socket-mode.")
    if any(path in url for path in (EVENTS_PATH, INSTALL_PATH, REDIRECT_PATH)):
        raise ValueError(f"Give the address without {url[url.index('/slack/') :]}, which is added: --url {url[: url.index('/slack/')]}")
    try:
        parts = urlsplit("" if re.search(r"[\s\x00-\x1f]", url) else url)
        parts.port  # noqa: B018 - raises where it is no number
    except ValueError:
        parts = urlsplit("")
    if parts.scheme != "https" or not parts.hostname or parts.query or parts.fragment:
        raise ValueError(f"Slack sends to public https addresses only, and {url!r} is none. Example: --url https://foyer.example.com")
    return url.rstrip("/")
