"""What an installation says about Claude, as plain values: `bot/config.py` reads them, nothing here does."""

from dataclasses import dataclass

BASE_URL = "https://api.anthropic.com"
SMALL, LARGE = "claude-haiku-5-5", "claude-sonnet-5-5"


@dataclass(frozen=True, slots=True)
class ClaudeSettings:
    """`base_url` is the address before /v1, another one for a gateway; `small` and `large` are names of models."""

    api_key: str
    base_url: str = BASE_URL
    small: str = SMALL
    large: str = LARGE
