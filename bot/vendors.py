"""The connectors of vendors, made from the settings. Their libraries are imported where they are configured, and cost nothing elsewhere.

A part of the composition, as `bot/bootstrap.py` is.
"""

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydantic import SecretStr
from sqlalchemy.ext.asyncio import AsyncEngine

from bot.config import Settings
from bot.database import Sessions
from bot.files import FileStore
from bot.intake import Inbox
from bot.words import Words
from connectors.ports.records import Clock

if TYPE_CHECKING:
    from connectors.anthropic.connector import Claude
    from connectors.slack.connector import Slack
    from connectors.teams.connector import Teams


@dataclass(frozen=True, slots=True)
class Vendors:
    """Chat platforms, with what they are given of Foyer. `word`: the words of their chrome; `monotonic` is in seconds."""

    settings: Settings
    intake: Inbox
    files: FileStore
    word: Words
    sessions: Sessions
    clock: Clock
    monotonic: Callable[[], float]

    def slack(self, engine: AsyncEngine, secret: bytes) -> "Slack":
        from connectors.slack.connector import Slack
        from connectors.slack.settings import SlackSettings

        given = self.settings
        return Slack(
            SlackSettings(
                bot_token=_secret(given.slack_bot_token),
                signing_secret=_secret(given.slack_signing_secret),
                app_token=_secret(given.slack_app_token),
                client_id=given.slack_client_id,
                client_secret=_secret(given.slack_client_secret),
                teams=given.slack_workspaces,
                api_url=given.slack_api_url,
                request_emoji=given.slack_request_emoji,
                base_url=given.base_url,
                secret=secret,
            ),
            intake=self.intake,
            files=self.files,
            word=self.word,
            engine=engine,
            sessions=self.sessions,
            clock=self.clock,
            monotonic=self.monotonic,
        )

    def teams(self, sleep: Callable[[float], Awaitable[None]]) -> "Teams":
        from connectors.teams.connector import Teams
        from connectors.teams.settings import TeamsSettings

        given = self.settings
        return Teams(
            TeamsSettings(
                app_id=given.teams_app_id or "",
                app_password=_secret(given.teams_app_password),
                app_type=given.teams_app_type,
                tenant_id=given.teams_tenant_id,
                tenants=given.teams_organisations,
                local=given.teams_local,
                openid_url=given.teams_openid_url,
                login_url=given.teams_login_url,
                graph_url=given.teams_graph_url,
                base_url=given.base_url,
            ),
            intake=self.intake,
            files=self.files,
            word=self.word,
            sessions=self.sessions,
            clock=self.clock,
            monotonic=self.monotonic,
            sleep=sleep,
        )


def claude(given: Settings) -> "Claude | None":
    """None where no key is configured."""
    key = _secret(given.anthropic_api_key)
    if key is None:
        return None
    from connectors.anthropic.connector import Claude
    from connectors.anthropic.settings import BASE_URL, ClaudeSettings

    models = given.organisation.model
    return Claude(ClaudeSettings(key, given.anthropic_base_url or BASE_URL, models.small, models.large))


def _secret(given: SecretStr | None) -> str | None:
    return given.get_secret_value() if given is not None else None


def slack_app(url: str | None, *, socket_mode: bool) -> str:
    """The Slack app of an installation, as YAML. Raises ValueError with what is wrong with its address."""
    from connectors.slack.manifest import as_yaml, manifest

    return as_yaml(manifest(url, socket_mode=socket_mode))


def teams_app(app_id: str, url: str, *, version: str) -> bytes:
    """The Teams app of an installation, as a zip. Raises ValueError with what is wrong with what was given."""
    from connectors.teams.manifest import package

    return package(app_id, url, version=version)


def playground_people(email: str) -> tuple[str, str]:
    """A file for Microsoft's playground: its name, and the people of the sandbox company. Raises ValueError with whom there is."""
    from connectors.sandbox.playground import FILE, configuration

    return FILE, json.dumps(configuration(email), indent=2)
