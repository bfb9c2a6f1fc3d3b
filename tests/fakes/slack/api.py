"""The Web API's methods: who may call them, and those about people, rooms and the app itself."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.fakes.slack.state import FakeMessage, Json, Room, SlackError, Token
from tests.fakes.slack.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Call:
    """One call of a method. `team` is the workspace of its token."""

    method: str
    args: Json
    token: Token
    basic: tuple[str, str] | None = None

    @property
    def team(self) -> str:
        return self.token.team

    def need(self, name: str, error: str = "invalid_arguments") -> str:
        value = self.args.get(name)
        if not isinstance(value, str) or not value:
            raise SlackError(error, f"{name} is required")
        return value

    def flag(self, name: str) -> bool:
        return self.args.get(name) in (True, "1", "true", "True", 1)


Handler = Callable[[Workspace, Call], Json]


@dataclass(frozen=True, slots=True)
class Method:
    handler: Handler
    scopes: tuple[str, ...]
    """Any one of these is enough; none needed when empty."""
    kind: str
    """The token that it wants: bot, app, or none."""
    json: bool
    """Whether arguments may come as JSON; else they are not seen."""


METHODS: dict[str, Method] = {}


def method(name: str, *scopes: str, kind: str = "bot", json: bool = True) -> Callable[[Handler], Handler]:
    def register(handler: Handler) -> Handler:
        METHODS[name] = Method(handler, scopes, kind, json)
        return handler

    return register


def need_scope(s: Workspace, *anyone: str) -> None:
    if anyone and not s.scopes.intersection(anyone):
        raise SlackError("missing_scope", f"needs {anyone[0]}", needed=anyone[0], provided=",".join(sorted(s.scopes)))


def the_room(s: Workspace, call: Call, name: str = "channel", *, people: bool = False, inside: bool = True) -> Room:
    """The room that a call names. `people`: a person's id stands for their direct chat, as chat.postMessage has it."""
    id = call.need(name, "channel_not_found" if name == "channel" else "invalid_arguments")
    if people and id in s.users and not s.users[id].bot:
        if s.users[id].deleted:
            raise SlackError("account_inactive", id)
        if s.dm(id).team != call.team:
            raise SlackError("channel_not_found", id)
        return s.dm(id)
    room = s.rooms.get(id)
    team = s.teams[call.team]
    if room is None or room.team != call.team or (room.kind in ("im", "group") and team.bot_user not in room.members):
        raise SlackError("channel_not_found", id)
    if inside and team.bot_user not in room.members:
        raise SlackError("not_in_channel", id)
    return room


def reading(room: Room, what: str) -> str:
    return {"im": "im", "channel": "channels", "group": "groups"}[room.kind] + ":" + what


@method("auth.test")
def auth_test(s: Workspace, call: Call) -> Json:
    team = s.teams[call.team]
    return {
        "url": f"https://{team.domain}.slack.com/", "team": team.name, "team_id": team.id, "user": "foyer", "user_id": team.bot_user,
        "bot_id": team.bot_id, "is_enterprise_install": False,
    }  # fmt: skip


@method("team.info", "team:read")
def team_info(s: Workspace, call: Call) -> Json:
    team = s.teams[call.team]
    return {"team": {"id": team.id, "name": team.name, "domain": team.domain, "email_domain": "", "icon": {}}}


@method("users.info", "users:read", json=False)
def users_info(s: Workspace, call: Call) -> Json:
    user = s.users.get(call.need("user", "user_not_found"))
    if user is None:
        raise SlackError("user_not_found", str(call.args.get("user")))
    return {"user": _person(s, user.id)}


@method("users.lookupByEmail", "users:read.email", json=False)
def users_lookup(s: Workspace, call: Call) -> Json:
    email = call.need("email", "users_not_found").lower()
    for user in s.users.values():
        if user.email.lower() == email and user.team == call.team and not (user.deleted or user.bot or user.stranger):
            return {"user": _person(s, user.id)}
    raise SlackError("users_not_found", email, recorded=False)


@method("users.list", "users:read", json=False)
def users_list(s: Workspace, call: Call) -> Json:
    everybody = [_person(s, user.id) for user in s.users.values() if user.team == call.team]
    return _page(call, everybody, "members")


def _person(s: Workspace, user: str) -> Json:
    return s.users[user].as_json(with_email="users:read.email" in s.scopes)


@method("conversations.open", "im:write", "mpim:write")
def conversations_open(s: Workspace, call: Call) -> Json:
    if call.args.get("channel"):
        return {"channel": {"id": the_room(s, call).id}, "no_op": True, "already_open": True}
    users = call.need("users", "users_list_not_supplied").split(",")
    if len(users) > 1:
        raise SlackError("missing_scope", "mpim:write", needed="mpim:write")
    person = s.users.get(users[0])
    if person is None:
        raise SlackError("user_not_found", users[0])
    if person.deleted:
        raise SlackError("user_disabled", users[0])
    if person.bot:
        raise SlackError("cannot_dm_bot", users[0])
    known = "D" + users[0][1:] in s.rooms
    return {"channel": {"id": s.dm(users[0]).id}, "no_op": known, "already_open": known}


@method("conversations.info", "channels:read", "groups:read", "im:read", json=False)
def conversations_info(s: Workspace, call: Call) -> Json:
    room = the_room(s, call, inside=False)
    need_scope(s, reading(room, "read"))
    told: Json = {
        "id": room.id, "created": 1, "is_im": room.kind == "im", "is_archived": room.archived, "is_ext_shared": room.ext_shared,
        "is_org_shared": False, "context_team_id": room.team,
    }  # fmt: skip
    if room.kind == "im":
        return {"channel": {**told, "user": room.user, "is_open": True}}
    private = room.kind == "group"
    named: Json = {"name": room.name, "name_normalized": room.name, "is_channel": not private, "is_group": private, "is_mpim": False}
    inside = s.teams[room.team].bot_user in room.members
    return {"channel": {**told, **named, "is_private": private, "is_member": inside, "num_members": len(room.members)}}


@method("conversations.members", "channels:read", "groups:read", "im:read", json=False)
def conversations_members(s: Workspace, call: Call) -> Json:
    room = the_room(s, call, inside=False)
    need_scope(s, reading(room, "read"))
    return _page(call, sorted(room.members), "members")


@method("conversations.list", "channels:read", "groups:read", "im:read", json=False)
def conversations_list(s: Workspace, call: Call) -> Json:
    kinds = str(call.args.get("types") or "public_channel").split(",")
    wanted = {"public_channel": "channel", "private_channel": "group", "im": "im"}
    rooms = [r for r in s.rooms.values() if r.team == call.team and r.kind in {wanted[kind] for kind in kinds if kind in wanted}]
    bot = s.teams[call.team].bot_user
    told = [{"id": r.id, "name": r.name, "is_archived": r.archived, "is_member": bot in r.members} for r in rooms]
    return _page(call, told, "channels")


@method("conversations.history", "channels:history", "groups:history", "im:history", json=False)
def conversations_history(s: Workspace, call: Call) -> Json:
    room = the_room(s, call)
    need_scope(s, reading(room, "history"))
    messages = [m for m in s.said.get(room.id, {}).values() if not m.deleted and m.root == m.ts and _within(call, m.ts)]
    return _page(call, [_shown(s, call, m) for m in reversed(messages)], "messages")


@method("conversations.replies", "channels:history", "groups:history", "im:history", json=False)
def conversations_replies(s: Workspace, call: Call) -> Json:
    room = the_room(s, call)
    need_scope(s, reading(room, "history"))
    ts = call.need("ts", "thread_not_found")
    messages = s.in_thread(room.id, ts) or ([reply] if (reply := s.get(room.id, ts)) else [])
    if not messages:
        raise SlackError("thread_not_found", ts, recorded=False)
    return _page(call, [_shown(s, call, m) for m in messages if m.ts == ts or _within(call, m.ts)], "messages")


def _within(call: Call, ts: str) -> bool:
    oldest, latest = str(call.args.get("oldest") or "0"), str(call.args.get("latest") or "9999999999.999999")
    if call.flag("inclusive"):
        return float(oldest) <= float(ts) <= float(latest)
    return float(oldest) < float(ts) < float(latest)


def _shown(s: Workspace, call: Call, message: FakeMessage) -> Json:
    told = message.as_json(s.app_id, metadata=call.flag("include_all_metadata"))
    replies = s.in_thread(message.channel, message.ts)[1:] if message.root == message.ts else []
    if replies:
        told |= {"thread_ts": message.ts, "reply_count": len(replies), "latest_reply": replies[-1].ts}
    return told


def _page(call: Call, items: list[Any], name: str) -> Json:
    try:
        limit, start = int(call.args.get("limit") or 100), int(call.args.get("cursor") or 0)
    except ValueError:
        raise SlackError("invalid_cursor", str(call.args.get("cursor"))) from None
    if not 1 <= limit <= 1000:
        raise SlackError("invalid_limit", str(limit))
    more = start + limit < len(items)
    return {name: items[start : start + limit], "has_more": more, "response_metadata": {"next_cursor": str(start + limit) if more else ""}}


@method("reactions.add", "reactions:write")
def reactions_add(s: Workspace, call: Call) -> Json:
    room = the_room(s, call)
    message = s.get(room.id, call.need("timestamp", "message_not_found"))
    if message is None:
        raise SlackError("message_not_found", str(call.args["timestamp"]))
    name = call.need("name", "invalid_name")
    if ":" in name:
        raise SlackError("invalid_name", name)
    users = message.reactions.setdefault(name, [])
    bot = s.teams[call.team].bot_user
    if bot in users:
        raise SlackError("already_reacted", name)
    users.append(bot)
    return {}


@method("oauth.v2.access", kind="none")
def oauth_access(s: Workspace, call: Call) -> Json:
    given = call.basic or (str(call.args.get("client_id")), str(call.args.get("client_secret")))
    if given[0] != s.client_id:
        raise SlackError("invalid_client_id", given[0])
    if given[1] != s.client_secret:
        raise SlackError("bad_client_secret")
    if call.args.get("grant_type") == "refresh_token":
        id = s.refreshes.pop(call.need("refresh_token", "invalid_refresh_token"), None)
        if id is None:
            raise SlackError("invalid_refresh_token")
    else:
        id = s.codes.pop(call.need("code", "invalid_code"), None)
        if id is None:
            raise SlackError("invalid_code", "unknown, or used already")
    team = s.teams[id]
    token = Token(s.new_id(f"xoxb-{team.id}-"), team.id, "bot")
    s.tokens[token.value] = token
    told: Json = {
        "app_id": s.app_id, "authed_user": {"id": next((u.id for u in s.users.values() if u.team == id and not u.bot), "U0ADMIN")},
        "scope": ",".join(sorted(s.scopes)), "token_type": "bot", "access_token": token.value, "bot_user_id": team.bot_user,
        "team": {"id": team.id, "name": team.name}, "enterprise": None, "is_enterprise_install": False,
    }  # fmt: skip
    if s.rotate_tokens:
        told |= {"refresh_token": s.new_id("xoxe-1-"), "expires_in": 43_200}
        s.refreshes[told["refresh_token"]] = id
        for old in s.tokens.values():
            if old.team == id and old.kind == "bot" and old is not token:
                old.dead = "token_expired"
    return told


@method("apps.connections.open", kind="app")
def connections_open(s: Workspace, call: Call) -> Json:
    return {"url": s.base.replace("http", "ws", 1) + f"/link/?ticket={s.new_id('ticket-')}"}
