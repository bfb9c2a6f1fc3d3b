"""All settings, read in one place: `FOYER_*` in the environment, and `foyer.yaml` in FOYER_HOME for what is structured."""

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import parse_qs, unquote, urlsplit

import yaml
from pydantic import AfterValidator, AliasChoices, BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from bot.language.settings import ModelSettings
from bot.quiet import QuietHours
from connectors.calling.mistakes import sentence
from connectors.chat.loopback import is_loopback, leads_here
from connectors.ports.chat import Address
from specialists.roster import Roster
from specialists.skill import SkillSpec


class ConfigError(Exception):
    """foyer.yaml or the environment says something that cannot be; the text tells the operator what."""


def _is_place(name: str) -> str:
    if teams := TEAMS_LINK.search(name):
        tenant = parse_qs(urlsplit(name).query).get("tenantId", ["TENANT"])[0]
        raise ValueError(f"write teams:{tenant}:{unquote(teams[1])} instead of {name!r}, see README, Teams in fifteen minutes")
    if name.startswith(("https://", "http://", "#")) or (name.startswith("slack:") and not SLACK_PLACE.fullmatch(name)):
        room = re.search(r"/archives/([CG][A-Z0-9]+)", name)
        raise ValueError(f"write slack:T...:{room[1] if room else 'C...'} instead of {name!r}, see README, Slack in ten minutes")
    if not PLACE.fullmatch(name) or (name.startswith("teams:") and not TEAMS_PLACE.fullmatch(name)):
        raise ValueError(f"write channel:workspace:room, as slack:T...:C... or teams:TENANT:19:..., instead of {name!r}; see README")
    return name


TEAMS_LINK = re.compile(r"^https://teams\.[\w.]+/l/(?:channel|chat|message)/([^/?]+)")
PLACE, SLACK_PLACE = re.compile(r"[a-z]+:[^:]+:.+"), re.compile(r"slack:T[A-Z0-9]+:[CG][A-Z0-9]+")
GUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
TEAMS_PLACE = re.compile(rf"teams:{GUID.pattern}:.+")
Place = Annotated[str, AfterValidator(_is_place)]
"""A room, as channel:tenant:room."""
RoomMode = Annotated[Literal["off", "mention", "questions"], BeforeValidator(lambda mode: "off" if mode is False else mode)]
"""`off` without quotes is false in YAML, and means the same."""


def _is_gateway(url: str) -> str:
    """No value is told: a key or a password may stand in it."""
    url = url.strip().rstrip("/")
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port = None, None
    if host is None or parts.scheme not in ("https", "http") or port == 0 or re.search(r"[\s?#]|[^!-~]", url):
        raise ValueError("write https://, the host and perhaps a path")
    if "@" in parts.netloc:
        raise ValueError("write it without a name and a password: whoever asks has ANTHROPIC_API_KEY alone")
    if re.search(r"/v1(/messages)?$", parts.path):
        raise ValueError("write it without /v1, which Foyer adds itself")
    return url


def _is_key(key: SecretStr) -> SecretStr:
    given = key.get_secret_value().strip()
    if re.search(r"[^!-~]", given):
        raise ValueError("write the key alone, letters, digits and signs without blanks or line ends in it")
    return SecretStr(given)


def place(name: str) -> Address:
    """The room that a Place names."""
    channel, tenant, room = name.split(":", 2)
    return Address(channel, tenant, room)


class Organisation(BaseModel):
    """What `foyer.yaml` says; a home without one has the sandbox company's, which is shipped."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    locale: str = "en-US"
    """For rooms that several people read."""
    timezone: str = "UTC"
    audience: Mapping[str, tuple[str, ...]]
    """The vocabulary of audiences: attribute -> the values that it may have."""
    roles: Mapping[str, tuple[str, ...]]
    """Foyer's role (employee, staff, knowledge_admin, service_owner) -> directory groups whose members have it."""
    assignment_groups: tuple[str, ...] = Field(min_length=1)
    """Directory groups that own a queue; the first takes what has no other."""
    sensitive: Mapping[str, str]
    """Sensitive topic -> assignment group."""
    helplines: Mapping[str, str] = Field(default={})
    """Sensitive topic -> whom to call at any hour, told at once."""
    connectors: Mapping[str, Mapping[str, Any]]
    """A name of the operator's own -> settings, of which `use` names the connector's folder, the name itself where it is missing."""
    ports: Mapping[str, str] = Field(default={})
    """Port -> name of the connector that serves it; the first that can where nothing is said."""
    applications: Mapping[str, str] = Field(default={})
    """Application -> name of the connector that gives access to it, where several know it."""
    rooms: Mapping[Place, RoomMode] = Field(default={})
    """What the bot does in a room of several people, "mention" where nothing is said: off, mention (answers who mentions it, and
    goes on in that thread), questions (also answers questions that nobody addressed to it, if an article does)."""
    desks: Mapping[str, Place] = Field(default={})
    """Assignment group -> the room it works in; the web chat where nothing is said."""
    quiet_hours: QuietHours | None = None
    """When people are told only what they ask for, or what cannot wait."""
    model: ModelSettings = ModelSettings()
    """The language model: which, what it may cost, and what it must not see."""


VENDOR = "ANTHROPIC_"
"""Settings that are named as the vendor's own tools name them."""
SHIPPED = Path(__file__).with_name("foyer.yaml")
"""The sandbox company's, where a home has none of its own."""


def organisation_of(path: Path) -> Organisation:
    """Raises ConfigError, which names the file."""
    try:
        return Organisation.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")) or {})
    except ValidationError as error:
        raise ConfigError(f"{path}: {said(error)}{_WHOLE if _lacks_organisation(error) else ''}") from error
    except yaml.MarkedYAMLError as error:
        where = f", line {error.problem_mark.line + 1}, column {error.problem_mark.column + 1}" if error.problem_mark else ""
        raise ConfigError(f"{path}{where} is no YAML: {error.problem or error.context}") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} is no YAML: {error}") from error


_WHOLE = ". Start Foyer once with an empty folder as FOYER_HOME: it writes a whole foyer.yaml there. Edit that one, and add yours to it."


def _lacks_organisation(error: ValidationError) -> bool:
    return any(one["type"] == "missing" and len(one["loc"]) == 1 for one in error.errors(include_url=False))


def said(error: ValidationError, prefix: str = "") -> str:
    """What is wrong with which setting, without the library's own words about itself."""
    told = []
    for one in error.errors(include_url=False):
        named = ".".join(str(part) for part in one["loc"] if part != "[key]")
        where = named if named.startswith(VENDOR) else prefix + named
        told.append(sentence(where.upper() if prefix else where, one["type"], one["msg"]))
    return "; ".join(told)


_UNSET = BeforeValidator(lambda given: None if isinstance(given, str) and not given.strip() else given)
"""A variable that is there and blank says nothing."""


class Settings(BaseSettings):
    model_config = SettingsConfigDict(env_prefix="FOYER_", frozen=True, extra="ignore", hide_input_in_errors=True)

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
    sandbox_sign_in: Annotated[bool | None, _UNSET] = None
    """Choose who you are. None: where people are the sandbox's. Off anyway where others than this machine may reach it (`exposed`)."""
    rate_per_minute: int = 60
    """Messages a person may send in a minute."""
    turn_timeout: float = 30.0
    """Seconds a turn may think before the person is told and offered staff."""
    assumed_after_hours: float = 72.0
    """An unanswered "did this solve it?" counts as assumed after this."""
    recall_seconds: float = 10.0
    """How long a reply of staff can be taken back before the employee sees it."""
    slack_bot_token: SecretStr | None = None
    """xoxb-..., for one workspace."""
    slack_signing_secret: SecretStr | None = None
    """What Slack signs its requests to /slack/events with."""
    slack_app_token: SecretStr | None = None
    """xapp-...: Socket Mode, for an installation that Slack cannot reach."""
    slack_client_id: str | None = None
    slack_client_secret: SecretStr | None = None
    """For several workspaces: they install it by OAuth at /slack/install."""
    slack_teams: str = ""
    """The ids of those that may, separated by commas (T0123ABCD,T0456EFGH)."""
    slack_api_url: str = "https://slack.com/api/"
    slack_request_emoji: str = "ticket"
    """Reacting to a message with this makes a request of it."""
    teams_app_id: str | None = None
    """The bot's app registration in Microsoft Entra: the id that Teams sends to, at /api/messages."""
    teams_app_password: SecretStr | None = None
    """Its client secret; not with a managed identity."""
    teams_app_type: Literal["SingleTenant", "UserAssignedMSI", "MultiTenant"] = "SingleTenant"
    teams_tenant_id: str | None = None
    """The organisation's Entra tenant."""
    teams_tenants: str = ""
    """Tenants whose people may talk to the bot, separated by commas; FOYER_TEAMS_TENANT_ID alone when empty."""
    teams_local: bool = False
    """Take unsigned requests of this machine, for Microsoft's playground; refused where others may reach the server."""
    teams_openid_url: str = "https://login.botframework.com/v1/.well-known/openidconfiguration"
    """Names the keys that Teams signs its requests with."""
    teams_login_url: str = "https://login.microsoftonline.com"
    teams_graph_url: str = "https://graph.microsoft.com"
    anthropic_api_key: Annotated[Annotated[SecretStr, AfterValidator(_is_key)] | None, _UNSET] = Field(
        default=None, validation_alias=AliasChoices("ANTHROPIC_API_KEY", "anthropic_api_key")
    )
    """sk-ant-...: Claude understands and answers, the offline engine wherever it cannot. Without it, the offline engine alone."""
    anthropic_base_url: Annotated[Annotated[str, AfterValidator(_is_gateway)] | None, _UNSET] = Field(
        default=None, validation_alias=AliasChoices("ANTHROPIC_BASE_URL", "anthropic_base_url")
    )
    """Another address of the API, without /v1: a gateway's; Anthropic's own when None."""
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    organisation: Organisation = Field(default_factory=lambda: organisation_of(SHIPPED))

    @property
    def slack(self) -> bool:
        """Whether Slack is configured. Raises ConfigError when it is only in part."""
        if not any((self.slack_bot_token, self.slack_signing_secret, self.slack_app_token, self.slack_client_id)):
            return False
        if self.slack_client_id is not None and self.slack_client_secret is None:
            raise ConfigError("FOYER_SLACK_CLIENT_ID needs FOYER_SLACK_CLIENT_SECRET: both are under Basic Information in Slack.")
        if self.slack_client_id is not None and not self.slack_workspaces:
            raise ConfigError("FOYER_SLACK_CLIENT_ID needs FOYER_SLACK_TEAMS: the ids (T...) of the workspaces that may install Foyer.")
        if self.slack_bot_token is None and self.slack_client_id is None:
            raise ConfigError("Slack needs FOYER_SLACK_BOT_TOKEN (xoxb-...), or FOYER_SLACK_CLIENT_ID for several workspaces.")
        if self.slack_signing_secret is None and self.slack_app_token is None:
            raise ConfigError("Slack needs FOYER_SLACK_SIGNING_SECRET (HTTP), or FOYER_SLACK_APP_TOKEN (xapp-..., Socket Mode).")
        return True

    @property
    def slack_workspaces(self) -> frozenset[str]:
        return frozenset(filter(None, (team.strip() for team in self.slack_teams.split(","))))

    @property
    def slack_over_http(self) -> bool:
        """Whether Slack itself, no emulator on this machine, sends to this server or leads people to it."""
        sends = bool(self.slack_client_id) or (bool(self.slack_signing_secret) and not self.slack_app_token)
        return sends and not leads_here(self.slack_api_url)

    @property
    def teams(self) -> bool:
        """Whether Teams is configured. Raises ConfigError when it is only in part, or unsigned requests could come from elsewhere."""
        if self.teams_local:
            if not is_loopback(self.host) or (self.public_url and not leads_here(self.public_url)):
                open_by = f"FOYER_PUBLIC_URL is {self.public_url}" if is_loopback(self.host) else f"FOYER_HOST is {self.host}"
                raise ConfigError(f"FOYER_TEAMS_LOCAL takes unsigned requests, and others may reach this server: {open_by}.")
            if self.teams_app_id is not None or self.teams_app_password is not None:
                raise ConfigError("FOYER_TEAMS_LOCAL is for Microsoft's playground: without FOYER_TEAMS_APP_ID and _APP_PASSWORD.")
            return True
        if self.teams_app_id is None:
            if self.teams_app_password is not None or self.teams_tenant_id is not None:
                raise ConfigError("Teams needs FOYER_TEAMS_APP_ID: the Application (client) ID of the bot's app registration.")
            return False
        if self.teams_app_type != "UserAssignedMSI" and self.teams_app_password is None:
            raise ConfigError("Teams needs FOYER_TEAMS_APP_PASSWORD (a client secret), or FOYER_TEAMS_APP_TYPE=UserAssignedMSI.")
        if self.teams_tenant_id is None and not self.teams_organisations:
            raise ConfigError("Teams needs FOYER_TEAMS_TENANT_ID: the Directory (tenant) ID of your organisation.")
        tenants = [("FOYER_TEAMS_TENANTS", tenant) for tenant in self.teams_organisations]
        for name, given in (("FOYER_TEAMS_APP_ID", self.teams_app_id), ("FOYER_TEAMS_TENANT_ID", self.teams_tenant_id), *tenants):
            if given is not None and not GUID.fullmatch(given):
                raise ConfigError(f"{name} names {given!r}, and such an id is 36 letters and digits with hyphens, as Entra shows it.")
        if self.teams_tenant_id is None and self.teams_app_type != "MultiTenant":
            raise ConfigError(
                f"FOYER_TEAMS_APP_TYPE={self.teams_app_type} needs FOYER_TEAMS_TENANT_ID, the tenant of the app registration."
            )
        return True

    @property
    def teams_organisations(self) -> frozenset[str]:
        """The tenants whose people may talk to the bot."""
        named = frozenset(filter(None, (tenant.strip().lower() for tenant in self.teams_tenants.split(","))))
        return named or frozenset(filter(None, (self.teams_tenant_id and self.teams_tenant_id.lower(),)))

    @property
    def teams_over_http(self) -> bool:
        """Whether Teams itself, no playground on this machine, sends to this server."""
        return self.teams_app_id is not None and not self.teams_local and not leads_here(self.teams_openid_url)

    @property
    def exposed(self) -> str | None:
        """Why others than this machine may reach the server, perhaps through a proxy that does not say so; None when nothing says that."""
        if not is_loopback(self.host):
            return f"FOYER_HOST is {self.host}"
        if self.public_url and not leads_here(self.public_url):
            return f"FOYER_PUBLIC_URL is {self.public_url}"
        if self.slack_over_http:
            return "Slack sends to this server over HTTP"
        return "Teams sends to this server over HTTP" if self.teams_over_http else None

    @property
    def database(self) -> str:
        """An async SQLAlchemy URL."""
        if self.database_url is None:
            return f"sqlite+aiosqlite:///{self.home.resolve() / 'foyer.db'}"
        return "postgresql+psycopg://" + self.database_url.split("://", 1)[1]

    @property
    def base_url(self) -> str:
        return (self.public_url or f"http://{self.host}:{self.port}").rstrip("/")


def check_groups(organisation: Organisation, skills: Mapping[str, SkillSpec], roster: Roster) -> None:
    """Raises ConfigError when something is handed to a group that is no assignment group: nobody would ever see it."""
    named = {f"the skill {name}": spec.assignment_group for name, spec in skills.items()}
    named |= {f"the specialist {name}": one.assignment_group for name, one in roster.specialists.items()}
    named |= {f"the sensitive topic {topic}": group for topic, group in organisation.sensitive.items()}
    unknown = [repr(group) for group in organisation.desks if group not in organisation.assignment_groups]
    if unknown:
        groups = ", ".join(organisation.assignment_groups)
        raise ConfigError(f"foyer.yaml: desks names {', '.join(unknown)}, which is not in assignment_groups ({groups})")
    lacking = dict.fromkeys(group for group in named.values() if group not in organisation.assignment_groups)
    lost = [f"{group!r}, to which go: {', '.join(what for what, to in named.items() if to == group)}" for group in lacking]
    if lost:
        raise ConfigError(f"foyer.yaml: assignment_groups lacks {'; and '.join(lost)}")


def secret(home: Path, connector: str, setting: str, given: object) -> SecretStr | None:
    """A connector's secret, which never stands in foyer.yaml: there stands {env: NAME} or {file: PATH}, or nothing.

    Nothing means FOYER_<CONNECTOR>_<SETTING>, or the file that FOYER_<CONNECTOR>_<SETTING>_FILE names. None where nothing names one.
    Raises ConfigError, which shows no value.
    """
    where = f"foyer.yaml: connectors.{connector}.{setting}"
    usual = variable(connector, setting)
    match given:
        case None if usual in os.environ:
            return _told_secret(os.environ[usual], f"{where}: the variable {usual}")
        case None if f"{usual}_FILE" in os.environ:
            return _secret_file(home / os.environ[f"{usual}_FILE"], where)
        case None:
            return None
        case {"env": str() as name, **more} if not more and re.fullmatch(r"[A-Z_][A-Z0-9_]*", name):
            return _told_secret(os.environ.get(name), f"{where}: the variable {name}")
        case {"env": str(), **more} if not more:
            raise ConfigError(f"{where}: env is the name of a variable, in capital letters, digits and _, and never the secret itself")
        case {"file": str() as path, **more} if not more:
            return _secret_file(home / path, where)
    raise ConfigError(f"{where}: a secret never stands here; write {{env: NAME}} or {{file: PATH}}, or nothing and set {usual}")


def variable(connector: str, setting: str) -> str:
    """The variable of a connector's secret where foyer.yaml names none."""
    return re.sub(r"\W", "_", f"foyer_{connector}_{setting}").upper()


def _secret_file(path: Path, where: str) -> SecretStr:
    try:
        return _told_secret(path.read_text(encoding="utf-8"), f"{where}: the file {path}")
    except OSError as error:
        raise ConfigError(f"{where}: the file {path} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError:
        raise ConfigError(f"{where}: the file {path} is no text") from None


def _told_secret(found: str | None, what: str) -> SecretStr:
    """A line end at its end is the file's, not the secret's."""
    if found is None or not found.strip():
        raise ConfigError(f"{what} is {'not set' if found is None else 'empty'}")
    return SecretStr(found.rstrip("\r\n"))


def load(**overrides: Any) -> Settings:
    """Reads the environment, then `foyer.yaml` in the home it names. Raises ConfigError."""
    try:
        settings = Settings(**overrides)
        path = settings.home / "foyer.yaml"
        if path.exists():
            settings = settings.model_copy(update={"organisation": organisation_of(path)})
    except ValidationError as error:
        raise ConfigError(said(error, "FOYER_")) from error
    return settings
