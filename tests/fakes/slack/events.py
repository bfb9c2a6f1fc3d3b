"""The envelopes that Slack wraps around what happened, and its signature. Pure: times and ids are passed in."""

import hashlib
import hmac
from collections.abc import Mapping
from typing import Any

from tests.fakes.slack.state import FakeMessage, Json, Room, Team, User

INTERACTIONS = frozenset(("block_actions", "view_submission", "view_closed", "message_action", "shortcut", "block_suggestion"))


def signature(secret: str, timestamp: str, body: bytes) -> str:
    return "v0=" + hmac.new(secret.encode(), b"v0:" + timestamp.encode() + b":" + body, hashlib.sha256).hexdigest()


def envelope(event: Json, *, event_id: str, at: float, team: Team, app_id: str, token: str, shared: bool = False) -> Json:
    return {
        "token": token,
        "team_id": team.id,
        "context_team_id": team.id,
        "context_enterprise_id": None,
        "api_app_id": app_id,
        "event": event,
        "type": "event_callback",
        "event_id": event_id,
        "event_time": int(at),
        "authorizations": [
            {"enterprise_id": None, "team_id": team.id, "user_id": team.bot_user, "is_bot": True, "is_enterprise_install": False}
        ],
        "is_ext_shared_channel": shared,
        "event_context": f"4-{event_id}",
    }


def subscription(event: Mapping[str, Any]) -> str:
    """What an app must subscribe to in order to be sent this event."""
    if event["type"] != "message":
        return str(event["type"])
    return {"im": "message.im", "channel": "message.channels", "group": "message.groups"}[event["channel_type"]]


def rich_text(text: str) -> list[Json]:
    """What Slack's own editor makes of what a person types."""
    section = {"type": "rich_text_section", "elements": [{"type": "text", "text": text}]}
    return [{"type": "rich_text", "block_id": "rt", "elements": [section]}] if text else []


def said(message: FakeMessage, room: Room, app_id: str) -> Json:
    event = {**message.as_json(app_id), "channel": room.id, "event_ts": message.ts, "channel_type": room.kind}
    if message.files and not message.bot_id:
        event |= {"subtype": "file_share", "upload": False, "display_as_bot": False}
    return event


def mentioned(message: FakeMessage, room: Room, app_id: str) -> Json:
    """Slack leaves the files, the subtype and the channel's type out of it."""
    whole = message.as_json(app_id)
    kept = {name: value for name, value in whole.items() if name not in ("files", "subtype")}
    return {**kept, "type": "app_mention", "channel": room.id, "event_ts": message.ts}


def changed(message: Json, before: Json, room: Room, ts: str) -> Json:
    return {
        "type": "message", "subtype": "message_changed", "message": message, "previous_message": before, "channel": room.id,
        "hidden": True, "ts": ts, "event_ts": ts, "channel_type": room.kind,
    }  # fmt: skip


def gone(before: Json, room: Room, ts: str) -> Json:
    return {
        "type": "message", "subtype": "message_deleted", "previous_message": before, "channel": room.id, "hidden": True,
        "deleted_ts": before["ts"], "ts": ts, "event_ts": ts, "channel_type": room.kind,
    }  # fmt: skip


def interaction(kind: str, *, user: User, team: Team, app_id: str, token: str, trigger_id: str | None = None) -> Json:
    """What all interactions begin with."""
    told: Json = {
        "type": kind,
        "user": {"id": user.id, "username": user.handle, "name": user.handle, "team_id": user.team},
        "api_app_id": app_id,
        "token": token,
        "team": {"id": team.id, "domain": team.domain},
        "enterprise": None,
        "is_enterprise_install": False,
    }
    return told if trigger_id is None else {**told, "trigger_id": trigger_id}
