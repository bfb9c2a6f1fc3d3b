"""Everything that was said and shown in the fake Slack. Nothing here talks to anybody."""

import time
from collections.abc import Iterable
from itertools import count

from tests.fakes.slack.state import FakeFile, FakeMessage, Hook, Json, Refusal, Room, Sent, Team, Token, Trigger, User, View

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


class Workspace:
    """Times are the fake's own clock: `advance` moves it on."""

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
        self, id: str, name: str, members: Iterable[str] = (), *,
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
