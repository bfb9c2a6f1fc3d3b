"""What an installation says about its Teams, as plain values: `bot/config.py` reads them, nothing here does."""

from dataclasses import dataclass
from typing import Literal

AppType = Literal["SingleTenant", "UserAssignedMSI", "MultiTenant"]
OPENID_URL = "https://login.botframework.com/v1/.well-known/openidconfiguration"
LOGIN_URL = "https://login.microsoftonline.com"
GRAPH_URL = "https://graph.microsoft.com"


@dataclass(frozen=True, slots=True)
class TeamsSettings:
    app_id: str = ""
    """Empty in the local mode only."""
    app_password: str | None = None
    app_type: AppType = "SingleTenant"
    tenant_id: str | None = None
    """The tenant of the app registration; None for a bot of several tenants."""
    tenants: frozenset[str] = frozenset()
    """Tenants whose people may talk to the bot, in lower case; anybody else's activities are refused. Empty in the local mode: all."""
    local: bool = False
    """Unsigned requests of this machine are taken, answers go to this machine only and carry no token."""
    openid_url: str = OPENID_URL
    login_url: str = LOGIN_URL
    graph_url: str = GRAPH_URL
    base_url: str = ""
    """Where this server is reached from outside, without a path."""
