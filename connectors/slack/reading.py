"""What stands on Slack: messages of a room or thread, the bot's own by their key, people and who they are.

All of it is bounded: a room has years of messages, and whatever is looked for here is young.
"""

import uuid
from collections import Counter, OrderedDict, deque
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

import structlog

from connectors.errors import ConnectorError, Refused
from connectors.ports.chat import Heard, Profile, Standing
from connectors.ports.people import ExternalId
from connectors.slack.clients import Clients, Me
from connectors.slack.plain import plain
from connectors.slack.translate import CHANNEL, file_refs, time_of

log = structlog.get_logger()
EVENT_TYPE = "foyer_reply"
"""Of the metadata that every message of the bot carries."""
PAGE = 200
PAGES = 10
"""Of PAGE messages each: further nothing is read."""
SLACK_IS_LATE = 300.0
"""Seconds by which Slack's clock may be behind ours."""
PROFILE_LIFE = 300.0
"""Seconds that a profile is believed."""
PROFILES = 5_000
UNKNOWN_USER = frozenset({"user_not_found", "users_not_found", "user_not_visible"})
NO_MESSAGE = frozenset({"thread_not_found", "message_not_found", "channel_not_found", "not_in_channel", "no_permission"})
SPOKEN = frozenset({None, "file_share", "thread_broadcast", "me_message"})
"""The subtypes of what people say themselves."""

Message = Mapping[str, Any]


class Reading:
    """`clock` is monotonic, in seconds."""

    def __init__(self, clients: Clients, clock: Callable[[], float]) -> None:
        self._clients = clients
        self._clock = clock
        self._profiles: OrderedDict[tuple[str, str], tuple[float, Profile]] = OrderedDict()
        self._outsiders: OrderedDict[tuple[str, str], tuple[float, bool]] = OrderedDict()

    async def messages(
        self, tenant: str, channel: str, thread: str | None, *, since: str | None = None, before: str | None = None
    ) -> AsyncIterator[Message]:
        """A thread, oldest first; a room, newest first. `since` and `before` are timestamps."""
        asked: dict[str, Any] = {"channel": channel, "oldest": since, "latest": before, "limit": PAGE, "include_all_metadata": True}
        method = "conversations.history" if thread is None else "conversations.replies"
        for _ in range(PAGES):
            page = await self._clients.call(tenant, method, **asked, ts=thread)
            for message in page["messages"]:
                yield message
            asked["cursor"] = (page.get("response_metadata") or {}).get("next_cursor") or None
            if asked["cursor"] is None:
                return

    async def posted(self, tenant: str, channel: str, thread: str | None, key: str, since: datetime | None = None) -> dict[str, Message]:
        """The bot's messages under this key, by the keys of their parts. Outside a thread, also those in the thread of the first.

        `since`: when the key was made, where it does not tell itself.
        """
        me, oldest = await self._clients.me(tenant), _since(key) if since is None else _before(since.timestamp())
        found: dict[str, Message] = {}
        async for message in self.messages(tenant, channel, thread, since=oldest):
            part = key_of(message, me)
            if part == key or part.startswith(key + "#"):
                found[part] = message
        if thread is None and parts_of(found.get(key)) > 1:
            found |= await self.posted(tenant, channel, found[key]["ts"], key)
        return found

    async def files_after(self, tenant: str, channel: str, thread: str, ts: str) -> Counter[str]:
        """The names of the bot's files in this thread below a message."""
        me, names = await self._clients.me(tenant), Counter[str]()
        async for message in self.messages(tenant, channel, thread, since=ts):
            if message["ts"] > ts and is_mine(message, me):
                names.update(str(file.get("name")) for file in message.get("files") or ())
        return names

    async def is_active(self, tenant: str, channel: str, thread: str) -> bool:
        """Whether anybody has answered in this thread."""
        try:
            page = await self._clients.call(tenant, "conversations.replies", channel=channel, ts=thread, limit=2)
        except Refused as refused:
            if refused.code not in NO_MESSAGE:
                raise
            return False
        return any(message["ts"] != thread for message in page["messages"])

    async def heard(self, tenant: str, channel: str, thread: str | None, ts: str) -> Heard | None:
        for root in dict.fromkeys((thread or ts, ts)):
            asked = {"channel": channel, "ts": root, "oldest": ts, "latest": ts, "inclusive": True, "limit": 10}
            try:
                page = await self._clients.call(tenant, "conversations.replies", **asked)
            except Refused as refused:
                if refused.code not in NO_MESSAGE:
                    raise
                continue
            for message in page["messages"]:
                if message["ts"] == ts and message.get("subtype") != "tombstone":
                    return await self._heard(tenant, channel, message)
        return None

    async def history(self, tenant: str, channel: str, thread: str, before: str, limit: int) -> Sequence[Heard]:
        said: deque[Message] = deque(maxlen=limit)
        async for message in self.messages(tenant, channel, thread, before=before):
            if message["ts"] < before and "bot_id" not in message and message.get("subtype") in SPOKEN and message.get("user"):
                said.append(message)
        return [await self._heard(tenant, channel, message) for message in said]

    async def has_outsiders(self, tenant: str, room: str) -> bool:
        """Whether the room is shared with another workspace; yes while Slack does not say."""
        seen = self._outsiders.get((tenant, room))
        if seen is not None and self._clock() - seen[0] < PROFILE_LIFE:
            return seen[1]
        try:
            answer = await self._clients.call(tenant, "conversations.info", channel=room)
        except ConnectorError as error:
            log.warning("slack_room_unknown", team=tenant, room=room, code=error.code)
            return True
        shared = any(answer["channel"].get(name) for name in ("is_ext_shared", "is_pending_ext_shared"))
        self._outsiders[tenant, room] = (self._clock(), shared)
        if len(self._outsiders) > PROFILES:
            self._outsiders.popitem(last=False)
        return shared

    async def profile(self, tenant: str, user: str) -> Profile | None:
        seen = self._profiles.get((tenant, user))
        if seen is not None and self._clock() - seen[0] < PROFILE_LIFE:
            return seen[1]
        try:
            answer = await self._clients.call(tenant, "users.info", user=user)
        except Refused as refused:
            if refused.code in UNKNOWN_USER:
                return None
            raise
        profile = profile_of(tenant, answer["user"])
        self._profiles[tenant, user] = (self._clock(), profile)
        self._profiles.move_to_end((tenant, user))
        if len(self._profiles) > PROFILES:
            self._profiles.popitem(last=False)
        return profile

    async def lookup(self, email: str) -> ExternalId | None:
        for tenant in await self._clients.tenants():
            try:
                answer = await self._clients.call(tenant, "users.lookupByEmail", email=email)
            except Refused:  # nobody, or the right to ask is missing: either way Slack does not tell
                continue
            profile = profile_of(tenant, answer["user"])
            if profile.email is not None and profile.email.lower() == email.lower():
                return ExternalId(CHANNEL, tenant, profile.external_id)
        return None

    async def _heard(self, tenant: str, channel: str, message: Message) -> Heard:
        ts, user = str(message["ts"]), message.get("user")
        human = user is not None and "bot_id" not in message
        profile = await self.profile(tenant, user) if human and user else None
        me = await self._clients.me(tenant)
        return Heard(
            message_id=f"{channel}:{ts}",
            author=ExternalId(CHANNEL, tenant, user) if human and user else None,
            author_name=profile.name if profile is not None else str(message.get("username") or user or ""),
            text=plain(str(message.get("text") or ""), me=me.user),
            at=time_of(ts),
            thread=str(message.get("thread_ts") or ts),
            files=file_refs(message),
        )


def key_of(message: Message, me: Me) -> str:
    """The key under which the bot posted a message; "" for everybody else's."""
    metadata = message.get("metadata") or {}
    if metadata.get("event_type") != EVENT_TYPE or not is_mine(message, me):
        return ""
    return str((metadata.get("event_payload") or {}).get("key") or "")


def parts_of(message: Message | None) -> int:
    """Of how many messages and files the reply consists that this is the first message of."""
    payload = ((message or {}).get("metadata") or {}).get("event_payload") or {}
    return int(payload.get("parts") or 1)


def is_mine(message: Message, me: Me) -> bool:
    return message.get("user") == me.user or (bool(me.bot) and message.get("bot_id") == me.bot)


def profile_of(tenant: str, user: Message) -> Profile:
    """Of a user as Slack describes them. An address counts only when a member of this workspace has confirmed it."""
    details = user.get("profile") or {}
    standing = _standing(tenant, user)
    confirmed = standing == "member" and user.get("is_email_confirmed") is True
    return Profile(
        external_id=str(user["id"]),
        name=str(details.get("real_name") or user.get("real_name") or details.get("display_name") or user.get("name") or user["id"]),
        standing=standing,
        email=(details.get("email") or None) if confirmed else None,
        picture=details.get("image_192") or details.get("image_72"),
    )


def _standing(tenant: str, user: Message) -> Standing:
    if user.get("deleted"):
        return "gone"
    if user.get("is_bot") or user.get("is_workflow_bot") or user["id"] == "USLACKBOT":
        return "bot"
    teams = {user.get("team_id"), *((user.get("enterprise_user") or {}).get("teams") or ())}
    if user.get("is_stranger") or tenant not in teams:
        return "stranger"
    return "guest" if user.get("is_restricted") or user.get("is_ultra_restricted") else "member"


def _since(key: str) -> str | None:
    """Keys of the outbox are UUIDv7: nothing was posted under one before it was made."""
    try:
        made = uuid.UUID(key)
    except ValueError:
        return None
    return _before((made.int >> 80) / 1000) if made.version == 7 else None


def _before(seconds: float) -> str:
    return f"{seconds - SLACK_IS_LATE:.6f}"
