"""What an installation has to say about its Slack before it is started."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from bot.config import ConfigError, Settings

SEVERAL = {"slack_client_id": "1.2", "slack_client_secret": SecretStr("s"), "slack_signing_secret": SecretStr("s")}


def settings(folder: Path, **given: Any) -> Settings:
    return Settings(home=folder, **given)


def test_several_workspaces_are_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="FOYER_SLACK_TEAMS"):
        assert settings(tmp_path, **SEVERAL).slack
    named = settings(tmp_path, **SEVERAL, slack_teams=" T0ACME,T0BETA, ")
    assert named.slack
    assert named.slack_workspaces == {"T0ACME", "T0BETA"}
