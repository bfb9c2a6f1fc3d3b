"""What the fake Slack knows: teams, people, rooms, messages, views, files, tokens. Nothing here talks to anybody."""

import hashlib
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count
from typing import Any, Literal

Json = dict[str, Any]
ChannelType = Literal["im", "channel", "group"]

BOT_SCOPES = frozenset((
    "assistant:write", "app_mentions:read", "chat:write", "chat:write.customize", "commands", "channels:history", "channels:read",
    "groups:history", "groups:read", "im:history", "im:read", "im:write", "mpim:history", "reactions:read", "reactions:write",
    "files:read", "files:write", "links:read", "links:write", "users:read", "users:read.email", "team:read",
))  # fmt: skip
SUBSCRIPTIONS = frozenset((
    "app_home_opened", "app_context_changed", "agent_session_stopped", "agent_session_title_changed", "app_mention", "message.im",
    "message.channels", "message.groups", "message.mpim", "reaction_added", "reaction_removed", "file_shared", "link_shared",
    "member_joined_channel", "app_uninstalled", "tokens_revoked",
))  # fmt: skip


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


class Workspace:
    """Everything that was said and shown. Times are the fake's own clock: `advance` moves it on."""

    team = "T0ACME"
    bot_user = "U0FOYER"
    bot_id = "B0FOYER"
    app_id = "A0FOYER"
    bot_token = "xoxb-acme-0-foyer"
    app_token = "xapp-1-A0FOYER-0-foyer"
    signing_secret = "8f742231b10e8888abcd99yyyzzz85a5"
    verification_token = "verification-token"
    client_id = "111.222"
    client_secret = "the-client-secret"

    def __init__(self) -> None:
        self.base = ""
        self.scopes: set[str] = set(BOT_SCOPES)
        self.subscriptions: set[str] = set(SUBSCRIPTIONS)
        self.pace = False
        self.echo = True
        """Tell the app of its own messages and edits too, as Slack does."""
        self.rotate_tokens = False
        self.refusals: list[Refusal] = []
        self.deliveries: list[Sent] = []
        self.calls: list[tuple[str, Json]] = []
        self.statuses: list[Json] = []
        self.teams = {self.team: Team(self.team, "Acme", self.bot_user, self.bot_id)}
        self.tokens = {
            self.bot_token: Token(self.bot_token, self.team, "bot"),
            self.app_token: Token(self.app_token, self.team, "app"),
        }
        self.codes: dict[str, str] = {}
        self.refreshes: dict[str, str] = {}
        self.users: dict[str, User] = {}
        self.rooms: dict[str, Room] = {}
        self.files: dict[str, FakeFile] = {}
        self.said: dict[str, dict[str, FakeMessage]] = {}
        self.threads: dict[tuple[str, str], list[str]] = {}
        self.ephemerals: dict[str, list[FakeMessage]] = {}
        self.homes: dict[str, View] = {}
        self.views: dict[str, View] = {}
        self.open_views: dict[str, list[str]] = {}
        self.suggested: dict[str, Json] = {}
        self.sessions: dict[tuple[str, str], Json] = {}
        self.triggers: dict[str, Trigger] = {}
        self.hooks: dict[str, Hook] = {}
        self.uploads: dict[str, tuple[FakeFile, int]] = {}
        self.noticed: list[tuple[Json, Room]] = []
        """Events that the app's own calls caused, not sent yet."""
        self._offset = 0.0
        self._last_us = 0
        self._last_post: dict[str, float] = {}
        self._numbers = count(1)
        self.users[self.bot_user] = User(self.bot_user, "Foyer", "", self.team, bot=True)

    def clock(self) -> float:
        """Seconds since 1970."""
        return time.time() + self._offset

    def advance(self, seconds: float) -> None:
        self._offset += seconds

    def new_ts(self) -> str:
        self._last_us = max(self._last_us + 1, int(self.clock() * 1e6))
        return f"{self._last_us // 1_000_000}.{self._last_us % 1_000_000:06d}"

    def new_id(self, prefix: str) -> str:
        return f"{prefix}{next(self._numbers):08X}"

    def add_team(self, id: str, name: str) -> Team:
        """Another workspace; the app is installed there by OAuth (`grant`)."""
        team = Team(id, name, f"U{id[1:]}BOT", f"B{id[1:]}BOT")
        self.teams[id] = team
        self.users[team.bot_user] = User(team.bot_user, "Foyer", "", id, bot=True)
        return team

    def grant(self, team: str | None = None) -> str:
        """Somebody allows the app in a workspace: the code that oauth.v2.access exchanges, once."""
        code = self.new_id("code.")
        self.codes[code] = team or self.team
        return code

    def add_user(
        self, id: str, name: str, email: str = "", *, picture: str = "", stranger: bool = False, restricted: bool = False,
        ultra_restricted: bool = False, bot: bool = False, deleted: bool = False, confirmed: bool = True, team: str | None = None,
    ) -> User:  # fmt: skip
        self.users[id] = User(
            id, name, email, team or (self.team if not stranger else "T0ELSE"), picture, stranger, restricted, ultra_restricted, bot,
            deleted, confirmed,
        )  # fmt: skip
        return self.users[id]

    def add_room(
        self, id: str, name: str, members: Iterator[str] | tuple[str, ...] | list[str] | set[str] = (), *,
        ext_shared: bool = False, archived: bool = False, private: bool = False, bot: bool = True, team: str | None = None,
    ) -> Room:  # fmt: skip
        """`bot` False: the app was not invited."""
        home = self.teams[team or self.team]
        inside = set(members) | ({home.bot_user} if bot else set())
        self.rooms[id] = Room(id, name, home.id, "group" if private or id.startswith("G") else "channel", inside, ext_shared, archived)
        return self.rooms[id]

    def dm(self, user: str) -> Room:
        """The direct chat of this person with the app."""
        person = self.users[user]
        id = "D" + user[1:]
        if id not in self.rooms:
            home = self.teams.get(person.team) or self.teams[self.team]
            self.rooms[id] = Room(id, "directmessage", home.id, "im", {user, home.bot_user}, user=user)
        return self.rooms[id]

    def room(self, room: str | None, user: str = "") -> Room:
        """Where somebody acts: a room's id, a person's id (their direct chat), or None for their own."""
        id = room or user
        return self.dm(id) if id in self.users else self.rooms[id]

    def put(self, message: FakeMessage) -> FakeMessage:
        self.said.setdefault(message.channel, {})[message.ts] = message
        self.threads.setdefault((message.channel, message.root), []).append(message.ts)
        return message

    def get(self, channel: str, ts: str) -> FakeMessage | None:
        message = self.said.get(channel, {}).get(ts)
        return None if message is None or message.deleted else message

    def in_thread(self, channel: str, root: str) -> list[FakeMessage]:
        return [m for ts in self.threads.get((channel, root), ()) if (m := self.get(channel, ts))]

    def new_trigger(self, user: str, team: str, *, view: str | None = None, age: float = 0) -> str:
        id = f"{next(self._numbers)}.{team}.trigger"
        self.triggers[id] = Trigger(user, team, self.clock() - age, view)
        return id

    def new_hook(self, room: Room, user: str, *, message: str | None = None, thread: str | None = None) -> str:
        id = f"{room.team}/{next(self._numbers)}/hook"
        self.hooks[id] = Hook(room.id, user, self.clock(), message, thread)
        return f"{self.base}/actions/{id}"

    def violation(self, method: str, error: str, why: str, payload: Json) -> None:
        self.refusals.append(Refusal(method, error, why, payload))

    def notice(self, event: Json, room: Room) -> None:
        if self.echo:
            self.noticed.append((event, room))

    def too_fast(self, channel: str) -> bool:
        """More than one message a second in this channel; the message counts only if it is let through."""
        now = self.clock()
        if self.pace and now - self._last_post.get(channel, -1e9) < 1:
            return True
        self._last_post[channel] = now
        return False

    def file_json(self, file: FakeFile) -> Json:
        at = f"{self.base}/files-pri/{self.team}-{file.id}"
        return {
            "id": file.id, "created": int(self.clock()), "name": file.name, "title": file.title or file.name, "mimetype": file.mime,
            "filetype": file.name.rpartition(".")[2], "user": file.user, "size": len(file.content), "mode": "hosted", "is_external": False,
            "is_public": False, "url_private": f"{at}/{file.name}", "url_private_download": f"{at}/download/{file.name}",
            "permalink": f"https://acme.slack.com/files/{file.user}/{file.id}/{file.name}",
        }  # fmt: skip
