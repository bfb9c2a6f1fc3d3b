"""What an installation says about its Slack, as plain values: `bot/config.py` reads them, nothing here does."""

from dataclasses import dataclass

API_URL = "https://slack.com/api/"


@dataclass(frozen=True, slots=True)
class SlackSettings:
    """One workspace by `bot_token`, or several by OAuth with `client_id` and `client_secret`."""

    secret: bytes
    """32 bytes; tokens of installed workspaces are kept encrypted with it."""
    bot_token: str | None = None
    signing_secret: str | None = None
    app_token: str | None = None
    """Given: events come by Socket Mode instead of HTTP."""
    client_id: str | None = None
    client_secret: str | None = None
    teams: frozenset[str] = frozenset()
    """The workspaces that may install the app by OAuth; whoever installs it elsewhere is refused."""
    api_url: str = API_URL
    request_emoji: str = "ticket"
    """The name of the emoji that makes a request of a message, without colons."""
    base_url: str = ""
    """Where this server is reached from outside, without a path."""
