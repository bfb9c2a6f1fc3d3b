"""All settings, read in one place: `FOYER_*` in the environment, and `foyer.yaml` in FOYER_HOME for what is structured."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict


class ConfigError(Exception):
    """foyer.yaml or the environment says something that cannot be; the text tells the operator what."""


class Organisation(BaseModel):
    """What `foyer.yaml` says. Every part has a default that fits the sandbox company."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = "Acme"
    locale: str = "en-US"
    """For rooms that several people read."""
    timezone: str = "UTC"
    audience: Mapping[str, tuple[str, ...]] = Field(
        default={
            "country": ("US", "DE", "FR", "GB", "IN", "BR"),
            "department": ("Engineering", "Design", "Sales", "Marketing", "Finance", "IT", "People", "Legal", "Operations", "Executive"),
        }
    )
    """The vocabulary of audiences: attribute -> the values that it may have."""
    roles: Mapping[str, tuple[str, ...]] = Field(
        default={
            "employee": ("employees",),
            "staff": ("it-support", "people-team"),
            "knowledge_admin": ("knowledge-admins",),
            "service_owner": ("service-owners",),
        }
    )
    """Foyer's role -> directory groups whose members have it."""
    assignment_groups: tuple[str, ...] = ("it-support", "people-team")
    """Directory groups that own a queue; the first takes what has no other."""
    sensitive: Mapping[str, str] = Field(
        default={
            "harassment": "people-team",
            "health": "people-team",
            "self_harm": "people-team",
            "legal": "people-team",
            "security": "it-support",
        }
    )
    """Sensitive topic -> assignment group."""
    helplines: Mapping[str, str] = Field(
        default={
            "self_harm": "+1 800 555 0160 (employee assistance)",
            "health": "+1 800 555 0160 (employee assistance)",
            "security": "+1 212 555 0199 (security)",
        }
    )
    """Sensitive topic -> whom to call at any hour, told at once."""
    connectors: Mapping[str, Mapping[str, Any]] = Field(default={"sandbox": {}})
    """Connector folder -> its settings."""


class Settings(BaseSettings):
    model_config = SettingsConfigDict(env_prefix="FOYER_", frozen=True, extra="ignore")

    home: Path = Path(".foyer")
    """Everything that this installation keeps: databases, index, keys, logs."""
    database_url: str | None = None
    """postgresql://... when SQLite in FOYER_HOME is outgrown."""
    host: str = "127.0.0.1"
    port: int = 8080
    public_url: str | None = None
    """The address people reach this server at, for links; http://host:port when None."""
    encoder: str = "minilm"
    """The built-in MiniLM, or a folder or name of a sentence-transformers model (extra `st`)."""
    encoder_dimension: int = 384
    """Of that model's vectors."""
    models: Path | None = None
    """Where the embedding runtime lies; inside the virtual environment when None."""
    sandbox_sign_in: bool = True
    """Choose who you are, on loopback only; off where a real directory signs people in."""
    rate_per_minute: int = 60
    """Messages a person may send in a minute."""
    turn_timeout: float = 30.0
    """Seconds a turn may think before the person is told and offered staff."""
    assumed_after_hours: float = 72.0
    """An unanswered "did this solve it?" counts as assumed after this."""
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    organisation: Organisation = Organisation()

    @property
    def database(self) -> str:
        """An async SQLAlchemy URL."""
        if self.database_url is None:
            return f"sqlite+aiosqlite:///{self.home.resolve() / 'foyer.db'}"
        return "postgresql+psycopg://" + self.database_url.split("://", 1)[1]

    @property
    def base_url(self) -> str:
        return (self.public_url or f"http://{self.host}:{self.port}").rstrip("/")


def load(**overrides: Any) -> Settings:
    """Reads the environment, then `foyer.yaml` in the home it names. Raises ConfigError."""
    try:
        settings = Settings(**overrides)
        path = settings.home / "foyer.yaml"
        if path.exists():
            organisation = Organisation.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")) or {})
            settings = settings.model_copy(update={"organisation": organisation})
    except (ValidationError, yaml.YAMLError) as error:
        raise ConfigError(str(error)) from error
    return settings
