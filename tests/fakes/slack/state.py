"""What there is in a Slack: teams, people, rooms, messages, views, files, tokens; and what the fake remembers of its dealings."""

import hashlib
from dataclasses import dataclass, field
from typing import Any, Literal

Json = dict[str, Any]
ChannelType = Literal["im", "channel", "group"]


class SlackError(Exception):
    """What Slack answers with `ok: false`. `recorded` False: the fault was ordered, so it is nobody's violation."""

    def __init__(self, error: str, why: str = "", *, status: int = 200, recorded: bool = True, **extra: Any) -> None:
        super().__init__(f"{error}: {why}")
        self.error, self.why, self.status, self.recorded, self.extra = error, why, status, recorded, extra


@dataclass(frozen=True, slots=True)
class Refusal:
    """A call that Slack would have refused, or that this project forbids itself (`unfurl`)."""

    method: str
    error: str
    why: str
    payload: Json


@dataclass(slots=True)
class Sent:
    """A delivery to the app. `kind` is the event's type or the interaction's. `status` 0: no answer came (`reason` says why)."""

    kind: str
    event_id: str
    payload: Json
    status: int = 0
    body: str = ""
    seconds: float = 0.0
    retry_num: int = 0
    reason: str = ""

    @property
    def acked(self) -> bool:
        return 200 <= self.status < 300


@dataclass(slots=True)
class Team:
    id: str
    name: str
    bot_user: str
    bot_id: str

    @property
    def domain(self) -> str:
        return self.name.lower().replace(" ", "-")


@dataclass(slots=True)
class Token:
    value: str
    team: str
    kind: Literal["bot", "app"]
    dead: str = ""
    """The error that it is answered with, when it is no longer good."""


@dataclass(slots=True)
class User:
    id: str
    name: str
    email: str
    team: str
    picture: str = ""
    stranger: bool = False
    restricted: bool = False
    ultra_restricted: bool = False
    bot: bool = False
    deleted: bool = False
    confirmed: bool = True

    @property
    def handle(self) -> str:
        return self.email.partition("@")[0] or self.name.lower().replace(" ", ".")

    def as_json(self, *, with_email: bool) -> Json:
        profile: Json = {"real_name": self.name, "display_name": self.name.partition(" ")[0], "team": self.team}
        profile |= {f"image_{size}": self.picture or f"https://avatars.example/{self.id}-{size}.png" for size in (24, 48, 72, 192, 512)}
        if with_email and self.email and not self.bot:
            profile["email"] = self.email
        user: Json = {
            "id": self.id, "team_id": self.team, "name": self.handle, "real_name": self.name, "deleted": self.deleted,
            "tz": "Europe/Prague", "profile": profile, "is_bot": self.bot, "is_app_user": False, "updated": 1,
        }  # fmt: skip
        if not self.deleted:
            user |= {"is_restricted": self.restricted, "is_ultra_restricted": self.ultra_restricted}
            user |= {"is_admin": False, "is_owner": False, "is_email_confirmed": self.confirmed}
        if self.stranger:
            user["is_stranger"] = True
        return user


@dataclass(slots=True)
class Room:
    id: str
    name: str
    team: str
    kind: ChannelType
    members: set[str]
    ext_shared: bool = False
    archived: bool = False
    user: str = ""
    """Whose direct chat it is."""


@dataclass(slots=True)
class FakeFile:
    """`redirect`: the download answers 302 to this address. `shared` are the rooms that it was posted in."""

    name: str
    content: bytes = b""
    mime: str = "application/octet-stream"
    id: str = ""
    user: str = ""
    title: str = ""
    redirect: str = ""
    shared: set[str] = field(default_factory=set)


@dataclass(slots=True)
class FakeMessage:
    """A message as it stands now. `tasks` are what a stream's chunks told of its plan."""

    ts: str
    channel: str
    text: str
    team: str
    user: str = ""
    bot_id: str = ""
    thread_ts: str | None = None
    blocks: list[Json] = field(default_factory=list)
    username: str = ""
    icon_url: str = ""
    metadata: Json | None = None
    edited: Json | None = None
    files: list[Json] = field(default_factory=list)
    streaming: bool = False
    deleted: bool = False
    only_for: str = ""
    attachments: list[Json] = field(default_factory=list)
    reactions: dict[str, list[str]] = field(default_factory=dict)
    tasks: dict[str, Json] = field(default_factory=dict)
    plan: str = ""
    subtype: str = ""
    streamed: bool = False

    @property
    def root(self) -> str:
        return self.thread_ts or self.ts

    def as_json(self, app_id: str, *, metadata: bool = False) -> Json:
        said: Json = {"type": "message", "user": self.user, "text": self.text, "ts": self.ts, "team": self.team}
        if self.bot_id:
            said |= {"bot_id": self.bot_id, "app_id": app_id}
        else:
            said["client_msg_id"] = client_msg_id(self.channel + self.ts)
        for name in ("thread_ts", "blocks", "username", "edited", "files", "attachments", "subtype"):
            if value := getattr(self, name):
                said[name] = value
        if self.reactions:
            said["reactions"] = [{"name": name, "users": users, "count": len(users)} for name, users in self.reactions.items()]
        if metadata and self.metadata:
            said["metadata"] = self.metadata
        return said


@dataclass(slots=True)
class View:
    id: str
    user: str
    team: str
    body: Json
    """As the app sent it, with block ids filled in."""
    hash: str
    root: str
    previous: str | None = None
    errors: dict[str, str] = field(default_factory=dict)

    def as_json(self, app_id: str, bot_id: str, values: Json | None = None) -> Json:
        told = {"private_metadata": "", "callback_id": "", "external_id": "", "clear_on_close": False, "notify_on_close": False}
        placed = {"id": self.id, "team_id": self.team, "hash": self.hash, "root_view_id": self.root, "previous_view_id": self.previous}
        whose = {"app_id": app_id, "app_installed_team_id": self.team, "bot_id": bot_id, "state": {"values": values or {}}}
        return {**told, **self.body, **placed, **whose}


@dataclass(slots=True)
class Trigger:
    user: str
    team: str
    at: float
    view: str | None = None
    used: bool = False


@dataclass(slots=True)
class Hook:
    """What stands behind a response_url."""

    room: str
    user: str
    at: float
    message: str | None = None
    thread: str | None = None
    uses: int = 0


def client_msg_id(seed: str) -> str:
    told = hashlib.md5(seed.encode()).hexdigest()
    return f"{told[:8]}-{told[8:12]}-{told[12:16]}-{told[16:20]}-{told[20:]}"
